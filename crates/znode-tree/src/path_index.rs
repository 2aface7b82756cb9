//! Every node by the hash of its path, in parts that grow each for itself.
//!
//! A table that grows looks at every node that it holds: of a million, for longer than a write may
//! be held up.

use crate::node::NodeIndex;
use alloc::vec::Vec;
use core::hint::black_box;
use hashbrown::HashTable;

/// A power of two, 512 at most. A part of a tree of ten million nodes grows in a few milliseconds.
const PARTS: usize = 256;

/// Every node by the hash of its path.
#[derive(Clone, Debug)]
pub(crate) struct PathIndex {
    parts: Vec<HashTable<NodeIndex>>,
}

impl PathIndex {
    /// Without any node, and with room for so many.
    pub(crate) fn with_capacity(nodes: usize) -> PathIndex {
        let parts = core::iter::repeat_with(|| HashTable::with_capacity(nodes / PARTS));
        PathIndex {
            parts: parts.take(PARTS).collect(),
        }
    }

    /// The node with this hash that `is_it`.
    pub(crate) fn find(
        &self,
        hash: u32,
        mut is_it: impl FnMut(NodeIndex) -> bool,
    ) -> Option<NodeIndex> {
        let spread = spread(hash);
        let part = &self.parts[part(spread)];
        part.find(spread, |&index| is_it(index)).copied()
    }

    /// A node that is most likely the one with this hash, if there is one.
    pub(crate) fn likely(&self, hash: u32) -> Option<NodeIndex> {
        self.find(hash, |_| true)
    }

    /// Fetches where these hashes are, or would be.
    pub(crate) fn fetch(&self, hashes: impl Iterator<Item = u32>) {
        hashes.for_each(|hash| {
            black_box(self.likely(hash));
        });
    }

    /// Enters a node that is not there; `hash_of` says the hashes of the others.
    pub(crate) fn insert(
        &mut self,
        hash: u32,
        index: NodeIndex,
        hash_of: impl Fn(NodeIndex) -> u32,
    ) {
        let hash = spread(hash);
        self.parts[part(hash)].insert_unique(hash, index, |&other| spread(hash_of(other)));
    }

    /// Takes out a node.
    ///
    /// # Panics
    /// When it is not there.
    pub(crate) fn remove(&mut self, hash: u32, index: NodeIndex) {
        let hash = spread(hash);
        self.parts[part(hash)]
            .find_entry(hash, |&other| other == index)
            .expect("every node is in the index")
            .remove();
    }
}

/// The hash as a table wants it: its low bits choose a place, its highest seven a tag.
pub(crate) fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// Chosen by bits that neither the place nor the tag uses.
fn part(spread: u64) -> usize {
    usize::try_from((spread >> 48) & 0x1ff).expect("nine bits fit") % PARTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_spread_over_all_parts_and_found_there() {
        let mut index = PathIndex::with_capacity(0);
        let hash_of = |node: NodeIndex| node.wrapping_mul(0x2545_f491);
        for node in 0..100_000 {
            index.insert(hash_of(node), node, hash_of);
        }
        for part in &index.parts {
            assert!((250..600).contains(&part.len()), "{}", part.len());
        }
        for node in 0..100_000 {
            assert_eq!(index.find(hash_of(node), |it| it == node), Some(node));
            index.remove(hash_of(node), node);
            assert_eq!(index.find(hash_of(node), |it| it == node), None);
        }
    }
}
