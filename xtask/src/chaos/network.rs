//! An ensemble whose servers reach each other, and are reached, through wires; and what wires do
//! to them.

use crate::ensemble::Ensemble;
use crate::measure::Dice;
use crate::wires::{BOTH, Counts, Flow, Way, Wire};
use anyhow::Result;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

/// What happens to wires.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Trouble {
    /// Nothing passes between the leader and the others; it waits.
    LeaderCutOff,
    /// What is sent to the leader vanishes.
    LeaderDeaf,
    /// What the leader sends vanishes.
    LeaderMute,
    /// Every link between servers is slow.
    Slow,
    /// Every link between servers is reset.
    Reset,
    /// Every link between servers ends within a message.
    Torn,
    /// Every client is cut off within an answer.
    ClientsTorn,
    /// No client hears anything, and no server knows.
    ClientsHalfOpen,
}

impl Trouble {
    pub(super) const ALL: [Trouble; 8] = [
        Trouble::LeaderCutOff,
        Trouble::LeaderDeaf,
        Trouble::LeaderMute,
        Trouble::Slow,
        Trouble::Reset,
        Trouble::Torn,
        Trouble::ClientsTorn,
        Trouble::ClientsHalfOpen,
    ];

    pub(super) fn words(self) -> &'static str {
        match self {
            Trouble::LeaderCutOff => "leader cut off",
            Trouble::LeaderDeaf => "leader hears nobody",
            Trouble::LeaderMute => "nobody hears the leader",
            Trouble::Slow => "slow links",
            Trouble::Reset => "links reset",
            Trouble::Torn => "links torn in a message",
            Trouble::ClientsTorn => "clients torn in an answer",
            Trouble::ClientsHalfOpen => "clients half-open",
        }
    }
}

/// The wires of an ensemble: for each server and each other one that it dials, to its quorum and
/// its election port; and one to each client port.
pub(super) struct Network {
    peers: BTreeMap<(usize, usize), [Wire; 2]>,
    clients: Vec<Wire>,
}

impl Network {
    /// Puts wires around servers that do not run yet.
    pub(super) fn around(ensemble: &Ensemble, extra: &str) -> Result<Network> {
        let size = ensemble.size();
        let local = |port| SocketAddr::new(ensemble.client(0).ip(), port);
        let mut ports = crate::ensemble::free_ports(size * (size - 1) * 2 + size)?.into_iter();
        let mut port = || ports.next().expect("as many as were asked for");
        let mut peers = BTreeMap::new();
        for (from, to) in pairs(size) {
            let [quorum, election] = ensemble.peer_ports(to);
            let wires = [
                Wire::start(port(), local(quorum))?,
                Wire::start(port(), local(election))?,
            ];
            peers.insert((from, to), wires);
        }
        let clients = (0..size)
            .map(|to| Wire::start(port(), ensemble.client(to)))
            .collect::<Result<_>>()?;
        ensemble.configure(extra, |from, to| {
            peers[&(from, to)]
                .each_ref()
                .map(|wire| wire.address().port())
        })?;
        Ok(Network { peers, clients })
    }

    /// Where clients are to connect.
    pub(super) fn clients(&self) -> Vec<SocketAddr> {
        self.clients.iter().map(Wire::address).collect()
    }

    /// Lets something happen for a while, and heals.
    pub(super) fn strike(&self, trouble: Trouble, leader: usize, dice: &mut Dice) {
        let lasts = Duration::from_millis(500 + dice.below(4500));
        match trouble {
            Trouble::LeaderCutOff => self.around_leader(leader, Flow::Held, &BOTH),
            Trouble::LeaderDeaf => self.around_leader(leader, Flow::Lost, &[Way::There]),
            Trouble::LeaderMute => self.around_leader(leader, Flow::Lost, &[Way::Back]),
            Trouble::Slow => {
                for wire in self.peers.values().flatten() {
                    for way in BOTH {
                        wire.set_delay(way, Duration::from_millis(dice.below(120)));
                    }
                }
            }
            Trouble::Reset => self.peers.values().flatten().for_each(Wire::reset),
            Trouble::Torn => {
                for wire in self.peers.values().flatten() {
                    wire.tear_after(BOTH[dice.index(2)], 1 + dice.below(4000));
                }
            }
            Trouble::ClientsTorn => {
                for wire in &self.clients {
                    wire.tear_after(BOTH[dice.index(2)], 1 + dice.below(500));
                }
            }
            Trouble::ClientsHalfOpen => {
                for wire in &self.clients {
                    wire.set_flow(Way::Back, Flow::Lost);
                }
            }
        }
        thread::sleep(lasts);
        self.all().for_each(Wire::heal);
    }

    /// What all wires did.
    pub(super) fn counts(&self) -> Counts {
        self.all()
            .map(Wire::counts)
            .fold(Counts::default(), |sum, one| Counts {
                connections: sum.connections + one.connections,
                bytes: sum.bytes + one.bytes,
                bytes_lost: sum.bytes_lost + one.bytes_lost,
                delays: sum.delays + one.delays,
                torn: sum.torn + one.torn,
                reset: sum.reset + one.reset,
            })
    }

    fn all(&self) -> impl Iterator<Item = &Wire> {
        self.peers.values().flatten().chain(&self.clients)
    }

    /// Sets what becomes of what goes to the leader (`There`) and comes from it (`Back`), whoever
    /// dialled.
    fn around_leader(&self, leader: usize, flow: Flow, ways: &[Way]) {
        for ((from, to), wires) in &self.peers {
            for (wire, way) in wires
                .iter()
                .flat_map(|wire| ways.iter().map(move |way| (wire, *way)))
            {
                if *to == leader {
                    wire.set_flow(way, flow);
                } else if *from == leader {
                    let other = match way {
                        Way::There => Way::Back,
                        Way::Back => Way::There,
                    };
                    wire.set_flow(other, flow);
                }
            }
        }
    }
}

fn pairs(size: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..size).flat_map(move |from| (0..size).map(move |to| (from, to)).filter(|(a, b)| a != b))
}
