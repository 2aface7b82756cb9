//! How often each kind of fault happened in a range of worlds.

use super::{Arguments, Form, code, reports};
use serde::Serialize;
use sim::{Profile, Verdict};
use std::collections::BTreeMap;
use std::process::ExitCode;

/// Worlds of each profile, unless told otherwise.
const SEEDS: u64 = 2_000;

#[derive(Serialize)]
struct Row {
    number: u32,
    kind: &'static str,
    counter: &'static str,
    times: u64,
}

/// Runs worlds of `swarm` and `lite`, and prints how often each counter of the catalogue rose. Fails
/// when one did not, or a world failed.
pub(crate) fn run(mut arguments: Arguments) -> ExitCode {
    if arguments.seeds == (0..1) {
        arguments.seeds = 0..SEEDS;
    }
    let mut times: BTreeMap<&str, u64> = BTreeMap::new();
    let mut failed: Vec<String> = Vec::new();
    for profile in [Profile::Swarm, Profile::Lite] {
        arguments.profile = profile;
        for (report, _) in reports(&arguments) {
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
    if arguments.form == Form::Json {
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
        let seeds = arguments.seeds.end - arguments.seeds.start;
        println!("{never} counters are zero after {seeds} worlds of swarm and of lite each");
    }
    for words in &failed {
        println!("{words}");
    }
    if never == 0 && failed.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(code(Verdict::Harness))
    }
}
