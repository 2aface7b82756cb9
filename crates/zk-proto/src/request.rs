//! Requests: what a client may ask for, decoded by servers and encoded by clients.

mod encode;
mod op;

pub(crate) use op::read_op;
pub use op::{decode_op, encode_op, opcode_of};

use crate::keeper::KeeperRead;
use crate::multi::{ReadOp, decode_multi_read};
use crate::pages::PageRequest;
use crate::records::read_strings;
use crate::{AddWatchMode, OpCode, WatcherType};
use alloc::borrow::Cow;
use alloc::vec::Vec;
use jute::{DecodeError, Reader};
use zk_types::{ErrorCode, Op, RawPath};

/// One request of a client.
///
/// Nothing in it is trusted: paths may be null or no paths at all. Source: `client-protocol.md`
/// §4 and §5.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request<'a> {
    /// Keeps the session alive.
    Ping,
    /// A write, a multi of writes, or the end of the session.
    Write(Op<'a>),
    /// Asks whether a node exists.
    Exists {
        /// Node.
        path: RawPath<'a>,
        /// Whether to set a one-shot watch.
        watch: bool,
    },
    /// Reads data.
    GetData {
        /// Node.
        path: RawPath<'a>,
        /// Whether to set a one-shot watch.
        watch: bool,
    },
    /// Reads an access list.
    GetAcl {
        /// Node.
        path: RawPath<'a>,
    },
    /// Lists children.
    GetChildren {
        /// Node.
        path: RawPath<'a>,
        /// Whether to set a one-shot watch.
        watch: bool,
    },
    /// Lists children and reports the parent's Stat.
    GetChildren2 {
        /// Node.
        path: RawPath<'a>,
        /// Whether to set a one-shot watch.
        watch: bool,
    },
    /// Counts all descendants.
    GetAllChildrenNumber {
        /// Node.
        path: RawPath<'a>,
    },
    /// Lists the session's ephemeral nodes.
    GetEphemerals {
        /// What their paths begin with; null, blank and `/` mean all.
        prefix: RawPath<'a>,
    },
    /// Catches the server up with its leader.
    Sync {
        /// Echoed in the reply.
        path: RawPath<'a>,
    },
    /// Several reads.
    MultiRead(Vec<ReadOp<'a>>),
    /// Asks whether a watch exists.
    CheckWatches {
        /// Node.
        path: RawPath<'a>,
        /// Which watches.
        kind: WatcherType,
    },
    /// Removes a watch.
    RemoveWatches {
        /// Node.
        path: RawPath<'a>,
        /// Which watches.
        kind: WatcherType,
    },
    /// Sets a persistent watch.
    AddWatch {
        /// Node.
        path: RawPath<'a>,
        /// Which.
        mode: AddWatchMode,
    },
    /// Re-arms watches after a reconnect: opcode 105 when any is persistent, else 101.
    SetWatches(SetWatches<'a>),
    /// Proves an identity.
    Auth(AuthPacket<'a>),
    /// One step of a SASL exchange.
    Sasl {
        /// What the mechanism says.
        token: Option<Cow<'a, [u8]>>,
    },
    /// Lists the connection's identities.
    WhoAmI,
    /// Changes the ensemble's configuration.
    Reconfig(Reconfig<'a>),
    /// Lists children a page at a time.
    GetChildrenPage(PageRequest<'a>),
    /// A read of ClickHouse Keeper.
    Keeper(KeeperRead<'a>),
}

/// Watches to arm again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetWatches<'a> {
    /// What the client has seen: later changes are told at once. Signed as on the wire, and
    /// compared as such.
    pub relative_zxid: i64,
    /// Watches that `getData` set, and `exists` on nodes that existed.
    pub data: Vec<Cow<'a, str>>,
    /// Watches that `exists` set on nodes that did not exist.
    pub exist: Vec<Cow<'a, str>>,
    /// Watches that `getChildren` set.
    pub child: Vec<Cow<'a, str>>,
    /// Persistent watches.
    pub persistent: Vec<Cow<'a, str>>,
    /// Persistent recursive watches.
    pub persistent_recursive: Vec<Cow<'a, str>>,
}

/// The proof of an identity. The packet's type is ignored, and sent as 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthPacket<'a> {
    /// Scheme.
    pub scheme: Option<Cow<'a, str>>,
    /// What the scheme takes for a proof.
    pub auth: Option<Cow<'a, [u8]>>,
}

/// A change of configuration, as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reconfig<'a> {
    /// Servers to add or change, as `server.N=` lines.
    pub joining: Option<Cow<'a, str>>,
    /// Ids of servers to remove.
    pub leaving: Option<Cow<'a, str>>,
    /// All servers, in place of a difference.
    pub members: Option<Cow<'a, str>>,
    /// Version of the configuration this changes, −1 for any.
    pub config_version: i64,
}

/// Why a frame is no request, by what it costs its sender.
///
/// Source: `client-protocol.md` §1.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// No operation that clients may ask for has this number: answer
    /// [`ErrorCode::Unimplemented`] with the zxid −1, then close.
    #[error("no request has the opcode {opcode}")]
    UnknownOpcode {
        /// The number.
        opcode: i32,
    },
    /// The record is damaged: answer [`ErrorCode::MarshallingError`] and go on.
    #[error("the request is damaged")]
    Marshalling(#[source] DecodeError),
    /// The record is damaged, and of a kind that is answered by closing without a word.
    #[error("the auth packet is damaged")]
    Auth(#[source] DecodeError),
}

impl RequestError {
    /// What the client is answered before anything else happens; `None` for silence.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            RequestError::UnknownOpcode { opcode: _ } => Some(ErrorCode::Unimplemented),
            RequestError::Marshalling(_) => Some(ErrorCode::MarshallingError),
            RequestError::Auth(_) => None,
        }
    }
}

impl<'a> Request<'a> {
    /// Decodes the body of a request: what follows its header. Bytes after the record are ignored.
    ///
    /// Strings and buffers are at most `limit` bytes long. The opcodes of [`OpCode`] that only
    /// servers or multis may use are unknown here (`client-protocol.md` §14, 3 and 4).
    ///
    /// # Errors
    /// See [`RequestError`].
    pub fn decode(opcode: i32, body: &'a [u8], limit: usize) -> Result<Self, RequestError> {
        let unknown = RequestError::UnknownOpcode { opcode };
        let opcode = OpCode::from_code(opcode).ok_or(unknown)?;
        let reader = &mut Reader::new(body, limit);
        let request = match opcode {
            OpCode::Error
            | OpCode::Notification
            | OpCode::Check
            | OpCode::CreateSession
            | OpCode::DeleteContainer => return Err(unknown),
            OpCode::Auth => return decode_auth(reader).map_err(RequestError::Auth),
            OpCode::Sasl => return decode_sasl(reader).map_err(RequestError::Auth),
            OpCode::Create
            | OpCode::Create2
            | OpCode::CreateContainer
            | OpCode::CreateTtl
            | OpCode::Delete
            | OpCode::SetData
            | OpCode::SetAcl
            | OpCode::Multi
            | OpCode::CreateIfNotExists
            | OpCode::DeleteRecursive
            | OpCode::TryDelete
            | OpCode::CloseSession => read_op(opcode, reader).map(Request::Write),
            OpCode::Ping => Ok(Request::Ping),
            OpCode::WhoAmI => Ok(Request::WhoAmI),
            OpCode::Exists => {
                path_watch(reader).map(|(path, watch)| Request::Exists { path, watch })
            }
            OpCode::GetData => {
                path_watch(reader).map(|(path, watch)| Request::GetData { path, watch })
            }
            OpCode::GetChildren => {
                path_watch(reader).map(|(path, watch)| Request::GetChildren { path, watch })
            }
            OpCode::GetChildren2 => {
                path_watch(reader).map(|(path, watch)| Request::GetChildren2 { path, watch })
            }
            OpCode::GetAcl => path_of(reader).map(|path| Request::GetAcl { path }),
            OpCode::GetAllChildrenNumber => {
                path_of(reader).map(|path| Request::GetAllChildrenNumber { path })
            }
            OpCode::GetEphemerals => {
                path_of(reader).map(|prefix| Request::GetEphemerals { prefix })
            }
            OpCode::Sync => path_of(reader).map(|path| Request::Sync { path }),
            OpCode::MultiRead => decode_multi_read(reader).map(Request::MultiRead),
            OpCode::CheckWatches => {
                path_kind(reader).map(|(path, kind)| Request::CheckWatches { path, kind })
            }
            OpCode::RemoveWatches => {
                path_kind(reader).map(|(path, kind)| Request::RemoveWatches { path, kind })
            }
            OpCode::AddWatch => decode_add_watch(reader),
            OpCode::SetWatches => decode_set_watches(reader).map(Request::SetWatches),
            OpCode::SetWatches2 => decode_set_watches2(reader).map(Request::SetWatches),
            OpCode::Reconfig => decode_reconfig(reader),
            OpCode::GetChildrenPage => PageRequest::read(reader).map(Request::GetChildrenPage),
            OpCode::FilteredList
            | OpCode::CheckNotExists
            | OpCode::CheckStat
            | OpCode::ListWithStatsAndData
            | OpCode::ListRecursive => KeeperRead::read(opcode, reader).map(Request::Keeper),
        };
        request.map_err(RequestError::Marshalling)
    }

    /// The opcode this request is sent with.
    pub fn opcode(&self) -> OpCode {
        match self {
            Request::Ping => OpCode::Ping,
            Request::Write(op) => opcode_of(op),
            Request::Exists { .. } => OpCode::Exists,
            Request::GetData { .. } => OpCode::GetData,
            Request::GetAcl { .. } => OpCode::GetAcl,
            Request::GetChildren { .. } => OpCode::GetChildren,
            Request::GetChildren2 { .. } => OpCode::GetChildren2,
            Request::GetAllChildrenNumber { .. } => OpCode::GetAllChildrenNumber,
            Request::GetEphemerals { .. } => OpCode::GetEphemerals,
            Request::Sync { .. } => OpCode::Sync,
            Request::MultiRead(_) => OpCode::MultiRead,
            Request::CheckWatches { .. } => OpCode::CheckWatches,
            Request::RemoveWatches { .. } => OpCode::RemoveWatches,
            Request::AddWatch { .. } => OpCode::AddWatch,
            Request::SetWatches(watches) => watches.opcode(),
            Request::Auth(_) => OpCode::Auth,
            Request::Sasl { .. } => OpCode::Sasl,
            Request::WhoAmI => OpCode::WhoAmI,
            Request::Reconfig(_) => OpCode::Reconfig,
            Request::GetChildrenPage(_) => OpCode::GetChildrenPage,
            Request::Keeper(read) => read.opcode(),
        }
    }
}

impl SetWatches<'_> {
    fn opcode(&self) -> OpCode {
        if self.persistent.is_empty() && self.persistent_recursive.is_empty() {
            OpCode::SetWatches
        } else {
            OpCode::SetWatches2
        }
    }
}

fn decode_auth<'a>(reader: &mut Reader<'a>) -> Result<Request<'a>, DecodeError> {
    reader.int("type")?;
    let scheme = reader.ustring("scheme")?;
    let auth = reader.buffer("auth")?.map(Cow::Borrowed);
    Ok(Request::Auth(AuthPacket { scheme, auth }))
}

fn decode_sasl<'a>(reader: &mut Reader<'a>) -> Result<Request<'a>, DecodeError> {
    Ok(Request::Sasl {
        token: reader.buffer("token")?.map(Cow::Borrowed),
    })
}

fn path_of<'a>(reader: &mut Reader<'a>) -> Result<RawPath<'a>, DecodeError> {
    reader.ustring("path")
}

fn path_watch<'a>(reader: &mut Reader<'a>) -> Result<(RawPath<'a>, bool), DecodeError> {
    Ok((path_of(reader)?, reader.boolean("watch")?))
}

fn path_kind<'a>(reader: &mut Reader<'a>) -> Result<(RawPath<'a>, WatcherType), DecodeError> {
    let path = path_of(reader)?;
    let kind = reader.int("type")?;
    let known = WatcherType::from_code(kind);
    Ok((
        path,
        known.ok_or(DecodeError::Value {
            field: "type",
            value: kind.into(),
        })?,
    ))
}

fn decode_add_watch<'a>(reader: &mut Reader<'a>) -> Result<Request<'a>, DecodeError> {
    let path = path_of(reader)?;
    let mode = reader.int("mode")?;
    let known = AddWatchMode::from_code(mode);
    let mode = known.ok_or(DecodeError::Value {
        field: "mode",
        value: mode.into(),
    })?;
    Ok(Request::AddWatch { path, mode })
}

/// The part that both forms share. A null list stops Apache where it walks the list: −5.
fn decode_set_watches<'a>(reader: &mut Reader<'a>) -> Result<SetWatches<'a>, DecodeError> {
    Ok(SetWatches {
        relative_zxid: reader.long("relativeZxid")?,
        data: read_strings(reader, "dataWatches")?,
        exist: read_strings(reader, "existWatches")?,
        child: read_strings(reader, "childWatches")?,
        persistent: Vec::new(),
        persistent_recursive: Vec::new(),
    })
}

fn decode_set_watches2<'a>(reader: &mut Reader<'a>) -> Result<SetWatches<'a>, DecodeError> {
    let mut watches = decode_set_watches(reader)?;
    watches.persistent = read_strings(reader, "persistentWatches")?;
    watches.persistent_recursive = read_strings(reader, "persistentRecursiveWatches")?;
    Ok(watches)
}

fn decode_reconfig<'a>(reader: &mut Reader<'a>) -> Result<Request<'a>, DecodeError> {
    Ok(Request::Reconfig(Reconfig {
        joining: reader.ustring("joiningServers")?,
        leaving: reader.ustring("leavingServers")?,
        members: reader.ustring("newMembers")?,
        config_version: reader.long("curConfigId")?,
    }))
}
