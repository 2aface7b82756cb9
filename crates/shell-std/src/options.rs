//! What a shell is told to run.

use crate::data_directory::DataDirectories;
use crate::file_disk::DiskError;
use recording::RecordTo;
use replica::{Event, PeerPort};
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use zab_core::LinkId;
use zk_types::ServerId;

/// One server to run.
pub struct ServerOptions {
    /// What the replica is told. A [`replica::Facts::client_port`] of 0 becomes the real port.
    pub config: replica::Config,
    /// Where clients connect; port 0 is any free one.
    pub client_address: SocketAddr,
    /// Where the other servers connect; `None` for a server that stands alone.
    pub peer_listen: Option<PeerListen>,
    /// Where the other servers are.
    pub peers: BTreeMap<ServerId, PeerAddress>,
    /// Where the files are.
    pub directories: DataDirectories,
    /// Connections that may wait to be accepted (`clientPortListenBacklog`).
    pub backlog: i32,
    /// Where everything that happens to the replica is recorded; `None` for nowhere.
    pub record: Option<RecordTo>,
    /// Who hears what an operator may want to know.
    pub notices: NoticeSink,
}

/// The two addresses where a server of an ensemble listens for the others.
#[derive(Clone, Copy, Debug)]
pub struct PeerListen {
    /// For learners.
    pub quorum: SocketAddr,
    /// For elections.
    pub election: SocketAddr,
}

/// Where another server is; the name is looked up anew for each dial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerAddress {
    /// Name or address, without brackets.
    pub host: String,
    /// Where it takes learners.
    pub quorum_port: u16,
    /// Where it takes notifications.
    pub election_port: u16,
}

impl PeerAddress {
    /// The port for one of the two purposes.
    pub fn port(&self, port: PeerPort) -> u16 {
        match port {
            PeerPort::Election => self.election_port,
            PeerPort::Quorum => self.quorum_port,
        }
    }
}

/// Hears the notices of one server, on its thread; it must not block.
pub type NoticeSink = Box<dyn FnMut(Notice) + Send>;

/// Something an operator may want to know.
#[derive(Debug)]
pub enum Notice {
    /// Said by the replica.
    Event(Event),
    /// Found on the disk at the start.
    Finding(wal::Finding),
    /// A connection could not be accepted; the listener goes on.
    AcceptFailed(io::Error),
    /// Another server could not be reached.
    DialFailed {
        /// Which.
        peer: ServerId,
        /// On which port.
        port: PeerPort,
        /// Why.
        error: io::Error,
    },
    /// A peer did not read what it was sent, and lost its link.
    PeerTooSlow(LinkId),
    /// Nothing is recorded, or nothing more, and why; the server goes on.
    NotRecorded(String),
    /// There is no space for a snapshot or for more log; said again as long as that is so.
    DiskFull(DiskError),
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Notice::Event(event) => write!(f, "{event:?}"),
            Notice::Finding(finding) => write!(f, "{finding}"),
            Notice::AcceptFailed(error) => write!(f, "a connection could not be accepted: {error}"),
            Notice::DialFailed { peer, port, error } => {
                write!(
                    f,
                    "server {peer} cannot be reached on its {port:?} port: {error}"
                )
            }
            Notice::DiskFull(error) => {
                let DiskError {
                    action,
                    path,
                    source,
                } = error;
                let path = path.display();
                write!(
                    f,
                    "there is no space to {action} {path} ({source}): free some; until then \
                     snapshots wait, and writes too once the log is full"
                )
            }
            Notice::PeerTooSlow(link) => {
                write!(
                    f,
                    "the link {} was closed: its peer reads too slowly",
                    link.0
                )
            }
            Notice::NotRecorded(why) => write!(f, "nothing more is recorded: {why}"),
        }
    }
}
