//! What learners may say to a leader, and who is counted.

use super::*;
use crate::interface::Role;
use zk_types::{SnapshotId, SnapshotMeta};

pub(super) const E: Epoch = Epoch(2);

pub(super) fn link(peer: u64) -> LinkId {
    LinkId(1000 + peer)
}

pub(super) fn connect(machine: &mut Machine, peer: u64) {
    let link = link(peer);
    let peer = ServerId(peer);
    machine.give(Input::Connected { link, peer });
}

pub(super) fn inform(machine: &mut Machine, peer: u64, promise: Promise) {
    connect(machine, peer);
    let Promise { accepted, standing } = promise;
    machine.say(link(peer), Message::FollowerInfo { accepted, standing });
}

fn ack_epoch(zxids: &[Zxid], counted: bool) -> Message {
    Message::AckEpoch {
        segments: outline(zxids),
        base: Zxid::ZERO,
        committed: Zxid::ZERO,
        counted,
        staged: None,
    }
}

/// A server that is about to lead `voters` voters, and has heard of none of them.
pub(super) fn choosing(voters: u64) -> Machine {
    let member = promise(1, Standing::Member);
    let mut machine = Machine::new(config(1, voters), recovered(&[z(1, 0), z(1, 1)], member));
    machine.suggest(1);
    machine
}

/// Server 2 knows the epoch.
fn collecting(voters: u64) -> Machine {
    let mut machine = choosing(voters);
    for peer in 2..=voters / 2 + 1 {
        inform(&mut machine, peer, promise(1, Standing::Member));
    }
    assert!(
        machine
            .messages()
            .contains(&Message::LeaderInfo { epoch: E })
    );
    machine
}

pub(super) fn synchronise(machine: &mut Machine, peer: u64) {
    machine.say(link(peer), ack_epoch(&[z(1, 0), z(1, 1)], true));
}

pub(super) fn leading() -> Machine {
    let mut machine = collecting(3);
    synchronise(&mut machine, 2);
    machine.say(link(2), Message::Ack { zxid: z(2, 0) });
    let role = Output::Role(Role::Leading { epoch: E });
    let said = std::format!("{:?}", machine.take());
    assert!(said.contains(&std::format!("{role:?}")), "{said}");
    machine
}

fn refuses_all(machine: &Machine, peer: u64, messages: Vec<Message>) {
    for message in messages {
        let what = std::format!("{message:?}");
        let refusal = machine.refusal(link(peer), message);
        assert_eq!(refusal, Some(CloseReason::Illegal), "{what}");
    }
}

#[test]
fn a_learner_that_serves_says_nothing_twice_and_nothing_ahead() {
    let mut machine = leading();
    machine.wait(TICK);
    machine.give(Input::Timeout);
    let Some(Message::Ping { round, .. }) = machine.messages().pop() else {
        panic!("it is pinged");
    };
    let (accepted, standing) = (E, Standing::Member);
    refuses_all(
        &machine,
        2,
        std::vec![
            Message::Pong { round: round + 1 },
            Message::Ack { zxid: z(2, 0) },
            Message::Ack { zxid: z(2, 1) },
            Message::FollowerInfo { accepted, standing },
            ack_epoch(&[z(1, 0)], true),
            Message::SnapWant {
                id: snapshot().0,
                offset: 0
            },
            Message::SnapDone {
                segments: outline(&[z(1, 0)]),
                base: Zxid::ZERO,
                committed: Zxid::ZERO
            },
            Message::Diff,
        ],
    );
    machine.say(link(2), Message::Pong { round });
    refuses_all(&machine, 2, std::vec![Message::Pong { round }]);
    let bytes = Bytes::from([1]);
    let app = Message::App { bytes };
    assert_eq!(machine.refusal(link(2), app), None);
    assert_eq!(machine.refusal(link(2), Message::Sync { serial: 1 }), None);
}

#[test]
fn a_learner_that_does_not_serve_yet_asks_for_nothing() {
    let mut machine = leading();
    for stage in 0..3 {
        match stage {
            0 => connect(&mut machine, 3),
            1 => machine.say(
                link(3),
                Message::FollowerInfo {
                    accepted: Epoch(1),
                    standing: Standing::Member,
                },
            ),
            _ => synchronise(&mut machine, 3),
        }
        let bytes = Bytes::from([1]);
        refuses_all(
            &machine,
            3,
            std::vec![
                Message::App { bytes },
                Message::Sync { serial: 1 },
                Message::Ack { zxid: z(1, 1) },
                Message::Readmitted,
            ],
        );
        machine.take();
        machine.give(Input::ToLearner {
            to: ServerId(3),
            bytes: Bytes::from([1]),
        });
        assert_eq!(machine.messages(), []);
    }
    machine.say(link(3), Message::Ack { zxid: z(2, 0) });
    assert_eq!(machine.refusal(link(3), Message::Sync { serial: 1 }), None);
}

#[test]
fn the_epoch_is_told_to_who_promised_it_before_and_who_promised_a_later_one_makes_a_new_one() {
    let machine = leading();
    let told = |accepted: u32| {
        let mut copy = machine.clone();
        inform(&mut copy, 3, promise(accepted, Standing::Member));
        let said = copy.take();
        let is_told = said.iter().any(|output| {
            matches!(output, Output::Send { link: l, message: Message::LeaderInfo { .. } } if *l == link(3))
        });
        (is_told, copy)
    };
    assert!(told(1).0 && told(2).0);
    let (is_told, mut locked_out) = told(3);
    assert!(!is_told);
    // Not at once: a reign lasts for as long as silence is borne.
    let mut again = locked_out.clone();
    again.wait(TICK);
    inform(&mut again, 3, promise(3, Standing::Member));
    for machine in [&mut locked_out, &mut again] {
        machine.now = Instant::from_millis(1000 + 499);
        machine.give(Input::Timeout);
        assert!(matches!(machine.zab.summary().role, Role::Leading { .. }));
        machine.wait(Duration::from_millis(1));
        machine.give(Input::Timeout);
        assert!(!matches!(machine.zab.summary().role, Role::Leading { .. }));
    }
}

#[test]
fn before_the_epoch_is_established_only_a_counted_voter_ends_it_by_a_later_promise() {
    for (standing, ends) in [(Standing::Member, true), (Standing::Amnesiac, false)] {
        let mut machine = collecting(5);
        inform(&mut machine, 5, promise(9, standing));
        let still_prepares = matches!(
            machine.zab.summary().role,
            Role::LeadingPrepare { epoch: Some(E) }
        );
        assert_eq!(still_prepares, !ends, "{standing:?}");
    }
}

#[test]
fn a_promise_counts_that_was_given_now_by_one_that_may_promise() {
    for (standing, counted, suffices) in [
        (Standing::Member, true, true),
        (Standing::Member, false, false),
        (Standing::Amnesiac, true, false),
        (Standing::Damaged, true, false),
    ] {
        let mut machine = collecting(3);
        inform(&mut machine, 3, promise(1, standing));
        machine.take();
        machine.say(link(3), ack_epoch(&[z(1, 0), z(1, 1)], counted));
        let begins = machine.zab.summary().last == z(2, 0);
        assert_eq!(begins, suffices, "{standing:?}, {counted}");
    }
}

#[test]
fn who_cannot_be_counted_is_no_support() {
    // Of five voters two support the candidate; without a third that counts it gives up.
    let mut machine = choosing(5);
    connect(&mut machine, 2);
    for peer in [3, 4, 5] {
        inform(&mut machine, peer, promise(1, Standing::Damaged));
    }
    machine.give(Input::Disconnected { link: link(3) });
    assert_eq!(machine.zab.summary().role, Role::Looking);
}

fn snapshot() -> (SnapshotId, SnapshotMeta) {
    let (_, chain) = records(&[z(1, 0), z(1, 1)]);
    let segments = outline(&[z(1, 0), z(1, 1)]);
    let zxid = z(1, 1);
    let (bytes, checksum) = (40, 9);
    let id = SnapshotId {
        zxid,
        bytes,
        checksum,
    };
    let meta = SnapshotMeta {
        zxid,
        chain,
        segments,
    };
    (id, meta)
}

/// A leader whose memory begins with its epoch, which took a snapshot, and a learner without
/// anything.
fn offering() -> Machine {
    let config = Config {
        window_bytes_max: 200,
        ..config(1, 3)
    };
    let before = Recovered {
        base: Some(snapshot()),
        records: Vec::new(),
        committed: z(1, 1),
        promise: promise(1, Standing::Member),
    };
    let mut machine = Machine::new(config, before);
    machine.suggest(1);
    inform(&mut machine, 2, promise(1, Standing::Member));
    machine.say(link(2), ack_epoch(&[z(1, 0), z(1, 1)], true));
    machine.say(link(2), Message::Ack { zxid: z(2, 0) });
    inform(&mut machine, 3, promise(1, Standing::Member));
    machine.take();
    machine.say(link(3), ack_epoch(&[], true));
    let (id, meta) = snapshot();
    assert_eq!(machine.messages(), [Message::Snap { id, meta }]);
    machine
}

#[test]
fn chunks_are_asked_for_within_the_snapshot_and_two_at_once() {
    let mut machine = offering();
    let (id, _) = snapshot();
    let other = SnapshotId { checksum: 8, ..id };
    let want = |id, offset| Message::SnapWant { id, offset };
    refuses_all(&machine, 3, std::vec![want(other, 0), want(id, 40)]);
    machine.say(link(3), want(id, 0));
    machine.say(link(3), want(id, 30));
    let length = |output| {
        if let Output::ReadSnapshot { bytes_max, .. } = output {
            Some(bytes_max)
        } else {
            None
        }
    };
    let lengths: Vec<u32> = machine.take().into_iter().filter_map(length).collect();
    assert_eq!(lengths, [16, 10]);
    refuses_all(&machine, 3, std::vec![want(id, 16)]);
}

#[test]
fn a_snapshot_that_a_learner_could_not_install_is_offered_no_more() {
    let done = |zxids: &[Zxid], base| Message::SnapDone {
        segments: outline(zxids),
        base,
        committed: base,
    };
    let is_offered = |machine: &mut Machine| {
        let messages = machine.messages();
        messages.iter().any(|m| matches!(m, Message::Snap { .. }))
    };
    let mut failed = offering();
    failed.say(link(3), done(&[], Zxid::ZERO));
    assert!(!is_offered(&mut failed));
    let mut installed = offering();
    installed.say(link(3), done(&[z(1, 0), z(1, 1)], z(1, 1)));
    connect(&mut installed, 3);
    installed.say(
        link(3),
        Message::FollowerInfo {
            accepted: E,
            standing: Standing::Member,
        },
    );
    installed.take();
    installed.say(link(3), ack_epoch(&[], false));
    assert!(is_offered(&mut installed));
}

#[test]
fn what_a_learner_needs_behind_its_snapshot_stays_in_memory_for_as_long_as_the_reign() {
    let mut machine = offering();
    for counter in 1..=3 {
        let payload = Bytes::from([1]);
        machine.give(Input::Propose { payload });
        let zxid = z(2, counter);
        machine.say(link(2), Message::Ack { zxid });
    }
    let summary = machine.zab.summary();
    assert_eq!(
        (summary.window_start, summary.delivered),
        (z(1, 1), z(2, 3))
    );
    assert!(summary.window_bytes > 200);
    machine.give(Input::Disconnected { link: link(2) });
    let summary = machine.zab.summary();
    assert_eq!(summary.role, Role::Looking);
    assert!(summary.window_bytes <= 200);
}
