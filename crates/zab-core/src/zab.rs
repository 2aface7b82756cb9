//! The whole machine behind one face: the role takes the input, the face carries out what follows.

use crate::context::{Context, Next};
use crate::follower::Follower;
use crate::interface::{CloseReason, Config, Input, LinkId, Note, Output, Recovered};
use crate::invariants;
use crate::leader::Leader;
use crate::looking::{Looking, Waiting};
use crate::message::{Notification, Vote};
use crate::server_set::ServerSet;
use crate::summary::{Phase, Summary};
use crate::timers::Timer;
use alloc::vec::Vec;
use rand_chacha::ChaCha8Rng;
use zk_types::{Instant, Promise, ServerId, Standing, Zxid};

/// One server's part in the protocol: give it an input, then drain its outputs.
#[derive(Clone, Debug)]
pub struct Zab {
    pub(crate) cx: Context,
    pub(crate) role: RoleState,
}

/// What a server is, with everything that is over when it is something else.
#[derive(Clone, Debug)]
pub(crate) enum RoleState {
    Looking(Looking),
    Leading(Leader),
    Following(Follower),
}

impl Zab {
    /// A machine on what recovery found. Outputs may be waiting: committed records to deliver,
    /// first notifications; a voter that stands alone starts to lead.
    ///
    /// # Panics
    /// When the configuration or the recovered history is not well formed.
    pub fn new(config: Config, recovered: Recovered, rng: ChaCha8Rng, now: Instant) -> Zab {
        let mut cx = Context::new(config, recovered, rng);
        heal_promise(&mut cx);
        let (looking, next) = Looking::start(&mut cx, now, ServerSet::EMPTY);
        let mut zab = Zab {
            cx,
            role: RoleState::Looking(looking),
        };
        zab.go(now, next);
        invariants::check(&zab);
        zab
    }

    /// Takes one input. The caller drains [`Zab::poll_output`] before the next.
    ///
    /// # Panics
    /// When outputs are still waiting, or the world breaks the contract of [`Input`].
    pub fn handle(&mut self, now: Instant, input: Input) {
        assert!(
            self.cx.outbox.is_empty(),
            "outputs are drained between inputs"
        );
        let next = self.take(now, input);
        self.go(now, next);
        invariants::check(self);
    }

    /// The next thing the world has to do, in order.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.cx.outbox.pop_front()
    }

    /// When [`Input::Timeout`] is due.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.cx.timers.next()
    }

    /// The zxid that the next [`Input::Propose`] gets; some only while this server leads and serves,
    /// below the last counter of the epoch.
    pub fn next_zxid(&self) -> Option<Zxid> {
        match &self.role {
            RoleState::Leading(leader) => leader.next_zxid(&self.cx),
            RoleState::Looking(_) | RoleState::Following(_) => None,
        }
    }

    /// Makes a server that looks for a leader act as if its election had named `leader`, a voter.
    /// Elections are hints, so any suggestion is safe; simulations use it to test that nothing leans
    /// on votes.
    ///
    /// # Panics
    /// When outputs are still waiting.
    pub fn suggest(&mut self, now: Instant, leader: ServerId) {
        assert!(
            self.cx.outbox.is_empty(),
            "outputs are drained between inputs"
        );
        let RoleState::Looking(_) = &self.role else {
            return;
        };
        if self.cx.store.is_installing() || !self.cx.voters.contains(leader) {
            return;
        }
        let vote = Vote {
            epoch: self.cx.store.current_epoch(),
            zxid: self.cx.store.log.last(),
            leader,
        };
        if leader != self.cx.me {
            self.go(now, Next::Follow { vote });
        } else if self.cx.may_vote() {
            self.go(
                now,
                Next::Lead {
                    vote,
                    support: self.cx.voters,
                },
            );
        }
        invariants::check(self);
    }

    /// What can be seen from outside.
    pub fn summary(&self) -> Summary {
        let store = &self.cx.store;
        let (phase, vote) = match &self.role {
            RoleState::Looking(looking) => (Phase::Election, looking.vote()),
            RoleState::Leading(leader) => (leader.phase(), Some(leader.vote())),
            RoleState::Following(follower) => (follower.phase(), Some(follower.vote())),
        };
        let learners = match &self.role {
            RoleState::Leading(leader) => {
                let mut learners: Vec<_> = leader
                    .learners
                    .values()
                    .map(|learner| learner.summary())
                    .collect();
                learners.sort_by_key(|learner| learner.server);
                learners
            }
            RoleState::Looking(_) | RoleState::Following(_) => Vec::new(),
        };
        Summary {
            me: self.cx.me,
            role: self.cx.role(),
            phase,
            standing: store.promise().standing,
            accepted: store.promise().accepted,
            current: store.current_epoch(),
            last: store.log.last(),
            last_chain: store.log.last_chain(),
            durable: store.durable(),
            settled: store.log_is_settled()
                && !store.is_installing()
                && store.promise() == store.promise_durable(),
            committed: store.committed(),
            delivered: store.delivered(),
            window_start: store.log.start(),
            window_bytes: store.log.bytes(),
            round: self.cx.round,
            vote,
            learners,
        }
    }

    fn take(&mut self, now: Instant, input: Input) -> Next {
        let cx = &mut self.cx;
        match input {
            Input::Connected { link, peer } => self.on_connected(now, link, peer),
            Input::Disconnected { link } => match &mut self.role {
                RoleState::Looking(looking) => {
                    looking.on_disconnected(link);
                    Next::Stay
                }
                RoleState::Leading(leader) => leader.on_disconnected(cx, link),
                RoleState::Following(follower) => follower.on_disconnected(cx, now, link),
            },
            Input::Message { link, message } => match &mut self.role {
                RoleState::Looking(looking) => looking.on_message(cx, link, &message),
                RoleState::Leading(leader) => leader.on_message(cx, now, link, message),
                RoleState::Following(follower) => follower.on_message(cx, now, link, message),
            },
            Input::Notification { from, notification } => {
                self.on_notification(now, from, &notification)
            }
            Input::Persisted { ticket } => {
                cx.on_persisted(ticket);
                self.on_settled(now)
            }
            Input::Propose { payload } => match &mut self.role {
                RoleState::Leading(leader) => leader.propose(cx, now, payload),
                RoleState::Looking(_) | RoleState::Following(_) => {
                    panic!("a transaction is proposed to a leader that serves")
                }
            },
            Input::Sync { tag } => {
                match &mut self.role {
                    RoleState::Looking(_) => {}
                    RoleState::Leading(leader) => leader.on_sync(cx, tag),
                    RoleState::Following(follower) => follower.on_sync(cx, tag),
                }
                Next::Stay
            }
            Input::ToLeader { bytes } => {
                if let RoleState::Following(follower) = &mut self.role {
                    follower.send_to_leader(cx, bytes);
                }
                Next::Stay
            }
            Input::ToLearner { to, bytes } => {
                if let RoleState::Leading(leader) = &mut self.role {
                    leader.send_to_learner(cx, to, bytes);
                }
                Next::Stay
            }
            Input::SnapshotTaken { id, meta } => {
                cx.store.on_snapshot_taken(id, meta);
                match &mut self.role {
                    RoleState::Leading(leader) => leader.on_snapshot_taken(cx, now),
                    RoleState::Looking(_) | RoleState::Following(_) => Next::Stay,
                }
            }
            Input::SnapshotRead { ticket, bytes } => {
                if let RoleState::Leading(leader) = &mut self.role {
                    leader.on_snapshot_read(cx, ticket, &bytes);
                }
                Next::Stay
            }
            Input::Installed { ticket } => {
                cx.store.on_installed(ticket);
                self.on_install_ended(now)
            }
            Input::InstallFailed { ticket } => {
                cx.store.on_install_failed(ticket);
                self.on_install_ended(now)
            }
            Input::Timeout => self.on_timeout(now),
        }
    }

    fn on_connected(&mut self, now: Instant, link: LinkId, peer: ServerId) -> Next {
        let cx = &mut self.cx;
        let is_voter = cx.voters.contains(peer) && peer != cx.me;
        match &mut self.role {
            RoleState::Following(follower) if follower.dialled(link) => {
                follower.on_connected(cx, now, link);
            }
            RoleState::Following(_) => cx.close(link, CloseReason::RoleEnded),
            RoleState::Looking(_) | RoleState::Leading(_) if !is_voter => {
                cx.close(link, CloseReason::Illegal);
            }
            RoleState::Looking(looking) => looking.on_connected(cx, link, peer),
            RoleState::Leading(leader) => leader.on_connected(cx, now, link, peer),
        }
        Next::Stay
    }

    fn on_notification(&mut self, now: Instant, from: ServerId, said: &Notification) -> Next {
        let cx = &mut self.cx;
        if !cx.voters.contains(from) || from == cx.me {
            return Next::Stay;
        }
        let of_own_leader = match &self.role {
            RoleState::Following(follower) => follower.leader() == from,
            RoleState::Looking(_) | RoleState::Leading(_) => false,
        };
        // The leader of a founding becomes a member first; its followers hear of it over the link.
        let met = if of_own_leader {
            None
        } else {
            cx.meet(said.standing)
        };
        match (&mut self.role, met) {
            (RoleState::Following(follower), None | Some(Standing::Member)) => {
                follower.on_notification(cx, from, said)
            }
            (RoleState::Looking(_) | RoleState::Leading(_) | RoleState::Following(_), Some(_)) => {
                Next::LOOK
            }
            (RoleState::Looking(looking), None) => looking.on_notification(cx, now, from, said),
            (RoleState::Leading(leader), None) => leader.on_notification(cx, from, said),
        }
    }

    fn on_settled(&mut self, now: Instant) -> Next {
        let cx = &mut self.cx;
        match &mut self.role {
            RoleState::Looking(looking) => looking.on_settled(cx, now),
            RoleState::Leading(leader) => leader.advance(cx, now),
            RoleState::Following(follower) => {
                follower.on_persisted(cx);
                Next::Stay
            }
        }
    }

    fn on_install_ended(&mut self, now: Instant) -> Next {
        match &mut self.role {
            RoleState::Looking(looking) => looking.on_settled(&mut self.cx, now),
            RoleState::Following(follower) => {
                follower.on_install_ended(&mut self.cx);
                Next::Stay
            }
            RoleState::Leading(_) => unreachable!("nobody leads while its log is replaced"),
        }
    }

    /// Timers are taken one at a time; a change of role clears the rest.
    fn on_timeout(&mut self, now: Instant) -> Next {
        while let Some(timer) = self.cx.timers.take_due(now) {
            let next = self.on_timer(now, timer);
            if next != Next::Stay {
                return next;
            }
        }
        Next::Stay
    }

    fn on_timer(&mut self, now: Instant, timer: Timer) -> Next {
        let cx = &mut self.cx;
        match &mut self.role {
            RoleState::Looking(looking) => looking.on_timer(cx, now, timer),
            RoleState::Leading(leader) => leader.on_timer(cx, now, timer),
            RoleState::Following(follower) => follower.on_timer(cx, now, timer),
        }
    }

    /// Changes roles until one stays. The old role's links are closed before the new one begins.
    fn go(&mut self, now: Instant, mut next: Next) {
        loop {
            next = match next {
                Next::Stay => return,
                Next::Look { unreachable } => {
                    self.end_role();
                    let (looking, next) = Looking::start(&mut self.cx, now, unreachable);
                    self.role = RoleState::Looking(looking);
                    next
                }
                Next::Lead { vote, support } => {
                    let waiting = self.take_waiting();
                    self.cx.note(Note::Elected {
                        leader: vote.leader,
                    });
                    let (leader, next) = Leader::start(&mut self.cx, now, vote, support, waiting);
                    self.role = RoleState::Leading(leader);
                    next
                }
                Next::Follow { vote } => {
                    self.end_role();
                    self.cx.note(Note::Elected {
                        leader: vote.leader,
                    });
                    self.role = RoleState::Following(Follower::start(&mut self.cx, now, vote));
                    return;
                }
            }
        }
    }

    fn end_role(&mut self) {
        match &mut self.role {
            RoleState::Looking(looking) => looking.end(&mut self.cx),
            RoleState::Leading(leader) => leader.end(&mut self.cx),
            RoleState::Following(follower) => follower.end(&mut self.cx),
        }
    }

    fn take_waiting(&mut self) -> Vec<(ServerId, Waiting)> {
        match &mut self.role {
            RoleState::Looking(looking) => looking.take_waiting(),
            RoleState::Leading(_) | RoleState::Following(_) => Vec::new(),
        }
    }
}

/// A log of a later epoch than the promise means that the promise is lost. One that stands alone has
/// promised nobody else anything, and goes on.
fn heal_promise(cx: &mut Context) {
    let found = cx.store.promise();
    let mut promise = found;
    if cx.store.current_epoch() > found.accepted {
        promise = Promise {
            accepted: cx.store.current_epoch(),
            standing: Standing::Amnesiac,
        };
    }
    if promise.standing == Standing::Amnesiac && cx.voters.len() == 1 {
        promise.standing = Standing::Member;
    }
    if promise != found {
        cx.store.write_promise(&mut cx.outbox, promise);
        cx.note(Note::Standing(promise.standing));
    }
}
