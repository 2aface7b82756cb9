//! What a caller names its requests by, what it is told of them, and its knobs.

use alloc::vec::Vec;
use zk_types::{ServerId, SnapshotId, SnapshotMeta};

/// Names one request of the caller; given out by the caller, handed back once in a [`Settled`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// What a log is told before it opens.
#[derive(Clone, Debug)]
pub struct WalConfig {
    /// This server; data of another one is refused.
    pub me: ServerId,
    /// Length of a log segment in bytes, at least [`WalConfig::SEGMENT_BYTES_MIN`]. Segments of
    /// another length on the disk stay readable.
    pub segment_bytes: u64,
    /// Snapshots that are kept, 1 to [`WalConfig::SNAPSHOTS_KEPT_MAX`] (clamped); the log is kept
    /// from the oldest of them.
    pub snapshots_kept: u32,
    /// Bytes of records that are gathered into one write; one record may be longer.
    pub batch_bytes_max: usize,
    /// Bytes that recovery reads at once, at least [`WalConfig::READ_BYTES_MIN`] (clamped).
    pub read_bytes: u32,
    /// Who can bring back what damage took.
    pub repair: Repair,
}

/// Who can bring back what damage took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repair {
    /// A leader: the damaged part is cut, and the server says that it is damaged.
    Peers,
    /// Nobody: recovery refuses and changes nothing, so that a person may still restore a file.
    Nobody,
}

impl WalConfig {
    /// The shortest segment.
    pub const SEGMENT_BYTES_MIN: u64 = 4096;

    /// The least that is read at once.
    pub const READ_BYTES_MIN: u32 = 512;

    /// The most snapshots that are kept.
    pub const SNAPSHOTS_KEPT_MAX: u32 = 64;

    /// The usual sizes: segments of 64 MiB, three snapshots, batches of 1 MiB, reads of 128 KiB.
    pub fn new(me: ServerId) -> Self {
        WalConfig {
            me,
            segment_bytes: 64 << 20,
            snapshots_kept: 3,
            batch_bytes_max: 1 << 20,
            read_bytes: 128 << 10,
            repair: Repair::Peers,
        }
    }
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// An append or a truncation is durable, with every one that was asked for before it; or a
    /// promise is.
    Written(Ticket),
    /// A snapshot of this server's own state is complete, durable, and the newest one.
    SnapshotTaken {
        /// The file.
        id: SnapshotId,
        /// What it stands for.
        meta: SnapshotMeta,
    },
    /// Part of a snapshot file was read.
    Read {
        /// The read.
        ticket: Ticket,
        /// The bytes; empty when the file is gone or the offset is at its end.
        bytes: Vec<u8>,
    },
    /// A staged snapshot is verified, durable, and the base of the log.
    Installed(Ticket),
    /// A staged snapshot did not match what it was announced as; nothing changed.
    InstallFailed(Ticket),
}
