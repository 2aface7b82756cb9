//! From the bytes on a disk to a log that can be appended to.
//!
//! The order matters: what is kept is synced before anything claims it durable; a standing that
//! gets worse is durable before the evidence goes; a file goes only when nothing names it. So a
//! crash anywhere in here leaves a disk from which recovery comes to the same result.

mod access;
mod base;
mod cursor;
mod keep;
mod open;
mod outcome;
mod segments;
mod walk;

use crate::wal::Opened;
use crate::{Disk, Repair, SnapshotSink, WalConfig};
use access::Access;
use base::Base;
use walk::{Walk, Walked};
use zk_types::{Record, Zxid};

pub use outcome::{DataIdentity, Finding, Recovered, RecoveryError};

/// See [`crate::Wal::recover`].
pub(crate) fn recover<D: Disk>(
    config: &WalConfig,
    disk: &mut D,
    new_storage_id: u64,
    state: &mut dyn SnapshotSink,
) -> Result<(Opened, Recovered), RecoveryError<D::Error>> {
    let mut access = Access::new(disk, config.read_bytes)?;
    let opening = open::identity(&mut access, config.me, new_storage_id)?;
    let storage_id = opening.identity.storage_id;
    let promised = open::promise(&mut access, storage_id)?;
    let named = open::manifest(&mut access, storage_id)?;
    let base = Base::load(&mut access, &named, state)?;
    let files = segments::list(&mut access, storage_id)?;
    let walked = Walk::new(&mut access, storage_id, &named.manifest, &files).run(&base)?;

    let damaged = walked.damaged || named.lost;
    if config.repair == Repair::Nobody && (damaged || promised.is_none()) {
        return Err(RecoveryError::Damaged {
            findings: access.findings,
        });
    }
    keep::sync(&mut access, &base, &walked)?;
    let (promise, promise_sequence) = keep::promise(
        &mut access,
        storage_id,
        promised,
        walked.history.tail().zxid.epoch(),
        damaged,
    )?;
    let kept = keep::manifest(
        &mut access,
        config,
        storage_id,
        &named,
        &base,
        &files,
        &walked,
    )?;
    let recovered = Recovered {
        identity: opening.identity,
        promise,
        committed: committed(&base, &walked),
        base: base.newest.clone(),
        records: walked.records,
        findings: access.findings,
        fresh: opening.fresh,
    };
    let opened = Opened {
        storage_id,
        manifest_sequence: kept.manifest_sequence,
        promise_sequence,
        history: walked.history,
        segments: kept.segments,
        newest: base.newest,
        snapshots: kept.snapshots,
    };
    Ok((opened, recovered))
}

/// How many snapshots are kept.
pub(crate) fn snapshots_kept(config: &WalConfig) -> usize {
    let kept = config
        .snapshots_kept
        .clamp(1, WalConfig::SNAPSHOTS_KEPT_MAX);
    usize::try_from(kept).expect("a small number")
}

fn committed(base: &Base, walked: &Walked) -> Zxid {
    let stated = walked
        .records
        .iter()
        .map(|record: &Record| record.committed_upto);
    let proven = stated.fold(base.zxid(), Zxid::max);
    let last = walked.history.tail().zxid;
    zk_types::mutant!("commit-point-guessed", proven.min(last), last)
}
