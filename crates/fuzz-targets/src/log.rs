//! Recovery from a directory that somebody edited.

use crate::bytes::Script;
use crate::disk::{Files, Memory};
use std::sync::OnceLock;
use wal::{
    Finding, Recovered, RecoveryError, Refused, Repair, SnapshotSink, Ticket, Wal, WalConfig,
};
use zk_types::{
    Bytes, Chain, Epoch, EpochSegments, Promise, Record, RecordBody, ServerId, SnapshotMeta,
    Standing, Zxid,
};

/// Each five bytes are one edit of a valid directory: what, in which file, where (two), with what.
/// Recovery makes sense of it or refuses. What it kept it finds again, unless it was found in the
/// midst of damage and that is said; and the log goes on from there.
pub fn log_recovery(bytes: &[u8]) {
    let mut disk = Memory {
        files: image().clone(),
    };
    let mut script = Script::new(bytes);
    while let Some(command) = script.byte() {
        edit(&mut disk.files, command, &mut script);
    }
    let Ok((_, first)) = recover(&mut disk) else {
        return;
    };
    check(&first);
    let (mut wal, second) = recover(&mut disk).expect("what was recovered is recoverable");
    if outline(&first) != outline(&second) {
        let told = |recovered: &Recovered| recovered.findings.iter().any(is_loss);
        assert!(
            told(&first) && told(&second),
            "what is lost is said, and only damage loses"
        );
    }

    let (zxid, chain) = tail(&second);
    let next = zxid
        .successor()
        .filter(|_| zxid != Zxid::ZERO)
        .unwrap_or(Zxid::marker(Epoch(9)));
    let body = if next.is_marker() {
        RecordBody::Marker
    } else {
        txn(b"after the damage")
    };
    let record = Record::new(chain, next, zxid, body);
    wal.append(Ticket(1), &record);
    wal.flush();
    settle(&mut wal, &mut disk);
    let (_, third) = recover(&mut disk).expect("a log that went on is recoverable");
    assert_eq!(third.records.last(), Some(&record), "what is durable stays");
}

fn edit(files: &mut Files, command: u8, script: &mut Script<'_>) {
    let Some((file, other)) = choose(files, script.below(256)) else {
        return;
    };
    let at = script.below(256) << 8 | script.below(256);
    let argument = script.byte().unwrap_or(0);
    let bytes = files
        .get_mut(&file)
        .expect("the file was chosen from the list");
    let at = at % (bytes.len() + 1);
    let end = (at + usize::from(argument) * 4).min(bytes.len());
    match command % 8 {
        0 => bytes
            .iter_mut()
            .skip(at)
            .take(1)
            .for_each(|byte| *byte = argument),
        1 => bytes
            .iter_mut()
            .skip(at)
            .take(1)
            .for_each(|byte| *byte ^= 1 << (argument % 8)),
        2 => bytes.truncate(at),
        3 => bytes[at..end].fill(0),
        4 => _ = files.remove(&file),
        5 => bytes.extend_from_within(at..end),
        6 => {
            let copy = bytes.clone();
            files.insert(other, copy);
        }
        _ => bytes.copy_within(at..end, 0),
    }
}

/// A file, and another one.
fn choose(files: &Files, number: usize) -> Option<(wal::File, wal::File)> {
    let chosen = |number: usize| files.keys().nth(number % files.len().max(1)).cloned();
    Some((chosen(number)?, chosen(number / 16)?))
}

fn check(recovered: &Recovered) {
    let base = recovered
        .base
        .as_ref()
        .map(|(_, meta)| (meta.zxid, meta.chain));
    let (mut zxid, mut chain) = base.unwrap_or((Zxid::ZERO, Chain::default()));
    for record in &recovered.records {
        assert!(
            zxid.is_followed_by(record.zxid),
            "{:?} follows {zxid:?}",
            record.zxid
        );
        assert!(
            record.continues(chain),
            "{:?} continues the history",
            record.zxid
        );
        (zxid, chain) = (record.zxid, record.chain);
    }
}

fn is_loss(finding: &Finding) -> bool {
    matches!(
        finding,
        Finding::Damage { .. } | Finding::DamageBelowBase { .. }
    )
}

fn tail(recovered: &Recovered) -> (Zxid, Chain) {
    let base = recovered
        .base
        .as_ref()
        .map(|(_, meta)| (meta.zxid, meta.chain));
    let last = recovered
        .records
        .last()
        .map(|record| (record.zxid, record.chain));
    last.or(base).unwrap_or((Zxid::ZERO, Chain::default()))
}

fn outline(recovered: &Recovered) -> (&[Record], Option<&SnapshotMeta>, Promise) {
    let base = recovered.base.as_ref().map(|(_, meta)| meta);
    (&recovered.records, base, recovered.promise)
}

fn recover(disk: &mut Memory) -> Result<(Wal, Recovered), RecoveryError<std::convert::Infallible>> {
    Wal::recover(config(), disk, 0x5eed, &mut Accepting)
}

fn config() -> WalConfig {
    WalConfig {
        me: ServerId(3),
        segment_bytes: WalConfig::SEGMENT_BYTES_MIN,
        snapshots_kept: 2,
        batch_bytes_max: 1_000,
        read_bytes: 512,
        repair: Repair::Peers,
    }
}

/// A directory with several segments, two snapshots and a promise.
pub(crate) fn image() -> &'static Files {
    static IMAGE: OnceLock<Files> = OnceLock::new();
    IMAGE.get_or_init(|| {
        let mut disk = Memory::default();
        let (mut wal, _) = recover(&mut disk).expect("an empty directory is recoverable");
        let promise = Promise {
            accepted: Epoch(2),
            standing: Standing::Member,
        };
        wal.write_promise(Ticket(1), promise);
        let mut meta = SnapshotMeta {
            zxid: Zxid::ZERO,
            chain: Chain::default(),
            segments: EpochSegments::new(),
        };
        for ticket in 2..60 {
            let body = [7; 300];
            let record = match ticket {
                2 => Record::new(
                    meta.chain,
                    Zxid::marker(Epoch(1)),
                    meta.zxid,
                    RecordBody::Marker,
                ),
                30 => Record::new(
                    meta.chain,
                    Zxid::marker(Epoch(2)),
                    meta.zxid,
                    RecordBody::Marker,
                ),
                _ => {
                    let next = meta.zxid.successor().expect("few records");
                    Record::new(meta.chain, next, meta.zxid, txn(&body))
                }
            };
            wal.append(Ticket(ticket), &record);
            wal.flush();
            settle(&mut wal, &mut disk);
            meta.segments.push(record.zxid);
            (meta.zxid, meta.chain) = (record.zxid, record.chain);
            if ticket == 20 || ticket == 40 {
                wal.begin_snapshot(meta.clone());
                wal.snapshot_chunk(b"the state of the machine");
                wal.snapshot_chunk(&body);
                wal.finish_snapshot();
                settle(&mut wal, &mut disk);
            }
        }
        disk.files
    })
}

fn txn(bytes: &[u8]) -> RecordBody {
    RecordBody::Txn(Bytes::from(bytes))
}

fn settle(wal: &mut Wal, disk: &mut Memory) {
    while let Some(task) = wal.poll_task() {
        let bytes = wal::Disk::run(disk, &task.op).expect("memory does not fail");
        if let Some(id) = task.id {
            wal.on_done(id, bytes);
        }
    }
    while wal.poll_settled().is_some() {}
}

struct Accepting;

impl SnapshotSink for Accepting {
    fn begin(&mut self, _: &SnapshotMeta) {}

    fn body(&mut self, _: &[u8]) -> Result<(), Refused> {
        Ok(())
    }

    fn end(&mut self) -> Result<(), Refused> {
        Ok(())
    }

    fn discard(&mut self) {}
}
