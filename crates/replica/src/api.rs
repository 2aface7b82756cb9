//! What goes into a server and what comes out: the contract that every shell and the simulator
//! drive it by.

use crate::limits::Limits;
use crate::rules::{ReaperRules, ReconfigRules, SessionRules};
use alloc::string::String;
use alloc::vec::Vec;
use auth::AuthRules;
use core::net::IpAddr;
use core::time::Duration;
use serde::{Deserialize, Serialize};
use wal::{DiskTask, TaskId};
use zab_core::LinkId;
use zk_types::ServerId;

/// One client connection, in one incarnation; given out by the shell and never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId(pub u64);

/// Which of a server's two peer ports a link belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PeerPort {
    /// Notifications of elections; each server sends on the links it dialled itself.
    Election,
    /// From a learner to its leader.
    Quorum,
}

/// What a server is told before it starts.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// This server; [`ServerId`] 1 when it stands alone.
    pub me: ServerId,
    /// Every voter with the text after `server.N=` in canonical form; empty for a server that
    /// stands alone.
    pub members: Vec<(ServerId, String)>,
    /// The unit of the two limits below, and of session expiry.
    pub tick: Duration,
    /// Ticks that discovery and synchronisation may each take.
    pub init_limit: u32,
    /// Ticks that a peer may stay silent afterwards.
    pub sync_limit: u32,
    /// Shortest session timeout that is granted.
    pub session_timeout_min: Duration,
    /// Longest session timeout that is granted.
    pub session_timeout_max: Duration,
    /// Connections from one address (`maxClientCnxns`), 0 for no limit.
    pub connections_per_ip_max: u32,
    /// Connections in all (`maxCnxns`), 0 for no limit.
    pub connections_max: u32,
    /// Requests taken from clients and not answered, of all connections (`globalOutstandingLimit`).
    pub outstanding_max: u32,
    /// Longest frame a client may send, in bytes (`jute.maxbuffer`).
    pub frame_bytes_max: usize,
    /// Transactions between snapshots (`snapCount`).
    pub snapshot_txns: u32,
    /// Where the tree has more nodes than this times `snapshot_txns`, one transaction for so many
    /// nodes takes the place of `snapshot_txns`: large trees are written less often. 2 or more, or 0
    /// to have `snapshot_txns` hold for trees of any size.
    pub snapshot_nodes_per_txn: u32,
    /// In a tree of at least so many nodes, those that one packet asks for are fetched together; in a
    /// smaller one they are in the caches.
    pub fetch_nodes_min: usize,
    /// Log bytes between snapshots (`snapSizeLimitInKb`).
    pub snapshot_log_bytes: u64,
    /// Snapshots that are kept (`autopurge.snapRetainCount`); the log is kept from the oldest.
    pub snapshots_kept: u32,
    /// Length of a log segment in bytes (`preAllocSize`).
    pub segment_bytes: u64,
    /// Bytes of log kept in memory for learners that lag.
    pub window_bytes_max: usize,
    /// Bytes of log that a learner is sent ahead of what it acknowledged.
    pub backlog_bytes_max: usize,
    /// Bytes of one chunk of a snapshot, written or sent, and of what a start reads at once.
    pub chunk_bytes: u32,
    /// The last counter of an epoch; shortened by tests only.
    pub counter_max: u32,
    /// Which four-letter words are answered.
    pub four_letter_words: FourLetterWords,
    /// TTL nodes may be created (`extendedTypesEnabled`).
    pub extended_types: bool,
    /// Hard quotas are enforced (`enforceQuota`).
    pub enforce_quota: bool,
    /// ACLs are not checked (`skipACL`).
    pub skip_acl: bool,
    /// What sessions are to this server.
    pub sessions: SessionRules,
    /// How containers and TTL nodes go whose time has come.
    pub reaper: ReaperRules,
    /// How requests to change the members are answered.
    pub reconfig: ReconfigRules,
    /// How clients prove who they are, and whether they must.
    pub auth: AuthRules,
    /// What is taken of clients at once, beside the numbers above.
    pub limits: Limits,
    /// Facts of the process that four-letter words print.
    pub facts: Facts,
    /// Where all randomness of this server comes from: election jitter, hash keys, session ids.
    pub seed: [u8; 32],
    /// Mixed into the keys of hash tables. Nothing that anybody sees depends on them, which is
    /// tested with other keys and the same seed.
    pub hash_salt: u64,
}

/// Which four-letter words are answered (`4lw.commands.whitelist`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FourLetterWords {
    /// Every one.
    All,
    /// These, and `srvr` always.
    Only(Vec<String>),
}

/// Facts of the process around a server; printed, never decided upon.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Facts {
    /// Version in Apache's form: `3.9.5-<revision>, built on MM/DD/YYYY HH:MM UTC`.
    pub version: String,
    /// The lines of `envi`, in order.
    pub environment: Vec<(String, String)>,
    /// Client port as configured, −1 for none.
    pub client_port: i32,
    /// `dataDir` as configured.
    pub data_dir: String,
    /// `dataLogDir` as configured.
    pub data_log_dir: String,
    /// Election port of this server, 0 when it stands alone.
    pub election_port: u16,
    /// Quorum port of this server, 0 when it stands alone.
    pub quorum_port: u16,
}

/// Everything the world can tell a server.
#[derive(Debug)]
pub enum Input<'a> {
    /// A client connected.
    ClientConnected {
        /// The connection.
        conn: ConnId,
        /// Its address.
        ip: IpAddr,
        /// Its port.
        port: u16,
    },
    /// Bytes came from a client, cut anywhere.
    ClientBytes {
        /// The connection.
        conn: ConnId,
        /// The bytes.
        bytes: &'a [u8],
    },
    /// The client's socket took this many of the bytes it was sent.
    ClientSent {
        /// The connection.
        conn: ConnId,
        /// How many.
        bytes: usize,
    },
    /// A client's connection is gone.
    ClientClosed {
        /// The connection.
        conn: ConnId,
    },
    /// A peer dialled this server; the shell gives the link out as [`accepted_link`].
    PeerAccepted {
        /// The link.
        link: LinkId,
        /// The port it came to.
        port: PeerPort,
    },
    /// A link this server dialled is up.
    PeerConnected {
        /// The link.
        link: LinkId,
    },
    /// Bytes came from a peer, cut anywhere.
    PeerBytes {
        /// The link.
        link: LinkId,
        /// The bytes.
        bytes: &'a [u8],
    },
    /// A link is gone, or could not be dialled.
    PeerClosed {
        /// The link.
        link: LinkId,
    },
    /// A task of the disk is done.
    DiskDone {
        /// The task.
        id: TaskId,
        /// What it read; empty for anything but a read.
        bytes: Vec<u8>,
    },
    /// Nothing else is waiting now: what was gathered is written and sent. A shell says it after
    /// every batch of inputs, before it sleeps.
    BatchEnd,
    /// [`crate::Replica::next_deadline`] is due. Harmless when it is not.
    Timeout,
    /// Facts of the process that only the shell can read, for `mntr`.
    Gauges {
        /// Open file descriptors, and the limit.
        descriptors: (u64, u64),
    },
}

/// Everything a server asks of the world, in the order it must happen.
#[derive(Clone, Debug)]
#[must_use]
pub enum Output {
    /// Send to a client.
    ClientSend {
        /// The connection.
        conn: ConnId,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// Close a client's connection once everything sent has left. Not answered by `ClientClosed`.
    ClientClose {
        /// The connection.
        conn: ConnId,
    },
    /// Stop reading from a client, or go on.
    ClientReading {
        /// The connection.
        conn: ConnId,
        /// Which.
        reading: Reading,
    },
    /// Dial a peer; answered by `PeerConnected` or `PeerClosed`.
    PeerDial {
        /// The link to use.
        link: LinkId,
        /// Whom.
        to: ServerId,
        /// Which port of it.
        port: PeerPort,
    },
    /// Send to a peer.
    PeerSend {
        /// The link.
        link: LinkId,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// Close a link at once; nothing more is taken from it. Not answered by `PeerClosed`.
    PeerClose {
        /// The link.
        link: LinkId,
    },
    /// A task for the disk.
    Disk(DiskTask),
    /// Something an operator may want to read.
    Event(Event),
}

/// Whether a connection is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// No: too much of it is waiting already.
    Paused,
    /// Yes.
    Resumed,
}

/// Something an operator may want to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The role changed.
    Role(zab_core::Role),
    /// Something of the protocol worth a line.
    Note(zab_core::Note),
    /// A snapshot of the state is complete.
    SnapshotTaken {
        /// The last transaction in it.
        zxid: zk_types::Zxid,
    },
    /// More of a quota is used than it allows; said by the leader.
    QuotaPassed(znode_tree::QuotaPassed),
    /// A client did not prove who it is, and its connection ends.
    ClientUnproven {
        /// Its address.
        ip: IpAddr,
        /// What it did not prove.
        what: Unproven,
    },
    /// A peer sent bytes that are no message.
    PeerSentNonsense {
        /// The link.
        link: LinkId,
        /// What was wrong, as a sentence.
        what: String,
    },
}

/// What a client did not prove.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unproven {
    /// What its auth packet claims.
    Packet,
    /// That it knows the password of a user of SASL.
    Sasl,
    /// That it means this ensemble.
    Ensemble,
    /// Anything of what is demanded.
    Demanded,
}

/// The link id for the `n`th link that a shell accepted since the server started.
pub fn accepted_link(n: u64) -> LinkId {
    LinkId(n << 1 | 1)
}
