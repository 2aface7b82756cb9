//! What is due when. One order for all: by true time, then by a tie that is left to chance, then
//! by the order of asking.

use crate::noise::{Domain, Noise};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// True time, in microseconds since the world began.
pub type Micros = u64;

/// Everything that is due.
#[derive(Clone, Debug)]
pub(crate) struct Queue<E> {
    heap: BinaryHeap<Entry<E>>,
    next_id: u64,
    noise: Noise,
    now: Micros,
}

/// Something with a name that decides about its turn among what is due at the same time.
pub(crate) trait Named {
    /// Names below 16 come first, in their order; the order of all others is left to chance.
    fn name(&self) -> u64;
}

impl<E: Named> Queue<E> {
    pub(crate) fn new(noise: Noise) -> Self {
        Queue {
            heap: BinaryHeap::new(),
            next_id: 0,
            noise,
            now: 0,
        }
    }

    /// Lets another seed decide about ties from now on.
    pub(crate) fn turn(&mut self, seed: u64) {
        self.noise.turn(seed);
    }

    /// The time of the event that was taken last.
    pub(crate) fn now(&self) -> Micros {
        self.now
    }

    /// Makes `event` due at `time`, or now if that is past.
    pub(crate) fn at(&mut self, time: Micros, event: E) {
        let id = self.next_id;
        self.next_id += 1;
        let time = time.max(self.now);
        let name = event.name();
        let tie = if name < 16 {
            name
        } else {
            let bits = self.noise.bits(Domain::Tie, name, time);
            16 + bits.map_or(0, |bits| bits >> 32)
        };
        let key = Reverse((time, tie, id));
        self.heap.push(Entry { key, event });
    }

    /// Makes `event` due after `delay`.
    pub(crate) fn after(&mut self, delay: Micros, event: E) {
        self.at(self.now.saturating_add(delay), event);
    }

    /// What is due next.
    pub(crate) fn peek(&self) -> Option<&E> {
        self.heap.peek().map(|entry| &entry.event)
    }

    /// Takes what is due next, and lets time pass up to it.
    pub(crate) fn pop(&mut self) -> Option<E> {
        let entry = self.heap.pop()?;
        self.now = entry.key.0.0;
        Some(entry.event)
    }
}

#[derive(Clone, Debug)]
struct Entry<E> {
    key: Reverse<(Micros, u64, u64)>,
    event: E,
}

impl<E> PartialEq for Entry<E> {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl<E> Eq for Entry<E> {}

impl<E> PartialOrd for Entry<E> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> Ord for Entry<E> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key.cmp(&other.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::noise::NoiseRules;

    impl Named for char {
        fn name(&self) -> u64 {
            u64::from(*self)
        }
    }

    #[test]
    fn events_come_by_time_and_nothing_is_due_in_the_past() {
        let mut queue = Queue::new(Noise::new(1, &NoiseRules::default()));
        queue.at(20, 'b');
        queue.at(10, 'a');
        assert_eq!(queue.pop(), Some('a'));
        queue.at(5, 'c');
        assert_eq!(queue.pop(), Some('c'));
        assert_eq!(queue.now(), 10);
        assert_eq!(queue.pop(), Some('b'));
        assert_eq!(queue.pop(), None);
    }
}
