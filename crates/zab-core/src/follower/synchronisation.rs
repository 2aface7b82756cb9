//! Synchronisation at the follower: its log becomes a prefix of the leader's. At every instant it is a
//! prefix of its own old history or of the leader's, so stopping anywhere is safe.
//! Source: `zab.md` §8.3.

use crate::context::Context;
use crate::follower::{Follower, Refusal, Stage};
use crate::interface::Role;
use crate::message::{Message, PeerState};
use zk_types::{Epoch, Instant, Record, Standing, Zxid, mutant};

impl Follower {
    pub(super) fn on_diff(&mut self) -> Result<(), Refusal> {
        self.begin_records()
    }

    pub(super) fn on_trunc(&mut self, cx: &mut Context, to: Zxid) -> Result<(), Refusal> {
        if !cx.store.log.holds(to) || to >= cx.store.log.last() {
            return Err(Refusal::Illegal);
        }
        self.begin_records()?;
        if to < cx.store.committed() {
            return Err(Refusal::Contradiction);
        }
        cx.store.truncate(&mut cx.outbox, to);
        Ok(())
    }

    fn begin_records(&mut self) -> Result<(), Refusal> {
        if !matches!(self.stage, Stage::Planned) || self.late_chunks > 0 {
            return Err(Refusal::Illegal);
        }
        self.stage = Stage::Synchronising { target: None };
        Ok(())
    }

    pub(super) fn on_proposal(&mut self, cx: &mut Context, record: Record) -> Result<(), Refusal> {
        match self.stage {
            Stage::Synchronising { .. } | Stage::Acknowledged | Stage::Broadcasting => {}
            Stage::Dialling
            | Stage::Informing
            | Stage::Informed
            | Stage::Promising { .. }
            | Stage::Planned
            | Stage::Loading(_)
            | Stage::Installing => return Err(Refusal::Illegal),
        }
        if record.zxid.epoch() > self.epoch || cx.store.log.check(&record).is_err() {
            return Err(Refusal::Illegal);
        }
        cx.store.append(&mut cx.outbox, record);
        self.acknowledge(cx);
        Ok(())
    }

    pub(super) fn on_new_leader(
        &mut self,
        cx: &mut Context,
        now: Instant,
        epoch: Epoch,
        target: Zxid,
    ) -> Result<(), Refusal> {
        let Stage::Synchronising { target: None } = self.stage else {
            return Err(Refusal::Illegal);
        };
        if epoch != self.epoch || target.epoch() != epoch || target != cx.store.log.last() {
            return Err(Refusal::Illegal);
        }
        self.stage = Stage::Synchronising {
            target: Some(target),
        };
        self.acknowledge_new_leader(cx);
        self.arm_silence(cx, now);
        Ok(())
    }

    /// Acknowledges `NEWLEADER` when everything through its target is durable, and the disk knows that
    /// this server may be counted.
    pub(super) fn acknowledge_new_leader(&mut self, cx: &mut Context) {
        let Stage::Synchronising {
            target: Some(target),
        } = self.stage
        else {
            return;
        };
        let durable = cx.store.durable() >= target;
        if !mutant!("newleader-ack-before-history", durable, true) {
            return;
        }
        // A plan that reaches beyond the marker shows that the epoch is established.
        let becomes_member = match cx.standing() {
            Standing::Damaged => true,
            Standing::Fresh => !target.is_marker(),
            Standing::Member | Standing::Amnesiac => false,
        };
        if becomes_member {
            cx.become_standing(Standing::Member);
        }
        if !cx.store.promise_is_settled() {
            return;
        }
        self.stage = Stage::Acknowledged;
        self.acked = target;
        cx.send(self.link, Message::Ack { zxid: target });
        self.acknowledge(cx);
    }

    pub(super) fn on_up_to_date(
        &mut self,
        cx: &mut Context,
        now: Instant,
        committed: Zxid,
    ) -> Result<(), Refusal> {
        let is_sound = matches!(self.stage, Stage::Acknowledged)
            && committed >= Zxid::marker(self.epoch)
            && committed <= self.acked
            && cx.store.log.holds(committed);
        if !is_sound {
            return Err(Refusal::Illegal);
        }
        if cx.standing() == Standing::Fresh {
            cx.become_standing(Standing::Member);
        }
        self.stage = Stage::Broadcasting;
        self.vote.epoch = self.epoch;
        cx.failures = (None, 0);
        cx.store.commit(mutant!(
            "uncommitted-diff-applied",
            committed,
            cx.store.log.last()
        ));
        self.deliver(cx);
        cx.show_role(Role::Following {
            leader: self.vote.leader,
            epoch: self.epoch,
        });
        cx.notify_askers(self.vote, PeerState::Following);
        self.arm_silence(cx, now);
        Ok(())
    }
}
