//! What a client of one server observes, in the order the reference states it.

mod support;

use replica::Replica;
use std::time::Duration;
use support::{Heard, Standalone, config};
use zk_proto::{AddWatchMode, AuthPacket, Request, Response, SetWatches};
use zk_types::{CreateCall, CreateOp, Instant, Op, Perms, RawAcl, SessionId, WallTime};

fn open_acl() -> Option<Vec<RawAcl<'static>>> {
    Some(vec![RawAcl {
        perms: Perms::ALL,
        scheme: Some("world".into()),
        id: Some("anyone".into()),
    }])
}

fn create<'a>(path: &'a str, data: &'a [u8], flags: i32) -> Request<'a> {
    Request::Write(Op::Create(CreateOp {
        call: CreateCall::Create,
        path: Some(path.into()),
        data: Some(data.into()),
        acl: open_acl(),
        flags,
        ttl_ms: -1,
    }))
}

fn set<'a>(path: &'a str, data: &'a [u8], version: i32) -> Request<'a> {
    Request::Write(Op::SetData {
        path: Some(path.into()),
        data: Some(data.into()),
        version,
    })
}

fn get(path: &str, watch: bool) -> Request<'_> {
    Request::GetData {
        path: Some(path.into()),
        watch,
    }
}

fn event_of(heard: &Heard) -> &str {
    match heard {
        Heard::Event { event, .. } => event,
        Heard::Reply { .. } => panic!("an event is expected: {heard:?}"),
    }
}

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

#[test]
fn a_pipelined_read_sees_the_write_before_it_and_not_the_one_after() {
    let mut server = Standalone::start();
    let mut client = server.connect();
    server.ask(&mut client, &create("/a", b"0", 0));
    let mut bytes = Vec::new();
    for request in [set("/a", b"1", -1), get("/a", false), set("/a", b"2", -1)] {
        bytes.extend(client.encode(&request));
    }
    server.input(replica::Input::ClientBytes {
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
fn exists_on_a_missing_node_leaves_a_watch() {
    let mut server = Standalone::start();
    let mut client = server.connect();
    let heard = server.ask(
        &mut client,
        &Request::Exists {
            path: Some("/a".into()),
            watch: true,
        },
    );
    assert_eq!(heard[0].err(), -101);
    let heard = server.ask(&mut client, &create("/a", b"", 0));
    assert_eq!(event_of(&heard[0]), "NodeCreated /a");
}

#[test]
fn a_recursive_watch_hears_of_descendants_until_it_is_dropped() {
    let mut server = Standalone::start();
    let mut client = server.connect();
    let watch = Request::AddWatch {
        path: Some("/".into()),
        mode: AddWatchMode::PersistentRecursive,
    };
    assert_eq!(server.ask(&mut client, &watch)[0].err(), 0);
    let heard = server.ask(&mut client, &create("/a", b"", 0));
    assert_eq!(event_of(&heard[0]), "NodeCreated /a");
    let heard = server.ask(&mut client, &create("/a/b", b"", 0));
    assert_eq!(event_of(&heard[0]), "NodeCreated /a/b");
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
    server.input(replica::Input::ClientBytes {
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
    server.input(replica::Input::ClientBytes {
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

#[test]
fn closing_a_session_removes_its_ephemerals_and_the_connection() {
    let mut server = Standalone::start();
    let mut owner = server.connect();
    let mut other = server.connect();
    server.ask(&mut owner, &create("/e", b"", 1));
    server.ask(
        &mut other,
        &Request::Exists {
            path: Some("/e".into()),
            watch: true,
        },
    );
    let heard = server.ask(&mut owner, &Request::Write(Op::CloseSession));
    assert_eq!(heard[0].err(), 0);
    assert!(server.closed.contains(&owner.conn));
    assert_eq!(event_of(&server.hear(&mut other)[0]), "NodeDeleted /e");
    assert!(
        server.connect_as(owner.session, &owner.password).is_none(),
        "the session is over"
    );
}

#[test]
fn a_silent_session_expires_after_its_timeout_and_not_before() {
    let mut server = Standalone::start();
    let mut owner = server.connect();
    let mut other = server.connect();
    server.ask(&mut owner, &create("/e", b"", 1));
    let exists = Request::Exists {
        path: Some("/e".into()),
        watch: false,
    };
    for _ in 0..3 {
        server.pass(Duration::from_secs(3));
        assert_eq!(
            server.ask(&mut other, &exists)[0].err(),
            0,
            "within the timeout"
        );
    }
    server.pass(Duration::from_secs(5));
    assert_eq!(
        server.ask(&mut other, &exists)[0].err(),
        -101,
        "past timeout and tick"
    );
    assert!(server.closed.contains(&owner.conn));
}

#[test]
fn a_session_is_resumed_with_its_password_only() {
    let mut server = Standalone::start();
    let first = server.connect();
    assert!(server.connect_as(first.session, &[1; 16]).is_none());
    assert!(
        !server.closed.contains(&first.conn),
        "a wrong password displaces nobody"
    );
    let second = server
        .connect_as(first.session, &first.password)
        .expect("it is resumed");
    assert_eq!(second.session, first.session);
    assert!(
        server.closed.contains(&first.conn),
        "the old connection is displaced"
    );
}

#[test]
fn set_watches_tells_what_changed_and_arms_the_rest() {
    let mut server = Standalone::start();
    let mut client = server.connect();
    server.ask(&mut client, &create("/a", b"", 0));
    server.ask(&mut client, &create("/b", b"", 0));
    let seen = i64::try_from(server.replica.applied().0).unwrap();
    server.ask(&mut client, &set("/a", b"x", -1));
    let watches = Request::SetWatches(SetWatches {
        relative_zxid: seen,
        data: vec!["/a".into(), "/b".into(), "/gone".into()],
        exist: vec![],
        child: vec!["/".into()],
        persistent: vec![],
        persistent_recursive: vec![],
    });
    let heard = server.ask(&mut client, &watches);
    assert_eq!(event_of(&heard[0]), "NodeDataChanged /a");
    assert_eq!(event_of(&heard[1]), "NodeDeleted /gone");
    assert_eq!(heard[2].err(), 0);
    let heard = server.ask(&mut client, &set("/b", b"y", -1));
    assert_eq!(event_of(&heard[0]), "NodeDataChanged /b");
    let heard = server.ask(&mut client, &create("/c", b"", 0));
    assert_eq!(event_of(&heard[0]), "NodeChildrenChanged /");
}

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
    server.input(replica::Input::ClientBytes {
        conn: client.conn,
        bytes: &bytes,
    });
    server.run();
    let codes: Vec<i32> = server.hear(&mut client).iter().map(Heard::err).collect();
    assert_eq!(codes, [0, 0]);
    let mut stranger = server.connect();
    assert_eq!(server.ask(&mut stranger, &get("/g", false))[0].err(), -102);
}

#[test]
fn an_unknown_opcode_is_answered_after_the_replies_owed_and_then_closes() {
    let mut server = Standalone::start();
    let mut client = server.connect();
    let mut bytes = client.encode(&create("/a", b"", 0));
    bytes.extend([0, 0, 0, 8, 0, 0, 0, 9, 0, 0, 0, 99]);
    server.input(replica::Input::ClientBytes {
        conn: client.conn,
        bytes: &bytes,
    });
    server.run();
    let sent = server.sent.remove(&client.conn).expect("both answers");
    let tail = &sent[sent.len() - 16..];
    assert_eq!(tail[..4], [0, 0, 0, 9]);
    assert_eq!(tail[4..12], [0xff; 8]);
    assert_eq!(tail[12..], (-6_i32).to_be_bytes());
    assert!(server.closed.contains(&client.conn));
}

#[test]
fn hostile_first_bytes_cost_their_sender_the_connection_and_nobody_else_anything() {
    let mut server = Standalone::start();
    let mut client = server.connect();
    for bytes in [
        &b"GET / HTTP/1.1\r\n"[..],
        &[0xff; 64],
        &[0x7f, 0xff, 0xff, 0xff],
        &[0; 12],
    ] {
        let conn = server.connect_raw();
        server.input(replica::Input::ClientBytes { conn, bytes });
        server.run();
        assert!(server.closed.contains(&conn), "{bytes:?}");
        assert!(!server.sent.contains_key(&conn), "{bytes:?}");
    }
    assert_eq!(server.ask(&mut client, &create("/a", b"", 0))[0].err(), 0);
}

#[test]
fn a_connection_that_never_speaks_is_closed() {
    let mut server = Standalone::start();
    let conn = server.connect_raw();
    server.pass(Duration::from_secs(9));
    assert!(!server.closed.contains(&conn));
    server.pass(Duration::from_secs(2));
    assert!(server.closed.contains(&conn));
}

#[test]
fn the_sixty_first_connection_of_an_address_is_closed_at_once() {
    let mut server = Standalone::start();
    let conns: Vec<_> = (0..61).map(|_| server.connect_raw()).collect();
    assert_eq!(server.closed, [conns[60]]);
}

#[test]
fn four_letter_words_answer_and_close() {
    let mut server = Standalone::start();
    for (word, start) in [
        ("ruok", "imok"),
        ("isro", "rw"),
        (
            "srvr",
            "Zookeeper version: 3.9.5-test, built on 01/01/2026 00:00 UTC\nLatency min",
        ),
        ("stat", "Zookeeper version: 3.9.5-test"),
        ("mntr", "zk_version\t3.9.5-test"),
        ("conf", "clientPort="),
        ("cons", " /127.0.0.1:4711[1](queued=0,recved=1,sent=0"),
        ("dump", "SessionTracker dump:\nSession Sets (0)/(0):\n"),
        ("wchs", "0 connections watching 0 paths\nTotal watches:0\n"),
        ("envi", "Environment:\n"),
    ] {
        let conn = server.connect_raw();
        server.input(replica::Input::ClientBytes {
            conn,
            bytes: word.as_bytes(),
        });
        server.run();
        let text = String::from_utf8(server.sent.remove(&conn).expect("an answer")).unwrap();
        assert!(text.starts_with(start), "{word}: {text}");
        assert!(server.closed.contains(&conn), "{word}");
    }
}

#[test]
fn everything_acknowledged_is_there_after_a_restart() {
    let mut config = config();
    config.snapshot_txns = 20;
    config.segment_bytes = 4_096;
    let mut server = Standalone::start_on(support::MemoryDisk::default(), config.clone());
    let mut client = server.connect();
    for n in 0..100 {
        let path = format!("/n{n}");
        assert_eq!(
            server.ask(&mut client, &create(&path, path.as_bytes(), 0))[0].err(),
            0
        );
    }
    let (applied, digest) = (server.replica.applied(), server.replica.tree().digest());
    let server = server.restart(config);
    assert_eq!(server.replica.tree().digest(), digest);
    assert!(
        server.replica.applied() > applied,
        "a new epoch begins with its marker"
    );
    assert!(server.replica.sessions().contains(client.session));
}

#[test]
fn a_client_that_is_ahead_of_the_server_is_turned_away_without_a_word() {
    let mut server = Standalone::start();
    let conn = server.connect_raw();
    let mut bytes = Vec::new();
    zk_proto::ConnectRequest {
        last_zxid_seen: zk_types::Zxid(1 << 60),
        timeout_ms: 10_000,
        session: SessionId::NONE,
        password: None,
        read_only: None,
    }
    .encode(&mut bytes);
    server.input(replica::Input::ClientBytes {
        conn,
        bytes: &bytes,
    });
    server.run();
    assert!(server.closed.contains(&conn));
    assert!(!server.sent.contains_key(&conn));
}

#[test]
fn a_server_that_was_stopped_for_long_hears_its_clients_before_it_expires_them() {
    let mut server = Standalone::start();
    let mut client = server.connect();
    server.now += Duration::from_secs(60);
    server.input(replica::Input::Timeout);
    server.run();
    assert_eq!(server.ask(&mut client, &Request::Ping)[0].err(), 0);
    server.pass(Duration::from_secs(8));
    assert!(
        !server.closed.contains(&client.conn),
        "it spoke as soon as it was heard"
    );
    server.pass(Duration::from_secs(5));
    assert!(
        server.closed.contains(&client.conn),
        "it was silent for its timeout since"
    );
}

#[test]
fn a_ping_in_time_keeps_a_session_whatever_else_is_due_meanwhile() {
    let mut server = Standalone::start();
    let mut client = server.connect();
    for _ in 0..20 {
        server.pass(Duration::from_millis(9_700));
        server.ask(&mut client, &Request::Ping);
    }
    server.pass(Duration::from_millis(100));
    assert!(!server.closed.contains(&client.conn));
}

#[test]
fn nothing_behind_a_fatal_answer_is_carried_out() {
    let mut server = Standalone::start();
    let mut client = server.connect();
    let mut bytes = client.encode(&create("/x", b"", 0));
    bytes.extend(client.encode(&Request::Auth(AuthPacket {
        scheme: Some("nonsense".into()),
        auth: None,
    })));
    bytes.extend(client.encode(&create("/y", b"", 0)));
    server.input(replica::Input::ClientBytes {
        conn: client.conn,
        bytes: &bytes,
    });
    server.run();
    let codes: Vec<i32> = server.hear(&mut client).iter().map(Heard::err).collect();
    assert_eq!(codes, [0, -115]);
    assert!(server.closed.contains(&client.conn));
    let mut other = server.connect();
    assert_eq!(server.ask(&mut other, &get("/x", false))[0].err(), 0);
    assert_eq!(server.ask(&mut other, &get("/y", false))[0].err(), -101);
}

#[test]
fn a_small_request_for_gigabytes_is_refused() {
    let mut server = Standalone::start();
    let mut client = server.connect();
    let data = vec![7; 1_000_000];
    server.ask(&mut client, &create("/big", &data, 0));
    let parts = (0..3_000)
        .map(|_| zk_proto::ReadOp::GetData {
            path: Some("/big".into()),
        })
        .collect();
    assert_eq!(
        server.ask(&mut client, &Request::MultiRead(parts))[0].err(),
        -5
    );
}

#[test]
fn replies_behind_a_write_wait_for_a_client_that_reads_slowly() {
    let mut server = Standalone::start();
    let mut client = server.connect();
    let data = vec![7; 1_000_000];
    server.ask(&mut client, &create("/big", &data, 0));
    server.input(replica::Input::ClientSent {
        conn: client.conn,
        bytes: usize::MAX,
    });
    let mut bytes = client.encode(&create("/small", b"", 0));
    for _ in 0..200 {
        bytes.extend(client.encode(&get("/big", false)));
    }
    server.input(replica::Input::ClientBytes {
        conn: client.conn,
        bytes: &bytes,
    });
    server.run();
    let mut heard = 0;
    for _ in 0..200 {
        let batch = server.hear(&mut client);
        assert!(batch.len() < 10, "{} replies at once", batch.len());
        heard += batch.len();
        server.input(replica::Input::ClientSent {
            conn: client.conn,
            bytes: 8_000_000,
        });
        server.run();
    }
    assert_eq!(heard, 201);
}

#[test]
fn more_identities_than_a_request_may_carry_are_refused() {
    let mut server = Standalone::start();
    let mut client = server.connect();
    let proof = vec![b'u'; 70_000];
    let heard = server.ask(
        &mut client,
        &Request::Auth(AuthPacket {
            scheme: Some("digest".into()),
            auth: Some(proof.into()),
        }),
    );
    assert_eq!(heard[0].err(), -115);
}

#[test]
fn a_lone_server_refuses_a_damaged_log_and_leaves_it_for_repair() {
    let mut server = Standalone::start();
    let mut client = server.connect();
    for n in 0..50 {
        server.ask(&mut client, &create(&format!("/n{n}"), b"x", 0));
    }
    let digest = server.replica.tree().digest();
    let mut disk = server.into_disk();
    disk.rot_the_log(1_000);
    let now = Instant::from_millis(1);
    for _ in 0..2 {
        let refused = Replica::start(config(), &mut disk, now, WallTime(0)).err();
        let sentence = refused.expect("it is refused").to_string();
        assert!(sentence.contains("nothing was changed"), "{sentence}");
    }
    disk.rot_the_log(1_000);
    let server = Standalone::start_on(disk, config());
    assert_eq!(server.replica.tree().digest(), digest);
}
