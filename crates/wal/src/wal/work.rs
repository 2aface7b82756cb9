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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::as_u64;
    use zk_types::{Bytes, Epoch, RecordBody};

    #[test]
    fn as_many_records_fit_as_fill_the_room_to_its_last_byte() {
        let mut batch = Batch::default();
        let mut last = (Zxid::marker(Epoch(1)), Chain::default());
        for ticket in 0..5 {
            let zxid = last.0.successor().expect("a small number");
            let body = RecordBody::Txn(Bytes::from([0; 100]));
            let record = Record::new(last.1, zxid, Zxid::ZERO, body);
            last = (zxid, record.chain);
            batch.push(Ticket(ticket), &record);
        }
        let (one, all) = (batch.entries[0].bytes, batch.bytes.len());
        assert_eq!(all, 5 * one);
        for (room, records) in [(one - 1, 0), (one, 1), (3 * one - 1, 2), (3 * one, 3)] {
            assert_eq!(batch.fitting(as_u64(room)), (records, records * one));
        }
        assert_eq!(batch.fitting(as_u64(all)), (5, all));
    }
}
