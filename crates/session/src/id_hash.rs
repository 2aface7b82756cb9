//! How session ids are hashed. Servers mint every id that is ever inserted, so no client chooses
//! the keys and the hash needs no secret; a fixed one keeps runs equal.

use core::hash::{BuildHasher, Hasher};

pub(crate) type IdMap<V> = hashbrown::HashMap<zk_types::SessionId, V, IdHash>;
pub(crate) type IdSet = hashbrown::HashSet<zk_types::SessionId, IdHash>;

/// Spreads the bits of a number by multiplying and folding (the finish of SplitMix64).
pub(crate) fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct IdHash;

impl BuildHasher for IdHash {
    type Hasher = IdHasher;

    fn build_hasher(&self) -> IdHasher {
        IdHasher(0)
    }
}

#[derive(Clone, Debug)]
pub(crate) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn write_i64(&mut self, number: i64) {
        self.0 = mix(self.0 ^ number.cast_unsigned());
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = mix(self.0 ^ u64::from(byte));
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
