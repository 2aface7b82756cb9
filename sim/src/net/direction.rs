//! What travels one way on one connection.

use super::counts::Counts;
use super::law::DRAWS;
use super::{Law, NetKnobs};
use crate::noise::{Domain, Key, Noise};
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
    /// Its name where something is left to chance.
    entity: u64,
    sends: u64,
    arrivals: u64,
    resumes: u64,
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
    pub(super) fn new(entity: u64) -> Self {
        Direction {
            queue: VecDeque::new(),
            bytes: 0,
            last_due: 0,
            ending: None,
            waiting: Waiting::Nothing,
            cut_after: None,
            is_lost: false,
            has_swallowed: false,
            owed: 0,
            entity,
            sends: 0,
            arrivals: 0,
            resumes: 0,
        }
    }

    /// When something sent now arrives: never before what was sent earlier.
    pub(super) fn due(
        &mut self,
        now: Micros,
        law: Law,
        knobs: &NetKnobs,
        noise: &Noise,
        counts: &mut Counts,
    ) -> Micros {
        let key = (self.entity, self.sends);
        self.sends += 1;
        let drawn = noise.range(Domain::Latency, key, 0, DRAWS - 1);
        let mut delay = law.delay(drawn, knobs.latency_min, knobs.latency_max);
        counts.by_law[law as usize] += 1;
        if noise.chance(Domain::Late, key, knobs.late) {
            delay += noise.range(Domain::Lateness, key, 0, knobs.late_max);
            counts.late += 1;
        }
        self.last_due = self.last_due.max(now + delay);
        self.last_due
    }

    /// What the other end reads now.
    pub(super) fn take(
        &mut self,
        now: Micros,
        knobs: &NetKnobs,
        noise: &Noise,
        counts: &mut Counts,
    ) -> Vec<u8> {
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
        let key = (self.entity, self.arrivals);
        self.arrivals += 1;
        if keep > 1 && noise.chance(Domain::Rechunk, key, knobs.rechunk) {
            keep = piece(keep, key, noise);
            counts.rechunked += 1;
            counts.single_bytes += u64::from(keep == 1);
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

    /// How long a stream rests when its path is there again.
    pub(super) fn resumes_after(&mut self, knobs: &NetKnobs, noise: &Noise) -> Micros {
        let key = (self.entity, self.resumes);
        self.resumes += 1;
        noise.range(Domain::Resume, key, 0, knobs.latency_max)
    }

    /// Its sender is gone; so often, in a million, the end of what has not arrived is lost.
    pub(super) fn close_abruptly(&mut self, per_million: u32, noise: &Noise) {
        let key = (self.entity, 0);
        if noise.chance(Domain::Abrupt, key, per_million) {
            let most = u64::try_from(self.bytes).expect("a length");
            let keep = noise.range_or(Domain::Tail, key, 0, most, most);
            self.drop_tail(usize::try_from(keep).expect("at most the length"));
        }
    }

    fn drop_tail(&mut self, mut keep: usize) {
        self.bytes = keep;
        for (_, bytes) in &mut self.queue {
            let here = keep.min(bytes.len());
            bytes.truncate(here);
            keep -= here;
        }
        self.queue.retain(|(_, bytes)| !bytes.is_empty());
    }
}

/// How much of `length` bytes is handed over at once: often one, or anything less than all.
fn piece(length: usize, key: Key, noise: &Noise) -> usize {
    let most = u64::try_from(length - 1).expect("a length");
    // Three in ten are a single byte.
    let wide = noise.range_or(Domain::Chunk, key, 1, most * 10, most * 10);
    let size = if wide <= most * 3 {
        1
    } else {
        wide.div_ceil(10)
    };
    usize::try_from(size).expect("at most the length")
}
