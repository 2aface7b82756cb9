//! Ways to look for failures other than seed after seed.

mod sweep;

pub use self::sweep::{Boundary, Crash, Place, Sweep, SweepCounts, Unsynced};
