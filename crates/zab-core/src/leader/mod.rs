//! Leading: an epoch is chosen and promised, histories are made equal, then transactions flow.
//!
//! ```text
//! Choosing --quorum of FOLLOWERINFO--> Promising --own promise durable--> Collecting
//!     --quorum of ACKEPOCH, marker appended--> Synchronising
//!     --quorum of NEWLEADER acks--> Broadcasting
//! ```

mod broadcast;
mod confirm;
mod discovery;
pub(crate) mod learner;
mod pulse;
mod synchronisation;
pub(crate) mod transfer;

use crate::context::{Context, Next};
use crate::interface::{CloseReason, LinkId, Note, Role};
use crate::looking::Waiting;
use crate::message::{Message, Notification, PeerState, Vote};
use crate::plan::Position;
use crate::quorum::Quorum;
use crate::server_set::ServerSet;
use crate::summary::Phase;
use crate::timers::Timer;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use confirm::PendingSync;
use learner::{Learner, LearnerStage};
use zk_types::{Epoch, Instant, ServerId, Standing, Zxid};

#[derive(Clone, Debug)]
pub(crate) struct Leader {
    /// What was elected; its epoch becomes the one that is led.
    vote: Vote,
    /// The round of the election.
    round: u64,
    stage: Stage,
    /// Whether this server was fresh or a member when it began: it counts its like.
    basis: Standing,
    /// What each counted server had promised, itself included.
    promises: BTreeMap<ServerId, Epoch>,
    /// Who promised this epoch to this leader. A promise outlives the link that carried it.
    promised: ServerSet,
    /// Who may still be expected to follow, before the epoch is established.
    supporters: ServerSet,
    /// Who showed a later promise than this epoch, and has not followed since.
    locked_out: ServerSet,
    pub(crate) learners: BTreeMap<LinkId, Learner>,
    ping_round: u64,
    syncs: VecDeque<PendingSync>,
    /// A snapshot was asked for when this was the last applied record.
    snapshot_asked: Option<Zxid>,
    established_at: Instant,
    /// The last durable record, and when it was first seen to be the last.
    durable: (Zxid, Instant),
}

/// How far the reign has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Waits for a quorum's promises to choose an epoch above them.
    Choosing,
    /// Writes its own promise.
    Promising(Epoch),
    /// Waits for a quorum to promise the epoch.
    Collecting(Epoch),
    /// Its history is that of the epoch; waits for a quorum to have it.
    Synchronising(Epoch),
    /// Established.
    Broadcasting(Epoch),
}

impl Leader {
    pub(crate) fn start(
        cx: &mut Context,
        now: Instant,
        vote: Vote,
        support: ServerSet,
        waiting: Vec<(ServerId, Waiting)>,
    ) -> (Self, Next) {
        cx.begin_role();
        cx.show_role(Role::LeadingPrepare { epoch: None });
        cx.set_timer(Timer::Prepare, now + cx.ticks(cx.config.init_limit));
        cx.set_timer(Timer::Pulse, now + cx.config.tick / 2);
        let mut leader = Leader {
            vote,
            round: cx.round,
            stage: Stage::Choosing,
            basis: cx.standing(),
            promises: BTreeMap::new(),
            promised: ServerSet::EMPTY,
            supporters: support,
            locked_out: ServerSet::EMPTY,
            learners: BTreeMap::new(),
            ping_round: 0,
            syncs: VecDeque::new(),
            snapshot_asked: None,
            established_at: now,
            durable: (Zxid::ZERO, now),
        };
        leader.supporters.insert(cx.me);
        leader.promises.insert(cx.me, cx.store.promise().accepted);
        let mut next = leader.advance(cx, now);
        for (peer, waiting) in waiting {
            leader.on_connected(cx, now, waiting.link, peer);
            if let (Some((accepted, standing)), Next::Stay) = (waiting.info, next) {
                next = leader.on_follower_info(cx, now, waiting.link, accepted, standing);
            }
        }
        (leader, next)
    }

    /// Ends the reign: nobody hears of it again.
    pub(crate) fn end(&mut self, cx: &mut Context) {
        cx.store.pin(None);
        for link in core::mem::take(&mut self.learners).into_keys() {
            cx.close(link, CloseReason::RoleEnded);
        }
    }

    pub(crate) fn vote(&self) -> Vote {
        self.vote
    }

    pub(crate) fn stage(&self) -> Stage {
        self.stage
    }

    pub(crate) fn phase(&self) -> Phase {
        match self.stage {
            Stage::Choosing | Stage::Promising(_) | Stage::Collecting(_) => Phase::Discovery,
            Stage::Synchronising(_) => Phase::Synchronisation,
            Stage::Broadcasting(_) => Phase::Broadcast,
        }
    }

    pub(crate) fn on_connected(
        &mut self,
        cx: &mut Context,
        now: Instant,
        link: LinkId,
        peer: ServerId,
    ) {
        let older = self
            .learners
            .values()
            .find(|learner| learner.server == peer);
        if let Some(older) = older.map(|learner| learner.link) {
            self.forget(cx, older);
            cx.close(older, CloseReason::Replaced);
        }
        self.supporters.insert(peer);
        self.learners.insert(link, Learner::new(peer, link, now));
    }

    pub(crate) fn on_disconnected(&mut self, cx: &mut Context, link: LinkId) -> Next {
        self.forget(cx, link);
        self.check_support(cx)
    }

    pub(crate) fn on_message(
        &mut self,
        cx: &mut Context,
        now: Instant,
        link: LinkId,
        message: Message,
    ) -> Next {
        let Some(learner) = self.learners.get_mut(&link) else {
            return Next::Stay;
        };
        learner.heard_at = now;
        let what = message.name();
        let taken = match message {
            Message::FollowerInfo { accepted, standing } => match learner.stage {
                LearnerStage::Connected => {
                    Ok(self.on_follower_info(cx, now, link, accepted, standing))
                }
                LearnerStage::Informed
                | LearnerStage::Asked
                | LearnerStage::Positioned(_)
                | LearnerStage::Waiting(_)
                | LearnerStage::Transfer(_)
                | LearnerStage::Streaming(_) => {
                    self.on_readmitted(cx, now, link, accepted, standing)
                }
            },
            Message::AckEpoch {
                segments,
                base,
                committed,
                counted,
                staged,
            } => {
                learner.staged = staged.map(|(id, _)| id);
                match Position::checked(&segments, base, committed) {
                    Some(position) => self.on_ack_epoch(cx, now, link, position, counted),
                    None => Err(()),
                }
            }
            Message::SnapWant { id, offset } => self
                .on_snap_want(cx, now, link, id, offset)
                .map(|()| Next::Stay),
            Message::SnapDone {
                segments,
                base,
                committed,
            } => match Position::checked(&segments, base, committed) {
                Some(position) => self.on_snap_done(cx, now, link, position),
                None => Err(()),
            },
            Message::Ack { zxid } => self.on_ack(cx, now, link, zxid),
            Message::Pong { round } => self.on_pong(cx, now, link, round),
            Message::Sync { serial } => self.on_learner_sync(cx, link, serial),
            Message::App { bytes } => self.on_app(cx, link, bytes),
            Message::LeaderInfo { .. }
            | Message::Diff
            | Message::Trunc { .. }
            | Message::Snap { .. }
            | Message::SnapChunk { .. }
            | Message::Proposal { .. }
            | Message::Commit { .. }
            | Message::NewLeader { .. }
            | Message::UpToDate { .. }
            | Message::Readmitted
            | Message::Ping { .. }
            | Message::SyncDone { .. } => Err(()),
        };
        taken.unwrap_or_else(|()| {
            if let Some(learner) = self.learners.get(&link) {
                cx.note(Note::IllegalMessage {
                    from: learner.server,
                    what,
                });
            }
            self.drop_learner(cx, link, CloseReason::Illegal);
            self.check_support(cx)
        })
    }

    pub(crate) fn on_notification(
        &mut self,
        cx: &mut Context,
        from: ServerId,
        said: &Notification,
    ) -> Next {
        cx.answer(from, said, self.vote, PeerState::Leading);
        let linked = self.learners.values().any(|learner| learner.server == from);
        let follows = match said.state {
            PeerState::Looking => said.round == self.round,
            PeerState::Following | PeerState::Leading => {
                said.vote.is_some_and(|vote| vote.leader == cx.me)
            }
        };
        if !linked && !follows {
            self.supporters.remove(from);
        }
        self.check_support(cx)
    }

    pub(crate) fn on_timer(&mut self, cx: &mut Context, now: Instant, timer: Timer) -> Next {
        match timer {
            Timer::Prepare => Next::LOOK,
            Timer::Pulse => self.on_pulse(cx, now),
            Timer::Renew => Next::LOOK,
            Timer::Resend | Timer::Finalize | Timer::Dial | Timer::Connect | Timer::Silence => {
                unreachable!("a role that begins clears the timers of others")
            }
        }
    }

    /// Takes a learner off its link.
    fn drop_learner(&mut self, cx: &mut Context, link: LinkId, why: CloseReason) {
        if self.forget(cx, link) {
            cx.close(link, why);
        }
    }

    fn forget(&mut self, cx: &mut Context, link: LinkId) -> bool {
        let Some(learner) = self.learners.remove(&link) else {
            return false;
        };
        self.supporters.remove(learner.server);
        self.syncs.retain(|sync| !sync.is_of(link));
        self.pin(cx);
        true
    }

    /// Whether a quorum is still here, or may still come. A reign that cannot succeed ends at once.
    fn check_support(&mut self, cx: &mut Context) -> Next {
        let set = match self.stage {
            Stage::Choosing
            | Stage::Promising(_)
            | Stage::Collecting(_)
            | Stage::Synchronising(_) => self.supporters,
            Stage::Broadcasting(_) => self.synced(cx),
        };
        let is_supported = cx.quorum.is_quorum(set);
        if zk_types::mutant!("leads-without-a-quorum", is_supported, true) {
            Next::Stay
        } else {
            if self.phase() == Phase::Broadcast {
                cx.note(Note::QuorumLost);
            }
            Next::LOOK
        }
    }

    /// Who acknowledged `NEWLEADER` and counts, this server included.
    fn synced(&self, cx: &Context) -> ServerSet {
        let mut set: ServerSet = self
            .learners
            .values()
            .filter(|learner| learner.is_synced() && learner.counts())
            .map(|learner| learner.server)
            .collect();
        set.insert(cx.me);
        set
    }
}
