//! What happens to a server, in words.

use super::Death;
use crate::disk::Survival;
use replica::{Input, Output};
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

pub(super) fn input_words(input: &Input<'_>) -> String {
    match input {
        Input::ClientBytes { conn, bytes } => format!("{conn:?}: {} bytes", bytes.len()),
        Input::PeerBytes { link, bytes } => format!("{link:?}: {} bytes", bytes.len()),
        Input::DiskDone { id, bytes } => format!("{id:?} done, {} bytes", bytes.len()),
        Input::ClientConnected { .. }
        | Input::ClientSent { .. }
        | Input::ClientClosed { .. }
        | Input::PeerAccepted { .. }
        | Input::PeerConnected { .. }
        | Input::PeerClosed { .. }
        | Input::BatchEnd
        | Input::Timeout
        | Input::Gauges { .. } => format!("{input:?}"),
    }
}

pub(super) fn output_words(output: &Output) -> String {
    match output {
        Output::ClientSend { conn, bytes } => format!("{conn:?}: {} bytes", bytes.len()),
        Output::PeerSend { link, bytes } => format!("{link:?}: {} bytes", bytes.len()),
        Output::Disk(task) => format!("disk {:?} {}", task.lane, op_words(&task.op)),
        Output::ClientClose { .. }
        | Output::ClientReading { .. }
        | Output::PeerDial { .. }
        | Output::PeerClose { .. }
        | Output::Event(_) => format!("{output:?}"),
    }
}
