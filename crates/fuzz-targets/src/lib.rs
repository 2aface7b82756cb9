#![forbid(unsafe_code)]
#![doc = include_str!("../README.md")]

mod bytes;
mod client_wire;
mod disk;
mod jute_wire;
mod log;
mod peer_wire;
mod proofs;
mod seeds;
mod server;
mod sessions;
mod snapshot_file;
mod targets;
mod tree;
mod watches;

pub use client_wire::{
    client_frames, connect_request, connect_response, replies, requests, transactions,
    watcher_event,
};
pub use jute_wire::jute_reader;
pub use log::log_recovery;
pub use peer_wire::{election_port, quorum_port};
pub use proofs::sasl_tokens;
pub use server::{client_port, guarded_client_port, peer_ports};
pub use sessions::session_commands;
pub use snapshot_file::snapshot_file;
pub use targets::{TARGETS, Target};
pub use tree::{tree_commands, tree_loader};
pub use watches::watch_commands;
