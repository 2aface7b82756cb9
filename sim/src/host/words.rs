//! What happens to a server, in words.

use super::Death;
use crate::disk::Survival;
use wal::DiskOp;
use zab_core::Role;

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

pub(super) fn role_words(role: Role) -> String {
    match role {
        Role::Looking => "looking for a leader".to_owned(),
        Role::LeadingPrepare { epoch: None } => "preparing to lead".to_owned(),
        Role::LeadingPrepare { epoch: Some(epoch) } => {
            format!("preparing to lead epoch {}", epoch.0)
        }
        Role::Leading { epoch } => format!("leading epoch {}", epoch.0),
        Role::FollowingPrepare { leader } => format!("joining s{}", leader.0),
        Role::Following { leader, epoch } => {
            format!("following s{} in epoch {}", leader.0, epoch.0)
        }
    }
}

pub(super) fn op_name(op: &DiskOp) -> &'static str {
    match op {
        DiskOp::Allocate { .. } => "allocate",
        DiskOp::Write { .. } => "write",
        DiskOp::Sync { .. } => "sync",
        DiskOp::Truncate { .. } => "truncate",
        DiskOp::Rename { .. } => "rename",
        DiskOp::Recycle { .. } => "recycle",
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
        | DiskOp::Truncate { .. }
        | DiskOp::Rename { .. }
        | DiskOp::Recycle { .. }
        | DiskOp::Remove { .. }
        | DiskOp::SyncDirectory { .. }
        | DiskOp::Read { .. } => format!("{op:?}"),
    }
}
