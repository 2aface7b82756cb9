//! What writes do to nodes: `client-protocol.md` §6.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use support::*;
use zk_types::{
    Acl, CreateOp, CreateTxn, ErrorCode, Identity, NodeKind, Op, Perms, SessionId, Stat, Txn,
    TxnHeader, WallTime, Zxid,
};
use znode_tree::{ChangeKind, Refusal, Requester, Tree};

const ZERO: Stat = Stat {
    czxid: Zxid(0),
    mzxid: Zxid(0),
    ctime: WallTime(0),
    mtime: WallTime(0),
    version: 0,
    cversion: 0,
    aversion: 0,
    ephemeral_owner: SessionId::NONE,
    data_length: 0,
    num_children: 0,
    pzxid: Zxid(0),
};

#[test]
fn the_fresh_tree_is_the_documented_one() {
    let server = Server::new();
    assert_eq!(
        server.stat("/"),
        Stat {
            cversion: -1,
            num_children: 1,
            ..ZERO
        }
    );
    assert_eq!(
        server.stat("/zookeeper"),
        Stat {
            cversion: -2,
            num_children: 2,
            ..ZERO
        }
    );
    assert_eq!(server.stat("/zookeeper/quota"), ZERO);
    assert_eq!(
        server.stat("/zookeeper/config"),
        Stat {
            aversion: -1,
            ..ZERO
        }
    );
    for path in ["/", "/zookeeper", "/zookeeper/quota"] {
        assert_eq!(server.tree.acl_of(path).unwrap(), [Acl::world(Perms::ALL)]);
    }
    assert_eq!(
        server.tree.acl_of("/zookeeper/config").unwrap(),
        [Acl::world(Perms::READ)]
    );
    assert_eq!(server.tree.digest(), 1_371_985_504);
    assert_eq!(server.tree.node_count(), 4);
    assert_eq!(server.tree.approximate_data_size(), 44);
    assert_eq!(server.tree.acl_count(), 2);
    assert_eq!(server.tree.get_data("/", &[]).unwrap().0.unwrap().len(), 0);
}

#[test]
fn the_configuration_is_shown_without_a_transaction() {
    let mut server = Server::new();
    let mut told = Vec::new();
    server.tree.set_config(
        b"version=1",
        Zxid(0x1_0000_0000),
        WallTime(5),
        &mut |change| {
            told.push((change.kind, change.path.to_string()));
        },
    );
    let stat = server.stat("/zookeeper/config");
    assert_eq!(
        (stat.version, stat.mzxid, stat.mtime),
        (-1, Zxid(0x1_0000_0000), WallTime(5))
    );
    assert_eq!(stat.data_length, 9);
    assert_eq!(
        told,
        [(ChangeKind::DataChanged, "/zookeeper/config".into())]
    );
    assert_eq!(server.tree.last_zxid(), Zxid::ZERO);
    assert_eq!(server.tree.digest(), 1_371_985_504);
    assert_eq!(server.tree.approximate_data_size(), 53);
}

#[test]
fn a_creation_stamps_the_node_and_its_parent() {
    let mut server = Server::new();
    server.make("/a");
    server.now = 2_000;
    let told = server.write(&create_with("/a/b", "data")).unwrap();
    let expected = Stat {
        czxid: Zxid(2),
        mzxid: Zxid(2),
        pzxid: Zxid(2),
        ctime: WallTime(2_000),
        mtime: WallTime(2_000),
        data_length: 4,
        ..ZERO
    };
    assert_eq!(told.stat(), expected);
    assert_eq!(server.stat("/a/b"), expected);
    let parent = server.stat("/a");
    assert_eq!((parent.cversion, parent.num_children), (1, 1));
    assert_eq!(
        (parent.czxid, parent.mzxid, parent.pzxid),
        (Zxid(1), Zxid(1), Zxid(2))
    );
    assert_eq!((parent.mtime, parent.version), (WallTime(1_000), 0));
    assert_eq!(server.stat("/").cversion, 0);
}

#[test]
fn a_deletion_stamps_the_parent() {
    let mut server = Server::new();
    server.make("/a");
    server.make("/a/b");
    server.write(&delete("/a/b", 0)).unwrap();
    let parent = server.stat("/a");
    assert_eq!(
        (parent.cversion, parent.num_children, parent.pzxid),
        (2, 0, Zxid(3))
    );
    assert_eq!(parent.mzxid, Zxid(1));
    assert_eq!(server.tree.exists("/a/b", &[]), Err(ErrorCode::NoNode));
}

#[test]
fn new_data_stamps_the_node_even_if_it_is_the_same() {
    let mut server = Server::new();
    server.write(&create_with("/a", "x")).unwrap();
    server.now = 3_000;
    let stat = server.write(&set("/a", "x", 0)).unwrap().stat();
    assert_eq!(
        (stat.version, stat.mzxid, stat.mtime),
        (1, Zxid(2), WallTime(3_000))
    );
    assert_eq!(
        (stat.czxid, stat.ctime, stat.pzxid),
        (Zxid(1), WallTime(1_000), Zxid(1))
    );
    assert_eq!(server.stat("/a"), stat);
}

#[test]
fn a_new_acl_stamps_nothing_but_its_version() {
    let mut server = Server::new();
    server.make("/a");
    let before = server.stat("/a");
    server.now = 3_000;
    let told = server
        .write(&set_acl("/a", &[acl(1, "world", "anyone")], 0))
        .unwrap();
    assert_eq!(
        told.stat(),
        Stat {
            aversion: 1,
            ..before
        }
    );
    assert_eq!(
        server.tree.acl_of("/a").unwrap(),
        [acl(1, "world", "anyone")]
    );
}

#[test]
fn null_and_empty_data_are_different() {
    let mut server = Server::new();
    let null = Op::Create(CreateOp {
        data: None,
        ..create_op("/null", 0)
    });
    assert_eq!(server.write(&null).unwrap().stat().data_length, 0);
    server.make("/empty");
    let data = |server: &Server, path: &str| {
        server
            .tree
            .get_data(path, &[])
            .unwrap()
            .0
            .map(|data| data.to_vec())
    };
    assert_eq!(data(&server, "/null"), None);
    assert_eq!(data(&server, "/empty"), Some(Vec::new()));
    let path = Some("/empty".into());
    server
        .write(&Op::SetData {
            path,
            data: None,
            version: -1,
        })
        .unwrap();
    assert_eq!(data(&server, "/empty"), None);
}

#[test]
fn the_built_in_nodes_are_ordinary_but_for_deletion() {
    let mut server = Server::new();
    assert_eq!(
        server.write(&set("/", "root", 0)).unwrap().stat().version,
        1
    );
    server.write(&set("/zookeeper", "x", 0)).unwrap();
    server.make("/zookeeper/foo");
    assert_eq!(server.names("/zookeeper"), ["config", "foo", "quota"]);
}

#[test]
fn a_pipelined_acl_of_the_root_is_seen_by_the_next_creation() {
    let mut server = Server::new();
    let me = Requester::new(ME, &[]);
    server
        .prepare(&me, &set_acl("/", &[acl(1, "world", "anyone")], -1))
        .unwrap();
    assert_eq!(
        server.prepare(&me, &create("/a", 0)),
        Err(Refusal::Error(ErrorCode::NoAuth))
    );
}

#[test]
fn the_counter_of_sequential_names_counts_every_creation_and_no_deletion() {
    let mut server = Server::new();
    server.make("/p");
    for name in ["a", "b", "c", "d", "e"] {
        server.make(&format!("/p/{name}"));
    }
    server.write(&delete("/p/a", -1)).unwrap();
    assert_eq!(server.stat("/p").cversion, 6);
    assert_eq!(
        server.write(&create("/p/s-", 2)).unwrap().path(),
        "/p/s-0000000005"
    );
    assert_eq!(
        server.write(&create("/p/t-", 3)).unwrap().path(),
        "/p/t-0000000006"
    );
}

#[test]
fn pipelined_sequential_creations_see_each_other() {
    let mut server = Server::new();
    let me = Requester::new(ME, &[]);
    server.prepare(&me, &create("/p", 0)).unwrap();
    for _ in 0..3 {
        server.prepare(&me, &create("/p/s-", 2)).unwrap();
    }
    for _ in 0..4 {
        server.apply();
    }
    assert_eq!(
        server.names("/p"),
        ["s-0000000000", "s-0000000001", "s-0000000002"]
    );
}

#[test]
fn a_counter_that_has_run_out_is_refused_and_ordinary_creations_go_on() {
    let mut server = Server::new();
    server.make("/p");
    let txn = Txn::Create(CreateTxn {
        path: "/p/x".into(),
        data: None,
        acl: vec![Acl::world(Perms::ALL)],
        kind: NodeKind::Persistent,
        parent_cversion: i32::MAX - 1,
        with_stat: false,
    });
    let header = TxnHeader {
        session: ME,
        cxid: 0,
        zxid: Zxid(server.next),
        time: WallTime(server.now),
    };
    server.next += 1;
    server.tree.apply(&header, &txn, &mut |_| {});
    assert_eq!(
        server.write(&create("/p/s-", 2)).unwrap().path(),
        "/p/s-2147483646"
    );
    assert_eq!(server.code(&create("/p/s-", 2)), ErrorCode::BadArguments);
    server.make("/p/y");
    assert_eq!(server.code(&create("/p/s-", 2)), ErrorCode::BadArguments);
}

#[test]
fn changes_are_told_in_the_order_in_which_watches_are_owed_them() {
    let mut server = Server::new();
    let ops = vec![
        create("/a", 0),
        create("/a/b", 0),
        set("/a/b", "x", 0),
        delete("/a/b", 1),
        check("/a", 0),
    ];
    server.write(&Op::Multi(ops)).unwrap();
    server
        .write(&set_acl("/a", &[acl(31, "world", "anyone")], 0))
        .unwrap();
    assert_eq!(
        server.changes,
        [
            (ChangeKind::Created, "/a".into()),
            (ChangeKind::ChildrenChanged, "/".into()),
            (ChangeKind::Created, "/a/b".into()),
            (ChangeKind::ChildrenChanged, "/a".into()),
            (ChangeKind::DataChanged, "/a/b".into()),
            (ChangeKind::Deleted, "/a/b".into()),
            (ChangeKind::ChildrenChanged, "/a".into()),
        ]
    );
}

#[test]
fn a_change_carries_the_acl_that_decides_who_may_know() {
    let mut server = Server::new();
    let own = [acl(31, "digest", "u:h")];
    let me = Requester::new(ME, &[]);
    server.prepare(&me, &create_acl("/a", &own)).unwrap();
    server.prepare(&me, &delete("/a", -1)).unwrap();
    for (kind, (header, txn)) in [ChangeKind::Created, ChangeKind::Deleted]
        .into_iter()
        .zip(&server.queue)
    {
        let mut seen = Vec::new();
        server.tree.apply(header, txn, &mut |change| {
            seen.push((change.kind, change.acl.to_vec()));
        });
        assert_eq!(
            seen,
            [
                (kind, own.to_vec()),
                (ChangeKind::ChildrenChanged, vec![Acl::world(Perms::ALL)]),
            ]
        );
    }
}

#[test]
#[should_panic(expected = "is applied after")]
fn a_zxid_is_never_applied_twice() {
    let mut server = Server::new();
    server.make("/a");
    let header = TxnHeader {
        session: ME,
        cxid: 0,
        zxid: Zxid(1),
        time: WallTime(0),
    };
    server
        .tree
        .apply(&header, &Txn::CreateSession { timeout_ms: 1 }, &mut |_| {});
}

#[test]
fn names_of_any_length_and_script_are_kept() {
    let mut server = Server::new();
    let long = "/".to_string() + &"ü".repeat(500);
    for path in [
        "/a b",
        "/...",
        "/é中",
        "/a",
        "/1234567890123456789012",
        long.as_str(),
    ] {
        server.make(path);
        assert!(server.tree.exists(path, &[]).is_ok(), "{path}");
    }
    assert_eq!(server.names("/").len(), 7);
    assert!(server.names("/").contains(&"ü".repeat(500)));
}

#[test]
fn readers_on_many_threads_may_share_a_tree() {
    fn is_shareable<T: Send + Sync>() {}
    is_shareable::<Tree>();
    is_shareable::<znode_tree::Pending>();
}

#[test]
fn a_creation_from_a_log_without_the_counter_counts_by_one() {
    let mut server = Server::new();
    let txn = Txn::Create(CreateTxn {
        path: "/old".into(),
        data: None,
        acl: vec![Acl::world(Perms::ALL)],
        kind: NodeKind::Persistent,
        parent_cversion: -1,
        with_stat: false,
    });
    let header = TxnHeader {
        session: ME,
        cxid: 0,
        zxid: Zxid(1),
        time: WallTime(1),
    };
    server.tree.apply(&header, &txn, &mut |_| {});
    server.next = 2;
    assert_eq!(
        server.write(&create("/s-", 2)).unwrap().path(),
        "/s-0000000001"
    );
}

#[test]
fn whether_a_child_may_be_read_goes_by_its_own_list() {
    let mut server = Server::new();
    server.make("/d");
    for at in 0..4 {
        let mut op = create_op(&format!("/d/{at}"), 0);
        if at % 2 == 1 {
            op.acl = raw(&[acl(Perms::READ.0, "digest", "a:b")]);
        }
        server.write(&Op::Create(op)).unwrap();
    }
    let readable = |identities: &[Identity]| {
        let mut reader = server.tree.reader(identities);
        let (children, _) = server.tree.children_in_full("/d", identities).unwrap();
        let mut names: Vec<&str> = children
            .filter(|&child| reader.may_read(child))
            .map(|child| child.name())
            .collect();
        names.sort_unstable();
        names.concat()
    };
    assert_eq!(readable(&[]), "02");
    assert_eq!(readable(&[identity("digest", "a:b")]), "0123");
    let mut paths = Vec::new();
    let mut each = |path| {
        paths.push(path);
        true
    };
    server.tree.descendants("/d", &[], &mut each).unwrap();
    paths.sort();
    assert_eq!(paths, ["/d/0", "/d/2"]);
}
