#![no_std]
#![forbid(unsafe_code)]
#![doc = include_str!("../README.md")]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod kinds;
mod modes;
mod names;
mod paths;
mod report;
mod table;
mod triggers;
mod watchers;

pub use kinds::{EventKind, RemoveKind, Table};
pub use report::DataWatches;
pub use table::WatchTable;
