//! The world from which others differ.

use super::{DiskKnobs, Locality, Minority, Swarm, WorkWeights};
use crate::net::NetKnobs;
use crate::workload::Recipes;

impl Default for Swarm {
    /// Three servers that keep calm: everything as regular as it can be.
    fn default() -> Self {
        let tick = 200_000;
        Swarm {
            servers: 3,
            clients: 1,
            tick,
            init_limit: 10,
            sync_limit: 5,
            segment_bytes: 65_536,
            snapshot_txns: 10_000,
            snapshot_nodes_per_txn: 0,
            snapshot_log_bytes: 0,
            snapshots_kept: 3,
            window_bytes_max: 1 << 20,
            backlog_bytes_max: 16 << 20,
            chunk_bytes: 65_536,
            counter_max: u32::MAX - 65_536,
            outstanding_max: 1_000,
            frame_bytes_max: 1_048_575,
            session_timeout: (tick * 5, tick * 20),
            locality: Locality::Global,
            minority: Minority::Silent,
            net: NetKnobs::default(),
            disk: DiskKnobs {
                sync: (1_000, 1_000),
                other: (50, 50),
                torn: false,
            },
            drift_ppm: 0,
            batch_max: 16,
            input_cost: (10, 10),
            safety: 60_000_000,
            faults: Vec::new(),
            fault_interval: 1_000_000,
            faults_least: 0,
            ops_least: 0,
            think: 100_000,
            depth: 4,
            work: WorkWeights {
                create: 1,
                delete: 1,
                set: 1,
                sequential: 1,
                ephemeral: 1,
                multi: 1,
                read: 1,
                watch: 1,
                sync: 1,
                close: 0,
                paths: 4,
                long: 1,
                recipes: Recipes::default(),
            },
            demands_proof: false,
            requests_max: 0,
            connects_max: 0,
            together: 0,
            adversary: None,
            by_hand: false,
            beyond: false,
        }
    }
}
