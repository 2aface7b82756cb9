//! Requests and replies: order, loss, bounds, chroot.

use super::bench::*;
use crate::*;
use std::string::String;
use std::vec;
use std::vec::Vec;
use zk_proto::{KeeperResult, OpCode, OpResult, ReplyHeader, Request, Xid, reply};
use zk_types::{Acl, CreateCall, ErrorCode, Op, PathError, Perms, ZnodePath, Zxid};

fn create(path: &str, mode: CreateMode) -> Create {
    Create {
        path: path.into(),
        data: Some(b"x".to_vec()),
        acl: vec![Acl::world(Perms::ALL)],
        mode,
        reply: CreateReply::Path,
    }
}

fn below_app() -> ClientConfig {
    ClientConfig {
        chroot: Some(ZnodePath::parse("/app").unwrap()),
        ..config()
    }
}

#[test]
fn requests_are_pipelined_and_answered_in_order() {
    let mut bench = Bench::served(config());
    let (first, one) = bench.ask(get("/a"));
    let (second, two) = bench.ask(get("/b"));
    assert!(one.xid() < two.xid());
    let mut wire = Vec::new();
    reply::data(&mut wire, one.xid(), Zxid(2), Some(b"a"), &STAT);
    reply::error(&mut wire, two.xid(), Zxid(2), ErrorCode::NoNode);
    let (head, tail) = wire.split_at(30);
    assert_eq!(bench.bytes(head), []);
    assert_eq!(
        replies(&bench.bytes(tail)),
        [
            (first, Ok(data("a"))),
            (second, Err(ClientError::Server(ErrorCode::NoNode)))
        ]
    );
}

#[test]
fn what_is_in_flight_when_a_connection_ends_is_lost_and_never_sent_again() {
    let mut bench = Bench::served(config());
    let (first, _) = bench.ask(get("/a"));
    let (second, _) = bench.ask(get("/b"));
    let outputs = bench.step(Input::Closed);
    assert_eq!(
        replies(&outputs),
        [connection_loss(first), connection_loss(second)]
    );
    bench.connect();
    assert!(sent(&bench.accept()).is_empty());
}

#[test]
fn what_was_asked_without_a_connection_waits_through_failed_attempts() {
    let mut bench = Bench::new(config());
    let (ticket, outputs) = bench.request(get("/a"));
    assert!(outputs.is_empty());
    bench.wait();
    bench.step(Input::ConnectFailed);
    bench.connect();
    let sent = sent(&bench.accept());
    let mut wire = Vec::new();
    reply::data(&mut wire, sent[0].xid(), Zxid(2), Some(b"a"), &STAT);
    assert_eq!(replies(&bench.bytes(&wire)), [(ticket, Ok(data("a")))]);
}

#[test]
fn one_request_too_many_is_refused_and_not_sent() {
    let mut bench = Bench::served(ClientConfig {
        requests_max: 1,
        ..config()
    });
    let (_, sent) = bench.ask(get("/a"));
    let (refused, outputs) = bench.request(get("/b"));
    let error = ClientError::TooManyRequests { limit: 1 };
    assert_eq!(replies(&outputs), [(refused, Err(error))]);
    assert_eq!(outputs.len(), 1);
    bench.refuse(sent.xid(), ErrorCode::NoNode);
    bench.ask(get("/c"));
}

#[test]
fn a_request_that_no_server_would_take_is_refused_here() {
    let mut bench = Bench::served(ClientConfig {
        frame_bytes_max: 50,
        ..config()
    });
    let write = |bytes| ClientRequest::SetData {
        path: "/a".into(),
        data: Some(vec![0; bytes]),
        version: None,
    };
    let (_, outputs) = bench.request(write(50 - 22));
    assert_eq!(sent(&outputs).len(), 1);
    let (refused, outputs) = bench.request(write(50 - 21));
    let error = ClientError::TooLong {
        bytes: 51,
        limit: 50,
    };
    assert_eq!(replies(&outputs), [(refused, Err(error))]);
}

#[test]
fn a_path_that_is_none_is_refused_here() {
    let mut bench = Bench::served(config());
    let (ticket, outputs) = bench.request(get("/a/"));
    let error = ClientError::Path(PathError::TrailingSlash);
    assert_eq!(replies(&outputs), [(ticket, Err(error))]);
    let request = ClientRequest::Create(create("/a/", CreateMode::PersistentSequential));
    bench.ask(request);
}

#[test]
fn a_reply_to_another_request_ends_the_connection() {
    let mut bench = Bench::served(config());
    let (ticket, sent) = bench.ask(get("/a"));
    let outputs = bench.void(Xid(sent.xid().0 + 1));
    assert_eq!(outputs[0], Output::Disconnect);
    assert_eq!(replies(&outputs), [connection_loss(ticket)]);
    let mut bench = Bench::served(config());
    assert_eq!(
        bench.void(Xid(1))[0],
        Output::Disconnect,
        "nothing was asked"
    );
}

#[test]
fn a_damaged_reply_loses_its_request_and_those_behind_it() {
    let mut bench = Bench::served(config());
    let (first, sent) = bench.ask(get("/a"));
    let (second, _) = bench.ask(get("/b"));
    let outputs = bench.void(sent.xid());
    let lost: Vec<_> = replies(&outputs);
    assert_eq!(lost, [connection_loss(first), connection_loss(second)]);
    assert!(outputs.contains(&Output::Disconnect));
}

#[test]
fn an_unknown_error_code_is_passed_on() {
    let mut bench = Bench::served(config());
    let (ticket, sent) = bench.ask(get("/a"));
    let mut wire = Vec::new();
    reply::error(&mut wire, sent.xid(), Zxid(2), ErrorCode::NoNode);
    wire[16..20].copy_from_slice(&(-999_i32).to_be_bytes());
    assert_eq!(
        replies(&bench.bytes(&wire)),
        [(ticket, Err(ClientError::UnknownCode(-999)))]
    );
}

#[test]
fn a_missing_node_is_an_answer_to_exists() {
    let mut bench = Bench::served(config());
    let request = ClientRequest::Exists {
        path: "/a".into(),
        watch: None,
    };
    let (ticket, sent) = bench.ask(request);
    let outputs = bench.refuse(sent.xid(), ErrorCode::NoNode);
    assert_eq!(replies(&outputs), [(ticket, Ok(Response::Exists(None)))]);
}

#[test]
fn a_reply_tells_the_zxid_of_the_server() {
    let mut bench = Bench::served(config());
    let (_, outputs) = bench.exchange(get("/a"), reply_data("x"));
    assert!(
        matches!(
            outputs[..],
            [Output::Reply {
                zxid: Some(Zxid(40)),
                ..
            }]
        ),
        "{outputs:?}"
    );
}

#[test]
fn a_negative_zxid_is_not_taken_for_the_last_one() {
    let mut bench = Bench::served(config());
    let (_, sent) = bench.ask(get("/a"));
    let mut wire = Vec::new();
    reply::error(
        &mut wire,
        sent.xid(),
        ReplyHeader::NO_ZXID,
        ErrorCode::Unimplemented,
    );
    bench.bytes(&wire);
    assert_eq!(bench.client.last_zxid_seen(), Zxid::ZERO);
}

#[test]
fn each_mode_of_a_creation_has_its_opcode_and_flags() {
    let mut bench = Bench::served(config());
    for (mode, call, flags, ttl) in [
        (CreateMode::Persistent, CreateCall::Create, 0, -1),
        (CreateMode::Ephemeral, CreateCall::Create, 1, -1),
        (CreateMode::PersistentSequential, CreateCall::Create, 2, -1),
        (CreateMode::EphemeralSequential, CreateCall::Create, 3, -1),
        (CreateMode::Container, CreateCall::Container, 4, -1),
        (CreateMode::Ttl(9), CreateCall::Ttl, 5, 9),
        (CreateMode::TtlSequential(9), CreateCall::Ttl, 6, 9),
    ] {
        let (_, sent) = bench.ask(ClientRequest::Create(create("/a", mode)));
        let Request::Write(Op::Create(op)) = sent.request() else {
            panic!("a creation")
        };
        assert_eq!(
            (op.call, op.flags, op.ttl_ms),
            (call, flags, ttl),
            "{mode:?}"
        );
    }
    let with_stat = Create {
        reply: CreateReply::PathAndStat,
        ..create("/a", CreateMode::Persistent)
    };
    let (_, sent) = bench.ask(ClientRequest::Create(with_stat));
    assert_eq!(sent.header.opcode, OpCode::Create2.code());
}

#[test]
fn a_chroot_is_added_to_requests_and_stripped_from_replies() {
    let mut bench = Bench::served(below_app());
    let (ticket, sent) = bench.ask(ClientRequest::Create(create("/a", CreateMode::Persistent)));
    let Request::Write(Op::Create(op)) = sent.request() else {
        panic!("a creation")
    };
    assert_eq!(op.path.as_deref(), Some("/app/a"));
    let mut wire = Vec::new();
    reply::path(&mut wire, sent.xid(), Zxid(2), "/app/a");
    let created = Response::Created {
        path: String::from("/a"),
        stat: None,
    };
    assert_eq!(replies(&bench.bytes(&wire)), [(ticket, Ok(created))]);

    let (_, sent) = bench.ask(get("/"));
    assert_eq!(
        sent.request(),
        Request::GetData {
            path: Some("/app".into()),
            watch: false
        }
    );
    bench.refuse(sent.xid(), ErrorCode::NoNode);

    let ephemerals = ClientRequest::GetEphemerals {
        prefix: String::from("/"),
    };
    let (ticket, sent) = bench.ask(ephemerals);
    assert_eq!(
        sent.request(),
        Request::GetEphemerals {
            prefix: Some("/app/".into())
        }
    );
    let mut wire = Vec::new();
    reply::names(&mut wire, sent.xid(), Zxid(2), ["/app/e"]);
    let expected = Response::Ephemerals(vec![String::from("/e")]);
    assert_eq!(replies(&bench.bytes(&wire)), [(ticket, Ok(expected))]);
}

#[test]
fn a_chroot_holds_inside_a_multi() {
    let mut bench = Bench::served(below_app());
    let ops = vec![
        MultiOp::Create(create("/a", CreateMode::Persistent)),
        MultiOp::Check {
            path: "/b".into(),
            version: Some(3),
        },
    ];
    let (ticket, sent) = bench.ask(ClientRequest::Multi(ops));
    let Request::Write(Op::Multi(ops)) = sent.request() else {
        panic!("a multi")
    };
    assert!(matches!(&ops[0], Op::Create(op) if op.path.as_deref() == Some("/app/a")));
    assert_eq!(
        ops[1],
        Op::Check {
            path: Some("/app/b".into()),
            version: 3
        }
    );
    let results = [
        OpResult::Create {
            path: "/app/a".into(),
        },
        OpResult::Check,
    ];
    let mut wire = Vec::new();
    reply::multi(&mut wire, sent.xid(), Zxid(2), &results);
    let created = PartResponse::Created {
        path: String::from("/a"),
        stat: None,
    };
    let expected = Response::Multi(vec![Ok(created), Ok(PartResponse::Done)]);
    assert_eq!(replies(&bench.bytes(&wire)), [(ticket, Ok(expected))]);
}

#[test]
fn a_failed_multi_tells_of_each_part() {
    let mut bench = Bench::served(config());
    let ops = vec![
        MultiOp::Delete {
            path: "/a".into(),
            version: None
        };
        3
    ];
    let (ticket, sent) = bench.ask(ClientRequest::Multi(ops));
    let results = [
        OpResult::RolledBack,
        OpResult::Failed(ErrorCode::NoNode),
        OpResult::Failed(ErrorCode::RuntimeInconsistency),
    ];
    let mut wire = Vec::new();
    reply::multi(&mut wire, sent.xid(), Zxid(2), &results);
    let expected = Response::Multi(vec![
        Err(PartError::RolledBack),
        Err(PartError::Failed(ErrorCode::NoNode)),
        Err(PartError::Failed(ErrorCode::RuntimeInconsistency)),
    ]);
    assert_eq!(replies(&bench.bytes(&wire)), [(ticket, Ok(expected))]);
}

#[test]
fn a_read_of_several_that_failed_in_keepers_form_fails_alone() {
    let mut bench = Bench::served(config());
    let read = |path: &str| MultiReadOp::GetData { path: path.into() };
    let (ticket, sent) = bench.ask(ClientRequest::MultiRead(vec![read("/a"), read("/b")]));
    let results = [
        OpResult::Keeper(KeeperResult::FailedRead(OpCode::GetData, ErrorCode::NoNode)),
        OpResult::GetData {
            data: None,
            stat: STAT,
        },
    ];
    let mut wire = Vec::new();
    reply::multi(&mut wire, sent.xid(), Zxid(2), &results);
    let read = PartResponse::Data {
        data: None,
        stat: STAT,
    };
    let expected = Response::Multi(vec![Err(PartError::Failed(ErrorCode::NoNode)), Ok(read)]);
    assert_eq!(replies(&bench.bytes(&wire)), [(ticket, Ok(expected))]);
}
