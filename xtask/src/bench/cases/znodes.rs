//! Many znodes: what they take, and how servers live with them.

use super::quiet::milliseconds;
use crate::bench::Bench;
use crate::bench::figures::{Figure, Figures};
use crate::bench::subject::{Kind, Length, Measured, Subject, as_float, mebibytes};
use crate::bench::workloads::{Load, READS, WRITES};
use crate::memory::{resident, restart};
use anyhow::{Context, Result, ensure};
use std::thread;
use std::time::{Duration, Instant};

/// How long a server may go on with snapshots and clearing up before it is measured.
const SETTLING: Duration = Duration::from_secs(3);
/// How long a server may take to catch up.
const PATIENCE: Duration = Duration::from_secs(300);
const POLL: Duration = Duration::from_millis(5);
/// No snapshot is due between two of these.
pub(super) const SELDOM: &str = "snapCount=100000000\nsnapSizeLimitInKb=-1\n";
/// One is due as soon as the one before is done, nearly.
const OFTEN: &str = "snapCount=20000\n";

/// Bytes for each, and how long a server that was killed takes to answer again.
pub(in crate::bench) fn memory(bench: &Bench, kind: Kind) -> Result<Figures> {
    let mut subject = Subject::start(&bench.programs, kind, 1)?;
    let pid = *subject.pids().first().context("it runs")?;
    let empty = resident(pid)?;
    fill(bench, &subject)?;
    thread::sleep(SETTLING);
    let full = resident(pid)?;
    let ensemble = subject.ensemble()?;
    ensemble.kill(0)?;
    let took = restart(ensemble, &last_node(bench), VALUE)?;
    subject.discard();
    Ok(Figures::from([
        (
            Figure::BytesEach,
            as_float(full.saturating_sub(empty)) / as_float(bench.znodes),
        ),
        (Figure::Resident, mebibytes(full)),
        (Figure::Start, milliseconds(took)),
    ]))
}

/// The 99th percentile of writes while snapshots are taken, beside that while none is.
pub(in crate::bench) fn snapshot(bench: &Bench, kind: Kind) -> Result<Figures> {
    let mut subject = Subject::prepare(&bench.programs, kind, 1, SELDOM)?;
    subject.run()?;
    fill(bench, &subject)?;
    write(bench, &subject, 2_000)?;
    let without = write(bench, &subject, bench.ms.max(4_000))?;
    subject.configure(OFTEN)?;
    let ensemble = subject.ensemble()?;
    ensemble.kill(0)?;
    restart(ensemble, &last_node(bench), VALUE)?;
    write(bench, &subject, 2_000)?;
    let with = write(bench, &subject, bench.ms.max(4_000))?;
    subject.discard();
    let mut figures = with.figures();
    figures.insert(Figure::Growth, as_float(with.p99) / as_float(without.p99));
    Ok(figures)
}

/// How long a follower takes that lost its disk.
pub(in crate::bench) fn catch_up(bench: &Bench, kind: Kind) -> Result<Figures> {
    let mut subject = Subject::start(&bench.programs, kind, 3)?;
    fill(bench, &subject)?;
    let ensemble = subject.ensemble()?;
    let leader = ensemble.leader().context("nobody leads")?;
    let follower = (0..ensemble.size())
        .find(|index| *index != leader)
        .context("there are three")?;
    let all = ensemble.status(leader).context("it leads")?.nodes;
    ensemble.kill(follower)?;
    ensemble.wipe(follower)?;
    let started = Instant::now();
    ensemble.spawn(follower)?;
    while ensemble
        .status(follower)
        .is_none_or(|status| status.nodes < all)
    {
        ensure!(
            started.elapsed() < PATIENCE,
            "it has not caught up after {PATIENCE:?}"
        );
        ensemble.look_for_deaths()?;
        thread::sleep(POLL);
    }
    let took = started.elapsed();
    subject.discard();
    Ok(Figures::from([(Figure::CatchUp, milliseconds(took))]))
}

/// Bytes of a value.
const VALUE: usize = 100;

/// The path of the node that a load makes last.
fn last_node(bench: &Bench) -> String {
    format!("/load/v{VALUE}n{:09}", bench.znodes - 1)
}

/// Makes all of them.
pub(super) fn fill(bench: &Bench, subject: &Subject) -> Result<()> {
    let load = Load {
        nodes: bench.znodes,
        ..Load::of(1, 1, READS)
    };
    let length = Length {
        warm_up: 0,
        counted: 100,
    };
    subject.measure(&bench.programs, &load, length).map(drop)
}

fn write(bench: &Bench, subject: &Subject, ms: u64) -> Result<Measured> {
    let load = Load {
        nodes: bench.znodes,
        ..Load::of(32, 1, WRITES)
    };
    let length = Length {
        warm_up: 500,
        counted: ms,
    };
    subject.measure(&bench.programs, &load, length)
}
