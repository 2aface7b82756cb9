//! A small file that survives torn writes and single rot: two checksummed copies in blocks of
//! their own.
//!
//! A value is written to the first copy, synced, written to the second, synced, and acknowledged
//! only then. After an acknowledgement both copies hold it, so one bad copy does no harm, and two
//! good copies that differ mean a write that was never acknowledged: the first one is newer.

use super::{as_u64, take, take_u32, take_u64};
use crate::{DiskOp, File};
use alloc::vec::Vec;
use zk_types::mutant;

/// Length of one copy, and the block it has for itself.
pub(crate) const SLOT_BYTES: usize = 4096;

/// Length of the file.
pub(crate) const FILE_BYTES: u64 = 8192;

const HEAD_BYTES: usize = 24;
const VERSION: u32 = 1;

/// Which small file it is, and whose.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SlotKind {
    /// The first eight bytes of each copy.
    pub(crate) magic: [u8; 8],
    /// Mixed into the checksum, so that a file of another server does not pass.
    pub(crate) storage_id: u64,
}

/// What a small file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Slots {
    /// A value, with its sequence number and the copy that does not hold it, if one does not.
    Value {
        sequence: u64,
        payload: Vec<u8>,
        stale: Option<Stale>,
    },
    /// A newer program wrote it.
    UnknownVersion(u32),
    /// Neither copy is good.
    Lost,
}

/// The copy that does not hold the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stale {
    pub(crate) slot: usize,
    pub(crate) why: Why,
}

/// Why a copy does not hold the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// It holds the value before, or one written at the same time: a write was interrupted.
    Behind,
    /// It holds nothing that can be read.
    Bad,
}

impl SlotKind {
    /// One copy, padded to its block.
    pub(crate) fn encode(self, sequence: u64, payload: &[u8]) -> Vec<u8> {
        assert!(
            payload.len() <= SLOT_BYTES - HEAD_BYTES - 4,
            "the payload fits into a block"
        );
        let length = u32::try_from(payload.len()).expect("a block is shorter");
        let mut bytes = Vec::with_capacity(SLOT_BYTES);
        bytes.extend_from_slice(&self.magic);
        bytes.extend_from_slice(&VERSION.to_be_bytes());
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(&sequence.to_be_bytes());
        bytes.extend_from_slice(payload);
        let checksum = self.checksum(&bytes);
        bytes.extend_from_slice(&checksum.to_be_bytes());
        bytes.resize(SLOT_BYTES, 0);
        bytes
    }

    /// The operations that replace the value; it is durable when the last of them is done.
    pub(crate) fn replace(self, file: &File, sequence: u64, payload: &[u8]) -> Vec<DiskOp> {
        let copy = self.encode(sequence, payload);
        let mut ops = write_copy(file, 0, copy.clone());
        if mutant!("copies-torn-together", false, true) {
            ops.pop();
        }
        if mutant!("second-copy-not-written", true, false) {
            ops.extend(write_copy(file, 1, copy));
        }
        ops
    }

    /// Both copies in one piece, for a file that nothing depends on yet.
    pub(crate) fn create(self, file: &File, payload: &[u8]) -> Vec<DiskOp> {
        let mut bytes = self.encode(1, payload);
        bytes.extend_from_within(..);
        let write = DiskOp::Write {
            file: file.clone(),
            offset: 0,
            bytes,
        };
        alloc::vec![write, DiskOp::Sync { file: file.clone() }]
    }

    /// What the bytes of a file hold.
    pub(crate) fn read(self, bytes: &[u8]) -> Slots {
        let second = bytes.get(SLOT_BYTES..).unwrap_or(&[]);
        match (self.read_copy(bytes), self.read_copy(second)) {
            (Copy::Good(a, first), Copy::Good(b, second)) => {
                let stale = match a.cmp(&b) {
                    core::cmp::Ordering::Less => Some(behind(0)),
                    core::cmp::Ordering::Equal if first == second => None,
                    core::cmp::Ordering::Equal | core::cmp::Ordering::Greater => Some(behind(1)),
                };
                let (sequence, payload) = if a < b { (b, second) } else { (a, first) };
                Slots::Value {
                    sequence,
                    payload: payload.to_vec(),
                    stale,
                }
            }
            (Copy::UnknownVersion(version), _) | (_, Copy::UnknownVersion(version)) => {
                Slots::UnknownVersion(version)
            }
            (Copy::Good(sequence, payload), Copy::Bad) => Slots::Value {
                sequence,
                payload: payload.to_vec(),
                stale: Some(bad(1)),
            },
            (Copy::Bad, Copy::Good(sequence, payload)) => Slots::Value {
                sequence,
                payload: payload.to_vec(),
                stale: Some(bad(0)),
            },
            (Copy::Bad, Copy::Bad) => Slots::Lost,
        }
    }

    fn read_copy(self, bytes: &[u8]) -> Copy<'_> {
        self.try_copy(bytes).unwrap_or(Copy::Bad)
    }

    fn try_copy(self, bytes: &[u8]) -> Option<Copy<'_>> {
        let block = bytes.get(..SLOT_BYTES)?;
        let mut rest = block;
        let magic: [u8; 8] = take(&mut rest)?;
        let version = take_u32(&mut rest)?;
        let length = usize::try_from(take_u32(&mut rest)?).ok()?;
        let sequence = take_u64(&mut rest)?;
        let payload = rest.get(..length)?;
        let mut tail = rest.get(length..)?;
        let stated = take_u32(&mut tail)?;
        let right = stated == self.checksum(&block[..HEAD_BYTES + length]);
        if magic != self.magic || !right {
            return None;
        }
        let known = version == VERSION;
        Some(if known {
            Copy::Good(sequence, payload)
        } else {
            Copy::UnknownVersion(version)
        })
    }

    fn checksum(self, bytes: &[u8]) -> u32 {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&self.storage_id.to_be_bytes());
        hasher.update(bytes);
        hasher.finalize()
    }
}

fn behind(slot: usize) -> Stale {
    Stale {
        slot,
        why: Why::Behind,
    }
}

fn bad(slot: usize) -> Stale {
    Stale {
        slot,
        why: Why::Bad,
    }
}

/// Where a copy is in the file.
pub(crate) fn offset(slot: usize) -> u64 {
    as_u64(slot * SLOT_BYTES)
}

/// Writes one copy and makes it durable.
pub(crate) fn write_copy(file: &File, slot: usize, bytes: Vec<u8>) -> Vec<DiskOp> {
    let offset = offset(slot);
    let write = DiskOp::Write {
        file: file.clone(),
        offset,
        bytes,
    };
    alloc::vec![write, DiskOp::Sync { file: file.clone() }]
}

enum Copy<'a> {
    Good(u64, &'a [u8]),
    UnknownVersion(u32),
    Bad,
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: SlotKind = SlotKind {
        magic: *b"VIVTEST\0",
        storage_id: 77,
    };

    fn file(first: (u64, &[u8]), second: (u64, &[u8])) -> Vec<u8> {
        let mut bytes = KIND.encode(first.0, first.1);
        bytes.extend(KIND.encode(second.0, second.1));
        bytes
    }

    fn value(bytes: &[u8]) -> Option<(u64, Vec<u8>, Option<Stale>)> {
        match KIND.read(bytes) {
            Slots::Value {
                sequence,
                payload,
                stale,
            } => Some((sequence, payload, stale)),
            Slots::UnknownVersion(_) | Slots::Lost => None,
        }
    }

    #[test]
    fn the_newer_of_two_good_copies_wins() {
        assert_eq!(
            value(&file((5, b"b"), (4, b"a"))),
            Some((5, b"b".to_vec(), Some(behind(1))))
        );
        assert_eq!(
            value(&file((4, b"a"), (5, b"b"))),
            Some((5, b"b".to_vec(), Some(behind(0))))
        );
        assert_eq!(
            value(&file((5, b"b"), (5, b"b"))),
            Some((5, b"b".to_vec(), None))
        );
        assert_eq!(
            value(&file((5, b"b"), (5, b"c"))),
            Some((5, b"b".to_vec(), Some(behind(1)))),
            "a copy that says something else with the same number is not kept"
        );
    }

    #[test]
    fn one_bad_byte_costs_one_copy_and_never_the_value() {
        let good = file((5, b"value"), (5, b"value"));
        for at in 0..good.len() {
            let mut bytes = good.clone();
            bytes[at] ^= 0x10;
            let (sequence, payload, _) = value(&bytes).expect("the other copy is good");
            assert_eq!((sequence, payload.as_slice()), (5, b"value".as_slice()));
        }
    }

    #[test]
    fn a_file_of_another_server_or_a_short_one_is_lost() {
        let good = file((5, b"value"), (5, b"value"));
        let other = SlotKind {
            storage_id: 78,
            ..KIND
        };
        assert_eq!(other.read(&good), Slots::Lost);
        assert_eq!(KIND.read(&good[..4095]), Slots::Lost);
        assert_eq!(
            value(&good[..5000]),
            Some((5, b"value".to_vec(), Some(bad(1))))
        );
        assert_eq!(KIND.read(&[]), Slots::Lost);
    }
}
