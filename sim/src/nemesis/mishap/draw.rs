//! What a kind of mishap comes to, here and now.

use super::{Limits, Mishap, MishapKind, StormKind};
use crate::nemesis::{Action, Rift};
use crate::net::{ConnName, Dials, Machine, Port, Side};
use crate::world::World;

impl World {
    /// Draws what a mishap does; nothing when it is not possible.
    pub(in crate::nemesis) fn draw_mishap(&mut self, kind: MishapKind) -> Vec<Action> {
        let mishap = match kind {
            MishapKind::Swizzle => return self.draw_swizzle(),
            MishapKind::Bridge => return vec![self.draw_bridge()],
            MishapKind::Ring => return vec![self.draw_ring()],
            MishapKind::Migration => return self.draw_migration(),
            MishapKind::PauseOfAll => return self.draw_pause_of_all(),
            MishapKind::Herd => return self.draw_herd(),
            MishapKind::OtherLimits => return self.draw_other_limits(),
            MishapKind::LeapSecond => {
                let server = self.any_server();
                let by_ms = -1_000;
                return vec![Action::WallJump { server, by_ms }];
            }
            MishapKind::SlowPeer => Some(Mishap::Slow {
                machine: self.any_machine(),
                by: {
                    let tick = self.swarm.tick;
                    self.nemesis.dice.octaves((tick / 50).max(1), tick)
                },
                length: self.nemesis.duration(&self.swarm),
            }),
            MishapKind::BandwidthCap => Some(Mishap::Cap {
                machine: self.any_machine(),
                rate: self.nemesis.dice.octaves(2_000, 200_000),
                length: self.nemesis.duration(&self.swarm),
            }),
            MishapKind::CutOneWay
            | MishapKind::Fin
            | MishapKind::HalfOpen
            | MishapKind::BackPressure => self.draw_of_stream(kind),
            MishapKind::ConnectRefused => Some(self.draw_dials(Dials::Refused)),
            MishapKind::ConnectHangs => Some(self.draw_dials(Dials::Ignored)),
            MishapKind::NameLost => Some(self.draw_name(false)),
            MishapKind::NameChanged => Some(self.draw_name(true)),
            MishapKind::SlowCpu => Some(Mishap::SlowCpu {
                server: self.any_server(),
                times: self.nemesis.dice.octaves(4, 200),
                length: self.nemesis.duration(&self.swarm),
            }),
            MishapKind::FrozenWall => Some(Mishap::FreezeWall {
                server: self.any_server(),
                length: self.nemesis.duration(&self.swarm),
            }),
            MishapKind::SessionStorm => Some(self.draw_storm(StormKind::Silence)),
            MishapKind::WatchAvalanche => Some(self.draw_storm(StormKind::Watches)),
            MishapKind::Pipeline => Some(self.draw_storm(StormKind::Pipeline)),
        };
        mishap.into_iter().map(Action::Mishap).collect()
    }

    fn any_server(&mut self) -> usize {
        self.nemesis.dice.index(self.swarm.servers)
    }

    fn any_machine(&mut self) -> Machine {
        let servers = self.swarm.servers;
        match self.nemesis.dice.index(servers + self.swarm.clients) {
            server if server < servers => Machine::Server(server),
            client => Machine::Client(client - servers),
        }
    }

    // Paths.

    /// Servers are cut off together, and come back at times of their own.
    fn draw_swizzle(&mut self) -> Vec<Action> {
        let dice = &mut self.nemesis.dice;
        let servers = 0..self.swarm.servers;
        let mut chosen: Vec<usize> = servers.filter(|_| dice.percent(60)).collect();
        if chosen.is_empty() {
            chosen.push(self.any_server());
        }
        let block = |server| Action::Block {
            rift: Rift::Around(server),
            length: self.nemesis.duration(&self.swarm),
        };
        chosen.into_iter().map(block).collect()
    }

    fn draw_bridge(&mut self) -> Action {
        let servers = self.swarm.servers;
        let bridge = self.any_server();
        let others: Vec<usize> = (0..servers).filter(|server| *server != bridge).collect();
        let (left, right) = others.split_at(others.len() / 2);
        let across = |one: &usize| right.iter().map(|other| (*one, *other)).collect::<Vec<_>>();
        Action::Block {
            rift: Rift::Apart(left.iter().flat_map(across).collect()),
            length: self.nemesis.duration(&self.swarm),
        }
    }

    /// Everybody hears itself and its neighbours in a circle, and enough of them for a quorum.
    fn draw_ring(&mut self) -> Action {
        let servers = self.swarm.servers;
        let reach = servers / 4;
        let mut apart = Vec::new();
        for one in 0..servers {
            for other in one + 1..servers {
                let distance = other - one;
                if distance.min(servers - distance) > reach {
                    apart.push((one, other));
                }
            }
        }
        Action::Block {
            rift: Rift::Apart(apart),
            length: self.nemesis.duration(&self.swarm),
        }
    }

    fn draw_dials(&mut self, dials: Dials) -> Mishap {
        Mishap::Dials {
            server: self.any_server(),
            port: self.nemesis.dice.pick(&Port::ALL),
            dials,
            length: self.nemesis.duration(&self.swarm),
        }
    }

    fn draw_name(&mut self, is_changed: bool) -> Mishap {
        let servers = self.swarm.servers;
        let from = self.any_machine();
        let to = self.any_server();
        let instead = (to + 1 + self.nemesis.dice.index(servers - 1)) % servers;
        Mishap::Lead {
            from,
            to,
            instead: is_changed.then_some(instead),
            length: self.nemesis.duration(&self.swarm),
        }
    }

    // Connections.

    fn draw_of_stream(&mut self, kind: MishapKind) -> Option<Mishap> {
        let open = self.net.open();
        let dice = &mut self.nemesis.dice;
        if open.is_empty() {
            return None;
        }
        let conn = self.net.name(dice.pick(&open))?;
        let side = dice.pick(&[Side::Dialler, Side::Accepter]);
        if kind == MishapKind::Fin {
            return Some(Mishap::Finish { conn });
        }
        if kind == MishapKind::HalfOpen {
            return Some(Mishap::Halve { conn });
        }
        if kind == MishapKind::CutOneWay {
            let bytes = usize::try_from(dice.octaves(1, 20_000)).expect("small");
            return Some(Mishap::LoseAfter { conn, side, bytes });
        }
        let length = self.nemesis.duration(&self.swarm);
        Some(Mishap::StallReader { conn, side, length })
    }

    fn draw_herd(&mut self) -> Vec<Action> {
        let open = self.net.open().into_iter();
        let names = open.filter_map(|conn| self.net.name(conn));
        let of_clients = |name: &ConnName| name.port == Port::Client;
        let reset = |conn| Action::Reset { conn };
        names.filter(of_clients).map(reset).collect()
    }

    // Machines.

    fn draw_migration(&mut self) -> Vec<Action> {
        let server = self.any_server();
        let length = self.nemesis.duration(&self.swarm);
        let by = i64::try_from(self.nemesis.dice.octaves(1, 100_000)).expect("small");
        let by_ms = if self.nemesis.dice.percent(50) {
            by
        } else {
            -by
        };
        vec![
            Action::Pause { server, length },
            Action::WallJump { server, by_ms },
        ]
    }

    fn draw_pause_of_all(&mut self) -> Vec<Action> {
        let length = self.nemesis.duration(&self.swarm);
        let servers = 0..self.swarm.servers;
        let pause = |server| Action::Pause { server, length };
        servers.map(pause).collect()
    }

    /// Every server dies and starts again, one after the other, with limits of its own.
    fn draw_other_limits(&mut self) -> Vec<Action> {
        let mut actions = Vec::new();
        let dice = &mut self.nemesis.dice;
        let small = |drawn: u64| u32::try_from(drawn).expect("small");
        let (init, sync) = (self.swarm.init_limit, self.swarm.sync_limit);
        let first = dice.index(self.swarm.servers);
        for server in 0..self.swarm.servers {
            let limits = Limits {
                init_limit: small(dice.range(5.min(init.into()), init.into())),
                sync_limit: small(dice.range(2.min(sync.into()), sync.into())),
                snapshot_txns: small(dice.octaves(3, 2_000)),
                segment_bytes: dice.octaves(4_096, 262_144),
                window_bytes_max: usize::try_from(dice.octaves(256, 1 << 20)).expect("small"),
                chunk_bytes: small(dice.octaves(64, 65_536)),
                outstanding_max: small(dice.octaves(2, 1_000)),
            };
            actions.push(Action::Mishap(Mishap::Retune { server, limits }));
        }
        // The others follow when they die for another reason.
        let fate = self.nemesis.power_loss(&self.swarm);
        actions.push(Action::Die {
            server: first,
            fate,
        });
        actions
    }

    // Clients.

    fn draw_storm(&mut self, kind: StormKind) -> Mishap {
        let dice = &mut self.nemesis.dice;
        let most = match dice.below(1_000) {
            0 => 10_000,
            1..20 => 1_000,
            _ => 40,
        };
        let count = dice.octaves(most / 10, most);
        Mishap::Storm {
            kind,
            server: self.any_server(),
            count: u32::try_from(count).expect("small"),
        }
    }
}
