//! Broadcast at the leader: propose, count, commit. Source: `zab.md` §9.

use crate::context::{Context, Next};
use crate::interface::{LinkId, Note, Output};
use crate::leader::{Leader, Stage};
use crate::message::Message;
use crate::quorum::reached_by_quorum;
use crate::timers::Timer;
use alloc::vec::Vec;
use zk_types::{Bytes, Epoch, Instant, RecordBody, ServerId, Zxid, mutant};

impl Leader {
    /// The zxid of the next transaction, when one may be proposed.
    pub(crate) fn next_zxid(&self, cx: &Context) -> Option<Zxid> {
        let last = cx.store.log.last();
        match self.stage {
            Stage::Choosing
            | Stage::Promising(_)
            | Stage::Collecting(_)
            | Stage::Synchronising(_) => None,
            Stage::Broadcasting(_) if last.counter() < cx.config.counter_max => last.successor(),
            Stage::Broadcasting(_) => None,
        }
    }

    /// # Panics
    /// When nothing may be proposed.
    pub(crate) fn propose(&mut self, cx: &mut Context, now: Instant, payload: Bytes) -> Next {
        let zxid = self
            .next_zxid(cx)
            .expect("a transaction is proposed when one may be");
        let record = cx.store.record(zxid, RecordBody::Txn(payload));
        cx.store.append(&mut cx.outbox, record);
        let mut next = Next::Stay;
        let links: Vec<LinkId> = self.learners.keys().copied().collect();
        for link in links {
            if next == Next::Stay {
                next = self.pump(cx, now, link);
            }
        }
        next
    }

    pub(super) fn on_ack(
        &mut self,
        cx: &mut Context,
        now: Instant,
        link: LinkId,
        zxid: Zxid,
    ) -> Result<Next, ()> {
        let learner = self.learners.get_mut(&link).ok_or(())?;
        let was_synced = learner.is_synced();
        learner.on_ack(cx, zxid)?;
        if !was_synced {
            learner.progress_at = now;
            learner.await_readmission(self.ping_round);
            // It lost that promise with its disk, or somebody spoke in its name.
            self.locked_out.remove(learner.server);
            if self.locked_out.is_empty() {
                cx.timers.clear(Timer::Renew);
            }
            let is_established = matches!(self.stage, Stage::Broadcasting(_));
            if mutant!("uptodate-before-quorum", is_established, true) {
                learner.tell_uptodate(cx);
            }
        }
        let next = self.advance(cx, now);
        if next != Next::Stay {
            return Ok(next);
        }
        if !was_synced && matches!(self.stage, Stage::Broadcasting(_)) {
            // A sync waits for who was pinged, and it was not yet.
            self.begin_round(cx);
        }
        Ok(self.catch_up(cx, now, link))
    }

    /// Sends more to a learner that took something, and what depends on it.
    pub(super) fn catch_up(&mut self, cx: &mut Context, now: Instant, link: LinkId) -> Next {
        let next = self.pump(cx, now, link);
        if let Some(learner) = self.learners.get_mut(&link) {
            learner.tell_commit(cx);
        }
        self.answer_syncs(cx);
        next
    }

    /// Commits the highest record of this epoch that a quorum has acknowledged in it. Records of
    /// earlier epochs commit with the marker and only so.
    pub(super) fn advance_commit(&mut self, cx: &mut Context, now: Instant, epoch: Epoch) -> Next {
        let own = mutant!(
            "leader-ack-before-durable",
            cx.store.durable(),
            cx.store.log.last()
        );
        let mut acked: Vec<(Zxid, ServerId)> = self
            .learners
            .values()
            .filter(|learner| learner.counts())
            .filter(|learner| learner.is_synced())
            .filter_map(|learner| Some((learner.stream()?.matched, learner.server)))
            .collect();
        acked.push((own, cx.me));
        let reached = mutant!(
            "commit-without-a-quorum",
            reached_by_quorum(&cx.quorum, &mut acked),
            Some(own)
        );
        if let Some(zxid) = reached.filter(|zxid| *zxid >= Zxid::marker(epoch)) {
            cx.store.commit(zxid);
        }
        cx.store.deliver(&mut cx.outbox);
        for learner in self.learners.values_mut() {
            learner.tell_commit(cx);
        }
        self.answer_syncs(cx);
        self.check_counter(cx, now)
    }

    /// When the epoch has no zxids left and everything is done, a new one begins.
    fn check_counter(&mut self, cx: &mut Context, _now: Instant) -> Next {
        let last = cx.store.log.last();
        let is_done = cx.store.delivered() == last && cx.store.committed() == last;
        let is_full = last.counter() >= cx.config.counter_max;
        if is_done && mutant!("counter-runs-dry", is_full, false) {
            cx.note(Note::CounterExhausted);
            return Next::LOOK;
        }
        Next::Stay
    }

    pub(super) fn on_app(
        &mut self,
        cx: &mut Context,
        link: LinkId,
        bytes: Bytes,
    ) -> Result<Next, ()> {
        let learner = self.learners.get(&link).ok_or(())?;
        if !learner.is_serving() {
            return Err(());
        }
        cx.outbox.push_back(Output::App {
            from: learner.server,
            bytes,
        });
        Ok(Next::Stay)
    }

    pub(crate) fn send_to_learner(&self, cx: &mut Context, to: ServerId, bytes: Bytes) {
        let learner = self.learners.values().find(|learner| learner.server == to);
        if let Some(learner) = learner.filter(|learner| learner.is_serving()) {
            cx.send(learner.link, Message::App { bytes });
        }
    }
}
