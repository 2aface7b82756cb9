//! A run as data: recorded, played again, and cut down.

use sim::{NoiseRules, Options, Profile, Script, Trace};

fn options(seed: u64, profile: Profile) -> Options {
    Options {
        seed,
        profile,
        trace: Trace::Off,
    }
}

fn recorded(seed: u64, profile: Profile) -> Script {
    sim::record(&options(seed, profile)).1
}

#[test]
fn a_recorded_script_is_the_same_run() {
    for profile in Profile::ALL {
        let seeds = if profile == Profile::Lite { 4 } else { 1 };
        for seed in 0..seeds {
            let (mut report, script) = sim::record(&options(seed, profile));
            let again = sim::run_script(&script, Trace::Off);
            // What was spared was not done, and no script tells of it.
            report.faults.remove("spared by the budget");
            assert_eq!(report, again);
        }
    }
}

#[test]
fn what_was_done_is_recorded_again() {
    let script = recorded(3, Profile::Lite);
    let (_, tape, again) = sim::run_script_with_tape(&script);
    assert_eq!(script, again);
    assert!(!tape.is_empty());
}

#[test]
fn half_of_a_script_is_a_run_that_passes() {
    for seed in 0..6 {
        let mut script = recorded(seed, Profile::Lite);
        let mut number = 0;
        let mut every_other = || {
            number += 1;
            number % 2 == 0
        };
        script.ops.retain(|_| every_other());
        script.strikes.retain(|_| every_other());
        let report = sim::run_script(&script, Trace::Off);
        assert!(report.passed(), "{:#?}", report.story);
    }
}

#[test]
fn a_script_without_noise_passes() {
    for seed in 0..6 {
        let mut script = recorded(seed, Profile::Lite);
        script.noise = NoiseRules::silent();
        let (report, tape, _) = sim::run_script_with_tape(&script);
        assert!(report.passed(), "{:#?}", report.story);
        assert_eq!(tape, []);
    }
}
