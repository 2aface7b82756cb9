//! The words of the network: machines, ports, sides, and what is told to whom.

use super::Law;
use crate::queue::Micros;
use core::fmt;
use serde::{Deserialize, Serialize};

/// A machine by a name that stays when another one is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Machine {
    /// A server, from 0.
    Server(usize),
    /// A client, from 0.
    Client(usize),
    /// The one who sends nonsense.
    Hostile,
    /// The one without manners.
    Rude,
}

impl Machine {
    /// Which server it is, if it is one.
    pub(crate) fn server(self) -> Option<usize> {
        match self {
            Machine::Server(server) => Some(server),
            Machine::Client(_) | Machine::Hostile | Machine::Rude => None,
        }
    }

    /// Its name in twelve bits.
    pub(crate) fn code(self) -> u64 {
        let number = |index: usize| u64::try_from(index).expect("few machines");
        match self {
            Machine::Server(index) => number(index),
            Machine::Client(index) => 0x100 + number(index),
            Machine::Hostile => 0xe00,
            Machine::Rude => 0xe01,
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Machine::Server(index) => write!(f, "s{}", index + 1),
            Machine::Client(index) => write!(f, "c{}", index + 1),
            Machine::Hostile => f.write_str("hostile"),
            Machine::Rude => f.write_str("rude"),
        }
    }
}

/// A connection by a name that stays when others are left out: the `nth` that `from` dialled to
/// that port of `to`, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ConnName {
    /// Who dialled.
    pub from: Machine,
    /// Who was dialled.
    pub to: Machine,
    /// Where.
    pub port: Port,
    /// How many there were of this kind before.
    pub nth: u32,
}

impl ConnName {
    /// One direction of it as the entity of a decision.
    pub(crate) fn entity(&self, side: Side) -> u64 {
        let port = match self.port {
            Port::Election => 0,
            Port::Quorum => 1,
            Port::Client => 2,
        };
        let side = match side {
            Side::Dialler => 0,
            Side::Accepter => 1,
        };
        let ends = self.from.code() << 12 | self.to.code();
        (ends << 2 | port) << 33 | u64::from(self.nth) << 1 | side
    }
}

impl fmt::Display for ConnName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let port = match self.port {
            Port::Election => "election",
            Port::Quorum => "quorum",
            Port::Client => "client",
        };
        write!(f, "{}->{}:{port}#{}", self.from, self.to, self.nth)
    }
}

/// A machine on the network: servers first, then clients, then the hostile one.
pub(crate) type Node = usize;

/// One connection, ever.
pub(crate) type ConnNumber = usize;

/// What a connection is for, which is also the port it goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Port {
    /// Election port of a server.
    Election,
    /// Quorum port of a server.
    Quorum,
    /// Client port of a server.
    Client,
}

impl Port {
    /// Every port.
    pub(crate) const ALL: [Port; 3] = [Port::Election, Port::Quorum, Port::Client];
}

/// Which end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The one that dialled.
    Dialler,
    /// The one that was dialled.
    Accepter,
}

impl Side {
    pub(crate) fn other(self) -> Side {
        match self {
            Side::Dialler => Side::Accepter,
            Side::Accepter => Side::Dialler,
        }
    }

    pub(crate) fn index(self) -> usize {
        match self {
            Side::Dialler => 0,
            Side::Accepter => 1,
        }
    }
}

/// What the network wants to be called for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NetEvent {
    /// A dial arrives.
    Syn {
        /// The connection.
        conn: ConnNumber,
        /// How often it was tried before.
        attempt: u32,
    },
    /// The answer to a dial arrives.
    SynAck {
        /// The connection.
        conn: ConnNumber,
        /// Whether it was taken.
        taken: bool,
    },
    /// Bytes that `side` sent arrive at the other end.
    Arrive {
        /// The connection.
        conn: ConnNumber,
        /// Who sent.
        side: Side,
    },
}

/// What the network tells a machine. `process` names the start of it that is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    /// The machine.
    pub(crate) node: Node,
    /// Its start.
    pub(crate) process: u64,
    /// The connection.
    pub(crate) conn: ConnNumber,
    /// Its end of it.
    pub(crate) side: Side,
    /// What.
    pub(crate) what: What,
}

/// What the network tells a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// A dial has come in.
    Accepted(Port),
    /// An own dial has come through.
    Connected,
    /// Bytes have come.
    Bytes(Vec<u8>),
    /// The socket has taken this many of the bytes it was given.
    Sent(usize),
    /// The connection is gone.
    Closed,
}

/// Whether and how a machine answers its network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    /// A process listens.
    Up {
        /// Its start.
        process: u64,
    },
    /// The machine runs, the process does not: dials are refused.
    ProcessDown,
    /// Nothing answers.
    PowerOff,
}

/// How fast and how odd the network of a seed is; times in microseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetKnobs {
    /// Shortest time a byte takes.
    pub(crate) latency_min: Micros,
    /// Longest time, without faults.
    pub(crate) latency_max: Micros,
    /// How often, in a million, a stream is handed over in small pieces.
    pub(crate) rechunk: u32,
    /// How often, in a million, a packet is late by up to `late_max`.
    pub(crate) late: u32,
    /// Most a late packet is late by.
    pub(crate) late_max: Micros,
    /// Bytes a socket takes before they arrive.
    pub(crate) socket_bytes: usize,
    /// How often, in a million, a close throws away what was not delivered yet.
    pub(crate) abrupt: u32,
    /// How latency is spread.
    pub(crate) law: Law,
    /// Whether each path has a law of its own.
    pub(crate) is_mixed: bool,
    /// Connections that a port takes while its process has not.
    pub(crate) backlog: u32,
}

impl NetKnobs {
    /// How latency is spread on the way from one machine to another.
    pub(super) fn law(&self, from: Node, to: Node) -> Law {
        if self.is_mixed {
            Law::ALL[(from * 5 + to * 3) % Law::ALL.len()]
        } else {
            self.law
        }
    }
}

impl Default for NetKnobs {
    /// One latency for all, and nothing odd.
    fn default() -> Self {
        NetKnobs {
            latency_min: 200,
            latency_max: 200,
            rechunk: 0,
            late: 0,
            late_max: 0,
            socket_bytes: 262_144,
            abrupt: 0,
            law: Law::Uniform,
            is_mixed: false,
            backlog: 128,
        }
    }
}
