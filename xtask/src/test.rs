//! Every test, with the counts at the end.

use crate::process::{cargo, shown};
use crate::{apache, differential, simulate};
use anyhow::{Context, Result};
use clap::Args;
use std::io::{BufRead, BufReader};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

/// What to run besides the tests of the crates.
#[derive(Args)]
pub(crate) struct Options {
    /// Simulated worlds to run after the tests, as `A..B`; an empty range runs none.
    #[arg(long, default_value = "0..200")]
    seeds: String,
    /// Scripts to play against one server of ours and one of Apache's, 0 for none.
    #[arg(long, default_value_t = SCRIPTS)]
    scripts: u64,
}

/// Half a minute of scripts.
const SCRIPTS: u64 = 900;

impl Default for Options {
    fn default() -> Self {
        Self {
            seeds: "0..200".to_owned(),
            scripts: SCRIPTS,
        }
    }
}

/// What cargo counted.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
struct Counts {
    passed: u64,
    failed: u64,
}

/// Runs the tests, the examples of the documentation among them, and then the simulator.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let started = Instant::now();
    println!("test: the tests of all crates, their documentation's examples included");
    let (mut counts, all_ran) = cargo_test(&["test", "--workspace", "--no-fail-fast"])?;
    println!("test: done after {} s", started.elapsed().as_secs());
    if options.seeds != "0..0" {
        println!("test: simulated worlds {}", options.seeds);
        if simulate::seeds(&options.seeds)? {
            counts.passed += 1;
        } else {
            counts.failed += 1;
        }
        println!("test: done after {} s", started.elapsed().as_secs());
    }
    if options.scripts > 0 {
        match compare(options.scripts)? {
            Some(true) => counts.passed += 1,
            Some(false) => counts.failed += 1,
            None => {}
        }
        println!("test: done after {} s", started.elapsed().as_secs());
    }
    if !all_ran && counts.failed == 0 {
        println!("test: cargo failed before it ran every test");
        counts.failed = 1;
    }
    println!("{} passed, {} failed", counts.passed, counts.failed);
    Ok(if counts.failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Plays scripts against Apache's server and ours; nothing where Apache's cannot be had.
fn compare(scripts: u64) -> Result<Option<bool>> {
    if let Err(error) = apache::jars() {
        println!("test: answers are not compared with those of Apache's server: {error:#}");
        return Ok(None);
    }
    println!("test: {scripts} scripts against Apache's server and ours");
    differential::quick(scripts).map(Some)
}

/// Runs cargo, prints what it prints, and adds up the results; whether it ended well comes along,
/// because a crate that does not build has no result to add.
fn cargo_test(arguments: &[&str]) -> Result<(Counts, bool)> {
    let mut command: Command = cargo();
    let mut child = command
        .args(arguments)
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {}", shown(&command)))?;
    let stdout = child.stdout.take().expect("the output is piped");
    let mut counts = Counts::default();
    for line in BufReader::new(stdout).lines() {
        let line = line?;
        if let Some(more) = result(&line) {
            counts.passed += more.passed;
            counts.failed += more.failed;
        }
        // A line for each test that passed is a page nobody reads.
        if !line.ends_with(" ... ok") && !line.is_empty() {
            println!("{line}");
        }
    }
    Ok((counts, child.wait()?.success()))
}

/// The counts of a line like `test result: ok. 3 passed; 0 failed; …`.
fn result(line: &str) -> Option<Counts> {
    let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let count = |word: &str| {
        let part = counts.split("; ").find(|part| part.ends_with(word))?;
        part.split(' ').next()?.parse().ok()
    };
    Some(Counts {
        passed: count(" passed")?,
        failed: count(" failed")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_of_cargo_is_counted_and_other_lines_are_not() {
        let line = "test result: FAILED. 41 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; \
                    finished in 0.05s";
        assert_eq!(
            result(line),
            Some(Counts {
                passed: 41,
                failed: 2
            })
        );
        assert_eq!(result("running 3 tests"), None);
        assert_eq!(result("test result: nonsense"), None);
    }
}
