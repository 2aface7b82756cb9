//! Makes durable what is kept, and removes what is not.

use super::access::Access;
use super::base::Base;
use super::open::{NamedFiles, Promised};
use super::segments::{Life, SegmentFile};
use super::walk::Walked;
use super::{Finding, RecoveryError, snapshots_kept};
use crate::format::manifest::{self, Manifest, Named};
use crate::format::names::{self, Name};
use crate::format::promise as promise_format;
use crate::wal::segments::{Next, Rest, SPARES_MAX, Segment, Segments};
use crate::{Disk, DiskOp, File, WalConfig};
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use zk_types::{Epoch, Promise, SnapshotId, Standing, mutant};

/// A process that crashed may have left its last writes in memory only. After a sync that failed
/// they may even count as written there, so that another sync does nothing: what no later record
/// proves durable is written again.
pub(super) fn sync<D: Disk>(
    access: &mut Access<'_, D>,
    base: &Base,
    walked: &Walked,
) -> Result<(), RecoveryError<D::Error>> {
    if mutant!("recovery-does-not-sync", false, true) {
        return Ok(());
    }
    write_unproven(access, walked)?;
    for segment in &walked.live {
        access.sync(&names::segment(segment.named.generation))?;
    }
    for id in &base.usable {
        access.sync(&names::snapshot(*id))?;
    }
    access.sync_directories()
}

/// Writes the records again that are not known to be durable, with the header of a segment that
/// begins with one of them.
fn write_unproven<D: Disk>(
    access: &mut Access<'_, D>,
    walked: &Walked,
) -> Result<(), RecoveryError<D::Error>> {
    if mutant!("recovery-trusts-the-cache", false, true) {
        return Ok(());
    }
    let end = walked.history.tail().end;
    let from = walked.history.end_of(walked.proven);
    for (at, segment) in walked.live.iter().enumerate() {
        let segment_end = walked.live.get(at + 1).map_or(end, |next| next.start);
        if segment_end <= from {
            continue;
        }
        let file = names::segment(segment.named.generation);
        let start = if segment.start < from {
            segment.offset(from)
        } else {
            0
        };
        let bytes = access.read_at(&file, start, segment.offset(segment_end))?;
        access.run(&DiskOp::Write {
            file,
            offset: start,
            bytes,
        })?;
    }
    Ok(())
}

/// The promise as it stands after what was found; durable.
pub(super) fn promise<D: Disk>(
    access: &mut Access<'_, D>,
    storage_id: u64,
    promised: Promised,
    last_epoch: Epoch,
    damaged: bool,
) -> Result<(Promise, u64), RecoveryError<D::Error>> {
    let lost = mutant!("promise-from-log", Standing::Amnesiac, Standing::Member);
    let standing = match promised {
        // A log that is of a later epoch than the promise has outlived it.
        Some((_, promise))
            if mutant!(
                "outlived-promise-kept",
                promise.accepted < last_epoch,
                promise.accepted > last_epoch
            ) =>
        {
            lost
        }
        Some((
            _,
            Promise {
                standing: Standing::Fresh | Standing::Member,
                ..
            },
        )) if mutant!("damage-keeps-its-vote", damaged, false) => Standing::Damaged,
        Some((_, promise)) => promise.standing,
        None => lost,
    };
    let accepted = promised.map_or(last_epoch, |(_, promise)| promise.accepted.max(last_epoch));
    let promise = Promise { accepted, standing };
    let sequence = promised.map_or(0, |(sequence, _)| sequence);
    if promised.is_some_and(|(_, before)| before == promise) {
        return Ok((promise, sequence));
    }
    if standing == lost {
        access.findings.push(Finding::PromiseLost);
    }
    let payload = promise_format::encode(promise);
    let kind = promise_format::kind(storage_id);
    access.run_all(&kind.replace(&names::promise(), sequence + 1, &payload))?;
    access.sync_directories()?;
    Ok((promise, sequence + 1))
}

/// What the log is opened with.
pub(super) struct Kept {
    pub(super) segments: Segments,
    pub(super) snapshots: Vec<SnapshotId>,
    pub(super) manifest_sequence: u64,
}

/// Cuts the log where it ends, so that nothing behind the end can ever come back, and removes
/// every file that means nothing.
pub(super) fn manifest<D: Disk>(
    access: &mut Access<'_, D>,
    config: &WalConfig,
    storage_id: u64,
    named: &NamedFiles,
    base: &Base,
    files: &[SegmentFile],
    walked: &Walked,
) -> Result<Kept, RecoveryError<D::Error>> {
    let mut segments = segments(config, &named.manifest, files, walked);
    let beyond = base.usable.len().saturating_sub(snapshots_kept(config));
    let snapshots = base.usable[beyond..].to_vec();

    // Dead segments of the last cut go before the next cut is made: a cut tells only its own.
    let dead = |file: &&SegmentFile| file.life(&named.manifest) == Life::Dead;
    let buried: Vec<Named> = files.iter().filter(dead).map(|file| file.named).collect();
    remove_strays(access, &mut segments, named)?;
    retire(access, &mut segments, &buried)?;
    access.sync_directories()?;

    let manifest = Manifest {
        floor_generation: segments.floor_generation,
        next_generation: segments.next_generation,
        incarnation: segments.incarnation,
        cut: segments.cut,
        durable_upto: segments.cut.0,
        current: segments.live.back().map(|segment| segment.named),
        next: segments.next.named(),
        snapshots: snapshots.clone(),
    };
    let manifest_sequence = named.sequence + 1;
    let kind = manifest::kind(storage_id);
    access.run_all(&kind.replace(&names::manifest(), manifest_sequence, &manifest.encode()))?;

    let unused = files.iter().map(|file| file.named).filter(|named| {
        let live = segments.live.iter().any(|segment| segment.named == *named);
        !live && !buried.contains(named)
    });
    let unused: Vec<Named> = unused.collect();
    retire(access, &mut segments, &unused)?;
    remove_snapshots(access, &snapshots)?;
    access.sync_directories()?;
    Ok(Kept {
        segments,
        snapshots,
        manifest_sequence,
    })
}

fn segments(
    config: &WalConfig,
    before: &Manifest,
    files: &[SegmentFile],
    walked: &Walked,
) -> Segments {
    let tail = walked.history.tail();
    // As with every cut, a segment that begins exactly there is dead.
    let holds = |segment: &&Segment| segment.previous < tail.zxid;
    let mut live: VecDeque<Segment> = walked.live.iter().filter(holds).copied().collect();
    if let Some(current) = live.back_mut() {
        current.rest = Rest::Dead;
    }
    let last = files.last().map_or(0, |file| file.named.generation);
    let incarnation = before
        .incarnation
        .checked_add(1)
        .expect("the log is cut rarely");
    Segments {
        bytes: config.segment_bytes,
        floor_generation: before.floor_generation,
        next_generation: before.next_generation.max(last.saturating_add(1)),
        incarnation: mutant!("start-does-not-cut", incarnation, before.incarnation),
        cut: (tail.zxid, tail.chain),
        live,
        // A crash may have left frames without their header in the one that was prepared; under
        // another number they mean nothing.
        next: Next::None,
        outgrown: None,
        spares: Vec::new(),
    }
}

/// Takes the spares in that fit, and removes everything that nothing names.
fn remove_strays<D: Disk>(
    access: &mut Access<'_, D>,
    segments: &mut Segments,
    named: &NamedFiles,
) -> Result<(), RecoveryError<D::Error>> {
    let mut strays = Vec::new();
    for (file, bytes) in &access.files {
        match names::parse(file) {
            Some(Name::Spare(generation)) => {
                if *bytes == segments.bytes && segments.spares.len() < SPARES_MAX {
                    segments.spares.push(generation);
                } else {
                    strays.push(file.clone());
                }
            }
            Some(Name::Unfinished) => strays.push(file.clone()),
            Some(Name::Snapshot(..)) => {
                let is_named = named
                    .manifest
                    .snapshots
                    .iter()
                    .any(|id| names::snapshot(*id) == *file);
                if !is_named {
                    strays.push(file.clone());
                }
            }
            Some(Name::Segment(_) | Name::Small) | None => {}
        }
    }
    for file in strays {
        access.run(&DiskOp::Remove { file: file.clone() })?;
        access.files.remove(&file);
        access.findings.push(Finding::StrayRemoved { file });
    }
    Ok(())
}

fn retire<D: Disk>(
    access: &mut Access<'_, D>,
    segments: &mut Segments,
    dead: &[Named],
) -> Result<(), RecoveryError<D::Error>> {
    let (ops, spared) = segments.retire(dead);
    access.run_all(&ops)?;
    segments.spares.extend(spared);
    Ok(())
}

/// Removes the snapshots that turned out unusable, or are too many.
fn remove_snapshots<D: Disk>(
    access: &mut Access<'_, D>,
    kept: &[SnapshotId],
) -> Result<(), RecoveryError<D::Error>> {
    let gone: Vec<File> = access
        .files
        .keys()
        .filter(|file| matches!(names::parse(file), Some(Name::Snapshot(..))))
        .filter(|file| !kept.iter().any(|id| names::snapshot(*id) == **file))
        .cloned()
        .collect();
    gone.into_iter()
        .try_for_each(|file| access.run(&DiskOp::Remove { file }).map(drop))
}
