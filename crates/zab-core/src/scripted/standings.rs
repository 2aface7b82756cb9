//! Who is counted: the fresh, and those that lost what they promised.

use super::at_leader::{E, connect, inform, leading, link, synchronise};
use super::*;
use crate::interface::{Role, SyncTag};
use crate::message::{Notification, PeerState};

fn pings(machine: &mut Machine) -> Vec<(LinkId, u64)> {
    let pings = machine.take().into_iter().filter_map(|output| {
        if let Output::Send {
            link,
            message: Message::Ping { round, .. },
        } = output
        {
            Some((link, round))
        } else {
            None
        }
    });
    pings.collect()
}

fn is_readmitted(machine: &mut Machine) -> bool {
    machine.messages().contains(&Message::Readmitted)
}

/// Server 3, which lost its promises, is synchronised; the round that is under way then.
fn with_an_amnesiac() -> (Machine, u64) {
    let mut machine = leading();
    inform(&mut machine, 3, promise(1, Standing::Amnesiac));
    synchronise(&mut machine, 3);
    machine.wait(TICK);
    machine.give(Input::Timeout);
    let round = pings(&mut machine)[0].1;
    machine.say(link(3), Message::Ack { zxid: z(2, 0) });
    let next = [(link(2), round + 1), (link(3), round + 1)];
    assert_eq!(pings(&mut machine), next, "who is new is pinged at once");
    (machine, round)
}

#[test]
fn an_amnesiac_is_readmitted_when_all_answered_what_was_asked_after_it_came() {
    let (mut machine, round) = with_an_amnesiac();
    let info = |standing| Message::FollowerInfo {
        accepted: E,
        standing,
    };
    let refusal = |machine: &Machine, standing| machine.refusal(link(3), info(standing));
    for peer in [2, 3] {
        machine.say(link(peer), Message::Pong { round });
    }
    assert!(!is_readmitted(&mut machine));
    let illegal = Some(CloseReason::Illegal);
    assert_eq!(refusal(&machine, Standing::Member), illegal, "too soon");
    let round = round + 1;
    machine.say(link(3), Message::Pong { round });
    assert!(!is_readmitted(&mut machine));
    machine.say(link(2), Message::Pong { round });
    assert!(is_readmitted(&mut machine));
    assert_eq!(refusal(&machine, Standing::Amnesiac), illegal);
    let counted = |machine: &Machine| machine.zab.summary().learners[1].counted;
    assert!(!counted(&machine));
    machine.say(link(3), info(Standing::Member));
    assert!(counted(&machine));
}

#[test]
fn nobody_is_readmitted_while_a_voter_is_away() {
    let mut machine = super::at_leader::choosing(5);
    for peer in [2, 3] {
        inform(&mut machine, peer, promise(1, Standing::Member));
    }
    inform(&mut machine, 4, promise(1, Standing::Amnesiac));
    for peer in [2, 3, 4] {
        synchronise(&mut machine, peer);
    }
    for peer in [2, 3, 4] {
        machine.say(link(peer), Message::Ack { zxid: z(2, 0) });
    }
    assert!(matches!(machine.zab.summary().role, Role::Leading { .. }));
    for _ in 0..3 {
        machine.wait(TICK);
        machine.give(Input::Timeout);
        assert!(!is_readmitted(&mut machine.clone()));
        for (link, round) in pings(&mut machine) {
            machine.say(link, Message::Pong { round });
        }
        assert!(!is_readmitted(&mut machine));
    }
}

#[test]
fn a_learner_is_counted_once_it_acknowledged_newleader_and_no_sooner() {
    let mut machine = leading();
    inform(&mut machine, 3, promise(1, Standing::Member));
    synchronise(&mut machine, 3);
    let seen = |machine: &Machine| {
        let learner = machine.zab.summary().learners[1].clone();
        (learner.state, learner.counted)
    };
    use crate::summary::LearnerState::{Synced, Synchronising};
    assert_eq!(seen(&machine), (Synchronising, false));
    machine.say(link(3), Message::Ack { zxid: z(2, 0) });
    assert_eq!(seen(&machine), (Synced, true));
    machine.take();
    let payload = Bytes::from([1]);
    machine.give(Input::Propose { payload });
    machine.say(link(3), Message::Ack { zxid: z(2, 1) });
    assert_eq!(pings(&mut machine), [], "only who is new is pinged for it");
}

#[test]
fn a_sync_is_confirmed_by_servers_that_are_synchronised_and_counted() {
    for standing in [Standing::Member, Standing::Amnesiac] {
        let mut machine = leading();
        inform(&mut machine, 3, promise(1, standing));
        if standing == Standing::Amnesiac {
            synchronise(&mut machine, 3);
            machine.say(link(3), Message::Ack { zxid: z(2, 0) });
        }
        machine.wait(TICK);
        machine.give(Input::Timeout);
        for (link, round) in pings(&mut machine) {
            machine.say(link, Message::Pong { round });
        }
        machine.take();
        machine.give(Input::Sync { tag: SyncTag(5) });
        let asked = pings(&mut machine);
        let mut is_done = |peer: u64| {
            for (to, round) in &asked {
                if *to == link(peer) {
                    machine.say(*to, Message::Pong { round: *round });
                }
            }
            let done = |output: &Output| matches!(output, Output::SyncDone { .. });
            machine.take().iter().any(done)
        };
        assert!(!is_done(3), "{standing:?}");
        assert!(is_done(2), "{standing:?}, {asked:?}");
    }
}

#[test]
fn a_full_epoch_ends_when_all_of_it_is_delivered() {
    let mut machine = leading();
    inform(&mut machine, 3, promise(1, Standing::Member));
    synchronise(&mut machine, 3);
    machine.say(link(3), Message::Ack { zxid: z(2, 0) });
    machine.zab.cx.config.counter_max = 1;
    machine.disk = Disk::Hangs;
    let payload = Bytes::from([1]);
    machine.give(Input::Propose { payload });
    for peer in [2, 3] {
        machine.say(link(peer), Message::Ack { zxid: z(2, 1) });
    }
    let summary = machine.zab.summary();
    assert_eq!((summary.committed, summary.delivered), (z(2, 1), z(2, 0)));
    assert!(matches!(summary.role, Role::Leading { .. }));
    let ticket = machine.last_write().expect("the last record");
    machine.give(Input::Persisted { ticket });
    assert!(!matches!(machine.zab.summary().role, Role::Leading { .. }));
}

/// Server 2 of three, without a history, which follows server 1.
fn fresh() -> (Machine, LinkId) {
    let mut machine = Machine::new(config(2, 3), recovered(&[], promise(0, Standing::Fresh)));
    machine.suggest(1);
    let (link, peer) = (LinkId(1), ServerId(1));
    machine.give(Input::Connected { link, peer });
    machine.say(link, Message::LeaderInfo { epoch: Epoch(1) });
    machine.say(link, Message::Diff);
    machine.take();
    (machine, link)
}

#[test]
fn a_plan_beyond_the_marker_makes_a_fresh_follower_a_member_before_it_acknowledges() {
    for (last, standing) in [(0, Standing::Fresh), (1, Standing::Member)] {
        let (mut machine, link) = fresh();
        let zxids: Vec<Zxid> = (0..=last).map(|counter| z(1, counter)).collect();
        for record in records(&zxids).0 {
            machine.say(link, Message::Proposal { record });
        }
        machine.take();
        let (epoch, target) = (Epoch(1), z(1, last));
        machine.say(link, Message::NewLeader { epoch, target });
        assert_eq!(machine.messages(), [Message::Ack { zxid: target }]);
        assert_eq!(machine.zab.summary().standing, standing);
    }
}

#[test]
fn a_fresh_follower_heeds_the_standing_of_all_but_its_leader() {
    for (from, standing) in [(1, Standing::Fresh), (3, Standing::Amnesiac)] {
        let (mut machine, _) = fresh();
        let notification = Notification {
            vote: None,
            round: 1,
            state: PeerState::Leading,
            standing: Standing::Member,
        };
        let from = ServerId(from);
        machine.give(Input::Notification { from, notification });
        assert_eq!(machine.zab.summary().standing, standing, "{from:?}");
    }
}

#[test]
fn an_amnesiac_that_is_readmitted_says_so_when_its_disk_remembers() {
    let lost = recovered(&[], promise(0, Standing::Amnesiac));
    let mut machine = Machine::new(config(2, 3), lost);
    machine.suggest(1);
    let (link, peer) = (LinkId(1), ServerId(1));
    machine.give(Input::Connected { link, peer });
    let (epoch, target) = (Epoch(1), z(1, 0));
    let record = records(&[target]).0.remove(0);
    for message in [
        Message::LeaderInfo { epoch },
        Message::Diff,
        Message::Proposal { record },
        Message::NewLeader { epoch, target },
        Message::UpToDate { committed: target },
    ] {
        machine.say(link, message);
    }
    machine.take();
    machine.disk = Disk::Hangs;
    machine.say(link, Message::Readmitted);
    let again = machine.refusal(link, Message::Readmitted);
    assert_eq!(again, Some(CloseReason::Illegal));
    assert_eq!(machine.clone().messages(), []);
    let ticket = machine.last_write().expect("a promise");
    machine.give(Input::Persisted { ticket });
    let (accepted, standing) = (Epoch(1), Standing::Member);
    let info = Message::FollowerInfo { accepted, standing };
    assert_eq!(machine.messages(), [info]);
}

#[test]
fn a_follower_says_what_it_promised_when_its_disk_has_it() {
    let member = recovered(&[z(1, 0)], promise(1, Standing::Member));
    let mut machine = Machine::new(config(2, 3), member);
    machine.suggest(1);
    let (link, peer) = (LinkId(1), ServerId(1));
    machine.give(Input::Connected { link, peer });
    machine.disk = Disk::Hangs;
    machine.say(link, Message::LeaderInfo { epoch: Epoch(2) });
    machine.give(Input::Disconnected { link });
    machine.suggest(1);
    let link = LinkId(2);
    let mut written = machine.clone();
    let ticket = machine.last_write().expect("a promise");
    machine.take();
    machine.give(Input::Connected { link, peer });
    assert_eq!(machine.messages(), []);
    machine.give(Input::Persisted { ticket });
    let (accepted, standing) = (Epoch(2), Standing::Member);
    let info = Message::FollowerInfo { accepted, standing };
    assert_eq!(machine.messages(), [info]);
    // Durable while it looks: the election does not begin again for it.
    written.give(Input::Disconnected { link });
    written.wait(TICK * 10);
    written.give(Input::Timeout);
    assert_eq!(written.zab.summary().role, Role::Looking);
    let ticket = written.last_write().expect("a promise");
    written.take();
    written.give(Input::Persisted { ticket });
    assert!(written.take().is_empty());
}

#[test]
fn nobody_follows_a_stranger() {
    let member = recovered(&[z(1, 0)], promise(1, Standing::Member));
    let mut machine = Machine::new(config(2, 3), member);
    machine.suggest(9);
    assert_eq!(machine.zab.summary().role, Role::Looking);
    connect(&mut machine, 9);
    assert_eq!(machine.closed(), [(link(9), CloseReason::Illegal)]);
}
