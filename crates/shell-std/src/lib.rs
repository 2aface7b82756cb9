#![forbid(unsafe_code)]
#![doc = include_str!("../README.md")]

mod clock;
mod connection;
mod data_directory;
mod file_disk;
mod inbox;
mod lanes;
mod listening;
mod options;
mod server;
mod server_loop;

pub use clock::Clock;
pub use data_directory::{DataDirectories, DirectoryError, WhenMissing};
pub use file_disk::{DiskError, FileDisk};
pub use lanes::{LaneReport, Lanes};
pub use listening::{BindError, BoundPort};
pub use options::{Notice, NoticeSink, PeerAddress, PeerListen, ServerOptions};
pub use recording::RecordTo;
pub use server::{Server, ServerFailure, SpawnError, check_findings, recorder, serves};
