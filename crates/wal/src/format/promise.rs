//! The promise as bytes.

use super::slots::SlotKind;
use super::{take, take_u32};
use alloc::vec::Vec;
use zk_types::{Epoch, Promise, Standing};

/// What a directory starts with: nothing promised, part of nothing.
pub(crate) const FIRST: Promise = Promise {
    accepted: Epoch(0),
    standing: Standing::Fresh,
};

pub(crate) fn kind(storage_id: u64) -> SlotKind {
    SlotKind {
        magic: *b"VIVPROMI",
        storage_id,
    }
}

pub(crate) fn encode(promise: Promise) -> Vec<u8> {
    let standing = match promise.standing {
        Standing::Fresh => 1,
        Standing::Member => 2,
        Standing::Damaged => 3,
        Standing::Amnesiac => 4,
    };
    let mut bytes = promise.accepted.0.to_be_bytes().to_vec();
    bytes.push(standing);
    bytes
}

pub(crate) fn decode(mut bytes: &[u8]) -> Option<Promise> {
    let accepted = Epoch(take_u32(&mut bytes)?);
    let standing = match take::<1>(&mut bytes)?[0] {
        1 => Standing::Fresh,
        2 => Standing::Member,
        3 => Standing::Damaged,
        4 => Standing::Amnesiac,
        _ => return None,
    };
    bytes.is_empty().then_some(Promise { accepted, standing })
}
