//! Broadcast at the follower: log, acknowledge what is durable, deliver what is committed.
//! Source: `zab.md` §9, §14.

use crate::context::Context;
use crate::follower::{Follower, PendingSync, Readmission, Refusal, Stage};
use crate::interface::{Output, SyncTag};
use crate::message::Message;
use zk_types::{Bytes, Promise, Standing, Zxid, mutant};

impl Follower {
    /// Acknowledges everything durable that may be.
    pub(super) fn acknowledge(&mut self, cx: &mut Context) {
        match self.stage {
            Stage::Acknowledged | Stage::Broadcasting => {}
            Stage::Synchronising { .. }
                if mutant!("proposal-acked-before-newleader", false, true) => {}
            Stage::Dialling
            | Stage::Informing
            | Stage::Informed
            | Stage::Promising { .. }
            | Stage::Planned
            | Stage::Loading(_)
            | Stage::Installing
            | Stage::Synchronising { .. } => return,
        }
        let durable = mutant!(
            "ack-before-durable",
            cx.store.durable(),
            cx.store.log.last()
        );
        // A transaction is acknowledged by members only: whoever took part in one knows, after any
        // crash, that the ensemble is founded.
        let is_fresh = mutant!(
            "fresh-acknowledges",
            cx.store.promise_durable().standing == Standing::Fresh,
            false
        );
        if durable > self.acked && !is_fresh {
            self.acked = durable;
            cx.send(self.link, Message::Ack { zxid: durable });
        }
    }

    pub(super) fn deliver(&mut self, cx: &mut Context) {
        if !matches!(self.stage, Stage::Broadcasting) {
            return;
        }
        cx.store.deliver(&mut cx.outbox);
        while let Some(sync) = self.syncs.front()
            && sync.confirmed.is_some_and(|upto| {
                mutant!("sync-before-apply", upto <= cx.store.delivered(), true)
            })
        {
            cx.outbox.push_back(Output::SyncDone { tag: sync.tag });
            self.syncs.pop_front();
        }
    }

    pub(super) fn on_commit(&mut self, cx: &mut Context, zxid: Zxid) -> Result<(), Refusal> {
        match self.stage {
            Stage::Acknowledged | Stage::Broadcasting if cx.store.log.holds(zxid) => {
                cx.store.commit(zxid);
                self.deliver(cx);
                Ok(())
            }
            Stage::Dialling
            | Stage::Informing
            | Stage::Informed
            | Stage::Promising { .. }
            | Stage::Planned
            | Stage::Loading(_)
            | Stage::Installing
            | Stage::Synchronising { .. }
            | Stage::Acknowledged
            | Stage::Broadcasting => Err(Refusal::Illegal),
        }
    }

    /// Answers at once, whatever the disk is doing.
    pub(super) fn on_ping(
        &mut self,
        cx: &mut Context,
        round: u64,
        committed: Zxid,
    ) -> Result<(), Refusal> {
        match self.stage {
            Stage::Dialling | Stage::Informing | Stage::Informed => return Err(Refusal::Illegal),
            Stage::Promising { .. }
            | Stage::Planned
            | Stage::Loading(_)
            | Stage::Installing
            | Stage::Synchronising { .. } => {}
            Stage::Acknowledged | Stage::Broadcasting => self.on_commit(cx, committed)?,
        }
        cx.send(self.link, Message::Pong { round });
        Ok(())
    }

    pub(crate) fn on_sync(&mut self, cx: &mut Context, tag: SyncTag) {
        if matches!(self.stage, Stage::Broadcasting) {
            self.sync_serial += 1;
            let serial = self.sync_serial;
            self.syncs.push_back(PendingSync {
                tag,
                serial,
                confirmed: None,
            });
            cx.send(self.link, Message::Sync { serial });
        }
    }

    /// The commit of everything that was proposed before the sync came before this message.
    pub(super) fn on_sync_done(&mut self, cx: &mut Context, serial: u64) -> Result<(), Refusal> {
        let waiting = self.syncs.iter_mut().find(|sync| sync.confirmed.is_none());
        let Some(sync) = waiting.filter(|sync| sync.serial == serial) else {
            return Err(Refusal::Illegal);
        };
        sync.confirmed = Some(cx.store.committed());
        self.deliver(cx);
        Ok(())
    }

    pub(super) fn on_app(&mut self, cx: &mut Context, bytes: Bytes) -> Result<(), Refusal> {
        if !matches!(self.stage, Stage::Broadcasting) {
            return Err(Refusal::Illegal);
        }
        cx.outbox.push_back(Output::App {
            from: self.vote.leader,
            bytes,
        });
        Ok(())
    }

    pub(crate) fn send_to_leader(&self, cx: &mut Context, bytes: Bytes) {
        if matches!(self.stage, Stage::Broadcasting) {
            cx.send(self.link, Message::App { bytes });
        }
    }

    /// Every voter follows the leader, so no promise that this disk forgot can be above its epoch.
    pub(super) fn on_readmitted(&mut self, cx: &mut Context) -> Result<(), Refusal> {
        let is_offer = matches!(self.stage, Stage::Broadcasting)
            && cx.standing() == Standing::Amnesiac
            && self.readmission == Readmission::None;
        if !is_offer {
            return Err(Refusal::Illegal);
        }
        let accepted = cx.store.promise().accepted.max(self.epoch);
        let promise = Promise {
            accepted,
            standing: Standing::Member,
        };
        cx.store.write_promise(&mut cx.outbox, promise);
        cx.note(crate::interface::Note::Standing(Standing::Member));
        self.readmission = Readmission::Writing;
        Ok(())
    }

    /// Says that promises are remembered again; acknowledgements count from here on.
    pub(super) fn confirm_readmission(&mut self, cx: &mut Context) {
        if self.readmission == Readmission::Writing && cx.store.promise_is_settled() {
            self.readmission = Readmission::None;
            let accepted = cx.store.promise().accepted;
            let standing = Standing::Member;
            cx.send(self.link, Message::FollowerInfo { accepted, standing });
        }
    }
}
