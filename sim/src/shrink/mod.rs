//! A failing run, cut down to what makes it fail.
//!
//! Whatever is left out must leave a run that breaks the same rule. First chance is taken out of
//! it, by domain and then draw by draw, then what was done to the world and what clients asked for,
//! halves first (Zeller, Hildebrandt: *Simplifying and Isolating Failure-Inducing Input*, 2002),
//! then every knob is set back that can be. It goes round until nothing more can go.

pub(crate) mod ddmin;
mod knobs;
mod noise;
mod parts;

use crate::report::{Report, Verdict};
use crate::run::{run_script, run_script_with_tape};
use crate::scenario::{Expect, Scenario};
use crate::script::Script;
use crate::{NoiseRules, Options, Trace};

/// Rounds after which it is done, whatever the last one still found.
const ROUNDS_MAX: u32 = 4;
/// Seeds that are asked for a run without chance when the given one needs it.
const NEIGHBOURS: u64 = 200;

/// A failing run that was cut down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shrunk {
    /// What is left.
    pub script: Script,
    /// What it comes to.
    pub report: Report,
    /// What the run was before.
    pub before: Size,
    /// What it is now.
    pub after: Size,
    /// How many runs it took.
    pub tries: u64,
}

impl Shrunk {
    /// What is left, in words; `seed` is where it was found.
    pub fn scenario(&self, seed: u64) -> Scenario {
        let rule = self.report.rule.clone().unwrap_or_default();
        let (before, after) = (self.before, self.after);
        Scenario {
            title: vec![
                format!(
                    "Found by {} {seed}, shrunk from {} to {} events.",
                    self.script.profile, before.events, after.events
                ),
                format!("Rule: {rule}."),
            ],
            script: self.script.clone(),
            anchored: Vec::new(),
            expect: Expect::Broken {
                verdict: self.report.verdict,
                rule,
            },
        }
    }
}

/// How much there is to read in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size {
    /// Operations of clients.
    pub ops: usize,
    /// Things done to the world, and chances that did not have their benign outcome.
    pub deviations: usize,
    /// Events until the rule was broken.
    pub events: u64,
}

/// Cuts a failing script down, for as long as `may_go_on` says so. What is left must be fair: a run
/// that a server without the bug would pass, where that can be told.
///
/// `None` when the script does not fail.
pub fn shrink(
    script: Script,
    may_go_on: &mut dyn FnMut() -> bool,
    is_fair: &mut dyn FnMut(&Script) -> bool,
) -> Option<Shrunk> {
    let (report, tape, done) = run_script_with_tape(&script);
    if report.passed() {
        return None;
    }
    let before = Size {
        ops: done.ops.len(),
        deviations: done.strikes.len() + tape.len(),
        events: report.events,
    };
    let mut shrinker = Shrinker {
        signature: signature(&report),
        best: Script {
            ops: done.ops,
            strikes: done.strikes,
            ..script
        },
        report,
        tries: 1,
        may_go_on,
        is_fair,
    };
    shrinker.go();
    let (report, tape, done) = run_script_with_tape(&shrinker.best);
    Some(Shrunk {
        before,
        after: Size {
            ops: done.ops.len(),
            deviations: done.strikes.len() + tape.len(),
            events: report.events,
        },
        script: shrinker.best,
        report,
        tries: shrinker.tries,
    })
}

/// What two failures have in common that are the same.
fn signature(report: &Report) -> (Verdict, Option<String>) {
    (report.verdict, report.rule.clone())
}

struct Shrinker<'m> {
    signature: (Verdict, Option<String>),
    /// The smallest run so far that fails as it should.
    best: Script,
    report: Report,
    tries: u64,
    may_go_on: &'m mut dyn FnMut() -> bool,
    is_fair: &'m mut dyn FnMut(&Script) -> bool,
}

impl Shrinker<'_> {
    fn go(&mut self) {
        self.drop_tail();
        if !self.silence() {
            self.find_silent_neighbour();
        }
        for _ in 0..ROUNDS_MAX {
            let before = self.best.clone();
            self.shrink_ensemble();
            self.shrink_strikes();
            self.shrink_ops();
            self.shrink_noise();
            self.reset_knobs();
            self.simplify();
            self.close_gaps();
            if self.best == before || !(self.may_go_on)() {
                break;
            }
        }
    }

    /// Takes the candidate if it breaks the same rule.
    fn offer(&mut self, candidate: Script) -> bool {
        if candidate == self.best {
            return true;
        }
        if !(self.may_go_on)() {
            return false;
        }
        self.tries += 1;
        let report = run_script(&candidate, Trace::Off);
        let is_same = signature(&report) == self.signature && (self.is_fair)(&candidate);
        if is_same {
            self.best = candidate;
            self.report = report;
        }
        is_same
    }

    /// As [`Shrinker::offer`], of the best one changed.
    fn offer_with(&mut self, change: impl FnOnce(&mut Script)) -> bool {
        let mut candidate = self.best.clone();
        change(&mut candidate);
        self.offer(candidate)
    }

    /// Nothing is asked for or done after the rule was broken, and the time of faults ends with
    /// the last of it.
    fn drop_tail(&mut self) {
        let end = self.report.sim_ms * 1_000 + 1_000;
        self.offer_with(|script| {
            script.ops.retain(|op| op.at <= end);
            script.strikes.retain(|strike| strike.at <= end);
        });
        let last_op = self.best.ops.last().map_or(0, |op| op.at);
        let last_strike = self.best.strikes.last().map_or(0, |strike| strike.at);
        let last = last_op.max(last_strike) + 1_000;
        let tick = self.best.knobs.tick;
        for after in [1_000, tick, tick * 4, tick * 20] {
            if last + after < self.best.knobs.safety
                && self.offer_with(|script| script.knobs.safety = last + after)
            {
                break;
            }
        }
    }

    /// Tries the run without any chance.
    fn silence(&mut self) -> bool {
        self.offer_with(|script| script.noise = NoiseRules::silent())
    }

    /// Looks for another seed whose run breaks the same rule without any chance: whoever reads it
    /// wants the rule, not the seed.
    fn find_silent_neighbour(&mut self) {
        for seed in self.best.seed + 1..=self.best.seed + NEIGHBOURS {
            if !(self.may_go_on)() {
                return;
            }
            let options = Options {
                seed,
                profile: self.best.profile,
                trace: Trace::Off,
            };
            let (report, mut script) = crate::run::record(&options);
            self.tries += 1;
            if signature(&report) != self.signature {
                continue;
            }
            script.noise = NoiseRules::silent();
            if self.offer(script) {
                return self.drop_tail();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_passes_is_not_shrunk() {
        let (_, script) = crate::run::record(&Options {
            seed: 1,
            profile: crate::Profile::Lite,
            trace: Trace::Off,
        });
        assert_eq!(shrink(script, &mut || true, &mut |_| true), None);
    }
}
