//! Hours of mixed load at half of what is possible: does memory grow, do the slowest get slower?

use crate::bench::Bench;
use crate::bench::figures::{Figure, Figures};
use crate::bench::subject::{Kind, Length, Measured, Subject, as_float};
use crate::bench::workloads::Load;
use anyhow::{Context, Result};

/// The row, which is left out unless its length is said.
pub(in crate::bench) const NAME: &str = "hours of mixed load, three servers";

const MIX: &str = "create=5,set=25,get=60,list=5,delete=5";
/// Parts of the whole; the first warms, the second is compared with the last.
const PARTS: u64 = 10;

/// The last tenth beside the second.
pub(in crate::bench) fn hours(bench: &Bench, kind: Kind) -> Result<Figures> {
    let subject = Subject::start(&bench.programs, kind, 3)?;
    let full = Load::of(30, 16, MIX);
    bench.warm(&subject, &full)?;
    let possible = subject
        .measure(&bench.programs, &full, bench.length())?
        .per_second;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rate is a small positive number"
    )]
    let half = (possible / 2.0) as u64;
    let load = Load {
        rate: Some(half.max(1)),
        ..full
    };
    let length = Length {
        warm_up: 0,
        counted: bench.minutes * 60_000 / PARTS,
    };
    let mut parts = Vec::new();
    for part in 1..=PARTS {
        let measured = subject.measure(&bench.programs, &load, length)?;
        eprintln!(
            "bench: part {part} of {PARTS}: p99.9 {} us, {} MiB",
            measured.p999,
            largest(&measured) >> 20
        );
        parts.push(measured);
    }
    subject.discard();
    let (second, last) = (&parts[1], parts.last().context("there are parts")?);
    let mut figures = last.figures();
    figures.insert(
        Figure::Growth,
        as_float(largest(last)) / as_float(largest(second)),
    );
    figures.insert(Figure::Drift, as_float(last.p999) / as_float(second.p999));
    Ok(figures)
}

fn largest(measured: &Measured) -> u64 {
    measured.resident.iter().max().copied().unwrap_or(0)
}
