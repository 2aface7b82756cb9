//! Has the processor fetch many nodes at once. Those of a large tree are in no cache, and one after
//! the other would be waited for.

use crate::Tree;
use crate::node::NodeIndex;
use crate::slab::Slab;
use core::array;
use core::hint::black_box;

/// How many nodes are fetched at once: about as many as a processor waits for at a time.
pub(crate) const AT_ONCE: usize = 16;

impl Tree {
    /// Fetches the nodes of paths that are about to be asked for. It pays when the tree is larger
    /// than the caches; what is no path, or none of a node, does no harm.
    pub fn fetch<'a>(&self, mut paths: impl Iterator<Item = &'a [u8]>) {
        loop {
            let mut count = 0;
            let hashes: [u32; AT_ONCE] = array::from_fn(|_| {
                let hash = paths.next().map(|path| self.hash_bytes(path));
                count += usize::from(hash.is_some());
                hash.unwrap_or_default()
            });
            let likely = hashes.map(|hash| self.index.likely(hash).unwrap_or_default());
            let likely = &likely[..count];
            fetch_nodes(&self.nodes, likely);
            fetch_data(&self.nodes, likely.iter().copied());
            if count < AT_ONCE {
                return;
            }
        }
    }
}

fn fetch_nodes(nodes: &Slab, places: &[NodeIndex]) {
    for node in places.iter().filter_map(|place| nodes.get(*place)) {
        black_box(node.children ^ node.path_hash);
    }
}

/// Fetches the first and the last of each node's data.
pub(crate) fn fetch_data(nodes: &Slab, places: impl Iterator<Item = NodeIndex>) {
    let data = |place| nodes.get(place)?.data.as_deref();
    let ends = |data: &[u8]| data.first().copied().zip(data.last().copied());
    for (first, last) in places.filter_map(data).filter_map(ends) {
        black_box(first ^ last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TreeConfig;

    #[test]
    fn any_number_of_anything_is_fetched() {
        let tree = Tree::new(TreeConfig::new([1, 2]));
        let paths: [&[u8]; 4] = [b"/zookeeper/quota", b"/", b"/none", b"\xff\0 no path"];
        for count in [0, 1, AT_ONCE - 1, AT_ONCE, AT_ONCE + 1, 5 * AT_ONCE] {
            let mut left = count;
            tree.fetch(paths.into_iter().cycle().take(count).inspect(|_| left -= 1));
            assert_eq!(left, 0, "of {count}");
        }
    }

    #[test]
    fn what_is_fetched_is_the_node_of_the_path() {
        let tree = Tree::new(TreeConfig::new([1, 2]));
        for path in ["/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config"] {
            assert_eq!(tree.index.likely(tree.hash(path)), tree.find(path));
        }
    }
}
