//! The disk as recovery uses it: with the list of files, and errors that name what was done.

use super::{Finding, RecoveryError};
use crate::format::as_u64;
use crate::format::slots::{self, SlotKind, Slots, Stale, Why};
use crate::{Directory, Disk, DiskOp, File, WalConfig};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

pub(super) struct Access<'a, D: Disk> {
    disk: &'a mut D,
    /// Bytes asked for at once.
    read_bytes: u32,
    /// Every file there was at the start, with its length.
    pub(super) files: BTreeMap<File, u64>,
    pub(super) findings: Vec<Finding>,
}

impl<'a, D: Disk> Access<'a, D> {
    pub(super) fn new(disk: &'a mut D, read_bytes: u32) -> Result<Self, RecoveryError<D::Error>> {
        let list = disk.list();
        let files = list.map_err(|error| RecoveryError::Disk {
            doing: "list",
            file: None,
            error,
        })?;
        Ok(Access {
            disk,
            read_bytes: read_bytes.max(WalConfig::READ_BYTES_MIN),
            files: files.into_iter().collect(),
            findings: Vec::new(),
        })
    }

    pub(super) fn length(&self, file: &File) -> Option<u64> {
        self.files.get(file).copied()
    }

    pub(super) fn run(&mut self, op: &DiskOp) -> Result<Vec<u8>, RecoveryError<D::Error>> {
        let (doing, file) = match op {
            DiskOp::Allocate { file, .. } => ("allocate", Some(file)),
            DiskOp::Write { file, .. } => ("write", Some(file)),
            DiskOp::Sync { file } => ("sync", Some(file)),
            DiskOp::Rename { from, .. } | DiskOp::Recycle { from, .. } => ("rename", Some(from)),
            DiskOp::Truncate { file, .. } => ("truncate", Some(file)),
            DiskOp::Remove { file } => ("remove", Some(file)),
            DiskOp::SyncDirectory {
                directory: Directory::Log,
            } => ("sync the log directory", None),
            DiskOp::SyncDirectory {
                directory: Directory::Data,
            } => ("sync the data directory", None),
            DiskOp::Read { file, .. } => ("read", Some(file)),
        };
        let file = file.cloned();
        self.disk
            .run(op)
            .map_err(|error| RecoveryError::Disk { doing, file, error })
    }

    pub(super) fn run_all(&mut self, ops: &[DiskOp]) -> Result<(), RecoveryError<D::Error>> {
        ops.iter().try_for_each(|op| self.run(op).map(drop))
    }

    pub(super) fn sync(&mut self, file: &File) -> Result<(), RecoveryError<D::Error>> {
        self.run(&DiskOp::Sync { file: file.clone() }).map(drop)
    }

    pub(super) fn sync_directories(&mut self) -> Result<(), RecoveryError<D::Error>> {
        for directory in [Directory::Log, Directory::Data] {
            self.run(&DiskOp::SyncDirectory { directory })?;
        }
        Ok(())
    }

    /// Hands out a file in pieces, until `each` has enough or the file ends.
    pub(super) fn read_pieces(
        &mut self,
        file: &File,
        bytes_max: u64,
        each: impl FnMut(&[u8]) -> More,
    ) -> Result<(), RecoveryError<D::Error>> {
        self.read_between(file, (0, bytes_max), each)
    }

    fn read_between(
        &mut self,
        file: &File,
        (mut offset, end): (u64, u64),
        mut each: impl FnMut(&[u8]) -> More,
    ) -> Result<(), RecoveryError<D::Error>> {
        while offset < end {
            let bytes = self.read_piece(file, (offset, end))?;
            if bytes.is_empty() || each(&bytes) == More::No {
                break;
            }
            offset += as_u64(bytes.len());
        }
        Ok(())
    }

    /// The bytes of a file from `start` on, as many as are asked for at once: to `end` at most.
    pub(super) fn read_piece(
        &mut self,
        file: &File,
        (start, end): (u64, u64),
    ) -> Result<Vec<u8>, RecoveryError<D::Error>> {
        let left = u32::try_from(end.saturating_sub(start)).unwrap_or(u32::MAX);
        self.run(&DiskOp::Read {
            file: file.clone(),
            offset: start,
            bytes_max: left.min(self.read_bytes),
        })
    }

    pub(super) fn read(
        &mut self,
        file: &File,
        bytes_max: u64,
    ) -> Result<Vec<u8>, RecoveryError<D::Error>> {
        self.read_at(file, 0, bytes_max)
    }

    /// The bytes of a file from `start` to `end`, or to where it ends.
    pub(super) fn read_at(
        &mut self,
        file: &File,
        start: u64,
        end: u64,
    ) -> Result<Vec<u8>, RecoveryError<D::Error>> {
        let there = self.length(file).unwrap_or(0).min(end);
        let room = usize::try_from(there.saturating_sub(start)).unwrap_or(0);
        let mut all = Vec::with_capacity(room);
        self.read_between(file, (start, end), |bytes| {
            all.extend_from_slice(bytes);
            More::Yes
        })?;
        Ok(all)
    }

    /// Reads a small file, and writes both copies again: that of the value first, and not the other
    /// before that is durable. What was read may be in memory only, and after a sync that failed it
    /// may count as written there; and a crash must not tear both.
    pub(super) fn read_slots(
        &mut self,
        kind: SlotKind,
        file: &File,
    ) -> Result<Option<Value>, RecoveryError<D::Error>> {
        if self.length(file).is_none() {
            return Ok(None);
        }
        let bytes = self.read(file, slots::FILE_BYTES)?;
        match kind.read(&bytes) {
            Slots::Value {
                sequence,
                payload,
                stale,
            } => {
                let first = match stale {
                    Some(Stale { slot: 0, .. }) => 1,
                    Some(_) | None => 0,
                };
                for slot in [first, 1 - first] {
                    let copy = kind.encode(sequence, &payload);
                    self.run_all(&slots::write_copy(file, slot, copy))?;
                }
                if let Some(Stale {
                    slot,
                    why: Why::Bad,
                }) = stale
                {
                    let offset = slots::offset(slot);
                    self.findings.push(Finding::CopyRepaired {
                        file: file.clone(),
                        offset,
                    });
                }
                Ok(Some((sequence, payload)))
            }
            Slots::UnknownVersion(version) => Err(RecoveryError::UnknownVersion {
                file: file.clone(),
                version,
            }),
            Slots::Lost => Ok(None),
        }
    }
}

/// What a small file holds, with its sequence number.
pub(super) type Value = (u64, Vec<u8>);

/// Whether more bytes are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum More {
    Yes,
    No,
}
