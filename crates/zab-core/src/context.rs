//! What every role works with: configuration, store, timers, outputs.

use crate::interface::{CloseReason, Config, LinkId, Note, Output, Recovered, Role, Ticket};
use crate::message::{Message, Notification, PeerState, Vote};
use crate::quorum::Majority;
use crate::server_set::ServerSet;
use crate::standing::{self, may_propose};
use crate::store::{Outbox, Store};
use crate::timers::{Timer, Timers};
use core::time::Duration;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;
use zk_types::{Epoch, Instant, Promise, ServerId, Standing, Zxid};

#[derive(Clone, Debug)]
pub(crate) struct Context {
    pub(crate) config: Config,
    pub(crate) me: ServerId,
    pub(crate) voters: ServerSet,
    pub(crate) quorum: Majority,
    pub(crate) store: Store,
    pub(crate) timers: Timers,
    pub(crate) outbox: Outbox,
    rng: ChaCha8Rng,
    /// The last role that was shown to the world.
    role: Role,
    /// Rises with each time of looking, and with what is heard.
    pub(crate) round: u64,
    /// The highest promise any learner told of: a new epoch has to be above it.
    pub(crate) epoch_floor: Epoch,
    /// Who asked for a leader lately, and is told when one is established.
    askers: ServerSet,
    links_dialled: u64,
    /// The disk was too slow to lead with, and has not caught up.
    pub(crate) disk_is_stalled: bool,
    /// The last leader that could not be followed to the end, and how often in a row.
    pub(crate) failures: (Option<ServerId>, u32),
}

/// What a role asks the whole machine to do after an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Next {
    /// Go on.
    Stay,
    /// Look for a leader; nothing can be heard of these servers.
    Look { unreachable: ServerSet },
    /// Lead, with the support of these.
    Lead { vote: Vote, support: ServerSet },
    /// Follow.
    Follow { vote: Vote },
}

impl Next {
    pub(crate) const LOOK: Next = Next::Look {
        unreachable: ServerSet::EMPTY,
    };
}

impl Context {
    /// # Panics
    /// When the configuration or the recovered history is not well formed.
    pub(crate) fn new(config: Config, recovered: Recovered, rng: ChaCha8Rng) -> Self {
        let voters: ServerSet = config.voters.iter().copied().collect();
        assert!(voters.contains(config.me), "this server is a voter");
        assert!(config.counter_max >= 1, "an epoch has transactions");
        assert!(config.chunk_bytes >= 1, "a chunk has bytes");
        assert!(
            config.init_limit >= 1 && config.sync_limit >= 1,
            "limits are whole ticks"
        );
        let mut store = Store::new(recovered, config.window_bytes_max);
        let mut outbox = Outbox::new();
        store.deliver(&mut outbox);
        Context {
            me: config.me,
            quorum: Majority::new(voters),
            voters,
            config,
            store,
            timers: Timers::default(),
            outbox,
            rng,
            role: Role::Looking,
            round: 0,
            epoch_floor: Epoch(0),
            askers: ServerSet::EMPTY,
            links_dialled: 0,
            disk_is_stalled: false,
            failures: (None, 0),
        }
    }

    pub(crate) fn on_persisted(&mut self, ticket: Ticket) {
        let durable = self.store.durable();
        self.store.on_persisted(ticket);
        if self.store.log_is_settled() || self.store.durable() != durable {
            self.disk_is_stalled = false;
        }
    }

    pub(crate) fn ticks(&self, count: u32) -> Duration {
        self.config.tick * count
    }

    /// `pause` and up to a quarter more, so that servers do not keep in step.
    pub(crate) fn jittered(&mut self, pause: Duration) -> Duration {
        let quarter = u64::try_from(pause.as_micros() / 4).unwrap_or(u64::MAX);
        pause + Duration::from_micros(self.rng.next_u64() % quarter.saturating_add(1))
    }

    pub(crate) fn next_link(&mut self) -> LinkId {
        self.links_dialled += 1;
        LinkId(self.links_dialled)
    }

    pub(crate) fn send(&mut self, link: LinkId, message: Message) {
        self.outbox.push_back(Output::Send { link, message });
    }

    pub(crate) fn close(&mut self, link: LinkId, why: CloseReason) {
        self.outbox.push_back(Output::Close { link, why });
    }

    pub(crate) fn note(&mut self, note: Note) {
        self.outbox.push_back(Output::Note(note));
    }

    pub(crate) fn role(&self) -> Role {
        self.role
    }

    pub(crate) fn show_role(&mut self, role: Role) {
        if self.role != role {
            self.role = role;
            self.outbox.push_back(Output::Role(role));
        }
    }

    pub(crate) fn standing(&self) -> Standing {
        self.store.promise().standing
    }

    /// Whether this server may vote for itself and others now: its standing allows it, and its disk
    /// knows that standing and keeps up.
    pub(crate) fn may_vote(&self) -> bool {
        may_propose(self.standing())
            && self.standing() == self.store.promise_durable().standing
            && !self.disk_is_stalled
    }

    /// The vote for this server.
    pub(crate) fn own_vote(&self) -> Option<Vote> {
        self.may_vote().then(|| Vote {
            epoch: zk_types::mutant!(
                "vote-by-the-promised-epoch",
                self.store.current_epoch(),
                self.store.promise().accepted
            ),
            zxid: self.store.log.last(),
            leader: self.me,
        })
    }

    /// Makes `e` this server's promise.
    pub(crate) fn promise_epoch(&mut self, epoch: Epoch) {
        let promise = Promise {
            accepted: epoch,
            ..self.store.promise()
        };
        self.store.write_promise(&mut self.outbox, promise);
    }

    pub(crate) fn become_standing(&mut self, standing: Standing) {
        self.store.write_standing(&mut self.outbox, standing);
        self.note(Note::Standing(standing));
    }

    /// Takes notice of another voter's standing; says what this server became by it.
    pub(crate) fn meet(&mut self, theirs: Standing) -> Option<Standing> {
        let log = if self.store.durable() > Zxid::ZERO {
            standing::Log::Holds
        } else {
            standing::Log::Empty
        };
        let becomes = standing::after_meeting(self.standing(), theirs, log)?;
        self.become_standing(becomes);
        Some(becomes)
    }

    pub(crate) fn notify(&mut self, to: ServerId, vote: Option<Vote>, state: PeerState) {
        let vote = if self.may_vote() { vote } else { None };
        let standing = self.standing();
        let notification = Notification {
            vote,
            round: self.round,
            state,
            standing,
        };
        self.outbox.push_back(Output::Notify { to, notification });
    }

    pub(crate) fn notify_all(&mut self, vote: Option<Vote>, state: PeerState) {
        let mut others = self.voters;
        others.remove(self.me);
        for server in others.iter() {
            self.notify(server, vote, state);
        }
    }

    /// Answers a notification as one that has decided, and remembers who may want to hear more.
    pub(crate) fn answer(
        &mut self,
        from: ServerId,
        said: &Notification,
        vote: Vote,
        state: PeerState,
    ) {
        match said.state {
            PeerState::Looking => {
                self.askers.insert(from);
                self.notify(from, Some(vote), state);
            }
            PeerState::Following | PeerState::Leading => self.askers.remove(from),
        }
    }

    pub(crate) fn stopped_asking(&mut self, server: ServerId) {
        self.askers.remove(server);
    }

    /// Tells those that asked before the epoch was established.
    pub(crate) fn notify_askers(&mut self, vote: Vote, state: PeerState) {
        let askers = core::mem::take(&mut self.askers);
        for server in askers.iter() {
            self.notify(server, Some(vote), state);
        }
    }

    pub(crate) fn begin_role(&mut self) {
        self.timers.clear_all();
        self.askers = ServerSet::EMPTY;
    }

    pub(crate) fn set_timer(&mut self, timer: Timer, at: Instant) {
        self.timers.set(timer, at);
    }
}
