//! One hash over everything that happened, in order.

use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

/// One hash over everything that happened, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Chain {
    value: u128,
    events: u64,
}

impl Chain {
    /// Adds an event: when, what, of whom, and what came with it.
    pub(crate) fn push(&mut self, time: u64, kind: u8, who: u64, bytes: &[u8]) {
        let mut block = [0; 41];
        block[..16].copy_from_slice(&self.value.to_be_bytes());
        block[16..24].copy_from_slice(&time.to_be_bytes());
        block[24] = kind;
        block[25..33].copy_from_slice(&who.to_be_bytes());
        block[33..].copy_from_slice(&xxh3_64(bytes).to_be_bytes());
        self.value = xxh3_128(&block);
        self.events += 1;
    }

    /// The hash so far.
    pub(crate) fn value(&self) -> u128 {
        self.value
    }

    /// How many events it covers.
    pub(crate) fn events(&self) -> u64 {
        self.events
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_events_shows() {
        let mut one = Chain::default();
        one.push(1, 1, 1, b"a");
        one.push(1, 1, 2, b"b");
        let mut other = Chain::default();
        other.push(1, 1, 2, b"b");
        other.push(1, 1, 1, b"a");
        assert_ne!(one.value(), other.value());
        assert_eq!(one.events(), 2);
    }
}
