//! Durations, and what to say of many of them.

use std::fmt;
use std::time::Duration;

/// Many durations.
#[derive(Clone, Default)]
pub(crate) struct Durations(Vec<Duration>);

impl Durations {
    pub(crate) fn push(&mut self, duration: Duration) {
        self.0.push(duration);
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn max(&self) -> Option<Duration> {
        self.0.iter().max().copied()
    }

    /// The smallest duration that at least `percent` of all do not exceed.
    pub(crate) fn percentile(&self, percent: usize) -> Option<Duration> {
        let mut sorted = self.0.clone();
        sorted.sort();
        let rank = (sorted.len() * percent).div_ceil(100).max(1);
        sorted.get(rank - 1).copied()
    }
}

impl fmt::Display for Durations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Some(median), Some(most), Some(max)) =
            (self.percentile(50), self.percentile(99), self.max())
        else {
            return f.write_str("none");
        };
        write!(
            f,
            "{} measured, median {}, 99 % {}, max {}",
            self.0.len(),
            milliseconds(median),
            milliseconds(most),
            milliseconds(max)
        )
    }
}

/// A duration in milliseconds, with as many digits as one wants to read.
pub(crate) fn milliseconds(duration: Duration) -> String {
    let micros = duration.as_micros();
    if micros < 10_000 {
        format!("{}.{:02} ms", micros / 1000, micros % 1000 / 10)
    } else {
        format!("{} ms", micros / 1000)
    }
}

/// Random numbers that a seed repeats (SplitMix64).
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Dice(seed)
    }

    /// Any number.
    pub(crate) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.roll() % bound
    }

    /// An index of a list of `length`.
    pub(crate) fn index(&mut self, length: usize) -> usize {
        let length = u64::try_from(length).expect("a length fits");
        usize::try_from(self.below(length)).expect("it is below a length")
    }

    /// Bytes.
    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.roll().to_be_bytes()[0]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_durations_that_were_measured() {
        let mut all = Durations::default();
        assert_eq!(all.percentile(50), None);
        for ms in [5, 1, 9, 3] {
            all.push(Duration::from_millis(ms));
        }
        assert_eq!(all.percentile(50), Some(Duration::from_millis(3)));
        assert_eq!(all.percentile(99), Some(Duration::from_millis(9)));
        assert_eq!(milliseconds(Duration::from_micros(1_230)), "1.23 ms");
    }
}
