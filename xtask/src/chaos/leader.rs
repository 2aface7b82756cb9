//! What a killed leader costs the writers, at the ticks that people configure.

use super::faults::{acknowledgements, longest_gap};
use super::{RECOVERY_MAX, verify, writers::Crew};
use crate::ensemble::Ensemble;
use crate::measure::{Durations, milliseconds};
use anyhow::{Context, Result};
use std::thread;
use std::time::{Duration, Instant};

const GAP_MAX: Duration = Duration::from_millis(500);
const CALM: Duration = Duration::from_millis(1500);

/// Kills the leader several times; what went wrong, as sentences.
pub(super) fn measure(times: usize, writers: usize) -> Result<Vec<String>> {
    println!("chaos: the leader is killed {times} times at tickTime 2000");
    let extra = "tickTime=2000\nmaxClientCnxns=0\n";
    let mut ensemble = Ensemble::start("leader", 3, extra)?;
    let crew = Crew::start(&ensemble.clients(), writers)?;
    let mut kills = Vec::new();
    let killed = (0..times).try_for_each(|_| -> Result<()> {
        thread::sleep(CALM);
        let leader = ensemble.leader().context("nobody leads")?;
        kills.push(Instant::now());
        ensemble.kill(leader)?;
        thread::sleep(CALM);
        ensemble.spawn(leader)?;
        ensemble.wait_until_all_serve(RECOVERY_MAX)
    });
    let logs = crew.finish();
    killed?;
    let all = acknowledgements(&logs);
    let mut gaps = Durations::default();
    for kill in kills {
        gaps.push(longest_gap(&all, kill, kill + CALM));
    }
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
