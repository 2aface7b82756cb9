//! Which check of a request comes first, and its exact code: `client-protocol.md` §4.1 and §16.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use support::*;
use zk_types::{CreateCall, CreateOp, ErrorCode, Op, Perms, RawAcl, SessionId};
use znode_tree::{EphemeralRight, Refusal, Requester, TreeConfig};

fn with_ttl() -> Server {
    Server::with(TreeConfig {
        extended_types: true,
        ..TreeConfig::new([1, 1])
    })
}

fn no_acl(op: CreateOp<'static>) -> Op<'static> {
    Op::Create(CreateOp {
        acl: Some(Vec::new()),
        ..op
    })
}

#[test]
fn the_published_vectors_of_create_and_delete_hold() {
    let mut server = Server::new();
    server.write(&create("/eph", 1)).unwrap();
    assert_eq!(server.code(&create("/", 0)), ErrorCode::NodeExists);
    assert_eq!(server.code(&create("a", 0)), ErrorCode::BadArguments);
    assert_eq!(server.code(&create("a/b", 0)), ErrorCode::NoNode);
    assert_eq!(server.code(&create("//", 0)), ErrorCode::BadArguments);
    assert_eq!(
        server.code(&create("/eph/x", 0)),
        ErrorCode::NoChildrenForEphemerals
    );
    assert_eq!(
        server.code(&no_acl(create_op("/eph/x", 0))),
        ErrorCode::InvalidAcl
    );
    assert_eq!(server.code(&create("/eph/", 0)), ErrorCode::BadArguments);
    for path in [
        "/",
        "",
        "x",
        "/zookeeper",
        "/zookeeper/quota",
        "/zookeeper/config",
        "/\0",
    ] {
        assert_eq!(
            server.code(&delete(path, -1)),
            ErrorCode::BadArguments,
            "{path:?}"
        );
    }
    assert_eq!(server.code(&delete("/a/", -1)), ErrorCode::NoNode);
    assert_eq!(server.code(&delete("//", -1)), ErrorCode::NoNode);
}

#[test]
fn a_null_path_cannot_be_decoded_or_is_no_path() {
    let mut server = Server::new();
    let creation = |flags| {
        Op::Create(CreateOp {
            path: None,
            ..create_op("", flags)
        })
    };
    assert_eq!(server.code(&creation(0)), ErrorCode::MarshallingError);
    assert_eq!(server.code(&creation(9)), ErrorCode::BadArguments);
    assert_eq!(
        server.code(&Op::Delete {
            path: None,
            version: 0
        }),
        ErrorCode::MarshallingError
    );
    assert_eq!(
        server.code(&Op::DeleteContainer { path: None }),
        ErrorCode::MarshallingError
    );
    assert_eq!(
        server.code(&Op::SetData {
            path: None,
            data: None,
            version: 0
        }),
        ErrorCode::BadArguments
    );
    assert_eq!(
        server.code(&Op::SetAcl {
            path: None,
            acl: open(),
            version: 0
        }),
        ErrorCode::BadArguments
    );
}

#[test]
fn create_checks_flags_then_ttl_support_then_ttl_then_session_then_path() {
    let mut server = Server::new();
    let mut ttl_server = with_ttl();
    let gone = Requester {
        session_check: Err(ErrorCode::SessionExpired),
        ..Requester::new(ME, &[])
    };
    for flags in [-1, 7, 99] {
        assert_eq!(server.code(&create("bad", flags)), ErrorCode::BadArguments);
        assert_eq!(
            server.ask(&gone, &create("bad", flags)),
            Err(Refusal::Error(ErrorCode::BadArguments))
        );
    }
    for flags in [5, 6] {
        assert_eq!(server.code(&create("bad", flags)), ErrorCode::Unimplemented);
        assert_eq!(
            server.code(&create_ttl("bad", flags, 0)),
            ErrorCode::Unimplemented
        );
        assert_eq!(
            ttl_server.code(&create("/t", flags)),
            ErrorCode::BadArguments
        );
        for ttl_ms in [-1, 0, 1 << 40] {
            assert_eq!(
                ttl_server.ask(&gone, &create_ttl("bad", flags, ttl_ms)),
                Err(Refusal::Error(ErrorCode::BadArguments))
            );
        }
        assert_eq!(
            ttl_server.ask(&gone, &create_ttl("bad", flags, 1)),
            Err(Refusal::Error(ErrorCode::SessionExpired))
        );
    }
    for ttl_ms in [-1, 0, 5] {
        assert_eq!(
            ttl_server.code(&create_ttl("/t", 0, ttl_ms)),
            ErrorCode::BadArguments
        );
    }
    let with_ttl_field = CreateOp {
        ttl_ms: 0,
        ..create_op("/t", 0)
    };
    assert_eq!(
        server.code(&Op::Create(with_ttl_field)),
        ErrorCode::BadArguments
    );
}

#[test]
fn a_session_that_may_own_nothing_is_refused_before_the_path_is_looked_at() {
    let mut server = Server::new();
    let local = Requester {
        ephemerals: EphemeralRight::Denied,
        ..Requester::new(ME, &[])
    };
    for flags in [1, 3] {
        assert_eq!(
            server.ask(&local, &create("bad", flags)),
            Err(Refusal::Error(ErrorCode::EphemeralOnLocalSession))
        );
        let container = CreateOp {
            call: CreateCall::Container,
            ..create_op("/container", flags)
        };
        assert_eq!(
            server.ask(&local, &Op::Create(container)),
            Err(Refusal::Error(ErrorCode::EphemeralOnLocalSession))
        );
    }
    server.ask(&local, &create("/fine", 0)).unwrap();
    for session in [SessionId::NONE, SessionId(i64::MIN), SessionId(-1 << 56)] {
        let odd = Requester::new(session, &[]);
        assert_eq!(
            server.ask(&odd, &create("/odd", 1)),
            Err(Refusal::Error(ErrorCode::BadArguments)),
            "an owner that would read as another kind of node"
        );
    }
}

#[test]
fn create_checks_acl_then_parent_then_permission_then_path_then_presence() {
    let mut server = Server::new();
    server
        .write(&create_acl(
            "/shut",
            &[acl(Perms::ADMIN.0, "world", "anyone")],
        ))
        .unwrap();
    server
        .write(&create_acl(
            "/readable",
            &[acl(Perms::READ.0, "world", "anyone")],
        ))
        .unwrap();
    assert_eq!(
        server.code(&no_acl(create_op("/none/x", 0))),
        ErrorCode::InvalidAcl
    );
    assert_eq!(server.code(&create("/none/", 0)), ErrorCode::NoNode);
    assert_eq!(server.code(&create("/shut/", 0)), ErrorCode::NoAuth);
    assert_eq!(server.code(&create("/readable/x", 0)), ErrorCode::NoAuth);
    assert_eq!(server.code(&create("/shut", 0)), ErrorCode::NodeExists);
    assert_eq!(server.code(&create("/a\u{1}", 0)), ErrorCode::BadArguments);
    assert_eq!(server.code(&create("/a\0", 0)), ErrorCode::BadArguments);
    server.write(&create("/eph", 1)).unwrap();
    assert_eq!(server.code(&create("/eph/..", 0)), ErrorCode::BadArguments);
}

#[test]
fn a_sequential_path_is_validated_with_its_suffix() {
    let mut server = Server::new();
    server.make("/a");
    assert_eq!(
        server.write(&create("/a/", 2)).unwrap().path(),
        "/a/0000000000"
    );
    assert_eq!(
        server.write(&create("/a/x-", 2)).unwrap().path(),
        "/a/x-0000000001"
    );
    assert_eq!(
        server.write(&create("/a/..", 2)).unwrap().path(),
        "/a/..0000000002"
    );
    assert_eq!(server.code(&create("/a//", 2)), ErrorCode::NoNode);
}

#[test]
fn delete_checks_session_path_parent_permission_node_version_children() {
    let mut server = Server::new();
    let gone = Requester {
        session_check: Err(ErrorCode::SessionExpired),
        ..Requester::new(ME, &[])
    };
    assert_eq!(
        server.ask(&gone, &delete("/", -1)),
        Err(Refusal::Error(ErrorCode::SessionExpired))
    );
    server.make("/a");
    server.make("/a/b");
    server
        .write(&create_acl(
            "/shut",
            &[acl(Perms::CREATE.0, "world", "anyone")],
        ))
        .unwrap();
    assert_eq!(server.code(&delete("/none/x", -1)), ErrorCode::NoNode);
    assert_eq!(server.code(&delete("/shut/none", -1)), ErrorCode::NoAuth);
    assert_eq!(server.code(&delete("/none", 5)), ErrorCode::NoNode);
    assert_eq!(server.code(&delete("/a", 5)), ErrorCode::BadVersion);
    assert_eq!(server.code(&delete("/a", -2)), ErrorCode::BadVersion);
    assert_eq!(server.code(&delete("/a", 0)), ErrorCode::NotEmpty);
    server.write(&delete("/a/b", 0)).unwrap();
    server.write(&delete("/a", -1)).unwrap();
    assert_eq!(server.tree.node_count(), 5);
}

#[test]
fn the_permission_to_delete_is_the_parents() {
    let mut server = Server::new();
    server
        .write(&create_acl("/all", &[acl(31, "world", "anyone")]))
        .unwrap();
    server
        .write(&create_acl("/all/none", &[acl(0, "world", "anyone")]))
        .unwrap();
    server.write(&delete("/all/none", -1)).unwrap();
}

#[test]
fn set_data_checks_session_path_node_permission_version() {
    let mut server = Server::new();
    let gone = Requester {
        session_check: Err(ErrorCode::SessionExpired),
        ..Requester::new(ME, &[])
    };
    assert_eq!(
        server.ask(&gone, &set("bad", "", 0)),
        Err(Refusal::Error(ErrorCode::SessionExpired))
    );
    server
        .write(&create_acl("/shut", &[acl(29, "world", "anyone")]))
        .unwrap();
    server.make("/a");
    assert_eq!(server.code(&set("/a/", "", 0)), ErrorCode::BadArguments);
    assert_eq!(server.code(&set("", "", 0)), ErrorCode::BadArguments);
    assert_eq!(server.code(&set("/none", "", 0)), ErrorCode::NoNode);
    assert_eq!(server.code(&set("/shut", "", 5)), ErrorCode::NoAuth);
    assert_eq!(server.code(&set("/a", "", 5)), ErrorCode::BadVersion);
}

#[test]
fn set_acl_checks_path_list_node_permission_version() {
    let mut server = Server::new();
    let read = [acl(1, "world", "anyone")];
    server
        .write(&create_acl("/shut", &[acl(15, "world", "anyone")]))
        .unwrap();
    server.make("/a");
    assert_eq!(
        server.code(&set_acl("/a/", &[], 0)),
        ErrorCode::BadArguments
    );
    assert_eq!(
        server.code(&set_acl("/none", &[], 0)),
        ErrorCode::InvalidAcl
    );
    assert_eq!(server.code(&set_acl("/none", &read, 0)), ErrorCode::NoNode);
    assert_eq!(server.code(&set_acl("/shut", &read, 5)), ErrorCode::NoAuth);
    assert_eq!(server.code(&set_acl("/a", &read, 5)), ErrorCode::BadVersion);
    assert_eq!(
        server
            .write(&set_acl("/a", &read, 0))
            .unwrap()
            .stat()
            .aversion,
        1
    );
}

#[test]
fn check_needs_the_path_the_node_read_and_the_version() {
    let mut server = Server::new();
    server
        .write(&create_acl("/shut", &[acl(30, "world", "anyone")]))
        .unwrap();
    server.make("/a");
    for (op, code) in [
        (check("/a/", 0), ErrorCode::BadArguments),
        (
            Op::Check {
                path: None,
                version: 0,
            },
            ErrorCode::BadArguments,
        ),
        (check("/none", 0), ErrorCode::NoNode),
        (check("/shut", 5), ErrorCode::NoAuth),
        (check("/a", 5), ErrorCode::BadVersion),
    ] {
        assert_eq!(
            server.write(&Op::Multi(vec![op.clone()])),
            Err(Refusal::Multi(vec![Some(code)])),
            "{op:?}"
        );
    }
    server
        .write(&Op::Multi(vec![check("/a", 0), check("/a", -1)]))
        .unwrap();
    assert_eq!(server.code(&check("/a", 0)), ErrorCode::Unimplemented);
}

#[test]
fn delete_container_checks_path_node_children_kind() {
    let mut server = Server::new();
    server.write(&create("/c", 4)).unwrap();
    server.make("/c/x");
    server.make("/plain");
    server.write(&create("/eph", 1)).unwrap();
    assert_eq!(server.code(&delete_container("/")), ErrorCode::BadArguments);
    assert_eq!(server.code(&delete_container("c")), ErrorCode::BadArguments);
    assert_eq!(server.code(&delete_container("/none")), ErrorCode::NoNode);
    assert_eq!(server.code(&delete_container("/c")), ErrorCode::NotEmpty);
    assert_eq!(
        server.code(&delete_container("/plain")),
        ErrorCode::BadVersion
    );
    assert_eq!(
        server.code(&delete_container("/eph")),
        ErrorCode::BadVersion
    );
    server.write(&delete("/c/x", -1)).unwrap();
    server.write(&delete_container("/c")).unwrap();
}

#[test]
fn the_server_itself_needs_neither_session_nor_permission_to_reap() {
    let mut server = Server::new();
    server.write(&create("/c", 4)).unwrap();
    server
        .write(&set_acl("/", &[acl(1, "world", "anyone")], -1))
        .unwrap();
    let nobody = Requester {
        session_check: Err(ErrorCode::SessionExpired),
        ..Requester::new(SessionId::NONE, &[])
    };
    server.ask(&nobody, &delete_container("/c")).unwrap();
}

#[test]
fn a_version_that_would_become_minus_one_becomes_zero() {
    let mut server = Server::new();
    let text = b"server.1=a:1:2".as_slice();
    server
        .tree
        .set_config(text, zk_types::Zxid(0), zk_types::WallTime(7), &mut |_| {});
    assert_eq!(server.stat("/zookeeper/config").version, -1);
    assert_eq!(server.stat("/zookeeper/config").aversion, -1);
    let superuser = superuser();
    let requester = Requester::new(ME, &superuser);
    let stat = server
        .ask(&requester, &set("/zookeeper/config", "x", -1))
        .unwrap()
        .stat();
    assert_eq!(stat.version, 0);
    let list = [acl(31, "world", "anyone")];
    let stat = server
        .ask(&requester, &set_acl("/zookeeper/config", &list, -1))
        .unwrap()
        .stat();
    assert_eq!(stat.aversion, 0);
}

#[test]
fn a_null_acl_list_is_invalid_and_a_null_id_cannot_be_decoded() {
    let mut server = Server::new();
    let null = Op::Create(CreateOp {
        acl: None,
        ..create_op("/a", 0)
    });
    assert_eq!(server.code(&null), ErrorCode::InvalidAcl);
    let entry = RawAcl {
        perms: Perms::ALL,
        scheme: Some("world".into()),
        id: None,
    };
    let null_id = Op::Create(CreateOp {
        acl: Some(vec![entry]),
        ..create_op("/a", 0)
    });
    assert_eq!(server.code(&null_id), ErrorCode::MarshallingError);
}

#[test]
fn reads_know_no_invalid_path() {
    let server = Server::new();
    for path in ["a", "/none", "/zookeeper/", "//", "/../x"] {
        assert_eq!(
            server.tree.exists(path, &[]),
            Err(ErrorCode::NoNode),
            "{path}"
        );
        assert_eq!(
            server.tree.get_data(path, &[]).err(),
            Some(ErrorCode::NoNode),
            "{path}"
        );
    }
    assert_eq!(server.tree.exists("/\0", &[]), Err(ErrorCode::BadArguments));
    assert_eq!(
        server.tree.get_data("/\0", &[]).err(),
        Some(ErrorCode::NoNode)
    );
    assert_eq!(server.tree.exists("", &[]), server.tree.exists("/", &[]));
    assert_eq!(server.tree.all_children_number("/", &[]), Ok(3));
    assert_eq!(server.tree.all_children_number("/zookeeper", &[]), Ok(2));
}

#[test]
fn reads_need_their_permission() {
    let mut server = Server::new();
    server
        .write(&create_acl("/shut", &[acl(30, "world", "anyone")]))
        .unwrap();
    server
        .write(&create_acl("/admin", &[acl(16, "world", "anyone")]))
        .unwrap();
    server
        .write(&create_acl("/blind", &[acl(14, "world", "anyone")]))
        .unwrap();
    let tree = &server.tree;
    assert_eq!(tree.exists("/shut", &[]), Err(ErrorCode::NoAuth));
    assert_eq!(tree.get_data("/shut", &[]).err(), Some(ErrorCode::NoAuth));
    assert_eq!(tree.children("/shut", &[]).err(), Some(ErrorCode::NoAuth));
    assert_eq!(
        tree.all_children_number("/shut", &[]),
        Err(ErrorCode::NoAuth)
    );
    assert!(tree.get_acl("/admin", &[]).is_ok());
    assert_eq!(tree.get_acl("/blind", &[]).err(), Some(ErrorCode::NoAuth));
    assert!(tree.exists("/shut", &superuser()).is_ok());
}

#[test]
fn a_digest_is_hidden_from_those_without_admin() {
    let mut server = Server::new();
    let list = [
        acl(1, "world", "anyone"),
        acl(31, "digest", "u:hash"),
        acl(1, "ip", "1.2.3.4"),
    ];
    server.write(&create_acl("/a", &list)).unwrap();
    let ids = |identities: &[zk_types::Identity]| {
        let (list, _) = server.tree.get_acl("/a", identities).unwrap();
        list.map(|entry| entry.id.into_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&[]), ["anyone", "u:x", "1.2.3.4"]);
    assert_eq!(
        ids(&[identity("digest", "u:hash")]),
        ["anyone", "u:hash", "1.2.3.4"]
    );
}

#[test]
fn skip_acl_skips_every_check() {
    let mut server = Server::with(TreeConfig {
        skip_acl: true,
        ..TreeConfig::new([1, 2])
    });
    server
        .write(&create_acl("/shut", &[acl(0, "world", "anyone")]))
        .unwrap();
    server.write(&set("/shut", "x", 0)).unwrap();
    assert!(server.tree.get_data("/shut", &[]).is_ok());
}
