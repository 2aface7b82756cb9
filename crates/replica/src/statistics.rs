//! Numbers that operators read: packets, latencies, proposal sizes.

use auth::EnsembleVerdict;
use core::time::Duration;
use zk_types::Instant;

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
        let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
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

/// Counters of one server since its start or the last `srst`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Statistics {
    pub(crate) started: Instant,
    pub(crate) received: u64,
    pub(crate) sent: u64,
    pub(crate) latency: Latency,
    pub(crate) proposals: Sizes,
    pub(crate) responses: Sizes,
    pub(crate) proposal_count: u64,
    pub(crate) commit_count: u64,
    pub(crate) snapshot_count: u64,
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
            snapshot_count: 0,
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
        let kept = *self;
        *self = Statistics::new(kept.started);
        self.leader_since = kept.leader_since;
        self.descriptors = kept.descriptors;
    }
}
