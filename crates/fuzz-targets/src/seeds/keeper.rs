//! What ClickHouse Keeper adds to the protocol, one of each.

use std::borrow::Cow;
use zk_proto::{ChildrenDetails, KeeperRead, KeeperResult, ListFilter, OpResult};
use zk_types::{
    Acl, CreateCall, CreateOp, CreateTxn, KeeperOp, KeeperTxn, NodeKind, Op, Perms, RawAcl,
    RawPath, SessionId, Stat, Txn, WallTime, Zxid,
};

fn path() -> RawPath<'static> {
    Some(Cow::Borrowed("/a/b"))
}

fn any_stat() -> Stat {
    Stat {
        czxid: Zxid(u64::MAX),
        mzxid: Zxid(u64::MAX),
        ctime: WallTime(-1),
        mtime: WallTime(-1),
        version: -1,
        cversion: 3,
        aversion: -1,
        ephemeral_owner: SessionId(-1),
        data_length: -1,
        num_children: -1,
        pzxid: Zxid(u64::MAX),
    }
}

fn create() -> Op<'static> {
    Op::Create(CreateOp {
        call: CreateCall::IfNotExists,
        path: path(),
        data: Some(Cow::Borrowed(b"data")),
        acl: Some(vec![RawAcl {
            perms: Perms::ALL,
            scheme: Some(Cow::Borrowed("world")),
            id: Some(Cow::Borrowed("anyone")),
        }]),
        flags: 1,
        ttl_ms: -1,
    })
}

pub(super) fn writes() -> impl Iterator<Item = Op<'static>> {
    parts().into_iter().filter(|op| {
        !matches!(
            op,
            Op::Keeper(KeeperOp::CheckNotExists { .. } | KeeperOp::CheckStat { .. })
        )
    })
}

pub(super) fn parts() -> Vec<Op<'static>> {
    vec![
        create(),
        Op::Keeper(KeeperOp::CheckNotExists {
            path: path(),
            version: -1,
        }),
        Op::Keeper(KeeperOp::CheckStat {
            path: path(),
            version: 1,
            stat: any_stat(),
        }),
        Op::Keeper(KeeperOp::TryDelete {
            path: path(),
            version: -1,
        }),
        Op::Keeper(KeeperOp::DeleteRecursive {
            path: path(),
            nodes_max: 100,
        }),
    ]
}

/// Those that may stand in a `multiRead` first.
pub(super) fn reads() -> Vec<KeeperRead<'static>> {
    vec![
        KeeperRead::List {
            path: path(),
            watch: true,
            filter: ListFilter::Ephemeral,
        },
        KeeperRead::ListWithStatsAndData {
            path: path(),
            watch: false,
            filter: ListFilter::All,
            stats: true,
            data: false,
        },
        KeeperRead::ListRecursive {
            path: path(),
            paths_max: 9,
        },
        KeeperRead::CheckNotExists {
            path: path(),
            version: 2,
        },
        KeeperRead::CheckStat {
            path: path(),
            version: -1,
            stat: any_stat(),
        },
    ]
}

pub(super) fn txns() -> Vec<Txn> {
    let path = || Box::from("/a/b");
    let created = KeeperTxn::Create(CreateTxn {
        path: path(),
        data: None,
        acl: vec![Acl::world(Perms::ALL)],
        kind: NodeKind::Persistent,
        parent_cversion: 8,
        with_stat: false,
    });
    let others = [
        KeeperTxn::Exists { path: path() },
        KeeperTxn::CheckNotExists {
            path: path(),
            version: -1,
        },
        KeeperTxn::CheckStat {
            path: path(),
            version: 3,
        },
        KeeperTxn::TryDelete {
            path: path(),
            deletes: true,
        },
        KeeperTxn::DeleteRecursive {
            paths: vec![path(), "/a".into()],
        },
    ];
    std::iter::once(created)
        .chain(others)
        .map(Txn::Keeper)
        .collect()
}

pub(super) fn details(stat: &Stat) -> ChildrenDetails<'static> {
    ChildrenDetails {
        names: vec![Cow::Borrowed("a"), Cow::Borrowed("b")],
        stat: *stat,
        stats: vec![*stat, *stat],
        data: vec![None, Some(Cow::Borrowed(b"data"))],
    }
}

pub(super) fn results(stat: &Stat) -> Vec<OpResult<'static>> {
    let keeper = [
        KeeperResult::CheckNotExists,
        KeeperResult::CreateIfNotExists {
            path: Cow::Borrowed("/a/b"),
        },
        KeeperResult::DeleteRecursive,
        KeeperResult::CheckStat,
        KeeperResult::TryDelete,
        KeeperResult::ListWithStatsAndData(details(stat)),
    ];
    let mut results = vec![
        OpResult::Exists { stat: *stat },
        OpResult::GetChildren2 {
            children: vec![Cow::Borrowed("a")],
            stat: *stat,
        },
    ];
    results.extend(keeper.map(OpResult::Keeper));
    results
}
