//! Proof that this server still leads: a sync is answered when everything before it is committed and
//! a quorum has answered a ping that was sent after it came. Source: `zab.md` §14.

use crate::context::{Context, Next};
use crate::interface::{LinkId, Output, SyncTag};
use crate::leader::{Leader, Stage};
use crate::message::Message;
use crate::quorum::reached_by_quorum;
use alloc::vec::Vec;
use zk_types::{Instant, ServerId, Zxid, mutant};

#[derive(Clone, Copy, Debug)]
pub(crate) struct PendingSync {
    from: SyncSource,
    /// Everything through here has to be seen.
    upto: Zxid,
    /// A ping of this round or a later one has to be answered.
    round: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SyncSource {
    Local(SyncTag),
    Learner { link: LinkId, serial: u64 },
}

impl PendingSync {
    pub(super) fn is_of(&self, link: LinkId) -> bool {
        match self.from {
            SyncSource::Local(_) => false,
            SyncSource::Learner { link: mine, .. } => mine == link,
        }
    }
}

impl Leader {
    pub(crate) fn on_sync(&mut self, cx: &mut Context, tag: SyncTag) {
        match self.stage {
            Stage::Choosing
            | Stage::Promising(_)
            | Stage::Collecting(_)
            | Stage::Synchronising(_) => {}
            Stage::Broadcasting(_) => self.begin_sync(cx, SyncSource::Local(tag)),
        }
    }

    pub(super) fn on_learner_sync(
        &mut self,
        cx: &mut Context,
        link: LinkId,
        serial: u64,
    ) -> Result<Next, ()> {
        let learner = self.learners.get(&link).ok_or(())?;
        if !learner.is_serving() {
            return Err(());
        }
        self.begin_sync(cx, SyncSource::Learner { link, serial });
        Ok(Next::Stay)
    }

    fn begin_sync(&mut self, cx: &mut Context, from: SyncSource) {
        let round = mutant!("sync-by-an-old-ping", self.ping_round + 1, self.ping_round);
        self.syncs.push_back(PendingSync {
            from,
            upto: cx.store.log.last(),
            round,
        });
        self.begin_round_for_syncs(cx);
        self.answer_syncs(cx);
    }

    pub(super) fn on_pong(
        &mut self,
        cx: &mut Context,
        now: Instant,
        link: LinkId,
        round: u64,
    ) -> Result<Next, ()> {
        let learner = self.learners.get_mut(&link).ok_or(())?;
        if round > self.ping_round || round <= learner.pong {
            return Err(());
        }
        let may_send = learner.on_pong(now, round);
        self.begin_round_for_syncs(cx);
        self.readmit(cx);
        if may_send {
            return Ok(self.catch_up(cx, now, link));
        }
        self.answer_syncs(cx);
        Ok(Next::Stay)
    }

    /// Pings everybody.
    pub(super) fn begin_round(&mut self, cx: &mut Context) {
        self.ping_round += 1;
        for learner in self.learners.values_mut() {
            learner.ping(cx, self.ping_round);
        }
    }

    /// Begins a round when a sync needs one and the last one was answered: syncs that come meanwhile
    /// share the next.
    fn begin_round_for_syncs(&mut self, cx: &mut Context) {
        let needed = self
            .syncs
            .back()
            .is_some_and(|sync| sync.round > self.ping_round);
        if needed && self.confirmed_round(cx) >= self.ping_round {
            self.begin_round(cx);
        }
    }

    /// The highest round that a quorum has answered.
    fn confirmed_round(&self, cx: &Context) -> u64 {
        let mut answered: Vec<(u64, ServerId)> = self
            .learners
            .values()
            .filter(|learner| learner.is_synced() && learner.counts())
            .map(|learner| (learner.pong, learner.server))
            .collect();
        answered.push((self.ping_round, cx.me));
        reached_by_quorum(&cx.quorum, &mut answered).unwrap_or(0)
    }

    /// Answers syncs whose conditions hold. Later ones of a source have later conditions, so the order
    /// of each source is kept.
    pub(super) fn answer_syncs(&mut self, cx: &mut Context) {
        if self.syncs.is_empty() {
            return;
        }
        let confirmed = mutant!("sync-without-quorum", self.confirmed_round(cx), u64::MAX);
        let learners = &self.learners;
        self.syncs.retain(|sync| {
            if sync.round > confirmed {
                return true;
            }
            match sync.from {
                SyncSource::Local(tag) => {
                    if sync.upto > cx.store.delivered() {
                        return true;
                    }
                    cx.outbox.push_back(Output::SyncDone { tag });
                }
                SyncSource::Learner { link, serial } => {
                    let told = learners.get(&link).and_then(|learner| learner.stream());
                    if told.is_none_or(|stream| sync.upto > stream.told) {
                        return true;
                    }
                    cx.send(link, Message::SyncDone { serial });
                }
            }
            false
        });
    }
}
