//! The log of one server: what is asked of it, and what it asks of the disk.

use crate::{
    Disk, DiskTask, Recovered, RecoveryError, Settled, SnapshotSink, TaskId, Ticket, WalConfig,
};
use alloc::vec::Vec;
use zk_types::{Promise, Record, SnapshotId, SnapshotMeta, Zxid};

/// The log, the promise and the snapshots of one server.
///
/// After every call the caller drains [`Wal::poll_task`] and [`Wal::poll_settled`].
#[derive(Debug)]
pub struct Wal {
    config: WalConfig,
}

impl Wal {
    /// Opens the directories of `config.me`: makes them its own when they are empty, and otherwise
    /// finds the newest usable snapshot, the records after it and the promise, classifies the end
    /// of the log, and makes everything it keeps durable. Running it twice, or crashing inside it,
    /// changes nothing.
    ///
    /// `new_storage_id` should be random; it is used when the directories are empty. The contents
    /// of the base snapshot go to `state`.
    ///
    /// # Errors
    /// When the disk fails, or the data is not this server's or not understood.
    pub fn recover<D: Disk>(
        config: WalConfig,
        disk: &mut D,
        _new_storage_id: u64,
        _state: &mut dyn SnapshotSink,
    ) -> Result<(Wal, Recovered), RecoveryError<D::Error>> {
        disk.list().map_err(|error| RecoveryError::Disk {
            doing: "list",
            file: None,
            error,
        })?;
        let me = config.me;
        Err(RecoveryError::OtherServer { found: me, me })
    }

    /// Takes one record, to be written with the next [`Wal::flush`]; settles as
    /// [`Settled::Written`] once it is durable.
    ///
    /// # Panics
    /// When the record does not continue the log.
    pub fn append(&mut self, _ticket: Ticket, _record: &Record) {}

    /// Cuts everything above `to`, in the order of appends; settles as [`Settled::Written`] once
    /// the cut is durable and nothing behind it can come back.
    ///
    /// # Panics
    /// When `to` is not in the log after the newest snapshot, or that snapshot's own zxid.
    pub fn truncate(&mut self, _ticket: Ticket, _to: Zxid) {}

    /// Replaces the promise; settles as [`Settled::Written`] once both copies are durable.
    pub fn write_promise(&mut self, _ticket: Ticket, _promise: Promise) {}

    /// The end of a batch: what was gathered goes out at once, or as soon as the write in flight
    /// is durable.
    pub fn flush(&mut self) {}

    /// Starts a snapshot of this server's own state; `meta` states committed, durable history.
    ///
    /// # Panics
    /// When one is open already.
    pub fn begin_snapshot(&mut self, _meta: SnapshotMeta) {}

    /// Adds bytes to the open snapshot. Pace this by [`Wal::snapshot_backlog_bytes`].
    ///
    /// # Panics
    /// When none is open.
    pub fn snapshot_chunk(&mut self, _body: &[u8]) {}

    /// Ends the open snapshot; settles as [`Settled::SnapshotTaken`] once it is whole, durable
    /// and named.
    ///
    /// # Panics
    /// When none is open.
    pub fn finish_snapshot(&mut self) {}

    /// Gives the open snapshot up, if there is one; [`Wal::install`] does the same.
    pub fn abandon_snapshot(&mut self) {}

    /// Bytes of snapshots, own and staged, that were handed over and are not written yet.
    pub fn snapshot_backlog_bytes(&self) -> u64 {
        0
    }

    /// Keeps part of a snapshot that comes from a leader. Offset 0 starts anew; a hole is found at
    /// the install.
    pub fn stage(&mut self, _id: SnapshotId, _offset: u64, _bytes: &[u8]) {}

    /// Makes the staged snapshot the base of the log, which is empty afterwards; the promise stays.
    /// Settles as [`Settled::Installed`], or at once as [`Settled::InstallFailed`].
    pub fn install(&mut self, _ticket: Ticket, _id: SnapshotId, _meta: &SnapshotMeta) {}

    /// Reads part of a snapshot file, header and footer included; settles as [`Settled::Read`].
    pub fn read_snapshot(
        &mut self,
        _ticket: Ticket,
        _id: SnapshotId,
        _offset: u64,
        _bytes_max: u32,
    ) {
    }

    /// The next task for the disk.
    pub fn poll_task(&mut self) -> Option<DiskTask> {
        None
    }

    /// A task is done; `bytes` are what it read. A shell may hand back the cleared buffer of a
    /// write here, to be filled again.
    ///
    /// # Panics
    /// When no such task is under way.
    pub fn on_done(&mut self, _id: TaskId, _bytes: Vec<u8>) {}

    /// The next request that is settled.
    pub fn poll_settled(&mut self) -> Option<Settled> {
        None
    }

    /// The newest complete snapshot.
    pub fn newest_snapshot(&self) -> Option<(SnapshotId, &SnapshotMeta)> {
        None
    }

    /// Bytes of records after the newest snapshot, gathered ones included.
    pub fn log_bytes_since_snapshot(&self) -> u64 {
        0
    }

    /// Bytes that all files of the log take, and that all snapshots take.
    pub fn directory_bytes(&self) -> (u64, u64) {
        (self.config.segment_bytes, 0)
    }
}
