//! Who may do what, and who one is. Source: `client-protocol.md` §8.

use crate::support::*;
use replica::{ConnId, Input};
use zk_proto::{AuthPacket, Request};
use zk_types::{CreateCall, CreateOp, Op, Perms, RawAcl};

#[test]
fn what_was_proven_holds_for_requests_behind_the_auth_packet_in_the_same_batch() {
    let mut server = Standalone::start();
    let mut client = server.connect();
    let acl = Some(vec![RawAcl {
        perms: Perms::ALL,
        scheme: Some("auth".into()),
        id: None,
    }]);
    let auth = Request::Auth(AuthPacket {
        scheme: Some("digest".into()),
        auth: Some((&b"user:pass"[..]).into()),
    });
    let guarded = Request::Write(Op::Create(CreateOp {
        call: CreateCall::Create,
        path: Some("/g".into()),
        data: None,
        acl,
        flags: 0,
        ttl_ms: -1,
    }));
    let mut bytes = client.encode(&auth);
    bytes.extend(client.encode(&guarded));
    server.input(Input::ClientBytes {
        conn: client.conn,
        bytes: &bytes,
    });
    server.run();
    let codes: Vec<i32> = server.hear(&mut client).iter().map(Heard::err).collect();
    assert_eq!(codes, [0, 0]);
    let mut stranger = server.connect();
    assert_eq!(server.ask(&mut stranger, &get("/g", false))[0].err(), -102);
}

/// Proves a digest, and returns the code of the answer.
fn prove(server: &mut Standalone, conn: ConnId, proof: &str) -> i32 {
    server.code(conn, 100, &[int(0), text("digest"), text(proof)])
}

/// A list with a null id, as kazoo sends it for the scheme `auth`.
fn auth_with_null_id() -> Vec<u8> {
    [int(1), int(31), text("auth"), null()].concat()
}

/// The entries of the list that getACL shows.
fn shown(server: &mut Standalone, conn: ConnId, path: &str) -> Vec<u8> {
    let reply = server.call(conn, 6, &[text(path)]);
    assert_eq!(reply.err, 0);
    reply.body[..reply.body.len() - 68].to_vec()
}

#[test]
fn a_failed_proof_is_answered_and_closes() {
    let mut server = Standalone::start();
    for (scheme, proof) in [
        (text("nonsense"), text("x")),
        (text("world"), text("anyone")),
        (text("digest"), null()),
        (null(), text("x")),
    ] {
        let conn = server.connect().conn;
        let sent = server.send(conn, &frame(-4, 100, &[int(0), scheme, proof]));
        assert_said(&sent, "00000010 fffffffc 0000000000000000 ffffff8d");
        assert!(server.is_closed(conn));
    }
}

#[test]
fn the_type_of_an_auth_packet_is_ignored_and_a_proof_may_be_repeated() {
    let mut server = Standalone::start();
    let conn = server.connect().conn;
    for kind in [0, 7, -1] {
        let proof = [int(kind), text("digest"), text("u:p")];
        assert_eq!(server.code(conn, 100, &proof), 0);
    }
    let who = server.call(conn, 107, &[]);
    assert_eq!(int_at(&who.body, 0), 2, "the address and one digest");
}

#[test]
fn a_digest_needs_no_colon_and_its_password_may_have_one() {
    let mut server = Standalone::start();
    for (proof, id) in [
        ("user:pass", "user:smGaoVKd/cQkjm7b88GyorAUz20="),
        ("bob:x:y", "bob:lhink82101n43lhTdv3U19eNadY="),
        ("u:p", "u:Jq7wMyA/w2Vd5WIDAKdu4OIIFEQ="),
        ("nocolon", "nocolon:Ra+cHr2ZoHvBjtNArFGNGlVie4g="),
    ] {
        let conn = server.connect().conn;
        assert_eq!(prove(&mut server, conn, proof), 0);
        let path = format!("/{}", proof.replace(':', "-"));
        let record = [text(&path), text(""), auth_with_null_id(), int(0)];
        assert_eq!(server.code(conn, 1, &record), 0);
        let list = shown(&mut server, conn, &path);
        assert_eq!(
            digits(&list),
            digits(&acl(&[(31, "digest", id)])),
            "{proof}"
        );
    }
}

#[test]
fn auth_without_a_proof_is_invalid_and_an_address_is_none() {
    let mut server = Standalone::start();
    let conn = server.connect().conn;
    let record = [text("/a"), text(""), auth_with_null_id(), int(0)];
    assert_eq!(server.code(conn, 1, &record), -114);
    assert_eq!(server.code(conn, 100, &[int(0), text("ip"), text("")]), 0);
    assert_eq!(server.code(conn, 1, &record), -114);
}

#[test]
fn lists_are_checked_and_kept_as_the_table_says() {
    let mut server = Standalone::start();
    let conn = server.connect().conn;
    let null_scheme = [int(1), int(31), null(), text("x")].concat();
    let null_id = [int(1), int(31), text("digest"), null()].concat();
    let null_id_of_nothing = [int(1), int(31), text("nonsense"), null()].concat();
    let twice_null = [
        int(2),
        int(31),
        text("auth"),
        null(),
        int(31),
        text("auth"),
        null(),
    ]
    .concat();
    let cases = [
        (null(), -114),
        (int(0), -114),
        (null_scheme, -114),
        (null_id, -5),
        (null_id_of_nothing, -114),
        (twice_null, -5),
        (acl(&[(31, "world", "someone")]), -114),
        (acl(&[(31, "digest", "a:b:c")]), -114),
        (acl(&[(31, "ip", "1.2.3.4.5")]), -114),
        (acl(&[(31, "super", "")]), -114),
        (acl(&[(31, "nonsense", "x")]), -114),
    ];
    for (list, code) in cases {
        let record = [text("/a"), text(""), list.clone(), int(0)];
        assert_eq!(server.code(conn, 1, &record), code, "{list:?}");
        assert_eq!(server.code(conn, 7, &[text("/"), list, int(-1)]), code);
    }
    let list = acl(&[
        (0, "world", "anyone"),
        (31, "ip", "127.0.0.0/8"),
        (0x7fff_ffff, "digest", "a:b"),
        (31, "ip", "127.0.0.0/8"),
    ]);
    let record = [text("/a"), text(""), list, int(0)];
    assert_eq!(server.code(conn, 1, &record), 0);
    let kept = acl(&[
        (0, "world", "anyone"),
        (31, "ip", "127.0.0.0/8"),
        (0x7fff_ffff, "digest", "a:b"),
    ]);
    assert_eq!(shown(&mut server, conn, "/a"), kept);
}

#[test]
fn a_digest_is_hidden_from_who_may_read_but_not_administer() {
    let mut server = Standalone::start();
    let (owner, reader) = (server.connect().conn, server.connect().conn);
    assert_eq!(prove(&mut server, owner, "u:p"), 0);
    let id = "u:Jq7wMyA/w2Vd5WIDAKdu4OIIFEQ=";
    let list = acl(&[
        (31, "digest", id),
        (1, "world", "anyone"),
        (16, "ip", "9.9.9.9"),
    ]);
    let record = [text("/a"), text(""), list.clone(), int(0)];
    assert_eq!(server.code(owner, 1, &record), 0);
    assert_eq!(shown(&mut server, owner, "/a"), list);
    let redacted = acl(&[
        (31, "digest", "u:x"),
        (1, "world", "anyone"),
        (16, "ip", "9.9.9.9"),
    ]);
    assert_eq!(shown(&mut server, reader, "/a"), redacted);
    let administered = acl(&[(31, "digest", id), (16, "world", "anyone")]);
    let record = [text("/b"), text(""), administered.clone(), int(0)];
    assert_eq!(server.code(owner, 1, &record), 0);
    assert_eq!(server.code(reader, 4, &[text("/b"), vec![0]]), -102);
    assert_eq!(shown(&mut server, reader, "/b"), administered);
    let neither = [text("/c"), text(""), acl(&[(31, "digest", id)]), int(0)];
    assert_eq!(server.code(owner, 1, &neither), 0);
    assert_eq!(server.code(reader, 6, &[text("/c")]), -102);
}

#[test]
fn each_permission_is_needed_where_the_table_says() {
    let mut server = Standalone::start();
    let (owner, other) = (server.connect().conn, server.connect().conn);
    assert_eq!(prove(&mut server, owner, "u:p"), 0);
    let id = "u:Jq7wMyA/w2Vd5WIDAKdu4OIIFEQ=";
    for granted in [1, 2, 4, 8, 16] {
        let path = format!("/n{granted}");
        let child = format!("{path}/child");
        let list = acl(&[(31, "digest", id), (granted, "world", "anyone")]);
        let record = [text(&path), text(""), list, int(0)];
        assert_eq!(server.code(owner, 1, &record), 0);
        let make_child = [text(&child), text(""), open(), int(0)];
        assert_eq!(server.code(owner, 1, &make_child), 0);
        let another = [text(format!("{path}/x")), text(""), open(), int(0)];
        let same_list = acl(&[(31, "digest", id), (granted, "world", "anyone")]);
        let needs = [
            (1, 4, vec![text(&path), vec![0]]),
            (1, 3, vec![text(&path), vec![0]]),
            (1, 8, vec![text(&path), vec![0]]),
            (1, 12, vec![text(&path), vec![0]]),
            (1, 104, vec![text(&path)]),
            (1 | 16, 6, vec![text(&path)]),
            (2, 5, vec![text(&path), text(""), int(-1)]),
            (4, 1, another.to_vec()),
            (8, 2, vec![text(&child), int(-1)]),
            (16, 7, vec![text(&path), same_list, int(-1)]),
        ];
        for (needed, opcode, record) in needs {
            let expected = if needed & granted == 0 { -102 } else { 0 };
            let code = server.code(other, opcode, &record);
            assert_eq!(code, expected, "opcode {opcode} with {granted}");
        }
        for (opcode, record) in [
            (9, vec![text(&path)]),
            (106, vec![text(&path), int(0)]),
            (103, vec![text(&path)]),
        ] {
            assert_eq!(server.code(other, opcode, &record), 0, "{opcode}");
        }
    }
}

#[test]
fn a_super_user_may_do_everything_and_is_not_what_auth_stands_for() {
    let mut config = config();
    config.auth.super_digest = Some("super:lK75jTNcA+U9vtVEw5vB51mj/w4=".into());
    let mut server = Standalone::start_on(MemoryDisk::default(), config);
    let (owner, root) = (server.connect().conn, server.connect().conn);
    assert_eq!(prove(&mut server, owner, "u:p"), 0);
    let record = [text("/a"), text(""), auth_with_null_id(), int(0)];
    assert_eq!(server.code(owner, 1, &record), 0);
    assert_eq!(server.code(root, 4, &[text("/a"), vec![0]]), -102);
    assert_eq!(prove(&mut server, root, "super:secret"), 0);
    assert_eq!(server.code(root, 4, &[text("/a"), vec![0]]), 0);
    let config_node = [text("/zookeeper/config"), text("x"), int(-1)];
    assert_eq!(server.code(owner, 5, &config_node), -102);
    assert_eq!(server.code(root, 5, &config_node), 0);
    let record = [text("/b"), text(""), auth_with_null_id(), int(0)];
    assert_eq!(server.code(root, 1, &record), 0);
    let digest = acl(&[(31, "digest", "super:lK75jTNcA+U9vtVEw5vB51mj/w4=")]);
    assert_eq!(shown(&mut server, root, "/b"), digest);
}

#[test]
fn who_one_is_shows_no_secret() {
    let mut server = Standalone::start();
    let conn = server.connect().conn;
    assert_eq!(prove(&mut server, conn, "user:pass"), 0);
    let who = server.call(conn, 107, &[]);
    let expected = [
        int(2),
        text("ip"),
        text("127.0.0.1"),
        text("digest"),
        text("user"),
    ];
    assert_eq!(digits(&who.body), digits(&expected.concat()));
}

#[test]
fn sasl_that_is_not_set_up_is_answered_with_nothing_and_goes_on() {
    let mut server = Standalone::start();
    let conn = server.connect().conn;
    let reply = server.call(conn, 102, &[text("")]);
    assert_eq!((reply.zxid, reply.err, reply.body), (0, 0, null()));
    assert_eq!(server.code(conn, 11, &[]), 0);
}

#[test]
fn identities_belong_to_a_connection_and_not_to_its_session() {
    let mut server = Standalone::start();
    let client = server.connect();
    assert_eq!(prove(&mut server, client.conn, "u:p"), 0);
    let record = [text("/a"), text(""), auth_with_null_id(), int(0)];
    assert_eq!(server.code(client.conn, 1, &record), 0);
    let back = server
        .connect_as(client.session, &client.password)
        .expect("it is resumed");
    assert_eq!(server.code(back.conn, 4, &[text("/a"), vec![0]]), -102);
    assert_eq!(prove(&mut server, back.conn, "u:p"), 0);
    assert_eq!(server.code(back.conn, 4, &[text("/a"), vec![0]]), 0);
}
