//! Statements of `operations.md` §5.2.

use super::hex;
use crate::{decode_txn, encode_txn};
use std::vec;
use std::vec::Vec;
use zk_types::{
    Acl, Bytes, CreateTxn, ErrorCode, NodeKind, Perms, SessionId, Txn, TxnHeader, WallTime, Zxid,
};

const HEADER: TxnHeader = TxnHeader {
    session: SessionId(5),
    cxid: 2,
    zxid: Zxid(7),
    time: WallTime(9),
};
const HEADER_DUMP: &str = "0000000000000005 00000002 0000000000000007 0000000000000009 |";
const OPEN: &str = "00000001 0000001f 00000005 776f726c64 00000006 616e796f6e65";

fn create(kind: NodeKind, with_stat: bool) -> Txn {
    Txn::Create(CreateTxn {
        path: "/a".into(),
        data: Some(Bytes::from(&b"v"[..])),
        acl: vec![Acl::world(Perms::ALL)],
        kind,
        parent_cversion: 3,
        with_stat,
    })
}

fn assert_record(txn: &Txn, dump: &str) {
    let mut bytes = Vec::new();
    encode_txn(&HEADER, txn, &mut bytes);
    assert_eq!(
        bytes,
        hex(&[HEADER_DUMP, &dump.replace("OPEN", OPEN)].concat())
    );
    assert_eq!(decode_txn(&bytes), Ok((HEADER, txn.clone())));
}

#[test]
fn the_kind_of_a_node_chooses_type_and_form() {
    let owner = NodeKind::Ephemeral(HEADER.session);
    assert_record(
        &create(NodeKind::Persistent, false),
        "00000001 00000002 2f61 00000001 76 OPEN 00 00000003",
    );
    assert_record(
        &create(owner, true),
        "0000000f 00000002 2f61 00000001 76 OPEN 01 00000003",
    );
    assert_record(
        &create(NodeKind::Container, true),
        "00000013 00000002 2f61 00000001 76 OPEN 00000003",
    );
    assert_record(
        &create(NodeKind::Ttl(100), true),
        "00000015 00000002 2f61 00000001 76 OPEN 00000003 0000000000000064",
    );
}

#[test]
fn the_other_records_have_the_forms_of_the_table() {
    let path = || "/a".into();
    assert_record(
        &Txn::CreateSession { timeout_ms: 30_000 },
        "fffffff6 00007530",
    );
    assert_record(
        &Txn::CloseSession {
            paths: vec!["/a".into(), "/b".into()],
        },
        "fffffff5 00000002 00000002 2f61 00000002 2f62",
    );
    assert_record(&Txn::Delete { path: path() }, "00000002 00000002 2f61");
    assert_record(
        &Txn::DeleteContainer { path: path() },
        "00000014 00000002 2f61",
    );
    assert_record(
        &Txn::SetData {
            path: path(),
            data: None,
            version: 4,
        },
        "00000005 00000002 2f61 ffffffff 00000004",
    );
    assert_record(
        &Txn::SetAcl {
            path: path(),
            acl: vec![Acl::world(Perms::ALL)],
            version: 1,
        },
        "00000007 00000002 2f61 OPEN 00000001",
    );
    assert_record(&Txn::Error(ErrorCode::NoNode), "ffffffff ffffff9b");
}

#[test]
fn a_multi_holds_a_type_and_a_buffer_for_each_part() {
    let txn = Txn::Multi(vec![
        Txn::Check {
            path: "/a".into(),
            version: 1,
        },
        Txn::Delete { path: "/a".into() },
        Txn::Error(ErrorCode::RuntimeInconsistency),
    ]);
    assert_record(
        &txn,
        "0000000e 00000003
         | 0000000d 0000000a 00000002 2f61 00000001
         | 00000002 00000006 00000002 2f61
         | ffffffff 00000004 fffffffe",
    );
}

#[test]
fn records_of_older_releases_are_read() {
    let read = |dump: &str| {
        let bytes = hex(&[HEADER_DUMP, &dump.replace("OPEN", OPEN)].concat());
        decode_txn(&bytes).map(|(_, txn)| txn)
    };
    assert_eq!(read("fffffff5"), Ok(Txn::CloseSession { paths: vec![] }));
    let Ok(Txn::Create(create)) = read("00000001 00000002 2f61 00000001 76 OPEN 00") else {
        panic!("a creation")
    };
    assert_eq!(create.parent_cversion, -1);
    let set = Txn::SetData {
        path: "/a".into(),
        data: None,
        version: 4,
    };
    assert_eq!(read("00000010 00000002 2f61 ffffffff 00000004"), Ok(set));
}

#[test]
fn a_digest_is_passed_over_and_anything_else_left_over_is_refused() {
    let digest = "00000002 00000000deadbeef";
    let record = [HEADER_DUMP, "00000002 00000002 2f61", digest].concat();
    assert_eq!(
        decode_txn(&hex(&record)),
        Ok((HEADER, Txn::Delete { path: "/a".into() }))
    );
    let record = [HEADER_DUMP, "00000002 00000002 2f61 00"].concat();
    assert!(decode_txn(&hex(&record)).is_err());
}

#[test]
fn a_time_to_live_outside_its_range_is_refused() {
    for ttl in ["0000000000000000", "ffffffffffffffff", "0000010000000000"] {
        let dump = ["00000015 00000002 2f61 ffffffff 00000000 00000003", ttl].concat();
        assert!(
            decode_txn(&hex(&[HEADER_DUMP, &dump].concat())).is_err(),
            "{ttl}"
        );
    }
}

#[test]
#[should_panic(expected = "belongs to the session that made it")]
fn an_ephemeral_node_of_another_session_is_a_bug() {
    let txn = create(NodeKind::Ephemeral(SessionId(6)), false);
    encode_txn(&HEADER, &txn, &mut Vec::new());
}
