//! A tree from the bytes of a snapshot, which may be damaged in any way.

use super::node_record::{self, NodeRecord};
use super::record::{FORMAT, PREFIX_BYTES, RECORD_BYTES_MAX, Record};
use crate::fetch::{AT_ONCE, fetch_data};
use crate::name::Name;
use crate::node::{NO_NODE, Node, NodeIndex, ROOT, kind_of_owner};
use crate::path_index::PathIndex;
use crate::quota::Usage;
use crate::{Tree, TreeConfig};
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;
use zk_types::{Acl, Bytes, NodeKind, ZnodePath, Zxid};

/// Why bytes are no snapshot of a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{damage}, noticed at byte {at}")]
pub struct LoadError {
    /// Where the record begins that shows the damage; the end for what only the whole shows.
    pub at: u64,
    /// What is wrong.
    pub damage: Damage,
}

/// What can be wrong with a snapshot of a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// A length that no record has.
    #[error("a record's length is impossible")]
    Length,
    /// A record that cannot be decoded, or is followed by something within its length.
    #[error("a record cannot be decoded")]
    Undecodable,
    /// A format of another version.
    #[error("the format is unknown")]
    Format,
    /// A record where it may not stand.
    #[error("a record stands out of order")]
    Order,
    /// The bytes end too early.
    #[error("the end is missing")]
    Incomplete,
    /// Not as many nodes as announced.
    #[error("the number of nodes is wrong")]
    NodeCount,
    /// A name that no node may have.
    #[error("a node's name is not valid")]
    Name,
    /// A kind of node that does not exist.
    #[error("a node's kind is not valid")]
    Kind,
    /// A reference to an access list that was not given, or a number given twice.
    #[error("an access list is missing or given twice")]
    AclId,
    /// A reference to a parent that is not there.
    #[error("a node's parent is missing")]
    Parent,
    /// Children that are not as many as stated, or children of an ephemeral node.
    #[error("a node's children are not as stated")]
    Children,
    /// A node that is not below the root.
    #[error("a node is its own ancestor")]
    Cycle,
    /// Two nodes with one path.
    #[error("two nodes have the same path")]
    Duplicate,
    /// One of the nodes that every tree has is missing.
    #[error("a node that every tree has is missing")]
    BuiltIn,
    /// A quota without its limits.
    #[error("a quota is not valid")]
    Quota,
    /// The nodes do not have the stated digest.
    #[error("the digest is wrong")]
    Digest,
}

/// Builds a tree from the bytes of a snapshot, cut anywhere.
///
/// Nodes go straight to where they stay: the places are those of the snapshot, without its free
/// ones. Memory grows with the bytes pushed, never with a number they claim.
#[derive(Clone, Debug)]
pub struct Loader {
    tree: Tree,
    /// Bytes taken so far, up to the record at hand.
    offset: u64,
    /// The beginning of a record whose end was not pushed yet.
    partial: Vec<u8>,
    phase: Phase,
    stated: Stated,
    places: Places,
    acls: BTreeMap<u32, u32>,
    quotas: Vec<(Box<str>, Usage)>,
    scratch: String,
    failed: Option<LoadError>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    BeforeHead,
    Quotas,
    Nodes,
    Ended,
}

#[derive(Clone, Copy, Debug, Default)]
struct Stated {
    zxid: Zxid,
    digest: u64,
    nodes: u64,
}

impl Loader {
    /// A loader that has seen nothing yet.
    pub fn new(config: TreeConfig) -> Self {
        Loader {
            tree: Tree::without_nodes(config),
            offset: 0,
            partial: Vec::new(),
            phase: Phase::BeforeHead,
            stated: Stated::default(),
            places: Places::default(),
            acls: BTreeMap::new(),
            quotas: Vec::new(),
            scratch: String::new(),
            failed: None,
        }
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// The first damage found; it is given again from then on.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), LoadError> {
        match self.failed {
            Some(error) => Err(error),
            None => self.take_bytes(bytes).map_err(|damage| self.fail(damage)),
        }
    }

    /// The tree, once all bytes were pushed.
    ///
    /// # Errors
    /// What the bytes lack, or where they contradict themselves.
    pub fn finish(mut self) -> Result<Tree, LoadError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        match self.complete() {
            Ok(()) => Ok(self.tree),
            Err(damage) => Err(self.fail(damage)),
        }
    }

    fn fail(&mut self, damage: Damage) -> LoadError {
        let error = LoadError {
            at: self.offset,
            damage,
        };
        self.failed = Some(error);
        error
    }

    fn take_bytes(&mut self, mut bytes: &[u8]) -> Result<(), Damage> {
        while !bytes.is_empty() {
            if self.partial.is_empty()
                && let Some(length) = record_length(bytes)?
                && let Some((record, rest)) = bytes.split_at_checked(length)
            {
                self.take_record(&record[PREFIX_BYTES..])?;
                self.offset += u64::try_from(length).expect("a record's length is bounded");
                bytes = rest;
                continue;
            }
            let wanted = record_length(&self.partial)?.unwrap_or(PREFIX_BYTES);
            let (taken, rest) = bytes.split_at(bytes.len().min(wanted - self.partial.len()));
            self.partial.extend_from_slice(taken);
            bytes = rest;
            if record_length(&self.partial)? == Some(self.partial.len()) {
                let record = core::mem::take(&mut self.partial);
                self.take_record(&record[PREFIX_BYTES..])?;
                self.offset += u64::try_from(record.len()).expect("a record's length is bounded");
            }
        }
        Ok(())
    }

    fn take_record(&mut self, bytes: &[u8]) -> Result<(), Damage> {
        if bytes.first() == Some(&node_record::TAG) {
            let record = NodeRecord::read(bytes).ok_or(Damage::Undecodable)?;
            return match self.phase {
                Phase::Nodes => self.take_node(&record),
                Phase::BeforeHead | Phase::Quotas | Phase::Ended => Err(Damage::Order),
            };
        }
        let (record, rest) =
            postcard::take_from_bytes::<Record<'_>>(bytes).map_err(|_| Damage::Undecodable)?;
        if !rest.is_empty() {
            return Err(Damage::Undecodable);
        }
        match (self.phase, record) {
            (
                Phase::BeforeHead,
                Record::Head {
                    format,
                    zxid,
                    digest,
                    nodes,
                },
            ) => {
                if format != FORMAT {
                    return Err(Damage::Format);
                }
                self.stated = Stated {
                    zxid,
                    digest,
                    nodes,
                };
                self.phase = Phase::Quotas;
                Ok(())
            }
            (Phase::Quotas, Record::Quota { path, count, bytes }) => {
                if path == "/" || ZnodePath::validate(path).is_err() {
                    return Err(Damage::Quota);
                }
                self.quotas.push((Box::from(path), Usage { count, bytes }));
                Ok(())
            }
            (Phase::Quotas | Phase::Nodes, Record::Acl { id, entries }) => {
                self.phase = Phase::Nodes;
                self.take_acl(id, &entries)
            }
            (Phase::Nodes, Record::End) => {
                self.phase = Phase::Ended;
                Ok(())
            }
            (
                Phase::BeforeHead | Phase::Quotas | Phase::Nodes | Phase::Ended,
                Record::Head { .. } | Record::Quota { .. } | Record::Acl { .. } | Record::End,
            ) => Err(Damage::Order),
        }
    }

    /// The loader itself is a user of every list until the end, so that none is freed.
    fn take_acl(&mut self, id: u32, entries: &[Acl]) -> Result<(), Damage> {
        let own = self.tree.acls.intern(entries);
        match self.acls.insert(id, own) {
            None => Ok(()),
            Some(_) => Err(Damage::AclId),
        }
    }

    fn take_node(&mut self, record: &NodeRecord<'_>) -> Result<(), Damage> {
        if self.tree.nodes.slots() == 0 {
            if record.index != ROOT || record.parent != NO_NODE || !record.name.is_empty() {
                return Err(Damage::Order);
            }
        } else {
            if u64::from(record.index) < self.places.next {
                return Err(Damage::Order);
            }
            self.check_name(record.name)?;
        }
        if let NodeKind::Ttl(0) = kind_of_owner(record.owner) {
            return Err(Damage::Kind);
        }
        let acl = *self.acls.get(&record.acl).ok_or(Damage::AclId)?;
        self.tree.acls.retain(acl);
        let index = self.tree.nodes.insert(Node {
            name: Name::new(record.name),
            data: record.data.map(Bytes::from),
            czxid: record.czxid,
            mzxid: record.mzxid,
            pzxid: record.pzxid,
            ctime: record.ctime,
            mtime: record.mtime,
            owner: record.owner,
            version: record.version,
            cversion: record.cversion,
            aversion: record.aversion,
            parent: record.parent,
            first_child: NO_NODE,
            next_sibling: NO_NODE,
            previous_sibling: NO_NODE,
            children: 0,
            acl,
            // How many children are stated, until it is named.
            path_hash: record.children,
        });
        self.places.push(record.index, index);
        Ok(())
    }

    fn check_name(&mut self, name: &str) -> Result<(), Damage> {
        self.scratch.clear();
        self.scratch.push('/');
        self.scratch.push_str(name);
        if name.contains('/') || ZnodePath::validate(&self.scratch).is_err() {
            return Err(Damage::Name);
        }
        Ok(())
    }

    fn complete(&mut self) -> Result<(), Damage> {
        if self.phase != Phase::Ended || !self.partial.is_empty() {
            return Err(Damage::Incomplete);
        }
        if u64::from(self.tree.nodes.slots()) != self.stated.nodes {
            return Err(Damage::NodeCount);
        }
        self.join_families()?;
        self.name_all()?;
        for &own in self.acls.values() {
            self.tree.acls.release(own);
        }
        if self.tree.digest() != self.stated.digest {
            return Err(Damage::Digest);
        }
        for path in ["/zookeeper", "/zookeeper/quota", "/zookeeper/config"] {
            self.tree.find(path).ok_or(Damage::BuiltIn)?;
        }
        for (path, usage) in &self.quotas {
            if !self.tree.restore_quota(path, *usage) {
                return Err(Damage::Quota);
            }
        }
        self.tree.last_zxid = self.stated.zxid;
        Ok(())
    }

    /// Turns the parents' places in the snapshot into places here, and lists children.
    fn join_families(&mut self) -> Result<(), Damage> {
        let mut latest = (ROOT, ROOT);
        let mut disordered = BTreeSet::new();
        let slots = self.tree.nodes.slots();
        for index in 1..slots {
            let place = self.tree.nodes[index].parent;
            if place != latest.0 {
                latest = (place, self.places.find(place, slots).ok_or(Damage::Parent)?);
            }
            self.tree.nodes[index].parent = latest.1;
            let first = self.tree.nodes[latest.1].first_child;
            if first != NO_NODE && self.tree.nodes[first].czxid > self.tree.nodes[index].czxid {
                disordered.insert(latest.1);
            }
            self.tree.link(latest.1, index);
        }
        for parent in disordered {
            self.order_children(parent);
        }
        for index in ROOT..slots {
            let node = &self.tree.nodes[index];
            let stated = node.path_hash;
            let is_ephemeral = matches!(node.kind(), NodeKind::Ephemeral(_));
            if node.children != stated || (is_ephemeral && stated > 0) {
                return Err(Damage::Children);
            }
        }
        Ok(())
    }

    /// Lists the children again, the later created first: places that became free were taken by
    /// later nodes.
    fn order_children(&mut self, parent: NodeIndex) {
        let nodes = &mut self.tree.nodes;
        let mut children = Vec::new();
        let mut at = nodes[parent].first_child;
        while at != NO_NODE {
            children.push((nodes[at].czxid, at));
            at = nodes[at].next_sibling;
        }
        children.sort_unstable();
        nodes[parent].first_child = NO_NODE;
        nodes[parent].children = 0;
        for (_, child) in children {
            self.tree.link(parent, child);
        }
    }

    /// Walks down from the root and enters every node under its path. A node that is its own
    /// ancestor is not below the root and stays unseen.
    fn name_all(&mut self) -> Result<(), Damage> {
        let tree = &mut self.tree;
        let count = usize::try_from(tree.nodes.slots()).expect("addresses have 32 bits or more");
        // The log that follows makes more of them.
        tree.index = PathIndex::with_capacity(count + count / 4);
        tree.nodes[ROOT].path_hash = tree.hash("/");
        tree.enter("/", ROOT);
        let mut path = String::new();
        let mut batch = Batch::default();
        let mut at = tree.nodes[ROOT].first_child;
        while at != NO_NODE {
            path.push('/');
            path.push_str(tree.nodes[at].name.as_str());
            batch.push(&path, at, tree.hash(&path));
            at = next_in_preorder(tree, at, &mut path);
            if batch.nodes.len() == AT_ONCE || at == NO_NODE {
                batch.enter(tree)?;
            }
        }
        if tree.node_count == count {
            Ok(())
        } else {
            Err(Damage::Cycle)
        }
    }
}

/// Where the places of a snapshot are in the tree: each run of places without a gap, as the first
/// of it there and here.
#[derive(Clone, Debug, Default)]
struct Places {
    runs: Vec<(NodeIndex, NodeIndex)>,
    /// The first place in the snapshot after all of them.
    next: u64,
}

impl Places {
    /// A place that is not before `next`.
    fn push(&mut self, place: NodeIndex, index: NodeIndex) {
        if u64::from(place) != self.next || self.runs.is_empty() {
            self.runs.push((place, index));
        }
        self.next = u64::from(place) + 1;
    }

    /// Where a place of the snapshot is in a tree of so many nodes.
    fn find(&self, place: NodeIndex, nodes: NodeIndex) -> Option<NodeIndex> {
        let after = self.runs.partition_point(|(first, _)| *first <= place);
        let (first, index) = self.runs[..after].last()?;
        let end = self.runs.get(after).map_or(nodes, |(_, end)| *end);
        Some(index + (place - first)).filter(|found| *found < end)
    }
}

/// Nodes with their paths, to be entered together.
#[derive(Default)]
struct Batch {
    paths: String,
    /// Where each path ends, of which node it is, and its hash.
    nodes: Vec<(usize, NodeIndex, u32)>,
}

impl Batch {
    fn push(&mut self, path: &str, index: NodeIndex, hash: u32) {
        self.paths.push_str(path);
        self.nodes.push((self.paths.len(), index, hash));
    }

    fn enter(&mut self, tree: &mut Tree) -> Result<(), Damage> {
        tree.index
            .fetch(self.nodes.iter().map(|(_, _, hash)| *hash));
        fetch_data(&tree.nodes, self.nodes.iter().map(|(_, index, _)| *index));
        let mut start = 0;
        for (end, index, hash) in self.nodes.drain(..) {
            let path = &self.paths[start..end];
            if tree.find_hashed(path, hash).is_some() {
                return Err(Damage::Duplicate);
            }
            tree.nodes[index].path_hash = hash;
            tree.enter(path, index);
            start = end;
        }
        self.paths.clear();
        Ok(())
    }
}

/// The node after `at` on a walk down from the root, whose path `path` is cut back to its parent's.
fn next_in_preorder(tree: &Tree, mut at: NodeIndex, path: &mut String) -> NodeIndex {
    if tree.nodes[at].first_child != NO_NODE {
        return tree.nodes[at].first_child;
    }
    while at != ROOT {
        let node = &tree.nodes[at];
        path.truncate(path.len() - node.name.as_bytes().len() - 1);
        if node.next_sibling != NO_NODE {
            return node.next_sibling;
        }
        at = node.parent;
    }
    NO_NODE
}

/// Length of the record that `bytes` begin with, its prefix included; `None` while that is short.
fn record_length(bytes: &[u8]) -> Result<Option<usize>, Damage> {
    let Some(prefix) = bytes.first_chunk::<PREFIX_BYTES>() else {
        return Ok(None);
    };
    let length =
        usize::try_from(u32::from_be_bytes(*prefix)).expect("addresses have 32 bits or more");
    if length == 0 || length > RECORD_BYTES_MAX {
        return Err(Damage::Length);
    }
    Ok(Some(PREFIX_BYTES + length))
}
