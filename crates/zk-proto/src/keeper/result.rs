//! Answers that no other operation has.

use super::unknown;
use crate::OpCode;
use crate::records::{read_stat, read_string, read_strings, write_stat, write_strings};
use alloc::borrow::Cow;
use alloc::vec::Vec;
use jute::{DecodeError, Reader, Writer};
use zk_types::{ErrorCode, Stat};

/// Children with what was asked about them: a list that was asked for has an entry for each name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChildrenDetails<'a> {
    /// Their names.
    pub names: Vec<Cow<'a, str>>,
    /// Their parent's Stat.
    pub stat: Stat,
    /// Their Stats, or nothing.
    pub stats: Vec<Stat>,
    /// Their data, or nothing.
    pub data: Vec<Option<Cow<'a, [u8]>>>,
}

impl<'a> ChildrenDetails<'a> {
    pub(crate) fn write(&self, writer: &mut Writer<'_>) {
        write_strings(writer, &self.names);
        write_stat(writer, &self.stat);
        writer.count(self.stats.len());
        for stat in &self.stats {
            write_stat(writer, stat);
        }
        writer.count(self.data.len());
        for data in &self.data {
            writer.buffer(data.as_deref());
        }
    }

    pub(crate) fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let names = read_strings(reader, "names")?;
        let stat = read_stat(reader)?;
        let stats = reader
            .vector("stats", read_stat)?
            .ok_or(DecodeError::Null { field: "stats" })?;
        let data = reader.vector("data", |reader| {
            Ok(reader.buffer("data")?.map(Cow::Borrowed))
        })?;
        let data = data.ok_or(DecodeError::Null { field: "data" })?;
        Ok(ChildrenDetails {
            names,
            stat,
            stats,
            data,
        })
    }
}

/// The result of a part of a multi or `multiRead` that only ClickHouse Keeper knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeeperResult<'a> {
    /// The node does not exist.
    CheckNotExists,
    /// The node exists, created or not.
    CreateIfNotExists {
        /// Its path.
        path: Cow<'a, str>,
    },
    /// Nothing is left of the node.
    DeleteRecursive,
    /// The Stat was right.
    CheckStat,
    /// The node was deleted, or could not be.
    TryDelete,
    /// Children were listed.
    ListWithStatsAndData(ChildrenDetails<'a>),
    /// A read failed: its own opcode stands before the error, which has no body.
    FailedRead(OpCode, ErrorCode),
}

impl<'a> KeeperResult<'a> {
    pub(crate) fn opcode(&self) -> OpCode {
        match self {
            KeeperResult::CheckNotExists => OpCode::CheckNotExists,
            KeeperResult::CreateIfNotExists { .. } => OpCode::CreateIfNotExists,
            KeeperResult::DeleteRecursive => OpCode::DeleteRecursive,
            KeeperResult::CheckStat => OpCode::CheckStat,
            KeeperResult::TryDelete => OpCode::TryDelete,
            KeeperResult::ListWithStatsAndData(_) => OpCode::ListWithStatsAndData,
            KeeperResult::FailedRead(opcode, _) => *opcode,
        }
    }

    /// The error field of the header.
    pub(crate) fn err(&self) -> i32 {
        match self {
            KeeperResult::FailedRead(_, code) => code.code(),
            KeeperResult::CheckNotExists
            | KeeperResult::CreateIfNotExists { .. }
            | KeeperResult::DeleteRecursive
            | KeeperResult::CheckStat
            | KeeperResult::TryDelete
            | KeeperResult::ListWithStatsAndData(_) => 0,
        }
    }

    pub(crate) fn write(&self, writer: &mut Writer<'_>) {
        match self {
            KeeperResult::CreateIfNotExists { path } => writer.ustring(Some(path)),
            KeeperResult::ListWithStatsAndData(details) => details.write(writer),
            KeeperResult::CheckNotExists
            | KeeperResult::DeleteRecursive
            | KeeperResult::CheckStat
            | KeeperResult::TryDelete
            | KeeperResult::FailedRead(..) => {}
        }
    }

    pub(crate) fn read(opcode: OpCode, reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let empty = [
            KeeperResult::CheckNotExists,
            KeeperResult::DeleteRecursive,
            KeeperResult::CheckStat,
            KeeperResult::TryDelete,
        ];
        if opcode == OpCode::CreateIfNotExists {
            let path = read_string(reader, "path")?;
            return Ok(KeeperResult::CreateIfNotExists { path });
        }
        if opcode == OpCode::ListWithStatsAndData {
            return ChildrenDetails::read(reader).map(KeeperResult::ListWithStatsAndData);
        }
        empty
            .into_iter()
            .find(|result| result.opcode() == opcode)
            .ok_or(unknown(opcode.code()))
    }
}
