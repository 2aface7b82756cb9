//! Apache's tree digest, version 2: a wrapping sum over nodes, so that it is kept up by difference.
//!
//! What a node adds is laid out when it changes, and summed with others later: a sum over bytes
//! that were just written waits until the cache has them.

use crate::node::Node;
use alloc::vec::Vec;
use crc32fast::Hasher;

/// The digest of a tree, up to date whenever it is asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Digest {
    summed: u64,
    /// Layouts that are not summed yet, one after the other.
    layouts: Vec<u8>,
    /// Where each of them ends, and what becomes of its sum.
    waiting: Vec<(usize, Change)>,
}

#[derive(Clone, Copy, Debug)]
enum Change {
    Adds,
    TakesAway,
}

impl Digest {
    /// Counts a node as it is now; the nodes below `/zookeeper` count for nothing.
    ///
    /// Source: `operations.md` §5.4.
    pub(crate) fn add(&mut self, path: &str, node: &Node) {
        self.note(path, node, Change::Adds);
    }

    /// Counts a node no more that was counted as it is now.
    pub(crate) fn take_away(&mut self, path: &str, node: &Node) {
        self.note(path, node, Change::TakesAway);
    }

    pub(crate) fn value(&self) -> u64 {
        let mut start = 0;
        let mut value = self.summed;
        for &(end, change) in &self.waiting {
            let sum = crc32fast::hash(&self.layouts[start..end]);
            value = change.done_to(value, sum);
            start = end;
        }
        value
    }

    fn note(&mut self, path: &str, node: &Node, change: Change) {
        if path.starts_with("/zookeeper/") {
            return;
        }
        let path = if path == "/" { "" } else { path };
        let data = node.data.as_deref().unwrap_or_default();
        if path.len() + data.len() > COPIED_BYTES_MAX {
            let mut fixed = [0; FIXED_BYTES];
            lay_out_fixed(node, &mut fixed);
            let mut hasher = Hasher::new();
            for part in [path.as_bytes(), data, &fixed] {
                hasher.update(part);
            }
            self.summed = change.done_to(self.summed, hasher.finalize());
            return;
        }
        self.layouts.extend_from_slice(path.as_bytes());
        self.layouts.extend_from_slice(data);
        let start = self.layouts.len();
        self.layouts.resize(start + FIXED_BYTES, 0);
        lay_out_fixed(node, &mut self.layouts[start..]);
        self.waiting.push((start + FIXED_BYTES, change));
        if self.waiting.len() == WAITING_MAX {
            self.summed = self.value();
            self.waiting.clear();
            self.layouts.clear();
        }
    }
}

impl Change {
    fn done_to(self, value: u64, sum: u32) -> u64 {
        match self {
            Change::Adds => value.wrapping_add(sum.into()),
            Change::TakesAway => value.wrapping_sub(sum.into()),
        }
    }
}

fn lay_out_fixed(node: &Node, place: &mut [u8]) {
    let (words, rest) = place.split_at_mut(40);
    let (versions, owner) = rest.split_at_mut(12);
    let times = [
        node.czxid.0,
        node.mzxid.0,
        node.pzxid.0,
        node.ctime.0.cast_unsigned(),
        node.mtime.0.cast_unsigned(),
    ];
    for (place, word) in words.chunks_exact_mut(8).zip(times) {
        place.copy_from_slice(&word.to_be_bytes());
    }
    let counts = [node.version, node.cversion, node.aversion];
    for (place, version) in versions.chunks_exact_mut(4).zip(counts) {
        place.copy_from_slice(&version.to_be_bytes());
    }
    owner.copy_from_slice(&node.owner.to_be_bytes());
}

const FIXED_BYTES: usize = 60;
/// A longer layout is not worth a copy.
const COPIED_BYTES_MAX: usize = 1_024;
const WAITING_MAX: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::Name;
    use crate::node::NO_NODE;
    use zk_types::{Bytes, WallTime, Zxid};

    fn node(data: &[u8], version: i32) -> Node {
        Node {
            name: Name::new("n"),
            data: Some(Bytes::from(data)),
            czxid: Zxid(1),
            mzxid: Zxid(0x0102_0304_0506_0708),
            pzxid: Zxid(3),
            ctime: WallTime(4),
            mtime: WallTime(-5),
            owner: 6,
            version,
            cversion: 8,
            aversion: -9,
            parent: NO_NODE,
            first_child: NO_NODE,
            next_sibling: NO_NODE,
            previous_sibling: NO_NODE,
            children: 0,
            acl: 0,
            path_hash: 0,
        }
    }

    /// As `operations.md` §5.4 lists the fields.
    fn sum_of(path: &str, node: &Node) -> u64 {
        let mut whole = path.as_bytes().to_vec();
        whole.extend_from_slice(node.data.as_deref().unwrap_or_default());
        for zxid in [node.czxid, node.mzxid, node.pzxid] {
            whole.extend_from_slice(&zxid.0.to_be_bytes());
        }
        for time in [node.ctime, node.mtime] {
            whole.extend_from_slice(&time.0.to_be_bytes());
        }
        for count in [node.version, node.cversion, node.aversion] {
            whole.extend_from_slice(&count.to_be_bytes());
        }
        whole.extend_from_slice(&node.owner.to_be_bytes());
        crc32fast::hash(&whole).into()
    }

    #[test]
    fn it_is_the_sum_of_what_was_added_and_not_taken_away_whenever_it_is_asked_for() {
        let mut digest = Digest::default();
        let mut expected = 0_u64;
        for turn in 0..3 * WAITING_MAX {
            let length = [0, 1, 100, COPIED_BYTES_MAX - 2, COPIED_BYTES_MAX - 1][turn % 5];
            let version = i32::try_from(turn).expect("a few");
            let (before, after) = (node(&[7; 50], version), node(&alloc::vec![9; length], 0));
            digest.add("/a", &before);
            expected = expected.wrapping_add(sum_of("/a", &before));
            assert_eq!(digest.value(), expected, "turn {turn}");
            digest.take_away("/b", &after);
            expected = expected.wrapping_sub(sum_of("/b", &after));
            assert_eq!(digest.value(), expected, "turn {turn}");
        }
        digest.add("/zookeeper/quota", &node(b"x", 0));
        assert_eq!(digest.value(), expected);
        digest.add("/", &node(b"x", 0));
        assert_eq!(
            digest.value(),
            expected.wrapping_add(sum_of("", &node(b"x", 0)))
        );
    }
}
