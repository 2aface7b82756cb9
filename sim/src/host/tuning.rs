//! What changes of a machine while it runs, and of its process when it starts anew.

use super::Host;
use crate::nemesis::Limits;
use crate::queue::Micros;

impl Host {
    /// Makes computing this many times slower.
    pub(crate) fn slow_cpu(&mut self, times: u64) {
        self.cpu_slow = times;
    }

    /// The wall clock stands still.
    pub(crate) fn freeze_wall(&mut self, now: Micros) {
        self.clock.frozen = Some(self.clock.wall(now));
    }

    /// The wall clock shows what it should again.
    pub(crate) fn thaw_wall(&mut self) {
        self.clock.frozen = None;
    }

    /// A tick, and how long this process lets a peer be silent.
    pub(super) fn patience(&self, tick: Micros) -> (Micros, Micros) {
        (tick, tick * u64::from(self.sync_limit))
    }

    /// What the next process is told.
    pub(crate) fn retune(&mut self, limits: &Limits) {
        let config = &mut self.config;
        config.init_limit = limits.init_limit;
        config.sync_limit = limits.sync_limit;
        config.snapshot_txns = limits.snapshot_txns;
        config.segment_bytes = limits.segment_bytes;
        config.window_bytes_max = limits.window_bytes_max;
        config.chunk_bytes = limits.chunk_bytes;
        config.outstanding_max = limits.outstanding_max;
    }
}
