//! The log of one server: what is asked of it, and what it asks of the disk.
//!
//! ```text
//!  append ─┐                            ┌─ log lane, one thing in flight:
//!  truncate├─▶ queue, in order ─ flush ─┤   batch:    write, sync
//!  promise ┤                            │   promise:  write, sync, write, sync
//!  install ┘                            │   manifest: the same; names segments and snapshots
//!                                       └─ background lane: segments ahead of need, snapshots,
//!                                           removals, reads
//! ```
//!
//! Everything that makes a file count, or stop counting, goes through the manifest.

pub(crate) mod history;
mod log_lane;
pub(crate) mod segments;
mod snapshots;
mod work;

use crate::format::as_u64;
use crate::format::slots;
use crate::{
    Disk, DiskOp, DiskTask, Lane, Recovered, RecoveryError, Settled, SnapshotSink, TaskId, Ticket,
    WalConfig, recovery,
};
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use history::History;
use segments::{Next, Segments};
use snapshots::Snapshots;
use work::{AfterManifest, Background, Batch, InFlight, Work};
use zk_types::{Chain, Promise, Record, SnapshotId, SnapshotMeta, Zxid, mutant};

/// The log, the promise and the snapshots of one server.
///
/// After every call the caller drains [`Wal::poll_task`] and [`Wal::poll_settled`]. Nothing of the
/// log lane is issued before [`Wal::flush`].
#[derive(Clone, Debug)]
pub struct Wal {
    config: WalConfig,
    storage_id: u64,
    tasks: VecDeque<DiskTask>,
    settled: VecDeque<Settled>,
    tasks_issued: u64,
    queue: VecDeque<Work>,
    flush: Flush,
    in_flight: Option<(TaskId, InFlight)>,
    background: VecDeque<(TaskId, Background)>,
    /// What waits for the next manifest; it is written when this is not empty.
    manifest_wanted: Vec<AfterManifest>,
    manifest_sequence: u64,
    promise_sequence: u64,
    history: History,
    segments: Segments,
    snapshots: Snapshots,
    /// The end of the history once everything in the queue is done.
    tail: (Zxid, Chain),
    /// A buffer that was handed back.
    buffer: Vec<u8>,
}

/// What is kept of a buffer that was handed back: the room for some thousand small records.
const BUFFER_BYTES_MAX: usize = 1 << 20;

/// Whether the queue may be issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flush {
    Gathering,
    Wanted,
}

/// What recovery opens a log with.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) storage_id: u64,
    pub(crate) manifest_sequence: u64,
    pub(crate) promise_sequence: u64,
    pub(crate) history: History,
    pub(crate) segments: Segments,
    pub(crate) newest: Option<(SnapshotId, SnapshotMeta)>,
    pub(crate) snapshots: Vec<SnapshotId>,
}

impl Wal {
    /// Opens the directories of `config.me`: makes them its own when they are empty, and otherwise
    /// finds the newest usable snapshot, the records after it and the promise, classifies the end
    /// of the log, and makes everything it keeps durable. Running it twice, or crashing inside it,
    /// changes nothing.
    ///
    /// `new_storage_id` should be random; it is used when the directories are empty. The contents
    /// of the base snapshot go to `state`. Source: `zab.md` §17.
    ///
    /// # Errors
    /// When the disk fails, or the data is not this server's or not understood.
    ///
    /// # Panics
    /// When a size in `config` is out of its range.
    pub fn recover<D: Disk>(
        config: WalConfig,
        disk: &mut D,
        new_storage_id: u64,
        state: &mut dyn SnapshotSink,
    ) -> Result<(Wal, Recovered), RecoveryError<D::Error>> {
        assert!(
            config.segment_bytes >= WalConfig::SEGMENT_BYTES_MIN,
            "segments have a least length"
        );
        let (opened, recovered) = recovery::recover(&config, disk, new_storage_id, state)?;
        Ok((Wal::open(config, opened), recovered))
    }

    fn open(config: WalConfig, opened: Opened) -> Self {
        let tail = opened.history.tail();
        let mut wal = Wal {
            config,
            storage_id: opened.storage_id,
            tasks: VecDeque::new(),
            settled: VecDeque::new(),
            tasks_issued: 0,
            queue: VecDeque::new(),
            flush: Flush::Gathering,
            in_flight: None,
            background: VecDeque::new(),
            manifest_wanted: Vec::new(),
            manifest_sequence: opened.manifest_sequence,
            promise_sequence: opened.promise_sequence,
            history: opened.history,
            segments: opened.segments,
            snapshots: Snapshots::new(opened.snapshots, opened.newest),
            tail: (tail.zxid, tail.chain),
            buffer: Vec::new(),
        };
        wal.prepare_segment(0);
        wal
    }

    /// Takes one record, to be written with the next [`Wal::flush`]; settles as
    /// [`Settled::Written`] of this ticket or a later append's once it is durable.
    ///
    /// # Panics
    /// When the record does not continue the log.
    pub fn append(&mut self, ticket: Ticket, record: &Record) {
        let (zxid, chain) = self.tail;
        assert!(
            zxid.is_followed_by(record.zxid),
            "{:?} cannot follow {zxid:?}",
            record.zxid
        );
        assert!(
            record.continues(chain),
            "{:?} continues another history",
            record.zxid
        );
        self.tail = (record.zxid, record.chain);
        let bytes = crate::format::frame::frame_bytes(record.body_length());
        let bytes_max = self.config.batch_bytes_max;
        match self.queue.back_mut() {
            Some(Work::Append(batch)) if batch.bytes.len() + bytes <= bytes_max => {
                batch.push(ticket, record);
            }
            Some(
                Work::Append(_)
                | Work::Truncate { .. }
                | Work::Promise { .. }
                | Work::Install { .. },
            )
            | None => {
                let mut batch = Batch {
                    bytes: core::mem::take(&mut self.buffer),
                    entries: Vec::new(),
                };
                batch.push(ticket, record);
                self.queue.push_back(Work::Append(batch));
            }
        }
    }

    /// Cuts everything above `to`, in the order of appends; settles as [`Settled::Written`] once
    /// the cut is durable and nothing behind it can come back.
    ///
    /// # Panics
    /// When `to` is not in the log after the newest snapshot, and not that snapshot's own zxid.
    pub fn truncate(&mut self, ticket: Ticket, to: Zxid) {
        let chain = self
            .chain_at(to)
            .expect("a log is cut at one of its records");
        self.tail = (to, chain);
        self.queue.push_back(Work::Truncate { ticket, to, chain });
    }

    /// Replaces the promise; settles as [`Settled::Written`] once both copies are durable.
    pub fn write_promise(&mut self, ticket: Ticket, promise: Promise) {
        self.queue.push_back(Work::Promise { ticket, promise });
    }

    /// The end of a batch: what was gathered goes out at once, or as soon as the write in flight
    /// is durable.
    pub fn flush(&mut self) {
        if !self.queue.is_empty() {
            self.flush = Flush::Wanted;
        }
        self.pump();
    }

    /// The next task for the disk.
    pub fn poll_task(&mut self) -> Option<DiskTask> {
        self.tasks.pop_front()
    }

    /// A task is done; `bytes` are what it read. A shell may hand back the cleared buffer of a
    /// write here, to be filled again.
    ///
    /// # Panics
    /// When the task is not the next of its lane to be done.
    pub fn on_done(&mut self, id: TaskId, bytes: Vec<u8>) {
        match self.in_flight.take() {
            Some((expected, what)) if expected == id => {
                let room = self.buffer.capacity() + 1..=BUFFER_BYTES_MAX;
                if bytes.is_empty() && room.contains(&bytes.capacity()) {
                    self.buffer = bytes;
                }
                self.on_log_done(what);
            }
            other => {
                self.in_flight = other;
                let (expected, what) = self.background.pop_front().expect("a task is under way");
                assert_eq!(expected, id, "the tasks of a lane are done in order");
                self.on_background_done(what, bytes);
            }
        }
        self.pump();
    }

    /// The next request that is settled.
    pub fn poll_settled(&mut self) -> Option<Settled> {
        self.settled.pop_front()
    }

    /// Bytes of records after the newest snapshot, gathered ones included.
    pub fn log_bytes_since_snapshot(&self) -> u64 {
        let gathered: u64 = self.queue.iter().map(gathered_bytes).sum();
        self.history.tail().end - self.history.floor().end + gathered
    }

    /// Whether what was asked for cannot be written before the background lane has done something:
    /// prepared a segment, in most cases.
    pub fn waits_for_background(&self) -> bool {
        self.in_flight.is_none() && self.flush == Flush::Wanted && !self.queue.is_empty()
    }

    /// Bytes that all files of the log take, and that all snapshots take.
    pub fn directory_bytes(&self) -> (u64, u64) {
        (
            self.segments.all_bytes() + 3 * slots::FILE_BYTES,
            self.snapshots.all_bytes(),
        )
    }

    /// The chain at a record of the history as it will be once the queue is done.
    fn chain_at(&self, zxid: Zxid) -> Option<Chain> {
        for work in self.queue.iter().rev() {
            match work {
                Work::Append(batch) => {
                    let found = batch
                        .entries
                        .binary_search_by_key(&zxid, |entry| entry.zxid);
                    if let Ok(at) = found {
                        return batch.entries.get(at).map(|entry| entry.chain);
                    }
                }
                Work::Truncate { to, .. } if zxid > *to => return None,
                Work::Install { id, .. } if zxid < id.zxid => return None,
                Work::Install { id, meta, .. } if zxid == id.zxid => return Some(meta.chain),
                Work::Truncate { .. } | Work::Promise { .. } | Work::Install { .. } => {}
            }
        }
        self.history.find(zxid).map(|place| place.chain)
    }

    /// Issues operations that run one after the other; the last one reports.
    fn issue(&mut self, lane: Lane, mut ops: Vec<DiskOp>) -> TaskId {
        if mutant!("directory-not-synced", false, ops.len() > 1) {
            ops.retain(|op| !matches!(op, DiskOp::SyncDirectory { .. }));
        }
        self.tasks_issued += 1;
        let id = TaskId(self.tasks_issued);
        let last = ops.len().checked_sub(1).expect("there is something to do");
        for (at, op) in ops.into_iter().enumerate() {
            let id = (at == last).then_some(id);
            self.tasks.push_back(DiskTask { lane, op, id });
        }
        id
    }

    /// Issues operations whose completion nobody waits for.
    fn issue_unreported(&mut self, ops: Vec<DiskOp>) {
        for op in ops {
            self.tasks.push_back(DiskTask {
                lane: Lane::Background,
                op,
                id: None,
            });
        }
    }

    fn issue_background(&mut self, ops: Vec<DiskOp>, what: Background) {
        let id = self.issue(Lane::Background, ops);
        self.background.push_back((id, what));
    }

    /// Sees to it that a segment is ready ahead of need, long enough for `needed` bytes.
    fn prepare_segment(&mut self, needed: u64) {
        let bytes = needed
            .next_multiple_of(4096)
            .max(self.segments.next_bytes());
        match self.segments.next {
            Next::Preparing(_) | Next::Naming(_) => return,
            Next::Ready(named) if named.bytes >= needed => return,
            Next::Ready(named) => self.segments.outgrown = Some(named),
            Next::None => {}
        }
        let (named, ops) = self.segments.prepare(bytes);
        self.segments.next = Next::Preparing(named);
        self.issue_background(ops, Background::Segment(named));
    }

    fn on_background_done(&mut self, what: Background, bytes: Vec<u8>) {
        match what {
            Background::Segment(named) => {
                self.segments.next = Next::Naming(named);
                self.manifest_wanted
                    .push(AfterManifest::SegmentNamed(named));
            }
            Background::SnapshotBytes(written) => self.snapshots.backlog_bytes -= written,
            Background::SnapshotComplete { era, id, meta } => self.name_snapshot(era, id, meta),
            Background::StagedComplete(ticket) => self.staged_is_durable(ticket),
            Background::Read(ticket) => self.settled.push_back(Settled::Read { ticket, bytes }),
        }
    }
}

fn gathered_bytes(work: &Work) -> u64 {
    match work {
        Work::Append(batch) => as_u64(batch.bytes.len()),
        Work::Truncate { .. } | Work::Promise { .. } | Work::Install { .. } => 0,
    }
}
