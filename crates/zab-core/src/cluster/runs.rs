//! Runs of the whole: random ones by seed, and a few scripted ones.

use super::chance::Chance;
use super::disk::Image;
use super::world::{Elections, Setup, World};
use crate::interface::{Input, Role};
use crate::summary::Phase;
use core::time::Duration;
use std::format;
use std::vec::Vec;
use zk_types::{Epoch, ServerId, Standing, Zxid};

/// Longer than any ensemble needs to come to rest: two full discoveries and synchronisations, and all
/// elections between.
const REST: Duration = Duration::from_secs(60);

fn setup(seed: u64) -> Setup {
    let mut chance = Chance::new(seed ^ 0x5e7_0b5e);
    let elections = if chance.one_in(2) {
        Elections::Adversarial
    } else {
        Elections::Honest
    };
    Setup {
        size: chance.pick(&[1, 2, 3, 3, 3, 3, 4, 5, 5]),
        counter_max: chance.pick(&[3, 12, 1000, 1000]),
        window_bytes_max: chance.pick(&[0, 300, 2_000, 1 << 20]),
        backlog_bytes_max: chance.pick(&[100, 400, 1 << 20]),
        snapshot_bytes: chance.pick(&[1, 16, 50, 300]),
        elections,
        fault_every: chance.pick(&[0, 3, 6, 12, 25, 50, 100]),
        loss_every: chance.pick(&[0, 0, 2, 5]),
        step_micros: chance.pick(&[50, 500, 500, 4_000]),
    }
}

fn quiet(size: u64) -> Setup {
    Setup {
        size,
        counter_max: 1_000_000,
        window_bytes_max: 1 << 20,
        backlog_bytes_max: 1 << 20,
        snapshot_bytes: 100,
        elections: Elections::Honest,
        fault_every: 0,
        loss_every: 0,
        step_micros: 500,
    }
}

/// A random walk, then rest, then work.
pub(super) fn run(seed: u64, steps: usize) -> World {
    let setup = setup(seed);
    let mut world = World::new(setup, seed);
    for _ in 0..steps {
        world.step();
    }
    world.heal();
    if !world.can_come_to_rest() {
        world.settle(Duration::from_secs(3), |_| false);
        return world;
    }
    rest(&mut world, &format!("seed {seed}"));
    for length in 0..5 {
        let leader = world.leader().expect("an ensemble at rest has a leader");
        world.propose(leader, length);
        rest(
            &mut world,
            &format!("seed {seed}, after {length} proposals"),
        );
    }
    world.check_disks();
    stays_at_rest(&mut world, seed);
    assert_eq!(
        world.links() + 1,
        usize::try_from(world.setup.size).unwrap(),
        "seed {seed}: each follower has one link"
    );
    world
}

/// Without faults no leader is replaced.
fn stays_at_rest(world: &mut World, seed: u64) {
    let leader = world.leader().expect("an ensemble at rest has a leader");
    let role = world.role(leader);
    world.settle(Duration::from_secs(3), |_| false);
    assert_eq!(
        world.role(leader),
        role,
        "seed {seed}: a leader goes without need"
    );
    assert!(world.is_at_rest());
}

fn rest(world: &mut World, what: &str) {
    let is_done = world.settle(REST, World::is_at_rest);
    assert!(
        is_done,
        "{what}: no rest\n{:?}\n{}",
        world.setup,
        world.picture()
    );
}

pub(super) fn range(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(default)
}

/// `ZAB_SEED` and `ZAB_SEEDS` choose other seeds, `ZAB_STEPS` longer runs, `ZAB_TRACE` shows a run.
#[test]
fn random_runs_agree_lose_nothing_and_come_to_rest() {
    let first = range("ZAB_SEED", 0);
    let mut counts: std::collections::BTreeMap<std::string::String, usize> = Default::default();
    let steps = usize::try_from(range("ZAB_STEPS", 1500)).unwrap();
    for seed in first..first + range("ZAB_SEEDS", 60) {
        match std::panic::catch_unwind(|| run(seed, steps)) {
            Ok(world) => {
                for (name, count) in world.counts {
                    *counts.entry(name).or_insert(0) += count;
                }
                *counts.entry("ledger".into()).or_insert(0) += world.oracle.ledger.len();
            }
            Err(panic) => {
                std::eprintln!(
                    "ZAB_SEED={seed} ZAB_SEEDS=1 ZAB_STEPS={steps} {:?}",
                    setup(seed)
                );
                std::panic::resume_unwind(panic);
            }
        }
    }
    std::println!("{counts:#?}");
}

fn founded(size: u64) -> World {
    let mut world = World::new(quiet(size), size);
    world.heal();
    rest(&mut world, "founding");
    world
}

#[test]
fn an_ensemble_of_any_size_is_founded_within_half_a_second() {
    for size in 1..=7 {
        let mut world = World::new(quiet(size), size);
        world.heal();
        let start = world.now;
        rest(&mut world, "founding");
        assert!(
            world.now.since(start) < Duration::from_millis(500),
            "{size} servers"
        );
    }
}

#[test]
fn a_new_leader_serves_soon_after_the_old_one_died() {
    for seed in 0..20 {
        let mut world = World::new(quiet(3), seed);
        world.heal();
        rest(&mut world, "founding");
        let old = world.leader().unwrap();
        world.crash_and_stay_down(old);
        let start = world.now;
        let has_leader = world.settle(REST, |world| world.leader().is_some());
        assert!(has_leader);
        let took = world.now.since(start);
        assert!(
            took < Duration::from_millis(100),
            "{took:?} with seed {seed}"
        );
    }
}

#[test]
fn a_wiped_server_counts_again_once_everybody_is_here() {
    let mut world = founded(3);
    let leader = world.leader().unwrap();
    let wiped = if leader == ServerId(1) {
        ServerId(2)
    } else {
        ServerId(1)
    };
    let other = ServerId(6 - leader.0 - wiped.0);
    world.crash_and_stay_down(wiped);
    world.wipe(wiped);
    world.crash_and_stay_down(other);
    world.start(wiped);
    world.settle(Duration::from_secs(5), |_| false);
    assert_eq!(world.standing(wiped), Standing::Amnesiac);
    assert_eq!(world.leader(), None, "an amnesiac server makes no quorum");
    world.start(other);
    rest(&mut world, "readmission");
    assert_eq!(world.standing(wiped), Standing::Member);
}

#[test]
fn a_founding_that_crashes_anywhere_can_be_finished() {
    for seed in 0..40 {
        let mut world = World::new(quiet(3), seed);
        for _ in 0..20 + seed * 4 {
            world.step();
        }
        for id in (1..=3).map(ServerId) {
            world.crash_and_stay_down(id);
        }
        world.heal();
        rest(&mut world, &format!("seed {seed}"));
    }
}

#[test]
fn a_server_that_was_away_for_long_is_brought_up_by_a_snapshot() {
    let mut world = World::new(
        Setup {
            window_bytes_max: 300,
            ..quiet(3)
        },
        5,
    );
    world.heal();
    rest(&mut world, "founding");
    let leader = world.leader().unwrap();
    let away = if leader == ServerId(1) {
        ServerId(2)
    } else {
        ServerId(1)
    };
    world.crash_and_stay_down(away);
    for _ in 0..50 {
        world.propose(leader, 30);
        world.settle(Duration::from_millis(5), |_| false);
    }
    world.start(away);
    rest(&mut world, "return");
    assert!(!world.snapshots_of(away).is_empty());
}

#[test]
fn a_leader_that_is_cut_off_steps_down_and_the_rest_goes_on() {
    let mut world = founded(3);
    let old = world.leader().unwrap();
    for id in (1..=3).map(ServerId).filter(|id| *id != old) {
        world.block(old, id);
    }
    let start = world.now;
    let is_down = world.settle(REST, |world| {
        world.leader().is_some_and(|leader| leader != old)
            && !matches!(world.role(old), Role::Leading { .. })
    });
    assert!(is_down);
    assert!(world.now.since(start) < Duration::from_millis(1500));
}

/// Half a tick passes before a timer of an ensemble at rest is due.
const SOON: Duration = Duration::from_millis(20);

#[test]
fn in_an_ensemble_at_rest_nothing_waits_for_a_timer() {
    for size in 1..=5 {
        let mut world = founded(size);
        let leader = world.leader().unwrap();
        for id in (1..=size).map(ServerId) {
            for length in [10, 0] {
                world.propose(leader, length);
                assert!(world.settle(SOON, World::is_at_rest), "a write of {size}");
                world.sync(id);
                assert!(world.settle(SOON, World::is_at_rest), "a sync at {id:?}");
                world.propose(leader, length);
                for _ in 0..3 {
                    world.sync(id);
                    world.sync(leader);
                    world.settle(Duration::from_micros(60), |_| false);
                }
                assert!(world.settle(SOON, World::is_at_rest), "syncs at {id:?}");
            }
        }
    }
}

#[test]
fn what_the_layer_above_says_reaches_whom_it_is_for() {
    let (mut world, leader, a, b) = founded_three();
    let bytes = zk_types::Bytes::from([7]);
    for from in [a, b] {
        let bytes = bytes.clone();
        world.handle(from, Input::ToLeader { bytes });
        wait(&mut world, 1);
    }
    for to in [a, b, ServerId(9)] {
        let bytes = bytes.clone();
        world.handle(leader, Input::ToLearner { to, bytes });
        wait(&mut world, 1);
    }
    assert_eq!(
        world.heard,
        [(a, leader), (b, leader), (leader, a), (leader, b)]
    );
}

#[test]
fn a_leader_pings_twice_per_tick_and_asks_nothing_else_of_the_idle() {
    let mut world = founded(3);
    wait(&mut world, 500);
    let before = world.counts.clone();
    wait(&mut world, 1000);
    let changed: Vec<(&str, usize)> = world
        .counts
        .iter()
        .map(|(name, count)| (name.as_str(), count - before.get(name).unwrap_or(&0)))
        .filter(|(_, count)| *count > 0)
        .collect();
    assert_eq!(changed, [("PING", 40), ("PONG", 40), ("Send", 80)]);
}

/// The three servers of an ensemble: its leader, and the others.
fn founded_three() -> (World, ServerId, ServerId, ServerId) {
    let world = founded(3);
    let leader = world.leader().unwrap();
    let mut others = (1..=3).map(ServerId).filter(|id| *id != leader);
    let (a, b) = (others.next().unwrap(), others.next().unwrap());
    (world, leader, a, b)
}

fn wait(world: &mut World, millis: u64) {
    world.settle(Duration::from_millis(millis), |_| false);
}

#[test]
fn a_deposed_leader_blesses_no_stale_read() {
    let (mut world, old, a, b) = founded_three();
    for other in [a, b] {
        world.cut_unaware(old, other);
        world.block(old, other);
    }
    let is_replaced = world.settle(Duration::from_millis(300), |world| {
        [a, b]
            .iter()
            .any(|id| matches!(world.role(*id), Role::Leading { .. }))
    });
    assert!(is_replaced);
    let new = [a, b]
        .into_iter()
        .find(|id| matches!(world.role(*id), Role::Leading { .. }));
    world.propose(new.unwrap(), 3);
    wait(&mut world, 20);
    assert!(
        matches!(world.role(old), Role::Leading { .. }),
        "it has not noticed yet"
    );
    world.sync(old);
    wait(&mut world, 100);
}

/// The wiped server promised the candidate an epoch above the leader's. Were it readmitted behind the
/// candidate's back, leader and candidate would both have a quorum.
#[test]
fn nobody_is_readmitted_while_a_voter_does_not_answer() {
    let (mut world, leader, wiped, candidate) = founded_three();
    world.hold_disk(wiped);
    for other in [candidate, wiped] {
        world.cut_unaware(leader, other);
        world.block(leader, other);
    }
    let promised =
        |world: &World| world.summary(candidate).unwrap().phase == Phase::Synchronisation;
    assert!(world.settle(Duration::from_millis(50), promised));
    wait(&mut world, 1);
    world.crash_and_stay_down(wiped);
    world.wipe(wiped);
    world.free_disk(wiped);
    world.cut_unaware(candidate, wiped);
    world.unblock_all();
    world.block(leader, candidate);
    world.block(wiped, candidate);
    world.start(wiped);
    wait(&mut world, 20);
    world.suggest(wiped, leader);
    wait(&mut world, 150);
    assert!(matches!(world.role(wiped), Role::Following { .. }));
    world.propose(leader, 7);
    wait(&mut world, 50);
    assert_eq!(world.standing(wiped), Standing::Amnesiac);
    world.heal();
    rest(&mut world, "healing");
}

/// Raft's figure 8: what an earlier leader wrote is on two disks of three, and the third has a later
/// epoch's marker in its place.
#[test]
fn a_record_of_an_earlier_epoch_is_not_committed_by_being_on_many_disks() {
    let z = |epoch, counter| Zxid::new(Epoch(epoch), counter);
    let old = Image::holding(&[z(1, 0), z(1, 1)], Epoch(3));
    let late = Image::holding(&[z(1, 0), z(2, 0)], Epoch(3));
    let mut world = World::of_images(quiet(3), 1, &[old.clone(), old, late]);
    let [a, b, c] = [1, 2, 3].map(ServerId);
    for id in [a, b] {
        world.block(id, c);
        world.hold_disk(id);
        world.suggest(id, a);
    }
    wait(&mut world, 50);
    assert_eq!(world.summary(a).unwrap().phase, Phase::Synchronisation);
    world.free_disk(a);
    world.free_disk(b);
    world.heal();
    rest(&mut world, "healing");
}

#[test]
fn a_leader_whose_disk_stalls_gives_way_to_one_that_can_write() {
    let (mut world, old, a, b) = founded_three();
    world.hold_disk(old);
    world.propose(old, 5);
    let is_replaced = world.settle(Duration::from_secs(3), |world| {
        [a, b]
            .iter()
            .any(|id| matches!(world.role(*id), Role::Leading { .. }))
    });
    assert!(is_replaced, "{}", world.picture());
    world.free_disk(old);
    rest(&mut world, "the disk works again");
}

#[test]
fn a_transfer_goes_on_where_the_last_link_broke() {
    let setup = Setup {
        window_bytes_max: 300,
        snapshot_bytes: 1_000,
        ..quiet(3)
    };
    let mut world = World::new(setup, 5);
    world.heal();
    rest(&mut world, "founding");
    let leader = world.leader().unwrap();
    let away = if leader == ServerId(1) {
        ServerId(2)
    } else {
        ServerId(1)
    };
    world.crash_and_stay_down(away);
    for _ in 0..50 {
        world.propose(leader, 30);
        wait(&mut world, 5);
    }
    world.start(away);
    let staged = |world: &World| world.counts.get("StageSnapshot").copied().unwrap_or(0);
    assert!(world.settle(REST, |world| staged(world) >= 40));
    world.cut_unaware(leader, away);
    rest(&mut world, "return");
    assert!(
        staged(&world) < 90,
        "{} chunks of 63 were staged",
        staged(&world)
    );
}

#[test]
fn a_voter_that_promised_a_later_epoch_is_let_in_by_a_new_one() {
    let (mut world, leader, a, b) = founded_three();
    world.cut_unaware(leader, a);
    world.block(leader, a);
    world.suggest(a, a);
    world.suggest(b, a);
    world.cut_unaware(leader, b);
    world.suggest(b, a);
    wait(&mut world, 5);
    world.heal();
    rest(&mut world, "healing");
}

#[test]
fn no_epoch_begins_for_a_voter_that_lost_its_later_promise_and_follows() {
    let marker = Zxid::new(Epoch(1), 0);
    let images = [1, 1, 9].map(|promised| Image::holding(&[marker], Epoch(promised)));
    let mut world = World::of_images(quiet(3), 1, &images);
    let [a, b, late] = [1, 2, 3].map(ServerId);
    world.block(a, late);
    world.block(b, late);
    assert!(world.settle(REST, |world| world.leader().is_some()));
    let leader = world.leader();
    world.unblock_all();
    let is_turned_away = world.settle(REST, |world| world.counts.contains_key("LockedOut"));
    assert!(is_turned_away, "{}", world.picture());
    world.crash_and_stay_down(late);
    world.wipe(late);
    world.heal();
    rest(&mut world, "all are back");
    assert_eq!(world.leader(), leader, "{}", world.picture());
    stays_at_rest(&mut world, 1);
}

/// Wrong variants of this crate's own code, each of which some run has to notice.
#[cfg(mutants)]
const MUTANTS: [&str; 17] = [
    "quorum-off-by-one",
    "vote-compares-zxid-before-epoch",
    "stale-follower-elected",
    "commit-out-of-order",
    "ack-before-durable",
    "newleader-ack-before-history",
    "promise-not-durable",
    "promise-given-twice",
    "establish-on-promises",
    "diff-instead-of-trunc",
    "truncate-forgotten",
    "commit-earlier-epoch-by-count",
    "leader-ack-before-durable",
    "deliver-before-durable",
    "forgetful-disks-counted",
    "readmitted-without-all",
    "sync-without-quorum",
];

#[cfg(mutants)]
const SCRIPTS: [fn(); 3] = [
    a_deposed_leader_blesses_no_stale_read,
    nobody_is_readmitted_while_a_voter_does_not_answer,
    a_record_of_an_earlier_epoch_is_not_committed_by_being_on_many_disks,
];

#[cfg(mutants)]
#[test]
fn every_mutant_is_noticed() {
    std::panic::set_hook(std::boxed::Box::new(|_| {}));
    let steps = usize::try_from(range("ZAB_STEPS", 1500)).unwrap();
    let only = std::env::var("ZAB_MUTANT").ok();
    let mut survivors = std::vec::Vec::new();
    for name in MUTANTS {
        if only.as_ref().is_some_and(|only| only != name) {
            continue;
        }
        let mut killed = 0;
        let mut reason = std::string::String::new();
        let seeds = range("ZAB_SEEDS", 1000);
        for seed in 0..seeds {
            zk_types::activate_mutant(name);
            let script = usize::try_from(seed)
                .ok()
                .and_then(|index| SCRIPTS.get(index));
            let outcome = std::panic::catch_unwind(|| match script {
                Some(script) => script(),
                None => drop(run(seed, steps)),
            });
            if let Err(panic) = outcome {
                killed += 1;
                let text = panic.downcast_ref::<std::string::String>().cloned();
                let text = text.or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).into()));
                reason = text.unwrap_or_default().lines().next().unwrap_or("").into();
            }
        }
        zk_types::activate_mutant("");
        std::eprintln!("{name}: {killed} of {seeds}: {reason}");
        if killed == 0 {
            survivors.push(name);
        }
    }
    assert!(survivors.is_empty(), "{survivors:?}");
}
