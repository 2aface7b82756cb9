//! What is done to the servers, and what it cost the writers.

use super::RECOVERY_MAX;
use super::network::{Network, Trouble};
use super::writers::Log;
use crate::ensemble::Ensemble;
use crate::measure::{Dice, Durations, milliseconds};
use anyhow::Result;
use std::collections::BTreeMap;
use std::fmt;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

/// One thing that happens to servers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fault {
    KillLeader,
    KillFollower,
    KillTwo,
    KillAll,
    PauseLeader,
    PauseFollower,
    RestartLeader,
    Wires(Trouble),
}

const ALL: [Fault; 7] = [
    Fault::KillLeader,
    Fault::KillFollower,
    Fault::KillTwo,
    Fault::KillAll,
    Fault::PauseLeader,
    Fault::PauseFollower,
    Fault::RestartLeader,
];

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Fault::KillLeader => "leader killed",
            Fault::KillFollower => "follower killed",
            Fault::KillTwo => "two of three killed",
            Fault::KillAll => "all killed at once",
            Fault::PauseLeader => "leader paused",
            Fault::PauseFollower => "follower paused",
            Fault::RestartLeader => "leader asked to end",
            Fault::Wires(trouble) => trouble.words(),
        })
    }
}

/// A fault, and when it began.
pub(super) struct Suffered {
    fault: Fault,
    at: Instant,
    /// The same by the wall clock, to be found in the servers' logs.
    wall: SystemTime,
    /// Who led before.
    leader: Option<usize>,
}

/// Does things to servers until the time is over; at the end all of them run and serve.
pub(super) fn inflict(
    ensemble: &mut Ensemble,
    network: Option<&Network>,
    seconds: u64,
    seed: u64,
) -> Result<Vec<Suffered>> {
    let mut dice = Dice::new(seed);
    let mut all = ALL.to_vec();
    if network.is_some() {
        all.extend(Trouble::ALL.map(Fault::Wires));
    }
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut suffered = Vec::new();
    thread::sleep(Duration::from_millis(500));
    while Instant::now() < end {
        let fault = all[dice.index(all.len())];
        let leader = ensemble.leader();
        let (at, wall) = (Instant::now(), SystemTime::now());
        match (fault, network) {
            (Fault::Wires(trouble), Some(network)) => {
                network.strike(trouble, leader.unwrap_or(0), &mut dice);
            }
            _ => strike(ensemble, fault, leader, &mut dice)?,
        }
        ensemble.wait_until_all_serve(RECOVERY_MAX)?;
        suffered.push(Suffered {
            fault,
            at,
            wall,
            leader,
        });
        thread::sleep(Duration::from_millis(300 + dice.below(1200)));
    }
    Ok(suffered)
}

fn strike(
    ensemble: &mut Ensemble,
    fault: Fault,
    leader: Option<usize>,
    dice: &mut Dice,
) -> Result<()> {
    let down = Duration::from_millis(dice.below(2500));
    let size = ensemble.size();
    let follower = leader.map_or(0, |leader| (leader + 1 + dice.index(size - 1)) % size);
    let leader = leader.unwrap_or(0);
    let victims = match fault {
        Fault::KillLeader | Fault::PauseLeader | Fault::RestartLeader => vec![leader],
        Fault::KillFollower | Fault::PauseFollower => vec![follower],
        Fault::KillTwo => vec![leader, follower],
        Fault::KillAll => (0..size).collect(),
        Fault::Wires(_) => return Ok(()),
    };
    match fault {
        Fault::PauseLeader | Fault::PauseFollower => {
            ensemble.signal(victims[0], "STOP")?;
            // Half of the pauses are longer than the ensemble's patience of five ticks.
            thread::sleep(down * 2);
            ensemble.signal(victims[0], "CONT")
        }
        Fault::RestartLeader => {
            ensemble.terminate(leader)?;
            thread::sleep(down);
            ensemble.spawn(leader)
        }
        Fault::KillLeader | Fault::KillFollower | Fault::KillTwo | Fault::KillAll => {
            for victim in &victims {
                ensemble.kill(*victim)?;
            }
            thread::sleep(down);
            for victim in victims {
                ensemble.spawn(victim)?;
                thread::sleep(Duration::from_millis(dice.below(300)));
            }
            Ok(())
        }
        Fault::Wires(_) => Ok(()),
    }
}

/// Every moment at which a write was acknowledged, in order.
pub(super) fn acknowledgements(logs: &[Log]) -> Vec<Instant> {
    let mut all: Vec<Instant> = logs
        .iter()
        .flat_map(|log| log.acknowledged.iter().copied())
        .collect();
    all.sort();
    all
}

/// The longest time without an acknowledged write that lies between two moments or began before
/// the first.
pub(super) fn longest_gap(all: &[Instant], from: Instant, to: Instant) -> Duration {
    all.windows(2)
        .filter(|pair| pair[1] > from && pair[0] < to)
        .map(|pair| pair[1].min(to) - pair[0])
        .max()
        .unwrap_or_default()
}

/// How long each fault kept writes from being acknowledged.
fn gaps(suffered: &[Suffered], logs: &[Log]) -> Vec<Duration> {
    let all = acknowledgements(logs);
    let Some(last) = all.last().copied() else {
        return Vec::new();
    };
    let ends = suffered.iter().skip(1).map(|next| next.at).chain([last]);
    suffered
        .iter()
        .zip(ends)
        .map(|(one, end)| longest_gap(&all, one.at, end))
        .collect()
}

/// Each fault, by the wall clock.
pub(super) fn print_each(suffered: &[Suffered], logs: &[Log]) {
    for (one, gap) in suffered.iter().zip(gaps(suffered, logs)) {
        let wall = one
            .wall
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        println!(
            "{:>12}.{:03}  {:<26}{:>12}  led by {:?}",
            wall.as_secs(),
            wall.subsec_millis(),
            one.fault,
            milliseconds(gap),
            one.leader.map(|index| index + 1)
        );
    }
}

/// What each kind of fault cost.
pub(super) fn print_gaps(suffered: &[Suffered], logs: &[Log]) {
    let mut by_kind: BTreeMap<Fault, Durations> = BTreeMap::new();
    for (one, gap) in suffered.iter().zip(gaps(suffered, logs)) {
        by_kind.entry(one.fault).or_default().push(gap);
    }
    println!(
        "{:<26}{:>6}  {:>12}{:>12}   without an acknowledged write",
        "fault", "times", "median", "longest"
    );
    for (fault, gaps) in by_kind {
        println!(
            "{fault:<26}{:>6}  {:>12}{:>12}",
            gaps.len(),
            milliseconds(gaps.percentile(50).unwrap_or_default()),
            milliseconds(gaps.max().unwrap_or_default()),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_gap_is_looked_for_between_two_moments_only() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let all = [at(0), at(500), at(510), at(530), at(900)];
        let longest = |from, to| longest_gap(&all, at(from), at(to)).as_millis();
        assert_eq!(longest(505, 600), 70);
        assert_eq!(longest(505, 520), 10);
        assert_eq!(longest(490, 600), 500);
    }
}
