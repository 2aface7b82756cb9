//! An exact snapshot while writes go on.

use crate::node::NodeIndex;
use crate::{Tree, TreeConfig};
use alloc::vec::Vec;

/// A snapshot under way.
#[derive(Debug)]
pub(crate) struct Snapshot {}

impl Tree {
    /// Begins a snapshot of the tree as it is now. Takes no time worth mentioning; writes go on.
    ///
    /// # Panics
    /// When a snapshot is under way already.
    pub fn begin_snapshot(&mut self) {
        self.snapshot = Some(Snapshot {});
    }

    /// The next bytes of the snapshot, about `bytes_max` of them: one node more at most. `None`
    /// when everything was given; the snapshot is over then.
    ///
    /// # Panics
    /// When no snapshot is under way.
    pub fn snapshot_chunk(&mut self, bytes_max: usize) -> Option<Vec<u8>> {
        let _ = bytes_max;
        self.snapshot = None;
        None
    }

    /// Gives up the snapshot under way, if there is one.
    pub fn abandon_snapshot(&mut self) {
        self.snapshot = None;
    }

    pub(crate) fn note_created(&mut self, _index: NodeIndex) {}
    pub(crate) fn preserve(&mut self, _index: NodeIndex) {}
}

/// Why bytes are no snapshot of a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// The bytes end too early.
    #[error("the snapshot is incomplete")]
    Incomplete,
}

/// Builds a tree from the bytes of a snapshot, cut anywhere.
#[derive(Debug)]
pub struct Loader {
    tree: Tree,
}

impl Loader {
    /// A loader that has seen nothing yet.
    pub fn new(config: TreeConfig) -> Self {
        Loader {
            tree: Tree::without_nodes(config),
        }
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// The first damage found; the loader is of no further use then.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), LoadError> {
        let _ = bytes;
        Ok(())
    }

    /// The tree, once all bytes were pushed.
    ///
    /// # Errors
    /// What the bytes lack, or where they contradict themselves.
    pub fn finish(self) -> Result<Tree, LoadError> {
        if self.tree.node_count == 0 {
            Err(LoadError::Incomplete)
        } else {
            Ok(self.tree)
        }
    }
}
