//! Reads a snapshot file that arrives in pieces.

use alloc::string::String;
use zk_types::{SnapshotId, SnapshotMeta};

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

/// Reads a snapshot file pushed in pieces, cut anywhere. Holds at most one chunk.
#[derive(Debug, Default)]
pub struct SnapshotReader {
    finished: Option<SnapshotId>,
}

impl SnapshotReader {
    /// A reader at the start of a file.
    pub fn new() -> Self {
        SnapshotReader::default()
    }

    /// Takes the next bytes and hands what they complete to `sink`.
    ///
    /// # Errors
    /// When the bytes are no snapshot; the reader is of no use afterwards, and the caller tells
    /// the sink to discard.
    pub fn push(
        &mut self,
        _bytes: &[u8],
        _sink: &mut dyn SnapshotSink,
    ) -> Result<(), SnapshotError> {
        Ok(())
    }

    /// What the header said, once it was read.
    pub fn meta(&self) -> Option<&SnapshotMeta> {
        None
    }

    /// The file's name for itself, once it was read to its end and found right.
    pub fn finished(&self) -> Option<SnapshotId> {
        self.finished
    }
}
