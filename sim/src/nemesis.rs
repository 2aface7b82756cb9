//! The one who breaks things: when, what, where, and for how long, all as the seed says, and
//! never more than the budget allows.

mod action;
mod disks;

pub use self::action::{Action, Fate, Rift, Strike};

use crate::client::ClientEvent;
use crate::decide::{Dice, Domain};
use crate::host::{Death, HostEvent};
use crate::net::{Node, Port, Side};
use crate::oracle::broken::{Broken, client_name, server_name};
use crate::queue::Micros;
use crate::swarm::{Fault, Swarm};
use crate::world::{Event, World, around};
use std::collections::BTreeMap;
use zab_core::Role;

/// The one who breaks things.
pub(crate) struct Nemesis {
    dice: Dice,
    /// What is to be taken back, by number; `None` once it was.
    broken: Vec<Option<Breakage>>,
    counters: BTreeMap<&'static str, u64>,
    is_active: bool,
}

/// Something that can be taken back.
#[derive(Clone, Debug)]
enum Breakage {
    Paths(Vec<(Node, Node, Port)>),
    Clog(Node, Node, Port),
    SlowDisk(usize),
    /// The links of a server between servers are reset when this is taken back.
    Links(usize),
}

impl Nemesis {
    pub(crate) fn new(seed: u64, swarm: &Swarm) -> Self {
        Nemesis {
            dice: Dice::new(seed, Domain::Nemesis, 0),
            broken: Vec::new(),
            counters: BTreeMap::new(),
            is_active: !swarm.faults.is_empty(),
        }
    }

    /// When to strike first.
    pub(crate) fn first(&mut self, swarm: &Swarm) -> Micros {
        // Half of all worlds are left to form an ensemble first.
        let grace = if self.dice.percent(50) {
            swarm.tick * 10
        } else {
            0
        };
        grace + self.dice.range(0, swarm.fault_interval)
    }

    /// How often each kind of fault struck.
    pub(crate) fn counters(&self) -> &BTreeMap<&'static str, u64> {
        &self.counters
    }

    /// How long a server stays down that died by plan.
    pub(crate) fn restart_delay(&mut self, swarm: &Swarm, again: bool) -> Micros {
        if again {
            self.dice.octaves(1_000, swarm.tick * 2)
        } else {
            self.duration(swarm)
        }
    }

    /// A server died at an effect that was chosen beforehand.
    pub(crate) fn down_by_plan(&mut self, _server: usize) {
        *self.counters.entry("deaths at an effect").or_default() += 1;
    }

    fn duration(&mut self, swarm: &Swarm) -> Micros {
        self.dice.octaves((swarm.tick / 4).max(1), swarm.tick * 24)
    }

    fn keep(&mut self, breakage: Breakage) -> usize {
        self.broken.push(Some(breakage));
        self.broken.len() - 1
    }
}

impl World {
    /// Breaks something, and decides when to come again.
    pub(crate) fn strike(&mut self) -> Result<(), Broken> {
        if !self.nemesis.is_active {
            return Ok(());
        }
        let dice = &mut self.nemesis.dice;
        let mean = self.swarm.fault_interval;
        let quiet = if dice.percent(10) { mean * 6 } else { 0 };
        let again = if dice.percent(self.swarm.together) {
            dice.octaves(1_000, self.swarm.tick)
        } else {
            dice.range(mean / 4, mean * 2) + quiet
        };
        let total: u64 = self
            .swarm
            .faults
            .iter()
            .map(|(_, weight)| u64::from(*weight))
            .sum();
        let mut left = dice.below(total);
        let chosen = self.swarm.faults.iter().find(|(_, weight)| {
            let here = left < u64::from(*weight);
            left = left.saturating_sub(u64::from(*weight));
            here
        });
        let (fault, _) = *chosen.expect("a number below the total falls on an entry");
        self.queue.after(again, Event::Strike);
        if let Some(what) = self.inflict(fault)? {
            *self.nemesis.counters.entry(fault.name()).or_default() += 1;
            let now = self.queue.now();
            self.chain.push(now, 50, 0, what.as_bytes());
            self.notes
                .add(now, "fault".to_owned(), format!("{}: {what}", fault.name()));
        }
        Ok(())
    }

    /// Inflicts a fault now, and says what it did; `None` when it was not possible.
    pub(crate) fn inflict(&mut self, fault: Fault) -> Result<Option<String>, Broken> {
        match fault {
            Fault::ProcessCrash => self.crash(Death::Process),
            Fault::PowerLoss => self.power_loss(),
            Fault::PowerLossOfAll => self.power_loss_of_all(),
            Fault::CrashAtEffect => Ok(self.crash_at_effect()),
            Fault::CrashAtFile => Ok(self.crash_at_file()),
            Fault::CrashInRecovery => self.crash_in_recovery(),
            Fault::CrashStorm => self.crash_storm(),
            Fault::Pause => Ok(self.pause()),
            Fault::LeaderPause => Ok(self.pause_leader()),
            Fault::Partition => Ok(Some(self.partition())),
            Fault::OneWay => Ok(Some(self.one_way())),
            Fault::IsolateLeader => Ok(self.isolate_leader()),
            Fault::IsolatePort => Ok(Some(self.isolate_port())),
            Fault::IsolateClients => Ok(Some(self.isolate_clients())),
            Fault::Clog => Ok(Some(self.clog())),
            Fault::Reset | Fault::Cut | Fault::ClientReset => Ok(self.break_stream(fault)),
            Fault::SlowDisk => Ok(self.slow_disk()),
            Fault::StalledDisk => Ok(self.stall_disk()),
            Fault::StallAndReset => Ok(self.stall_and_reset()),
            Fault::DiskError => Ok(self.disk_error()),
            Fault::Wipe => self.wipe(),
            Fault::Rot => self.rot(),
            Fault::PromiseLoss => self.lose_promise(),
            Fault::WallJump => Ok(Some(self.wall_jump())),
            Fault::ClientPause => Ok(Some(self.client_pause())),
            Fault::Rudeness => {
                for _ in 0..4 {
                    self.rude.strike(&mut self.net);
                }
                Ok(Some("somebody without manners dials".to_owned()))
            }
            Fault::Nonsense => {
                self.hostile.strike(&mut self.net);
                Ok(Some("somebody dials".to_owned()))
            }
        }
    }

    /// Takes something back.
    pub(crate) fn relent(&mut self, number: usize) -> Result<(), Broken> {
        match self.nemesis.broken[number].take() {
            Some(Breakage::Paths(paths)) => {
                for (from, to, port) in paths {
                    self.net.unblock(from, to, port);
                }
            }
            Some(Breakage::Clog(from, to, port)) => self.net.clog(from, to, port, 0),
            Some(Breakage::SlowDisk(server)) => self.hosts[server].slow_disk(1),
            Some(Breakage::Links(server)) => self.reset_links(server),
            None => {}
        }
        Ok(())
    }

    /// Takes everything back, and starts every server that is down.
    pub(crate) fn heal(&mut self) -> Result<(), Broken> {
        self.nemesis.is_active = false;
        for number in 0..self.nemesis.broken.len() {
            self.relent(number)?;
        }
        self.hostile.stop(&mut self.net);
        self.rude.stop(&mut self.net);
        self.net.calm();
        for index in 0..self.hosts.len() {
            self.hosts[index].spare();
            self.hosts[index].resume(around!(self));
            if self.hosts[index].replica().is_none() {
                self.start_after(index, 0);
            }
        }
        for index in 0..self.clients.len() {
            self.queue
                .after(0, Event::Client(index, ClientEvent::Resume));
        }
        Ok(())
    }

    // Servers.

    fn running(&self) -> Vec<usize> {
        (0..self.hosts.len())
            .filter(|index| self.hosts[*index].replica().is_some())
            .collect()
    }

    fn any_running(&mut self) -> Option<usize> {
        let running = self.running();
        (!running.is_empty()).then(|| self.nemesis.dice.pick(&running))
    }

    pub(crate) fn leader(&self) -> Option<usize> {
        self.running().into_iter().find(|index| {
            let replica = self.hosts[*index].replica().expect("it is running");
            matches!(replica.role(), Role::Leading { .. })
        })
    }

    fn crash(&mut self, death: Death) -> Result<Option<String>, Broken> {
        let Some(index) = self.any_running() else {
            return Ok(None);
        };
        self.kill(index, death);
        let delay = self.nemesis.duration(&self.swarm);
        self.start_after(index, delay);
        Ok(Some(format!(
            "{} for {} ms",
            server_name(index),
            delay / 1_000
        )))
    }

    fn power_loss(&mut self) -> Result<Option<String>, Broken> {
        let Some(index) = self.any_running() else {
            return Ok(None);
        };
        let survival = self.hosts[index].survival(&self.swarm);
        self.kill(index, Death::Power(survival));
        let delay = self.nemesis.duration(&self.swarm);
        self.start_after(index, delay);
        Ok(Some(format!(
            "{} for {} ms",
            server_name(index),
            delay / 1_000
        )))
    }

    fn power_loss_of_all(&mut self) -> Result<Option<String>, Broken> {
        for index in self.running() {
            let survival = self.hosts[index].survival(&self.swarm);
            self.kill(index, Death::Power(survival));
            let delay = self.nemesis.duration(&self.swarm);
            self.start_after(index, delay);
        }
        Ok(Some("everywhere".to_owned()))
    }

    fn crash_at_effect(&mut self) -> Option<String> {
        let index = self.any_running()?;
        let effects = self.nemesis.dice.octaves(1, 200);
        let survival = self.hosts[index].survival(&self.swarm);
        let death = if self.nemesis.dice.percent(30) {
            Death::Process
        } else {
            Death::Power(survival)
        };
        self.hosts[index].die_after(effects, death);
        Some(format!("{} after {effects} effects", server_name(index)))
    }

    fn crash_at_file(&mut self) -> Option<String> {
        let index = self.any_running()?;
        let kind = self.nemesis.dice.pick(&[
            "manifest", "manifest", "promise", "log.", "spare.", "snapshot",
        ]);
        let times = self.nemesis.dice.octaves(1, 8);
        let survival = self.hosts[index].survival(&self.swarm);
        let death = if self.nemesis.dice.percent(30) {
            Death::Process
        } else {
            Death::Power(survival)
        };
        self.hosts[index].die_at_file(kind, times, death);
        let name = server_name(index);
        Some(format!("{name} with {kind} for the {times}th time"))
    }

    fn crash_in_recovery(&mut self) -> Result<Option<String>, Broken> {
        let told = self.power_loss()?;
        for index in 0..self.hosts.len() {
            if self.hosts[index].replica().is_none() {
                let operations = self.nemesis.dice.below(40);
                let operations = u32::try_from(operations).expect("small");
                self.hosts[index].disk.crash_after(Some(operations));
            }
        }
        Ok(told)
    }

    fn crash_storm(&mut self) -> Result<Option<String>, Broken> {
        let Some(index) = self.any_running() else {
            return Ok(None);
        };
        let survival = self.hosts[index].survival(&self.swarm);
        self.kill(index, Death::Power(survival));
        self.hosts[index].dies_again(2);
        let delay = self.nemesis.dice.octaves(1_000, self.swarm.tick * 2);
        self.start_after(index, delay);
        Ok(Some(server_name(index)))
    }

    fn pause(&mut self) -> Option<String> {
        let index = self.any_running()?;
        let length = self.nemesis.duration(&self.swarm);
        self.hosts[index].pause();
        let process = self.hosts[index].process;
        self.queue
            .after(length, Event::Host(index, process, HostEvent::Resume));
        Some(format!("{} for {} ms", server_name(index), length / 1_000))
    }

    fn pause_leader(&mut self) -> Option<String> {
        let index = self.leader()?;
        let ticks = self.nemesis.dice.range(1, 4) * u64::from(self.swarm.sync_limit);
        let length = ticks * self.swarm.tick;
        self.hosts[index].pause();
        let process = self.hosts[index].process;
        self.queue
            .after(length, Event::Host(index, process, HostEvent::Resume));
        Some(format!("{} for {} ms", server_name(index), length / 1_000))
    }

    // Paths.

    fn block(&mut self, paths: Vec<(Node, Node, Port)>) -> Micros {
        for (from, to, port) in &paths {
            self.net.block(*from, *to, *port);
        }
        let length = self.nemesis.duration(&self.swarm);
        let number = self.nemesis.keep(Breakage::Paths(paths));
        self.queue.after(length, Event::Relent(number));
        length
    }

    fn partition(&mut self) -> String {
        let nodes = self.swarm.servers + self.swarm.clients;
        let sides: Vec<bool> = (0..nodes).map(|_| self.nemesis.dice.percent(50)).collect();
        let mut paths = Vec::new();
        for from in 0..nodes {
            for to in 0..nodes {
                if sides[from] != sides[to] {
                    paths.extend(Port::ALL.map(|port| (from, to, port)));
                }
            }
        }
        let length = self.block(paths);
        let names = |side: bool| {
            let there = (0..self.swarm.servers).filter(|node| sides[*node] == side);
            there.map(server_name).collect::<Vec<_>>().join(" ")
        };
        format!(
            "{} | {} for {} ms",
            names(true),
            names(false),
            length / 1_000
        )
    }

    fn one_way(&mut self) -> String {
        let from = self.nemesis.dice.index(self.swarm.servers);
        let to = (from + 1 + self.nemesis.dice.index(self.swarm.servers - 1)) % self.swarm.servers;
        let length = self.block(Port::ALL.map(|port| (from, to, port)).to_vec());
        format!(
            "{} to {} for {} ms",
            server_name(from),
            server_name(to),
            length / 1_000
        )
    }

    fn isolate_leader(&mut self) -> Option<String> {
        let leader = self.leader()?;
        let length = self.isolate(leader);
        Some(format!("{} for {} ms", server_name(leader), length / 1_000))
    }

    /// Cuts a server off from all others, not from clients.
    pub(crate) fn isolate(&mut self, server: usize) -> Micros {
        let mut paths = Vec::new();
        for other in (0..self.swarm.servers).filter(|other| *other != server) {
            paths.extend(Port::ALL.map(|port| (server, other, port)));
            paths.extend(Port::ALL.map(|port| (other, server, port)));
        }
        self.block(paths)
    }

    fn isolate_port(&mut self) -> String {
        let port = self.nemesis.dice.pick(&[Port::Election, Port::Quorum]);
        let server = self.nemesis.dice.index(self.swarm.servers);
        let mut paths = Vec::new();
        for other in (0..self.swarm.servers).filter(|other| *other != server) {
            paths.push((server, other, port));
            paths.push((other, server, port));
        }
        let length = self.block(paths);
        format!(
            "{port:?} of {} for {} ms",
            server_name(server),
            length / 1_000
        )
    }

    fn isolate_clients(&mut self) -> String {
        let server = self.nemesis.dice.index(self.swarm.servers);
        let first = self.swarm.servers;
        let mut paths = Vec::new();
        for client in first..first + self.swarm.clients {
            paths.push((server, client, Port::Client));
            paths.push((client, server, Port::Client));
        }
        let length = self.block(paths);
        format!("of {} for {} ms", server_name(server), length / 1_000)
    }

    fn clog(&mut self) -> String {
        let nodes = self.swarm.servers + self.swarm.clients;
        let from = self.nemesis.dice.index(self.swarm.servers);
        let to = (from + 1 + self.nemesis.dice.index(nodes - 1)) % nodes;
        let port = if to < self.swarm.servers {
            self.nemesis.dice.pick(&[Port::Election, Port::Quorum])
        } else {
            Port::Client
        };
        let by = self
            .nemesis
            .dice
            .octaves((self.swarm.tick / 20).max(1), self.swarm.tick * 2);
        self.net.clog(from, to, port, by);
        let length = self.nemesis.duration(&self.swarm);
        let number = self.nemesis.keep(Breakage::Clog(from, to, port));
        self.queue.after(length, Event::Relent(number));
        format!(
            "{} ms on every packet for {} ms",
            by / 1_000,
            length / 1_000
        )
    }

    fn break_stream(&mut self, fault: Fault) -> Option<String> {
        let of_clients = fault == Fault::ClientReset;
        let mut open = self.net.open();
        open.retain(|conn| {
            self.net
                .ends(*conn)
                .is_some_and(|(_, _, port)| (port == Port::Client) == of_clients)
        });
        if open.is_empty() {
            return None;
        }
        let conn = self.nemesis.dice.pick(&open);
        let (from, to, port) = self.net.ends(conn)?;
        if fault == Fault::Cut {
            let side = self.nemesis.dice.pick(&[Side::Dialler, Side::Accepter]);
            let bytes = usize::try_from(self.nemesis.dice.octaves(1, 20_000)).expect("small");
            self.net.cut_after(conn, side, bytes);
            return Some(format!(
                "{port:?} {from} to {to} after {bytes} bytes of the {side:?}"
            ));
        }
        self.net.reset(conn);
        Some(format!("{port:?} {from} to {to}"))
    }

    // Clocks and clients.

    fn wall_jump(&mut self) -> String {
        let index = self.nemesis.dice.index(self.hosts.len());
        let by = self.nemesis.dice.octaves(1, 4_000_000);
        let by = i64::try_from(by).expect("small");
        let by = if self.nemesis.dice.percent(50) {
            by
        } else {
            -by
        };
        self.hosts[index].jump_wall(by);
        format!("{} by {by} ms", server_name(index))
    }

    fn client_pause(&mut self) -> String {
        let index = self.nemesis.dice.index(self.clients.len());
        let longest = self.swarm.session_timeout.1 * 2;
        let length = self
            .nemesis
            .dice
            .octaves((self.swarm.tick / 2).max(1), longest);
        self.clients[index].pause();
        self.queue
            .after(length, Event::Client(index, ClientEvent::Resume));
        format!("{} for {} ms", client_name(index), length / 1_000)
    }
}
