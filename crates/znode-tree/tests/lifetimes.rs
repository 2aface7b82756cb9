//! How long nodes live that do not live until they are deleted: `client-protocol.md` §6.6 to §6.8.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use support::*;
use zk_types::{CreateCall, CreateOp, ErrorCode, Op, SessionId, Txn, WallTime, Zxid};
use znode_tree::{ChangeKind, ReapLimits, Refusal, Requester, Tree, TreeConfig};

#[test]
fn closing_a_session_deletes_what_it_owns_and_nothing_else() {
    let mut server = Server::new();
    let other = Requester::new(OTHER, &[]);
    server.make("/p");
    server.write(&create("/p/mine", 1)).unwrap();
    server.write(&create("/top", 1)).unwrap();
    server.ask(&other, &create("/p/other", 1)).unwrap();
    assert_eq!(server.stat("/top").ephemeral_owner, ME);
    assert_eq!(server.tree.ephemeral_count(), 3);
    server.changes.clear();
    assert_eq!(server.write(&Op::CloseSession), Ok(Told::Done));
    assert_eq!(server.names("/p"), ["other"]);
    assert_eq!(server.names("/"), ["p", "zookeeper"]);
    assert_eq!(server.stat("/p").pzxid, Zxid(5));
    assert_eq!(server.stat("/").pzxid, Zxid(5));
    assert_eq!(
        server.tree.sessions_with_ephemerals().collect::<Vec<_>>(),
        [OTHER]
    );
    assert_eq!(
        server.changes,
        [
            (ChangeKind::Deleted, "/p/mine".into()),
            (ChangeKind::ChildrenChanged, "/p".into()),
            (ChangeKind::Deleted, "/top".into()),
            (ChangeKind::ChildrenChanged, "/".into()),
        ]
    );
}

#[test]
fn a_closing_session_takes_its_pending_ephemerals_with_it() {
    let mut server = Server::new();
    let me = Requester::new(ME, &[]);
    server.write(&create("/applied", 1)).unwrap();
    server.write(&create("/gone", 1)).unwrap();
    server.prepare(&me, &create("/pending", 1)).unwrap();
    server.prepare(&me, &delete("/gone", -1)).unwrap();
    server.prepare(&me, &create("/brief", 1)).unwrap();
    server.prepare(&me, &delete("/brief", -1)).unwrap();
    server.prepare(&me, &create("/brief", 0)).unwrap();
    server.prepare(&me, &Op::CloseSession).unwrap();
    let (_, txn) = server.queue.last().unwrap();
    assert_eq!(
        *txn,
        Txn::CloseSession {
            paths: vec!["/applied".into(), "/pending".into()]
        }
    );
    assert_eq!(
        server.prepare(&me, &create("/late", 1)),
        Err(Refusal::Error(ErrorCode::SessionExpired))
    );
    let failed = server.prepare(
        &me,
        &Op::Multi(vec![create("/late", 1), create("/later", 1)]),
    );
    let codes = vec![
        Some(ErrorCode::SessionExpired),
        Some(ErrorCode::RuntimeInconsistency),
    ];
    assert_eq!(failed, Err(Refusal::Multi(codes)));
    while !server.queue.is_empty() {
        server.apply();
    }
    assert_eq!(server.names("/"), ["brief", "zookeeper"]);
}

#[test]
fn a_session_may_be_closed_twice() {
    let mut server = Server::new();
    let me = Requester::new(ME, &[]);
    server.write(&create("/e", 1)).unwrap();
    server.prepare(&me, &Op::CloseSession).unwrap();
    server.prepare(&me, &Op::CloseSession).unwrap();
    assert_eq!(server.queue[1].1, Txn::CloseSession { paths: Vec::new() });
    server.apply();
    assert_eq!(
        server.prepare(&me, &create("/late", 1)),
        Err(Refusal::Error(ErrorCode::SessionExpired))
    );
    server.apply();
}

#[test]
fn a_new_session_changes_nothing_in_the_tree() {
    let mut server = Server::new();
    assert_eq!(
        server.write(&Op::CreateSession { timeout_ms: 4_000 }),
        Ok(Told::Done)
    );
    assert_eq!(server.tree.last_zxid(), Zxid(1));
    assert_eq!(server.tree.digest(), 1_371_985_504);
    assert!(server.changes.is_empty());
}

#[test]
fn ephemerals_are_found_by_a_prefix_of_their_text() {
    let mut server = Server::new();
    server.make("/ab");
    for path in ["/a1", "/a2", "/ab/c", "/b"] {
        server.write(&create(path, 1)).unwrap();
    }
    let found = |prefix: &str| {
        let mut paths = Vec::new();
        server
            .tree
            .ephemerals_of(ME, prefix, &mut |path| paths.push(path.to_string()));
        paths.sort();
        paths
    };
    assert_eq!(found("/a"), ["/a1", "/a2", "/ab/c"]);
    assert_eq!(found("/ab/"), ["/ab/c"]);
    assert_eq!(found("/"), ["/a1", "/a2", "/ab/c", "/b"]);
    assert_eq!(found(" "), found(""));
    assert_eq!(found("").len(), 4);
}

fn due(tree: &Tree, now: i64, never_used_ms: Option<i64>) -> Vec<Box<str>> {
    tree.expired_containers(
        WallTime(now),
        ReapLimits {
            never_used_ms,
            count_max: 100,
        },
    )
}

#[test]
fn an_unowned_kind_shows_no_owner() {
    let mut server = Server::with(TreeConfig {
        extended_types: true,
        ..TreeConfig::new([1, 1])
    });
    server.write(&create("/c", 4)).unwrap();
    server.write(&create_ttl("/t", 5, 100)).unwrap();
    for path in ["/c", "/t"] {
        assert_eq!(server.stat(path).ephemeral_owner, SessionId::NONE);
        server.write(&create(&format!("{path}/e"), 1)).unwrap();
    }
}

#[test]
fn a_container_is_a_container_whichever_opcode_made_it() {
    for call in [
        CreateCall::Create,
        CreateCall::Create2,
        CreateCall::Container,
    ] {
        for multi in [false, true] {
            let mut server = Server::new();
            let flags = if call == CreateCall::Container { 0 } else { 4 };
            let op = Op::Create(CreateOp {
                call,
                ..create_op("/c", flags)
            });
            server
                .write(&if multi { Op::Multi(vec![op]) } else { op })
                .unwrap();
            assert_eq!(*due(&server.tree, 9_000_000, Some(300_000)), ["/c".into()]);
            server.write(&delete_container("/c")).unwrap();
        }
    }
}

#[test]
fn an_op_19_with_other_flags_keeps_the_suffix() {
    let mut server = Server::new();
    let op = CreateOp {
        call: CreateCall::Container,
        ..create_op("/c-", 2)
    };
    let told = server.write(&Op::Create(op)).unwrap();
    assert_eq!(told.path(), "/c-0000000000");
    server.write(&delete_container("/c-0000000000")).unwrap();
}

#[test]
fn a_container_is_due_when_its_last_child_is_gone_or_it_never_had_one_for_long() {
    let mut server = Server::new();
    server.write(&create("/used", 4)).unwrap();
    server.write(&create("/new", 4)).unwrap();
    server.make("/used/x");
    assert!(due(&server.tree, 9_000_000, None).is_empty());
    server.write(&delete("/used/x", -1)).unwrap();
    assert_eq!(*due(&server.tree, 1_001, None), ["/used".into()]);
    assert_eq!(due(&server.tree, 301_000, Some(300_000)).len(), 1);
    assert_eq!(due(&server.tree, 301_001, Some(300_000)).len(), 2);
    let limits = ReapLimits {
        never_used_ms: Some(0),
        count_max: 1,
    };
    assert_eq!(
        server
            .tree
            .expired_containers(WallTime(9_000), limits)
            .len(),
        1
    );
}

#[test]
fn a_ttl_node_is_due_when_it_was_childless_and_unmodified_for_so_long() {
    let mut server = Server::with(TreeConfig {
        extended_types: true,
        ..TreeConfig::new([1, 1])
    });
    server.write(&create_ttl("/t", 5, 100)).unwrap();
    assert_eq!(
        server.write(&create_ttl("/t-", 6, 100)).unwrap().path(),
        "/t-0000000001"
    );
    assert!(due(&server.tree, 1_100, None).is_empty());
    assert_eq!(due(&server.tree, 1_101, None).len(), 2);
    server.now = 1_090;
    server.write(&set("/t", "", -1)).unwrap();
    assert_eq!(*due(&server.tree, 1_101, None), ["/t-0000000001".into()]);
    server.make("/t/x");
    assert_eq!(due(&server.tree, 9_000, None).len(), 1);
}

#[test]
fn a_node_that_came_back_to_life_is_not_reaped() {
    let mut server = Server::with(TreeConfig {
        extended_types: true,
        ..TreeConfig::new([1, 1])
    });
    let me = Requester::new(ME, &[]);
    server.write(&create("/c", 4)).unwrap();
    server.write(&create_ttl("/t", 5, 100)).unwrap();
    server.now = 5_000;
    server.prepare(&me, &create("/c/x", 0)).unwrap();
    server.prepare(&me, &set("/t", "", -1)).unwrap();
    assert_eq!(
        server.prepare(&me, &delete_container("/c")),
        Err(Refusal::Error(ErrorCode::NotEmpty))
    );
    assert_eq!(
        server.prepare(&me, &delete_container("/t")),
        Err(Refusal::Error(ErrorCode::BadVersion))
    );
}

#[test]
fn a_new_container_is_not_reaped_for_one_that_had_its_name() {
    let mut server = Server::new();
    let me = Requester::new(ME, &[]);
    server.write(&create("/c", 4)).unwrap();
    server.make("/c/x");
    server.write(&delete("/c/x", -1)).unwrap();
    // Found due twice before the first deletion is applied, and made anew in between.
    server.prepare(&me, &delete_container("/c")).unwrap();
    server.prepare(&me, &create("/c", 4)).unwrap();
    assert_eq!(
        server.prepare(&me, &delete_container("/c")),
        Err(Refusal::Error(ErrorCode::BadVersion))
    );
}
