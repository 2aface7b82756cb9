//! The history of the tree as the ledger tells it: what every node was at every zxid, and what
//! every write had to answer.

mod below;

use crate::oracle::broken::{Broken, zxid_name};
use crate::oracle::history::Writes;
use crate::oracle::ledger::Ledger;
use crate::oracle::model::{Answer, Effect, Impossible, Model, Node, split};
use crate::oracle::txn::{self, Change, Entry};
use crate::oracle::wire::Request;
use crate::swarm::Locality;
use std::collections::BTreeMap;
use std::rc::Rc;
use zk_types::RecordBody;

/// A committed transaction and what it meant.
#[derive(Clone, Debug)]
pub(crate) struct Moment {
    pub(crate) zxid: u64,
    /// `None` for epoch markers and configurations.
    pub(crate) entry: Option<Entry>,
    /// What happened to which nodes, in order.
    pub(crate) effects: Vec<Effect>,
    /// What its requester had to be answered, when a request of a client is behind it.
    pub(crate) answer: Option<Answer>,
}

/// What a node was from a zxid on; `None` where it did not exist.
type Version = (u64, Option<Rc<Node>>);

/// The whole history.
#[derive(Clone, Debug)]
pub(crate) struct Timeline {
    pub(crate) moments: Vec<Moment>,
    versions: BTreeMap<String, Vec<Version>>,
    pub(crate) last: Model,
    pub(crate) locality: Locality,
}

/// Codes by which a request is turned away without looking at the tree: the session is closing,
/// has moved, or the request waited too long.
const REFUSALS: [i32; 4] = [-112, -118, -127, -12];

impl Timeline {
    /// Tells the history, and holds every transaction against the request behind it.
    pub(crate) fn tell(
        ledger: &Ledger,
        writes: &Writes<'_>,
        locality: Locality,
    ) -> Result<Self, Broken> {
        let model = Model::new();
        let mut versions = BTreeMap::new();
        for (path, node) in &model.nodes {
            versions.insert(path.clone(), vec![(0, Some(Rc::new(node.clone())))]);
        }
        let mut timeline = Timeline {
            moments: Vec::new(),
            versions,
            last: model,
            locality,
        };
        for committed in ledger.entries() {
            let zxid = committed.record.zxid.0;
            let moment = match &committed.record.body {
                RecordBody::Txn(payload) => {
                    let entry = txn::read(payload).map_err(|_| {
                        let seen = format!("{} is unreadable", zxid_name(zxid));
                        Broken::safety("every transaction can be read", seen).at(zxid)
                    })?;
                    timeline.take(zxid, entry, writes)?
                }
                RecordBody::Marker | RecordBody::Config(_) => Moment {
                    zxid,
                    entry: None,
                    effects: Vec::new(),
                    answer: None,
                },
            };
            timeline.moments.push(moment);
        }
        Ok(timeline)
    }

    /// The node at `path` after everything through `zxid`.
    pub(crate) fn node_at(&self, path: &str, zxid: u64) -> Option<&Node> {
        let versions = self.versions.get(path)?;
        let index = versions.partition_point(|(since, _)| *since <= zxid);
        versions[..index].last()?.1.as_deref()
    }

    /// The index of `zxid`, if it was committed.
    pub(crate) fn find(&self, zxid: u64) -> Option<usize> {
        self.moments
            .binary_search_by_key(&zxid, |moment| moment.zxid)
            .ok()
    }

    /// The moments after `after`, through `upto`.
    pub(crate) fn between(&self, after: u64, upto: u64) -> &[Moment] {
        let from = self.moments.partition_point(|moment| moment.zxid <= after);
        let to = self.moments.partition_point(|moment| moment.zxid <= upto);
        &self.moments[from..to.max(from)]
    }

    fn take(&mut self, zxid: u64, entry: Entry, writes: &Writes<'_>) -> Result<Moment, Broken> {
        let broken = |rule, seen| Broken::history(rule, seen).at(zxid);
        if entry.zxid != zxid {
            let seen = format!("{} says it is {}", zxid_name(zxid), zxid_name(entry.zxid));
            return Err(broken("a transaction knows its place", seen));
        }
        let answer = self.judge(&entry, writes)?;
        let effects = self
            .last
            .apply(entry.session, zxid, entry.time, &entry.change)
            .map_err(|Impossible(what)| {
                let seen = format!("{}: {what}", zxid_name(zxid));
                broken("every transaction follows from the state before it", seen)
            })?;
        self.remember(zxid, &entry.change, &effects);
        Ok(Moment {
            zxid,
            entry: Some(entry),
            effects,
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
            return Err(Broken::history("every transaction was asked for", seen).at(zxid));
        }
        if let Some(code) = failure(&entry.change).filter(|code| REFUSALS.contains(code)) {
            return Ok(Some(Answer::Error(code)));
        }
        let mut expected = None;
        for request in requests {
            if matches!(request, Request::CloseSession) {
                return Ok(None);
            }
            let (change, answer) = self.last.expect(entry.session, zxid, entry.time, request);
            if normal(&change) == normal(&entry.change) {
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
        Err(Broken::history("a write does what a single server would do", seen).at(zxid))
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
        Err(Broken::history("nothing is written after a session's end", seen).at(entry.zxid))
    }

    fn remember(&mut self, zxid: u64, change: &Change, effects: &[Effect]) {
        let mut touched: Vec<&str> = Vec::new();
        for effect in effects {
            touched.push(&effect.path);
            if let Some((parent, _)) = split(&effect.path) {
                touched.push(parent);
            }
        }
        acl_paths(change, &mut touched);
        for path in touched {
            let node = self.last.nodes.get(path).map(|node| Rc::new(node.clone()));
            self.versions
                .entry(path.to_owned())
                .or_default()
                .push((zxid, node));
        }
    }
}

fn acl_paths<'c>(change: &'c Change, touched: &mut Vec<&'c str>) {
    match change {
        Change::SetAcl { path, .. } => touched.push(path),
        Change::Multi(parts) => parts.iter().for_each(|part| acl_paths(part, touched)),
        Change::CreateSession { .. }
        | Change::CloseSession { .. }
        | Change::Create(_)
        | Change::Delete { .. }
        | Change::Reap { .. }
        | Change::SetData { .. }
        | Change::Check
        | Change::Error(_) => {}
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

/// A failed multi may be logged by its parts or as one failure.
fn normal(change: &Change) -> Change {
    match failure(change) {
        Some(code) => Change::Error(code),
        None => change.clone(),
    }
}
