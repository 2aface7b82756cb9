//! One hash over everything that happened, in order.

use crate::log::Log;
use core::fmt;
use core::ops::Range;
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

/// Events between two checkpoints.
pub(crate) const CHECKPOINT: u64 = 1_024;

/// One hash over everything that happened, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Chain {
    value: u128,
    events: u64,
    /// The hash after each `CHECKPOINT` events.
    checkpoints: Log<u128>,
    /// Which events are kept, and those.
    window: Range<u64>,
    kept: Vec<Link>,
}

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    time: u64,
    kind: u8,
    who: u64,
    bytes: Vec<u8>,
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            10 => "bytes come to machine",
            11..=14 => "a connection of machine",
            20 => "starts: server",
            21 => "dies: server",
            22 => "disk of server",
            30..=35 => "effect of server",
            40..=45 => "client",
            50 => "done to the world",
            51 => "another seed decides",
            _ => "event of",
        };
        let words = String::from_utf8_lossy(&self.bytes)
            .escape_debug()
            .to_string();
        let words: String = words.chars().take(120).collect();
        write!(f, "{} us, {what} {}: {words}", self.time, self.who)
    }
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
        if self.window.contains(&self.events) {
            self.kept.push(Link {
                time,
                kind,
                who,
                bytes: bytes.to_vec(),
            });
        }
        self.value = xxh3_128(&block);
        self.events += 1;
        if self.events.is_multiple_of(CHECKPOINT) {
            self.checkpoints.push(self.value);
        }
    }

    /// The hash so far.
    pub(crate) fn value(&self) -> u128 {
        self.value
    }

    /// How many events it covers.
    pub(crate) fn events(&self) -> u64 {
        self.events
    }

    /// Keeps the events of a window that has not begun.
    pub(crate) fn keep(&mut self, window: Range<u64>) {
        self.window = window;
    }

    /// The events between two checkpoints in which another run first differs from this one.
    pub(crate) fn differs_within(&self, other: &Chain) -> Range<u64> {
        let pairs: Vec<bool> = self
            .checkpoints
            .iter()
            .zip(other.checkpoints.iter())
            .map(|(one, other)| one == other)
            .collect();
        // Once they differ, they differ for ever.
        let equal = pairs.partition_point(|is_equal| *is_equal);
        let from = u64::try_from(equal).expect("a length") * CHECKPOINT;
        from..from + CHECKPOINT
    }

    /// The first kept event in which another run differs from this one, and both events.
    pub(crate) fn first_difference<'c>(
        &'c self,
        other: &'c Chain,
    ) -> Option<(u64, Option<&'c Link>, Option<&'c Link>)> {
        let length = self.kept.len().max(other.kept.len());
        let at = (0..length).find(|at| self.kept.get(*at) != other.kept.get(*at))?;
        let number = self.window.start + u64::try_from(at).expect("a length");
        Some((number, self.kept.get(at), other.kept.get(at)))
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

    fn chain(odd: u64, window: Range<u64>) -> Chain {
        let mut chain = Chain::default();
        chain.keep(window);
        for event in 0..10_000 {
            chain.push(event, 1, 0, if event == odd { b"odd" } else { b"even" });
        }
        chain
    }

    #[test]
    fn the_first_difference_is_found_between_two_checkpoints() {
        let (one, other) = (chain(5_000, 0..0), chain(6_000, 0..0));
        let window = one.differs_within(&other);
        assert_eq!(window, 4_096..5_120);
        let (one, other) = (chain(5_000, window.clone()), chain(6_000, window));
        let (number, first, second) = one.first_difference(&other).expect("they differ");
        assert_eq!(number, 5_000);
        assert_eq!(first.expect("it is there").bytes, b"odd");
        assert_eq!(second.expect("it is there").bytes, b"even");
        assert_eq!(one.first_difference(&one), None);
    }
}
