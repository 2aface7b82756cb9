//! The leader's end of a snapshot transfer: chunks are read and sent as the learner asks for them.

use crate::context::{Context, Next};
use crate::interface::{LinkId, Note, Output, Ticket};
use crate::leader::Leader;
use crate::leader::learner::{Learner, LearnerStage};
use crate::message::Message;
use crate::plan::{Plan, Position};
use alloc::collections::VecDeque;
use xxhash_rust::xxh3::xxh3_64;
use zk_types::{Bytes, Instant, SnapshotId, SnapshotMeta, Zxid};

/// Chunks a learner may ask for before the first of them was sent.
pub(crate) const WANTS_MAX: usize = 2;

/// A snapshot on its way to one learner.
#[derive(Clone, Debug)]
pub(crate) struct Upload {
    pub(crate) id: SnapshotId,
    wants: VecDeque<Want>,
}

#[derive(Clone, Debug)]
struct Want {
    ticket: Ticket,
    offset: u64,
    bytes: Option<Bytes>,
}

impl Leader {
    /// A learner needs a snapshot after `common`: offers one, or asks for one to be taken.
    pub(crate) fn offer_snapshot(
        &mut self,
        cx: &mut Context,
        link: LinkId,
        common: Zxid,
        position: Position,
    ) {
        let learner = self.learners.get_mut(&link).expect("the learner is here");
        match cx.store.snapshot_for(common, learner.staged) {
            Some((id, meta)) => {
                let learner_name = learner.server;
                offer(cx, learner, id, meta);
                let plan = Plan::Snap(common).name();
                cx.note(Note::Synchronising {
                    learner: learner_name,
                    plan,
                });
            }
            None => {
                learner.stage = LearnerStage::Waiting(position);
                if self.snapshot_asked.is_none() {
                    self.snapshot_asked = Some(cx.store.delivered());
                    cx.outbox.push_back(Output::TakeSnapshot);
                }
            }
        }
        self.pin(cx);
    }

    pub(crate) fn on_snapshot_taken(&mut self, cx: &mut Context, now: Instant) -> Next {
        self.snapshot_asked = None;
        let waiting: alloc::vec::Vec<_> = self
            .learners
            .values()
            .filter_map(|learner| match &learner.stage {
                LearnerStage::Waiting(position) => Some((learner.link, position.clone())),
                LearnerStage::Connected
                | LearnerStage::Informed
                | LearnerStage::Asked
                | LearnerStage::Positioned(_)
                | LearnerStage::Transfer(_)
                | LearnerStage::Streaming(_) => None,
            })
            .collect();
        let mut next = Next::Stay;
        for (link, position) in waiting {
            next = self.synchronise(cx, now, link, position);
        }
        self.pin(cx);
        next
    }

    pub(crate) fn on_snap_want(
        &mut self,
        cx: &mut Context,
        now: Instant,
        link: LinkId,
        id: SnapshotId,
        offset: u64,
    ) -> Result<(), ()> {
        let learner = self.learners.get_mut(&link).ok_or(())?;
        let LearnerStage::Transfer(upload) = &mut learner.stage else {
            return Err(());
        };
        if upload.id != id || offset >= id.bytes || upload.wants.len() >= WANTS_MAX {
            return Err(());
        }
        let ticket = cx.store.next_ticket();
        upload.wants.push_back(Want {
            ticket,
            offset,
            bytes: None,
        });
        learner.progress_at = now;
        let rest = u32::try_from(id.bytes - offset).unwrap_or(u32::MAX);
        let bytes_max = cx.config.chunk_bytes.min(rest);
        cx.outbox.push_back(Output::ReadSnapshot {
            ticket,
            id,
            offset,
            bytes_max,
        });
        Ok(())
    }

    /// Reads for learners that are gone are answered too, and passed over here.
    pub(crate) fn on_snapshot_read(&mut self, cx: &mut Context, ticket: Ticket, bytes: &Bytes) {
        for learner in self.learners.values_mut() {
            let link = learner.link;
            let LearnerStage::Transfer(upload) = &mut learner.stage else {
                continue;
            };
            let Some(want) = upload.wants.iter_mut().find(|want| want.ticket == ticket) else {
                continue;
            };
            want.bytes = Some(bytes.clone());
            if bytes.is_empty() {
                cx.store.forget_snapshot(upload.id);
            }
            while let Some(bytes) = upload.wants.front().and_then(|want| want.bytes.clone()) {
                let want = upload.wants.pop_front().expect("there is a front");
                cx.send(link, chunk(upload.id, want.offset, bytes));
            }
        }
    }

    /// The learner has installed the snapshot, or could not: it is planned for anew.
    pub(crate) fn on_snap_done(
        &mut self,
        cx: &mut Context,
        now: Instant,
        link: LinkId,
        position: Position,
    ) -> Result<Next, ()> {
        let learner = self.learners.get_mut(&link).ok_or(())?;
        let LearnerStage::Transfer(upload) = &mut learner.stage else {
            return Err(());
        };
        // Every chunk that was asked for is answered before the next plan, so that none of an older
        // transfer can be taken for one of a newer.
        while let Some(want) = upload.wants.pop_front() {
            cx.send(link, chunk(upload.id, want.offset, Bytes::from([])));
        }
        if !position.segments.contains(upload.id.zxid) {
            cx.store.forget_snapshot(upload.id);
        }
        learner.progress_at = now;
        learner.staged = None;
        Ok(self.synchronise(cx, now, link, position))
    }

    /// Keeps in memory what learners will need once they have their snapshots, and what those that
    /// are being sent records still lack.
    pub(crate) fn pin(&mut self, cx: &mut Context) {
        let transfers = self
            .learners
            .values()
            .filter_map(|learner| match &learner.stage {
                LearnerStage::Transfer(upload) => Some(upload.id.zxid),
                LearnerStage::Streaming(stream) => Some(stream.sent),
                LearnerStage::Connected
                | LearnerStage::Informed
                | LearnerStage::Asked
                | LearnerStage::Positioned(_)
                | LearnerStage::Waiting(_) => None,
            });
        cx.store.pin(transfers.chain(self.snapshot_asked).min());
    }
}

fn offer(cx: &mut Context, learner: &mut Learner, id: SnapshotId, meta: SnapshotMeta) {
    cx.send(learner.link, Message::Snap { id, meta });
    learner.stage = LearnerStage::Transfer(Upload {
        id,
        wants: VecDeque::new(),
    });
}

fn chunk(id: SnapshotId, offset: u64, bytes: Bytes) -> Message {
    let checksum = xxh3_64(&bytes);
    Message::SnapChunk {
        id,
        offset,
        bytes,
        checksum,
    }
}
