//! The words of the network: machines, ports, sides, and what is told to whom.

use crate::queue::Micros;

/// A machine on the network: servers first, then clients, then the hostile one.
pub(crate) type Node = usize;

/// One connection, ever.
pub(crate) type ConnNumber = usize;

/// What a connection is for, which is also the port it goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Port {
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Side {
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
#[derive(Clone, Debug)]
pub(crate) struct NetKnobs {
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
}
