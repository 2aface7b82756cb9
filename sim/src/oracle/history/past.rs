//! What came before what: the order of all frames, of writes, and of what a session was shown.

use super::Writes;
use crate::oracle::broken::{Broken, zxid_name};
use crate::oracle::timeline::Timeline;
use crate::oracle::wire::{Request, Tap};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::collections::binary_heap::{BinaryHeap, PeekMut};
use std::iter;

/// Where every frame is, as connection and place, in the order of all events.
pub(super) fn in_order(taps: &[Tap]) -> impl Iterator<Item = (usize, usize)> {
    // Each connection's frames are in order, so the next of all is the next of one of them.
    let order = |tap: usize, place: usize| taps[tap].frames.get(place).map(|frame| frame.order);
    let firsts = (0..taps.len()).filter_map(|tap| Some(Reverse((order(tap, 0)?, tap, 0))));
    let mut next: BinaryHeap<Reverse<(u64, usize, usize)>> = firsts.collect();
    iter::from_fn(move || {
        let mut first = next.peek_mut()?;
        let Reverse((_, tap, place)) = *first;
        match order(tap, place + 1) {
            Some(then) => *first = Reverse((then, tap, place + 1)),
            None => {
                PeekMut::pop(first);
            }
        }
        Some((tap, place))
    })
}

/// One submission makes at most one transaction.
pub(super) fn at_most_once(timeline: &Timeline, writes: &Writes<'_>) -> Result<(), Broken> {
    let mut sessions: BTreeMap<i64, Vec<(i32, u64)>> = BTreeMap::new();
    for entry in timeline.moments.iter().filter_map(|m| m.entry.as_ref()) {
        let names = sessions.entry(entry.session).or_default();
        names.push((entry.cxid, entry.zxid));
    }
    for (session, names) in &mut sessions {
        // Sorted already, unless somebody began to count anew.
        names.sort();
        for same in names.chunk_by(|one, other| one.0 == other.0) {
            if same.len() == 1 {
                continue;
            }
            let cxid = same[0].0;
            let sent = writes.of(*session, cxid).len();
            if sent > 0 && same.len() > sent {
                let zxid = same[sent].1;
                let seen = format!(
                    "request {cxid} of session {session:#x} took effect again at {}",
                    zxid_name(zxid)
                );
                let rule = "H8 once: a request takes effect at most once";
                return Err(Broken::history(rule, seen).at(zxid));
            }
        }
    }
    Ok(())
}

/// What was answered so far.
#[derive(Debug, Default)]
pub(super) struct Past {
    now: u64,
    /// The last zxid of a write that was answered.
    pub(super) finished: u64,
    /// The same, before this moment.
    pub(super) finished_before: u64,
    /// What each session was shown last.
    shown: BTreeMap<i64, u64>,
}

impl Past {
    /// Time goes on to a place in the order of all events.
    pub(super) fn reach(&mut self, order: u64) {
        if order != self.now {
            self.now = order;
            self.finished_before = self.finished;
        }
    }

    /// Within a session time never goes back, and writes keep their order, also across servers.
    pub(super) fn session_time(
        &mut self,
        tap: &Tap,
        request: &Request,
        stamp: i64,
    ) -> Result<(), Broken> {
        let Some(session) = tap.session.filter(|_| tap.has_manners) else {
            return Ok(());
        };
        // Clients, Apache's too, do not remember what a ping was answered with.
        if stamp <= 0 || matches!(request, Request::Ping) {
            return Ok(());
        }
        let zxid = stamp.cast_unsigned();
        let last = self.shown.entry(session).or_default();
        if zxid >= *last {
            *last = zxid;
            return Ok(());
        }
        let seen = format!(
            "{} of session {session:#x} showed {} after {}",
            request.words(),
            zxid_name(zxid),
            zxid_name(*last)
        );
        let rule = "H3 session time: a session never goes back in time";
        Err(Broken::history(rule, seen)
            .client(tap.client)
            .server(tap.server)
            .at(zxid)
            .at(*last))
    }
}
