//! Statements of §1.2, §1.3, §2.1, §9 and §14.

use super::hex;
use crate::*;
use std::format;
use std::vec;
use std::vec::Vec;
use zk_types::{CreateCall, CreateOp, ErrorCode, Op, SessionId, Zxid};

fn decode<'a>(opcode: OpCode, body: &'a [u8]) -> Result<Request<'a>, RequestError> {
    Request::decode(opcode.code(), body, FRAME_BYTES_MAX_DEFAULT)
}

fn is_marshalling(result: &Result<Request<'_>, RequestError>) -> bool {
    matches!(result, Err(RequestError::Marshalling(_)))
}

#[test]
fn bytes_after_the_record_are_ignored() {
    let body = hex("00000002 2f61 00 aabbcc");
    let expected = Request::Exists {
        path: Some("/a".into()),
        watch: false,
    };
    assert_eq!(decode(OpCode::Exists, &body), Ok(expected));
}

#[test]
fn null_paths_are_kept_for_the_handler_to_judge() {
    let body = hex("ffffffff 01");
    assert_eq!(
        decode(OpCode::GetData, &body),
        Ok(Request::GetData {
            path: None,
            watch: true
        })
    );
    let body = hex("ffffffff 00000001");
    assert_eq!(
        decode(OpCode::AddWatch, &body),
        Ok(Request::AddWatch {
            path: None,
            mode: AddWatchMode::PersistentRecursive
        })
    );
}

#[test]
fn a_null_path_spoils_a_multi_and_a_multi_read() {
    let end = "ffffffff 01 ffffffff";
    let deletion = hex(&format!("00000002 00 ffffffff ffffffff ffffffff {end}"));
    assert!(is_marshalling(&decode(OpCode::Multi, &deletion)));
    let reading = hex(&format!("00000004 00 ffffffff ffffffff 00 {end}"));
    assert!(is_marshalling(&decode(OpCode::MultiRead, &reading)));
}

#[test]
fn any_byte_but_zero_asks_for_a_watch() {
    let body = hex("00000002 2f61 07");
    let expected = Request::GetChildren {
        path: Some("/a".into()),
        watch: true,
    };
    assert_eq!(decode(OpCode::GetChildren, &body), Ok(expected));
}

#[test]
fn a_null_access_list_and_null_ids_are_kept_outside_a_multi() {
    let body = hex("00000002 2f61 ffffffff ffffffff 00000000");
    let Ok(Request::Write(Op::Create(create))) = decode(OpCode::Create, &body) else {
        panic!("a creation")
    };
    assert_eq!((create.acl, create.data, create.ttl_ms), (None, None, -1));
    let body = hex("00000002 2f61 00000001 0000001f 00000004 61757468 ffffffff 00000000");
    let Ok(Request::Write(Op::SetAcl { acl: Some(acl), .. })) = decode(OpCode::SetAcl, &body)
    else {
        panic!("an access list")
    };
    assert_eq!(acl[0].id, None);
}

#[test]
fn a_short_record_is_a_marshalling_error_and_a_short_auth_packet_ends_the_connection() {
    for opcode in [
        OpCode::Create,
        OpCode::GetData,
        OpCode::Multi,
        OpCode::SetWatches2,
    ] {
        let error = decode(opcode, &[0, 0, 0]).unwrap_err();
        assert_eq!(
            error.code(),
            Some(ErrorCode::MarshallingError),
            "{opcode:?}"
        );
    }
    for opcode in [OpCode::Auth, OpCode::Sasl] {
        let error = decode(opcode, &[0, 0, 0]).unwrap_err();
        assert!(matches!(error, RequestError::Auth(_)), "{opcode:?}");
        assert_eq!(error.code(), None);
    }
}

#[test]
fn what_only_servers_and_multis_may_say_is_unknown() {
    for opcode in [13, 0, -1, -10, 20, 99, 10] {
        let error = Request::decode(opcode, &[0; 40], 100).unwrap_err();
        assert_eq!(error, RequestError::UnknownOpcode { opcode });
        assert_eq!(error.code(), Some(ErrorCode::Unimplemented));
    }
}

#[test]
fn unknown_modes_and_types_of_watches_are_marshalling_errors() {
    assert!(is_marshalling(&decode(
        OpCode::AddWatch,
        &hex("00000002 2f61 00000002")
    )));
    assert!(is_marshalling(&decode(
        OpCode::RemoveWatches,
        &hex("00000002 2f61 00000000")
    )));
    assert!(is_marshalling(&decode(
        OpCode::CheckWatches,
        &hex("00000002 2f61 00000006")
    )));
}

#[test]
fn a_connect_request_may_lack_its_last_byte_but_not_its_password_length() {
    let frame = hex("00000063 ffffffffffffffff ffffffff 0000000000000000 ffffffff");
    assert_eq!(frame.len(), 28);
    let request = ConnectRequest::decode(&frame).unwrap();
    assert_eq!(
        request,
        ConnectRequest {
            last_zxid_seen: Zxid::ZERO,
            timeout_ms: -1,
            session: SessionId::NONE,
            password: None,
            read_only: None,
        }
    );
    assert!(ConnectRequest::decode(&frame[..27]).is_err());
}

/// A multi of one part, with the given type and record.
fn multi_of(opcode: i32, record: &str) -> Vec<u8> {
    let mut body = opcode.to_be_bytes().to_vec();
    body.extend(hex("00 00000000"));
    body.extend(hex(record));
    body.extend(hex("ffffffff 01 ffffffff"));
    body
}

const CREATE_EMPTY_ACL: &str = "00000002 2f61 ffffffff 00000000";

fn only_create(body: &[u8]) -> (CreateCall, i32, i64) {
    let Ok(Request::Write(Op::Multi(ops))) = decode(OpCode::Multi, body) else {
        panic!("a multi")
    };
    let [
        Op::Create(CreateOp {
            call,
            flags,
            ttl_ms,
            ..
        }),
    ] = &ops[..]
    else {
        panic!("one creation")
    };
    (*call, *flags, *ttl_ms)
}

#[test]
fn an_empty_multi_is_a_multi() {
    let body = hex("ffffffff 01 ffffffff");
    assert_eq!(
        decode(OpCode::Multi, &body),
        Ok(Request::Write(Op::Multi(vec![])))
    );
    assert_eq!(
        decode(OpCode::MultiRead, &body),
        Ok(Request::MultiRead(vec![]))
    );
}

#[test]
fn the_error_field_of_a_multi_header_is_ignored() {
    let body = hex("00000002 00 00000063 00000002 2f61 00000001 00000000 02 00000000");
    let delete = Op::Delete {
        path: Some("/a".into()),
        version: 1,
    };
    assert_eq!(
        decode(OpCode::Multi, &body),
        Ok(Request::Write(Op::Multi(vec![delete])))
    );
}

#[test]
fn in_a_multi_the_flags_of_a_creation_choose_its_call() {
    let record = |flags: &str| [CREATE_EMPTY_ACL, flags].concat();
    assert_eq!(
        only_create(&multi_of(1, &record("00000003"))),
        (CreateCall::Create, 3, -1)
    );
    assert_eq!(
        only_create(&multi_of(1, &record("00000004"))),
        (CreateCall::Container, 4, -1)
    );
    assert_eq!(
        only_create(&multi_of(15, &record("00000004"))),
        (CreateCall::Container, 4, -1)
    );
    assert_eq!(
        only_create(&multi_of(19, &record("00000000"))),
        (CreateCall::Container, 0, -1)
    );
    let ttl = |flags: &str| record(&[flags, "0000000000000064"].concat());
    assert_eq!(
        only_create(&multi_of(21, &ttl("00000005"))),
        (CreateCall::Ttl, 5, 100)
    );
    assert_eq!(
        only_create(&multi_of(21, &ttl("00000002"))),
        (CreateCall::Create, 2, -1)
    );
    assert_eq!(
        only_create(&multi_of(21, &ttl("00000009"))),
        (CreateCall::Ttl, 9, 100)
    );
}

#[test]
fn flags_and_lists_that_spoil_a_whole_multi() {
    for (opcode, record) in [
        (1, "00000002 2f61 ffffffff 00000000 00000005"),
        (15, "00000002 2f61 ffffffff 00000000 00000006"),
        (1, "00000002 2f61 ffffffff 00000000 00000009"),
        (1, "00000002 2f61 ffffffff 00000000 ffffffff"),
        (1, "00000002 2f61 ffffffff ffffffff 00000000"),
        (19, "00000002 2f61 ffffffff ffffffff 00000000"),
    ] {
        assert!(
            is_marshalling(&decode(OpCode::Multi, &multi_of(opcode, record))),
            "{record}"
        );
    }
    let timed = "00000002 2f61 ffffffff ffffffff 00000005 0000000000000064";
    assert!(decode(OpCode::Multi, &multi_of(21, timed)).is_ok());
}

#[test]
fn parts_that_may_not_stand_in_a_multi_spoil_it() {
    for opcode in [-11, -10, -1, 0, 3, 4, 6, 7, 8, 12, 14, 16, 20, 99, 1000] {
        let body = multi_of(opcode, "00000002 2f61 00000000 00000000 00000000");
        assert!(is_marshalling(&decode(OpCode::Multi, &body)), "{opcode}");
    }
    for opcode in [1, 2, 5, 9, 13, 501, 507] {
        let body = multi_of(opcode, "00000002 2f61 00");
        assert!(
            is_marshalling(&decode(OpCode::MultiRead, &body)),
            "{opcode}"
        );
    }
}

#[test]
fn a_multi_read_says_what_it_would_watch() {
    let body = hex("00000004 00 ffffffff 00000002 2f61 01
                    00000008 00 ffffffff 00000002 2f62 01 ffffffff 01 ffffffff");
    let reads = vec![
        ReadOp::GetData {
            path: Some("/a".into()),
            watch: true,
        },
        ReadOp::GetChildren {
            path: Some("/b".into()),
            watch: true,
        },
    ];
    assert_eq!(
        decode(OpCode::MultiRead, &body),
        Ok(Request::MultiRead(reads))
    );
}

#[test]
fn a_container_and_a_persistent_watch_take_the_newer_opcodes() {
    let mut watches = SetWatches {
        relative_zxid: 0,
        data: vec![],
        exist: vec![],
        child: vec![],
        persistent: vec![],
        persistent_recursive: vec![],
    };
    assert_eq!(
        Request::SetWatches(watches.clone()).opcode(),
        OpCode::SetWatches
    );
    watches.persistent_recursive = vec!["/".into()];
    assert_eq!(Request::SetWatches(watches).opcode(), OpCode::SetWatches2);
}

#[test]
fn every_opcode_is_found_by_its_number() {
    for opcode in OpCode::ALL {
        assert_eq!(OpCode::from_code(opcode.code()), Some(opcode));
    }
}

#[test]
fn names_can_be_walked_or_iterated() {
    let (mut walked, mut iterated) = (Vec::new(), Vec::new());
    reply::names_with(&mut walked, Xid(1), Zxid(2), |list| {
        list.push("a");
        list.push("b");
    });
    reply::names(&mut iterated, Xid(1), Zxid(2), ["a", "b"]);
    assert_eq!(walked, iterated);
    let (_, body) = ReplyHeader::decode(super::payload(&walked)).unwrap();
    let names = Response::Names(vec!["a".into(), "b".into()]);
    assert_eq!(Response::decode(OpCode::GetChildren, body), Ok(names));
}
