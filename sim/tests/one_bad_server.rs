//! One server that is bad, whatever ails it, neither stops the commits of the others nor makes epochs
//! grow.

use client_core::{ClientRequest, Create, CreateMode, CreateReply};
use sim::{Action, Machine, Rift, Sizes, Stage};
use zk_types::{Acl, Perms};

const SECOND: u64 = 1_000_000;
/// A tick of a stage.
const TICK: u64 = 200_000;

fn create(path: String) -> ClientRequest {
    ClientRequest::Create(Create {
        path,
        data: None,
        acl: vec![Acl::world(Perms::ALL)],
        mode: CreateMode::Persistent,
        reply: CreateReply::Path,
    })
}

/// Does something to one follower again and again, while a client of another server writes.
fn the_others_go_on(mut ail: impl FnMut(&mut Stage, usize, usize)) {
    let mut stage = Stage::new(17, Sizes::default());
    let leader = stage.leader();
    let (served, mut servers) = (stage.server_of(0), 0..3);
    let bad = servers.find(|server| *server != leader && Some(*server) != served);
    let bad = bad.expect("one of two followers");
    for round in 0..20 {
        ail(&mut stage, leader, bad);
        for part in 0..10 {
            let asked = stage.now();
            let answer = stage.ask(0, create(format!("/{round}-{part}")));
            let waited = stage.now() - asked;
            assert!(answer.is_ok(), "{answer:?}");
            assert!(waited < TICK, "{waited} us in round {round}");
            stage.pass_ms(50);
        }
    }
    assert_eq!(stage.leader(), leader);
    assert_eq!(stage.noted("is leading epoch"), 1);
    stage.pass_ms(10_000);
    stage.finish();
}

fn rift(stage: &mut Stage, rift: Rift) {
    let length = SECOND / 2;
    assert!(stage.inflict(Action::Block { rift, length }));
}

#[test]
fn a_server_that_starts_and_dies_again_and_again_disturbs_nobody() {
    the_others_go_on(|stage, _, bad| {
        stage.kill(bad);
        stage.start(bad);
    });
}

#[test]
fn a_server_with_a_slow_disk_disturbs_nobody() {
    the_others_go_on(|stage, _, server| {
        let (times, length) = (1_000, SECOND / 2);
        assert!(stage.inflict(Action::SlowDisk {
            server,
            times,
            length
        }));
    });
}

#[test]
fn a_server_whose_disk_does_nothing_disturbs_nobody() {
    the_others_go_on(|stage, _, server| {
        let length = SECOND / 2;
        assert!(stage.inflict(Action::StallDisk { server, length }));
    });
}

#[test]
fn a_server_that_does_not_hear_its_leader_disturbs_nobody() {
    the_others_go_on(|stage, leader, bad| {
        let (from, to) = (Machine::Server(leader), Machine::Server(bad));
        rift(stage, Rift::OneWay { from, to });
    });
}

#[test]
fn a_server_that_its_leader_does_not_hear_disturbs_nobody() {
    the_others_go_on(|stage, leader, bad| {
        let (from, to) = (Machine::Server(bad), Machine::Server(leader));
        rift(stage, Rift::OneWay { from, to });
    });
}

#[test]
fn a_server_that_is_cut_off_now_and_then_disturbs_nobody() {
    the_others_go_on(|stage, _, bad| rift(stage, Rift::Around(bad)));
}

#[test]
fn a_server_that_stands_still_now_and_then_disturbs_nobody() {
    the_others_go_on(|stage, _, server| {
        let length = SECOND / 2;
        assert!(stage.inflict(Action::Pause { server, length }));
    });
}
