//! The worked packets of §15, byte for byte in both directions.

use super::{hex, payload};
use crate::*;
use std::borrow::Cow;
use std::string::{String, ToString};
use std::vec;
use std::vec::Vec;
use zk_types::{
    CreateCall, CreateOp, ErrorCode, Op, Perms, RawAcl, SessionId, Stat, WallTime, Zxid,
};

const OPEN: &str = "00000001 0000001f 00000005 776f726c64 00000006 616e796f6e65";

fn open_acl() -> Option<Vec<RawAcl<'static>>> {
    Some(vec![RawAcl {
        perms: Perms::ALL,
        scheme: Some("world".into()),
        id: Some("anyone".into()),
    }])
}

fn create(call: CreateCall, path: &'static str, data: &'static [u8], flags: i32) -> Op<'static> {
    Op::Create(CreateOp {
        call,
        path: Some(path.into()),
        data: Some(Cow::Borrowed(data)),
        acl: open_acl(),
        flags,
        ttl_ms: -1,
    })
}

fn stat_of_a() -> Stat {
    Stat {
        czxid: Zxid(3),
        mzxid: Zxid(3),
        ctime: WallTime(0x0000_01a2_0189_f067),
        mtime: WallTime(0x0000_01a2_0189_f067),
        version: 0,
        cversion: 0,
        aversion: 0,
        ephemeral_owner: SessionId::NONE,
        data_length: 2,
        num_children: 0,
        pzxid: Zxid(3),
    }
}

/// The request is these bytes, and these bytes are the request.
fn assert_request(xid: Xid, request: &Request<'_>, dump: &str) {
    let mut wire = Vec::new();
    request.encode(xid, &mut wire);
    assert_eq!(wire, hex(dump));
    let (header, body) = RequestHeader::decode(payload(&wire)).unwrap();
    assert_eq!(header.xid, xid);
    assert_eq!(
        Request::decode(header.opcode, body, 0xfffff).as_ref(),
        Ok(request)
    );
}

/// The reply is these bytes, and these bytes are the reply.
fn assert_reply(
    opcode: OpCode,
    expected: (Xid, Zxid, Result<Response<'_>, ErrorCode>),
    encode: impl FnOnce(&mut Vec<u8>),
    dump: &str,
) {
    let mut wire = Vec::new();
    encode(&mut wire);
    assert_eq!(wire, hex(dump));
    let (header, body) = ReplyHeader::decode(payload(&wire)).unwrap();
    assert_eq!((header.xid, header.zxid), (expected.0, expected.1));
    match expected.2 {
        Ok(response) => {
            assert_eq!(header.err, 0);
            assert_eq!(Response::decode(opcode, body), Ok(response));
        }
        Err(code) => {
            assert_eq!(ErrorCode::from_code(header.err), Some(code));
            assert!(body.is_empty());
        }
    }
}

#[test]
fn handshake_of_a_new_session() {
    let request = ConnectRequest {
        last_zxid_seen: Zxid::ZERO,
        timeout_ms: 30_000,
        session: SessionId::NONE,
        password: Some(&[0; 16]),
        read_only: Some(false),
    };
    let mut wire = Vec::new();
    request.encode(&mut wire);
    let dump = "0000002d | 00000000 0000000000000000 00007530 0000000000000000
                00000010 00000000000000000000000000000000 00";
    assert_eq!(wire, hex(dump));
    assert_eq!(ConnectRequest::decode(payload(&wire)), Ok(request));

    let password = hex("0a9aa1f3cfc30066f82414cb30d60c4b");
    let mut response = ConnectResponse {
        timeout_ms: 30_000,
        session: SessionId(0x0100_0019_6788_0000),
        password: &password,
        read_only: Some(false),
    };
    let mut wire = Vec::new();
    response.encode(&mut wire);
    let dump = "00000025 | 00000000 | 00007530 | 0100001967880000
                00000010 0a9aa1f3cfc30066f82414cb30d60c4b | 00";
    assert_eq!(wire, hex(dump));
    assert_eq!(ConnectResponse::decode(payload(&wire)), Ok(response));

    response.read_only = None;
    wire.clear();
    response.encode(&mut wire);
    assert_eq!(wire.len(), 4 + 36);
    assert_eq!(ConnectResponse::decode(payload(&wire)), Ok(response));
}

#[test]
fn create_persistent() {
    assert_request(
        Xid(1),
        &Request::Write(create(CreateCall::Create, "/a", b"v1", 0)),
        &[
            "00000033 | 00000001 00000001 | 00000002 2f61 | 00000002 7631 |",
            OPEN,
            "| 00000000",
        ]
        .concat(),
    );
    assert_reply(
        OpCode::Create,
        (Xid(1), Zxid(3), Ok(Response::Path(Some("/a".into())))),
        |out| reply::path(out, Xid(1), Zxid(3), "/a"),
        "00000016 | 00000001 0000000000000003 00000000 | 00000002 2f61",
    );
}

#[test]
fn get_data_with_a_watch() {
    assert_request(
        Xid(1),
        &Request::GetData {
            path: Some("/a".into()),
            watch: true,
        },
        "0000000f | 00000001 00000004 | 00000002 2f61 | 01",
    );
    let stat = stat_of_a();
    assert_reply(
        OpCode::GetData,
        (
            Xid(1),
            Zxid(3),
            Ok(Response::Data {
                data: Some(Cow::Borrowed(b"v1")),
                stat,
            }),
        ),
        |out| reply::data(out, Xid(1), Zxid(3), Some(b"v1"), &stat),
        "0000005a | 00000001 0000000000000003 00000000 | 00000002 7631
         | 0000000000000003 0000000000000003 000001a20189f067 000001a20189f067
           00000000 00000000 00000000 0000000000000000 00000002 00000000 0000000000000003",
    );
}

#[test]
fn set_data_and_its_event() {
    let data = Some(Cow::Borrowed(&b"v2"[..]));
    assert_request(
        Xid(2),
        &Request::Write(Op::SetData {
            path: Some("/a".into()),
            data,
            version: 0,
        }),
        "00000018 | 00000002 00000005 | 00000002 2f61 | 00000002 7632 | 00000000",
    );
    let stat = Stat {
        mzxid: Zxid(4),
        mtime: WallTime(0x0000_01a2_0189_f07e),
        version: 1,
        ..stat_of_a()
    };
    assert_reply(
        OpCode::SetData,
        (Xid(2), Zxid(4), Ok(Response::Stat(stat))),
        |out| reply::stat(out, Xid(2), Zxid(4), &stat),
        "00000054 | 00000002 0000000000000004 00000000
         | 0000000000000003 0000000000000004 000001a20189f067 000001a20189f07e
           00000001 00000000 00000000 0000000000000000 00000002 00000000 0000000000000003",
    );
    assert_event(
        EventKind::NodeDataChanged,
        Zxid(4),
        "0000001e | ffffffff 0000000000000004 00000000 | 00000003 00000003 00000002 2f61",
    );
}

fn assert_event(kind: EventKind, zxid: Zxid, dump: &str) {
    let event = WatcherEvent {
        kind,
        state: KeeperState::SyncConnected,
        path: "/a".into(),
    };
    let mut wire = Vec::new();
    event.encode(zxid, &mut wire);
    assert_eq!(wire, hex(dump));
    let (header, body) = ReplyHeader::decode(payload(&wire)).unwrap();
    assert_eq!(
        header,
        ReplyHeader {
            xid: Xid::NOTIFICATION,
            zxid,
            err: 0
        }
    );
    assert_eq!(WatcherEvent::decode(body), Ok(event));
}

#[test]
fn exists_on_a_missing_node_has_no_body() {
    assert_request(
        Xid(3),
        &Request::Exists {
            path: Some("/none".into()),
            watch: true,
        },
        "00000012 | 00000003 00000003 | 00000005 2f6e6f6e65 | 01",
    );
    assert_reply(
        OpCode::Exists,
        (Xid(3), Zxid(4), Err(ErrorCode::NoNode)),
        |out| reply::error(out, Xid(3), Zxid(4), ErrorCode::NoNode),
        "00000010 | 00000003 0000000000000004 ffffff9b",
    );
}

#[test]
fn create_ephemeral_sequential() {
    assert_request(
        Xid(4),
        &Request::Write(create(CreateCall::Create, "/a/s-", b"", 3)),
        &[
            "00000034 | 00000004 00000001 | 00000005 2f612f732d | 00000000 |",
            OPEN,
            "| 00000003",
        ]
        .concat(),
    );
    assert_reply(
        OpCode::Create,
        (
            Xid(4),
            Zxid(5),
            Ok(Response::Path(Some("/a/s-0000000000".into()))),
        ),
        |out| reply::path(out, Xid(4), Zxid(5), "/a/s-0000000000"),
        "00000023 | 00000004 0000000000000005 00000000
         | 0000000f 2f612f732d30303030303030303030",
    );
}

#[test]
fn a_multi_that_fails_on_its_second_part() {
    let ops = vec![
        create(CreateCall::Create, "/b", b"", 0),
        Op::Check {
            path: Some("/a".into()),
            version: 7,
        },
        Op::Delete {
            path: Some("/a".into()),
            version: -1,
        },
    ];
    let dump = [
        "00000069 | 00000005 0000000e
         | 00000001 00 ffffffff | 00000002 2f62 | 00000000 |",
        OPEN,
        "| 00000000
         | 0000000d 00 ffffffff | 00000002 2f61 | 00000007
         | 00000002 00 ffffffff | 00000002 2f61 | ffffffff
         | ffffffff 01 ffffffff",
    ];
    assert_request(Xid(5), &Request::Write(Op::Multi(ops)), &dump.concat());
    let results = vec![
        OpResult::RolledBack,
        OpResult::Failed(ErrorCode::BadVersion),
        OpResult::Failed(ErrorCode::RuntimeInconsistency),
    ];
    assert_reply(
        OpCode::Multi,
        (Xid(5), Zxid(6), Ok(Response::Multi(results.clone()))),
        |out| reply::multi(out, Xid(5), Zxid(6), &results),
        "00000040 | 00000005 0000000000000006 00000000
         | ffffffff 00 00000000 | 00000000
         | ffffffff 00 ffffff99 | ffffff99
         | ffffffff 00 fffffffe | fffffffe
         | ffffffff 01 ffffffff",
    );
}

#[test]
fn ping() {
    assert_request(Xid::PING, &Request::Ping, "00000008 | fffffffe 0000000b");
    assert_reply(
        OpCode::Ping,
        (Xid::PING, Zxid(6), Ok(Response::Void)),
        |out| reply::void(out, Xid::PING, Zxid(6)),
        "00000010 | fffffffe 0000000000000006 00000000",
    );
}

#[test]
fn auth_with_a_digest() {
    let packet = AuthPacket {
        scheme: Some("digest".into()),
        auth: Some(Cow::Borrowed(b"user:pass")),
    };
    assert_request(
        Xid::AUTH,
        &Request::Auth(packet),
        "00000023 | fffffffc 00000064 | 00000000 | 00000006 646967657374
         | 00000009 757365723a70617373",
    );
    assert_reply(
        OpCode::Auth,
        (Xid::AUTH, Zxid::ZERO, Ok(Response::Void)),
        |out| reply::void(out, Xid::AUTH, Zxid::ZERO),
        "00000010 | fffffffc 0000000000000000 00000000",
    );
}

#[test]
fn set_watches_and_the_event_it_makes_up() {
    let watches = SetWatches {
        relative_zxid: 3,
        data: vec!["/a".into()],
        exist: vec![],
        child: vec![],
        persistent: vec![],
        persistent_recursive: vec![],
    };
    assert_request(
        Xid::SET_WATCHES,
        &Request::SetWatches(watches),
        "00000022 | fffffff8 00000065 | 0000000000000003 | 00000001 00000002 2f61
         | 00000000 | 00000000",
    );
    assert_event(
        EventKind::NodeDataChanged,
        ReplyHeader::NO_ZXID,
        "0000001e | ffffffff ffffffffffffffff 00000000 | 00000003 00000003 00000002 2f61",
    );
    assert_reply(
        OpCode::SetWatches,
        (Xid::SET_WATCHES, Zxid(6), Ok(Response::Void)),
        |out| reply::void(out, Xid::SET_WATCHES, Zxid(6)),
        "00000010 | fffffff8 0000000000000006 00000000",
    );
}

#[test]
fn close_and_the_refusal_of_the_dead_session() {
    assert_request(
        Xid(6),
        &Request::Write(Op::CloseSession),
        "00000008 | 00000006 fffffff5",
    );
    assert_reply(
        OpCode::CloseSession,
        (Xid(6), Zxid(7), Ok(Response::Void)),
        |out| reply::void(out, Xid(6), Zxid(7)),
        "00000010 | 00000006 0000000000000007 00000000",
    );
    let refusal = ConnectResponse::refusal(Some(false));
    let mut wire = Vec::new();
    refusal.encode(&mut wire);
    let dump = "00000025 | 00000000 00000000 0000000000000000
                00000010 00000000000000000000000000000000 00";
    assert_eq!(wire, hex(dump));
    assert!(
        ConnectResponse::decode(payload(&wire))
            .unwrap()
            .is_refusal()
    );
}

#[test]
fn a_successful_multi_has_a_result_of_each_type() {
    let stat = stat_of_a();
    let results = vec![
        OpResult::Create { path: "/m".into() },
        OpResult::Create2 {
            path: "/m/c".into(),
            stat,
        },
        OpResult::SetData { stat },
        OpResult::Check,
        OpResult::Delete,
    ];
    let stat_dump: String = {
        let mut wire = Vec::new();
        reply::stat(&mut wire, Xid(1), Zxid(1), &stat);
        wire[20..]
            .iter()
            .map(|byte| std::format!("{byte:02x}"))
            .collect()
    };
    let dump = "000000dc | 00000001 0000000000000001 00000000
         | 00000001 00 00000000 | 00000002 2f6d
         | 0000000f 00 00000000 | 00000004 2f6d2f63 | SS
         | 00000005 00 00000000 | SS
         | 0000000d 00 00000000
         | 00000002 00 00000000
         | ffffffff 01 ffffffff"
        .to_string()
        .replace("SS", &stat_dump);
    assert_reply(
        OpCode::Multi,
        (Xid(1), Zxid(1), Ok(Response::Multi(results.clone()))),
        |out| reply::multi(out, Xid(1), Zxid(1), &results),
        &dump,
    );
}

#[test]
fn the_answer_to_an_unknown_opcode() {
    assert_eq!(
        Request::decode(99, b"", 100),
        Err(RequestError::UnknownOpcode { opcode: 99 })
    );
    assert_reply(
        OpCode::Ping,
        (Xid(1), ReplyHeader::NO_ZXID, Err(ErrorCode::Unimplemented)),
        |out| reply::error(out, Xid(1), ReplyHeader::NO_ZXID, ErrorCode::Unimplemented),
        "00000010 | 00000001 ffffffffffffffff fffffffa",
    );
}

#[test]
fn who_am_i_of_a_connection_that_proved_nothing() {
    let infos = vec![ClientInfo {
        scheme: "ip".into(),
        user: "127.0.0.1".into(),
    }];
    assert_reply(
        OpCode::WhoAmI,
        (Xid(2), Zxid(6), Ok(Response::WhoAmI(infos.clone()))),
        |out| reply::who_am_i(out, Xid(2), Zxid(6), &infos),
        "00000027 | 00000002 0000000000000006 00000000
         | 00000001 | 00000002 6970 | 00000009 3132372e302e302e31",
    );
}

#[test]
fn a_page_of_children() {
    let request = Request::GetChildrenPage(PageRequest {
        path: Some("/a".into()),
        watch: true,
        names_max: 100,
        before: 7,
        after: Some("b".into()),
    });
    assert_request(
        Xid(1),
        &request,
        "00000020 | 00000001 000008d4 | 00000002 2f61 01 00000064
         0000000000000007 00000001 62",
    );
    let page = ChildrenPage {
        names: vec!["b".into()],
        stat: stat_of_a(),
        next: 7,
    };
    let mut stat_dump = Vec::new();
    reply::stat(&mut stat_dump, Xid(0), Zxid(0), &stat_of_a());
    let mut wire = Vec::new();
    reply::page(&mut wire, Xid(1), Zxid(9), &page);
    let mut expected = hex("00000065 | 00000001 0000000000000009 00000000 | 00000001 00000001 62");
    expected.extend(&stat_dump[20..]);
    expected.extend(7_i64.to_be_bytes());
    assert_eq!(wire, expected);
    let (_, body) = ReplyHeader::decode(payload(&wire)).unwrap();
    assert_eq!(
        Response::decode(OpCode::GetChildrenPage, body),
        Ok(Response::Page(page))
    );
}
