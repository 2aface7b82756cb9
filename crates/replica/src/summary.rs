//! Distributions of measured numbers, in a few words each.
//!
//! Source: Apache `AvgMinMaxCounter.java` and `AvgMinMaxPercentileCounter.java`, for the lines that
//! they print.

use alloc::vec::Vec;

/// Smallest, largest and mean of what was measured.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Summary {
    count: u64,
    sum: u64,
    range: Option<(u64, u64)>,
}

impl Summary {
    /// Takes one measurement into account.
    pub(crate) fn record(&mut self, value: u64) {
        self.count += 1;
        self.sum = self.sum.saturating_add(value);
        let (min, max) = self.range.unwrap_or((value, value));
        self.range = Some((min.min(value), max.max(value)));
    }

    /// How many were taken.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// All of them together.
    pub(crate) fn sum(&self) -> u64 {
        self.sum
    }

    /// The smallest; 0 while there is none.
    pub(crate) fn min(&self) -> u64 {
        self.range.map_or(0, |(min, _)| min)
    }

    /// The largest; 0 while there is none.
    pub(crate) fn max(&self) -> u64 {
        self.range.map_or(0, |(_, max)| max)
    }

    /// The mean in ten-thousandths, for text with four decimals.
    pub(crate) fn mean_tenthousandths(&self) -> u64 {
        self.sum
            .saturating_mul(10_000)
            .checked_div(self.count)
            .unwrap_or(0)
    }
}

/// A [`Summary`] that also knows how the measurements are spread.
///
/// Values below 64 are kept apart; above, 32 buckets share each power of two, so a percentile is
/// at most one part in 32 too low. The buckets take at most 8 KiB.
#[derive(Clone, Debug, Default)]
pub(crate) struct Percentiles {
    summary: Summary,
    buckets: Vec<u32>,
}

impl Percentiles {
    /// Takes one measurement into account.
    pub(crate) fn record(&mut self, value: u64) {
        self.summary.record(value);
        let bucket = bucket_of(value);
        if bucket >= self.buckets.len() {
            self.buckets.resize(bucket + 1, 0);
        }
        self.buckets[bucket] = self.buckets[bucket].saturating_add(1);
    }

    /// The measurements without their spread.
    pub(crate) fn summary(&self) -> &Summary {
        &self.summary
    }

    /// What so many of a thousand measurements do not exceed; 0 while there is none.
    pub(crate) fn permille(&self, share: u64) -> u64 {
        let all: u64 = self.buckets.iter().map(|count| u64::from(*count)).sum();
        let wanted = all.saturating_mul(share).div_ceil(1_000).max(1);
        let mut seen = 0;
        for (bucket, count) in self.buckets.iter().enumerate() {
            seen += u64::from(*count);
            if seen >= wanted {
                return least_of(bucket);
            }
        }
        0
    }
}

const EXACT: u64 = 64;
const EXACT_BITS: u32 = EXACT.ilog2();
const PER_OCTAVE: u64 = 32;
const PER_OCTAVE_BITS: u32 = PER_OCTAVE.ilog2();

fn bucket_of(value: u64) -> usize {
    let bucket = if value < EXACT {
        value
    } else {
        let octave = value.ilog2();
        let within = (value >> (octave - PER_OCTAVE_BITS)) - PER_OCTAVE;
        EXACT + u64::from(octave - EXACT_BITS) * PER_OCTAVE + within
    };
    usize::try_from(bucket).expect("there are fewer than two thousand")
}

fn least_of(bucket: usize) -> u64 {
    let bucket = u64::try_from(bucket).expect("there are fewer than two thousand");
    let Some(above) = bucket.checked_sub(EXACT) else {
        return bucket;
    };
    (PER_OCTAVE + above % PER_OCTAVE) << (above / PER_OCTAVE + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_of_nothing_is_zero() {
        let none = Percentiles::default();
        let summary = none.summary();
        assert_eq!((summary.min(), summary.max(), summary.count()), (0, 0, 0));
        assert_eq!(summary.mean_tenthousandths(), 0);
        assert_eq!(none.permille(999), 0);
    }

    #[test]
    fn percentiles_are_exact_for_small_values_and_close_for_large_ones() {
        let mut small = Percentiles::default();
        (0..50).for_each(|value| small.record(value));
        assert_eq!(
            [500, 950, 990, 999].map(|share| small.permille(share)),
            [24, 47, 49, 49]
        );
        for value in [64, 65, 127, 128, 1_000, 123_456, u64::MAX / 3, u64::MAX] {
            let mut one = Percentiles::default();
            one.record(value);
            let shown = one.permille(500);
            assert!(
                shown <= value && value - shown <= value / 32,
                "{value}: {shown}"
            );
        }
    }

    #[test]
    fn every_bucket_begins_where_the_one_before_ends() {
        for bucket in 0..1_900 {
            assert_eq!(bucket_of(least_of(bucket)), bucket);
            let before = least_of(bucket + 1) - 1;
            assert_eq!(bucket_of(before), bucket);
        }
    }
}
