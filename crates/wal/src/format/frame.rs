//! One record as bytes in a segment.
//!
//! The checksum is seeded with the storage id, which no client knows, and with the generation of
//! the segment. Bytes left from another use of the file, of another server, or chosen by a client
//! to look like a record, do not pass.

use super::{as_u64, take, take_u32, take_u64};
use alloc::vec::Vec;
use zk_types::{Bytes, Chain, Record, RecordBody, Zxid, mutant};

/// Length of everything before the body.
pub(crate) const FRAME_HEADER_BYTES: usize = 48;

/// Frames start at multiples of this in a segment, so that a scan can find one again.
pub(crate) const FRAME_ALIGNMENT: usize = 8;

/// What the checksums of one segment start from.
#[derive(Clone, Debug)]
pub(crate) struct Seed(crc32fast::Hasher);

impl Seed {
    pub(crate) fn new(storage_id: u64, generation: u64) -> Self {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&storage_id.to_be_bytes());
        hasher.update(&generation.to_be_bytes());
        Seed(hasher)
    }

    fn checksum(&self, bytes: &[u8]) -> u32 {
        let mut hasher = self.0.clone();
        hasher.update(bytes);
        hasher.finalize()
    }
}

/// Length of the frame of a body of the given length.
pub(crate) fn frame_bytes(body: usize) -> usize {
    (FRAME_HEADER_BYTES + body).next_multiple_of(FRAME_ALIGNMENT)
}

/// Adds a frame to `out`; [`seal`] fills in what is known only when it is written.
pub(crate) fn push(out: &mut Vec<u8>, record: &Record) {
    let (kind, body): (u8, &[u8]) = match &record.body {
        RecordBody::Marker => (1, &[]),
        RecordBody::Txn(bytes) => (2, bytes),
        RecordBody::Config(bytes) => (3, bytes),
    };
    let length = u32::try_from(body.len()).expect("a record is shorter than 4 GiB");
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(&[0, 0, 0, 0, kind, 0, 0, 0]);
    out.extend_from_slice(&record.zxid.0.to_be_bytes());
    out.extend_from_slice(&record.committed_upto.0.to_be_bytes());
    out.extend_from_slice(&[0; 8]);
    out.extend_from_slice(&record.chain.0.to_be_bytes());
    out.extend_from_slice(body);
    out.resize(start + frame_bytes(body.len()), 0);
}

/// Completes a frame for the place it is written to.
pub(crate) fn seal(frame: &mut [u8], seed: &Seed, incarnation: u32, durable_upto: Zxid) {
    frame[8..12].copy_from_slice(&incarnation.to_be_bytes());
    frame[32..40].copy_from_slice(&durable_upto.0.to_be_bytes());
    let checksum = seed.checksum(&frame[4..]);
    frame[..4].copy_from_slice(&checksum.to_be_bytes());
}

/// A frame whose checksum is right.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame<'a> {
    pub(crate) incarnation: u32,
    pub(crate) zxid: Zxid,
    pub(crate) committed_upto: Zxid,
    pub(crate) durable_upto: Zxid,
    pub(crate) chain: Chain,
    kind: u8,
    body: &'a [u8],
}

impl<'a> Frame<'a> {
    /// The frame that `bytes` start with, if there is one.
    pub(crate) fn read(bytes: &'a [u8], seed: &Seed) -> Option<Self> {
        Frame::read_within(bytes, seed, &mut { u64::MAX })
    }

    /// Length of the frame that `bytes` begin like; none where no frame begins so, or where they are
    /// too few to tell.
    pub(crate) fn stated_bytes(bytes: &[u8]) -> Option<u64> {
        let [_, _, _, _, length @ .., _, _, _, _, kind, r0, r1, r2] = bytes.first_chunk::<16>()?;
        let length = u64::from(u32::from_be_bytes(*length));
        // Most bytes that are no frame are found out here, before anything is summed.
        if !(1..=3).contains(kind) || [*r0, *r1, *r2] != [0; 3] || (*kind == 1 && length != 0) {
            return None;
        }
        Some((as_u64(FRAME_HEADER_BYTES) + length).next_multiple_of(as_u64(FRAME_ALIGNMENT)))
    }

    /// As [`Frame::read`], where `effort` is how many bytes may still be summed: bytes that clients
    /// wrote long ago can be made to look like the beginnings of very many long frames.
    pub(crate) fn read_within(bytes: &'a [u8], seed: &Seed, effort: &mut u64) -> Option<Self> {
        let padded = Frame::stated_bytes(bytes)?;
        let frame = bytes.get(..usize::try_from(padded).ok()?)?;
        *effort = effort.checked_sub(padded)?;
        let mut rest = frame;
        let stated = take_u32(&mut rest)?;
        let length = usize::try_from(take_u32(&mut rest)?).ok()?;
        let incarnation = take_u32(&mut rest)?;
        let [kind, ..] = take::<4>(&mut rest)?;
        if mutant!(
            "torn-record-accepted",
            stated != seed.checksum(&frame[4..]),
            false
        ) {
            return None;
        }
        Some(Frame {
            incarnation,
            zxid: Zxid(take_u64(&mut rest)?),
            committed_upto: Zxid(take_u64(&mut rest)?),
            durable_upto: Zxid(take_u64(&mut rest)?),
            chain: Chain(take_u64(&mut rest)?),
            kind,
            body: &frame[FRAME_HEADER_BYTES..][..length],
        })
    }

    /// Whether `bytes` look like the start of a frame after `last` that was not finished.
    pub(crate) fn was_begun(bytes: &[u8], incarnation: u32, last: Zxid) -> bool {
        let mut rest = bytes.get(8..).unwrap_or(&[]);
        let stated = (
            take_u32(&mut rest),
            take_u32(&mut rest),
            take_u64(&mut rest),
        );
        matches!(stated, (Some(number), Some(_), Some(zxid))
            if number == incarnation && last.is_followed_by(Zxid(zxid)))
    }

    /// Length of the frame.
    pub(crate) fn bytes(&self) -> u64 {
        as_u64(frame_bytes(self.body.len()))
    }

    /// The record, whose chain is not checked yet.
    pub(crate) fn record(&self) -> Record {
        let body = match self.kind {
            1 => RecordBody::Marker,
            2 => RecordBody::Txn(Bytes::from(self.body)),
            _ => RecordBody::Config(Bytes::from(self.body)),
        };
        let Frame {
            zxid,
            committed_upto,
            chain,
            ..
        } = *self;
        Record {
            zxid,
            committed_upto,
            body,
            chain,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sealed(record: &Record, seed: &Seed) -> Vec<u8> {
        let mut bytes = Vec::new();
        push(&mut bytes, record);
        seal(&mut bytes, seed, 7, Zxid(40));
        bytes
    }

    fn txn(body: &[u8]) -> Record {
        Record::new(
            Chain(3),
            Zxid(41),
            Zxid(39),
            RecordBody::Txn(Bytes::from(body)),
        )
    }

    proptest! {
        #[test]
        fn a_record_reads_back(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let seed = Seed::new(1, 2);
            let bytes = sealed(&txn(&body), &seed);
            let frame = Frame::read(&bytes, &seed).expect("it was just written");
            prop_assert_eq!(frame.record(), txn(&body));
            prop_assert_eq!((frame.incarnation, frame.durable_upto), (7, Zxid(40)));
            prop_assert_eq!(frame.bytes(), as_u64(bytes.len()));
        }

        #[test]
        fn any_bytes_are_a_frame_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Frame::read(&bytes, &Seed::new(1, 2));
        }
    }

    #[test]
    fn one_wrong_bit_anywhere_is_found() {
        let seed = Seed::new(1, 2);
        let good = sealed(&txn(b"twelve bytes"), &seed);
        for at in 0..good.len() * 8 {
            let mut bytes = good.clone();
            bytes[at / 8] ^= 1 << (at % 8);
            assert!(Frame::read(&bytes, &seed).is_none(), "bit {at}");
        }
    }

    #[test]
    fn a_right_checksum_makes_no_frame_of_an_unknown_kind() {
        let seed = Seed::new(1, 2);
        let good = sealed(&txn(b"x"), &seed);
        // A marker has no body; the three bytes behind a kind are zeros.
        for (at, byte) in [(12, 0), (12, 1), (12, 4), (13, 1), (14, 1), (15, 1)] {
            let mut bytes = good.clone();
            bytes[at] = byte;
            seal(&mut bytes, &seed, 7, Zxid(40));
            assert!(Frame::read(&bytes, &seed).is_none(), "{byte} at {at}");
        }
    }

    #[test]
    fn a_frame_was_begun_when_its_first_sector_is_of_this_life_and_follows() {
        let good = sealed(&txn(b"x"), &Seed::new(1, 2));
        let begun = |bytes: &[u8], incarnation, last| Frame::was_begun(bytes, incarnation, last);
        assert!(begun(&good[..24], 7, Zxid(40)));
        assert!(!begun(&good[..23], 7, Zxid(40)));
        assert!(!begun(&good, 8, Zxid(40)));
        assert!(!begun(&good, 7, Zxid(41)));
        assert!(!begun(&[], 7, Zxid(40)));
    }

    #[test]
    fn a_frame_of_another_segment_or_server_does_not_pass() {
        let bytes = sealed(&txn(b"x"), &Seed::new(1, 2));
        assert!(Frame::read(&bytes, &Seed::new(1, 3)).is_none());
        assert!(Frame::read(&bytes, &Seed::new(2, 2)).is_none());
    }
}
