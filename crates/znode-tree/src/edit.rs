//! The three edits that everything else is made of: attach a node, alter it, detach it.
//!
//! They keep up the index, the lists of siblings, the figures, the digest, and what a running
//! snapshot needs; callers see to zxids, versions and notifications.

use crate::Tree;
use crate::node::{NO_NODE, Node, NodeIndex};
use zk_types::NodeKind;

impl Tree {
    /// Adds a node at `path`, whose parent it names; the parent's own fields stay, but for the
    /// list of children. The node brings its hash, and its use of its access list was counted.
    pub(crate) fn attach(&mut self, path: &str, node: Node) -> NodeIndex {
        let parent = node.parent;
        let index = self.nodes.insert(node);
        self.note_created(index);
        if parent != NO_NODE {
            self.preserve(parent);
            self.reapable.leave(parent, &self.nodes[parent]);
            self.link(parent, index);
            self.reapable.enter(parent, &self.nodes[parent]);
        }
        self.enter(path, index);
        index
    }

    /// Enters a node that has its place, links and hash into the index and all figures.
    pub(crate) fn enter(&mut self, path: &str, index: NodeIndex) {
        let nodes = &self.nodes;
        let node = &nodes[index];
        self.index
            .insert(node.path_hash, index, |other| nodes[other].path_hash);
        self.digest.add(path, node);
        self.node_count += 1;
        self.data_size += size_of_node(path, node);
        match node.kind() {
            NodeKind::Persistent => {}
            NodeKind::Ephemeral(session) => {
                self.ephemerals.entry(session).or_default().insert(index);
                self.ephemeral_count += 1;
            }
            NodeKind::Container | NodeKind::Ttl(_) => self.reapable.enter(index, node),
        }
    }

    /// Changes fields of a node, but not its links, name or kind.
    pub(crate) fn alter(&mut self, path: &str, index: NodeIndex, change: impl FnOnce(&mut Node)) {
        self.preserve(index);
        let node = &mut self.nodes[index];
        self.digest.take_away(path, node);
        self.reapable.leave(index, node);
        change(node);
        self.reapable.enter(index, node);
        self.digest.add(path, node);
    }

    /// Removes a childless node and releases its access list.
    pub(crate) fn detach(&mut self, path: &str, index: NodeIndex) {
        assert_eq!(
            self.nodes[index].children, 0,
            "only a childless node is deleted"
        );
        self.preserve(index);
        let parent = self.nodes[index].parent;
        self.preserve(parent);
        self.reapable.leave(index, &self.nodes[index]);
        self.reapable.leave(parent, &self.nodes[parent]);
        self.unlink(index);
        self.reapable.enter(parent, &self.nodes[parent]);
        self.index.remove(self.nodes[index].path_hash, index);
        let node = self.nodes.remove(index);
        self.digest.take_away(path, &node);
        self.node_count -= 1;
        self.data_size -= size_of_node(path, &node);
        self.acls.release(node.acl);
        match node.kind() {
            NodeKind::Persistent | NodeKind::Container | NodeKind::Ttl(_) => {}
            NodeKind::Ephemeral(session) => {
                let owned = self
                    .ephemerals
                    .get_mut(&session)
                    .expect("every owner is listed");
                assert!(owned.remove(&index), "every ephemeral node is listed");
                if owned.is_empty() {
                    self.ephemerals.remove(&session);
                }
                self.ephemeral_count -= 1;
            }
        }
    }

    /// Keeps the size of all data up when one node's data went from `before` to `after` bytes.
    pub(crate) fn resize_data(&mut self, before: usize, after: usize) {
        self.data_size = self.data_size - to_u64(before) + to_u64(after);
    }

    /// Puts a node at the head of its parent's list.
    pub(crate) fn link(&mut self, parent: NodeIndex, child: NodeIndex) {
        let first = self.nodes[parent].first_child;
        if first != NO_NODE {
            self.nodes[first].previous_sibling = child;
        }
        let node = &mut self.nodes[child];
        node.next_sibling = first;
        node.previous_sibling = NO_NODE;
        let node = &mut self.nodes[parent];
        node.first_child = child;
        node.children += 1;
    }

    fn unlink(&mut self, child: NodeIndex) {
        let node = &self.nodes[child];
        let (parent, previous, next) = (node.parent, node.previous_sibling, node.next_sibling);
        if previous == NO_NODE {
            self.nodes[parent].first_child = next;
        } else {
            self.nodes[previous].next_sibling = next;
        }
        if next != NO_NODE {
            self.nodes[next].previous_sibling = previous;
        }
        self.nodes[parent].children -= 1;
    }
}

fn size_of_node(path: &str, node: &Node) -> u64 {
    to_u64(path.len()) + to_u64(node.data_length())
}

fn to_u64(length: usize) -> u64 {
    u64::try_from(length).expect("addresses have 64 bits or fewer")
}
