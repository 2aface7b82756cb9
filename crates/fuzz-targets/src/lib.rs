#![forbid(unsafe_code)]
#![doc = include_str!("../README.md")]

mod bytes;
mod client_wire;
mod jute_wire;
mod peer_wire;
mod seeds;
mod sessions;
mod targets;
mod watches;

pub use client_wire::{
    client_frames, connect_request, connect_response, replies, requests, transactions,
    watcher_event,
};
pub use jute_wire::jute_reader;
pub use peer_wire::{election_port, quorum_port};
pub use sessions::session_commands;
pub use targets::{TARGETS, Target};
pub use watches::watch_commands;
