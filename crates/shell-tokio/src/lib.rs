#![forbid(unsafe_code)]
#![doc = include_str!("../README.md")]

mod around;
#[cfg(not(test))]
mod connection;
mod descriptors;
mod inbox;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod scripted;
#[cfg(not(test))]
mod server;
mod server_loop;
#[cfg(not(test))]
mod sockets;

#[cfg(not(test))]
pub use server::Server;
pub use shell_std::{
    BindError, Clock, DataDirectories, DirectoryError, DiskError, FileDisk, Notice, NoticeSink,
    PeerAddress, PeerListen, RecordTo, ServerFailure, ServerOptions, SpawnError, WhenMissing,
    serves,
};
