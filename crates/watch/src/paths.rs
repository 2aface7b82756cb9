//! Every watched path once, with its watchers, under a small number.

use crate::names::{Name, Names};
use crate::watchers::Watchers;
use alloc::vec::Vec;
use core::hash::Hasher;
use hashbrown::HashTable;
use siphasher::sip::SipHasher13;

/// The number of a watched path while somebody watches it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PathId(u32);

/// The paths, found by hash. Clients choose the paths, so the hash is keyed.
#[derive(Clone, Debug)]
pub(crate) struct Paths<W> {
    key: [u64; 2],
    index: HashTable<Indexed>,
    names: Names,
    entries: Vec<Entry<W>>,
    free: Vec<PathId>,
}

/// Half of a hash kept beside the number: a lookup seldom reads a wrong path, and growing the index
/// reads none.
#[derive(Clone, Copy, Debug)]
struct Indexed {
    hash: u32,
    id: PathId,
}

/// A free entry has no watchers and an empty path.
#[derive(Clone, Debug)]
struct Entry<W> {
    name: Name,
    watchers: Watchers<W>,
}

impl<W: Copy + Ord> Paths<W> {
    pub(crate) fn new(key: [u64; 2]) -> Self {
        Paths {
            key,
            index: HashTable::new(),
            names: Names::new(),
            entries: Vec::new(),
            free: Vec::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.index.len()
    }

    pub(crate) fn path(&self, id: PathId) -> &str {
        self.names.path(self.entries[at(id)].name)
    }

    pub(crate) fn watchers(&self, id: PathId) -> &Watchers<W> {
        &self.entries[at(id)].watchers
    }

    pub(crate) fn watchers_mut(&mut self, id: PathId) -> &mut Watchers<W> {
        &mut self.entries[at(id)].watchers
    }

    /// The number of a path that is watched.
    pub(crate) fn find(&self, path: &str) -> Option<PathId> {
        self.find_hashed(path, self.hash(path.as_bytes()))
    }

    /// The number of a path, new if it is not watched yet; the caller adds a watcher at once.
    pub(crate) fn intern(&mut self, path: &str) -> PathId {
        let hash = self.hash(path.as_bytes());
        if let Some(id) = self.find_hashed(path, hash) {
            return id;
        }
        let entry = Entry {
            name: self.names.add(path),
            watchers: Watchers::None,
        };
        let id = match self.free.pop() {
            Some(id) => {
                self.entries[at(id)] = entry;
                id
            }
            None => {
                let id = u32::try_from(self.entries.len()).expect("fewer paths than 2^32");
                self.entries.push(entry);
                PathId(id)
            }
        };
        self.index
            .insert_unique(spread(hash), Indexed { hash, id }, |other| {
                spread(other.hash)
            });
        id
    }

    /// Forgets a path that nobody watches any more; does nothing to one that is watched. Of the last
    /// one no memory is kept.
    pub(crate) fn release_if_unwatched(&mut self, id: PathId) {
        let entry = &mut self.entries[at(id)];
        if !entry.watchers.is_empty() {
            return;
        }
        let name = core::mem::replace(&mut entry.name, Name::EMPTY);
        let hash = self.hash(self.names.bytes(name));
        self.names.remove(name);
        self.index
            .find_entry(spread(hash), |other| other.id == id)
            .expect("a watched path is in the index")
            .remove();
        self.free.push(id);
        if self.index.is_empty() {
            self.index = HashTable::new();
            self.entries = Vec::new();
            self.free = Vec::new();
        }
    }

    /// The watched proper ancestors of `path`, from the root down.
    pub(crate) fn ancestors<'a>(&'a self, path: &'a str) -> impl Iterator<Item = PathId> + 'a {
        let mut hasher = self.hasher();
        let mut hashed = 0;
        let ends = path
            .match_indices('/')
            .map(|(end, _)| end)
            .filter(move |_| path != ROOT);
        ends.filter_map(move |end| {
            hasher.write(&path.as_bytes()[hashed..end]);
            hashed = end;
            let ancestor = if end == 0 { ROOT } else { &path[..end] };
            self.find_hashed(ancestor, low_half(hasher.finish()))
        })
    }

    /// Every watched path, in no order that means anything.
    pub(crate) fn ids(&self) -> impl Iterator<Item = PathId> + '_ {
        (0u32..)
            .map(PathId)
            .zip(&self.entries)
            .filter(|(_, e)| !e.watchers.is_empty())
            .map(|p| p.0)
    }

    fn find_hashed(&self, path: &str, hash: u32) -> Option<PathId> {
        self.index
            .find(spread(hash), |other| {
                other.hash == hash
                    && self.names.bytes(self.entries[at(other.id)].name) == path.as_bytes()
            })
            .map(|found| found.id)
    }

    /// The root hashes as the empty string, so that the hash of a path goes on from its parent's.
    fn hash(&self, path: &[u8]) -> u32 {
        let mut hasher = self.hasher();
        hasher.write(if path == ROOT.as_bytes() { b"" } else { path });
        low_half(hasher.finish())
    }

    fn hasher(&self) -> SipHasher13 {
        SipHasher13::new_with_keys(self.key[0], self.key[1])
    }
}

const ROOT: &str = "/";

#[expect(
    clippy::cast_possible_truncation,
    reason = "half of a hash is what is kept"
)]
fn low_half(hash: u64) -> u32 {
    hash as u32
}

/// The index wants its bits in both halves.
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

fn at(id: PathId) -> usize {
    usize::try_from(id.0).expect("the address space holds every path")
}
