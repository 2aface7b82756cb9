//! Runs worlds side by side, and says what came of each as a line of JSON.

use crate::run::Mode;
use crate::worlds::{cpu_ms, world};
use serde::Serialize;
use sim::{Options, Profile, Recovery, Report, Verdict};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::{fs, thread};

/// Runs all seeds, and gives their reports in the order of the seeds, each as soon as it and all
/// before it are there.
pub(crate) fn reports(
    seeds: &Range<u64>,
    profile: Profile,
    mode: Mode,
    jobs: usize,
) -> impl Iterator<Item = (Report, f64)> {
    let (mut expected, end) = (seeds.start, seeds.end);
    let (sender, receiver) = mpsc::sync_channel::<(Report, f64)>(jobs * 64);
    let next = Arc::new(AtomicU64::new(seeds.start));
    for _ in 0..jobs {
        let (sender, next) = (sender.clone(), next.clone());
        thread::spawn(move || {
            loop {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= end {
                    return;
                }
                let before = cpu_ms();
                let report = attempt(&world(seed, profile), mode);
                let cpu_ms = cpu_ms() - before;
                if sender.send((report, cpu_ms)).is_err() {
                    return;
                }
            }
        });
    }
    drop(sender);
    let mut early = BTreeMap::new();
    std::iter::from_fn(move || {
        loop {
            if let Some(report) = early.remove(&expected) {
                expected += 1;
                return Some(report);
            }
            let report = receiver.recv().ok()?;
            early.insert(report.0.seed, report);
        }
    })
}

/// Runs one seed. A panic that the simulator let through is its own fault, not a server's.
pub(crate) fn attempt(options: &Options, mode: Mode) -> Report {
    let run = || match mode {
        Mode::Once => sim::run(options),
        Mode::Twice => sim::run_twice(options),
    };
    std::panic::catch_unwind(run).unwrap_or_else(|panic| {
        let what = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("a panic without words");
        Report::of_harness(options, what)
    })
}

/// What a line of JSON says.
#[derive(Serialize)]
struct Line<'r> {
    seed: u64,
    profile: Profile,
    verdict: Verdict,
    rule: Option<&'r str>,
    signature: Option<&'r str>,
    chain: String,
    events: u64,
    sim_ms: u64,
    cpu_ms: f64,
    /// The most memory that the whole process has had so far.
    peak_kib: u64,
    client_ops: u64,
    txns: u64,
    recovery_ms: Option<u64>,
    recovery: Recovery,
    faults: &'r BTreeMap<&'static str, u64>,
    drawn: &'r str,
    story: &'r [String],
}

/// A report as one line of JSON.
pub(crate) fn json(report: &Report, cpu_ms: f64) -> String {
    let line = Line {
        seed: report.seed,
        profile: report.profile,
        verdict: report.verdict,
        rule: report.rule.as_deref(),
        signature: report.signature.as_deref(),
        chain: format!("{:032x}", report.chain),
        events: report.events,
        sim_ms: report.sim_ms,
        cpu_ms,
        peak_kib: peak_kib(),
        client_ops: report.client_ops,
        txns: report.txns,
        recovery_ms: report.recovery_ms,
        recovery: report.recovery,
        faults: &report.faults,
        drawn: &report.drawn,
        story: &report.story,
    };
    serde_json::to_string(&line).expect("words and numbers are JSON")
}

/// The most memory that this process has had, in KiB; 0 where the system does not say.
fn peak_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}
