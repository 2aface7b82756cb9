//! What a leader may say to a follower, stage by stage; anything else costs it the link.

use super::*;
use xxhash_rust::xxh3::xxh3_64;
use zk_types::{SnapshotId, SnapshotMeta};

const E: Epoch = Epoch(2);

/// Server 2 follows server 1, and has told its promise.
fn informed() -> (Machine, LinkId) {
    let member = promise(1, Standing::Member);
    let mut machine = Machine::new(config(2, 3), recovered(&[z(1, 0), z(1, 1)], member));
    machine.suggest(1);
    // The first link that is dialled.
    let (link, peer) = (LinkId(1), ServerId(1));
    machine.give(Input::Connected { link, peer });
    (machine, link)
}

fn planned() -> (Machine, LinkId) {
    let (mut machine, link) = informed();
    machine.say(link, Message::LeaderInfo { epoch: E });
    (machine, link)
}

fn synchronising() -> (Machine, LinkId) {
    let (mut machine, link) = planned();
    machine.say(link, Message::Diff);
    (machine, link)
}

/// The records that the leader has behind those of the follower.
fn proposal(counter: u32) -> Message {
    let mut zxids = std::vec![z(1, 0), z(1, 1)];
    zxids.extend((0..=counter).map(|counter| z(2, counter)));
    let record = records(&zxids).0.pop().expect("there is a last one");
    Message::Proposal { record }
}

fn new_leader(epoch: Epoch, target: Zxid) -> Message {
    Message::NewLeader { epoch, target }
}

fn acknowledged() -> (Machine, LinkId) {
    let (mut machine, link) = synchronising();
    machine.say(link, proposal(0));
    machine.take();
    machine.say(link, new_leader(E, z(2, 0)));
    assert_eq!(machine.messages(), [Message::Ack { zxid: z(2, 0) }]);
    (machine, link)
}

fn following() -> (Machine, LinkId) {
    let (mut machine, link) = acknowledged();
    let committed = z(2, 0);
    machine.say(link, Message::UpToDate { committed });
    (machine, link)
}

fn snapshot(bytes: &[u8]) -> (SnapshotId, SnapshotMeta) {
    let zxid = z(2, 5);
    let id = SnapshotId {
        zxid,
        bytes: u64::try_from(bytes.len()).unwrap(),
        checksum: xxh3_64(bytes),
    };
    let mut segments = EpochSegments::new();
    for counter in 0..=5 {
        segments.push(z(2, counter));
    }
    let chain = Chain(5);
    let meta = SnapshotMeta {
        zxid,
        chain,
        segments,
    };
    (id, meta)
}

fn refuses_all((machine, link): (Machine, LinkId), messages: Vec<Message>) {
    for message in messages {
        let what = std::format!("{message:?}");
        let refusal = machine.refusal(link, message);
        assert_eq!(refusal, Some(CloseReason::Illegal), "{what}");
    }
}

#[test]
fn before_the_epoch_is_told_nothing_else_may_be() {
    let above = Epoch(Epoch::MAX.0 + 1);
    let (id, meta) = snapshot(b"0123456789");
    refuses_all(
        informed(),
        std::vec![
            Message::LeaderInfo { epoch: Epoch(0) },
            Message::LeaderInfo { epoch: above },
            Message::Diff,
            Message::Trunc { to: z(1, 0) },
            Message::Snap { id, meta },
            proposal(0),
            new_leader(E, z(1, 1)),
            Message::UpToDate { committed: z(1, 1) },
            Message::Ping {
                round: 1,
                committed: Zxid::ZERO
            },
            Message::Readmitted,
        ],
    );
    let (machine, link) = informed();
    let last = Message::LeaderInfo { epoch: Epoch::MAX };
    assert_eq!(machine.refusal(link, last), None, "the last epoch is one");
}

#[test]
fn an_epoch_is_promised_once_and_counts_from_those_who_may_propose() {
    for (standing, epoch, is_written, is_counted) in [
        (Standing::Member, 2, false, false),
        (Standing::Member, 3, true, true),
        (Standing::Damaged, 2, false, false),
        (Standing::Damaged, 3, true, false),
    ] {
        let before = recovered(&[z(1, 0), z(1, 1)], promise(2, standing));
        let mut machine = Machine::new(config(2, 3), before);
        machine.suggest(1);
        let (link, peer) = (LinkId(1), ServerId(1));
        machine.give(Input::Connected { link, peer });
        let stale = Message::LeaderInfo { epoch: Epoch(1) };
        assert_eq!(machine.refusal(link, stale), Some(CloseReason::StaleEpoch));
        machine.take();
        machine.say(
            link,
            Message::LeaderInfo {
                epoch: Epoch(epoch),
            },
        );
        assert_eq!(machine.writes, usize::from(is_written));
        let told = machine.messages();
        assert!(
            matches!(&told[..], [Message::AckEpoch { counted, .. }] if *counted == is_counted),
            "{told:?}"
        );
    }
}

#[test]
fn a_plan_may_not_cut_at_an_unknown_record_and_a_snapshot_has_to_be_sound() {
    let (machine, link) = planned();
    let (id, meta) = snapshot(b"0123456789");
    let snap = |id, meta| Message::Snap { id, meta };
    assert_eq!(machine.refusal(link, snap(id, meta.clone())), None);
    let with = |lasts: Vec<Zxid>, zxid: Zxid| {
        let words = postcard::to_allocvec(&lasts).unwrap();
        let segments = postcard::from_bytes(&words).unwrap();
        let meta = SnapshotMeta {
            zxid,
            chain: Chain(5),
            segments,
        };
        snap(SnapshotId { zxid, ..id }, meta)
    };
    refuses_all(
        planned(),
        std::vec![
            Message::Trunc { to: z(1, 7) },
            Message::Trunc { to: z(1, 1) },
            Message::LeaderInfo { epoch: E },
            proposal(0),
            new_leader(E, z(1, 1)),
            snap(SnapshotId { bytes: 0, ..id }, meta.clone()),
            snap(
                SnapshotId {
                    zxid: z(2, 4),
                    ..id
                },
                meta
            ),
            with(std::vec![z(2, 3), z(2, 5)], z(2, 5)),
            with(std::vec![z(2, 5)], z(2, 4)),
            with(std::vec![z(3, 5)], z(3, 5)),
        ],
    );
    assert_eq!(machine.refusal(link, Message::Trunc { to: z(1, 0) }), None);
    let (id, meta) = snapshot(b"0123456789");
    refuses_all(synchronising(), std::vec![snap(id, meta)]);
}

#[test]
fn records_follow_each_other_and_newleader_names_the_last_of_them() {
    let (mut machine, link) = synchronising();
    machine.say(link, proposal(0));
    let later = records(&[z(1, 0), z(1, 1), z(2, 0), z(3, 0)]).0.pop();
    refuses_all(
        (machine.clone(), link),
        std::vec![
            proposal(0),
            proposal(2),
            Message::Proposal {
                record: later.unwrap()
            },
            Message::Proposal {
                record: record(Chain(77), z(2, 1))
            },
            new_leader(Epoch(3), z(2, 0)),
            new_leader(E, z(2, 1)),
            Message::Diff,
            Message::Trunc { to: z(1, 1) },
            Message::Commit { zxid: z(2, 0) },
            Message::UpToDate { committed: z(2, 0) },
        ],
    );
    assert_eq!(machine.refusal(link, proposal(1)), None);
    assert_eq!(machine.refusal(link, new_leader(E, z(2, 0))), None);
    // Without the marker of the epoch nothing of it is here.
    refuses_all(synchronising(), std::vec![new_leader(E, z(1, 1))]);
}

#[test]
fn uptodate_commits_something_between_the_marker_and_what_was_acknowledged() {
    let (mut machine, link) = acknowledged();
    machine.disk = Disk::Hangs;
    machine.say(link, proposal(1));
    let up_to_date = |committed| Message::UpToDate { committed };
    refuses_all(
        (machine.clone(), link),
        std::vec![
            up_to_date(z(1, 1)),
            up_to_date(z(2, 1)),
            up_to_date(z(2, 9)),
            new_leader(E, z(2, 1)),
            Message::App {
                bytes: Bytes::from([1])
            },
            Message::Readmitted,
        ],
    );
    assert_eq!(machine.refusal(link, up_to_date(z(2, 0))), None);
}

#[test]
fn a_follower_that_serves_takes_no_commit_of_what_it_has_not_and_no_answer_it_did_not_ask_for() {
    let (mut machine, link) = following();
    refuses_all(
        (machine.clone(), link),
        std::vec![
            Message::Commit { zxid: z(2, 9) },
            Message::SyncDone { serial: 1 },
            Message::Readmitted,
            Message::UpToDate { committed: z(2, 0) },
            Message::Pong { round: 1 },
        ],
    );
    machine.give(Input::Sync {
        tag: crate::interface::SyncTag(7),
    });
    machine.give(Input::Sync {
        tag: crate::interface::SyncTag(8),
    });
    let asked = [1, 2].map(|serial| Message::Sync { serial });
    assert_eq!(machine.messages(), asked);
    let second_first = Message::SyncDone { serial: 2 };
    assert_eq!(
        machine.refusal(link, second_first),
        Some(CloseReason::Illegal)
    );
}

/// What is asked for of a snapshot, and a chunk in answer.
fn wants(machine: &mut Machine) -> Vec<u64> {
    let offset = |message| {
        if let Message::SnapWant { offset, .. } = message {
            Some(offset)
        } else {
            None
        }
    };
    machine.messages().into_iter().filter_map(offset).collect()
}

fn chunk(id: SnapshotId, offset: u64, bytes: &[u8]) -> Message {
    Message::SnapChunk {
        id,
        offset,
        bytes: Bytes::from(bytes),
        checksum: xxh3_64(bytes),
    }
}

#[test]
fn a_snapshot_is_asked_for_a_chunk_ahead_and_installed_when_it_is_whole() {
    let (mut machine, link) = planned();
    let body = b"0123456789abcdef0123";
    let (id, meta) = snapshot(body);
    machine.take();
    machine.say(link, Message::Snap { id, meta });
    assert_eq!(wants(&mut machine), [0]);
    let too_long = chunk(id, 0, b"0123456789abcdef01234");
    refuses_all(
        (machine.clone(), link),
        std::vec![too_long, chunk(id, 4, &body[4..8])],
    );
    machine.say(link, chunk(id, 0, &body[..4]));
    assert_eq!(wants(&mut machine), [4, 8]);
    let beyond = chunk(id, 4, &[&body[4..], b"x"].concat());
    refuses_all((machine.clone(), link), std::vec![beyond]);
    machine.say(link, chunk(id, 4, &body[4..8]));
    assert_eq!(wants(&mut machine), [12]);
    // A chunk that is too short leaves a gap, which is asked for when all behind it came.
    machine.say(link, chunk(id, 8, &body[8..10]));
    assert_eq!(wants(&mut machine), []);
    machine.say(link, chunk(id, 12, &body[12..16]));
    assert_eq!(wants(&mut machine), [10, 12]);
    machine.say(link, chunk(id, 10, &body[10..18]));
    machine.take();
    machine.say(link, chunk(id, 12, &body[12..20]));
    let [18] = wants(&mut machine)[..] else {
        panic!("the rest is asked for");
    };
    machine.say(link, chunk(id, 18, &body[18..]));
    let Some(Output::Install { ticket, .. }) = machine.take().pop() else {
        panic!("it is whole");
    };
    let mut left = machine.clone();
    left.give(Input::Disconnected { link });
    let votes = |machine: &mut Machine| {
        let voted = machine.take().into_iter().filter_map(|output| {
            if let Output::Notify { notification, .. } = output {
                notification.vote.map(|vote| vote.zxid)
            } else {
                None
            }
        });
        voted.collect::<Vec<Zxid>>()
    };
    assert_eq!(votes(&mut left), [], "it does not know what it has");
    left.give(Input::Installed { ticket });
    assert_eq!(votes(&mut left), [z(2, 5), z(2, 5)]);
    for (ended, last) in [
        (Input::Installed { ticket }, z(2, 5)),
        (Input::InstallFailed { ticket }, z(1, 1)),
    ] {
        let mut copy = machine.clone();
        copy.give(ended);
        let told = copy.messages();
        assert!(
            matches!(&told[..], [Message::SnapDone { segments, .. }] if segments.last() == last),
            "{told:?}"
        );
    }
}

#[test]
fn while_chunks_of_an_earlier_transfer_are_on_their_way_nothing_is_planned() {
    let (mut machine, link) = planned();
    let body = b"0123456789abcdef";
    let (id, meta) = snapshot(body);
    let snap = Message::Snap { id, meta };
    machine.say(link, snap.clone());
    machine.say(link, chunk(id, 0, &body[..4]));
    machine.say(link, chunk(id, 4, b""));
    let mut ready = machine.clone();
    refuses_all((machine, link), std::vec![Message::Diff, snap.clone()]);
    ready.say(link, chunk(id, 8, b""));
    assert_eq!(ready.refusal(link, Message::Diff), None);
    assert_eq!(ready.refusal(link, snap), None);
}
