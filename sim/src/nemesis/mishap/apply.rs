//! Doing what was drawn or written down.

use super::Mishap;
use crate::nemesis::Breakage;
use crate::net::{Dials, Machine, Name, Node, Port};
use crate::world::World;

impl World {
    pub(in crate::nemesis) fn is_mishap_possible(&self, mishap: &Mishap) -> bool {
        let is_server = |server: &usize| *server < self.hosts.len();
        match mishap {
            Mishap::Slow { machine, .. } | Mishap::Cap { machine, .. } => {
                self.net.node(*machine).is_some()
            }
            Mishap::LoseAfter { conn, .. }
            | Mishap::Finish { conn }
            | Mishap::Halve { conn }
            | Mishap::StallReader { conn, .. } => self.net.open_by_name(*conn).is_some(),
            Mishap::Lead {
                from, to, instead, ..
            } => {
                let leads = instead.iter().all(is_server);
                let leads_home = instead.map(Machine::Server) == Some(*from);
                self.net.node(*from).is_some() && is_server(to) && leads && !leads_home
            }
            Mishap::Dials { server, .. }
            | Mishap::SlowCpu { server, .. }
            | Mishap::FreezeWall { server, .. }
            | Mishap::Retune { server, .. }
            | Mishap::Storm { server, .. } => is_server(server),
        }
    }

    pub(in crate::nemesis) fn apply_mishap(&mut self, mishap: &Mishap) {
        match *mishap {
            Mishap::Slow {
                machine,
                by,
                length,
            } => {
                for (from, to, port) in self.paths_of(machine) {
                    self.net.clog(from, to, port, by);
                    self.relent_after(length, Breakage::Clog(from, to, port));
                }
            }
            Mishap::Cap {
                machine,
                rate,
                length,
            } => {
                for (from, to, port) in self.paths_of(machine) {
                    self.net.cap(from, to, port, rate);
                    self.relent_after(length, Breakage::Cap(from, to, port));
                }
            }
            Mishap::LoseAfter { conn, side, bytes } => {
                if let Some(conn) = self.net.open_by_name(conn) {
                    self.net.lose_after(conn, side, bytes);
                }
            }
            Mishap::Finish { conn } => {
                if let Some(conn) = self.net.open_by_name(conn) {
                    self.net.finish(conn);
                }
            }
            Mishap::Halve { conn } => {
                if let Some(conn) = self.net.open_by_name(conn) {
                    self.net.halve(conn);
                }
            }
            Mishap::StallReader { conn, side, length } => {
                if let Some(conn) = self.net.open_by_name(conn) {
                    self.net.stall_reader(conn, side, true);
                    self.relent_after(length, Breakage::Reader(conn, side));
                }
            }
            Mishap::Dials {
                server,
                port,
                dials,
                length,
            } => {
                self.dials(server, port, dials);
                self.relent_after(length, Breakage::Dials(server, port));
            }
            Mishap::Lead {
                from,
                to,
                instead,
                length,
            } => {
                if let Some(from) = self.net.node(from) {
                    let name = instead.map_or(Name::Unknown, Name::Of);
                    self.net.lead(from, to, name);
                    self.relent_after(length, Breakage::Name(from, to));
                }
            }
            Mishap::SlowCpu {
                server,
                times,
                length,
            } => {
                self.hosts[server].slow_cpu(times);
                self.relent_after(length, Breakage::SlowCpu(server));
            }
            Mishap::FreezeWall { server, length } => {
                self.hosts[server].freeze_wall(self.queue.now());
                self.relent_after(length, Breakage::FrozenWall(server));
            }
            Mishap::Retune { server, limits } => self.hosts[server].retune(&limits),
            Mishap::Storm {
                kind,
                server,
                count,
            } => self.rude.storm(kind, server, count, &mut self.net),
        }
    }

    /// Takes back what only mishaps leave.
    pub(in crate::nemesis) fn relent_mishap(&mut self, breakage: &Breakage) {
        match *breakage {
            Breakage::Cap(from, to, port) => self.net.cap(from, to, port, 0),
            Breakage::Reader(conn, side) => self.net.stall_reader(conn, side, false),
            Breakage::Dials(server, port) => self.dials(server, port, Dials::Heard),
            Breakage::Name(from, to) => self.net.lead(from, to, Name::Right),
            Breakage::SlowCpu(server) => self.hosts[server].slow_cpu(1),
            Breakage::FrozenWall(server) => self.hosts[server].thaw_wall(),
            Breakage::Paths(_)
            | Breakage::Clog(..)
            | Breakage::SlowDisk(_)
            | Breakage::Trouble(_)
            | Breakage::Swap(..)
            | Breakage::Links(_) => unreachable!("others take these back"),
        }
    }

    fn dials(&mut self, server: usize, port: Port, dials: Dials) {
        for from in 0..self.net.machines().len() {
            self.net.dials(from, server, port, dials);
        }
    }

    fn paths_of(&self, machine: Machine) -> Vec<(Node, Node, Port)> {
        let Some(node) = self.net.node(machine) else {
            return Vec::new();
        };
        let others = (0..self.net.machines().len()).filter(|other| *other != node);
        let both = others.flat_map(|other| [(node, other), (other, node)]);
        let at_ports = |(from, to)| Port::ALL.map(|port| (from, to, port));
        both.flat_map(at_ports).collect()
    }
}
