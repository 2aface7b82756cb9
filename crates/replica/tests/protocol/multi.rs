//! Several operations in one request. Source: `client-protocol.md` §9.

use crate::support::*;
use zk_proto::{Request, Response};
use zk_types::{Op, Zxid};

#[test]
fn a_failed_multi_reports_each_part_and_changes_nothing() {
    let mut server = Standalone::start();
    let mut client = server.connect();
    server.ask(&mut client, &create("/a", b"", 0));
    let Request::Write(make_b) = create("/b", b"", 0) else {
        unreachable!()
    };
    let multi = Request::Write(Op::Multi(vec![
        make_b,
        Op::Check {
            path: Some("/a".into()),
            version: 7,
        },
        Op::Delete {
            path: Some("/a".into()),
            version: -1,
        },
    ]));
    let heard = server.ask(&mut client, &multi);
    let Response::Multi(results) = heard[0].response() else {
        panic!("results")
    };
    let text = format!("{results:?}");
    assert_eq!(
        text,
        "[RolledBack, Failed(BadVersion), Failed(RuntimeInconsistency)]"
    );
    assert_eq!(server.ask(&mut client, &get("/b", false))[0].err(), -101);
}

fn head(opcode: i32) -> Vec<u8> {
    [int(opcode), vec![0], int(-1)].concat()
}

fn end() -> Vec<u8> {
    [int(-1), vec![1], int(-1)].concat()
}

fn creation(path: &str, flags: i32) -> Vec<u8> {
    [text(path), text(""), open(), int(flags)].concat()
}

/// The type and error of each result, read as a client would.
fn results(body: &[u8]) -> Vec<(i32, i32)> {
    let mut results = Vec::new();
    let mut at = 0;
    loop {
        let (kind, done, err) = (int_at(body, at), body[at + 4], int_at(body, at + 5));
        at += 9;
        if done != 0 {
            assert_eq!((kind, err, at), (-1, -1, body.len()), "the end is the end");
            return results;
        }
        let length = |at: usize| usize::try_from(int_at(body, at)).unwrap_or(0);
        at += match kind {
            1 => 4 + length(at),
            15 => 4 + length(at) + 68,
            5 => 68,
            4 => 4 + length(at) + 68,
            -1 => {
                assert_eq!(int_at(body, at), err, "header and body agree");
                4
            }
            8 => {
                let names = length(at);
                (0..names).fold(4, |used, _| used + 4 + length(at + used))
            }
            2 | 13 => 0,
            _ => panic!("no result has type {kind}"),
        };
        results.push((kind, err));
    }
}

#[test]
fn an_empty_multi_is_answered_with_its_end_and_takes_a_zxid() {
    let mut server = Standalone::start();
    let conn = server.connect().conn;
    let before = server.replica.applied();
    let reply = server.call(conn, 14, &[end()]);
    assert_eq!((reply.err, reply.body), (0, end()));
    assert_eq!(Some(server.replica.applied()), before.successor());
    let reply = server.call(conn, 22, &[end()]);
    assert_eq!((reply.err, reply.body), (0, end()));
}

#[test]
fn the_type_of_a_result_follows_its_operation_and_kind() {
    let mut server = Standalone::start();
    let conn = server.connect().conn;
    let ttl = |path: &str, flags| [creation(path, flags), long(9_000)].concat();
    let parts = [
        (1, creation("/1", 0), 1),
        (15, creation("/15", 0), 15),
        (19, creation("/19", 0), 15),
        (1, creation("/1-4", 4), 15),
        (15, creation("/15-4", 4), 15),
        (21, ttl("/21", 5), 15),
        (21, ttl("/21-0", 0), 1),
        (21, ttl("/21-4", 4), 15),
        (5, [text("/1"), text("x"), int(0)].concat(), 5),
        (13, [text("/1"), int(1)].concat(), 13),
        (2, [text("/1"), int(1)].concat(), 2),
    ];
    let mut record = Vec::new();
    let mut expected = Vec::new();
    for (opcode, part, kind) in parts {
        record.extend([head(opcode), part]);
        expected.push((kind, 0));
    }
    record.push(end());
    let reply = server.call(conn, 14, &record);
    assert_eq!(reply.err, 0);
    assert_eq!(results(&reply.body), expected);
    for path in ["/19", "/1-4", "/15-4", "/21", "/21-0", "/21-4"] {
        let shown = server.call(conn, 3, &[text(path), vec![0]]).body;
        assert_eq!(long_at(&shown, 44), 0, "{path} has no owner");
    }
}

#[test]
fn the_error_field_of_a_header_is_ignored() {
    let mut server = Standalone::start();
    let conn = server.connect().conn;
    let header = [int(1), vec![0], int(77)].concat();
    let last = [int(99), vec![1], int(77)].concat();
    let reply = server.call(conn, 14, &[header, creation("/a", 0), last]);
    assert_eq!(results(&reply.body), [(1, 0)]);
}

#[test]
fn what_spoils_a_whole_multi_is_a_marshalling_error_without_a_body() {
    let mut server = Standalone::start();
    let conn = server.connect().conn;
    let before = server.replica.applied();
    let null_list = [text("/x"), text(""), null(), int(0)].concat();
    let spoilers = [
        [head(4), text("/"), vec![0]].concat(),
        [head(8), text("/"), vec![0]].concat(),
        [head(3), text("/"), vec![0]].concat(),
        [head(7), text("/"), open(), int(-1)].concat(),
        [head(14), end()].concat(),
        [head(20), text("/")].concat(),
        [head(-11)].concat(),
        [head(99)].concat(),
        [head(1), creation("/x", 7)].concat(),
        [head(1), creation("/x", 5)].concat(),
        [head(15), creation("/x", 6)].concat(),
        [head(1), null_list].concat(),
        [head(1), text("/x")].concat(),
        [head(2), null(), int(-1)].concat(),
    ];
    for spoiler in spoilers {
        let record = [head(1), creation("/a", 0), spoiler.clone(), end()];
        let reply = server.call(conn, 14, &record);
        assert_eq!((reply.err, reply.body), (-5, vec![]), "{spoiler:?}");
    }
    assert_eq!(server.replica.applied(), before);
    let bad_flags = [creation("/x", 9), long(-1)].concat();
    let reply = server.call(conn, 14, &[head(21), bad_flags, end()]);
    assert_eq!(
        results(&reply.body),
        [(-1, -8)],
        "but this is its own part's"
    );
}

#[test]
fn each_operation_sees_those_before_it() {
    let mut server = Standalone::start();
    let conn = server.connect().conn;
    let record = [
        head(1),
        creation("/p", 0),
        head(1),
        creation("/p/s-", 2),
        head(1),
        creation("/p/s-", 2),
        head(5),
        [text("/p"), text("x"), int(0)].concat(),
        head(2),
        [text("/p/s-0000000000"), int(0)].concat(),
        head(1),
        creation("/p/s-0000000000", 0),
        end(),
    ];
    let reply = server.call(conn, 14, &record);
    let kinds: Vec<i32> = results(&reply.body).iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, [1, 1, 1, 5, 2, 1]);
    let zxid = Zxid(u64::try_from(reply.zxid).expect("a zxid"));
    for path in ["/p", "/p/s-0000000000", "/p/s-0000000001"] {
        let stat = server.replica.tree().stat(path).expect("it exists");
        assert_eq!(stat.czxid, zxid, "one zxid for all: {path}");
    }
}

#[test]
fn an_ephemeral_of_the_same_multi_may_have_no_children() {
    let mut server = Standalone::start();
    let conn = server.connect().conn;
    let record = [
        head(1),
        creation("/e", 1),
        head(1),
        creation("/e/x", 0),
        end(),
    ];
    let reply = server.call(conn, 14, &record);
    assert_eq!(results(&reply.body), [(-1, 0), (-1, -108)]);
}

#[test]
fn the_reads_of_a_multi_read_fail_one_by_one_and_only_reads_may_stand_in_it() {
    let mut server = Standalone::start();
    let conn = server.connect().conn;
    let secret = [text("/s"), text(""), acl(&[(2, "world", "anyone")]), int(0)];
    assert_eq!(server.code(conn, 1, &secret), 0);
    let before = server.replica.applied();
    let read = |opcode, path: &str| [head(opcode), text(path), vec![0]].concat();
    let record = [
        read(4, "/none"),
        read(8, "/"),
        read(4, "/s"),
        read(4, "/zookeeper/config"),
        read(8, "/none"),
        end(),
    ];
    let reply = server.call(conn, 22, &record);
    assert_eq!(reply.err, 0);
    let expected = [(-1, -101), (8, 0), (-1, -102), (4, 0), (-1, -101)];
    assert_eq!(results(&reply.body), expected);
    assert_eq!(server.replica.applied(), before, "it takes no zxid");
    for spoiler in [creation("/x", 0), vec![]] {
        let record = [read(8, "/"), head(1), spoiler, end()];
        assert_eq!(server.code(conn, 22, &record), -5);
    }
}
