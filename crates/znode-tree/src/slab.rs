//! Nodes in fixed chunks, addressed by index, with a list of the free places.

use crate::node::{NO_NODE, Node, NodeIndex};
use alloc::vec::Vec;

/// Nodes per chunk; a power of two. Chunks never move, so growth copies nothing.
const CHUNK_NODES: usize = 1024;

/// All nodes of a tree.
#[derive(Clone, Debug, Default)]
pub(crate) struct Slab {
    chunks: Vec<Vec<Option<Node>>>,
    free: Vec<NodeIndex>,
    slots: u32,
}

impl Slab {
    /// Number of places, free ones included: every index is below it.
    pub(crate) fn slots(&self) -> u32 {
        self.slots
    }

    pub(crate) fn insert(&mut self, node: Node) -> NodeIndex {
        if let Some(index) = self.free.pop() {
            *self.slot_mut(index) = Some(node);
            return index;
        }
        let index = self.slots;
        assert!(index < NO_NODE, "a tree holds fewer than 2^32 - 1 nodes");
        match self.chunks.last_mut() {
            Some(chunk) if chunk.len() < CHUNK_NODES => chunk.push(Some(node)),
            Some(_) | None => {
                let mut chunk = Vec::with_capacity(CHUNK_NODES);
                chunk.push(Some(node));
                self.chunks.push(chunk);
            }
        }
        self.slots += 1;
        index
    }

    pub(crate) fn remove(&mut self, index: NodeIndex) -> Node {
        let node = self
            .slot_mut(index)
            .take()
            .expect("only a live node is removed");
        self.free.push(index);
        node
    }

    /// The node at `index`, or `None` when the place is free or beyond the end.
    pub(crate) fn get(&self, index: NodeIndex) -> Option<&Node> {
        let (chunk, offset) = place(index);
        self.chunks.get(chunk)?.get(offset)?.as_ref()
    }

    fn slot_mut(&mut self, index: NodeIndex) -> &mut Option<Node> {
        let (chunk, offset) = place(index);
        &mut self.chunks[chunk][offset]
    }
}

impl core::ops::Index<NodeIndex> for Slab {
    type Output = Node;

    fn index(&self, index: NodeIndex) -> &Node {
        self.get(index)
            .expect("an index held by the tree is a live node")
    }
}

impl core::ops::IndexMut<NodeIndex> for Slab {
    fn index_mut(&mut self, index: NodeIndex) -> &mut Node {
        self.slot_mut(index)
            .as_mut()
            .expect("an index held by the tree is a live node")
    }
}

fn place(index: NodeIndex) -> (usize, usize) {
    let index = usize::try_from(index).expect("addresses have 32 bits or more");
    (index / CHUNK_NODES, index % CHUNK_NODES)
}
