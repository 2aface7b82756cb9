//! What an event came from, and what led to it directly.

use super::{Chronicle, EventId, Happening, Kind};
use std::collections::BTreeSet;

impl Chronicle {
    /// The causal cone of an event: itself and every earlier one that it came from.
    pub fn cone(&self, of: EventId) -> BTreeSet<EventId> {
        let mut cone = BTreeSet::new();
        let mut waiting = vec![of];
        while let Some(id) = waiting.pop() {
            if let Some(event) = self.event(id)
                && cone.insert(id)
            {
                waiting.extend(&event.causes);
            }
        }
        cone
    }

    /// The cone of the broken rule; empty in a run that passed.
    pub fn violation_cone(&self) -> BTreeSet<EventId> {
        self.broken
            .map(|broken| self.cone(broken))
            .unwrap_or_default()
    }

    /// A part of the chronicle: the last `limit` events up to the broken rule, or to the end.
    /// Causes outside of it are forgotten.
    pub fn excerpt(&self, limit: usize) -> Chronicle {
        let end = self.broken.map_or(self.end(), |broken| broken + 1);
        let limit = EventId::try_from(limit).unwrap_or(EventId::MAX);
        let first = self.first.max(end.saturating_sub(limit));
        let events = self
            .numbered()
            .filter(|(id, _)| *id >= first && *id < end)
            .map(|(_, event)| Happening {
                causes: event
                    .causes
                    .iter()
                    .copied()
                    .filter(|id| *id >= first)
                    .collect(),
                ..event.clone()
            })
            .collect();
        let mut excerpt = Chronicle {
            header: self.header.clone(),
            lanes: self.lanes.clone(),
            events,
            bands: self.bands.clone(),
            broken: self.broken,
            first,
        };
        excerpt
            .bands
            .retain(|band| band.to.is_none_or(|to| to >= first) && band.from < end);
        for lane in 0..excerpt.lanes.len() {
            excerpt.carry_state_over(self, u16::try_from(lane).expect("few lanes"));
        }
        excerpt
    }

    /// The first event of a lane in an excerpt that tells no state tells the one from before.
    fn carry_state_over(&mut self, whole: &Chronicle, lane: u16) {
        let Some((_, state)) = whole.state_before(lane, self.first) else {
            return;
        };
        let here = |event: &&mut Happening| event.lane == lane;
        if let Some(event) = self.events.iter_mut().find(here)
            && event.state.is_none()
        {
            event.state = Some(state.clone());
        }
    }

    /// The way of a transaction, oldest first: who asked for it, where it was logged, made
    /// durable, acknowledged, committed and applied, and who was told.
    pub fn way_of(&self, zxid: u64) -> Vec<EventId> {
        let mut way = BTreeSet::new();
        let mut seen = BTreeSet::new();
        for (id, event) in self.numbered().filter(|(_, event)| event.concerns(zxid)) {
            let is_ack = event.words.starts_with("ack ")
                && matches!(event.kind, Kind::Sent | Kind::Received);
            let is_step = is_ack
                || matches!(
                    event.kind,
                    Kind::Durable
                        | Kind::Logged
                        | Kind::Committed
                        | Kind::Applied
                        | Kind::Settled
                        | Kind::Watch
                        | Kind::Broken
                );
            let goes_back = event.words.contains(" back to ");
            let key = (event.lane, event.kind, event.peer, goes_back);
            if is_step && (seen.insert(key) || goes_back || event.kind == Kind::Settled) {
                way.insert(id);
            }
        }
        if let Some((id, _)) = self.first_proposal(zxid) {
            way.extend(self.request_behind(id));
            way.insert(id);
        }
        way.into_iter().collect()
    }

    fn first_proposal(&self, zxid: u64) -> Option<(EventId, &Happening)> {
        self.numbered().find(|(_, event)| {
            event.kind == Kind::Sent && event.words.starts_with("proposal") && event.concerns(zxid)
        })
    }

    /// The nearest requests of clients among what an event came from.
    fn request_behind(&self, of: EventId) -> Vec<EventId> {
        let cone = self.cone(of);
        let path = self.event(of).and_then(|event| event.path.clone());
        let is_it = |id: &EventId| {
            self.event(*id).is_some_and(|event| {
                event.kind == Kind::Invoked && (path.is_none() || event.path == path)
            })
        };
        cone.into_iter().rev().filter(is_it).take(1).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Recorder;
    use super::*;

    fn chain(length: u64) -> Chronicle {
        let mut recorder = Recorder::new(1, 0);
        for step in 0..length {
            recorder.step(step);
            recorder.tell(Kind::Crash, "s1", "");
            recorder.tell(Kind::Start, "s1", "");
        }
        recorder.chronicle().clone()
    }

    #[test]
    fn a_cone_holds_what_led_to_an_event_and_nothing_else() {
        let chronicle = chain(3);
        assert_eq!(chronicle.cone(3).into_iter().collect::<Vec<_>>(), [2, 3]);
        assert!(chronicle.violation_cone().is_empty());
    }

    #[test]
    fn an_excerpt_keeps_the_numbers_of_its_events() {
        let whole = chain(4);
        let part = whole.excerpt(3);
        assert_eq!((part.first, part.end()), (5, 8));
        assert_eq!(part.event(6), whole.event(6));
        assert!(part.event(5).expect("it is kept").causes.is_empty());
        assert_eq!(part.event(4), None);
    }
}
