//! All or nothing: `client-protocol.md` §9.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use support::*;
use zk_types::{CreateCall, CreateOp, ErrorCode, KeeperOp, Op, SessionId, Zxid};
use znode_tree::{Refusal, Requester, TreeConfig};

fn multi(ops: Vec<Op<'static>>) -> Op<'static> {
    Op::Multi(ops)
}

fn call(call: CreateCall, path: &str, flags: i32) -> Op<'static> {
    Op::Create(CreateOp {
        call,
        ..create_op(path, flags)
    })
}

#[test]
fn each_operation_sees_the_ones_before_it() {
    let mut server = Server::new();
    let told = server
        .write(&multi(vec![
            create("/m", 0),
            call(CreateCall::Create2, "/m/c", 0),
            set("/m", "x", 0),
            check("/m", 1),
            delete("/m/c", 0),
            create("/m/c", 0),
            create("/m/s", 2),
        ]))
        .unwrap();
    let Told::Multi(parts) = told else {
        panic!("{told:?}")
    };
    assert_eq!(parts[0].path(), "/m");
    assert_eq!(parts[0].stat().num_children, 0);
    let stat = parts[2].stat();
    assert_eq!((stat.version, stat.cversion, stat.num_children), (1, 1, 1));
    assert_eq!((&parts[3], &parts[4]), (&Told::Done, &Told::Done));
    assert_eq!(parts[6].path(), "/m/s0000000002");
    assert_eq!(server.names("/m"), ["c", "s0000000002"]);
    assert_eq!(server.stat("/m/c").czxid, Zxid(1));
    assert_eq!(server.stat("/m").cversion, 4);
}

#[test]
fn a_failed_multi_tells_each_operation_its_code() {
    let mut server = Server::new();
    server.make("/a");
    let ops = vec![create("/b", 0), check("/a", 7), delete("/a", -1)];
    let codes = vec![
        None,
        Some(ErrorCode::BadVersion),
        Some(ErrorCode::RuntimeInconsistency),
    ];
    assert_eq!(server.write(&multi(ops)), Err(Refusal::Multi(codes)));
}

#[test]
fn a_failed_multi_leaves_nothing_behind() {
    let mut server = Server::new();
    let me = Requester::new(ME, &[]);
    server.make("/p");
    server.prepare(&me, &create("/p/s", 2)).unwrap();
    let ops = vec![
        create("/p/s", 2),
        create("/p/e", 1),
        set("/p", "x", 0),
        set_acl_free_delete("/p/s0000000000"),
        check("/none", 0),
    ];
    let refused = server.prepare(&me, &multi(ops));
    assert!(matches!(refused, Err(Refusal::Multi(_))), "{refused:?}");
    server.prepare(&me, &create("/p/s", 2)).unwrap();
    server.prepare(&me, &set("/p", "y", 0)).unwrap();
    server.prepare(&me, &Op::CloseSession).unwrap();
    while !server.queue.is_empty() {
        server.apply();
    }
    assert_eq!(server.names("/p"), ["s0000000000", "s0000000001"]);
    assert_eq!(server.tree.last_zxid(), Zxid(5));
}

fn set_acl_free_delete(path: &str) -> Op<'static> {
    delete(path, -1)
}

#[test]
fn an_ephemeral_created_in_the_same_multi_may_not_have_children() {
    let mut server = Server::new();
    let ops = vec![create("/e", 1), create("/e/x", 0)];
    let codes = vec![None, Some(ErrorCode::NoChildrenForEphemerals)];
    assert_eq!(server.write(&multi(ops)), Err(Refusal::Multi(codes)));
}

#[test]
fn an_empty_multi_asks_for_the_session_all_the_same() {
    let mut server = Server::new();
    let gone = Requester {
        session_check: Err(ErrorCode::SessionExpired),
        ..Requester::new(SessionId(9), &[])
    };
    assert_eq!(
        server.ask(&gone, &multi(Vec::new())),
        Err(Refusal::Error(ErrorCode::SessionExpired))
    );
    assert_eq!(
        server.write(&multi(Vec::new())),
        Ok(Told::Multi(Vec::new()))
    );
    assert_eq!(server.tree.last_zxid(), Zxid(1));
}

#[test]
fn what_cannot_be_decoded_as_a_multi_fails_as_a_whole() {
    let mut server = Server::new();
    let bad = [
        call(CreateCall::Create, "/x", 9),
        call(CreateCall::Create, "/x", 5),
        call(CreateCall::Create2, "/x", 6),
        call(CreateCall::Container, "/x", -1),
        Op::Create(CreateOp {
            path: None,
            ..create_op("/x", 0)
        }),
        Op::Delete {
            path: None,
            version: 0,
        },
        set_acl("/", &[acl(31, "world", "anyone")], -1),
        Op::Multi(Vec::new()),
        Op::CloseSession,
        Op::CreateSession { timeout_ms: 1 },
        delete_container("/c"),
    ];
    for op in bad {
        let whole = multi(vec![create("/a", 0), op.clone()]);
        assert_eq!(server.code(&whole), ErrorCode::MarshallingError, "{op:?}");
    }
    assert_eq!(server.names("/"), ["zookeeper"]);
}

#[test]
fn a_session_that_moved_fails_the_whole_and_one_that_expired_fails_its_operation() {
    let mut server = Server::new();
    let ops = multi(vec![create("/a", 0), create("/b", 0)]);
    let moved = Requester {
        session_check: Err(ErrorCode::SessionMoved),
        ..Requester::new(ME, &[])
    };
    assert_eq!(
        server.ask(&moved, &ops),
        Err(Refusal::Error(ErrorCode::SessionMoved))
    );
    let gone = Requester {
        session_check: Err(ErrorCode::SessionExpired),
        ..Requester::new(ME, &[])
    };
    let codes = vec![
        Some(ErrorCode::SessionExpired),
        Some(ErrorCode::RuntimeInconsistency),
    ];
    assert_eq!(server.ask(&gone, &ops), Err(Refusal::Multi(codes)));
}

#[test]
fn a_create_ttl_with_other_flags_is_an_ordinary_creation_inside_a_multi() {
    let mut server = Server::with(TreeConfig {
        extended_types: true,
        ..TreeConfig::new([1, 1])
    });
    let told = server
        .write(&multi(vec![
            create_ttl("/plain", 0, 77),
            create_ttl("/seq-", 2, -1),
            create_ttl("/eph", 1, 0),
            create_ttl("/ttl", 5, 10),
            create_ttl("/container", 4, -1),
        ]))
        .unwrap();
    let Told::Multi(parts) = told else {
        panic!("{told:?}")
    };
    let with_stat: Vec<bool> = parts
        .iter()
        .map(|part| {
            matches!(
                part,
                Told::Created {
                    with_stat: true,
                    ..
                }
            )
        })
        .collect();
    assert_eq!(with_stat, [false, false, false, true, true]);
    assert_eq!(server.stat("/eph").ephemeral_owner, ME);
    let codes = vec![Some(ErrorCode::BadArguments)];
    assert_eq!(
        server.write(&multi(vec![create_ttl("/x", 9, 1)])),
        Err(Refusal::Multi(codes.clone()))
    );
    assert_eq!(
        server.write(&multi(vec![create_ttl("/x", 5, 0)])),
        Err(Refusal::Multi(codes))
    );
}

#[test]
fn the_form_of_a_result_follows_opcode_and_kind() {
    let with_stat = |op: Op<'static>, in_multi: bool| {
        let mut server = Server::new();
        let told = server
            .write(&if in_multi { multi(vec![op]) } else { op })
            .unwrap();
        let told = if let Told::Multi(parts) = &told {
            parts[0].clone()
        } else {
            told
        };
        matches!(
            told,
            Told::Created {
                with_stat: true,
                ..
            }
        )
    };
    assert!(!with_stat(call(CreateCall::Create, "/x", 0), false));
    assert!(!with_stat(call(CreateCall::Create, "/x", 0), true));
    assert!(!with_stat(call(CreateCall::Create, "/x", 4), false));
    assert!(with_stat(call(CreateCall::Create, "/x", 4), true));
    assert!(with_stat(call(CreateCall::Create2, "/x", 0), true));
    assert!(with_stat(call(CreateCall::Container, "/x", 0), false));
}

#[test]
fn a_wide_subtree_is_not_walked_for_every_removal_of_a_multi() {
    let mut server = Server::new();
    server.make("/a");
    for child in 0..5_000 {
        server.make(&format!("/a/{child}"));
    }
    let rounds = |count| {
        let round = [
            Op::Keeper(KeeperOp::DeleteRecursive {
                path: Some("/a".into()),
                nodes_max: u32::MAX,
            }),
            create("/a", 0),
        ];
        let ops: Vec<Op<'static>> = (0..count).flat_map(|_| round.clone()).collect();
        multi(ops)
    };
    let Err(Refusal::Multi(codes)) = server.write(&rounds(200)) else {
        panic!("nodes that are deleted already were walked through for nothing")
    };
    assert!(codes.contains(&Some(ErrorCode::NotEmpty)));
    server.write(&rounds(3)).unwrap();
    assert!(server.names("/a").is_empty());
}
