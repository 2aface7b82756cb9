//! Quotas: limits on the number and the bytes of the nodes below a path.
//!
//! A client activates one by creating `/zookeeper/quota<path>/zookeeper_limits`. Usage is counted
//! here and shown in `zookeeper_stats` beside it; what a client writes there is overwritten by the
//! next covered write and never read. Source: `client-protocol.md` §6.9.

use crate::Tree;
use crate::limits::{Limit, Limits, QuotaPassed};
use crate::tree::split;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::vec::Vec;
use zk_types::{Bytes, ErrorCode};

const QUOTA_ROOT: &str = "/zookeeper/quota";
const LIMITS: &str = "zookeeper_limits";
const STATS: &str = "zookeeper_stats";

/// What the nodes under a quota come to, or a change of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct Usage {
    /// Number of nodes, the root of the quota included.
    pub(crate) count: i64,
    /// Length of all data in bytes.
    pub(crate) bytes: i64,
}

impl Usage {
    pub(crate) fn plus(self, other: Usage) -> Usage {
        Usage {
            count: self.count.saturating_add(other.count),
            bytes: self.bytes.saturating_add(other.bytes),
        }
    }

    pub(crate) fn minus(self, other: Usage) -> Usage {
        Usage {
            count: self.count.saturating_sub(other.count),
            bytes: self.bytes.saturating_sub(other.bytes),
        }
    }

    /// A node that appears.
    pub(crate) fn of_node(data_length: usize) -> Usage {
        Usage {
            count: 1,
            bytes: length(data_length),
        }
    }

    /// A node whose data goes from `before` to `after` bytes.
    pub(crate) fn of_change(before: usize, after: usize) -> Usage {
        Usage {
            count: 0,
            bytes: length(after) - length(before),
        }
    }
}

fn length(bytes: usize) -> i64 {
    i64::try_from(bytes).expect("no data is longer than an i64 can say")
}

/// An active quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuotaReport<'t> {
    /// The node whose descendants it covers, and itself.
    pub path: &'t str,
    /// What is allowed.
    pub limits: Limits,
    /// How many nodes there are.
    pub count: i64,
    /// How long their data is together.
    pub bytes: i64,
}

/// The active quotas by path, and what is used of each.
#[derive(Clone, Debug, Default)]
pub(crate) struct Quotas {
    active: BTreeMap<Box<str>, Usage>,
    passed: Vec<QuotaPassed>,
}

impl Quotas {
    /// The deepest active quota that covers `path`.
    pub(crate) fn covering<'p>(&self, path: &'p str) -> Option<&'p str> {
        if self.active.is_empty() {
            return None;
        }
        let mut prefix = path;
        loop {
            if self.active.contains_key(prefix) {
                return Some(prefix);
            }
            prefix = split(prefix)?.0;
        }
    }

    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = (&str, Usage)> {
        self.active.iter().map(|(path, usage)| (&**path, *usage))
    }

    fn activate(&mut self, path: &str, usage: Usage) {
        self.active.insert(Box::from(path), usage);
    }
}

impl Tree {
    /// Refuses a write that a hard limit of its quota does not allow, `pending` being used already.
    /// Nothing is enforced where usage has no node to be seen in.
    pub(crate) fn check_quota(
        &self,
        quota: &str,
        pending: Usage,
        change: Usage,
    ) -> Result<(), ErrorCode> {
        if self.find(&format!("{QUOTA_ROOT}{quota}/{STATS}")).is_none() {
            return Ok(());
        }
        let limits = self.limits_of(quota);
        let used = self.quotas.active.get(quota).copied().unwrap_or_default();
        let after = used.plus(pending).plus(change);
        let exceeds = |change: i64, after: i64, limit: Option<Limit>| {
            change != 0 && matches!(limit, Some(Limit::Hard(limit)) if after > limit)
        };
        if exceeds(change.count, after.count, limits.count)
            || exceeds(change.bytes, after.bytes, limits.bytes)
        {
            return Err(ErrorCode::QuotaExceeded);
        }
        Ok(())
    }

    /// The active quotas, by path.
    pub fn quotas(&self) -> impl Iterator<Item = QuotaReport<'_>> {
        self.quotas.iter().map(|(path, usage)| QuotaReport {
            path,
            limits: self.limits_of(path),
            count: usage.count,
            bytes: usage.bytes,
        })
    }

    /// The quotas whose limits were passed since the last call, hard or soft. Whoever applies
    /// transactions takes them after each, or they gather.
    pub fn take_quotas_passed(&mut self) -> Vec<QuotaPassed> {
        core::mem::take(&mut self.quotas.passed)
    }

    fn limits_of(&self, quota: &str) -> Limits {
        self.find(&format!("{QUOTA_ROOT}{quota}/{LIMITS}"))
            .and_then(|index| self.nodes[index].data.as_deref())
            .map(Limits::parse)
            .unwrap_or_default()
    }

    /// Accounts for a node that was created.
    pub(crate) fn count_created(&mut self, path: &str, data_length: usize) {
        self.count_change(path, Usage::of_node(data_length));
        match quota_node(path) {
            Some((quota, QuotaNode::Limits)) => {
                let usage = self.usage_below(quota);
                self.quotas.activate(quota, usage);
            }
            Some((quota, QuotaNode::Stats)) => {
                let usage = self.usage_below(quota);
                if let Some(active) = self.quotas.active.get_mut(quota) {
                    *active = usage;
                }
                self.show_usage(quota, usage);
            }
            None => {}
        }
    }

    /// Accounts for a node that was deleted.
    pub(crate) fn count_deleted(&mut self, path: &str, data_length: usize) {
        if let Some((quota, QuotaNode::Limits)) = quota_node(path) {
            self.quotas.active.remove(quota);
        }
        self.count_change(path, Usage::default().minus(Usage::of_node(data_length)));
    }

    /// Accounts for a change of usage at `path`, under the deepest quota that covers it.
    pub(crate) fn count_change(&mut self, path: &str, change: Usage) {
        let Some(quota) = self.quotas.covering(path) else {
            return;
        };
        let active = self
            .quotas
            .active
            .get_mut(quota)
            .expect("a covering quota is active");
        let before = *active;
        *active = active.plus(change);
        let usage = *active;
        if change.count > 0 || change.bytes > 0 {
            let limits = self.limits_of(quota);
            limits.note_passed(quota, before, usage, &mut self.quotas.passed);
        }
        self.show_usage(quota, usage);
    }

    /// Takes a quota over from a snapshot; false when the node that activates it is missing.
    pub(crate) fn restore_quota(&mut self, quota: &str, usage: Usage) -> bool {
        let is_active = self
            .find(&format!("{QUOTA_ROOT}{quota}/{LIMITS}"))
            .is_some();
        if is_active {
            self.quotas.activate(quota, usage);
        }
        is_active
    }

    fn usage_below(&self, quota: &str) -> Usage {
        let Some(top) = self.find(quota) else {
            return Usage::default();
        };
        let mut usage = Usage::of_node(self.nodes[top].data_length());
        self.walk_below(top, &mut |node| {
            usage = usage.plus(Usage::of_node(node.data_length()));
        });
        usage
    }

    /// Writes usage in place: neither version nor times of the node change.
    fn show_usage(&mut self, quota: &str, usage: Usage) {
        let path = format!("{QUOTA_ROOT}{quota}/{STATS}");
        let Some(index) = self.find(&path) else {
            return;
        };
        let text = format!("count={},bytes={}", usage.count, usage.bytes);
        let before = self.nodes[index].data_length();
        self.alter(&path, index, |node| {
            node.data = Some(Bytes::from(text.as_bytes()));
        });
        self.resize_data(before, text.len());
    }
}

#[derive(Clone)]
enum QuotaNode {
    Limits,
    Stats,
}

/// The quota that a node belongs to; the root may have none.
fn quota_node(path: &str) -> Option<(&str, QuotaNode)> {
    let (parent, name) = split(path.strip_prefix(QUOTA_ROOT)?)?;
    if !parent.starts_with('/') {
        return None;
    }
    match name {
        LIMITS => Some((parent, QuotaNode::Limits)),
        STATS => Some((parent, QuotaNode::Stats)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_is_named_by_the_path_of_its_nodes() {
        let quota = |path| quota_node(path).map(|(quota, _)| quota);
        assert_eq!(quota("/zookeeper/quota/a/b/zookeeper_limits"), Some("/a/b"));
        assert_eq!(quota("/zookeeper/quota/a/zookeeper_stats"), Some("/a"));
        assert_eq!(quota("/zookeeper/quota/zookeeper_limits"), None);
        assert_eq!(quota("/zookeeper/quotas/a/zookeeper_limits"), None);
        assert_eq!(quota("/zookeeper/quota/a/b"), None);
        assert_eq!(quota("/a/zookeeper_limits"), None);
    }

    #[test]
    fn the_deepest_quota_covers() {
        let mut quotas = Quotas::default();
        assert_eq!(quotas.covering("/a/b"), None);
        quotas.activate("/a", Usage::default());
        quotas.activate("/a/b/c", Usage::default());
        assert_eq!(quotas.covering("/a/b"), Some("/a"));
        assert_eq!(quotas.covering("/a"), Some("/a"));
        assert_eq!(quotas.covering("/a/b/c/d"), Some("/a/b/c"));
        assert_eq!(quotas.covering("/ab"), None);
        assert_eq!(quotas.covering("/"), None);
    }
}
