//! Which check comes first, seen from a client. Source: `client-protocol.md` §4.1 and §16; the
//! tests of `znode-tree` go through every pair.

use crate::support::*;
use replica::ConnId;

fn creation(path: &str, flags: i32) -> [Vec<u8>; 4] {
    [text(path), text(""), open(), int(flags)]
}

fn without_acl(path: &str) -> [Vec<u8>; 4] {
    [text(path), text(""), int(0), int(0)]
}

fn with_ttl(path: &str, flags: i32, ttl_ms: i64) -> [Vec<u8>; 5] {
    [text(path), text(""), open(), int(flags), long(ttl_ms)]
}

/// A server, a client, and its ephemeral node `/eph`.
fn with_ephemeral() -> (Standalone, ConnId) {
    let mut server = Standalone::start();
    let conn = server.connect().conn;
    assert_eq!(server.code(conn, 1, &creation("/eph", 1)), 0);
    (server, conn)
}

#[test]
fn the_published_codes_of_create_and_delete_hold() {
    let (mut server, conn) = with_ephemeral();
    for (path, code) in [
        ("/", -110),
        ("a", -8),
        ("", -8),
        ("a/b", -101),
        ("//", -8),
        ("/nope/", -101),
        ("/eph/x", -108),
        ("/eph/", -8),
        ("/a\0b", -8),
        ("/.", -8),
        ("/a/..", -101),
        ("/eph", -110),
    ] {
        assert_eq!(server.code(conn, 1, &creation(path, 0)), code, "{path:?}");
    }
    assert_eq!(server.code(conn, 1, &without_acl("/eph/x")), -114);
    assert_eq!(server.code(conn, 1, &without_acl("/nope/x")), -114);
    for (path, code) in [
        ("/", -8),
        ("", -8),
        ("x", -8),
        ("/zookeeper", -8),
        ("/zookeeper/quota", -8),
        ("/zookeeper/config", -8),
        ("/a/", -101),
        ("/nope/x", -101),
        ("/x", -101),
    ] {
        assert_eq!(
            server.code(conn, 2, &[text(path), int(-1)]),
            code,
            "{path:?}"
        );
    }
}

#[test]
fn paths_are_valid_or_not_as_the_published_lists_say() {
    let mut server = Standalone::start();
    let conn = server.connect().conn;
    server.make(conn, "/a");
    server.make(conn, "/a/...");
    let good = [
        "/a b",
        "/.a",
        "/..a",
        "/...",
        "/a/.../b",
        "/é中",
        "/\u{a0}",
        "/\u{2028}",
        "/\u{f900}",
        "/\u{ffef}",
    ];
    for path in good {
        assert_eq!(server.code(conn, 1, &creation(path, 0)), 0, "{path:?}");
    }
    let bad = [
        "/a/",
        "//a",
        "/a//b",
        "/.",
        "/..",
        "/a/./b",
        "/a/..",
        "/\u{1}",
        "/\u{9}",
        "/\u{1f}",
        "/\u{7f}",
        "/\u{9f}",
        "/\u{e000}",
        "/\u{f8ff}",
        "/\u{fff0}",
        "/\u{fffd}",
        "/\u{1f600}",
        "/a\0",
    ];
    for path in bad {
        let code = server.code(conn, 5, &[text(path), text(""), int(-1)]);
        assert_eq!(code, -8, "{path:?}");
        let code = server.code(conn, 7, &[text(path), open(), int(-1)]);
        assert_eq!(code, -8, "{path:?}");
    }
}

#[test]
fn flags_and_times_to_live_that_do_not_fit_are_bad_arguments() {
    let mut server = Standalone::start();
    let conn = server.connect().conn;
    let forty_bits = (1_i64 << 40) - 1;
    for flags in [-1, 7, 9, i32::MAX] {
        for opcode in [1, 15, 19] {
            let code = server.code(conn, opcode, &creation("/x", flags));
            assert_eq!(code, -8, "{flags}");
        }
    }
    for flags in [5, 6] {
        for opcode in [1, 15] {
            assert_eq!(server.code(conn, opcode, &creation("/x", flags)), -8);
        }
        for ttl_ms in [-1, 0, forty_bits + 1, i64::MAX, i64::MIN] {
            let code = server.code(conn, 21, &with_ttl("/x", flags, ttl_ms));
            assert_eq!(code, -8, "{ttl_ms}");
        }
    }
    for flags in 0..=4 {
        for ttl_ms in [-1, 0, 1_000] {
            let code = server.code(conn, 21, &with_ttl("/x", flags, ttl_ms));
            assert_eq!(code, -8, "no poison: {flags} {ttl_ms}");
        }
    }
    assert_eq!(server.code(conn, 21, &with_ttl("/x", 5, forty_bits)), 0);
    let sequential = server.call(conn, 21, &with_ttl("/x", 6, 1));
    assert_eq!(sequential.body[..16], text("/x0000000001")[..]);
}

#[test]
fn ttl_nodes_are_not_implemented_unless_they_are_switched_on() {
    let mut config = config();
    config.extended_types = false;
    let mut server = Standalone::start_on(MemoryDisk::default(), config);
    let conn = server.connect().conn;
    for flags in [5, 6] {
        let code = server.code(conn, 21, &with_ttl("/x", flags, 1_000));
        assert_eq!(code, -6);
    }
    assert_eq!(
        server.code(conn, 19, &creation("/c", 4)),
        0,
        "containers are"
    );
}

#[test]
fn a_change_of_data_checks_path_node_permission_and_version() {
    let (mut server, conn) = with_ephemeral();
    let secret = [text("/s"), text(""), acl(&[(1, "world", "anyone")]), int(0)];
    assert_eq!(server.code(conn, 1, &secret), 0);
    for (path, version, code) in [
        ("/x/", 9, -8),
        ("/x", 9, -101),
        ("/s", 9, -102),
        ("/eph", 9, -103),
        ("/eph", -2, -103),
        ("/eph", 0, 0),
        ("/eph", 0, -103),
        ("/eph", -1, 0),
        ("/eph", 2, 0),
    ] {
        let code_seen = server.code(conn, 5, &[text(path), text(""), int(version)]);
        assert_eq!(code_seen, code, "{path} {version}");
    }
}

#[test]
fn a_new_list_checks_path_list_node_permission_and_version() {
    let (mut server, conn) = with_ephemeral();
    let secret = [
        text("/s"),
        text(""),
        acl(&[(15, "world", "anyone")]),
        int(0),
    ];
    assert_eq!(server.code(conn, 1, &secret), 0);
    for (path, list, version, code) in [
        ("/x/", int(0), 9, -8),
        ("/x", int(0), 9, -114),
        ("/x", open(), 9, -101),
        ("/s", open(), 9, -102),
        ("/eph", open(), 9, -103),
    ] {
        let code_seen = server.code(conn, 7, &[text(path), list, int(version)]);
        assert_eq!(code_seen, code, "{path}");
    }
    let stat = server.call(conn, 7, &[text("/eph"), open(), int(0)]).body;
    assert_eq!(int_at(&stat, 40), 1, "the answer has the new aversion");
}

#[test]
fn reads_know_no_invalid_path_and_the_empty_one_is_the_root() {
    let mut server = Standalone::start();
    let conn = server.connect().conn;
    for path in ["a", "/a/", "//", "/.", "/\u{1}"] {
        for opcode in [3, 4, 8, 12] {
            assert_eq!(server.code(conn, opcode, &[text(path), vec![0]]), -101);
        }
        for opcode in [6, 104] {
            assert_eq!(server.code(conn, opcode, &[text(path)]), -101);
        }
    }
    assert_eq!(server.code(conn, 3, &[text("/a\0"), vec![1]]), -8);
    assert_eq!(server.code(conn, 4, &[text("/a\0"), vec![1]]), -101);
    for opcode in [3, 4, 8, 12] {
        let root = server.call(conn, opcode, &[text("/"), vec![0]]);
        assert_eq!(server.call(conn, opcode, &[text(""), vec![0]]), root);
    }
}

#[test]
fn descendants_are_counted_without_the_node_itself() {
    let mut server = Standalone::start();
    let conn = server.connect().conn;
    let count = |server: &mut Standalone, path: &str| {
        let reply = server.call(conn, 104, &[text(path)]);
        assert_eq!((reply.err, reply.body.len()), (0, 4));
        int_at(&reply.body, 0)
    };
    assert_eq!(count(&mut server, "/"), 3, "a fresh server");
    assert_eq!(count(&mut server, "/zookeeper"), 2);
    for path in ["/a", "/a/b", "/a/b/c", "/ab"] {
        server.make(conn, path);
    }
    assert_eq!(count(&mut server, "/a"), 2);
    assert_eq!(count(&mut server, "/"), 7);
    assert_eq!(count(&mut server, "/a/b/c"), 0);
    assert_eq!(server.code(conn, 104, &[text("/none")]), -101);
}

#[test]
fn ephemerals_are_those_of_the_session_by_prefix_of_their_text() {
    let (mut server, conn) = with_ephemeral();
    let other = server.connect().conn;
    assert_eq!(
        server.code(other, 1, &creation("/ephemeral-of-another", 1)),
        0
    );
    assert_eq!(server.code(conn, 1, &creation("/ephemeral", 1)), 0);
    let names = |server: &mut Standalone, prefix: Vec<u8>| {
        let reply = server.call(conn, 103, &[prefix]);
        assert_eq!(reply.err, 0);
        int_at(&reply.body, 0)
    };
    for all in [null(), text(""), text(" "), text("/"), text("/eph")] {
        assert_eq!(names(&mut server, all), 2);
    }
    assert_eq!(names(&mut server, text("/ephemeral")), 1);
    assert_eq!(names(&mut server, text("/none")), 0);
}

#[test]
fn a_reconfiguration_of_a_server_that_does_not_allow_it_is_refused_first() {
    let mut server = Standalone::start();
    let conn = server.connect().conn;
    let record = [text("nonsense"), null(), null(), long(7)];
    let reply = server.call(conn, 16, &record);
    assert_eq!((reply.err, reply.body), (-123, vec![]));
}

#[test]
fn every_operation_answers_with_the_record_of_the_table() {
    let mut server = Standalone::start();
    let conn = server.connect().conn;
    let stat = 68;
    let cases = [
        (1, creation("/a", 0).to_vec(), 4 + 2),
        (15, creation("/b", 0).to_vec(), 4 + 2 + stat),
        (19, creation("/c", 0).to_vec(), 4 + 2 + stat),
        (21, with_ttl("/d", 5, 9_000).to_vec(), 4 + 2 + stat),
        (3, vec![text("/a"), vec![0]], stat),
        (4, vec![text("/a"), vec![0]], 4 + stat),
        (5, vec![text("/a"), null(), int(-1)], stat),
        (6, vec![text("/a")], 27 + stat),
        (7, vec![text("/a"), open(), int(-1)], stat),
        (8, vec![text("/a"), vec![0]], 4),
        (12, vec![text("/a"), vec![0]], 4 + stat),
        (9, vec![text("/x")], 4 + 2),
        (9, vec![text("")], 4),
        (11, vec![], 0),
        (103, vec![text("/")], 4),
        (104, vec![text("/a")], 4),
        (106, vec![text("/a"), int(0)], 4),
        (17, vec![text("/a"), int(4)], 0),
        (18, vec![text("/a"), int(4)], 0),
        (101, vec![long(0), int(0), int(0), int(0)], 0),
        (
            105,
            vec![long(0), int(0), int(0), int(0), int(0), int(0)],
            0,
        ),
        (2, vec![text("/a"), int(-1)], 0),
    ];
    for (opcode, record, length) in cases {
        let reply = server.call(conn, opcode, &record);
        assert_eq!((reply.err, reply.body.len()), (0, length), "{opcode}");
    }
}
