//! The end of a world: everything is whole again, service comes back, and all is quiet.

use super::{Event, Phase, World, around};
use crate::client::Aim;
use crate::host::Host;
use crate::oracle::broken::{Broken, server_name};
use crate::oracle::liveness::{Activity, Seen, idle_servers_are_quiet, one_leader_stays};
use crate::queue::Micros;
use replica::Replica;
use zab_core::Role;

impl World {
    /// Whether the world has come far enough for what follows.
    pub(super) fn look(&mut self) -> Result<(), Broken> {
        if self.is_breakable() && self.prolong() {
            return Ok(());
        }
        let now = self.queue.now();
        match self.phase {
            Phase::Faults => {
                self.heal();
                self.healed_at = now;
                self.to_catch_up = self.judges.ledger.entries().len();
                let until = now + self.bound();
                self.phase = Phase::Healed { until };
                for index in 0..self.clients.len() {
                    self.clients[index].aim = Aim::Proof;
                    self.clients[index].prove_soon(around!(self));
                }
                self.notes.add(now, "all".to_owned(), "healed".to_owned());
            }
            Phase::Healed { until } => match self.note_recovery() {
                None => {
                    self.recovery = Some(now - self.healed_at);
                    self.well = Some(self.activity());
                    let quiet = self.swarm.tick + 20 * self.swarm.net.latency_max + 500_000;
                    self.phase = Phase::Quiet { until: now + quiet };
                    for client in &mut self.clients {
                        client.aim = Aim::Rest;
                    }
                }
                Some(_) if now > until && self.swarm.beyond => {
                    self.stop_has_a_reason()?;
                    self.phase = Phase::Over;
                }
                Some(missing) if now > until => {
                    let ms = (now - self.healed_at) / 1_000;
                    let rule = "L1 recovery: service comes back when faults have ended";
                    return Err(Broken::liveness(rule, format!("{missing}, {ms} ms later")));
                }
                Some(_) => {}
            },
            Phase::Quiet { until } => {
                let span = 2 * self.swarm.tick;
                let missing = self.what_is_missing().or_else(|| self.what_goes_on(span));
                let is_late = now > until + self.bound();
                if let Some((since, idle)) = self.idle
                    && now > since + span
                    && missing.is_none()
                {
                    match self.all_is_quiet(idle)? {
                        Ok(()) => self.phase = Phase::Over,
                        Err(broken) if is_late => return Err(broken),
                        // A snapshot, say, is still on its way to a slow disk.
                        Err(_) => self.idle = Some((now, self.activity())),
                    }
                } else if now > until && self.idle.is_none() {
                    self.idle = Some((now, self.activity()));
                } else if let Some(seen) = missing.filter(|_| is_late) {
                    let rule = "L5 agreement: servers agree when nobody writes";
                    return Err(Broken::liveness(rule, seen));
                }
            }
            Phase::Over => {}
        }
        let often = match self.phase {
            Phase::Healed { .. } => 8,
            Phase::Faults | Phase::Quiet { .. } | Phase::Over => 2,
        };
        self.queue.after(self.swarm.tick / often, Event::Look);
        Ok(())
    }

    /// Notes how far service has come back; says what is missing.
    fn note_recovery(&mut self) -> Option<String> {
        let missing = self.what_is_missing();
        let roles = || {
            self.hosts
                .iter()
                .filter_map(Host::replica)
                .map(Replica::role)
        };
        let leads = |role: &Role| matches!(role, Role::Leading { .. });
        let serves = |role: &Role| leads(role) || matches!(role, Role::Following { .. });
        let seen = Seen {
            leader: roles().filter(leads).count() == 1,
            serving: roles().filter(serves).count() == self.hosts.len(),
            caught_up: self.judges.ledger.all_reached(self.to_catch_up),
            first_write: self.clients.iter().any(|client| client.proofs > 0),
            complete: missing.is_none(),
        };
        let passed = self.queue.now() - self.healed_at;
        self.stages.note(seen, passed, self.swarm.tick);
        missing
    }

    /// The last record that any server has in its log, on disk or not.
    fn last_logged(&self) -> u64 {
        let running = self.hosts.iter().filter_map(Host::replica);
        running
            .map(|replica| replica.observe().zab.last.0)
            .max()
            .unwrap_or_default()
    }

    fn activity(&self) -> Activity {
        Activity {
            epochs: self.judges.epochs(),
            txns: self.judges.ledger.entries().len(),
            logged: self.last_logged(),
            writes: self.hosts.iter().map(|host| host.disk.last_write()).sum(),
            messages: self.judges.messages(),
        }
    }

    /// What must stay as it is when everything is well and nobody asks for anything.
    fn all_is_quiet(&self, idle: Activity) -> Result<Result<(), Broken>, Broken> {
        let now = self.activity();
        // An epoch that is full by plan ends at any time.
        if let Some(well) = self.well.filter(|_| self.swarm.counter_max > 1_000_000) {
            one_leader_stays(well, now)?;
        }
        let learners = u64::try_from(self.hosts.len() - 1).expect("few servers");
        Ok(idle_servers_are_quiet(idle, now, learners))
    }

    /// How long service may take to come back.
    fn bound(&self) -> Micros {
        let limits = u64::from(self.swarm.init_limit + self.swarm.sync_limit);
        let ensemble = self.swarm.tick * (4 * limits + 40) + 30_000_000;
        ensemble + 4 * self.swarm.session_timeout.1
    }

    /// A change so new that some client may not have been told of it yet.
    fn what_goes_on(&self, span: Micros) -> Option<String> {
        let last = self.judges.ledger.entries().last()?;
        let is_new = self.queue.now() <= last.time + span;
        is_new.then(|| format!("{:?} was just committed", last.record.zxid))
    }

    fn what_is_missing(&self) -> Option<String> {
        let leads = |host: &Host| {
            host.replica()
                .is_some_and(|replica| matches!(replica.role(), Role::Leading { .. }))
        };
        let leaders = self.hosts.iter().filter(|host| leads(host)).count();
        if leaders != 1 {
            return Some(format!("{leaders} servers lead"));
        }
        for (index, host) in self.hosts.iter().enumerate() {
            let serves = host.replica().is_some_and(|replica| {
                matches!(
                    replica.role(),
                    Role::Leading { .. } | Role::Following { .. }
                )
            });
            if !serves {
                return Some(format!("{} does not serve", server_name(index)));
            }
        }
        if let Some(client) = self.clients.iter().find(|client| !client.is_satisfied()) {
            let rounds = client.proofs;
            return Some(format!(
                "c{} was served {rounds} rounds only",
                client.index + 1
            ));
        }
        if self.clients.iter().any(|client| !client.is_idle()) {
            return Some("a request was not answered".to_owned());
        }
        self.judges.disagreement(&self.hosts)
    }
}
