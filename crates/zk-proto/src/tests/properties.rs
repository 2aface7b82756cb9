//! What was encoded is decoded, and any bytes are decoded or refused without panic.

use super::{payload, strategies};
use crate::*;
use proptest::prelude::*;
use std::vec::Vec;
use zk_types::Zxid;

/// Encodes a response with the function a server would use.
fn encode(response: &Response<'_>, out: &mut Vec<u8>) {
    let (xid, zxid) = (Xid(9), Zxid(8));
    match response {
        Response::Void => reply::void(out, xid, zxid),
        Response::Path(path) => reply::raw_path(out, xid, zxid, path),
        Response::PathStat { path, stat } => reply::path_stat(out, xid, zxid, path, stat),
        Response::Stat(stat) => reply::stat(out, xid, zxid, stat),
        Response::Data { data, stat } => reply::data(out, xid, zxid, data.as_deref(), stat),
        Response::Acl { acl, stat } => reply::acl(out, xid, zxid, acl, stat),
        Response::Names(names) => reply::names(out, xid, zxid, names),
        Response::NamesStat { names, stat } => reply::names_stat(out, xid, zxid, names, stat),
        Response::Number(number) => reply::number(out, xid, zxid, *number),
        Response::Multi(results) => reply::multi(out, xid, zxid, results),
        Response::Page(page) => reply::page(out, xid, zxid, page),
        Response::Details(details) => reply::details(out, xid, zxid, details),
        Response::WhoAmI(infos) => reply::who_am_i(out, xid, zxid, infos),
        Response::Sasl(token) => reply::sasl(out, xid, zxid, token.as_deref()),
    }
}

proptest! {
    #[test]
    fn a_request_is_read_back(request in strategies::request(), xid: i32) {
        let mut wire = Vec::new();
        request.encode(Xid(xid), &mut wire);
        let (header, body) = RequestHeader::decode(payload(&wire)).unwrap();
        prop_assert_eq!(header, RequestHeader { xid: Xid(xid), opcode: request.opcode().code() });
        prop_assert_eq!(Request::decode(header.opcode, body, usize::MAX), Ok(request));
    }

    #[test]
    fn a_response_is_read_back((opcode, response) in strategies::responses()) {
        let mut wire = Vec::new();
        encode(&response, &mut wire);
        let (header, body) = ReplyHeader::decode(payload(&wire)).unwrap();
        prop_assert_eq!(header, ReplyHeader { xid: Xid(9), zxid: Zxid(8), err: 0 });
        prop_assert_eq!(Response::decode(opcode, body), Ok(response));
    }

    #[test]
    fn a_transaction_is_read_back((header, txn) in strategies::transaction()) {
        let mut bytes = Vec::new();
        encode_txn(&header, &txn, &mut bytes);
        prop_assert_eq!(decode_txn(&bytes), Ok((header, txn)));
    }

    #[test]
    fn a_transaction_that_is_cut_short_is_refused_or_older(
        (header, txn) in strategies::transaction(), cut in any::<prop::sample::Index>()
    ) {
        let mut bytes = Vec::new();
        encode_txn(&header, &txn, &mut bytes);
        let cut = cut.index(bytes.len());
        if let Ok((read, _)) = decode_txn(&bytes[..cut]) {
            prop_assert_eq!(read, header);
        }
    }

    #[test]
    fn any_bytes_are_decoded_or_refused_without_panic(
        bytes in prop::collection::vec(prop_oneof![Just(0_u8), Just(0xff), 0..8_u8, any::<u8>()], 0..80)
    ) {
        for opcode in OpCode::ALL {
            let _ = Request::decode(opcode.code(), &bytes, 64);
            let _ = decode_op(opcode, &bytes, 64);
            let _ = Response::decode(opcode, &bytes);
            let mut txn = [0; 28].to_vec();
            txn.extend_from_slice(&opcode.code().to_be_bytes());
            txn.extend_from_slice(&bytes);
            let _ = decode_txn(&txn);
        }
        let _ = decode_txn(&bytes);
        let _ = RequestHeader::decode(&bytes);
        let _ = ReplyHeader::decode(&bytes);
        let _ = ConnectRequest::decode(&bytes);
        let _ = ConnectResponse::decode(&bytes);
        let _ = WatcherEvent::decode(&bytes);
    }

    #[test]
    fn a_damaged_request_is_decoded_or_refused_without_panic(
        request in strategies::request(), at in any::<prop::sample::Index>(), with: u8
    ) {
        let mut body = Vec::new();
        request.encode_body(&mut body);
        if !body.is_empty() {
            let at = at.index(body.len());
            body[at] = with;
        }
        let _ = Request::decode(request.opcode().code(), &body, 64);
    }
}
