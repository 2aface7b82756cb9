//! The crash sweep at the command line.

use crate::{now, pictures};
use clap::Args;
use serde::Serialize;
use sim::{Boundary, Crash, Sweep, SweepCounts, Trace, Unsynced, Verdict};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;

/// Failures that are told in full.
const STORIES_MAX: usize = 3;

/// Crash every server at every step of a fixed run.
#[derive(Args)]
pub(crate) struct Options {
    /// Print an object for each crash, and one for the whole.
    #[arg(long)]
    json: bool,
    /// Crash at this boundary alone, and keep pictures of what fails.
    #[arg(long, value_name = "N")]
    at: Option<u64>,
    /// What becomes of unsynced writes: lost, torn or kept; each of them unless it is said.
    #[arg(long)]
    outcome: Option<Unsynced>,
    /// Crash at every K-th boundary only.
    #[arg(long, value_name = "K", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    every: u64,
    /// Threads.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=64))]
    jobs: u64,
    /// Switch a wrong variant of the code on, to see it caught.
    #[arg(long, value_name = "NAME", default_value = "")]
    mutant: String,
    /// End with the first failure.
    #[arg(long)]
    first: bool,
}

/// One crash as a line of JSON.
#[derive(Serialize)]
struct Line<'c> {
    #[serde(flatten)]
    boundary: &'c Boundary,
    outcome: Unsynced,
    down_us: u64,
    verdict: Verdict,
    rule: Option<&'c str>,
    chain: String,
    events: u64,
    sim_ms: u64,
}

/// The whole as a line of JSON.
#[derive(Serialize)]
struct Whole<'c> {
    #[serde(flatten)]
    counts: &'c SweepCounts,
    outcomes: usize,
    failures: usize,
    complete: bool,
    seconds: f64,
}

/// Sweeps; exits with the verdict of the first failure.
pub(crate) fn run(options: &Options, pictures: &Path) -> Verdict {
    let started = now();
    sim::activate(&options.mutant);
    let mut failures: Vec<Crash> = Vec::new();
    let swept = sweep(options, |crash| {
        if options.json {
            println!("{}", line(&crash));
        }
        if crash.report.passed() {
            return true;
        }
        failures.push(crash);
        !options.first
    });
    let counts = match swept {
        Ok(counts) => counts,
        Err(what) => {
            println!("{what}");
            return Verdict::Harness;
        }
    };
    failures.sort_by_key(|crash| (crash.boundary.number, crash.unsynced, crash.down));
    let whole = Whole {
        counts: &counts,
        outcomes: options.outcome.map_or(Unsynced::ALL.len(), |_| 1),
        failures: failures.len(),
        complete: options.at.is_none()
            && options.outcome.is_none()
            && options.every == 1
            && (failures.is_empty() || !options.first),
        seconds: started.elapsed().as_secs_f64(),
    };
    if options.json {
        let words = serde_json::to_string(&whole).expect("words and numbers are JSON");
        println!("{words}");
    } else {
        tell(&failures, options, pictures);
        println!("{}", sentence(&whole));
        if let Some(first) = failures.first() {
            println!("{}", command(first, options));
        }
    }
    let first = failures.first();
    first.map_or(Verdict::Pass, |crash| crash.report.verdict)
}

/// Sweeps in as many threads as asked for; `each` says whether to go on.
fn sweep(options: &Options, mut each: impl FnMut(Crash) -> bool) -> Result<SweepCounts, String> {
    let jobs = options.jobs;
    let (sender, receiver) = mpsc::sync_channel(64);
    let workers: Vec<_> = (0..jobs)
        .map(|job| {
            let (at, every, sender) = (options.at, options.every, sender.clone());
            let mut sweep = Sweep::default();
            sweep.outcomes = options.outcome.map_or(sweep.outcomes, |one| vec![one]);
            thread::spawn(move || {
                let mut is_wanted = true;
                let chosen = |number: u64| match at {
                    Some(at) => job == 0 && at == number,
                    None => number.is_multiple_of(every) && number / every % jobs == job,
                };
                sweep.run(&chosen, &mut |crash| {
                    is_wanted = is_wanted && sender.send(crash).is_ok();
                    is_wanted
                })
            })
        })
        .collect();
    drop(sender);
    for crash in receiver {
        if !each(crash) {
            break;
        }
    }
    let mut counts: Option<SweepCounts> = None;
    for worker in workers {
        let one = worker
            .join()
            .map_err(|_| "a thread panicked".to_owned())??;
        match &mut counts {
            Some(counts) => counts.runs += one.runs,
            None => counts = Some(one),
        }
    }
    counts.ok_or_else(|| "nobody swept".to_owned())
}

fn line(crash: &Crash) -> String {
    let report = &crash.report;
    let line = Line {
        boundary: &crash.boundary,
        outcome: crash.unsynced,
        down_us: crash.down,
        verdict: report.verdict,
        rule: report.rule.as_deref(),
        chain: format!("{:032x}", report.chain),
        events: report.events,
        sim_ms: report.sim_ms,
    };
    serde_json::to_string(&line).expect("words and numbers are JSON")
}

fn tell(failures: &[Crash], options: &Options, pictures: &Path) {
    for crash in failures.iter().take(STORIES_MAX) {
        println!("{}", words(crash));
        for line in &crash.report.story {
            println!("  {line}");
        }
        if options.at.is_some() {
            match keep_pictures(crash, pictures) {
                Ok(files) => files
                    .iter()
                    .for_each(|file| println!("  see {}", file.display())),
                Err(error) => println!("  no pictures: {error}"),
            }
        }
        println!("  {}\n", command(crash, options));
    }
    for crash in failures.iter().skip(STORIES_MAX) {
        let rule = crash.report.rule.as_deref().unwrap_or("no rule is named");
        println!("{}: {rule}", words(crash));
    }
}

fn words(crash: &Crash) -> String {
    let (unsynced, ms) = (crash.unsynced, crash.down / 1_000);
    format!(
        "{}, unsynced {unsynced}, back after {ms} ms",
        crash.boundary
    )
}

fn command(crash: &Crash, options: &Options) -> String {
    let mut command = crash.command();
    if !options.mutant.is_empty() {
        command.push_str(" --mutant ");
        command.push_str(&options.mutant);
    }
    command
}

fn keep_pictures(crash: &Crash, folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut sweep = Sweep::default();
    sweep.trace = Trace::Full;
    sweep.outcomes = vec![crash.unsynced];
    let mut chronicle = None;
    let number = crash.boundary.number;
    let swept = sweep.run(&|one| one == number, &mut |again| {
        let is_it = again.down == crash.down;
        if is_it {
            chronicle = again.report.chronicle;
        }
        !is_it
    });
    swept.map_err(std::io::Error::other)?;
    let mut chronicle = chronicle.ok_or_else(|| std::io::Error::other("it does not fail again"))?;
    chronicle.header.command = crash.command();
    let ms = crash.down / 1_000;
    let name = format!("sweep-{number}-{}-{ms}ms", crash.unsynced);
    pictures::keep_in(&chronicle, &folder.join(name))
}

fn sentence(whole: &Whole<'_>) -> String {
    let counts = whole.counts;
    let sections: Vec<String> = counts
        .sections
        .iter()
        .map(|(name, count)| format!("{name} {count}"))
        .collect();
    format!(
        "{}\ncrash sweep{}: {} boundaries ({} effects, {} disk operations) × {} outcomes, \
         each back soon and late: {} runs, {} failures, {:.1} s",
        sections.join(" · "),
        if whole.complete {
            ", complete"
        } else {
            ", in part"
        },
        counts.boundaries,
        counts.effects,
        counts.disk,
        whole.outcomes,
        counts.runs,
        whole.failures,
        whole.seconds
    )
}
