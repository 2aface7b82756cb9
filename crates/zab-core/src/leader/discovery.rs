//! Discovery at the leader: an epoch above all promises of a quorum, and a quorum that promises it.
//! Source: `zab.md` §7.

use crate::context::{Context, Next};
use crate::interface::{CloseReason, LinkId, Note, Role};
use crate::leader::learner::LearnerStage;
use crate::leader::{Leader, Stage};
use crate::message::{Message, PeerState};
use crate::plan::Position;
use crate::quorum::Quorum;
use crate::server_set::ServerSet;
use crate::standing::counts_among;
use crate::timers::Timer;
use alloc::vec::Vec;
use zk_types::{Epoch, Instant, RecordBody, Standing, Zxid, mutant};

impl Leader {
    pub(super) fn on_follower_info(
        &mut self,
        cx: &mut Context,
        now: Instant,
        link: LinkId,
        accepted: Epoch,
        standing: Standing,
    ) -> Next {
        let learner = self.learners.get_mut(&link).expect("the learner is here");
        let server = learner.server;
        // No epoch can start above it, so nobody that speaks the truth got there.
        if accepted >= Epoch::MAX {
            cx.note(Note::IllegalMessage {
                from: server,
                what: "FOLLOWERINFO",
            });
            self.drop_learner(cx, link, CloseReason::Illegal);
            return self.check_support(cx);
        }
        if cx.meet(standing).is_some() {
            return Next::LOOK;
        }
        let learner = self.learners.get_mut(&link).expect("the learner is here");
        cx.stopped_asking(server);
        if standing == Standing::Fresh && cx.standing() != Standing::Fresh {
            cx.notify(server, Some(self.vote), PeerState::Leading);
            self.drop_learner(cx, link, CloseReason::Standing);
            return self.check_support(cx);
        }
        learner.stage = LearnerStage::Informed;
        learner.standing = standing;
        learner.progress_at = now;
        cx.epoch_floor = cx.epoch_floor.max(accepted);
        let counts = counts_among(self.basis, standing);
        if !counts {
            self.supporters.remove(server);
        }
        match self.stage {
            Stage::Choosing => {
                if counts {
                    self.promises.insert(server, accepted);
                }
                self.advance(cx, now)
            }
            Stage::Promising(epoch)
            | Stage::Collecting(epoch)
            | Stage::Synchronising(epoch)
            | Stage::Broadcasting(epoch) => {
                if accepted > epoch {
                    return self.on_locked_out(cx, now, link);
                }
                self.tell_epoch(cx, link);
                Next::Stay
            }
        }
    }

    /// A voter that promised a later epoch can never follow this one. Without a new epoch the
    /// ensemble would bear one failure less from now on.
    fn on_locked_out(&mut self, cx: &mut Context, now: Instant, link: LinkId) -> Next {
        let learner = self.learners.get(&link).expect("the learner is here");
        let (learner, counts) = (learner.server, counts_among(self.basis, learner.standing));
        self.drop_learner(cx, link, CloseReason::StaleEpoch);
        cx.note(Note::LockedOut { learner });
        if mutant!("locked-out-for-ever", false, true) {
            return self.check_support(cx);
        }
        match self.stage {
            Stage::Choosing
            | Stage::Promising(_)
            | Stage::Collecting(_)
            | Stage::Synchronising(_)
                if counts =>
            {
                Next::LOOK
            }
            Stage::Choosing
            | Stage::Promising(_)
            | Stage::Collecting(_)
            | Stage::Synchronising(_) => self.check_support(cx),
            Stage::Broadcasting(_) => {
                self.locked_out.insert(learner);
                if !cx.timers.is_set(Timer::Renew) {
                    let settled = self.established_at + cx.ticks(cx.config.sync_limit);
                    cx.set_timer(Timer::Renew, settled.max(now));
                }
                self.check_support(cx)
            }
        }
    }

    /// Goes as far as what is known and durable allows.
    pub(crate) fn advance(&mut self, cx: &mut Context, now: Instant) -> Next {
        match self.stage {
            Stage::Choosing => self.choose(cx, now),
            Stage::Promising(epoch) => self.announce(cx, now, epoch),
            Stage::Collecting(epoch) => self.collect(cx, now, epoch),
            Stage::Synchronising(epoch) => self.establish(cx, now, epoch),
            Stage::Broadcasting(epoch) => self.advance_commit(cx, now, epoch),
        }
    }

    fn choose(&mut self, cx: &mut Context, now: Instant) -> Next {
        let informed: ServerSet = self.promises.keys().copied().collect();
        if !self.suffices(cx, informed) {
            return Next::Stay;
        }
        let highest = self
            .promises
            .values()
            .copied()
            .fold(cx.epoch_floor, Epoch::max);
        let highest = highest.max(cx.store.promise().accepted);
        let next = highest.successor();
        let Some(epoch) = mutant!(
            "epoch-reused",
            next,
            next.filter(|_| highest.0 == 0).or(Some(highest))
        ) else {
            return Next::Stay;
        };
        cx.promise_epoch(epoch);
        self.stage = Stage::Promising(epoch);
        self.announce(cx, now, epoch)
    }

    /// Whether these servers may begin an epoch: a quorum, or everybody where an ensemble is founded.
    /// With less, wiped disks could found another one while those that remember are away.
    fn suffices(&self, cx: &Context, servers: ServerSet) -> bool {
        match self.basis {
            Standing::Fresh => {
                let mut voters = cx.config.voters.iter();
                let all = voters.all(|voter| servers.contains(*voter));
                mutant!("founded-by-a-quorum", all, cx.quorum.is_quorum(servers))
            }
            Standing::Member | Standing::Damaged | Standing::Amnesiac => {
                cx.quorum.is_quorum(servers)
            }
        }
    }

    /// The epoch is told to nobody, and this server counts nowhere, before its promise is durable:
    /// after a crash it would choose the same epoch again.
    fn announce(&mut self, cx: &mut Context, now: Instant, epoch: Epoch) -> Next {
        if !cx.store.promise_is_settled() {
            return Next::Stay;
        }
        self.stage = Stage::Collecting(epoch);
        self.promised.insert(cx.me);
        cx.show_role(Role::LeadingPrepare { epoch: Some(epoch) });
        let links: Vec<LinkId> = self.learners.keys().copied().collect();
        for link in links {
            self.tell_epoch(cx, link);
        }
        self.collect(cx, now, epoch)
    }

    fn tell_epoch(&mut self, cx: &mut Context, link: LinkId) {
        let epoch = match self.stage {
            Stage::Choosing | Stage::Promising(_) => return,
            Stage::Collecting(epoch) | Stage::Synchronising(epoch) | Stage::Broadcasting(epoch) => {
                epoch
            }
        };
        let learner = self.learners.get_mut(&link).expect("the learner is here");
        if matches!(learner.stage, LearnerStage::Informed) {
            learner.stage = LearnerStage::Asked;
            cx.send(link, Message::LeaderInfo { epoch });
        }
    }

    pub(super) fn on_ack_epoch(
        &mut self,
        cx: &mut Context,
        now: Instant,
        link: LinkId,
        position: Position,
        counted: bool,
    ) -> Result<Next, ()> {
        let learner = self.learners.get_mut(&link).ok_or(())?;
        if !matches!(learner.stage, LearnerStage::Asked) {
            return Err(());
        }
        learner.progress_at = now;
        match self.stage {
            Stage::Choosing | Stage::Promising(_) => Err(()),
            Stage::Collecting(epoch) => {
                let last = position.last();
                learner.stage = LearnerStage::Positioned(position);
                if !counted || !counts_among(self.basis, learner.standing) {
                    return Ok(Next::Stay);
                }
                let is_ahead = last > cx.store.log.last();
                if mutant!("stale-follower-elected", is_ahead, false) {
                    return Ok(Next::LOOK);
                }
                self.promised.insert(learner.server);
                Ok(self.collect(cx, now, epoch))
            }
            Stage::Synchronising(_) | Stage::Broadcasting(_) => {
                Ok(self.synchronise(cx, now, link, position))
            }
        }
    }

    /// A quorum has promised the epoch: this server's history is its initial history.
    fn collect(&mut self, cx: &mut Context, now: Instant, epoch: Epoch) -> Next {
        if !self.suffices(cx, self.promised) {
            return Next::Stay;
        }
        let marker = cx.store.record(Zxid::marker(epoch), RecordBody::Marker);
        cx.store.append(&mut cx.outbox, marker);
        self.stage = Stage::Synchronising(epoch);
        cx.set_timer(Timer::Prepare, now + cx.ticks(cx.config.init_limit));
        let positioned: Vec<(LinkId, Position)> = self
            .learners
            .values()
            .filter_map(|learner| match &learner.stage {
                LearnerStage::Positioned(position) => Some((learner.link, position.clone())),
                LearnerStage::Connected
                | LearnerStage::Informed
                | LearnerStage::Asked
                | LearnerStage::Waiting(_)
                | LearnerStage::Transfer(_)
                | LearnerStage::Streaming(_) => None,
            })
            .collect();
        let mut next = Next::Stay;
        for (link, position) in positioned {
            if next == Next::Stay {
                next = self.synchronise(cx, now, link, position);
            }
        }
        next
    }
}
