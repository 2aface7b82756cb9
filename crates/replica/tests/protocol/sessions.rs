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
