//! Frames, and bytes that are none. Source: `client-protocol.md` §1.

use crate::support::*;
use replica::Input;
use std::time::Duration;
use zk_proto::{AuthPacket, Request};

#[test]
fn an_unknown_opcode_is_answered_after_the_replies_owed_and_then_closes() {
    let mut server = Standalone::start();
    let mut client = server.connect();
    let mut bytes = client.encode(&create("/a", b"", 0));
    bytes.extend([0, 0, 0, 8, 0, 0, 0, 9, 0, 0, 0, 99]);
    server.input(Input::ClientBytes {
        conn: client.conn,
        bytes: &bytes,
    });
    server.run();
    let sent = server.sent.remove(&client.conn).expect("both answers");
    let tail = &sent[sent.len() - 16..];
    assert_eq!(tail[..4], [0, 0, 0, 9]);
    assert_eq!(tail[4..12], [0xff; 8]);
    assert_eq!(tail[12..], (-6_i32).to_be_bytes());
    assert!(server.closed.contains(&client.conn));
}

#[test]
fn hostile_first_bytes_cost_their_sender_the_connection_and_nobody_else_anything() {
    let mut server = Standalone::start();
    let mut client = server.connect();
    for bytes in [
        &b"GET / HTTP/1.1\r\n"[..],
        &[0xff; 64],
        &[0x7f, 0xff, 0xff, 0xff],
        &[0; 12],
    ] {
        let conn = server.connect_raw();
        server.input(Input::ClientBytes { conn, bytes });
        server.run();
        assert!(server.closed.contains(&conn), "{bytes:?}");
        assert!(!server.sent.contains_key(&conn), "{bytes:?}");
    }
    assert_eq!(server.ask(&mut client, &create("/a", b"", 0))[0].err(), 0);
}

#[test]
fn a_connection_that_never_speaks_is_closed() {
    let mut server = Standalone::start();
    let conn = server.connect_raw();
    server.pass(Duration::from_secs(9));
    assert!(!server.closed.contains(&conn));
    server.pass(Duration::from_secs(2));
    assert!(server.closed.contains(&conn));
}

#[test]
fn the_sixty_first_connection_of_an_address_is_closed_at_once() {
    let mut server = Standalone::start();
    let conns: Vec<_> = (0..61).map(|_| server.connect_raw()).collect();
    assert_eq!(server.closed, [conns[60]]);
}

#[test]
fn nothing_behind_a_fatal_answer_is_carried_out() {
    let mut server = Standalone::start();
    let mut client = server.connect();
    let mut bytes = client.encode(&create("/x", b"", 0));
    bytes.extend(client.encode(&Request::Auth(AuthPacket {
        scheme: Some("nonsense".into()),
        auth: None,
    })));
    bytes.extend(client.encode(&create("/y", b"", 0)));
    server.input(Input::ClientBytes {
        conn: client.conn,
        bytes: &bytes,
    });
    server.run();
    let codes: Vec<i32> = server.hear(&mut client).iter().map(Heard::err).collect();
    assert_eq!(codes, [0, -115]);
    assert!(server.closed.contains(&client.conn));
    let mut other = server.connect();
    assert_eq!(server.ask(&mut other, &get("/x", false))[0].err(), 0);
    assert_eq!(server.ask(&mut other, &get("/y", false))[0].err(), -101);
}
