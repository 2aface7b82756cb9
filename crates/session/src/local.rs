//! Sessions that one server alone knows.

use crate::expiry::{Bucket, Expiry};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::time::Duration;
use zk_types::{Instant, SessionId};

/// The sessions that this server opened without telling any other, and when each expires.
///
/// They are in no snapshot and in no log: they end with the process. A session leaves the table
/// when it is closed, when it expires, or when the ensemble is to know it from now on.
///
/// Source: `client-protocol.md` §2.8.
#[derive(Clone, Debug)]
pub struct LocalTable {
    tick: Duration,
    expiry: Expiry,
    timeouts_ms: BTreeMap<SessionId, i32>,
    /// Those that the leader was asked to make known to all. It keeps their deadlines already;
    /// whether anything comes of it is known when the answer is applied, or the leader is gone.
    announced: BTreeSet<SessionId>,
    /// Nothing expires before: what clients said while this server was not running must be read
    /// first.
    expire_from: Instant,
}

impl LocalTable {
    /// No session yet; deadlines are whole ticks, as in [`Expiry`].
    ///
    /// # Panics
    /// When `tick` is shorter than a microsecond.
    pub fn new(tick: Duration, now: Instant) -> Self {
        LocalTable {
            tick,
            expiry: Expiry::new(tick, now),
            timeouts_ms: BTreeMap::new(),
            announced: BTreeSet::new(),
            expire_from: now,
        }
    }

    /// Opens a session, or resumes it with a new timeout, in milliseconds.
    pub fn open(&mut self, id: SessionId, timeout_ms: i32, now: Instant) {
        self.timeouts_ms.insert(id, timeout_ms);
        self.expiry.track(id, timeout_ms, now);
    }

    /// Moves the session's deadline to its full timeout from `now`, and says whether it is one of
    /// these.
    pub fn touch(&mut self, id: SessionId, now: Instant) -> bool {
        self.expiry.touch(id, now)
    }

    /// Whether the session is one of these, and nobody was asked to make it known to all.
    pub fn contains(&self, id: SessionId) -> bool {
        self.timeouts_ms.contains_key(&id) && !self.announced.contains(&id)
    }

    /// Whether the session was opened here and is neither over nor known to all yet.
    pub fn knows(&self, id: SessionId) -> bool {
        self.timeouts_ms.contains_key(&id)
    }

    /// Takes out what is no longer this server's alone, now that it was given a whole state
    /// instead of each step that led there: sessions of that state, and those whose announcement
    /// may have been such a step, and their end another.
    pub fn meet(&mut self, is_global: impl Fn(SessionId) -> bool) {
        let over: Vec<SessionId> = self
            .timeouts_ms
            .keys()
            .copied()
            .filter(|id| is_global(*id) || self.announced.contains(id))
            .collect();
        for id in over {
            self.remove(id);
        }
    }

    /// Whether somebody was asked to make the session known to all, and nothing came of it yet.
    pub fn is_announced(&self, id: SessionId) -> bool {
        self.announced.contains(&id)
    }

    /// The session is to be known to all: gives its timeout in milliseconds, to tell them. Its
    /// deadline is not kept here any more.
    ///
    /// # Panics
    /// When the table does not contain it.
    pub fn announce(&mut self, id: SessionId) -> i32 {
        assert!(self.contains(id), "what is announced is known here alone");
        self.expiry.forget(id);
        self.announced.insert(id);
        self.timeouts_ms[&id]
    }

    /// Takes a session out: it is closed, or known to all.
    pub fn remove(&mut self, id: SessionId) {
        self.expiry.forget(id);
        self.announced.remove(&id);
        self.timeouts_ms.remove(&id);
    }

    /// Takes out the sessions that are due at `now`, by deadline and then by id.
    pub fn expire(&mut self, now: Instant) -> Vec<SessionId> {
        if now < self.expire_from {
            return Vec::new();
        }
        let due = self.expiry.expire(now);
        for &id in &due {
            self.remove(id);
        }
        due
    }

    /// When [`LocalTable::expire`] has something to give.
    pub fn next_deadline(&self) -> Option<Instant> {
        let next = self.expiry.next_deadline();
        next.map(|at| at.max(self.expire_from))
    }

    /// This server was not running for a while; it hears first and judges later.
    pub fn postpone_expiry(&mut self, until: Instant) {
        self.expire_from = self.expire_from.max(until);
    }

    /// Gives every session its full timeout from `now`: this server did not serve before. What
    /// was announced to the leader of that time and did not come true never will.
    pub fn restart_all(&mut self, now: Instant) {
        self.announced.clear();
        self.expiry = Expiry::new(self.tick, now);
        for (&id, &timeout_ms) in &self.timeouts_ms {
            self.expiry.track(id, timeout_ms, now);
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.timeouts_ms.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.timeouts_ms.is_empty()
    }

    /// The sessions by deadline, the next first, as `dump` shows them.
    pub fn buckets(&self) -> impl Iterator<Item = Bucket> + '_ {
        self.expiry.buckets()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: SessionId = SessionId(1);
    const TWO: SessionId = SessionId(2);

    fn at(ms: u64) -> Instant {
        Instant::from_millis(ms)
    }

    fn table() -> LocalTable {
        let mut table = LocalTable::new(Duration::from_millis(100), at(0));
        table.open(ONE, 400, at(0));
        table.open(TWO, 400, at(0));
        table
    }

    #[test]
    fn a_silent_session_expires_and_is_gone() {
        let mut table = table();
        assert!(table.touch(TWO, at(300)));
        assert_eq!(table.next_deadline(), Some(at(500)));
        assert!(table.expire(at(400)).is_empty());
        assert_eq!(table.expire(at(500)), [ONE]);
        assert!(!table.contains(ONE) && table.contains(TWO));
        assert!(!table.touch(ONE, at(501)));
        assert_eq!(table.len(), 1);
    }

    #[test]
    fn an_announced_session_has_its_timeout_and_no_deadline_here() {
        let mut table = table();
        table.open(ONE, 900, at(10));
        assert_eq!(table.announce(ONE), 900);
        assert!(table.is_announced(ONE));
        assert!(!table.contains(ONE) && !table.touch(ONE, at(20)));
        assert_eq!(table.expire(at(9_000)), [TWO]);
        assert_eq!(table.len(), 1);
        table.remove(ONE);
        assert!(table.is_empty());
        assert_eq!(table.next_deadline(), None);
    }

    #[test]
    fn an_announcement_that_is_lost_with_its_leader_leaves_the_session_as_it_was() {
        let mut table = table();
        table.announce(ONE);
        table.restart_all(at(1_000));
        assert!(table.contains(ONE));
        assert_eq!(table.expire(at(1_500)), [ONE, TWO]);
    }

    #[test]
    fn a_whole_state_ends_what_it_holds_and_what_was_announced() {
        let three = SessionId(3);
        let mut table = table();
        table.open(three, 400, at(0));
        table.announce(ONE);
        assert!(table.knows(ONE) && !table.contains(ONE));
        table.meet(|id| id == TWO);
        assert!(!table.knows(ONE) && !table.knows(TWO));
        assert!(table.contains(three));
    }

    #[test]
    fn nothing_expires_before_what_was_said_meanwhile_is_heard() {
        let mut table = table();
        table.postpone_expiry(at(5_000));
        assert_eq!(table.next_deadline(), Some(at(5_000)));
        assert!(table.expire(at(4_999)).is_empty());
        assert!(table.touch(ONE, at(4_999)));
        assert_eq!(table.expire(at(5_000)), [TWO]);
    }

    #[test]
    fn a_server_that_serves_again_gives_every_session_its_full_timeout() {
        let mut table = table();
        table.restart_all(at(1_000));
        assert!(table.expire(at(1_400)).is_empty());
        assert_eq!(table.expire(at(1_500)), [ONE, TWO]);
    }
}
