//! The segments that are there, and what their headers say.

use super::RecoveryError;
use super::access::Access;
use crate::Disk;
use crate::format::as_u64;
use crate::format::manifest::{Manifest, Named};
use crate::format::names::{self, Name};
use crate::format::segment::{HEADER_BYTES, HeaderRead, SegmentHeader};
use alloc::vec::Vec;

/// A segment file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SegmentFile {
    /// Its number, and its length as it is now.
    pub(super) named: Named,
    /// Its header, if it has one of its own.
    pub(super) header: Option<SegmentHeader>,
}

/// What the manifest makes of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    /// It is part of the log, or was begun to be.
    Alive(SegmentHeader),
    /// Nothing in it counts: an install or a cut came after it.
    Dead,
    /// Nothing was written to it yet; or its header is lost.
    Unwritten,
}

impl SegmentFile {
    pub(super) fn life(&self, manifest: &Manifest) -> Life {
        if self.named.generation < manifest.floor_generation {
            return Life::Dead;
        }
        let Some(header) = self.header else {
            return Life::Unwritten;
        };
        let older = header.incarnation < manifest.incarnation;
        if older && header.previous.0 >= manifest.cut.0 {
            Life::Dead
        } else {
            Life::Alive(header)
        }
    }
}

/// All segment files, oldest first.
pub(super) fn list<D: Disk>(
    access: &mut Access<'_, D>,
    storage_id: u64,
) -> Result<Vec<SegmentFile>, RecoveryError<D::Error>> {
    let mut found: Vec<Named> = Vec::new();
    for (file, bytes) in &access.files {
        if let Some(Name::Segment(generation)) = names::parse(file) {
            found.push(Named {
                generation,
                bytes: *bytes,
            });
        }
    }
    let mut files = Vec::with_capacity(found.len());
    for named in found {
        let file = names::segment(named.generation);
        let bytes = access.read(&file, as_u64(HEADER_BYTES))?;
        let header = match SegmentHeader::read(&bytes, named.generation, storage_id) {
            HeaderRead::Good(header) => Some(header),
            HeaderRead::None => None,
            HeaderRead::UnknownVersion(version) => {
                return Err(RecoveryError::UnknownVersion { file, version });
            }
        };
        files.push(SegmentFile { named, header });
    }
    files.sort_unstable_by_key(|file| file.named.generation);
    Ok(files)
}
