//! How a session lives and ends. Source: `client-protocol.md` §2.4 to §2.7.

use crate::support::*;
use replica::Input;
use std::time::Duration;
use zk_proto::Request;
use zk_types::Op;

#[test]
fn closing_a_session_removes_its_ephemerals_and_the_connection() {
    let mut server = Standalone::start();
    let mut owner = server.connect();
    let mut other = server.connect();
    server.ask(&mut owner, &create("/e", b"", 1));
    server.ask(
        &mut other,
        &Request::Exists {
            path: Some("/e".into()),
            watch: true,
        },
    );
    let heard = server.ask(&mut owner, &Request::Write(Op::CloseSession));
    assert_eq!(heard[0].err(), 0);
    assert!(server.closed.contains(&owner.conn));
    assert_eq!(event_of(&server.hear(&mut other)[0]), "NodeDeleted /e");
    assert!(
        server.connect_as(owner.session, &owner.password).is_none(),
        "the session is over"
    );
}

#[test]
fn a_silent_session_expires_after_its_timeout_and_not_before() {
    let mut server = Standalone::start();
    let mut owner = server.connect();
    let mut other = server.connect();
    server.ask(&mut owner, &create("/e", b"", 1));
    let exists = Request::Exists {
        path: Some("/e".into()),
        watch: false,
    };
    for _ in 0..3 {
        server.pass(Duration::from_secs(3));
        assert_eq!(
            server.ask(&mut other, &exists)[0].err(),
            0,
            "within the timeout"
        );
    }
    server.pass(Duration::from_secs(5));
    assert_eq!(
        server.ask(&mut other, &exists)[0].err(),
        -101,
        "past timeout and tick"
    );
    assert!(server.closed.contains(&owner.conn));
}

#[test]
fn a_client_that_is_only_told_things_expires_all_the_same() {
    let mut server = Standalone::start();
    let mut owner = server.connect();
    let mut other = server.connect();
    server.ask(&mut owner, &create("/e", b"", 1));
    server.ask(&mut other, &create("/busy", b"", 0));
    let watch = Request::AddWatch {
        path: Some("/busy".into()),
        mode: zk_proto::AddWatchMode::Persistent,
    };
    server.ask(&mut owner, &watch);
    for _ in 0..15 {
        server.pass(Duration::from_secs(1));
        server.ask(&mut other, &set("/busy", b"", -1));
        let sent = server.sent.remove(&owner.conn).unwrap_or_default();
        server.input(Input::ClientSent {
            conn: owner.conn,
            bytes: sent.len(),
        });
    }
    assert_eq!(server.ask(&mut other, &get("/e", false))[0].err(), -101);
    assert!(server.closed.contains(&owner.conn));
}

#[test]
fn a_server_that_was_stopped_for_long_hears_its_clients_before_it_expires_them() {
    let mut server = Standalone::start();
    let mut client = server.connect();
    server.now += Duration::from_secs(60);
    server.input(Input::Timeout);
    server.run();
    assert_eq!(server.ask(&mut client, &Request::Ping)[0].err(), 0);
    server.pass(Duration::from_secs(8));
    assert!(
        !server.closed.contains(&client.conn),
        "it spoke as soon as it was heard"
    );
    server.pass(Duration::from_secs(5));
    assert!(
        server.closed.contains(&client.conn),
        "it was silent for its timeout since"
    );
}

#[test]
fn a_ping_in_time_keeps_a_session_whatever_else_is_due_meanwhile() {
    let mut server = Standalone::start();
    let mut client = server.connect();
    for _ in 0..20 {
        server.pass(Duration::from_millis(9_700));
        server.ask(&mut client, &Request::Ping);
    }
    server.pass(Duration::from_millis(100));
    assert!(!server.closed.contains(&client.conn));
}

#[test]
fn what_is_pipelined_behind_the_end_of_a_session_is_neither_answered_nor_carried_out() {
    let mut server = Standalone::start();
    let mut client = server.connect();
    let before = server.replica.applied();
    let mut bytes = client.encode(&Request::Write(Op::CloseSession));
    bytes.extend(client.encode(&Request::Write(Op::Multi(vec![]))));
    bytes.extend(client.encode(&Request::Write(Op::CloseSession)));
    bytes.extend(client.encode(&get("/", false)));
    let sent = server.send(client.conn, &bytes);
    assert_eq!(client.decode(&sent).len(), 1);
    assert!(server.closed.contains(&client.conn));
    assert_eq!(server.replica.applied(), before.successor().unwrap());
}

#[test]
fn the_end_of_a_session_may_be_asked_for_with_any_xid() {
    let mut server = Standalone::start();
    let conn = server.connect().conn;
    let zxid = i64::try_from(server.replica.applied().0).expect("a small zxid") + 1;
    let sent = server.send(conn, &frame(0, -11, &[]));
    let reply = &replies(&sent)[0];
    assert_eq!((reply.xid, reply.zxid, reply.err), (0, zxid, 0));
    assert_eq!(reply.body, []);
    assert!(server.is_closed(conn));
}

#[test]
fn a_session_outlives_its_connection_and_its_watches_do_not() {
    let mut server = Standalone::start();
    let client = server.connect();
    let other = server.connect().conn;
    let ephemeral = [text("/e"), text(""), open(), int(1)];
    assert_eq!(server.code(client.conn, 1, &ephemeral), 0);
    assert_eq!(server.code(client.conn, 4, &[text("/e"), vec![1]]), 0);
    server.input(Input::ClientClosed { conn: client.conn });
    server.pass(Duration::from_secs(3));
    assert_eq!(server.code(other, 3, &[text("/e"), vec![0]]), 0);
    let back = server
        .connect_as(client.session, &client.password)
        .expect("it is resumed");
    server.put(other, "/e", "x");
    assert!(!server.sent.contains_key(&back.conn), "nothing is watched");
}

#[test]
fn a_session_that_expires_is_just_closed_and_others_hear_of_its_nodes() {
    let mut server = Standalone::start();
    let owner = server.connect();
    let other = server.connect();
    let ephemeral = [text("/e"), text(""), open(), int(1)];
    assert_eq!(server.code(owner.conn, 1, &ephemeral), 0);
    assert_eq!(server.code(owner.conn, 8, &[text("/"), vec![1]]), 0);
    assert_eq!(server.code(other.conn, 4, &[text("/e"), vec![1]]), 0);
    let mut heard = Vec::new();
    for _ in 0..7 {
        server.pass(Duration::from_secs(2));
        heard.extend(server.send(other.conn, &frame(-2, 11, &[])));
    }
    assert!(server.is_closed(owner.conn));
    let last = server.sent.remove(&owner.conn).unwrap_or_default();
    assert!(
        replies(&last).iter().all(|frame| frame.xid == -1),
        "its own events at most"
    );
    let deleted = [int(2), int(3), text("/e")].concat();
    let events: Vec<_> = replies(&heard)
        .into_iter()
        .filter(|reply| reply.xid == -1)
        .collect();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].body, deleted);
}

#[test]
fn every_request_keeps_a_session_alive() {
    let mut server = Standalone::start();
    let client = server.connect();
    for _ in 0..8 {
        server.pass(Duration::from_secs(8));
        assert_eq!(server.code(client.conn, 3, &[text("/"), vec![0]]), 0);
    }
    assert!(!server.is_closed(client.conn));
}

#[test]
fn sessions_have_their_full_timeout_after_a_restart() {
    let server = Standalone::start();
    let mut server = server.restart(config());
    let client = server.connect();
    server.pass(Duration::from_secs(9));
    let mut server = server.restart(config());
    server.pass(Duration::from_secs(9));
    assert!(server.replica.sessions().contains(client.session));
    assert!(
        server
            .connect_as(client.session, &client.password)
            .is_some()
    );
}

#[test]
fn a_session_that_is_closed_by_its_new_connection_is_over() {
    let mut server = Standalone::start();
    let client = server.connect();
    let new = server
        .connect_as(client.session, &client.password)
        .expect("it is resumed");
    assert_eq!(server.code(new.conn, -11, &[]), 0);
    assert!(!server.replica.sessions().contains(client.session));
}
