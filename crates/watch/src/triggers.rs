//! What happens to a path, and who is told.
//!
//! A creation or deletion concerns two paths: the caller triggers [`WatchTable::created`] or
//! [`WatchTable::deleted`] on the node and then [`WatchTable::children_changed`] on its parent.

use crate::kinds::EventKind;
use crate::modes::Modes;
use crate::table::WatchTable;
use alloc::vec::Vec;
use core::mem;
use zk_types::mutant;

/// Where events go: the watcher, what happened, and to which path.
type Out<'a, W> = &'a mut dyn FnMut(W, EventKind, &str);

impl<W: Copy + Ord> WatchTable<W> {
    /// A node was created: tells its watchers in the data table and the recursive watchers of its
    /// ancestors, each once, in ascending order. Standard watches on the data are consumed.
    ///
    /// Source, also of the other triggers: `client-protocol.md` §7.2; Apache `WatchManager.java`,
    /// `triggerWatch`.
    pub fn created(&mut self, path: &str, out: Out<'_, W>) {
        self.node_event(path, EventKind::Created, out);
    }

    /// A node's data was set: tells whom [`WatchTable::created`] tells.
    pub fn data_changed(&mut self, path: &str, out: Out<'_, W>) {
        self.node_event(path, EventKind::DataChanged, out);
    }

    /// A node was deleted: tells whom [`WatchTable::created`] tells, and then those watchers in the
    /// child table that were not told yet. Standard watches of both tables are consumed.
    pub fn deleted(&mut self, path: &str, out: Out<'_, W>) {
        self.node_event(path, EventKind::Deleted, out);
        let Some(id) = self.paths.find(path) else {
            return;
        };
        let mut late = Vec::new();
        self.paths
            .watchers(id)
            .collect(Modes::CHILD_TABLE, &mut late);
        sort(&mut late);
        late.retain(|watcher| self.told.binary_search(watcher).is_err());
        self.consume(
            id,
            mutant!("child-watch-left-on-delete", Modes::STANDARD, Modes::NONE),
        );
        for &watcher in mutant!("child-watch-not-triggered-on-delete", &late[..], &[]) {
            out(watcher, EventKind::Deleted, path);
        }
    }

    /// A child of a node was created or deleted: tells the node's watchers in the child table, each
    /// once, in ascending order. Standard watches on the children are consumed.
    pub fn children_changed(&mut self, path: &str, out: Out<'_, W>) {
        let Some(id) = self.paths.find(path) else {
            return;
        };
        let mut told = mem::take(&mut self.told);
        told.clear();
        self.paths
            .watchers(id)
            .collect(Modes::CHILD_TABLE, &mut told);
        sort(&mut told);
        self.consume(
            id,
            mutant!("watch-left-armed", Modes::STANDARD_CHILD, Modes::NONE),
        );
        for &watcher in &told {
            out(watcher, EventKind::ChildrenChanged, path);
        }
        self.told = told;
    }

    /// Leaves those who were told in `self.told`.
    fn node_event(&mut self, path: &str, kind: EventKind, out: Out<'_, W>) {
        let mut told = mem::take(&mut self.told);
        told.clear();
        if self.recursive > 0 {
            for id in self.paths.ancestors(path) {
                if mutant!("recursive-misses-root", true, self.paths.path(id) != "/") {
                    self.paths.watchers(id).collect(Modes::RECURSIVE, &mut told);
                }
            }
        }
        if let Some(id) = self.paths.find(path) {
            self.paths
                .watchers(id)
                .collect(Modes::DATA_TABLE, &mut told);
            self.consume(
                id,
                mutant!("watch-left-armed", Modes::STANDARD_DATA, Modes::NONE),
            );
        }
        sort(&mut told);
        for &watcher in &told {
            out(watcher, kind, path);
        }
        self.told = told;
    }
}

/// However many modes and ancestors match, a watcher is told once.
fn sort<W: Ord>(watchers: &mut Vec<W>) {
    watchers.sort_unstable();
    mutant!("event-per-mode", watchers.dedup(), ());
}
