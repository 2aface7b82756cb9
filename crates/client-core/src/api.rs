//! What goes into a client and what comes out: the contract that every shell drives it by.

use crate::{Auth, ClientError, ClientRequest, Response};
use alloc::string::String;
use alloc::vec::Vec;
use zk_proto::{EventKind, KeeperState};
use zk_types::Zxid;

/// Names one request, and the watch it sets if it sets one. Given out by the caller and never used
/// twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// Everything the world can tell a client.
#[derive(Debug)]
pub enum Input<'a> {
    /// The connection that [`Output::Connect`] asked for is up.
    Connected,
    /// It could not be made.
    ConnectFailed,
    /// Bytes came from the server, cut anywhere.
    Bytes(&'a [u8]),
    /// The server ended the connection.
    Closed,
    /// A request; answered by exactly one [`Output::Reply`] with its ticket.
    Request {
        /// Its name.
        ticket: Ticket,
        /// What is asked.
        request: ClientRequest,
    },
    /// An identity to prove, on this connection and on every later one.
    AddAuth(Auth),
    /// Nobody listens to the watch that this request set any more.
    Unwatch {
        /// The request.
        ticket: Ticket,
    },
    /// End the session.
    Close,
    /// [`crate::Client::next_deadline`] is due. Harmless when it is not.
    Timeout,
}

/// Everything a client asks of the world, in the order it must happen.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub enum Output {
    /// Dial a server; answered by [`Input::Connected`] or [`Input::ConnectFailed`].
    Connect {
        /// Which, below [`crate::ClientConfig::servers`].
        server: usize,
    },
    /// Send to the server.
    Send(Vec<u8>),
    /// End the connection, or stop dialling. Nothing more is taken from it, and neither
    /// [`Input::Closed`] nor [`Input::ConnectFailed`] answers it.
    Disconnect,
    /// A request is settled.
    Reply {
        /// The request.
        ticket: Ticket,
        /// The zxid of the server's reply, `None` when no server replied.
        zxid: Option<Zxid>,
        /// How it went.
        result: Result<Response, ClientError>,
    },
    /// Something happened to a node or to the session.
    Event {
        /// What.
        event: WatchedEvent,
        /// The requests whose own watches it fired, in order. Empty for changes of the session.
        watchers: Vec<Ticket>,
    },
    /// The watch that this request set fires no more: it fired, was removed, or the session is over.
    WatchEnded {
        /// The request.
        ticket: Ticket,
    },
    /// The client's state is another now.
    State(ConnectionState),
    /// A connection ended, or an attempt at one failed; for logs.
    ConnectionLost {
        /// The server.
        server: usize,
        /// Why.
        loss: Loss,
    },
}

/// One event, as the layer above is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchedEvent {
    /// What happened; [`EventKind::None`] for a change of the session.
    pub kind: EventKind,
    /// How the session stands.
    pub state: KeeperState,
    /// The node, with the chroot stripped; empty for a change of the session.
    pub path: String,
    /// The transaction that caused it; `None` when the event names none.
    pub zxid: Option<Zxid>,
}

/// How a client stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionState {
    /// Looking for a server; requests wait.
    Connecting,
    /// Served.
    Connected,
    /// Served by a server without a quorum, which takes no writes.
    ConnectedReadOnly,
    /// Done for good.
    Over(End),
}

/// Why a client is done for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The session expired, or was given up after long silence.
    Expired,
    /// An identity was refused.
    AuthFailed,
    /// It was closed by [`Input::Close`].
    Closed,
}

/// Why a connection ended or was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// It could not be made.
    ConnectFailed,
    /// Neither a connection nor a handshake within its time.
    HandshakeTimeout,
    /// The server ended it.
    Closed,
    /// Silence for two thirds of the session timeout.
    ReadTimeout,
    /// The server sent what it may not send.
    Protocol,
}
