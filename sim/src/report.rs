//! What came of a run.

use crate::options::{Options, Profile};
use crate::oracle::liveness::Recovery;
use crate::story::command;
use crate::trace::Chronicle;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What came of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// The profile.
    pub profile: Profile,
    /// The outcome.
    pub verdict: Verdict,
    /// The rule that was broken, as a sentence; `None` when the run passed.
    pub rule: Option<String>,
    /// What failures of one cause have in common: rule, roles, how transactions lie to each other.
    pub signature: Option<String>,
    /// Hash over every event; equal for equal seeds, whatever the build.
    pub chain: u128,
    /// How many events there were.
    pub events: u64,
    /// How much time passed in the world, in milliseconds.
    pub sim_ms: u64,
    /// Operations that clients completed.
    pub client_ops: u64,
    /// Transactions that were committed.
    pub txns: u64,
    /// How long after healing everything was well again, in milliseconds.
    pub recovery_ms: Option<u64>,
    /// How long after healing each stage of service was reached, in thousandths of a tick.
    pub recovery: Recovery,
    /// How often each kind of fault struck.
    pub faults: BTreeMap<&'static str, u64>,
    /// What the seed drew, in one line.
    pub drawn: String,
    /// A failure in at most a dozen lines, the last of which is the command that repeats it.
    pub story: Vec<String>,
    /// Every event, when [`crate::Trace::Full`] was asked for.
    #[serde(skip)]
    pub chronicle: Option<Box<Chronicle>>,
}

impl Report {
    /// Of a run that the simulator itself could not bring to its end.
    pub fn of_harness(options: &Options, what: &str) -> Self {
        Report {
            seed: options.seed,
            profile: options.profile,
            verdict: Verdict::Harness,
            rule: Some("the simulator itself does not fail".to_owned()),
            signature: None,
            chain: 0,
            events: 0,
            sim_ms: 0,
            client_ops: 0,
            txns: 0,
            recovery_ms: None,
            recovery: Recovery::default(),
            faults: BTreeMap::new(),
            drawn: String::new(),
            story: vec![format!("the simulator panicked: {what}"), command(options)],
            chronicle: None,
        }
    }

    /// Whether nothing was broken.
    pub fn passed(&self) -> bool {
        self.verdict == Verdict::Pass
    }
}

/// The outcome of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Nothing was broken.
    Pass,
    /// A server broke a rule of the protocol, of durability, or panicked.
    Safety,
    /// A client saw what it must not see.
    History,
    /// Service did not come back after every fault had ended.
    Liveness,
    /// Something grew past its bound.
    Resource,
    /// The same seed gave another run.
    Nondeterminism,
    /// The simulator itself failed.
    Harness,
}
