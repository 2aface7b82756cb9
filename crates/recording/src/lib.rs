#![forbid(unsafe_code)]
#![doc = include_str!("../README.md")]

mod digest;
mod entry;
mod files;
mod lend;
mod reader;
mod recorded;
mod recorder;
mod replay;

pub use entry::{Ending, Kind, Seen};
pub use files::{RecordTo, record, runs};
pub use lend::{Lent, beginning_of, lend, restart};
pub use reader::{Damage, ReadError};
pub use recorded::Recorded;
pub use recorder::{Pending, Recorder};
pub use replay::{Difference, ReplayError, Replayed, replay};

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests;
