//! A crash after every operation of the disk, over random lives of a log.
#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "a test that is wrong may panic"
)]
#![cfg_attr(mutants, allow(dead_code, reason = "the test of mutants calls them"))]

mod support;

use support::disk::Crash;
use support::model::txn;
use support::world::{World, outline, recover};
use zk_types::Epoch;

/// `WAL_SEEDS` asks for more than the usual number.
fn seeds(usual: u64) -> std::ops::Range<u64> {
    let asked = std::env::var("WAL_SEEDS")
        .ok()
        .and_then(|text| text.parse().ok());
    0..asked.unwrap_or(usual)
}

/// A few lives of one log, each ended by a crash.
pub(crate) fn lives(seed: u64) -> u64 {
    let mut world = World::new(seed);
    world.crash_every = 3;
    for _ in 0..4 {
        for _ in 0..10 + world.rng.below(20) {
            world.act();
            for _ in 0..world.rng.below(12) {
                world.run_one();
            }
        }
        if world.rng.chance(3) {
            world.run_all();
        }
        let how = [Crash::PowerLost, Crash::ProcessKilled, Crash::Torn][world.rng.below(3)];
        world.restart(how);
    }
    world.crashes
}

#[cfg_attr(not(mutants), test)]
pub(crate) fn whatever_crashes_when_everything_settled_is_found_and_nothing_that_was_never_asked_for()
 {
    for seed in seeds(5) {
        let result = std::panic::catch_unwind(|| lives(seed));
        assert!(result.is_ok(), "seed {seed}");
    }
}

#[cfg_attr(not(mutants), test)]
pub(crate) fn a_promise_torn_anywhere_is_the_old_one_or_the_new_one() {
    let mut world = World::new(3);
    world.crash_every = usize::MAX / 8;
    world.promise(1);
    world.run_all();
    world.promise(2);
    world.wal.flush();
    loop {
        for _ in 0..400 {
            let mut disk = world.disk.crash(Crash::Torn, &mut world.rng, None);
            let (_, recovered, sink) = recover(&world.config, &mut disk);
            let accepted = world.model.accepts(&recovered, &sink);
            assert!(accepted.is_ok(), "{accepted:?}");
        }
        if !world.run_one() {
            break;
        }
    }
    assert_eq!(world.model.promise_settled, 2);
}

#[cfg_attr(not(mutants), test)]
pub(crate) fn what_a_start_after_failed_syncs_relies_on_survives_a_power_loss() {
    for seed in seeds(8) {
        let mut world = World::new(seed);
        world.crash_every = usize::MAX / 8;
        for _ in 0..60 {
            world.act();
            for _ in 0..world.rng.below(8) {
                world.run_one();
            }
            let mut disk = world.disk.crash(Crash::SyncsFailed, &mut world.rng, None);
            let (_, relied_on, sink) = recover(&world.config, &mut disk);
            let accepted = world.model.accepts(&relied_on, &sink);
            assert!(accepted.is_ok(), "seed {seed}: {accepted:?}");
            for how in [Crash::PowerLost, Crash::Torn] {
                let mut disk = disk.crash(how, &mut world.rng, None);
                let (_, found, _) = recover(&world.config, &mut disk);
                assert_eq!(outline(&found), outline(&relied_on), "seed {seed}, {how:?}");
            }
        }
    }
}

#[cfg_attr(not(mutants), test)]
pub(crate) fn the_names_that_a_start_relies_on_survive_a_power_loss() {
    let mut world = World::new(3);
    world.crash_every = usize::MAX / 8;
    world.begin_epoch();
    world.run_all();
    for _ in 0..3 {
        for fill in 0..12 {
            world.append(Epoch(1), txn(90, fill));
        }
        world.run_all();
        let tail = world.model.last().tail().0;
        world.take_snapshot(tail);
        world.run_all();
    }
    world.disk.forget_directory_syncs();
    let (_, relied_on, _) = recover(&world.config, &mut world.disk);
    assert!(world.model.last().is(&relied_on));
    let mut disk = world.disk.crash(Crash::PowerLost, &mut world.rng, None);
    let (_, found, _) = recover(&world.config, &mut disk);
    assert_eq!(outline(&found), outline(&relied_on));
}
