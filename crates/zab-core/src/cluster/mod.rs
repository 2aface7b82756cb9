//! Several machines in one process, with links, disks and crashes, driven by one seed.
//!
//! A run is a random walk: each step one thing that may happen next happens, in any order the contract
//! allows. Then everything is healed, and the ensemble has to come to rest.

mod chance;
mod disk;
mod hostile;
mod oracle;
mod runs;
mod world;

use std::vec::Vec;
use xxhash_rust::xxh3::xxh3_64;
use zk_types::{Chain, SnapshotId, Zxid};

/// The bytes of a snapshot; equal states have equal ones.
fn snapshot_bytes(chain: Chain, length: usize) -> Vec<u8> {
    chain
        .0
        .to_be_bytes()
        .into_iter()
        .cycle()
        .take(length)
        .collect()
}

fn snapshot_id(zxid: Zxid, bytes: &[u8]) -> SnapshotId {
    SnapshotId {
        zxid,
        bytes: u64::try_from(bytes.len()).unwrap(),
        checksum: xxh3_64(bytes),
    }
}
