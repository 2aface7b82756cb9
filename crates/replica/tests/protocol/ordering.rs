//! Who is answered when, and with which zxid. Source: `client-protocol.md` §3.

use crate::support::*;
use replica::Input;
use zk_proto::{Request, Response};

#[test]
fn a_pipelined_read_sees_the_write_before_it_and_not_the_one_after() {
    let mut server = Standalone::start();
    let mut client = server.connect();
    server.ask(&mut client, &create("/a", b"0", 0));
    let mut bytes = Vec::new();
    for request in [set("/a", b"1", -1), get("/a", false), set("/a", b"2", -1)] {
        bytes.extend(client.encode(&request));
    }
    server.input(Input::ClientBytes {
        conn: client.conn,
        bytes: &bytes,
    });
    server.run();
    let heard = server.hear(&mut client);
    assert_eq!(heard.len(), 3);
    let Response::Data { data, .. } = heard[1].response() else {
        panic!("data")
    };
    assert_eq!(data.as_deref(), Some(&b"1"[..]));
}

#[test]
fn an_event_precedes_the_reply_of_the_write_that_caused_it() {
    let mut server = Standalone::start();
    let mut client = server.connect();
    server.ask(&mut client, &create("/a", b"", 0));
    server.ask(&mut client, &get("/a", true));
    let heard = server.ask(&mut client, &set("/a", b"x", -1));
    assert_eq!(event_of(&heard[0]), "NodeDataChanged /a");
    assert_eq!(heard[1].err(), 0);
    let again = server.ask(&mut client, &set("/a", b"y", -1));
    assert_eq!(again.len(), 1, "a standard watch fires once");
}

#[test]
fn a_failed_write_takes_no_zxid_and_is_answered_in_its_turn() {
    let mut server = Standalone::start();
    let mut client = server.connect();
    server.ask(&mut client, &create("/a", b"", 0));
    let before = server.replica.applied();
    let mut bytes = Vec::new();
    for request in [set("/a", b"1", 0), set("/a", b"2", 0), set("/a", b"3", 1)] {
        bytes.extend(client.encode(&request));
    }
    server.input(Input::ClientBytes {
        conn: client.conn,
        bytes: &bytes,
    });
    server.run();
    let codes: Vec<i32> = server.hear(&mut client).iter().map(Heard::err).collect();
    assert_eq!(codes, [0, -103, 0]);
    assert_eq!(server.replica.applied().0, before.0 + 2);
}

#[test]
fn sync_echoes_its_path_after_the_writes_before_it() {
    let mut server = Standalone::start();
    let mut client = server.connect();
    let mut bytes = client.encode(&create("/a", b"", 0));
    bytes.extend(client.encode(&Request::Sync {
        path: Some("/any/where".into()),
    }));
    server.input(Input::ClientBytes {
        conn: client.conn,
        bytes: &bytes,
    });
    server.run();
    let heard = server.hear(&mut client);
    assert_eq!(
        heard[1].response(),
        Response::Path(Some("/any/where".into()))
    );
}

#[test]
fn a_ping_is_answered_with_its_own_xid_whatever_was_sent() {
    let mut server = Standalone::start();
    let conn = server.connect().conn;
    for xid in [-2, 0, 7, i32::MIN] {
        let sent = server.send(conn, &frame(xid, 11, &[]));
        assert_eq!(replies(&sent)[0].xid, -2, "{xid}");
    }
}

#[test]
fn every_other_xid_is_echoed_and_none_is_special() {
    let mut server = Standalone::start();
    let conn = server.connect().conn;
    let auth = [int(0), text("digest"), text("u:p")];
    let set_watches = [long(0), int(0), int(0), int(0)];
    for xid in [0, 0, 5, 5, -1, -2, -4, -8, i32::MAX, i32::MIN] {
        let exists = frame(xid, 3, &[text("/"), vec![0]]);
        let auth = frame(xid, 100, &auth);
        let set_watches = frame(xid, 101, &set_watches);
        let sent = server.send(conn, &[exists, auth, set_watches].concat());
        let xids: Vec<i32> = replies(&sent).iter().map(|reply| reply.xid).collect();
        assert_eq!(xids, [xid; 3]);
    }
}

#[test]
fn each_kind_of_answer_has_the_zxid_of_the_table() {
    let mut server = Standalone::start();
    let conn = server.connect().conn;
    let watcher = server.connect().conn;
    server.make(conn, "/a");
    server.make(conn, "/b");
    let applied = i64::try_from(server.replica.applied().0).expect("a small zxid");
    let reads = [
        (3, vec![text("/a"), vec![0]]),
        (4, vec![text("/none"), vec![0]]),
        (9, vec![text("/")]),
        (11, vec![]),
        (101, vec![long(applied), int(0), int(0), int(0)]),
        (106, vec![text("/x"), int(0)]),
        (107, vec![]),
        (16, vec![null(), null(), null(), long(-1)]),
    ];
    for (opcode, record) in reads {
        assert_eq!(server.call(conn, opcode, &record).zxid, applied, "{opcode}");
    }
    let auth = [int(0), text("digest"), text("u:p")];
    assert_eq!(server.call(conn, 100, &auth).zxid, 0);
    assert_eq!(server.call(conn, 102, &[text("")]).zxid, 0);
    let refused = server.call(conn, 5, &[text("/a"), text(""), int(7)]);
    assert_eq!(
        (refused.err, refused.zxid),
        (-103, applied),
        "it takes none"
    );
    assert_eq!(server.code(watcher, 4, &[text("/a"), vec![1]]), 0);
    let written = server.call(conn, 5, &[text("/a"), text(""), int(-1)]);
    assert_eq!(written.zxid, applied + 1);
    let event = &replies(&server.sent.remove(&watcher).expect("an event"))[0];
    assert_eq!((event.xid, event.zxid, event.err), (-1, applied + 1, 0));
    assert_eq!(server.call(conn, 99, &[]).zxid, -1);
}

#[test]
fn answers_leave_in_the_order_of_the_requests_pings_and_proofs_included() {
    let mut server = Standalone::start();
    let conn = server.connect().conn;
    let create = [text("/a"), text(""), open(), int(0)];
    let requests = [
        frame(1, 1, &create),
        frame(-2, 11, &[]),
        frame(-4, 100, &[int(0), text("digest"), text("u:p")]),
        frame(2, 4, &[text("/a"), vec![0]]),
        frame(3, 1, &create),
        frame(4, 9, &[text("/")]),
        frame(5, 102, &[text("")]),
        frame(6, 107, &[]),
        frame(7, 99, &[]),
        frame(8, 11, &[]),
    ];
    let sent = server.send(conn, &requests.concat());
    let seen: Vec<(i32, i32)> = replies(&sent)
        .iter()
        .map(|reply| (reply.xid, reply.err))
        .collect();
    let expected = [
        (1, 0),
        (-2, 0),
        (-4, 0),
        (2, 0),
        (3, -110),
        (4, 0),
        (5, 0),
        (6, 0),
        (7, -6),
    ];
    assert_eq!(seen, expected, "and the last one closes");
    assert!(server.is_closed(conn));
}

#[test]
fn an_event_leaves_before_any_answer_that_shows_its_change() {
    let mut server = Standalone::start();
    let writer = server.connect().conn;
    let reader = server.connect().conn;
    server.make(writer, "/a");
    assert_eq!(server.code(reader, 4, &[text("/a"), vec![1]]), 0);
    server.put(writer, "/a", "x");
    server.input(Input::ClientBytes {
        conn: reader,
        bytes: &frame(9, 4, &[text("/a"), vec![0]]),
    });
    server.run();
    let sent = server.sent.remove(&reader).expect("event and answer");
    let xids: Vec<i32> = replies(&sent).iter().map(|reply| reply.xid).collect();
    assert_eq!(xids, [-1, 9]);
}

#[test]
fn a_write_of_one_session_keeps_no_other_from_reading() {
    let mut server = Standalone::start();
    let writer = server.connect().conn;
    let reader = server.connect().conn;
    server.input(Input::ClientBytes {
        conn: writer,
        bytes: &frame(1, 1, &[text("/a"), text(""), open(), int(0)]),
    });
    server.input(Input::ClientBytes {
        conn: reader,
        bytes: &frame(1, 4, &[text("/"), vec![0]]),
    });
    server.input(Input::BatchEnd);
    assert!(server.sent.contains_key(&reader), "it waits for no disk");
    assert!(!server.sent.contains_key(&writer), "the write does");
}
