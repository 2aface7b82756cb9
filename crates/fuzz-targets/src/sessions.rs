//! Deadlines and owners, driven by bytes and compared with the model of their own tests.

#[path = "../../session/tests/support/model.rs"]
mod model;

use crate::bytes::Script;
use model::Step;

/// Each three bytes are one command for the leader's view of sessions.
pub fn session_commands(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let mut steps = Vec::new();
    while let Some(command) = script.byte() {
        let id = script.byte().unwrap_or(0);
        let argument = script.byte().unwrap_or(0);
        steps.push(step(command, i64::from(id % 6) + 1, argument));
    }
    if let Err(difference) = model::run(&steps) {
        panic!("{difference}");
    }
}

fn step(command: u8, id: i64, argument: u8) -> Step {
    let server = u64::from(argument % 3) + 1;
    match command % 16 {
        0..=2 => Step::Advance(u64::from(argument) * 5),
        3 | 4 => Step::Track(id, (i32::from(argument) - 3) * 10),
        5..=7 => Step::Touch(id),
        8 => Step::Close(id),
        9 => Step::Forget(id),
        10 | 11 => Step::Expire,
        12 | 13 => Step::Check(id, server),
        14 => Step::Reopen(id, server),
        _ => Step::NewLeader,
    }
}
