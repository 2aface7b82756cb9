//! Several operations in one request: a list of headers and records that a last header ends.
//!
//! Source: `client-protocol.md` §9.

use crate::OpCode;
use crate::keeper::{KeeperRead, KeeperResult};
use crate::records::{read_stat, read_string, read_strings, write_stat, write_strings};
use crate::request::{encode_op, opcode_of};
use alloc::borrow::Cow;
use alloc::vec::Vec;
use jute::{DecodeError, Reader, Writer};
use zk_types::{CreateCall, CreateOp, ErrorCode, Op, RawPath, Stat};

/// One part of a `multiRead`. Apache knows two, which set no watch whatever their records say;
/// ClickHouse Keeper knows all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadOp<'a> {
    /// Reads data.
    GetData {
        /// Node.
        path: RawPath<'a>,
        /// Whether to set a one-shot watch.
        watch: bool,
    },
    /// Lists children.
    GetChildren {
        /// Node.
        path: RawPath<'a>,
        /// Whether to set a one-shot watch.
        watch: bool,
    },
    /// Asks whether a node exists.
    Exists {
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
    /// Lists some children, or more about them.
    Keeper(KeeperRead<'a>),
}

impl ReadOp<'_> {
    /// Whether Apache's servers know it.
    pub fn is_of_apache(&self) -> bool {
        match self {
            ReadOp::GetData { .. } | ReadOp::GetChildren { .. } => true,
            ReadOp::Exists { .. } | ReadOp::GetChildren2 { .. } | ReadOp::Keeper(_) => false,
        }
    }

    /// The opcode that its result has.
    pub fn result_opcode(&self) -> OpCode {
        match self {
            ReadOp::GetData { .. } => OpCode::GetData,
            ReadOp::GetChildren { .. } => OpCode::GetChildren,
            ReadOp::Exists { .. } => OpCode::Exists,
            ReadOp::GetChildren2 { .. } | ReadOp::Keeper(KeeperRead::List { .. }) => {
                OpCode::GetChildren2
            }
            ReadOp::Keeper(read) => read.opcode(),
        }
    }
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
    /// A node exists.
    Exists {
        /// Its Stat.
        stat: Stat,
    },
    /// Children were listed, all or some.
    GetChildren2 {
        /// Their names.
        children: Vec<Cow<'a, str>>,
        /// Their parent's Stat.
        stat: Stat,
    },
    /// A part that only ClickHouse Keeper knows.
    Keeper(KeeperResult<'a>),
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
        let has_path = match &op {
            Op::Create(CreateOp { path, .. })
            | Op::Delete { path, .. }
            | Op::SetData { path, .. }
            | Op::Check { path, .. } => path.is_some(),
            Op::Keeper(_) => true,
            Op::DeleteContainer { .. }
            | Op::SetAcl { .. }
            | Op::Multi(_)
            | Op::CreateSession { .. }
            | Op::CloseSession => return Err(unknown),
        };
        if !has_path {
            return Err(DecodeError::Null { field: "path" });
        }
        ops.push(if let Op::Create(create) = op {
            Op::Create(admit_create(create)?)
        } else {
            op
        });
    }
    Ok(ops)
}

/// What a creation becomes inside a multi: flags choose the call (§9.1), and some choices spoil
/// the whole request (§9.2).
fn admit_create(mut create: CreateOp<'_>) -> Result<CreateOp<'_>, DecodeError> {
    if create.acl.is_none() && create.call != CreateCall::Ttl {
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
        (
            CreateCall::Create
            | CreateCall::Create2
            | CreateCall::Container
            | CreateCall::IfNotExists,
            flags,
        ) => {
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
        let opcode = OpCode::from_code(code).filter(|opcode| MULTI_READ_OPCODES.contains(opcode));
        let op = read_part(
            opcode.ok_or(DecodeError::Value {
                field: "type",
                value: code.into(),
            })?,
            reader,
        )?;
        if let ReadOp::GetData { path: None, .. } | ReadOp::GetChildren { path: None, .. } = &op {
            return Err(DecodeError::Null { field: "path" });
        }
        ops.push(op);
    }
    Ok(ops)
}

fn read_part<'a>(opcode: OpCode, reader: &mut Reader<'a>) -> Result<ReadOp<'a>, DecodeError> {
    if matches!(opcode, OpCode::FilteredList | OpCode::ListWithStatsAndData) {
        return KeeperRead::read(opcode, reader).map(ReadOp::Keeper);
    }
    let path = reader.ustring("path")?;
    let watch = reader.boolean("watch")?;
    Ok(if opcode == OpCode::GetData {
        ReadOp::GetData { path, watch }
    } else if opcode == OpCode::GetChildren {
        ReadOp::GetChildren { path, watch }
    } else if opcode == OpCode::Exists {
        ReadOp::Exists { path, watch }
    } else {
        ReadOp::GetChildren2 { path, watch }
    })
}

pub(crate) fn encode_multi_read(ops: &[ReadOp<'_>], out: &mut Vec<u8>) {
    for op in ops {
        let (opcode, path, watch) = match op {
            ReadOp::GetData { path, watch } => (OpCode::GetData, path, watch),
            ReadOp::GetChildren { path, watch } => (OpCode::GetChildren, path, watch),
            ReadOp::Exists { path, watch } => (OpCode::Exists, path, watch),
            ReadOp::GetChildren2 { path, watch } => (OpCode::GetChildren2, path, watch),
            ReadOp::Keeper(read) => {
                write_header(out, read.opcode(), ERR_UNSET);
                read.write(&mut Writer::new(out));
                continue;
            }
        };
        write_header(out, opcode, ERR_UNSET);
        let mut writer = Writer::new(out);
        writer.ustring(path.as_deref());
        writer.boolean(*watch);
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
            OpResult::Exists { stat } => {
                write_header(out, OpCode::Exists, 0);
                write_stat(&mut Writer::new(out), stat);
            }
            OpResult::GetChildren2 { children, stat } => {
                write_header(out, OpCode::GetChildren2, 0);
                let mut writer = Writer::new(out);
                write_strings(&mut writer, children);
                write_stat(&mut writer, stat);
            }
            OpResult::Keeper(result) => {
                write_header(out, result.opcode(), result.err());
                result.write(&mut Writer::new(out));
            }
        }
    }
    write_end(out);
}

pub(crate) fn decode_results<'a>(
    reader: &mut Reader<'a>,
) -> Result<Vec<OpResult<'a>>, DecodeError> {
    let mut results = Vec::new();
    while let Some((code, err)) = read_result_header(reader)? {
        let opcode = OpCode::from_code(code);
        if let Some(opcode) = opcode
            && opcode != OpCode::Error
            && err != 0
        {
            let failed = KeeperResult::FailedRead(opcode, error_of(err)?);
            results.push(OpResult::Keeper(failed));
            continue;
        }
        results.push(match opcode {
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
                err => OpResult::Failed(error_of(err)?),
            },
            Some(OpCode::GetData) => OpResult::GetData {
                data: reader.buffer("data")?.map(Cow::Borrowed),
                stat: read_stat(reader)?,
            },
            Some(OpCode::GetChildren) => OpResult::GetChildren {
                children: read_strings(reader, "children")?,
            },
            Some(OpCode::Exists) => OpResult::Exists {
                stat: read_stat(reader)?,
            },
            Some(OpCode::GetChildren2) => OpResult::GetChildren2 {
                children: read_strings(reader, "children")?,
                stat: read_stat(reader)?,
            },
            Some(opcode) => OpResult::Keeper(KeeperResult::read(opcode, reader)?),
            None => {
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
    Ok(read_result_header(reader)?.map(|(code, _)| code))
}

/// As [`read_header`], with the error.
fn read_result_header(reader: &mut Reader<'_>) -> Result<Option<(i32, i32)>, DecodeError> {
    let code = reader.int("type")?;
    let done = reader.boolean("done")?;
    let err = reader.int("err")?;
    Ok(if done { None } else { Some((code, err)) })
}

fn error_of(err: i32) -> Result<ErrorCode, DecodeError> {
    ErrorCode::from_code(err).ok_or(DecodeError::Value {
        field: "err",
        value: err.into(),
    })
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
const MULTI_OPCODES: [OpCode; 12] = [
    OpCode::Create,
    OpCode::Create2,
    OpCode::CreateContainer,
    OpCode::CreateTtl,
    OpCode::Delete,
    OpCode::SetData,
    OpCode::Check,
    OpCode::CheckNotExists,
    OpCode::CreateIfNotExists,
    OpCode::DeleteRecursive,
    OpCode::CheckStat,
    OpCode::TryDelete,
];

/// What may stand in a `multiRead`.
const MULTI_READ_OPCODES: [OpCode; 6] = [
    OpCode::GetData,
    OpCode::GetChildren,
    OpCode::Exists,
    OpCode::GetChildren2,
    OpCode::FilteredList,
    OpCode::ListWithStatsAndData,
];

/// The last of the flags that need no time to live.
const FLAGS_CONTAINER: i32 = 4;

/// What the error field of a header holds where it has no meaning.
const ERR_UNSET: i32 = -1;
