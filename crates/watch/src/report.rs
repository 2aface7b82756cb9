//! What operators ask: how many watches there are, and which.

use crate::modes::Modes;
use crate::paths::PathId;
use crate::table::WatchTable;
use alloc::vec::Vec;

/// How much there is in the data table: what `wchs` shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataWatches {
    /// Watchers.
    pub watchers: usize,
    /// Paths.
    pub paths: usize,
    /// Pairs of path and watcher.
    pub pairs: usize,
}

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

    /// How much there is in the data table.
    pub fn data_watches(&self) -> DataWatches {
        let (mut watchers, mut pairs) = (0, 0);
        for (&watcher, ids) in &self.by_watcher {
            let own = ids
                .iter()
                .filter(|&&id| self.watches_data(id, watcher))
                .count();
            watchers += usize::from(own > 0);
            pairs += own;
        }
        let is_watched = |id: &PathId| self.paths.watchers(*id).have(Modes::DATA_TABLE);
        DataWatches {
            watchers,
            paths: self.paths.ids().filter(is_watched).count(),
            pairs,
        }
    }

    fn watches_data(&self, id: PathId, watcher: W) -> bool {
        let modes = self.paths.watchers(id).modes_of(watcher);
        modes.intersects(Modes::DATA_TABLE)
    }

    /// Each watcher with watches in the data table, ascending, with the paths, ascending: what
    /// `wchc` shows.
    pub fn by_watcher(&self) -> impl Iterator<Item = (W, Vec<&str>)> + '_ {
        self.by_watcher.iter().filter_map(|(&watcher, ids)| {
            let ids = ids.iter().filter(|&&id| self.watches_data(id, watcher));
            let mut paths: Vec<&str> = ids.map(|&id| self.paths.path(id)).collect();
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
