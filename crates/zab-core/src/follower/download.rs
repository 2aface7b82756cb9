//! The learner's end of a snapshot transfer. Chunks are asked for a little ahead, staged as they
//! come, and what is staged survives the link: the next one goes on where this one ended.

use crate::context::Context;
use crate::follower::{Follower, Refusal, Stage};
use crate::leader::transfer::WANTS_MAX;
use crate::message::Message;
use crate::plan::is_well_formed;
use alloc::collections::VecDeque;
use xxhash_rust::xxh3::xxh3_64;
use zk_types::{Bytes, SnapshotId, SnapshotMeta};

#[derive(Clone, Debug)]
pub(super) struct Download {
    id: SnapshotId,
    meta: SnapshotMeta,
    /// Bytes from the start that are here.
    have: u64,
    /// Length of the last chunk, by which the next offset is guessed.
    stride: u64,
    /// Offsets that were asked for, in order.
    wants: VecDeque<u64>,
}

impl Follower {
    pub(super) fn on_snap(
        &mut self,
        cx: &mut Context,
        id: SnapshotId,
        meta: SnapshotMeta,
    ) -> Result<(), Refusal> {
        let is_sound = matches!(self.stage, Stage::Planned)
            && self.late_chunks == 0
            && id.bytes > 0
            && is_well_formed(&meta.segments)
            && meta.segments.last() == meta.zxid
            && meta.zxid == id.zxid
            && meta.zxid.epoch() <= self.epoch;
        if !is_sound {
            return Err(Refusal::Illegal);
        }
        if meta.zxid <= cx.store.committed() {
            return Err(Refusal::Contradiction);
        }
        // A log that goes on after the snapshot would lose what the snapshot does not hold.
        if cx.store.log.holds(meta.zxid) {
            return Err(Refusal::Illegal);
        }
        let staged = cx.store.staged.filter(|staged| staged.id == id);
        let have = staged.map_or(0, |staged| staged.bytes);
        self.stage = Stage::Loading(Download {
            id,
            meta,
            have,
            stride: 0,
            wants: VecDeque::new(),
        });
        self.ask(cx);
        self.install_when_whole(cx);
        Ok(())
    }

    pub(super) fn on_chunk(
        &mut self,
        cx: &mut Context,
        id: SnapshotId,
        offset: u64,
        bytes: Bytes,
        checksum: u64,
    ) -> Result<(), Refusal> {
        if self.late_chunks > 0 {
            self.late_chunks -= 1;
            return Ok(());
        }
        let Stage::Loading(download) = &mut self.stage else {
            return Err(Refusal::Illegal);
        };
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let asked = download.wants.pop_front() == Some(offset) && download.id == id;
        let intact = xxh3_64(&bytes) == checksum;
        if !asked || length > id.bytes - offset || !intact {
            return Err(Refusal::Illegal);
        }
        if bytes.is_empty() {
            self.late_chunks = download.wants.len();
            cx.store.staged = None;
            self.report(cx);
            return Ok(());
        }
        // A chunk that was shorter than the one before leaves a gap behind it, which is asked for
        // once everything beyond it has come and was passed over.
        if offset == download.have {
            download.have += length;
            download.stride = length;
            cx.store.stage(&mut cx.outbox, id, offset, bytes);
        }
        self.ask(cx);
        self.install_when_whole(cx);
        Ok(())
    }

    fn ask(&mut self, cx: &mut Context) {
        let Stage::Loading(download) = &mut self.stage else {
            return;
        };
        if download
            .wants
            .front()
            .is_some_and(|offset| *offset != download.have)
        {
            return;
        }
        let ahead = if download.stride == 0 { 1 } else { WANTS_MAX };
        while download.wants.len() < ahead {
            let next = match download.wants.back() {
                Some(last) => last.saturating_add(download.stride),
                None => download.have,
            };
            if next >= download.id.bytes {
                return;
            }
            download.wants.push_back(next);
            cx.send(
                self.link,
                Message::SnapWant {
                    id: download.id,
                    offset: next,
                },
            );
        }
    }

    /// Installs a snapshot that is here in full, once nothing older is on its way to the log.
    pub(super) fn install_when_whole(&mut self, cx: &mut Context) {
        if let Stage::Loading(download) = &self.stage
            && download.have == download.id.bytes
            && cx.store.log_is_settled()
        {
            let (id, meta) = (download.id, download.meta.clone());
            self.late_chunks = download.wants.len();
            self.stage = Stage::Installing;
            cx.store.install(&mut cx.outbox, id, meta);
        }
    }

    /// The install is over, whichever way: the leader plans anew.
    pub(crate) fn on_install_ended(&mut self, cx: &mut Context) {
        assert!(
            matches!(self.stage, Stage::Installing),
            "the role that installs waits for it"
        );
        self.report(cx);
    }

    fn report(&mut self, cx: &mut Context) {
        self.stage = Stage::Planned;
        let position = cx.store.position();
        let message = Message::SnapDone {
            segments: position.segments,
            base: position.base,
            committed: position.committed,
        };
        cx.send(self.link, message);
    }
}
