//! Probabilistic concurrency testing: schedules by random priorities.
//!
//! Source: Burckhardt, Kothari, Musuvathi, Nagarakatte, "A Randomized Scheduler with Probabilistic
//! Guarantees of Finding Bugs", ASPLOS 2010. Everything that may happen belongs to one of `n`
//! entities: a way between two servers, a disk, a server that is told something. Each has a random
//! priority, and the highest that can goes next; at `d - 1` random ones of `k` steps, whoever went
//! falls below all others. A failure that needs `d` steps in their order is met by a run with a
//! probability of at least `1 / (n · k^(d-1))`, whatever else happens.

use super::cores::{Action, Bounds, Cores, Wrong};
use super::exhaust::{Failure, shortest};
use crate::decide::{Dice, Stream};
use serde::Serialize;
use std::collections::BTreeMap;

/// How schedules are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Priorities {
    /// What may happen in a run.
    pub bounds: Bounds,
    /// Steps whose order matters in the failures that are looked for; 1 or more.
    pub depth: u32,
    /// Steps among which priorities change: about as many as a run has.
    pub steps: u64,
}

/// What came of a schedule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Scheduled {
    /// Decides the schedule.
    pub seed: u64,
    /// Steps of the run.
    pub steps: u64,
    /// Entities that could ever go.
    pub entities: usize,
    /// What was broken.
    pub failure: Option<Failure>,
}

impl Priorities {
    /// The least probability with which one run meets a failure of this depth among so many
    /// entities.
    pub fn bound(&self, entities: usize) -> f64 {
        let entities = f64::from(u32::try_from(entities).unwrap_or(u32::MAX).max(1));
        let steps = f64::from(u32::try_from(self.steps).unwrap_or(u32::MAX).max(1));
        let changes = i32::try_from(self.depth.saturating_sub(1)).unwrap_or(i32::MAX);
        1.0 / (entities * steps.powi(changes))
    }

    /// Runs the schedule of a seed to its end.
    pub fn run(&self, seed: u64) -> Scheduled {
        let mut schedule = Schedule::draw(self, seed);
        let mut way = Vec::new();
        let wrong = match Cores::new(self.bounds) {
            Ok(state) => schedule.follow(state, &mut way).err(),
            Err(wrong) => Some(wrong),
        };
        let steps = u64::try_from(way.len()).expect("a length");
        Scheduled {
            seed,
            steps,
            entities: schedule.priorities.len(),
            failure: wrong.map(|wrong| shortest(self.bounds, wrong, way)),
        }
    }
}

struct Schedule {
    dice: Dice,
    /// Of each entity that could go so far. All that are drawn are above all that are changed.
    priorities: BTreeMap<(u8, usize, usize), u64>,
    /// At which steps one falls, in their order; those left are at the end.
    changes: Vec<u64>,
}

impl Schedule {
    fn draw(wish: &Priorities, seed: u64) -> Self {
        let mut dice = Dice::new(seed, Stream::Action, 3);
        let changes = wish.depth.saturating_sub(1);
        let mut changes: Vec<u64> = (0..changes)
            .map(|_| dice.below(wish.steps.max(1)))
            .collect();
        changes.sort_unstable_by(|one, other| other.cmp(one));
        Schedule {
            dice,
            priorities: BTreeMap::new(),
            changes,
        }
    }

    fn follow(&mut self, mut state: Cores, way: &mut Vec<Action>) -> Result<(), Wrong> {
        for step in 0.. {
            let actions = state.actions();
            let Some(first) = self.first(&state, &actions) else {
                return Ok(());
            };
            let its: Vec<Action> = actions
                .into_iter()
                .filter(|action| state.entity(*action) == first)
                .collect();
            // One direction of a connection has its order; what is left is how something goes.
            let action = its[self.dice.index(its.len())];
            while self.changes.last().is_some_and(|change| *change <= step) {
                self.changes.pop();
                let below = u64::try_from(self.changes.len()).expect("a length");
                self.priorities.insert(first, below);
            }
            way.push(action);
            state.apply(action)?;
        }
        Ok(())
    }

    /// Of the entities that can go, the one with the highest priority.
    fn first(&mut self, state: &Cores, actions: &[Action]) -> Option<(u8, usize, usize)> {
        for action in actions {
            let dice = &mut self.dice;
            let above = || dice.next() | 1 << 32;
            self.priorities
                .entry(state.entity(*action))
                .or_insert_with(above);
        }
        let entities = actions.iter().map(|action| state.entity(*action));
        entities.max_by_key(|entity| (self.priorities[entity], *entity))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WISH: Priorities = Priorities {
        bounds: Bounds {
            servers: 3,
            elections: 6,
            proposals: 2,
            crashes: 1,
            breaks: 1,
            timeouts: 1,
            wide: true,
        },
        depth: 3,
        steps: 80,
    };

    #[test]
    fn a_schedule_is_the_same_every_time_and_most_differ() {
        let runs: Vec<Scheduled> = (0..40).map(|seed| WISH.run(seed)).collect();
        let again: Vec<Scheduled> = (0..40).map(|seed| WISH.run(seed)).collect();
        assert_eq!(runs, again);
        assert!(runs.iter().all(|run| run.failure.is_none()), "{runs:#?}");
        let lengths: std::collections::BTreeSet<u64> = runs.iter().map(|run| run.steps).collect();
        assert!(lengths.len() > 10, "{lengths:?}");
    }

    #[test]
    fn the_bound_is_that_of_the_paper() {
        assert!((WISH.bound(10) - 1.0 / 64_000.0).abs() < 1e-12);
    }
}
