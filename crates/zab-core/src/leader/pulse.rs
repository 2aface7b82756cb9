//! What a leader does twice per tick: drop the silent and the slow, see that a quorum is there, ping,
//! and readmit servers that lost their promises. Source: `zab.md` §10, §17.

use crate::context::{Context, Next};
use crate::interface::{CloseReason, LinkId, Note};
use crate::leader::learner::{Learner, Readmission};
use crate::leader::{Leader, Stage};
use crate::message::Message;
use crate::timers::Timer;
use alloc::vec::Vec;
use zk_types::{Epoch, Instant, Standing, mutant};

impl Leader {
    pub(super) fn on_pulse(&mut self, cx: &mut Context, now: Instant) -> Next {
        cx.set_timer(Timer::Pulse, now + cx.config.tick / 2);
        if self.disk_stalls(cx, now) {
            cx.disk_is_stalled = true;
            cx.note(Note::DiskStalled);
            return Next::LOOK;
        }
        let doomed: Vec<(LinkId, CloseReason)> = self
            .learners
            .values()
            .filter_map(|learner| Some((learner.link, self.verdict(cx, now, learner)?)))
            .collect();
        for (link, why) in doomed {
            self.drop_learner(cx, link, why);
        }
        self.pin(cx);
        let next = self.check_support(cx);
        if next == Next::Stay {
            self.begin_round(cx);
            self.readmit(cx);
            self.answer_syncs(cx);
        }
        next
    }

    /// Whether writes wait and none has been finished for long. Followers could commit without this
    /// server, but its clients would wait.
    fn disk_stalls(&mut self, cx: &Context, now: Instant) -> bool {
        let durable = cx.store.durable();
        if cx.store.log_is_settled() || durable != self.durable.0 {
            self.durable = (durable, now);
        }
        now.since(self.durable.1) > cx.ticks(cx.config.sync_limit)
    }

    /// Why a learner has to go, if it has.
    fn verdict(&self, cx: &Context, now: Instant, learner: &Learner) -> Option<CloseReason> {
        let init = cx.ticks(cx.config.init_limit);
        let sync = cx.ticks(cx.config.sync_limit);
        if learner.is_synced() {
            let is_silent = now.since(learner.heard_at) > sync;
            if mutant!("silent-learner-kept", is_silent, false) {
                return Some(CloseReason::Silence);
            }
            let owes = learner
                .owes_since()
                .is_some_and(|since| now.since(since) > sync);
            return owes.then_some(CloseReason::Slow);
        }
        match self.stage {
            Stage::Choosing | Stage::Promising(_) | Stage::Collecting(_) => None,
            Stage::Synchronising(_) | Stage::Broadcasting(_) => {
                if now.since(learner.heard_at) > init {
                    return Some(CloseReason::Silence);
                }
                (now.since(learner.progress_at) > init + sync).then_some(CloseReason::Slow)
            }
        }
    }

    /// Offers readmission to amnesiac learners when all voters are here.
    ///
    /// What a wiped disk may have forgotten is a promise to a candidate, and candidates are voters.
    /// Each other voter is synchronised in this epoch and has answered a ping that was sent after this
    /// learner, in its present life, was synchronised too. So each of them, then, had promised nothing
    /// above this epoch, and was no candidate; one that becomes a candidate later asks for new
    /// promises, which this learner will remember. Hence every promise it may have forgotten is of this
    /// epoch or an earlier one, and its promise of this epoch covers them all.
    pub(super) fn readmit(&mut self, cx: &mut Context) {
        let Stage::Broadcasting(_) = self.stage else {
            return;
        };
        let offered: Vec<LinkId> = self
            .learners
            .values()
            .filter(|learner| learner.standing == Standing::Amnesiac && learner.is_serving())
            .filter(|learner| self.all_others_answered(cx, learner))
            .map(|learner| learner.link)
            .collect();
        for link in offered {
            let learner = self.learners.get_mut(&link).expect("the learner is here");
            let stream = learner
                .stream_mut()
                .expect("a serving learner is sent records");
            stream.readmission = Readmission::Offered;
            cx.send(link, Message::Readmitted);
        }
    }

    fn all_others_answered(&self, cx: &Context, learner: &Learner) -> bool {
        let after = match learner.stream().map(|stream| stream.readmission) {
            Some(Readmission::After(round)) => round,
            Some(Readmission::Offered) | None => return false,
        };
        let answered = |server| {
            self.learners
                .values()
                .any(|other| other.server == server && other.is_synced() && other.pong >= after)
        };
        let all = cx
            .voters
            .iter()
            .all(|server| server == cx.me || answered(server));
        mutant!("readmitted-without-all", all, true)
    }

    /// A learner that was offered readmission remembers promises again.
    pub(super) fn on_readmitted(
        &mut self,
        cx: &mut Context,
        now: Instant,
        link: LinkId,
        accepted: Epoch,
        standing: Standing,
    ) -> Result<Next, ()> {
        let epoch = self.epoch().ok_or(())?;
        let learner = self.learners.get_mut(&link).ok_or(())?;
        let is_offered = learner
            .stream()
            .is_some_and(|s| s.readmission == Readmission::Offered);
        let fits = (accepted, standing) == (epoch, Standing::Member);
        if !is_offered || !fits || learner.standing != Standing::Amnesiac {
            return Err(());
        }
        learner.standing = standing;
        Ok(self.advance(cx, now))
    }
}
