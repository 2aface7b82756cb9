//! What happens to a server, in words.

use super::Death;
use crate::disk::Survival;
use wal::DiskOp;

pub(super) fn words(death: Death) -> &'static str {
    match death {
        Death::Process => "the process, not the machine",
        Death::Disk => "an operation of its disk failed",
        Death::Refusal => "it cannot use its disk",
        Death::Power(Survival::Lost) => "power loss, everything unsynced is gone",
        Death::Power(Survival::Mixed) => "power loss, some unsynced sectors survived",
        Death::Power(Survival::Torn) => "power loss, some unsynced sectors survived in part",
    }
}

pub(super) fn op_name(op: &DiskOp) -> &'static str {
    match op {
        DiskOp::Allocate { .. } => "allocate",
        DiskOp::Write { .. } => "write",
        DiskOp::Sync { .. } => "sync",
        DiskOp::Rename { .. } => "rename",
        DiskOp::Remove { .. } => "remove",
        DiskOp::SyncDirectory { .. } => "sync directory",
        DiskOp::Read { .. } => "read",
    }
}

pub(super) fn op_words(op: &DiskOp) -> String {
    match op {
        DiskOp::Write {
            file,
            offset,
            bytes,
        } => {
            format!("write {file:?} at {offset}, {} bytes", bytes.len())
        }
        DiskOp::Allocate { .. }
        | DiskOp::Sync { .. }
        | DiskOp::Rename { .. }
        | DiskOp::Remove { .. }
        | DiskOp::SyncDirectory { .. }
        | DiskOp::Read { .. } => format!("{op:?}"),
    }
}
