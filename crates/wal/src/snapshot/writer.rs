//! Writes a snapshot file in pieces.

use super::{CHUNK_BYTES_MAX, CHUNK_HEAD_BYTES, HEAD_BYTES, MAGIC, VERSION, chunk_checksum};
use crate::format::as_u64;
use alloc::vec::Vec;
use core::fmt;
use xxhash_rust::xxh3::Xxh3Default;
use zk_types::{SnapshotId, SnapshotMeta, Zxid};

/// The state of a snapshot file that is being written.
#[derive(Clone)]
pub(crate) struct SnapshotWriter {
    zxid: Zxid,
    hasher: Xxh3Default,
    length: u64,
}

impl SnapshotWriter {
    /// Starts a file; the bytes are its header.
    pub(crate) fn begin(meta: &SnapshotMeta) -> (Self, Vec<u8>) {
        let lasts = meta.segments.lasts();
        let count = u32::try_from(lasts.len()).expect("an outline is bounded");
        let meta_bytes = 20 + 8 * count;
        let mut bytes = Vec::with_capacity(HEAD_BYTES + 8 * lasts.len() + 24);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&VERSION.to_be_bytes());
        bytes.extend_from_slice(&meta_bytes.to_be_bytes());
        bytes.extend_from_slice(&meta.zxid.0.to_be_bytes());
        bytes.extend_from_slice(&meta.chain.0.to_be_bytes());
        bytes.extend_from_slice(&count.to_be_bytes());
        for last in lasts {
            bytes.extend_from_slice(&last.0.to_be_bytes());
        }
        let checksum = crc32fast::hash(&bytes);
        bytes.extend_from_slice(&checksum.to_be_bytes());
        let mut writer = SnapshotWriter {
            zxid: meta.zxid,
            hasher: Xxh3Default::new(),
            length: 0,
        };
        writer.count(&bytes);
        (writer, bytes)
    }

    /// The bytes of the file that hold `body`.
    pub(crate) fn chunk(&mut self, body: &[u8]) -> Vec<u8> {
        let chunks = body.len().div_ceil(CHUNK_BYTES_MAX);
        let mut bytes = Vec::with_capacity(body.len() + chunks * CHUNK_HEAD_BYTES);
        for part in body.chunks(CHUNK_BYTES_MAX) {
            let length = u32::try_from(part.len()).expect("a chunk is bounded");
            bytes.extend_from_slice(&length.to_be_bytes());
            bytes.extend_from_slice(&chunk_checksum(length, part).to_be_bytes());
            bytes.extend_from_slice(part);
        }
        self.count(&bytes);
        bytes
    }

    /// Ends the file; the bytes are its footer.
    pub(crate) fn finish(mut self) -> (SnapshotId, Vec<u8>) {
        let mut bytes = [0; CHUNK_HEAD_BYTES].to_vec();
        let length = self.length + 24;
        bytes.extend_from_slice(&length.to_be_bytes());
        self.count(&bytes);
        let checksum = self.hasher.digest();
        bytes.extend_from_slice(&checksum.to_be_bytes());
        (
            SnapshotId {
                zxid: self.zxid,
                bytes: length,
                checksum,
            },
            bytes,
        )
    }

    /// Length of the file so far.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    fn count(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        self.length += as_u64(bytes.len());
    }
}

impl fmt::Debug for SnapshotWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SnapshotWriter({:?}, {} bytes)", self.zxid, self.length)
    }
}
