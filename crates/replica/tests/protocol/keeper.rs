//! What ClickHouse Keeper adds. Source: `docs/keeper-extensions.md`.

use crate::support::*;
use zk_proto::{
    KeeperRead, KeeperResult, ListFilter, OpCode, OpResult, ReadOp, ReplyHeader, Request, Response,
};
use zk_types::{CreateCall, CreateOp, ErrorCode, KeeperOp, Op, SessionId, Stat, WallTime, Zxid};

fn create_if_not_exists(path: &str, flags: i32) -> Op<'_> {
    Op::Create(CreateOp {
        call: CreateCall::IfNotExists,
        path: Some(path.into()),
        data: Some(b"x".into()),
        acl: open_acl(),
        flags,
        ttl_ms: -1,
    })
}

fn delete_recursive(path: &str, nodes_max: u32) -> Op<'_> {
    Op::Keeper(KeeperOp::DeleteRecursive {
        path: Some(path.into()),
        nodes_max,
    })
}

fn try_delete(path: &str, version: i32) -> Op<'_> {
    Op::Keeper(KeeperOp::TryDelete {
        path: Some(path.into()),
        version,
    })
}

fn check_not_exists(path: &str) -> Op<'_> {
    Op::Keeper(KeeperOp::CheckNotExists {
        path: Some(path.into()),
        version: -1,
    })
}

fn list(path: &str, filter: ListFilter) -> Request<'_> {
    Request::Keeper(KeeperRead::List {
        path: Some(path.into()),
        watch: false,
        filter,
    })
}

/// What the only answer says, by name.
fn said(heard: &[Heard]) -> String {
    assert_eq!(heard.len(), 1, "{heard:?}");
    match heard[0].err() {
        0 => format!("{:?}", heard[0].response()),
        err => format!("{err}"),
    }
}

/// A client that has asked for the flags.
fn asking(server: &mut Standalone) -> Client {
    let mut client = server.connect();
    server.ask(&mut client, &get("/keeper/feature_flags", false));
    client
}

fn with_tree() -> (Standalone, Client) {
    let mut server = Standalone::start();
    let mut client = asking(&mut server);
    for path in ["/a", "/a/b", "/a/b/c", "/a/d"] {
        server.ask(&mut client, &create(path, b"data", 0));
    }
    server.ask(&mut client, &create("/a/e", b"", 1));
    (server, client)
}

#[test]
fn flags_and_version_are_read_by_those_who_ask_for_them() {
    let mut server = Standalone::start();
    let mut client = server.connect();
    let data = |heard: &[Heard]| {
        let Response::Data { data, .. } = heard[0].response() else {
            panic!("data")
        };
        data.expect("it is not null").to_vec()
    };
    let flags = server.ask(&mut client, &get("/keeper/feature_flags", false));
    assert_eq!(data(&flags), [0b1111_1110, 0b1110_0000]);
    let version = server.ask(&mut client, &get("/keeper/api_version", false));
    assert_eq!(data(&version), b"3");
    let children = Request::GetChildren {
        path: Some("/keeper".into()),
        watch: false,
    };
    assert_eq!(
        said(&server.ask(&mut client, &children)),
        r#"Names(["api_version", "feature_flags"])"#
    );
    let children = Request::GetChildren {
        path: Some("/".into()),
        watch: false,
    };
    assert_eq!(
        said(&server.ask(&mut client, &children)),
        r#"Names(["zookeeper"])"#,
        "no list shows them"
    );
    assert_eq!(
        said(&server.ask(&mut client, &create("/keeper/own", b"", 0))),
        "-101",
        "there is no such node"
    );
    server.ask(&mut client, &create("/keeper", b"mine", 0));
    assert_eq!(
        data(&server.ask(&mut client, &get("/keeper", false))),
        b"mine"
    );
}

#[test]
fn a_multi_read_is_apaches_until_the_client_has_asked_for_the_flags() {
    let (mut server, _) = with_tree();
    let mut client = server.connect();
    let reads = Request::MultiRead(vec![
        ReadOp::Exists {
            path: Some("/a/d".into()),
            watch: true,
        },
        ReadOp::Exists {
            path: Some("/none".into()),
            watch: true,
        },
        ReadOp::Keeper(KeeperRead::List {
            path: Some("/a".into()),
            watch: true,
            filter: ListFilter::Ephemeral,
        }),
    ]);
    assert_eq!(said(&server.ask(&mut client, &reads)), "-5");
    server.ask(&mut client, &get("/keeper/feature_flags", false));
    let heard = server.ask(&mut client, &reads);
    let Response::Multi(results) = heard[0].response() else {
        panic!("results")
    };
    assert!(matches!(results[0], OpResult::Exists { .. }));
    assert_eq!(
        results[1],
        OpResult::Keeper(KeeperResult::FailedRead(OpCode::Exists, ErrorCode::NoNode)),
        "the others are answered nevertheless"
    );
    assert!(
        matches!(&results[2], OpResult::GetChildren2 { children, .. } if children[..] == ["e"])
    );
    let heard = server.ask(&mut client, &set("/a/d", b"new", -1));
    assert_eq!(event_of(&heard[0]), "NodeDataChanged /a/d");
    let heard = server.ask(&mut client, &create("/none", b"", 0));
    assert_eq!(event_of(&heard[0]), "NodeCreated /none");
}

#[test]
fn a_multi_read_is_apaches_for_who_looked_at_the_announcements_parent() {
    let (mut server, _) = with_tree();
    let mut client = server.connect();
    server.ask(&mut client, &get("/keeper", false));
    let reads = Request::MultiRead(vec![ReadOp::GetData {
        path: Some("/none".into()),
        watch: false,
    }]);
    let heard = server.ask(&mut client, &reads);
    let failed = vec![OpResult::Failed(ErrorCode::NoNode)];
    assert_eq!(heard[0].response(), Response::Multi(failed));
}

#[test]
fn who_has_not_asked_for_the_flags_meets_a_server_that_knows_none_of_it() {
    let (mut server, _) = with_tree();
    let mut client = server.connect();
    server.ask(&mut client, &get("/vivarium/features", false));
    for part in [
        create_if_not_exists("/new", 0),
        delete_recursive("/a", 100),
        try_delete("/a/d", -1),
        check_not_exists("/none"),
    ] {
        let Request::Write(first) = create("/first", b"", 0) else {
            panic!("a creation is a write")
        };
        let multi = Request::Write(Op::Multi(vec![first, part]));
        assert_eq!(said(&server.ask(&mut client, &multi)), "-5");
    }
    for request in [
        Request::Write(delete_recursive("/a", 100)),
        Request::Write(create_if_not_exists("/new", 0)),
        list("/a", ListFilter::All),
    ] {
        let mut client = server.connect();
        let heard = server.ask(&mut client, &request);
        assert_eq!(heard[0].err(), -6);
        assert_eq!(heard[0].zxid(), ReplyHeader::NO_ZXID);
        assert!(server.closed.contains(&client.conn), "{request:?}");
    }
    assert_eq!(server.ask(&mut client, &get("/a/d", false))[0].err(), 0);
    assert_eq!(
        server.ask(&mut client, &get("/first", false))[0].err(),
        -101
    );
}

#[test]
fn children_are_listed_by_their_kind() {
    let (mut server, mut client) = with_tree();
    let mut names = |filter| {
        let heard = server.ask(&mut client, &list("/a", filter));
        let Response::NamesStat { mut names, stat } = heard[0].response() else {
            panic!("names")
        };
        assert_eq!(stat.num_children, 3);
        names.sort();
        names.join(" ")
    };
    assert_eq!(names(ListFilter::All), "b d e");
    assert_eq!(names(ListFilter::Persistent), "b d");
    assert_eq!(names(ListFilter::Ephemeral), "e");
}

#[test]
fn children_are_listed_with_their_stats_and_data() {
    let (mut server, mut client) = with_tree();
    let mut details = |stats, data| {
        let request = Request::Keeper(KeeperRead::ListWithStatsAndData {
            path: Some("/a/b".into()),
            watch: false,
            filter: ListFilter::All,
            stats,
            data,
        });
        let heard = server.ask(&mut client, &request);
        let Response::Details(details) = heard[0].response() else {
            panic!("details")
        };
        assert_eq!(details.names, ["c"]);
        (
            details.stats.iter().map(|stat| stat.data_length).collect(),
            details.data.iter().flatten().map(|data| data.len()).sum(),
        )
    };
    assert_eq!(details(false, false), (vec![], 0));
    assert_eq!(details(true, false), (vec![4], 0));
    assert_eq!(details(true, true), (vec![4], 4));
}

#[test]
fn descendants_are_listed_parents_first_and_no_more_than_asked_for() {
    let (mut server, mut client) = with_tree();
    let mut paths = |paths_max| {
        let request = Request::Keeper(KeeperRead::ListRecursive {
            path: Some("/a".into()),
            paths_max,
        });
        let heard = server.ask(&mut client, &request);
        let Response::Names(names) = heard[0].response() else {
            panic!("names")
        };
        names.into_iter().map(|name| name.into_owned()).collect()
    };
    let mut all: Vec<String> = paths(100);
    assert_eq!(all.pop().as_deref(), Some("/a/b/c"), "it is the deepest");
    all.sort();
    assert_eq!(all, ["/a/b", "/a/d", "/a/e"]);
    assert_eq!(paths(2).len(), 2);
}

#[test]
fn a_subtree_is_deleted_at_once_and_every_watcher_is_told() {
    let (mut server, mut client) = with_tree();
    let mut other = asking(&mut server);
    let watch = Request::AddWatch {
        path: Some("/a".into()),
        mode: zk_proto::AddWatchMode::PersistentRecursive,
    };
    server.ask(&mut other, &watch);
    let delete = Request::Write(delete_recursive("/a", 4));
    assert_eq!(
        said(&server.ask(&mut client, &delete)),
        "-111",
        "there are five"
    );
    let delete = Request::Write(delete_recursive("/a", 5));
    assert_eq!(said(&server.ask(&mut client, &delete)), "Void");
    let events: Vec<String> = server
        .hear(&mut other)
        .iter()
        .map(|heard| event_of(heard).to_owned())
        .collect();
    assert_eq!(
        events,
        ["/a/e", "/a/d", "/a/b/c", "/a/b", "/a"].map(|path| format!("NodeDeleted {path}"))
    );
    assert_eq!(said(&server.ask(&mut client, &get("/a", false))), "-101");
    assert_eq!(
        said(&server.ask(&mut client, &delete)),
        "Void",
        "what is gone may be deleted again"
    );
    let delete = Request::Write(delete_recursive("/zookeeper", 100));
    assert_eq!(said(&server.ask(&mut client, &delete)), "-8");
}

#[test]
fn a_node_is_created_once() {
    let mut server = Standalone::start();
    let mut client = asking(&mut server);
    for _ in 0..2 {
        let request = Request::Write(create_if_not_exists("/a", 0));
        assert_eq!(
            said(&server.ask(&mut client, &request)),
            r#"Path(Some("/a"))"#
        );
    }
    for (path, flags, err) in [("/a/s-", 2, "-8"), ("/none/b", 0, "-101")] {
        let request = Request::Write(create_if_not_exists(path, flags));
        assert_eq!(said(&server.ask(&mut client, &request)), err);
    }
}

#[test]
fn what_cannot_be_deleted_is_left_without_a_word() {
    let (mut server, mut client) = with_tree();
    for (path, version) in [("/a", -1), ("/a/d", 7), ("/none", -1), ("/none/b", -1)] {
        let request = Request::Write(try_delete(path, version));
        assert_eq!(said(&server.ask(&mut client, &request)), "Void");
    }
    let request = Request::Write(try_delete("/a/d", 0));
    assert_eq!(said(&server.ask(&mut client, &request)), "Void");
    assert_eq!(said(&server.ask(&mut client, &get("/a/d", false))), "-101");
}

#[test]
fn checks_alone_read_and_in_a_multi_guard() {
    let (mut server, mut client) = with_tree();
    let not_exists = |path: &'static str, version| {
        Request::Keeper(KeeperRead::CheckNotExists {
            path: Some(path.into()),
            version,
        })
    };
    for (path, version, answer) in [("/a", -1, "-110"), ("/a", 3, "Void"), ("/none", -1, "Void")] {
        let heard = server.ask(&mut client, &not_exists(path, version));
        assert_eq!(said(&heard), answer);
    }
    let any = Stat {
        czxid: Zxid(u64::MAX),
        mzxid: Zxid(u64::MAX),
        ctime: WallTime(-1),
        mtime: WallTime(-1),
        version: -1,
        cversion: -1,
        aversion: -1,
        ephemeral_owner: SessionId(-1),
        data_length: -1,
        num_children: -1,
        pzxid: Zxid(u64::MAX),
    };
    let check_stat = |num_children| Stat {
        num_children,
        ..any
    };
    let guarded = |stat| {
        Request::Write(Op::Multi(vec![
            check_not_exists("/new"),
            create_if_not_exists("/a", 0),
            create_if_not_exists("/a/b/new", 0),
            Op::Keeper(KeeperOp::CheckStat {
                path: Some("/a/b".into()),
                version: -1,
                stat,
            }),
            try_delete("/a", -1),
            delete_recursive("/a/b", 9),
            check_not_exists("/a/b"),
        ]))
    };
    let heard = server.ask(&mut client, &guarded(check_stat(1)));
    let Response::Multi(results) = heard[0].response() else {
        panic!("results")
    };
    assert_eq!(
        results[3],
        OpResult::Failed(zk_types::ErrorCode::BadVersion),
        "the part before it has made a second child"
    );
    let heard = server.ask(&mut client, &guarded(check_stat(2)));
    let created = |path: &'static str| KeeperResult::CreateIfNotExists { path: path.into() };
    let expected = [
        KeeperResult::CheckNotExists,
        created("/a"),
        created("/a/b/new"),
        KeeperResult::CheckStat,
        KeeperResult::TryDelete,
        KeeperResult::DeleteRecursive,
        KeeperResult::CheckNotExists,
    ];
    assert_eq!(
        heard[0].response(),
        Response::Multi(expected.map(OpResult::Keeper).to_vec())
    );
    let check = Request::Keeper(KeeperRead::CheckStat {
        path: Some("/a".into()),
        version: 0,
        stat: check_stat(2),
    });
    assert_eq!(said(&server.ask(&mut client, &check)), "Void");
    assert_eq!(said(&server.ask(&mut client, &get("/a/b", false))), "-101");
}

#[test]
fn a_server_that_starts_again_has_replayed_them() {
    let (mut server, mut client) = with_tree();
    server.ask(
        &mut client,
        &Request::Write(Op::Multi(vec![
            delete_recursive("/a/b", 9),
            create_if_not_exists("/kept", 0),
            try_delete("/a/d", -1),
            check_not_exists("/a/d"),
        ])),
    );
    let mut server = server.restart(config());
    let mut client = asking(&mut server);
    for (path, answer) in [("/a/b", "-101"), ("/a/d", "-101"), ("/a/b/c", "-101")] {
        assert_eq!(said(&server.ask(&mut client, &get(path, false))), answer);
    }
    assert_eq!(server.ask(&mut client, &get("/kept", false))[0].err(), 0);
}

/// Creates so many children of `/wide`, with names as long as told.
fn widen(server: &mut Standalone, count: usize, name_length: usize) {
    let mut client = server.connect();
    server.ask(&mut client, &create("/wide", b"", 0));
    let paths: Vec<String> = (0..count)
        .map(|child| format!("/wide/{child:0>name_length$}"))
        .collect();
    for some in paths.chunks(800_000 / (name_length + 60)) {
        let ops = some.iter().map(|path| create_if_not_exists(path, 0));
        let mut client = asking(server);
        let made = server.ask(&mut client, &Request::Write(Op::Multi(ops.collect())));
        assert_eq!(made[0].err(), 0);
    }
}

#[test]
fn a_multi_read_that_passes_over_too_many_children_is_refused() {
    let mut server = Standalone::start();
    let mut client = asking(&mut server);
    widen(&mut server, 5_000, 4);
    let mut lists = |count| {
        let list = ReadOp::Keeper(KeeperRead::List {
            path: Some("/wide".into()),
            watch: false,
            filter: ListFilter::Ephemeral,
        });
        let parts = (0..count).map(|_| list.clone()).collect();
        server.ask(&mut client, &Request::MultiRead(parts))[0].err()
    };
    assert_eq!(lists(400), 0);
    assert_eq!(lists(450), -5);
}

#[test]
fn a_list_with_stats_counts_names_and_stats_too() {
    let mut server = Standalone::start();
    let mut client = asking(&mut server);
    widen(&mut server, 16_500, 1_000);
    let with = |stats, data| {
        Request::Keeper(KeeperRead::ListWithStatsAndData {
            path: Some("/wide".into()),
            watch: false,
            filter: ListFilter::All,
            stats,
            data,
        })
    };
    assert_eq!(server.ask(&mut client, &with(true, false))[0].err(), -5);
    assert_eq!(server.ask(&mut client, &with(false, true))[0].err(), 0);
}

#[test]
fn a_multi_read_that_is_refused_sets_no_watch() {
    let (mut server, mut client) = with_tree();
    server.ask(&mut client, &create("/big", &[7; 1_000_000], 0));
    let watched = ReadOp::Exists {
        path: Some("/a".into()),
        watch: true,
    };
    let big = ReadOp::GetData {
        path: Some("/big".into()),
        watch: false,
    };
    let parts = [vec![watched], vec![big; 17]].concat();
    let heard = server.ask(&mut client, &Request::MultiRead(parts));
    assert_eq!(said(&heard), "-5");
    let heard = server.ask(&mut client, &set("/a", b"new", -1));
    assert_eq!(heard.len(), 1, "only the answer: {heard:?}");
}
