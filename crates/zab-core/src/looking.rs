//! Looking for a leader: the role around an [`Election`].

use crate::context::{Context, Next};
use crate::election::{Election, Tell, Verdict};
use crate::interface::{CloseReason, LinkId, Note, Role};
use crate::message::{Message, Notification, PeerState, Vote};
use crate::server_set::ServerSet;
use crate::timers::Timer;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::time::Duration;
use zk_types::{Epoch, Instant, ServerId, Standing};

#[derive(Clone, Debug)]
pub(crate) struct Looking {
    election: Election,
    unreachable: ServerSet,
    /// The vote that the quiet time runs for.
    finalizing: Option<Vote>,
    resend_after: Duration,
    /// Learners that decided sooner, and what they said.
    waiting: BTreeMap<ServerId, Waiting>,
}

/// A learner that is here before this server knows whether it leads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waiting {
    pub(crate) link: LinkId,
    pub(crate) info: Option<(Epoch, Standing)>,
}

impl Looking {
    pub(crate) fn start(cx: &mut Context, now: Instant, unreachable: ServerSet) -> (Self, Next) {
        cx.begin_role();
        cx.show_role(Role::Looking);
        cx.round = cx.round.saturating_add(1);
        let mut looking = Looking {
            election: election(cx),
            unreachable,
            finalizing: None,
            resend_after: cx.config.notification_interval.0,
            waiting: BTreeMap::new(),
        };
        // While a snapshot takes the place of the log, this server does not know what it has.
        if cx.store.is_installing() {
            return (looking, Next::Stay);
        }
        let next = looking.begin(cx, now);
        (looking, next)
    }

    fn begin(&mut self, cx: &mut Context, now: Instant) -> Next {
        self.election = election(cx);
        self.finalizing = None;
        cx.notify_all(self.election.vote(), PeerState::Looking);
        self.arm_resend(cx, now);
        self.judge(cx, now)
    }

    pub(crate) fn vote(&self) -> Option<Vote> {
        self.election.vote()
    }

    /// Those that wait for this server to lead.
    pub(crate) fn take_waiting(&mut self) -> Vec<(ServerId, Waiting)> {
        core::mem::take(&mut self.waiting).into_iter().collect()
    }

    pub(crate) fn end(&mut self, cx: &mut Context) {
        for (_, waiting) in self.take_waiting() {
            cx.close(waiting.link, CloseReason::RoleEnded);
        }
    }

    pub(crate) fn on_notification(
        &mut self,
        cx: &mut Context,
        now: Instant,
        from: ServerId,
        said: &Notification,
    ) -> Next {
        if cx.store.is_installing() {
            return Next::Stay;
        }
        self.unreachable.remove(from);
        let tell = self.election.on_notification(from, said);
        cx.round = self.election.round();
        match tell {
            Tell::Nobody => {}
            Tell::One(server) => cx.notify(server, self.election.vote(), PeerState::Looking),
            Tell::All => cx.notify_all(self.election.vote(), PeerState::Looking),
        }
        self.judge(cx, now)
    }

    /// A write became durable, or an install ended: what this server is may be clearer now.
    pub(crate) fn on_settled(&mut self, cx: &mut Context, now: Instant) -> Next {
        let silent = !cx.timers.is_set(Timer::Resend);
        let unheard = cx.may_vote() && self.election.vote().is_none();
        if !cx.store.is_installing() && (silent || unheard) {
            self.begin(cx, now)
        } else {
            Next::Stay
        }
    }

    pub(crate) fn on_timer(&mut self, cx: &mut Context, now: Instant, timer: Timer) -> Next {
        match timer {
            Timer::Resend => {
                let longest = cx.config.notification_interval.1;
                self.resend_after = (self.resend_after * 2).min(longest);
                cx.notify_all(self.election.vote(), PeerState::Looking);
                self.arm_resend(cx, now);
                Next::Stay
            }
            Timer::Finalize => match self.finalizing.take() {
                Some(vote) => self.decide(cx, self.election.finalize(vote)),
                None => Next::Stay,
            },
            Timer::Dial
            | Timer::Connect
            | Timer::Silence
            | Timer::Prepare
            | Timer::Pulse
            | Timer::Renew => unreachable!("a role that begins clears the timers of others"),
        }
    }

    pub(crate) fn on_connected(&mut self, cx: &mut Context, link: LinkId, peer: ServerId) {
        if let Some(older) = self.waiting.insert(peer, Waiting { link, info: None }) {
            cx.close(older.link, CloseReason::Replaced);
        }
    }

    pub(crate) fn on_disconnected(&mut self, link: LinkId) {
        self.waiting.retain(|_, waiting| waiting.link != link);
    }

    pub(crate) fn on_message(&mut self, cx: &mut Context, link: LinkId, message: &Message) -> Next {
        let Some((peer, waiting)) = self
            .waiting
            .iter_mut()
            .find(|(_, waiting)| waiting.link == link)
        else {
            return Next::Stay;
        };
        let peer = *peer;
        if let Message::FollowerInfo { accepted, standing } = message
            && waiting.info.is_none()
        {
            waiting.info = Some((*accepted, *standing));
            return if cx.meet(*standing).is_some() {
                Next::LOOK
            } else {
                Next::Stay
            };
        }
        self.waiting.remove(&peer);
        cx.note(Note::IllegalMessage {
            from: peer,
            what: message.name(),
        });
        cx.close(link, CloseReason::Illegal);
        Next::Stay
    }

    fn arm_resend(&mut self, cx: &mut Context, now: Instant) {
        let pause = cx.jittered(self.resend_after);
        cx.set_timer(Timer::Resend, now + pause);
    }

    fn judge(&mut self, cx: &mut Context, now: Instant) -> Next {
        match self.election.verdict(&cx.quorum, self.unreachable) {
            Verdict::Open => {
                self.finalizing = None;
                cx.timers.clear(Timer::Finalize);
                Next::Stay
            }
            Verdict::Leaning(vote) => {
                if self.finalizing != Some(vote) {
                    self.finalizing = Some(vote);
                    cx.set_timer(Timer::Finalize, now + cx.config.finalize_wait);
                }
                Next::Stay
            }
            decided @ Verdict::Decided { .. } => self.decide(cx, decided),
        }
    }

    fn decide(&mut self, cx: &mut Context, verdict: Verdict) -> Next {
        let Verdict::Decided {
            vote,
            round,
            support,
        } = verdict
        else {
            return Next::Stay;
        };
        cx.round = round;
        if vote.leader == cx.me {
            Next::Lead { vote, support }
        } else {
            Next::Follow { vote }
        }
    }
}

fn election(cx: &Context) -> Election {
    Election::new(cx.me, cx.voters, cx.standing(), cx.round, cx.own_vote())
}
