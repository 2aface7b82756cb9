//! What servers say to each other.

use crate::peer_wire::write;
use quorum_proto::{Frame, Hello, PortKind};
use std::sync::OnceLock;
use zab_core::{Message, Notification, PeerState, Vote};
use zk_types::{
    Bytes, Chain, Epoch, EpochSegments, Record, RecordBody, ServerId, SnapshotId, SnapshotMeta,
    Standing, Zxid,
};

pub(crate) fn quorum_port() -> Vec<Vec<u8>> {
    let mut frames = vec![hello(PortKind::Quorum)];
    frames.extend(messages().into_iter().map(Frame::Message));
    seeds(&frames)
}

pub(crate) fn election_port() -> Vec<Vec<u8>> {
    let mut frames = vec![hello(PortKind::Election)];
    frames.extend(notifications());
    seeds(&frames)
}

fn notifications() -> [Frame; 4] {
    let vote = Vote {
        epoch: Epoch(3),
        zxid: Zxid(0x3_0000_0009),
        leader: ServerId(2),
    };
    [
        (Some(vote), PeerState::Looking, Standing::Member),
        (None, PeerState::Looking, Standing::Amnesiac),
        (Some(vote), PeerState::Leading, Standing::Fresh),
        (Some(vote), PeerState::Following, Standing::Damaged),
    ]
    .map(|(vote, state, standing)| {
        Frame::Notification(Notification {
            vote,
            round: 4,
            state,
            standing,
        })
    })
}

/// Whole frames of both ports, the greetings first.
pub(crate) fn peer_stream() -> &'static [Vec<u8>] {
    static FRAMES: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    FRAMES.get_or_init(|| {
        let greetings = [hello(PortKind::Quorum), hello(PortKind::Election)];
        let frames = greetings.into_iter().chain(notifications());
        let frames = frames.chain(messages().into_iter().map(Frame::Message));
        let wire = |frame| {
            let mut wire = Vec::new();
            write(&frame, &mut wire);
            wire
        };
        frames.map(wire).collect()
    })
}

/// Each frame as a stream, all in one stream, and each payload alone to be framed by the target.
fn seeds(frames: &[Frame]) -> Vec<Vec<u8>> {
    let mut all = vec![0];
    let mut seeds = Vec::new();
    for frame in frames {
        let mut wire = Vec::new();
        write(frame, &mut wire);
        all.extend(&wire);
        let framed = &wire[LENGTH_BYTES..wire.len() - CHECKSUM_BYTES];
        seeds.push([&[1], framed].concat());
        seeds.push([&[2], &wire[..]].concat());
    }
    seeds.push(all);
    seeds
}

fn hello(port: PortKind) -> Frame {
    Frame::Hello(Hello {
        sender: ServerId(2),
        storage: 0x1234_5678_9abc_def0,
        recipient: ServerId(3),
        port,
    })
}

fn messages() -> Vec<Message> {
    let (epoch, zxid) = (Epoch(3), Zxid(0x3_0000_0009));
    let lasts = vec![Zxid(0x1_0000_0005), Zxid(0x2_0000_0003), zxid];
    let segments = EpochSegments::from_lasts(lasts).expect("the epochs ascend");
    let meta = SnapshotMeta {
        zxid,
        chain: Chain(5),
        segments: segments.clone(),
    };
    let id = SnapshotId {
        zxid,
        bytes: 1_000,
        checksum: 77,
    };
    let bytes = Bytes::from(&b"some bytes"[..]);
    let record = |body| Record::new(Chain(5), zxid, Zxid(0x3_0000_0001), body);
    vec![
        Message::FollowerInfo {
            accepted: epoch,
            standing: Standing::Member,
        },
        Message::LeaderInfo { epoch },
        Message::AckEpoch {
            segments: segments.clone(),
            base: zxid,
            committed: zxid,
            counted: true,
            staged: Some((id, 12)),
        },
        Message::Diff,
        Message::Trunc { to: zxid },
        Message::Snap { id, meta },
        Message::SnapWant { id, offset: 100 },
        Message::SnapChunk {
            id,
            offset: 100,
            bytes: bytes.clone(),
            checksum: 9,
        },
        Message::SnapDone {
            segments,
            base: zxid,
            committed: zxid,
        },
        Message::Proposal {
            record: record(RecordBody::Txn(bytes.clone())),
        },
        Message::Proposal {
            record: record(RecordBody::Marker),
        },
        Message::Proposal {
            record: record(RecordBody::Config(bytes.clone())),
        },
        Message::Ack { zxid },
        Message::Commit { zxid },
        Message::NewLeader {
            epoch,
            target: zxid,
        },
        Message::UpToDate { committed: zxid },
        Message::Readmitted,
        Message::Ping {
            round: 8,
            committed: zxid,
        },
        Message::Pong { round: 8 },
        Message::Sync { serial: 2 },
        Message::SyncDone { serial: 2 },
        Message::App { bytes },
    ]
}

const LENGTH_BYTES: usize = 4;
const CHECKSUM_BYTES: usize = 4;
