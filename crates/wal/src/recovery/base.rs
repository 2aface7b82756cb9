//! The newest snapshot that can be used.

use super::access::{Access, More};
use super::open::NamedFiles;
use super::{Finding, RecoveryError};
use crate::format::names;
use crate::{Disk, SnapshotError, SnapshotReader, SnapshotSink};
use alloc::vec::Vec;
use zk_types::{Chain, SnapshotId, SnapshotMeta, Zxid};

/// What the log is replayed on.
pub(super) struct Base {
    /// The snapshot that was handed to the state machine.
    pub(super) newest: Option<(SnapshotId, SnapshotMeta)>,
    /// That one and the older ones, oldest first.
    pub(super) usable: Vec<SnapshotId>,
}

impl Base {
    pub(super) fn zxid(&self) -> Zxid {
        self.newest.as_ref().map_or(Zxid::ZERO, |(id, _)| id.zxid)
    }

    pub(super) fn chain(&self) -> Chain {
        self.newest
            .as_ref()
            .map_or(Chain::default(), |(_, meta)| meta.chain)
    }

    pub(super) fn load<D: Disk>(
        access: &mut Access<'_, D>,
        named: &NamedFiles,
        state: &mut dyn SnapshotSink,
    ) -> Result<Self, RecoveryError<D::Error>> {
        let mut candidates = named.manifest.snapshots.clone();
        while let Some(id) = candidates.pop() {
            let file = names::snapshot(id);
            let why = match read(access, id, state)? {
                Ok(meta) => {
                    drop_missing(access, &mut candidates);
                    candidates.push(id);
                    return Ok(Base {
                        newest: Some((id, meta)),
                        usable: candidates,
                    });
                }
                Err(SnapshotError::Refused { reason }) => {
                    return Err(RecoveryError::StateRefused { file, reason });
                }
                Err(why) => why,
            };
            state.discard();
            access.findings.push(Finding::SnapshotInvalid { file, why });
        }
        Ok(Base {
            newest: None,
            usable: Vec::new(),
        })
    }
}

/// Older snapshots are not read until they are needed, but they have to be there.
fn drop_missing<D: Disk>(access: &mut Access<'_, D>, ids: &mut Vec<SnapshotId>) {
    ids.retain(|id| {
        let file = names::snapshot(*id);
        let there = access.length(&file) == Some(id.bytes);
        if !there {
            access.findings.push(Finding::Missing { file });
        }
        there
    });
}

fn read<D: Disk>(
    access: &mut Access<'_, D>,
    id: SnapshotId,
    state: &mut dyn SnapshotSink,
) -> Result<Result<SnapshotMeta, SnapshotError>, RecoveryError<D::Error>> {
    let file = names::snapshot(id);
    let Some(length) = access.length(&file) else {
        return Ok(Err(SnapshotError::Missing));
    };
    let mut reader = SnapshotReader::new();
    let mut error = None;
    access.read_pieces(&file, length, |bytes| {
        error = reader.push(bytes, state).err();
        if error.is_none() { More::Yes } else { More::No }
    })?;
    if let Some(error) = error.or_else(|| reader.shortcoming()) {
        return Ok(Err(error));
    }
    let meta = reader.meta().cloned().ok_or(SnapshotError::Header);
    Ok(if reader.finished() == Some(id) {
        meta
    } else {
        Err(SnapshotError::Another)
    })
}
