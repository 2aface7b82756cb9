#![forbid(unsafe_code)]
#![doc = include_str!("../README.md")]

mod connection;
mod descriptors;
mod inbox;
mod server;
mod server_loop;
mod sockets;

pub use server::Server;
pub use shell_std::{
    BindError, Clock, DataDirectories, DirectoryError, DiskError, FileDisk, Notice, NoticeSink,
    PeerAddress, PeerListen, RecordTo, ServerFailure, ServerOptions, SpawnError, WhenMissing,
    serves,
};
