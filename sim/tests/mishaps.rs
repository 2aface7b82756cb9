//! Mishaps of networks, machines and clients, each by itself, on an ensemble whose every answer is
//! judged and which has to serve again afterwards.

use client_core::{ClientRequest, Create, CreateMode, CreateReply};
use sim::{
    Action, ConnName, Dials, Limits, Machine, Mishap, Port, Report, Rift, Side, Sizes, Stage,
    StormKind,
};
use zk_types::{Acl, Perms};

const SECOND: u64 = 1_000_000;

fn create(path: &str) -> ClientRequest {
    ClientRequest::Create(Create {
        path: path.to_owned(),
        data: None,
        acl: vec![Acl::world(Perms::ALL)],
        mode: CreateMode::Persistent,
        reply: CreateReply::Path,
    })
}

fn happens(stage: &mut Stage, mishap: Mishap) {
    assert!(stage.inflict(Action::Mishap(mishap)));
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

fn of_client(stage: &Stage) -> ConnName {
    ConnName {
        from: Machine::Client(0),
        to: Machine::Server(stage.server_of(0).expect("it is served")),
        port: Port::Client,
        nth: 0,
    }
}

/// Work goes on for a while under a mishap, and everybody is served afterwards.
fn survives(seed: u64, mishap: impl FnOnce(&mut Stage) -> Mishap) -> Report {
    let mut stage = Stage::new(seed, Sizes::default());
    stage.work_ms(500);
    let mishap = mishap(&mut stage);
    happens(&mut stage, mishap);
    stage.work_ms(4_000);
    stage.finish()
}

#[test]
fn a_link_that_is_gone_unseen_is_given_up_and_replaced() {
    let halve = |stage: &mut Stage| Mishap::Halve {
        conn: following(stage),
    };
    let report = survives(1, halve);
    assert!(report.faults["bytes swallowed"] > 0);
    let lose = |side| {
        move |stage: &mut Stage| Mishap::LoseAfter {
            conn: following(stage),
            side,
            bytes: 100,
        }
    };
    assert!(survives(2, lose(Side::Dialler)).faults["bytes swallowed"] > 0);
    assert!(survives(3, lose(Side::Accepter)).faults["bytes swallowed"] > 0);
    let half_open = |stage: &mut Stage| Mishap::Halve {
        conn: of_client(stage),
    };
    survives(4, half_open);
}

#[test]
fn a_closed_link_is_dialled_anew() {
    let finish = |stage: &mut Stage| Mishap::Finish {
        conn: following(stage),
    };
    survives(5, finish);
}

#[test]
fn a_reader_that_stands_still_holds_up_nobody_else() {
    for side in [Side::Dialler, Side::Accepter] {
        let stall = |stage: &mut Stage| Mishap::StallReader {
            conn: of_client(stage),
            side,
            length: 2 * SECOND,
        };
        let report = survives(6, stall);
        assert!(report.faults["bytes held by their reader"] > 0);
    }
}

#[test]
fn a_client_whose_dials_fail_goes_to_another_server() {
    for dials in [Dials::Refused, Dials::Ignored] {
        let mut stage = Stage::new(7, Sizes::default());
        let server = stage.server_of(0).expect("it is served");
        let mishap = Mishap::Dials {
            server,
            port: Port::Client,
            dials,
            length: 60 * SECOND,
        };
        happens(&mut stage, mishap);
        stage.disconnect(0);
        stage.pass_ms(20_000);
        let now = stage.server_of(0).expect("it is served again");
        assert_ne!(now, server);
        stage.finish();
    }
}

#[test]
fn a_follower_that_cannot_dial_its_leader_comes_back_when_it_can() {
    let mut stage = Stage::new(8, Sizes::default());
    let (from, to) = (stage.follower(), stage.leader());
    let mishap = Mishap::Lead {
        from: Machine::Server(from),
        to,
        instead: None,
        length: 3 * SECOND,
    };
    happens(&mut stage, mishap);
    stage.kill(from);
    stage.start(from);
    stage.work_ms(2_000);
    stage.pass_ms(10_000);
    stage.settle();
    assert!(stage.finish().faults["names not resolved"] > 0);
}

#[test]
fn whoever_finds_another_server_under_a_name_is_served_or_turned_away() {
    let mut stage = Stage::new(9, Sizes::default());
    let (follower, leader) = (stage.follower(), stage.leader());
    let other = (0..3).find(|server| ![follower, leader].contains(server));
    for from in [Machine::Server(follower), Machine::Client(0)] {
        let mishap = Mishap::Lead {
            from,
            to: leader,
            instead: other,
            length: 5 * SECOND,
        };
        happens(&mut stage, mishap);
    }
    stage.kill(follower);
    stage.start(follower);
    stage.disconnect(0);
    stage.work_ms(4_000);
    stage.pass_ms(10_000);
    stage.settle();
    assert!(stage.finish().faults["names that led elsewhere"] > 0);
}

#[test]
fn a_leader_that_sees_two_halves_goes_on_and_so_does_a_ring() {
    let sizes = Sizes {
        servers: 5,
        ..Sizes::default()
    };
    let mut stage = Stage::new(10, sizes);
    let leader = stage.leader();
    let others: Vec<usize> = (0..5).filter(|server| *server != leader).collect();
    let mut apart = Vec::new();
    for left in &others[..2] {
        apart.extend(others[2..].iter().map(|right| (*left, *right)));
    }
    let length = 10 * SECOND;
    let rift = Rift::Apart(apart);
    stage.inflict(Action::Block { rift, length });
    stage.work_ms(2_000);
    stage.ask(0, create("/bridged")).expect("a quorum talks");
    assert_eq!(stage.leader(), leader);
    stage.pass_ms(10_000);
    let ring = [(0, 2), (0, 3), (1, 3), (1, 4), (2, 4)].to_vec();
    let rift = Rift::Apart(ring);
    stage.inflict(Action::Block { rift, length });
    stage.work_ms(5_000);
    stage.finish();
}

#[test]
fn slow_machines_and_narrow_paths_delay_and_lose_nothing() {
    let length = 3 * SECOND;
    let machine = Machine::Server;
    let slow = |stage: &mut Stage| Mishap::Slow {
        machine: machine(stage.follower()),
        by: 50_000,
        length,
    };
    survives(11, slow);
    let cap = |stage: &mut Stage| Mishap::Cap {
        machine: machine(stage.leader()),
        rate: 20_000,
        length,
    };
    let report = survives(12, cap);
    assert!(report.faults["bytes behind a bandwidth cap"] > 0);
    let cpu = |stage: &mut Stage| Mishap::SlowCpu {
        server: stage.leader(),
        times: 50,
        length,
    };
    survives(13, cpu);
}

#[test]
fn a_wall_clock_that_stands_still_or_goes_back_stops_nothing() {
    let freeze = |stage: &mut Stage| Mishap::FreezeWall {
        server: stage.leader(),
        length: 3 * SECOND,
    };
    survives(14, freeze);
    let mut stage = Stage::new(15, Sizes::default());
    let server = stage.leader();
    let by_ms = -1_000;
    stage.inflict(Action::WallJump { server, by_ms });
    stage.work_ms(2_000);
    // A machine that moves: it stands still past every limit, and its clock shows another time.
    let length = 6 * SECOND;
    stage.inflict(Action::Pause { server, length });
    let by_ms = 60_000;
    stage.inflict(Action::WallJump { server, by_ms });
    stage.work_ms(10_000);
    stage.settle();
    stage.finish();
}

#[test]
fn all_servers_stand_still_together_and_go_on() {
    let mut stage = Stage::new(16, Sizes::default());
    for server in 0..3 {
        let length = 6 * SECOND;
        stage.inflict(Action::Pause { server, length });
    }
    stage.work_ms(12_000);
    stage.finish();
}

#[test]
fn servers_start_anew_one_by_one_with_other_limits() {
    let mut stage = Stage::new(17, Sizes::default());
    for (server, snapshot_txns) in [(0, 3), (1, 50), (2, 7)] {
        let limits = Limits {
            init_limit: 5,
            sync_limit: 2,
            snapshot_txns,
            segment_bytes: 4_096,
            window_bytes_max: 512,
            chunk_bytes: 100,
            outstanding_max: 5,
        };
        happens(&mut stage, Mishap::Retune { server, limits });
        stage.work_ms(1_000);
        stage.kill(server);
        stage.work_ms(500);
        stage.start(server);
        stage.settle();
    }
    assert!(stage.noted("took a snapshot") > 0);
    stage.finish();
}

#[test]
fn sessions_that_fall_silent_together_end_together() {
    let mut stage = Stage::new(18, Sizes::default());
    stage.pass_ms(2_000);
    let (before, _) = stage.sessions();
    let server = stage.follower();
    let kind = StormKind::Silence;
    let count = 200;
    let storm = Mishap::Storm {
        kind,
        server,
        count,
    };
    happens(&mut stage, storm);
    stage.pass_ms(2_500);
    assert_eq!(stage.sessions().0, before + 200);
    stage.pass_ms(15_000);
    assert_eq!(stage.sessions().0, before);
    stage.finish();
}

#[test]
fn many_watches_fire_for_one_change_and_a_long_pipeline_is_answered_in_order() {
    for (kind, count) in [(StormKind::Watches, 300), (StormKind::Pipeline, 1_000)] {
        let storm = |stage: &mut Stage| Mishap::Storm {
            kind,
            server: stage.follower(),
            count,
        };
        survives(19, storm);
    }
}
