//! A snapshot file as a leader sends it.

use crate::bytes::{Script, pieces};
use wal::{Refused, SnapshotError, SnapshotReader, SnapshotSink};
use zk_types::{SnapshotId, SnapshotMeta};

/// The first byte decides where the file is cut, and when odd has the checksum of the head put
/// right, so that damage gets past it. Pieces read as the whole does.
pub fn snapshot_file(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let seed = script.byte().unwrap_or(0);
    let mut file = script.rest().to_vec();
    if seed % 2 == 1 {
        sum_head(&mut file);
    }
    let whole = read([&file[..]]);
    let pieced = read(pieces(&file, seed));
    assert_eq!(whole, pieced, "it does not matter where the file is cut");
}

#[derive(Debug, Default, PartialEq)]
struct Outcome {
    metas: Vec<SnapshotMeta>,
    body: Vec<u8>,
    ends: usize,
    error: Option<SnapshotError>,
    finished: Option<SnapshotId>,
}

fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    let mut reader = SnapshotReader::new();
    let mut outcome = Outcome::default();
    let mut pushed = 0;
    for piece in pieces {
        pushed += piece.len();
        if let Err(error) = reader.push(piece, &mut outcome) {
            assert_eq!(
                reader.push(b"more", &mut outcome),
                Err(error.clone()),
                "it stays failed"
            );
            outcome.error = Some(error);
            break;
        }
    }
    assert!(outcome.body.len() <= pushed, "nothing comes of nothing");
    assert_eq!(
        reader.meta().is_some(),
        !outcome.metas.is_empty(),
        "the head is told once"
    );
    outcome.finished = reader.finished();
    outcome
}

impl SnapshotSink for Outcome {
    fn begin(&mut self, meta: &SnapshotMeta) {
        self.metas.push(meta.clone());
    }

    fn body(&mut self, bytes: &[u8]) -> Result<(), Refused> {
        self.body.extend(bytes);
        if self.body.contains(&0xee) {
            return Err(Refused {
                reason: "an unwelcome byte".into(),
            });
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), Refused> {
        self.ends += 1;
        Ok(())
    }

    fn discard(&mut self) {}
}

/// The head: 16 bytes, of which the last four say how many follow, and the sum of both.
fn sum_head(file: &mut [u8]) {
    let Some(word) = file.get(12..16) else { return };
    let length = word
        .iter()
        .fold(0, |length, &byte| length << 8 | usize::from(byte));
    let end = 16 + length;
    if end + 4 <= file.len() {
        let sum = crc32fast::hash(&file[..end]);
        file[end..end + 4].copy_from_slice(&sum.to_be_bytes());
    }
}
