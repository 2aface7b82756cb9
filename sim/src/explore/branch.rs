//! Branching at new states: a world that comes to a state that no world had before is kept, and
//! other worlds go on from there with chances of their own.

use super::marks::mark;
use crate::options::{Options, Profile, Trace};
use crate::report::Report;
use crate::run;
use crate::world::{Phase, World};
use core::fmt;
use core::str::FromStr;
use serde::Serialize;
use std::collections::BTreeSet;

/// Worlds that are kept at once.
const KEPT_MAX: usize = 256;
/// New worlds that one run may leave.
const LEFT_MAX: usize = 4;
/// Of so many runs, one begins at its beginning.
const FRESH_EVERY: u64 = 3;
/// Steps of a world between two looks at it.
const LOOK_EVERY: u64 = 8;

/// Where a run comes from: a seed, and after how many steps which chances replaced its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Lineage {
    /// The seed it begins as.
    pub seed: u64,
    /// After how many steps of the world, and the key of the chances from there on.
    pub turns: Vec<(u64, u64)>,
}

impl fmt::Display for Lineage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.seed)?;
        self.turns
            .iter()
            .try_for_each(|(steps, key)| write!(f, "@{steps}:{key}"))
    }
}

impl FromStr for Lineage {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let unclear = || format!("{text:?} is not SEED@STEPS:KEY@STEPS:KEY…");
        let number = |text: &str| text.parse::<u64>().map_err(|_| unclear());
        let mut parts = text.split('@');
        let seed = number(parts.next().unwrap_or_default())?;
        let turn = |part: &str| {
            let (steps, key) = part.split_once(':').ok_or_else(unclear)?;
            Ok((number(steps)?, number(key)?))
        };
        let turns = parts.map(turn).collect::<Result<_, String>>()?;
        Ok(Lineage { seed, turns })
    }
}

/// What came of a branch.
#[derive(Clone, Debug)]
pub struct Branched {
    /// Where it came from.
    pub lineage: Lineage,
    /// What the judges say.
    pub report: Report,
    /// States that no run had before.
    pub new: u64,
}

struct Kept {
    world: World,
    lineage: Lineage,
    /// Steps from the beginning to here.
    steps: u64,
    /// How often others went on from it.
    used: u64,
}

/// Looks for new states.
pub struct Branching {
    profile: Profile,
    seeds: u64,
    runs: u64,
    seen: BTreeSet<u64>,
    kept: Vec<Kept>,
    /// Whether runs go on from what was kept; otherwise each is a seed of its own, to compare.
    pub branches: bool,
}

impl Branching {
    /// Begins at this seed.
    pub fn new(profile: Profile, first: u64) -> Self {
        Branching {
            profile,
            seeds: first,
            runs: 0,
            seen: BTreeSet::new(),
            kept: Vec::new(),
            branches: true,
        }
    }

    /// Different states so far.
    pub fn states(&self) -> usize {
        self.seen.len()
    }

    /// Worlds that are kept.
    pub fn kept(&self) -> usize {
        self.kept.len()
    }

    /// Runs the next world to its verdict.
    pub fn run_next(&mut self) -> Branched {
        let number = self.runs;
        self.runs += 1;
        let rarest = self.kept.iter_mut().min_by_key(|kept| kept.used);
        let (mut world, lineage, mut steps) = match rarest {
            Some(kept) if self.branches && !number.is_multiple_of(FRESH_EVERY) => {
                kept.used += 1;
                let mut world = kept.world.clone();
                let mut lineage = kept.lineage.clone();
                lineage.turns.push((kept.steps, number));
                world.turn(number);
                (world, lineage, kept.steps)
            }
            _ => {
                let seed = self.seeds;
                self.seeds += 1;
                let lineage = Lineage {
                    seed,
                    turns: Vec::new(),
                };
                let world = World::new(&options(seed, self.profile, Trace::Off));
                (world, lineage, 0)
            }
        };
        let before = self.seen.len();
        let options = options(lineage.seed, self.profile, Trace::Off);
        let mut left = 0;
        let report = run::finish_with(&options, &mut world, |world| {
            if lineage.turns.is_empty() {
                world.begin()?;
            }
            while world.phase != Phase::Over {
                world.step()?;
                steps += 1;
                let looks = world.phase == Phase::Faults && steps.is_multiple_of(LOOK_EVERY);
                if looks && self.seen.insert(mark(world)) && left < LEFT_MAX && self.branches {
                    left += 1;
                    keep(&mut self.kept, world, &lineage, steps);
                }
            }
            world.verdict()
        });
        Branched {
            new: u64::try_from(self.seen.len() - before).expect("a length"),
            report: with_command(report, &lineage, self.profile),
            lineage,
        }
    }
}

/// Runs one branch again.
pub fn run_lineage(lineage: &Lineage, profile: Profile, trace: Trace) -> Report {
    let options = options(lineage.seed, profile, trace);
    let mut world = World::new(&options);
    let report = run::finish_with(&options, &mut world, |world| {
        world.begin()?;
        let mut taken = 0;
        for (steps, key) in &lineage.turns {
            while taken < *steps && world.phase != Phase::Over {
                world.step()?;
                taken += 1;
            }
            world.turn(*key);
        }
        world.finish()
    });
    with_command(report, lineage, profile)
}

fn options(seed: u64, profile: Profile, trace: Trace) -> Options {
    Options {
        seed,
        profile,
        trace,
    }
}

/// Keeps a world, in the place of the one that was gone on from most when there are many.
fn keep(kept: &mut Vec<Kept>, world: &World, lineage: &Lineage, steps: u64) {
    let entry = Kept {
        world: world.clone(),
        lineage: lineage.clone(),
        steps,
        used: 0,
    };
    if kept.len() < KEPT_MAX {
        kept.push(entry);
        return;
    }
    let most = kept.iter_mut().max_by_key(|kept| kept.used);
    *most.expect("some are kept") = entry;
}

fn with_command(mut report: Report, lineage: &Lineage, profile: Profile) -> Report {
    if let Some(last) = report.story.last_mut() {
        *last = format!("cargo xtask simulate branch --from {lineage} --profile {profile}");
    }
    report
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_is_run_again_from_its_lineage() {
        let mut branching = Branching::new(Profile::Lite, 0);
        let runs: Vec<Branched> = (0..8).map(|_| branching.run_next()).collect();
        let turned = runs
            .iter()
            .filter(|run| run.lineage.turns.len() > 1)
            .count();
        assert!(turned > 0, "a branch begins on a branch");
        for run in runs.iter().skip(5).step_by(2) {
            let said: Lineage = run
                .lineage
                .to_string()
                .parse()
                .expect("it is read as printed");
            assert_eq!(said, run.lineage);
            let again = run_lineage(&said, Profile::Lite, Trace::Off);
            assert_eq!(again.chain, run.report.chain, "{said}");
            assert!(run.report.passed(), "{:#?}", run.report.story);
        }
    }

    #[test]
    fn what_is_no_lineage_is_refused() {
        for text in ["", "x", "1@", "1@2", "1@2:", "1@2:x", "1:2"] {
            assert!(text.parse::<Lineage>().is_err(), "{text}");
        }
    }
}
