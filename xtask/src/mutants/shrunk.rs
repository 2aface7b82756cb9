//! What is left of a run that notices a mutant when it is cut down.

use crate::process::program;
use anyhow::{Context, Result, ensure};
use std::path::Path;
use std::time::Instant;

/// The size of what is left.
#[derive(Clone, Copy)]
pub(super) struct Shrunk {
    /// Operations of clients.
    pub(super) ops: u64,
    /// Faults, and chances that were not benign.
    pub(super) deviations: u64,
    /// Wall time that it took.
    pub(super) seconds: f64,
}

impl Shrunk {
    /// Cuts down the run of a seed that notices a mutant, and leaves the scenario in a file.
    pub(super) fn of(
        simulator: &Path,
        (mutant, profile, seed): (&str, &str, u64),
        seconds_max: u64,
        file: &Path,
    ) -> Result<Self> {
        let started = Instant::now();
        let mut command = program(simulator);
        command.args(["shrink", "--mutant", mutant, "--profile", profile]);
        command.args(["--seed", &seed.to_string()]);
        command.args(["--seconds", &seconds_max.to_string(), "--out"]);
        command.arg(file);
        let output = command.output().context("cannot start the simulator")?;
        let printed = String::from_utf8_lossy(&output.stdout);
        let figures = printed.lines().last().and_then(figures);
        ensure!(
            figures.is_some(),
            "{mutant} could not be shrunk: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let (ops, deviations) = figures.unwrap_or_default();
        Ok(Self {
            ops,
            deviations,
            seconds: started.elapsed().as_secs_f64(),
        })
    }
}

/// Operations and deviations that are left, of the simulator's last line.
fn figures(line: &str) -> Option<(u64, u64)> {
    let mut numbers = line
        .strip_prefix("shrunk: ")?
        .split(' ')
        .filter_map(|word| word.trim_end_matches(',').parse().ok());
    let (ops, _, deviations) = (numbers.next()?, numbers.next(), numbers.next()?);
    Some((ops, deviations))
}

/// The middle one of what was shrunk, by operations and by deviations, and the slowest.
fn middle(shrunk: &[Shrunk]) -> Option<(u64, u64, f64)> {
    let middle = |measure: fn(&Shrunk) -> u64| {
        let mut all: Vec<u64> = shrunk.iter().map(measure).collect();
        all.sort_unstable();
        all.get(all.len() / 2).copied()
    };
    let slowest = shrunk.iter().map(|shrunk| shrunk.seconds);
    Some((
        middle(|shrunk| shrunk.ops)?,
        middle(|shrunk| shrunk.deviations)?,
        slowest.fold(0.0, f64::max),
    ))
}

/// Whether what is left is as small as it should be, and took no longer.
pub(super) fn is_small(shrunk: &[Shrunk]) -> bool {
    middle(shrunk)
        .is_some_and(|(ops, deviations, slowest)| ops <= 10 && deviations <= 15 && slowest <= 60.0)
}

/// What was shrunk, in words.
pub(super) fn summary(shrunk: &[Shrunk]) -> Option<String> {
    let (ops, deviations, slowest) = middle(shrunk)?;
    Some(format!(
        "{} shrunk: {ops} operations and {deviations} deviations at the median, {slowest:.1} s at most",
        shrunk.len()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_tells_what_is_left() {
        let line =
            "shrunk: 3 operations of 994, 5 deviations of 70, 90 events of 9000; 7 runs in 8 ms";
        assert_eq!(figures(line), Some((3, 5)));
        assert_eq!(figures("seed 1 breaks no rule"), None);
    }

    #[test]
    fn the_median_is_taken_measure_by_measure() {
        let of = |ops, deviations| Shrunk {
            ops,
            deviations,
            seconds: 1.0,
        };
        let text = summary(&[of(1, 30), of(2, 10), of(9, 20)]).unwrap();
        assert!(text.contains("2 operations and 20 deviations"), "{text}");
        assert_eq!(summary(&[]), None);
    }
}
