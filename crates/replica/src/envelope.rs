//! The payload of a record: who is to answer for a transaction, and the transaction.
//!
//! Eight bytes name the server the request came to, eight the request there; what follows is the
//! transaction as Apache's log has it.

use crate::between::RequestTag;
use alloc::vec::Vec;
use jute::{DecodeError, Reader, Writer};
use zk_proto::{decode_txn, encode_txn};
use zk_types::{Bytes, ServerId, Txn, TxnHeader};

/// Where the answer to a transaction is awaited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The server.
    pub(crate) server: ServerId,
    /// The request there.
    pub(crate) tag: RequestTag,
}

/// What a scratch buffer keeps; larger payloads are rare.
const SCRATCH_BYTES: usize = 64 << 10;

/// The payload of a transaction; `scratch` is written over.
pub(crate) fn seal(origin: Origin, header: &TxnHeader, txn: &Txn, scratch: &mut Vec<u8>) -> Bytes {
    scratch.clear();
    let mut writer = Writer::new(scratch);
    writer.long(origin.server.0.cast_signed());
    writer.long(origin.tag.0.cast_signed());
    encode_txn(header, txn, scratch);
    let payload = Bytes::from(scratch.as_slice());
    scratch.shrink_to(SCRATCH_BYTES);
    payload
}

/// The transaction of a payload.
pub(crate) fn open(payload: &[u8]) -> Result<(Origin, TxnHeader, Txn), DecodeError> {
    let mut reader = Reader::new(payload, payload.len());
    let server = ServerId(reader.long("origin")?.cast_unsigned());
    let tag = RequestTag(reader.long("tag")?.cast_unsigned());
    let (header, txn) = decode_txn(reader.rest())?;
    Ok((Origin { server, tag }, header, txn))
}
