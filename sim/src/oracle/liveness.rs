//! How soon service comes back when faults have ended, stage by stage, in ticks; and what must be
//! quiet once nobody asks for anything.

use crate::oracle::broken::Broken;
use crate::queue::Micros;
use serde::Serialize;

/// How far service has come back, from the first stage to the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// One server leads.
    pub(crate) leader: bool,
    /// Every server leads or follows.
    pub(crate) serving: bool,
    /// Every server has applied what was committed when faults ended.
    pub(crate) caught_up: bool,
    /// Some client has read, written, and seen a change that it watched.
    pub(crate) first_write: bool,
    /// Every client has, ten times.
    pub(crate) complete: bool,
}

/// How long after the end of faults each stage of service was reached, in thousandths of a tick;
/// `None` where it never was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Recovery {
    /// One server leads.
    pub leader: Option<u64>,
    /// Every server leads or follows.
    pub serving: Option<u64>,
    /// Every server has applied what was committed when faults ended.
    pub caught_up: Option<u64>,
    /// Some client has read, written, and seen a change that it watched.
    pub first_write: Option<u64>,
    /// Every client has, ten times.
    pub complete: Option<u64>,
}

impl Recovery {
    /// Notes what has been reached `passed` after the end of faults.
    pub(crate) fn note(&mut self, seen: Seen, passed: Micros, tick: Micros) {
        let ticks = passed * 1_000 / tick;
        let reach = |stage: &mut Option<u64>, is_reached: bool| {
            if is_reached {
                stage.get_or_insert(ticks);
            }
        };
        reach(&mut self.leader, seen.leader);
        reach(&mut self.serving, seen.serving);
        reach(&mut self.caught_up, seen.caught_up);
        reach(&mut self.first_write, seen.first_write);
        reach(&mut self.complete, seen.complete);
    }

    /// The stages with their names.
    pub fn stages(&self) -> [(&'static str, Option<u64>); 5] {
        [
            ("leader", self.leader),
            ("serving", self.serving),
            ("caught up", self.caught_up),
            ("first write", self.first_write),
            ("complete", self.complete),
        ]
    }
}

/// The recoveries of many worlds.
#[derive(Clone, Debug, Default)]
pub struct Recoveries {
    stages: [Vec<u64>; 5],
}

/// Of one stage, in thousandths of a tick, the values that so many worlds did not exceed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Percentiles {
    /// Half of them.
    pub p50: u64,
    /// Nine tenths.
    pub p90: u64,
    /// 99 of a hundred.
    pub p99: u64,
    /// All.
    pub max: u64,
}

impl Recoveries {
    /// Adds one world.
    pub fn add(&mut self, recovery: &Recovery) {
        for (values, (_, value)) in self.stages.iter_mut().zip(recovery.stages()) {
            values.extend(value);
        }
    }

    /// Each stage that some world reached, with its distribution.
    pub fn percentiles(&self) -> Vec<(&'static str, Percentiles)> {
        let names = Recovery::default().stages().map(|(name, _)| name);
        let stages = names.into_iter().zip(&self.stages);
        stages
            .filter(|(_, values)| !values.is_empty())
            .map(|(name, values)| {
                let mut sorted = values.clone();
                sorted.sort_unstable();
                let at = |percent: usize| sorted[(sorted.len() * percent).div_ceil(100) - 1];
                let percentiles = Percentiles {
                    p50: at(50),
                    p90: at(90),
                    p99: at(99),
                    max: at(100),
                };
                (name, percentiles)
            })
            .collect()
    }
}

/// What has happened so far that must not go on when nobody asks for anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Activity {
    /// Epochs that somebody led.
    pub(crate) epochs: usize,
    /// Transactions that were committed.
    pub(crate) txns: usize,
    /// The last record that was proposed, which commits a little later.
    pub(crate) logged: u64,
    /// Writes to disks.
    pub(crate) writes: u64,
    /// Messages between servers.
    pub(crate) messages: u64,
}

/// Once service is back, one leader stays.
pub(crate) fn one_leader_stays(before: Activity, now: Activity) -> Result<(), Broken> {
    if now.epochs == before.epochs {
        return Ok(());
    }
    let more = now.epochs - before.epochs;
    let seen = format!("{more} more epochs began without a fault");
    let rule = "L2 one leader stays: no epoch begins when everything is well";
    Err(Broken::liveness(rule, seen))
}

/// While nothing is proposed, disks are not written to, and servers say no more to each other than
/// pings and their answers: at most 24 messages to each learner within two ticks.
pub(crate) fn idle_servers_are_quiet(
    before: Activity,
    now: Activity,
    learners: u64,
) -> Result<(), Broken> {
    if (now.txns, now.logged) != (before.txns, before.logged) {
        return Ok(());
    }
    let (writes, messages) = (now.writes - before.writes, now.messages - before.messages);
    if writes == 0 && messages <= 24 * learners {
        return Ok(());
    }
    let seen = format!("{writes} writes to disks and {messages} messages in two ticks");
    let rule = "L11 quiet: idle servers write nothing and say no more than pings";
    Err(Broken::liveness(rule, seen))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_is_noted_when_it_is_reached_first() {
        let mut recovery = Recovery::default();
        let mut seen = Seen {
            leader: true,
            serving: false,
            caught_up: false,
            first_write: false,
            complete: false,
        };
        recovery.note(seen, 500, 1_000);
        seen.serving = true;
        recovery.note(seen, 2_500, 1_000);
        assert_eq!(recovery.leader, Some(500));
        assert_eq!(recovery.serving, Some(2_500));
        assert_eq!(recovery.complete, None);
    }

    #[test]
    fn percentiles_are_values_that_occurred() {
        let mut recoveries = Recoveries::default();
        for leader in 1..=200 {
            recoveries.add(&Recovery {
                leader: Some(leader),
                ..Recovery::default()
            });
        }
        let expected = Percentiles {
            p50: 100,
            p90: 180,
            p99: 198,
            max: 200,
        };
        assert_eq!(recoveries.percentiles(), [("leader", expected)]);
    }

    #[test]
    fn a_chatty_or_writing_ensemble_is_noticed_and_a_pinging_one_is_not() {
        let before = Activity {
            epochs: 2,
            txns: 9,
            logged: 9,
            writes: 5,
            messages: 100,
        };
        let after = |writes, messages| Activity {
            writes,
            messages,
            ..before
        };
        assert!(idle_servers_are_quiet(before, after(5, 116), 2).is_ok());
        assert!(idle_servers_are_quiet(before, after(6, 116), 2).is_err());
        assert!(idle_servers_are_quiet(before, after(5, 200), 2).is_err());
        let more = Activity {
            epochs: 3,
            ..before
        };
        assert!(one_leader_stays(before, before).is_ok());
        assert!(one_leader_stays(before, more).is_err());
    }
}
