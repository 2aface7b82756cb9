//! What this server has: log, promise, commit point, snapshots, and which of it is durable.
//!
//! The store outlives every role. Its memory is ahead of the disk only by writes that are queued in
//! order, so nothing it states can turn out never to have been written, but by a crash, which ends
//! the memory too. Source: `zab.md` §3.

use crate::interface::{Output, Recovered, Ticket};
use crate::log::Log;
use crate::plan::Position;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use zk_types::{
    Bytes, Epoch, Promise, Record, RecordBody, SnapshotId, SnapshotMeta, Standing, Zxid, mutant,
};

/// Snapshots of its own that a server remembers for learners.
const SNAPSHOTS_MAX: usize = 4;

/// How many times the bound of the window a pin may hold.
const PIN_FACTOR: usize = 16;

pub(crate) type Outbox = VecDeque<Output>;

/// A write to the log that is not durable yet.
#[derive(Clone, Copy, Debug)]
enum LogWrite {
    /// A record: the log reaches it.
    Append(Zxid),
    /// A cut: the log ends there.
    Truncate(Zxid),
}

/// A snapshot that came in part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Staged {
    pub(crate) id: SnapshotId,
    /// Bytes from the start that are staged.
    pub(crate) bytes: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct Store {
    pub(crate) log: Log,
    base: Zxid,
    committed: Zxid,
    delivered: Zxid,
    durable: Zxid,
    log_writes: VecDeque<(Ticket, LogWrite)>,
    /// How many of them cut the log.
    cuts_under_way: usize,
    promise: Promise,
    promise_durable: Promise,
    promise_writes: VecDeque<(Ticket, Promise)>,
    install: Option<(Ticket, SnapshotId, SnapshotMeta)>,
    pub(crate) staged: Option<Staged>,
    /// Ascending by zxid.
    snapshots: Vec<(SnapshotId, SnapshotMeta)>,
    tickets: u64,
    window_bytes_max: usize,
    /// Records after this one are kept for a learner that takes a snapshot.
    pin: Option<Zxid>,
}

impl Store {
    /// # Panics
    /// When the recovered records do not continue each other.
    pub(crate) fn new(recovered: Recovered, window_bytes_max: usize) -> Self {
        let meta = recovered.base.as_ref().map(|(_, meta)| meta);
        let mut log = Log::new(meta);
        let base = log.last();
        recovered
            .records
            .into_iter()
            .for_each(|record| log.push(record));
        Store {
            base,
            committed: mutant!(
                "recovery-commits-its-log",
                recovered.committed.max(base).min(log.last()),
                log.last()
            ),
            delivered: base,
            durable: log.last(),
            log_writes: VecDeque::new(),
            cuts_under_way: 0,
            promise: recovered.promise,
            promise_durable: recovered.promise,
            promise_writes: VecDeque::new(),
            install: None,
            staged: None,
            snapshots: recovered.base.into_iter().collect(),
            tickets: 0,
            window_bytes_max,
            pin: None,
            log,
        }
    }

    pub(crate) fn committed(&self) -> Zxid {
        self.committed
    }

    pub(crate) fn delivered(&self) -> Zxid {
        self.delivered
    }

    /// The last record of the log that is durable together with everything before it.
    pub(crate) fn durable(&self) -> Zxid {
        self.durable
    }

    /// `currentEpoch`: every epoch starts with a record, so it cannot differ from the log.
    pub(crate) fn current_epoch(&self) -> Epoch {
        self.log.last().epoch()
    }

    pub(crate) fn promise(&self) -> Promise {
        self.promise
    }

    pub(crate) fn promise_durable(&self) -> Promise {
        self.promise_durable
    }

    /// Whether the disk holds the promise that memory holds.
    pub(crate) fn promise_is_settled(&self) -> bool {
        mutant!("promise-not-durable", self.promise_writes.is_empty(), true)
    }

    pub(crate) fn log_is_settled(&self) -> bool {
        self.log_writes.is_empty()
    }

    pub(crate) fn is_installing(&self) -> bool {
        self.install.is_some()
    }

    pub(crate) fn position(&self) -> Position {
        Position {
            segments: self.log.segments().clone(),
            base: self.base,
            committed: self.committed,
        }
    }

    pub(crate) fn next_ticket(&mut self) -> Ticket {
        self.tickets += 1;
        Ticket(self.tickets)
    }

    /// The record that follows the log.
    pub(crate) fn record(&self, zxid: Zxid, body: RecordBody) -> Record {
        Record::new(self.log.last_chain(), zxid, self.committed, body)
    }

    pub(crate) fn append(&mut self, outbox: &mut Outbox, record: Record) {
        assert!(
            record.zxid.epoch() <= self.promise.accepted,
            "a record of a promised epoch"
        );
        let ticket = self.next_ticket();
        self.log_writes
            .push_back((ticket, LogWrite::Append(record.zxid)));
        self.log.push(record.clone());
        outbox.push_back(Output::Append { ticket, record });
        self.trim();
    }

    pub(crate) fn truncate(&mut self, outbox: &mut Outbox, to: Zxid) {
        assert!(
            to >= self.committed && to >= self.base,
            "what is committed is never cut"
        );
        self.log.truncate(to);
        self.durable = self.durable.min(to);
        if mutant!("truncate-forgotten", true, false) {
            let ticket = self.next_ticket();
            self.log_writes.push_back((ticket, LogWrite::Truncate(to)));
            self.cuts_under_way += 1;
            outbox.push_back(Output::Truncate { ticket, to });
        }
    }

    /// Raises the promise or changes the standing.
    pub(crate) fn write_promise(&mut self, outbox: &mut Outbox, promise: Promise) {
        assert!(
            promise.accepted >= self.promise.accepted,
            "a promise is never taken back"
        );
        let ticket = self.next_ticket();
        self.promise = promise;
        self.promise_writes.push_back((ticket, promise));
        outbox.push_back(Output::WritePromise { ticket, promise });
    }

    pub(crate) fn write_standing(&mut self, outbox: &mut Outbox, standing: Standing) {
        self.write_promise(
            outbox,
            Promise {
                standing,
                ..self.promise
            },
        );
    }

    /// # Panics
    /// When the ticket was never given out.
    pub(crate) fn on_persisted(&mut self, ticket: Ticket) {
        assert!(ticket.0 <= self.tickets, "{ticket:?} was given out");
        if self
            .promise_writes
            .iter()
            .any(|(asked, _)| *asked == ticket)
        {
            while self
                .promise_writes
                .front()
                .is_some_and(|(asked, _)| *asked <= ticket)
            {
                let (_, promise) = self.promise_writes.pop_front().expect("there is a front");
                self.promise_durable = promise;
            }
        } else {
            while self
                .log_writes
                .front()
                .is_some_and(|(asked, _)| *asked <= ticket)
            {
                let (_, write) = self.log_writes.pop_front().expect("there is a front");
                match write {
                    LogWrite::Append(zxid) => self.durable = zxid,
                    LogWrite::Truncate(zxid) => {
                        self.durable = zxid;
                        self.cuts_under_way -= 1;
                    }
                }
            }
            if self.cuts_under_way > 0 {
                self.durable = self.durable_after_cuts();
            }
        }
    }

    /// What will be left of the durable part when every cut under way is done.
    fn durable_after_cuts(&self) -> Zxid {
        self.log_writes
            .iter()
            .fold(self.durable, |durable, (_, write)| match write {
                LogWrite::Append(_) => durable,
                LogWrite::Truncate(to) => durable.min(*to),
            })
    }

    /// # Panics
    /// When the log does not hold `zxid`; whoever says so is checked before.
    pub(crate) fn commit(&mut self, zxid: Zxid) {
        assert!(self.log.holds(zxid), "{zxid:?} is in the log");
        self.committed = self.committed.max(zxid);
    }

    /// Hands out what is committed and durable here, in order.
    pub(crate) fn deliver(&mut self, outbox: &mut Outbox) {
        let durable = mutant!("deliver-before-durable", self.durable, self.log.last());
        let upto = self.committed.min(durable);
        let first = outbox.len();
        while self.delivered < upto {
            let record = self
                .log
                .after(self.delivered)
                .expect("undelivered records are kept");
            self.delivered = record.zxid;
            outbox.push_back(Output::Deliver(record.clone()));
        }
        if mutant!("commit-out-of-order", false, true) {
            outbox.make_contiguous()[first..].reverse();
        }
        self.trim();
    }

    pub(crate) fn pin(&mut self, pin: Option<Zxid>) {
        self.pin = pin;
        self.trim();
    }

    fn trim(&mut self) {
        let done = self.committed.min(self.durable).min(self.delivered);
        let pinned = self.pin.map_or(done, |pin| pin.min(done));
        self.log.trim(pinned, self.window_bytes_max);
        self.log
            .trim(done, self.window_bytes_max.saturating_mul(PIN_FACTOR));
    }

    /// Remembers a snapshot of the applied state.
    pub(crate) fn on_snapshot_taken(&mut self, id: SnapshotId, meta: SnapshotMeta) {
        assert!(
            meta.zxid <= self.delivered,
            "a snapshot holds what was delivered only"
        );
        self.base = self.base.max(meta.zxid);
        self.snapshots.retain(|(known, _)| *known != id);
        self.snapshots.push((id, meta));
        self.snapshots.sort_by_key(|(id, _)| id.zxid);
        if self.snapshots.len() > SNAPSHOTS_MAX {
            self.snapshots.remove(0);
        }
    }

    pub(crate) fn forget_snapshot(&mut self, id: SnapshotId) {
        self.snapshots.retain(|(known, _)| *known != id);
    }

    /// A snapshot after `common` whose successors are all in memory: the one the learner already
    /// has part of, or the newest.
    pub(crate) fn snapshot_for(
        &self,
        common: Zxid,
        staged: Option<SnapshotId>,
    ) -> Option<(SnapshotId, SnapshotMeta)> {
        let fits =
            |(id, _): &&(SnapshotId, SnapshotMeta)| id.zxid > common && id.zxid >= self.log.start();
        let resumed = self
            .snapshots
            .iter()
            .filter(fits)
            .find(|(id, _)| Some(*id) == staged);
        resumed
            .or_else(|| self.snapshots.iter().rev().find(fits))
            .cloned()
    }

    pub(crate) fn stage(&mut self, outbox: &mut Outbox, id: SnapshotId, offset: u64, bytes: Bytes) {
        let length = u64::try_from(bytes.len()).expect("a length fits 64 bits");
        self.staged = Some(Staged {
            id,
            bytes: offset + length,
        });
        outbox.push_back(Output::StageSnapshot { id, offset, bytes });
    }

    /// # Panics
    /// When writes to the log are still under way, or another install.
    pub(crate) fn install(&mut self, outbox: &mut Outbox, id: SnapshotId, meta: SnapshotMeta) {
        assert!(
            self.log_is_settled() && !self.is_installing(),
            "nothing else changes the log"
        );
        let ticket = self.next_ticket();
        self.install = Some((ticket, id, meta.clone()));
        self.staged = None;
        outbox.push_back(Output::Install { ticket, id, meta });
    }

    /// # Panics
    /// When no such install is under way.
    pub(crate) fn on_installed(&mut self, ticket: Ticket) {
        let (asked, id, meta) = self.install.take().expect("an install is under way");
        assert_eq!(asked, ticket, "one install at a time");
        self.log.restart(&meta);
        self.base = meta.zxid;
        self.committed = self.committed.max(meta.zxid);
        self.delivered = mutant!("install-delivers-again", meta.zxid, self.delivered);
        self.durable = meta.zxid;
        self.snapshots = alloc::vec![(id, meta)];
    }

    /// # Panics
    /// When no such install is under way.
    pub(crate) fn on_install_failed(&mut self, ticket: Ticket) {
        let (asked, _, _) = self.install.take().expect("an install is under way");
        assert_eq!(asked, ticket, "one install at a time");
    }
}

#[cfg(test)]
mod tests;
