//! Several operations in one request: a list of headers and records that a last header ends.
//!
//! Source: `client-protocol.md` §9.

use crate::OpCode;
use crate::records::{read_stat, read_string, read_strings, write_stat, write_strings};
use crate::request::{encode_op, opcode_of};
use alloc::borrow::Cow;
use alloc::vec::Vec;
use jute::{DecodeError, Reader, Writer};
use zk_types::{CreateCall, CreateOp, ErrorCode, Op, RawPath, Stat};

/// One part of a `multiRead`. It never sets a watch, whatever its record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadOp<'a> {
    /// Reads data.
    GetData {
        /// Node.
        path: RawPath<'a>,
    },
    /// Lists children.
    GetChildren {
        /// Node.
        path: RawPath<'a>,
    },
}

/// The result of one part of a multi or `multiRead`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpResult<'a> {
    /// A node was created by opcode 1.
    Create {
        /// Its path.
        path: Cow<'a, str>,
    },
    /// A node was created by any other opcode.
    Create2 {
        /// Its path.
        path: Cow<'a, str>,
        /// Its Stat just after this part.
        stat: Stat,
    },
    /// A node was deleted.
    Delete,
    /// Data was set.
    SetData {
        /// The node's Stat just after this part.
        stat: Stat,
    },
    /// The version matched.
    Check,
    /// A part before the one that failed: nothing was wrong with it, and it was not done.
    RolledBack,
    /// The part that failed, or, with [`ErrorCode::RuntimeInconsistency`], one after it.
    Failed(ErrorCode),
    /// Data was read.
    GetData {
        /// The data.
        data: Option<Cow<'a, [u8]>>,
        /// The node's Stat.
        stat: Stat,
    },
    /// Children were listed.
    GetChildren {
        /// Their names.
        children: Vec<Cow<'a, str>>,
    },
}

/// Reads the parts of a multi, and refuses the whole for what Apache refuses the whole for.
pub(crate) fn decode_multi<'a>(reader: &mut Reader<'a>) -> Result<Vec<Op<'a>>, DecodeError> {
    let mut ops = Vec::new();
    while let Some(code) = read_header(reader)? {
        let unknown = DecodeError::Value {
            field: "type",
            value: code.into(),
        };
        let opcode = OpCode::from_code(code).filter(|opcode| MULTI_OPCODES.contains(opcode));
        let op = crate::request::read_op(opcode.ok_or(unknown)?, reader)?;
        ops.push(match op {
            Op::Create(create) => Op::Create(admit_create(create)?),
            Op::Delete { .. } | Op::SetData { .. } | Op::Check { .. } => op,
            Op::DeleteContainer { .. }
            | Op::SetAcl { .. }
            | Op::Multi(_)
            | Op::CreateSession { .. }
            | Op::CloseSession => return Err(unknown),
        });
    }
    Ok(ops)
}

/// What a creation becomes inside a multi: flags choose the call (§9.1), and some choices spoil
/// the whole request (§9.2).
fn admit_create(mut create: CreateOp<'_>) -> Result<CreateOp<'_>, DecodeError> {
    if create.acl.is_none() {
        return Err(DecodeError::Null { field: "acl" });
    }
    match (create.call, create.flags) {
        (CreateCall::Create | CreateCall::Create2, FLAGS_CONTAINER) => {
            create.call = CreateCall::Container;
        }
        (CreateCall::Ttl, 0..=FLAGS_CONTAINER) => {
            create.call = CreateCall::Create;
            create.ttl_ms = -1;
        }
        (CreateCall::Ttl, _) | (_, 0..=FLAGS_CONTAINER) => {}
        (CreateCall::Create | CreateCall::Create2 | CreateCall::Container, flags) => {
            return Err(DecodeError::Value {
                field: "flags",
                value: flags.into(),
            });
        }
    }
    Ok(create)
}

pub(crate) fn encode_multi(ops: &[Op<'_>], out: &mut Vec<u8>) {
    for op in ops {
        let opcode = opcode_of(op);
        assert!(
            MULTI_OPCODES.contains(&opcode),
            "{opcode:?} may not stand in a multi"
        );
        write_header(out, opcode, ERR_UNSET);
        encode_op(op, out);
    }
    write_end(out);
}

pub(crate) fn decode_multi_read<'a>(
    reader: &mut Reader<'a>,
) -> Result<Vec<ReadOp<'a>>, DecodeError> {
    let mut ops = Vec::new();
    while let Some(code) = read_header(reader)? {
        let opcode = OpCode::from_code(code);
        let reads_data = opcode == Some(OpCode::GetData);
        if !reads_data && opcode != Some(OpCode::GetChildren) {
            return Err(DecodeError::Value {
                field: "type",
                value: code.into(),
            });
        }
        let path = reader.ustring("path")?;
        reader.boolean("watch")?;
        ops.push(if reads_data {
            ReadOp::GetData { path }
        } else {
            ReadOp::GetChildren { path }
        });
    }
    Ok(ops)
}

pub(crate) fn encode_multi_read(ops: &[ReadOp<'_>], out: &mut Vec<u8>) {
    for op in ops {
        let (opcode, path) = match op {
            ReadOp::GetData { path } => (OpCode::GetData, path),
            ReadOp::GetChildren { path } => (OpCode::GetChildren, path),
        };
        write_header(out, opcode, ERR_UNSET);
        let mut writer = Writer::new(out);
        writer.ustring(path.as_deref());
        writer.boolean(false);
    }
    write_end(out);
}

pub(crate) fn encode_results(results: &[OpResult<'_>], out: &mut Vec<u8>) {
    for result in results {
        match result {
            OpResult::Create { path } => {
                write_header(out, OpCode::Create, 0);
                Writer::new(out).ustring(Some(path));
            }
            OpResult::Create2 { path, stat } => {
                write_header(out, OpCode::Create2, 0);
                let mut writer = Writer::new(out);
                writer.ustring(Some(path));
                write_stat(&mut writer, stat);
            }
            OpResult::Delete => write_header(out, OpCode::Delete, 0),
            OpResult::SetData { stat } => {
                write_header(out, OpCode::SetData, 0);
                write_stat(&mut Writer::new(out), stat);
            }
            OpResult::Check => write_header(out, OpCode::Check, 0),
            OpResult::RolledBack => write_error(out, 0),
            OpResult::Failed(code) => write_error(out, code.code()),
            OpResult::GetData { data, stat } => {
                write_header(out, OpCode::GetData, 0);
                let mut writer = Writer::new(out);
                writer.buffer(data.as_deref());
                write_stat(&mut writer, stat);
            }
            OpResult::GetChildren { children } => {
                write_header(out, OpCode::GetChildren, 0);
                write_strings(&mut Writer::new(out), children);
            }
        }
    }
    write_end(out);
}

pub(crate) fn decode_results<'a>(
    reader: &mut Reader<'a>,
) -> Result<Vec<OpResult<'a>>, DecodeError> {
    let mut results = Vec::new();
    while let Some(code) = read_header(reader)? {
        results.push(match OpCode::from_code(code) {
            Some(OpCode::Create) => OpResult::Create {
                path: read_string(reader, "path")?,
            },
            Some(OpCode::Create2) => OpResult::Create2 {
                path: read_string(reader, "path")?,
                stat: read_stat(reader)?,
            },
            Some(OpCode::Delete) => OpResult::Delete,
            Some(OpCode::SetData) => OpResult::SetData {
                stat: read_stat(reader)?,
            },
            Some(OpCode::Check) => OpResult::Check,
            Some(OpCode::Error) => match reader.int("err")? {
                0 => OpResult::RolledBack,
                err => OpResult::Failed(ErrorCode::from_code(err).ok_or(DecodeError::Value {
                    field: "err",
                    value: err.into(),
                })?),
            },
            Some(OpCode::GetData) => OpResult::GetData {
                data: reader.buffer("data")?.map(Cow::Borrowed),
                stat: read_stat(reader)?,
            },
            Some(OpCode::GetChildren) => OpResult::GetChildren {
                children: read_strings(reader, "children")?,
            },
            Some(_) | None => {
                return Err(DecodeError::Value {
                    field: "type",
                    value: code.into(),
                });
            }
        });
    }
    Ok(results)
}

/// Reads one header: the opcode, or `None` for the header that ends the list.
fn read_header(reader: &mut Reader<'_>) -> Result<Option<i32>, DecodeError> {
    let code = reader.int("type")?;
    let done = reader.boolean("done")?;
    reader.int("err")?;
    Ok(if done { None } else { Some(code) })
}

fn write_header(out: &mut Vec<u8>, opcode: OpCode, err: i32) {
    let mut writer = Writer::new(out);
    writer.int(opcode.code());
    writer.boolean(false);
    writer.int(err);
}

fn write_error(out: &mut Vec<u8>, err: i32) {
    write_header(out, OpCode::Error, err);
    Writer::new(out).int(err);
}

fn write_end(out: &mut Vec<u8>) {
    let mut writer = Writer::new(out);
    writer.int(OpCode::Error.code());
    writer.boolean(true);
    writer.int(ERR_UNSET);
}

/// What may stand in a multi.
const MULTI_OPCODES: [OpCode; 7] = [
    OpCode::Create,
    OpCode::Create2,
    OpCode::CreateContainer,
    OpCode::CreateTtl,
    OpCode::Delete,
    OpCode::SetData,
    OpCode::Check,
];

/// The last of the flags that need no time to live.
const FLAGS_CONTAINER: i32 = 4;

/// What the error field of a header holds where it has no meaning.
const ERR_UNSET: i32 = -1;
