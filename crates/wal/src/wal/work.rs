//! What waits for the disk, and what is told when it is done.

use super::snapshots::Era;
use crate::Ticket;
use crate::format::frame;
use crate::format::manifest::Named;
use alloc::vec::Vec;
use zk_types::{Chain, Promise, Record, SnapshotId, SnapshotMeta, Zxid};

/// One thing the log lane will do, in order.
#[derive(Clone, Debug)]
pub(crate) enum Work {
    Append(Batch),
    Truncate {
        ticket: Ticket,
        to: Zxid,
        chain: Chain,
    },
    Promise {
        ticket: Ticket,
        promise: Promise,
    },
    Install {
        ticket: Ticket,
        id: SnapshotId,
        meta: SnapshotMeta,
        staged: Staged,
    },
}

/// Whether the file of an install is complete under its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Staged {
    Moving,
    Durable,
}

/// Records that are gathered to be written together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Batch {
    pub(crate) bytes: Vec<u8>,
    pub(crate) entries: Vec<Entry>,
}

/// One record of a batch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) ticket: Ticket,
    pub(crate) zxid: Zxid,
    pub(crate) chain: Chain,
    /// Length of its frame.
    pub(crate) bytes: usize,
}

impl Batch {
    pub(crate) fn push(&mut self, ticket: Ticket, record: &Record) {
        let start = self.bytes.len();
        frame::push(&mut self.bytes, record);
        self.entries.push(Entry {
            ticket,
            zxid: record.zxid,
            chain: record.chain,
            bytes: self.bytes.len() - start,
        });
    }

    /// How many of the first records fit into `room` bytes, and how many bytes those take.
    pub(crate) fn fitting(&self, room: u64) -> (usize, usize) {
        let room = usize::try_from(room).unwrap_or(usize::MAX);
        if self.bytes.len() <= room {
            return (self.entries.len(), self.bytes.len());
        }
        let mut taken = (0, 0);
        for entry in &self.entries {
            if taken.1 + entry.bytes > room {
                break;
            }
            taken = (taken.0 + 1, taken.1 + entry.bytes);
        }
        taken
    }

    /// Takes the first records off.
    pub(crate) fn split(&mut self, (records, bytes): (usize, usize)) -> Batch {
        let rest = Batch {
            entries: self.entries.split_off(records),
            bytes: self.bytes.split_off(bytes),
        };
        core::mem::replace(self, rest)
    }
}

/// What the log lane is doing.
#[derive(Clone, Debug)]
pub(crate) enum InFlight {
    Append(Vec<Entry>),
    Promise(Ticket),
    Manifest(Vec<AfterManifest>),
    Truncate { ticket: Ticket, spared: Vec<u64> },
}

/// What may happen once the manifest says so.
#[derive(Clone, Debug)]
pub(crate) enum AfterManifest {
    SegmentNamed(Named),
    SnapshotNamed {
        id: SnapshotId,
        meta: SnapshotMeta,
        dropped: Vec<SnapshotId>,
    },
    Installed {
        ticket: Ticket,
        id: SnapshotId,
        meta: SnapshotMeta,
        dead: Vec<Named>,
        dropped: Vec<SnapshotId>,
    },
}

/// What the background lane is doing, in order.
#[derive(Clone, Debug)]
pub(crate) enum Background {
    Segment(Named),
    SnapshotBytes(u64),
    SnapshotComplete {
        era: Era,
        id: SnapshotId,
        meta: SnapshotMeta,
    },
    StagedComplete(Ticket),
    Read(Ticket),
}
