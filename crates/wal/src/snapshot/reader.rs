//! Reads a snapshot file that arrives in pieces.

use super::{
    CHUNK_BYTES_MAX, CHUNK_HEAD_BYTES, FOOTER_REST_BYTES, HEAD_BYTES, MAGIC, VERSION,
    chunk_checksum,
};
use crate::format::{as_u64, take, take_u32, take_u64};
use alloc::string::String;
use alloc::vec::Vec;
use core::{fmt, mem};
use xxhash_rust::xxh3::Xxh3Default;
use zk_types::{Chain, EpochSegments, SnapshotId, SnapshotMeta, Zxid, mutant};

/// Takes the contents of a snapshot, in order. Every piece was verified by its own checksum, but
/// the whole is only after [`SnapshotSink::end`].
pub trait SnapshotSink {
    /// A snapshot starts; whatever came before it is void.
    fn begin(&mut self, meta: &SnapshotMeta);

    /// The next bytes of what the state machine wrote, cut anywhere.
    ///
    /// # Errors
    /// When they mean nothing to the state machine.
    fn body(&mut self, bytes: &[u8]) -> Result<(), Refused>;

    /// The snapshot is whole and its checksum right.
    ///
    /// # Errors
    /// When the contents are incomplete or wrong for the state machine.
    fn end(&mut self) -> Result<(), Refused>;

    /// The snapshot turned out to be damaged; whatever came of it is void.
    fn discard(&mut self);
}

/// The state machine does not understand the contents of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Why, as a sentence.
    pub reason: String,
}

/// Why bytes are no snapshot file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// It does not start like one, or its header is damaged.
    #[error("the header is damaged")]
    Header,
    /// It is of a format version this program does not know.
    #[error("its format version is {version}, which a newer program wrote")]
    Version {
        /// The version.
        version: u32,
    },
    /// A chunk is damaged.
    #[error("the chunk at byte {offset} is damaged")]
    Chunk {
        /// Where the chunk starts.
        offset: u64,
    },
    /// The end is damaged, or contradicts the rest.
    #[error("the footer at byte {offset} is damaged")]
    Footer {
        /// Where the footer starts.
        offset: u64,
    },
    /// It ends too early.
    #[error("it ends at byte {length}, before its footer")]
    Short {
        /// Its length.
        length: u64,
    },
    /// Bytes follow the footer.
    #[error("bytes follow the footer")]
    TooLong,
    /// It is whole, but another snapshot than expected.
    #[error("it is another snapshot than the one expected")]
    Another,
    /// It is not there.
    #[error("it is missing")]
    Missing,
    /// The state machine does not understand its contents.
    #[error("its contents are not understood: {reason}")]
    Refused {
        /// Why.
        reason: String,
    },
}

/// Reads a snapshot file pushed in pieces, cut anywhere. Holds at most one chunk, and never
/// allocates more than it was given.
#[derive(Clone)]
pub struct SnapshotReader {
    stage: Stage,
    /// The start of an item whose rest has not come yet.
    pending: Vec<u8>,
    hasher: Xxh3Default,
    /// Length of the items that were taken.
    length: u64,
    meta: Option<SnapshotMeta>,
}

/// What comes next in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Stage {
    Head,
    Meta { bytes: usize },
    ChunkHead,
    Chunk { length: u32, checksum: u32 },
    FooterRest,
    Finished(SnapshotId),
    Failed(SnapshotError),
}

impl SnapshotReader {
    /// A reader at the start of a file.
    pub fn new() -> Self {
        SnapshotReader::default()
    }

    /// Takes the next bytes and hands what they complete to `sink`.
    ///
    /// # Errors
    /// When the bytes are no snapshot, or the sink refuses them; every later call says the same.
    /// Telling the sink to discard is the caller's part.
    pub fn push(
        &mut self,
        mut bytes: &[u8],
        sink: &mut dyn SnapshotSink,
    ) -> Result<(), SnapshotError> {
        while !bytes.is_empty() {
            let missing = self.item_bytes()? - self.pending.len();
            let (part, rest) = bytes.split_at(missing.min(bytes.len()));
            bytes = rest;
            if part.len() < missing {
                self.pending.extend_from_slice(part);
            } else if self.pending.is_empty() {
                self.take_or_fail(part, sink)?;
            } else {
                let mut item = mem::take(&mut self.pending);
                item.extend_from_slice(part);
                self.take_or_fail(&item, sink)?;
                item.clear();
                self.pending = item;
            }
        }
        Ok(())
    }

    /// What the header said, once it was read.
    pub fn meta(&self) -> Option<&SnapshotMeta> {
        self.meta.as_ref()
    }

    /// The file's name for itself, once it was read to its end and found right.
    pub fn finished(&self) -> Option<SnapshotId> {
        if let Stage::Finished(id) = self.stage {
            Some(id)
        } else {
            None
        }
    }

    /// What is wrong with a file that has no more bytes than were pushed.
    pub(crate) fn shortcoming(&self) -> Option<SnapshotError> {
        match &self.stage {
            Stage::Finished(_) => None,
            Stage::Failed(error) => Some(error.clone()),
            Stage::Head
            | Stage::Meta { .. }
            | Stage::ChunkHead
            | Stage::Chunk { .. }
            | Stage::FooterRest => Some(SnapshotError::Short {
                length: self.length + as_u64(self.pending.len()),
            }),
        }
    }

    fn item_bytes(&mut self) -> Result<usize, SnapshotError> {
        match &self.stage {
            Stage::Head => Ok(HEAD_BYTES),
            Stage::Meta { bytes } => Ok(*bytes),
            Stage::ChunkHead => Ok(CHUNK_HEAD_BYTES),
            Stage::Chunk { length, .. } => Ok(to_usize(*length)),
            Stage::FooterRest => Ok(FOOTER_REST_BYTES),
            Stage::Finished(_) => {
                self.stage = Stage::Failed(SnapshotError::TooLong);
                Err(SnapshotError::TooLong)
            }
            Stage::Failed(error) => Err(error.clone()),
        }
    }

    fn take_or_fail(
        &mut self,
        item: &[u8],
        sink: &mut dyn SnapshotSink,
    ) -> Result<(), SnapshotError> {
        match self.take_item(item, sink) {
            Ok(next) => {
                self.stage = next;
                Ok(())
            }
            Err(error) => {
                self.stage = Stage::Failed(error.clone());
                Err(error)
            }
        }
    }

    fn take_item(
        &mut self,
        item: &[u8],
        sink: &mut dyn SnapshotSink,
    ) -> Result<Stage, SnapshotError> {
        let offset = self.length;
        self.length += as_u64(item.len());
        match &self.stage {
            Stage::Head => {
                self.hasher.update(item);
                read_head(item)
            }
            Stage::Meta { .. } => {
                let meta = read_meta(item).ok_or(SnapshotError::Header)?;
                self.hasher.update(item);
                sink.begin(&meta);
                self.meta = Some(meta);
                Ok(Stage::ChunkHead)
            }
            Stage::ChunkHead => {
                self.hasher.update(item);
                read_chunk_head(item).ok_or(SnapshotError::Chunk { offset })
            }
            Stage::Chunk { length, checksum } => {
                self.hasher.update(item);
                if mutant!(
                    "snapshot-unchecked",
                    chunk_checksum(*length, item) != *checksum,
                    false
                ) {
                    let offset = offset - as_u64(CHUNK_HEAD_BYTES);
                    return Err(SnapshotError::Chunk { offset });
                }
                sink.body(item).map_err(refused)?;
                Ok(Stage::ChunkHead)
            }
            Stage::FooterRest => {
                self.hasher.update(&item[..8]);
                let zxid = self.meta.as_ref().map_or(Zxid::ZERO, |meta| meta.zxid);
                let right = SnapshotId {
                    zxid,
                    bytes: self.length,
                    checksum: self.hasher.digest(),
                };
                let stated = read_footer(item, zxid);
                if mutant!("snapshot-unchecked", stated != Some(right), false) {
                    let offset = offset - as_u64(CHUNK_HEAD_BYTES);
                    return Err(SnapshotError::Footer { offset });
                }
                sink.end().map_err(refused)?;
                Ok(Stage::Finished(stated.unwrap_or(right)))
            }
            Stage::Finished(_) | Stage::Failed(_) => unreachable!("no item is asked for then"),
        }
    }
}

impl Default for SnapshotReader {
    fn default() -> Self {
        SnapshotReader {
            stage: Stage::Head,
            pending: Vec::new(),
            hasher: Xxh3Default::new(),
            length: 0,
            meta: None,
        }
    }
}

impl fmt::Debug for SnapshotReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SnapshotReader({:?} at {})", self.stage, self.length)
    }
}

fn read_head(mut item: &[u8]) -> Result<Stage, SnapshotError> {
    let from = &mut item;
    let head = (take(from), take_u32(from), take_u32(from));
    let (Some(magic), Some(version), Some(length)) = head else {
        return Err(SnapshotError::Header);
    };
    let length = to_usize(length);
    if magic != MAGIC || length > 20 + 8 * EpochSegments::LENGTH_MAX {
        return Err(SnapshotError::Header);
    }
    if version != VERSION {
        return Err(SnapshotError::Version { version });
    }
    Ok(Stage::Meta { bytes: length + 4 })
}

fn read_meta(item: &[u8]) -> Option<SnapshotMeta> {
    let (fields, stated) = item.split_last_chunk::<4>()?;
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&MAGIC);
    hasher.update(&VERSION.to_be_bytes());
    hasher.update(&u32::try_from(fields.len()).ok()?.to_be_bytes());
    hasher.update(fields);
    if hasher.finalize() != u32::from_be_bytes(*stated) {
        return None;
    }
    let mut rest = fields;
    let zxid = Zxid(take_u64(&mut rest)?);
    let chain = Chain(take_u64(&mut rest)?);
    let count = to_usize(take_u32(&mut rest)?);
    if count.checked_mul(8) != Some(rest.len()) {
        return None;
    }
    let mut lasts = Vec::with_capacity(count);
    while !rest.is_empty() {
        lasts.push(Zxid(take_u64(&mut rest)?));
    }
    let segments = EpochSegments::from_lasts(lasts)?;
    Some(SnapshotMeta {
        zxid,
        chain,
        segments,
    })
}

fn read_chunk_head(mut item: &[u8]) -> Option<Stage> {
    let length = take_u32(&mut item)?;
    let checksum = take_u32(&mut item)?;
    match (length, checksum) {
        (0, 0) => Some(Stage::FooterRest),
        (0, _) => None,
        _ if to_usize(length) > CHUNK_BYTES_MAX => None,
        _ => Some(Stage::Chunk { length, checksum }),
    }
}

fn read_footer(mut item: &[u8], zxid: Zxid) -> Option<SnapshotId> {
    let bytes = take_u64(&mut item)?;
    let checksum = take_u64(&mut item)?;
    Some(SnapshotId {
        zxid,
        bytes,
        checksum,
    })
}

fn refused(Refused { reason }: Refused) -> SnapshotError {
    SnapshotError::Refused { reason }
}

fn to_usize(length: u32) -> usize {
    usize::try_from(length).expect("addresses have at least 32 bits")
}
