//! What operators ask: how many watches there are, and which.

use crate::modes::Modes;
use crate::paths::PathId;
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

    /// Each watcher with watches in the data table, ascending, with the paths, ascending: what
    /// `wchc` shows.
    pub fn by_watcher(&self) -> impl Iterator<Item = (W, Vec<&str>)> + '_ {
        self.by_watcher.iter().filter_map(|(&watcher, ids)| {
            let watches_data = |id: &PathId| {
                let modes = self.paths.watchers(*id).modes_of(watcher);
                modes.intersects(Modes::DATA_TABLE)
            };
            let ids = ids.iter().copied().filter(watches_data);
            let mut paths: Vec<&str> = ids.map(|id| self.paths.path(id)).collect();
            paths.sort_unstable();
            (!paths.is_empty()).then_some((watcher, paths))
        })
    }

    /// Each path watched in the data table, ascending, with its watchers, ascending: what `wchp`
    /// shows.
    pub fn by_path(&self) -> impl Iterator<Item = (&str, Vec<W>)> + '_ {
        let mut ids: Vec<_> = self.paths.ids().collect();
        ids.sort_unstable_by_key(|&id| self.paths.path(id));
        ids.into_iter().filter_map(|id| {
            let mut watchers = Vec::new();
            let of_path = self.paths.watchers(id);
            of_path.collect(Modes::DATA_TABLE, &mut watchers);
            watchers.sort_unstable();
            watchers.dedup();
            (!watchers.is_empty()).then_some((self.paths.path(id), watchers))
        })
    }
}
