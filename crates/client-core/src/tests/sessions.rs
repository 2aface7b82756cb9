//! Handshakes, silence, resumption and the ends of sessions: §2, §10.3 and §13.

use super::bench::*;
use crate::*;
use core::time::Duration;
use std::string::String;
use std::vec;
use std::vec::Vec;
use zk_proto::{ConnectRequest, ConnectResponse, OpCode, Request, Xid, reply};
use zk_types::{ErrorCode, Instant, Op, SessionId, Zxid};

fn handshake(frame: &[u8]) -> ConnectRequest<'_> {
    ConnectRequest::decode(frame).unwrap()
}

fn over(outputs: &[Output]) -> Option<End> {
    outputs.iter().find_map(|output| {
        if let Output::State(ConnectionState::Over(end)) = output {
            return Some(*end);
        }
        None
    })
}

fn lost(outputs: &[Output]) -> Option<Loss> {
    outputs.iter().find_map(|output| {
        if let Output::ConnectionLost { loss, .. } = output {
            return Some(*loss);
        }
        None
    })
}

#[test]
fn a_new_session_names_no_session_and_has_seen_nothing() {
    let mut bench = Bench::new(config());
    let frame = bench.connect();
    assert_eq!(
        handshake(&frame),
        ConnectRequest {
            last_zxid_seen: Zxid::ZERO,
            timeout_ms: 9_000,
            session: SessionId::NONE,
            password: Some(&[0; 16]),
            read_only: Some(false),
        }
    );
    bench.accept();
    assert_eq!(bench.client.session_id(), SESSION);
    assert_eq!(bench.client.password(), PASSWORD);
    assert_eq!(bench.client.session_timeout(), TIMEOUT);
    assert_eq!(bench.client.state(), ConnectionState::Connected);
}

#[test]
fn every_server_is_tried_before_any_is_tried_again() {
    let mut bench = Bench::new(config());
    let mut tried = Vec::new();
    for _ in 0..3 {
        let outputs = bench.wait();
        let [Output::Connect { server }] = outputs[..] else {
            panic!("{outputs:?}")
        };
        tried.push(server);
        assert_eq!(
            lost(&bench.step(Input::ConnectFailed)),
            Some(Loss::ConnectFailed)
        );
    }
    tried.sort_unstable();
    assert_eq!(tried, [0, 1, 2]);
}

#[test]
fn a_session_is_resumed_with_its_password_and_the_last_zxid_of_a_reply() {
    let mut bench = Bench::served(config());
    bench.exchange(get("/a"), reply_data("x"));
    let (_, sent) = bench.ask(ClientRequest::Delete {
        path: "/a".into(),
        version: None,
    });
    bench.void(Xid::PING);
    bench.event(EventKind::NodeDeleted, "/a");
    assert_eq!(
        bench.client.last_zxid_seen(),
        Zxid(40),
        "neither pings nor events count"
    );
    let mut wire = Vec::new();
    reply::void(&mut wire, sent.xid(), Zxid(41));
    bench.bytes(&wire);
    bench.step(Input::Closed);
    let frame = bench.connect();
    let handshake = handshake(&frame);
    assert_eq!(handshake.session, SESSION);
    assert_eq!(handshake.password, Some(&PASSWORD[..]));
    assert_eq!(handshake.last_zxid_seen, Zxid(41));
}

#[test]
fn a_saved_session_is_taken_up() {
    let saved = SavedSession {
        id: SessionId(5),
        password: vec![1, 2],
    };
    let mut bench = Bench::new(ClientConfig {
        session: Some(saved),
        ..config()
    });
    let frame = bench.connect();
    assert_eq!(handshake(&frame).session, SessionId(5));
    assert_eq!(handshake(&frame).password, Some(&[1, 2][..]));
}

#[test]
fn a_refusal_is_the_end_of_the_session() {
    let mut bench = Bench::served(config());
    bench.step(Input::Closed);
    bench.connect();
    let (waiting, _) = bench.request(get("/a"));
    let mut wire = Vec::new();
    ConnectResponse::refusal(Some(false)).encode(&mut wire);
    let outputs = bench.bytes(&wire);
    assert_eq!(over(&outputs), Some(End::Expired));
    assert_eq!(outputs[0], Output::Disconnect);
    assert_eq!(
        replies(&outputs),
        [(waiting, Err(ClientError::SessionExpired))]
    );
    assert_eq!(event(&outputs).0.state, KeeperState::Expired);
    assert_eq!(bench.client.next_deadline(), None);
    let (late, outputs) = bench.request(get("/a"));
    assert_eq!(
        replies(&outputs),
        [(late, Err(ClientError::SessionExpired))]
    );
}

#[test]
fn another_session_than_the_one_asked_for_is_a_refusal() {
    let saved = SavedSession {
        id: SessionId(5),
        password: vec![1, 2],
    };
    let mut bench = Bench::new(ClientConfig {
        session: Some(saved),
        ..config()
    });
    bench.connect();
    assert_eq!(over(&bench.accept()), Some(End::Expired));
}

#[test]
fn silence_of_a_third_sends_a_ping_and_silence_of_two_thirds_ends_the_connection() {
    let mut bench = Bench::served(config());
    let start = bench.now;
    let outputs = bench.wait();
    assert_eq!(bench.now.since(start), TIMEOUT / 3);
    assert_eq!(sent(&outputs)[0].xid(), Xid::PING);
    assert_eq!(sent(&outputs)[0].request(), Request::Ping);
    bench.void(Xid::PING);
    let heard = bench.now;
    assert_eq!(sent(&bench.wait())[0].request(), Request::Ping);
    let outputs = bench.wait();
    assert_eq!(bench.now.since(heard), TIMEOUT * 2 / 3);
    assert_eq!(outputs[0], Output::Disconnect);
    assert_eq!(lost(&outputs), Some(Loss::ReadTimeout));
    assert_eq!(event(&outputs).0.state, KeeperState::Disconnected);
}

#[test]
fn a_request_takes_the_place_of_a_ping() {
    let mut bench = Bench::served(config());
    bench.pass(TIMEOUT / 4);
    let asked = bench.now;
    bench.exchange(get("/a"), reply_data("x"));
    assert_eq!(bench.client.next_deadline(), Some(asked + TIMEOUT / 3));
}

#[test]
fn a_handshake_that_is_not_answered_is_given_up_for_the_next_server() {
    let mut bench = Bench::new(config());
    bench.connect();
    let start = bench.now;
    let outputs = bench.wait();
    assert_eq!(
        bench.now.since(start),
        TIMEOUT / 3,
        "the timeout is shared by three servers"
    );
    assert_eq!(outputs[0], Output::Disconnect);
    assert_eq!(lost(&outputs), Some(Loss::HandshakeTimeout));
    assert!(matches!(bench.wait()[..], [Output::Connect { .. }]));
}

/// Lets attempts fail until the client is over or so long has passed.
fn fail_for(bench: &mut Bench, long: Duration) -> Option<End> {
    let until = bench.now + long;
    while bench.now < until && bench.client.next_deadline().is_some() {
        let outputs = bench.wait();
        if over(&outputs).is_some() {
            return over(&outputs);
        }
        if matches!(outputs[..], [Output::Connect { .. }]) {
            bench.step(Input::ConnectFailed);
        }
    }
    None
}

#[test]
fn a_session_without_a_server_is_given_up_after_four_thirds_of_its_timeout() {
    let mut bench = Bench::served(config());
    let heard = bench.now;
    bench.step(Input::Closed);
    assert_eq!(fail_for(&mut bench, TIMEOUT * 10), Some(End::Expired));
    assert_eq!(bench.now.since(heard), TIMEOUT * 4 / 3);
}

#[test]
fn a_client_that_keeps_trying_never_gives_its_session_up() {
    let unreachable = Unreachable::KeepTrying;
    let mut bench = Bench::served(ClientConfig {
        unreachable,
        ..config()
    });
    bench.step(Input::Closed);
    assert_eq!(fail_for(&mut bench, TIMEOUT * 10), None);
}

#[test]
fn a_session_that_never_was_is_not_given_up() {
    let mut bench = Bench::new(config());
    assert_eq!(fail_for(&mut bench, TIMEOUT * 10), None);
}

#[test]
fn a_session_of_a_read_only_server_is_not_taken_to_another() {
    let read_only_servers = ReadOnlyServers::Accepted;
    let mut bench = Bench::new(ClientConfig {
        read_only_servers,
        ..config()
    });
    let frame = bench.connect();
    assert_eq!(handshake(&frame).read_only, Some(true));
    let mut wire = Vec::new();
    ConnectResponse {
        timeout_ms: 9_000,
        session: SessionId(9),
        password: &PASSWORD,
        read_only: Some(true),
    }
    .encode(&mut wire);
    let outputs = bench.bytes(&wire);
    assert!(outputs.contains(&Output::State(ConnectionState::ConnectedReadOnly)));
    assert_eq!(event(&outputs).0.state, KeeperState::ConnectedReadOnly);
    bench.step(Input::Closed);
    let frame = bench.connect();
    assert_eq!(handshake(&frame).session, SessionId::NONE);
    bench.accept();
    bench.step(Input::Closed);
    let frame = bench.connect();
    assert_eq!(handshake(&frame).session, SESSION);
}

#[test]
fn closing_asks_the_server_and_waits_for_its_answer() {
    let mut bench = Bench::served(config());
    let (earlier, read) = bench.ask(get("/a"));
    let outputs = bench.step(Input::Close);
    assert_eq!(
        sent(&outputs)[0].request(),
        Request::Write(Op::CloseSession)
    );
    let close = sent(&outputs)[0].xid();
    let (late, outputs) = bench.request(get("/a"));
    assert_eq!(replies(&outputs), [(late, Err(ClientError::Closed))]);
    let mut wire = Vec::new();
    reply::data(&mut wire, read.xid(), Zxid(3), Some(b"x"), &STAT);
    assert_eq!(replies(&bench.bytes(&wire)), [(earlier, Ok(data("x")))]);
    let outputs = bench.void(close);
    assert_eq!(outputs[0], Output::Disconnect);
    assert_eq!(over(&outputs), Some(End::Closed));
}

#[test]
fn closing_without_a_server_ends_at_once() {
    let mut bench = Bench::new(config());
    let (waiting, _) = bench.request(get("/a"));
    let outputs = bench.step(Input::Close);
    assert_eq!(over(&outputs), Some(End::Closed));
    assert_eq!(replies(&outputs), [(waiting, Err(ClientError::Closed))]);
}

#[test]
fn a_connection_that_ends_while_closing_is_not_made_again() {
    let mut bench = Bench::served(config());
    let (ticket, _) = bench.ask(get("/a"));
    bench.step(Input::Close);
    let outputs = bench.step(Input::Closed);
    assert_eq!(over(&outputs), Some(End::Closed));
    assert_eq!(replies(&outputs), [connection_loss(ticket)]);
}

#[test]
fn an_identity_that_is_refused_ends_the_session() {
    let mut bench = Bench::served(config());
    let auth = Auth {
        scheme: String::from("digest"),
        auth: b"a:b".to_vec(),
    };
    let outputs = bench.step(Input::AddAuth(auth.clone()));
    assert_eq!(sent(&outputs)[0].xid(), Xid::AUTH);
    assert!(
        bench.step(Input::AddAuth(auth)).is_empty(),
        "it is proven once"
    );
    bench.void(Xid::AUTH);
    let (ticket, _) = bench.ask(get("/a"));
    let outputs = bench.refuse(Xid::AUTH, ErrorCode::AuthFailed);
    assert_eq!(over(&outputs), Some(End::AuthFailed));
    assert_eq!(replies(&outputs), [connection_loss(ticket)]);
    assert_eq!(event(&outputs).0.state, KeeperState::AuthFailed);
}

#[test]
fn a_new_connection_begins_with_identities_then_watches_then_requests() {
    let auths = vec![Auth {
        scheme: String::from("digest"),
        auth: b"a:b".to_vec(),
    }];
    let mut bench = Bench::served(ClientConfig { auths, ..config() });
    let watch = Some(Watcher::Session);
    bench.exchange(
        ClientRequest::GetData {
            path: "/w".into(),
            watch,
        },
        reply_data("x"),
    );
    bench.step(Input::Closed);
    bench.request(get("/a"));
    bench.connect();
    bench.request(get("/b"));
    let outputs = bench.accept();
    let sent = sent(&outputs);
    let opcodes: Vec<i32> = sent.iter().map(|sent| sent.header.opcode).collect();
    let expected = [
        OpCode::Auth,
        OpCode::SetWatches,
        OpCode::GetData,
        OpCode::GetData,
    ];
    assert_eq!(opcodes, expected.map(OpCode::code));
    assert_eq!(
        sent[3].request(),
        Request::GetData {
            path: Some("/b".into()),
            watch: false
        }
    );
}

#[test]
fn a_client_dials_at_once_and_once_only() {
    let mut bench = Bench::new(config());
    assert_eq!(bench.client.next_deadline(), Some(Instant::ZERO));
    assert!(matches!(
        bench.step(Input::Timeout)[..],
        [Output::Connect { .. }]
    ));
    assert!(bench.step(Input::Timeout).is_empty());
}
