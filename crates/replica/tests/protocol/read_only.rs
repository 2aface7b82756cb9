//! A server without a quorum, and clients that take it. Source: `client-protocol.md` §10.3.

use crate::support::*;
use replica::{ConnId, ReadOnlyMode};
use std::time::Duration;
use zk_proto::{ConnectRequest, ConnectResponse, Request, Response};
use zk_types::{Op, SessionId, Zxid};

/// Longer than a leader takes to notice that its quorum is gone, and then to be patient.
const UNTIL_READ_ONLY: Duration = Duration::from_secs(12);

struct Survivor {
    ensemble: Ensemble,
    index: usize,
    /// A session that all servers know, and its password.
    known: (SessionId, Vec<u8>),
}

impl Survivor {
    /// Three servers with a node `/a` of one byte, of which two are stopped.
    fn new(mode: ReadOnlyMode) -> Self {
        let storage = Storage {
            snapshot_txns: 100_000,
            window_bytes_max: 1 << 20,
        };
        let mut ensemble =
            Ensemble::start_with(3, storage, 1, |config| config.sessions.read_only = mode);
        ensemble.pass(TICK);
        let index = ensemble.leader();
        let mut client = ensemble
            .connect(index, SessionId::NONE, &[0; 16])
            .expect("a new session is granted");
        ensemble.ask(index, &mut client, &create("/a", b"1", 0));
        for other in [(index + 1) % 3, (index + 2) % 3] {
            ensemble.stop_server(other);
        }
        ensemble.pass(UNTIL_READ_ONLY);
        assert!(!ensemble.is_open(index, client.conn), "it lost its quorum");
        Survivor {
            ensemble,
            index,
            known: (client.session, client.password.clone()),
        }
    }

    fn greet(&mut self, request: ConnectRequest<'_>) -> (ConnId, Vec<u8>) {
        let mut bytes = Vec::new();
        request.encode(&mut bytes);
        self.ensemble.greet(self.index, &bytes)
    }

    fn reader(&mut self) -> Client {
        let (conn, answer) = self.greet(reading());
        let response = ConnectResponse::decode(&answer[4..]).expect("a connect response");
        assert_eq!(response.read_only, Some(true));
        Client::welcomed(conn, &answer).expect("a reader is served")
    }

    fn ask(&mut self, client: &mut Client, request: &Request<'_>) -> Vec<Heard> {
        self.ensemble.ask(self.index, client, request)
    }
}

/// What a client says that takes a read-only server.
fn reading() -> ConnectRequest<'static> {
    ConnectRequest {
        last_zxid_seen: Zxid::ZERO,
        timeout_ms: 4_000,
        session: SessionId::NONE,
        password: Some(&[0; 16]),
        read_only: Some(true),
    }
}

#[test]
fn without_the_mode_nobody_is_served() {
    let mut survivor = Survivor::new(ReadOnlyMode::Off);
    let (conn, answer) = survivor.greet(reading());
    assert_eq!(answer, b"");
    assert!(!survivor.ensemble.is_open(survivor.index, conn));
    assert_eq!(survivor.ensemble.word(survivor.index, b"isro"), "null");
}

#[test]
fn a_reader_reads_what_was_applied_and_writes_nothing() {
    let mut survivor = Survivor::new(ReadOnlyMode::On);
    let mut client = survivor.reader();
    let heard = survivor.ask(&mut client, &get("/a", true));
    let Response::Data { data, .. } = heard[0].response() else {
        panic!("data")
    };
    assert_eq!(data.as_deref(), Some(&b"1"[..]));
    let at = heard[0].zxid();
    let sync = Request::Sync {
        path: Some("/".into()),
    };
    let multi = Request::Write(Op::Multi(Vec::new()));
    for request in [create("/b", b"", 0), set("/a", b"2", -1), sync, multi] {
        let heard = survivor.ask(&mut client, &request);
        assert_eq!((heard[0].err(), heard[0].zxid()), (-119, at), "{request:?}");
    }
    assert_eq!(survivor.ask(&mut client, &Request::Ping)[0].err(), 0);
    assert_eq!(survivor.ask(&mut client, &Request::WhoAmI)[0].err(), 0);
    let end = survivor.ask(&mut client, &Request::Write(Op::CloseSession));
    assert_eq!((end[0].err(), end[0].zxid()), (0, at));
    assert!(!survivor.ensemble.is_open(survivor.index, client.conn));
}

#[test]
fn a_server_that_has_a_new_disk_shows_nobody_an_empty_tree() {
    let mut survivor = Survivor::new(ReadOnlyMode::On);
    let index = survivor.index;
    survivor.ensemble.stop_server(index);
    survivor.ensemble.replace_disk(index);
    survivor.ensemble.start_server(index);
    survivor.ensemble.pass(UNTIL_READ_ONLY);
    let (conn, answer) = survivor.greet(reading());
    assert_eq!(answer, b"");
    assert!(!survivor.ensemble.is_open(index, conn));
    assert_eq!(survivor.ensemble.word(index, b"isro"), "null");
}

#[test]
fn whoever_wants_to_write_or_has_a_session_or_has_seen_more_is_closed_without_a_word() {
    let mut survivor = Survivor::new(ReadOnlyMode::On);
    let (session, password) = survivor.known.clone();
    let writer = ConnectRequest {
        read_only: Some(false),
        ..reading()
    };
    let old_client = ConnectRequest {
        read_only: None,
        ..reading()
    };
    let known = ConnectRequest {
        session,
        password: Some(&password),
        ..reading()
    };
    let ahead = ConnectRequest {
        last_zxid_seen: Zxid(i64::MAX.cast_unsigned()),
        ..reading()
    };
    for request in [writer, old_client, known, ahead] {
        let (conn, answer) = survivor.greet(request);
        assert_eq!(answer, b"");
        assert!(!survivor.ensemble.is_open(survivor.index, conn));
    }
}

#[test]
fn a_reader_comes_back_with_its_password_and_a_stranger_is_refused() {
    let mut survivor = Survivor::new(ReadOnlyMode::On);
    let client = survivor.reader();
    let again = ConnectRequest {
        session: client.session,
        password: Some(&client.password),
        ..reading()
    };
    let (_, answer) = survivor.greet(again);
    let response = ConnectResponse::decode(&answer[4..]).expect("a connect response");
    assert_eq!(
        (response.session, response.read_only),
        (client.session, Some(true))
    );
    let before = survivor.ensemble.is_open(survivor.index, client.conn);
    assert!(!before, "the connection before is closed");
    for (session, password) in [
        (client.session, vec![7; 16]),
        (SessionId(77), client.password.clone()),
    ] {
        let stranger = ConnectRequest {
            session,
            password: Some(&password),
            ..reading()
        };
        let (_, answer) = survivor.greet(stranger);
        let response = ConnectResponse::decode(&answer[4..]).expect("a connect response");
        assert!(response.is_refusal());
        assert_eq!(response.read_only, Some(true));
    }
}

#[test]
fn a_silent_reader_is_closed_after_its_timeout() {
    let mut survivor = Survivor::new(ReadOnlyMode::On);
    let client = survivor.reader();
    survivor.ensemble.pass(Duration::from_millis(3_900));
    assert!(survivor.ensemble.is_open(survivor.index, client.conn));
    survivor.ensemble.pass(Duration::from_millis(1_000));
    assert!(!survivor.ensemble.is_open(survivor.index, client.conn));
}

#[test]
fn readers_are_sent_away_when_the_quorum_returns_and_their_sessions_are_nothing_then() {
    let mut survivor = Survivor::new(ReadOnlyMode::On);
    let client = survivor.reader();
    let (index, ensemble) = (survivor.index, &mut survivor.ensemble);
    ensemble.start_server((index + 1) % 3);
    ensemble.wait_until_all_serve();
    assert!(!ensemble.is_open(index, client.conn));
    assert_eq!(ensemble.word(index, b"isro"), "rw");
    let back = ensemble.connect(index, client.session, &client.password);
    assert!(back.is_none());
    let mut writer = ensemble
        .connect(index, survivor.known.0, &survivor.known.1)
        .expect("the session of before is still there");
    let heard = ensemble.ask(index, &mut writer, &create("/b", b"", 0));
    assert_eq!(heard[0].err(), 0);
}

#[test]
fn words_say_that_the_server_is_read_only() {
    let mut survivor = Survivor::new(ReadOnlyMode::On);
    let _client = survivor.reader();
    let (index, ensemble) = (survivor.index, &mut survivor.ensemble);
    assert_eq!(ensemble.word(index, b"isro"), "ro");
    let srvr = ensemble.word(index, b"srvr");
    let lines: Vec<&str> = srvr.lines().collect();
    assert_eq!(lines[1], "READ-ONLY mode; serving only read-only clients");
    assert!(lines.contains(&"Mode: read-only"), "{srvr}");
    assert!(!ensemble.word(index, b"conf").contains("membership"));
    let mntr = ensemble.word(index, b"mntr");
    assert!(mntr.contains("zk_server_state\tread-only\n"), "{mntr}");
    assert!(mntr.contains("zk_local_sessions\t1\n"), "{mntr}");
}
