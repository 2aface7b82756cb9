//! Numbers that operators read: packets, latencies, proposal sizes.

use crate::summary::{Percentiles, Summary};
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use auth::EnsembleVerdict;
use core::time::Duration;
use wal::{DiskOp, DiskTask, TaskId};
use zab_core::Role;
use zk_types::Instant;
use znode_tree::ChangeKind;

/// Smallest, largest and mean latency of answered requests, in milliseconds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Latency {
    min_ms: Option<u64>,
    max_ms: u64,
    total_ms: u64,
    count: u64,
    last_ms: u64,
}

impl Latency {
    /// Takes one answered request into account.
    pub(crate) fn record(&mut self, took: Duration) {
        let ms = whole_ms(took);
        self.min_ms = Some(self.min_ms.map_or(ms, |min| min.min(ms)));
        self.max_ms = self.max_ms.max(ms);
        self.total_ms = self.total_ms.saturating_add(ms);
        self.count += 1;
        self.last_ms = ms;
    }

    pub(crate) fn min_ms(&self) -> u64 {
        self.min_ms.unwrap_or(0)
    }

    pub(crate) fn max_ms(&self) -> u64 {
        self.max_ms
    }

    pub(crate) fn last_ms(&self) -> u64 {
        self.last_ms
    }

    /// The mean, rounded down to a whole millisecond.
    pub(crate) fn mean_ms(&self) -> u64 {
        self.total_ms.checked_div(self.count).unwrap_or(0)
    }

    /// The mean in ten-thousandths of a millisecond, for text with four decimals.
    pub(crate) fn mean_tenthousandths_ms(&self) -> u64 {
        self.total_ms
            .saturating_mul(10_000)
            .checked_div(self.count)
            .unwrap_or(0)
    }
}

/// Smallest, largest and last of a size; none yet prints as −1.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sizes {
    seen: Option<(u64, u64, u64)>,
}

impl Sizes {
    /// Takes one size into account.
    pub(crate) fn record(&mut self, size: usize) {
        let size = u64::try_from(size).unwrap_or(u64::MAX);
        self.seen = Some(match self.seen {
            None => (size, size, size),
            Some((_, min, max)) => (size, min.min(size), max.max(size)),
        });
    }

    /// Last, smallest and largest, −1 each when there was none.
    pub(crate) fn last_min_max(&self) -> [i64; 3] {
        self.seen.map_or([-1; 3], |(last, min, max)| {
            [last, min, max].map(|size| i64::try_from(size).unwrap_or(i64::MAX))
        })
    }
}

/// What became of clients that said which ensemble they want.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct EnsembleCounts {
    pub(crate) right: u64,
    pub(crate) unchecked: u64,
    pub(crate) wrong: u64,
}

impl EnsembleCounts {
    /// Takes one verdict into account.
    pub(crate) fn count(&mut self, verdict: EnsembleVerdict) {
        match verdict {
            EnsembleVerdict::Right => self.right += 1,
            EnsembleVerdict::Unchecked => self.unchecked += 1,
            EnsembleVerdict::Wrong => self.wrong += 1,
        }
    }
}

/// How many watches changes of each kind fired, of those that fired any.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Fired {
    pub(crate) created: Summary,
    pub(crate) deleted: Summary,
    pub(crate) changed: Summary,
    pub(crate) children: Summary,
}

impl Fired {
    /// Takes one change into account.
    pub(crate) fn record(&mut self, kind: ChangeKind, watches: usize) {
        let watches = u64::try_from(watches).unwrap_or(u64::MAX);
        match kind {
            ChangeKind::Created => self.created.record(watches),
            ChangeKind::Deleted => self.deleted.record(watches),
            ChangeKind::DataChanged => self.changed.record(watches),
            ChangeKind::ChildrenChanged => self.children.record(watches),
        }
    }
}

/// How long things took, in milliseconds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Times {
    pub(crate) reads: Percentiles,
    pub(crate) updates: Percentiles,
    pub(crate) proposals: Percentiles,
    pub(crate) syncs: Summary,
    pub(crate) snapshots: Summary,
    pub(crate) elections: Summary,
    pub(crate) unavailable: Summary,
    pub(crate) leader_unavailable: Summary,
}

/// When things began that are not over.
#[derive(Clone, Debug)]
pub(crate) struct Stopwatches {
    looking: Option<Instant>,
    not_serving: Option<Instant>,
    snapshot: Option<Instant>,
    syncs: BTreeMap<TaskId, Instant>,
}

impl Stopwatches {
    /// A server that has just started looks for a leader and does not serve.
    pub(crate) fn new(now: Instant) -> Self {
        Stopwatches {
            looking: Some(now),
            not_serving: Some(now),
            snapshot: None,
            syncs: BTreeMap::new(),
        }
    }

    /// The role is another one from now on.
    pub(crate) fn on_role(&mut self, role: Role, now: Instant, times: &mut Times) {
        let since = |began: Instant| whole_ms(now.since(began));
        match role {
            Role::Looking => {
                self.looking.get_or_insert(now);
                self.not_serving.get_or_insert(now);
                return;
            }
            Role::LeadingPrepare { .. } | Role::FollowingPrepare { .. } => {
                self.not_serving.get_or_insert(now);
            }
            Role::Leading { .. } | Role::Following { .. } => {
                if let Some(began) = self.not_serving.take() {
                    times.unavailable.record(since(began));
                    if matches!(role, Role::Leading { .. }) {
                        times.leader_unavailable.record(since(began));
                    }
                }
            }
        }
        if let Some(began) = self.looking.take() {
            times.elections.record(since(began));
        }
    }

    /// A task goes to the disk.
    pub(crate) fn on_task(&mut self, task: &DiskTask, now: Instant) {
        if let (DiskOp::Sync { .. }, Some(id)) = (&task.op, task.id) {
            self.syncs.insert(id, now);
        }
    }

    /// A task of the disk is done.
    pub(crate) fn on_done(&mut self, id: TaskId, now: Instant, times: &mut Times) {
        if let Some(began) = self.syncs.remove(&id) {
            times.syncs.record(whole_ms(now.since(began)));
        }
    }

    /// A snapshot is begun.
    pub(crate) fn on_snapshot_begun(&mut self, now: Instant) {
        self.snapshot = Some(now);
    }

    /// A snapshot is durable.
    pub(crate) fn on_snapshot_taken(&mut self, now: Instant, times: &mut Times) {
        if let Some(began) = self.snapshot.take() {
            times.snapshots.record(whole_ms(now.since(began)));
        }
    }
}

/// A duration in whole milliseconds.
pub(crate) fn whole_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Counters of one server since its start or the last `srst`.
#[derive(Clone, Debug)]
pub(crate) struct Statistics {
    pub(crate) started: Instant,
    pub(crate) received: u64,
    pub(crate) sent: u64,
    pub(crate) latency: Latency,
    pub(crate) proposals: Sizes,
    pub(crate) responses: Sizes,
    pub(crate) proposal_count: u64,
    pub(crate) commit_count: u64,
    pub(crate) response_bytes: u64,
    /// Learners that were brought up by records alone.
    pub(crate) diff_count: u64,
    /// Learners that were brought up by a snapshot.
    pub(crate) snap_count: u64,
    pub(crate) proposals_received: u64,
    pub(crate) commits_received: u64,
    /// Sessions that this leader was asked about.
    pub(crate) sessions_judged: u64,
    pub(crate) closed_unserved: u64,
    pub(crate) connections_dropped: u64,
    pub(crate) times: Times,
    pub(crate) fired: Fired,
    /// Writes that a hard quota refused, by the top-level node they were below. Only nodes with
    /// quotas are listed.
    pub(crate) quota_refusals: BTreeMap<Box<str>, u64>,
    pub(crate) looking_count: u64,
    pub(crate) connection_count: u64,
    pub(crate) connections_rejected: u64,
    pub(crate) revalidate_count: u64,
    pub(crate) expired_sessions: u64,
    pub(crate) auth_failed: u64,
    pub(crate) bytes_received: u64,
    pub(crate) ensemble: EnsembleCounts,
    pub(crate) throttle_waits: u64,
    pub(crate) throttled_ops: u64,
    pub(crate) stale_requests_dropped: u64,
    pub(crate) large_requests_rejected: u64,
    pub(crate) silent_connections_closed: u64,
    pub(crate) leader_since: Option<Instant>,
    pub(crate) descriptors: (u64, u64),
}

impl Statistics {
    /// All zero, starting now.
    pub(crate) fn new(now: Instant) -> Self {
        Statistics {
            started: now,
            received: 0,
            sent: 0,
            latency: Latency::default(),
            proposals: Sizes::default(),
            responses: Sizes::default(),
            proposal_count: 0,
            commit_count: 0,
            response_bytes: 0,
            diff_count: 0,
            snap_count: 0,
            proposals_received: 0,
            commits_received: 0,
            sessions_judged: 0,
            closed_unserved: 0,
            connections_dropped: 0,
            times: Times::default(),
            fired: Fired::default(),
            quota_refusals: BTreeMap::new(),
            looking_count: 0,
            connection_count: 0,
            connections_rejected: 0,
            revalidate_count: 0,
            expired_sessions: 0,
            auth_failed: 0,
            bytes_received: 0,
            ensemble: EnsembleCounts::default(),
            throttle_waits: 0,
            throttled_ops: 0,
            stale_requests_dropped: 0,
            large_requests_rejected: 0,
            silent_connections_closed: 0,
            leader_since: None,
            descriptors: (0, 0),
        }
    }

    /// What `srst` clears.
    pub(crate) fn reset(&mut self) {
        let fresh = Statistics::new(self.started);
        let before = core::mem::replace(self, fresh);
        self.leader_since = before.leader_since;
        self.descriptors = before.descriptors;
    }
}
