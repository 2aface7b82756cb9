//! What an oracle may see of a server.

use crate::server::Replica;
use session::Sessions;
use zab_core::Summary;
use zk_types::Zxid;
use znode_tree::Tree;

/// A server at one moment, for oracles; nothing in it may steer a server.
#[derive(Debug)]
pub struct Observation<'r> {
    /// The protocol's machine.
    pub zab: Summary,
    /// The last record that was applied, a marker included.
    pub applied: Zxid,
    /// Digest of the tree after it.
    pub digest: u64,
    /// The tree.
    pub tree: &'r Tree,
    /// The open sessions.
    pub sessions: &'r Sessions,
    /// How many watches its connections have, and how many of them have any; see
    /// [`watch::WatchTable::watches`].
    pub watches: (usize, usize),
}

impl Replica {
    /// This server as it is now.
    pub fn observe(&self) -> Observation<'_> {
        Observation {
            zab: self.zab.summary(),
            applied: self.state.applied,
            digest: self.state.tree.digest(),
            tree: &self.state.tree,
            sessions: &self.state.sessions,
            watches: (self.watches.watches(), self.watches.watchers()),
        }
    }
}
