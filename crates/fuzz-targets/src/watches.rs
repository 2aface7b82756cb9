//! The table of watches, driven by bytes and compared with the model of its own tests.

#[path = "../../watch/tests/support/model.rs"]
mod model;

use crate::bytes::Script;
use model::{PATHS, REMOVALS, Registration, Step, WATCHERS};
use watch::{EventKind, Table};

/// Each three bytes are one command for the table of watches.
pub fn watch_commands(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let mut steps = Vec::new();
    while let Some(command) = script.byte() {
        let path = script.below(PATHS.len());
        let argument = script.byte().unwrap_or(0);
        steps.push(step(command, path, argument));
    }
    if let Err(difference) = model::run(&steps) {
        panic!("{difference}");
    }
}

fn step(command: u8, path: usize, argument: u8) -> Step {
    let watcher = u32::from(argument) % WATCHERS;
    match command % 16 {
        0..=6 => Step::Add(registration(command / 16), path, watcher),
        7 => Step::AddAll(registration(argument), path),
        8 | 9 => {
            let kind = REMOVALS[usize::from(command / 16) % REMOVALS.len()];
            Step::Remove(watcher, path, kind)
        }
        10 => Step::Drop(watcher),
        _ => Step::Trigger(event(argument), path),
    }
}

fn registration(number: u8) -> Registration {
    match number % 4 {
        0 => Registration::Standard(Table::Data),
        1 => Registration::Standard(Table::Child),
        2 => Registration::Persistent,
        _ => Registration::Recursive,
    }
}

fn event(number: u8) -> EventKind {
    match number % 4 {
        0 => EventKind::Created,
        1 => EventKind::Deleted,
        2 => EventKind::DataChanged,
        _ => EventKind::ChildrenChanged,
    }
}
