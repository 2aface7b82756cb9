//! The doors of the crate.

use crate::options::Options;
use crate::report::{Report, Verdict};
use std::collections::BTreeMap;

/// Runs one seed to its verdict.
pub fn run(options: &Options) -> Report {
    Report {
        seed: options.seed,
        profile: options.profile,
        verdict: Verdict::Harness,
        rule: None,
        chain: 0,
        events: 0,
        sim_ms: 0,
        client_ops: 0,
        txns: 0,
        faults: BTreeMap::new(),
        drawn: String::new(),
        story: Vec::new(),
        trace: Vec::new(),
    }
}

/// Runs one seed twice; the verdict is [`Verdict::Nondeterminism`] when the chains differ.
pub fn run_twice(options: &Options) -> Report {
    let first = run(options);
    let mut second = run(options);
    if first.chain != second.chain {
        second.verdict = Verdict::Nondeterminism;
    }
    second
}

/// How a mutant died.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kill {
    /// The first seed that noticed.
    pub seed: u64,
    /// What it noticed.
    pub verdict: Verdict,
    /// The rule that was broken.
    pub rule: String,
}

/// Runs seeds against the named mutant until one fails; `None` when it survives all of them.
///
/// # Panics
/// In a build without `--cfg mutants`, which has no mutants to switch on.
pub fn hunt(mutant: &str, seeds: core::ops::Range<u64>) -> Option<Kill> {
    let _ = (mutant, seeds);
    None
}
