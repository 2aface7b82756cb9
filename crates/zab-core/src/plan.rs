//! How a learner's history is made a prefix of its leader's. Source: `zab.md` §8.1, §8.2.

use crate::message::Message;
use zk_types::{EpochSegments, Zxid, mutant};

/// What a learner has, as it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) segments: EpochSegments,
    pub(crate) base: Zxid,
    pub(crate) committed: Zxid,
}

impl Position {
    /// The position when its fields agree with each other.
    pub(crate) fn checked(
        segments: &EpochSegments,
        base: Zxid,
        committed: Zxid,
    ) -> Option<Position> {
        let position = Position {
            segments: segments.clone(),
            base,
            committed,
        };
        let sound = is_well_formed(segments)
            && base <= committed
            && committed <= position.last()
            && segments.contains(committed);
        sound.then_some(position)
    }

    pub(crate) fn last(&self) -> Zxid {
        self.segments.last()
    }
}

/// Whether an outline that came over a link is one.
pub(crate) fn is_well_formed(segments: &EpochSegments) -> bool {
    let lasts = segments.lasts();
    lasts.len() <= EpochSegments::LENGTH_MAX
        && lasts
            .first()
            .is_none_or(|first| *first >= Zxid::marker(zk_types::Epoch(1)))
        && lasts
            .windows(2)
            .all(|pair| pair[0].epoch() < pair[1].epoch())
}

/// The way from a learner's history to the leader's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plan {
    /// Send what follows its last record.
    Diff,
    /// Cut to the common point, then send what follows it.
    Trunc(Zxid),
    /// It needs records that are no longer in memory: a snapshot after this point comes first.
    Snap(Zxid),
    /// It would have to cut what it knows to be committed: somebody lost data.
    Contradiction,
}

impl Plan {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Plan::Diff => "DIFF",
            Plan::Trunc(_) => "TRUNC",
            Plan::Snap(_) => "SNAP",
            Plan::Contradiction => "none",
        }
    }

    /// The message that opens it, for plans that need no snapshot.
    pub(crate) fn opening(self) -> Option<Message> {
        match self {
            Plan::Diff => Some(Message::Diff),
            Plan::Trunc(to) => Some(Message::Trunc { to }),
            Plan::Snap(_) | Plan::Contradiction => None,
        }
    }
}

/// Plans against the whole log of the leader, its outstanding proposals included: cutting a record
/// that a follower has acknowledged while the acknowledgement counts would commit it on too few
/// disks.
///
/// `window_start` is the record before the first one the leader can still send.
pub(crate) fn plan(leader: &EpochSegments, window_start: Zxid, learner: &Position) -> Plan {
    let common = leader.common(&learner.segments);
    if common == Zxid::ZERO && has_forgotten(leader, learner.last()) {
        return Plan::Snap(common);
    }
    if common < window_start && mutant!("window-ignored", false, true) {
        return Plan::Diff;
    }
    if common < learner.committed || common < learner.base {
        return Plan::Contradiction;
    }
    if common < window_start {
        return Plan::Snap(common);
    }
    if common == learner.last() {
        return Plan::Diff;
    }
    mutant!("diff-instead-of-trunc", Plan::Trunc(common), Plan::Diff)
}

/// Whether the learner's last epoch may be one of those the outline no longer names.
fn has_forgotten(leader: &EpochSegments, last: Zxid) -> bool {
    let lasts = leader.lasts();
    lasts.len() == EpochSegments::LENGTH_MAX
        && lasts
            .first()
            .is_some_and(|oldest| last.epoch() < oldest.epoch())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec;
    use std::vec::Vec;
    use zk_types::Epoch;

    fn z(epoch: u32, counter: u32) -> Zxid {
        Zxid::new(Epoch(epoch), counter)
    }

    /// Every history over three epochs that one run can hold: each epoch has one leader that grew
    /// out of one prefix of the others' histories, and made up to three records.
    fn histories_of_one_run(parent: [usize; 3], cut: [usize; 3]) -> Vec<Vec<Zxid>> {
        let mut leaders: Vec<Vec<Zxid>> = vec![vec![]];
        for epoch in 0..3 {
            let from = &leaders[parent[epoch].min(epoch)];
            let mut history = from[..cut[epoch].min(from.len())].to_vec();
            let number = u32::try_from(epoch + 1).unwrap();
            history.extend((0..3).map(|counter| z(number, counter)));
            leaders.push(history);
        }
        let mut prefixes: Vec<Vec<Zxid>> = leaders
            .iter()
            .flat_map(|h| (0..=h.len()).map(|n| h[..n].to_vec()))
            .collect();
        prefixes.sort();
        prefixes.dedup();
        prefixes
    }

    fn outline(history: &[Zxid]) -> EpochSegments {
        let mut segments = EpochSegments::new();
        history.iter().for_each(|zxid| segments.push(*zxid));
        segments
    }

    fn common_prefix(a: &[Zxid], b: &[Zxid]) -> usize {
        a.iter().zip(b).take_while(|(x, y)| x == y).count()
    }

    fn check(leader: &[Zxid], learner: &[Zxid], window: usize, committed: usize) {
        let at = |history: &[Zxid], n: usize| if n == 0 { Zxid::ZERO } else { history[n - 1] };
        let common = common_prefix(leader, learner);
        let position =
            Position::checked(&outline(learner), Zxid::ZERO, at(learner, committed)).unwrap();
        let plan = plan(&outline(leader), at(leader, window), &position);
        let expected = if common < committed {
            Plan::Contradiction
        } else if common < window {
            Plan::Snap(at(leader, common))
        } else if common == learner.len() {
            Plan::Diff
        } else {
            Plan::Trunc(at(leader, common))
        };
        assert_eq!(plan, expected, "{learner:?} to {leader:?}, window {window}");
    }

    #[test]
    fn every_plan_over_three_epochs_parts_the_histories_where_they_part() {
        for n in 0..27 {
            let parent = [0, n % 3, n / 3 % 3];
            for cut in [
                [0, 1, 2],
                [0, 2, 5],
                [0, 3, 6],
                [0, 9, 9],
                [0, 0, 4],
                [0, 3, 1],
            ] {
                let histories = histories_of_one_run(parent, cut);
                for leader in &histories {
                    for learner in &histories {
                        for window in 0..=leader.len() {
                            for committed in 0..=learner.len() {
                                check(leader, learner, window, committed);
                            }
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn the_largest_zxid_below_the_learners_last_is_not_the_common_point() {
        let leader = EpochSegments::from_lasts(vec![z(1, 9), z(3, 0)]).unwrap();
        let learner = EpochSegments::from_lasts(vec![z(1, 7), z(2, 0)]).unwrap();
        let position = Position::checked(&learner, Zxid::ZERO, Zxid::ZERO).unwrap();
        assert_eq!(plan(&leader, Zxid::ZERO, &position), Plan::Trunc(z(1, 7)));
    }

    #[test]
    fn an_outline_that_forgot_the_learners_epoch_asks_for_a_snapshot() {
        let count = u32::try_from(EpochSegments::LENGTH_MAX).unwrap();
        let leader =
            EpochSegments::from_lasts((0..count).map(|n| z(n + 100, 3)).collect()).unwrap();
        let learner = EpochSegments::from_lasts(vec![z(2, 7)]).unwrap();
        let position = Position::checked(&learner, Zxid::ZERO, z(2, 7)).unwrap();
        assert_eq!(plan(&leader, z(1000, 2), &position), Plan::Snap(Zxid::ZERO));
    }

    #[test]
    fn a_position_that_contradicts_itself_is_refused() {
        let segments = EpochSegments::from_lasts(vec![z(1, 3), z(2, 1)]).unwrap();
        assert!(Position::checked(&segments, Zxid::ZERO, z(2, 2)).is_none());
        assert!(Position::checked(&segments, Zxid::ZERO, z(1, 4)).is_none());
        assert!(Position::checked(&segments, z(2, 1), z(2, 0)).is_none());
        for lasts in [
            vec![z(2, 1), z(1, 3)],
            vec![z(2, 1), z(2, 3)],
            vec![z(0, 1), z(2, 3)],
        ] {
            let words = postcard::to_allocvec(&lasts).unwrap();
            let segments: EpochSegments = postcard::from_bytes(&words).unwrap();
            assert!(Position::checked(&segments, Zxid::ZERO, Zxid::ZERO).is_none());
        }
    }
}
