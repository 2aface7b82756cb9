//! What clients of three servers may rely on. Source: `client-protocol.md` §2.6, §3.3 and §10.

use crate::support::*;
use std::time::Duration;
use zk_proto::{Request, Response};
use zk_types::{Op, SessionId, Zxid};

fn three() -> Ensemble {
    let storage = Storage {
        snapshot_txns: 100_000,
        window_bytes_max: 1 << 20,
    };
    let mut ensemble = Ensemble::start(3, storage, 1);
    ensemble.pass(TICK);
    ensemble
}

/// A new session at a server.
fn connect(ensemble: &mut Ensemble, index: usize) -> Client {
    ensemble
        .connect(index, SessionId::NONE, &[0; 16])
        .expect("a new session is granted")
}

/// A server that follows.
fn follower(ensemble: &Ensemble) -> usize {
    (ensemble.leader() + 1) % 3
}

fn exists(path: &str, watch: bool) -> Request<'_> {
    Request::Exists {
        path: Some(path.into()),
        watch,
    }
}

#[test]
fn a_session_that_is_reopened_elsewhere_loses_its_old_connection_without_a_word() {
    let mut ensemble = three();
    let (leader, follower) = (ensemble.leader(), follower(&ensemble));
    let third = 3 - leader - follower;
    for (from, to) in [(leader, follower), (follower, leader), (follower, third)] {
        let mut old = connect(&mut ensemble, from);
        let before = ensemble.applied();
        let mut new = ensemble
            .connect(to, old.session, &old.password)
            .expect("it is resumed");
        assert!(
            !ensemble.is_open(from, old.conn),
            "nobody reads stale data there"
        );
        assert!(ensemble.hear(from, &mut old).is_empty());
        assert_eq!(ensemble.applied(), before, "a move takes no zxid");
        let heard = ensemble.ask(to, &mut new, &create(&format!("/{from}{to}"), b"", 0));
        assert_eq!(heard[0].err(), 0);
    }
}

#[test]
fn ephemerals_move_with_their_session_and_go_with_it() {
    let mut ensemble = three();
    let (leader, follower) = (ensemble.leader(), follower(&ensemble));
    let mut owner = connect(&mut ensemble, follower);
    let mut other = connect(&mut ensemble, leader);
    assert_eq!(
        ensemble.ask(follower, &mut owner, &create("/e", b"", 1))[0].err(),
        0
    );
    let mut owner = ensemble
        .connect(leader, owner.session, &owner.password)
        .expect("it is resumed");
    assert_eq!(
        ensemble.ask(leader, &mut other, &exists("/e", true))[0].err(),
        0
    );
    let end = Request::Write(Op::CloseSession);
    assert_eq!(ensemble.ask(leader, &mut owner, &end)[0].err(), 0);
    assert_eq!(
        event_of(&ensemble.hear(leader, &mut other)[0]),
        "NodeDeleted /e"
    );
}

#[test]
fn a_session_that_is_closed_on_one_server_is_unknown_on_all() {
    let mut ensemble = three();
    let (leader, follower) = (ensemble.leader(), follower(&ensemble));
    let mut client = connect(&mut ensemble, follower);
    ensemble.ask(follower, &mut client, &Request::Write(Op::CloseSession));
    for index in [leader, follower] {
        let back = ensemble.connect(index, client.session, &client.password);
        assert!(back.is_none(), "it is over");
    }
    let wrong = connect(&mut ensemble, leader);
    let stranger = ensemble.connect(follower, wrong.session, &[1; 16]);
    assert!(
        stranger.is_none(),
        "a password is checked where it is shown"
    );
    assert!(ensemble.is_open(leader, wrong.conn));
}

#[test]
fn a_write_through_a_follower_is_answered_with_its_zxid_and_seen_by_the_next_read_there() {
    let mut ensemble = three();
    let follower = follower(&ensemble);
    let mut client = connect(&mut ensemble, follower);
    let before = ensemble.applied();
    let mut bytes = client.encode(&create("/a", b"", 0));
    bytes.extend(client.encode(&exists("/a", false)));
    bytes.extend(client.encode(&set("/a", b"", 7)));
    bytes.extend(client.encode(&get("/a", false)));
    ensemble.send(follower, client.conn, &bytes);
    ensemble.run();
    let heard = ensemble.hear(follower, &mut client);
    let codes: Vec<i32> = heard.iter().map(Heard::err).collect();
    assert_eq!(codes, [0, 0, -103, 0]);
    let next = before.successor().expect("a zxid");
    assert!(heard.iter().all(|reply| reply.zxid() == next));
}

#[test]
fn a_watch_fires_on_the_server_where_it_was_set() {
    let mut ensemble = three();
    let (leader, follower) = (ensemble.leader(), follower(&ensemble));
    let mut watcher = connect(&mut ensemble, follower);
    let mut writer = connect(&mut ensemble, leader);
    assert_eq!(
        ensemble.ask(follower, &mut watcher, &exists("/a", true))[0].err(),
        -101
    );
    ensemble.ask(leader, &mut writer, &create("/a", b"", 0));
    let heard = ensemble.hear(follower, &mut watcher);
    assert_eq!(event_of(&heard[0]), "NodeCreated /a");
}

#[test]
fn a_sync_is_answered_with_its_path_everywhere_and_takes_no_zxid() {
    let mut ensemble = three();
    let before = ensemble.applied();
    for index in 0..3 {
        let mut client = connect(&mut ensemble, index);
        let sync = Request::Sync {
            path: Some("/not/there".into()),
        };
        let heard = ensemble.ask(index, &mut client, &sync);
        assert_eq!(
            heard[0].response(),
            Response::Path(Some("/not/there".into()))
        );
    }
    assert_eq!(ensemble.applied(), Zxid(before.0 + 3), "three sessions");
}

#[test]
fn a_new_leader_closes_every_connection_and_keeps_every_session() {
    let mut ensemble = three();
    let leader = ensemble.leader();
    let clients: Vec<(usize, Client)> = (0..3)
        .map(|index| (index, connect(&mut ensemble, index)))
        .collect();
    ensemble.stop_server(leader);
    ensemble.wait_until_all_serve();
    let to = ensemble.leader();
    for (index, client) in &clients {
        assert!(!ensemble.is_open(*index, client.conn), "{index}");
        ensemble
            .connect(to, client.session, &client.password)
            .expect("it is resumed");
    }
}

#[test]
fn a_server_that_is_back_after_long_is_told_and_elects_at_once() {
    let mut ensemble = three();
    for _ in 0..3 {
        let gone = ensemble.leader();
        ensemble.stop_server(gone);
        let before = ensemble.now;
        ensemble.wait_until_all_serve();
        assert_eq!(ensemble.now, before, "two agree without waiting");
        ensemble.pass(Duration::from_secs(5));
        let before = ensemble.now;
        ensemble.start_server(gone);
        ensemble.wait_until_all_serve();
        assert_eq!(ensemble.now, before, "it is told who leads");
    }
}

#[test]
fn every_session_has_its_full_timeout_under_a_new_leader() {
    let mut ensemble = three();
    let follower = follower(&ensemble);
    let client = connect(&mut ensemble, follower);
    ensemble.pass(Duration::from_millis(3_900));
    ensemble.stop_server(ensemble.leader());
    ensemble.wait_until_all_serve();
    ensemble.pass(Duration::from_millis(3_900));
    let replicas: Vec<_> = ensemble.replicas().collect();
    assert!(
        replicas
            .iter()
            .all(|replica| replica.sessions().contains(client.session))
    );
    ensemble.pass(Duration::from_millis(1_000));
    assert!(
        ensemble
            .replicas()
            .all(|replica| !replica.sessions().contains(client.session))
    );
}

#[test]
fn the_members_are_shown_in_the_configuration_node() {
    let mut ensemble = three();
    let mut client = connect(&mut ensemble, 0);
    let heard = ensemble.ask(0, &mut client, &get("/zookeeper/config", false));
    let Response::Data {
        data: Some(data),
        stat,
    } = heard[0].response()
    else {
        panic!("data")
    };
    let text = String::from_utf8(data.to_vec()).expect("text");
    let lines: Vec<&str> = text.split('\n').collect();
    assert_eq!(lines.len(), 4);
    assert_eq!(lines[0], "server.1=host0:2888:3888:participant");
    assert_eq!(lines[3], "version=0", "and no line behind it");
    assert_eq!((stat.version, stat.aversion, stat.cversion), (-1, -1, 0));
    assert!(stat.mtime.0 > 0, "set when the server starts");
}

#[test]
fn each_server_says_what_it_is() {
    let mut ensemble = three();
    let leader = ensemble.leader();
    for index in 0..3 {
        let srvr = ensemble.word(index, b"srvr");
        let mntr = ensemble.word(index, b"mntr");
        assert_eq!(ensemble.word(index, b"isro"), "rw");
        if index == leader {
            assert!(srvr.contains("\nMode: leader\n"), "{srvr}");
            let last = srvr.lines().last().expect("a line");
            assert!(last.starts_with("Proposal sizes last/min/max: "), "{last}");
            for line in [
                "zk_server_state\tleader",
                "zk_peer_state\tleading - broadcast",
                "zk_quorum_size\t3",
                "zk_learners\t2",
                "zk_synced_followers\t2",
            ] {
                assert!(mntr.lines().any(|one| one == line), "{line}: {mntr}");
            }
        } else {
            assert!(srvr.contains("\nMode: follower\n"), "{srvr}");
            assert!(!srvr.contains("Proposal sizes"), "{srvr}");
            let state = "zk_peer_state\tfollowing - broadcast";
            assert!(mntr.lines().any(|one| one == state), "{mntr}");
        }
    }
}

#[test]
fn a_sync_waits_for_no_pulse_when_the_followers_have_changed() {
    let mut ensemble = three();
    let leader = ensemble.leader();
    let (first, second) = ((leader + 1) % 3, (leader + 2) % 3);
    ensemble.stop_server(first);
    ensemble.start_server(first);
    ensemble.wait_until_all_serve();
    ensemble.stop_server(second);
    let mut client = connect(&mut ensemble, leader);
    let sync = Request::Sync {
        path: Some("/".into()),
    };
    let heard = ensemble.ask(leader, &mut client, &sync);
    assert_eq!(heard.len(), 1, "no time has passed");
}
