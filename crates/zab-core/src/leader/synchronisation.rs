//! Synchronisation at the leader: every learner is brought to this history, then the epoch is
//! established. Source: `zab.md` §8, §10.

use crate::context::{Context, Next};
use crate::interface::{CloseReason, LinkId, Note, Role};
use crate::leader::learner::Pumped;
use crate::leader::{Leader, Stage};
use crate::message::PeerState;
use crate::plan::{Plan, Position, plan};
use crate::quorum::Quorum;
use crate::server_set::ServerSet;
use crate::timers::Timer;
use zk_types::{Epoch, Instant, Standing, Zxid, mutant};

impl Leader {
    /// Plans for a learner and registers it for everything that is proposed from now on, in one step:
    /// nothing can fall between.
    pub(super) fn synchronise(
        &mut self,
        cx: &mut Context,
        now: Instant,
        link: LinkId,
        position: Position,
    ) -> Next {
        let plan = plan(cx.store.log.segments(), cx.store.log.start(), &position);
        let Some(learner) = self.learners.get_mut(&link) else {
            return Next::Stay;
        };
        let server = learner.server;
        let from = match plan {
            Plan::Diff => position.last(),
            Plan::Trunc(to) => to,
            Plan::Snap(common) => {
                self.offer_snapshot(cx, link, common, position);
                return Next::Stay;
            }
            Plan::Contradiction => {
                cx.note(Note::Contradiction { with: server });
                self.drop_learner(cx, link, CloseReason::Contradiction);
                return self.check_support(cx);
            }
        };
        if let Some(opening) = plan.opening() {
            cx.send(link, opening);
        }
        learner.begin_stream(cx, from);
        cx.note(Note::Synchronising {
            learner: server,
            plan: plan.name(),
        });
        self.pin(cx);
        self.pump(cx, now, link)
    }

    /// Sends a learner what it may be sent.
    pub(super) fn pump(&mut self, cx: &mut Context, now: Instant, link: LinkId) -> Next {
        let epoch = self.epoch().expect("learners are sent records of an epoch");
        let Some(learner) = self.learners.get_mut(&link) else {
            return Next::Stay;
        };
        match learner.pump(cx, now, epoch) {
            Pumped::Enough => {}
            Pumped::WantsCredit => {
                self.ping_round += 1;
                learner.ask_credit(cx, self.ping_round);
            }
            Pumped::Fell => {
                self.drop_learner(cx, link, CloseReason::Slow);
                return self.check_support(cx);
            }
        }
        Next::Stay
    }

    /// The epoch that is led, once it is chosen.
    pub(crate) fn epoch(&self) -> Option<Epoch> {
        match self.stage {
            Stage::Choosing => None,
            Stage::Promising(epoch)
            | Stage::Collecting(epoch)
            | Stage::Synchronising(epoch)
            | Stage::Broadcasting(epoch) => Some(epoch),
        }
    }

    /// Establishes the epoch when a quorum has its initial history, this server among them: it has
    /// to deliver all of it before it proposes.
    pub(super) fn establish(&mut self, cx: &mut Context, now: Instant, epoch: Epoch) -> Next {
        let marker = Zxid::marker(epoch);
        mutant!(
            "commit-earlier-epoch-by-count",
            (),
            self.commit_by_count(cx)
        );
        let own = mutant!(
            "leader-ack-before-durable",
            cx.store.durable(),
            cx.store.log.last()
        );
        let acked: ServerSet = mutant!("establish-on-promises", self.synced(cx), self.promised);
        if own < marker || !cx.quorum.is_quorum(acked) {
            return Next::Stay;
        }
        if cx.standing() == Standing::Fresh {
            cx.become_standing(Standing::Member);
        }
        if cx.store.promise_durable().standing != Standing::Member {
            return Next::Stay;
        }
        self.stage = Stage::Broadcasting(epoch);
        self.established_at = now;
        self.vote.epoch = epoch;
        cx.failures = (None, 0);
        cx.timers.clear(Timer::Prepare);
        cx.store.commit(marker);
        cx.store.deliver(&mut cx.outbox);
        cx.show_role(Role::Leading { epoch });
        for learner in self.learners.values_mut() {
            learner.tell_uptodate(cx);
        }
        cx.notify_askers(self.vote, PeerState::Leading);
        self.advance_commit(cx, now, epoch)
    }

    /// What must not be done: a record of an earlier epoch that is on many disks may still be cut by a
    /// leader of an epoch between.
    #[cfg(mutants)]
    fn commit_by_count(&self, cx: &mut Context) {
        let mut held: alloc::vec::Vec<(Zxid, zk_types::ServerId)> = self
            .learners
            .values()
            .filter_map(|learner| Some((learner.stream()?.matched, learner.server)))
            .collect();
        held.push((cx.store.durable(), cx.me));
        if let Some(zxid) = crate::quorum::reached_by_quorum(&cx.quorum, &mut held) {
            cx.store.commit(zxid);
            cx.store.deliver(&mut cx.outbox);
        }
    }
}
