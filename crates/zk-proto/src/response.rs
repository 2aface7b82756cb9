//! Replies as a client reads them.

use crate::OpCode;
use crate::keeper::ChildrenDetails;
use crate::multi::{OpResult, decode_results};
use crate::pages::ChildrenPage;
use crate::records::{read_acl, read_stat, read_string, read_strings};
use alloc::borrow::Cow;
use alloc::vec::Vec;
use jute::{DecodeError, Reader};
use zk_types::{Acl, RawPath, Stat};

/// One identity of a connection, as `whoAmI` reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientInfo<'a> {
    /// Scheme.
    pub scheme: Cow<'a, str>,
    /// The identity without its secret part.
    pub user: Cow<'a, str>,
}

/// The body of a successful reply.
///
/// Source: `client-protocol.md` §4 and §5.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response<'a> {
    /// Nothing.
    Void,
    /// A path: of a created node, or as `sync` echoes it.
    Path(RawPath<'a>),
    /// A created node.
    PathStat {
        /// Its path.
        path: Cow<'a, str>,
        /// Its Stat.
        stat: Stat,
    },
    /// A Stat.
    Stat(Stat),
    /// Data and the Stat of its node.
    Data {
        /// The data.
        data: Option<Cow<'a, [u8]>>,
        /// The Stat.
        stat: Stat,
    },
    /// An access list and the Stat of its node.
    Acl {
        /// The list.
        acl: Vec<Acl>,
        /// The Stat.
        stat: Stat,
    },
    /// Names of children, or paths of ephemeral nodes.
    Names(Vec<Cow<'a, str>>),
    /// Names of children and the Stat of their parent.
    NamesStat {
        /// The names, in no particular order.
        names: Vec<Cow<'a, str>>,
        /// The Stat.
        stat: Stat,
    },
    /// A number of nodes.
    Number(i32),
    /// Results of a multi or `multiRead`.
    Multi(Vec<OpResult<'a>>),
    /// Identities.
    WhoAmI(Vec<ClientInfo<'a>>),
    /// A page of children.
    Page(ChildrenPage<'a>),
    /// Children with their Stats and their data.
    Details(ChildrenDetails<'a>),
    /// One step of a SASL exchange.
    Sasl(Option<Cow<'a, [u8]>>),
}

impl<'a> Response<'a> {
    /// Decodes the body of a reply without an error to a request with this opcode.
    ///
    /// # Errors
    /// A damaged body, or an opcode that is never a request of a client.
    pub fn decode(opcode: OpCode, body: &'a [u8]) -> Result<Self, DecodeError> {
        let reader = &mut Reader::new(body, body.len());
        Ok(match opcode {
            OpCode::Delete
            | OpCode::Ping
            | OpCode::CheckWatches
            | OpCode::RemoveWatches
            | OpCode::Auth
            | OpCode::SetWatches
            | OpCode::SetWatches2
            | OpCode::AddWatch
            | OpCode::CheckNotExists
            | OpCode::DeleteRecursive
            | OpCode::CheckStat
            | OpCode::TryDelete
            | OpCode::CloseSession => Response::Void,
            OpCode::Create | OpCode::CreateIfNotExists | OpCode::Sync => {
                Response::Path(reader.ustring("path")?)
            }
            OpCode::Create2 | OpCode::CreateContainer | OpCode::CreateTtl => Response::PathStat {
                path: read_string(reader, "path")?,
                stat: read_stat(reader)?,
            },
            OpCode::Exists | OpCode::SetData | OpCode::SetAcl => Response::Stat(read_stat(reader)?),
            OpCode::GetData | OpCode::Reconfig => Response::Data {
                data: reader.buffer("data")?.map(Cow::Borrowed),
                stat: read_stat(reader)?,
            },
            OpCode::GetAcl => Response::Acl {
                acl: read_acl(reader)?,
                stat: read_stat(reader)?,
            },
            OpCode::GetChildren | OpCode::GetEphemerals | OpCode::ListRecursive => {
                Response::Names(read_strings(reader, "children")?)
            }
            OpCode::GetChildren2 | OpCode::FilteredList => Response::NamesStat {
                names: read_strings(reader, "children")?,
                stat: read_stat(reader)?,
            },
            OpCode::GetAllChildrenNumber => Response::Number(reader.int("totalNumber")?),
            OpCode::Multi | OpCode::MultiRead => Response::Multi(decode_results(reader)?),
            OpCode::WhoAmI => Response::WhoAmI(read_infos(reader)?),
            OpCode::GetChildrenPage => Response::Page(ChildrenPage::read(reader)?),
            OpCode::ListWithStatsAndData => Response::Details(ChildrenDetails::read(reader)?),
            OpCode::Sasl => Response::Sasl(reader.buffer("token")?.map(Cow::Borrowed)),
            OpCode::CreateSession
            | OpCode::Error
            | OpCode::Notification
            | OpCode::Check
            | OpCode::DeleteContainer => {
                return Err(DecodeError::Value {
                    field: "type",
                    value: opcode.code().into(),
                });
            }
        })
    }
}

fn read_infos<'a>(reader: &mut Reader<'a>) -> Result<Vec<ClientInfo<'a>>, DecodeError> {
    let infos = reader.vector("clientInfo", |reader| {
        Ok(ClientInfo {
            scheme: read_string(reader, "authScheme")?,
            user: read_string(reader, "user")?,
        })
    })?;
    infos.ok_or(DecodeError::Null {
        field: "clientInfo",
    })
}
