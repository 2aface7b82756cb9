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
use smol_str::SmolStr;
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

    /// With other data.
    fn written(&self, data: Option<Rc<[u8]>>, zxid: u64, time: i64) -> Node {
        Node {
            data,
            version: self.version + 1,
            mzxid: zxid,
            mtime: time,
            ..*self
        }
    }

    /// With a child more.
    fn with_another(&self, zxid: u64) -> Node {
        Node {
            data: self.data.clone(),
            creations: self.creations + 1,
            children: self.children + 1,
            pzxid: zxid,
            ..*self
        }
    }

    /// With a child less.
    fn with_one_less(&self, zxid: u64) -> Node {
        Node {
            data: self.data.clone(),
            children: self.children - 1,
            pzxid: zxid,
            ..*self
        }
    }

    /// With another access list.
    fn allowing(&self, perms: i32, aversion: i32) -> Node {
        Node {
            data: self.data.clone(),
            perms,
            aversion,
            ..*self
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
        path: SmolStr,
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
    owned: BTreeMap<i64, BTreeSet<SmolStr>>,
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
            let born: Result<(), Impossible> = model.paths.change(path, 0, &[], |_| Ok(Some(node)));
            born.expect("nothing is there");
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
            } => self.paths.change(path, zxid, &[Touched::Itself], |node| {
                let node = existing(node, path)?.written(data.clone(), zxid, time);
                if node.version != *version {
                    return Err(Impossible(format!("{path} jumps to version {version}")));
                }
                Ok(Some(node))
            })?,
            Change::SetAcl {
                path,
                perms,
                version,
            } => self.paths.change(path, zxid, &[], |node| {
                Ok(Some(existing(node, path)?.allowing(*perms, *version)))
            })?,
            Change::Reap { path } => {
                existing(self.node(path), path)?.is_due(path, time)?;
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
        self.paths
            .change(parent, zxid, &[Touched::Below], |above| {
                let above = existing(above, parent)?.with_another(zxid);
                if above.owner != 0 {
                    return Err(Impossible(format!(
                        "{path} is created below an ephemeral node"
                    )));
                }
                if above.creations != created.parent_cversion {
                    let counter = created.parent_cversion;
                    return Err(Impossible(format!(
                        "{path} sets its parent's counter to {counter}"
                    )));
                }
                Ok(Some(above))
            })?;
        self.paths.change(path, zxid, &[Touched::Itself], |node| {
            if node.is_some() {
                return Err(Impossible(format!("{path} is created though it exists")));
            }
            let node = fresh(zxid, time, created.owner, created.data.clone());
            let mortality = created.mortality;
            Ok(Some(Node { mortality, ..node }))
        })?;
        if created.owner != 0 {
            let owned = self.owned.entry(created.owner).or_default();
            owned.insert(path.clone());
        }
        Ok(())
    }

    fn delete(&mut self, zxid: u64, path: &str) -> Result<(), Impossible> {
        let (parent, _) = split(path).ok_or_else(|| Impossible("deletes /".to_owned()))?;
        let mut owner = 0;
        let both = [Touched::Itself, Touched::Below];
        self.paths.change(path, zxid, &both, |node| {
            let node = existing(node, path)?;
            if node.children != 0 {
                return Err(Impossible(format!(
                    "{path} is deleted though it has children"
                )));
            }
            owner = node.owner;
            Ok(None)
        })?;
        if let Some(owned) = self.owned.get_mut(&owner) {
            owned.remove(path);
        }
        self.paths.change(parent, zxid, &[Touched::Below], |above| {
            Ok(Some(existing(above, parent)?.with_one_less(zxid)))
        })
    }

    fn close(&mut self, session: i64, zxid: u64, paths: &[SmolStr]) -> Result<(), Impossible> {
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
}

fn existing<'n>(node: Option<&'n Node>, path: &str) -> Result<&'n Node, Impossible> {
    node.ok_or_else(|| Impossible(format!("{path} does not exist")))
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
