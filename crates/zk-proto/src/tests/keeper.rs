//! The packets of `docs/keeper-extensions.md`, byte for byte.

use super::{hex, payload};
use crate::*;
use std::borrow::Cow;
use std::vec;
use std::vec::Vec;
use zk_types::{
    CreateCall, CreateOp, ErrorCode, KeeperOp, Op, Perms, RawAcl, SessionId, Stat, WallTime, Zxid,
};

const ANY_STAT: &str = "ffffffffffffffff ffffffffffffffff ffffffffffffffff ffffffffffffffff
    ffffffff 00000003 ffffffff ffffffffffffffff ffffffff ffffffff ffffffffffffffff";

/// Any, but for the cversion.
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

fn path() -> Option<Cow<'static, str>> {
    Some("/a".into())
}

fn assert_bytes(request: &Request<'_>, dump: &str) {
    let mut wire = Vec::new();
    request.encode(Xid(1), &mut wire);
    assert_eq!(payload(&wire), hex(dump));
    let (header, body) = RequestHeader::decode(payload(&wire)).unwrap();
    assert_eq!(
        Request::decode(header.opcode, body, 100).as_ref(),
        Ok(request)
    );
}

#[test]
fn lists() {
    let list = KeeperRead::List {
        path: path(),
        watch: true,
        filter: ListFilter::Ephemeral,
    };
    assert_bytes(
        &Request::Keeper(list),
        "00000001 000001f4 | 00000002 2f61 | 01 | 02",
    );
    let list = KeeperRead::ListWithStatsAndData {
        path: path(),
        watch: false,
        filter: ListFilter::Persistent,
        stats: true,
        data: false,
    };
    assert_bytes(
        &Request::Keeper(list),
        "00000001 000001fa | 00000002 2f61 | 00 | 01 | 01 | 00",
    );
    let list = KeeperRead::ListRecursive {
        path: path(),
        paths_max: 100,
    };
    assert_bytes(
        &Request::Keeper(list),
        "00000001 000001fb | 00000002 2f61 | 00000064",
    );
}

#[test]
fn deletions() {
    let delete = Op::Keeper(KeeperOp::DeleteRecursive {
        path: path(),
        nodes_max: 100,
    });
    assert_bytes(
        &Request::Write(delete),
        "00000001 000001f7 | 00000002 2f61 | 00000064",
    );
    let delete = Op::Keeper(KeeperOp::TryDelete {
        path: path(),
        version: -1,
    });
    assert_bytes(
        &Request::Write(delete),
        "00000001 000001f9 | 00000002 2f61 | ffffffff",
    );
}

#[test]
fn a_multi_of_everything() {
    let create = CreateOp {
        call: CreateCall::IfNotExists,
        path: path(),
        data: Some(Cow::Borrowed(b"x")),
        acl: Some(vec![RawAcl {
            perms: Perms::ALL,
            scheme: Some("world".into()),
            id: Some("anyone".into()),
        }]),
        flags: 1,
        ttl_ms: -1,
    };
    let ops = vec![
        Op::Keeper(KeeperOp::CheckNotExists {
            path: path(),
            version: -1,
        }),
        Op::Create(create),
        Op::Keeper(KeeperOp::CheckStat {
            path: path(),
            version: 0,
            stat: any_stat(),
        }),
    ];
    let dump = "00000001 0000000e
        | 000001f5 00 ffffffff | 00000002 2f61 ffffffff
        | 000001f6 00 ffffffff | 00000002 2f61 | 00000001 78
          | 00000001 0000001f 00000005 776f726c64 00000006 616e796f6e65 | 00000001
        | 000001f8 00 ffffffff | 00000002 2f61 00000000 STAT
        | ffffffff 01 ffffffff";
    assert_bytes(
        &Request::Write(Op::Multi(ops)),
        &dump.replace("STAT", ANY_STAT),
    );
}

#[test]
fn the_results_of_a_multi() {
    let results = vec![
        OpResult::Keeper(KeeperResult::CheckNotExists),
        OpResult::Keeper(KeeperResult::CreateIfNotExists { path: "/a".into() }),
        OpResult::Keeper(KeeperResult::DeleteRecursive),
        OpResult::Keeper(KeeperResult::CheckStat),
        OpResult::Keeper(KeeperResult::TryDelete),
    ];
    let mut wire = Vec::new();
    reply::multi(&mut wire, Xid(1), Zxid(2), &results);
    let dump = "00000001 0000000000000002 00000000
        | 000001f5 00 00000000
        | 000001f6 00 00000000 | 00000002 2f61
        | 000001f7 00 00000000
        | 000001f8 00 00000000
        | 000001f9 00 00000000
        | ffffffff 01 ffffffff";
    assert_eq!(payload(&wire), hex(dump));
}

#[test]
fn a_multi_read_of_everything_and_its_results() {
    let ops = vec![
        ReadOp::Exists {
            path: path(),
            watch: true,
        },
        ReadOp::GetChildren2 {
            path: path(),
            watch: false,
        },
        ReadOp::Keeper(KeeperRead::List {
            path: path(),
            watch: false,
            filter: ListFilter::All,
        }),
    ];
    assert_bytes(
        &Request::MultiRead(ops),
        "00000001 00000016
         | 00000003 00 ffffffff | 00000002 2f61 01
         | 0000000c 00 ffffffff | 00000002 2f61 00
         | 000001f4 00 ffffffff | 00000002 2f61 00 00
         | ffffffff 01 ffffffff",
    );
    let results = vec![
        OpResult::Exists { stat: any_stat() },
        OpResult::GetChildren2 {
            children: vec!["b".into()],
            stat: any_stat(),
        },
        OpResult::Keeper(KeeperResult::FailedRead(OpCode::GetData, ErrorCode::NoNode)),
    ];
    let mut wire = Vec::new();
    reply::multi(&mut wire, Xid(1), Zxid(2), &results);
    let dump = "00000001 0000000000000002 00000000
        | 00000003 00 00000000 | STAT
        | 0000000c 00 00000000 | 00000001 00000001 62 | STAT
        | 00000004 00 ffffff9b
        | ffffffff 01 ffffffff";
    assert_eq!(payload(&wire), hex(&dump.replace("STAT", ANY_STAT)));
}

#[test]
fn children_with_stats_and_data() {
    let details = ChildrenDetails {
        names: vec!["b".into()],
        stat: any_stat(),
        stats: vec![any_stat()],
        data: vec![Some(Cow::Borrowed(b"x"))],
    };
    let mut wire = Vec::new();
    reply::details(&mut wire, Xid(1), Zxid(2), &details);
    let dump = "00000001 0000000000000002 00000000
        | 00000001 00000001 62 | STAT | 00000001 STAT | 00000001 00000001 78";
    assert_eq!(payload(&wire), hex(&dump.replace("STAT", ANY_STAT)));
    let (_, body) = ReplyHeader::decode(payload(&wire)).unwrap();
    assert_eq!(
        Response::decode(OpCode::ListWithStatsAndData, body),
        Ok(Response::Details(details))
    );
}
