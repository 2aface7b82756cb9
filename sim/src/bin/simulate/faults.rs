//! How often each kind of fault happened in a range of worlds.

use crate::exit;
use crate::reports::reports;
use crate::run::{Mode, cores};
use crate::worlds::{range, seed};
use clap::Args;
use serde::Serialize;
use sim::{Profile, Verdict};
use std::collections::BTreeMap;
use std::ops::Range;
use std::process::ExitCode;

/// Which worlds are counted.
#[derive(Args)]
pub(crate) struct Options {
    /// Worlds of each profile, B left out.
    #[arg(long, value_name = "A..B", value_parser = range, default_value = "0..2000")]
    seeds: Range<u64>,
    /// One world of each profile.
    #[arg(long, value_name = "N", value_parser = seed, conflicts_with = "seeds")]
    seed: Option<u64>,
    /// Print JSON instead of text.
    #[arg(long)]
    json: bool,
    /// Worlds to run side by side; as many as the machine has cores unless told otherwise.
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
}

#[derive(Serialize)]
struct Row {
    number: u32,
    kind: &'static str,
    counter: &'static str,
    times: u64,
}

/// Runs worlds of `swarm` and `lite`, and prints how often each counter of the catalogue rose. Fails
/// when one did not, or a world failed.
pub(crate) fn run(options: &Options) -> ExitCode {
    let one = options.seed.map(|seed| seed..seed.saturating_add(1));
    let seeds = one.unwrap_or_else(|| options.seeds.clone());
    let jobs = options.jobs.unwrap_or_else(cores).max(1);
    let mut times: BTreeMap<&str, u64> = BTreeMap::new();
    let mut failed: Vec<String> = Vec::new();
    for profile in [Profile::Swarm, Profile::Lite] {
        for (report, _) in reports(&seeds, profile, Mode::Once, jobs) {
            for (counter, count) in &report.faults {
                *times.entry(counter).or_default() += count;
            }
            if !report.passed() {
                let rule = report.rule.unwrap_or_default();
                failed.push(format!("seed {} of {profile} failed: {rule}", report.seed));
            }
        }
    }
    let mut rows: Vec<Row> = Vec::new();
    for kind in sim::catalogue() {
        rows.extend(kind.counters.iter().map(|counter| Row {
            number: kind.number,
            kind: kind.name,
            counter,
            times: times.get(counter).copied().unwrap_or_default(),
        }));
    }
    let never = rows.iter().filter(|row| row.times == 0).count();
    if options.json {
        let text = serde_json::to_string_pretty(&rows).expect("words are JSON");
        println!("{text}");
    } else {
        for row in &rows {
            let Row {
                number,
                kind,
                counter,
                times,
            } = row;
            println!("{number:>3}  {kind:<48}  {counter:<46} {times:>10}");
        }
        let seeds = seeds.end - seeds.start;
        println!("{never} counters are zero after {seeds} worlds of swarm and of lite each");
    }
    for words in &failed {
        println!("{words}");
    }
    exit(if never == 0 && failed.is_empty() {
        Verdict::Pass
    } else {
        Verdict::Harness
    })
}
