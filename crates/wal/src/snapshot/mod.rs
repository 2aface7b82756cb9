//! Snapshot files: how they are written, and read back without trust.

mod reader;

pub use reader::{Refused, SnapshotError, SnapshotReader, SnapshotSink};
