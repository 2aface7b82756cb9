//! Streams, machines and processes that break, one kind at a time, on an ensemble whose every answer
//! is judged and which has to serve again afterwards.

use sim::{
    Action, ConnName, Death, Fate, Machine, Port, Report, Rift, Side, Sizes, Stage, Survival,
};

const SECOND: u64 = 1_000_000;

/// Work goes on for a while under what is done, and everybody is served afterwards.
fn survives(seed: u64, breaks: impl FnOnce(&mut Stage) -> Vec<Action>) -> Report {
    let sizes = Sizes {
        snapshot_txns: 40,
        // The first segments of a log are shorter than the rest, and shorter ones are not kept as
        // spares.
        segment_bytes: Some(4_096),
        ..Sizes::default()
    };
    let mut stage = Stage::new(seed, sizes);
    stage.work_ms(2_000);
    for action in breaks(&mut stage) {
        assert!(stage.inflict(action.clone()), "{action}");
    }
    stage.work_ms(4_000);
    stage.finish()
}

fn back_soon(death: Death) -> Fate {
    Fate {
        death,
        key: 7,
        restart_after: Some(SECOND / 2),
    }
}

fn times(report: &Report, what: &str) -> u64 {
    report.faults.get(what).copied().unwrap_or_default()
}

/// The connection by which a follower follows.
fn following(stage: &mut Stage) -> ConnName {
    ConnName {
        from: Machine::Server(stage.follower()),
        to: Machine::Server(stage.leader()),
        port: Port::Quorum,
        nth: 0,
    }
}

#[test]
fn links_that_are_reset_are_dialled_anew() {
    survives(1, |stage| {
        let server = stage.leader();
        let conn = following(stage);
        vec![
            Action::Reset { conn },
            Action::ResetLinks { server, after: 100 },
        ]
    });
}

#[test]
fn of_a_message_that_is_cut_off_nothing_is_taken() {
    for bytes in [0, 1, 5, 40] {
        survives(2, |stage| {
            let conn = following(stage);
            let side = Side::Accepter;
            vec![Action::Cut { conn, side, bytes }]
        });
    }
}

#[test]
fn a_follower_that_hears_its_leader_no_more_comes_back() {
    survives(3, |stage| {
        let rift = Rift::OneWay {
            from: Machine::Server(stage.leader()),
            to: Machine::Server(stage.follower()),
        };
        let length = 2 * SECOND;
        vec![Action::Block { rift, length }]
    });
}

#[test]
fn a_server_that_loses_one_of_its_ports_comes_back() {
    for port in [Port::Election, Port::Quorum] {
        survives(4, |stage| {
            let server = stage.leader();
            let rift = Rift::AtPort { server, port };
            let length = 2 * SECOND;
            vec![Action::Block { rift, length }]
        });
    }
}

#[test]
fn clients_that_are_cut_off_from_a_server_are_served_by_another() {
    survives(5, |stage| {
        let rift = Rift::Clients(stage.server_of(0).expect("it is served"));
        let length = 3 * SECOND;
        vec![Action::Block { rift, length }]
    });
}

#[test]
fn two_halves_that_do_not_hear_each_other_agree_later() {
    survives(6, |stage| {
        let side = vec![Machine::Server(stage.leader()), Machine::Client(0)];
        let rift = Rift::Between(side);
        let length = 2 * SECOND;
        vec![Action::Block { rift, length }]
    });
}

#[test]
fn paths_that_clog_in_one_order_and_clear_in_another_lose_nothing() {
    survives(7, |stage| {
        let to = Machine::Server(stage.leader());
        let clog = |(from, length)| Action::Clog {
            from: Machine::Server(from),
            to,
            port: Port::Quorum,
            by: SECOND / 10,
            length,
        };
        let others = (0..3).filter(|server| to != Machine::Server(*server));
        others.zip([2 * SECOND, SECOND]).map(clog).collect()
    });
}

#[test]
fn who_stood_still_for_longer_than_anybody_waits_joins_again() {
    survives(8, |stage| {
        let (leader, follower) = (stage.leader(), stage.follower());
        let pause = |(server, length)| Action::Pause { server, length };
        let mut actions: Vec<Action> = [(leader, 3 * SECOND), (follower, 2 * SECOND)]
            .map(pause)
            .into();
        actions.push(Action::PauseClient {
            client: 0,
            length: 2 * SECOND,
        });
        actions
    });
}

#[test]
fn a_server_may_die_between_any_two_effects() {
    for effects in 0..12 {
        survives(9, |stage| {
            let fate = back_soon(Death::Power(Survival::Torn));
            vec![Action::DieAfter {
                server: stage.leader(),
                effects,
                fate,
            }]
        });
    }
}

#[test]
fn a_server_may_die_with_any_file_it_writes() {
    for prefix in ["log.", "spare.", "manifest", "snapshot"] {
        let report = survives(10, |stage| {
            let fate = back_soon(Death::Power(Survival::Mixed));
            vec![Action::DieAtFile {
                server: stage.follower(),
                prefix: prefix.to_owned(),
                times: 1,
                fate,
            }]
        });
        assert!(times(&report, "deaths at an effect") > 0, "{prefix}");
    }
}

#[test]
fn a_server_may_die_again_and_again_while_it_recovers() {
    for operations in [0, 3, 9, 20] {
        survives(11, |stage| {
            let server = stage.follower();
            let fate = back_soon(Death::Power(Survival::Mixed));
            vec![
                Action::Die { server, fate },
                Action::DieInRecovery {
                    server,
                    operations,
                    fate,
                },
                Action::DieAgain {
                    server,
                    effects: 3,
                    fate,
                },
            ]
        });
    }
}

#[test]
fn all_processes_may_die_at_once() {
    survives(12, |_| {
        let fate = back_soon(Death::Process);
        (0..3).map(|server| Action::Die { server, fate }).collect()
    });
}

#[test]
fn a_disk_that_crawls_or_stalls_costs_time_and_nothing_else() {
    survives(13, |stage| {
        vec![
            Action::SlowDisk {
                server: stage.leader(),
                times: 50,
                length: 2 * SECOND,
            },
            Action::StallDisk {
                server: stage.follower(),
                length: 2 * SECOND,
            },
        ]
    });
}

#[test]
fn a_server_that_lost_its_promise_counts_again_when_all_others_follow() {
    survives(14, |stage| {
        let fate = back_soon(Death::Process);
        let server = stage.follower();
        vec![Action::PromiseLoss { server, fate }]
    });
}

#[test]
fn a_bit_that_flips_in_an_old_record_is_missed() {
    let report = survives(15, |stage| {
        let server = stage.follower();
        let (file, offset) = stage.old_sector(server);
        vec![Action::Rot {
            server,
            file,
            offset: offset + 100,
            bit: 3,
            fate: Some(back_soon(Death::Process)),
        }]
    });
    assert_eq!(times(&report, "rot in a log"), 1);
}

#[test]
fn a_bit_that_flips_in_a_snapshot_costs_that_snapshot_alone() {
    let report = survives(16, |stage| {
        let server = stage.follower();
        let file = stage.snapshot_of(server).expect("there is one by now");
        vec![Action::Rot {
            server,
            file,
            offset: 100,
            bit: 3,
            fate: Some(back_soon(Death::Process)),
        }]
    });
    assert_eq!(times(&report, "rot in a snapshot"), 1);
}
