//! Settings that belong together, each group with the defaults of Apache.
//!
//! Source: `client-protocol.md` §2.8, §4.1, §6.7 and §16; `operations.md` §2.

use core::time::Duration;
use serde::{Deserialize, Serialize};

/// What sessions are to this server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SessionRules {
    /// Whether new sessions are known to this server alone.
    pub local: LocalSessions,
    /// Whether clients may read while there is no quorum.
    pub read_only: ReadOnlyMode,
}

/// Whether a server without a quorum serves clients that only read (`readonlymode.enabled`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum ReadOnlyMode {
    /// No: it serves nobody.
    #[default]
    Off,
    /// Yes, if its clients say that they take it.
    On,
}

/// Whether new sessions are known to the server alone that opened them (`localSessionsEnabled`,
/// `localSessionsUpgradingEnabled`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum LocalSessions {
    /// No: every session is known to the whole ensemble.
    #[default]
    Never,
    /// Always: they cannot own ephemeral nodes.
    Always,
    /// Until they first want an ephemeral node; the ensemble learns of them then.
    UntilEphemeral,
}

/// How containers and TTL nodes go whose time has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReaperRules {
    /// How often the leader looks for them (`znode.container.checkIntervalMs`).
    pub interval: Duration,
    /// How many go within a minute (`znode.container.maxPerMinute`), at least 1.
    pub per_minute_max: u32,
    /// After what time a container goes that never had a child
    /// (`znode.container.maxNeverUsedIntervalMs`); `None` for never.
    pub never_used: Option<Duration>,
}

impl Default for ReaperRules {
    fn default() -> Self {
        ReaperRules {
            interval: Duration::from_secs(60),
            per_minute_max: 10_000,
            never_used: None,
        }
    }
}

/// How requests to change the ensemble's members are answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum ReconfigRules {
    /// All of them with `ReconfigDisabled`.
    #[default]
    Disabled,
    /// By their arguments, and if those are right with `Unimplemented`: the members do not change
    /// while servers run (`reconfigEnabled`).
    Checked {
        /// An ensemble may shrink to so many voters: 2, or 1 with `standaloneEnabled=false`.
        voters_min: usize,
    },
}
