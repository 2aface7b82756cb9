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

#[test]
fn any_byte_but_zero_asks_for_a_watch() {
    let mut server = Standalone::start();
    let conn = server.connect().conn;
    server.make(conn, "/a");
    assert_eq!(server.code(conn, 4, &[text("/a"), vec![7]]), 0);
    let sent = server.send(conn, &frame(2, 5, &[text("/a"), text("x"), int(-1)]));
    assert_eq!(replies(&sent)[0].xid, -1, "the watch fires");
}

#[test]
fn null_and_empty_data_are_different_and_survive_a_restart() {
    let mut server = Standalone::start();
    let conn = server.connect().conn;
    for (path, data) in [("/null", null()), ("/empty", text(""))] {
        let record = [text(path), data, open(), int(0)];
        assert_eq!(server.code(conn, 1, &record), 0);
    }
    for _ in 0..2 {
        let conn = server.connect().conn;
        for (path, length) in [("/null", -1), ("/empty", 0)] {
            let reply = server.call(conn, 4, &[text(path), vec![0]]);
            assert_eq!(int_at(&reply.body, 0), length, "{path}");
            assert_eq!(int_at(&reply.body, 4 + 52), 0, "dataLength of {path}");
        }
        server = server.restart(config());
    }
}

#[test]
fn malformed_utf8_is_no_error_of_decoding() {
    let mut server = Standalone::start();
    let conn = server.connect().conn;
    assert_eq!(server.code(conn, 3, &[text(b"/\xff"), vec![0]]), -101);
    let record = [text(b"/\xff"), text(""), open(), int(0)];
    assert_eq!(server.code(conn, 1, &record), -8, "U+FFFD is in no path");
    // Java writes a character above the BMP as two surrogates of three bytes each.
    let surrogates = [text(b"/\xed\xa0\xbd\xed\xb8\x80"), text(""), open(), int(0)];
    assert_eq!(server.code(conn, 1, &surrogates), -8);
}

#[test]
fn a_negative_count_other_than_minus_one_is_an_empty_vector() {
    let mut server = Standalone::start();
    let conn = server.connect().conn;
    for count in [-1, -5, 0] {
        let record = [text("/a"), text(""), int(count), int(0)];
        assert_eq!(server.code(conn, 1, &record), -114, "no entries: {count}");
    }
    let watches = [long(0), int(-5), int(-5), int(-5)];
    assert_eq!(server.code(conn, 101, &watches), 0);
}

#[test]
fn a_huge_count_is_a_marshalling_error_and_nothing_worse() {
    let mut server = Standalone::start();
    let conn = server.connect().conn;
    let record = [text("/a"), text(""), int(i32::MAX), int(0)];
    assert_eq!(server.code(conn, 1, &record), -5);
    assert_eq!(server.code(conn, 101, &[long(0), int(i32::MAX)]), -5);
    assert!(!server.is_closed(conn));
}

#[test]
fn bytes_behind_a_record_are_ignored() {
    let mut server = Standalone::start();
    let conn = server.connect().conn;
    let record = [text("/a"), text(""), open(), int(0), text("and more")];
    assert_eq!(server.code(conn, 1, &record), 0);
    assert_eq!(server.code(conn, 11, &[text("a ping with a body")]), 0);
}

#[test]
fn a_frame_of_the_limit_is_served_and_one_byte_more_costs_the_connection_but_not_the_session() {
    let mut server = Standalone::start();
    let client = server.connect();
    let conn = client.conn;
    let longest = [&b"/"[..], &vec![b'x'; 1_048_575 - 8 - 4 - 1 - 1]].concat();
    let code = server.code(conn, 3, &[text(&longest), vec![0]]);
    assert_eq!(code, -101, "the largest frame there is");
    let sent = server.send(conn, &int(1_048_576));
    assert_eq!(sent, [], "no word");
    assert!(server.is_closed(conn));
    assert!(
        server
            .connect_as(client.session, &client.password)
            .is_some(),
        "the session goes on"
    );
}

#[test]
fn lengths_that_no_request_has_close_without_a_word() {
    let mut server = Standalone::start();
    for length in [-1, i32::MIN, 0, 1, 7] {
        let conn = server.connect().conn;
        let body = vec![0; usize::try_from(length).unwrap_or(0)];
        let sent = server.send(conn, &[int(length), body].concat());
        assert_eq!(sent, [], "{length}");
        assert!(server.is_closed(conn), "{length}");
    }
}

#[test]
fn a_word_of_four_letters_is_a_length_once_a_session_is_open() {
    let mut server = Standalone::start();
    let conn = server.connect().conn;
    assert_eq!(server.send(conn, b"ruok"), []);
    assert!(server.is_closed(conn));
}

#[test]
fn opcodes_that_clients_have_no_business_with_are_unknown() {
    let mut server = Standalone::start();
    let before = {
        let conn = server.connect().conn;
        server.make(conn, "/c");
        server.replica.applied().0
    };
    for (count, opcode) in [13, 0, -1, 20, -10, 10, 23, 99, i32::MIN]
        .into_iter()
        .enumerate()
    {
        let conn = server.connect().conn;
        let reply = server.call(conn, opcode, &[text("/c"), int(0)]);
        assert_eq!((reply.xid, reply.zxid, reply.err), (1, -1, -6), "{opcode}");
        assert_eq!(reply.body, [], "{opcode}");
        assert!(server.is_closed(conn), "{opcode}");
        let sessions = u64::try_from(count).expect("few") + 1;
        assert_eq!(server.replica.applied().0, before + sessions, "{opcode}");
    }
}

#[test]
fn a_record_that_ends_early_is_a_marshalling_error_without_a_body() {
    let mut server = Standalone::start();
    let conn = server.connect().conn;
    let before = server.replica.applied();
    let record_ops = [
        1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 14, 15, 16, 17, 18, 19, 21, 22, 101, 103, 104, 105, 106,
    ];
    for opcode in record_ops {
        let reply = server.call(conn, opcode, &[vec![0, 0]]);
        assert_eq!((reply.err, reply.body), (-5, vec![]), "{opcode}");
        let reply = server.call(conn, opcode, &[int(i32::MAX)]);
        assert_eq!((reply.err, reply.body), (-5, vec![]), "{opcode}");
    }
    assert!(!server.is_closed(conn), "and the connection goes on");
    assert_eq!(server.replica.applied(), before, "no zxid is taken");
}

#[test]
fn an_auth_or_sasl_packet_that_ends_early_closes_without_a_word() {
    let mut server = Standalone::start();
    for opcode in [100, 102] {
        let conn = server.connect().conn;
        assert_eq!(server.send(conn, &frame(1, opcode, &[vec![0, 0]])), []);
        assert!(server.is_closed(conn), "{opcode}");
    }
}

#[test]
fn a_null_where_a_path_is_needed_is_a_marshalling_error_but_for_changes_of_a_node() {
    let mut server = Standalone::start();
    let conn = server.connect().conn;
    let cases = [
        (1, vec![null(), text(""), open(), int(0)], -5),
        (2, vec![null(), int(-1)], -5),
        (3, vec![null(), vec![0]], -5),
        (4, vec![null(), vec![0]], -5),
        (5, vec![null(), text(""), int(-1)], -8),
        (6, vec![null()], -5),
        (7, vec![null(), open(), int(-1)], -8),
        (8, vec![null(), vec![0]], -5),
        (12, vec![null(), vec![0]], -5),
        (104, vec![null()], -5),
    ];
    for (opcode, record, code) in cases {
        assert_eq!(server.code(conn, opcode, &record), code, "{opcode}");
    }
    let sync = server.call(conn, 9, &[null()]);
    assert_eq!((sync.err, sync.body), (0, null()), "sync echoes even that");
    assert_eq!(server.code(conn, 103, &[null()]), 0, "no prefix means all");
}

#[test]
fn a_server_that_finds_no_quorum_takes_no_client() {
    let mut config = config();
    config.members = (1..=3)
        .map(|id| {
            (
                zk_types::ServerId(id),
                format!("host{id}:2888:3888:participant"),
            )
        })
        .collect();
    let mut server = Standalone::start_on(MemoryDisk::default(), config);
    let conn = server.connect_raw();
    let sent = server.send(conn, &greeting(zk_types::SessionId::NONE, &[0; 16]));
    assert_eq!(sent, []);
    assert!(server.is_closed(conn));
}

#[test]
fn one_connection_too_many_is_closed_at_once() {
    let mut config = config();
    config.connections_max = 2;
    let mut server = Standalone::start_on(MemoryDisk::default(), config);
    let conns: Vec<_> = (0..3).map(|_| server.connect_raw()).collect();
    assert_eq!(server.closed, [conns[2]]);
}
