//! The lane that acknowledgements wait for: one thing in flight, then the next.

use super::history::{History, Place};
use super::segments::Next;
use super::work::{AfterManifest, Batch, InFlight, Staged, Work};
use super::{Flush, Wal};
use crate::format::frame::{self, Seed};
use crate::format::manifest::{self, Manifest};
use crate::format::segment::{HEADER_BYTES, SegmentHeader};
use crate::format::{as_u64, names, promise};
use crate::{DiskOp, DiskTask, Lane, Settled, Ticket};
use alloc::vec::Vec;
use zk_types::{Chain, Promise, SnapshotId, SnapshotMeta, Zxid, mutant};

/// Whether the front of the queue was issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Issued {
    Yes,
    /// It waits for the background lane.
    Waiting,
}

impl Wal {
    /// Issues what is next, if nothing is in flight.
    ///
    /// The manifest goes first: the front of the queue may wait for what it names.
    pub(super) fn pump(&mut self) {
        if self.in_flight.is_some() {
            return;
        }
        if !self.manifest_wanted.is_empty() {
            let after = core::mem::take(&mut self.manifest_wanted);
            let ops = self.manifest_ops();
            self.issue_log(ops, InFlight::Manifest(after));
            return;
        }
        if self.flush == Flush::Gathering {
            return;
        }
        if let Some(work) = self.queue.pop_front() {
            let issued = match work {
                Work::Append(batch) => self.issue_append(batch),
                Work::Truncate { ticket, to, chain } => self.issue_truncate(ticket, to, chain),
                Work::Promise { ticket, promise } => self.issue_promise(ticket, promise),
                Work::Install {
                    ticket,
                    id,
                    meta,
                    staged,
                } => self.issue_install(ticket, id, meta, staged),
            };
            assert_eq!(
                issued == Issued::Yes,
                self.in_flight.is_some(),
                "issued is in flight"
            );
        }
        if self.queue.is_empty() {
            self.flush = Flush::Gathering;
        }
    }

    pub(super) fn on_log_done(&mut self, what: InFlight) {
        match what {
            InFlight::Append(entries) => {
                let last = entries.last().expect("a batch holds a record");
                self.settled.push_back(Settled::Written(last.ticket));
            }
            InFlight::Promise(ticket) => self.settled.push_back(Settled::Written(ticket)),
            InFlight::Truncate { ticket, spared } => {
                self.segments.spares.extend(spared);
                self.settled.push_back(Settled::Written(ticket));
            }
            InFlight::Manifest(after) => {
                for what in after {
                    self.after_manifest(what);
                }
            }
        }
    }

    fn after_manifest(&mut self, what: AfterManifest) {
        match what {
            AfterManifest::SegmentNamed(named) => {
                self.segments.next = Next::Ready(named);
                let outgrown = self.segments.outgrown.take();
                self.retire(outgrown.as_slice());
            }
            AfterManifest::SnapshotNamed { id, meta, dropped } => {
                self.snapshot_is_named(id, meta, &dropped);
            }
            AfterManifest::Installed {
                ticket,
                id,
                meta,
                dead,
                dropped,
            } => {
                self.snapshots.set_newest(id, meta);
                self.retire(&dead);
                self.remove_snapshots(&dropped);
                self.settled.push_back(Settled::Installed(ticket));
            }
        }
    }

    fn issue_append(&mut self, mut batch: Batch) -> Issued {
        let tail = self.history.tail();
        let mut ops = Vec::new();
        let mut fitting = batch.fitting(self.segments.room(tail.end));
        if fitting.0 == 0 {
            let first = batch.entries.first().expect("a batch holds a record").bytes;
            let needed = as_u64(HEADER_BYTES + first);
            if !self.segments.can_roll(needed) {
                self.queue.push_front(Work::Append(batch));
                self.prepare_segment(needed);
                return Issued::Waiting;
            }
            ops.extend(self.segments.seal(tail.end));
            let named = self.segments.roll(tail.zxid, tail.end).expect("it can");
            let header = SegmentHeader {
                incarnation: self.segments.incarnation,
                generation: named.generation,
                previous: mutant!(
                    "segment-continues-nothing",
                    (tail.zxid, tail.chain),
                    (tail.zxid, Chain::default())
                ),
                bytes: named.bytes,
                storage_id: self.storage_id,
            };
            let file = names::segment(named.generation);
            if mutant!("segment-header-not-written", true, false) {
                ops.push(DiskOp::Write {
                    file,
                    offset: 0,
                    bytes: header.encode(),
                });
            }
            fitting = batch.fitting(self.segments.room(tail.end));
        }
        let now = if fitting.0 == batch.entries.len() {
            batch
        } else {
            let now = batch.split(fitting);
            self.queue.push_front(Work::Append(batch));
            now
        };
        self.write_batch(now, ops);
        self.prepare_segment(0);
        Issued::Yes
    }

    /// Writes records that fit into the current segment.
    fn write_batch(&mut self, mut batch: Batch, mut ops: Vec<DiskOp>) {
        let Place {
            zxid: durable_upto,
            end: start,
            ..
        } = self.history.tail();
        // Nothing else is in flight, so whatever was written before is durable.
        let durable_upto = mutant!(
            "durable-overclaimed",
            durable_upto,
            batch
                .entries
                .last()
                .map_or(durable_upto, |entry| entry.zxid)
        );
        let segment = *self.segments.live.back().expect("there is room in it");
        let seed = Seed::new(self.storage_id, segment.named.generation);
        let (mut at, mut end) = (0, start);
        for entry in &batch.entries {
            let bytes = &mut batch.bytes[at..at + entry.bytes];
            frame::seal(bytes, &seed, self.segments.incarnation, durable_upto);
            at += entry.bytes;
            end += as_u64(entry.bytes);
            self.history.push(Place {
                zxid: entry.zxid,
                chain: entry.chain,
                end,
            });
        }
        let offset = segment.offset(start);
        assert!(
            offset + as_u64(batch.bytes.len()) <= segment.named.bytes,
            "no file grows"
        );
        let file = names::segment(segment.named.generation);
        ops.push(DiskOp::Write {
            file: file.clone(),
            offset,
            bytes: batch.bytes,
        });
        let unsynced = mutant!("no-fsync-before-ack", false, true);
        if !unsynced {
            ops.push(DiskOp::Sync { file: file.clone() });
        }
        self.issue_log(ops, InFlight::Append(batch.entries));
        if unsynced {
            self.tasks.push_back(DiskTask {
                lane: Lane::Log,
                op: DiskOp::Sync { file },
                id: None,
            });
        }
    }

    /// The cut is durable with the manifest; the segments behind it go in the same breath, so that
    /// there are never dead ones of two cuts.
    fn issue_truncate(&mut self, ticket: Ticket, to: Zxid, chain: Chain) -> Issued {
        let place = self
            .history
            .find(to)
            .expect("checked when it was asked for");
        assert_eq!(place.chain, chain, "the queue foretold the history");
        self.history.truncate(place);
        let old = (self.segments.incarnation, self.segments.cut);
        let dead = self.segments.cut((to, chain));
        if mutant!("truncate-not-neutralised", false, true) {
            (self.segments.incarnation, self.segments.cut) = old;
        }
        let mut ops = self.manifest_ops();
        let (retire, spared) = self.segments.retire(&dead);
        let at = mutant!("segments-gone-before-the-cut", ops.len(), 0);
        ops.splice(at..at, retire);
        self.issue_log(ops, InFlight::Truncate { ticket, spared });
        Issued::Yes
    }

    fn issue_promise(&mut self, ticket: Ticket, promise: Promise) -> Issued {
        self.promise_sequence += 1;
        let kind = promise::kind(self.storage_id);
        let payload = promise::encode(promise);
        let ops = kind.replace(&names::promise(), self.promise_sequence, &payload);
        self.issue_log(ops, InFlight::Promise(ticket));
        Issued::Yes
    }

    /// The old log dies with the manifest that names the new base, and not before.
    fn issue_install(
        &mut self,
        ticket: Ticket,
        id: SnapshotId,
        meta: SnapshotMeta,
        staged: Staged,
    ) -> Issued {
        if staged == Staged::Moving {
            self.queue.push_front(Work::Install {
                ticket,
                id,
                meta,
                staged,
            });
            return Issued::Waiting;
        }
        let base = (meta.zxid, meta.chain);
        let dead = self.segments.restart(base);
        let end = self.history.tail().end;
        self.history = History::starting_at(Place {
            zxid: base.0,
            chain: base.1,
            end,
        });
        let dropped = self.snapshots.replace_all(id);
        let ops = self.manifest_ops();
        let after = AfterManifest::Installed {
            ticket,
            id,
            meta,
            dead,
            dropped,
        };
        self.issue_log(ops, InFlight::Manifest(alloc::vec![after]));
        Issued::Yes
    }

    fn issue_log(&mut self, ops: Vec<DiskOp>, what: InFlight) {
        assert!(self.in_flight.is_none(), "one thing at a time");
        let id = self.issue(Lane::Log, ops);
        self.in_flight = Some((id, what));
    }

    /// Replaces the manifest by what is true now. Nothing is in flight: all of it is durable.
    fn manifest_ops(&mut self) -> Vec<DiskOp> {
        self.manifest_sequence += 1;
        if let Some(oldest) = self.snapshots.ids().first() {
            self.segments.raise_floor(oldest.zxid);
        }
        let manifest = Manifest {
            floor_generation: self.segments.floor_generation,
            next_generation: self.segments.next_generation,
            incarnation: self.segments.incarnation,
            cut: self.segments.cut,
            durable_upto: self.history.tail().zxid,
            current: self.segments.live.back().map(|segment| segment.named),
            next: match self.segments.next {
                Next::None | Next::Preparing(_) => None,
                Next::Naming(named) | Next::Ready(named) => Some(named),
            },
            snapshots: self.snapshots.ids().to_vec(),
        };
        let kind = manifest::kind(self.storage_id);
        kind.replace(
            &names::manifest(),
            self.manifest_sequence,
            &manifest.encode(),
        )
    }

    /// Takes dead segments out of use, on the background lane.
    pub(super) fn retire(&mut self, dead: &[manifest::Named]) {
        let (ops, spared) = self.segments.retire(dead);
        self.segments.spares.extend(spared);
        self.issue_unreported(ops);
    }
}
