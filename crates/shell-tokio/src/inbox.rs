//! What reaches the loop of a server, from its tasks and its disk.

use crate::around::Stream;
use replica::{ConnId, PeerPort};
use shell_std::LaneReport;
use std::io;
use std::net::SocketAddr;
use zab_core::LinkId;

/// One thing that happened.
#[cfg_attr(
    test,
    allow(dead_code, reason = "no script ends a server or refuses it a socket")
)]
#[derive(Debug)]
pub(crate) enum Event {
    Accepted(Listener, Stream, SocketAddr),
    AcceptFailed(io::Error),
    Dialled(LinkId, io::Result<Stream>),
    Socket(SocketId, Told),
    Lane(LaneReport),
    Descriptors(u64, u64),
    Stop,
}

/// Which port a connection came to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Listener {
    Client,
    Peer(PeerPort),
}

/// Whose socket it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum SocketId {
    Client(ConnId),
    Peer(LinkId),
}

/// What the task of a socket says.
#[derive(Debug)]
pub(crate) enum Told {
    /// Bytes came.
    Bytes(Vec<u8>),
    /// A socket that was full takes bytes again.
    Writable,
    /// The connection is gone.
    Gone,
}
