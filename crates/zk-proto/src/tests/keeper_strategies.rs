//! What ClickHouse Keeper adds, drawn at random.

use super::strategies::{boxed_path, data, path, stat, string, strings};
use crate::*;
use proptest::prelude::*;
use std::vec;
use zk_types::{CreateTxn, ErrorCode, KeeperOp, KeeperTxn, NodeKind, Txn};

fn filter() -> impl Strategy<Value = ListFilter> {
    (0..=2u8).prop_map(|code| ListFilter::from_code(code).unwrap())
}

pub(super) fn write() -> impl Strategy<Value = KeeperOp<'static>> {
    prop_oneof![
        (path(), any::<i32>()).prop_map(|(path, version)| KeeperOp::TryDelete { path, version }),
        (path(), any::<u32>())
            .prop_map(|(path, nodes_max)| KeeperOp::DeleteRecursive { path, nodes_max }),
    ]
}

pub(super) fn part() -> impl Strategy<Value = KeeperOp<'static>> {
    prop_oneof![
        write(),
        (path(), any::<i32>())
            .prop_map(|(path, version)| KeeperOp::CheckNotExists { path, version }),
        (path(), any::<i32>(), stat()).prop_map(|(path, version, stat)| KeeperOp::CheckStat {
            path,
            version,
            stat
        }),
    ]
}

pub(super) fn list() -> impl Strategy<Value = KeeperRead<'static>> {
    prop_oneof![
        (path(), any::<bool>(), filter()).prop_map(|(path, watch, filter)| KeeperRead::List {
            path,
            watch,
            filter
        }),
        (path(), filter(), any::<[bool; 3]>()).prop_map(|(path, filter, [watch, stats, data])| {
            KeeperRead::ListWithStatsAndData {
                path,
                watch,
                filter,
                stats,
                data,
            }
        }),
    ]
}

pub(super) fn read() -> impl Strategy<Value = KeeperRead<'static>> {
    prop_oneof![
        list(),
        (path(), any::<u32>())
            .prop_map(|(path, paths_max)| KeeperRead::ListRecursive { path, paths_max }),
        (path(), any::<i32>())
            .prop_map(|(path, version)| KeeperRead::CheckNotExists { path, version }),
        (path(), any::<i32>(), stat()).prop_map(|(path, version, stat)| KeeperRead::CheckStat {
            path,
            version,
            stat
        }),
    ]
}

pub(super) fn details() -> impl Strategy<Value = ChildrenDetails<'static>> {
    (
        strings(),
        stat(),
        prop::collection::vec(stat(), 0..3),
        prop::collection::vec(data(), 0..3),
    )
        .prop_map(|(names, stat, stats, data)| ChildrenDetails {
            names,
            stat,
            stats,
            data,
        })
}

pub(super) fn result() -> impl Strategy<Value = KeeperResult<'static>> {
    prop_oneof![
        Just(KeeperResult::CheckNotExists),
        string().prop_map(|path| KeeperResult::CreateIfNotExists { path }),
        Just(KeeperResult::DeleteRecursive),
        Just(KeeperResult::CheckStat),
        Just(KeeperResult::TryDelete),
        details().prop_map(KeeperResult::ListWithStatsAndData),
        (
            prop::sample::select(vec![OpCode::Exists, OpCode::GetChildren2]),
            prop::sample::select(vec![ErrorCode::NoNode, ErrorCode::NoAuth])
        )
            .prop_map(|(opcode, code)| KeeperResult::FailedRead(opcode, code)),
    ]
}

pub(super) fn txn(create: impl Strategy<Value = Txn>) -> impl Strategy<Value = KeeperTxn> {
    let create = create.prop_map(|txn| {
        let Txn::Create(create) = txn else {
            unreachable!("it makes creations")
        };
        let kind = match create.kind {
            NodeKind::Ttl(_) => NodeKind::Container,
            kind @ (NodeKind::Persistent | NodeKind::Ephemeral(_) | NodeKind::Container) => kind,
        };
        KeeperTxn::Create(CreateTxn {
            kind,
            with_stat: false,
            ..create
        })
    });
    prop_oneof![
        create,
        boxed_path().prop_map(|path| KeeperTxn::Exists { path }),
        (boxed_path(), any::<i32>())
            .prop_map(|(path, version)| KeeperTxn::CheckNotExists { path, version }),
        (boxed_path(), any::<i32>())
            .prop_map(|(path, version)| KeeperTxn::CheckStat { path, version }),
        (boxed_path(), any::<bool>())
            .prop_map(|(path, deletes)| KeeperTxn::TryDelete { path, deletes }),
        prop::collection::vec(boxed_path(), 0..4)
            .prop_map(|paths| KeeperTxn::DeleteRecursive { paths }),
    ]
}
