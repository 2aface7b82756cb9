//! The way from one machine to one port of another: what lies on it.

use super::terms::Node;
use crate::queue::Micros;
use serde::{Deserialize, Serialize};

/// What becomes of dials.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Dials {
    /// They get through.
    #[default]
    Heard,
    /// They are refused at once, though somebody listens.
    Refused,
    /// Nobody says anything.
    Ignored,
}

/// What a name leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) enum Name {
    /// The machine that is meant.
    #[default]
    Right,
    /// Nothing: it cannot be resolved.
    Unknown,
    /// Another machine.
    Of(Node),
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Path {
    /// How many partitions lie on it.
    pub(super) blocked: u32,
    /// What everything takes longer.
    pub(super) clog: Micros,
    /// Bytes in a second, 0 for no limit.
    pub(super) rate: u64,
    /// When the last bytes that were sent have left.
    free_at: Micros,
    pub(super) dials: Dials,
}

impl Path {
    /// When bytes sent now have left, one behind the other where there is a limit.
    pub(super) fn leave(&mut self, now: Micros, bytes: usize) -> Micros {
        if self.rate == 0 {
            return now;
        }
        let bytes = u64::try_from(bytes).expect("a length");
        self.free_at = self.free_at.max(now) + (bytes * 1_000_000).div_ceil(self.rate);
        self.free_at
    }

    /// Sets the limit; what has been sent leaves no sooner for it.
    pub(super) fn cap(&mut self, rate: u64) {
        self.rate = rate;
        self.free_at = 0;
    }
}
