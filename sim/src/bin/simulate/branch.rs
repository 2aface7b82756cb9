//! Branching at new states, at the command line.

use crate::{now, pictures};
use clap::Args;
use sim::{Branched, Branching, Lineage, Profile, Report, Trace, Verdict};
use std::path::Path;
use std::time::Duration;

/// Failures that are told in full.
const STORIES_MAX: usize = 3;

/// Go on from states that no world had before, with other chances.
#[derive(Args)]
pub(crate) struct Options {
    /// How long.
    #[arg(long, default_value_t = 1.0)]
    minutes: f64,
    /// How many runs, instead of how long.
    #[arg(long)]
    runs: Option<u64>,
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Which faults and how many.
    #[arg(long, default_value = "swarm")]
    profile: Profile,
    /// Run one branch again, with pictures: SEED@STEPS:KEY@STEPS:KEY…
    #[arg(long, value_name = "LINEAGE")]
    from: Option<Lineage>,
    /// Do not branch: look how many states seed after seed comes to.
    #[arg(long)]
    seeds_only: bool,
    /// Go on after the first failure.
    #[arg(long)]
    count: bool,
    /// Switch a wrong variant of the code on, to see it caught.
    #[arg(long, value_name = "NAME", default_value = "")]
    mutant: String,
    /// Print JSON: an object for each run.
    #[arg(long)]
    json: bool,
}

/// Branches; gives the verdict of the first failure.
pub(crate) fn run(options: &Options, folder: &Path) -> Verdict {
    sim::activate(&options.mutant);
    if let Some(lineage) = &options.from {
        return again(lineage, options, folder);
    }
    let started = now();
    let until = started + Duration::from_secs_f64(options.minutes.clamp(0.0, 1e6) * 60.0);
    let mut branching = Branching::new(options.profile, options.first);
    branching.branches = !options.seeds_only;
    let mut failures: Vec<Branched> = Vec::new();
    let (mut runs, mut branches) = (0_u64, 0_u64);
    while options
        .runs
        .map_or_else(|| now() < until, |most| runs < most)
    {
        let branched = branching.run_next();
        runs += 1;
        branches += u64::from(!branched.lineage.turns.is_empty());
        if options.json {
            println!("{}", line(&branched));
        }
        if !branched.report.passed() {
            failures.push(branched);
            if !options.count {
                break;
            }
        }
    }
    if !options.json {
        for failure in failures.iter().take(STORIES_MAX) {
            tell(&failure.report, &options.mutant);
        }
        println!(
            "{runs} runs, {branches} of them branches, {} states, {} worlds kept, {} failures, \
             {:.1} s",
            branching.states(),
            branching.kept(),
            failures.len(),
            started.elapsed().as_secs_f64()
        );
        if let Some(first) = failures.first() {
            println!("{}", command(&first.report, &options.mutant));
        }
    }
    let first = failures.first();
    first.map_or(Verdict::Pass, |first| first.report.verdict)
}

fn again(lineage: &Lineage, options: &Options, folder: &Path) -> Verdict {
    let report = sim::run_lineage(lineage, options.profile, Trace::Full);
    tell(&report, &options.mutant);
    if let Some(chronicle) = &report.chronicle {
        let name = format!("branch-{}", lineage.to_string().replace(['@', ':'], "-"));
        match pictures::keep_in(chronicle, &folder.join(name)) {
            Ok(files) => files
                .iter()
                .for_each(|file| println!("  see {}", file.display())),
            Err(error) => println!("  no pictures: {error}"),
        }
    }
    println!(
        "{:?}, {} events, chain {:032x}",
        report.verdict, report.events, report.chain
    );
    report.verdict
}

fn tell(report: &Report, mutant: &str) {
    if report.passed() {
        return;
    }
    let (_, story) = report.story.split_last().unwrap_or((&report.drawn, &[]));
    for line in story {
        println!("  {line}");
    }
    println!("  {}\n", command(report, mutant));
}

fn command(report: &Report, mutant: &str) -> String {
    let mut command = report.story.last().cloned().unwrap_or_default();
    if !mutant.is_empty() {
        command.push_str(" --mutant ");
        command.push_str(mutant);
    }
    command
}

fn line(branched: &Branched) -> String {
    let report = &branched.report;
    serde_json::json!({
        "lineage": branched.lineage.to_string(),
        "new": branched.new,
        "verdict": report.verdict,
        "rule": report.rule,
        "chain": format!("{:032x}", report.chain),
        "events": report.events,
        "sim_ms": report.sim_ms,
    })
    .to_string()
}
