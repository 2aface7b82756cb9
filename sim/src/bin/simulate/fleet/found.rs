//! What fleets have found: failures by their signature, and how far the seeds have come.

use serde::{Deserialize, Serialize};
use sim::{Profile, Report, Verdict};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Seeds of one failure that are named.
const NAMED_MAX: usize = 12;

/// What all fleets since the first round have found.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Found {
    /// The first round.
    pub(crate) first: u64,
    /// The round to go on with: all before it have ended.
    pub(crate) next: u64,
    /// Those with the fewest events first.
    pub(crate) failures: Vec<Failure>,
}

/// What has one signature, and its shortest run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Failure {
    pub(crate) signature: String,
    pub(crate) verdict: Verdict,
    pub(crate) rule: String,
    /// Seeds that fail so, the one with the fewest events first.
    pub(crate) worlds: Vec<(Profile, u64)>,
    pub(crate) events: u64,
    pub(crate) times: u64,
    pub(crate) story: Vec<String>,
}

impl Found {
    /// Nothing yet.
    pub(crate) fn starting_with(round: u64) -> Self {
        Found {
            first: round,
            next: round,
            failures: Vec::new(),
        }
    }

    fn file(folder: &Path) -> PathBuf {
        folder.join("found.json")
    }

    /// What the last fleet left; nothing where there was none.
    pub(crate) fn load(folder: &Path) -> Result<Self, String> {
        let file = Found::file(folder);
        let bytes = match fs::read(&file) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Ok(Found::starting_with(0));
            }
            Err(error) => return Err(format!("cannot read {}: {error}", file.display())),
        };
        serde_json::from_slice(&bytes).map_err(|error| {
            format!(
                "{} is not what a fleet leaves ({error}): begin anew with --from 0",
                file.display()
            )
        })
    }

    /// Leaves it for the next fleet.
    pub(crate) fn save(&self, folder: &Path) -> Result<(), String> {
        let text = serde_json::to_string_pretty(self).expect("words and numbers are JSON");
        super::put(&Found::file(folder), &text)
    }

    /// Takes a report; whether it failed.
    pub(crate) fn add(&mut self, report: &Report) -> bool {
        if report.passed() {
            return false;
        }
        let fresh = Failure::of(report);
        let known = self.failures.iter_mut();
        match known.into_iter().find(|f| f.signature == fresh.signature) {
            None => self.failures.push(fresh),
            Some(known) => known.merge(fresh),
        }
        self.failures.sort_by_key(|failure| failure.events);
        true
    }

    /// How often a world failed.
    pub(crate) fn times(&self) -> u64 {
        self.failures.iter().map(|failure| failure.times).sum()
    }
}

impl Failure {
    pub(crate) fn of(report: &Report) -> Self {
        let rule = report.rule.clone().unwrap_or_default();
        Failure {
            signature: report.signature.clone().unwrap_or_else(|| rule.clone()),
            verdict: report.verdict,
            rule,
            worlds: vec![(report.profile, report.seed)],
            events: report.events,
            times: 1,
            story: report.story.clone(),
        }
    }

    fn merge(&mut self, other: Failure) {
        let (mut first, second) = if other.events < self.events {
            (other, self.clone())
        } else {
            (self.clone(), other)
        };
        first.times += second.times;
        for world in second.worlds {
            if !first.worlds.contains(&world) {
                first.worlds.push(world);
            }
        }
        first.worlds.truncate(NAMED_MAX);
        *self = first;
    }

    fn options(&self) -> String {
        let (profile, seed) = self.worlds[0];
        format!("--seed {seed} --profile {profile}")
    }

    /// What runs it again.
    pub(crate) fn command(&self) -> String {
        format!("cargo xtask simulate {}", self.options())
    }

    /// What cuts it down.
    pub(crate) fn shrinking(&self) -> String {
        format!(
            "cargo xtask simulate shrink {} --out found.zks",
            self.options()
        )
    }

    /// Seeds that fail so.
    pub(crate) fn seeds(&self) -> String {
        let names = self.worlds.iter().map(|(p, seed)| format!("{p} {seed}"));
        names.collect::<Vec<String>>().join(", ")
    }

    /// It in a few lines.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!("{} × {}", self.times, self.rule)];
        lines.push(format!("  {:?}, seeds {}", self.verdict, self.seeds()));
        lines.extend(self.story.iter().map(|line| format!("  {line}")));
        lines.push(format!("  {}", self.shrinking()));
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failing(seed: u64, events: u64, signature: &str) -> Report {
        let options = sim::Options {
            profile: Profile::Lite,
            ..sim::Options::seed(seed)
        };
        let mut report = Report::of_harness(&options, "made up");
        report.events = events;
        report.signature = Some(signature.to_owned());
        report
    }

    #[test]
    fn failures_of_one_signature_are_one_with_its_shortest_run() {
        let mut found = Found::starting_with(0);
        for (seed, events, signature) in [(1, 90, "a"), (2, 30, "b"), (3, 20, "a")] {
            assert!(found.add(&failing(seed, events, signature)));
        }
        let [first, second] = &found.failures[..] else {
            panic!("{found:?}")
        };
        assert_eq!((first.times, first.events), (2, 20));
        assert_eq!(first.worlds, [(Profile::Lite, 3), (Profile::Lite, 1)]);
        assert_eq!(
            first.command(),
            "cargo xtask simulate --seed 3 --profile lite"
        );
        assert_eq!((second.times, second.events), (1, 30));
    }

    #[test]
    fn the_next_fleet_knows_what_the_last_one_found() {
        let folder = std::env::temp_dir().join(format!("fleet-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        assert_eq!(Found::load(&folder).unwrap().next, 0);
        let mut found = Found::starting_with(7);
        found.next = 12;
        found.add(&failing(1, 90, "a"));
        found.save(&folder).unwrap();
        assert_eq!(Found::load(&folder).unwrap(), found);
        fs::write(Found::file(&folder), "{").unwrap();
        assert!(Found::load(&folder).unwrap_err().contains("--from 0"));
        fs::remove_dir_all(&folder).unwrap();
    }
}
