//! The whole machine behind one face.

use crate::interface::{Config, Input, Output, Recovered, Role};
use crate::summary::{Phase, Summary};
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use rand_chacha::ChaCha8Rng;
use zk_types::{Instant, ServerId, Zxid};

/// One server's part in the protocol: give it an input, then drain its outputs.
pub struct Zab {
    config: Config,
    recovered: Recovered,
    outputs: VecDeque<Output>,
}

impl Zab {
    /// A machine on what recovery found. Outputs may be waiting: committed records to deliver,
    /// first notifications; a voter that stands alone starts to lead.
    ///
    /// # Panics
    /// When the configuration or the recovered history is not well formed.
    pub fn new(config: Config, recovered: Recovered, rng: ChaCha8Rng, now: Instant) -> Zab {
        let _ = (rng, now);
        Zab {
            config,
            recovered,
            outputs: VecDeque::new(),
        }
    }

    /// Takes one input. The caller drains [`Zab::poll_output`] before the next.
    ///
    /// # Panics
    /// When outputs are still waiting, or the world breaks the contract of [`Input`].
    pub fn handle(&mut self, now: Instant, input: Input) {
        assert!(
            self.outputs.is_empty(),
            "outputs are drained between inputs"
        );
        let _ = (now, input);
    }

    /// The next thing the world has to do, in order.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Input::Timeout`] is due.
    pub fn next_deadline(&self) -> Option<Instant> {
        None
    }

    /// The zxid that the next [`Input::Propose`] gets; some only while this server leads and serves,
    /// below the last counter of the epoch.
    pub fn next_zxid(&self) -> Option<Zxid> {
        None
    }

    /// Makes a server that looks for a leader act as if its election had named `leader`. Elections
    /// are hints, so any suggestion is safe; simulations use it to test that nothing leans on votes.
    pub fn suggest(&mut self, now: Instant, leader: ServerId) {
        let _ = (now, leader);
    }

    /// What can be seen from outside.
    pub fn summary(&self) -> Summary {
        Summary {
            me: self.config.me,
            role: Role::Looking,
            phase: Phase::Election,
            standing: self.recovered.promise.standing,
            accepted: self.recovered.promise.accepted,
            current: Zxid::ZERO.epoch(),
            last: Zxid::ZERO,
            durable: Zxid::ZERO,
            committed: self.recovered.committed,
            delivered: Zxid::ZERO,
            window_start: Zxid::ZERO,
            window_bytes: 0,
            round: 0,
            vote: None,
            learners: Vec::new(),
        }
    }
}
