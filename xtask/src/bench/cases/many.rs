//! Many connections: sessions that are opened, that hold still, and that wait for one node.

use crate::bench::Bench;
use crate::bench::figures::{Figure, Figures};
use crate::bench::subject::{Kind, Subject, as_float};
use anyhow::Result;
use serde::Deserialize;
use std::thread;
use std::time::Duration;

const SESSIONS: u64 = 3_000;
/// They are open within a tenth of a second, in which anything may come between: the middle counts.
const TIMES: usize = 7;
const WATCHERS: u64 = 1_000;
const CHANGES: u64 = 30;
const IDLE: u64 = 10_000;
const SETTLING: Duration = Duration::from_millis(500);
/// Sessions that are opened before anything is counted.
const WARM_UP: u64 = 12_000;

/// What the load prints of any of these; times are in microseconds.
#[derive(Deserialize)]
struct Outcome {
    per_second: f64,
    server_us: f64,
    middle_us: u64,
    most_us: u64,
    bytes_each: u64,
    processor_percent: f64,
}

/// Sessions per second while three thousand are opened on three servers.
pub(in crate::bench) fn sessions(bench: &Bench, kind: Kind) -> Result<Figures> {
    let subject = Subject::start(&bench.programs, kind, 3)?;
    let open = |count: u64| -> Result<Outcome> {
        // The servers first let go of those of the time before.
        thread::sleep(SETTLING);
        let mut command = bench.programs.load("sessions");
        command.args(["--connections", &count.to_string()]);
        subject.under(command)
    };
    open(WARM_UP)?;
    let mut outcomes = (0..TIMES)
        .map(|_| open(SESSIONS))
        .collect::<Result<Vec<_>>>()?;
    subject.discard();
    outcomes.sort_unstable_by(|one, other| one.per_second.total_cmp(&other.per_second));
    let outcome = &outcomes[TIMES / 2];
    Ok(Figures::from([
        (Figure::Throughput, outcome.per_second),
        (Figure::ServerTime, outcome.server_us),
    ]))
}

/// From a change until the last of a thousand connections was told of it.
pub(in crate::bench) fn watchers(bench: &Bench, kind: Kind) -> Result<Figures> {
    let subject = Subject::start(&bench.programs, kind, 1)?;
    let tell = || -> Result<Outcome> {
        let mut command = bench.programs.load("watch");
        command.args(["--connections", &WATCHERS.to_string()]);
        command.args(["--changes", &CHANGES.to_string()]);
        subject.under(command)
    };
    tell()?;
    let outcome = tell()?;
    subject.discard();
    Ok(Figures::from([
        (Figure::LastTold, as_float(outcome.middle_us) / 1_000.0),
        (Figure::Max, as_float(outcome.most_us)),
    ]))
}

/// What ten thousand connections take that say nothing.
pub(in crate::bench) fn idle(bench: &Bench, kind: Kind) -> Result<Figures> {
    let subject = Subject::start(&bench.programs, kind, 1)?;
    let mut command = bench.programs.load("sessions");
    command.args(["--connections", &IDLE.to_string(), "--hold-ms", "5000"]);
    let outcome: Outcome = subject.under(command)?;
    subject.discard();
    Ok(Figures::from([
        (Figure::BytesEach, as_float(outcome.bytes_each)),
        (Figure::Processor, outcome.processor_percent),
    ]))
}
