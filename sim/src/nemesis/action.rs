//! Everything that is done to a world, as data: it can be printed, left out, and done again.

use super::Harm;
use super::Mishap;
use crate::disk::{Survival, Trouble};
use crate::host::Death;
use crate::net::{ConnName, Machine, Port, Side};
use crate::queue::Micros;
use crate::swarm::Fault;
use serde::{Deserialize, Serialize};

/// How a process ends, what that leaves of its disk, and when it starts again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fate {
    /// What dies.
    pub death: Death,
    /// Decides which unsynced writes survive.
    pub key: u64,
    /// When it starts again; `None` for not before everything is healed.
    pub restart_after: Option<Micros>,
}

impl Fate {
    /// The machine loses its power and everything unsynced, and stays down.
    pub fn lost() -> Self {
        Fate {
            death: Death::Power(Survival::Lost),
            key: 0,
            restart_after: None,
        }
    }
}

/// Paths of the network that are lost together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rift {
    /// These machines from all others, both ways.
    Between(Vec<Machine>),
    /// What one machine says to another.
    OneWay {
        /// Who is not heard.
        from: Machine,
        /// Who does not hear it.
        to: Machine,
    },
    /// A server from all other servers, not from clients.
    Around(usize),
    /// One port between a server and all other servers.
    AtPort {
        /// The server.
        server: usize,
        /// The port.
        port: Port,
    },
    /// A server from every client.
    Clients(usize),
    /// Servers from each other, pair by pair.
    Apart(Vec<(usize, usize)>),
}

/// One thing that is done to a world. Servers and clients count from 0, times are microseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// A process ends now.
    Die {
        /// Whose.
        server: usize,
        /// How.
        fate: Fate,
    },
    /// A process ends between two effects of one step.
    DieAfter {
        /// Whose.
        server: usize,
        /// Effects that still happen.
        effects: u64,
        /// How.
        fate: Fate,
    },
    /// As `DieAfter`, counted from the next start that has no such plan yet.
    DieAgain {
        /// Whose.
        server: usize,
        /// Effects that still happen after the start.
        effects: u64,
        /// How.
        fate: Fate,
    },
    /// A process ends when it has just written to a file of some kind.
    DieAtFile {
        /// Whose.
        server: usize,
        /// How the file's name begins; `cut` for segments that go because the log is cut.
        prefix: String,
        /// The how manieth such operation it is.
        times: u64,
        /// How.
        fate: Fate,
    },
    /// A server that is down dies again while it recovers.
    DieInRecovery {
        /// Which.
        server: usize,
        /// Disk operations of the recovery that still happen.
        operations: u32,
        /// How.
        fate: Fate,
    },
    /// A process stands still.
    Pause {
        /// Whose.
        server: usize,
        /// How long.
        length: Micros,
    },
    /// Paths are lost.
    Block {
        /// Which.
        rift: Rift,
        /// How long.
        length: Micros,
    },
    /// A path is slow.
    Clog {
        /// Who sends.
        from: Machine,
        /// Who receives.
        to: Machine,
        /// Where.
        port: Port,
        /// What each packet takes longer.
        by: Micros,
        /// How long this goes on.
        length: Micros,
    },
    /// A connection breaks.
    Reset {
        /// Which; the newest of its kind when it is not open.
        conn: ConnName,
    },
    /// A connection breaks after some byte.
    Cut {
        /// Which; the newest of its kind when it is not open.
        conn: ConnName,
        /// Whose bytes are counted.
        side: Side,
        /// How many still arrive.
        bytes: usize,
    },
    /// All connections of a server's quorum port break.
    ResetLinks {
        /// Whose.
        server: usize,
        /// When.
        after: Micros,
    },
    /// A disk is slow.
    SlowDisk {
        /// Whose.
        server: usize,
        /// How many times slower.
        times: u64,
        /// How long.
        length: Micros,
    },
    /// A disk answers nothing.
    StallDisk {
        /// Whose.
        server: usize,
        /// How long.
        length: Micros,
    },
    /// An operation of a disk fails, and the process stops.
    DiskError {
        /// Whose.
        server: usize,
        /// What is wrong with the disk.
        trouble: Trouble,
        /// How; its death is that of a disk.
        fate: Fate,
    },
    /// Something else is done to a disk.
    Disk {
        /// Whose.
        server: usize,
        /// What.
        harm: Harm,
        /// How the server ends with it, if it does.
        fate: Option<Fate>,
    },
    /// A disk is replaced by an empty one.
    Wipe {
        /// Whose.
        server: usize,
        /// How the server ends first, if it runs.
        fate: Fate,
    },
    /// A bit of a durable byte flips, in a place where rot can be told from a torn write.
    Rot {
        /// Whose.
        server: usize,
        /// Name of the file.
        file: String,
        /// The byte.
        offset: usize,
        /// The bit, 0 to 7.
        bit: u8,
        /// How the server ends with it, if it does.
        fate: Option<Fate>,
    },
    /// Both copies of a promise rot while their server is down.
    PromiseLoss {
        /// Whose.
        server: usize,
        /// How the server ends first, if it runs.
        fate: Fate,
    },
    /// A wall clock jumps.
    WallJump {
        /// Whose.
        server: usize,
        /// By how many milliseconds.
        by_ms: i64,
    },
    /// A server that looks for a leader is told whom to follow.
    Suggest {
        /// Who is told.
        server: usize,
        /// Whom to follow.
        leader: usize,
    },
    /// A client stands still.
    PauseClient {
        /// Which.
        client: usize,
        /// How long.
        length: Micros,
    },
    /// Something else.
    Mishap(Mishap),
    /// Somebody without manners dials.
    Rude {
        /// Decides whom, and what becomes of it.
        key: u64,
    },
    /// Somebody dials and sends nonsense.
    Hostile {
        /// Decides whom, and what is sent.
        key: u64,
    },
}

/// One thing that was done to a world, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Strike {
    /// When.
    pub at: Micros,
    /// What.
    pub action: Action,
    /// The kind of fault that begins with it, for the counters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
}
