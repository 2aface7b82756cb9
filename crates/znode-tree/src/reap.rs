//! Containers and TTL nodes whose time has come.

use crate::Tree;
use crate::node::NodeIndex;
use alloc::boxed::Box;
use alloc::vec::Vec;
use zk_types::{NodeKind, WallTime};

/// Which containers are due, and how many at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReapLimits {
    /// Milliseconds after which a container that never had a child is due; `None` for never.
    pub never_used_ms: Option<i64>,
    /// At most so many paths.
    pub count_max: usize,
}

impl Tree {
    /// The paths of container and TTL nodes that are due at `now`, for `DeleteContainer`.
    ///
    /// Looks at container and TTL nodes only. Source: `client-protocol.md` §6.7 and §6.8.
    pub fn expired_containers(&self, now: WallTime, limits: ReapLimits) -> Vec<Box<str>> {
        self.reapable
            .iter()
            .filter(|&&index| self.is_due(index, now, limits))
            .take(limits.count_max)
            .map(|&index| self.path_of(index).into_boxed_str())
            .collect()
    }

    fn is_due(&self, index: NodeIndex, now: WallTime, limits: ReapLimits) -> bool {
        let node = &self.nodes[index];
        let unchanged_ms = now.0.saturating_sub(node.mtime.0);
        node.children == 0
            && match node.kind() {
                NodeKind::Container => {
                    node.cversion > 0 || limits.never_used_ms.is_some_and(|ms| unchanged_ms > ms)
                }
                NodeKind::Ttl(ttl_ms) => unchanged_ms > ttl_ms,
                NodeKind::Persistent | NodeKind::Ephemeral(_) => false,
            }
    }
}
