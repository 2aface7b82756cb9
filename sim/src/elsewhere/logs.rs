//! What was committed, read off the logs of all servers by readers of our own.

use super::{LogFile, Target};
use crate::oracle::broken::{Broken, server_name, zxid_name};
use crate::oracle::bytes::{Bytes, Malformed};
use crate::oracle::chains::{chain_after, follows};
use crate::oracle::image::{newest_slot, sealed};
use crate::oracle::txn;
use std::collections::{BTreeMap, BTreeSet};
use zk_types::{Chain, Record, RecordBody, Zxid};

const SEGMENT_HEADER_BYTES: usize = 64;
const APACHE_MAGIC: &[u8; 4] = b"ZKLG";
const APACHE_HEADER_BYTES: usize = 16;
/// Ends every entry of Apache's logs.
const APACHE_END: u8 = b'B';
/// Stands before the transaction in a record of ours.
const ORIGIN_BYTES: usize = 16;

/// The last record in the log files of a server, synced or not; a process that is killed leaves
/// them as they are.
pub fn durable(target: Target, files: &[LogFile]) -> Zxid {
    let records = records(target, files);
    records.last().map_or(Zxid::ZERO, |record| record.zxid)
}

/// What was committed.
///
/// # Errors
/// Two servers have different records of one zxid, or the logs do not reach back to the beginning.
pub(super) fn committed(target: Target, logs: &[Vec<LogFile>]) -> Result<Vec<Record>, Broken> {
    let all: Vec<Vec<Record>> = logs.iter().map(|files| records(target, files)).collect();
    one_record_each(&all)?;
    match target {
        Target::Vivarium => longest_chain(&all),
        Target::Apache => Ok(held_by_most(&all)),
    }
}

/// All records in the log files of a server, by zxid, those included that were cut since.
fn records(target: Target, files: &[LogFile]) -> Vec<Record> {
    let mut records: Vec<Record> = match target {
        Target::Vivarium => of_segments(files),
        Target::Apache => files.iter().flat_map(of_apache).collect(),
    };
    records.sort_by_key(|record| (record.zxid, record.chain.0));
    records.dedup();
    records
}

fn of_segments(files: &[LogFile]) -> Vec<Record> {
    let identity = files.iter().find(|file| file.name == "identity");
    let storage_id = identity.and_then(|file| {
        let payload = newest_slot(&file.bytes.0, b"VIVIDENT", 0).ok()?;
        let mut payload = Bytes(&payload);
        payload.long().ok()?;
        payload.long().ok()
    });
    let Some(storage_id) = storage_id.map(i64::cast_unsigned) else {
        return Vec::new();
    };
    let mut records = Vec::new();
    for file in files {
        let number = file.name.strip_prefix("log.");
        let number = number.and_then(|digits| u64::from_str_radix(digits, 16).ok());
        let Some(generation) = number else { continue };
        let mut rest = file.bytes.0.get(SEGMENT_HEADER_BYTES..).unwrap_or_default();
        while let Ok((_, _, length)) = sealed(rest, (storage_id, generation)) {
            records.extend(record(rest));
            rest = &rest[length..];
        }
    }
    records
}

/// The record that whole bytes begin with.
fn record(bytes: &[u8]) -> Result<Record, Malformed> {
    let mut rest = Bytes(bytes);
    rest.int()?;
    let length = usize::try_from(rest.int()?).map_err(|_| Malformed)?;
    rest.int()?;
    let kind = rest.byte()?;
    rest.take(3)?;
    let zxid = Zxid(rest.long()?.cast_unsigned());
    let committed_upto = Zxid(rest.long()?.cast_unsigned());
    rest.long()?;
    let chain = Chain(rest.long()?.cast_unsigned());
    let body = rest.take(length)?.to_vec().into();
    let body = match kind {
        1 => RecordBody::Marker,
        2 => RecordBody::Txn(body),
        _ => RecordBody::Config(body),
    };
    Ok(Record {
        zxid,
        committed_upto,
        body,
        chain,
    })
}

/// The records of a log file of Apache's, in which no chain leads from one to the next.
fn of_apache(file: &LogFile) -> Vec<Record> {
    let mut records = Vec::new();
    let bytes = &file.bytes.0;
    if !bytes.starts_with(APACHE_MAGIC) {
        return records;
    }
    let mut rest = Bytes(bytes.get(APACHE_HEADER_BYTES..).unwrap_or_default());
    while let Ok(record) = apache_entry(&mut rest) {
        records.push(record);
    }
    records
}

fn apache_entry(rest: &mut Bytes<'_>) -> Result<Record, Malformed> {
    rest.long()?;
    let entry = rest.buffer()?.filter(|entry| !entry.is_empty());
    let entry = entry.ok_or(Malformed)?;
    if rest.byte()? != APACHE_END {
        return Err(Malformed);
    }
    let mut payload = vec![0; ORIGIN_BYTES];
    payload.extend_from_slice(entry);
    payload.truncate(txn::length(&payload)?);
    Ok(Record {
        zxid: Zxid(txn::read(&payload)?.zxid),
        committed_upto: Zxid::ZERO,
        body: RecordBody::Txn(payload.into()),
        chain: Chain(0),
    })
}

/// A zxid stands for one record on all servers.
fn one_record_each(all: &[Vec<Record>]) -> Result<(), Broken> {
    let mut known: BTreeMap<Zxid, (usize, &Record)> = BTreeMap::new();
    for (server, records) in all.iter().enumerate() {
        for record in records {
            let (other, first) = *known.entry(record.zxid).or_insert((server, record));
            if first.body != record.body {
                let seen = format!(
                    "{} and {} have different records of {}",
                    server_name(server),
                    server_name(other),
                    zxid_name(record.zxid.0)
                );
                let rule = "S26 agreement: a zxid stands for one transaction";
                return Err(Broken::safety(rule, seen)
                    .server(server)
                    .server(other)
                    .at(record.zxid.0));
            }
        }
    }
    Ok(())
}

/// The longest history that leads from the beginning to a record that most servers have.
fn longest_chain(all: &[Vec<Record>]) -> Result<Vec<Record>, Broken> {
    let mut distinct: BTreeMap<(Zxid, u64), (&Record, usize)> = BTreeMap::new();
    for record in all.iter().flatten() {
        let mark = (record.zxid, record.chain.0);
        distinct.entry(mark).or_insert((record, 0)).1 += 1;
    }
    // What each record that leads back to the beginning continues.
    let mut before: BTreeMap<(Zxid, u64), (Zxid, u64)> = BTreeMap::new();
    let mut last = (Zxid::ZERO, 0);
    for (mark, (record, servers)) in &distinct {
        let starts = [(Zxid::ZERO, 0)];
        let mut candidates = before.keys().rev().chain(&starts);
        let Some(previous) = candidates.find(|previous| continues(previous, record)) else {
            continue;
        };
        let previous = *previous;
        before.insert(*mark, previous);
        if *servers * 2 > all.len() {
            last = *mark;
        }
    }
    let top = distinct.iter().rev();
    let top = top
        .into_iter()
        .find(|(_, (_, servers))| *servers * 2 > all.len());
    if let Some((mark, _)) = top
        && *mark != last
    {
        let seen = format!(
            "nothing leads from the beginning to {}: old logs were removed",
            zxid_name(mark.0.0)
        );
        return Err(Broken {
            verdict: crate::report::Verdict::Harness,
            ..Broken::safety("the logs tell everything", seen)
        });
    }
    let mut history = Vec::new();
    while let Some(previous) = before.get(&last) {
        history.push(distinct[&last].0.clone());
        last = *previous;
    }
    history.reverse();
    Ok(history)
}

fn continues(previous: &(Zxid, u64), record: &Record) -> bool {
    let (kind, body): (u64, &[u8]) = match &record.body {
        RecordBody::Marker => (0, &[]),
        RecordBody::Txn(bytes) => (1, bytes),
        RecordBody::Config(bytes) => (2, bytes),
    };
    let at = (record.zxid.0, record.committed_upto.0);
    follows(previous.0.0, record.zxid.0)
        && chain_after(previous.1, at, kind, body) == record.chain.0
}

/// What most of those servers hold that hold something before and after it, with a marker before
/// each epoch, which Apache's logs have not.
fn held_by_most(all: &[Vec<Record>]) -> Vec<Record> {
    let bounds = |records: &&Vec<Record>| Some((records.first()?.zxid, records.last()?.zxid));
    let spans: Vec<(Zxid, Zxid)> = all.iter().filter_map(|records| bounds(&records)).collect();
    let mut held: BTreeMap<Zxid, (&Record, usize)> = BTreeMap::new();
    for record in all.iter().flatten() {
        held.entry(record.zxid).or_insert((record, 0)).1 += 1;
    }
    let could = |zxid: Zxid| {
        let over = |(first, last): &&(Zxid, Zxid)| (*first..=*last).contains(&zxid);
        spans.iter().filter(over).count()
    };
    let most = held
        .iter()
        .filter(|(zxid, (_, times))| times * 2 > could(**zxid));
    let mut history: Vec<Record> = most.map(|(_, (record, _))| (*record).clone()).collect();
    let last = history.last().map_or(0, |record| record.zxid.0 >> 32);
    let has: BTreeSet<u64> = history.iter().map(|record| record.zxid.0).collect();
    let markers = (1..=last).map(|epoch| epoch << 32);
    history.extend(
        markers
            .filter(|zxid| !has.contains(zxid))
            .map(|zxid| Record {
                zxid: Zxid(zxid),
                committed_upto: Zxid::ZERO,
                body: RecordBody::Marker,
                chain: Chain(0),
            }),
    );
    history.sort_by_key(|record| record.zxid);
    history
}
