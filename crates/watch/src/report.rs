//! What operators ask: how many watches there are, and which.

use crate::modes::Modes;
use crate::table::WatchTable;
use alloc::vec::Vec;

impl<W: Copy + Ord> WatchTable<W> {
    /// How many watches there are: pairs of path and watcher in the data table plus those in the
    /// child table, so a persistent watch counts twice.
    pub fn watches(&self) -> usize {
        self.watches
    }

    /// How many paths are watched.
    pub fn paths(&self) -> usize {
        self.paths.len()
    }

    /// How many watchers have a watch.
    pub fn watchers(&self) -> usize {
        self.by_watcher.len()
    }

    /// Each watcher, ascending, with the paths it watches, ascending: what `wchc` shows.
    pub fn by_watcher(&self) -> impl Iterator<Item = (W, Vec<&str>)> + '_ {
        self.by_watcher.iter().map(|(&watcher, ids)| {
            let mut paths: Vec<&str> = ids.iter().map(|&id| self.paths.path(id)).collect();
            paths.sort_unstable();
            (watcher, paths)
        })
    }

    /// Each watched path, ascending, with its watchers, ascending: what `wchp` shows.
    pub fn by_path(&self) -> impl Iterator<Item = (&str, Vec<W>)> + '_ {
        let mut ids: Vec<_> = self.paths.ids().collect();
        ids.sort_unstable_by_key(|&id| self.paths.path(id));
        ids.into_iter().map(|id| {
            let mut watchers = Vec::new();
            self.paths.watchers(id).collect(Modes::ALL, &mut watchers);
            watchers.sort_unstable();
            watchers.dedup();
            (self.paths.path(id), watchers)
        })
    }
}
