//! Snapshots: this server's own, those that a leader sends, and which ones are kept.

use super::Wal;
use super::work::{AfterManifest, Background, Staged, Work};
use crate::format::{as_u64, names};
use crate::snapshot::SnapshotWriter;
use crate::{Directory, DiskOp, File, Refused, Settled, SnapshotReader, SnapshotSink, Ticket};
use alloc::vec::Vec;
use zk_types::{SnapshotId, SnapshotMeta, mutant};

/// Unsynced bytes of an own snapshot after which it is synced: a sync of the log that writes wait
/// for has to wait for them too.
const OWN_SYNC_BYTES: u64 = 128 << 10;

/// The same behind the end of what it is written over, where each sync is a commit of the file
/// system that finds blocks.
const GROWTH_SYNC_BYTES: u64 = 512 << 10;

/// The same of a leader's snapshot: who is brought up has no writes that wait, and the leader sends
/// as fast as chunks arrive, not as they are written.
const STAGED_SYNC_BYTES: u64 = 8 << 20;

/// Counts installs; a snapshot of the state before one is worth nothing after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Era(u64);

/// The snapshots that count, and those that are being written.
#[derive(Clone, Debug)]
pub(super) struct Snapshots {
    /// Oldest first.
    ids: Vec<SnapshotId>,
    newest: Option<(SnapshotId, SnapshotMeta)>,
    own: Option<Own>,
    incoming: Option<Incoming>,
    era: Era,
    /// Bytes of the file that the next own one is written over; too many when somebody else removed
    /// that file.
    room_bytes: u64,
    pub(super) backlog_bytes: u64,
}

/// A snapshot of this server's own state that is open.
#[derive(Clone, Debug)]
struct Own {
    meta: SnapshotMeta,
    writer: SnapshotWriter,
    unsynced_bytes: u64,
    /// When it was begun.
    era: Era,
}

/// A snapshot that a leader sends.
#[derive(Clone, Debug)]
struct Incoming {
    id: SnapshotId,
    reader: SnapshotReader,
    length: u64,
    unsynced_bytes: u64,
    flaw: Flaw,
}

/// Whether a staged snapshot can still turn out right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    None,
    Found,
}

impl Snapshots {
    pub(super) fn new(ids: Vec<SnapshotId>, newest: Option<(SnapshotId, SnapshotMeta)>) -> Self {
        Snapshots {
            ids,
            newest,
            own: None,
            incoming: None,
            era: Era(0),
            room_bytes: 0,
            backlog_bytes: 0,
        }
    }

    pub(super) fn ids(&self) -> &[SnapshotId] {
        &self.ids
    }

    pub(super) fn all_bytes(&self) -> u64 {
        let written = self.own.as_ref().map_or(0, |own| own.writer.length());
        let named: u64 = self.ids.iter().map(|id| id.bytes).sum();
        named + self.room_bytes.max(written)
    }

    /// A leader's snapshot takes the place of all; the others come back.
    pub(super) fn replace_all(&mut self, id: SnapshotId) -> Vec<SnapshotId> {
        let mut dropped = core::mem::replace(&mut self.ids, alloc::vec![id]);
        dropped.retain(|old| *old != id);
        self.era.0 += 1;
        dropped
    }

    /// The manifest names it.
    pub(super) fn set_newest(&mut self, id: SnapshotId, meta: SnapshotMeta) {
        self.newest = Some((id, meta));
    }

    /// Adds a snapshot and drops those beyond `kept`, which come back.
    fn add(&mut self, id: SnapshotId, kept: usize) -> Vec<SnapshotId> {
        self.ids.retain(|old| *old != id);
        self.ids.push(id);
        let beyond = self.ids.len().saturating_sub(kept);
        self.ids.drain(..beyond).collect()
    }
}

impl Wal {
    /// Starts a snapshot of this server's own state.
    ///
    /// # Panics
    /// When one is open already, or `meta` is not of durable history since the newest snapshot.
    pub fn begin_snapshot(&mut self, meta: SnapshotMeta) {
        assert!(
            self.snapshots.own.is_none(),
            "one snapshot is written at a time"
        );
        let place = self
            .history
            .find(meta.zxid)
            .expect("a snapshot is of durable history");
        assert_eq!(place.chain, meta.chain, "a snapshot is of this history");
        let (writer, header) = SnapshotWriter::begin(&meta);
        self.snapshots.own = Some(Own {
            meta,
            writer,
            unsynced_bytes: 0,
            era: self.snapshots.era,
        });
        self.write_snapshot(names::snapshot_unfinished(), 0, header);
    }

    /// Adds bytes to the open snapshot. Pace this by [`Wal::snapshot_backlog_bytes`].
    ///
    /// # Panics
    /// When none is open.
    pub fn snapshot_chunk(&mut self, body: &[u8]) {
        let own = self.snapshots.own.as_mut().expect("a snapshot is open");
        let offset = own.writer.length();
        let bytes = own.writer.chunk(body);
        let sync_bytes = if own.writer.length() <= self.snapshots.room_bytes {
            OWN_SYNC_BYTES
        } else {
            GROWTH_SYNC_BYTES
        };
        let sync = sync_is_due(&mut own.unsynced_bytes, bytes.len(), sync_bytes);
        if !bytes.is_empty() {
            self.write_snapshot(names::snapshot_unfinished(), offset, bytes);
            self.issue_unreported(sync_ops(sync, names::snapshot_unfinished()));
        }
    }

    /// Ends the open snapshot; settles as [`Settled::SnapshotTaken`] once it is whole, durable
    /// and named, and takes older snapshots and log segments out of use that are no longer needed.
    ///
    /// # Panics
    /// When none is open.
    pub fn finish_snapshot(&mut self) {
        let Own {
            meta, writer, era, ..
        } = self.snapshots.own.take().expect("a snapshot is open");
        let offset = writer.length();
        let (id, footer) = writer.finish();
        self.write_snapshot(names::snapshot_unfinished(), offset, footer);
        self.snapshots.room_bytes = 0;
        let ops = complete(names::snapshot_unfinished(), id);
        self.issue_background(ops, Background::SnapshotComplete { era, id, meta });
    }

    /// Gives the open snapshot up, if there is one; [`Wal::install`] does the same. The next one is
    /// written over it.
    pub fn abandon_snapshot(&mut self) {
        if let Some(own) = self.snapshots.own.take() {
            let room_bytes = &mut self.snapshots.room_bytes;
            *room_bytes = (*room_bytes).max(own.writer.length());
        }
    }

    /// Bytes of snapshots, own and staged, that were handed over and are not written yet.
    pub fn snapshot_backlog_bytes(&self) -> u64 {
        self.snapshots.backlog_bytes
    }

    /// Keeps part of a snapshot that comes from a leader. Offset 0 starts anew; a hole or a flaw is
    /// found at the install.
    pub fn stage(&mut self, id: SnapshotId, offset: u64, bytes: &[u8]) {
        if offset == 0 {
            self.lend_room();
            self.snapshots.incoming = Some(Incoming {
                id,
                reader: SnapshotReader::new(),
                length: 0,
                unsynced_bytes: 0,
                flaw: Flaw::None,
            });
        }
        let Some(incoming) = &mut self.snapshots.incoming else {
            return;
        };
        let continues = incoming.id == id && incoming.length == offset;
        if !continues || incoming.reader.push(bytes, &mut Nobody).is_err() {
            incoming.flaw = Flaw::Found;
        }
        if incoming.flaw == Flaw::None && !bytes.is_empty() {
            incoming.length += as_u64(bytes.len());
            let sync = sync_is_due(&mut incoming.unsynced_bytes, bytes.len(), STAGED_SYNC_BYTES);
            self.write_snapshot(names::staged(), offset, bytes.to_vec());
            self.issue_unreported(sync_ops(sync, names::staged()));
        }
    }

    /// Has a leader's snapshot written over what the next own one would be, so that the two do not
    /// take room side by side.
    fn lend_room(&mut self) {
        if self.snapshots.own.is_none() {
            self.snapshots.room_bytes = 0;
            self.issue_unreported(alloc::vec![DiskOp::Recycle {
                from: names::snapshot_unfinished(),
                to: names::staged(),
            }]);
        }
    }

    /// Makes the staged snapshot the base of the log, which is empty afterwards, in the order of
    /// appends; the promise stays. Settles as [`Settled::Installed`], or at once as
    /// [`Settled::InstallFailed`] when what was staged is not the whole of `id` and `meta`; then
    /// nothing changed, and what is appended next must continue the old log.
    pub fn install(&mut self, ticket: Ticket, id: SnapshotId, meta: &SnapshotMeta) {
        self.abandon_snapshot();
        let whole = self.snapshots.incoming.take().is_some_and(|incoming| {
            incoming.flaw == Flaw::None
                && incoming.reader.finished() == Some(id)
                && incoming.reader.meta() == Some(meta)
        });
        if !whole {
            self.issue_unreported(alloc::vec![DiskOp::Remove {
                file: names::staged()
            }]);
            self.settled.push_back(Settled::InstallFailed(ticket));
            return;
        }
        self.issue_background(
            complete(names::staged(), id),
            Background::StagedComplete(ticket),
        );
        self.tail = (meta.zxid, meta.chain);
        let meta = meta.clone();
        self.queue.push_back(Work::Install {
            ticket,
            id,
            meta,
            staged: Staged::Moving,
        });
    }

    /// Reads part of a snapshot file, header and footer included; settles as [`Settled::Read`].
    pub fn read_snapshot(&mut self, ticket: Ticket, id: SnapshotId, offset: u64, bytes_max: u32) {
        if self.snapshots.ids.contains(&id) {
            let file = names::snapshot(id);
            let read = DiskOp::Read {
                file,
                offset,
                bytes_max,
            };
            self.issue_background(alloc::vec![read], Background::Read(ticket));
        } else {
            self.settled.push_back(Settled::Read {
                ticket,
                bytes: Vec::new(),
            });
        }
    }

    /// The newest complete snapshot.
    pub fn newest_snapshot(&self) -> Option<(SnapshotId, &SnapshotMeta)> {
        self.snapshots.newest.as_ref().map(|(id, meta)| (*id, meta))
    }

    /// A file of this server's own state is complete: it counts once the manifest names it.
    pub(super) fn name_snapshot(&mut self, era: Era, id: SnapshotId, meta: SnapshotMeta) {
        if era != self.snapshots.era {
            if !self.snapshots.ids.contains(&id) {
                self.remove_snapshots(&[id]);
            }
            return;
        }
        let kept = crate::recovery::snapshots_kept(&self.config);
        let mut dropped = self.snapshots.add(id, kept);
        if mutant!("snapshot-gone-before-the-next", false, true) {
            self.remove_snapshots(&core::mem::take(&mut dropped));
        }
        self.manifest_wanted
            .push(AfterManifest::SnapshotNamed { id, meta, dropped });
    }

    /// The manifest names a new snapshot: what only older ones needed can go.
    pub(super) fn snapshot_is_named(
        &mut self,
        id: SnapshotId,
        meta: SnapshotMeta,
        dropped: &[SnapshotId],
    ) {
        self.history.advance_floor(id.zxid);
        self.snapshots.set_newest(id, meta.clone());
        let oldest = self
            .snapshots
            .ids
            .first()
            .map_or(id.zxid, |oldest| oldest.zxid);
        let dead = self
            .segments
            .purge(mutant!("suffix-purged", oldest, self.history.tail().zxid));
        self.retire(&dead);
        self.remove_snapshots(dropped);
        self.settled.push_back(Settled::SnapshotTaken { id, meta });
    }

    /// Removes snapshots that the manifest no longer names; one is left to be written over.
    pub(super) fn remove_snapshots(&mut self, ids: &[SnapshotId]) {
        let mut ids = ids.iter();
        let mut ops = Vec::new();
        if self.snapshots.own.is_none()
            && let Some(id) = ids.next()
        {
            self.snapshots.room_bytes = id.bytes;
            ops.push(DiskOp::Recycle {
                from: names::snapshot(*id),
                to: names::snapshot_unfinished(),
            });
        }
        ops.extend(ids.map(|id| DiskOp::Remove {
            file: names::snapshot(*id),
        }));
        if !ops.is_empty() {
            ops.push(DiskOp::SyncDirectory {
                directory: Directory::Data,
            });
        }
        self.issue_unreported(ops);
    }

    pub(super) fn staged_is_durable(&mut self, done: Ticket) {
        for work in &mut self.queue {
            if let Work::Install { ticket, staged, .. } = work
                && *ticket == done
            {
                *staged = Staged::Durable;
            }
        }
    }

    fn write_snapshot(&mut self, file: File, offset: u64, bytes: Vec<u8>) {
        let length = as_u64(bytes.len());
        self.snapshots.backlog_bytes += length;
        let write = DiskOp::Write {
            file,
            offset,
            bytes,
        };
        self.issue_background(alloc::vec![write], Background::SnapshotBytes(length));
    }
}

/// What is staged is only verified here.
#[derive(Clone)]
struct Nobody;

impl SnapshotSink for Nobody {
    fn begin(&mut self, _: &SnapshotMeta) {}

    fn body(&mut self, _: &[u8]) -> Result<(), Refused> {
        Ok(())
    }

    fn end(&mut self) -> Result<(), Refused> {
        Ok(())
    }

    fn discard(&mut self) {}
}

/// A file gets its name only when its contents are durable.
fn complete(unfinished: File, id: SnapshotId) -> Vec<DiskOp> {
    let end = DiskOp::Truncate {
        file: unfinished.clone(),
        bytes: mutant!("snapshot-end-not-cut", id.bytes, u64::MAX),
    };
    let rename = DiskOp::Rename {
        from: unfinished,
        to: names::snapshot(id),
    };
    let directory = DiskOp::SyncDirectory {
        directory: Directory::Data,
    };
    mutant!(
        "snapshot-not-synced",
        alloc::vec![end, rename, directory],
        alloc::vec![rename, directory]
    )
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SyncDue {
    No,
    Yes,
}

fn sync_is_due(unsynced_bytes: &mut u64, more: usize, due: u64) -> SyncDue {
    *unsynced_bytes += as_u64(more);
    if *unsynced_bytes < due {
        return SyncDue::No;
    }
    *unsynced_bytes = 0;
    SyncDue::Yes
}

fn sync_ops(due: SyncDue, file: File) -> Vec<DiskOp> {
    match due {
        SyncDue::No => Vec::new(),
        SyncDue::Yes => alloc::vec![DiskOp::Sync { file }],
    }
}
