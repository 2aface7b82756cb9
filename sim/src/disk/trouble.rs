//! Operations that fail.

use super::{SimDisk, position};
use serde::{Deserialize, Serialize};
use wal::{Directory, DiskOp};

/// What is wrong with a disk, without any harm to what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trouble {
    /// The next write fails and writes nothing.
    WriteError,
    /// The next write ends early.
    ShortWrite,
    /// The next sync fails; a later one says that all is well, and what this one should have
    /// written is not.
    SyncError,
    /// The next operation finds no descriptor.
    NoDescriptor,
    /// Nothing that needs more space succeeds, until there is some.
    Full,
    /// Space is found to be missing only by the sync of a file that grew.
    FullAtSync,
    /// Nothing can be changed.
    ReadOnly,
    /// The directory of the log cannot be used.
    LogGone,
    /// The directory of snapshots cannot be used.
    SnapshotsGone,
}

impl Trouble {
    /// Whether it is over once it has shown itself.
    fn is_brief(self) -> bool {
        match self {
            Trouble::WriteError
            | Trouble::ShortWrite
            | Trouble::SyncError
            | Trouble::NoDescriptor => true,
            Trouble::Full
            | Trouble::FullAtSync
            | Trouble::ReadOnly
            | Trouble::LogGone
            | Trouble::SnapshotsGone => false,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Trouble::WriteError => "write error",
            Trouble::ShortWrite => "short write",
            Trouble::SyncError => "failed sync",
            Trouble::NoDescriptor => "out of descriptors",
            Trouble::Full => "disk full at a write",
            Trouble::FullAtSync => "disk full at a sync",
            Trouble::ReadOnly => "read-only disk",
            Trouble::LogGone => "log disk gone",
            Trouble::SnapshotsGone => "snapshot disk gone",
        }
    }
}

/// Why an operation failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Failure {
    /// None of the disk's: the host died while its disk was at work.
    #[error("the host died")]
    Died,
    #[error("the device failed")]
    Device,
    #[error("no space is left")]
    Full,
    #[error("the file system is read-only")]
    ReadOnly,
    #[error("no descriptor is left")]
    NoDescriptor,
}

impl SimDisk {
    /// Sets what is wrong with the disk.
    pub(crate) fn set_trouble(&mut self, trouble: Option<Trouble>) {
        self.trouble = trouble;
    }

    /// What the last operation of a recovery failed with.
    pub(crate) fn failed(&self) -> Option<Failure> {
        self.failed
    }

    /// Fails an operation that cannot succeed, and leaves of it what it leaves.
    pub(super) fn fail(&mut self, op: &DiskOp) -> Result<(), Failure> {
        self.fail_to_read(op)?;
        let Some(trouble) = self.trouble else {
            return Ok(());
        };
        let Some(failure) = self.failure(trouble, op) else {
            return Ok(());
        };
        self.tally.count(trouble.name());
        if trouble.is_brief() {
            self.trouble = None;
        }
        Err(failure)
    }

    fn fail_to_read(&mut self, op: &DiskOp) -> Result<(), Failure> {
        let DiskOp::Read {
            file,
            offset,
            bytes_max,
        } = op
        else {
            return Ok(());
        };
        let (from, length) = (
            position(*offset),
            usize::try_from(*bytes_max).expect("fits"),
        );
        let (first, last) = (from / super::SECTOR, (from + length) / super::SECTOR);
        let number = self.cached.get(file);
        let is_hit = self
            .unreadable
            .iter()
            .any(|(inode, sector)| Some(inode) == number && (first..=last).contains(sector));
        if is_hit {
            self.tally.count("unreadable sector");
            return Err(Failure::Device);
        }
        Ok(())
    }

    fn failure(&mut self, trouble: Trouble, op: &DiskOp) -> Option<Failure> {
        match (trouble, op) {
            (Trouble::WriteError, DiskOp::Write { .. } | DiskOp::Allocate { .. }) => {
                Some(Failure::Device)
            }
            (
                Trouble::ShortWrite,
                DiskOp::Write {
                    file,
                    offset,
                    bytes,
                },
            ) => {
                self.write(file, position(*offset), &bytes[..bytes.len() / 2]);
                Some(Failure::Device)
            }
            (Trouble::SyncError, DiskOp::Sync { file } | DiskOp::Truncate { file, .. }) => {
                let last_write = self.next_write;
                self.cached_inode(file)?.give_up(last_write);
                Some(Failure::Device)
            }
            (Trouble::Full, DiskOp::Allocate { .. }) => Some(Failure::Full),
            (
                Trouble::Full,
                DiskOp::Write {
                    file,
                    offset,
                    bytes,
                },
            ) => {
                let length = self
                    .cached_inode(file)
                    .map_or(0, |inode| inode.cached.len());
                let fits = length.saturating_sub(position(*offset));
                if fits >= bytes.len() {
                    return None;
                }
                self.write(file, position(*offset), &bytes[..fits]);
                Some(Failure::Full)
            }
            (Trouble::FullAtSync, DiskOp::Sync { file } | DiskOp::Truncate { file, .. }) => {
                let last_write = self.next_write;
                let inode = self.cached_inode(file)?;
                if inode.cached.len() <= inode.durable.len() {
                    return None;
                }
                inode.give_up(last_write);
                Some(Failure::Full)
            }
            (Trouble::NoDescriptor, op) => opens(op).then_some(Failure::NoDescriptor),
            (Trouble::ReadOnly, DiskOp::Read { .. }) => None,
            (Trouble::ReadOnly, _) => Some(Failure::ReadOnly),
            (Trouble::LogGone, op) => (place(op) == Directory::Log).then_some(Failure::Device),
            (Trouble::SnapshotsGone, op) => {
                (place(op) == Directory::Data).then_some(Failure::Device)
            }
            (
                Trouble::WriteError
                | Trouble::ShortWrite
                | Trouble::SyncError
                | Trouble::Full
                | Trouble::FullAtSync,
                _,
            ) => None,
        }
    }
}

/// Whether an operation may have to open a file.
fn opens(op: &DiskOp) -> bool {
    !matches!(
        op,
        DiskOp::Rename { .. } | DiskOp::Recycle { .. } | DiskOp::Remove { .. }
    )
}

fn place(op: &DiskOp) -> Directory {
    match op {
        DiskOp::Allocate { file, .. }
        | DiskOp::Write { file, .. }
        | DiskOp::Sync { file }
        | DiskOp::Truncate { file, .. }
        | DiskOp::Remove { file }
        | DiskOp::Rename { to: file, .. }
        | DiskOp::Recycle { to: file, .. }
        | DiskOp::Read { file, .. } => file.directory,
        DiskOp::SyncDirectory { directory } => *directory,
    }
}
