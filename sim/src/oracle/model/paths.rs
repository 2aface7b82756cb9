//! What every path was, from which zxid on.

use super::Node;
use hashbrown::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Everything that is known of one path.
#[derive(Clone, Debug, Default)]
struct Life {
    /// From which zxids on it was something else, ascending.
    since: Vec<u64>,
    /// What it was from each of these on; `None` where it did not exist.
    versions: Vec<Option<Node>>,
    /// When it was created, deleted or changed.
    changes: Vec<u64>,
    /// When its children came or went, or it went itself.
    below: Vec<u64>,
}

impl Life {
    fn at(&self, zxid: u64) -> Option<&Node> {
        if *self.since.last()? <= zxid {
            return self.last();
        }
        let index = self.since.partition_point(|since| *since <= zxid);
        self.versions[..index].last()?.as_ref()
    }

    fn last(&self) -> Option<&Node> {
        self.versions.last()?.as_ref()
    }
}

/// Whom of a path a change is noted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Touched {
    /// Who waits for the node itself.
    Itself,
    /// Who waits for its children.
    Below,
}

/// Every path that there ever was.
#[derive(Clone, Debug, Default)]
pub(super) struct Paths {
    lives: HashMap<String, Life, BuildHasherDefault<PathHasher>>,
    count: usize,
}

impl Paths {
    pub(super) fn last(&self, path: &str) -> Option<&Node> {
        self.lives.get(path)?.last()
    }

    pub(super) fn at(&self, path: &str, zxid: u64) -> Option<&Node> {
        self.lives.get(path)?.at(zxid)
    }

    /// Every node whose path is longer than `prefix` and begins so, in no order.
    pub(super) fn within(&self, prefix: String, zxid: u64) -> impl Iterator<Item = (&str, &Node)> {
        self.lives.iter().filter_map(move |(path, life)| {
            let is_within = path.len() > prefix.len() && path.starts_with(&prefix);
            let node = is_within.then(|| life.at(zxid))??;
            Some((path.as_str(), node))
        })
    }

    /// A node is another one from a zxid on.
    pub(super) fn set(&mut self, path: &str, zxid: u64, node: Option<Node>, to: &[Touched]) {
        let life = self.lives.entry_ref(path).or_default();
        let existed = life.last().is_some();
        self.count = self.count + usize::from(node.is_some()) - usize::from(existed);
        match life.versions.last_mut() {
            Some(last) if life.since.last() == Some(&zxid) => *last = node,
            Some(_) | None => {
                life.since.push(zxid);
                life.versions.push(node);
            }
        }
        for touched in to {
            match touched {
                Touched::Itself => push_once(&mut life.changes, zxid),
                Touched::Below => push_once(&mut life.below, zxid),
            }
        }
    }

    pub(super) fn changes_of(&self, path: &str) -> &[u64] {
        self.lives.get(path).map_or(&[], |life| &life.changes)
    }

    pub(super) fn changes_below(&self, path: &str) -> &[u64] {
        self.lives.get(path).map_or(&[], |life| &life.below)
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    pub(super) fn nodes(&self) -> Vec<(&str, &Node)> {
        let mut nodes: Vec<(&str, &Node)> = self
            .lives
            .iter()
            .filter_map(|(path, life)| Some((path.as_str(), life.last()?)))
            .collect();
        nodes.sort_unstable_by_key(|(path, _)| *path);
        nodes
    }
}

fn push_once(zxids: &mut Vec<u64>, zxid: u64) {
    if zxids.last() != Some(&zxid) {
        zxids.push(zxid);
    }
}

/// A quick hash for paths that nobody chooses to be slow.
#[derive(Default)]
struct PathHasher(u64);

impl Hasher for PathHasher {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.write_u64(u64::from_be_bytes(*word));
        }
        if !rest.is_empty() {
            let mut word = [0; 8];
            word[..rest.len()].copy_from_slice(rest);
            self.write_u64(u64::from_be_bytes(word));
        }
    }

    fn write_u8(&mut self, _end: u8) {}

    fn write_u64(&mut self, word: u64) {
        let mixed = (self.0 ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ (mixed >> 32);
    }

    fn finish(&self) -> u64 {
        self.0.wrapping_mul(0xff51_afd7_ed55_8ccd).rotate_left(26)
    }
}
