//! What the files are called.

use crate::{Directory, File};
use alloc::format;
use alloc::string::ToString;
use zk_types::{SnapshotId, Zxid};

/// What the name of a file says it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    /// A log segment, by generation.
    Segment(u64),
    /// A segment out of use, kept to be written again.
    Spare(u64),
    /// A complete snapshot, by zxid and checksum.
    Snapshot(Zxid, u64),
    /// Something unfinished.
    Unfinished,
    /// One of the three small files.
    Small,
}

pub(crate) fn identity() -> File {
    log_file("identity")
}

pub(crate) fn identity_unfinished() -> File {
    log_file("identity.tmp")
}

pub(crate) fn promise() -> File {
    log_file("promise")
}

pub(crate) fn manifest() -> File {
    log_file("manifest")
}

pub(crate) fn segment(generation: u64) -> File {
    log_file(&format!("log.{generation:016x}"))
}

pub(crate) fn spare(generation: u64) -> File {
    log_file(&format!("spare.{generation:016x}"))
}

/// The checksum is in the name so that two snapshots at one zxid, this server's own and one from
/// a leader, never take each other's place while the manifest names either.
pub(crate) fn snapshot(id: SnapshotId) -> File {
    snapshot_named(id.zxid, id.checksum)
}

pub(crate) fn snapshot_named(zxid: Zxid, checksum: u64) -> File {
    data_file(&format!("snapshot.{:016x}-{checksum:016x}", zxid.0))
}

pub(crate) fn snapshot_unfinished() -> File {
    data_file("snapshot.tmp")
}

pub(crate) fn staged() -> File {
    data_file("staged.tmp")
}

/// What a file is; `None` for one that is not ours to touch.
pub(crate) fn parse(file: &File) -> Option<Name> {
    let name = file.name.as_str();
    match file.directory {
        Directory::Log => match name {
            "identity" | "promise" | "manifest" => Some(Name::Small),
            "identity.tmp" => Some(Name::Unfinished),
            _ => name
                .strip_prefix("log.")
                .and_then(hex)
                .map(Name::Segment)
                .or_else(|| name.strip_prefix("spare.").and_then(hex).map(Name::Spare)),
        },
        Directory::Data => match name {
            "snapshot.tmp" | "staged.tmp" => Some(Name::Unfinished),
            _ => {
                let (zxid, checksum) = name.strip_prefix("snapshot.")?.split_once('-')?;
                Some(Name::Snapshot(Zxid(hex(zxid)?), hex(checksum)?))
            }
        },
    }
}

fn hex(text: &str) -> Option<u64> {
    let plain = text
        .bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if text.len() == 16 && plain {
        u64::from_str_radix(text, 16).ok()
    } else {
        None
    }
}

fn log_file(name: &str) -> File {
    File {
        directory: Directory::Log,
        name: name.to_string(),
    }
}

fn data_file(name: &str) -> File {
    File {
        directory: Directory::Data,
        name: name.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back_and_foreign_ones_are_left_alone() {
        let id = SnapshotId {
            zxid: Zxid(0x2_0000_0007),
            bytes: 1,
            checksum: u64::MAX,
        };
        assert_eq!(parse(&segment(9)), Some(Name::Segment(9)));
        assert_eq!(parse(&spare(u64::MAX)), Some(Name::Spare(u64::MAX)));
        assert_eq!(
            parse(&snapshot(id)),
            Some(Name::Snapshot(id.zxid, id.checksum))
        );
        for unfinished in [staged(), snapshot_unfinished(), identity_unfinished()] {
            assert_eq!(parse(&unfinished), Some(Name::Unfinished));
        }
        for small in [identity(), promise(), manifest()] {
            assert_eq!(parse(&small), Some(Name::Small));
        }
        for foreign in [
            "myid",
            "log.1",
            "log.000000000000000G",
            "snapshot.0000000000000001",
            "",
        ] {
            assert_eq!(parse(&log_file(foreign)), None);
            assert_eq!(parse(&data_file(foreign)), None);
        }
        assert_eq!(parse(&data_file("log.0000000000000001")), None);
    }
}
