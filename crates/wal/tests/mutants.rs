//! The test of the tests: each wrong variant of the log is found by one of them.
//!
//! `RUSTFLAGS="--cfg mutants" cargo test -p wal --test mutants`
#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "a test that is wrong may panic"
)]
#![cfg(mutants)]

#[path = "crash.rs"]
mod crash;
#[path = "rot.rs"]
mod rot;

use std::panic::catch_unwind;

const MUTANTS: [&str; 20] = [
    "claims-ignored",
    "copies-torn-together",
    "dead-rest-survives-roll",
    "directory-not-synced",
    "durable-overclaimed",
    "no-fsync-before-ack",
    "old-log-survives-install",
    "promise-from-log",
    "recovery-does-not-sync",
    "recovery-trusts-the-cache",
    "second-copy-not-written",
    "snapshot-end-not-cut",
    "snapshot-not-synced",
    "snapshot-unchecked",
    "snapshot-without-log-suffix",
    "stale-incarnation-accepted",
    "start-does-not-cut",
    "suffix-purged",
    "torn-record-accepted",
    "truncate-not-neutralised",
];

type Check = (&'static str, fn());

const CHECKS: [Check; 13] = [
    ("torn promise", crash::a_promise_torn_anywhere_is_the_old_one_or_the_new_one),
    ("failed syncs", crash::what_a_start_after_failed_syncs_relies_on_survives_a_power_loss),
    ("names", crash::the_names_that_a_start_relies_on_survive_a_power_loss),
    ("rot in records", rot::a_wrong_bit_in_any_settled_record_but_the_last_is_reported_and_never_yields_a_wrong_one),
    ("written elsewhere", rot::a_sector_that_was_written_elsewhere_loses_nothing_silently),
    ("rot after a start", rot::a_start_makes_damage_even_in_the_last_batch_known),
    ("rot in a snapshot", rot::a_wrong_bit_in_the_newest_snapshot_costs_that_snapshot_and_nothing_else),
    ("rot below", rot::a_wrong_bit_below_the_newest_snapshot_costs_nothing),
    ("rot in small files", rot::a_wrong_bit_in_a_small_file_costs_nothing_and_is_repaired),
    ("lost promise", rot::a_lost_promise_makes_an_amnesiac_and_stays_so),
    ("old promise", rot::a_promise_below_the_log_was_lost),
    ("lost segment", rot::a_lost_segment_is_damage_wherever_it_was),
    ("behind damage", rot::a_damaged_log_can_be_appended_to_and_never_shows_what_was_behind_the_damage),
];

#[test]
fn every_mutant_is_found() {
    for (what, check) in CHECKS {
        assert!(catch_unwind(check).is_ok(), "{what} fails without a mutant");
    }
    crash::lives(0);
    std::panic::set_hook(Box::new(|_| {}));
    let mut survivors = Vec::new();
    for name in MUTANTS {
        zk_types::activate_mutant(name);
        let check = CHECKS
            .iter()
            .find(|(_, check)| catch_unwind(check).is_err());
        let life = || (0..40).find(|seed| catch_unwind(|| crash::lives(*seed)).is_err());
        match (check, check.map_or_else(life, |_| None)) {
            (Some((what, _)), _) => println!("{name}: {what}"),
            (None, Some(seed)) => println!("{name}: a crash, seed {seed}"),
            (None, None) => survivors.push(name),
        }
    }
    zk_types::activate_mutant("");
    drop(std::panic::take_hook());
    assert!(survivors.is_empty(), "{survivors:?}");
}
