//! Writes, and their transactions.
//!
//! The records of transactions, by type; the types are the opcodes:
//!
//! ```text
//! 501  ustring path | i32 version
//! 502  i32 0, the node existed | ustring path
//!      i32 1 or 19 | the record of a creation of that type
//! 503  vector of ustring paths, children before parents
//! 504  ustring path | i32 version
//! 505  ustring path | boolean deletes
//! ```

use super::unknown;
use crate::OpCode;
use crate::records::{read_stat, read_string, read_strings, write_stat};
use crate::txn::{boxed, read_create, write_create};
use jute::{DecodeError, Reader, Writer};
use zk_types::{CreateTxn, KeeperOp, KeeperTxn, NodeKind, SessionId};

pub(crate) fn opcode_of_op(op: &KeeperOp<'_>) -> OpCode {
    match op {
        KeeperOp::CheckNotExists { .. } => OpCode::CheckNotExists,
        KeeperOp::CheckStat { .. } => OpCode::CheckStat,
        KeeperOp::TryDelete { .. } => OpCode::TryDelete,
        KeeperOp::DeleteRecursive { .. } => OpCode::DeleteRecursive,
    }
}

pub(crate) fn write_op(op: &KeeperOp<'_>, writer: &mut Writer<'_>) {
    match op {
        KeeperOp::CheckNotExists { path, version } | KeeperOp::TryDelete { path, version } => {
            writer.ustring(path.as_deref());
            writer.int(*version);
        }
        KeeperOp::CheckStat {
            path,
            version,
            stat,
        } => {
            writer.ustring(path.as_deref());
            writer.int(*version);
            write_stat(writer, stat);
        }
        KeeperOp::DeleteRecursive { path, nodes_max } => {
            writer.ustring(path.as_deref());
            writer.int(nodes_max.cast_signed());
        }
    }
}

pub(crate) fn read_op<'a>(
    opcode: OpCode,
    reader: &mut Reader<'a>,
) -> Result<KeeperOp<'a>, DecodeError> {
    let path = reader.ustring("path")?;
    if opcode == OpCode::DeleteRecursive {
        let nodes_max = reader.int("remove_nodes_limit")?.cast_unsigned();
        return Ok(KeeperOp::DeleteRecursive { path, nodes_max });
    }
    let version = reader.int("version")?;
    if opcode == OpCode::CheckNotExists {
        Ok(KeeperOp::CheckNotExists { path, version })
    } else if opcode == OpCode::TryDelete {
        Ok(KeeperOp::TryDelete { path, version })
    } else if opcode == OpCode::CheckStat {
        let stat = read_stat(reader)?;
        Ok(KeeperOp::CheckStat {
            path,
            version,
            stat,
        })
    } else {
        Err(unknown(opcode.code()))
    }
}

pub(crate) fn opcode_of_txn(txn: &KeeperTxn) -> OpCode {
    match txn {
        KeeperTxn::CheckNotExists { .. } => OpCode::CheckNotExists,
        KeeperTxn::CheckStat { .. } => OpCode::CheckStat,
        KeeperTxn::Create(_) | KeeperTxn::Exists { .. } => OpCode::CreateIfNotExists,
        KeeperTxn::TryDelete { .. } => OpCode::TryDelete,
        KeeperTxn::DeleteRecursive { .. } => OpCode::DeleteRecursive,
    }
}

pub(crate) fn write_txn(session: SessionId, txn: &KeeperTxn, writer: &mut Writer<'_>) {
    match txn {
        KeeperTxn::CheckNotExists { path, version } | KeeperTxn::CheckStat { path, version } => {
            writer.ustring(Some(path));
            writer.int(*version);
        }
        KeeperTxn::Exists { path } => {
            writer.int(EXISTED);
            writer.ustring(Some(path));
        }
        KeeperTxn::Create(create) => {
            writer.int(type_of_create(create).code());
            write_create(session, create, writer);
        }
        KeeperTxn::TryDelete { path, deletes } => {
            writer.ustring(Some(path));
            writer.boolean(*deletes);
        }
        KeeperTxn::DeleteRecursive { paths } => {
            writer.count(paths.len());
            for path in paths {
                writer.ustring(Some(path));
            }
        }
    }
}

fn type_of_create(create: &CreateTxn) -> OpCode {
    match create.kind {
        NodeKind::Persistent | NodeKind::Ephemeral(_) => OpCode::Create,
        NodeKind::Container => OpCode::CreateContainer,
        NodeKind::Ttl(_) => unreachable!("a time to live has an opcode of its own"),
    }
}

pub(crate) fn read_txn(
    session: SessionId,
    code: i32,
    reader: &mut Reader<'_>,
) -> Result<KeeperTxn, DecodeError> {
    let opcode = OpCode::from_code(code).ok_or(unknown(code))?;
    if opcode == OpCode::CreateIfNotExists {
        return read_create_txn(session, reader);
    }
    if opcode == OpCode::DeleteRecursive {
        let paths = read_strings(reader, "paths")?;
        return Ok(KeeperTxn::DeleteRecursive {
            paths: paths.into_iter().map(boxed).collect(),
        });
    }
    let path = |reader: &mut Reader<'_>| read_string(reader, "path").map(boxed);
    if opcode == OpCode::TryDelete {
        Ok(KeeperTxn::TryDelete {
            path: path(reader)?,
            deletes: reader.boolean("deletes")?,
        })
    } else if opcode == OpCode::CheckNotExists {
        Ok(KeeperTxn::CheckNotExists {
            path: path(reader)?,
            version: reader.int("version")?,
        })
    } else if opcode == OpCode::CheckStat {
        Ok(KeeperTxn::CheckStat {
            path: path(reader)?,
            version: reader.int("version")?,
        })
    } else {
        Err(unknown(code))
    }
}

fn read_create_txn(session: SessionId, reader: &mut Reader<'_>) -> Result<KeeperTxn, DecodeError> {
    let form = reader.int("form")?;
    if form == EXISTED {
        let path = boxed(read_string(reader, "path")?);
        return Ok(KeeperTxn::Exists { path });
    }
    if form != OpCode::Create.code() && form != OpCode::CreateContainer.code() {
        return Err(DecodeError::Value {
            field: "form",
            value: form.into(),
        });
    }
    Ok(KeeperTxn::Create(CreateTxn {
        with_stat: false,
        ..read_create(session, form, reader)?
    }))
}

/// Says that nothing was created.
const EXISTED: i32 = 0;
