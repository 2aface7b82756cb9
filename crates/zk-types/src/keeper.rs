//! The writes that ClickHouse Keeper adds to the protocol, and their transactions.

use crate::{CreateTxn, RawPath, Stat};
use alloc::boxed::Box;
use alloc::vec::Vec;

/// A write of ClickHouse Keeper, or a check that may stand in a multi.
///
/// Source: `docs/keeper-extensions.md`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeeperOp<'a> {
    /// Check that a node does not exist, or not in this version; only inside a multi.
    CheckNotExists {
        /// Node.
        path: RawPath<'a>,
        /// The version it may not have, −1 for any.
        version: i32,
    },
    /// Check a node's version and Stat; only inside a multi.
    CheckStat {
        /// Node.
        path: RawPath<'a>,
        /// Expected version, −1 for any.
        version: i32,
        /// What the Stat must be; a field of −1 may be anything.
        stat: Stat,
    },
    /// Delete a node, if it is there, has this version and has no children.
    TryDelete {
        /// Node.
        path: RawPath<'a>,
        /// The version it must have, −1 for any.
        version: i32,
    },
    /// Delete a node and everything below it.
    DeleteRecursive {
        /// Node.
        path: RawPath<'a>,
        /// The most nodes that may be deleted, the node included.
        nodes_max: u32,
    },
}

/// What became of one of Keeper's writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeeperTxn {
    /// A node was found not to exist, inside a multi.
    CheckNotExists {
        /// Its path.
        path: Box<str>,
        /// The version it might not have.
        version: i32,
    },
    /// A node's Stat was checked, inside a multi.
    CheckStat {
        /// Its path.
        path: Box<str>,
        /// The version that was checked.
        version: i32,
    },
    /// A node that did not exist appears. It is never shown its Stat.
    Create(CreateTxn),
    /// A node that was to be created existed.
    Exists {
        /// Its path.
        path: Box<str>,
    },
    /// A node disappears, or there was none that might.
    TryDelete {
        /// Its path.
        path: Box<str>,
        /// Whether it disappears.
        deletes: bool,
    },
    /// Nodes disappear, perhaps none.
    DeleteRecursive {
        /// Their paths, children before parents.
        paths: Vec<Box<str>>,
    },
}

impl Stat {
    /// Whether this is what `expected` says, of which a field of −1 may be anything.
    ///
    /// Source: `docs/keeper-extensions.md`.
    pub fn is(&self, expected: &Stat) -> bool {
        let zxids = [
            (self.czxid, expected.czxid),
            (self.mzxid, expected.mzxid),
            (self.pzxid, expected.pzxid),
        ];
        let longs = [
            (self.ctime.0, expected.ctime.0),
            (self.mtime.0, expected.mtime.0),
            (self.ephemeral_owner.0, expected.ephemeral_owner.0),
        ];
        let ints = [
            (self.version, expected.version),
            (self.cversion, expected.cversion),
            (self.aversion, expected.aversion),
            (self.data_length, expected.data_length),
            (self.num_children, expected.num_children),
        ];
        zxids
            .iter()
            .all(|(own, other)| other.0 == u64::MAX || own == other)
            && longs
                .iter()
                .all(|(own, other)| *other == -1 || own == other)
            && ints.iter().all(|(own, other)| *other == -1 || own == other)
    }
}
