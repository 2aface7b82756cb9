//! Looking for a world that notices a mutant.

use crate::options::{Options, Profile, Trace};
use crate::report::Verdict;
use crate::run::{record, run, run_script};
use crate::shrink::{Shrunk, shrink};

/// How a mutant died.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kill {
    /// Its name.
    pub mutant: String,
    /// The seed that noticed.
    pub seed: u64,
    /// Which kind of world it was.
    pub profile: Profile,
    /// What it noticed.
    pub verdict: Verdict,
    /// The rule that was broken.
    pub rule: String,
    /// The failure as [`crate::Report::story`] tells it.
    pub story: Vec<String>,
}

/// Runs seeds against the named mutant and gives every one that notices, as it is asked for. A
/// seed that fails without the mutant, too, says nothing of it and is passed over.
///
/// # Panics
/// In a build without `--cfg mutants`, which has no mutants to switch on.
pub fn hunt(
    mutant: &str,
    profile: Profile,
    seeds: impl IntoIterator<Item = u64>,
) -> impl Iterator<Item = Kill> {
    seeds.into_iter().filter_map(move |seed| {
        let options = Options {
            seed,
            profile,
            trace: Trace::Off,
        };
        activate(mutant);
        let report = run(&options);
        activate("");
        if report.passed() || !run(&options).passed() {
            return None;
        }
        Some(Kill {
            mutant: mutant.to_owned(),
            seed,
            profile,
            verdict: report.verdict,
            rule: report.rule.unwrap_or_default(),
            story: report.story,
        })
    })
}

/// Cuts the run of a seed down in which a mutant is noticed, so that the same run without the
/// mutant breaks no rule. `None` when it is not noticed.
///
/// # Panics
/// As [`hunt`].
pub fn shrink_hunt(
    mutant: &str,
    options: &Options,
    may_go_on: &mut dyn FnMut() -> bool,
) -> Option<Shrunk> {
    activate(mutant);
    let (_, script) = record(options);
    let shrunk = shrink(script, may_go_on, &mut |script| {
        activate("");
        let report = run_script(script, Trace::Off);
        activate(mutant);
        report.passed()
    });
    activate("");
    shrunk
}

/// Switches a mutant on, and every other off; `""` switches all off.
#[cfg(mutants)]
pub fn activate(mutant: &str) {
    zk_types::activate_mutant(mutant);
}

/// Switches a mutant on, where there are any.
///
/// # Panics
/// In a build without `--cfg mutants`, when `mutant` names one.
#[cfg(not(mutants))]
pub fn activate(mutant: &str) {
    assert!(
        mutant.is_empty(),
        "mutant {mutant:?} needs a build with --cfg mutants"
    );
}
