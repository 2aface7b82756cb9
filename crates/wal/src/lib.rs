#![no_std]
#![forbid(unsafe_code)]
#![doc = include_str!("../README.md")]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod disk;
mod format;
mod recovery;
mod settled;
mod snapshot;
mod wal;

pub use disk::{Directory, Disk, DiskOp, DiskTask, File, Lane, TaskId};
pub use recovery::{DataIdentity, Finding, Recovered, RecoveryError};
pub use settled::{Repair, Settled, Ticket, WalConfig};
pub use snapshot::{Refused, SnapshotError, SnapshotReader, SnapshotSink};
pub use wal::Wal;
