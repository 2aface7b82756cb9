//! A run against Apache's servers that was kept: it passes, and damaged it does not.

mod plans;

use super::{Blob, Evidence, Finding, LogFile, Piece, Speaker, Target, durable, judge, logs};
use crate::noise::Noise;
use crate::options::Trace;
use crate::report::Verdict;
use crate::scenario::Scenario;
use crate::world::{Phase, World};
use std::sync::Arc;
use zk_types::{Record, Zxid};

/// One client created an ephemeral node that another one watched, and fell silent for too long.
fn evidence() -> Evidence {
    serde_json::from_str(include_str!("apache.json")).expect("it was kept by this program")
}

fn rule(finding: &Finding) -> &str {
    let rule = finding.broken.as_ref().map_or("", |(rule, _)| rule);
    rule.split(':').next().expect("before a colon")
}

/// The pieces of all conversations.
fn pieces(evidence: &mut Evidence) -> impl Iterator<Item = &mut Piece> {
    let conversations = evidence.conversations.iter_mut();
    conversations.flat_map(|conversation| &mut conversation.pieces)
}

/// The first of some bytes in what a server said.
fn said<'e>(evidence: &'e mut Evidence, wanted: &[u8]) -> &'e mut [u8] {
    let by_servers = pieces(evidence).filter(|piece| piece.from == Speaker::Server);
    let mut found = by_servers.filter_map(|piece| {
        let all = piece.bytes.0.windows(wanted.len());
        let at = { all }.position(|bytes| bytes == wanted)?;
        Some(&mut piece.bytes.0[at..])
    });
    found.next().expect("a server said so")
}

#[test]
fn what_was_seen_of_apaches_servers_passes() {
    let finding = judge(&evidence());
    assert_eq!((finding.broken, finding.verdict), (None, Verdict::Pass));
    assert!(finding.answers > 30 && finding.events > 5 && finding.txns > 10);
}

#[test]
fn evidence_is_read_as_it_is_written() {
    let evidence = evidence();
    let text = serde_json::to_string(&evidence).expect("plain data");
    assert_eq!(serde_json::from_str::<Evidence>(&text).ok(), Some(evidence));
    assert!(serde_json::from_str::<Blob>("\"0g\"").is_err());
    assert!(serde_json::from_str::<Blob>("\"123\"").is_err());
}

#[test]
fn data_that_nobody_wrote_are_noticed() {
    let mut evidence = evidence();
    // The answer to a read: five bytes that a client wrote.
    said(&mut evidence, b"\0\0\0\x05proof")[4] = b'P';
    let finding = judge(&evidence);
    assert_eq!(rule(&finding), "H4 read");
    assert_eq!(finding.verdict, Verdict::History);
}

#[test]
fn an_event_that_never_came_is_noticed() {
    let mut evidence = evidence();
    let deleted = b"\0\0\0\x02\0\0\0\x03\0\0\0\x02/e";
    said(&mut evidence, deleted)[deleted.len() - 1] = b'f';
    assert_eq!(rule(&judge(&evidence)), "W2 once");
}

#[test]
fn an_acknowledged_write_that_no_log_has_is_noticed() {
    let mut evidence = evidence();
    let whole: Vec<Record> = logs::committed(Target::Apache, &evidence.logs).expect("they agree");
    for file in evidence.logs.iter_mut().flatten() {
        let end = file.bytes.0.len() * 2 / 3;
        file.bytes.0.truncate(end);
    }
    let torn = logs::committed(Target::Apache, &evidence.logs).expect("they agree");
    assert!(torn.len() < whole.len());
    assert_eq!(rule(&judge(&evidence)), "H5 committed");
}

#[test]
fn a_write_that_took_effect_in_another_way_is_noticed() {
    let mut evidence = evidence();
    for file in evidence.logs.iter_mut().flatten() {
        let path = b"\0\0\0\x02/e";
        let mut all = file.bytes.0.windows(path.len());
        if let Some(at) = all.position(|bytes| bytes == path) {
            file.bytes.0[at + 5] = b'f';
        }
    }
    assert_eq!(rule(&judge(&evidence)), "H1 effect");
}

#[test]
fn servers_whose_logs_differ_are_noticed() {
    let mut evidence = evidence();
    let file = &mut evidence.logs[1][0];
    let path = b"\0\0\0\x02/e";
    let mut all = file.bytes.0.windows(path.len());
    let at = all.position(|bytes| bytes == path).expect("it is logged");
    file.bytes.0[at + 5] = b'f';
    let finding = judge(&evidence);
    assert_eq!(rule(&finding), "S26 agreement");
    assert_eq!(finding.verdict, Verdict::Safety);
}

#[test]
fn a_session_that_ended_early_is_noticed() {
    let mut evidence = evidence();
    // The silent client was heard until just before its session ended.
    let leader = evidence.reigns[0].server;
    let silent = &mut evidence.conversations[0];
    silent.server = leader;
    for piece in &mut silent.pieces {
        piece.time += 8_000_000;
    }
    assert_eq!(rule(&judge(&evidence)), "E3 not early");
}

#[test]
fn bytes_that_are_no_frame_are_noticed() {
    let mut evidence = evidence();
    let answer = pieces(&mut evidence).find(|piece| piece.from == Speaker::Server);
    answer.expect("they answer").bytes.0[0] = 0xff;
    let finding = judge(&evidence);
    assert_eq!(rule(&finding), "servers send well-formed frames");
}

/// What a world committed, and what its servers' disks hold at its end.
fn world() -> (Vec<Record>, Vec<Vec<LogFile>>) {
    let text = "ensemble 3 servers 2 clients\nknob segment_bytes = 4096\nat 2s: c1 create /a \"1\"\n\
                at 2.1s: c2 create /a/b \"2\" times 3000\nwhen s3 applied 1.2: c1 set /a \"3\"\n\
                when s3 applied 1.3: crash s3 lost back 2s\nat 4s: c2 set /a \"4\"\n\
                faults end at 6s\n";
    let scenario = Scenario::read(text).expect("a scenario");
    let script = scenario.script;
    let noise = Noise::new(script.seed, &script.noise);
    let mut world = World::play(Arc::new(script), noise, Trace::Off);
    world.begin().expect("it begins");
    while world.phase != Phase::Over {
        world.step().expect("nothing is broken");
    }
    let entries = world.judges.ledger.entries().iter();
    let records = entries.map(|entry| entry.record.clone()).collect();
    let logs = world.hosts.iter().map(|host| {
        let files = host.disk.durable_files().map(|(file, bytes)| LogFile {
            name: file.name.clone(),
            bytes: Blob(bytes.to_vec()),
        });
        files.collect()
    });
    (records, logs.collect())
}

#[test]
fn the_logs_of_our_servers_tell_what_they_committed() {
    let (records, logs) = world();
    let read = logs::committed(Target::Vivarium, &logs).expect("they agree");
    assert_eq!(read, records);
    let last = records.last().map_or(Zxid::ZERO, |record| record.zxid);
    assert_eq!(durable(Target::Vivarium, &logs[0]), last);
    assert_eq!(durable(Target::Vivarium, &[]), Zxid::ZERO);
}

#[test]
fn logs_that_do_not_reach_back_to_the_beginning_tell_nothing() {
    let (_, mut logs) = world();
    for files in &mut logs {
        let first = files.iter().map(|file| file.name.clone());
        let first = first.filter(|name| name.starts_with("log.")).min();
        files.retain(|file| Some(&file.name) != first.as_ref());
    }
    let broken = logs::committed(Target::Vivarium, &logs).expect_err("too little");
    assert_eq!(broken.verdict, Verdict::Harness);
}
