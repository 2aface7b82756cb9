//! What a leader has prepared and not yet applied.
//!
//! Every note is kept in the order it was made, with what it replaced. Applied transactions are
//! forgotten from the front, a failed multi is undone from the back.

use crate::node::{kind_of_owner, reported_cversion, reported_owner};
use crate::path_index::spread;
use crate::quota::Usage;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::sync::Arc;
use core::fmt;
use core::ops::Bound;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use zk_types::{Acl, NodeKind, SessionId, Stat, WallTime, Zxid};

/// The changes of transactions that were prepared but not applied, so that the next request is
/// checked against the state it will meet.
///
/// A leader owns one, starts with an empty one when it takes office, settles it after each
/// applied transaction, and drops it when it resigns.
#[derive(Clone, Debug, Default)]
pub struct Pending {
    /// The last pending state of each node, by the hash of its path.
    nodes: HashTable<PendingNode>,
    ordered: Ordered,
    notes: VecDeque<(Zxid, Note)>,
    /// Paths of ephemeral nodes that each session creates, in order; some may be deleted again.
    created: BTreeMap<SessionId, VecDeque<Arc<str>>>,
    /// How often each session is being closed.
    closing: BTreeMap<SessionId, usize>,
    /// Changes of usage by quota.
    usage: BTreeMap<Arc<str>, Usage>,
}

/// The paths of pending nodes in order, kept from the first question for a subtree until nothing
/// is pending: most leaders are never asked.
#[derive(Clone, Default)]
struct Ordered(Option<BTreeSet<Arc<str>>>);

impl fmt::Debug for Ordered {
    /// Shows nothing: it holds nothing that the nodes do not.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ordered")
    }
}

/// What has to be known about a node to check a request.
#[derive(Clone, Debug)]
pub(crate) struct NodeState {
    pub(crate) czxid: Zxid,
    pub(crate) mzxid: Zxid,
    pub(crate) pzxid: Zxid,
    pub(crate) ctime: WallTime,
    pub(crate) owner: i64,
    pub(crate) version: i32,
    pub(crate) cversion: i32,
    pub(crate) aversion: i32,
    pub(crate) children: u32,
    pub(crate) mtime: WallTime,
    pub(crate) data_length: usize,
    pub(crate) acl: Arc<[Acl]>,
}

impl NodeState {
    pub(crate) fn kind(&self) -> NodeKind {
        kind_of_owner(self.owner)
    }

    pub(crate) fn stat(&self) -> Stat {
        Stat {
            czxid: self.czxid,
            mzxid: self.mzxid,
            ctime: self.ctime,
            mtime: self.mtime,
            version: self.version,
            cversion: reported_cversion(self.cversion, self.children),
            aversion: self.aversion,
            ephemeral_owner: reported_owner(self.owner),
            data_length: i32::try_from(self.data_length).unwrap_or(i32::MAX),
            num_children: i32::try_from(self.children).unwrap_or(i32::MAX),
            pzxid: self.pzxid,
        }
    }
}

#[derive(Clone, Debug)]
struct PendingNode {
    path: Arc<str>,
    hash: u32,
    zxid: Zxid,
    /// `None` when the node is deleted.
    state: Option<NodeState>,
}

#[derive(Clone, Debug)]
enum Note {
    Node {
        path: Arc<str>,
        hash: u32,
        replaced: Option<(Zxid, Option<NodeState>)>,
    },
    Created(SessionId),
    Closing(SessionId),
    Used(Arc<str>, Usage),
}

impl Pending {
    /// Nothing pending.
    pub fn new() -> Self {
        Pending::default()
    }

    /// Forgets the changes of all transactions up to `upto`, which the tree now holds.
    pub fn settle(&mut self, upto: Zxid) {
        while self.notes.front().is_some_and(|(zxid, _)| *zxid <= upto) {
            let (_, note) = self.notes.pop_front().expect("the front was just seen");
            match note {
                Note::Node {
                    path,
                    hash,
                    replaced: _,
                } => {
                    if let Ok(entry) = self
                        .nodes
                        .find_entry(spread(hash), |node| node.path == path)
                        && zk_types::mutant!(
                            "newer-pending-change-settled",
                            entry.get().zxid <= upto,
                            true
                        )
                    {
                        entry.remove();
                        if let Some(ordered) = &mut self.ordered.0 {
                            ordered.remove(&path);
                        }
                    }
                }
                Note::Created(session) => {
                    let created = self.created.get_mut(&session).expect("it was noted");
                    created.pop_front();
                    if created.is_empty() {
                        self.created.remove(&session);
                    }
                }
                Note::Closing(session) => self.forget_closing(session),
                Note::Used(quota, usage) => self.forget_usage(quota, usage),
            }
        }
        if self.notes.is_empty() {
            self.ordered.0 = None;
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Pending::default();
    }

    /// Whether nothing is pending.
    pub fn is_empty(&self) -> bool {
        self.notes.is_empty()
    }

    /// How many changes are remembered; a transaction makes a few.
    pub fn len(&self) -> usize {
        self.notes.len()
    }
}

impl Pending {
    /// The last transaction that left a note.
    pub(crate) fn last_zxid(&self) -> Zxid {
        self.notes.back().map_or(Zxid::ZERO, |(zxid, _)| *zxid)
    }

    /// The pending state of a node: `None` when nothing is pending, `Some(None)` when deleted.
    pub(crate) fn node(&self, path: &str, hash: u32) -> Option<Option<&NodeState>> {
        self.nodes
            .find(spread(hash), |node| &*node.path == path)
            .map(|node| node.state.as_ref())
    }

    /// Paths that are changed and begin with `prefix`, in order, those of deleted nodes among
    /// them. The first call since nothing was pending takes time in proportion to all that is.
    pub(crate) fn changed_below(&mut self, prefix: &str) -> impl Iterator<Item = &Arc<str>> {
        let ordered = self.ordered.0.get_or_insert_with(|| {
            self.nodes
                .iter()
                .map(|node| Arc::clone(&node.path))
                .collect()
        });
        ordered
            .range::<str, _>((Bound::Included(prefix), Bound::Unbounded))
            .take_while(move |path| path.starts_with(prefix))
    }

    /// Notes what `zxid` makes of a node; `None` deletes it.
    pub(crate) fn note_node(
        &mut self,
        zxid: Zxid,
        path: &str,
        hash: u32,
        state: Option<NodeState>,
    ) {
        let entry = self.nodes.entry(
            spread(hash),
            |node| &*node.path == path,
            |node| spread(node.hash),
        );
        let note = match entry {
            Entry::Occupied(mut entry) => {
                let node = entry.get_mut();
                let replaced = (node.zxid, core::mem::replace(&mut node.state, state));
                node.zxid = zxid;
                Note::Node {
                    path: Arc::clone(&node.path),
                    hash,
                    replaced: Some(replaced),
                }
            }
            Entry::Vacant(entry) => {
                let path: Arc<str> = Arc::from(path);
                if let Some(ordered) = &mut self.ordered.0 {
                    ordered.insert(Arc::clone(&path));
                }
                entry.insert(PendingNode {
                    path: Arc::clone(&path),
                    hash,
                    zxid,
                    state,
                });
                Note::Node {
                    path,
                    hash,
                    replaced: None,
                }
            }
        };
        self.notes.push_back((zxid, note));
    }

    /// Notes that `session` creates the ephemeral node `path`.
    pub(crate) fn note_created(&mut self, zxid: Zxid, session: SessionId, path: &str) {
        self.created
            .entry(session)
            .or_default()
            .push_back(Arc::from(path));
        self.notes.push_back((zxid, Note::Created(session)));
    }

    /// Paths of ephemeral nodes that the session creates, some perhaps deleted again or repeated.
    pub(crate) fn created_by(&self, session: SessionId) -> impl Iterator<Item = &str> {
        self.created
            .get(&session)
            .into_iter()
            .flatten()
            .map(|path| &**path)
    }

    pub(crate) fn note_closing(&mut self, zxid: Zxid, session: SessionId) {
        *self.closing.entry(session).or_default() += 1;
        self.notes.push_back((zxid, Note::Closing(session)));
    }

    pub(crate) fn is_closing(&self, session: SessionId) -> bool {
        self.closing.contains_key(&session)
    }

    pub(crate) fn note_usage(&mut self, zxid: Zxid, quota: &str, change: Usage) {
        let quota: Arc<str> = Arc::from(quota);
        let usage = self.usage.entry(Arc::clone(&quota)).or_default();
        *usage = usage.plus(change);
        self.notes.push_back((zxid, Note::Used(quota, change)));
    }

    pub(crate) fn usage(&self, quota: &str) -> Usage {
        self.usage.get(quota).copied().unwrap_or_default()
    }

    /// Undoes the latest notes until `length` are left.
    pub(crate) fn roll_back(&mut self, length: usize) {
        while self.notes.len() > length {
            let (_, note) = self
                .notes
                .pop_back()
                .expect("there are more notes than are kept");
            match note {
                Note::Node {
                    path,
                    hash,
                    replaced,
                } => {
                    let mut entry = self
                        .nodes
                        .find_entry(spread(hash), |node| node.path == path)
                        .expect("a noted node is listed until it is settled");
                    match replaced {
                        Some((zxid, state)) => {
                            entry.get_mut().zxid = zxid;
                            entry.get_mut().state = state;
                        }
                        None => {
                            entry.remove();
                            if let Some(ordered) = &mut self.ordered.0 {
                                ordered.remove(&path);
                            }
                        }
                    }
                }
                Note::Created(session) => {
                    let created = self.created.get_mut(&session).expect("it was noted");
                    created.pop_back();
                    if created.is_empty() {
                        self.created.remove(&session);
                    }
                }
                Note::Closing(session) => self.forget_closing(session),
                Note::Used(quota, usage) => self.forget_usage(quota, usage),
            }
        }
    }

    fn forget_closing(&mut self, session: SessionId) {
        let count = self.closing.get_mut(&session).expect("it was noted");
        *count -= 1;
        if *count == 0 {
            self.closing.remove(&session);
        }
    }

    /// A quota whose changes add up to nothing is not listed, though more of them may be noted.
    fn forget_usage(&mut self, quota: Arc<str>, change: Usage) {
        let rest = self.usage(&quota).minus(change);
        if rest == Usage::default() {
            self.usage.remove(&quota);
        } else {
            self.usage.insert(quota, rest);
        }
    }
}
