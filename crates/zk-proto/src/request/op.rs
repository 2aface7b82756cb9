//! Writes: the part of the protocol that servers also pass among themselves.

use crate::OpCode;
use crate::keeper;
use crate::multi::{decode_multi, encode_multi};
use crate::records::{read_raw_acl, write_raw_acl};
use alloc::borrow::Cow;
use alloc::vec::Vec;
use jute::{DecodeError, Reader, Writer};
use zk_types::{CreateCall, CreateOp, Op};

/// Decodes the record of a write, those included that only servers send each other. Bytes after
/// the record are ignored; strings and buffers are at most `limit` bytes long.
///
/// # Errors
/// A damaged record, or an opcode that is no write.
pub fn decode_op(opcode: OpCode, body: &[u8], limit: usize) -> Result<Op<'_>, DecodeError> {
    read_op(opcode, &mut Reader::new(body, limit))
}

/// Appends the record of a write: what follows the header.
///
/// # Panics
/// When a multi holds what no multi may hold.
pub fn encode_op(op: &Op<'_>, out: &mut Vec<u8>) {
    let mut writer = Writer::new(out);
    match op {
        Op::Create(create) => write_create(&mut writer, create),
        Op::Delete { path, version } | Op::Check { path, version } => {
            writer.ustring(path.as_deref());
            writer.int(*version);
        }
        Op::DeleteContainer { path } => writer.ustring(path.as_deref()),
        Op::SetData {
            path,
            data,
            version,
        } => {
            writer.ustring(path.as_deref());
            writer.buffer(data.as_deref());
            writer.int(*version);
        }
        Op::SetAcl { path, acl, version } => {
            writer.ustring(path.as_deref());
            write_raw_acl(&mut writer, acl.as_deref());
            writer.int(*version);
        }
        Op::Multi(ops) => encode_multi(ops, out),
        Op::CreateSession { timeout_ms } => writer.int(*timeout_ms),
        Op::CloseSession => {}
        Op::Keeper(op) => keeper::write_op(op, &mut writer),
    }
}

/// The opcode a write is sent with.
pub fn opcode_of(op: &Op<'_>) -> OpCode {
    match op {
        Op::Create(create) => match create.call {
            CreateCall::Create => OpCode::Create,
            CreateCall::Create2 => OpCode::Create2,
            CreateCall::Container => OpCode::CreateContainer,
            CreateCall::Ttl => OpCode::CreateTtl,
            CreateCall::IfNotExists => OpCode::CreateIfNotExists,
        },
        Op::Delete { .. } => OpCode::Delete,
        Op::DeleteContainer { .. } => OpCode::DeleteContainer,
        Op::SetData { .. } => OpCode::SetData,
        Op::SetAcl { .. } => OpCode::SetAcl,
        Op::Check { .. } => OpCode::Check,
        Op::Multi(_) => OpCode::Multi,
        Op::CreateSession { .. } => OpCode::CreateSession,
        Op::CloseSession => OpCode::CloseSession,
        Op::Keeper(op) => keeper::opcode_of_op(op),
    }
}

pub(crate) fn read_op<'a>(opcode: OpCode, reader: &mut Reader<'a>) -> Result<Op<'a>, DecodeError> {
    Ok(match opcode {
        OpCode::Create => Op::Create(read_create(CreateCall::Create, reader)?),
        OpCode::Create2 => Op::Create(read_create(CreateCall::Create2, reader)?),
        OpCode::CreateContainer => Op::Create(read_create(CreateCall::Container, reader)?),
        OpCode::CreateTtl => Op::Create(read_create(CreateCall::Ttl, reader)?),
        OpCode::Delete => Op::Delete {
            path: reader.ustring("path")?,
            version: reader.int("version")?,
        },
        OpCode::DeleteContainer => Op::DeleteContainer {
            path: reader.ustring("path")?,
        },
        OpCode::SetData => Op::SetData {
            path: reader.ustring("path")?,
            data: reader.buffer("data")?.map(Cow::Borrowed),
            version: reader.int("version")?,
        },
        OpCode::SetAcl => Op::SetAcl {
            path: reader.ustring("path")?,
            acl: read_raw_acl(reader)?,
            version: reader.int("version")?,
        },
        OpCode::Check => Op::Check {
            path: reader.ustring("path")?,
            version: reader.int("version")?,
        },
        OpCode::Multi => Op::Multi(decode_multi(reader)?),
        OpCode::CreateSession => Op::CreateSession {
            timeout_ms: reader.int("timeOut")?,
        },
        OpCode::CloseSession => Op::CloseSession,
        OpCode::CreateIfNotExists => Op::Create(read_create(CreateCall::IfNotExists, reader)?),
        OpCode::CheckNotExists
        | OpCode::DeleteRecursive
        | OpCode::CheckStat
        | OpCode::TryDelete => Op::Keeper(keeper::read_op(opcode, reader)?),
        OpCode::Error
        | OpCode::Notification
        | OpCode::Exists
        | OpCode::GetData
        | OpCode::GetAcl
        | OpCode::GetChildren
        | OpCode::Sync
        | OpCode::Ping
        | OpCode::GetChildren2
        | OpCode::Reconfig
        | OpCode::CheckWatches
        | OpCode::RemoveWatches
        | OpCode::MultiRead
        | OpCode::Auth
        | OpCode::SetWatches
        | OpCode::Sasl
        | OpCode::GetEphemerals
        | OpCode::GetAllChildrenNumber
        | OpCode::SetWatches2
        | OpCode::AddWatch
        | OpCode::WhoAmI
        | OpCode::FilteredList
        | OpCode::ListWithStatsAndData
        | OpCode::ListRecursive
        | OpCode::GetChildrenPage => {
            return Err(DecodeError::Value {
                field: "type",
                value: opcode.code().into(),
            });
        }
    })
}

fn read_create<'a>(call: CreateCall, reader: &mut Reader<'a>) -> Result<CreateOp<'a>, DecodeError> {
    Ok(CreateOp {
        call,
        path: reader.ustring("path")?,
        data: reader.buffer("data")?.map(Cow::Borrowed),
        acl: read_raw_acl(reader)?,
        flags: reader.int("flags")?,
        ttl_ms: match call {
            CreateCall::Ttl => reader.long("ttl")?,
            CreateCall::Create
            | CreateCall::Create2
            | CreateCall::Container
            | CreateCall::IfNotExists => -1,
        },
    })
}

fn write_create(writer: &mut Writer<'_>, create: &CreateOp<'_>) {
    writer.ustring(create.path.as_deref());
    writer.buffer(create.data.as_deref());
    write_raw_acl(writer, create.acl.as_deref());
    writer.int(create.flags);
    match create.call {
        CreateCall::Ttl => writer.long(create.ttl_ms),
        CreateCall::Create
        | CreateCall::Create2
        | CreateCall::Container
        | CreateCall::IfNotExists => {}
    }
}
