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
use support::world::{World, config, recover, snapshot_name};
use wal::{
    Directory, Disk, DiskOp, File, Finding, Lane, RecoveryError, Repair, Settled, Ticket, Wal,
    WalConfig,
};
use zk_types::{Chain, Epoch, Promise, Record, RecordBody, Standing, Zxid};

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
        let is_snapshot = |file: &File| file.name.starts_with("snapshot.0");
        let snapshots = |disk: &MemDisk| disk.files().iter().filter(|f| is_snapshot(f)).count();
        assert_eq!(snapshots(&world.disk), kept, "of {asked}");
        world.restart(Crash::PowerLost);
        world.run_all();
        assert_eq!(snapshots(&world.disk), kept, "of {asked}, after a start");
        world.config.snapshots_kept = 1;
        world.restart(Crash::PowerLost);
        assert_eq!(snapshots(&world.disk), 1, "fewer are asked for");
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
    let prepared = world.disk.files().into_iter().rfind(is_segment).unwrap();
    world.restart(Crash::PowerLost);
    world.run_all();
    let segments: Vec<File> = world.disk.files().into_iter().filter(is_segment).collect();
    assert!(
        segments.len() > 1 && !segments.contains(&prepared),
        "{segments:?}"
    );
}

fn is_segment(file: &File) -> bool {
    file.name.starts_with("log.")
}

fn in_log(name: &str) -> File {
    File {
        directory: Directory::Log,
        name: name.into(),
    }
}

fn in_data(name: &str) -> File {
    File {
        directory: Directory::Data,
        name: name.into(),
    }
}

#[test]
fn every_standing_is_remembered_with_its_promise() {
    for standing in [
        Standing::Fresh,
        Standing::Member,
        Standing::Damaged,
        Standing::Amnesiac,
    ] {
        let mut world = World::new(4);
        world.crash_every = usize::MAX / 8;
        world.run_all();
        let accepted = Epoch(77);
        let promise = Promise { accepted, standing };
        world.wal.write_promise(Ticket(1000), promise);
        world.wal.flush();
        while let Some(task) = world.wal.poll_task() {
            let bytes = world.disk.run(&task.op).unwrap();
            if let Some(id) = task.id {
                world.wal.on_done(id, bytes);
            }
        }
        let settled = world.wal.poll_settled();
        assert_eq!(settled, Some(Settled::Written(Ticket(1000))));
        let (_, recovered, _) = recover(&world.config, &mut world.disk);
        assert_eq!(recovered.promise, promise);
        assert_eq!(recovered.findings, []);
    }
}

/// The first copy of a small file is what it was before.
fn with_old_first_copy(disk: &MemDisk, before: &MemDisk, file: &File) -> MemDisk {
    let mut bytes = disk.contents(file).unwrap().to_vec();
    bytes[..4096].copy_from_slice(&before.contents(file).unwrap()[..4096]);
    let mut mixed = disk.clone();
    mixed.replace(file, bytes);
    mixed
}

/// What the log lane was asked for is done, and nothing else.
fn write_alone(wal: &mut Wal, disk: &mut MemDisk) {
    wal.flush();
    while let Some(task) = wal.poll_task() {
        if task.lane == Lane::Log {
            let bytes = disk.run(&task.op).unwrap();
            if let Some(id) = task.id {
                wal.on_done(id, bytes);
            }
        }
    }
}

#[test]
fn a_first_copy_whose_write_was_lost_gives_way_to_the_second() {
    let mut world = quiet();
    let log = world.disk.files().into_iter().find(is_segment).unwrap();
    rot(&mut world.disk, &log, &[4096 / 8]);
    let before = world.disk.clone();
    let (mut wal, damaged, _) = recover(&world.config, &mut world.disk);
    assert_eq!(damaged.promise.standing, Standing::Damaged);
    let found = |disk: &MemDisk, before: &MemDisk, name: &str| {
        let mut mixed = with_old_first_copy(disk, before, &in_log(name));
        recover(&world.config, &mut mixed).1
    };
    let mixed = found(&world.disk, &before, "promise");
    assert_eq!(mixed.promise, damaged.promise);

    let before = world.disk.clone();
    let promise = Promise {
        accepted: Epoch(9),
        standing: Standing::Member,
    };
    wal.write_promise(Ticket(1000), promise);
    write_alone(&mut wal, &mut world.disk);
    let mixed = found(&world.disk, &before, "promise");
    assert_eq!(mixed.promise, promise);
}

#[test]
fn what_follows_a_start_is_found_by_the_second_copy_of_its_manifest() {
    let mut world = quiet();
    let before = world.disk.clone();
    world.restart(Crash::PowerLost);
    world.append(Epoch(1), txn(30, 99));
    write_alone(&mut world.wal, &mut world.disk);
    let mut mixed = with_old_first_copy(&world.disk, &before, &in_log("manifest"));
    let (_, recovered, _) = recover(&world.config, &mut mixed);
    assert!(world.model.last().is(&recovered));
}

#[test]
fn a_snapshot_is_found_by_the_second_copy_of_the_manifest_that_names_it() {
    let mut world = quiet();
    let before = world.disk.clone();
    let tail = world.model.last().tail().0;
    world.take_snapshot(tail);
    world.run_all();
    let mut mixed = with_old_first_copy(&world.disk, &before, &in_log("manifest"));
    let (_, recovered, _) = recover(&world.config, &mut mixed);
    assert_eq!(recovered.base.unwrap().0.zxid, tail);
}

/// Where the newest snapshot is, seen from the last segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Newest {
    Before,
    WhereItBegins,
}

/// A log with a snapshot in its middle, whose last record is alone in its segment; nothing else
/// says that it was begun.
fn rolled(newest: Newest) -> (World, File) {
    for length in 1.. {
        let mut world = quiet();
        let snapshot = |world: &mut World| {
            let tail = world.model.last().tail().0;
            world.take_snapshot(tail);
            world.run_all();
        };
        snapshot(&mut world);
        for at in 0..length {
            world.append(Epoch(1), txn(300, at));
            world.run_all();
        }
        if newest == Newest::WhereItBegins {
            snapshot(&mut world);
        }
        let last = world.disk.files().into_iter().rfind(is_segment).unwrap();
        world.append(Epoch(1), txn(300, 99));
        write_alone(&mut world.wal, &mut world.disk);
        if world.disk.contents(&last).unwrap()[..8] != [0; 8] {
            return (world, last);
        }
    }
    panic!("segments end");
}

/// Of this segment no more than its header was written.
fn tear(world: &mut World, segment: &File) {
    let mut bytes = world.disk.contents(segment).unwrap().to_vec();
    bytes[64..].fill(0);
    world.disk.replace(segment, bytes);
}

#[test]
fn a_segment_of_which_only_the_header_was_written_is_not_gone_on_with() {
    for newest in [Newest::Before, Newest::WhereItBegins] {
        let (mut world, last) = rolled(newest);
        tear(&mut world, &last);
        let (wal, recovered, _) = recover(&world.config, &mut world.disk);
        assert_eq!(recovered.promise.standing, Standing::Member);
        let mut state = world.model.last().clone();
        state.records.pop();
        assert!(state.is(&recovered));
        world.reopen(wal, state, recovered.promise);
        for at in 0..3 {
            world.append(Epoch(1), txn(300, at));
            world.run_all();
        }
        world.restart(Crash::PowerLost);
        // From the snapshot before as well.
        let (id, _) = world.wal.newest_snapshot().unwrap();
        world.disk.lose(&snapshot_name(id));
        let recovered = world.restart_damaged(Crash::PowerLost);
        assert!(world.model.last().is(&recovered), "{newest:?}");
    }
}

#[test]
fn a_segment_that_was_begun_proves_what_is_missing_before_it() {
    let (mut world, last) = rolled(Newest::Before);
    tear(&mut world, &last);
    let segments: Vec<File> = world.disk.files().into_iter().filter(is_segment).collect();
    let at = segments.iter().position(|file| *file == last).unwrap();
    let before = &segments[at - 1];
    let bytes = world.disk.contents(before).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    rot(&mut world.disk, before, &[end]);
    let recovered = world.restart_damaged(Crash::PowerLost);
    assert_eq!(recovered.promise.standing, Standing::Damaged);
}

#[test]
fn a_start_keeps_what_follows_the_older_snapshot() {
    let mut world = quiet();
    for _ in 0..2 {
        let tail = world.model.last().tail().0;
        world.take_snapshot(tail);
        for at in 0..40 {
            world.append(Epoch(1), txn(300, at));
            world.run_all();
        }
    }
    world.restart(Crash::PowerLost);
    world.run_all();
    let (newest, _) = world.wal.newest_snapshot().unwrap();
    world.disk.lose(&snapshot_name(newest));
    let recovered = world.restart_damaged(Crash::PowerLost);
    assert!(world.model.last().is(&recovered));
    assert_eq!(recovered.promise.standing, Standing::Member);
}

#[test]
fn leftovers_go_at_a_start_and_a_few_spares_stay() {
    let mut world = quiet();
    for spare in 0x100..0x106_u64 {
        let file = in_log(&format!("spare.{spare:016x}"));
        world.disk.replace(&file, vec![7; 4096]);
    }
    let odd = in_log("spare.0000000000000200");
    world.disk.replace(&odd, vec![7; 5000]);
    let mut leftovers = vec![odd];
    for name in ["snapshot.tmp", "staged.tmp"] {
        world.disk.replace(&in_data(name), vec![7; 10]);
        leftovers.push(in_data(name));
    }
    let unnamed = in_data("snapshot.0000000100000001-0000000000000001");
    world.disk.replace(&unnamed, vec![7; 10]);
    leftovers.push(unnamed);
    let recovered = world.restart(Crash::PowerLost);
    for file in leftovers {
        let removed = Finding::StrayRemoved { file: file.clone() };
        assert!(recovered.findings.contains(&removed), "{file:?}");
        assert_eq!(world.disk.contents(&file), None);
    }
    world.run_all();
    let files = world.disk.files();
    let spares = files.iter().filter(|file| file.name.starts_with("spare"));
    // One of four is written again as the next segment.
    assert_eq!(spares.count(), 3);
    world.takes_what_it_says();
}

/// A disk that remembers what was written to it.
struct Watched {
    disk: MemDisk,
    written: usize,
}

impl Disk for Watched {
    type Error = Stopped;

    fn list(&mut self) -> Result<Vec<(File, u64)>, Stopped> {
        self.disk.list()
    }

    fn run(&mut self, op: &DiskOp) -> Result<Vec<u8>, Stopped> {
        if let DiskOp::Write { file, bytes, .. } = op
            && file.name.starts_with("log.")
        {
            self.written += bytes.len();
        }
        self.disk.run(op)
    }
}

#[test]
fn a_start_writes_nothing_again_that_a_later_record_proves_durable() {
    let mut world = quiet();
    for at in 0..30 {
        world.append(Epoch(1), txn(100, at));
        world.run_all();
    }
    let mut disk = Watched {
        disk: world.disk,
        written: 0,
    };
    Wal::recover(world.config, &mut disk, 1, &mut Sink::default()).unwrap();
    assert!((100..300).contains(&disk.written), "{}", disk.written);
}

#[test]
fn what_is_left_of_a_log_where_none_should_be_is_refused() {
    for name in ["identity", "promise", "manifest", "log.0000000000000001"] {
        let mut disk = MemDisk::default();
        disk.replace(&in_data(name), vec![1; 8192]);
        let refused = opens(&config(), &mut disk).unwrap_err();
        let found = in_data(name);
        assert_eq!(refused, RecoveryError::LogElsewhere { found });
    }
    let mut disk = MemDisk::default();
    disk.replace(&in_data("another program's"), vec![1; 10]);
    opens(&config(), &mut disk).unwrap();
}

#[test]
fn a_refusal_says_what_was_found_and_where() {
    let world = quiet();
    let mut disk = world.disk.clone();
    let file = disk
        .files()
        .into_iter()
        .find(|file| file.name.starts_with("log."))
        .unwrap();
    rot(&mut disk, &file, &[4096 / 8]);
    let refused = opens(&read_only(&world.config), &mut disk).unwrap_err();
    let RecoveryError::Damaged { findings } = refused else {
        panic!("{refused:?}");
    };
    let sentence = RecoveryError::<&str>::Damaged { findings }.to_string();
    assert!(sentence.contains(&file.name), "{sentence}");
    assert!(sentence.contains("is damaged at byte"), "{sentence}");
}
