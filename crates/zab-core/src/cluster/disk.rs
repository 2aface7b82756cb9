//! A disk that keeps what it was asked to in order, later, and forgets the rest in a crash.

use super::chance::Chance;
use crate::interface::{Recovered, Ticket};
use std::collections::{BTreeMap, VecDeque};
use std::vec::Vec;
use zk_types::{
    Chain, Epoch, EpochSegments, Promise, Record, RecordBody, SnapshotId, SnapshotMeta, Standing,
    Zxid,
};

#[derive(Clone, Debug)]
pub(super) enum LogOp {
    Append(Record),
    Truncate(Zxid),
}

/// What survives a crash.
#[derive(Clone, Debug)]
pub(super) struct Image {
    pub(super) promise: Promise,
    pub(super) base: Option<(SnapshotId, SnapshotMeta)>,
    pub(super) records: Vec<Record>,
    pub(super) snapshots: BTreeMap<SnapshotId, Vec<u8>>,
}

#[derive(Debug)]
pub(super) struct Disk {
    pub(super) image: Image,
    pub(super) log_queue: VecDeque<(Ticket, LogOp)>,
    pub(super) promise_queue: VecDeque<(Ticket, Promise)>,
    pub(super) staged: Option<(SnapshotId, Vec<u8>)>,
    pub(super) install: Option<(Ticket, SnapshotId, SnapshotMeta)>,
    pub(super) reads: VecDeque<(Ticket, SnapshotId, u64, u32)>,
}

/// How an install ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InstallEnd {
    Done,
    Failed,
}

impl Image {
    pub(super) fn empty() -> Self {
        Image {
            promise: Promise {
                accepted: Epoch(0),
                standing: Standing::Fresh,
            },
            base: None,
            records: Vec::new(),
            snapshots: BTreeMap::new(),
        }
    }

    /// The disk of a member with these records.
    pub(super) fn holding(zxids: &[Zxid], accepted: Epoch) -> Self {
        let mut image = Image::empty();
        image.promise = Promise {
            accepted,
            standing: Standing::Member,
        };
        for zxid in zxids {
            let bytes = zxid.0.to_be_bytes();
            let body = if zxid.is_marker() {
                RecordBody::Marker
            } else {
                RecordBody::Txn(bytes.as_slice().into())
            };
            image
                .records
                .push(Record::new(image.last_chain(), *zxid, Zxid::ZERO, body));
        }
        image
    }

    pub(super) fn base_zxid(&self) -> Zxid {
        self.base.as_ref().map_or(Zxid::ZERO, |(id, _)| id.zxid)
    }

    pub(super) fn last(&self) -> Zxid {
        self.records
            .last()
            .map_or(self.base_zxid(), |record| record.zxid)
    }

    fn last_chain(&self) -> Chain {
        let base = self
            .base
            .as_ref()
            .map_or(Chain::default(), |(_, meta)| meta.chain);
        self.records.last().map_or(base, |record| record.chain)
    }

    /// Whether the history of this image holds the record.
    pub(super) fn holds(&self, zxid: Zxid, chain: Chain) -> bool {
        let Some((_, meta)) = self.base.as_ref().filter(|(id, _)| zxid <= id.zxid) else {
            return self
                .records
                .iter()
                .any(|r| (r.zxid, r.chain) == (zxid, chain));
        };
        meta.segments.contains(zxid) && (zxid < meta.zxid || meta.chain == chain)
    }

    pub(super) fn segments(&self) -> EpochSegments {
        let base = self.base.as_ref().map(|(_, meta)| meta.segments.clone());
        let mut segments = base.unwrap_or_default();
        self.records
            .iter()
            .for_each(|record| segments.push(record.zxid));
        segments
    }

    fn run(&mut self, op: LogOp) {
        match op {
            LogOp::Append(record) => {
                assert!(self.last().is_followed_by(record.zxid), "a log has no gaps");
                assert!(record.continues(self.last_chain()), "a log is one history");
                self.records.push(record);
            }
            LogOp::Truncate(to) => {
                assert!(to >= self.base_zxid(), "nothing below the base is cut");
                self.records.retain(|record| record.zxid <= to);
                assert_eq!(self.last(), to, "a log is cut at a record it has");
            }
        }
    }

    fn install(&mut self, id: SnapshotId, meta: SnapshotMeta, bytes: Vec<u8>) {
        self.base = Some((id, meta));
        self.records.clear();
        self.snapshots = BTreeMap::from([(id, bytes)]);
    }

    pub(super) fn recovered(&self) -> Recovered {
        let upto = self.records.iter().map(|record| record.committed_upto);
        Recovered {
            promise: self.promise,
            base: self.base.clone(),
            records: self.records.clone(),
            committed: upto.max().unwrap_or(Zxid::ZERO).max(self.base_zxid()),
        }
    }
}

impl Disk {
    pub(super) fn new(image: Image) -> Self {
        Disk {
            image,
            log_queue: VecDeque::new(),
            promise_queue: VecDeque::new(),
            staged: None,
            install: None,
            reads: VecDeque::new(),
        }
    }

    /// Makes the oldest `count` log writes durable and returns their tickets.
    pub(super) fn complete_log(&mut self, count: usize) -> Vec<Ticket> {
        let done: Vec<_> = self.log_queue.drain(..count).collect();
        done.into_iter()
            .map(|(ticket, op)| {
                self.image.run(op);
                ticket
            })
            .collect()
    }

    pub(super) fn complete_promise(&mut self, count: usize) -> Vec<Ticket> {
        let done: Vec<_> = self.promise_queue.drain(..count).collect();
        done.into_iter()
            .map(|(ticket, promise)| {
                assert!(
                    promise.accepted >= self.image.promise.accepted,
                    "promises only rise"
                );
                self.image.promise = promise;
                ticket
            })
            .collect()
    }

    pub(super) fn stage(&mut self, id: SnapshotId, offset: u64, bytes: &[u8]) {
        let offset = usize::try_from(offset).unwrap();
        match &mut self.staged {
            Some((staged, have)) if *staged == id && offset > 0 => {
                assert_eq!(have.len(), offset, "chunks are staged in order");
                have.extend_from_slice(bytes);
            }
            Some(_) | None => {
                assert_eq!(offset, 0, "a snapshot is staged from its start");
                self.staged = Some((id, bytes.to_vec()));
            }
        }
    }

    pub(super) fn complete_install(&mut self) -> Option<(Ticket, InstallEnd, SnapshotMeta)> {
        assert!(self.log_queue.is_empty(), "an install waits for the log");
        let (ticket, id, meta) = self.install.take()?;
        let (staged, bytes) = self.staged.take().expect("what is installed was staged");
        assert_eq!(staged, id, "what is installed was staged");
        if super::snapshot_id(meta.zxid, &bytes) != id {
            return Some((ticket, InstallEnd::Failed, meta));
        }
        self.image.install(id, meta.clone(), bytes);
        Some((ticket, InstallEnd::Done, meta))
    }

    /// Power loss: a part of what was written and not yet durable is there nevertheless.
    pub(super) fn crash(mut self, chance: &mut Chance) -> Image {
        if self.install.is_some() && chance.one_in(2) {
            self.complete_install();
        }
        let kept = chance.below(self.log_queue.len() + 1) * chance.below(2);
        self.complete_log(kept);
        let kept = chance.below(self.promise_queue.len() + 1);
        self.complete_promise(kept);
        self.image
    }
}
