//! What writers notice when a server goes.

use super::quiet::milliseconds;
use crate::bench::Bench;
use crate::bench::figures::{Figure, Figures};
use crate::bench::subject::{Kind, Subject};
use crate::chaos::{Loss, lose};
use anyhow::{Context, Result};

/// How often it happens in a turn.
const TIMES: usize = 3;
const WRITERS: usize = 6;

/// The leader is gone without a word.
pub(in crate::bench) fn leader_killed(bench: &Bench, kind: Kind) -> Result<Figures> {
    gap(bench, kind, Loss::LeaderKilled)
}

/// The leader is asked to end.
pub(in crate::bench) fn leader_stopped(bench: &Bench, kind: Kind) -> Result<Figures> {
    gap(bench, kind, Loss::LeaderStopped)
}

/// A follower is gone without a word.
pub(in crate::bench) fn follower_killed(bench: &Bench, kind: Kind) -> Result<Figures> {
    gap(bench, kind, Loss::FollowerKilled)
}

fn gap(bench: &Bench, kind: Kind, loss: Loss) -> Result<Figures> {
    let mut subject = Subject::start(&bench.programs, kind, 3)?;
    let gaps = lose(subject.ensemble()?, loss, TIMES, WRITERS)?;
    subject.discard();
    let longest = gaps.max().context("it happened")?;
    Ok(Figures::from([(Figure::Gap, milliseconds(longest))]))
}
