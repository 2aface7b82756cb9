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
        let short = SnapshotError::Short {
            length: u64::try_from(length).expect("short"),
        };
        assert_eq!(result, Err(short));
        assert!(!sink.ended, "length {length}");
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

#[test]
fn an_error_names_the_place_of_what_is_wrong() {
    let (_, head) = file(&[]);
    let body = head.len() - 24;
    let (_, good) = file(&[b"some state", b"more"]);
    let (second, footer) = (body + 18, body + 18 + 12);
    for (at, offset) in [
        (body + 9, body),
        (second + 9, second),
        (footer + 9, footer),
        (good.len() - 1, footer),
    ] {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        let offset = u64::try_from(offset).expect("short");
        let error = if at < footer {
            SnapshotError::Chunk { offset }
        } else {
            SnapshotError::Footer { offset }
        };
        assert_eq!(read(&bytes, 64).1, Err(error), "byte {at}");
    }
}

#[test]
fn a_head_that_cannot_be_right_is_refused_before_what_it_announces_comes() {
    let (_, bytes) = file(&[]);
    let refusal = |bytes: &[u8]| read(bytes, 64).1;
    let mut other = bytes[..16].to_vec();
    other[0] ^= 1;
    assert_eq!(refusal(&other), Err(SnapshotError::Header));
    let length = |count: usize| u32::try_from(20 + 8 * count).expect("short").to_be_bytes();
    let mut longest = bytes[..12].to_vec();
    longest.extend(length(EpochSegments::LENGTH_MAX));
    assert_eq!(refusal(&longest), Err(SnapshotError::Short { length: 16 }));
    let mut longer = bytes[..12].to_vec();
    longer.extend(length(EpochSegments::LENGTH_MAX + 1));
    assert_eq!(refusal(&longer), Err(SnapshotError::Header));

    let start = bytes.len() - 24;
    let offset = u64::try_from(start).expect("short");
    let chunk_max = u32::try_from(CHUNK_BYTES_MAX).expect("short");
    for (length, checksum, is_refused) in [
        (0, 1, true),
        (chunk_max, 1, false),
        (chunk_max + 1, 1, true),
    ] {
        let mut begun = bytes[..start].to_vec();
        begun.extend(u32::to_be_bytes(length));
        begun.extend(u32::to_be_bytes(checksum));
        let expected = if is_refused {
            SnapshotError::Chunk { offset }
        } else {
            SnapshotError::Short { length: offset + 8 }
        };
        assert_eq!(refusal(&begun), Err(expected), "{length}");
    }
}
