//! Which sets of servers decide. Source: `zab.md` §12.

use crate::server_set::ServerSet;
use zk_types::{ServerId, mutant};

/// A rule that says which sets are quorums. Any two quorums of one rule must share a server: every
/// safety argument of the protocol stands on that.
pub trait Quorum {
    /// Whether `set` decides; servers outside the rule's members change nothing.
    fn is_quorum(&self, set: ServerSet) -> bool;
}

/// More than half of the voters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Majority {
    voters: ServerSet,
}

impl Majority {
    /// The rule for these voters.
    ///
    /// # Panics
    /// When there are none.
    pub fn new(voters: ServerSet) -> Self {
        assert!(!voters.is_empty(), "an ensemble has voters");
        Majority { voters }
    }
}

impl Quorum for Majority {
    fn is_quorum(&self, set: ServerSet) -> bool {
        let present = set.intersection(self.voters).len();
        let slack = mutant!("quorum-off-by-one", 0, 1);
        2 * present + slack > self.voters.len()
    }
}

/// The highest value that a quorum has reached, or `None` when those given are no quorum.
pub(crate) fn reached_by_quorum<V: Ord + Copy>(
    quorum: &impl Quorum,
    reached: &mut [(V, ServerId)],
) -> Option<V> {
    reached.sort_unstable_by(|a, b| b.cmp(a));
    let mut set = ServerSet::EMPTY;
    for (value, server) in reached {
        set.insert(*server);
        if quorum.is_quorum(set) {
            return Some(*value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    fn subsets(size: u64) -> Vec<ServerSet> {
        let members = |bits: u64| (1..=size).filter(move |id| bits >> (id - 1) & 1 == 1);
        (0..1 << size)
            .map(|bits| members(bits).map(ServerId).collect())
            .collect()
    }

    #[test]
    fn any_two_quorums_share_a_server() {
        for size in 1..=7 {
            let rule = Majority::new((1..=size).map(ServerId).collect());
            let quorums: Vec<_> = subsets(size)
                .into_iter()
                .filter(|set| rule.is_quorum(*set))
                .collect();
            assert!(!quorums.is_empty());
            for a in &quorums {
                for b in &quorums {
                    assert!(!a.intersection(*b).is_empty(), "{a:?} and {b:?} of {size}");
                }
            }
        }
    }

    #[test]
    fn strangers_do_not_help() {
        let rule = Majority::new([1, 2, 3].map(ServerId).into_iter().collect());
        assert!(!rule.is_quorum([1, 4, 5, 6].map(ServerId).into_iter().collect()));
        assert!(rule.is_quorum([1, 3, 9].map(ServerId).into_iter().collect()));
    }

    #[test]
    fn what_a_quorum_reached_is_the_highest_value_that_enough_have() {
        let rule = Majority::new((1..=5).map(ServerId).collect());
        let mut reached = [(9, ServerId(1)), (4, ServerId(2)), (7, ServerId(3))];
        assert_eq!(reached_by_quorum(&rule, &mut reached), Some(4));
        assert_eq!(reached_by_quorum(&rule, &mut reached[..2]), None);
        let mut all = [(1, 1), (2, 2), (3, 3), (4, 4), (5, 5)].map(|(v, id)| (v, ServerId(id)));
        assert_eq!(reached_by_quorum(&rule, &mut all), Some(3));
    }
}
