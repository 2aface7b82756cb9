//! What properties are tried with.

use super::keeper_strategies as keeper;
use crate::*;
use proptest::prelude::*;
use std::borrow::Cow;
use std::boxed::Box;
use std::string::String;
use std::vec;
use std::vec::Vec;
use zk_types::{
    Acl, Bytes, CreateCall, CreateOp, CreateTxn, ErrorCode, NodeKind, Op, Perms, RawAcl, SessionId,
    Stat, TTL_MS_MAX, Txn, TxnHeader, WallTime, Zxid,
};

fn text() -> impl Strategy<Value = String> {
    "[/a-é0-9]{0,6}"
}

pub(super) fn string() -> impl Strategy<Value = Cow<'static, str>> {
    text().prop_map(Cow::Owned)
}

pub(super) fn path() -> impl Strategy<Value = Option<Cow<'static, str>>> {
    prop::option::of(string())
}

pub(super) fn data() -> impl Strategy<Value = Option<Cow<'static, [u8]>>> {
    prop::option::of(prop::collection::vec(any::<u8>(), 0..6).prop_map(Cow::Owned))
}

pub(super) fn strings() -> impl Strategy<Value = Vec<Cow<'static, str>>> {
    prop::collection::vec(string(), 0..4)
}

fn raw_acl() -> impl Strategy<Value = Vec<RawAcl<'static>>> {
    let entry = (any::<i32>(), path(), path()).prop_map(|(perms, scheme, id)| RawAcl {
        perms: Perms(perms),
        scheme,
        id,
    });
    prop::collection::vec(entry, 0..3)
}

fn acl() -> impl Strategy<Value = Vec<Acl>> {
    let entry = (any::<i32>(), text(), text()).prop_map(|(perms, scheme, id)| Acl {
        perms: Perms(perms),
        scheme,
        id,
    });
    prop::collection::vec(entry, 0..3)
}

pub(super) fn stat() -> impl Strategy<Value = Stat> {
    (any::<[u64; 3]>(), any::<[i64; 3]>(), any::<[i32; 5]>()).prop_map(|(zxids, longs, ints)| {
        Stat {
            czxid: Zxid(zxids[0]),
            mzxid: Zxid(zxids[1]),
            ctime: WallTime(longs[0]),
            mtime: WallTime(longs[1]),
            version: ints[0],
            cversion: ints[1],
            aversion: ints[2],
            ephemeral_owner: SessionId(longs[2]),
            data_length: ints[3],
            num_children: ints[4],
            pzxid: Zxid(zxids[2]),
        }
    })
}

fn error_code() -> impl Strategy<Value = ErrorCode> {
    prop::sample::select(ErrorCode::ALL.to_vec())
}

fn create(
    calls: Vec<CreateCall>,
    acl: impl Strategy<Value = Option<Vec<RawAcl<'static>>>>,
    flags: std::ops::RangeInclusive<i32>,
) -> impl Strategy<Value = Op<'static>> {
    (
        prop::sample::select(calls),
        path(),
        data(),
        acl,
        flags,
        any::<i64>(),
    )
        .prop_map(|(call, path, data, acl, flags, ttl)| {
            let ttl_ms = if call == CreateCall::Ttl { ttl } else { -1 };
            Op::Create(CreateOp {
                call,
                path,
                data,
                acl,
                flags,
                ttl_ms,
            })
        })
}

fn simple_op() -> impl Strategy<Value = Op<'static>> {
    prop_oneof![
        (path(), any::<i32>()).prop_map(|(path, version)| Op::Delete { path, version }),
        (path(), data(), any::<i32>()).prop_map(|(path, data, version)| Op::SetData {
            path,
            data,
            version
        }),
    ]
}

fn op() -> impl Strategy<Value = Op<'static>> {
    let all = vec![
        CreateCall::Create,
        CreateCall::Create2,
        CreateCall::Container,
        CreateCall::Ttl,
        CreateCall::IfNotExists,
    ];
    let part = prop_oneof![
        create(
            vec![
                CreateCall::Create,
                CreateCall::Create2,
                CreateCall::IfNotExists
            ],
            raw_acl().prop_map(Some),
            0..=3
        ),
        keeper::part().prop_map(Op::Keeper),
        create(vec![CreateCall::Container], raw_acl().prop_map(Some), 0..=4),
        create(vec![CreateCall::Ttl], raw_acl().prop_map(Some), 5..=9),
        simple_op(),
        (path(), any::<i32>()).prop_map(|(path, version)| Op::Check { path, version }),
    ];
    prop_oneof![
        create(all, prop::option::of(raw_acl()), -3..=9),
        simple_op(),
        (path(), prop::option::of(raw_acl()), any::<i32>())
            .prop_map(|(path, acl, version)| Op::SetAcl { path, acl, version }),
        prop::collection::vec(part.prop_map(with_path), 0..4).prop_map(Op::Multi),
        Just(Op::CloseSession),
        keeper::write().prop_map(Op::Keeper),
    ]
}

/// No part of a multi may be without one.
fn with_path(mut op: Op<'static>) -> Op<'static> {
    if let Op::Create(CreateOp { path, .. })
    | Op::Delete { path, .. }
    | Op::SetData { path, .. }
    | Op::Check { path, .. } = &mut op
    {
        path.get_or_insert_default();
    }
    op
}

fn kind() -> impl Strategy<Value = WatcherType> {
    (1..=5).prop_map(|code| WatcherType::from_code(code).unwrap())
}

fn set_watches() -> impl Strategy<Value = SetWatches<'static>> {
    (
        any::<i64>(),
        strings(),
        strings(),
        strings(),
        strings(),
        strings(),
    )
        .prop_map(
            |(relative_zxid, data, exist, child, persistent, persistent_recursive)| SetWatches {
                relative_zxid,
                data,
                exist,
                child,
                persistent,
                persistent_recursive,
            },
        )
}

pub(super) fn request() -> impl Strategy<Value = Request<'static>> {
    let read_op =
        (string().prop_map(Some), any::<bool>(), 0..4).prop_map(|(path, watch, kind)| match kind {
            0 => ReadOp::GetData { path, watch },
            1 => ReadOp::GetChildren { path, watch },
            2 => ReadOp::Exists { path, watch },
            _ => ReadOp::GetChildren2 { path, watch },
        });
    let read_op = prop_oneof![4 => read_op, 1 => keeper::list().prop_map(ReadOp::Keeper)];
    let reads = prop_oneof![
        (path(), any::<bool>()).prop_map(|(path, watch)| Request::Exists { path, watch }),
        (path(), any::<bool>()).prop_map(|(path, watch)| Request::GetData { path, watch }),
        (path(), any::<bool>()).prop_map(|(path, watch)| Request::GetChildren { path, watch }),
        (path(), any::<bool>()).prop_map(|(path, watch)| Request::GetChildren2 { path, watch }),
        path().prop_map(|path| Request::GetAcl { path }),
        path().prop_map(|path| Request::GetAllChildrenNumber { path }),
        path().prop_map(|prefix| Request::GetEphemerals { prefix }),
        path().prop_map(|path| Request::Sync { path }),
        prop::collection::vec(read_op, 0..4).prop_map(Request::MultiRead),
    ];
    prop_oneof![
        op().prop_map(Request::Write),
        reads,
        Just(Request::Ping),
        Just(Request::WhoAmI),
        (path(), kind()).prop_map(|(path, kind)| Request::CheckWatches { path, kind }),
        (path(), kind()).prop_map(|(path, kind)| Request::RemoveWatches { path, kind }),
        (path(), 0..=1).prop_map(|(path, mode)| Request::AddWatch {
            path,
            mode: AddWatchMode::from_code(mode).unwrap()
        }),
        set_watches().prop_map(Request::SetWatches),
        (path(), data()).prop_map(|(scheme, auth)| Request::Auth(AuthPacket { scheme, auth })),
        data().prop_map(|token| Request::Sasl { token }),
        keeper::read().prop_map(Request::Keeper),
        (path(), any::<bool>(), any::<i32>(), any::<i64>(), path()).prop_map(
            |(path, watch, names_max, before, after)| Request::GetChildrenPage(PageRequest {
                path,
                watch,
                names_max,
                before,
                after
            })
        ),
        (path(), path(), path(), any::<i64>()).prop_map(
            |(joining, leaving, members, config_version)| Request::Reconfig(Reconfig {
                joining,
                leaving,
                members,
                config_version
            })
        ),
    ]
}

pub(super) fn results() -> impl Strategy<Value = Vec<OpResult<'static>>> {
    let result = prop_oneof![
        string().prop_map(|path| OpResult::Create { path }),
        (string(), stat()).prop_map(|(path, stat)| OpResult::Create2 { path, stat }),
        Just(OpResult::Delete),
        stat().prop_map(|stat| OpResult::SetData { stat }),
        Just(OpResult::Check),
        Just(OpResult::RolledBack),
        error_code().prop_map(OpResult::Failed),
        (data(), stat()).prop_map(|(data, stat)| OpResult::GetData { data, stat }),
        strings().prop_map(|children| OpResult::GetChildren { children }),
        stat().prop_map(|stat| OpResult::Exists { stat }),
        (strings(), stat()).prop_map(|(children, stat)| OpResult::GetChildren2 { children, stat }),
        keeper::result().prop_map(OpResult::Keeper),
    ];
    prop::collection::vec(result, 0..6)
}

pub(super) fn responses() -> impl Strategy<Value = (OpCode, Response<'static>)> {
    prop_oneof![
        path().prop_map(|path| (OpCode::Sync, Response::Path(path))),
        (string(), stat())
            .prop_map(|(path, stat)| (OpCode::Create2, Response::PathStat { path, stat })),
        stat().prop_map(|stat| (OpCode::Exists, Response::Stat(stat))),
        (data(), stat()).prop_map(|(data, stat)| (OpCode::GetData, Response::Data { data, stat })),
        (acl(), stat()).prop_map(|(acl, stat)| (OpCode::GetAcl, Response::Acl { acl, stat })),
        strings().prop_map(|names| (OpCode::GetEphemerals, Response::Names(names))),
        (strings(), stat())
            .prop_map(|(names, stat)| (OpCode::GetChildren2, Response::NamesStat { names, stat })),
        any::<i32>().prop_map(|number| (OpCode::GetAllChildrenNumber, Response::Number(number))),
        results().prop_map(|results| (OpCode::MultiRead, Response::Multi(results))),
        prop::collection::vec((string(), string()), 0..3).prop_map(|infos| {
            let info = |(scheme, user)| ClientInfo { scheme, user };
            (
                OpCode::WhoAmI,
                Response::WhoAmI(infos.into_iter().map(info).collect()),
            )
        }),
        data().prop_map(|token| (OpCode::Sasl, Response::Sasl(token))),
        (strings(), stat(), any::<i64>()).prop_map(|(names, stat, next)| (
            OpCode::GetChildrenPage,
            Response::Page(ChildrenPage { names, stat, next })
        )),
        keeper::details()
            .prop_map(|details| (OpCode::ListWithStatsAndData, Response::Details(details))),
    ]
}

pub(super) fn boxed_path() -> impl Strategy<Value = Box<str>> {
    text().prop_map(String::into_boxed_str)
}

fn bytes() -> impl Strategy<Value = Option<Bytes>> {
    prop::option::of(prop::collection::vec(any::<u8>(), 0..6).prop_map(Bytes::from))
}

fn create_txn(session: SessionId) -> impl Strategy<Value = Txn> {
    let kind = prop_oneof![
        Just(NodeKind::Persistent),
        Just(NodeKind::Ephemeral(session)),
        Just(NodeKind::Container),
        (1..=TTL_MS_MAX).prop_map(NodeKind::Ttl),
    ];
    (
        boxed_path(),
        bytes(),
        acl(),
        kind,
        any::<i32>(),
        any::<bool>(),
    )
        .prop_map(|(path, data, acl, kind, parent_cversion, with_stat)| {
            let with_stat = with_stat || matches!(kind, NodeKind::Container | NodeKind::Ttl(_));
            Txn::Create(CreateTxn {
                path,
                data,
                acl,
                kind,
                parent_cversion,
                with_stat,
            })
        })
}

fn simple_txn(session: SessionId) -> impl Strategy<Value = Txn> {
    prop_oneof![
        create_txn(session),
        boxed_path().prop_map(|path| Txn::Delete { path }),
        boxed_path().prop_map(|path| Txn::DeleteContainer { path }),
        (boxed_path(), bytes(), any::<i32>()).prop_map(|(path, data, version)| Txn::SetData {
            path,
            data,
            version
        }),
        (boxed_path(), acl(), any::<i32>()).prop_map(|(path, acl, version)| Txn::SetAcl {
            path,
            acl,
            version
        }),
        (boxed_path(), any::<i32>()).prop_map(|(path, version)| Txn::Check { path, version }),
        error_code().prop_map(Txn::Error),
        keeper::txn(create_txn(session)).prop_map(Txn::Keeper),
    ]
}

pub(super) fn transaction() -> impl Strategy<Value = (TxnHeader, Txn)> {
    (any::<i64>(), any::<i32>(), any::<u64>(), any::<i64>()).prop_flat_map(
        |(session, cxid, zxid, time)| {
            let session = SessionId(session);
            let header = TxnHeader {
                session,
                cxid,
                zxid: Zxid(zxid),
                time: WallTime(time),
            };
            let txn = prop_oneof![
                4 => simple_txn(session),
                1 => any::<i32>().prop_map(|timeout_ms| Txn::CreateSession { timeout_ms }),
                1 => prop::collection::vec(boxed_path(), 0..4)
                    .prop_map(|paths| Txn::CloseSession { paths }),
                1 => prop::collection::vec(simple_txn(session), 0..4).prop_map(Txn::Multi),
            ];
            txn.prop_map(move |txn| (header, txn))
        },
    )
}
