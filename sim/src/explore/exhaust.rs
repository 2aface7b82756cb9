//! Bounded exhaustive search: every order of everything that may happen in a tiny ensemble.
//!
//! Depth first over states that were not seen before. Whatever happens uses something up, so there
//! is no way around and no bound on depth is needed; when nothing is left, all was seen.

use super::cores::{Action, Bounds, Cores, Wrong};
use crate::shrink::ddmin::ddmin;
use core::hash::{BuildHasherDefault, Hasher};
use hashbrown::HashSet;
use serde::Serialize;

/// What a search saw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Exhausted {
    /// What was searched.
    pub bounds: Bounds,
    /// Different states.
    pub states: u64,
    /// Steps from one to another.
    pub steps: u64,
    /// The longest way.
    pub depth: usize,
    /// States in which nothing more can happen.
    pub ends: u64,
    /// Whether every state was seen.
    pub complete: bool,
    /// The first failure, if there is one.
    pub failure: Option<Failure>,
}

/// A way to a state in which a rule is broken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// The rule.
    pub rule: String,
    /// What was seen instead.
    pub seen: String,
    /// What it takes, a line each.
    pub way: Vec<String>,
}

/// A hash is its own hash.
#[derive(Default)]
struct Itself(u64);

impl Hasher for Itself {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        let (half, _) = bytes
            .split_first_chunk()
            .expect("128 bits are more than 64");
        self.0 = u64::from_be_bytes(*half);
    }
}

/// One state on the way.
struct Place {
    state: Cores,
    actions: Vec<Action>,
    /// Of those, how many were tried.
    tried: usize,
}

/// Searches every state, or as many as `may_go_on` allows, which is asked now and then and told
/// how many there are.
pub fn exhaust(bounds: Bounds, may_go_on: &mut dyn FnMut(u64) -> bool) -> Exhausted {
    let mut found = Exhausted {
        bounds,
        states: 0,
        steps: 0,
        depth: 0,
        ends: 0,
        complete: false,
        failure: None,
    };
    let first = match Cores::new(bounds) {
        Ok(first) => first,
        Err(wrong) => {
            found.failure = Some(failure(wrong, Vec::new()));
            return found;
        }
    };
    let mut seen: HashSet<u128, BuildHasherDefault<Itself>> = HashSet::default();
    seen.insert(first.hash());
    let mut way = vec![Place::at(first)];
    while let Some(place) = way.last_mut() {
        let Some(action) = place.actions.get(place.tried).copied() else {
            found.ends += u64::from(place.actions.is_empty());
            way.pop();
            continue;
        };
        place.tried += 1;
        found.steps += 1;
        let mut next = place.state.clone();
        if let Err(wrong) = next.apply(action) {
            let taken = way.iter().map(|place| place.actions[place.tried - 1]);
            found.failure = Some(shortest(bounds, wrong, taken.collect()));
            break;
        }
        if seen.insert(next.hash()) {
            way.push(Place::at(next));
            found.depth = found.depth.max(way.len() - 1);
            let states = as_u64(seen.len());
            if states.is_multiple_of(1 << 12) && !may_go_on(states) {
                break;
            }
        }
    }
    found.states = as_u64(seen.len());
    found.complete = way.is_empty();
    found
}

impl Place {
    fn at(state: Cores) -> Self {
        Place {
            actions: state.actions(),
            state,
            tried: 0,
        }
    }
}

/// What of a way it takes to break the same rule, in words. What cannot happen is passed over.
pub(super) fn shortest(bounds: Bounds, wrong: Wrong, way: Vec<Action>) -> Failure {
    let rule = wrong.rule;
    let breaks = |way: &[Action]| {
        let (broken, _) = walk(bounds, way);
        broken.filter(|broken| broken.rule == rule)
    };
    let kept = ddmin(way, &mut |way| breaks(way).is_some());
    let (broken, words) = walk(bounds, &kept);
    failure(broken.unwrap_or(wrong), words)
}

fn walk(bounds: Bounds, way: &[Action]) -> (Option<Wrong>, Vec<String>) {
    let mut words = Vec::new();
    let mut state = match Cores::new(bounds) {
        Ok(state) => state,
        Err(wrong) => return (Some(wrong), words),
    };
    for action in way {
        if !state.actions().contains(action) {
            continue;
        }
        words.push(state.words(*action));
        if let Err(wrong) = state.apply(*action) {
            return (Some(wrong), words);
        }
    }
    (None, words)
}

fn failure(wrong: Wrong, way: Vec<String>) -> Failure {
    Failure {
        rule: wrong.rule.to_owned(),
        seen: wrong.seen,
        way,
    }
}

fn as_u64(length: usize) -> u64 {
    u64::try_from(length).expect("a length")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TINY: Bounds = Bounds {
        servers: 3,
        elections: 2,
        proposals: 1,
        crashes: 0,
        breaks: 0,
        timeouts: 0,
        wide: false,
    };

    #[test]
    fn one_leader_with_one_follower_is_searched_to_the_end() {
        let found = exhaust(TINY, &mut |_| true);
        assert_eq!(found.failure, None);
        assert!(found.complete, "{found:?}");
        assert!(found.states > 100 && found.ends > 0, "{found:?}");
    }
}
