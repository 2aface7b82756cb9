//! What servers say to each other. Source: `zab.md` §5, with ZooKeeper's names.

use serde::{Deserialize, Serialize};
use zk_types::{
    Bytes, Epoch, EpochSegments, Record, ServerId, SnapshotId, SnapshotMeta, Standing, Zxid,
};

/// A vote: who should lead, and how recent that server's history is. The order of the fields is
/// the order of votes: epoch, then zxid, then server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Vote {
    /// Epoch of the last record of the proposed leader (`currentEpoch`).
    pub epoch: Epoch,
    /// Its last logged record.
    pub zxid: Zxid,
    /// The proposed leader.
    pub leader: ServerId,
}

/// What a server is doing, as it tells others in an election.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum PeerState {
    /// Looking for a leader.
    Looking,
    /// Following the leader of its vote.
    Following,
    /// Leading.
    Leading,
}

/// One message of an election.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notification {
    /// The sender's vote; `None` from one that may not propose anybody.
    pub vote: Option<Vote>,
    /// The sender's round.
    pub round: u64,
    /// What the sender is doing.
    pub state: PeerState,
    /// Where the sender's disk stands: the fresh are counted among the fresh only.
    pub standing: Standing,
}

/// A message on a quorum link between a learner and its leader.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Message {
    /// Learner, first on the link.
    FollowerInfo {
        /// The highest epoch it has promised.
        accepted: Epoch,
        /// Where its disk stands.
        standing: Standing,
    },
    /// Leader: the epoch it wants to lead.
    LeaderInfo {
        /// That epoch.
        epoch: Epoch,
    },
    /// Learner: what it has, and whether its promise counts.
    AckEpoch {
        /// Outline of its history; the last zxid and `currentEpoch` follow from it.
        segments: EpochSegments,
        /// Its base: nothing at or below can be cut.
        base: Zxid,
        /// Its commit point: nothing at or below may be cut.
        committed: Zxid,
        /// Whether this learner promised this epoch now, to this leader.
        counted: bool,
        /// A snapshot it holds part of: which, and how many bytes.
        staged: Option<(SnapshotId, u64)>,
    },
    /// Leader: your history is a prefix of mine; records follow.
    Diff,
    /// Leader: cut everything above; records follow.
    Trunc {
        /// The last record to keep.
        to: Zxid,
    },
    /// Leader: take this snapshot first; ask for its chunks.
    Snap {
        /// The file.
        id: SnapshotId,
        /// What it stands for.
        meta: SnapshotMeta,
    },
    /// Learner: send the chunk at this offset.
    SnapWant {
        /// The file.
        id: SnapshotId,
        /// Where the chunk starts.
        offset: u64,
    },
    /// Leader: a chunk. Empty: the file is gone, ask anew with `SnapDone`.
    SnapChunk {
        /// The file.
        id: SnapshotId,
        /// Where the chunk starts.
        offset: u64,
        /// The bytes.
        #[serde(with = "zk_types::blob")]
        bytes: Bytes,
        /// Hash of the bytes.
        checksum: u64,
    },
    /// Learner: the snapshot is installed (or was refused); this is what I have now, plan again.
    SnapDone {
        /// Outline of its history.
        segments: EpochSegments,
        /// Its base.
        base: Zxid,
        /// Its commit point.
        committed: Zxid,
    },
    /// Leader: the next record.
    Proposal {
        /// The record.
        record: Record,
    },
    /// Learner: everything through here is durable.
    Ack {
        /// The last durable record.
        zxid: Zxid,
    },
    /// Leader: everything through here is committed.
    Commit {
        /// The last committed record.
        zxid: Zxid,
    },
    /// Leader: the plan ends here; acknowledge when all of it is durable.
    NewLeader {
        /// The epoch.
        epoch: Epoch,
        /// The last record of the plan, the epoch's marker or later.
        target: Zxid,
    },
    /// Leader: the epoch is established; apply through here and serve.
    UpToDate {
        /// The commit point.
        committed: Zxid,
    },
    /// Leader: your vote counts from now on.
    Readmitted,
    /// Leader: are you there?
    Ping {
        /// Rises by one with each round.
        round: u64,
        /// The commit point.
        committed: Zxid,
    },
    /// Learner: yes.
    Pong {
        /// The round it answers.
        round: u64,
    },
    /// Learner: tell me when all that was proposed before this is committed.
    Sync {
        /// Rises with each sync on a link.
        serial: u64,
    },
    /// Leader: it is; the commit came before this.
    SyncDone {
        /// The sync it answers.
        serial: u64,
    },
    /// Something of the layer above.
    App {
        /// Opaque.
        #[serde(with = "zk_types::blob")]
        bytes: Bytes,
    },
}

impl Message {
    /// Its name, for notes and counters.
    pub fn name(&self) -> &'static str {
        match self {
            Message::FollowerInfo { .. } => "FOLLOWERINFO",
            Message::LeaderInfo { .. } => "LEADERINFO",
            Message::AckEpoch { .. } => "ACKEPOCH",
            Message::Diff => "DIFF",
            Message::Trunc { .. } => "TRUNC",
            Message::Snap { .. } => "SNAP",
            Message::SnapWant { .. } => "SNAPWANT",
            Message::SnapChunk { .. } => "SNAPCHUNK",
            Message::SnapDone { .. } => "SNAPDONE",
            Message::Proposal { .. } => "PROPOSAL",
            Message::Ack { .. } => "ACK",
            Message::Commit { .. } => "COMMIT",
            Message::NewLeader { .. } => "NEWLEADER",
            Message::UpToDate { .. } => "UPTODATE",
            Message::Readmitted => "READMITTED",
            Message::Ping { .. } => "PING",
            Message::Pong { .. } => "PONG",
            Message::Sync { .. } => "SYNC",
            Message::SyncDone { .. } => "SYNCDONE",
            Message::App { .. } => "APP",
        }
    }
}
