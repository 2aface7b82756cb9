//! Doing what was drawn or written down. No chance is taken here but with keys inside an action.

use super::{Action, Breakage, Fate, Rift, Strike};
use crate::client::ClientEvent;
use crate::host::{Host, HostEvent};
use crate::net::{ConnName, Machine, Node, Port};
use crate::oracle::broken::{Broken, server_name};
use crate::queue::Micros;
use crate::trace::Kind;
use crate::world::{Event, World, around};
use zab_core::Role;

impl World {
    /// Does something to the world; false when it makes no sense here and now, or when the
    /// budget of faults does not allow it. What was done is recorded.
    pub(crate) fn inflict(&mut self, strike: Strike) -> Result<bool, Broken> {
        if !self.is_possible(&strike.action)? {
            return Ok(false);
        }
        let now = self.queue.now();
        let words = strike.action.to_string();
        self.chain.push(now, 50, 0, words.as_bytes());
        match (&strike.action, strike.fault) {
            (Action::Suggest { server, .. }, _) => {
                let name = server_name(*server);
                self.notes.record(|r| r.tell(Kind::Note, &name, &words));
            }
            (_, Some(fault)) => {
                self.nemesis.struck(fault.name());
                let words = format!("{}: {words}", fault.name());
                self.notes.add(now, "fault".to_owned(), words);
            }
            (_, None) => self.notes.add(now, "fault".to_owned(), words),
        }
        self.exceed(&strike.action)?;
        self.apply(&strike.action)?;
        self.strikes.push(strike);
        self.flush()?;
        Ok(true)
    }

    fn is_possible(&mut self, action: &Action) -> Result<bool, Broken> {
        let runs = |server: usize| {
            let host = self.hosts.get(server);
            host.is_some_and(|host| host.replica().is_some())
        };
        Ok(match action {
            Action::Die { server, .. }
            | Action::DieAfter { server, .. }
            | Action::DieAtFile { server, .. }
            | Action::Pause { server, .. }
            | Action::SlowDisk { server, .. }
            | Action::StallDisk { server, .. }
            | Action::DiskError { server, .. } => runs(*server),
            Action::DieInRecovery { server, .. } => *server < self.hosts.len() && !runs(*server),
            Action::DieAgain { server, .. }
            | Action::ResetLinks { server, .. }
            | Action::WallJump { server, .. } => *server < self.hosts.len(),
            Action::Suggest { server, leader } => {
                *leader < self.hosts.len() && self.is_looking(*server)
            }
            Action::Disk { server, harm, fate } => {
                let is_at_rest = fate.is_some() || !runs(*server);
                (is_at_rest || !harm.needs_rest()) && self.is_harm_possible(*server, harm)?
            }
            Action::Wipe { server, .. } => {
                self.may_lose(*server)? && self.is_remembered_without(*server)?
            }
            Action::Rot {
                server,
                file,
                offset,
                ..
            } => {
                self.may_lose(*server)? && {
                    let host = &self.hosts[*server];
                    self.judges.is_rottable(*server, host, file, *offset)?
                }
            }
            Action::PromiseLoss { server, .. } => {
                let host = self.hosts.get(*server);
                host.is_some_and(|host| host.disk.has_promise())
                    && !self.judges.has_forgotten(*server)
                    && self.may_lose(*server)?
            }
            Action::Reset { conn } | Action::Cut { conn, .. } => {
                self.net.open_by_name(*conn).is_some()
            }
            Action::Clog { from, to, .. } => {
                self.net.node(*from).is_some() && self.net.node(*to).is_some()
            }
            Action::Mishap(mishap) => self.is_mishap_possible(mishap),
            Action::PauseClient { client, .. } => *client < self.clients.len(),
            Action::Block { .. } | Action::Rude { .. } | Action::Hostile { .. } => true,
        })
    }

    pub(super) fn may_lose(&mut self, server: usize) -> Result<bool, Broken> {
        let is_away = |host: &Host| host.refusal.is_some();
        if self.hosts.get(server).is_none_or(is_away) {
            return Ok(false);
        }
        let allowed = self.swarm.beyond || self.judges.may_lose(server, &self.hosts)?;
        if !allowed {
            self.nemesis.count("spared by the budget");
        }
        Ok(allowed)
    }

    /// Whether a server looks for a leader.
    pub(super) fn is_looking(&self, server: usize) -> bool {
        let replica = self.hosts.get(server).and_then(|host| host.replica());
        replica.is_some_and(|replica| replica.role() == Role::Looking)
    }

    fn apply(&mut self, action: &Action) -> Result<(), Broken> {
        match *action {
            Action::Die { server, fate } => self.put_down(server, fate),
            Action::DieAfter {
                server,
                effects,
                fate,
            } => self.hosts[server].die_after(effects, fate),
            Action::DieAgain {
                server,
                effects,
                fate,
            } => self.hosts[server].die_again(effects, fate),
            Action::DieAtFile {
                server,
                ref prefix,
                times,
                fate,
            } => self.hosts[server].die_at_file(prefix, times, fate),
            Action::DieInRecovery {
                server,
                operations,
                fate,
            } => self.hosts[server].die_in_recovery(operations, fate),
            Action::Pause { server, length } => {
                self.hosts[server].pause();
                let process = self.hosts[server].process;
                let event = Event::Host(server, process, HostEvent::Resume);
                self.queue.after(length, event);
            }
            Action::Block { ref rift, length } => self.block(rift, length),
            Action::Clog {
                from,
                to,
                port,
                by,
                length,
            } => self.clog((from, to, port), by, length),
            Action::Mishap(ref mishap) => self.apply_mishap(mishap),
            Action::Reset { conn } => self.reset(conn),
            Action::Cut { conn, side, bytes } => {
                if let Some(conn) = self.net.open_by_name(conn) {
                    self.net.cut_after(conn, side, bytes);
                }
            }
            Action::ResetLinks { server, after } => {
                self.relent_after(after, Breakage::Links(server));
            }
            Action::SlowDisk {
                server,
                times,
                length,
            } => {
                self.hosts[server].slow_disk(times);
                self.relent_after(length, Breakage::SlowDisk(server));
            }
            Action::StallDisk { server, length } => {
                let until = self.queue.now() + length;
                self.hosts[server].stall_disk(None, until);
            }
            Action::DiskError {
                server,
                trouble,
                fate,
            } => self.hosts[server].fail_disk(trouble, fate),
            Action::Disk {
                server,
                ref harm,
                fate,
            } => self.harm(server, harm, fate),
            Action::Wipe { server, fate } => {
                self.put_down(server, fate);
                self.hosts[server].disk.wipe();
                self.judges.lost(server);
            }
            Action::Rot {
                server,
                ref file,
                offset,
                bit,
                fate,
            } => self.rot(server, file, (offset, bit), fate),
            Action::PromiseLoss { server, fate } => {
                self.put_down(server, fate);
                self.hosts[server].disk.lose_copies("promise");
                self.judges.forgot(server);
            }
            Action::WallJump { server, by_ms } => self.hosts[server].jump_wall(by_ms),
            Action::Suggest { server, leader } => {
                let step = self.hosts[server].suggest(leader, around!(self))?;
                self.after_step(server, step)?;
            }
            Action::PauseClient { client, length } => {
                self.clients[client].pause();
                let event = Event::Client(client, ClientEvent::Resume);
                self.queue.after(length, event);
            }
            Action::Rude { key } => self.rude.strike(key, &mut self.net),
            Action::Hostile { key } => {
                let is_founded = !self.judges.ledger.entries().is_empty();
                self.hostile.strike(key, is_founded, &mut self.net);
            }
        }
        Ok(())
    }

    /// Ends a server if it runs, for as long as its fate says.
    pub(super) fn put_down(&mut self, server: usize, fate: Fate) {
        if self.hosts[server].replica().is_some() {
            self.kill(server, fate);
            if let Some(delay) = fate.restart_after {
                self.start_after(server, delay);
            }
        }
    }

    fn rot(&mut self, server: usize, name: &str, place: (usize, u8), fate: Option<Fate>) {
        let Some(file) = self.hosts[server].disk.durable_named(name) else {
            return;
        };
        self.judges.rotted(server, &file);
        self.hosts[server].disk.rot(&file, place.0, place.1);
        self.nemesis.count(if name.starts_with("snapshot.") {
            "rot in a snapshot"
        } else {
            "rot in a log"
        });
        if let Some(fate) = fate {
            self.put_down(server, fate);
        }
    }

    fn reset(&mut self, name: ConnName) {
        if let Some(conn) = self.net.open_by_name(name) {
            self.net.reset(conn);
        }
    }

    fn block(&mut self, rift: &Rift, length: Micros) {
        let paths = self.paths(rift);
        for (from, to, port) in &paths {
            self.net.block(*from, *to, *port);
        }
        self.relent_after(length, Breakage::Paths(paths));
    }

    fn paths(&self, rift: &Rift) -> Vec<(Node, Node, Port)> {
        let machines = self.net.machines();
        let mut paths = Vec::new();
        for (from, sender) in machines.iter().enumerate() {
            for (to, receiver) in machines.iter().enumerate() {
                let ports = Port::ALL.into_iter();
                let cut = ports.filter(|port| rift.cuts(*sender, *receiver, *port));
                paths.extend(cut.map(|port| (from, to, port)));
            }
        }
        paths
    }

    fn clog(&mut self, path: (Machine, Machine, Port), by: Micros, length: Micros) {
        let (from, to, port) = path;
        if let (Some(from), Some(to)) = (self.net.node(from), self.net.node(to)) {
            self.net.clog(from, to, port, by);
            self.relent_after(length, Breakage::Clog(from, to, port));
        }
    }

    pub(super) fn relent_after(&mut self, length: Micros, breakage: Breakage) {
        let number = self.nemesis.keep(breakage);
        self.queue.after(length, Event::Relent(number));
    }

    /// Takes something back.
    pub(crate) fn relent(&mut self, number: usize) {
        match self.nemesis.broken[number].take() {
            Some(Breakage::Paths(paths)) => {
                for (from, to, port) in paths {
                    self.net.unblock(from, to, port);
                }
            }
            Some(Breakage::Clog(from, to, port)) => self.net.clog(from, to, port, 0),
            Some(Breakage::SlowDisk(server)) => self.hosts[server].slow_disk(1),
            Some(Breakage::Trouble(server)) => self.hosts[server].disk.set_trouble(None),
            Some(Breakage::Swap(one, other)) => self.swap(one, other, None),
            Some(Breakage::Links(server)) => self.reset_links(server),
            Some(other) => self.relent_mishap(&other),
            None => {}
        }
    }

    fn reset_links(&mut self, server: usize) {
        for conn in self.net.open() {
            let ends = self.net.ends(conn);
            if ends.is_some_and(|(from, to, port)| {
                port == Port::Quorum && (from == server || to == server)
            }) {
                self.net.reset(conn);
            }
        }
    }

    /// Takes everything back, and starts every server that is down.
    pub(crate) fn heal(&mut self) {
        for number in 0..self.nemesis.broken.len() {
            self.relent(number);
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
    }

    /// The server that leads.
    pub(crate) fn leader(&self) -> Option<usize> {
        (0..self.hosts.len()).find(|index| {
            let replica = self.hosts[*index].replica();
            replica.is_some_and(|replica| matches!(replica.role(), Role::Leading { .. }))
        })
    }
}

impl Rift {
    fn cuts(&self, from: Machine, to: Machine, port: Port) -> bool {
        let is_server = |machine| matches!(machine, Machine::Server(_));
        let is_client = |machine| matches!(machine, Machine::Client(_));
        let among_servers = from != to && is_server(from) && is_server(to);
        let touches = |server| from == Machine::Server(server) || to == Machine::Server(server);
        let is_known = |machine| is_server(machine) || is_client(machine);
        match self {
            Rift::Between(side) => {
                is_known(from) && is_known(to) && side.contains(&from) != side.contains(&to)
            }
            Rift::OneWay {
                from: unheard,
                to: deaf,
            } => from == *unheard && to == *deaf,
            Rift::Apart(pairs) => {
                among_servers
                    && pairs.iter().any(|(one, other)| {
                        [(one, other), (other, one)].iter().any(|(one, other)| {
                            from == Machine::Server(**one) && to == Machine::Server(**other)
                        })
                    })
            }
            Rift::Around(server) => among_servers && touches(*server),
            Rift::AtPort { server, port: cut } => among_servers && touches(*server) && port == *cut,
            Rift::Clients(server) => {
                touches(*server) && (is_client(from) || is_client(to)) && port == Port::Client
            }
        }
    }
}
