//! The client protocol, both directions, and the records of transactions.

use crate::bytes::{Script, pieces};
use zk_proto::{
    ConnectRequest, ConnectResponse, FrameDecoder, FrameError, Incoming, OpCode, ReplyHeader,
    Request, RequestHeader, Response, WatcherEvent, Xid, decode_op, decode_txn, encode_txn, reply,
};
use zk_types::{CreateCall, Op, Zxid};

const FRAME_BYTES_MAX: usize = 300;
const FLAGS_CONTAINER: i32 = 4;

/// A stream of frames; the first byte decides where it is cut. Pieces decode as the whole does.
pub fn client_frames(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let seed = script.byte().unwrap_or(0);
    let stream = script.rest();
    for make in [FrameDecoder::for_requests, FrameDecoder::for_replies] {
        let whole = cut(make(FRAME_BYTES_MAX), [stream]);
        let pieced = cut(make(FRAME_BYTES_MAX), pieces(stream, seed));
        assert_eq!(whole, pieced, "it does not matter where the network cuts");
    }
}

fn cut<'a>(
    mut decoder: FrameDecoder,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<String>, Option<FrameError>) {
    let mut units = Vec::new();
    for mut piece in pieces {
        loop {
            match decoder.next(&mut piece) {
                Ok(Some(Incoming::Frame(frame))) => {
                    assert!(frame.len() <= FRAME_BYTES_MAX, "the limit holds");
                    units.push(format!("{frame:?}"));
                }
                Ok(Some(Incoming::Word(word))) => units.push(format!("{word:?}")),
                Ok(None) => break,
                Err(error) => return (units, Some(error)),
            }
        }
        assert!(
            piece.is_empty(),
            "a decoder that wants more has taken everything"
        );
        assert!(
            decoder.held() <= FRAME_BYTES_MAX + 4,
            "what is held has a bound"
        );
    }
    (units, None)
}

/// The first frame of a client.
pub fn connect_request(bytes: &[u8]) {
    let Ok(request) = ConnectRequest::decode(bytes) else {
        return;
    };
    let mut wire = Vec::new();
    request.encode(&mut wire);
    assert_eq!(ConnectRequest::decode(payload(&wire)), Ok(request));
}

/// The first frame of a server.
pub fn connect_response(bytes: &[u8]) {
    let Ok(response) = ConnectResponse::decode(bytes) else {
        return;
    };
    let mut wire = Vec::new();
    response.encode(&mut wire);
    assert_eq!(ConnectResponse::decode(payload(&wire)), Ok(response));
}

/// The first byte chooses the opcode, or that the header does; the rest is the frame or body.
pub fn requests(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let chosen = script.below(OpCode::ALL.len() + 1);
    let (opcode, body) = match OpCode::ALL.get(chosen) {
        Some(opcode) => (opcode.code(), script.rest()),
        None => match RequestHeader::decode(script.rest()) {
            Ok((header, body)) => (header.opcode, body),
            Err(_) => return,
        },
    };
    if let Some(opcode) = OpCode::from_code(opcode) {
        _ = decode_op(opcode, body, FRAME_BYTES_MAX);
    }
    let Ok(request) = Request::decode(opcode, body, FRAME_BYTES_MAX) else {
        return;
    };
    if has_no_encoding(&request) {
        return;
    }
    let mut wire = Vec::new();
    request.encode(Xid(7), &mut wire);
    let (header, body) = RequestHeader::decode(payload(&wire)).expect("the header was written");
    assert_eq!(
        header,
        RequestHeader {
            xid: Xid(7),
            opcode: request.opcode().code()
        }
    );
    assert_eq!(
        Request::decode(header.opcode, body, usize::MAX),
        Ok(request)
    );
}

/// A creation that names a TTL node and the flags of another becomes a plain one inside a multi, and
/// there is no other way to ask for that when it has the flags of a container or no access list.
fn has_no_encoding(request: &Request<'_>) -> bool {
    let Request::Write(Op::Multi(ops)) = request else {
        return false;
    };
    ops.iter().any(|op| match op {
        Op::Create(create) => {
            create.call == CreateCall::Create
                && (create.flags == FLAGS_CONTAINER || create.acl.is_none())
        }
        Op::Delete { .. }
        | Op::DeleteContainer { .. }
        | Op::SetData { .. }
        | Op::SetAcl { .. }
        | Op::Check { .. }
        | Op::Multi(_)
        | Op::CreateSession { .. }
        | Op::CloseSession
        | Op::Keeper(_) => false,
    })
}

/// The first byte chooses the opcode that is answered; the rest is the reply with its header.
pub fn replies(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let opcode = OpCode::ALL[script.below(OpCode::ALL.len())];
    let Ok((header, body)) = ReplyHeader::decode(script.rest()) else {
        return;
    };
    let Ok(response) = Response::decode(opcode, body) else {
        return;
    };
    let mut wire = Vec::new();
    write_reply(&mut wire, header.xid, header.zxid, &response);
    let (again, body) = ReplyHeader::decode(payload(&wire)).expect("the header was written");
    assert_eq!(again, ReplyHeader { err: 0, ..header });
    assert_eq!(Response::decode(opcode, body), Ok(response));
}

pub(crate) fn write_reply(out: &mut Vec<u8>, xid: Xid, zxid: Zxid, response: &Response<'_>) {
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

/// The body of a notification.
pub fn watcher_event(bytes: &[u8]) {
    let Ok(event) = WatcherEvent::decode(bytes) else {
        return;
    };
    let mut wire = Vec::new();
    event.encode(Zxid(3), &mut wire);
    let (header, body) = ReplyHeader::decode(payload(&wire)).expect("the header was written");
    assert_eq!(
        header,
        ReplyHeader {
            xid: Xid::NOTIFICATION,
            zxid: Zxid(3),
            err: 0
        }
    );
    assert_eq!(WatcherEvent::decode(body), Ok(event));
}

/// One transaction as the log holds it.
pub fn transactions(bytes: &[u8]) {
    let Ok((header, txn)) = decode_txn(bytes) else {
        return;
    };
    let mut wire = Vec::new();
    encode_txn(&header, &txn, &mut wire);
    assert_eq!(decode_txn(&wire), Ok((header, txn)));
}

/// A whole frame without its length word.
pub(crate) fn payload(wire: &[u8]) -> &[u8] {
    let (length, payload) = wire.split_first_chunk().expect("a frame has a length word");
    let length = usize::try_from(u32::from_be_bytes(*length)).expect("a length fits");
    assert_eq!(length, payload.len(), "the length word is right");
    payload
}
