//! A disk that keeps what it was asked to in order, later, and loses the rest in a crash.

use super::Wrong;
use core::fmt;
use std::collections::VecDeque;
use zab_core::{Recovered, Ticket};
use zk_types::{Chain, Epoch, Promise, Record, RecordBody, Standing, Zxid};

#[derive(Clone, Debug)]
pub(super) enum LogWrite {
    Append(Record),
    Truncate(Zxid),
}

impl fmt::Display for LogWrite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LogWrite::Append(record) => write!(f, "{:?}", record.zxid),
            LogWrite::Truncate(to) => write!(f, "a cut after {to:?}"),
        }
    }
}

/// What is durable, and what is to become so.
#[derive(Clone, Debug)]
pub(super) struct Disk {
    pub(super) promise: Promise,
    pub(super) records: Vec<Record>,
    pub(super) log_writes: VecDeque<(Ticket, LogWrite)>,
    pub(super) promise_writes: VecDeque<(Ticket, Promise)>,
}

impl Disk {
    /// The disk of a member of an ensemble that led one epoch without a transaction.
    pub(super) fn of_member() -> Self {
        let marker = Zxid::marker(Epoch(1));
        let record = Record::new(Chain::default(), marker, Zxid::ZERO, RecordBody::Marker);
        Disk {
            promise: Promise {
                accepted: Epoch(1),
                standing: Standing::Member,
            },
            records: vec![record],
            log_writes: VecDeque::new(),
            promise_writes: VecDeque::new(),
        }
    }

    pub(super) fn last(&self) -> Zxid {
        self.records.last().map_or(Zxid::ZERO, |record| record.zxid)
    }

    pub(super) fn holds(&self, zxid: Zxid, chain: Chain) -> bool {
        let held = self.records.iter().rfind(|record| record.zxid == zxid);
        held.is_some_and(|record| record.chain == chain)
    }

    pub(super) fn recovered(&self) -> Recovered {
        let upto = self.records.iter().map(|record| record.committed_upto);
        Recovered {
            promise: self.promise,
            base: None,
            records: self.records.clone(),
            committed: upto.max().unwrap_or(Zxid::ZERO),
        }
    }

    /// The oldest write to the log is durable.
    pub(super) fn log_durable(&mut self) -> Ticket {
        let (ticket, write) = self.log_writes.pop_front().expect("something is written");
        match write {
            LogWrite::Append(record) => self.records.push(record),
            LogWrite::Truncate(to) => self.records.retain(|record| record.zxid <= to),
        }
        ticket
    }

    /// The oldest write of a promise is durable.
    pub(super) fn promise_durable(&mut self) -> Result<Ticket, Wrong> {
        let (ticket, promise) = self
            .promise_writes
            .pop_front()
            .expect("something is written");
        if promise.accepted < self.promise.accepted {
            return Err(Wrong {
                rule: "promises only rise",
                seen: format!("{promise:?} after {:?}", self.promise),
            });
        }
        self.promise = promise;
        Ok(ticket)
    }

    /// Of what was not durable, the oldest writes survive.
    pub(super) fn crash(&mut self, log: usize, promise: usize) -> Result<(), Wrong> {
        for _ in 0..log {
            self.log_durable();
        }
        for _ in 0..promise {
            self.promise_durable()?;
        }
        self.log_writes.clear();
        self.promise_writes.clear();
        Ok(())
    }
}
