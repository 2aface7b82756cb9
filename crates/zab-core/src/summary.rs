//! What can be seen of a machine from outside: for oracles, counters and pictures.

use crate::interface::{LinkId, Role};
use crate::message::Vote;
use alloc::vec::Vec;
use zk_types::{Chain, Epoch, ServerId, Standing, Zxid};

/// How far a role has come. Source: `zab.md` §4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// No leader is known.
    Election,
    /// An epoch is being chosen and promised.
    Discovery,
    /// Histories are made equal.
    Synchronisation,
    /// The epoch is established.
    Broadcast,
}

/// A machine at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// This server.
    pub me: ServerId,
    /// What it is.
    pub role: Role,
    /// How far its role has come.
    pub phase: Phase,
    /// Where its disk stands, as it last asked the disk to remember.
    pub standing: Standing,
    /// Its promise, as it last asked the disk to remember (`acceptedEpoch`).
    pub accepted: Epoch,
    /// Epoch of its last record (`currentEpoch`).
    pub current: Epoch,
    /// Its last record.
    pub last: Zxid,
    /// Hash of its history up to there.
    pub last_chain: Chain,
    /// Its last durable record.
    pub durable: Zxid,
    /// Whether nothing that it asked the disk for is still under way.
    pub settled: bool,
    /// The highest commit point it knows of.
    pub committed: Zxid,
    /// The last record it delivered, or the snapshot its state came from.
    pub delivered: Zxid,
    /// The record before the first one in memory.
    pub window_start: Zxid,
    /// Bytes of the records in memory.
    pub window_bytes: usize,
    /// Its election round.
    pub round: u64,
    /// What it votes for while looking, what was elected afterwards.
    pub vote: Option<Vote>,
    /// The learners of a leader, by server.
    pub learners: Vec<LearnerSummary>,
}

/// One learner as its leader sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LearnerSummary {
    /// Who.
    pub server: ServerId,
    /// Over which link.
    pub link: LinkId,
    /// How far it has come.
    pub state: LearnerState,
    /// The last record it was sent.
    pub sent: Zxid,
    /// The last record it acknowledged.
    pub acked: Zxid,
    /// Whether its acknowledgements count.
    pub counted: bool,
}

/// How far a learner has come with its leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LearnerState {
    /// Connected.
    Connected,
    /// Said what it promised.
    Informed,
    /// Said what it has.
    Positioned,
    /// Waits for a snapshot, or takes one.
    Transfer,
    /// Is sent records and has not acknowledged `NEWLEADER`.
    Synchronising,
    /// Acknowledged `NEWLEADER`.
    Synced,
}
