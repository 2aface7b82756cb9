//! The bytes of every file but snapshots: encoders and decoders without any state.

pub(crate) mod frame;
pub(crate) mod identity;
pub(crate) mod manifest;
pub(crate) mod names;
pub(crate) mod promise;
pub(crate) mod segment;
pub(crate) mod slots;

/// Takes the first `N` bytes off `bytes`.
pub(crate) fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (first, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*first)
}

/// Takes a big-endian number off `bytes`.
pub(crate) fn take_u32(bytes: &mut &[u8]) -> Option<u32> {
    take(bytes).map(u32::from_be_bytes)
}

/// Takes a big-endian number off `bytes`.
pub(crate) fn take_u64(bytes: &mut &[u8]) -> Option<u64> {
    take(bytes).map(u64::from_be_bytes)
}

/// A length of something in memory, as it is written to a file.
pub(crate) fn as_u64(length: usize) -> u64 {
    u64::try_from(length).expect("no platform has longer addresses")
}
