//! What a start tells besides the records: how far they are committed, what is kept, and that it
//! repairs nothing where it must not.
#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "a test that is wrong may panic"
)]

mod support;

use support::disk::{Crash, MemDisk, Stopped};
use support::model::{Sink, txn};
use support::world::{World, config, recover};
use wal::{Directory, Disk, File, RecoveryError, Repair, Ticket, Wal, WalConfig};
use zk_types::{Chain, Epoch, Record, RecordBody, Zxid};

/// A log of one segment: ten records of one epoch, all of them durable.
fn quiet() -> World {
    let mut world = World::new(3);
    world.crash_every = usize::MAX / 8;
    world.begin_epoch();
    for at in 0..10 {
        world.append(Epoch(1), txn(30, at));
    }
    world.run_all();
    world
}

fn read_only(config: &WalConfig) -> WalConfig {
    WalConfig {
        repair: Repair::Nobody,
        ..config.clone()
    }
}

fn opens(config: &WalConfig, disk: &mut MemDisk) -> Result<(), RecoveryError<Stopped>> {
    Wal::recover(config.clone(), disk, 0x5eed, &mut Sink::default()).map(|_| ())
}

fn rot(disk: &mut MemDisk, file: &File, offsets: &[usize]) {
    let mut bytes = disk.contents(file).unwrap().to_vec();
    for offset in offsets {
        bytes[*offset] ^= 1;
    }
    disk.replace(file, bytes);
}

#[test]
fn who_may_not_repair_refuses_a_lost_promise_as_well_as_a_damaged_log() {
    let world = quiet();
    let config = read_only(&world.config);
    assert!(opens(&config, &mut world.disk.clone()).is_ok());

    let mut no_promise = world.disk.clone();
    let promise = File {
        directory: Directory::Log,
        name: "promise".into(),
    };
    rot(&mut no_promise, &promise, &[8, 4096 + 8]);
    let before = no_promise.clone();
    assert!(matches!(
        opens(&config, &mut no_promise),
        Err(RecoveryError::Damaged { .. })
    ));
    assert_eq!(no_promise.contents(&promise), before.contents(&promise));

    let mut damaged = world.disk;
    let log = damaged
        .files()
        .into_iter()
        .find(|file| file.name.starts_with("log."))
        .unwrap();
    rot(&mut damaged, &log, &[4096 / 8]);
    assert!(matches!(
        opens(&config, &mut damaged),
        Err(RecoveryError::Damaged { .. })
    ));
}

#[test]
fn as_many_snapshots_stay_as_were_asked_for() {
    for (asked, kept) in [(0, 1), (1, 1), (3, 3)] {
        let mut world = World::new(5);
        world.crash_every = usize::MAX / 8;
        world.config.snapshots_kept = asked;
        world.restart(Crash::PowerLost);
        world.begin_epoch();
        for at in 0..5 {
            world.append(Epoch(1), txn(30, at));
            world.run_all();
            let tail = world.model.last().tail().0;
            world.take_snapshot(tail);
            world.run_all();
        }
        let is_snapshot = |file: &File| file.name.starts_with("snap");
        let snapshots = |disk: &MemDisk| disk.files().iter().filter(|f| is_snapshot(f)).count();
        assert_eq!(snapshots(&world.disk), kept, "of {asked}");
        world.restart(Crash::PowerLost);
        world.run_all();
        assert_eq!(snapshots(&world.disk), kept, "of {asked}, after a start");
    }
}

#[test]
fn a_start_tells_the_last_commit_that_a_record_states() {
    let mut disk = MemDisk::default();
    let (mut wal, recovered, _) = recover(&config(), &mut disk);
    assert_eq!(recovered.committed, Zxid::ZERO);
    let marker = Zxid::marker(Epoch(1));
    let mut chain = Chain::default();
    let mut zxid = marker;
    let stated = [Zxid::ZERO, marker, marker];
    for (ticket, committed) in (1..).zip(stated) {
        let body = if zxid == marker {
            RecordBody::Marker
        } else {
            txn(20, 1)
        };
        let record = Record::new(chain, zxid, committed, body);
        chain = record.chain;
        zxid = zxid.successor().unwrap();
        wal.append(Ticket(ticket), &record);
    }
    wal.flush();
    while let Some(task) = wal.poll_task() {
        let bytes = disk.run(&task.op).unwrap();
        if let Some(id) = task.id {
            wal.on_done(id, bytes);
        }
    }
    let (_, recovered, _) = recover(&config(), &mut disk);
    assert_eq!(recovered.records.len(), 3);
    assert_eq!(recovered.committed, marker);
}

#[test]
fn bytes_since_a_snapshot_are_those_that_wait_and_those_that_are_durable() {
    let mut world = World::new(6);
    world.crash_every = usize::MAX / 8;
    world.begin_epoch();
    world.run_all();
    let tail = world.model.last().tail().0;
    world.take_snapshot(tail);
    world.run_all();
    assert_eq!(world.wal.log_bytes_since_snapshot(), 0);
    world.append(Epoch(1), txn(100, 1));
    let one = world.wal.log_bytes_since_snapshot();
    assert!(one > 100);
    world.run_all();
    assert_eq!(world.wal.log_bytes_since_snapshot(), one);
    world.append(Epoch(1), txn(100, 2));
    assert_eq!(world.wal.log_bytes_since_snapshot(), 2 * one);
}

/// The power may go while segments go that a snapshot covers, and the disk may keep any of them.
#[test]
fn a_segment_that_outlives_what_followed_it_is_no_damage() {
    let mut outlived = 0;
    for last in 1..=40 {
        let mut world = World::new(11);
        world.crash_every = usize::MAX / 8;
        world.begin_epoch();
        for fill in 0..40 {
            world.append(Epoch(1), txn(500, fill));
            world.run_all();
        }
        let before = world.disk.clone();
        world.take_snapshot(Zxid(Zxid::marker(Epoch(1)).0 + last));
        world.run_all();
        let is_segment = |file: &File| file.name.starts_with("log.");
        for file in before.files().into_iter().filter(is_segment) {
            if world.disk.contents(&file).is_some() {
                continue;
            }
            let mut disk = world.disk.clone();
            disk.replace(&file, before.contents(&file).unwrap().to_vec());
            let (_, recovered, _) = recover(&world.config, &mut disk);
            assert!(world.model.last().is(&recovered), "{file:?}, {last}");
            assert!(recovered.findings.is_empty(), "{:?}", recovered.findings);
            outlived += 1;
        }
    }
    assert!(outlived > 40, "{outlived}");
}

/// A crash may leave it frames without their header.
#[test]
fn a_segment_that_was_prepared_before_a_start_gets_another_number() {
    let mut world = quiet();
    let is_segment = |file: &File| file.name.starts_with("log.");
    let prepared = world.disk.files().into_iter().rfind(is_segment).unwrap();
    world.restart(Crash::PowerLost);
    world.run_all();
    let segments: Vec<File> = world.disk.files().into_iter().filter(is_segment).collect();
    assert!(
        segments.len() > 1 && !segments.contains(&prepared),
        "{segments:?}"
    );
}
