//! Watch events, connection by connection: each comes exactly once, in order, and before any
//! reply that shows its change.

use crate::oracle::asked::Asked;
use crate::oracle::broken::{Broken, server_name, zxid_name};
use crate::oracle::model::{EffectKind, split};
use crate::oracle::timeline::Timeline;
use crate::oracle::wire::{FrameKind, Request, SetWatches, Tap};
use smol_str::SmolStr;
use std::collections::{BTreeMap, VecDeque};

const CREATED: i32 = 1;
const DELETED: i32 = 2;
const CHANGED: i32 = 3;
const CHILDREN: i32 = 4;

/// The answer where there is no such watch.
const NO_WATCHER: i32 = -121;

/// Whether a connection was still up, and quiet, when the world ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AtEnd {
    Open,
    Gone,
}

/// Judges the events of one connection; gives how many watches wait on it at last.
pub(crate) fn judge(timeline: &Timeline, tap: &Tap, at_end: AtEnd) -> Result<usize, Broken> {
    let mut connection = Connection {
        timeline,
        tap,
        watches: BTreeMap::new(),
        position: 0,
        owed: VecDeque::new(),
        caught_up: Vec::new(),
    };
    let mut waiting = VecDeque::new();
    for frame in &tap.frames {
        match &frame.what {
            FrameKind::Request { request, .. } => waiting.push_back(request),
            FrameKind::Reply { zxid, error, .. } => {
                let Some(request) = waiting.pop_front() else {
                    continue;
                };
                if *zxid > 0 {
                    connection.reply(request, zxid.cast_unsigned(), *error)?;
                }
            }
            FrameKind::Event { kind, path, zxid } => connection.event(*kind, path, *zxid)?,
            FrameKind::Connect { .. } | FrameKind::Connected { .. } => {}
        }
    }
    if at_end == AtEnd::Open {
        let last = timeline.moments.last().map_or(0, |moment| moment.zxid);
        connection.advance(last);
        connection.nothing_is_owed("the end")?;
    }
    Ok(connection.watches.values().map(Waits::count).sum())
}

/// A server has the watches that wait on its open connections, and no others: those of a connection
/// that is gone went with it.
pub(crate) fn none_is_left_over(
    server: usize,
    (watches, watchers): (usize, usize),
    waiting: &[usize],
) -> Result<(), Broken> {
    let watching = waiting.iter().filter(|count| **count > 0).count();
    let all: usize = waiting.iter().sum();
    if (watches, watchers) == (all, watching) {
        return Ok(());
    }
    let seen = format!(
        "{} has {watches} watches of {watchers} connections, and {all} wait on {watching}",
        server_name(server)
    );
    let rule = "W9 left over: a server has the watches of its open connections, and no others";
    Err(Broken::history(rule, seen).server(server))
}

/// What waits on one path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Waits {
    data: bool,
    child: bool,
    persistent: bool,
    recursive: bool,
}

impl Waits {
    /// As operators are told it: a recursive watch is one of data, a persistent one counts twice.
    fn count(&self) -> usize {
        let of_data = self.data || self.persistent || self.recursive;
        usize::from(of_data) + usize::from(self.child || self.persistent)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Owed {
    kind: i32,
    path: String,
    zxid: u64,
}

struct Connection<'t> {
    timeline: &'t Timeline,
    tap: &'t Tap,
    watches: BTreeMap<String, Waits>,
    /// Changes through here have become events.
    position: u64,
    owed: VecDeque<Owed>,
    /// Events made up for watches that were set anew.
    caught_up: Vec<(i32, SmolStr)>,
}

impl Connection<'_> {
    fn event(&mut self, kind: i32, path: &str, zxid: i64) -> Result<(), Broken> {
        if zxid == -1 {
            self.caught_up.push((kind, path.into()));
            return Ok(());
        }
        let zxid = zxid.cast_unsigned();
        self.advance(zxid);
        let event = Owed {
            kind,
            path: path.to_owned(),
            zxid,
        };
        match self.owed.pop_front() {
            Some(owed) if owed == event => Ok(()),
            owed => {
                let seen = match owed {
                    Some(owed) => format!("{} came before {}", words(&event), words(&owed)),
                    None => format!("{} was not owed", words(&event)),
                };
                Err(self.broken(
                    "W2 once: an event fires once, in order, and only for a watch",
                    seen,
                    zxid,
                ))
            }
        }
    }

    fn reply(&mut self, request: &Request, zxid: u64, error: i32) -> Result<(), Broken> {
        self.advance(zxid);
        self.nothing_is_owed(&request.words())?;
        match request {
            Request::SetWatches(set) => return self.set_anew(set, zxid),
            Request::Exists { path, watch: true } if error == 0 || error == -101 => {
                self.wait(path, zxid)?.data = true;
            }
            Request::GetData { path, watch: true } if error == 0 => {
                self.wait(path, zxid)?.data = true;
            }
            Request::GetChildren {
                path, watch: true, ..
            } if error == 0 => {
                self.wait(path, zxid)?.child = true;
            }
            Request::AddWatch { path, recursive } if error == 0 => {
                let waits = self.wait(path, zxid)?;
                if *recursive {
                    waits.recursive = true;
                } else {
                    waits.persistent = true;
                }
            }
            Request::Asked(asked) => {
                if let Asked::Watches {
                    path,
                    kind,
                    is_removal,
                } = &**asked
                {
                    self.asked(path, *kind, *is_removal, (error, zxid))?;
                }
            }
            Request::Exists { .. }
            | Request::GetData { .. }
            | Request::GetChildren { .. }
            | Request::SetAcl { .. }
            | Request::AddWatch { .. }
            | Request::Create { .. }
            | Request::Delete { .. }
            | Request::SetData { .. }
            | Request::Check { .. }
            | Request::Multi(_)
            | Request::Sync
            | Request::Ping
            | Request::CloseSession
            | Request::Other(_) => {}
        }
        if let Some((kind, path)) = self.caught_up.first() {
            let seen = format!("event {kind} on {path} belongs to no setWatches");
            return Err(self.broken(
                "W3 nothing else: an event fires only for a watch",
                seen,
                zxid,
            ));
        }
        Ok(())
    }

    /// Watches set anew fire for what changed since, or wait again.
    fn set_anew(&mut self, set: &SetWatches, zxid: u64) -> Result<(), Broken> {
        let mut expected = Vec::new();
        let mut waiting = Vec::new();
        for path in &set.data {
            match self.timeline.node_at(path, zxid) {
                None => expected.push((DELETED, path.clone())),
                Some(node) if node.mzxid > set.relative => {
                    expected.push((CHANGED, path.clone()));
                }
                Some(_) => waiting.push((
                    path,
                    Waits {
                        data: true,
                        ..Waits::default()
                    },
                )),
            }
        }
        for path in &set.exist {
            match self.timeline.node_at(path, zxid) {
                Some(_) => expected.push((CREATED, path.clone())),
                None => waiting.push((
                    path,
                    Waits {
                        data: true,
                        ..Waits::default()
                    },
                )),
            }
        }
        for path in &set.child {
            match self.timeline.node_at(path, zxid) {
                None => expected.push((DELETED, path.clone())),
                Some(node) if node.pzxid > set.relative => {
                    expected.push((CHILDREN, path.clone()));
                }
                Some(_) => waiting.push((
                    path,
                    Waits {
                        child: true,
                        ..Waits::default()
                    },
                )),
            }
        }
        let persistent = Waits {
            persistent: true,
            ..Waits::default()
        };
        let recursive = Waits {
            recursive: true,
            ..Waits::default()
        };
        waiting.extend(set.persistent.iter().map(|path| (path, persistent)));
        waiting.extend(set.recursive.iter().map(|path| (path, recursive)));
        if self.caught_up != expected {
            let seen = format!(
                "setWatches since {} at {} fired {:?}, and had to fire {expected:?}",
                zxid_name(set.relative),
                zxid_name(zxid),
                self.caught_up
            );
            let rule =
                "W5 set anew: watches set anew fire for what changed meanwhile, and wait otherwise";
            return Err(self.broken(rule, seen, zxid));
        }
        self.caught_up.clear();
        for (path, added) in waiting {
            let waits = self.wait(path, zxid)?;
            waits.data |= added.data;
            waits.child |= added.child;
            waits.persistent |= added.persistent;
            waits.recursive |= added.recursive;
        }
        Ok(())
    }

    /// Watches are known or not, and removed where that was asked.
    fn asked(
        &mut self,
        path: &str,
        kind: i32,
        is_removal: bool,
        (error, zxid): (i32, u64),
    ) -> Result<(), Broken> {
        let mut waits = self.watches.get(path).copied().unwrap_or_default();
        let before = waits;
        match kind {
            1 => waits.child = false,
            2 => waits.data = false,
            4 => waits.persistent = false,
            5 => waits.recursive = false,
            _ => waits = Waits::default(),
        }
        let expected = if waits == before { NO_WATCHER } else { 0 };
        if error != expected {
            let seen = format!(
                "watches of kind {kind} on {path}, where {before:?} wait, were answered {error}"
            );
            let rule = "W3 nothing else: a server knows the watches that wait, and no others";
            return Err(self.broken(rule, seen, zxid));
        }
        if is_removal {
            self.watches.insert(path.to_owned(), waits);
        }
        Ok(())
    }

    fn wait(&mut self, path: &str, zxid: u64) -> Result<&mut Waits, Broken> {
        if zxid < self.position {
            let seen = format!(
                "a watch on {path} is set at {}, after events through {}",
                zxid_name(zxid),
                zxid_name(self.position)
            );
            return Err(self.broken(
                "W10 one step: a read and its watch are one step",
                seen,
                zxid,
            ));
        }
        Ok(self.watches.entry(path.to_owned()).or_default())
    }

    fn nothing_is_owed(&self, before: &str) -> Result<(), Broken> {
        match self.owed.front() {
            None => Ok(()),
            Some(owed) => {
                let seen = format!("{} had not come by the reply to {before}", words(owed));
                let rule =
                    "W1 before its change: an event comes before any reply that shows its change";
                Err(self.broken(rule, seen, owed.zxid))
            }
        }
    }

    /// Turns every change through `zxid` into the events that it owes this connection.
    fn advance(&mut self, zxid: u64) {
        if zxid <= self.position {
            return;
        }
        let timeline = self.timeline;
        if !self.watches.is_empty() {
            for moment in timeline.between(self.position, zxid) {
                moment.each_effect(&mut |path, kind| self.trigger(path, kind, moment.zxid));
            }
        }
        self.position = zxid;
    }

    fn trigger(&mut self, path: &str, kind: EffectKind, zxid: u64) {
        match kind {
            EffectKind::Changed => {
                self.data_trigger(path, CHANGED, zxid);
            }
            EffectKind::Created => {
                self.data_trigger(path, CREATED, zxid);
                self.parent_trigger(path, zxid);
            }
            EffectKind::Deleted => {
                let told = self.data_trigger(path, DELETED, zxid);
                let waits = self.watches.get(path).copied().unwrap_or_default();
                if (waits.child || waits.persistent) && !told {
                    self.owe(path, DELETED, zxid);
                }
                if let Some(waits) = self.watches.get_mut(path) {
                    waits.child = false;
                }
                self.parent_trigger(path, zxid);
            }
        }
    }

    fn data_trigger(&mut self, path: &str, kind: i32, zxid: u64) -> bool {
        let here = self.watches.get(path).copied().unwrap_or_default();
        let told = here.data || here.persistent || here.recursive || self.is_watched_above(path);
        if told {
            self.owe(path, kind, zxid);
        }
        if let Some(waits) = self.watches.get_mut(path) {
            waits.data = false;
        }
        told
    }

    fn parent_trigger(&mut self, path: &str, zxid: u64) {
        let Some((parent, _)) = split(path) else {
            return;
        };
        let Some(waits) = self.watches.get_mut(parent) else {
            return;
        };
        let told = waits.child || waits.persistent;
        waits.child = false;
        if told {
            self.owe(parent, CHILDREN, zxid);
        }
    }

    fn is_watched_above(&self, path: &str) -> bool {
        let mut at = path;
        while let Some((parent, _)) = split(at) {
            if self
                .watches
                .get(parent)
                .is_some_and(|waits| waits.recursive)
            {
                return true;
            }
            at = parent;
        }
        false
    }

    fn owe(&mut self, path: &str, kind: i32, zxid: u64) {
        self.owed.push_back(Owed {
            kind,
            path: path.to_owned(),
            zxid,
        });
    }

    fn broken(&self, rule: &'static str, seen: String, zxid: u64) -> Broken {
        Broken::history(rule, seen)
            .client(self.tap.client)
            .server(self.tap.server)
            .at(zxid)
    }
}

fn words(owed: &Owed) -> String {
    let kind = match owed.kind {
        CREATED => "NodeCreated",
        DELETED => "NodeDeleted",
        CHANGED => "NodeDataChanged",
        CHILDREN => "NodeChildrenChanged",
        _ => "an unknown event",
    };
    format!("{kind} on {} of {}", owed.path, zxid_name(owed.zxid))
}
