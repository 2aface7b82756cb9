//! What recovery found, and why it may refuse.

use crate::{File, SnapshotError};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use zk_types::{Promise, Record, ServerId, SnapshotId, SnapshotMeta, Zxid};

/// Whose data this is; written once, when an empty directory is first used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataIdentity {
    /// The server.
    pub server: ServerId,
    /// A number drawn at random when the directory was first used.
    pub storage_id: u64,
}

/// What recovery found; all of it is durable.
#[derive(Clone, Debug)]
pub struct Recovered {
    /// Whose data this is.
    pub identity: DataIdentity,
    /// The promise, with the standing that recovery came to.
    pub promise: Promise,
    /// The snapshot that was handed to the sink, if there is one.
    pub base: Option<(SnapshotId, SnapshotMeta)>,
    /// Every record after the base, contiguous and chained.
    pub records: Vec<Record>,
    /// The highest commit point that a record or the base proves.
    pub committed: Zxid,
    /// What an operator should read.
    pub findings: Vec<Finding>,
    /// Whether the directory was empty, and was made this server's now.
    pub fresh: bool,
}

/// Something recovery came upon that an operator should read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The last records were written only in part and never acknowledged; they are cut.
    TornTail {
        /// The segment.
        file: File,
        /// Where the valid part ends, in bytes.
        offset: u64,
    },
    /// Records that had been durable are damaged or missing from here on; the standing is no
    /// longer that of a member.
    Damage {
        /// The file.
        file: File,
        /// Where the valid part ends, in bytes.
        offset: u64,
    },
    /// Damage in records that a snapshot already covers; nothing is lost but a second copy.
    DamageBelowBase {
        /// The file.
        file: File,
        /// Where the damage starts, in bytes.
        offset: u64,
    },
    /// A file that must be there is missing.
    Missing {
        /// The file.
        file: File,
    },
    /// A snapshot cannot be used; an older one is, or none.
    SnapshotInvalid {
        /// The file.
        file: File,
        /// What is wrong with it.
        why: SnapshotError,
    },
    /// One of the two copies in a small file was bad and has been written again from the other.
    CopyRepaired {
        /// The file.
        file: File,
        /// Where the bad copy is, in bytes.
        offset: u64,
    },
    /// Both copies of the promise are lost, or the log is of a later epoch than the promise.
    PromiseLost,
    /// Both copies of the manifest are lost.
    ManifestLost,
    /// A leftover that no longer means anything was removed.
    StrayRemoved {
        /// The file.
        file: File,
    },
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Finding::TornTail { file, offset } => {
                write!(
                    f,
                    "{file:?} ends in a torn write at byte {offset}; it is cut there"
                )
            }
            Finding::Damage { file, offset } => write!(
                f,
                "{file:?} is damaged at byte {offset}: acknowledged records are lost here, and only \
                 other servers have them"
            ),
            Finding::DamageBelowBase { file, offset } => write!(
                f,
                "{file:?} is damaged at byte {offset}, in records that a snapshot covers"
            ),
            Finding::Missing { file } => write!(f, "{file:?} is missing"),
            Finding::SnapshotInvalid { file, why } => {
                write!(f, "{file:?} cannot be used: {why}")
            }
            Finding::CopyRepaired { file, offset } => {
                write!(
                    f,
                    "{file:?} had a bad copy at byte {offset}; it is written again"
                )
            }
            Finding::PromiseLost => write!(
                f,
                "the promise is lost; this server does not vote until a leader re-admits it"
            ),
            Finding::ManifestLost => write!(f, "the manifest is lost; the log is taken as damaged"),
            Finding::StrayRemoved { file } => write!(f, "{file:?} was left over and is removed"),
        }
    }
}

/// Why a directory cannot be used at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecoveryError<E> {
    /// The disk failed.
    #[error("{error}")]
    Disk {
        /// What was being done, as a verb.
        doing: &'static str,
        /// With which file; none for a listing or a directory.
        file: Option<File>,
        /// How it failed.
        error: E,
    },
    /// What had been acknowledged is lost, and nobody else has it. Nothing was changed.
    #[error(
        "what was acknowledged cannot be read and no other server has it ({}); nothing was changed: \
         restore that directory from a backup",
        sentences(findings)
    )]
    Damaged {
        /// What was found.
        findings: Vec<Finding>,
    },
    /// The log lies in the directory of the snapshots, and another directory is named for it.
    #[error(
        "{found:?} is part of a log, but `dataLogDir` names another directory for the log; move \
         `identity`, `promise`, `manifest`, `log.*` and `spare.*` there, or name the old one"
    )]
    LogElsewhere {
        /// A file of the log.
        found: File,
    },
    /// There is data, but nothing says whose.
    #[error(
        "{found:?} is there, but the file `identity` is missing; restore it, or empty the \
         directories to start this server anew"
    )]
    IdentityMissing {
        /// A file of the data.
        found: File,
    },
    /// The identity cannot be read.
    #[error("both copies in {file:?} are damaged; restore it from a backup of this server")]
    IdentityDamaged {
        /// The file.
        file: File,
    },
    /// The data belongs to another server.
    #[error("the data is of server {found}, and this is server {me}; the disks may be swapped")]
    OtherServer {
        /// Whose data it is.
        found: ServerId,
        /// Who asked.
        me: ServerId,
    },
    /// The data was written in a format this program does not know.
    #[error("{file:?} has format version {version}, which a newer program wrote")]
    UnknownVersion {
        /// The file.
        file: File,
        /// Its version.
        version: u32,
    },
    /// The snapshot is whole, but the state machine does not understand it.
    #[error("{file:?} is whole but its contents are not understood: {reason}")]
    StateRefused {
        /// The file.
        file: File,
        /// What the state machine said.
        reason: String,
    },
}

fn sentences(findings: &[Finding]) -> String {
    let sentences: Vec<String> = findings.iter().map(ToString::to_string).collect();
    sentences.join("; ")
}
