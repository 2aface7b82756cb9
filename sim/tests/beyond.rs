//! More than any ensemble survives: service ends, and nobody is told anything wrong.

use sim::{Action, Death, Fate, Harm, Options, Profile, Report, Sizes, Stage, Trace, Trouble};

fn harmed(seed: u64, harm: impl Fn(&mut Stage, usize)) -> Report {
    let sizes = Sizes {
        beyond: true,
        ..Sizes::default()
    };
    let mut stage = Stage::new(seed, sizes);
    stage.work_ms(3_000);
    for server in 0..2 {
        harm(&mut stage, server);
    }
    stage.work_ms(2_000);
    stage.finish()
}

fn back_soon() -> Fate {
    Fate {
        death: Death::Process,
        key: 3,
        restart_after: Some(300_000),
    }
}

fn times(report: &Report, what: &str) -> u64 {
    report.faults.get(what).copied().unwrap_or_default()
}

#[test]
fn where_most_disks_are_new_nobody_serves_what_one_remembers() {
    let fate = back_soon();
    let report = harmed(1, |stage, server| {
        assert!(stage.inflict(Action::Wipe { server, fate }));
    });
    assert_eq!(times(&report, "a stop with a reason"), 1);
}

#[test]
fn where_most_promises_are_lost_nobody_leads() {
    let fate = back_soon();
    let report = harmed(2, |stage, server| {
        assert!(stage.inflict(Action::PromiseLoss { server, fate }));
    });
    assert_eq!(times(&report, "a stop with a reason"), 1);
}

#[test]
fn where_most_logs_miss_a_record_nobody_leads() {
    let report = harmed(3, |stage, server| {
        let (file, offset) = stage.old_sector(server);
        assert!(stage.harm(server, Harm::Misdirect { file, offset }, true));
    });
    assert_eq!(times(&report, "a stop with a reason"), 1);
}

#[test]
fn where_no_disk_has_space_writes_end_and_come_back_with_it() {
    let report = harmed(4, |stage, server| {
        let trouble = Trouble::Full;
        let length = 1_500_000;
        assert!(stage.harm(server, Harm::Trouble { trouble, length }, false));
    });
    assert_eq!(times(&report, "a stop with a reason"), 0);
}

#[test]
fn a_few_seeds_without_a_budget_pass() {
    for seed in 0..3 {
        let report = sim::run(&Options {
            seed,
            profile: Profile::Beyond,
            trace: Trace::Off,
        });
        assert!(report.passed(), "{:#?}", report.story);
    }
}
