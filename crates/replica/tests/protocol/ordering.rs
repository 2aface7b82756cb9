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
