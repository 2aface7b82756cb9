//! What every path was, from which zxid on.

use super::Node;
use hashbrown::HashTable;
use smol_str::SmolStr;
use std::cell::Cell;

/// Everything that is known of one path.
#[derive(Clone, Debug)]
struct Life {
    path: SmolStr,
    /// What it is.
    last: Option<Node>,
    /// Since which zxid.
    changed: u64,
    /// From which zxids on it was something else, ascending, and where what it was until then
    /// stands.
    since: Vec<(u64, usize)>,
    /// Where the last one that was asked for stands in `since`: mostly the next one is near.
    asked: Cell<usize>,
    /// When it was created, deleted or changed.
    changes: Vec<u64>,
    /// When its children came or went, or it went itself.
    below: Vec<u64>,
}

impl Life {
    fn of(path: &str) -> Self {
        Life {
            path: path.into(),
            last: None,
            changed: 0,
            since: Vec::new(),
            asked: Cell::new(0),
            changes: Vec::new(),
            below: Vec::new(),
        }
    }

    /// What it was after everything through `zxid`.
    fn at<'p>(&'p self, past: &'p [Option<Node>], zxid: u64) -> Option<&'p Node> {
        if self.changed <= zxid {
            return self.last.as_ref();
        }
        let is_through = |(since, _): &(u64, usize)| *since <= zxid;
        let mut low = self.asked.get();
        if !self.since.get(low).is_some_and(is_through) {
            low = 0;
        }
        let mut step = 1;
        while self.since.get(low + step).is_some_and(is_through) {
            low += step;
            step *= 2;
        }
        let high = self.since.len().min(low + step);
        let count = low + self.since[low..high].partition_point(is_through);
        self.asked.set(count.saturating_sub(1));
        let (_, place) = self.since.get(count)?;
        past[*place].as_ref()
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
    /// Where each path stands in `lives`.
    places: HashTable<u32>,
    lives: Vec<Life>,
    /// What they were and are no more, in the order in which that ended; `None` where one did not
    /// exist.
    past: Vec<Option<Node>>,
    count: usize,
}

impl Paths {
    fn life(&self, path: &str) -> Option<&Life> {
        let is_it = |place: &u32| self.lives[*place as usize].path == path;
        let place = self.places.find(hash(path), is_it)?;
        Some(&self.lives[*place as usize])
    }

    pub(super) fn last(&self, path: &str) -> Option<&Node> {
        self.life(path)?.last.as_ref()
    }

    pub(super) fn at(&self, path: &str, zxid: u64) -> Option<&Node> {
        self.life(path)?.at(&self.past, zxid)
    }

    /// Every node whose path is longer than `prefix` and begins so, in no order.
    pub(super) fn within(&self, prefix: String, zxid: u64) -> impl Iterator<Item = (&str, &Node)> {
        self.lives.iter().filter_map(move |life| {
            let is_within = life.path.len() > prefix.len() && life.path.starts_with(&prefix);
            let node = is_within.then(|| life.at(&self.past, zxid))??;
            Some((life.path.as_str(), node))
        })
    }

    /// A node becomes another one from a zxid on, unless it cannot.
    pub(super) fn change<E>(
        &mut self,
        path: &str,
        zxid: u64,
        to: &[Touched],
        change: impl FnOnce(Option<&Node>) -> Result<Option<Node>, E>,
    ) -> Result<(), E> {
        let lives = &mut self.lives;
        let is_it = |place: &u32| lives[*place as usize].path == path;
        let hash_of = |place: &u32| hash(&lives[*place as usize].path);
        let fresh = u32::try_from(lives.len()).expect("a run is not so long");
        let place = *self
            .places
            .entry(hash(path), is_it, hash_of)
            .or_insert(fresh)
            .get();
        if place == fresh {
            lives.push(Life::of(path));
        }
        let life = &mut lives[place as usize];
        let node = change(life.last.as_ref())?;
        self.count = self.count + usize::from(node.is_some()) - usize::from(life.last.is_some());
        let last = std::mem::replace(&mut life.last, node);
        // What it was for a part of a transaction was never seen.
        if life.since.is_empty() || life.changed != zxid {
            life.changed = zxid;
            life.since.push((zxid, self.past.len()));
            self.past.push(last);
        }
        for touched in to {
            match touched {
                Touched::Itself => push_once(&mut life.changes, zxid),
                Touched::Below => push_once(&mut life.below, zxid),
            }
        }
        Ok(())
    }

    pub(super) fn changes_of(&self, path: &str) -> &[u64] {
        self.life(path).map_or(&[], |life| &life.changes)
    }

    pub(super) fn changes_below(&self, path: &str) -> &[u64] {
        self.life(path).map_or(&[], |life| &life.below)
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    pub(super) fn nodes(&self) -> Vec<(&str, &Node)> {
        let lives = self.lives.iter();
        let mut nodes: Vec<(&str, &Node)> = lives
            .filter_map(|life| Some((life.path.as_str(), life.last.as_ref()?)))
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
fn hash(path: &str) -> u64 {
    let mut hash = 0_u64;
    let mut take = |word: [u8; 8]| {
        let mixed = (hash ^ u64::from_be_bytes(word)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        hash = mixed ^ (mixed >> 32);
    };
    let (words, rest) = path.as_bytes().as_chunks::<8>();
    words.iter().copied().for_each(&mut take);
    if !rest.is_empty() {
        let mut word = [0; 8];
        word[..rest.len()].copy_from_slice(rest);
        take(word);
    }
    hash.wrapping_mul(0xff51_afd7_ed55_8ccd).rotate_left(26)
}
