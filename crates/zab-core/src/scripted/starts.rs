//! What a start makes of a promise that does not fit the log, and what is seen from outside.

use super::*;
use crate::interface::Role;

#[test]
fn a_promise_below_the_log_is_lost_and_the_log_tells_the_epoch() {
    for (accepted, standing) in [(2, Standing::Amnesiac), (3, Standing::Member)] {
        let member = promise(accepted, Standing::Member);
        let machine = Machine::new(config(1, 3), recovered(&[z(1, 0), z(3, 0)], member));
        let summary = machine.zab.summary();
        assert_eq!((summary.accepted, summary.standing), (Epoch(3), standing));
        assert_eq!(machine.writes, usize::from(accepted < 3));
    }
}

#[test]
fn one_that_stands_alone_needs_nobody_to_be_readmitted() {
    let of = |standing, voters| {
        let lost = recovered(&[z(1, 0)], promise(1, standing));
        Machine::new(config(1, voters), lost).zab.summary()
    };
    assert_eq!(of(Standing::Amnesiac, 1).standing, Standing::Member);
    assert!(matches!(
        of(Standing::Amnesiac, 1).role,
        Role::Leading { .. }
    ));
    assert_eq!(of(Standing::Amnesiac, 2).standing, Standing::Amnesiac);
    assert_eq!(of(Standing::Damaged, 1).standing, Standing::Damaged);
}

#[test]
fn a_summary_says_whether_the_disk_has_all_that_was_asked_of_it() {
    let member = promise(1, Standing::Member);
    let mut machine = Machine::new(config(2, 3), recovered(&[z(1, 0)], member));
    assert!(machine.zab.summary().settled);
    machine.disk = Disk::Hangs;
    machine.suggest(1);
    let (link, peer) = (LinkId(1), ServerId(1));
    machine.give(Input::Connected { link, peer });
    machine.say(link, Message::LeaderInfo { epoch: Epoch(2) });
    assert!(!machine.zab.summary().settled, "a promise is under way");
    let ticket = machine.last_write().expect("a promise");
    machine.give(Input::Persisted { ticket });
    assert!(machine.zab.summary().settled);
}

#[test]
fn nothing_is_due_before_the_deadline_that_is_told() {
    let member = promise(1, Standing::Member);
    let mut machine = Machine::new(config(2, 3), recovered(&[z(1, 0)], member));
    let due = machine.zab.next_deadline().expect("a vote is said again");
    assert!(due > machine.now);
    machine.take();
    machine.give(Input::Timeout);
    assert!(machine.take().is_empty());
    machine.now = due;
    machine.give(Input::Timeout);
    let said = machine.take();
    assert_eq!(said.len(), 2, "the two others are told: {said:?}");
}
