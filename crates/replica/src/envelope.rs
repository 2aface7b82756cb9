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

/// Room for most payloads, so that a buffer does not grow field by field.
const USUAL_BYTES: usize = 512;

/// The payload of a transaction.
pub(crate) fn seal(origin: Origin, header: &TxnHeader, txn: &Txn) -> Bytes {
    let mut payload = Vec::with_capacity(USUAL_BYTES);
    let mut writer = Writer::new(&mut payload);
    writer.long(origin.server.0.cast_signed());
    writer.long(origin.tag.0.cast_signed());
    encode_txn(header, txn, &mut payload);
    payload.into()
}

/// The transaction of a payload.
pub(crate) fn open(payload: &[u8]) -> Result<(Origin, TxnHeader, Txn), DecodeError> {
    let mut reader = Reader::new(payload, payload.len());
    let server = ServerId(reader.long("origin")?.cast_unsigned());
    let tag = RequestTag(reader.long("tag")?.cast_unsigned());
    let (header, txn) = decode_txn(reader.rest())?;
    Ok((Origin { server, tag }, header, txn))
}
