//! The replicated log as the machine holds it: the newest records in memory, the outline of all.
//!
//! Records are here as soon as they were issued to the disk. What is cut off at the old end stays in
//! the log on disk; a learner that needs it is sent a snapshot.

use alloc::collections::VecDeque;
use zk_types::{Chain, EpochSegments, Record, RecordBody, SnapshotMeta, Zxid};

/// What a record costs in memory beside its payload.
const RECORD_OVERHEAD_BYTES: usize = 96;

/// When records are forgotten, the memory of one part in so many is given back at once.
const TRIM_PART: usize = 64;

/// Why a record does not continue a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Break {
    /// Its zxid is not the next one.
    Zxid,
    /// Its chain is that of another history.
    Chain,
    /// Its fields contradict each other.
    Form,
}

#[derive(Clone, Debug)]
pub(crate) struct Log {
    /// The record before the first one in memory, and the chain there.
    start: Zxid,
    start_chain: Chain,
    records: VecDeque<Record>,
    bytes: usize,
    segments: EpochSegments,
}

impl Log {
    pub(crate) fn new(base: Option<&SnapshotMeta>) -> Self {
        Log {
            start: base.map_or(Zxid::ZERO, |meta| meta.zxid),
            start_chain: base.map_or(Chain::default(), |meta| meta.chain),
            records: VecDeque::new(),
            bytes: 0,
            segments: base.map_or_else(EpochSegments::new, |meta| meta.segments.clone()),
        }
    }

    pub(crate) fn start(&self) -> Zxid {
        self.start
    }

    pub(crate) fn last(&self) -> Zxid {
        self.records.back().map_or(self.start, |record| record.zxid)
    }

    pub(crate) fn last_chain(&self) -> Chain {
        self.records
            .back()
            .map_or(self.start_chain, |record| record.chain)
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn segments(&self) -> &EpochSegments {
        &self.segments
    }

    /// Whether the history holds `zxid`, in memory or before it.
    pub(crate) fn holds(&self, zxid: Zxid) -> bool {
        self.segments.contains(zxid)
    }

    /// Whether a record may be pushed.
    pub(crate) fn check(&self, record: &Record) -> Result<(), Break> {
        self.check_place(record)?;
        if record.continues(self.last_chain()) {
            Ok(())
        } else {
            Err(Break::Chain)
        }
    }

    fn check_place(&self, record: &Record) -> Result<(), Break> {
        let is_marker_body = matches!(record.body, RecordBody::Marker);
        if is_marker_body != record.zxid.is_marker() || record.committed_upto >= record.zxid {
            Err(Break::Form)
        } else if !self.last().is_followed_by(record.zxid) {
            Err(Break::Zxid)
        } else {
            Ok(())
        }
    }

    /// Takes a record whose chain was made for this log, or checked against it. Hashing it once
    /// more is left to whoever writes it to the disk.
    ///
    /// # Panics
    /// When the record has no place behind the last one.
    pub(crate) fn push(&mut self, record: Record) {
        assert_eq!(
            self.check_place(&record),
            Ok(()),
            "{:?} after {:?}",
            record.zxid,
            self.last()
        );
        self.segments.push(record.zxid);
        self.bytes += cost(&record);
        self.records.push_back(record);
    }

    /// Cuts everything above `to`.
    ///
    /// # Panics
    /// When `to` is not in the log, or before the part in memory.
    pub(crate) fn truncate(&mut self, to: Zxid) {
        assert!(self.holds(to) && to >= self.start, "{to:?} can be cut to");
        while self.last() > to {
            let record = self
                .records
                .pop_back()
                .expect("the last record is above the start");
            self.bytes -= cost(&record);
        }
        self.segments.truncate(to);
        assert_eq!(self.last(), to, "the history holds what it is cut to");
    }

    /// Starts over after a snapshot.
    pub(crate) fn restart(&mut self, meta: &SnapshotMeta) {
        *self = Log::new(Some(meta));
    }

    /// Forgets the oldest records in memory through `upto` at most, once there are more than
    /// `bytes_max`; some more than need be, so that they go many at a time.
    pub(crate) fn trim(&mut self, upto: Zxid, bytes_max: usize) {
        if self.bytes <= bytes_max {
            return;
        }
        let target = bytes_max - bytes_max / TRIM_PART;
        let (mut count, mut bytes, mut last) = (0, self.bytes, None);
        for record in &self.records {
            if bytes <= target || record.zxid > upto {
                break;
            }
            (count, bytes, last) = (count + 1, bytes - cost(record), Some(record));
        }
        let Some(last) = last else {
            return;
        };
        (self.start, self.start_chain) = (last.zxid, last.chain);
        // These were last touched long ago. Letting one go waits for its memory; to look at all of
        // them first waits for many at once.
        let holders: usize = self.records.iter().take(count).map(holders).sum();
        assert!(holders >= count, "the log holds each of its records");
        self.records.drain(..count);
        self.bytes = bytes;
    }

    /// The record after `zxid`, when it is in memory.
    pub(crate) fn after(&self, zxid: Zxid) -> Option<&Record> {
        if zxid < self.start {
            return None;
        }
        // Within an epoch counters have no gaps, and nearly all questions are for its end.
        let last = self.last();
        let index = if zxid >= Zxid::marker(last.epoch()) && zxid <= last {
            let later = usize::try_from(last.counter() - zxid.counter()).expect("a u32 fits");
            self.records.len() - later.min(self.records.len())
        } else {
            self.records.partition_point(|record| record.zxid <= zxid)
        };
        self.records.get(index)
    }
}

pub(crate) fn cost(record: &Record) -> usize {
    record.body_length() + RECORD_OVERHEAD_BYTES
}

/// How many hold the payload of a record.
fn holders(record: &Record) -> usize {
    match &record.body {
        RecordBody::Marker => 1,
        RecordBody::Txn(bytes) | RecordBody::Config(bytes) => bytes.holders(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;
    use zk_types::{Bytes, Epoch};

    fn z(epoch: u32, counter: u32) -> Zxid {
        Zxid::new(Epoch(epoch), counter)
    }

    fn next(log: &Log, zxid: Zxid) -> Record {
        let body = if zxid.is_marker() {
            RecordBody::Marker
        } else {
            RecordBody::Txn(Bytes::from([0; 10]))
        };
        Record::new(log.last_chain(), zxid, Zxid::ZERO, body)
    }

    fn log_of(zxids: &[Zxid]) -> Log {
        let mut log = Log::new(None);
        for zxid in zxids {
            log.push(next(&log, *zxid));
        }
        log
    }

    #[test]
    fn a_record_that_leaves_a_gap_or_belongs_elsewhere_does_not_continue() {
        let log = log_of(&[z(1, 0), z(1, 1)]);
        assert_eq!(log.check(&next(&log, z(1, 2))), Ok(()));
        assert_eq!(log.check(&next(&log, z(1, 3))), Err(Break::Zxid));
        let foreign = next(&log_of(&[z(1, 0)]), z(1, 2));
        assert_eq!(log.check(&foreign), Err(Break::Chain));
        let ahead = Record::new(log.last_chain(), z(2, 0), z(2, 0), RecordBody::Marker);
        assert_eq!(log.check(&ahead), Err(Break::Form));
    }

    #[test]
    fn what_was_cut_can_be_written_anew_on_the_same_chain() {
        let whole = log_of(&[z(1, 0), z(1, 1), z(2, 0)]);
        let mut log = log_of(&[z(1, 0), z(1, 1), z(1, 2), z(1, 3)]);
        log.truncate(z(1, 1));
        log.push(whole.after(z(1, 1)).expect("the marker follows").clone());
        assert_eq!(log.last_chain(), whole.last_chain());
        assert_eq!(log.segments(), whole.segments());
        assert_eq!(log.bytes(), whole.bytes());
    }

    #[test]
    fn trimming_leaves_a_little_less_than_it_may() {
        let mut log = log_of(&(0..400).map(|at| z(1, at)).collect::<Vec<_>>());
        let (bound, record) = (log.bytes() - 1, cost(&next(&log, z(1, 400))));
        log.trim(z(1, 399), bound);
        let room = bound / TRIM_PART;
        assert!((room..room + record).contains(&(bound - log.bytes())));
    }

    #[test]
    fn trimming_keeps_what_is_not_done_with_and_the_chain() {
        let mut log = log_of(&[z(1, 0), z(1, 1), z(1, 2), z(1, 3)]);
        let chain = log.last_chain();
        log.trim(z(1, 3), log.bytes());
        assert_eq!(log.start(), Zxid::ZERO, "all of it may be kept");
        log.trim(z(1, 1), 0);
        assert_eq!(log.start(), z(1, 1));
        assert!(log.after(z(1, 0)).is_none());
        let rest: Vec<_> = core::iter::successors(log.after(z(1, 1)), |r| log.after(r.zxid))
            .map(|record| record.zxid)
            .collect();
        assert_eq!(rest, [z(1, 2), z(1, 3)]);
        log.trim(z(1, 3), 0);
        assert_eq!(
            (log.last(), log.last_chain(), log.bytes()),
            (z(1, 3), chain, 0)
        );
        assert!(log.holds(z(1, 0)) && !log.holds(z(1, 4)));
    }
}
