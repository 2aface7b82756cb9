//! Watch events, and the numbers that name kinds of watches.

use crate::frame::sized;
use crate::{ReplyHeader, Xid};
use alloc::borrow::Cow;
use alloc::vec::Vec;
use jute::{DecodeError, Reader, Writer};
use zk_types::Zxid;

/// What happened to a node, or to a watch.
///
/// Source: `client-protocol.md` §7.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(i32)]
pub enum EventKind {
    /// Nothing happened to a node: the state of the session changed. Made by clients only.
    None = -1,
    /// The node was created.
    NodeCreated = 1,
    /// The node was deleted.
    NodeDeleted = 2,
    /// The node's data was set.
    NodeDataChanged = 3,
    /// A child was created or deleted.
    NodeChildrenChanged = 4,
    /// The data watch was removed. Made by clients only.
    DataWatchRemoved = 5,
    /// The child watch was removed. Made by clients only.
    ChildWatchRemoved = 6,
    /// The persistent watch was removed. Made by clients only.
    PersistentWatchRemoved = 7,
}

impl EventKind {
    /// The number on the wire.
    pub fn code(self) -> i32 {
        self as i32
    }

    /// The kind of a number, if it has one.
    pub fn from_code(code: i32) -> Option<EventKind> {
        Some(match code {
            -1 => EventKind::None,
            1 => EventKind::NodeCreated,
            2 => EventKind::NodeDeleted,
            3 => EventKind::NodeDataChanged,
            4 => EventKind::NodeChildrenChanged,
            5 => EventKind::DataWatchRemoved,
            6 => EventKind::ChildWatchRemoved,
            7 => EventKind::PersistentWatchRemoved,
            _ => return None,
        })
    }
}

/// How a session stands, as events report it. A server only ever says `SyncConnected`.
///
/// Source: `client-protocol.md` §7.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(i32)]
pub enum KeeperState {
    /// The session is over.
    Expired = -112,
    /// No server is connected.
    Disconnected = 0,
    /// Connected to a server of a quorum.
    SyncConnected = 3,
    /// An identity was refused; the session is over.
    AuthFailed = 4,
    /// Connected to a read-only server.
    ConnectedReadOnly = 5,
    /// A SASL exchange succeeded.
    SaslAuthenticated = 6,
    /// The client closed the session.
    Closed = 7,
}

impl KeeperState {
    /// The number on the wire.
    pub fn code(self) -> i32 {
        self as i32
    }

    /// The state of a number, if it has one.
    pub fn from_code(code: i32) -> Option<KeeperState> {
        Some(match code {
            -112 => KeeperState::Expired,
            0 => KeeperState::Disconnected,
            3 => KeeperState::SyncConnected,
            4 => KeeperState::AuthFailed,
            5 => KeeperState::ConnectedReadOnly,
            6 => KeeperState::SaslAuthenticated,
            7 => KeeperState::Closed,
            _ => return None,
        })
    }
}

/// One event as a server sends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatcherEvent<'a> {
    /// What happened.
    pub kind: EventKind,
    /// How the session stands.
    pub state: KeeperState,
    /// The node it happened to; for a recursive watch the descendant.
    pub path: Cow<'a, str>,
}

impl<'a> WatcherEvent<'a> {
    /// Reads the body of a notification.
    ///
    /// # Errors
    /// A body that is short, a kind or state without a meaning, a null path.
    pub fn decode(body: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body, body.len());
        let kind = reader.int("type")?;
        let state = reader.int("state")?;
        Ok(WatcherEvent {
            kind: EventKind::from_code(kind).ok_or(DecodeError::Value {
                field: "type",
                value: kind.into(),
            })?,
            state: KeeperState::from_code(state).ok_or(DecodeError::Value {
                field: "state",
                value: state.into(),
            })?,
            path: reader
                .ustring("path")?
                .ok_or(DecodeError::Null { field: "path" })?,
        })
    }

    /// Appends the event as a whole frame. `zxid` is that of the transaction that caused it,
    /// [`ReplyHeader::NO_ZXID`] for an event made up by `setWatches`.
    pub fn encode(&self, zxid: Zxid, out: &mut Vec<u8>) {
        sized(out, |out| {
            let mut writer = Writer::new(out);
            ReplyHeader {
                xid: Xid::NOTIFICATION,
                zxid,
                err: 0,
            }
            .write(&mut writer);
            writer.int(self.kind.code());
            writer.int(self.state.code());
            writer.ustring(Some(&self.path));
        });
    }
}

/// Which watches a `removeWatches` or `checkWatches` means.
///
/// Source: `client-protocol.md` §7.5.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(i32)]
pub enum WatcherType {
    /// One-shot child watches.
    Children = 1,
    /// One-shot data watches, those of `exists` included.
    Data = 2,
    /// All.
    Any = 3,
    /// Persistent watches.
    Persistent = 4,
    /// Persistent recursive watches.
    PersistentRecursive = 5,
}

impl WatcherType {
    /// The number on the wire.
    pub fn code(self) -> i32 {
        self as i32
    }

    /// The type of a number, if it has one.
    pub fn from_code(code: i32) -> Option<WatcherType> {
        Some(match code {
            1 => WatcherType::Children,
            2 => WatcherType::Data,
            3 => WatcherType::Any,
            4 => WatcherType::Persistent,
            5 => WatcherType::PersistentRecursive,
            _ => return None,
        })
    }
}

/// Which watch an `addWatch` sets.
///
/// Source: `client-protocol.md` §7.6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(i32)]
pub enum AddWatchMode {
    /// On the node and its list of children.
    Persistent = 0,
    /// On the node and everything below it.
    PersistentRecursive = 1,
}

impl AddWatchMode {
    /// The number on the wire.
    pub fn code(self) -> i32 {
        self as i32
    }

    /// The mode of a number, if it has one.
    pub fn from_code(code: i32) -> Option<AddWatchMode> {
        match code {
            0 => Some(AddWatchMode::Persistent),
            1 => Some(AddWatchMode::PersistentRecursive),
            _ => None,
        }
    }
}
