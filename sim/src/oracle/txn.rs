//! Transactions as they stand in records, read by the oracles' own reader.
//!
//! Source: `operations.md` §5.2; sixteen bytes of origin stand before the header.

use crate::oracle::bytes::{Bytes, Malformed};
use crate::oracle::wire::open_to_all;
use smol_str::SmolStr;
use std::rc::Rc;

/// What one record says, for the oracles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The server that the request came to.
    pub(crate) origin: u64,
    pub(crate) session: i64,
    pub(crate) cxid: i32,
    pub(crate) zxid: u64,
    pub(crate) time: i64,
    pub(crate) change: Change,
}

/// What a transaction changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    CreateSession {
        timeout_ms: i32,
    },
    CloseSession {
        paths: Vec<SmolStr>,
    },
    Create(Created),
    Delete {
        path: SmolStr,
    },
    SetData {
        path: SmolStr,
        data: Option<Rc<[u8]>>,
        version: i32,
    },
    SetAcl {
        path: SmolStr,
        /// What everybody may do.
        perms: i32,
        version: i32,
    },
    /// A node went by itself.
    Reap {
        path: SmolStr,
    },
    Check,
    Multi(Vec<Change>),
    Error(i32),
}

/// A creation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Created {
    pub(crate) path: SmolStr,
    pub(crate) data: Option<Rc<[u8]>>,
    /// The owning session, 0 for none.
    pub(crate) owner: i64,
    pub(crate) parent_cversion: i32,
    pub(crate) mortality: Mortality,
}

/// When a node goes by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) enum Mortality {
    #[default]
    Never,
    /// When it has no children any more.
    Emptied,
    /// When it has no children and was not changed for so many milliseconds.
    After(i64),
}

/// Reads the payload of a transaction's record.
pub(crate) fn read(payload: &[u8]) -> Result<Entry, Malformed> {
    let mut bytes = Bytes(payload);
    let entry = entry(&mut bytes)?;
    if bytes.is_empty() {
        Ok(entry)
    } else {
        Err(Malformed)
    }
}

/// How many bytes of a payload are the transaction; Apache's logs have a digest behind it.
pub(crate) fn length(payload: &[u8]) -> Result<usize, Malformed> {
    let mut bytes = Bytes(payload);
    entry(&mut bytes)?;
    Ok(payload.len() - bytes.0.len())
}

fn entry(bytes: &mut Bytes<'_>) -> Result<Entry, Malformed> {
    let origin = bytes.long()?.cast_unsigned();
    bytes.take(8)?;
    let session = bytes.long()?;
    let cxid = bytes.int()?;
    let zxid = bytes.long()?.cast_unsigned();
    let time = bytes.long()?;
    let kind = bytes.int()?;
    Ok(Entry {
        origin,
        session,
        cxid,
        zxid,
        time,
        change: change(session, kind, bytes)?,
    })
}

fn change(session: i64, kind: i32, bytes: &mut Bytes<'_>) -> Result<Change, Malformed> {
    Ok(match kind {
        -10 => Change::CreateSession {
            timeout_ms: bytes.int()?,
        },
        -11 => Change::CloseSession {
            paths: bytes.texts()?,
        },
        1 | 15 | 19 | 21 => {
            let path = bytes.text()?;
            let data = bytes.buffer()?.map(Rc::from);
            open_to_all(bytes)?;
            let ephemeral = if kind < 16 { bytes.byte()? != 0 } else { false };
            let parent_cversion = bytes.int()?;
            let mortality = match kind {
                19 => Mortality::Emptied,
                21 => Mortality::After(bytes.long()?),
                _ => Mortality::Never,
            };
            let owner = if ephemeral { session } else { 0 };
            Change::Create(Created {
                path,
                data,
                owner,
                parent_cversion,
                mortality,
            })
        }
        2 => Change::Delete {
            path: bytes.text()?,
        },
        20 => Change::Reap {
            path: bytes.text()?,
        },
        5 | 16 => Change::SetData {
            path: bytes.text()?,
            data: bytes.buffer()?.map(Rc::from),
            version: bytes.int()?,
        },
        7 => Change::SetAcl {
            path: bytes.text()?,
            perms: open_to_all(bytes)?,
            version: bytes.int()?,
        },
        13 => {
            bytes.text()?;
            bytes.int()?;
            Change::Check
        }
        14 => Change::Multi(bytes.list(|part| {
            let kind = part.int()?;
            let record = part.buffer()?.ok_or(Malformed)?;
            change(session, kind, &mut Bytes(record))
        })?),
        -1 => Change::Error(bytes.int()?),
        _ => return Err(Malformed),
    })
}
