//! What is drawn before and while a world runs from a seed: sizes, faults, operations. All of it
//! is written down as data, and a run of a script draws none of it; see `noise.rs` for the rest.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// What is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Stream {
    /// What kind of world this is.
    Swarm = 1,
    /// Which faults strike when.
    Nemesis = 8,
    /// What one client does.
    Workload = 9,
    /// What becomes of one action that has a key.
    Action = 11,
    /// What survives one crash.
    Crash = 12,
}

/// The decisions of one entity, in their order.
#[derive(Clone, Debug)]
pub(crate) struct Dice {
    stream: ChaCha8Rng,
}

impl Dice {
    /// The stream of `entity`; entities count up to 2⁵⁶.
    pub(crate) fn new(seed: u64, domain: Stream, entity: u64) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_be_bytes());
        key[8..24].copy_from_slice(b"vivarium-sim-v01");
        let mut stream = ChaCha8Rng::from_seed(key);
        stream.set_stream((domain as u64) << 56 | entity);
        Dice { stream }
    }

    /// The next decision, as 64 bits.
    pub(crate) fn next(&mut self) -> u64 {
        self.stream.next_u64()
    }

    /// A number below `bound`, which is not 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        assert!(bound > 0, "there is a number below the bound");
        let wide = u128::from(self.next()) * u128::from(bound);
        u64::try_from(wide >> 64).expect("the high half of a product of 64-bit numbers")
    }

    /// An index below `length`, which is not 0.
    pub(crate) fn index(&mut self, length: usize) -> usize {
        let length = u64::try_from(length).expect("a length fits 64 bits");
        usize::try_from(self.below(length)).expect("an index below a length")
    }

    /// A number from `low` to `high`, both included.
    pub(crate) fn range(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    /// True this many times in a million.
    pub(crate) fn chance(&mut self, per_million: u32) -> bool {
        per_million > 0 && self.below(1_000_000) < u64::from(per_million)
    }

    /// True this many times in a hundred.
    pub(crate) fn percent(&mut self, percent: u32) -> bool {
        self.chance(percent * 10_000)
    }

    /// One of `choices`, which are not none.
    pub(crate) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.index(choices.len())]
    }

    /// A number from `low` to `high`, every octave alike; `low` is not 0.
    pub(crate) fn octaves(&mut self, low: u64, high: u64) -> u64 {
        let count = u64::from((high / low).ilog2()) + 1;
        let from = low << self.below(count);
        self.range(from, high.min(from * 2 - 1).max(from))
    }

    /// Fills `bytes`.
    pub(crate) fn fill(&mut self, bytes: &mut [u8]) {
        self.stream.fill_bytes(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_equal_for_equal_names_and_differ_otherwise() {
        let draw = |seed, domain, entity| {
            let mut dice = Dice::new(seed, domain, entity);
            [dice.next(), dice.next(), dice.next()]
        };
        assert_eq!(draw(1, Stream::Workload, 2), draw(1, Stream::Workload, 2));
        assert_ne!(draw(1, Stream::Workload, 2), draw(1, Stream::Workload, 3));
        assert_ne!(draw(1, Stream::Workload, 2), draw(1, Stream::Nemesis, 2));
        assert_ne!(draw(1, Stream::Workload, 2), draw(2, Stream::Workload, 2));
    }

    #[test]
    fn draws_stay_within_their_bounds() {
        let mut dice = Dice::new(3, Stream::Swarm, 0);
        for _ in 0..1_000 {
            assert!((5..=9).contains(&dice.range(5, 9)));
            assert!((3..=1_000).contains(&dice.octaves(3, 1_000)));
            assert!((7..=7).contains(&dice.octaves(7, 7)));
            assert!(!dice.chance(0));
            assert!(dice.percent(100));
        }
    }
}
