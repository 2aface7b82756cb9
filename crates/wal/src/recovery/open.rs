//! The three small files, and the first start.

use super::access::Access;
use super::{Finding, RecoveryError};
use crate::format::manifest::{self, Manifest};
use crate::format::names::Name;
use crate::format::slots::{self, Slots};
use crate::format::{identity, names, promise};
use crate::{DataIdentity, Directory, Disk, DiskOp};
use zk_types::{Promise, ServerId};

/// Whose data it is.
pub(super) struct Opening {
    pub(super) identity: DataIdentity,
    pub(super) fresh: bool,
}

/// The manifest, or what stands in for a lost one.
pub(super) struct NamedFiles {
    pub(super) manifest: Manifest,
    pub(super) sequence: u64,
    pub(super) lost: bool,
}

/// The promise with its sequence number, `None` when it is lost.
pub(super) type Promised = Option<(u64, Promise)>;

pub(super) fn identity<D: Disk>(
    access: &mut Access<'_, D>,
    me: ServerId,
    new_storage_id: u64,
) -> Result<Opening, RecoveryError<D::Error>> {
    let file = names::identity();
    if access.length(&file).is_none() {
        let identity = DataIdentity {
            server: me,
            storage_id: new_storage_id,
        };
        found(access, identity)?;
        return Ok(Opening {
            identity,
            fresh: true,
        });
    }
    // Nothing is written to data of another server.
    let identity = match identity::KIND.read(&access.read(&file, slots::FILE_BYTES)?) {
        Slots::Value { payload, .. } => identity::decode(&payload),
        Slots::UnknownVersion(version) => {
            return Err(RecoveryError::UnknownVersion { file, version });
        }
        Slots::Lost => None,
    };
    let Some(identity) = identity else {
        return Err(RecoveryError::IdentityDamaged { file });
    };
    if identity.server != me {
        return Err(RecoveryError::OtherServer {
            found: identity.server,
            me,
        });
    }
    access.read_slots(identity::KIND, &file)?;
    Ok(Opening {
        identity,
        fresh: false,
    })
}

/// Makes empty directories this server's own. The identity comes last: with it, everything is
/// there; without it, nothing that was there counted yet.
fn found<D: Disk>(
    access: &mut Access<'_, D>,
    identity: DataIdentity,
) -> Result<(), RecoveryError<D::Error>> {
    let data = access.files.keys().find(|file| match names::parse(file) {
        Some(Name::Segment(_) | Name::Spare(_) | Name::Snapshot(..)) => true,
        Some(Name::Unfinished | Name::Small) | None => false,
    });
    if let Some(found) = data {
        return Err(RecoveryError::IdentityMissing {
            found: found.clone(),
        });
    }
    let elsewhere = access.files.keys().find(|file| {
        let is_of_a_log = ["identity", "promise", "manifest"].contains(&file.name.as_str())
            || file.name.starts_with("log.");
        file.directory == Directory::Data && is_of_a_log
    });
    if let Some(found) = elsewhere {
        return Err(RecoveryError::LogElsewhere {
            found: found.clone(),
        });
    }
    let storage_id = identity.storage_id;
    let (promise, first) = (names::promise(), promise::encode(promise::FIRST));
    access.run_all(&promise::kind(storage_id).create(&promise, &first))?;
    let (manifest, first) = (names::manifest(), Manifest::first().encode());
    access.run_all(&manifest::kind(storage_id).create(&manifest, &first))?;
    access.run(&DiskOp::SyncDirectory {
        directory: Directory::Log,
    })?;

    let unfinished = names::identity_unfinished();
    access.run(&DiskOp::Remove {
        file: unfinished.clone(),
    })?;
    access.run_all(&identity::KIND.create(&unfinished, &identity::encode(identity)))?;
    access.run(&DiskOp::Rename {
        from: unfinished.clone(),
        to: names::identity(),
    })?;
    access.run(&DiskOp::SyncDirectory {
        directory: Directory::Log,
    })?;

    access.files.remove(&unfinished);
    access.files.insert(promise, slots::FILE_BYTES);
    access.files.insert(manifest, slots::FILE_BYTES);
    Ok(())
}

pub(super) fn promise<D: Disk>(
    access: &mut Access<'_, D>,
    storage_id: u64,
) -> Result<Promised, RecoveryError<D::Error>> {
    let read = access.read_slots(promise::kind(storage_id), &names::promise())?;
    Ok(read.and_then(|(sequence, payload)| Some((sequence, promise::decode(&payload)?))))
}

pub(super) fn manifest<D: Disk>(
    access: &mut Access<'_, D>,
    storage_id: u64,
) -> Result<NamedFiles, RecoveryError<D::Error>> {
    let read = access.read_slots(manifest::kind(storage_id), &names::manifest())?;
    let decoded = read.and_then(|(sequence, payload)| {
        let manifest = Manifest::decode(&payload)?;
        Some(NamedFiles {
            manifest,
            sequence,
            lost: false,
        })
    });
    Ok(decoded.unwrap_or_else(|| without_manifest(access)))
}

/// Nobody knows any more which records were cut, so none are used. A snapshot holds committed
/// state only and can be trusted by itself.
fn without_manifest<D: Disk>(access: &mut Access<'_, D>) -> NamedFiles {
    access.findings.push(Finding::ManifestLost);
    let mut manifest = Manifest::first();
    for (file, bytes) in &access.files {
        match names::parse(file) {
            // A start that died may have put segments out of use before it wrote a manifest.
            Some(Name::Segment(generation) | Name::Spare(generation)) => {
                let unused = generation.saturating_add(1);
                manifest.floor_generation = manifest.floor_generation.max(unused);
            }
            Some(Name::Snapshot(zxid, checksum)) => {
                let id = zk_types::SnapshotId {
                    zxid,
                    bytes: *bytes,
                    checksum,
                };
                manifest.snapshots.push(id);
            }
            Some(Name::Unfinished | Name::Small) | None => {}
        }
    }
    manifest.next_generation = manifest.floor_generation;
    manifest.snapshots.sort_unstable();
    NamedFiles {
        manifest,
        sequence: 0,
        lost: true,
    }
}
