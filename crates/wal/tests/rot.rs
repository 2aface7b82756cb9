//! Damage on the disk: reported, never followed, and never taken for something else.
#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "a test that is wrong may panic"
)]
#![cfg_attr(mutants, allow(dead_code, reason = "the test of mutants calls them"))]

mod support;

use support::disk::{Crash, MemDisk};
use support::model::{Sink, State, member, txn};
use support::world::{World, recover, snapshot_name};
use wal::{Directory, File, Finding, Recovered, Wal};
use zk_types::{Epoch, RecordBody, Standing};

/// Unoptimised tests try every third byte.
const STRIDE: usize = if cfg!(debug_assertions) { 3 } else { 1 };

/// A quiet log of several segments whose every batch is durable; the last batch is one record.
fn quiet(snapshots: usize) -> World {
    let mut world = World::new(7);
    world.crash_every = usize::MAX / 8;
    for epoch in 1..=3 {
        world.begin_epoch();
        world.run_all();
        for at in 0..12 {
            world.append(Epoch(epoch), txn(at * 23 % 190, at as u8));
            if at % 3 == 0 {
                world.run_all();
            }
        }
        world.run_all();
        if usize::try_from(epoch).unwrap() <= snapshots {
            let tail = world.model.last().tail().0;
            world.take_snapshot(tail);
            world.run_all();
        }
    }
    world.append(Epoch(3), txn(50, 9));
    world.run_all();
    world
}

/// A world on a copy of the disk.
fn quiet_shell(world: &World, disk: MemDisk) -> World {
    let mut copy = World::new(8);
    copy.crash_every = usize::MAX / 8;
    copy.config = world.config.clone();
    copy.disk = disk;
    copy
}

fn log_files(disk: &MemDisk) -> Vec<File> {
    disk.files()
        .into_iter()
        .filter(|file| file.name.starts_with("log."))
        .collect()
}

fn small(name: &str) -> File {
    File {
        directory: Directory::Log,
        name: name.into(),
    }
}

fn flipped(disk: &MemDisk, file: &File, at: usize) -> MemDisk {
    let mut bytes = disk.contents(file).unwrap().to_vec();
    bytes[at] ^= 1 << (at % 8);
    let mut disk = disk.clone();
    disk.replace(file, bytes);
    disk
}

/// Whether recovery found the beginning of the history and nothing else.
fn is_prefix(state: &State, recovered: &Recovered) -> bool {
    let base = recovered
        .base
        .as_ref()
        .map_or(zk_types::Zxid::ZERO, |(id, _)| id.zxid);
    let last = recovered.records.last().map_or(base, |record| record.zxid);
    let mut shorter = state.clone();
    shorter.truncate(last);
    shorter.is(recovered)
}

fn tail(recovered: &Recovered) -> zk_types::Zxid {
    let base = recovered.base.as_ref().map(|(id, _)| id.zxid);
    recovered
        .records
        .last()
        .map(|record| record.zxid)
        .or(base)
        .unwrap_or(zk_types::Zxid::ZERO)
}

fn is_reported(recovered: &Recovered) -> bool {
    recovered
        .findings
        .iter()
        .any(|finding| matches!(finding, Finding::Damage { .. }))
}

/// A log with a snapshot in the middle of a segment, and small records before and after it.
fn with_records_around_a_snapshot(before: usize, after: usize) -> World {
    let mut world = World::new(7);
    world.crash_every = usize::MAX / 8;
    world.begin_epoch();
    world.run_all();
    for at in 0..before + after {
        if at == before {
            let tail = world.model.last().tail().0;
            world.take_snapshot(tail);
            world.run_all();
        }
        world.append(Epoch(1), txn(at * 23 % 60, at as u8));
        world.run_all();
    }
    world
}

/// The sector at an offset is empty, and what it held stands at the end of the file.
fn astray(disk: &MemDisk, file: &File, from: usize, sector: usize) -> Option<MemDisk> {
    let mut bytes = disk.contents(file).unwrap().to_vec();
    let to = (bytes.len() / sector - 1) * sector;
    let is_free = bytes[to..].iter().all(|&byte| byte == 0);
    if !is_free || from >= to {
        return None;
    }
    bytes.copy_within(from..from + sector, to);
    bytes[from..from + sector].fill(0);
    let mut disk = disk.clone();
    disk.replace(file, bytes);
    Some(disk)
}

#[cfg_attr(not(mutants), test)]
pub(crate) fn a_sector_that_was_written_elsewhere_loses_nothing_silently() {
    let mut found = 0;
    for before in 0..16 {
        let world = with_records_around_a_snapshot(before, 12);
        let state = world.model.last();
        let before_last = state.records[state.records.len() - 2].zxid;
        for (file, sector) in log_files(&world.disk)
            .iter()
            .flat_map(|file| [(file, 256), (file, 512)])
        {
            let length = world.disk.contents(file).unwrap().len();
            for from in (0..length).step_by(sector) {
                let Some(mut disk) = astray(&world.disk, file, from, sector) else {
                    continue;
                };
                let (_, recovered, _) = recover(&world.config, &mut disk);
                assert!(is_prefix(state, &recovered), "{file:?} {sector} at {from}");
                let short = tail(&recovered) < before_last;
                assert_eq!(
                    short,
                    recovered.promise.standing == Standing::Damaged,
                    "{before} before, {file:?}, {sector} at {from}: {:?}",
                    recovered.findings
                );
                found += usize::from(short);
            }
        }
    }
    assert!(found > 0);
}

#[cfg_attr(not(mutants), test)]
pub(crate) fn a_wrong_bit_in_any_settled_record_but_the_last_is_reported_and_never_yields_a_wrong_one()
 {
    let world = quiet(0);
    let state = world.model.last();
    let before_last = state.records[state.records.len() - 2].zxid;
    let used: usize = state
        .records
        .iter()
        .map(|record| (48 + record.body_length()).next_multiple_of(8))
        .sum();
    let mut found = 0;
    for (first, file) in log_files(&world.disk).into_iter().enumerate() {
        for at in (first % STRIDE..world.disk.contents(&file).unwrap().len()).step_by(STRIDE) {
            let (_, recovered, _) = recover(&world.config, &mut flipped(&world.disk, &file, at));
            assert!(is_prefix(state, &recovered), "{file:?} byte {at}");
            let short = tail(&recovered) < before_last;
            assert_eq!(
                short,
                is_reported(&recovered),
                "{file:?} byte {at}: {:?}",
                recovered.findings
            );
            let standing = if short {
                Standing::Damaged
            } else {
                Standing::Member
            };
            assert_eq!(recovered.promise.standing, standing);
            assert_eq!(recovered.promise.accepted, Epoch(3));
            found += usize::from(short);
        }
    }
    let last = 48 + 56;
    assert!(
        found * STRIDE + 50 * STRIDE >= used - last,
        "{found} of {used} bytes"
    );
}

#[cfg_attr(not(mutants), test)]
pub(crate) fn a_start_makes_damage_even_in_the_last_batch_known() {
    let mut world = quiet(0);
    world.restart(Crash::PowerLost);
    let state = world.model.last().clone();
    for file in log_files(&world.disk) {
        for at in (0..world.disk.contents(&file).unwrap().len()).step_by(2 * STRIDE + 1) {
            let (_, recovered, _) = recover(&world.config, &mut flipped(&world.disk, &file, at));
            assert!(is_prefix(&state, &recovered), "{file:?} byte {at}");
            assert_eq!(tail(&recovered) < state.tail().0, is_reported(&recovered));
        }
    }
}

#[cfg_attr(not(mutants), test)]
pub(crate) fn a_wrong_bit_in_the_newest_snapshot_costs_that_snapshot_and_nothing_else() {
    let world = quiet(2);
    let (id, meta) = world.wal.newest_snapshot().unwrap();
    let file = snapshot_name(id);
    for at in 0..usize::try_from(id.bytes).unwrap() {
        let (_, recovered, _) = recover(&world.config, &mut flipped(&world.disk, &file, at));
        assert!(world.model.last().is(&recovered), "byte {at}");
        assert!(recovered.base.as_ref().unwrap().0.zxid < meta.zxid);
        assert_eq!(recovered.promise.standing, Standing::Member);
        let reported = |finding: &Finding| matches!(finding, Finding::SnapshotInvalid { file: named, .. } if *named == file);
        assert!(recovered.findings.iter().any(reported));
    }
}

#[cfg_attr(not(mutants), test)]
pub(crate) fn a_wrong_bit_below_the_newest_snapshot_costs_nothing() {
    let world = quiet(3);
    for file in log_files(&world.disk) {
        for at in (0..world.disk.contents(&file).unwrap().len()).step_by(2 * STRIDE + 1) {
            let (_, recovered, _) = recover(&world.config, &mut flipped(&world.disk, &file, at));
            let state = world.model.last();
            assert!(is_prefix(state, &recovered), "{file:?} byte {at}");
            let lost = state.records.len() - 1;
            assert!(
                tail(&recovered) >= state.records[lost - 1].zxid,
                "{file:?} byte {at}"
            );
            assert_eq!(
                recovered.promise.standing,
                Standing::Member,
                "{file:?} byte {at}"
            );
        }
    }
}

#[cfg_attr(not(mutants), test)]
pub(crate) fn damage_before_the_newest_snapshot_costs_nothing_behind_it() {
    for before in 1..8 {
        let world = with_records_around_a_snapshot(before, 12);
        let log = &log_files(&world.disk)[0];
        // A record of the test is longer than its frame's head.
        for at in 64..64 + before * 64 {
            let (_, recovered, _) = recover(&world.config, &mut flipped(&world.disk, log, at));
            assert!(
                world.model.last().is(&recovered),
                "{before} before, byte {at}"
            );
            assert_eq!(recovered.promise.standing, Standing::Member);
        }
    }
}

/// The disk of a world without what its log had when it ended as that of another one.
fn without_what_was_in(earlier: &World, world: &World) -> MemDisk {
    let log = |world: &World| log_files(&world.disk)[0].clone();
    let bytes = earlier.disk.contents(&log(earlier)).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    let mut bytes = world.disk.contents(&log(world)).unwrap().to_vec();
    bytes[..end].fill(0);
    let mut disk = world.disk.clone();
    disk.replace(&log(world), bytes);
    disk
}

#[cfg_attr(not(mutants), test)]
pub(crate) fn a_segment_that_lost_all_before_the_newest_snapshot_shows_what_is_behind_it() {
    for before in 1..8 {
        let up_to_base = with_records_around_a_snapshot(before, 0);
        for after in 1..4 {
            let world = with_records_around_a_snapshot(before, after);
            let mut disk = without_what_was_in(&up_to_base, &world);
            let (_, recovered, _) = recover(&world.config, &mut disk);
            assert!(
                world.model.last().is(&recovered),
                "{before} before, {after} after: {:?}",
                recovered.findings
            );
            assert_eq!(recovered.promise.standing, Standing::Member);
        }
    }
}

#[cfg_attr(not(mutants), test)]
pub(crate) fn a_segment_that_lost_the_record_behind_the_newest_snapshot_too_is_damaged() {
    for before in 1..8 {
        let up_to_next = with_records_around_a_snapshot(before, 1);
        let world = with_records_around_a_snapshot(before, 4);
        let mut disk = without_what_was_in(&up_to_next, &world);
        let (_, recovered, _) = recover(&world.config, &mut disk);
        assert!(is_prefix(world.model.last(), &recovered));
        assert_eq!(recovered.promise.standing, Standing::Damaged, "{before}");
    }
}

/// A snapshot of the last record of a segment, and a record in the next; the former segment.
fn with_a_snapshot_at_the_end_of_a_segment() -> (World, File) {
    let begun = |world: &World| {
        let mut files = log_files(&world.disk).into_iter();
        files.rfind(|file| world.disk.contents(file).unwrap()[..8] != [0; 8])
    };
    for before in 1.. {
        let mut world = quiet(0);
        for fill in 0..before {
            world.append(Epoch(3), txn(100, fill));
            world.run_all();
        }
        let tail = world.model.last().tail().0;
        world.take_snapshot(tail);
        world.run_all();
        let segment = begun(&world).unwrap();
        world.append(Epoch(3), txn(100, 99));
        world.run_all();
        if begun(&world).unwrap() != segment {
            return (world, segment);
        }
    }
    panic!("segments end");
}

#[cfg_attr(not(mutants), test)]
pub(crate) fn damage_at_the_newest_snapshot_costs_nothing_in_the_segment_behind_it() {
    let (world, segment) = with_a_snapshot_at_the_end_of_a_segment();
    let bytes = world.disk.contents(&segment).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    let (_, recovered, _) = recover(&world.config, &mut flipped(&world.disk, &segment, end));
    assert!(world.model.last().is(&recovered));
    assert_eq!(recovered.promise.standing, Standing::Member);
}

#[cfg_attr(not(mutants), test)]
pub(crate) fn a_wrong_bit_in_a_small_file_costs_nothing_and_is_repaired() {
    let world = quiet(2);
    for name in ["identity", "promise", "manifest"] {
        let used = 200;
        for at in (0..used)
            .chain(4096..4096 + used)
            .chain((used..8192).step_by(97))
        {
            let mut disk = flipped(&world.disk, &small(name), at);
            let (_, recovered, _) = recover(&world.config, &mut disk);
            assert!(world.model.last().is(&recovered), "{name} byte {at}");
            assert_eq!(recovered.promise, member(3), "{name} byte {at}");
            if !recovered.findings.is_empty() {
                let offset = if at < 4096 { 0 } else { 4096 };
                let expected = Finding::CopyRepaired {
                    file: small(name),
                    offset,
                };
                assert_eq!(recovered.findings, [expected], "{name} byte {at}");
                // The other copy may now go bad as well.
                let other = (at + 4096) % 8192;
                let (_, again, _) =
                    recover(&world.config, &mut flipped(&disk, &small(name), other));
                assert_eq!(again.promise, member(3));
            }
        }
    }
}

#[cfg_attr(not(mutants), test)]
pub(crate) fn a_lost_promise_makes_an_amnesiac_and_stays_so() {
    let mut world = quiet(1);
    world.disk.lose(&small("promise"));
    for _ in 0..2 {
        let (_, recovered, _) = recover(&world.config, &mut world.disk);
        assert_eq!(recovered.promise.standing, Standing::Amnesiac);
        assert_eq!(recovered.promise.accepted, Epoch(3));
        assert!(world.model.last().is(&recovered), "the log is still of use");
    }
    world.disk.replace(&small("promise"), vec![0; 8192]);
    let (_, recovered, _) = recover(&world.config, &mut world.disk);
    assert_eq!(recovered.promise.standing, Standing::Amnesiac);
    assert!(recovered.findings.contains(&Finding::PromiseLost));
}

#[cfg_attr(not(mutants), test)]
pub(crate) fn a_promise_below_the_log_was_lost() {
    let mut world = quiet(0);
    let promise = world.disk.contents(&small("promise")).unwrap().to_vec();
    world.promise(4);
    world.append(Epoch(4), RecordBody::Marker);
    world.run_all();
    world.disk.replace(&small("promise"), promise);
    let (_, recovered, _) = recover(&world.config, &mut world.disk);
    assert_eq!(recovered.promise.standing, Standing::Amnesiac);
    assert_eq!(recovered.promise.accepted, Epoch(4));
}

#[cfg_attr(not(mutants), test)]
pub(crate) fn a_lost_segment_is_damage_wherever_it_was() {
    let world = quiet(0);
    let files = log_files(&world.disk);
    assert!(files.len() >= 3, "{files:?}");
    for file in files {
        let mut disk = world.disk.clone();
        disk.lose(&file);
        let (_, recovered, _) = recover(&world.config, &mut disk);
        assert!(is_prefix(world.model.last(), &recovered), "{file:?}");
        assert_eq!(recovered.promise.standing, Standing::Damaged, "{file:?}");
        assert!(is_reported(&recovered), "{file:?}");
        // It is reported once; the standing stays.
        let (_, again, _) = recover(&world.config, &mut disk);
        assert_eq!(again.promise, recovered.promise);
        assert_eq!(again.records, recovered.records);
    }
}

#[cfg_attr(not(mutants), test)]
pub(crate) fn a_segment_that_was_cut_short_is_damage() {
    let world = quiet(0);
    for file in log_files(&world.disk) {
        for length in [0, 63, 64, 1000, 4095] {
            let mut disk = world.disk.clone();
            let bytes = disk.contents(&file).unwrap()[..length].to_vec();
            disk.replace(&file, bytes);
            let (_, recovered, _) = recover(&world.config, &mut disk);
            assert!(
                is_prefix(world.model.last(), &recovered),
                "{file:?} {length}"
            );
            let whole = tail(&recovered) == world.model.last().tail().0;
            assert!(whole || is_reported(&recovered), "{file:?} {length}");
        }
    }
}

#[cfg_attr(not(mutants), test)]
pub(crate) fn without_a_manifest_no_record_is_trusted_but_snapshots_are() {
    let mut world = quiet(2);
    let (newest, _) = world.wal.newest_snapshot().unwrap();
    world.disk.lose(&small("manifest"));
    let (_, recovered, sink) = recover(&world.config, &mut world.disk);
    assert_eq!(recovered.base.as_ref().map(|(id, _)| *id), Some(newest));
    assert!(recovered.records.is_empty() && sink.contents().is_some());
    assert_eq!(recovered.promise.standing, Standing::Damaged);
}

/// The bytes of a segment tell whose they are by its number, so that old ones must never get theirs
/// again.
#[cfg_attr(not(mutants), test)]
pub(crate) fn without_a_manifest_no_number_is_used_twice_however_often_a_start_dies() {
    let mut world = quiet(2);
    let used = log_files(&world.disk).pop().unwrap();
    world.disk.lose(&small("manifest"));
    for ops in 0.. {
        let mut disk = world.disk.clone();
        disk.ops_left = Some(ops);
        let began = Wal::recover(world.config.clone(), &mut disk, 1, &mut Sink::default());
        let mut disk = disk.crash(Crash::PowerLost, &mut world.rng, None);
        let (wal, recovered, _) = recover(&world.config, &mut disk);
        let mut again = quiet_shell(&world, disk);
        let mut state = world.model.last().clone();
        state.truncate(tail(&recovered));
        again.reopen(wal, state, recovered.promise);
        again.run_all();
        let files = log_files(&again.disk);
        assert!(!files.is_empty() && files[0] > used, "{files:?}, {ops}");
        if began.is_ok() {
            return;
        }
    }
}

#[cfg_attr(not(mutants), test)]
pub(crate) fn without_any_snapshot_a_whole_log_is_replayed_and_one_that_starts_in_the_middle_is_not()
 {
    let world = quiet(3);
    let mut disk = world.disk.clone();
    for file in disk.files() {
        if file.directory == Directory::Data {
            disk.lose(&file);
        }
    }
    let (_, recovered, sink) = recover(&world.config, &mut disk.clone());
    assert!(recovered.base.is_none() && world.model.last().is(&recovered));
    assert_eq!(sink.contents(), None);

    disk.lose(&log_files(&disk)[0]);
    let (_, recovered, _) = recover(&world.config, &mut disk);
    assert!(recovered.base.is_none() && recovered.records.is_empty());
    assert_eq!(recovered.promise.standing, Standing::Damaged);
}

#[cfg_attr(not(mutants), test)]
pub(crate) fn a_log_that_was_searched_for_its_base_can_be_cut_there_and_go_on() {
    let world = quiet(3);
    let base = world.wal.newest_snapshot().unwrap().0.zxid;
    for file in log_files(&world.disk) {
        for at in (64..4096).step_by(120) {
            let mut disk = flipped(&world.disk, &file, at);
            let (wal, recovered, _) = recover(&world.config, &mut disk);
            let mut again = quiet_shell(&world, disk);
            let mut state = world.model.last().clone();
            state.truncate(tail(&recovered));
            again.reopen(wal, state, recovered.promise);
            again.truncate(base);
            for fill in 0..30 {
                again.append(Epoch(3), txn(150, fill));
            }
            again.run_all();
            let found = again.restart_damaged(Crash::PowerLost);
            assert!(again.model.last().is(&found), "{file:?} byte {at}");
            assert_eq!(found.promise.standing, Standing::Member);
        }
    }
}

#[cfg_attr(not(mutants), test)]
pub(crate) fn what_was_found_without_a_header_is_found_again_at_every_start() {
    for snapshots in 1..=3 {
        let world = quiet(snapshots);
        for file in log_files(&world.disk) {
            for at in (0..64).step_by(7) {
                let mut disk = flipped(&world.disk, &file, at);
                let (_, first, _) = recover(&world.config, &mut disk);
                let (_, second, _) = recover(&world.config, &mut disk);
                assert_eq!(second.records, first.records, "{file:?} byte {at}");
                assert_eq!(second.promise, first.promise, "{file:?} byte {at}");
            }
        }
    }
}

#[cfg_attr(not(mutants), test)]
pub(crate) fn a_damaged_log_can_be_appended_to_and_never_shows_what_was_behind_the_damage() {
    let mut world = quiet(0);
    let files = log_files(&world.disk);
    world.disk = flipped(&world.disk, &files[1], 300);
    let (wal, recovered, _) = recover(&world.config, &mut world.disk);
    let mut state = world.model.last().clone();
    let all = state.records.clone();
    state.truncate(tail(&recovered));
    let at = state.records.len();
    world.reopen(wal, state, recovered.promise);
    // The leader sends the very records again that the log held before.
    for record in &all[at..at + 2] {
        world.append(record.zxid.epoch(), record.body.clone());
    }
    world.run_all();
    let found = world.restart(Crash::PowerLost);
    assert_eq!(tail(&found), all[at + 1].zxid);
    assert_eq!(found.promise.standing, Standing::Damaged);
}
