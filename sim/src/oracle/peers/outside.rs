//! A leader does not go on for long while a server stays outside that has promised a later epoch.

use super::{Sending, name};
use crate::oracle::broken::Broken;
use crate::queue::Micros;
use std::collections::{BTreeMap, BTreeSet};
use zk_types::ServerId;

/// Whom leaders had to turn away.
#[derive(Clone, Debug, Default)]
pub(super) struct Outside {
    /// By leader: its epoch, since when it knows, and when it was too late to go on.
    known: BTreeMap<usize, (u32, Micros, Option<Micros>)>,
    /// By leader: whom it turned away, and who has not followed since.
    servers: BTreeMap<usize, BTreeSet<ServerId>>,
}

impl Outside {
    /// A leader says that it turned away a server that can never follow it.
    pub(super) fn turned_away(
        &mut self,
        leader: usize,
        (learner, epoch): (ServerId, u32),
        time: Micros,
    ) {
        self.servers.entry(leader).or_default().insert(learner);
        let known = self.known.entry(leader).or_insert((epoch, time, None));
        if known.0 != epoch {
            *known = (epoch, time, None);
        }
    }

    /// A server follows after all: its later promise was lost with its disk, or somebody spoke in
    /// its name.
    pub(super) fn follows(&mut self, leader: usize, learner: usize) {
        let Some(servers) = self.servers.get_mut(&leader) else {
            return;
        };
        servers.remove(&ServerId(u64::try_from(learner).expect("few servers") + 1));
        if servers.is_empty() {
            self.servers.remove(&leader);
            self.known.remove(&leader);
        }
    }

    /// A leader pings a learner. One that stood still may do so before it looks at its timers; not
    /// again after that.
    pub(super) fn is_noticed(&mut self, epoch: u32, sending: &Sending<'_>) -> Result<(), Broken> {
        let (tick, limit) = sending.patience;
        let Some((known, since, late)) = self.known.get_mut(&sending.from) else {
            return Ok(());
        };
        let passed = sending.time.saturating_sub(*since);
        // Clocks may be off by some hundredths.
        if *known != epoch || passed <= limit + limit / 20 {
            return Ok(());
        }
        let first = *late.get_or_insert(sending.time);
        if sending.time < first + tick / 2 + tick / 10 {
            return Ok(());
        }
        let seen = format!(
            "{} leads epoch {epoch}, and has known for {} ms of a server that promised a later one",
            name(sending),
            passed / 1_000
        );
        let rule = "L10 outside: no server stays outside because it promised a later epoch";
        Err(Broken::liveness(rule, seen).server(sending.from))
    }
}
