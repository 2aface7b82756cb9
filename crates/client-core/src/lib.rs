#![no_std]
#![forbid(unsafe_code)]
#![doc = include_str!("../README.md")]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod api;
mod backoff;
mod chroot;
mod client;
mod config;
mod error;
mod flight;
mod link;
mod outgoing;
mod replies;
mod request;
mod response;
mod watches;

pub use api::{ConnectionState, End, Input, Loss, Output, Ticket, WatchedEvent};
pub use client::Client;
pub use config::{Auth, ClientConfig, ReadOnlyServers, SavedSession, Unreachable};
pub use error::{ClientError, PartError};
pub use request::{
    ClientRequest, Create, CreateMode, CreateReply, MultiOp, MultiReadOp, PageEnd, Watcher,
};
pub use response::{PartResponse, Response};
pub use zk_proto::{AddWatchMode, EventKind, KeeperState, WatcherType};

#[cfg(test)]
mod tests;
