//! What a client's user is told, held against the client's own wire and, later, the timeline:
//! every answer is the server's, and every watch fires once for the first change after it was set.

use crate::oracle::broken::{Broken, zxid_name};
use crate::oracle::timeline::Timeline;
use client_core::{ClientError, ClientRequest, EventKind, Response, Ticket, WatchedEvent};
use std::collections::{BTreeMap, BTreeSet};
use zk_types::{ErrorCode, Zxid};

/// A request was settled.
pub(crate) struct Record<'r> {
    pub(crate) order: u64,
    pub(crate) ticket: Ticket,
    pub(crate) request: &'r ClientRequest,
    pub(crate) zxid: Option<Zxid>,
    pub(crate) result: &'r Result<Response, ClientError>,
}

/// An own watch was told of an event.
pub(crate) struct Watched<'r> {
    pub(crate) order: u64,
    pub(crate) ticket: Ticket,
    pub(crate) event: &'r WatchedEvent,
}

/// What a watch waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Any change of an existing node.
    Data,
    /// As `Data`, set while the node did not exist.
    Missing,
    /// A change of the children.
    Children,
}

#[derive(Clone, Debug)]
struct Watch {
    path: String,
    kind: Kind,
    /// The state that it was set at.
    armed: u64,
    /// Its place in the order of all events.
    order: u64,
    fired: Option<Fired>,
    over: bool,
    /// Whether the connection it was set on was replaced before it fired.
    moved: bool,
}

#[derive(Clone, Copy, Debug)]
struct Fired {
    order: u64,
    kind: EventKind,
    zxid: Option<Zxid>,
}

/// Everything one client's user was told.
#[derive(Clone, Debug)]
pub(crate) struct Watches {
    client: usize,
    watches: BTreeMap<Ticket, Watch>,
    /// Answers: their place, and the state they show.
    shown: Vec<(u64, u64)>,
    last_exists: bool,
    /// Watches that fire again and again; their wires tell whether they do.
    persistent: BTreeSet<Ticket>,
}

impl Watches {
    pub(crate) fn new(client: usize) -> Self {
        Watches {
            client,
            watches: BTreeMap::new(),
            shown: Vec::new(),
            last_exists: false,
            persistent: BTreeSet::new(),
        }
    }

    /// Whether the last `exists` found its node.
    pub(crate) fn last_exists(&self) -> bool {
        self.last_exists
    }

    /// Another connection is up.
    pub(crate) fn connected(&mut self) {
        for watch in self.watches.values_mut() {
            watch.moved |= watch.fired.is_none();
        }
    }

    /// The session is over, and every watch with it.
    pub(crate) fn session_over(&mut self) {
        for watch in self.watches.values_mut() {
            watch.over = true;
        }
    }

    /// A request was settled.
    pub(crate) fn reply(&mut self, record: &Record<'_>) -> Result<(), Broken> {
        // A refusal may show no state at all.
        if let Some(zxid) = record.zxid.filter(|zxid| zxid.0 != u64::MAX) {
            self.shown.push((record.order, zxid.0));
        }
        let (path, kind) = match (record.request, record.result) {
            (ClientRequest::Exists { path, watch }, Ok(Response::Exists(found))) => {
                self.last_exists = found.is_some();
                let kind = if found.is_some() {
                    Kind::Data
                } else {
                    Kind::Missing
                };
                if watch.is_none() {
                    return Ok(());
                }
                (path, kind)
            }
            (ClientRequest::AddWatch { .. }, _) => {
                self.persistent.insert(record.ticket);
                return self.error(record);
            }
            (
                ClientRequest::GetData {
                    path,
                    watch: Some(_),
                },
                Ok(_),
            ) => (path, Kind::Data),
            (
                ClientRequest::GetChildren {
                    path,
                    watch: Some(_),
                },
                Ok(_),
            ) => (path, Kind::Children),
            _ => return self.error(record),
        };
        let Some(armed) = record.zxid else {
            let seen = format!("{:?} succeeded without a server", record.request);
            return Err(
                Broken::history("H1 source: answers come from servers", seen).client(self.client),
            );
        };
        self.watches.insert(
            record.ticket,
            Watch {
                path: path.clone(),
                kind,
                armed: armed.0,
                order: record.order,
                fired: None,
                over: false,
                moved: false,
            },
        );
        Ok(())
    }

    fn error(&self, record: &Record<'_>) -> Result<(), Broken> {
        let from_server = matches!(
            record.result,
            Ok(_) | Err(ClientError::Server(_) | ClientError::UnknownCode(_))
        );
        let unknown_code = matches!(record.result, Err(ClientError::UnknownCode(_)));
        let expired = matches!(
            record.result,
            Err(ClientError::Server(ErrorCode::SessionExpired))
        );
        if unknown_code || (from_server && record.zxid.is_none() && !expired) {
            let seen = format!("{:?} was settled with {:?}", record.request, record.result);
            return Err(
                Broken::history("H1 source: answers come from servers", seen).client(self.client),
            );
        }
        Ok(())
    }

    /// An own watch fired.
    pub(crate) fn fired(&mut self, watched: &Watched<'_>) -> Result<(), Broken> {
        let broken = |rule, seen| Err(Broken::history(rule, seen).client(self.client));
        let event = watched.event;
        if event.kind == EventKind::None {
            return Ok(());
        }
        if self.persistent.contains(&watched.ticket) {
            return Ok(());
        }
        if is_removal(event.kind) {
            self.ended(watched.ticket);
            return Ok(());
        }
        let Some(watch) = self.watches.get_mut(&watched.ticket) else {
            let seen = format!("{event:?} for {:?}, which watches nothing", watched.ticket);
            return broken("W3 nothing else: an event fires only for a watch", seen);
        };
        if watch.over || watch.path != event.path {
            let seen = format!("{event:?} for a watch on {}", watch.path);
            return broken("W3 nothing else: an event fires only for a watch", seen);
        }
        if watch.fired.is_some() {
            let seen = format!("{event:?} after another event");
            return broken("W2 once: a watch fires once", seen);
        }
        watch.fired = Some(Fired {
            order: watched.order,
            kind: event.kind,
            zxid: event.zxid,
        });
        Ok(())
    }

    /// A watch fires no more.
    pub(crate) fn ended(&mut self, ticket: Ticket) {
        if let Some(watch) = self.watches.get_mut(&ticket) {
            watch.over = true;
        }
    }

    /// Holds every watch against what happened. `settled` says that the client is connected and
    /// that everything has reached it.
    pub(crate) fn judge(&self, timeline: &Timeline, settled: bool) -> Result<(), Broken> {
        for watch in self.watches.values() {
            self.judge_watch(timeline, watch, settled)?;
        }
        Ok(())
    }

    fn judge_watch(&self, timeline: &Timeline, watch: &Watch, settled: bool) -> Result<(), Broken> {
        let last = timeline.moments.last().map_or(0, |moment| moment.zxid);
        let all = match watch.kind {
            Kind::Data | Kind::Missing => timeline.last.changes_of(&watch.path),
            Kind::Children => timeline.last.changes_below(&watch.path),
        };
        let since = all.partition_point(|zxid| *zxid <= watch.armed);
        let mut changes = all[since..].iter().copied();
        let first = changes.next();
        let broken = |rule, seen: String| {
            let what = format!(
                "{:?} watch on {} set at {}: {seen}",
                watch.kind,
                watch.path,
                zxid_name(watch.armed)
            );
            let broken = Broken::history(rule, what).client(self.client);
            Err(first.map_or(broken.clone(), |zxid| broken.at(zxid)))
        };
        // While its client was away, a node that did not exist may have come and gone unseen.
        let forgiving = watch.kind == Kind::Missing && watch.moved;
        match (watch.fired, first) {
            (Some(fired), None) => broken(
                "W3 nothing else: nothing fires without a change",
                format!("{:?} came though nothing changed", fired.kind),
            ),
            (Some(fired), Some(first)) => {
                let stated = fired.zxid.map(|zxid| zxid.0);
                let right = stated.is_none_or(|zxid| {
                    zxid == first || (forgiving && changes.any(|change| change == zxid))
                });
                if !right {
                    let seen = format!(
                        "fired for {}, but {} was the first change",
                        stated.map_or_else(String::new, zxid_name),
                        zxid_name(first)
                    );
                    return broken("W4 first change: a watch fires for the first change", seen);
                }
                let change = if forgiving {
                    stated.unwrap_or(u64::MAX)
                } else {
                    first
                };
                match self.shown_between(watch.order, fired.order, change) {
                    Some(zxid) => broken(
                        "W1 before its change: an event comes before any reply that shows its change",
                        format!(
                            "{} was shown before the event of {}",
                            zxid_name(zxid),
                            zxid_name(change)
                        ),
                    ),
                    None => Ok(()),
                }
            }
            (None, Some(first)) if settled && !watch.over => {
                if forgiving && timeline.node_at(&watch.path, last).is_none() {
                    return Ok(());
                }
                broken(
                    "W2 not lost: no watch is lost",
                    format!("{} changed it, and no event came", zxid_name(first)),
                )
            }
            (None, Some(_) | None) => Ok(()),
        }
    }

    /// A state at or above `change` that was shown between two places of the order.
    fn shown_between(&self, from: u64, to: u64, change: u64) -> Option<u64> {
        let start = self.shown.partition_point(|(order, _)| *order <= from);
        self.shown[start..]
            .iter()
            .take_while(|(order, _)| *order < to)
            .map(|(_, zxid)| *zxid)
            .find(|zxid| *zxid >= change)
    }
}

/// Whether its user is told that a watch was removed, as was asked.
fn is_removal(kind: EventKind) -> bool {
    matches!(
        kind,
        EventKind::DataWatchRemoved
            | EventKind::ChildWatchRemoved
            | EventKind::PersistentWatchRemoved
    )
}
