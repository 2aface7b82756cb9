//! The first frame of a connection. Source: `client-protocol.md` §2.1 to §2.5.

use crate::support::*;
use replica::Input;
use std::time::Duration;
use zk_proto::ConnectRequest;
use zk_types::{SessionId, Zxid};

#[test]
fn a_session_is_resumed_with_its_password_only() {
    let mut server = Standalone::start();
    let first = server.connect();
    assert!(server.connect_as(first.session, &[1; 16]).is_none());
    assert!(
        !server.closed.contains(&first.conn),
        "a wrong password displaces nobody"
    );
    let second = server
        .connect_as(first.session, &first.password)
        .expect("it is resumed");
    assert_eq!(second.session, first.session);
    assert!(
        server.closed.contains(&first.conn),
        "the old connection is displaced"
    );
}

#[test]
fn a_client_that_is_ahead_of_the_server_is_turned_away_without_a_word() {
    let mut server = Standalone::start();
    let conn = server.connect_raw();
    let mut bytes = Vec::new();
    ConnectRequest {
        last_zxid_seen: Zxid(1 << 60),
        timeout_ms: 10_000,
        session: SessionId::NONE,
        password: None,
        read_only: None,
    }
    .encode(&mut bytes);
    server.input(Input::ClientBytes {
        conn,
        bytes: &bytes,
    });
    server.run();
    assert!(server.closed.contains(&conn));
    assert!(!server.sent.contains_key(&conn));
}

/// The fields of a handshake's request after the protocol version.
fn hello(version: i32, seen: i64, timeout_ms: i32, session: i64, rest: &[u8]) -> Vec<u8> {
    let fields = [
        int(version),
        long(seen),
        int(timeout_ms),
        long(session),
        rest.to_vec(),
    ];
    text(fields.concat())
}

const PASSWORD: [u8; 16] = [0; 16];

#[test]
fn any_protocol_version_is_accepted_and_none_but_zero_is_answered() {
    let mut server = Standalone::start();
    let conn = server.connect_raw();
    let sent = server.send(conn, &hello(99, 0, 9_000, 0, &text(PASSWORD)));
    assert_eq!((int_at(&sent, 0), int_at(&sent, 4)), (36, 0));
}

#[test]
fn a_new_session_needs_no_password() {
    let mut server = Standalone::start();
    for password in [null(), text("")] {
        let conn = server.connect_raw();
        let sent = server.send(conn, &hello(0, 0, 9_000, 0, &password));
        assert_eq!(sent.len(), 4 + 36);
        assert_eq!(int_at(&sent, 8), 9_000);
        assert_eq!(int_at(&sent, 20), 16, "it is given one");
    }
}

#[test]
fn a_greeting_that_ends_before_the_length_of_its_password_closes_without_a_word() {
    let mut server = Standalone::start();
    let whole = hello(0, 0, 9_000, 0, &null());
    assert_eq!(whole.len(), 4 + 28);
    for length in 0..28 {
        let conn = server.connect_raw();
        let fields = whole[4..4 + length].to_vec();
        assert_eq!(server.send(conn, &text(fields)), [], "{length}");
        assert!(server.is_closed(conn), "{length}");
    }
    let conn = server.connect_raw();
    assert_ne!(server.send(conn, &whole), []);
}

#[test]
fn a_timeout_is_clamped_between_twice_and_twenty_times_the_tick() {
    let mut server = Standalone::start();
    for (asked, granted) in [
        (i32::MIN, 4_000),
        (-1, 4_000),
        (0, 4_000),
        (3_999, 4_000),
        (4_001, 4_001),
        (40_000, 40_000),
        (i32::MAX, 40_000),
    ] {
        let conn = server.connect_raw();
        let sent = server.send(conn, &hello(0, 0, asked, 0, &text(PASSWORD)));
        assert_eq!(int_at(&sent, 8), granted, "{asked}");
    }
}

#[test]
fn a_new_client_that_is_ahead_is_turned_away_too_and_a_negative_zxid_is_behind() {
    let mut server = Standalone::start();
    let applied = i64::try_from(server.replica.applied().0).expect("a small zxid");
    for seen in [applied + 1, i64::MAX] {
        let conn = server.connect_raw();
        assert_eq!(
            server.send(conn, &hello(0, seen, 9_000, 0, &text(PASSWORD))),
            []
        );
        assert!(server.is_closed(conn));
    }
    for seen in [applied, 0, -1, i64::MIN] {
        let conn = server.connect_raw();
        let sent = server.send(conn, &hello(0, seen, 9_000, 0, &text(PASSWORD)));
        assert_eq!(sent.len(), 4 + 36, "{seen}");
    }
}

#[test]
fn what_is_pipelined_behind_a_greeting_is_answered_behind_its_answer() {
    let mut server = Standalone::start();
    let conn = server.connect_raw();
    let mut bytes = greeting(SessionId::NONE, &PASSWORD);
    bytes.extend(frame(1, 1, &[text("/a"), text(""), open(), int(0)]));
    bytes.extend(frame(2, 11, &[]));
    let sent = server.send(conn, &bytes);
    let (welcome, rest) = sent.split_at(4 + 37);
    assert_eq!(int_at(welcome, 8), 10_000);
    let xids: Vec<i32> = replies(rest).iter().map(|reply| reply.xid).collect();
    assert_eq!(xids, [1, -2]);
}

#[test]
fn a_new_session_takes_a_zxid_and_a_resumed_one_takes_none() {
    let mut server = Standalone::start();
    let before = server.replica.applied();
    let client = server.connect();
    assert_eq!(Some(server.replica.applied()), before.successor());
    server
        .connect_as(client.session, &client.password)
        .expect("it is resumed");
    assert_eq!(Some(server.replica.applied()), before.successor());
}

#[test]
fn the_timeout_of_a_resumed_session_is_negotiated_anew() {
    let mut server = Standalone::start();
    let client = server.connect();
    let conn = server.connect_raw();
    let greeting = hello(0, 0, 6_000, client.session.0, &text(&client.password));
    let sent = server.send(conn, &greeting);
    assert_eq!(int_at(&sent, 8), 6_000);
    assert_eq!(long_at(&sent, 12), client.session.0);
    assert_eq!(sent[24..40], client.password);
    server.pass(Duration::from_millis(8_000));
    assert!(server.is_closed(conn), "6 s and a tick, not 10 s");
}

#[test]
fn a_session_that_is_unknown_or_not_proven_is_refused_in_the_documented_bytes() {
    let mut server = Standalone::start();
    let client = server.connect();
    let unknown = client.session.0 + 1;
    for (session, password) in [
        (unknown, text(&client.password)),
        (client.session.0, text([1; 16])),
        (client.session.0, text(&client.password[..15])),
        (client.session.0, null()),
    ] {
        let conn = server.connect_raw();
        let sent = server.send(conn, &hello(0, 0, 9_000, session, &password));
        let refusal = [vec![0; 16], text(PASSWORD)].concat();
        assert_said(&sent, &digits(&text(refusal)));
        assert!(server.is_closed(conn));
    }
    assert!(!server.is_closed(client.conn), "its owner is not disturbed");
}

#[test]
fn an_id_names_its_server_and_counts_upwards() {
    let mut server = Standalone::start();
    let (first, second) = (server.connect().session.0, server.connect().session.0);
    assert_eq!(first >> 56, 1, "a server that stands alone is number 1");
    assert_eq!(second, first + 1);
}

#[test]
fn a_client_that_would_take_a_read_only_server_takes_one_that_is_not() {
    let mut server = Standalone::start();
    let conn = server.connect_raw();
    let rest = [text(PASSWORD), vec![1]].concat();
    let sent = server.send(conn, &hello(0, 0, 9_000, 0, &rest));
    assert_eq!(sent.len(), 4 + 37);
    assert_eq!(sent.last(), Some(&0), "this server is not read-only");
}
