//! What clients and servers say to each other.

use super::keeper;
use crate::client_wire::{payload, write_reply};
use std::borrow::Cow;
use std::sync::OnceLock;
use zk_proto::{
    AddWatchMode, AuthPacket, ChildrenPage, ClientInfo, ConnectRequest, ConnectResponse, EventKind,
    KeeperState, OpCode, OpResult, PageRequest, ReadOp, Reconfig, Request, Response, SetWatches,
    WatcherEvent, WatcherType, Xid, encode_txn,
};
use zk_types::{
    Acl, Bytes, CreateCall, CreateOp, CreateTxn, ErrorCode, NodeKind, Op, Perms, RawAcl, SessionId,
    Stat, Txn, TxnHeader, WallTime, Zxid,
};

const PASSWORD: [u8; 16] = [7; 16];

pub(crate) fn client_frames() -> Vec<Vec<u8>> {
    let mut session = vec![3];
    session.extend(whole(|out| connect().encode(out)));
    for request in all_requests() {
        request.encode(Xid(1), &mut session);
    }
    let words: [&[u8]; 4] = [
        b"\x01ruok",
        b"\x02stmk\0\0\0\0\0\0\0\x07",
        b"\0mntr\n",
        b"\0\xff\xf4\xff\xfd",
    ];
    words
        .into_iter()
        .map(<[u8]>::to_vec)
        .chain([session])
        .collect()
}

/// What a client may send, each as a whole frame; the handshake first.
pub(crate) fn client_stream() -> &'static [Vec<u8>] {
    static FRAMES: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    FRAMES.get_or_init(|| {
        let requests = all_requests();
        let requests = requests
            .iter()
            .map(|request| whole(|out| request.encode(Xid(3), out)));
        std::iter::once(whole(|out| connect().encode(out)))
            .chain(requests)
            .collect()
    })
}

pub(crate) fn connect_request() -> Vec<Vec<u8>> {
    let old = ConnectRequest {
        password: None,
        read_only: None,
        ..connect()
    };
    [connect(), old]
        .map(|request| framed(|out| request.encode(out)))
        .to_vec()
}

pub(crate) fn connect_response() -> Vec<Vec<u8>> {
    let accepted = ConnectResponse {
        timeout_ms: 10_000,
        session: SessionId(0x0100_0000_0000_0001),
        password: &PASSWORD,
        read_only: Some(false),
    };
    [accepted, ConnectResponse::refusal(None)]
        .map(|response| framed(|out| response.encode(out)))
        .to_vec()
}

/// Once with the opcode chosen by the first byte, once by the header.
pub(crate) fn requests() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for request in all_requests() {
        let mut by_choice = vec![choice(request.opcode())];
        request.encode_body(&mut by_choice);
        let mut by_header = vec![u8::try_from(OpCode::ALL.len()).expect("few opcodes")];
        by_header.extend(framed(|out| request.encode(Xid(5), out)));
        seeds.extend([by_choice, by_header]);
    }
    seeds
}

pub(crate) fn replies() -> Vec<Vec<u8>> {
    all_responses()
        .into_iter()
        .map(|(opcode, response)| {
            let mut seed = vec![choice(opcode)];
            seed.extend(framed(|out| write_reply(out, Xid(4), Zxid(9), &response)));
            seed
        })
        .collect()
}

pub(crate) fn watcher_event() -> Vec<Vec<u8>> {
    let event = WatcherEvent {
        kind: EventKind::NodeDeleted,
        state: KeeperState::SyncConnected,
        path: Cow::Borrowed("/a/b"),
    };
    vec![framed(|out| event.encode(Zxid(1), out))[REPLY_HEADER_BYTES..].to_vec()]
}

pub(crate) fn transactions() -> Vec<Vec<u8>> {
    let session = SessionId(0x0100_0000_0000_0001);
    let header = TxnHeader {
        session,
        cxid: 3,
        zxid: Zxid(0x2_0000_0004),
        time: WallTime(1_700_000_000_000),
    };
    let mut txns = simple_txns(session);
    txns.push(Txn::Multi(simple_txns(session)));
    txns.push(Txn::CreateSession { timeout_ms: 10_000 });
    txns.push(Txn::CloseSession {
        paths: vec!["/a".into(), "/b/c".into()],
    });
    txns.iter()
        .map(|txn| whole(|out| encode_txn(&header, txn, out)))
        .collect()
}

fn simple_txns(session: SessionId) -> Vec<Txn> {
    let kinds = [
        NodeKind::Persistent,
        NodeKind::Ephemeral(session),
        NodeKind::Container,
        NodeKind::Ttl(60_000),
    ];
    let creates = kinds.map(|kind| {
        Txn::Create(CreateTxn {
            path: "/a/b-0000000007".into(),
            data: Some(Bytes::from(&b"data"[..])),
            acl: vec![Acl::world(Perms::ALL)],
            kind,
            parent_cversion: 8,
            with_stat: kind != NodeKind::Persistent,
        })
    });
    let others = [
        Txn::Delete { path: "/a".into() },
        Txn::DeleteContainer { path: "/c".into() },
        Txn::SetData {
            path: "/a".into(),
            data: None,
            version: 4,
        },
        Txn::SetAcl {
            path: "/a".into(),
            acl: vec![Acl::world(Perms::READ)],
            version: 1,
        },
        Txn::Check {
            path: "/a".into(),
            version: 4,
        },
        Txn::Error(ErrorCode::NoNode),
    ];
    creates
        .into_iter()
        .chain(others)
        .chain(keeper::txns())
        .collect()
}

fn all_requests() -> Vec<Request<'static>> {
    let path = || Some(Cow::Borrowed("/a/b"));
    let mut parts = vec![
        create(CreateCall::Create, 3, -1),
        create(CreateCall::Ttl, 5, 1_000),
        Op::Delete {
            path: path(),
            version: -1,
        },
        Op::SetData {
            path: path(),
            data: Some(Cow::Borrowed(b"new")),
            version: 2,
        },
        Op::Check {
            path: path(),
            version: 2,
        },
    ];
    parts.extend(keeper::parts());
    let texts = || vec![Cow::Borrowed("/a"), Cow::Borrowed("/é")];
    let keeper_writes = keeper::writes().map(Request::Write);
    let keeper_reads = keeper::reads().into_iter().map(Request::Keeper);
    let watches = SetWatches {
        relative_zxid: 77,
        data: texts(),
        exist: texts(),
        child: texts(),
        persistent: Vec::new(),
        persistent_recursive: Vec::new(),
    };
    let watches2 = SetWatches {
        persistent: texts(),
        persistent_recursive: texts(),
        ..watches.clone()
    };
    let apache = vec![
        Request::Ping,
        Request::Write(create(CreateCall::Create2, 0, -1)),
        Request::Write(create(CreateCall::Container, 4, -1)),
        Request::Write(Op::SetAcl {
            path: path(),
            acl: Some(acl()),
            version: -1,
        }),
        Request::Write(Op::Multi(parts)),
        Request::Write(Op::CloseSession),
        Request::Exists {
            path: path(),
            watch: true,
        },
        Request::GetData {
            path: path(),
            watch: false,
        },
        Request::GetAcl { path: path() },
        Request::GetChildren {
            path: path(),
            watch: true,
        },
        Request::GetChildren2 {
            path: path(),
            watch: false,
        },
        Request::GetAllChildrenNumber { path: path() },
        Request::GetEphemerals { prefix: None },
        Request::Sync { path: path() },
        Request::MultiRead(vec![
            ReadOp::GetData {
                path: path(),
                watch: true,
            },
            ReadOp::GetChildren {
                path: path(),
                watch: false,
            },
            ReadOp::Exists {
                path: path(),
                watch: true,
            },
            ReadOp::GetChildren2 {
                path: path(),
                watch: false,
            },
            ReadOp::Keeper(keeper::reads().remove(0)),
            ReadOp::Keeper(keeper::reads().remove(1)),
        ]),
        Request::CheckWatches {
            path: path(),
            kind: WatcherType::Any,
        },
        Request::RemoveWatches {
            path: path(),
            kind: WatcherType::Persistent,
        },
        Request::AddWatch {
            path: path(),
            mode: AddWatchMode::PersistentRecursive,
        },
        Request::SetWatches(watches),
        Request::SetWatches(watches2),
        Request::Auth(AuthPacket {
            scheme: Some(Cow::Borrowed("digest")),
            auth: Some(Cow::Borrowed(b"user:pass")),
        }),
        Request::Sasl {
            token: Some(Cow::Borrowed(b"token")),
        },
        Request::GetChildrenPage(PageRequest {
            path: path(),
            watch: true,
            names_max: 100,
            before: 9,
            after: Some(Cow::Borrowed("b")),
        }),
        Request::WhoAmI,
        Request::Reconfig(Reconfig {
            joining: Some(Cow::Borrowed("server.4=h:1:2;3")),
            leaving: None,
            members: None,
            config_version: -1,
        }),
    ];
    apache
        .into_iter()
        .chain(keeper_writes)
        .chain(keeper_reads)
        .collect()
}

fn all_responses() -> Vec<(OpCode, Response<'static>)> {
    let path = Cow::Borrowed("/a/b");
    let data: Option<Cow<'static, [u8]>> = Some(Cow::Borrowed(b"data"));
    let names = vec![Cow::Borrowed("a"), Cow::Borrowed("b")];
    let mut results = vec![
        OpResult::Create { path: path.clone() },
        OpResult::Create2 {
            path: path.clone(),
            stat: stat(),
        },
        OpResult::Delete,
        OpResult::SetData { stat: stat() },
        OpResult::Check,
        OpResult::RolledBack,
        OpResult::Failed(ErrorCode::NodeExists),
        OpResult::GetData {
            data: data.clone(),
            stat: stat(),
        },
        OpResult::GetChildren {
            children: names.clone(),
        },
    ];
    results.extend(keeper::results(&stat()));
    let identity = ClientInfo {
        scheme: Cow::Borrowed("ip"),
        user: Cow::Borrowed("127.0.0.1"),
    };
    vec![
        (OpCode::Ping, Response::Void),
        (OpCode::Create, Response::Path(Some(path.clone()))),
        (OpCode::Create2, Response::PathStat { path, stat: stat() }),
        (OpCode::Exists, Response::Stat(stat())),
        (
            OpCode::GetData,
            Response::Data {
                data: data.clone(),
                stat: stat(),
            },
        ),
        (
            OpCode::GetAcl,
            Response::Acl {
                acl: vec![Acl::world(Perms::ALL)],
                stat: stat(),
            },
        ),
        (OpCode::GetChildren, Response::Names(names.clone())),
        (
            OpCode::GetChildren2,
            Response::NamesStat {
                names,
                stat: stat(),
            },
        ),
        (OpCode::GetAllChildrenNumber, Response::Number(5)),
        (OpCode::Multi, Response::Multi(results)),
        (
            OpCode::GetChildrenPage,
            Response::Page(ChildrenPage {
                names: vec![Cow::Borrowed("a")],
                stat: stat(),
                next: 7,
            }),
        ),
        (
            OpCode::ListWithStatsAndData,
            Response::Details(keeper::details(&stat())),
        ),
        (OpCode::WhoAmI, Response::WhoAmI(vec![identity])),
        (OpCode::Sasl, Response::Sasl(data)),
    ]
}

fn create(call: CreateCall, flags: i32, ttl_ms: i64) -> Op<'static> {
    Op::Create(CreateOp {
        call,
        path: Some(Cow::Borrowed("/a/b-")),
        data: Some(Cow::Borrowed(b"data")),
        acl: Some(acl()),
        flags,
        ttl_ms,
    })
}

fn acl() -> Vec<RawAcl<'static>> {
    vec![RawAcl {
        perms: Perms::ALL,
        scheme: Some(Cow::Borrowed("world")),
        id: Some(Cow::Borrowed("anyone")),
    }]
}

fn stat() -> Stat {
    Stat {
        czxid: Zxid(1),
        mzxid: Zxid(2),
        ctime: WallTime(3),
        mtime: WallTime(4),
        version: 5,
        cversion: 6,
        aversion: 7,
        ephemeral_owner: SessionId::NONE,
        data_length: 4,
        num_children: 0,
        pzxid: Zxid(1),
    }
}

fn connect() -> ConnectRequest<'static> {
    ConnectRequest {
        last_zxid_seen: Zxid(0),
        timeout_ms: 10_000,
        session: SessionId::NONE,
        password: Some(&PASSWORD),
        read_only: Some(false),
    }
}

fn choice(opcode: OpCode) -> u8 {
    let at = OpCode::ALL.into_iter().position(|other| other == opcode);
    u8::try_from(at.expect("all opcodes are listed")).expect("few opcodes")
}

fn whole(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out);
    out
}

fn framed(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    payload(&whole(write)).to_vec()
}

const REPLY_HEADER_BYTES: usize = 16;
