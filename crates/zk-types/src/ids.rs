//! Numbers that identify: transactions, epochs, servers, sessions.

use core::fmt;
use serde::{Deserialize, Serialize};

/// The number of a leader's reign; 0 is "before any leader".
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Epoch(pub u32);

impl Epoch {
    /// The last epoch that may start: Java peers read it as a signed number.
    pub const MAX: Epoch = Epoch(0x7fff_ffff);

    /// The epoch after this one, or `None` past [`Epoch::MAX`].
    pub fn successor(self) -> Option<Epoch> {
        if self < Epoch::MAX {
            Some(Epoch(self.0 + 1))
        } else {
            None
        }
    }
}

impl fmt::Debug for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "e{}", self.0)
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A transaction's place in the order of all: epoch in the high half, counter in the low.
///
/// Counter 0 is the marker that opens an epoch. Source: `zab.md` §2.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Zxid(pub u64);

impl Zxid {
    /// Before any transaction.
    pub const ZERO: Zxid = Zxid(0);

    /// The zxid of the given epoch and counter.
    pub fn new(epoch: Epoch, counter: u32) -> Self {
        Zxid(u64::from(epoch.0) << 32 | u64::from(counter))
    }

    /// The marker that opens `epoch`.
    pub fn marker(epoch: Epoch) -> Self {
        Zxid::new(epoch, 0)
    }

    /// The epoch half.
    pub fn epoch(self) -> Epoch {
        Epoch((self.0 >> 32) as u32)
    }

    /// The counter half.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the low half is what is asked for"
    )]
    pub fn counter(self) -> u32 {
        self.0 as u32
    }

    /// Whether this is the marker of an epoch rather than a transaction.
    pub fn is_marker(self) -> bool {
        self.counter() == 0
    }

    /// The next zxid of the same epoch, or `None` when its counter has run out.
    pub fn successor(self) -> Option<Zxid> {
        if self.counter() == u32::MAX {
            None
        } else {
            Some(Zxid(self.0 + 1))
        }
    }

    /// Whether `next` may follow `self` in a log: the next counter, or the marker of a later epoch.
    pub fn is_followed_by(self, next: Zxid) -> bool {
        self.successor() == Some(next) || (next.is_marker() && next.epoch() > self.epoch())
    }
}

impl fmt::Debug for Zxid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.epoch().0, self.counter())
    }
}

impl fmt::Display for Zxid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

/// The number of a server in its ensemble (`myid`), 1 to 255.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ServerId(pub u64);

impl fmt::Debug for ServerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s{}", self.0)
    }
}

impl fmt::Display for ServerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A client session. The high byte names the server that made it; no other arithmetic is meant.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SessionId(pub i64);

impl SessionId {
    /// "No session": what a client that wants a new one sends.
    pub const NONE: SessionId = SessionId(0);

    /// The server that gave the id out, which is its highest byte.
    pub fn server(self) -> ServerId {
        ServerId(self.0.cast_unsigned() >> 56)
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_of_any_later_epoch_may_follow_but_no_gap_in_a_counter() {
        let at = |epoch, counter| Zxid::new(Epoch(epoch), counter);
        assert!(at(1, 4).is_followed_by(at(1, 5)));
        assert!(at(1, 4).is_followed_by(at(3, 0)));
        assert!(!at(1, 4).is_followed_by(at(1, 6)));
        assert!(!at(1, 4).is_followed_by(at(1, 4)));
        assert!(!at(1, 4).is_followed_by(at(2, 1)));
        assert!(!at(2, 4).is_followed_by(at(1, 0)));
    }

    #[test]
    fn a_counter_never_carries_into_the_epoch() {
        assert_eq!(Zxid::new(Epoch(1), u32::MAX).successor(), None);
    }
}
