//! The history of the tree as the ledger tells it: what every node was at every zxid, and what
//! every write had to answer.

mod below;

use crate::oracle::broken::{Broken, zxid_name};
use crate::oracle::history::Writes;
use crate::oracle::ledger::{Committed, Ledger};
use crate::oracle::model::{Answer, EffectKind, Impossible, Model, Node, each_effect};
use crate::oracle::txn::{self, Change, Entry};
use crate::oracle::wire::Request;
use crate::swarm::Locality;
use std::slice;
use zk_types::{Record, RecordBody};

/// A committed transaction and what it meant.
#[derive(Clone, Debug)]
pub(crate) struct Moment {
    pub(crate) zxid: u64,
    /// `None` for epoch markers and configurations.
    pub(crate) entry: Option<Entry>,
    /// What its requester had to be answered, when a request of a client is behind it.
    pub(crate) answer: Option<Answer>,
}

impl Moment {
    /// Tells what happened to which nodes, in order.
    pub(crate) fn each_effect<'m>(&'m self, tell: &mut impl FnMut(&'m str, EffectKind)) {
        if let Some(entry) = &self.entry {
            each_effect(&entry.change, tell);
        }
    }
}

/// The whole history.
#[derive(Clone, Debug)]
pub(crate) struct Timeline {
    pub(crate) moments: Vec<Moment>,
    /// By epoch: its first zxid, and where that stands; zxids of an epoch have no gaps.
    epochs: Vec<(u64, usize)>,
    pub(crate) last: Model,
    pub(crate) locality: Locality,
}

/// Codes by which a request is turned away without looking at the tree: the session is closing,
/// has moved, or the request waited too long.
const REFUSALS: [i32; 4] = [-112, -118, -127, -12];

/// A history that is being told, every transaction held against the request behind it.
pub(crate) struct Telling<'l> {
    pub(crate) timeline: Timeline,
    rest: slice::Iter<'l, Committed>,
    writes: &'l Writes<'l>,
}

impl<'l> Telling<'l> {
    /// A history of which nothing is told yet.
    pub(crate) fn new(ledger: &'l Ledger, writes: &'l Writes<'l>, locality: Locality) -> Self {
        Telling {
            timeline: Timeline {
                moments: Vec::with_capacity(ledger.entries().len()),
                epochs: Vec::new(),
                last: Model::new(),
                locality,
            },
            rest: ledger.entries().iter(),
            writes,
        }
    }

    /// Tells everything through `zxid`.
    pub(crate) fn reach(&mut self, zxid: u64) -> Result<(), Broken> {
        let is_next = |next: &Committed| next.record.zxid.0 <= zxid;
        while let Some(next) = self.rest.as_slice().first().filter(|next| is_next(next)) {
            self.rest.next();
            self.timeline.add(&next.record, self.writes)?;
        }
        Ok(())
    }

    /// Tells the rest.
    pub(crate) fn end(mut self) -> Result<Timeline, Broken> {
        for next in self.rest {
            self.timeline.add(&next.record, self.writes)?;
        }
        Ok(self.timeline)
    }
}

impl Timeline {
    fn add(&mut self, record: &Record, writes: &Writes<'_>) -> Result<(), Broken> {
        let zxid = record.zxid.0;
        let moment = match &record.body {
            RecordBody::Txn(payload) => {
                let entry = txn::read(payload).map_err(|_| {
                    let seen = format!("{} is unreadable", zxid_name(zxid));
                    Broken::safety("S25 readable: every transaction can be read", seen).at(zxid)
                })?;
                self.take(zxid, entry, writes)?
            }
            RecordBody::Marker | RecordBody::Config(_) => Moment {
                zxid,
                entry: None,
                answer: None,
            },
        };
        let last = self.epochs.last();
        if last.is_none_or(|last| last.0 >> 32 != zxid >> 32) {
            self.epochs.push((zxid, self.moments.len()));
        }
        self.moments.push(moment);
        Ok(())
    }

    /// The node at `path` after everything through `zxid`.
    pub(crate) fn node_at(&self, path: &str, zxid: u64) -> Option<&Node> {
        self.last.node_at(path, zxid)
    }

    /// The index of `zxid`, if it was committed.
    pub(crate) fn find(&self, zxid: u64) -> Option<usize> {
        let epoch = self.epochs.partition_point(|(first, _)| *first <= zxid);
        let (first, start) = *self.epochs[..epoch].last()?;
        let index = start + usize::try_from(zxid - first).ok()?;
        (self.moments.get(index)?.zxid == zxid).then_some(index)
    }

    /// How many moments there are through `zxid`.
    fn count_through(&self, zxid: u64) -> usize {
        match self.find(zxid) {
            Some(index) => index + 1,
            None => self.moments.partition_point(|moment| moment.zxid <= zxid),
        }
    }

    /// The moments after `after`, through `upto`.
    pub(crate) fn between(&self, after: u64, upto: u64) -> &[Moment] {
        let from = self.count_through(after);
        let to = self.count_through(upto);
        &self.moments[from..to.max(from)]
    }

    fn take(&mut self, zxid: u64, entry: Entry, writes: &Writes<'_>) -> Result<Moment, Broken> {
        let broken = |rule, seen| Broken::history(rule, seen).at(zxid);
        if entry.zxid != zxid {
            let seen = format!("{} says it is {}", zxid_name(zxid), zxid_name(entry.zxid));
            return Err(broken("S8 own zxid: a transaction knows its place", seen));
        }
        let answer = self.judge(&entry, writes)?;
        self.last
            .apply(entry.session, zxid, entry.time, &entry.change)
            .map_err(|Impossible(what)| {
                let seen = format!("{}: {what}", zxid_name(zxid));
                broken(
                    "S38 follows: every transaction follows from the state before it",
                    seen,
                )
            })?;
        Ok(Moment {
            zxid,
            entry: Some(entry),
            answer,
        })
    }

    /// Holds a transaction against the request behind it, and says what that is answered.
    fn judge(&self, entry: &Entry, writes: &Writes<'_>) -> Result<Option<Answer>, Broken> {
        match &entry.change {
            Change::CreateSession { .. } | Change::Reap { .. } => return Ok(None),
            Change::CloseSession { .. } => return Ok(Some(Answer::Void)),
            Change::Create(_)
            | Change::Delete { .. }
            | Change::SetData { .. }
            | Change::SetAcl { .. }
            | Change::Check
            | Change::Multi(_) => self.judge_session(entry)?,
            Change::Error(_) => {}
        }
        let zxid = entry.zxid;
        let requests = writes.of(entry.session, entry.cxid);
        if requests.is_empty() {
            // Only a server itself gives up closing a session that is closed already.
            if matches!(entry.change, Change::Error(_)) {
                return Ok(None);
            }
            let seen = format!(
                "{} is of session {:#x}, request {}, which nobody sent",
                zxid_name(zxid),
                entry.session,
                entry.cxid
            );
            return Err(
                Broken::history("H7 asked: every transaction was asked for", seen).at(zxid),
            );
        }
        if let Some(code) = failure(&entry.change).filter(|code| REFUSALS.contains(code)) {
            return Ok(Some(Answer::Error(code)));
        }
        let mut expected = None;
        for (_, request) in requests {
            if matches!(request, Request::CloseSession) {
                return Ok(None);
            }
            let (change, answer) = self.last.expect(entry.session, zxid, entry.time, request);
            if is_same(&change, &entry.change) {
                return Ok(Some(answer));
            }
            expected = Some((request, change));
        }
        let (request, change) = expected.expect("there was a request");
        let seen = format!(
            "{}: {} became {:?}, and had to become {change:?}",
            zxid_name(zxid),
            request.words(),
            entry.change
        );
        Err(Broken::history(
            "H1 effect: a write does what a single server would do",
            seen,
        )
        .at(zxid))
    }

    fn judge_session(&self, entry: &Entry) -> Result<(), Broken> {
        if self.last.sessions.contains_key(&entry.session) {
            return Ok(());
        }
        let opened_by = entry.session.cast_unsigned() >> 56;
        let is_local = self.locality != Locality::Global
            && opened_by == entry.origin
            && !self.last.closed.contains(&entry.session);
        if is_local {
            return Ok(());
        }
        let state = if self.last.closed.contains(&entry.session) {
            "closed"
        } else {
            "unknown"
        };
        let seen = format!(
            "{} is of session {:#x}, which is {state}",
            zxid_name(entry.zxid),
            entry.session
        );
        Err(Broken::history(
            "E7 after the end: nothing is written after a session's end",
            seen,
        )
        .at(entry.zxid))
    }
}

/// The code a transaction failed with.
fn failure(change: &Change) -> Option<i32> {
    match change {
        Change::Error(code) => Some(*code),
        Change::Multi(parts) => parts
            .iter()
            .filter_map(failure)
            .find(|code| *code != 0 && *code != crate::oracle::model::code::LATER_OPERATION),
        Change::CreateSession { .. }
        | Change::CloseSession { .. }
        | Change::Create(_)
        | Change::Delete { .. }
        | Change::Reap { .. }
        | Change::SetData { .. }
        | Change::SetAcl { .. }
        | Change::Check => None,
    }
}

/// Whether two transactions are one; a failed multi may be logged by its parts or as one failure.
fn is_same(one: &Change, other: &Change) -> bool {
    match (failure(one), failure(other)) {
        (None, None) => one == other,
        (one, other) => one == other,
    }
}
