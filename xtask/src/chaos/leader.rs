//! What a server that goes costs the writers, at the ticks that people configure.

use super::faults::{acknowledgements, longest_gap};
use super::writers::{Crew, Log};
use super::{RECOVERY_MAX, verify};
use crate::ensemble::Ensemble;
use crate::measure::{Durations, milliseconds};
use anyhow::{Context, Result};
use std::thread;
use std::time::{Duration, Instant};

const GAP_MAX: Duration = Duration::from_millis(500);
const CALM: Duration = Duration::from_millis(1500);
/// How long writers are watched after a loss: Apache's servers may take seconds.
const AFTERMATH: Duration = Duration::from_secs(5);

/// A server that goes.
#[derive(Clone, Copy)]
pub(crate) enum Loss {
    /// The leader, without a word.
    LeaderKilled,
    /// The leader, which is asked to end.
    LeaderStopped,
    /// A follower, without a word.
    FollowerKilled,
}

/// Has servers go and come back under writers; for how long each time no write was acknowledged.
pub(crate) fn lose(
    ensemble: &mut Ensemble,
    loss: Loss,
    times: usize,
    writers: usize,
) -> Result<Durations> {
    Ok(lose_and_remember(ensemble, loss, times, writers)?.0)
}

fn lose_and_remember(
    ensemble: &mut Ensemble,
    loss: Loss,
    times: usize,
    writers: usize,
) -> Result<(Durations, Vec<Log>)> {
    let crew = Crew::start(&ensemble.clients(), writers)?;
    let mut losses = Vec::new();
    let lost = (0..times).try_for_each(|_| -> Result<()> {
        thread::sleep(CALM);
        let leader = ensemble.leader().context("nobody leads")?;
        losses.push(Instant::now());
        let gone = match loss {
            Loss::LeaderKilled | Loss::LeaderStopped => leader,
            Loss::FollowerKilled => (leader + 1) % ensemble.size(),
        };
        match loss {
            Loss::LeaderKilled | Loss::FollowerKilled => ensemble.kill(gone)?,
            Loss::LeaderStopped => drop(ensemble.terminate(gone)?),
        }
        thread::sleep(AFTERMATH);
        ensemble.spawn(gone)?;
        ensemble.wait_until_all_serve(RECOVERY_MAX)
    });
    let logs = crew.finish();
    lost?;
    let all = acknowledgements(&logs);
    let mut gaps = Durations::default();
    for loss in losses {
        gaps.push(longest_gap(&all, loss, loss + AFTERMATH));
    }
    Ok((gaps, logs))
}

/// Kills the leader several times; what went wrong, as sentences.
pub(super) fn measure(times: usize, writers: usize) -> Result<Vec<String>> {
    println!("chaos: the leader is killed {times} times at tickTime 2000");
    let extra = "tickTime=2000\nmaxClientCnxns=0\n";
    let mut ensemble = Ensemble::start("leader", 3, extra)?;
    let (gaps, logs) = lose_and_remember(&mut ensemble, Loss::LeaderKilled, times, writers)?;
    let (median, max) = (
        gaps.percentile(50).unwrap_or_default(),
        gaps.max().unwrap_or_default(),
    );
    println!(
        "chaos: without an acknowledged write after the leader was killed: median {}, max {}",
        milliseconds(median),
        milliseconds(max)
    );
    let mut failed = verify::verify(&mut ensemble, &logs)?;
    if max > GAP_MAX {
        let (max, bound) = (milliseconds(max), milliseconds(GAP_MAX));
        failed.push(format!(
            "{max} without an acknowledged write; at most {bound} are allowed"
        ));
    }
    if failed.is_empty() {
        ensemble.discard();
    }
    Ok(failed)
}
