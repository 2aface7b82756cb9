//! Containers and TTL nodes whose time has come.
//!
//! Only childless ones can be due, and they are listed by when: a container that had children is
//! due at once, a TTL node at a time that it states itself, and a container that never had a child
//! some time after its last change. So a look costs what it finds, whatever the number of
//! containers.

use crate::Tree;
use crate::node::{Node, NodeIndex};
use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::ops::RangeInclusive;
use zk_types::{NodeKind, WallTime};

/// Which containers are due, and how many at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReapLimits {
    /// Milliseconds after which a container that never had a child is due; `None` for never.
    pub never_used_ms: Option<i64>,
    /// At most so many paths.
    pub count_max: usize,
}

/// The childless container and TTL nodes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reapable(BTreeSet<(Due, NodeIndex)>);

/// When a childless node may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    /// At once: a container whose last child is gone.
    Emptied,
    /// Once the clock shows more than this: a TTL node.
    After(WallTime),
    /// Some time after its last change: a container that never had a child.
    Unused(WallTime),
}

impl Due {
    /// When the node may go; `None` while it has children, and for nodes of other kinds.
    fn of(node: &Node) -> Option<Due> {
        if node.children > 0 {
            return None;
        }
        match node.kind() {
            NodeKind::Container if node.cversion > 0 => Some(Due::Emptied),
            NodeKind::Container => Some(Due::Unused(node.mtime)),
            NodeKind::Ttl(ttl_ms) => {
                Some(Due::After(WallTime(node.mtime.0.saturating_add(ttl_ms))))
            }
            NodeKind::Persistent | NodeKind::Ephemeral(_) => None,
        }
    }
}

impl Reapable {
    /// Lists a node as it is now, if it can be due.
    pub(crate) fn enter(&mut self, index: NodeIndex, node: &Node) {
        if let Some(due) = Due::of(node) {
            self.0.insert((due, index));
        }
    }

    /// Strikes a node out, which is as it was when it was listed.
    pub(crate) fn leave(&mut self, index: NodeIndex, node: &Node) {
        if let Some(due) = Due::of(node) {
            assert!(self.0.remove(&(due, index)), "what can be due is listed");
        }
    }

    fn within(&self, range: RangeInclusive<Due>) -> impl Iterator<Item = NodeIndex> + '_ {
        let (first, last) = range.into_inner();
        self.0
            .range((first, NodeIndex::MIN)..=(last, NodeIndex::MAX))
            .map(|(_, index)| *index)
    }
}

impl Tree {
    /// The paths of container and TTL nodes that are due at `now`, for `DeleteContainer`: first
    /// the containers that were used, then by when they became due.
    ///
    /// Takes time in proportion to what it gives. Source: `client-protocol.md` §6.7 and §6.8.
    pub fn expired_containers(&self, now: WallTime, limits: ReapLimits) -> Vec<Box<str>> {
        const ALWAYS: WallTime = WallTime(i64::MIN);
        let before = |at: i64| at.checked_sub(1).map(WallTime);
        let emptied = self.reapable.within(Due::Emptied..=Due::Emptied);
        let outlived = before(now.0).map(|last| Due::After(ALWAYS)..=Due::After(last));
        let unused = limits
            .never_used_ms
            .and_then(|ms| before(now.0.saturating_sub(ms)))
            .map(|last| Due::Unused(ALWAYS)..=Due::Unused(last));
        let later = [outlived, unused].into_iter().flatten();
        emptied
            .chain(later.flat_map(|range| self.reapable.within(range)))
            .take(limits.count_max)
            .map(|index| self.path_of(index).into_boxed_str())
            .collect()
    }
}
