//! What a recording says, one thing after another.

use core::fmt;
use core::net::IpAddr;
use replica::{Config, ConnId, Input, PeerPort};
use serde::{Deserialize, Serialize};
use wal::{Directory, File, TaskId};
use zab_core::LinkId;
use zk_types::{Instant, WallTime};

/// The form of what follows; a reader takes this one alone.
pub(crate) const FORM: u32 = 1;

/// One thing that is recorded.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Entry<'a> {
    /// The first of all.
    Begin {
        form: u32,
        moment: Moment,
        config: Box<Config>,
    },
    /// What recovery was told of the files.
    Listed { files: Vec<(Place, u64)> },
    /// What an operation of recovery gave, without the zeros at its end, and a hash of the
    /// operation: most of a log is zeros written ahead of need.
    Ran {
        op: u64,
        zeros: usize,
        #[serde(borrow, with = "serde_bytes")]
        bytes: &'a [u8],
    },
    /// What the disk said instead of an answer.
    DiskFailed { why: &'a str },
    /// An input. The times are what is added to those of the one before.
    Input {
        local: i64,
        wall: i64,
        #[serde(borrow)]
        told: Told<'a>,
    },
    /// An output of the start or of the last input.
    Output(Seen),
    /// A hash of all outputs so far.
    Chain(u64),
    /// Nothing follows.
    End(Ending),
}

/// When something happened, by both clocks: microseconds, and milliseconds since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Moment {
    pub(crate) local: u64,
    pub(crate) wall: i64,
}

impl Moment {
    pub(crate) fn new(local: Instant, wall: WallTime) -> Self {
        Moment {
            local: local.as_micros(),
            wall: wall.0,
        }
    }

    /// What leads from `before` to this.
    pub(crate) fn since(self, before: Moment) -> (i64, i64) {
        (
            self.local.wrapping_sub(before.local).cast_signed(),
            self.wall.wrapping_sub(before.wall),
        )
    }

    pub(crate) fn after(self, local: i64, wall: i64) -> Moment {
        Moment {
            local: self.local.wrapping_add(local.cast_unsigned()),
            wall: self.wall.wrapping_add(wall),
        }
    }

    pub(crate) fn clocks(self) -> (Instant, WallTime) {
        (Instant::from_micros(self.local), WallTime(self.wall))
    }
}

/// A file: whether it is among the snapshots, and its name.
pub(crate) type Place = (bool, String);

pub(crate) fn place(file: &File) -> Place {
    (file.directory == Directory::Data, file.name.clone())
}

pub(crate) fn file((is_data, name): &Place) -> File {
    let directory = if *is_data {
        Directory::Data
    } else {
        Directory::Log
    };
    File {
        directory,
        name: name.clone(),
    }
}

/// An [`Input`] as it is written down.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Told<'a> {
    ClientConnected(u64, IpAddr, u16),
    ClientBytes(u64, #[serde(borrow, with = "serde_bytes")] &'a [u8]),
    ClientSent(u64, usize),
    ClientClosed(u64),
    PeerAccepted(u64, Port),
    PeerConnected(u64),
    PeerBytes(u64, #[serde(borrow, with = "serde_bytes")] &'a [u8]),
    PeerClosed(u64),
    DiskDone(u64, #[serde(borrow, with = "serde_bytes")] &'a [u8]),
    BatchEnd,
    Timeout,
    Gauges(u64, u64),
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) enum Port {
    Election,
    Quorum,
}

impl<'a> Told<'a> {
    pub(crate) fn of(input: &'a Input<'_>) -> Self {
        match input {
            Input::ClientConnected { conn, ip, port } => Told::ClientConnected(conn.0, *ip, *port),
            Input::ClientBytes { conn, bytes } => Told::ClientBytes(conn.0, bytes),
            Input::ClientSent { conn, bytes } => Told::ClientSent(conn.0, *bytes),
            Input::ClientClosed { conn } => Told::ClientClosed(conn.0),
            Input::PeerAccepted { link, port } => {
                let port = match port {
                    PeerPort::Election => Port::Election,
                    PeerPort::Quorum => Port::Quorum,
                };
                Told::PeerAccepted(link.0, port)
            }
            Input::PeerConnected { link } => Told::PeerConnected(link.0),
            Input::PeerBytes { link, bytes } => Told::PeerBytes(link.0, bytes),
            Input::PeerClosed { link } => Told::PeerClosed(link.0),
            Input::DiskDone { id, bytes } => Told::DiskDone(id.0, bytes),
            Input::BatchEnd => Told::BatchEnd,
            Input::Timeout => Told::Timeout,
            Input::Gauges {
                descriptors: (open, limit),
            } => Told::Gauges(*open, *limit),
        }
    }

    pub(crate) fn input(&self) -> Input<'a> {
        match *self {
            Told::ClientConnected(conn, ip, port) => Input::ClientConnected {
                conn: ConnId(conn),
                ip,
                port,
            },
            Told::ClientBytes(conn, bytes) => Input::ClientBytes {
                conn: ConnId(conn),
                bytes,
            },
            Told::ClientSent(conn, bytes) => Input::ClientSent {
                conn: ConnId(conn),
                bytes,
            },
            Told::ClientClosed(conn) => Input::ClientClosed { conn: ConnId(conn) },
            Told::PeerAccepted(link, port) => Input::PeerAccepted {
                link: LinkId(link),
                port: match port {
                    Port::Election => PeerPort::Election,
                    Port::Quorum => PeerPort::Quorum,
                },
            },
            Told::PeerConnected(link) => Input::PeerConnected { link: LinkId(link) },
            Told::PeerBytes(link, bytes) => Input::PeerBytes {
                link: LinkId(link),
                bytes,
            },
            Told::PeerClosed(link) => Input::PeerClosed { link: LinkId(link) },
            Told::DiskDone(id, bytes) => Input::DiskDone {
                id: TaskId(id),
                bytes: bytes.to_vec(),
            },
            Told::BatchEnd => Input::BatchEnd,
            Told::Timeout => Input::Timeout,
            Told::Gauges(open, limit) => Input::Gauges {
                descriptors: (open, limit),
            },
        }
    }
}

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Told::ClientConnected(conn, ip, port) => {
                write!(f, "client {conn} connected from {ip} port {port}")
            }
            Told::ClientBytes(conn, bytes) => {
                write!(f, "{} bytes of client {conn}", bytes.len())
            }
            Told::ClientSent(conn, bytes) => write!(f, "client {conn} took {bytes} bytes"),
            Told::ClientClosed(conn) => write!(f, "client {conn} is gone"),
            Told::PeerAccepted(link, port) => {
                write!(f, "link {link} was accepted on the {port:?} port")
            }
            Told::PeerConnected(link) => write!(f, "link {link} is up"),
            Told::PeerBytes(link, bytes) => write!(f, "{} bytes of link {link}", bytes.len()),
            Told::PeerClosed(link) => write!(f, "link {link} is gone"),
            Told::DiskDone(id, bytes) => {
                write!(f, "disk task {id} is done with {} bytes", bytes.len())
            }
            Told::BatchEnd => f.write_str("the batch ends"),
            Told::Timeout => f.write_str("the deadline is due"),
            Told::Gauges(open, limit) => write!(f, "{open} of {limit} descriptors are open"),
        }
    }
}

/// An output, as much of it as is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// What kind of output.
    pub kind: Kind,
    /// The connection, link or task it is about; 0 for none.
    pub about: u64,
    /// Bytes it carries.
    pub bytes: u64,
    /// A hash of all of it.
    pub hash: u32,
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} {} with {} bytes, hash {:08x}",
            self.kind, self.about, self.bytes, self.hash
        )
    }
}

/// The kinds of outputs, as [`replica::Output`] has them.
#[expect(missing_docs, reason = "they are named as those of the replica")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Kind {
    ClientSend,
    ClientClose,
    ClientReading,
    PeerDial,
    PeerSend,
    PeerClose,
    Disk,
    Event,
}

/// Why a recording is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ending {
    /// The server ended.
    ServerEnded,
    /// The server panicked.
    ServerPanicked,
    /// As many bytes were recorded as were allowed.
    Full,
    /// Nothing was said: the process was killed, or the machine stopped.
    CutOff,
}
