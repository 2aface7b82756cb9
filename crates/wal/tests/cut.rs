//! Where a log can be cut: at what it will hold once everything before the cut is done.
#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "a test that is wrong may panic"
)]

mod support;

use support::disk::Crash;
use support::model::{State, txn};
use support::world::World;
use zk_types::{Epoch, RecordBody, Zxid};

fn z(epoch: u32, counter: u32) -> Zxid {
    Zxid::new(Epoch(epoch), counter)
}

/// A marker and four records that were asked for, and none of them written.
fn queued() -> World {
    let mut world = World::new(9);
    world.crash_every = usize::MAX / 8;
    world.promise(1);
    world.append(Epoch(1), RecordBody::Marker);
    for at in 0..4 {
        world.append(Epoch(1), txn(20, at));
    }
    world
}

/// The same, and behind it the snapshot of a leader that is at 2.2.
fn installing() -> World {
    let mut world = queued();
    let mut leader = State::empty();
    for (epoch, body) in [
        (1, RecordBody::Marker),
        (2, RecordBody::Marker),
        (2, txn(10, 1)),
        (2, txn(10, 2)),
    ] {
        let record = leader.next(Epoch(epoch), body);
        leader.records.push(record);
    }
    assert_eq!(leader.tail().0, z(2, 2));
    world.promise(2);
    world.install(&leader);
    world
}

#[test]
fn what_waits_can_be_cut_again_and_again() {
    let mut world = queued();
    for to in [z(1, 3), z(1, 3), z(1, 1)] {
        world.truncate(to);
    }
    world.append(Epoch(1), txn(30, 9));
    world.truncate(z(1, 2));
    world.run_all();
    let recovered = world.restart(Crash::PowerLost);
    assert_eq!(recovered.records.last().unwrap().zxid, z(1, 2));
    assert_eq!(recovered.records.last().unwrap().body, txn(30, 9));
}

#[test]
#[should_panic = "a log is cut at one of its records"]
fn what_an_earlier_cut_takes_away_is_no_place_for_a_later_one() {
    let mut world = queued();
    world.truncate(z(1, 2));
    world.truncate(z(1, 3));
}

#[test]
fn a_snapshot_that_is_being_installed_is_a_place_to_cut_at() {
    let mut world = installing();
    world.append(Epoch(2), txn(20, 1));
    world.append(Epoch(2), txn(20, 2));
    world.truncate(z(2, 3));
    world.truncate(z(2, 2));
    world.run_all();
    let recovered = world.restart(Crash::PowerLost);
    assert!(recovered.records.is_empty());
    assert_eq!(recovered.base.unwrap().1.zxid, z(2, 2));
}

#[test]
#[should_panic = "a log is cut at one of its records"]
fn below_a_snapshot_that_is_being_installed_nothing_is_left_to_cut_at() {
    installing().truncate(z(1, 2));
}

#[test]
#[should_panic = "a log is cut at one of its records"]
fn above_a_snapshot_that_is_being_installed_only_what_follows_it_counts() {
    installing().truncate(z(2, 3));
}

/// Where the snapshot ends a segment, the next one is cut off whole and the log goes on in that one.
#[test]
fn a_log_that_is_cut_to_its_snapshot_goes_on() {
    for count in 1..40 {
        let mut world = World::new(9);
        world.crash_every = usize::MAX / 8;
        world.begin_epoch();
        for fill in 0..count {
            world.append(Epoch(1), txn(500, fill));
            world.run_all();
        }
        let last = world.model.last().tail().0;
        world.take_snapshot(last);
        world.run_all();
        world.append(Epoch(1), txn(500, 77));
        world.run_all();
        world.truncate(last);
        world.append(Epoch(1), txn(20, 99));
        world.run_all();
        let recovered = world.restart(Crash::PowerLost);
        assert_eq!(recovered.records.len(), 1, "{count} records");
    }
}
