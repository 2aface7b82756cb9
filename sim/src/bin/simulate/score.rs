//! What the simulator is held to, measured on the spot.

use crate::measured::{Measured, World};
use crate::worlds::{cpu_ms, world};
use crate::{bench, exit, golden, hindered, longer};
use clap::Args;
use serde::Serialize;
use sim::{Fault, Profile, Verdict};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::{env, fs};

/// How the score is taken.
#[derive(Args)]
pub(crate) struct Options {
    /// Few seeds: a minute instead of several.
    #[arg(long)]
    quick: bool,
    /// Print JSON instead of text.
    #[arg(long)]
    json: bool,
}

/// Prints how far each goal is met.
pub(crate) fn run(options: &Options) -> ExitCode {
    let sample = if options.quick {
        Sample::QUICK
    } else {
        Sample::WHOLE
    };
    match rows(&sample) {
        Ok(rows) if options.json => {
            let text = serde_json::to_string_pretty(&rows).expect("words are JSON");
            println!("{text}");
        }
        Ok(rows) => print!("{}", table(&rows)),
        Err(error) => return hindered(error),
    }
    exit(Verdict::Pass)
}

/// How many seeds are measured.
struct Sample {
    swarm: u64,
    lite: u64,
    /// Each in a process of its own.
    memory: u64,
    /// Of the boundaries of the crash sweep every how manieth.
    sweep: u64,
}

impl Sample {
    const WHOLE: Sample = Sample {
        swarm: 2_000,
        lite: 2_000,
        memory: 200,
        sweep: 1,
    };
    const QUICK: Sample = Sample {
        swarm: 50,
        lite: 200,
        memory: 20,
        sweep: 50,
    };
}

/// Histories whose check is measured: what long runs leave, and one that is longer than all of them.
const HISTORIES: [u32; 2] = [10_000, 1_000_000];

/// One goal, and how far it is met.
#[derive(Serialize)]
pub(crate) struct Row {
    pub(crate) goal: &'static str,
    pub(crate) wanted: &'static str,
    pub(crate) measured: String,
    pub(crate) ok: bool,
}

/// Measures everything.
fn rows(sample: &Sample) -> Result<Vec<Row>, String> {
    let swarm = measure(Profile::Swarm, sample.swarm);
    let lite = measure(Profile::Lite, sample.lite);
    let mut rows = of_worlds(&swarm, &lite);
    rows.push(memory(sample.memory)?);
    rows.push(histories()?);
    rows.push(chains());
    rows.push(sweep(sample.sweep)?);
    rows.extend(longer::rows());
    rows.push(load());
    Ok(rows)
}

/// What worlds that were run say.
pub(crate) fn of_worlds(swarm: &Measured, lite: &Measured) -> Vec<Row> {
    let mut rows = speed(swarm, lite);
    rows.extend(sizes(swarm));
    rows.push(kinds(swarm));
    rows.push(failures(swarm, lite));
    rows
}

/// The table in words.
fn table(rows: &[Row]) -> String {
    let line = |row: &Row| {
        let verdict = if row.ok { "ok" } else { "missed" };
        format!(
            "{:<6} {:<46} {:<26} {}\n",
            verdict, row.goal, row.wanted, row.measured
        )
    };
    rows.iter().map(line).collect()
}

fn measure(profile: Profile, seeds: u64) -> Measured {
    let mut measured = Measured::default();
    for seed in 0..seeds {
        let before = cpu_ms();
        let report = sim::run(&world(seed, profile));
        measured.add(&report, cpu_ms() - before);
    }
    measured
}

fn speed(swarm: &Measured, lite: &Measured) -> Vec<Row> {
    let ratio = |world: &World| world.sim_ms as f64 / world.cpu_ms.max(0.001);
    let ratio = swarm.share(50, ratio);
    let (swarm, lite) = (swarm.per_second(), lite.per_second());
    vec![
        Row {
            goal: "swarm seeds per CPU-second",
            wanted: "10",
            measured: format!("{swarm:.1}"),
            ok: swarm >= 10.0,
        },
        Row {
            goal: "lite seeds per CPU-second",
            wanted: "100",
            measured: format!("{lite:.1}"),
            ok: lite >= 100.0,
        },
        Row {
            goal: "simulated time : CPU time, swarm median",
            wanted: "3000",
            measured: format!("{ratio:.0}"),
            ok: ratio >= 3_000.0,
        },
    ]
}

/// The most memory that a process with one seed has had, of 99 in a hundred.
fn memory(seeds: u64) -> Result<Row, String> {
    let program = own_program()?;
    let mut peaks = Vec::new();
    for seed in 0..seeds {
        let output = Command::new(&program)
            .args(["--json", "--jobs", "1", "--seed", &seed.to_string()])
            .output()
            .map_err(|error| format!("cannot start a process for seed {seed}: {error}"))?;
        let line: serde_json::Value = serde_json::from_slice(&output.stdout)
            .map_err(|error| format!("seed {seed} says no JSON: {error}"))?;
        let peak = line["peak_kib"].as_u64();
        peaks.push(peak.filter(|peak| *peak > 0).ok_or_else(|| {
            "this system does not say how much memory a process has had".to_owned()
        })?);
    }
    peaks.sort_unstable();
    let at = |percent: usize| peaks[(peaks.len() * percent / 100).min(peaks.len() - 1)];
    Ok(Row {
        goal: "resident memory per seed, 99th percentile",
        wanted: "at most 64 MiB",
        measured: format!(
            "{} MiB, median {}: peaks of {seeds} processes with one seed each",
            at(99) >> 10,
            at(50) >> 10
        ),
        ok: at(99) <= 64 << 10,
    })
}

fn own_program() -> Result<PathBuf, String> {
    env::current_exe().map_err(|error| format!("who am I? {error}"))
}

/// The crash sweep, in a process of its own.
fn sweep(every: u64) -> Result<Row, String> {
    let output = Command::new(own_program()?)
        .args(["sweep", "--json", "--every", &every.to_string()])
        .output()
        .map_err(|error| format!("cannot start a process for the crash sweep: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let last = text.lines().last().unwrap_or_default();
    let whole: serde_json::Value = serde_json::from_str(last)
        .map_err(|error| format!("the crash sweep says no JSON: {error}"))?;
    let seconds = whole["seconds"].as_f64().unwrap_or(f64::MAX);
    let (failures, is_complete) = (&whole["failures"], whole["complete"] == true);
    let part = if is_complete { "all" } else { "a part" };
    Ok(Row {
        goal: "crash sweep, each boundary with three outcomes",
        wanted: "all within 240 s",
        measured: format!(
            "{part} of {} boundaries, {} runs, {failures} failures, {seconds:.0} s",
            whole["boundaries"], whole["runs"]
        ),
        ok: is_complete && *failures == 0 && seconds <= 240.0,
    })
}

/// Long histories are checked in caches, and endless ones in memory.
fn histories() -> Result<Row, String> {
    let mut speeds = Vec::new();
    for operations in HISTORIES {
        let times = 1_000_000 / operations;
        let mut seconds = 0.0;
        for _ in 0..times {
            seconds += bench::seconds(operations)?;
        }
        speeds.push((operations, f64::from(operations * times) / seconds));
    }
    let words: Vec<String> = speeds
        .iter()
        .map(|(operations, speed)| format!("{speed:.0} in histories of {operations}"))
        .collect();
    Ok(Row {
        goal: "operations checked per second",
        wanted: "1000000",
        measured: words.join(", "),
        ok: speeds.iter().all(|(_, speed)| *speed >= 1e6),
    })
}

fn sizes(swarm: &Measured) -> Vec<Row> {
    let worlds = &swarm.worlds;
    let free = worlds.iter().filter(|world| !world.knows_faults).count();
    let ops = |percent| swarm.share(percent, |world| world.client_ops);
    let seconds = |percent| swarm.share(percent, |world| world.sim_ms / 1_000);
    let struck = |world: &&World| world.knows_faults;
    let mut struck: Vec<u64> = worlds
        .iter()
        .filter(struck)
        .map(|world| world.struck)
        .collect();
    struck.sort_unstable();
    let at = |percent: usize| {
        let index = struck.len() * percent / 100;
        struck.get(index).copied().unwrap_or_default()
    };
    vec![
        Row {
            goal: "client operations of a swarm seed",
            wanted: "1000",
            measured: format!("least {}, median {}", ops(0), ops(50)),
            ok: ops(0) >= 1_000,
        },
        Row {
            goal: "faults of a swarm seed that knows any",
            wanted: "20",
            measured: format!("least {}, median {}", at(0), at(50)),
            ok: at(0) >= 20,
        },
        Row {
            goal: "swarm seeds without faults",
            wanted: "5 %",
            measured: format!("{:.1} %", free as f64 * 100.0 / worlds.len().max(1) as f64),
            ok: free * 20 >= worlds.len(),
        },
        Row {
            goal: "simulated time of a swarm seed",
            wanted: "about 300 s",
            measured: format!(
                "{} s at one in ten, median {}, {} at nine in ten",
                seconds(10),
                seconds(50),
                seconds(90)
            ),
            ok: seconds(50) >= 240,
        },
    ]
}

fn kinds(swarm: &Measured) -> Row {
    let mut counters: BTreeMap<&str, u64> = Fault::names().map(|name| (name, 0)).collect();
    for (name, counter) in &swarm.counters {
        *counters.entry(name).or_default() += counter.times;
    }
    let idle: Vec<&str> = counters
        .iter()
        .filter(|(_, times)| **times == 0)
        .map(|(name, _)| *name)
        .collect();
    let words = if idle.is_empty() {
        format!("all {} counters", counters.len())
    } else {
        format!("never: {}", idle.join(", "))
    };
    Row {
        goal: "fault kinds with a counter above zero",
        wanted: "all",
        measured: format!("{words}, in {} seeds", swarm.worlds.len()),
        ok: idle.is_empty(),
    }
}

fn failures(swarm: &Measured, lite: &Measured) -> Row {
    let failed = |measured: &Measured| {
        let failed = measured.worlds.iter().filter(|world| !world.passed);
        failed.map(|world| world.seed).collect::<Vec<u64>>()
    };
    let (swarm_failed, lite_failed) = (failed(swarm), failed(lite));
    let ok = swarm_failed.is_empty() && lite_failed.is_empty();
    let words = if ok {
        String::new()
    } else {
        format!("; swarm {swarm_failed:?} and lite {lite_failed:?} fail")
    };
    Row {
        goal: "clean seeds among those measured",
        wanted: "all",
        measured: format!(
            "{} swarm, {} lite{words}",
            swarm.worlds.len(),
            lite.worlds.len()
        ),
        ok,
    }
}

/// Times are of computing alone; yet whoever else computes takes caches and memory away.
fn load() -> Row {
    let told = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = told.split_whitespace().next().unwrap_or("unknown");
    Row {
        goal: "load of the machine meanwhile",
        wanted: "below 2, or all is slower",
        measured: load.to_owned(),
        ok: load.parse::<f64>().is_ok_and(|load| load < 2.0),
    }
}

fn chains() -> Row {
    let (measured, ok) = match golden::check() {
        Ok(shifted) if shifted.is_empty() => (
            "each, and again in one process with other hash keys".to_owned(),
            true,
        ),
        Ok(shifted) => (format!("not {}", shifted.join("; ")), false),
        Err(error) => (error, false),
    };
    Row {
        goal: "golden seeds identical",
        wanted: "all, two hasher keys",
        measured,
        ok,
    }
}
