//! What a quota allows, as clients write it.
//!
//! Source: `client-protocol.md` §6.9; Apache `StatsTrack.java`.

use crate::quota::Usage;
use alloc::boxed::Box;
use alloc::vec::Vec;

/// What is allowed in one dimension. A hard limit stands in for a soft one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// More is remarked on.
    Soft(i64),
    /// More is refused, where quotas are enforced.
    Hard(i64),
}

impl Limit {
    /// The number.
    pub fn value(self) -> i64 {
        match self {
            Limit::Soft(value) | Limit::Hard(value) => value,
        }
    }
}

/// What a quota allows; `None` for anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Limits {
    /// How many nodes.
    pub count: Option<Limit>,
    /// How many bytes of data.
    pub bytes: Option<Limit>,
}

/// What a quota counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Nodes.
    Count,
    /// Bytes of data.
    Bytes,
}

/// A quota of which more is used than it allows, since just now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaPassed {
    /// The quota.
    pub path: Box<str>,
    /// In which respect.
    pub measure: Measure,
    /// What is allowed.
    pub limit: Limit,
    /// What is used now.
    pub used: i64,
}

impl Limits {
    /// Reads what can be read: a part that is no limit, or negative, limits nothing.
    pub(crate) fn parse(text: &[u8]) -> Limits {
        let [mut count, mut bytes, mut hard_count, mut hard_bytes] = [None; 4];
        let text = core::str::from_utf8(text).unwrap_or_default();
        for part in text.split([',', ';']) {
            let mut pieces = part.split('=');
            let (Some(key), Some(value)) = (pieces.next(), pieces.next()) else {
                continue;
            };
            let value = value.parse::<i64>().ok().filter(|value| *value >= 0);
            match key {
                "count" => count = value,
                "bytes" => bytes = value,
                "countHardLimit" => hard_count = value,
                "byteHardLimit" => hard_bytes = value,
                _ => {}
            }
        }
        let either =
            |hard: Option<i64>, soft: Option<i64>| hard.map(Limit::Hard).or(soft.map(Limit::Soft));
        Limits {
            count: either(hard_count, count),
            bytes: either(hard_bytes, bytes),
        }
    }

    /// Notes each limit that lies between two usages.
    pub(crate) fn note_passed(
        self,
        path: &str,
        before: Usage,
        after: Usage,
        passed: &mut Vec<QuotaPassed>,
    ) {
        let measures = [
            (Measure::Count, self.count, before.count, after.count),
            (Measure::Bytes, self.bytes, before.bytes, after.bytes),
        ];
        for (measure, limit, before, after) in measures {
            let Some(limit) = limit else { continue };
            if before <= limit.value() && after > limit.value() {
                passed.push(QuotaPassed {
                    path: Box::from(path),
                    measure,
                    limit,
                    used: after,
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_as_far_as_they_can_be_read() {
        let limits = |text: &str| {
            let limits = Limits::parse(text.as_bytes());
            (limits.count, limits.bytes)
        };
        let (hard, soft) = (
            |limit| Some(Limit::Hard(limit)),
            |limit| Some(Limit::Soft(limit)),
        );
        assert_eq!(limits("count=1,bytes=2"), (soft(1), soft(2)));
        assert_eq!(
            limits("count=1,bytes=2=;byteHardLimit=3;countHardLimit=4"),
            (hard(4), hard(3))
        );
        assert_eq!(
            limits("count=-1,bytes=7=;byteHardLimit=-1;countHardLimit=4"),
            (hard(4), soft(7))
        );
        assert_eq!(limits("countHardLimit=,byteHardLimit"), (None, None));
        assert_eq!(
            limits("countHardLimit=99999999999999999999;=;;=,="),
            (None, None)
        );
        assert_eq!(Limits::parse(b"\xff\xfe"), Limits::default());
    }

    #[test]
    fn a_limit_is_passed_once_and_only_on_the_way_up() {
        let limits = Limits::parse(b"count=2,bytes=10");
        let usage = |count, bytes| Usage { count, bytes };
        let passed = |before, after| {
            let mut passed = Vec::new();
            limits.note_passed("/q", before, after, &mut passed);
            let passed = passed.into_iter();
            passed
                .map(|one| (one.measure, one.used))
                .collect::<Vec<_>>()
        };
        assert_eq!(passed(usage(1, 0), usage(2, 10)), []);
        let both = [(Measure::Count, 3), (Measure::Bytes, 11)];
        assert_eq!(passed(usage(2, 10), usage(3, 11)), both);
        assert_eq!(passed(usage(3, 11), usage(4, 12)), []);
        assert_eq!(passed(usage(4, 12), usage(3, 11)), []);
    }
}
