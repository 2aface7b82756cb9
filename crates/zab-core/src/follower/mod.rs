//! Following: tell the leader what is promised and what is here, take its history, then its stream.
//!
//! ```text
//! Dialling --connected--> Informing --promise settled, FOLLOWERINFO--> Informed
//!     --LEADERINFO--> Promising --promise durable, ACKEPOCH--> Planned
//!     --SNAP--> Loading --installed, SNAPDONE--> Planned
//!     --DIFF, TRUNC--> Synchronising --UPTODATE--> Broadcasting
//! ```

mod broadcast;
mod connection;
mod discovery;
mod download;
mod synchronisation;

use crate::context::{Context, Next};
use crate::interface::{CloseReason, LinkId, Note, Role, SyncTag};
use crate::message::{Message, Notification, PeerState, Vote};
use crate::server_set::ServerSet;
use crate::summary::Phase;
use crate::timers::Timer;
use alloc::collections::VecDeque;
use core::time::Duration;
use download::Download;
use zk_types::{Epoch, Instant, ServerId, Zxid};

#[derive(Clone, Debug)]
pub(crate) struct Follower {
    /// What was elected; its epoch becomes the leader's.
    vote: Vote,
    /// The round of the election.
    round: u64,
    link: LinkId,
    stage: Stage,
    /// The pause before the link is dialled once more.
    redial_after: Duration,
    /// The epoch the leader told.
    epoch: Epoch,
    /// The last record that was acknowledged.
    acked: Zxid,
    /// Chunks that were asked for in a transfer that is over.
    late_chunks: usize,
    /// The leader offered readmission, and it is being written.
    readmission: Readmission,
    syncs: VecDeque<PendingSync>,
    sync_serial: u64,
}

#[derive(Clone, Debug)]
enum Stage {
    /// No link yet.
    Dialling,
    /// The link is up; what was promised is not all durable.
    Informing,
    /// Waits for the epoch.
    Informed,
    /// Writes the promise.
    Promising { counted: Counted },
    /// Waits for a plan.
    Planned,
    /// Takes a snapshot.
    Loading(Download),
    /// Installs it.
    Installing,
    /// Takes the plan's records, and live ones behind them.
    Synchronising { target: Option<Zxid> },
    /// `NEWLEADER` is acknowledged.
    Acknowledged,
    /// The epoch is established.
    Broadcasting,
}

/// Whether this server's promise was given to this leader now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Counted {
    Yes,
    No,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Readmission {
    None,
    Writing,
}

/// A sync on its way: asked of the leader, or confirmed and waiting for this server's own disk.
#[derive(Clone, Copy, Debug)]
struct PendingSync {
    tag: SyncTag,
    serial: u64,
    confirmed: Option<Zxid>,
}

/// Why a message ends this role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    Illegal,
    StaleEpoch,
    Contradiction,
}

impl Follower {
    pub(crate) fn start(cx: &mut Context, now: Instant, vote: Vote) -> Self {
        cx.begin_role();
        cx.show_role(Role::FollowingPrepare {
            leader: vote.leader,
        });
        let mut follower = Follower {
            vote,
            round: cx.round,
            link: LinkId(0),
            stage: Stage::Dialling,
            redial_after: connection::REDIAL.0,
            epoch: Epoch(0),
            acked: Zxid::ZERO,
            late_chunks: 0,
            readmission: Readmission::None,
            syncs: VecDeque::new(),
            sync_serial: 0,
        };
        follower.begin_dialling(cx, now);
        follower
    }

    /// Ends the role before or after its link.
    pub(crate) fn end(&mut self, cx: &mut Context) {
        if !matches!(self.stage, Stage::Broadcasting) {
            let again = cx.failures.0 == Some(self.vote.leader);
            let count = if again {
                cx.failures.1.saturating_add(1)
            } else {
                1
            };
            cx.failures = (Some(self.vote.leader), count);
        }
        if self.link != LinkId(0) {
            cx.close(self.link, CloseReason::RoleEnded);
        }
    }

    pub(crate) fn vote(&self) -> Vote {
        self.vote
    }

    pub(crate) fn leader(&self) -> ServerId {
        self.vote.leader
    }

    /// Whether this server dialled the link, and waits for it.
    pub(crate) fn dialled(&self, link: LinkId) -> bool {
        link == self.link
    }

    pub(crate) fn phase(&self) -> Phase {
        match self.stage {
            Stage::Dialling | Stage::Informing | Stage::Informed | Stage::Promising { .. } => {
                Phase::Discovery
            }
            Stage::Planned
            | Stage::Loading(_)
            | Stage::Installing
            | Stage::Synchronising { .. }
            | Stage::Acknowledged => Phase::Synchronisation,
            Stage::Broadcasting => Phase::Broadcast,
        }
    }

    pub(crate) fn on_notification(
        &mut self,
        cx: &mut Context,
        from: ServerId,
        said: &Notification,
    ) -> Next {
        cx.answer(from, said, self.vote, PeerState::Following);
        let waits = matches!(
            self.stage,
            Stage::Dialling | Stage::Informing | Stage::Informed
        );
        let left = match said.state {
            PeerState::Looking => said.round != self.round,
            PeerState::Following => true,
            PeerState::Leading => false,
        };
        if from == self.vote.leader && waits && left {
            Next::LOOK
        } else {
            Next::Stay
        }
    }

    pub(crate) fn on_message(
        &mut self,
        cx: &mut Context,
        now: Instant,
        link: LinkId,
        message: Message,
    ) -> Next {
        if link != self.link || matches!(self.stage, Stage::Dialling) {
            return Next::Stay;
        }
        self.arm_silence(cx, now);
        let what = message.name();
        let taken = match message {
            Message::LeaderInfo { epoch } => self.on_leader_info(cx, epoch),
            Message::Diff => self.on_diff(),
            Message::Trunc { to } => self.on_trunc(cx, to),
            Message::Snap { id, meta } => self.on_snap(cx, id, meta),
            Message::SnapChunk {
                id,
                offset,
                bytes,
                checksum,
            } => self.on_chunk(cx, id, offset, bytes, checksum),
            Message::Proposal { record } => self.on_proposal(cx, record),
            Message::Commit { zxid } => self.on_commit(cx, zxid),
            Message::NewLeader { epoch, target } => self.on_new_leader(cx, now, epoch, target),
            Message::UpToDate { committed } => self.on_up_to_date(cx, now, committed),
            Message::Readmitted => self.on_readmitted(cx),
            Message::Ping { round, committed } => self.on_ping(cx, round, committed),
            Message::SyncDone { serial } => self.on_sync_done(cx, serial),
            Message::App { bytes } => self.on_app(cx, bytes),
            Message::FollowerInfo { .. }
            | Message::AckEpoch { .. }
            | Message::SnapWant { .. }
            | Message::SnapDone { .. }
            | Message::Ack { .. }
            | Message::Pong { .. }
            | Message::Sync { .. } => Err(Refusal::Illegal),
        };
        match taken {
            Ok(()) => Next::Stay,
            Err(refusal) => self.refuse(cx, refusal, what),
        }
    }

    fn refuse(&mut self, cx: &mut Context, refusal: Refusal, what: &'static str) -> Next {
        let from = self.vote.leader;
        let why = match refusal {
            Refusal::Illegal => {
                cx.note(Note::IllegalMessage { from, what });
                CloseReason::Illegal
            }
            Refusal::StaleEpoch => CloseReason::StaleEpoch,
            Refusal::Contradiction => {
                cx.note(Note::Contradiction { with: from });
                CloseReason::Contradiction
            }
        };
        cx.close(self.link, why);
        self.link = LinkId(0);
        self.give_up()
    }

    pub(crate) fn on_timer(&mut self, cx: &mut Context, now: Instant, timer: Timer) -> Next {
        match timer {
            Timer::Dial => {
                self.dial(cx, now);
                Next::Stay
            }
            Timer::Connect | Timer::Silence => {
                if self.link != LinkId(0) {
                    cx.close(self.link, CloseReason::Silence);
                    self.link = LinkId(0);
                }
                self.give_up()
            }
            Timer::Resend | Timer::Finalize | Timer::Prepare | Timer::Pulse | Timer::Renew => {
                unreachable!("a role that begins clears the timers of others")
            }
        }
    }

    /// Looks for a leader that is not this one, unless it speaks up.
    fn give_up(&self) -> Next {
        let mut unreachable = ServerSet::EMPTY;
        unreachable.insert(self.vote.leader);
        Next::Look { unreachable }
    }

    /// Something became durable.
    pub(crate) fn on_persisted(&mut self, cx: &mut Context) {
        match self.stage {
            Stage::Informing => self.inform(cx),
            Stage::Promising { counted } => self.acknowledge_epoch(cx, counted),
            Stage::Loading(_) => self.install_when_whole(cx),
            Stage::Synchronising { .. } => self.acknowledge_new_leader(cx),
            Stage::Acknowledged | Stage::Broadcasting => {
                self.confirm_readmission(cx);
                self.acknowledge(cx);
                self.deliver(cx);
            }
            Stage::Dialling | Stage::Informed | Stage::Planned | Stage::Installing => {}
        }
    }
}
