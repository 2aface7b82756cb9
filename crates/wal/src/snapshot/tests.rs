use super::*;
use alloc::string::ToString;
use alloc::vec::Vec;
use proptest::prelude::*;
use zk_types::{Chain, EpochSegments, SnapshotId, SnapshotMeta, Zxid};

#[derive(Default)]
struct Collected {
    meta: Option<SnapshotMeta>,
    body: Vec<u8>,
    ended: bool,
    refuses: bool,
}

impl SnapshotSink for Collected {
    fn begin(&mut self, meta: &SnapshotMeta) {
        self.meta = Some(meta.clone());
    }

    fn body(&mut self, bytes: &[u8]) -> Result<(), Refused> {
        self.body.extend_from_slice(bytes);
        let reason = "not today".to_string();
        if self.refuses {
            Err(Refused { reason })
        } else {
            Ok(())
        }
    }

    fn end(&mut self) -> Result<(), Refused> {
        self.ended = true;
        Ok(())
    }

    fn discard(&mut self) {
        *self = Collected::default();
    }
}

fn meta() -> SnapshotMeta {
    let mut segments = EpochSegments::new();
    segments.push(Zxid(1 << 32));
    segments.push(Zxid(3 << 32));
    SnapshotMeta {
        zxid: Zxid(3 << 32),
        chain: Chain(0x1234),
        segments,
    }
}

fn file(parts: &[&[u8]]) -> (SnapshotId, Vec<u8>) {
    let (mut writer, mut bytes) = SnapshotWriter::begin(&meta());
    for part in parts {
        bytes.extend(writer.chunk(part));
    }
    let (id, footer) = writer.finish();
    bytes.extend(footer);
    (id, bytes)
}

fn read(bytes: &[u8], cut: usize) -> (Collected, Result<SnapshotId, SnapshotError>) {
    let mut sink = Collected::default();
    let mut reader = SnapshotReader::new();
    for part in bytes.chunks(cut) {
        if let Err(error) = reader.push(part, &mut sink) {
            return (sink, Err(error));
        }
    }
    let result = reader
        .finished()
        .ok_or_else(|| reader.shortcoming().expect("not finished"));
    (sink, result)
}

proptest! {
    #[test]
    fn a_snapshot_reads_back_however_it_is_cut(
        parts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..90), 0..6),
        cut in 1usize..400,
    ) {
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        let (id, bytes) = file(&parts);
        let (sink, result) = read(&bytes, cut);
        prop_assert_eq!(result, Ok(id));
        prop_assert_eq!(id.bytes, u64::try_from(bytes.len()).expect("short"));
        prop_assert_eq!(sink.meta, Some(meta()));
        prop_assert_eq!(sink.body, parts.concat());
        prop_assert!(sink.ended);
    }

    #[test]
    fn any_bytes_end_in_a_typed_error(
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
        keep in 0usize..120,
        cut in 1usize..100,
    ) {
        let (_, good) = file(&[b"some state"]);
        let mut mixed = good[..keep.min(good.len())].to_vec();
        mixed.extend(bytes);
        let (sink, result) = read(&mixed, cut);
        prop_assert_eq!(result.is_ok(), sink.ended && mixed == good);
    }
}

#[test]
fn one_wrong_bit_or_a_missing_end_is_found() {
    let (_, good) = file(&[b"some state", b"more"]);
    for at in 0..good.len() * 8 {
        let mut bytes = good.clone();
        bytes[at / 8] ^= 1 << (at % 8);
        assert!(read(&bytes, 64).1.is_err(), "bit {at}");
    }
    for length in 0..good.len() {
        let (sink, result) = read(&good[..length], 64);
        assert!(result.is_err() && !sink.ended, "length {length}");
    }
    let mut longer = good;
    longer.push(0);
    assert_eq!(read(&longer, 64).1, Err(SnapshotError::TooLong));
}

#[test]
fn a_body_that_is_not_understood_is_named_as_such() {
    let (_, bytes) = file(&[b"some state"]);
    let mut sink = Collected {
        refuses: true,
        ..Collected::default()
    };
    let mut reader = SnapshotReader::new();
    let error = reader.push(&bytes, &mut sink).expect_err("it refuses");
    assert_eq!(
        error,
        SnapshotError::Refused {
            reason: "not today".to_string()
        }
    );
    assert_eq!(reader.push(b"x", &mut sink), Err(error));
}

#[test]
fn a_body_longer_than_a_chunk_is_split() {
    let body = alloc::vec![7u8; CHUNK_BYTES_MAX + 5];
    let (id, bytes) = file(&[&body]);
    let (sink, result) = read(&bytes, 1 << 16);
    assert_eq!(result, Ok(id));
    assert_eq!(sink.body, body);
}
