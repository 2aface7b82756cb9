//! Servers that nobody asks for anything.

use crate::bench::Bench;
use crate::bench::figures::{Figure, Figures};
use crate::bench::subject::{Kind, Subject, as_float, mebibytes};
use crate::memory::{processor_time, resident, restart};
use anyhow::{Context, Result};
use std::thread;
use std::time::Duration;

/// How long servers have to come to rest, and for how long they are looked at. Processor time is
/// counted in hundredths of a second, so it takes a while to tell little from nothing.
const SETTLING: Duration = Duration::from_secs(5);
const WATCHED: Duration = Duration::from_secs(30);

/// What three idle servers take.
pub(in crate::bench) fn idle(bench: &Bench, kind: Kind) -> Result<Figures> {
    let subject = Subject::start(&bench.programs, kind, 3)?;
    thread::sleep(SETTLING);
    let pids = subject.pids();
    let spent =
        || -> Result<Vec<Duration>> { pids.iter().map(|pid| processor_time(*pid)).collect() };
    let before = spent()?;
    thread::sleep(WATCHED);
    let busiest = spent()?
        .into_iter()
        .zip(before)
        .map(|(after, before)| (after - before).as_secs_f64() / WATCHED.as_secs_f64())
        .fold(0.0, f64::max);
    let sizes: Result<Vec<u64>> = pids.iter().map(|pid| resident(*pid)).collect();
    let largest = sizes?.into_iter().max().context("there are servers")?;
    subject.discard();
    Ok(Figures::from([
        (Figure::Processor, busiest * 100.0),
        (Figure::Resident, mebibytes(largest)),
    ]))
}

/// From the start of a process on an empty folder until it has opened a session and answered a
/// read.
pub(in crate::bench) fn start(bench: &Bench, kind: Kind) -> Result<Figures> {
    let mut subject = Subject::prepare(&bench.programs, kind, 1, "")?;
    let took = restart(subject.ensemble()?, "/", 0)?;
    subject.discard();
    Ok(Figures::from([(Figure::Start, milliseconds(took))]))
}

/// A duration as a figure.
pub(super) fn milliseconds(duration: Duration) -> f64 {
    let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
    as_float(micros) / 1_000.0
}
