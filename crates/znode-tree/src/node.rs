//! One znode as it lies in memory: 128 bytes, its data apart.

use crate::name::Name;
use zk_types::{Bytes, NodeKind, SessionId, Stat, TTL_MS_MAX, WallTime, Zxid};

/// Index of a node in the slab.
pub(crate) type NodeIndex = u32;

/// "No node": the end of a list of siblings, the parent of the root.
pub(crate) const NO_NODE: NodeIndex = NodeIndex::MAX;

/// The root is the first node of every slab and is never freed.
pub(crate) const ROOT: NodeIndex = 0;

/// A znode.
///
/// The data is shared with the transaction that brought it: applying copies nothing, and a pre-image
/// kept for a snapshot costs no second copy.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) name: Name,
    pub(crate) data: Option<Bytes>,
    pub(crate) czxid: Zxid,
    pub(crate) mzxid: Zxid,
    pub(crate) pzxid: Zxid,
    pub(crate) ctime: WallTime,
    pub(crate) mtime: WallTime,
    /// Kind of the node, and owner of an ephemeral one: see [`owner_of_kind`].
    pub(crate) owner: i64,
    pub(crate) version: i32,
    /// Creations of children so far: the counter of sequential names.
    pub(crate) cversion: i32,
    pub(crate) aversion: i32,
    pub(crate) parent: NodeIndex,
    /// The child that was created last; its siblings follow, the later created first.
    pub(crate) first_child: NodeIndex,
    pub(crate) next_sibling: NodeIndex,
    pub(crate) previous_sibling: NodeIndex,
    pub(crate) children: u32,
    pub(crate) acl: u32,
    /// Hash of the full path, so that the index can grow without rebuilding paths.
    pub(crate) path_hash: u32,
}

const _: () = assert!(size_of::<Option<Node>>() == 128, "two cache lines");

impl Node {
    pub(crate) fn kind(&self) -> NodeKind {
        kind_of_owner(self.owner)
    }

    pub(crate) fn data_length(&self) -> usize {
        self.data.as_ref().map_or(0, |data| data.len())
    }

    pub(crate) fn stat(&self) -> Stat {
        Stat {
            czxid: self.czxid,
            mzxid: self.mzxid,
            ctime: self.ctime,
            mtime: self.mtime,
            version: self.version,
            cversion: reported_cversion(self.cversion, self.children),
            aversion: self.aversion,
            ephemeral_owner: reported_owner(self.owner),
            data_length: i32::try_from(self.data_length()).unwrap_or(i32::MAX),
            num_children: i32::try_from(self.children).unwrap_or(i32::MAX),
            pzxid: self.pzxid,
        }
    }
}

/// Creations plus deletions, which is what clients are told; wraps as Java does.
pub(crate) fn reported_cversion(created: i32, children: u32) -> i32 {
    created
        .wrapping_mul(2)
        .wrapping_sub(i32::try_from(children).unwrap_or(i32::MAX))
}

/// The session of an ephemeral node; clients are told of no other owner.
pub(crate) fn reported_owner(owner: i64) -> SessionId {
    match kind_of_owner(owner) {
        NodeKind::Ephemeral(session) => session,
        NodeKind::Persistent | NodeKind::Container | NodeKind::Ttl(_) => SessionId::NONE,
    }
}

const CONTAINER: i64 = i64::MIN;
const TTL_MARK: u64 = 0xff00_0000_0000_0000;
const TTL_MARK_MASK: u64 = 0xffff_ff00_0000_0000;

/// A kind as Apache stores it in `ephemeralOwner`, which is also what the digest covers.
///
/// Source: `operations.md` §3.9.
pub(crate) fn owner_of_kind(kind: NodeKind) -> i64 {
    match kind {
        NodeKind::Persistent => 0,
        NodeKind::Ephemeral(session) => session.0,
        NodeKind::Container => CONTAINER,
        NodeKind::Ttl(ttl_ms) => TTL_MARK.cast_signed() | (ttl_ms & TTL_MS_MAX),
    }
}

/// The inverse of [`owner_of_kind`].
pub(crate) fn kind_of_owner(owner: i64) -> NodeKind {
    if owner == 0 {
        NodeKind::Persistent
    } else if owner == CONTAINER {
        NodeKind::Container
    } else if owner.cast_unsigned() & TTL_MARK_MASK == TTL_MARK {
        NodeKind::Ttl(owner & TTL_MS_MAX)
    } else {
        NodeKind::Ephemeral(SessionId(owner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_survives_its_encoding() {
        for kind in [
            NodeKind::Persistent,
            NodeKind::Container,
            NodeKind::Ttl(1),
            NodeKind::Ttl(TTL_MS_MAX),
            NodeKind::Ephemeral(SessionId(1)),
            NodeKind::Ephemeral(SessionId(-1)),
            NodeKind::Ephemeral(SessionId(i64::MIN + 1)),
        ] {
            assert_eq!(kind_of_owner(owner_of_kind(kind)), kind);
        }
    }

    #[test]
    fn the_reported_cversion_counts_creations_and_deletions() {
        assert_eq!(reported_cversion(5, 4), 6);
        assert_eq!(reported_cversion(0, 1), -1);
    }
}
