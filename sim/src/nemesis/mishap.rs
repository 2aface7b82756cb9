//! Further things that happen to networks, machines and clients.

mod apply;
mod draw;
mod parts;
mod words;

use crate::net::{ConnName, Dials, Machine, Port, Side};
use crate::queue::Micros;
use serde::{Deserialize, Serialize};

/// A kind of mishap, as a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MishapKind {
    /// Everything to and from a machine is slow.
    SlowPeer,
    /// Little goes to and from a machine in a second.
    BandwidthCap,
    /// Servers are cut off together and come back one by one.
    Swizzle,
    /// One server sees two halves that do not see each other.
    Bridge,
    /// Each server sees another majority.
    Ring,
    /// One direction of a connection goes silent after some byte.
    CutOneWay,
    /// Both ends are told that the other closed.
    Fin,
    /// A connection is gone, and nobody is told.
    HalfOpen,
    /// Dials are refused though somebody listens.
    ConnectRefused,
    /// Dials are not answered.
    ConnectHangs,
    /// One end of a connection reads nothing.
    BackPressure,
    /// A name is not resolved.
    NameLost,
    /// A name leads to another server.
    NameChanged,
    /// A machine stands still, and its wall clock jumps.
    Migration,
    /// All servers stand still.
    PauseOfAll,
    /// A machine computes slowly.
    SlowCpu,
    /// The wall clock goes through a second twice.
    LeapSecond,
    /// The wall clock stands still.
    FrozenWall,
    /// Servers start anew one by one, each with other limits.
    OtherLimits,
    /// All clients have to connect anew at once.
    Herd,
    /// Many sessions fall silent together.
    SessionStorm,
    /// One change fires many watches.
    WatchAvalanche,
    /// Many requests come at once on one connection.
    Pipeline,
}

impl MishapKind {
    /// Every kind.
    pub(crate) const ALL: [MishapKind; 23] = [
        MishapKind::SlowPeer,
        MishapKind::BandwidthCap,
        MishapKind::Swizzle,
        MishapKind::Bridge,
        MishapKind::Ring,
        MishapKind::CutOneWay,
        MishapKind::Fin,
        MishapKind::HalfOpen,
        MishapKind::ConnectRefused,
        MishapKind::ConnectHangs,
        MishapKind::BackPressure,
        MishapKind::NameLost,
        MishapKind::NameChanged,
        MishapKind::Migration,
        MishapKind::PauseOfAll,
        MishapKind::SlowCpu,
        MishapKind::LeapSecond,
        MishapKind::FrozenWall,
        MishapKind::OtherLimits,
        MishapKind::Herd,
        MishapKind::SessionStorm,
        MishapKind::WatchAvalanche,
        MishapKind::Pipeline,
    ];

    /// Its name in reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            MishapKind::SlowPeer => "slow peer",
            MishapKind::BandwidthCap => "bandwidth cap",
            MishapKind::Swizzle => "swizzle",
            MishapKind::Bridge => "bridge",
            MishapKind::Ring => "ring of majorities",
            MishapKind::CutOneWay => "cut one way",
            MishapKind::Fin => "fin",
            MishapKind::HalfOpen => "half-open",
            MishapKind::ConnectRefused => "connect refused",
            MishapKind::ConnectHangs => "connect hangs",
            MishapKind::BackPressure => "back-pressure",
            MishapKind::NameLost => "name not resolved",
            MishapKind::NameChanged => "name leads elsewhere",
            MishapKind::Migration => "machine migrated",
            MishapKind::PauseOfAll => "pause of all",
            MishapKind::SlowCpu => "slow CPU",
            MishapKind::LeapSecond => "leap second",
            MishapKind::FrozenWall => "frozen wall clock",
            MishapKind::OtherLimits => "restart with other limits",
            MishapKind::Herd => "reconnect herd",
            MishapKind::SessionStorm => "sessions silent together",
            MishapKind::WatchAvalanche => "watch avalanche",
            MishapKind::Pipeline => "pipeline",
        }
    }

    /// Whether it can happen in a world.
    pub(crate) fn makes_sense(self, servers: usize, demands_proof: bool) -> bool {
        match self {
            MishapKind::Bridge => servers > 2,
            MishapKind::Ring => servers > 3,
            MishapKind::Swizzle | MishapKind::NameLost | MishapKind::NameChanged => servers > 1,
            // Those who do it prove nothing.
            MishapKind::SessionStorm | MishapKind::WatchAvalanche | MishapKind::Pipeline => {
                !demands_proof
            }
            MishapKind::SlowPeer
            | MishapKind::BandwidthCap
            | MishapKind::CutOneWay
            | MishapKind::Fin
            | MishapKind::HalfOpen
            | MishapKind::ConnectRefused
            | MishapKind::ConnectHangs
            | MishapKind::BackPressure
            | MishapKind::Migration
            | MishapKind::PauseOfAll
            | MishapKind::SlowCpu
            | MishapKind::LeapSecond
            | MishapKind::FrozenWall
            | MishapKind::OtherLimits
            | MishapKind::Herd => true,
        }
    }
}

/// Something that happens to networks, machines or clients.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mishap {
    /// All that goes to and from a machine is slow.
    Slow {
        /// Which.
        machine: Machine,
        /// By how much.
        by: Micros,
        /// How long.
        length: Micros,
    },
    /// Little goes to and from a machine.
    Cap {
        /// Which.
        machine: Machine,
        /// Bytes in a second, to or from each port of each other machine.
        rate: u64,
        /// How long.
        length: Micros,
    },
    /// After some byte nothing arrives, and nobody is told.
    LoseAfter {
        /// Which; the newest of its kind when it is not open.
        conn: ConnName,
        /// Whose bytes are lost.
        side: Side,
        /// How many still arrive.
        bytes: usize,
    },
    /// Each end is told that the other one closed.
    Finish {
        /// Which; the newest of its kind when it is not open.
        conn: ConnName,
    },
    /// Nothing arrives at either end, and nobody is told.
    Halve {
        /// Which; the newest of its kind when it is not open.
        conn: ConnName,
    },
    /// One end reads nothing.
    StallReader {
        /// Which; the newest of its kind when it is not open.
        conn: ConnName,
        /// Who does not read.
        side: Side,
        /// How long.
        length: Micros,
    },
    /// Dials of everybody to a port of a server are refused or ignored.
    Dials {
        /// Whose.
        server: usize,
        /// Which.
        port: Port,
        /// What becomes of them.
        dials: Dials,
        /// How long.
        length: Micros,
    },
    /// A machine that looks for a server finds nothing, or another one.
    Lead {
        /// Who looks.
        from: Machine,
        /// For whom.
        to: usize,
        /// Whom it finds.
        instead: Option<usize>,
        /// How long.
        length: Micros,
    },
    /// A machine computes slowly.
    SlowCpu {
        /// Which server.
        server: usize,
        /// How many times slower.
        times: u64,
        /// How long.
        length: Micros,
    },
    /// A wall clock stands still.
    FreezeWall {
        /// Of which server.
        server: usize,
        /// How long.
        length: Micros,
    },
    /// A server has these limits from its next start on.
    Retune {
        /// Which.
        server: usize,
        /// What it is told then.
        limits: Limits,
    },
    /// Many clients without manners come at once.
    Storm {
        /// What they are after.
        kind: StormKind,
        /// Which server they come to.
        server: usize,
        /// How many connections, or requests on one.
        count: u32,
    },
}

/// What many clients without manners are after.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StormKind {
    /// Open a session each, and say nothing more.
    Silence,
    /// Watch one node, which is then created.
    Watches,
    /// Ask for many things on one connection without waiting.
    Pipeline,
}

/// What a restart may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Ticks that a learner has to join.
    pub init_limit: u32,
    /// Ticks that a learner may be silent.
    pub sync_limit: u32,
    /// Transactions between snapshots.
    pub snapshot_txns: u32,
    /// Bytes of a segment of the log.
    pub segment_bytes: u64,
    /// Bytes of log that a leader keeps in memory for learners.
    pub window_bytes_max: usize,
    /// Bytes of a snapshot that are sent at once.
    pub chunk_bytes: u32,
    /// Proposals under way at most.
    pub outstanding_max: u32,
}
