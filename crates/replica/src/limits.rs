//! What a server takes of its clients at once: the settings.
//!
//! Watches have no limit, as in Apache. No reply tells a client that its watch was not set: an error
//! would fail the read that is right otherwise, and a client whose connection is closed comes back
//! and sets all of its watches again. A watch costs the server some tens of bytes and its path once;
//! who may set many may as well create as many nodes, and `mntr` shows their number.

use core::time::Duration;
use serde::{Deserialize, Serialize};

/// What a server takes of its clients at once, beside the numbers of connections and of
/// outstanding requests that [`crate::Config`] has itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Limits {
    /// How long a connection may take to say its first words (`nio.sessionlessCnxnTimeout`).
    pub greeting: Duration,
    /// How many sessions may be opened and resumed at once; `None` for no limit.
    pub connects: Option<ConnectLimits>,
    /// Requests under way above which further ones wait, 0 for no limit
    /// (`request_throttle_max_requests`).
    pub requests_max: usize,
    /// How long a request may wait for its turn before it is refused, zero for ever
    /// (`throttled_op_wait_time`).
    pub throttled_wait_max: Duration,
    /// What becomes of a request that waited for longer than its session may be silent.
    pub when_stale: WhenStale,
    /// What large requests may take; `None` for no limit.
    pub large_requests: Option<LargeRequestLimits>,
}

/// A bucket of tokens, of which opening or resuming a session takes some: a connection that finds
/// too few is closed. Source: ZooKeeper `BlueThrottle`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectLimits {
    /// Tokens of a full bucket (`connection_throttle_tokens`).
    pub tokens_max: u64,
    /// How often the bucket is filled (`connection_throttle_fill_time`); more than zero.
    pub fill_interval: Duration,
    /// Tokens that are filled in (`connection_throttle_fill_count`).
    pub fill_tokens: u64,
    /// Tokens that a new session takes (`connection_throttle_global_session_weight`).
    pub opening_takes: u64,
    /// Tokens that a new session takes that this server alone knows
    /// (`connection_throttle_local_session_weight`).
    pub opening_locally_takes: u64,
    /// Tokens that a session brought from elsewhere takes
    /// (`connection_throttle_renew_session_weight`).
    pub resuming_takes: u64,
    /// Drops at random before the bucket is empty; `None` for none.
    pub drops: Option<RandomDrops>,
}

/// Connections dropped at random, the more the longer the bucket is found empty. Shares are in
/// millionths.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RandomDrops {
    /// How often the share may change (`connection_throttle_freeze_time`).
    pub freeze: Duration,
    /// What an empty bucket adds to the share (`connection_throttle_drop_increase`).
    pub increase_ppm: u32,
    /// What a bucket full enough takes from the share (`connection_throttle_drop_decrease`).
    pub decrease_ppm: u32,
    /// The share of tokens that may be missing in a bucket that is full enough
    /// (`connection_throttle_decrease_ratio`).
    pub full_enough_ppm: u32,
}

/// What becomes of a request that waited for longer than its session may be silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WhenStale {
    /// It is carried out.
    CarryOut,
    /// Its connection is closed (`request_stale_latency_check`).
    Close,
}

/// What large requests may take: a connection with one too many is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LargeRequestLimits {
    /// Requests with more bytes are large (`largeRequestThreshold`).
    pub above_bytes: usize,
    /// Bytes of all large requests under way (`largeRequestMaxBytes`).
    pub bytes_max: usize,
}

impl Default for Limits {
    /// Those of Apache: ten seconds to greet, and no other limit.
    fn default() -> Self {
        Limits {
            greeting: Duration::from_secs(10),
            connects: None,
            requests_max: 0,
            throttled_wait_max: Duration::ZERO,
            when_stale: WhenStale::CarryOut,
            large_requests: None,
        }
    }
}
