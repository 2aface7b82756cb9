//! What is drawn apart from everything else, so that it shifts no other draw: further kinds of
//! faults, and limits that are as small, or as large, as they can be.

use super::apart::Apart;
use super::{Fault, Swarm};
use crate::nemesis::MishapKind;
use crate::options::Profile;
use crate::queue::Micros;

/// The longest tick, in a few worlds: few of them fit into one, and sessions last for much of it.
pub(super) fn longest_tick(seed: u64) -> Option<Micros> {
    let dice = &mut Apart::LongestTick.dice(seed);
    dice.percent(3).then_some(10_000_000)
}

/// How many bytes a learner is sent ahead of what it acknowledged; in some worlds so few that it
/// waits in the middle of what brings it up, while clients go on.
pub(super) fn backlog(seed: u64) -> usize {
    let dice = &mut Apart::Backlog.dice(seed);
    if dice.percent(50) {
        usize::try_from(dice.octaves(128, 16_384)).expect("small")
    } else {
        16 << 20
    }
}

/// For how many nodes a snapshot waits for a transaction: few, so that it counts in small trees.
pub(super) fn snapshot_nodes_per_txn(seed: u64) -> u32 {
    let dice = &mut Apart::LargeTrees.dice(seed);
    [0, 2, 3, 8][dice.index(4)]
}

impl Swarm {
    /// Adds a random subset of mishaps where there are faults.
    pub(super) fn add_mishaps(&mut self, seed: u64) {
        let dice = &mut Apart::Mishaps.dice(seed);
        let share = u32::try_from(dice.range(0, 60)).expect("small");
        if self.faults.is_empty() {
            return;
        }
        for kind in MishapKind::ALL {
            if dice.percent(share) && kind.makes_sense(self.servers, self.demands_proof) {
                let fault = Fault::Mishap(kind);
                self.faults.push((fault, fault.weight()));
            }
        }
    }

    /// Makes some limits extreme.
    pub(super) fn go_to_extremes(&mut self, seed: u64, profile: Profile) {
        let dice = &mut Apart::Extremes.dice(seed);
        if profile == Profile::Quiet || dice.percent(70) {
            return;
        }
        if dice.percent(30) {
            self.snapshot_txns = 3;
        }
        if dice.percent(30) {
            self.segment_bytes = 4_096;
        }
        if dice.percent(30) {
            self.batch_max = 1;
        }
        if dice.percent(30) {
            self.outstanding_max = 2;
            self.window_bytes_max = 256;
        }
        if dice.percent(30) {
            self.net.socket_bytes = 256;
        }
    }
}
