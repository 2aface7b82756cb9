//! What travels between a client and a server, read off the wire by the oracles' own reader.

use crate::net::ConnNumber;
use crate::oracle::asked::Asked;
use crate::oracle::bytes::{Bytes, Malformed};
use crate::queue::Micros;
use smol_str::SmolStr;
use std::collections::VecDeque;
use std::rc::Rc;

/// A client's request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    Create {
        path: SmolStr,
        data: Option<Rc<[u8]>>,
        flags: i32,
        with_stat: bool,
        /// Of a node that goes by itself.
        ttl_ms: i64,
    },
    Delete {
        path: SmolStr,
        version: i32,
    },
    SetData {
        path: SmolStr,
        data: Option<Rc<[u8]>>,
        version: i32,
    },
    Check {
        path: SmolStr,
        version: i32,
    },
    SetAcl {
        path: SmolStr,
        /// What everybody may do.
        perms: i32,
        version: i32,
    },
    Multi(Vec<Request>),
    Exists {
        path: SmolStr,
        watch: bool,
    },
    GetData {
        path: SmolStr,
        watch: bool,
    },
    GetChildren {
        path: SmolStr,
        watch: bool,
        with_stat: bool,
    },
    Sync,
    Ping,
    SetWatches(Box<SetWatches>),
    AddWatch {
        path: SmolStr,
        recursive: bool,
    },
    CloseSession,
    Asked(Box<Asked>),
    /// Something the oracles do not judge.
    Other(i32),
}

/// Watches set anew on a new connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SetWatches {
    pub(crate) relative: u64,
    pub(crate) data: Vec<SmolStr>,
    pub(crate) exist: Vec<SmolStr>,
    pub(crate) child: Vec<SmolStr>,
    pub(crate) persistent: Vec<SmolStr>,
    pub(crate) recursive: Vec<SmolStr>,
}

impl Request {
    /// Whether it goes through the log.
    pub(crate) fn is_write(&self) -> bool {
        match self {
            Request::Create { .. }
            | Request::Delete { .. }
            | Request::SetData { .. }
            | Request::SetAcl { .. }
            | Request::Check { .. }
            | Request::Multi(_)
            | Request::CloseSession => true,
            Request::Exists { .. }
            | Request::GetData { .. }
            | Request::GetChildren { .. }
            | Request::Sync
            | Request::Ping
            | Request::SetWatches(_)
            | Request::AddWatch { .. }
            | Request::Asked(_)
            | Request::Other(_) => false,
        }
    }

    /// Whether a user asked for it, and not the client's own machinery.
    fn is_of_user(&self) -> bool {
        match self {
            Request::Ping
            | Request::SetWatches(_)
            | Request::CloseSession
            | Request::Other(100) => false,
            Request::Create { .. }
            | Request::Delete { .. }
            | Request::SetData { .. }
            | Request::Check { .. }
            | Request::Multi(_)
            | Request::Exists { .. }
            | Request::GetData { .. }
            | Request::GetChildren { .. }
            | Request::Sync
            | Request::AddWatch { .. }
            | Request::SetAcl { .. }
            | Request::Asked(_)
            | Request::Other(_) => true,
        }
    }

    /// What it is and where, for a story.
    pub(crate) fn words(&self) -> String {
        match self {
            Request::Create { path, flags, .. } => format!("create {path} flags {flags}"),
            Request::Delete { path, version } => format!("delete {path} version {version}"),
            Request::SetData { path, version, .. } => format!("setData {path} version {version}"),
            Request::Check { path, version } => format!("check {path} version {version}"),
            Request::Multi(parts) => {
                let parts: Vec<String> = parts.iter().map(Request::words).collect();
                format!("multi [{}]", parts.join(", "))
            }
            Request::Exists { path, watch } => format!("exists {path}{}", watching(*watch)),
            Request::GetData { path, watch } => format!("getData {path}{}", watching(*watch)),
            Request::GetChildren { path, watch, .. } => {
                format!("getChildren {path}{}", watching(*watch))
            }
            Request::Sync => "sync".to_owned(),
            Request::Ping => "ping".to_owned(),
            Request::SetWatches(_) => "setWatches".to_owned(),
            Request::AddWatch { path, .. } => format!("addWatch {path}"),
            Request::CloseSession => "closeSession".to_owned(),
            Request::SetAcl { path, perms, .. } => format!("setACL {path} to {perms}"),
            Request::Asked(asked) => asked.words(),
            Request::Other(code) => format!("opcode {code}"),
        }
    }
}

fn watching(watch: bool) -> &'static str {
    if watch { " watching" } else { "" }
}

/// One frame, either way, and its place in the order of all events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) order: u64,
    pub(crate) time: Micros,
    pub(crate) what: FrameKind,
}

/// What a frame is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FrameKind {
    /// The client's first.
    Connect {
        last_seen: u64,
        session: i64,
    },
    /// The server's first; session 0 is a refusal.
    Connected {
        session: i64,
        timeout_ms: i32,
        /// The server has no quorum and says so.
        read_only: bool,
    },
    Request {
        xid: i32,
        request: Request,
    },
    Reply {
        xid: i32,
        zxid: i64,
        error: i32,
        body: Rc<[u8]>,
    },
    Event {
        kind: i32,
        path: SmolStr,
        zxid: i64,
    },
}

/// Everything that travelled on one connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tap {
    /// Its number on the network, of those with manners.
    pub(crate) conn: Option<ConnNumber>,
    /// Which client.
    pub(crate) client: usize,
    /// Which server.
    pub(crate) server: usize,
    /// Whether the client uses one connection at a time, as it should.
    pub(crate) has_manners: bool,
    /// Frames in the order in which the client sent and received them.
    pub(crate) frames: Vec<Frame>,
    /// The session, once granted.
    pub(crate) session: Option<i64>,
    /// Whether the server had no quorum, and said so.
    pub(crate) read_only: bool,
    /// Stamps of answers that came and that nobody was told of yet.
    pub(crate) unclaimed: VecDeque<i64>,
    /// For each request under way, whether a user asked for it.
    under_way: VecDeque<bool>,
    up: Stream,
    down: Stream,
}

#[derive(Clone, Debug, Default)]
struct Stream {
    bytes: Vec<u8>,
    frames: u64,
}

impl Tap {
    pub(crate) fn new(client: usize, server: usize) -> Self {
        Tap {
            client,
            server,
            has_manners: true,
            ..Tap::default()
        }
    }

    pub(crate) fn without_manners(client: usize, server: usize) -> Self {
        Tap {
            client,
            server,
            ..Tap::default()
        }
    }

    /// Bytes that the client sent.
    pub(crate) fn up(
        &mut self,
        (order, time): (u64, Micros),
        bytes: &[u8],
    ) -> Result<(), Malformed> {
        let mut stream = std::mem::take(&mut self.up);
        let read = stream.each_frame(bytes, |index, frame| {
            let what = if index == 0 {
                connect(frame)?
            } else {
                request_frame(frame)?
            };
            if let FrameKind::Request { request, .. } = &what {
                self.under_way.push_back(request.is_of_user());
            }
            self.frames.push(Frame { order, time, what });
            Ok(())
        });
        self.up = stream;
        read
    }

    /// Bytes that the client received.
    pub(crate) fn down(
        &mut self,
        (order, time): (u64, Micros),
        bytes: &[u8],
    ) -> Result<(), Malformed> {
        let mut stream = std::mem::take(&mut self.down);
        let read = stream.each_frame(bytes, |index, frame| {
            let what = if index == 0 {
                connected(frame)?
            } else {
                reply_frame(frame)?
            };
            match &what {
                FrameKind::Connected {
                    session, read_only, ..
                } => {
                    self.read_only = *read_only;
                    self.session = (*session != 0).then_some(*session);
                }
                FrameKind::Reply { zxid, .. } => {
                    if self.under_way.pop_front() == Some(true) {
                        self.unclaimed.push_back(*zxid);
                    }
                }
                FrameKind::Connect { .. } | FrameKind::Request { .. } | FrameKind::Event { .. } => {
                }
            }
            self.frames.push(Frame { order, time, what });
            Ok(())
        });
        self.down = stream;
        read
    }
}

impl Stream {
    /// Hands on each frame that is whole now, with its number.
    fn each_frame(
        &mut self,
        fresh: &[u8],
        mut each: impl FnMut(u64, &[u8]) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        let mut held = std::mem::take(&mut self.bytes);
        let mut rest = if held.is_empty() {
            fresh
        } else {
            held.extend_from_slice(fresh);
            &held
        };
        while let Ok(length) = Bytes(rest).int() {
            let length = usize::try_from(length).map_err(|_| Malformed)?;
            let Some(frame) = rest[4..].get(..length) else {
                break;
            };
            each(self.frames, frame)?;
            self.frames += 1;
            rest = &rest[4 + length..];
        }
        self.bytes = rest.to_vec();
        Ok(())
    }
}

fn connect(frame: &[u8]) -> Result<FrameKind, Malformed> {
    let mut bytes = Bytes(frame);
    bytes.int()?;
    let last_seen = bytes.long()?.cast_unsigned();
    bytes.int()?;
    Ok(FrameKind::Connect {
        last_seen,
        session: bytes.long()?,
    })
}

fn connected(frame: &[u8]) -> Result<FrameKind, Malformed> {
    let mut bytes = Bytes(frame);
    bytes.int()?;
    let timeout_ms = bytes.int()?;
    let session = bytes.long()?;
    bytes.buffer()?;
    Ok(FrameKind::Connected {
        timeout_ms,
        session,
        read_only: !bytes.is_empty() && bytes.byte()? != 0,
    })
}

fn request_frame(frame: &[u8]) -> Result<FrameKind, Malformed> {
    let mut bytes = Bytes(frame);
    let xid = bytes.int()?;
    let code = bytes.int()?;
    Ok(FrameKind::Request {
        xid,
        request: request(code, &mut bytes)?,
    })
}

fn request(code: i32, bytes: &mut Bytes<'_>) -> Result<Request, Malformed> {
    Ok(match code {
        1 | 15 | 19 | 21 => {
            let path = bytes.text()?;
            let data = bytes.buffer()?.map(Rc::from);
            open_to_all(bytes)?;
            Request::Create {
                path,
                data,
                flags: bytes.int()?,
                with_stat: code != 1,
                ttl_ms: if code == 21 { bytes.long()? } else { -1 },
            }
        }
        2 => Request::Delete {
            path: bytes.text()?,
            version: bytes.int()?,
        },
        3 => Request::Exists {
            path: bytes.text()?,
            watch: bytes.byte()? != 0,
        },
        4 => Request::GetData {
            path: bytes.text()?,
            watch: bytes.byte()? != 0,
        },
        5 => Request::SetData {
            path: bytes.text()?,
            data: bytes.buffer()?.map(Rc::from),
            version: bytes.int()?,
        },
        7 => Request::SetAcl {
            path: bytes.text()?,
            perms: open_to_all(bytes)?,
            version: bytes.int()?,
        },
        8 | 12 => Request::GetChildren {
            path: bytes.text()?,
            watch: bytes.byte()? != 0,
            with_stat: code == 12,
        },
        9 => Request::Sync,
        11 => Request::Ping,
        13 => Request::Check {
            path: bytes.text()?,
            version: bytes.int()?,
        },
        14 => Request::Multi(multi(bytes)?),
        101 | 105 => {
            let relative = bytes.long()?.cast_unsigned();
            let mut list = |wanted: bool| {
                if wanted {
                    bytes.texts()
                } else {
                    Ok(Vec::new())
                }
            };
            Request::SetWatches(Box::new(SetWatches {
                relative,
                data: list(true)?,
                exist: list(true)?,
                child: list(true)?,
                persistent: list(code == 105)?,
                recursive: list(code == 105)?,
            }))
        }
        106 => Request::AddWatch {
            path: bytes.text()?,
            recursive: bytes.int()? == 1,
        },
        -11 => Request::CloseSession,
        _ => match Asked::read(code, bytes)? {
            Some(asked) => Request::Asked(Box::new(asked)),
            None => Request::Other(code),
        },
    })
}

/// Reads an access list of one entry, which is for everybody, and says what it allows.
pub(super) fn open_to_all(bytes: &mut Bytes<'_>) -> Result<i32, Malformed> {
    let entries = bytes.int()?;
    let perms = bytes.int()?;
    let is_for_all = (bytes.word()?, bytes.word()?) == ("world", "anyone");
    (entries == 1 && is_for_all)
        .then_some(perms)
        .ok_or(Malformed)
}

fn multi(bytes: &mut Bytes<'_>) -> Result<Vec<Request>, Malformed> {
    let mut parts = Vec::new();
    loop {
        let code = bytes.int()?;
        let done = bytes.byte()? != 0;
        bytes.int()?;
        if done {
            return Ok(parts);
        }
        parts.push(request(code, bytes)?);
    }
}

fn reply_frame(frame: &[u8]) -> Result<FrameKind, Malformed> {
    let mut bytes = Bytes(frame);
    let xid = bytes.int()?;
    let zxid = bytes.long()?;
    let error = bytes.int()?;
    if xid == -1 {
        let kind = bytes.int()?;
        bytes.int()?;
        return Ok(FrameKind::Event {
            kind,
            path: bytes.text()?,
            zxid,
        });
    }
    Ok(FrameKind::Reply {
        xid,
        zxid,
        error,
        body: Rc::from(bytes.0),
    })
}

/// A node's metadata on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WireStat {
    pub(crate) czxid: u64,
    pub(crate) mzxid: u64,
    pub(crate) ctime: i64,
    pub(crate) mtime: i64,
    pub(crate) version: i32,
    pub(crate) cversion: i32,
    pub(crate) aversion: i32,
    pub(crate) owner: i64,
    pub(crate) data_length: i32,
    pub(crate) children: i32,
    pub(crate) pzxid: u64,
}

/// Reads a node's metadata.
pub(crate) fn stat(bytes: &mut Bytes<'_>) -> Result<WireStat, Malformed> {
    Ok(WireStat {
        czxid: bytes.long()?.cast_unsigned(),
        mzxid: bytes.long()?.cast_unsigned(),
        ctime: bytes.long()?,
        mtime: bytes.long()?,
        version: bytes.int()?,
        cversion: bytes.int()?,
        aversion: bytes.int()?,
        owner: bytes.long()?,
        data_length: bytes.int()?,
        children: bytes.int()?,
        pzxid: bytes.long()?.cast_unsigned(),
    })
}
