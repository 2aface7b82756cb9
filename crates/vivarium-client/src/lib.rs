#![forbid(unsafe_code)]
#![doc = include_str!("../README.md")]

mod address;
mod client;
mod clock;
mod driver;
mod error;
mod link;
mod options;
mod watch;

pub use address::{AddressError, Addresses};
pub use client::{Children, ChildrenPage, Client, Created, Node};
pub use client_core::Create;
pub use client_core::{
    AddWatchMode, Auth, ClientError, ConnectionState, CreateMode, CreateReply, End, EventKind,
    KeeperState, MultiOp, MultiReadOp, PageEnd, PartError, PartResponse, ReadOnlyServers,
    SavedSession, Unreachable, WatchedEvent, WatcherType,
};
pub use driver::Session;
pub use error::{ConnectError, Error, MultiError};
pub use options::ConnectOptions;
pub use watch::{Events, Watch};
pub use zk_types::{Acl, ErrorCode, Identity, PathError, Perms, SessionId, Stat, ZnodePath, Zxid};

#[cfg(test)]
mod tests;
