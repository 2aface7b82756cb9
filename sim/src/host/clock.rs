//! The two clocks of a machine: one that drifts, and one that jumps.

use crate::queue::Micros;
use zk_types::{Instant, WallTime};

/// When the world begins, in milliseconds since 1970.
const WORLD_BEGINS_MS: i64 = 1_800_000_000_000;

/// A machine's clocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    pub(super) boot: Micros,
    /// Microseconds it shows in a true second.
    pub(super) rate: u64,
    pub(super) wall_offset_ms: i64,
    /// What the wall clock shows while it stands still.
    pub(super) frozen: Option<WallTime>,
}

pub(super) const SECOND: u64 = 1_000_000;

impl Clock {
    pub(super) fn local(self, now: Micros) -> Instant {
        let passed = u128::from(now - self.boot) * u128::from(self.rate) / u128::from(SECOND);
        Instant::from_micros(u64::try_from(passed).expect("worlds are short") + SECOND)
    }

    /// The first true time at which it shows `local` or later.
    pub(super) fn when(self, local: Instant) -> Micros {
        let shown = u128::from(local.as_micros().saturating_sub(SECOND));
        let passed = (shown * u128::from(SECOND)).div_ceil(u128::from(self.rate));
        u64::try_from(passed)
            .unwrap_or(u64::MAX / 2)
            .saturating_add(self.boot)
    }

    pub(super) fn wall(self, now: Micros) -> WallTime {
        if let Some(frozen) = self.frozen {
            return frozen;
        }
        let ms = i64::try_from(now / 1_000).expect("worlds are short");
        WallTime(WORLD_BEGINS_MS + ms + self.wall_offset_ms)
    }
}
