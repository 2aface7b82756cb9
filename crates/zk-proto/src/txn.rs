//! Transactions in the form of Apache's log payload, without the digest.
//!
//! ```text
//! header   i64 session | i32 cxid | i64 zxid | i64 time in ms | i32 type
//! record   by type, see `operations.md` §5.2
//! ```
//!
//! Source: `operations.md` §5.2.

use crate::OpCode;
use crate::frame::sized;
use crate::keeper;
use crate::records::{read_acl, read_string, read_strings, read_zxid, write_acl, write_zxid};
use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::vec::Vec;
use jute::{DecodeError, Reader, Writer};
use zk_types::{
    Bytes, CreateTxn, ErrorCode, NodeKind, SessionId, TTL_MS_MAX, Txn, TxnHeader, WallTime,
};

/// Appends a transaction.
///
/// Whether a container's or TTL node's requester was shown its Stat is not kept: it always is.
///
/// # Panics
/// When an ephemeral node is owned by another session than the header's, or a multi holds a multi
/// or the beginning or end of a session.
pub fn encode_txn(header: &TxnHeader, txn: &Txn, out: &mut Vec<u8>) {
    let mut writer = Writer::new(out);
    writer.long(header.session.0);
    writer.int(header.cxid);
    write_zxid(&mut writer, header.zxid);
    writer.long(header.time.0);
    writer.int(type_of(txn).code());
    write_record(header.session, txn, out);
}

/// Decodes a transaction. A digest after the record is passed over; a session's end may lack its
/// paths and a creation its counter, as in logs of older releases.
///
/// # Errors
/// Damaged bytes, a type that is no transaction, or bytes left over.
pub fn decode_txn(bytes: &[u8]) -> Result<(TxnHeader, Txn), DecodeError> {
    let reader = &mut Reader::new(bytes, bytes.len());
    let session = SessionId(reader.long("clientId")?);
    let cxid = reader.int("cxid")?;
    let zxid = read_zxid(reader, "zxid")?;
    let time = WallTime(reader.long("time")?);
    let code = reader.int("type")?;
    let txn = match code {
        MULTI => Txn::Multi(read_multi(session, reader)?),
        CREATE_SESSION => Txn::CreateSession {
            timeout_ms: reader.int("timeOut")?,
        },
        CLOSE_SESSION => Txn::CloseSession {
            paths: read_closed_paths(reader)?,
        },
        _ => read_simple(session, code, reader)?,
    };
    match reader.remaining() {
        0 | DIGEST_BYTES => Ok((
            TxnHeader {
                session,
                cxid,
                zxid,
                time,
            },
            txn,
        )),
        left => Err(DecodeError::Value {
            field: "bytes after the record",
            value: i64::try_from(left).unwrap_or(i64::MAX),
        }),
    }
}

fn type_of(txn: &Txn) -> OpCode {
    match txn {
        Txn::CreateSession { .. } => OpCode::CreateSession,
        Txn::CloseSession { .. } => OpCode::CloseSession,
        Txn::Create(create) => match create.kind {
            NodeKind::Container => OpCode::CreateContainer,
            NodeKind::Ttl(_) => OpCode::CreateTtl,
            NodeKind::Persistent | NodeKind::Ephemeral(_) if create.with_stat => OpCode::Create2,
            NodeKind::Persistent | NodeKind::Ephemeral(_) => OpCode::Create,
        },
        Txn::Delete { .. } => OpCode::Delete,
        Txn::DeleteContainer { .. } => OpCode::DeleteContainer,
        Txn::SetData { .. } => OpCode::SetData,
        Txn::SetAcl { .. } => OpCode::SetAcl,
        Txn::Check { .. } => OpCode::Check,
        Txn::Multi(_) => OpCode::Multi,
        Txn::Error(_) => OpCode::Error,
        Txn::Keeper(txn) => keeper::opcode_of_txn(txn),
    }
}

fn write_record(session: SessionId, txn: &Txn, out: &mut Vec<u8>) {
    let mut writer = Writer::new(out);
    match txn {
        Txn::CreateSession { timeout_ms } => writer.int(*timeout_ms),
        Txn::CloseSession { paths } => {
            writer.count(paths.len());
            for path in paths {
                writer.ustring(Some(path));
            }
        }
        Txn::Create(create) => write_create(session, create, &mut writer),
        Txn::Delete { path } | Txn::DeleteContainer { path } => writer.ustring(Some(path)),
        Txn::SetData {
            path,
            data,
            version,
        } => {
            writer.ustring(Some(path));
            writer.buffer(data.as_deref());
            writer.int(*version);
        }
        Txn::SetAcl { path, acl, version } => {
            writer.ustring(Some(path));
            write_acl(&mut writer, acl);
            writer.int(*version);
        }
        Txn::Check { path, version } => {
            writer.ustring(Some(path));
            writer.int(*version);
        }
        Txn::Multi(txns) => write_multi(session, txns, out),
        Txn::Error(code) => writer.int(code.code()),
        Txn::Keeper(txn) => keeper::write_txn(session, txn, &mut writer),
    }
}

pub(crate) fn write_create(session: SessionId, create: &CreateTxn, writer: &mut Writer<'_>) {
    writer.ustring(Some(&create.path));
    writer.buffer(create.data.as_deref());
    write_acl(writer, &create.acl);
    match create.kind {
        NodeKind::Persistent => {
            writer.boolean(false);
            writer.int(create.parent_cversion);
        }
        NodeKind::Ephemeral(owner) => {
            assert_eq!(
                owner, session,
                "an ephemeral node belongs to the session that made it"
            );
            writer.boolean(true);
            writer.int(create.parent_cversion);
        }
        NodeKind::Container => writer.int(create.parent_cversion),
        NodeKind::Ttl(ttl_ms) => {
            writer.int(create.parent_cversion);
            writer.long(ttl_ms);
        }
    }
}

fn write_multi(session: SessionId, txns: &[Txn], out: &mut Vec<u8>) {
    Writer::new(out).count(txns.len());
    for txn in txns {
        let opcode = type_of(txn);
        let nested = matches!(
            opcode,
            OpCode::Multi | OpCode::CreateSession | OpCode::CloseSession
        );
        assert!(!nested, "{opcode:?} may not stand in a multi");
        Writer::new(out).int(opcode.code());
        sized(out, |out| write_record(session, txn, out));
    }
}

fn read_multi(session: SessionId, reader: &mut Reader<'_>) -> Result<Vec<Txn>, DecodeError> {
    let txns = reader.vector("txns", |reader| {
        let code = reader.int("type")?;
        let record = reader
            .buffer("data")?
            .ok_or(DecodeError::Null { field: "data" })?;
        read_simple(session, code, &mut Reader::new(record, record.len()))
    })?;
    txns.ok_or(DecodeError::Null { field: "txns" })
}

/// What may stand in a multi as well as alone.
fn read_simple(session: SessionId, code: i32, reader: &mut Reader<'_>) -> Result<Txn, DecodeError> {
    Ok(match code {
        CREATE | CREATE2 | CREATE_CONTAINER | CREATE_TTL => {
            Txn::Create(read_create(session, code, reader)?)
        }
        DELETE => Txn::Delete {
            path: boxed(read_string(reader, "path")?),
        },
        DELETE_CONTAINER => Txn::DeleteContainer {
            path: boxed(read_string(reader, "path")?),
        },
        SET_DATA | RECONFIG => Txn::SetData {
            path: boxed(read_string(reader, "path")?),
            data: reader.buffer("data")?.map(Bytes::from),
            version: reader.int("version")?,
        },
        SET_ACL => Txn::SetAcl {
            path: boxed(read_string(reader, "path")?),
            acl: read_acl(reader)?,
            version: reader.int("version")?,
        },
        CHECK => Txn::Check {
            path: boxed(read_string(reader, "path")?),
            version: reader.int("version")?,
        },
        ERROR => {
            let err = reader.int("err")?;
            let value = DecodeError::Value {
                field: "err",
                value: err.into(),
            };
            Txn::Error(ErrorCode::from_code(err).ok_or(value)?)
        }
        _ => Txn::Keeper(keeper::read_txn(session, code, reader)?),
    })
}

pub(crate) fn read_create(
    session: SessionId,
    code: i32,
    reader: &mut Reader<'_>,
) -> Result<CreateTxn, DecodeError> {
    let path = boxed(read_string(reader, "path")?);
    let data = reader.buffer("data")?.map(Bytes::from);
    let acl = read_acl(reader)?;
    let (kind, parent_cversion) = match code {
        CREATE_CONTAINER => (NodeKind::Container, reader.int("parentCVersion")?),
        CREATE_TTL => {
            let parent_cversion = reader.int("parentCVersion")?;
            let ttl_ms = reader.long("ttl")?;
            if !(1..=TTL_MS_MAX).contains(&ttl_ms) {
                return Err(DecodeError::Value {
                    field: "ttl",
                    value: ttl_ms,
                });
            }
            (NodeKind::Ttl(ttl_ms), parent_cversion)
        }
        _ => {
            let ephemeral = reader.boolean("ephemeral")?;
            let kind = if ephemeral {
                NodeKind::Ephemeral(session)
            } else {
                NodeKind::Persistent
            };
            let parent_cversion = match reader.remaining() {
                0 => PARENT_CVERSION_UNKNOWN,
                _ => reader.int("parentCVersion")?,
            };
            (kind, parent_cversion)
        }
    };
    Ok(CreateTxn {
        path,
        data,
        acl,
        kind,
        parent_cversion,
        with_stat: code != CREATE,
    })
}

fn read_closed_paths(reader: &mut Reader<'_>) -> Result<Vec<Box<str>>, DecodeError> {
    if reader.remaining() == 0 {
        return Ok(Vec::new());
    }
    Ok(read_strings(reader, "paths2Delete")?
        .into_iter()
        .map(boxed)
        .collect())
}

pub(crate) fn boxed(text: Cow<'_, str>) -> Box<str> {
    text.into_owned().into_boxed_str()
}

const CREATE_SESSION: i32 = OpCode::CreateSession as i32;
const CLOSE_SESSION: i32 = OpCode::CloseSession as i32;
const CREATE: i32 = OpCode::Create as i32;
const CREATE2: i32 = OpCode::Create2 as i32;
const CREATE_CONTAINER: i32 = OpCode::CreateContainer as i32;
const CREATE_TTL: i32 = OpCode::CreateTtl as i32;
const DELETE: i32 = OpCode::Delete as i32;
const DELETE_CONTAINER: i32 = OpCode::DeleteContainer as i32;
const SET_DATA: i32 = OpCode::SetData as i32;
const RECONFIG: i32 = OpCode::Reconfig as i32;
const SET_ACL: i32 = OpCode::SetAcl as i32;
const CHECK: i32 = OpCode::Check as i32;
const MULTI: i32 = OpCode::Multi as i32;
const ERROR: i32 = OpCode::Error as i32;

/// What a creation of an old release says of its parent's counter.
const PARENT_CVERSION_UNKNOWN: i32 = -1;

/// Length of the digest that Apache appends: a version and a number.
const DIGEST_BYTES: usize = 12;
