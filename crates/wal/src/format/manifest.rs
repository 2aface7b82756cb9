//! What the log and the snapshots consist of, and where the log was last cut.
//!
//! A file that the manifest does not name means nothing, whatever is in it; so what a truncation
//! or an install removed cannot come back by way of an old name or of old bytes.

use super::slots::SlotKind;
use super::{take_u32, take_u64};
use crate::WalConfig;
use alloc::vec::Vec;
use zk_types::{Chain, SnapshotId, Zxid};

/// A segment that exists, with its length in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) generation: u64,
    pub(crate) bytes: u64,
}

/// The contents of the manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Manifest {
    /// Segments of older generations are dead.
    pub(crate) floor_generation: u64,
    /// No segment had this generation yet.
    pub(crate) next_generation: u64,
    /// How often the log was cut: by a truncation, an install, or at a start.
    pub(crate) incarnation: u32,
    /// The last record when it was cut. Records after it are of this incarnation, or dead.
    pub(crate) cut: (Zxid, Chain),
    /// A record that was durable when this was written.
    pub(crate) durable_upto: Zxid,
    /// The segment that was appended to.
    pub(crate) current: Option<Named>,
    /// The one prepared to follow it.
    pub(crate) next: Option<Named>,
    /// The snapshots, oldest first.
    pub(crate) snapshots: Vec<SnapshotId>,
}

impl Manifest {
    /// Of an empty log.
    pub(crate) fn first() -> Self {
        Manifest {
            floor_generation: 1,
            next_generation: 1,
            incarnation: 1,
            cut: (Zxid::ZERO, Chain::default()),
            durable_upto: Zxid::ZERO,
            current: None,
            next: None,
            snapshots: Vec::new(),
        }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        assert!(
            self.snapshots.len() <= snapshots_max(),
            "retention bounds the snapshots"
        );
        let mut bytes = Vec::new();
        bytes.extend_from_slice(&self.floor_generation.to_be_bytes());
        bytes.extend_from_slice(&self.next_generation.to_be_bytes());
        bytes.extend_from_slice(&self.incarnation.to_be_bytes());
        bytes.extend_from_slice(&self.cut.0.0.to_be_bytes());
        bytes.extend_from_slice(&self.cut.1.0.to_be_bytes());
        bytes.extend_from_slice(&self.durable_upto.0.to_be_bytes());
        for named in [self.current, self.next] {
            let Named {
                generation,
                bytes: length,
            } = named.unwrap_or(Named {
                generation: 0,
                bytes: 0,
            });
            bytes.extend_from_slice(&generation.to_be_bytes());
            bytes.extend_from_slice(&length.to_be_bytes());
        }
        let count = u32::try_from(self.snapshots.len()).expect("bounded above");
        bytes.extend_from_slice(&count.to_be_bytes());
        for id in &self.snapshots {
            bytes.extend_from_slice(&id.zxid.0.to_be_bytes());
            bytes.extend_from_slice(&id.bytes.to_be_bytes());
            bytes.extend_from_slice(&id.checksum.to_be_bytes());
        }
        bytes
    }

    pub(crate) fn decode(mut bytes: &[u8]) -> Option<Self> {
        let from = &mut bytes;
        let floor_generation = take_u64(from)?;
        let next_generation = take_u64(from)?;
        let incarnation = take_u32(from)?;
        let cut = (Zxid(take_u64(from)?), Chain(take_u64(from)?));
        let durable_upto = Zxid(take_u64(from)?);
        let current = take_named(from)?;
        let next = take_named(from)?;
        let count = usize::try_from(take_u32(from)?).ok()?;
        if count > snapshots_max() {
            return None;
        }
        let mut snapshots = Vec::with_capacity(count);
        for _ in 0..count {
            let zxid = Zxid(take_u64(from)?);
            let (bytes, checksum) = (take_u64(from)?, take_u64(from)?);
            snapshots.push(SnapshotId {
                zxid,
                bytes,
                checksum,
            });
        }
        from.is_empty().then_some(Manifest {
            floor_generation,
            next_generation,
            incarnation,
            cut,
            durable_upto,
            current,
            next,
            snapshots,
        })
    }
}

pub(crate) fn kind(storage_id: u64) -> SlotKind {
    SlotKind {
        magic: *b"VIVMANIF",
        storage_id,
    }
}

fn snapshots_max() -> usize {
    usize::try_from(WalConfig::SNAPSHOTS_KEPT_MAX).expect("a small number")
}

fn take_named(bytes: &mut &[u8]) -> Option<Option<Named>> {
    let (generation, length) = (take_u64(bytes)?, take_u64(bytes)?);
    Some((generation != 0).then_some(Named {
        generation,
        bytes: length,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_reads_back_and_its_longest_form_fits_a_block() {
        let id = SnapshotId {
            zxid: Zxid(9),
            bytes: 100,
            checksum: 3,
        };
        let manifest = Manifest {
            floor_generation: 2,
            next_generation: 9,
            incarnation: 4,
            cut: (Zxid(8), Chain(5)),
            durable_upto: Zxid(11),
            current: Some(Named {
                generation: 7,
                bytes: 4096,
            }),
            next: None,
            snapshots: alloc::vec![id; 64],
        };
        let bytes = manifest.encode();
        assert!(bytes.len() < 4000);
        assert_eq!(Manifest::decode(&bytes), Some(manifest));
        for length in 0..bytes.len() {
            assert_eq!(Manifest::decode(&bytes[..length]), None);
        }
    }
}
