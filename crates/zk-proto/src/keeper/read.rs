//! Reads.

use super::unknown;
use crate::OpCode;
use crate::records::{read_stat, write_stat};
use jute::{DecodeError, Reader, Writer};
use zk_types::{RawPath, Stat};

/// Which children are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ListFilter {
    /// All.
    All = 0,
    /// Those that no session owns.
    Persistent = 1,
    /// Those that a session owns.
    Ephemeral = 2,
}

impl ListFilter {
    /// The filter of a number on the wire.
    pub fn from_code(code: u8) -> Option<ListFilter> {
        match code {
            0 => Some(ListFilter::All),
            1 => Some(ListFilter::Persistent),
            2 => Some(ListFilter::Ephemeral),
            _ => None,
        }
    }
}

/// A read that only ClickHouse Keeper knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeeperRead<'a> {
    /// Lists some children and reports the parent's Stat.
    List {
        /// Node.
        path: RawPath<'a>,
        /// Whether to set a one-shot watch.
        watch: bool,
        /// Which children.
        filter: ListFilter,
    },
    /// Lists some children with what they are made of.
    ListWithStatsAndData {
        /// Node.
        path: RawPath<'a>,
        /// Whether to set a one-shot watch.
        watch: bool,
        /// Which children.
        filter: ListFilter,
        /// Whether their Stats are reported.
        stats: bool,
        /// Whether their data is reported.
        data: bool,
    },
    /// Lists the paths of descendants, parents first.
    ListRecursive {
        /// Node.
        path: RawPath<'a>,
        /// The most paths that are listed.
        paths_max: u32,
    },
    /// Checks that a node does not exist, or not in this version.
    CheckNotExists {
        /// Node.
        path: RawPath<'a>,
        /// The version it may not have, −1 for any.
        version: i32,
    },
    /// Checks a node's version and Stat.
    CheckStat {
        /// Node.
        path: RawPath<'a>,
        /// Expected version, −1 for any.
        version: i32,
        /// What the Stat must be; a field of −1 may be anything.
        stat: Stat,
    },
}

impl<'a> KeeperRead<'a> {
    pub(crate) fn opcode(&self) -> OpCode {
        match self {
            KeeperRead::List { .. } => OpCode::FilteredList,
            KeeperRead::ListWithStatsAndData { .. } => OpCode::ListWithStatsAndData,
            KeeperRead::ListRecursive { .. } => OpCode::ListRecursive,
            KeeperRead::CheckNotExists { .. } => OpCode::CheckNotExists,
            KeeperRead::CheckStat { .. } => OpCode::CheckStat,
        }
    }

    pub(crate) fn read(opcode: OpCode, reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let path = reader.ustring("path")?;
        if opcode == OpCode::FilteredList {
            return Ok(KeeperRead::List {
                path,
                watch: reader.boolean("watch")?,
                filter: read_filter(reader)?,
            });
        }
        if opcode == OpCode::ListWithStatsAndData {
            return Ok(KeeperRead::ListWithStatsAndData {
                path,
                watch: reader.boolean("watch")?,
                filter: read_filter(reader)?,
                stats: reader.boolean("with_stat")?,
                data: reader.boolean("with_data")?,
            });
        }
        if opcode == OpCode::ListRecursive {
            let paths_max = reader.int("children_nodes_limit")?.cast_unsigned();
            return Ok(KeeperRead::ListRecursive { path, paths_max });
        }
        let version = reader.int("version")?;
        if opcode == OpCode::CheckNotExists {
            Ok(KeeperRead::CheckNotExists { path, version })
        } else if opcode == OpCode::CheckStat {
            let stat = read_stat(reader)?;
            Ok(KeeperRead::CheckStat {
                path,
                version,
                stat,
            })
        } else {
            Err(unknown(opcode.code()))
        }
    }

    pub(crate) fn write(&self, writer: &mut Writer<'_>) {
        match self {
            KeeperRead::List {
                path,
                watch,
                filter,
            } => {
                writer.ustring(path.as_deref());
                writer.boolean(*watch);
                writer.byte(*filter as u8);
            }
            KeeperRead::ListWithStatsAndData {
                path,
                watch,
                filter,
                stats,
                data,
            } => {
                writer.ustring(path.as_deref());
                writer.boolean(*watch);
                writer.byte(*filter as u8);
                writer.boolean(*stats);
                writer.boolean(*data);
            }
            KeeperRead::ListRecursive { path, paths_max } => {
                writer.ustring(path.as_deref());
                writer.int(paths_max.cast_signed());
            }
            KeeperRead::CheckNotExists { path, version } => {
                writer.ustring(path.as_deref());
                writer.int(*version);
            }
            KeeperRead::CheckStat {
                path,
                version,
                stat,
            } => {
                writer.ustring(path.as_deref());
                writer.int(*version);
                write_stat(writer, stat);
            }
        }
    }
}

fn read_filter(reader: &mut Reader<'_>) -> Result<ListFilter, DecodeError> {
    let code = reader.byte("list_request_type")?;
    ListFilter::from_code(code).ok_or(DecodeError::Value {
        field: "list_request_type",
        value: code.into(),
    })
}
