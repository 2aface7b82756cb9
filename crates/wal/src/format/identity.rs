//! Whose data this is.

use super::slots::SlotKind;
use super::take_u64;
use crate::DataIdentity;
use alloc::vec::Vec;
use zk_types::ServerId;

pub(crate) const KIND: SlotKind = SlotKind {
    magic: *b"VIVIDENT",
    storage_id: 0,
};

pub(crate) fn encode(identity: DataIdentity) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(16);
    bytes.extend_from_slice(&identity.server.0.to_be_bytes());
    bytes.extend_from_slice(&identity.storage_id.to_be_bytes());
    bytes
}

pub(crate) fn decode(mut bytes: &[u8]) -> Option<DataIdentity> {
    let server = ServerId(take_u64(&mut bytes)?);
    let storage_id = take_u64(&mut bytes)?;
    bytes
        .is_empty()
        .then_some(DataIdentity { server, storage_id })
}
