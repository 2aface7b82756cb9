//! The leader's deadlines: when a silent session is due to be closed.
//!
//! A deadline is rounded up to a whole tick, and all sessions due at one tick hang in one bucket, a
//! doubly linked list through a slab. Only buckets with sessions exist, and a session's timeout
//! bounds how far ahead they reach, so a tick costs what is due and a touch costs two relinked
//! neighbours, whatever the number of sessions.

use crate::Sessions;
use crate::id_hash::IdMap;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::time::Duration;
use zk_types::{Instant, SessionId, mutant};

/// When each session expires, kept by the leader alone and by its monotonic clock alone.
///
/// A session expires later than its timeout after the last touch and at most one tick later than
/// that: never early.
///
/// Source: `client-protocol.md` §2.4; `zab.md` §15; Apache `ExpiryQueue.java`.
#[derive(Clone, Debug)]
pub struct Expiry {
    tick_micros: u64,
    origin: Instant,
    index: IdMap<u32>,
    slots: Vec<Slot>,
    free: Vec<u32>,
    buckets: BTreeMap<u64, List>,
}

/// Whether a session may still act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Liveness {
    /// It is open and its deadline lies ahead.
    Live,
    /// Its close is proposed or about to be; it stays so until [`Expiry::forget`].
    Closing,
    /// It is not tracked.
    Unknown,
}

/// The sessions that expire together, as `dump` shows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// When they expire.
    pub at: Instant,
    /// The sessions, ascending by id.
    pub sessions: Vec<SessionId>,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    id: SessionId,
    timeout_micros: u64,
    place: Place,
}

#[derive(Clone, Copy, Debug)]
enum Place {
    Waiting {
        bucket: u64,
        previous: Link,
        next: Link,
    },
    Closing,
}

type Link = Option<u32>;

#[derive(Clone, Copy, Debug)]
struct List {
    head: u32,
    length: usize,
}

impl Expiry {
    /// No session yet; ticks of the given length are counted from `now`.
    ///
    /// # Panics
    /// When `tick` is shorter than a microsecond.
    pub fn new(tick: Duration, now: Instant) -> Self {
        let tick_micros = u64::try_from(tick.as_micros()).unwrap_or(u64::MAX);
        assert!(tick_micros > 0, "a tick lasts");
        Expiry {
            tick_micros,
            origin: now,
            index: IdMap::default(),
            slots: Vec::new(),
            free: Vec::new(),
            buckets: BTreeMap::new(),
        }
    }

    /// Starts to track a session with its full timeout, in milliseconds; a negative one counts as
    /// 0. A session that is tracked already is touched and has this timeout from now on, as after a
    /// reconnect; one that is closing stays so.
    pub fn track(&mut self, id: SessionId, timeout_ms: i32, now: Instant) {
        let timeout_micros = u64::try_from(timeout_ms).unwrap_or(0) * 1_000;
        match self.index.get(&id) {
            Some(&slot) => {
                self.slots[at(slot)].timeout_micros = timeout_micros;
                self.move_to_deadline(slot, now);
            }
            None => {
                let slot = self.allocate(Slot {
                    id,
                    timeout_micros,
                    place: Place::Closing,
                });
                self.index.insert(id, slot);
                self.link(slot, self.bucket_of(now, timeout_micros));
            }
        }
    }

    /// Moves the session's deadline to its full timeout from `now`, and says whether it is live:
    /// neither unknown nor closing.
    pub fn touch(&mut self, id: SessionId, now: Instant) -> bool {
        let Some(&slot) = self.index.get(&id) else {
            return false;
        };
        match self.slots[at(slot)].place {
            Place::Closing => false,
            Place::Waiting { .. } => {
                mutant!("touch-ignored", self.move_to_deadline(slot, now), ());
                true
            }
        }
    }

    /// Takes a session out of the queue because its close is about to be proposed, and says whether
    /// it was live. Until [`Expiry::forget`] it is neither live nor due again.
    pub fn mark_closing(&mut self, id: SessionId) -> bool {
        let Some(&slot) = self.index.get(&id) else {
            return false;
        };
        match self.slots[at(slot)].place {
            Place::Closing => false,
            Place::Waiting { .. } => {
                self.unlink(slot);
                true
            }
        }
    }

    /// Stops tracking a session: its close is applied. Unknown ids are ignored.
    pub fn forget(&mut self, id: SessionId) {
        if let Some(slot) = self.index.remove(&id) {
            self.unlink(slot);
            self.free.push(slot);
        }
    }

    /// Whether the session may still act.
    pub fn liveness(&self, id: SessionId) -> Liveness {
        match self.index.get(&id).map(|&slot| self.slots[at(slot)].place) {
            Some(Place::Waiting { .. }) => Liveness::Live,
            Some(Place::Closing) => Liveness::Closing,
            None => Liveness::Unknown,
        }
    }

    /// When [`Expiry::expire`] has something to give, `None` while no session is live.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.buckets
            .first_key_value()
            .map(|(&bucket, _)| self.instant_of(bucket))
    }

    /// The sessions whose deadline is not after `now`, by deadline and then by id; each is closing
    /// from here on.
    pub fn expire(&mut self, now: Instant) -> Vec<SessionId> {
        let mut due = Vec::new();
        while let Some((&bucket, _)) = self.buckets.first_key_value() {
            if self.instant_of(bucket) > now {
                break;
            }
            let list = self
                .buckets
                .remove(&bucket)
                .expect("the first bucket exists");
            let from = due.len();
            let mut cursor = Some(list.head);
            while let Some(slot) = cursor {
                let slot = &mut self.slots[at(slot)];
                cursor = match slot.place {
                    Place::Waiting { next, .. } => next,
                    Place::Closing => unreachable!("a bucket holds waiting sessions only"),
                };
                slot.place = Place::Closing;
                due.push(slot.id);
            }
            assert_eq!(due.len() - from, list.length, "a bucket knows its length");
            due[from..].sort_unstable();
        }
        due
    }

    /// Forgets everything and tracks the given sessions, each with its full timeout: what a new
    /// leader does when it starts to serve.
    pub fn restart_all(&mut self, sessions: &Sessions, now: Instant) {
        *self = Expiry::new(Duration::from_micros(self.tick_micros), now);
        let skipped = mutant!("new-leader-forgets-a-session", 0, 1);
        for (id, timeout_ms) in sessions.iter().skip(skipped) {
            self.track(id, timeout_ms, now);
        }
    }

    /// The live sessions by deadline, the next first: the "Session Sets" of `dump`. Takes time in
    /// proportion to their number.
    pub fn buckets(&self) -> impl Iterator<Item = Bucket> + '_ {
        self.buckets.iter().map(|(&bucket, list)| {
            let mut sessions = Vec::with_capacity(list.length);
            let mut cursor = Some(list.head);
            while let Some(slot) = cursor {
                let slot = &self.slots[at(slot)];
                sessions.push(slot.id);
                cursor = match slot.place {
                    Place::Waiting { next, .. } => next,
                    Place::Closing => unreachable!("a bucket holds waiting sessions only"),
                };
            }
            sessions.sort_unstable();
            Bucket {
                at: self.instant_of(bucket),
                sessions,
            }
        })
    }

    /// The first tick that lies after `now` plus the timeout.
    fn bucket_of(&self, now: Instant, timeout_micros: u64) -> u64 {
        let since_origin = now.as_micros().saturating_sub(self.origin.as_micros());
        let whole = since_origin.saturating_add(timeout_micros) / self.tick_micros;
        mutant!("expiry-early-by-a-tick", whole + 1, whole)
    }

    fn instant_of(&self, bucket: u64) -> Instant {
        self.origin + Duration::from_micros(bucket.saturating_mul(self.tick_micros))
    }

    fn move_to_deadline(&mut self, slot: u32, now: Instant) {
        let Slot {
            timeout_micros,
            place,
            ..
        } = self.slots[at(slot)];
        let to = self.bucket_of(now, timeout_micros);
        match place {
            Place::Waiting { bucket, .. } if bucket != to => {
                self.unlink(slot);
                self.link(slot, to);
            }
            Place::Waiting { .. } | Place::Closing => {}
        }
    }

    fn allocate(&mut self, value: Slot) -> u32 {
        if let Some(slot) = self.free.pop() {
            self.slots[at(slot)] = value;
            return slot;
        }
        let slot = u32::try_from(self.slots.len()).expect("fewer sessions than 2^32");
        self.slots.push(value);
        slot
    }

    fn link(&mut self, slot: u32, bucket: u64) {
        let next = match self.buckets.get_mut(&bucket) {
            Some(list) => {
                list.length += 1;
                Some(core::mem::replace(&mut list.head, slot))
            }
            None => {
                self.buckets.insert(
                    bucket,
                    List {
                        head: slot,
                        length: 1,
                    },
                );
                None
            }
        };
        if let Some(neighbour) = next {
            self.neighbour(neighbour).0.replace(slot);
        }
        self.slots[at(slot)].place = Place::Waiting {
            bucket,
            previous: None,
            next,
        };
    }

    /// Takes a slot out of its bucket, if it hangs in one, and leaves it closing.
    fn unlink(&mut self, slot: u32) {
        let place = core::mem::replace(&mut self.slots[at(slot)].place, Place::Closing);
        let Place::Waiting {
            bucket,
            previous,
            next,
        } = place
        else {
            return;
        };
        if let Some(neighbour) = next {
            *self.neighbour(neighbour).0 = previous;
        }
        if let Some(neighbour) = previous {
            *self.neighbour(neighbour).1 = next;
        }
        let list = self
            .buckets
            .get_mut(&bucket)
            .expect("a waiting session's bucket exists");
        list.length -= 1;
        match (previous, next) {
            (None, Some(next)) => list.head = next,
            (None, None) => {
                self.buckets.remove(&bucket);
            }
            (Some(_), _) => {}
        }
    }

    fn neighbour(&mut self, slot: u32) -> (&mut Link, &mut Link) {
        match &mut self.slots[at(slot)].place {
            Place::Waiting { previous, next, .. } => (previous, next),
            Place::Closing => unreachable!("a neighbour in a bucket is waiting"),
        }
    }
}

fn at(slot: u32) -> usize {
    usize::try_from(slot).expect("the address space holds every slot")
}
