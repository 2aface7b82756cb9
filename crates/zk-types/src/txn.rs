//! Transactions: requests turned into statements of their result, so that replay is harmless.

use crate::{Acl, Bytes, ErrorCode, KeeperTxn, SessionId, WallTime, Zxid};
use alloc::boxed::Box;
use alloc::vec::Vec;

/// The longest time to live of a TTL node, in milliseconds: 40 bits.
pub const TTL_MS_MAX: i64 = (1 << 40) - 1;

/// Who asked for a transaction, and when.
///
/// Source: `operations.md` §5.2, `TxnHeader`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TxnHeader {
    /// The session that asked.
    pub session: SessionId,
    /// Its request number.
    pub cxid: i32,
    /// The transaction's place in the order.
    pub zxid: Zxid,
    /// The leader's wall clock when it prepared the transaction.
    pub time: WallTime,
}

/// How long a node lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeKind {
    /// Until it is deleted.
    Persistent,
    /// As long as the session lives.
    Ephemeral(SessionId),
    /// Until its last child is gone.
    Container,
    /// Until it has been childless and unmodified for this many milliseconds, 1 to [`TTL_MS_MAX`].
    Ttl(i64),
}

/// The creation of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateTxn {
    /// Full path, the suffix of a sequential node included.
    pub path: Box<str>,
    /// Data; null and empty are distinct.
    pub data: Option<Bytes>,
    /// Access list, normalised.
    pub acl: Vec<Acl>,
    /// How long the node lives.
    pub kind: NodeKind,
    /// The parent's creation counter after this creation.
    pub parent_cversion: i32,
    /// Whether the requester used an opcode whose reply carries the Stat (type 15 in a log).
    pub with_stat: bool,
}

/// A transaction. Paths were validated when it was prepared.
///
/// Source: `operations.md` §5.2, the table of records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Txn {
    /// A session begins; its id is the header's.
    CreateSession {
        /// Timeout in milliseconds.
        timeout_ms: i32,
    },
    /// A session ends, and these ephemeral nodes with it.
    CloseSession {
        /// Paths to delete, in the order they are deleted.
        paths: Vec<Box<str>>,
    },
    /// A node appears.
    Create(CreateTxn),
    /// A node disappears.
    Delete {
        /// Its path.
        path: Box<str>,
    },
    /// An empty container or expired TTL node disappears.
    DeleteContainer {
        /// Its path.
        path: Box<str>,
    },
    /// A node has new data.
    SetData {
        /// Its path.
        path: Box<str>,
        /// The data.
        data: Option<Bytes>,
        /// The version after this change.
        version: i32,
    },
    /// A node has a new access list.
    SetAcl {
        /// Its path.
        path: Box<str>,
        /// The list, normalised.
        acl: Vec<Acl>,
        /// The ACL version after this change.
        version: i32,
    },
    /// A version was checked, inside a multi.
    Check {
        /// The node's path.
        path: Box<str>,
        /// The version that was checked.
        version: i32,
    },
    /// Several at once, each as if alone, all with one zxid. Never nested.
    Multi(Vec<Txn>),
    /// A request that failed, where its failure has to have a place in the order.
    Error(ErrorCode),
    /// What became of a write of ClickHouse Keeper.
    Keeper(KeeperTxn),
}
