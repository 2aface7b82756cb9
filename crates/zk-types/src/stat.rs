//! What a client is told about a znode.

use crate::{SessionId, WallTime, Zxid};

/// A znode's metadata as reported to clients: 68 bytes on the wire.
///
/// Source: `client-protocol.md` §5 and §6.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// Transaction that created the node.
    pub czxid: Zxid,
    /// Transaction that last set its data.
    pub mzxid: Zxid,
    /// When it was created.
    pub ctime: WallTime,
    /// When its data was last set.
    pub mtime: WallTime,
    /// How often its data was set.
    pub version: i32,
    /// Child creations plus deletions: twice the creation counter less the number of children.
    pub cversion: i32,
    /// How often its ACL was set.
    pub aversion: i32,
    /// The owning session of an ephemeral node, else [`SessionId::NONE`].
    pub ephemeral_owner: SessionId,
    /// Length of the data in bytes; null data counts as 0.
    pub data_length: i32,
    /// Number of children.
    pub num_children: i32,
    /// Transaction that last created or deleted a child.
    pub pzxid: Zxid,
}
