//! What a kind of fault comes to, here and now. Nothing of the world changes by drawing.

use super::{Action, Mishap, Rift, StormKind};
use crate::host::CUT;
use crate::nemesis::Nemesis;
use crate::net::{Machine, Port, Side};
use crate::oracle::broken::Broken;
use crate::swarm::{Fault, Swarm};
use crate::world::World;

impl World {
    /// Draws what a fault does; nothing when it is not possible.
    pub(super) fn draw(&mut self, fault: Fault) -> Result<Vec<Action>, Broken> {
        let action = match fault {
            Fault::Mishap(kind) => return Ok(self.draw_mishap(kind)),
            Fault::PowerLossOfAll => return Ok(self.draw_power_loss_of_all()),
            Fault::CrashInRecovery => return Ok(self.draw_crash_in_recovery()),
            Fault::CrashStorm => return Ok(self.draw_crash_storm()),
            Fault::StallAndReset => return Ok(self.draw_stall_and_reset()),
            Fault::Rudeness => {
                let key = || Action::Rude {
                    key: self.nemesis.dice.next(),
                };
                return Ok(std::iter::repeat_with(key).take(4).collect());
            }
            Fault::Disk(fault) => return self.draw_harm(fault),
            Fault::Rot => self.draw_rot()?,
            Fault::ProcessCrash => self.of_running(Nemesis::draw_process_crash),
            Fault::PowerLoss => self.of_running(Nemesis::draw_power_loss),
            Fault::CrashAtEffect => self.of_running(Nemesis::draw_crash_at_effect),
            Fault::CrashAtFile => self.of_running(Nemesis::draw_crash_at_file),
            Fault::Pause => self.of_running(Nemesis::draw_pause),
            Fault::SlowDisk => self.of_running(Nemesis::draw_slow_disk),
            Fault::StalledDisk => self.of_running(Nemesis::draw_stalled_disk),
            Fault::DiskError => self.of_running(Nemesis::draw_disk_error),
            Fault::Wipe => self.of_any(Nemesis::draw_wipe),
            Fault::PromiseLoss => self.of_any(Nemesis::draw_promise_loss),
            Fault::WallJump => self.of_any(Nemesis::draw_wall_jump),
            Fault::LeaderPause => self.draw_leader_pause(),
            Fault::Partition => Some(self.draw_partition()),
            Fault::OneWay => Some(self.draw_one_way()),
            Fault::IsolateLeader => return Ok(self.draw_isolated_leader()),
            Fault::IsolatePort => Some(self.draw_isolated_port()),
            Fault::IsolateClients => {
                let server = self.nemesis.dice.index(self.swarm.servers);
                Some(self.draw_block(Rift::Clients(server)))
            }
            Fault::Clog => Some(self.draw_clog()),
            Fault::Reset | Fault::Cut | Fault::ClientReset => self.draw_broken_stream(fault),
            Fault::ClientPause => Some(self.draw_client_pause()),
            Fault::Nonsense => {
                let key = || Action::Hostile {
                    key: self.nemesis.dice.next(),
                };
                return Ok(std::iter::repeat_with(key).take(3).collect());
            }
        };
        Ok(action.into_iter().collect())
    }

    // Servers.

    fn running(&self) -> Vec<usize> {
        let runs = |index: &usize| self.hosts[*index].replica().is_some();
        (0..self.hosts.len()).filter(runs).collect()
    }

    fn any_running(&mut self) -> Option<usize> {
        let running = self.running();
        (!running.is_empty()).then(|| self.nemesis.dice.pick(&running))
    }

    fn of_running(
        &mut self,
        draw: impl Fn(&mut Nemesis, &Swarm, usize) -> Action,
    ) -> Option<Action> {
        let server = self.any_running()?;
        Some(draw(&mut self.nemesis, &self.swarm, server))
    }

    fn of_any(&mut self, draw: impl Fn(&mut Nemesis, &Swarm, usize) -> Action) -> Option<Action> {
        let server = self.nemesis.dice.index(self.hosts.len());
        Some(draw(&mut self.nemesis, &self.swarm, server))
    }

    fn draw_leader_pause(&mut self) -> Option<Action> {
        let server = self.leader()?;
        let ticks = self.nemesis.dice.range(1, 4) * u64::from(self.swarm.sync_limit);
        let length = (ticks * self.swarm.tick).min(self.swarm.safety / 8);
        Some(Action::Pause { server, length })
    }

    fn draw_power_loss_of_all(&mut self) -> Vec<Action> {
        let running = self.running().into_iter();
        let die = |server| Action::Die {
            server,
            fate: self.nemesis.power_loss(&self.swarm),
        };
        running.map(die).collect()
    }

    fn draw_crash_in_recovery(&mut self) -> Vec<Action> {
        let Some(first) = self.any_running() else {
            return Vec::new();
        };
        let mut actions = vec![Action::Die {
            server: first,
            fate: self.nemesis.power_loss(&self.swarm),
        }];
        for server in 0..self.hosts.len() {
            if server == first || self.hosts[server].replica().is_none() {
                let operations = self.nemesis.dice.below(40);
                actions.push(Action::DieInRecovery {
                    server,
                    operations: u32::try_from(operations).expect("small"),
                    fate: self.nemesis.power_loss(&self.swarm),
                });
            }
        }
        actions
    }

    fn draw_crash_storm(&mut self) -> Vec<Action> {
        let Some(server) = self.any_running() else {
            return Vec::new();
        };
        let mut fates = Vec::new();
        for soon in [true, true, false] {
            let mut fate = self.nemesis.power_loss(&self.swarm);
            if soon {
                let longest = self.swarm.tick * 2;
                fate.restart_after = Some(self.nemesis.dice.octaves(1_000, longest));
            }
            fates.push(fate);
        }
        let again = |fate| Action::DieAgain {
            server,
            effects: self.nemesis.dice.octaves(1, 100),
            fate,
        };
        let mut actions = vec![Action::Die {
            server,
            fate: fates[0],
        }];
        actions.extend(fates[1..].iter().copied().map(again));
        actions
    }

    // Paths.

    fn draw_block(&mut self, rift: Rift) -> Action {
        let length = self.nemesis.duration(&self.swarm);
        Action::Block { rift, length }
    }

    /// A leader that is asked for much when nobody follows has a long tail to be cut later; it may
    /// die then.
    fn draw_isolated_leader(&mut self) -> Vec<Action> {
        let Some(server) = self.leader() else {
            return Vec::new();
        };
        let mut actions = vec![self.draw_block(Rift::Around(server))];
        let dice = &mut self.nemesis.dice;
        if dice.percent(30) {
            actions.push(Action::Mishap(Mishap::Storm {
                kind: StormKind::Pipeline,
                server,
                count: u32::try_from(dice.octaves(10, 400)).expect("small"),
            }));
        }
        if self.nemesis.dice.percent(30) {
            actions.push(Action::DieAtFile {
                server,
                prefix: CUT.to_owned(),
                times: 1,
                fate: self.nemesis.death_by_plan(&self.swarm),
            });
        }
        actions
    }

    fn draw_partition(&mut self) -> Action {
        let servers = (0..self.swarm.servers).map(Machine::Server);
        let machines = servers.chain((0..self.swarm.clients).map(Machine::Client));
        let dice = &mut self.nemesis.dice;
        let side = machines.filter(|_| dice.percent(50)).collect();
        self.draw_block(Rift::Between(side))
    }

    fn draw_one_way(&mut self) -> Action {
        let servers = self.swarm.servers;
        let from = self.nemesis.dice.index(servers);
        let to = (from + 1 + self.nemesis.dice.index(servers - 1)) % servers;
        self.draw_block(Rift::OneWay {
            from: Machine::Server(from),
            to: Machine::Server(to),
        })
    }

    fn draw_isolated_port(&mut self) -> Action {
        let port = self.nemesis.dice.pick(&[Port::Election, Port::Quorum]);
        let server = self.nemesis.dice.index(self.swarm.servers);
        self.draw_block(Rift::AtPort { server, port })
    }

    fn draw_clog(&mut self) -> Action {
        let servers = self.swarm.servers;
        let nodes = servers + self.swarm.clients;
        let dice = &mut self.nemesis.dice;
        let from = dice.index(servers);
        let to = (from + 1 + dice.index(nodes - 1)) % nodes;
        let (to, port) = if to < servers {
            let port = dice.pick(&[Port::Election, Port::Quorum]);
            (Machine::Server(to), port)
        } else {
            (Machine::Client(to - servers), Port::Client)
        };
        let tick = self.swarm.tick;
        Action::Clog {
            from: Machine::Server(from),
            to,
            port,
            by: dice.octaves((tick / 20).max(1), tick * 2),
            length: self.nemesis.duration(&self.swarm),
        }
    }

    fn draw_broken_stream(&mut self, fault: Fault) -> Option<Action> {
        let of_clients = fault == Fault::ClientReset;
        let mut open = self.net.open();
        open.retain(|conn| {
            let name = self.net.name(*conn);
            name.is_some_and(|name| (name.port == Port::Client) == of_clients)
        });
        if open.is_empty() {
            return None;
        }
        let dice = &mut self.nemesis.dice;
        let conn = self.net.name(dice.pick(&open))?;
        if fault != Fault::Cut {
            return Some(Action::Reset { conn });
        }
        Some(Action::Cut {
            conn,
            side: dice.pick(&[Side::Dialler, Side::Accepter]),
            bytes: usize::try_from(dice.octaves(1, 20_000)).expect("small"),
        })
    }

    // Disks.

    fn draw_stall_and_reset(&mut self) -> Vec<Action> {
        let Some(server) = self.any_running() else {
            return Vec::new();
        };
        let length = self.nemesis.duration(&self.swarm);
        let after = self.nemesis.dice.range(length / 8, length);
        vec![
            Action::StallDisk { server, length },
            Action::ResetLinks { server, after },
        ]
    }

    fn draw_rot(&mut self) -> Result<Option<Action>, Broken> {
        let server = self.nemesis.dice.index(self.hosts.len());
        let host = &self.hosts[server];
        let place = self.judges.rottable(server, host, &mut self.nemesis.dice)?;
        let Some((file, offset)) = place else {
            return Ok(None);
        };
        let bit = u8::try_from(self.nemesis.dice.below(8)).expect("small");
        // Rot is found when a server starts; what it hides is often gone before that.
        let dies = self.nemesis.dice.percent(50);
        let fate = dies.then(|| self.nemesis.power_loss(&self.swarm));
        Ok(Some(Action::Rot {
            server,
            file: file.name,
            offset,
            bit,
            fate,
        }))
    }

    // Clients.

    fn draw_client_pause(&mut self) -> Action {
        let client = self.nemesis.dice.index(self.clients.len());
        let longest = (self.swarm.session_timeout.1 * 2).min(self.swarm.safety / 4);
        let shortest = (self.swarm.tick / 2).clamp(1, longest);
        let length = self.nemesis.dice.octaves(shortest, longest);
        Action::PauseClient { client, length }
    }
}
