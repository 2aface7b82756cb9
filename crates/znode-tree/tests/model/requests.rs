//! Requests that meet each other: few paths, and everything that may be asked of them.

use proptest::prelude::*;
use zk_types::{
    CreateCall, CreateOp, KeeperOp, Op, Perms, RawAcl, SessionId, Stat, WallTime, Zxid,
};

/// The digest identity that some lists grant everything: of `u:p`.
pub const USER: &str = "u:Jq7wMyA/w2Vd5WIDAKdu4OIIFEQ=";

pub fn path() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => prop::sample::select(vec!["/a", "/b", "/a/b"]),
        8 => prop::sample::select(vec![
            "/a", "/b", "/a/b", "/a/c", "/a/b/c", "/b/x", "/a/s-0000000000", "/a/s-0000000001",
            "/a-rather-long-name-that-needs-the-heap", "/zookeeper/x",
        ]),
        1 => prop::sample::select(vec![
            "/", "/zookeeper", "/zookeeper/config", "/zookeeper/quota", "/a/", "//", "a", "/a//b",
            "/none/x",
        ]),
    ]
    .prop_map(String::from)
}

fn create_path() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => path(),
        2 => prop::sample::select(vec!["/a/s-", "/b/", "/s-", "/a/b/s-"]).prop_map(String::from),
    ]
}

fn version() -> impl Strategy<Value = i32> {
    prop_oneof![8 => Just(-1), 8 => 0..2, 2 => 2..4, 1 => Just(-2)]
}

fn data() -> impl Strategy<Value = Option<Vec<u8>>> {
    prop_oneof![
        1 => Just(None),
        6 => prop::collection::vec(any::<u8>(), 0..6).prop_map(Some),
    ]
}

fn list() -> impl Strategy<Value = Vec<RawAcl<'static>>> {
    let lists = vec![
        vec![acl(31, "world", "anyone")],
        vec![acl(31, "world", "anyone")],
        vec![acl(31, "world", "anyone")],
        vec![acl(31, "world", "anyone")],
        vec![acl(27, "world", "anyone")],
        vec![acl(1, "world", "anyone"), acl(31, "digest", USER)],
        vec![acl(31, "auth", "")],
        vec![],
    ];
    prop::sample::select(lists)
}

fn creation() -> impl Strategy<Value = Op<'static>> {
    let call = prop::sample::select(vec![
        CreateCall::Create,
        CreateCall::Create,
        CreateCall::Create2,
        CreateCall::Container,
        CreateCall::Ttl,
        CreateCall::IfNotExists,
    ]);
    let flags = prop_oneof![12 => 0..5, 4 => 5..7, 1 => Just(9)];
    (call, create_path(), data(), list(), flags, 0..60_i64).prop_map(
        |(call, path, data, list, flags, ttl)| {
            Op::Create(CreateOp {
                call,
                path: Some(path.into()),
                data: data.map(Into::into),
                acl: Some(list),
                flags,
                ttl_ms: if call == CreateCall::Ttl { ttl } else { -1 },
            })
        },
    )
}

fn part() -> impl Strategy<Value = Op<'static>> {
    prop_oneof![
        8 => creation(),
        4 => (path(), version()).prop_map(|(path, version)| Op::Delete {
            path: Some(path.into()),
            version,
        }),
        6 => (path(), data(), version()).prop_map(|(path, data, version)| Op::SetData {
            path: Some(path.into()),
            data: data.map(Into::into),
            version,
        }),
        1 => (path(), version()).prop_map(|(path, version)| Op::Check {
            path: Some(path.into()),
            version,
        }),
        3 => keeper().prop_map(Op::Keeper),
    ]
}

fn keeper() -> impl Strategy<Value = KeeperOp<'static>> {
    let path = || path().prop_map(|path| Some(path.into()));
    prop_oneof![
        (path(), version()).prop_map(|(path, version)| KeeperOp::CheckNotExists { path, version }),
        (path(), version(), -1..4, -1..3).prop_map(|(path, version, cversion, num_children)| {
            KeeperOp::CheckStat {
                path,
                version,
                stat: Stat {
                    czxid: Zxid(u64::MAX),
                    mzxid: Zxid(u64::MAX),
                    ctime: WallTime(-1),
                    mtime: WallTime(-1),
                    version: -1,
                    cversion,
                    aversion: -1,
                    ephemeral_owner: SessionId(-1),
                    data_length: -1,
                    num_children,
                    pzxid: Zxid(u64::MAX),
                },
            }
        }),
        (path(), version()).prop_map(|(path, version)| KeeperOp::TryDelete { path, version }),
        (path(), 0..6_u32)
            .prop_map(|(path, nodes_max)| KeeperOp::DeleteRecursive { path, nodes_max }),
    ]
}

pub fn op() -> impl Strategy<Value = Op<'static>> {
    let alone = part().prop_filter("a check stands in a multi", |op| {
        !matches!(
            op,
            Op::Check { .. }
                | Op::Keeper(KeeperOp::CheckNotExists { .. } | KeeperOp::CheckStat { .. })
        )
    });
    prop_oneof![
        12 => alone,
        2 => (path(), list(), version()).prop_map(|(path, list, version)| Op::SetAcl {
            path: Some(path.into()),
            acl: Some(list),
            version,
        }),
        4 => prop::collection::vec(part(), 0..5).prop_map(Op::Multi),
        1 => Just(Op::CloseSession),
    ]
}

fn acl(perms: i32, scheme: &'static str, id: &'static str) -> RawAcl<'static> {
    RawAcl {
        perms: Perms(perms),
        scheme: Some(scheme.into()),
        id: Some(id.into()),
    }
}
