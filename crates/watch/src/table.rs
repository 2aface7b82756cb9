//! The table of watches of one server.

use crate::kinds::{RemoveKind, Table};
use crate::modes::Modes;
use crate::paths::{PathId, Paths};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

/// Who waits for a change of which path.
///
/// `W` names a watcher: one connection, never used again after it closed. A path is any string; it
/// need not be valid, nor name a node that exists. Registering the same watch twice has no effect.
///
/// Source: `client-protocol.md` §7.
#[derive(Clone, Debug)]
pub struct WatchTable<W> {
    pub(crate) paths: Paths<W>,
    pub(crate) by_watcher: BTreeMap<W, BTreeSet<PathId>>,
    /// Pairs of path and watcher in the data table plus those in the child table.
    pub(crate) watches: usize,
    /// Recursive watches; while there are none, no ancestor is looked up.
    pub(crate) recursive: usize,
    /// Kept between triggers to spare an allocation.
    pub(crate) told: Vec<W>,
}

impl<W: Copy + Ord> WatchTable<W> {
    /// A table without watches. Clients choose the paths, so `hash_key` should be a secret draw.
    pub fn new(hash_key: [u64; 2]) -> Self {
        WatchTable {
            paths: Paths::new(hash_key),
            by_watcher: BTreeMap::new(),
            watches: 0,
            recursive: 0,
            told: Vec::new(),
        }
    }

    /// Registers a watch that fires once.
    pub fn add_standard(&mut self, table: Table, path: &str, watcher: W) {
        self.add(path, watcher, Modes::standard(table));
    }

    /// Registers a watch on a node and its children that fires until it is removed.
    pub fn add_persistent(&mut self, path: &str, watcher: W) {
        self.add(path, watcher, Modes::PERSISTENT);
    }

    /// Registers a watch on a node and all its descendants that fires until it is removed.
    pub fn add_recursive(&mut self, path: &str, watcher: W) {
        self.add(path, watcher, Modes::RECURSIVE);
    }

    /// Removes the watches of `watcher` on exactly `path` that `kind` means, and says whether there
    /// was one.
    pub fn remove(&mut self, watcher: W, path: &str, kind: RemoveKind) -> bool {
        let Some(id) = self.paths.find(path) else {
            return false;
        };
        self.take(id, watcher, Modes::meant_by(kind))
    }

    /// Whether `watcher` has a watch on exactly `path` that `kind` means.
    pub fn contains(&self, watcher: W, path: &str, kind: RemoveKind) -> bool {
        self.paths.find(path).is_some_and(|id| {
            self.paths
                .watchers(id)
                .modes_of(watcher)
                .intersects(Modes::meant_by(kind))
        })
    }

    /// Removes every watch of a watcher whose connection is gone. Takes time in proportion to their
    /// number.
    pub fn drop_watcher(&mut self, watcher: W) {
        let Some(ids) = self.by_watcher.remove(&watcher) else {
            return;
        };
        for id in ids {
            let watchers = self.paths.watchers_mut(id);
            let lost = watchers.modes_of(watcher);
            watchers.remove(watcher, lost);
            self.uncount(lost, Modes::NONE);
            self.paths.release_if_unwatched(id);
        }
    }

    fn add(&mut self, path: &str, watcher: W, modes: Modes) {
        let id = self.paths.intern(path);
        let watchers = self.paths.watchers_mut(id);
        let before = watchers.modes_of(watcher);
        watchers.add(watcher, modes);
        if before.is_empty() {
            self.by_watcher.entry(watcher).or_default().insert(id);
        }
        let after = before.union(modes);
        self.watches += after.tables() - before.tables();
        self.recursive += usize::from(after.without(before).intersects(Modes::RECURSIVE));
    }

    fn take(&mut self, id: PathId, watcher: W, modes: Modes) -> bool {
        let watchers = self.paths.watchers_mut(id);
        let before = watchers.modes_of(watcher);
        if !before.intersects(modes) {
            return false;
        }
        watchers.remove(watcher, modes);
        let kept = before.without(modes);
        self.uncount(before.intersection(modes), kept);
        if kept.is_empty() {
            forget(&mut self.by_watcher, watcher, id);
            self.paths.release_if_unwatched(id);
        }
        true
    }

    /// Consumes the standard watches among `modes` of everybody on one path, which fired.
    pub(crate) fn consume(&mut self, id: PathId, modes: Modes) {
        let WatchTable {
            paths,
            by_watcher,
            watches,
            ..
        } = self;
        paths.watchers_mut(id).strip(modes, |watcher, lost, kept| {
            *watches -= lost.union(kept).tables() - kept.tables();
            if kept.is_empty() {
                forget(by_watcher, watcher, id);
            }
        });
        self.paths.release_if_unwatched(id);
    }

    fn uncount(&mut self, lost: Modes, kept: Modes) {
        self.watches -= lost.union(kept).tables() - kept.tables();
        self.recursive -= usize::from(lost.intersects(Modes::RECURSIVE));
    }
}

fn forget<W: Copy + Ord>(by_watcher: &mut BTreeMap<W, BTreeSet<PathId>>, watcher: W, id: PathId) {
    let ids = by_watcher
        .get_mut(&watcher)
        .expect("a watcher's paths are listed");
    assert!(ids.remove(&id), "a watched path is listed with its watcher");
    if ids.is_empty() {
        by_watcher.remove(&watcher);
    }
}
