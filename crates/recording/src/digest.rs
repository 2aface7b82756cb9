//! Hashes of outputs and of disk operations. Equal for equal ones, in every build of one source.

use crate::entry::{Kind, Seen};
use replica::{Output, PeerPort, Reading};
use wal::{Directory, DiskOp, DiskTask, File, Lane};
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// What is recorded of an output, and the whole of its hash.
pub(crate) fn seen(output: &Output) -> (Seen, u64) {
    let (kind, about, bytes, hash) = match output {
        Output::ClientSend { conn, bytes } => {
            (Kind::ClientSend, conn.0, bytes.len(), of(conn.0, bytes))
        }
        Output::ClientClose { conn } => (Kind::ClientClose, conn.0, 0, of(conn.0, &[])),
        Output::ClientReading { conn, reading } => {
            let resumed = *reading == Reading::Resumed;
            let hash = of(conn.0, &[u8::from(resumed)]);
            (Kind::ClientReading, conn.0, 0, hash)
        }
        Output::PeerDial { link, to, port } => {
            let on = number(of(link.0, &[port_number(*port)]), to.0);
            (Kind::PeerDial, link.0, 0, on)
        }
        Output::PeerSend { link, bytes } => {
            (Kind::PeerSend, link.0, bytes.len(), of(link.0, bytes))
        }
        Output::PeerClose { link } => (Kind::PeerClose, link.0, 0, of(link.0, &[])),
        Output::Disk(task) => {
            let length = match &task.op {
                DiskOp::Write { bytes, .. } => bytes.len(),
                DiskOp::Allocate { .. }
                | DiskOp::Sync { .. }
                | DiskOp::Truncate { .. }
                | DiskOp::Rename { .. }
                | DiskOp::Recycle { .. }
                | DiskOp::Remove { .. }
                | DiskOp::SyncDirectory { .. }
                | DiskOp::Read { .. } => 0,
            };
            (
                Kind::Disk,
                task.id.map_or(0, |id| id.0),
                length,
                disk_task(task),
            )
        }
        Output::Event(event) => (Kind::Event, 0, 0, of(0, format!("{event:?}").as_bytes())),
    };
    let hash = number(hash, kind as u64);
    let seen = Seen {
        kind,
        about,
        bytes: bytes as u64,
        hash: u32::try_from(hash >> 32).expect("half of it"),
    };
    (seen, hash)
}

/// Adds a hash to those of all before it.
pub(crate) fn chained(chain: u64, hash: u64) -> u64 {
    number(chain, hash)
}

fn disk_task(task: &DiskTask) -> u64 {
    let lane = match task.lane {
        Lane::Log => 0,
        Lane::Background => 1,
    };
    let id = task.id.map_or(0, |id| id.0.wrapping_add(1));
    number(number(op(&task.op), lane), id)
}

/// The hash of a disk operation.
pub(crate) fn op(op: &DiskOp) -> u64 {
    match op {
        DiskOp::Allocate { file, bytes } => number(file_hash(0, file), *bytes),
        DiskOp::Write {
            file,
            offset,
            bytes,
        } => of(number(file_hash(1, file), *offset), bytes),
        DiskOp::Sync { file } => file_hash(2, file),
        DiskOp::Rename { from, to } => file_hash(file_hash(3, from), to),
        DiskOp::Recycle { from, to } => file_hash(file_hash(7, from), to),
        DiskOp::Truncate { file, bytes } => number(file_hash(8, file), *bytes),
        DiskOp::Remove { file } => file_hash(4, file),
        DiskOp::SyncDirectory { directory } => of(5, &[directory_number(*directory)]),
        DiskOp::Read {
            file,
            offset,
            bytes_max,
        } => number(number(file_hash(6, file), *offset), u64::from(*bytes_max)),
    }
}

fn file_hash(seed: u64, file: &File) -> u64 {
    let directory = directory_number(file.directory);
    of(of(seed, &[directory]), file.name.as_bytes())
}

fn directory_number(directory: Directory) -> u8 {
    match directory {
        Directory::Log => 0,
        Directory::Data => 1,
    }
}

fn port_number(port: PeerPort) -> u8 {
    match port {
        PeerPort::Election => 0,
        PeerPort::Quorum => 1,
    }
}

fn number(seed: u64, number: u64) -> u64 {
    of(seed, &number.to_be_bytes())
}

fn of(seed: u64, bytes: &[u8]) -> u64 {
    xxh3_64_with_seed(bytes, seed)
}
