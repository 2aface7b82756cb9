//! Setting knobs back to those of a calm world.

use super::Shrinker;
use crate::script::Script;
use crate::swarm::Swarm;

/// Each sets one thing back.
type Reset = fn(&mut Swarm, &Swarm);

const RESETS: [Reset; 23] = [
    |knobs, calm| knobs.net = calm.net.clone(),
    |knobs, calm| knobs.disk = calm.disk.clone(),
    |knobs, calm| knobs.drift_ppm = calm.drift_ppm,
    |knobs, calm| knobs.batch_max = calm.batch_max,
    |knobs, calm| knobs.input_cost = calm.input_cost,
    |knobs, calm| knobs.locality = calm.locality,
    |knobs, calm| knobs.minority = calm.minority,
    |knobs, calm| knobs.demands_proof = calm.demands_proof,
    |knobs, calm| knobs.requests_max = calm.requests_max,
    |knobs, calm| knobs.connects_max = calm.connects_max,
    |knobs, calm| knobs.snapshots_kept = calm.snapshots_kept,
    |knobs, calm| knobs.snapshot_log_bytes = calm.snapshot_log_bytes,
    |knobs, calm| knobs.snapshot_txns = calm.snapshot_txns,
    |knobs, calm| knobs.snapshot_nodes_per_txn = calm.snapshot_nodes_per_txn,
    |knobs, calm| knobs.segment_bytes = calm.segment_bytes,
    |knobs, calm| knobs.window_bytes_max = calm.window_bytes_max,
    |knobs, calm| knobs.backlog_bytes_max = calm.backlog_bytes_max,
    |knobs, calm| knobs.chunk_bytes = calm.chunk_bytes,
    |knobs, calm| knobs.counter_max = calm.counter_max,
    |knobs, calm| knobs.outstanding_max = calm.outstanding_max,
    |knobs, calm| knobs.frame_bytes_max = calm.frame_bytes_max,
    |knobs, calm| knobs.init_limit = calm.init_limit,
    |knobs, calm| knobs.sync_limit = calm.sync_limit,
];

impl Shrinker<'_> {
    pub(super) fn reset_knobs(&mut self) {
        let calm = Swarm::default();
        self.offer_with(|script| {
            forget_draws(script);
            RESETS
                .iter()
                .for_each(|reset| reset(&mut script.knobs, &calm));
        });
        for reset in RESETS {
            self.offer_with(|script| reset(&mut script.knobs, &calm));
        }
        self.offer_with(forget_draws);
    }
}

/// What only says how a seed draws means nothing to a script.
fn forget_draws(script: &mut Script) {
    let calm = Swarm::default();
    script.knobs.faults = calm.faults;
    script.knobs.fault_interval = calm.fault_interval;
    script.knobs.think = calm.think;
    script.knobs.depth = calm.depth;
    script.knobs.work = calm.work;
    script.knobs.together = calm.together;
    script.knobs.adversary = calm.adversary;
    // Whoever cuts a run down breaks what they like.
    script.knobs.by_hand = true;
}
