//! The tree, as plainly as it can be said: a sorted map from paths to nodes.
//!
//! Written from the documentation (`client-protocol.md` §4.1 and §6); it knows the requests that
//! the workloads make, and access lists that say the same for everybody.

mod expect;

pub(crate) use self::expect::{Ephemerals, expect};
use crate::oracle::txn::{Change, Created, Mortality};
use crate::oracle::wire::{Request, WireStat};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// Error codes that the model gives.
pub(crate) mod code {
    pub(crate) const LATER_OPERATION: i32 = -2;
    pub(crate) const BAD_ARGUMENTS: i32 = -8;
    pub(crate) const NO_NODE: i32 = -101;
    pub(crate) const NO_AUTH: i32 = -102;
    pub(crate) const BAD_VERSION: i32 = -103;
    pub(crate) const NO_CHILDREN_FOR_EPHEMERALS: i32 = -108;
    pub(crate) const NODE_EXISTS: i32 = -110;
    pub(crate) const NOT_EMPTY: i32 = -111;
    pub(crate) const EPHEMERAL_ON_LOCAL_SESSION: i32 = -120;
}

/// The nodes that every server starts with and that nobody deletes.
const FIRST: [&str; 4] = ["/", "/zookeeper", "/zookeeper/config", "/zookeeper/quota"];

/// What may be done to a node, as bits of `perms`.
mod perms {
    pub(super) const WRITE: i32 = 2;
    pub(super) const CREATE: i32 = 4;
    pub(super) const DELETE: i32 = 8;
    pub(super) const ADMIN: i32 = 16;
    pub(super) const ALL: i32 = 31;
}

/// A node.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct Node {
    pub(crate) data: Option<Rc<[u8]>>,
    pub(crate) czxid: u64,
    pub(crate) mzxid: u64,
    pub(crate) pzxid: u64,
    pub(crate) ctime: i64,
    pub(crate) mtime: i64,
    pub(crate) version: i32,
    /// Creations of children, ever.
    pub(crate) creations: i32,
    pub(crate) aversion: i32,
    pub(crate) owner: i64,
    /// What everybody may do.
    pub(crate) perms: i32,
    pub(crate) mortality: Mortality,
    pub(crate) children: Rc<BTreeSet<String>>,
}

impl Node {
    /// As a client is shown it.
    pub(crate) fn stat(&self) -> WireStat {
        let children = i32::try_from(self.children.len()).expect("few children");
        WireStat {
            czxid: self.czxid,
            mzxid: self.mzxid,
            ctime: self.ctime,
            mtime: self.mtime,
            version: self.version,
            cversion: self.creations * 2 - children,
            aversion: self.aversion,
            owner: self.owner,
            data_length: i32::try_from(self.data.as_ref().map_or(0, |data| data.len()))
                .expect("small data"),
            children,
            pzxid: self.pzxid,
        }
    }

    fn allows(&self, perm: i32) -> Result<(), i32> {
        if self.perms & perm == 0 {
            return Err(code::NO_AUTH);
        }
        Ok(())
    }

    /// Whether it may go by itself.
    fn is_due(&self, path: &str, now: i64) -> Result<(), Impossible> {
        let is_due = match self.mortality {
            Mortality::Never => false,
            Mortality::Emptied => self.creations > 0,
            Mortality::After(ttl_ms) => now.saturating_sub(self.mtime) > ttl_ms,
        };
        if is_due {
            return Ok(());
        }
        Err(Impossible(format!("{path} goes before its time")))
    }
}

/// What a write answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Created {
        path: String,
        stat: Option<WireStat>,
    },
    Stat(WireStat),
    Void,
    /// One result for each operation; a failed one fails all.
    Multi(Vec<Result<Answer, i32>>),
    Error(i32),
}

/// One thing that happened to one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Effect {
    pub(crate) path: String,
    pub(crate) kind: EffectKind,
}

/// What happened to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EffectKind {
    Created,
    Deleted,
    Changed,
}

/// Everything that every server agrees on.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    pub(crate) nodes: BTreeMap<String, Node>,
    /// Open sessions and their timeouts.
    pub(crate) sessions: BTreeMap<i64, i32>,
    /// Sessions that were closed.
    pub(crate) closed: BTreeSet<i64>,
}

/// A transaction that no server may have made from the state before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Impossible(pub(crate) String);

impl Model {
    /// The state before any transaction.
    pub(crate) fn new() -> Self {
        let mut model = Model {
            nodes: BTreeMap::new(),
            sessions: BTreeMap::new(),
            closed: BTreeSet::new(),
        };
        let empty = || Node {
            data: Some(Rc::from([])),
            perms: perms::ALL,
            ..Node::default()
        };
        for path in FIRST {
            model.nodes.insert(path.to_owned(), empty());
        }
        for path in &FIRST[1..] {
            let (parent, name) = split(path).expect("not the root");
            model.children_mut(parent).insert(name.to_owned());
        }
        model
    }

    /// What `request` must become and answer in this state, which is left as it is.
    pub(crate) fn expect(
        &self,
        session: i64,
        zxid: u64,
        time: i64,
        request: &Request,
    ) -> (Change, Answer) {
        if matches!(request, Request::CloseSession) {
            let owned = |(_, node): &(&String, &Node)| node.owner == session;
            let nodes = self.nodes.iter().filter(owned);
            let paths = nodes.map(|(path, _)| path.clone()).collect();
            return (Change::CloseSession { paths }, Answer::Void);
        }
        let nodes = |path: &str| self.nodes.get(path);
        expect(&nodes, (session, Ephemerals::Granted), zxid, time, request)
    }

    /// Applies a transaction, and says what happened to which nodes, in order.
    pub(crate) fn apply(
        &mut self,
        session: i64,
        zxid: u64,
        time: i64,
        change: &Change,
    ) -> Result<Vec<Effect>, Impossible> {
        let mut effects = Vec::new();
        match change {
            Change::CreateSession { timeout_ms } => {
                if self.closed.contains(&session)
                    || self.sessions.insert(session, *timeout_ms).is_some()
                {
                    return Err(Impossible(format!("session {session:#x} begins twice")));
                }
            }
            Change::CloseSession { paths } => self.close(session, zxid, paths, &mut effects)?,
            Change::Create(created) => {
                self.create(zxid, time, created)?;
                let path = created.path.clone();
                effects.push(Effect {
                    path,
                    kind: EffectKind::Created,
                });
            }
            Change::Delete { path } => {
                self.delete(zxid, path)?;
                effects.push(Effect {
                    path: path.clone(),
                    kind: EffectKind::Deleted,
                });
            }
            Change::SetData {
                path,
                data,
                version,
            } => {
                let node = self.existing(path)?;
                if node.version + 1 != *version {
                    return Err(Impossible(format!("{path} jumps to version {version}")));
                }
                node.data.clone_from(data);
                node.version = *version;
                node.mzxid = zxid;
                node.mtime = time;
                effects.push(Effect {
                    path: path.clone(),
                    kind: EffectKind::Changed,
                });
            }
            Change::SetAcl {
                path,
                perms,
                version,
            } => {
                let node = self.existing(path)?;
                node.perms = *perms;
                node.aversion = *version;
            }
            Change::Reap { path } => {
                self.existing(path)?.is_due(path, time)?;
                self.delete(zxid, path)?;
                effects.push(Effect {
                    path: path.clone(),
                    kind: EffectKind::Deleted,
                });
            }
            Change::Check | Change::Error(_) => {}
            Change::Multi(parts) => {
                if !parts.iter().any(|part| matches!(part, Change::Error(_))) {
                    for part in parts {
                        effects.extend(self.apply(session, zxid, time, part)?);
                    }
                }
            }
        }
        Ok(effects)
    }

    fn create(&mut self, zxid: u64, time: i64, created: &Created) -> Result<(), Impossible> {
        let path = &created.path;
        if created.owner != 0 && !self.sessions.contains_key(&created.owner) {
            return Err(Impossible(format!(
                "{path} is owned by a session that is not open"
            )));
        }
        let (parent, name) = split(path).ok_or_else(|| Impossible("creates /".to_owned()))?;
        if self.nodes.contains_key(path) {
            return Err(Impossible(format!("{path} is created though it exists")));
        }
        let above = self.existing(parent)?;
        if above.owner != 0 {
            return Err(Impossible(format!(
                "{path} is created below an ephemeral node"
            )));
        }
        above.creations += 1;
        if above.creations != created.parent_cversion {
            let counter = created.parent_cversion;
            return Err(Impossible(format!(
                "{path} sets its parent's counter to {counter}"
            )));
        }
        above.pzxid = zxid;
        Rc::make_mut(&mut above.children).insert(name.to_owned());
        let node = Node {
            mortality: created.mortality,
            ..fresh(zxid, time, created.owner, created.data.clone())
        };
        self.nodes.insert(path.clone(), node);
        Ok(())
    }

    fn delete(&mut self, zxid: u64, path: &str) -> Result<(), Impossible> {
        let node = self.existing(path)?;
        if !node.children.is_empty() {
            return Err(Impossible(format!(
                "{path} is deleted though it has children"
            )));
        }
        let (parent, name) = split(path).ok_or_else(|| Impossible("deletes /".to_owned()))?;
        self.nodes.remove(path);
        self.children_mut(parent).remove(name);
        self.nodes
            .get_mut(parent)
            .expect("a node has a parent")
            .pzxid = zxid;
        Ok(())
    }

    fn close(
        &mut self,
        session: i64,
        zxid: u64,
        paths: &[String],
        effects: &mut Vec<Effect>,
    ) -> Result<(), Impossible> {
        if self.closed.contains(&session) && paths.is_empty() {
            // A client that closes while its session expires: the second end changes nothing.
            return Ok(());
        }
        if self.sessions.remove(&session).is_none() {
            return Err(Impossible(format!(
                "session {session:#x} is closed though not open"
            )));
        }
        self.closed.insert(session);
        let owned = |(_, node): &(&String, &Node)| node.owner == session;
        let expected: BTreeSet<&String> = self
            .nodes
            .iter()
            .filter(owned)
            .map(|(path, _)| path)
            .collect();
        if expected != paths.iter().collect() {
            return Err(Impossible(format!(
                "session {session:#x} ends with the nodes {expected:?}, its end deletes {paths:?}"
            )));
        }
        for path in paths {
            self.delete(zxid, path)?;
            effects.push(Effect {
                path: path.clone(),
                kind: EffectKind::Deleted,
            });
        }
        Ok(())
    }

    fn existing(&mut self, path: &str) -> Result<&mut Node, Impossible> {
        self.nodes
            .get_mut(path)
            .ok_or_else(|| Impossible(format!("{path} does not exist")))
    }

    fn children_mut(&mut self, path: &str) -> &mut BTreeSet<String> {
        let node = self.nodes.get_mut(path).expect("a parent exists");
        Rc::make_mut(&mut node.children)
    }
}

fn fresh(zxid: u64, time: i64, owner: i64, data: Option<Rc<[u8]>>) -> Node {
    Node {
        data,
        czxid: zxid,
        mzxid: zxid,
        pzxid: zxid,
        ctime: time,
        mtime: time,
        owner,
        perms: perms::ALL,
        ..Node::default()
    }
}

/// The parent's path and the name; `None` for the root.
pub(crate) fn split(path: &str) -> Option<(&str, &str)> {
    if path == "/" {
        return None;
    }
    match path.rsplit_once('/')? {
        ("", name) => Some(("/", name)),
        parts => Some(parts),
    }
}

#[cfg(test)]
mod tests;
