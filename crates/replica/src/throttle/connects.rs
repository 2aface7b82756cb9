//! The bucket of tokens that new and resumed sessions take from.

use crate::limits::{ConnectLimits, RandomDrops};
use zk_types::Instant;

/// A whole, in the unit of shares.
const WHOLE_PPM: u32 = 1_000_000;

/// Tokens for sessions, and the share of connections that is dropped at random.
#[derive(Clone)]
pub(crate) struct Bucket {
    limits: ConnectLimits,
    tokens: u64,
    filled: Instant,
    dropped_ppm: u32,
    judged: Instant,
}

impl Bucket {
    /// A full one.
    pub(crate) fn new(limits: ConnectLimits, now: Instant) -> Self {
        Bucket {
            tokens: limits.tokens_max,
            filled: now,
            dropped_ppm: 0,
            judged: now,
            limits,
        }
    }

    /// Takes this many tokens, or none and says no. `chance` is drawn afresh.
    pub(crate) fn take(&mut self, now: Instant, tokens: u64, chance: u32) -> bool {
        self.fill(now);
        if let Some(drops) = &self.limits.drops {
            let missing = self.limits.tokens_max - self.tokens;
            if now.since(self.judged) > drops.freeze {
                self.judged = now;
                self.dropped_ppm = share(drops, self.dropped_ppm, missing, self.limits.tokens_max);
            }
            if chance % WHOLE_PPM < self.dropped_ppm {
                return false;
            }
        }
        match self.tokens.checked_sub(tokens) {
            Some(left) => {
                self.tokens = left;
                true
            }
            None => false,
        }
    }

    /// The share of connections that is dropped at random, in millionths.
    pub(crate) fn dropped_ppm(&self) -> u32 {
        self.dropped_ppm
    }

    fn fill(&mut self, now: Instant) {
        let since = now.since(self.filled);
        if since <= self.limits.fill_interval {
            return;
        }
        let new = since
            .as_nanos()
            .saturating_mul(u128::from(self.limits.fill_tokens))
            .checked_div(self.limits.fill_interval.as_nanos())
            .unwrap_or(u128::MAX);
        let new = u64::try_from(new).unwrap_or(u64::MAX);
        self.tokens = self.tokens.saturating_add(new).min(self.limits.tokens_max);
        self.filled = now;
    }
}

fn share(drops: &RandomDrops, before: u32, missing: u64, all: u64) -> u32 {
    let enough = u128::from(all) * u128::from(drops.full_enough_ppm);
    let is_full_enough = u128::from(missing) * u128::from(WHOLE_PPM) <= enough;
    if missing == all {
        before.saturating_add(drops.increase_ppm).min(WHOLE_PPM)
    } else if is_full_enough {
        before.saturating_sub(drops.decrease_ppm)
    } else {
        before
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;

    fn limits() -> ConnectLimits {
        ConnectLimits {
            tokens_max: 6,
            fill_interval: Duration::from_millis(10),
            fill_tokens: 3,
            opening_takes: 3,
            opening_locally_takes: 1,
            resuming_takes: 2,
            drops: None,
        }
    }

    fn at(ms: u64) -> Instant {
        Instant::from_millis(ms)
    }

    #[test]
    fn an_empty_bucket_gives_nothing_until_it_is_filled_again() {
        let mut bucket = Bucket::new(limits(), at(0));
        assert!(bucket.take(at(0), 3, 0) && bucket.take(at(1), 2, 0));
        assert!(!bucket.take(at(2), 2, 0));
        assert_eq!(bucket.tokens, 1);
        assert!(bucket.take(at(11), 3, 0));
        assert!(bucket.take(at(10_000), 6, 0));
        assert!(!bucket.take(at(10_001), 1, 0));
    }

    #[test]
    fn the_share_that_is_dropped_grows_while_the_bucket_is_empty_and_shrinks_when_it_is_full() {
        let mut bucket = Bucket::new(
            ConnectLimits {
                tokens_max: 1,
                fill_interval: Duration::from_secs(1),
                fill_tokens: 1,
                drops: Some(RandomDrops {
                    freeze: Duration::from_millis(1),
                    increase_ppm: 600_000,
                    decrease_ppm: 500_000,
                    full_enough_ppm: 0,
                }),
                ..limits()
            },
            at(0),
        );
        assert!(bucket.take(at(0), 1, 0));
        assert!(!bucket.take(at(2), 1, 999_999));
        assert_eq!(bucket.dropped_ppm(), 600_000);
        assert!(!bucket.take(at(4), 1, 999_999));
        assert_eq!(bucket.dropped_ppm(), 1_000_000);
        assert!(!bucket.take(at(2_000), 1, 400_000), "by chance");
        assert_eq!(bucket.dropped_ppm(), 500_000);
        assert!(bucket.take(at(2_001), 1, 500_000));
    }
}
