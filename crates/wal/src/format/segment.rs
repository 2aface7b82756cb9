//! The first bytes of a log segment.

use super::{take, take_u32, take_u64};
use alloc::vec::Vec;
use zk_types::{Chain, Zxid};

/// Length of the header; the first record follows at once.
pub(crate) const HEADER_BYTES: usize = 64;

const MAGIC: [u8; 8] = *b"VIVLOG\0\0";
const VERSION: u32 = 1;

/// Which segment it is, and what it continues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    /// How often the log had been cut when the segment was begun.
    pub(crate) incarnation: u32,
    /// The number of the segment, as in its name.
    pub(crate) generation: u64,
    /// The last record before it, which was durable when this was written.
    pub(crate) previous: (Zxid, Chain),
    /// Length of the file.
    pub(crate) bytes: u64,
    /// Whose log it is.
    pub(crate) storage_id: u64,
}

/// What stands where a header belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeaderRead {
    /// A header of this file.
    Good(SegmentHeader),
    /// A header of this file, written by a newer program.
    UnknownVersion(u32),
    /// Anything else: zeros, the header of a segment the file was before, a torn or rotten one.
    None,
}

impl SegmentHeader {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_BYTES);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&VERSION.to_be_bytes());
        bytes.extend_from_slice(&self.incarnation.to_be_bytes());
        bytes.extend_from_slice(&self.generation.to_be_bytes());
        bytes.extend_from_slice(&self.previous.0.0.to_be_bytes());
        bytes.extend_from_slice(&self.previous.1.0.to_be_bytes());
        bytes.extend_from_slice(&self.bytes.to_be_bytes());
        bytes.extend_from_slice(&self.storage_id.to_be_bytes());
        bytes.extend_from_slice(&[0; 4]);
        let checksum = crc32fast::hash(&bytes);
        bytes.extend_from_slice(&checksum.to_be_bytes());
        assert_eq!(bytes.len(), HEADER_BYTES, "the fields add up");
        bytes
    }

    /// Reads the header of the segment with the given number.
    pub(crate) fn read(bytes: &[u8], generation: u64, storage_id: u64) -> HeaderRead {
        match try_read(bytes) {
            Some((version, header))
                if header.generation == generation && header.storage_id == storage_id =>
            {
                let known = version == VERSION;
                if known {
                    HeaderRead::Good(header)
                } else {
                    HeaderRead::UnknownVersion(version)
                }
            }
            Some(_) | None => HeaderRead::None,
        }
    }
}

fn try_read(bytes: &[u8]) -> Option<(u32, SegmentHeader)> {
    let block = bytes.get(..HEADER_BYTES)?;
    let mut rest = block;
    let magic: [u8; 8] = take(&mut rest)?;
    let version = take_u32(&mut rest)?;
    let incarnation = take_u32(&mut rest)?;
    let generation = take_u64(&mut rest)?;
    let previous = (Zxid(take_u64(&mut rest)?), Chain(take_u64(&mut rest)?));
    let bytes = take_u64(&mut rest)?;
    let storage_id = take_u64(&mut rest)?;
    take::<4>(&mut rest)?;
    let stated = take_u32(&mut rest)?;
    let right = magic == MAGIC && stated == crc32fast::hash(&block[..HEADER_BYTES - 4]);
    right.then_some((
        version,
        SegmentHeader {
            incarnation,
            generation,
            previous,
            bytes,
            storage_id,
        },
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> SegmentHeader {
        SegmentHeader {
            incarnation: 3,
            generation: 9,
            previous: (Zxid(5), Chain(6)),
            bytes: 4096,
            storage_id: 77,
        }
    }

    #[test]
    fn a_header_is_read_by_whom_it_was_written_for_alone() {
        let bytes = header().encode();
        let HeaderRead::Good(read) = SegmentHeader::read(&bytes, 9, 77) else {
            panic!("it was just written");
        };
        assert_eq!(read.encode(), bytes);
        for (generation, storage_id) in [(8, 77), (9, 78)] {
            let other = SegmentHeader::read(&bytes, generation, storage_id);
            assert!(matches!(other, HeaderRead::None));
        }
    }

    #[test]
    fn a_right_checksum_makes_no_header_without_the_magic() {
        for at in 0..8 {
            let mut bytes = header().encode();
            bytes[at] ^= 1;
            let sum = crc32fast::hash(&bytes[..HEADER_BYTES - 4]);
            bytes[HEADER_BYTES - 4..].copy_from_slice(&sum.to_be_bytes());
            let read = SegmentHeader::read(&bytes, 9, 77);
            assert!(matches!(read, HeaderRead::None), "byte {at}");
        }
    }

    #[test]
    fn a_later_version_is_told_from_damage() {
        let mut bytes = header().encode();
        bytes[8..12].copy_from_slice(&(VERSION + 1).to_be_bytes());
        let sum = crc32fast::hash(&bytes[..HEADER_BYTES - 4]);
        bytes[HEADER_BYTES - 4..].copy_from_slice(&sum.to_be_bytes());
        let read = SegmentHeader::read(&bytes, 9, 77);
        assert!(matches!(read, HeaderRead::UnknownVersion(found) if found == VERSION + 1));
    }
}
