//! Snapshot files: how they are written, and read back without trust.

mod reader;
#[cfg(test)]
mod tests;
mod writer;

pub use reader::{Refused, SnapshotError, SnapshotReader, SnapshotSink};
pub(crate) use writer::SnapshotWriter;

const MAGIC: [u8; 8] = *b"VIVSNAP\0";
const VERSION: u32 = 1;

/// Magic, version, and the length of the meta part.
const HEAD_BYTES: usize = 16;

/// Length and checksum of a chunk.
const CHUNK_HEAD_BYTES: usize = 8;

/// The longest chunk: what a reader may have to hold.
const CHUNK_BYTES_MAX: usize = 1 << 20;

/// What follows the head of a chunk of length 0: length and hash of the file.
const FOOTER_REST_BYTES: usize = 16;

fn chunk_checksum(length: u32, body: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&length.to_be_bytes());
    hasher.update(body);
    hasher.finalize()
}
