//! What more of something costs: servers, znodes, connections, watches, processors.

use super::znodes;
use crate::bench::Bench;
use crate::bench::figures::{Figure, Figures};
use crate::bench::subject::{Kind, Subject};
use crate::bench::workloads::{Load, READS, WRITES};
use crate::process::{cargo, output};
use crate::watches;
use anyhow::{Context, Result};
use std::time::Duration;

/// Pairs of loads in one turn; the ratio is taken of their sums.
const PAIRS: usize = 3;

/// Writes per second on five servers beside three.
pub(in crate::bench) fn five_beside_three(bench: &Bench, kind: Kind) -> Result<Figures> {
    let load = Load::of(30, 16, WRITES);
    let three = Subject::start(&bench.programs, kind, 3)?;
    let five = Subject::start(&bench.programs, kind, 5)?;
    for subject in [&three, &five] {
        bench.warm(subject, &load)?;
    }
    let (mut of_three, mut of_five) = (0.0, 0.0);
    for _ in 0..PAIRS {
        of_three += subject_throughput(bench, &three, &load)?;
        of_five += subject_throughput(bench, &five, &load)?;
    }
    three.discard();
    five.discard();
    Ok(Figures::from([(Figure::Share, of_five / of_three)]))
}

fn subject_throughput(bench: &Bench, subject: &Subject, load: &Load) -> Result<f64> {
    Ok(subject
        .measure(&bench.programs, load, bench.length())?
        .per_second)
}

/// Reads of all of a tenth of many nodes, and of all of them.
pub(in crate::bench) fn znodes_read(bench: &Bench, kind: Kind) -> Result<Figures> {
    nodes(bench, kind, READS)
}

/// The same with writes.
pub(in crate::bench) fn znodes_written(bench: &Bench, kind: Kind) -> Result<Figures> {
    nodes(bench, kind, WRITES)
}

fn nodes(bench: &Bench, kind: Kind, mix: &'static str) -> Result<Figures> {
    let load = |nodes| Load {
        nodes,
        ..Load::of(32, 16, mix)
    };
    grow(bench, kind, &load(bench.znodes / 10), &load(bench.znodes))
}

/// A hundred connections, and a thousand.
pub(in crate::bench) fn connections_reading(bench: &Bench, kind: Kind) -> Result<Figures> {
    connections(bench, kind, 16, READS)
}

/// The same with writes, of which more than a thousand under way would be throttled
/// (`globalOutstandingLimit`).
pub(in crate::bench) fn connections_writing(bench: &Bench, kind: Kind) -> Result<Figures> {
    connections(bench, kind, 1, WRITES)
}

/// The same with one request under way on each: all but the system's part of it is little, as the
/// floor shows.
pub(in crate::bench) fn connections_one_by_one(bench: &Bench, kind: Kind) -> Result<Figures> {
    connections(bench, kind, 1, READS)
}

fn connections(bench: &Bench, kind: Kind, depth: usize, mix: &'static str) -> Result<Figures> {
    let (less, more) = (Load::of(100, depth, mix), Load::of(1_000, depth, mix));
    grow(bench, kind, &less, &more)
}

/// What an operation costs with more of something, beside what it costs with less. Each has a
/// server of its own, so that neither has what the other made.
fn grow(bench: &Bench, kind: Kind, less: &Load, more: &Load) -> Result<Figures> {
    // Snapshots cost what there is, and have a row of their own.
    let start = || -> Result<Subject> {
        let mut subject = Subject::prepare(&bench.programs, kind, 1, znodes::SELDOM)?;
        subject.run()?;
        Ok(subject)
    };
    let subjects = [(start()?, less), (start()?, more)];
    for (subject, load) in &subjects {
        bench.warm(subject, load)?;
    }
    let mut costs = [0.0; 2];
    for _ in 0..PAIRS {
        for (cost, (subject, load)) in costs.iter_mut().zip(&subjects) {
            *cost += subject
                .measure(&bench.programs, load, bench.length())?
                .server_us;
        }
    }
    for (subject, _) in subjects {
        subject.discard();
    }
    let [little, much] = costs;
    #[expect(clippy::cast_precision_loss, reason = "a few")]
    let cost = much / PAIRS as f64;
    Ok(Figures::from([
        (Figure::ServerTime, cost),
        (Figure::Growth, much / little),
    ]))
}

/// A change below one of a million watches, beside one of a hundred thousand.
pub(in crate::bench) fn watches(_: &Bench, _: Kind) -> Result<Figures> {
    let (little, much) = (cost(100_000)?, cost(1_000_000)?);
    Ok(Figures::from([
        (Figure::ServerTime, much.as_secs_f64() * 1e6),
        (Figure::Growth, much.as_secs_f64() / little.as_secs_f64()),
    ]))
}

fn cost(watches: u64) -> Result<Duration> {
    watches::cost_of_a_change(watches)
}

/// Reads per second of two threads on one tree beside those of one.
pub(in crate::bench) fn threads(_: &Bench, _: Kind) -> Result<Figures> {
    let text = output(
        cargo()
            .args(["run", "--quiet", "--release", "--package", "replica"])
            .args(["--example", "read_path", "--", "1", "2"]),
    )?;
    let rates: Result<Vec<f64>, _> = text.split_whitespace().map(str::parse).collect();
    let rates = rates.context("it prints numbers")?;
    let [one, two] = rates[..] else {
        anyhow::bail!("the read path prints a number for each count of threads, not {text:?}");
    };
    Ok(Figures::from([
        (Figure::Throughput, two),
        (Figure::Share, two / one),
    ]))
}
