//! The tree, as plainly as it can be said: paths, and what each of them was from which zxid on.
//!
//! Written from the documentation (`client-protocol.md` §4.1 and §6); it knows the requests that
//! the workloads make, and access lists that say the same for everybody.

mod expect;
mod paths;

pub(crate) use self::expect::{Ephemerals, expect};
use self::paths::{Paths, Touched};
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
    /// How many there are.
    pub(crate) children: i32,
}

impl Node {
    /// As a client is shown it.
    pub(crate) fn stat(&self) -> WireStat {
        let children = self.children;
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

/// What happened to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EffectKind {
    Created,
    Deleted,
    Changed,
}

/// Everything that every server agrees on, now and at every zxid before.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    paths: Paths,
    /// By session: its ephemeral nodes.
    owned: BTreeMap<i64, BTreeSet<String>>,
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
            paths: Paths::default(),
            owned: BTreeMap::new(),
            sessions: BTreeMap::new(),
            closed: BTreeSet::new(),
        };
        for path in FIRST {
            let below = |child: &&&str| split(child).is_some_and(|(parent, _)| parent == path);
            let children = FIRST.iter().filter(below).count();
            let node = Node {
                data: Some(Rc::from([])),
                perms: perms::ALL,
                children: i32::try_from(children).expect("few"),
                ..Node::default()
            };
            model.paths.set(path, 0, Some(node), &[]);
        }
        model
    }

    /// The node at a path.
    pub(crate) fn node(&self, path: &str) -> Option<&Node> {
        self.paths.last(path)
    }

    /// The node at a path after everything through `zxid`.
    pub(crate) fn node_at(&self, path: &str, zxid: u64) -> Option<&Node> {
        self.paths.at(path, zxid)
    }

    /// Every node whose path is longer than `prefix` and begins so, after everything through
    /// `zxid`, in no order.
    pub(crate) fn within(&self, prefix: String, zxid: u64) -> impl Iterator<Item = (&str, &Node)> {
        self.paths.within(prefix, zxid)
    }

    /// How many nodes there are.
    pub(crate) fn count(&self) -> usize {
        self.paths.count()
    }

    /// Every node with its path, sorted.
    pub(crate) fn nodes(&self) -> Vec<(&str, &Node)> {
        self.paths.nodes()
    }

    /// When the node at a path was created, deleted or changed, ascending.
    pub(crate) fn changes_of(&self, path: &str) -> &[u64] {
        self.paths.changes_of(path)
    }

    /// When the children of a path came or went, and it itself went, ascending.
    pub(crate) fn changes_below(&self, path: &str) -> &[u64] {
        self.paths.changes_below(path)
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
            let owned = self.owned.get(&session);
            let paths = owned.into_iter().flatten().cloned().collect();
            return (Change::CloseSession { paths }, Answer::Void);
        }
        let nodes = |path: &str| self.node(path);
        expect(&nodes, (session, Ephemerals::Granted), zxid, time, request)
    }

    /// Applies a transaction.
    pub(crate) fn apply(
        &mut self,
        session: i64,
        zxid: u64,
        time: i64,
        change: &Change,
    ) -> Result<(), Impossible> {
        match change {
            Change::CreateSession { timeout_ms } => {
                if self.closed.contains(&session)
                    || self.sessions.insert(session, *timeout_ms).is_some()
                {
                    return Err(Impossible(format!("session {session:#x} begins twice")));
                }
            }
            Change::CloseSession { paths } => self.close(session, zxid, paths)?,
            Change::Create(created) => self.create(zxid, time, created)?,
            Change::Delete { path } => self.delete(zxid, path)?,
            Change::SetData {
                path,
                data,
                version,
            } => {
                let mut node = self.existing(path)?.clone();
                if node.version + 1 != *version {
                    return Err(Impossible(format!("{path} jumps to version {version}")));
                }
                node.data.clone_from(data);
                node.version = *version;
                node.mzxid = zxid;
                node.mtime = time;
                self.paths.set(path, zxid, Some(node), &[Touched::Itself]);
            }
            Change::SetAcl {
                path,
                perms,
                version,
            } => {
                let mut node = self.existing(path)?.clone();
                node.perms = *perms;
                node.aversion = *version;
                self.paths.set(path, zxid, Some(node), &[]);
            }
            Change::Reap { path } => {
                self.existing(path)?.is_due(path, time)?;
                self.delete(zxid, path)?;
            }
            Change::Check | Change::Error(_) => {}
            Change::Multi(parts) => {
                if !parts.iter().any(|part| matches!(part, Change::Error(_))) {
                    for part in parts {
                        self.apply(session, zxid, time, part)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn create(&mut self, zxid: u64, time: i64, created: &Created) -> Result<(), Impossible> {
        let path = &created.path;
        if created.owner != 0 && !self.sessions.contains_key(&created.owner) {
            return Err(Impossible(format!(
                "{path} is owned by a session that is not open"
            )));
        }
        let (parent, _) = split(path).ok_or_else(|| Impossible("creates /".to_owned()))?;
        if self.node(path).is_some() {
            return Err(Impossible(format!("{path} is created though it exists")));
        }
        let mut above = self.existing(parent)?.clone();
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
        above.children += 1;
        self.paths.set(parent, zxid, Some(above), &[Touched::Below]);
        let node = Node {
            mortality: created.mortality,
            ..fresh(zxid, time, created.owner, created.data.clone())
        };
        self.paths.set(path, zxid, Some(node), &[Touched::Itself]);
        if created.owner != 0 {
            let owned = self.owned.entry(created.owner).or_default();
            owned.insert(path.clone());
        }
        Ok(())
    }

    fn delete(&mut self, zxid: u64, path: &str) -> Result<(), Impossible> {
        let node = self.existing(path)?;
        if node.children != 0 {
            return Err(Impossible(format!(
                "{path} is deleted though it has children"
            )));
        }
        let owner = node.owner;
        if let Some(owned) = self.owned.get_mut(&owner) {
            owned.remove(path);
        }
        let (parent, _) = split(path).ok_or_else(|| Impossible("deletes /".to_owned()))?;
        let mut above = self.existing(parent)?.clone();
        above.children -= 1;
        above.pzxid = zxid;
        let both = [Touched::Itself, Touched::Below];
        self.paths.set(path, zxid, None, &both);
        self.paths.set(parent, zxid, Some(above), &[Touched::Below]);
        Ok(())
    }

    fn close(&mut self, session: i64, zxid: u64, paths: &[String]) -> Result<(), Impossible> {
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
        let expected = self.owned.remove(&session).unwrap_or_default();
        if !expected.iter().eq(paths.iter().collect::<BTreeSet<_>>()) {
            return Err(Impossible(format!(
                "session {session:#x} ends with the nodes {expected:?}, its end deletes {paths:?}"
            )));
        }
        paths.iter().try_for_each(|path| self.delete(zxid, path))
    }

    fn existing(&self, path: &str) -> Result<&Node, Impossible> {
        self.node(path)
            .ok_or_else(|| Impossible(format!("{path} does not exist")))
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

/// Tells what a transaction does to which nodes, in order.
pub(crate) fn each_effect<'c>(change: &'c Change, tell: &mut impl FnMut(&'c str, EffectKind)) {
    match change {
        Change::Create(created) => tell(&created.path, EffectKind::Created),
        Change::Delete { path } | Change::Reap { path } => tell(path, EffectKind::Deleted),
        Change::SetData { path, .. } => tell(path, EffectKind::Changed),
        Change::CloseSession { paths } => {
            paths
                .iter()
                .for_each(|path| tell(path, EffectKind::Deleted));
        }
        Change::Multi(parts) => {
            if !parts.iter().any(|part| matches!(part, Change::Error(_))) {
                parts.iter().for_each(|part| each_effect(part, tell));
            }
        }
        Change::CreateSession { .. } | Change::SetAcl { .. } | Change::Check | Change::Error(_) => {
        }
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
