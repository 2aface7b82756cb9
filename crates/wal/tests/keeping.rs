//! How long snapshots are written, and which dead segments are kept.
#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "a test that is wrong may panic"
)]

mod support;

use support::disk::Crash;
use support::model::txn;
use support::world::{World, recover};
use wal::DiskOp;
use zk_types::Epoch;

#[test]
fn a_long_snapshot_is_synced_while_it_is_written() {
    let mut world = World::new(2);
    world.crash_every = usize::MAX / 8;
    world.begin_epoch();
    world.run_all();
    let meta = world.model.last().meta_at(world.model.last().tail().0);
    let mut synced_at = |chunk_bytes: usize| {
        world.wal.begin_snapshot(meta.clone().unwrap());
        let mut synced_at = Vec::new();
        for chunk in 0..10 {
            world.wal.snapshot_chunk(&vec![7; chunk_bytes]);
            while let Some(task) = world.wal.poll_task() {
                if matches!(task.op, DiskOp::Sync { .. }) {
                    synced_at.push(chunk);
                }
            }
        }
        world.wal.abandon_snapshot();
        synced_at
    };
    assert_eq!(synced_at(200 << 10), [2, 5, 8], "where it grows");
    assert_eq!(
        synced_at(50 << 10),
        [2, 5, 8],
        "over the one that was given up"
    );
    assert_eq!(
        synced_at(400 << 10),
        [0, 1, 2, 3, 4, 6, 8],
        "over it, and behind its end"
    );
}

#[test]
fn a_snapshot_longer_than_one_read_is_found_whole() {
    let mut world = World::new(2);
    world.crash_every = usize::MAX / 8;
    world.begin_epoch();
    world.run_all();
    let meta = world.model.last().meta_at(world.model.last().tail().0);
    world.wal.begin_snapshot(meta.clone().unwrap());
    world.wal.snapshot_chunk(&vec![7; 3 << 20]);
    world.wal.finish_snapshot();
    world.run_all();
    let (_, recovered, _) = recover(&world.config, &mut world.disk);
    assert_eq!(recovered.base.map(|(_, meta)| meta), meta);
}

#[test]
fn dead_segments_are_kept_as_spares_while_there_is_use_for_them() {
    let mut world = World::new(6);
    world.crash_every = usize::MAX / 8;
    world.config.snapshots_kept = 1;
    world.restart(Crash::PowerLost);
    world.begin_epoch();
    let spares = |world: &World| {
        let files = world.disk.files();
        let spares = files.iter().filter(|file| file.name.starts_with("spare"));
        spares.count()
    };
    let go_on = |world: &mut World| {
        for _ in 0..20 {
            world.append(Epoch(1), txn(1500, 1));
        }
        world.run_all();
        let tail = world.model.last().tail().0;
        world.take_snapshot(tail);
        world.run_all();
        world.takes_what_it_says();
    };
    go_on(&mut world);
    assert_eq!(spares(&world), 4);
    // Segments of another length are no use.
    world.config.segment_bytes = 8192;
    world.restart(Crash::PowerLost);
    world.run_all();
    assert_eq!(spares(&world), 0);
    go_on(&mut world);
    assert!((3..=4).contains(&spares(&world)));
    go_on(&mut world);
    assert_eq!(spares(&world), 4);
}

#[test]
fn the_first_segment_of_a_log_is_a_small_part_of_a_usual_one() {
    let mut world = World::new(2);
    world.crash_every = usize::MAX / 8;
    world.config.segment_bytes = 1 << 20;
    world.restart(Crash::PowerLost);
    world.run_all();
    let files = world.disk.files();
    let segments = files.iter().filter(|file| file.name.starts_with("log."));
    let lengths: Vec<usize> = segments
        .map(|file| world.disk.contents(file).unwrap().len())
        .collect();
    assert_eq!(lengths, [1 << 14]);
}
