//! Wires on every path between servers, and between each client and each server.

use super::orders::{Machine, Port, Way};
use crate::ensemble::{Ensemble, free_ports};
use crate::wires::{BOTH, Flow, Way as Direction, Wire};
use anyhow::Result;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

/// A wire: who dials over it, to which port of which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Line {
    dialler: Dialler,
    server: usize,
    port: Connected,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Dialler {
    Server(usize),
    Client(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Connected {
    Quorum,
    Election,
    Client,
}

/// All wires.
pub(super) struct Wiring {
    wires: BTreeMap<Line, Wire>,
    servers: usize,
}

impl Wiring {
    /// Puts wires around servers that do not run yet.
    pub(super) fn around(ensemble: &Ensemble, clients: usize, extra: &str) -> Result<Wiring> {
        let servers = ensemble.size();
        let mut lines = Vec::new();
        for server in 0..servers {
            for dialler in (0..servers).filter(|other| *other != server) {
                let [quorum, election] = ensemble.peer_ports(server);
                let dialler = Dialler::Server(dialler);
                for (port, to) in [(Connected::Quorum, quorum), (Connected::Election, election)] {
                    let line = Line {
                        dialler,
                        server,
                        port,
                    };
                    lines.push((line, SocketAddr::from((Ipv4Addr::LOCALHOST, to))));
                }
            }
            for client in 0..clients {
                let line = Line {
                    dialler: Dialler::Client(client),
                    server,
                    port: Connected::Client,
                };
                lines.push((line, ensemble.client(server)));
            }
        }
        let ports = free_ports(lines.len())?;
        let wires = lines.into_iter().zip(ports);
        let wires = wires.map(|((line, to), port)| Ok((line, Wire::start(port, to)?)));
        let wiring = Wiring {
            wires: wires.collect::<Result<_>>()?,
            servers,
        };
        ensemble.configure(extra, |from, to| {
            [Connected::Quorum, Connected::Election]
                .map(|port| wiring.between(from, to, port).address().port())
        })?;
        Ok(wiring)
    }

    /// Where a client finds each server.
    pub(super) fn client(&self, client: usize) -> Vec<SocketAddr> {
        let line = |server| Line {
            dialler: Dialler::Client(client),
            server,
            port: Connected::Client,
        };
        let servers = 0..self.servers;
        servers
            .map(|server| self.wires[&line(server)].address())
            .collect()
    }

    /// Apache's servers tell each other where they listen for votes, and dial that: they are told
    /// of the wires instead.
    pub(super) fn hide_addresses(&self, ensemble: &Ensemble) {
        for (line, wire) in &self.wires {
            let (Dialler::Server(from), Connected::Election) = (line.dialler, line.port) else {
                continue;
            };
            let [_, own] = ensemble.peer_ports(from);
            let back = self.between(line.server, from, Connected::Election);
            let said = |port: u16| format!("127.0.0.1:{port}").into_bytes();
            wire.replace(&said(own), &said(back.address().port()));
        }
    }

    /// Nothing passes these ways, and everything all others.
    pub(super) fn block(&self, ways: &[Way]) {
        for (line, wire) in &self.wires {
            for direction in BOTH {
                let is_blocked = ways.iter().any(|way| carries(*line, direction, *way));
                let flow = if is_blocked { Flow::Held } else { Flow::Open };
                wire.set_flow(direction, flow);
            }
        }
    }

    fn between(&self, from: usize, to: usize, port: Connected) -> &Wire {
        &self.wires[&Line {
            dialler: Dialler::Server(from),
            server: to,
            port,
        }]
    }
}

/// Whether what is said this way goes over a wire in this direction.
fn carries(line: Line, direction: Direction, way: Way) -> bool {
    let dialler = match line.dialler {
        Dialler::Server(server) => Machine::Server(server),
        Dialler::Client(client) => Machine::Client(client),
    };
    let server = Machine::Server(line.server);
    let (from, to) = match direction {
        Direction::There => (dialler, server),
        Direction::Back => (server, dialler),
    };
    let is_port = match way.port {
        None => true,
        Some(Port::Quorum) => line.port == Connected::Quorum,
        Some(Port::Election) => line.port == Connected::Election,
        Some(Port::Client) => line.port == Connected::Client,
    };
    (way.from, way.to) == (from, to) && is_port
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_is_carried_there_by_who_speaks_and_back_by_who_was_dialled() {
        let line = |dialler, server, port| Line {
            dialler,
            server,
            port,
        };
        let way = |from, to, port| Way { from, to, port };
        let (first, second) = (Machine::Server(0), Machine::Server(1));
        let dialled = line(Dialler::Server(0), 1, Connected::Quorum);
        assert!(carries(dialled, Direction::There, way(first, second, None)));
        assert!(!carries(dialled, Direction::Back, way(first, second, None)));
        assert!(carries(dialled, Direction::Back, way(second, first, None)));
        let quorum = way(first, second, Some(Port::Quorum));
        let votes = way(first, second, Some(Port::Election));
        assert!(carries(dialled, Direction::There, quorum));
        assert!(!carries(dialled, Direction::There, votes));
        let client = line(Dialler::Client(0), 1, Connected::Client);
        let answers = way(second, Machine::Client(0), None);
        assert!(carries(client, Direction::Back, answers));
        assert!(!carries(client, Direction::There, answers));
        assert!(!carries(client, Direction::Back, quorum));
    }
}
