//! What a node shows of itself. Source: `client-protocol.md` §6.

use crate::support::*;
use replica::ConnId;
use std::time::Duration;
use zk_proto::Response;

#[test]
fn a_created_node_is_read_back_with_its_stat() {
    let mut server = Standalone::start();
    let mut client = server.connect();
    let created = server.ask(&mut client, &create("/a", b"v1", 0));
    assert_eq!(created[0].response(), Response::Path(Some("/a".into())));
    let read = server.ask(&mut client, &get("/a", false));
    let Response::Data { data, stat } = read[0].response() else {
        panic!("data")
    };
    assert_eq!(data.as_deref(), Some(&b"v1"[..]));
    assert_eq!(
        (stat.version, stat.data_length, stat.num_children),
        (0, 2, 0)
    );
    assert_eq!(stat.czxid, stat.mzxid);
}

/// The Stat of a node, as 68 bytes.
fn stat(server: &mut Standalone, conn: ConnId, path: &str) -> Vec<u8> {
    let reply = server.call(conn, 3, &[text(path), vec![0]]);
    assert_eq!(reply.err, 0, "{path} exists");
    reply.body
}

/// version, cversion, aversion, dataLength and numChildren of a node.
fn numbers(server: &mut Standalone, conn: ConnId, path: &str) -> [i32; 5] {
    let stat = stat(server, conn, path);
    [32, 36, 40, 52, 56].map(|at| int_at(&stat, at))
}

fn creation(path: &str, flags: i32) -> [Vec<u8>; 4] {
    [text(path), text(""), open(), int(flags)]
}

/// The path that a creation was answered with.
fn created(server: &mut Standalone, conn: ConnId, path: &str, flags: i32) -> String {
    let reply = server.call(conn, 1, &creation(path, flags));
    assert_eq!(reply.err, 0, "{path} is created");
    String::from_utf8(reply.body[4..].to_vec()).expect("a path")
}

#[test]
fn a_fresh_server_has_the_documented_nodes() {
    let mut server = Standalone::start();
    let conn = server.connect().conn;
    assert_eq!(numbers(&mut server, conn, "/"), [0, -1, 0, 0, 1]);
    assert_eq!(numbers(&mut server, conn, "/zookeeper"), [0, -2, 0, 0, 2]);
    assert_eq!(numbers(&mut server, conn, "/zookeeper/quota"), [0; 5]);
    assert_eq!(
        numbers(&mut server, conn, "/zookeeper/config"),
        [0, 0, -1, 0, 0]
    );
    for path in ["/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config"] {
        let bytes = stat(&mut server, conn, path);
        assert_eq!(long_at(&bytes, 0), 0, "czxid of {path}");
        let reply = server.call(conn, 6, &[text(path)]);
        let perms = if path.ends_with("config") { 1 } else { 31 };
        assert_eq!(
            reply.body[..27],
            acl(&[(perms, "world", "anyone")]),
            "{path}"
        );
    }
}

#[test]
fn the_first_nodes_are_ordinary_but_for_deletion() {
    let mut server = Standalone::start();
    let conn = server.connect().conn;
    server.put(conn, "/", "x");
    server.put(conn, "/zookeeper", "x");
    server.make(conn, "/zookeeper/foo");
    assert_eq!(server.code(conn, 2, &[text("/zookeeper/foo"), int(-1)]), 0);
    assert_eq!(numbers(&mut server, conn, "/zookeeper"), [1, 0, 0, 1, 2]);
}

#[test]
fn each_write_stamps_what_the_table_says_and_nothing_else() {
    let mut server = Standalone::start();
    let conn = server.connect().conn;
    server.make(conn, "/p");
    let p = long_at(&stat(&mut server, conn, "/p"), 0);
    let time = wall(server.now).0;
    server.pass(Duration::from_millis(500));
    server.make(conn, "/p/a");
    let parent = stat(&mut server, conn, "/p");
    assert_eq!(long_at(&parent, 8), p, "mzxid of the parent stays");
    assert_eq!(long_at(&parent, 24), time, "and its mtime");
    assert_eq!(long_at(&parent, 60), p + 1, "its pzxid does not");
    assert_eq!(numbers(&mut server, conn, "/p"), [0, 1, 0, 0, 1]);
    let child = stat(&mut server, conn, "/p/a");
    assert_eq!([0, 8, 60].map(|at| long_at(&child, at)), [p + 1; 3]);
    assert_eq!([16, 24].map(|at| long_at(&child, at)), [time + 500; 2]);

    server.pass(Duration::from_millis(500));
    server.put(conn, "/p/a", "");
    let child = stat(&mut server, conn, "/p/a");
    assert_eq!(
        [0, 8, 60].map(|at| long_at(&child, at)),
        [p + 1, p + 2, p + 1]
    );
    assert_eq!(
        [16, 24].map(|at| long_at(&child, at)),
        [time + 500, time + 1_000]
    );
    assert_eq!(
        numbers(&mut server, conn, "/p/a"),
        [1, 0, 0, 0, 0],
        "the same data"
    );

    assert_eq!(server.code(conn, 7, &[text("/p/a"), open(), int(-1)]), 0);
    let after = stat(&mut server, conn, "/p/a");
    assert_eq!(int_at(&after, 40), 1);
    assert_eq!((&after[..40], &after[44..]), (&child[..40], &child[44..]));

    assert_eq!(server.code(conn, 2, &[text("/p/a"), int(-1)]), 0);
    let parent = stat(&mut server, conn, "/p");
    assert_eq!(long_at(&parent, 60), p + 4);
    assert_eq!(numbers(&mut server, conn, "/p"), [0, 2, 0, 0, 0]);
}

#[test]
fn a_suffix_counts_creations_of_any_kind_and_is_shared_by_all_prefixes() {
    let mut server = Standalone::start();
    let conn = server.connect().conn;
    server.make(conn, "/p");
    assert_eq!(created(&mut server, conn, "/p/x-", 2), "/p/x-0000000000");
    server.make(conn, "/p/plain");
    assert_eq!(server.code(conn, 2, &[text("/p/plain"), int(-1)]), 0);
    assert_eq!(created(&mut server, conn, "/p/y-", 3), "/p/y-0000000002");
    assert_eq!(created(&mut server, conn, "/p/", 2), "/p/0000000003");
    assert_eq!(
        created(&mut server, conn, "/p", 2),
        "/p0000000001",
        "the root's"
    );
    let failing = [creation("/p/z-", 2).concat(), text("/none")];
    let head = |opcode: i32| [int(opcode), vec![0], int(-1)].concat();
    let parts = [
        head(1),
        failing[0].clone(),
        head(2),
        failing[1].clone(),
        int(-1),
        int(-1),
        vec![1],
        int(-1),
    ];
    assert_eq!(server.code(conn, 14, &parts), 0, "it fails in its parts");
    assert_eq!(created(&mut server, conn, "/p/z-", 2), "/p/z-0000000004");
    let five_made_one_gone = [
        creation("/q", 0).to_vec(),
        creation("/q/1", 0).to_vec(),
        creation("/q/2", 0).to_vec(),
        creation("/q/3", 0).to_vec(),
        creation("/q/4", 0).to_vec(),
        creation("/q/5", 0).to_vec(),
    ];
    for record in five_made_one_gone {
        assert_eq!(server.code(conn, 1, &record), 0);
    }
    assert_eq!(server.code(conn, 2, &[text("/q/1"), int(-1)]), 0);
    assert_eq!(numbers(&mut server, conn, "/q"), [0, 6, 0, 0, 4]);
    assert_eq!(created(&mut server, conn, "/q/", 2), "/q/0000000005");
}

#[test]
fn ephemerals_have_an_owner_and_no_children() {
    let mut server = Standalone::start();
    let client = server.connect();
    let conn = client.conn;
    assert_eq!(server.code(conn, 1, &creation("/e", 1)), 0);
    assert_eq!(
        long_at(&stat(&mut server, conn, "/e"), 44),
        client.session.0
    );
    for flags in 0..5 {
        assert_eq!(server.code(conn, 1, &creation("/e/x", flags)), -108);
    }
    assert_eq!(server.code(conn, 19, &creation("/c", 0)), 0);
    assert_eq!(
        server.code(conn, 1, &creation("/c/e", 1)),
        0,
        "below a container"
    );
}

#[test]
fn all_ephemerals_of_a_session_go_in_one_transaction_that_stamps_their_parents() {
    let mut server = Standalone::start();
    let (owner, other) = (server.connect().conn, server.connect().conn);
    server.make(other, "/p");
    for path in ["/p/a", "/p/b", "/c"] {
        assert_eq!(server.code(owner, 1, &creation(path, 1)), 0);
    }
    let end = server.call(owner, -11, &[]);
    for path in ["/p/a", "/p/b", "/c"] {
        assert_eq!(server.code(other, 3, &[text(path), vec![0]]), -101);
    }
    for path in ["/p", "/"] {
        assert_eq!(
            long_at(&stat(&mut server, other, path), 60),
            end.zxid,
            "{path}"
        );
    }
    assert_eq!(
        server.replica.applied().0,
        u64::try_from(end.zxid).expect("a zxid")
    );
}

#[test]
fn containers_and_ttl_nodes_show_no_owner_and_are_reaped_when_their_time_has_come() {
    let mut server = Standalone::start();
    let conn = server.connect().conn;
    assert_eq!(server.code(conn, 19, &creation("/c", 0)), 0);
    assert_eq!(server.code(conn, 1, &creation("/flag", 4)), 0);
    let ttl = [text("/t"), text(""), open(), int(5), long(1_000)];
    assert_eq!(server.code(conn, 21, &ttl), 0);
    assert_eq!(server.code(conn, 19, &creation("/empty", 0)), 0);
    for path in ["/c", "/flag", "/t", "/empty"] {
        assert_eq!(long_at(&stat(&mut server, conn, path), 44), 0, "{path}");
    }
    for parent in ["/c", "/flag", "/t"] {
        let child = format!("{parent}/x");
        server.make(conn, &child);
    }
    let live_for = |server: &mut Standalone, seconds: u64| {
        for _ in 0..seconds / 5 {
            server.pass(Duration::from_secs(5));
            server.send(conn, &frame(-2, 11, &[]));
        }
    };
    live_for(&mut server, 125);
    for path in ["/c", "/flag", "/t"] {
        assert_eq!(
            server.code(conn, 2, &[text(format!("{path}/x")), int(-1)]),
            0
        );
    }
    assert_eq!(server.code(conn, 106, &[text("/c"), int(0)]), 0);
    live_for(&mut server, 125);
    for path in ["/c", "/flag", "/t"] {
        assert_eq!(server.code(conn, 3, &[text(path), vec![0]]), -101, "{path}");
    }
    assert_eq!(
        server.code(conn, 3, &[text("/empty"), vec![0]]),
        0,
        "a container that never had a child stays"
    );
}

#[test]
fn a_quota_counts_what_is_below_its_path() {
    let mut server = Standalone::start();
    let conn = server.connect().conn;
    server.make(conn, "/q");
    server.make(conn, "/q/before");
    server.put(conn, "/q/before", "12345");
    for path in ["/zookeeper/quota/q", "/zookeeper/quota/q/zookeeper_limits"] {
        let record = [text(path), text("count=2,bytes=-1"), open(), int(0)];
        assert_eq!(server.code(conn, 1, &record), 0);
    }
    let stats = "/zookeeper/quota/q/zookeeper_stats";
    let record = [text(stats), text("count=0,bytes=0"), open(), int(0)];
    assert_eq!(server.code(conn, 1, &record), 0);
    let usage = |server: &mut Standalone| {
        let reply = server.call(conn, 4, &[text(stats), vec![0]]);
        let length = usize::try_from(int_at(&reply.body, 0)).expect("data");
        let stat = &reply.body[4 + length..];
        assert_eq!(int_at(stat, 32), 0, "its version stays");
        String::from_utf8(reply.body[4..4 + length].to_vec()).expect("text")
    };
    assert_eq!(usage(&mut server), "count=2,bytes=5");
    server.make(conn, "/q/more");
    server.put(conn, "/q/more", "123");
    assert_eq!(
        usage(&mut server),
        "count=3,bytes=8",
        "a soft limit only logs"
    );
}

#[test]
fn a_hard_limit_refuses_where_quotas_are_enforced() {
    let mut config = config();
    config.enforce_quota = true;
    let mut server = Standalone::start_on(MemoryDisk::default(), config);
    let conn = server.connect().conn;
    server.make(conn, "/q");
    server.make(conn, "/zookeeper/quota/q");
    let limits = "count=-1,bytes=-1=;byteHardLimit=4;countHardLimit=2";
    for (name, data) in [("zookeeper_limits", limits), ("zookeeper_stats", "")] {
        let path = format!("/zookeeper/quota/q/{name}");
        let record = [text(path), text(data), open(), int(0)];
        assert_eq!(server.code(conn, 1, &record), 0);
    }
    server.make(conn, "/q/a");
    assert_eq!(server.code(conn, 1, &creation("/q/b", 0)), -125);
    assert_eq!(
        server.code(conn, 5, &[text("/q/a"), text("12345"), int(9)]),
        -125
    );
    assert_eq!(
        server.code(conn, 5, &[text("/q/a"), text("1234"), int(9)]),
        -103
    );
    server.put(conn, "/q/a", "1234");
}
