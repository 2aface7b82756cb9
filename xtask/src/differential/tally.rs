//! What came of many scripts.

use super::compare::Difference;
use super::script::Script;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

pub(super) struct Tally {
    /// What was played.
    pub(super) seeds: Seeds,
    /// Scripts from seeds that sent as many requests as they must.
    pub(super) scripts: u64,
    /// What those sent, all together and the one that sent the fewest.
    pub(super) requests: u64,
    pub(super) requests_min: Option<usize>,
    /// Kept scripts, and those that sent too few.
    pub(super) others: u64,
    pub(super) declared: BTreeMap<&'static str, u64>,
    pub(super) found: Vec<Found>,
}

/// Seeds in a row.
pub(super) struct Seeds {
    first: u64,
    /// The first that was not played.
    pub(super) end: u64,
}

/// A difference, and the shortest script that shows it.
pub(super) struct Found {
    /// None for a kept script.
    pub(super) seed: Option<u64>,
    pub(super) script: Script,
    pub(super) difference: Difference,
}

impl Tally {
    pub(super) fn of(seeds: Range<u64>) -> Tally {
        Tally {
            seeds: Seeds {
                first: seeds.start,
                end: seeds.end,
            },
            scripts: 0,
            requests: 0,
            requests_min: None,
            others: 0,
            declared: BTreeMap::new(),
            found: Vec::new(),
        }
    }

    /// Takes what came of the seeds behind its own.
    pub(super) fn add(&mut self, other: Tally) {
        assert_eq!(self.seeds.end, other.seeds.first, "seeds follow each other");
        self.seeds.end = other.seeds.end;
        self.scripts += other.scripts;
        self.requests += other.requests;
        let both = self.requests_min.into_iter().chain(other.requests_min);
        self.requests_min = both.min();
        self.others += other.others;
        self.found.extend(other.found);
        for (rule, count) in other.declared {
            *self.declared.entry(rule).or_default() += count;
        }
    }

    pub(super) fn to_json(&self, seconds: f64) -> serde_json::Value {
        let found: Vec<_> = self
            .found
            .iter()
            .map(|found| {
                serde_json::json!({
                    "seed": found.seed,
                    "script": found.script.to_string(),
                    "difference": found.difference.to_string(),
                })
            })
            .collect();
        serde_json::json!({
            "seeds": self.seeds.to_string(),
            "scripts": self.scripts,
            "requests": self.requests,
            "requests_of_a_script_min": self.requests_min,
            "other_scripts": self.others,
            "seconds": seconds,
            "declared": self.declared,
            "differences": found,
        })
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} scripts that sent {} requests, each at least {}, and {} kept or shorter ones; \
             {} differed",
            self.scripts,
            self.requests,
            self.requests_min.unwrap_or(0),
            self.others,
            self.found.len()
        )
    }
}

impl fmt::Display for Seeds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.first, self.end)
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.seed {
            Some(seed) => writeln!(f, "seed {seed}")?,
            None => writeln!(f, "a kept script")?,
        }
        write!(f, "{}{}", self.script, self.difference)
    }
}
