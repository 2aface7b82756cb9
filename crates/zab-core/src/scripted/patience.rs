//! How long a leader bears silence, and how long it bears being owed.

use super::at_leader::{connect, inform, leading, link};
use super::*;
use crate::interface::{Note, Role};

const MILLI: Duration = Duration::from_millis(1);

/// Lets time pass up to an instant, while these learners answer every ping.
fn pass(machine: &mut Machine, until: Instant, answering: &[u64]) {
    while machine.now < until {
        let next = machine.zab.next_deadline().expect("a leader pulses");
        machine.now = next.min(until).max(machine.now);
        machine.give(Input::Timeout);
        answer(machine, answering);
    }
}

fn answer(machine: &mut Machine, answering: &[u64]) {
    let pings: Vec<(LinkId, u64)> = machine
        .said
        .iter()
        .filter_map(|output| {
            if let Output::Send {
                link,
                message: Message::Ping { round, .. },
            } = output
            {
                Some((*link, *round))
            } else {
                None
            }
        })
        .collect();
    let other = |output: &Output| {
        !matches!(
            output,
            Output::Send {
                message: Message::Ping { .. },
                ..
            }
        )
    };
    machine.said.retain(other);
    for (to, round) in pings {
        if answering.iter().any(|peer| link(*peer) == to) {
            machine.say(to, Message::Pong { round });
        }
    }
}

/// Server 3 as well.
fn leading_two() -> Machine {
    let mut machine = leading();
    inform(&mut machine, 3, promise(1, Standing::Member));
    super::at_leader::synchronise(&mut machine, 3);
    machine.say(link(3), Message::Ack { zxid: z(2, 0) });
    machine.take();
    machine
}

#[test]
fn silence_is_borne_for_its_limit_and_not_longer() {
    let mut machine = leading_two();
    let end = machine.now + TICK * 5;
    pass(&mut machine, end, &[2]);
    assert_eq!(machine.closed(), []);
    pass(&mut machine, end + TICK, &[2]);
    assert_eq!(machine.closed(), [(link(3), CloseReason::Silence)]);
}

#[test]
fn an_acknowledgement_may_be_owed_for_the_limit_and_not_longer() {
    let mut machine = leading_two();
    machine.wait(MILLI * 30);
    let payload = Bytes::from([1]);
    machine.give(Input::Propose { payload });
    machine.say(link(2), Message::Ack { zxid: z(2, 1) });
    // Pulses come every half tick, and this one exactly at the limit.
    let end = machine.now + TICK * 5;
    let before = machine.now + TICK * 3;
    pass(&mut machine, before, &[2, 3]);
    machine.now = end;
    machine.give(Input::Timeout);
    answer(&mut machine, &[2, 3]);
    assert_eq!(machine.closed(), []);
    pass(&mut machine, end + TICK, &[2, 3]);
    assert_eq!(machine.closed(), [(link(3), CloseReason::Slow)]);
}

#[test]
fn a_learner_that_comes_to_nothing_is_let_go_of() {
    let mut machine = leading();
    connect(&mut machine, 3);
    let end = machine.now + TICK * 10;
    pass(&mut machine, end, &[2]);
    assert_eq!(machine.closed(), []);
    pass(&mut machine, end + TICK, &[2]);
    assert_eq!(machine.closed(), [(link(3), CloseReason::Silence)]);

    let mut machine = leading();
    inform(&mut machine, 3, promise(1, Standing::Member));
    let end = machine.now + TICK * 15;
    pass(&mut machine, end, &[2, 3]);
    assert_eq!(machine.closed(), []);
    pass(&mut machine, end + TICK, &[2, 3]);
    assert_eq!(machine.closed(), [(link(3), CloseReason::Slow)]);
}

#[test]
fn a_disk_that_finishes_nothing_ends_the_reign_and_any_progress_prolongs_it() {
    let payload = || Bytes::from([1]);
    let mut machine = leading_two();
    // A pulse sees that nothing waits.
    pass(&mut machine, Instant::from_millis(1050), &[2, 3]);
    let calm = machine.now;
    machine.disk = Disk::Hangs;
    for _ in 0..2 {
        let payload = payload();
        machine.give(Input::Propose { payload });
    }
    for zxid in [z(2, 1), z(2, 2)] {
        for peer in [2, 3] {
            machine.say(link(peer), Message::Ack { zxid });
        }
    }
    let first = machine.last_write().expect("the first record");
    pass(&mut machine, calm + TICK * 5, &[2, 3]);
    assert!(matches!(machine.zab.summary().role, Role::Leading { .. }));

    let mut stalled = machine.clone();
    pass(&mut stalled, calm + TICK * 6, &[2, 3]);
    let noted = |output: &Output| matches!(output, Output::Note(Note::DiskStalled));
    assert!(stalled.take().iter().any(noted));
    assert_eq!(
        stalled.zab.summary().vote,
        None,
        "it is no candidate meanwhile"
    );
    stalled.give(Input::Persisted { ticket: first });
    assert!(stalled.zab.summary().vote.is_some(), "the disk goes on");

    machine.give(Input::Persisted { ticket: first });
    pass(&mut machine, calm + TICK * 9, &[2, 3]);
    assert!(matches!(machine.zab.summary().role, Role::Leading { .. }));
    assert!(!machine.zab.summary().settled);
}
