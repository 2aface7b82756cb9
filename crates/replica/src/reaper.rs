//! When the leader looks for containers and TTL nodes that are due, and how many it lets go.

use crate::rules::ReaperRules;
use core::time::Duration;
use zk_types::Instant;
use znode_tree::ReapLimits;

/// The pace of reaping within one term.
///
/// A look takes one second's share of what may go in a minute. When it finds that much there may
/// be more, and the next look follows as soon as the share is used up; else after the interval.
#[derive(Clone, Debug)]
pub(crate) struct Reaper {
    rules: ReaperRules,
    look_at: Instant,
}

impl Reaper {
    /// Looks for the first time after one interval.
    ///
    /// # Panics
    /// When nothing may ever go.
    pub(crate) fn new(rules: ReaperRules, now: Instant) -> Self {
        assert!(rules.per_minute_max > 0, "something may go");
        Reaper {
            rules,
            look_at: now + rules.interval,
        }
    }

    /// When the next look is due.
    pub(crate) fn next_deadline(&self) -> Instant {
        self.look_at
    }

    /// What a look may take.
    pub(crate) fn limits(&self) -> ReapLimits {
        let as_ms = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        ReapLimits {
            never_used_ms: self.rules.never_used.map(as_ms),
            count_max: usize::try_from(self.share()).expect("a u32 fits"),
        }
    }

    /// A look was taken and found so many.
    pub(crate) fn looked(&mut self, now: Instant, found: usize) {
        let found = u32::try_from(found).expect("no more are found than a share");
        let spent = Duration::from_secs(60) * found / self.rules.per_minute_max;
        let wait = if found == self.share() {
            spent
        } else {
            spent.max(self.rules.interval)
        };
        self.look_at = now + wait;
    }

    fn share(&self) -> u32 {
        (self.rules.per_minute_max / 60).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reaper(per_minute_max: u32) -> Reaper {
        let rules = ReaperRules {
            per_minute_max,
            never_used: Some(Duration::from_millis(5)),
            interval: Duration::from_secs(10),
        };
        Reaper::new(rules, Instant::ZERO)
    }

    /// Lets `waiting` nodes go and returns after how many milliseconds the last one went.
    fn drain(reaper: &mut Reaper, mut waiting: usize) -> u64 {
        loop {
            let now = reaper.next_deadline();
            let found = waiting.min(reaper.limits().count_max);
            reaper.looked(now, found);
            waiting -= found;
            if waiting == 0 {
                return now.as_millis();
            }
        }
    }

    #[test]
    fn no_more_go_in_a_minute_than_allowed() {
        for (per_minute, waiting, least_ms) in [
            (1, 3, 10_000 + 2 * 60_000),
            (59, 60, 10_000 + 60_000),
            (60, 61, 10_000 + 60_000),
            (10_000, 10_000, 10_000 + 58_000),
        ] {
            let took = drain(&mut reaper(per_minute), waiting);
            let right = least_ms - 1..least_ms + 2_000;
            assert!(right.contains(&took), "{per_minute} a minute: {took} ms");
        }
    }

    #[test]
    fn a_look_that_finds_little_is_followed_by_one_after_the_interval() {
        let mut reaper = reaper(6_000);
        let first = reaper.next_deadline();
        assert_eq!(first, Instant::from_millis(10_000));
        reaper.looked(first, 7);
        assert_eq!(reaper.next_deadline(), Instant::from_millis(20_000));
    }

    #[test]
    fn a_short_interval_does_not_raise_the_pace() {
        let rules = ReaperRules {
            interval: Duration::from_millis(1),
            per_minute_max: 6_000,
            never_used: None,
        };
        let mut reaper = Reaper::new(rules, Instant::ZERO);
        reaper.looked(Instant::from_millis(1), 99);
        assert_eq!(reaper.next_deadline(), Instant::from_millis(991));
        assert_eq!(reaper.limits().never_used_ms, None);
    }
}
