//! Ways to look for failures other than seed after seed.

mod branch;
mod cores;
mod exhaust;
mod marks;
mod pct;
mod sweep;

pub use self::branch::{Branched, Branching, Lineage, run_lineage};
pub use self::cores::Bounds;
pub use self::exhaust::{Exhausted, Failure, exhaust};
pub use self::pct::{Priorities, Scheduled};
pub use self::sweep::{Boundary, Crash, Place, Sweep, SweepCounts, Unsynced};
