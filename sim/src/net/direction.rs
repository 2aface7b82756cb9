//! What travels one way on one connection.

use super::counts::Counts;
use super::law::DRAWS;
use super::{Law, NetKnobs};
use crate::decide::Dice;
use crate::queue::Micros;
use std::collections::VecDeque;

/// What one end sent and the other has not received.
#[derive(Clone, Debug)]
pub(super) struct Direction {
    pub(super) queue: VecDeque<(Micros, Vec<u8>)>,
    pub(super) bytes: usize,
    pub(super) last_due: Micros,
    /// The sender is done: after the queue, the other end is told.
    pub(super) ending: Option<Micros>,
    /// An `Arrive` is due, or the direction waits for something else.
    pub(super) waiting: Waiting,
    /// Something breaks after this many more bytes.
    pub(super) cut_after: Option<(usize, Broken)>,
    /// Nothing that is sent arrives any more, and nobody is told.
    pub(super) is_lost: bool,
    /// Something was sent that did not arrive for that.
    pub(super) has_swallowed: bool,
    pub(super) owed: usize,
    pub(super) dice: Dice,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waiting {
    Nothing,
    Event,
    /// The path is blocked.
    Path,
    /// The reader does not read.
    Reader,
}

/// What breaks after some byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// The connection, and both ends are told.
    Connection,
    /// This direction, and nobody is told.
    Direction,
}

impl Direction {
    /// When something sent now arrives: never before what was sent earlier.
    pub(super) fn due(
        &mut self,
        now: Micros,
        law: Law,
        knobs: &NetKnobs,
        counts: &mut Counts,
    ) -> Micros {
        let drawn = self.dice.below(DRAWS);
        let mut delay = law.delay(drawn, knobs.latency_min, knobs.latency_max);
        counts.by_law[law as usize] += 1;
        if self.dice.chance(knobs.late) {
            delay += self.dice.range(0, knobs.late_max);
            counts.late += 1;
        }
        self.last_due = self.last_due.max(now + delay);
        self.last_due
    }

    /// What the other end reads now.
    pub(super) fn take(&mut self, now: Micros, knobs: &NetKnobs, counts: &mut Counts) -> Vec<u8> {
        let mut taken = Vec::new();
        while self.queue.front().is_some_and(|(due, _)| *due <= now) {
            let (_, bytes) = self.queue.pop_front().expect("it was just seen");
            if taken.is_empty() {
                taken = bytes;
            } else {
                counts.coalesced += 1;
                taken.extend_from_slice(&bytes);
            }
        }
        let mut keep = taken.len();
        if keep > 1 && self.dice.chance(knobs.rechunk) {
            counts.rechunked += 1;
            keep = if self.dice.percent(30) {
                counts.single_bytes += 1;
                1
            } else {
                1 + self.dice.index(keep - 1)
            };
        }
        if let Some((left, _)) = &mut self.cut_after {
            keep = keep.min(*left);
            *left -= keep;
        }
        let rest = taken.split_off(keep);
        if !rest.is_empty() {
            self.queue.push_front((now, rest));
        }
        self.bytes -= taken.len();
        taken
    }

    /// What breaks now that so many bytes have come through.
    pub(super) fn breaks(&mut self) -> Option<Broken> {
        let (_, broken) = self.cut_after.take_if(|(left, _)| *left == 0)?;
        self.is_lost |= broken == Broken::Direction;
        Some(broken)
    }

    /// How many bytes the sender's socket takes now that it could not take before.
    pub(super) fn settle(&mut self, knobs: &NetKnobs) -> usize {
        let unsent_allowed = self.bytes.saturating_sub(knobs.socket_bytes);
        let settled = self.owed.saturating_sub(unsent_allowed);
        self.owed -= settled;
        settled
    }

    pub(super) fn next_due(&self) -> Option<Micros> {
        self.queue.front().map(|(due, _)| *due).or(self.ending)
    }

    /// Throws away all that has not arrived.
    pub(super) fn empty(&mut self) {
        self.queue.clear();
        self.bytes = 0;
    }

    /// Throws away the end of what has not arrived.
    pub(super) fn drop_tail(&mut self) {
        let mut keep = self.dice.index(self.bytes + 1);
        self.bytes = keep;
        for (_, bytes) in &mut self.queue {
            let here = keep.min(bytes.len());
            bytes.truncate(here);
            keep -= here;
        }
        self.queue.retain(|(_, bytes)| !bytes.is_empty());
    }
}
