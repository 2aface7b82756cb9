//! What the simulator is held to, measured on the spot.

use crate::{cpu_ms, golden};
use serde::Serialize;
use sim::{Fault, Options, Profile, Report, Trace};
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::{env, fs};

/// How many seeds are measured.
pub(crate) struct Sample {
    swarm: u64,
    lite: u64,
    /// Each in a process of its own.
    memory: u64,
}

impl Sample {
    pub(crate) const WHOLE: Sample = Sample {
        swarm: 2_000,
        lite: 2_000,
        memory: 200,
    };
    pub(crate) const QUICK: Sample = Sample {
        swarm: 50,
        lite: 200,
        memory: 20,
    };
}

/// One goal, and how far it is met.
#[derive(Serialize)]
pub(crate) struct Row {
    goal: &'static str,
    wanted: &'static str,
    measured: String,
    ok: bool,
}

/// A seed that was run, and its cost.
struct Measured {
    report: Report,
    cpu_ms: f64,
    /// Faults that struck.
    struck: u64,
}

/// Measures everything.
pub(crate) fn rows(sample: &Sample) -> Result<Vec<Row>, String> {
    let swarm = measure(Profile::Swarm, sample.swarm);
    let lite = measure(Profile::Lite, sample.lite);
    let mut rows = speed(&swarm, &lite);
    rows.push(memory(sample.memory)?);
    rows.extend(sizes(&swarm));
    rows.push(kinds(&swarm));
    rows.push(failures(&swarm, &lite));
    rows.push(chains());
    Ok(rows)
}

/// The table in words.
pub(crate) fn table(rows: &[Row]) -> String {
    let line = |row: &Row| {
        let verdict = if row.ok { "ok" } else { "missed" };
        format!(
            "{:<6} {:<46} {:<26} {}\n",
            verdict, row.goal, row.wanted, row.measured
        )
    };
    rows.iter().map(line).collect()
}

fn measure(profile: Profile, seeds: u64) -> Vec<Measured> {
    let one = |seed| {
        let before = cpu_ms();
        let report = sim::run(&Options {
            seed,
            profile,
            trace: Trace::Off,
        });
        let kinds = Fault::names().filter_map(|name| report.faults.get(name));
        Measured {
            struck: kinds.sum(),
            cpu_ms: cpu_ms() - before,
            report,
        }
    };
    (0..seeds).map(one).collect()
}

fn speed(swarm: &[Measured], lite: &[Measured]) -> Vec<Row> {
    let per_second = |worlds: &[Measured]| {
        let cpu_ms: f64 = worlds.iter().map(|world| world.cpu_ms).sum();
        worlds.len() as f64 * 1_000.0 / cpu_ms
    };
    let ratio = |world: &Measured| world.report.sim_ms as f64 / world.cpu_ms.max(0.001);
    let ratio = share(swarm, 50, ratio);
    let (swarm, lite) = (per_second(swarm), per_second(lite));
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

/// What lies above so many of a hundred worlds.
fn share<T: PartialOrd + Copy>(
    worlds: &[Measured],
    percent: usize,
    of: impl Fn(&Measured) -> T,
) -> T {
    let mut values: Vec<T> = worlds.iter().map(of).collect();
    values.sort_unstable_by(|one, other| one.partial_cmp(other).expect("numbers"));
    values[(values.len() * percent / 100).min(values.len() - 1)]
}

/// The most memory that a process with one seed has had, of 99 in a hundred.
fn memory(seeds: u64) -> Result<Row, String> {
    let program = env::current_exe().map_err(|error| format!("who am I? {error}"))?;
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
        measured: format!("{} MiB, median {}", at(99) >> 10, at(50) >> 10),
        ok: at(99) <= 64 << 10,
    })
}

fn sizes(swarm: &[Measured]) -> Vec<Row> {
    let is_free = |world: &&Measured| world.report.drawn.ends_with("no faults");
    let free = swarm.iter().filter(is_free).count();
    let ops = |percent| share(swarm, percent, |world| world.report.client_ops);
    let seconds = |percent| share(swarm, percent, |world| world.report.sim_ms / 1_000);
    let enough = swarm
        .iter()
        .filter(|world| world.report.client_ops >= 1_000)
        .count();
    let mut struck: Vec<u64> = swarm
        .iter()
        .filter(|world| !is_free(world))
        .map(|world| world.struck)
        .collect();
    struck.sort_unstable();
    let least = struck.first().copied().unwrap_or_default();
    let at = |percent: usize| {
        let index = struck.len() * percent / 100;
        struck.get(index).copied().unwrap_or_default()
    };
    vec![
        Row {
            goal: "client operations of a swarm seed",
            wanted: "1000 at one in ten",
            measured: format!(
                "{} at one in ten, median {}; {} of {} have 1000",
                ops(10),
                ops(50),
                enough,
                swarm.len()
            ),
            ok: ops(10) >= 1_000,
        },
        Row {
            goal: "faults of a swarm seed that knows any",
            wanted: "20",
            measured: format!("least {least}, {} at one in ten, median {}", at(10), at(50)),
            ok: least >= 20,
        },
        Row {
            goal: "swarm seeds without faults",
            wanted: "5 %",
            measured: format!("{:.1} %", free as f64 * 100.0 / swarm.len() as f64),
            ok: free * 20 >= swarm.len(),
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

fn kinds(swarm: &[Measured]) -> Row {
    let mut counters: BTreeMap<&str, u64> = Fault::names().map(|name| (name, 0)).collect();
    for world in swarm {
        for (name, count) in &world.report.faults {
            *counters.entry(name).or_default() += count;
        }
    }
    let idle: BTreeSet<&str> = counters
        .iter()
        .filter(|(_, count)| **count == 0)
        .map(|(name, _)| *name)
        .collect();
    let words = if idle.is_empty() {
        format!("all {} counters", counters.len())
    } else {
        let idle: Vec<&str> = idle.iter().copied().collect();
        format!("never: {}", idle.join(", "))
    };
    Row {
        goal: "fault kinds with a counter above zero",
        wanted: "all",
        measured: format!("{words}, in {} seeds", swarm.len()),
        ok: idle.is_empty(),
    }
}

fn failures(swarm: &[Measured], lite: &[Measured]) -> Row {
    let failed = |worlds: &[Measured]| {
        let failed = worlds.iter().filter(|world| !world.report.passed());
        failed.map(|world| world.report.seed).collect::<Vec<u64>>()
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
        measured: format!("{} swarm, {} lite{words}", swarm.len(), lite.len()),
        ok,
    }
}

fn chains() -> Row {
    let (measured, ok) = match golden::check() {
        Ok(shifted) if shifted.is_empty() => ("each, and again in one process".to_owned(), true),
        Ok(shifted) => (format!("not {}", shifted.join("; ")), false),
        Err(error) => (error, false),
    };
    Row {
        goal: "golden seeds identical",
        wanted: "all, twice",
        measured,
        ok,
    }
}

/// The most memory that this process has had, in KiB; 0 where the system does not say.
pub(crate) fn peak_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}
