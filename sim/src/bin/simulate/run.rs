//! Runs one world or a range of them, and tells of those that fail.

use crate::pictures::{self, Wanted};
use crate::reports::{json, reports};
use crate::totals::Totals;
use crate::worlds::{Worlds, kept, now, world};
use crate::{exit, hindered, longer, scenarios};
use clap::Args;
use sim::{Report, Verdict};
use std::path::PathBuf;
use std::process::ExitCode;
use std::{io, thread};

/// Stories that are told in full before failures are only counted.
const STORIES_MAX: usize = 3;

/// Which worlds are run, and what is shown of them.
#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) worlds: Worlds,
    /// Play what a file of the scenario language says, see docs/scenarios.md.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["seed", "seeds", "profile"])]
    scenario: Option<PathBuf>,
    /// Print one JSON object per world instead of text.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub(crate) wanted: Wanted,
    /// Worlds to run side by side; as many as the machine has cores unless told otherwise.
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    /// Where pictures of failures are kept.
    #[arg(long, value_name = "FOLDER", hide = true)]
    pictures: Option<PathBuf>,
    /// Switch a wrong variant of the code on, to see it caught.
    #[arg(long, value_name = "NAME")]
    pub(crate) mutant: Option<String>,
    /// A seed that noticed the mutant before, and is asked first.
    #[arg(long, value_name = "N", requires = "mutant", hide = true)]
    pub(crate) first: Option<u64>,
    /// Go on after the first seed that notices the mutant.
    #[arg(long, requires = "mutant", hide = true)]
    pub(crate) count: bool,
}

/// How each seed is run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Once,
    Twice,
}

/// Runs what was asked for.
pub(crate) fn run(options: &Options, mode: Mode) -> ExitCode {
    if let Some(file) = &options.scenario {
        return scenarios::play(file);
    }
    if options.mutant.is_some() {
        #[cfg(mutants)]
        return crate::hunt::run(options);
        #[cfg(not(mutants))]
        return hindered("this build has no mutants; cargo xtask simulate makes one that has");
    }
    seeds(options, mode)
}

/// Runs all seeds; exits with the verdict of the lowest one that failed.
fn seeds(options: &Options, mode: Mode) -> ExitCode {
    let started = now();
    let (seeds, profile) = (options.worlds.seeds(), options.worlds.profile);
    let is_one = seeds.end - seeds.start == 1;
    if !options.json && is_one {
        let drawn = sim::drawn(&options.worlds.first());
        println!("seed {}, profile {profile}: {drawn}", seeds.start);
    }
    let jobs = options.jobs.unwrap_or_else(cores).max(1);
    let mut totals = Totals::default();
    let mut failures: Vec<Report> = Vec::new();
    for (report, cpu_ms) in reports(&seeds, profile, mode, jobs) {
        totals.add(&report);
        if options.json {
            println!("{}", json(&report, cpu_ms));
        } else if is_one {
            print_one(&report);
        }
        if !report.passed() {
            failures.push(report);
        }
    }
    if !options.json {
        let often = match mode {
            Mode::Once => "once",
            Mode::Twice => "twice",
        };
        let how = format!("each {often}, profile {profile}");
        let seconds = started.elapsed().as_secs_f64();
        println!("{}{}", totals.sentence(&how, seconds), totals.recovery());
        print_failures(&failures, options);
        if failures.is_empty()
            && let Err(error) = longer::remember_clean(&seeds, &how)
        {
            return hindered(error);
        }
    }
    if !options.wanted.is_nothing()
        && let Err(error) = show_first(&failures, options)
    {
        return hindered(error);
    }
    if !options.json {
        print_command(&failures);
    }
    exit(
        failures
            .first()
            .map_or(Verdict::Pass, |report| report.verdict),
    )
}

/// How many worlds can be computed at once.
pub(crate) fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

fn print_one(report: &Report) {
    for (fault, times) in &report.faults {
        println!("  {times:>6} × {fault}");
    }
    println!(
        "{:?}: {} events, {} ms simulated, {} operations, {} transactions, chain {:032x}",
        report.verdict, report.events, report.sim_ms, report.client_ops, report.txns, report.chain
    );
}

/// Tells the first stories, and keeps pictures of them.
fn print_failures(failures: &[Report], asked: &Options) {
    for report in failures.iter().take(STORIES_MAX) {
        println!();
        println!(
            "seed {} failed ({:?}): {}",
            report.seed,
            report.verdict,
            report.rule.as_deref().unwrap_or("no rule is named")
        );
        for line in &report.story {
            println!("  {line}");
        }
        match keep_pictures(report, asked) {
            Ok(files) => {
                for file in files {
                    println!("  see {}", file.display());
                }
            }
            Err(error) => println!("  no pictures: {error}"),
        }
    }
    if failures.len() > STORIES_MAX {
        let more: Vec<String> = failures
            .iter()
            .skip(STORIES_MAX)
            .map(|report| report.seed.to_string())
            .collect();
        println!("\nalso failed: {}", more.join(" "));
    }
}

/// The last line of a failure is the command that repeats the first one.
fn print_command(failures: &[Report]) {
    if let Some(first) = failures.first() {
        println!(
            "\ncargo xtask simulate --seed {} --profile {}",
            first.seed, first.profile
        );
    }
}

fn keep_pictures(report: &Report, asked: &Options) -> io::Result<Vec<PathBuf>> {
    let folder = asked.pictures.clone().unwrap_or_else(kept);
    match pictures::record(&world(report.seed, report.profile), "") {
        Some(chronicle) => pictures::keep(&chronicle, &folder),
        None => Ok(Vec::new()),
    }
}

/// Shows what is wanted of the first failure, or of the first seed.
fn show_first(failures: &[Report], asked: &Options) -> io::Result<()> {
    let first = asked.worlds.first();
    let seed = failures.first().map_or(first.seed, |first| first.seed);
    let chronicle = pictures::record(&world(seed, first.profile), "");
    let chronicle = chronicle.ok_or_else(|| io::Error::other("the run cannot be recorded"))?;
    pictures::show(&chronicle, &asked.wanted)
}
