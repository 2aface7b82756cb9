//! A few seeds of every profile, and that a seed is one run.

use sim::{Options, Profile, Snapshot, Trace};

fn options(seed: u64, profile: Profile) -> Options {
    Options {
        seed,
        profile,
        trace: Trace::Off,
    }
}

#[test]
fn the_same_seed_is_the_same_run() {
    for seed in [1, 2, 3] {
        let report = sim::run_twice(&options(seed, Profile::Lite));
        assert!(report.passed(), "{:#?}", report.story);
        let other = sim::run(&options(seed + 10, Profile::Lite));
        assert_ne!(report.chain, other.chain);
    }
}

#[test]
fn a_small_swarm_passes() {
    for seed in 0..30 {
        let report = sim::run(&options(seed, Profile::Lite));
        assert!(report.passed(), "{:#?}", report.story);
    }
}

#[test]
fn quiet_worlds_pass_and_nonsense_disturbs_nobody() {
    for profile in [Profile::Quiet, Profile::Hostile] {
        let report = sim::run(&options(0, profile));
        assert!(report.passed(), "{:#?}", report.story);
        assert!(report.client_ops > 0 && report.txns > 0);
    }
}

#[test]
fn a_clone_of_a_world_goes_on_to_the_same_events() {
    for seed in 0..4 {
        let options = options(seed, Profile::Lite);
        let whole = sim::run(&options);
        for part in [0, 1, 2, 3] {
            let snapshot = Snapshot::of(&options, whole.events * part / 4);
            assert_eq!(snapshot.clone().finish(), whole);
            assert_eq!(snapshot.finish(), whole);
        }
    }
}

#[test]
fn a_run_that_is_recorded_is_the_same_run() {
    let seed = options(5, Profile::Lite);
    let silent = sim::run(&seed);
    let recorded = sim::run(&Options {
        trace: Trace::Full,
        ..seed
    });
    assert_eq!(silent.chain, recorded.chain);
    assert_eq!(silent.chronicle, None);
    let chronicle = recorded.chronicle.expect("it was asked for");
    for (id, event) in chronicle.numbered() {
        assert!(event.causes.iter().all(|cause| *cause < id));
    }
    let again = sim::trace::Chronicle::from_bytes(&chronicle.to_bytes());
    assert_eq!(again.as_ref(), Ok(&*chronicle));
}
