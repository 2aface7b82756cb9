//! What applying a transaction tells: whom to notify, and what to reply.

use alloc::vec::Vec;
use zk_types::{Acl, ErrorCode, Stat};

/// What happened to a node, in the terms of watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// The node appeared.
    Created,
    /// The node disappeared.
    Deleted,
    /// The node's data was set.
    DataChanged,
    /// A child of the node appeared or disappeared.
    ChildrenChanged,
}

/// One change that watches may wait for.
///
/// A creation is followed by the `ChildrenChanged` of its parent, and so is a deletion. Source:
/// `client-protocol.md` §7.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change<'a> {
    /// What happened.
    pub kind: ChangeKind,
    /// To which node.
    pub path: &'a str,
    /// The node's access list: only who may read by it may be told.
    pub acl: &'a [Acl],
}

/// The result of applying a transaction: what a reply needs, as of that (sub-)transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applied<'t> {
    /// A deletion, a check, the begin or the end of a session.
    Done,
    /// A creation.
    Created {
        /// Full path, the suffix of a sequential node included.
        path: &'t str,
        /// Metadata of the new node.
        stat: Stat,
        /// Whether the reply carries the Stat (result type 15 in a multi).
        with_stat: bool,
    },
    /// New data.
    DataSet(Stat),
    /// A new access list.
    AclSet(Stat),
    /// The results of a multi, in order.
    Multi(Vec<Applied<'t>>),
    /// A failure that was given a place in the order.
    Error(ErrorCode),
}
