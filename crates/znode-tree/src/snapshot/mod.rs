//! An exact snapshot while writes go on.
//!
//! A cursor walks the slab. What it has not reached is kept as it was when the snapshot began: the
//! first change of such a node saves its old self, and a node that appears in a place before the
//! cursor comes there is noted as absent. So the snapshot is exact at one zxid, beginning it costs
//! nothing, and its memory is that of the nodes changed meanwhile, whose data stays shared.
//!
//! ```text
//! slab    | written | written | old self kept | live, unchanged | new: skipped | beyond the end
//!                             ^ cursor                                         ^ end
//! ```

mod loader;
mod node_record;
mod record;

pub use loader::{Damage, LoadError, Loader};

use crate::Tree;
use crate::acl_table::{AclId, AclTable};
use crate::fetch::fetch_data;
use crate::node::{Node, NodeIndex};
use alloc::borrow::Cow;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use node_record::NodeRecord;
use record::{FORMAT, Record};

/// Nodes whose data is fetched before the first of them is written.
const AHEAD: NodeIndex = 16;

/// Room for the node with which a chunk ends.
const NODE_BYTES: usize = 2048;

/// A snapshot under way.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    /// The first place that was not looked at.
    cursor: NodeIndex,
    /// The first place that did not exist when the snapshot began.
    end: NodeIndex,
    /// Places ahead of the cursor that changed: the node as it was, `None` for a free place.
    kept: BTreeMap<NodeIndex, Option<Node>>,
    /// Access lists that were written. Their ids mean the same until the end: whoever refers to
    /// one and is not written yet is its user.
    listed: BTreeSet<AclId>,
    /// What comes before the nodes, until it is written.
    head: Vec<u8>,
    ended: bool,
}

impl Tree {
    /// Begins a snapshot of the tree as it is now. Takes no time worth mentioning; writes go on.
    ///
    /// # Panics
    /// When a snapshot is under way already.
    pub fn begin_snapshot(&mut self) {
        assert!(self.snapshot.is_none(), "one snapshot is taken at a time");
        let mut head = Vec::new();
        record::append(
            &mut head,
            &Record::Head {
                format: FORMAT,
                zxid: self.last_zxid,
                digest: self.digest(),
                nodes: u64::try_from(self.node_count).expect("addresses have 64 bits or fewer"),
            },
        );
        for (path, usage) in self.quotas.iter() {
            let record = Record::Quota {
                path,
                count: usage.count,
                bytes: usage.bytes,
            };
            record::append(&mut head, &record);
        }
        self.snapshot = Some(Snapshot {
            cursor: 0,
            end: self.nodes.slots(),
            kept: BTreeMap::new(),
            listed: BTreeSet::new(),
            head,
            ended: false,
        });
    }

    /// Whether a snapshot is under way.
    pub fn is_snapshotting(&self) -> bool {
        self.snapshot.is_some()
    }

    /// The next bytes of the snapshot, about `bytes_max` of them: one node more at most. `None`
    /// when everything was given; the snapshot is over then.
    ///
    /// # Panics
    /// When no snapshot is under way.
    pub fn snapshot_chunk(&mut self, bytes_max: usize) -> Option<Vec<u8>> {
        let snapshot = self.snapshot.as_mut().expect("a snapshot is under way");
        if snapshot.ended {
            self.snapshot = None;
            return None;
        }
        let mut chunk = core::mem::take(&mut snapshot.head);
        chunk.reserve(bytes_max + NODE_BYTES);
        while snapshot.cursor < snapshot.end {
            if chunk.len() >= bytes_max && !chunk.is_empty() {
                return Some(chunk);
            }
            let index = snapshot.cursor;
            if index.is_multiple_of(AHEAD) {
                fetch_data(&self.nodes, index..snapshot.end.min(index + AHEAD));
            }
            snapshot.cursor += 1;
            match snapshot.kept.remove(&index) {
                Some(Some(node)) => {
                    snapshot.append_node(&mut chunk, index, &node, &self.acls);
                    self.acls.release(node.acl);
                }
                Some(None) => {}
                None => {
                    if let Some(node) = self.nodes.get(index) {
                        snapshot.append_node(&mut chunk, index, node, &self.acls);
                    }
                }
            }
        }
        record::append(&mut chunk, &Record::End);
        snapshot.ended = true;
        Some(chunk)
    }

    /// Gives up the snapshot under way, if there is one.
    pub fn abandon_snapshot(&mut self) {
        let Some(snapshot) = self.snapshot.take() else {
            return;
        };
        for node in snapshot.kept.into_values().flatten() {
            self.acls.release(node.acl);
        }
    }

    /// Called when a node has appeared.
    pub(crate) fn note_created(&mut self, index: NodeIndex) {
        if let Some(snapshot) = &mut self.snapshot
            && snapshot.is_ahead(index)
        {
            snapshot.kept.entry(index).or_insert(None);
        }
    }

    /// Called before a node changes or disappears.
    pub(crate) fn preserve(&mut self, index: NodeIndex) {
        if let Some(snapshot) = &mut self.snapshot
            && snapshot.is_ahead(index)
            && !snapshot.kept.contains_key(&index)
        {
            let node = self.nodes[index].clone();
            self.acls.retain(node.acl);
            snapshot.kept.insert(index, Some(node));
        }
    }
}

impl Snapshot {
    fn is_ahead(&self, index: NodeIndex) -> bool {
        zk_types::mutant!(
            "snapshot-shows-later-changes",
            (self.cursor..self.end).contains(&index),
            false
        )
    }

    fn append_node(&mut self, chunk: &mut Vec<u8>, index: NodeIndex, node: &Node, acls: &AclTable) {
        if self.listed.insert(node.acl) {
            let entries = Cow::Borrowed(&**acls.get(node.acl));
            record::append(
                chunk,
                &Record::Acl {
                    id: node.acl,
                    entries,
                },
            );
        }
        let record = NodeRecord {
            index,
            parent: node.parent,
            name: node.name.as_str(),
            data: node.data.as_deref(),
            acl: node.acl,
            children: node.children,
            czxid: node.czxid,
            mzxid: node.mzxid,
            pzxid: node.pzxid,
            ctime: node.ctime,
            mtime: node.mtime,
            owner: node.owner,
            version: node.version,
            cversion: node.cversion,
            aversion: node.aversion,
        };
        record.append(chunk);
    }
}
