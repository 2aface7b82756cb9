//! What a chronicle is told at its end: what the transactions were, which rule was broken, and
//! for how long each server was not itself.

use super::{Band, Chronicle, EventId, Happening, Kind, LaneId, Recorder};
use crate::oracle::broken::Broken;
use crate::oracle::ledger::Ledger;
use crate::oracle::txn::{self, Change};
use std::collections::BTreeMap;
use zk_types::RecordBody;

/// Events of one lane that a broken rule leans on.
const LEANS_MAX: usize = 4;

impl Recorder {
    /// Ends the chronicle.
    pub(crate) fn finish(&mut self, broken: Option<&Broken>, ledger: &Ledger) -> Chronicle {
        if let Some(broken) = broken {
            self.broken(broken);
        }
        let mut chronicle = std::mem::take(&mut self.chronicle);
        name_subjects(&mut chronicle.events, ledger);
        chronicle.bands = bands(&chronicle);
        chronicle
    }

    fn broken(&mut self, broken: &Broken) {
        let who: Vec<LaneId> = broken
            .who
            .iter()
            .filter_map(|name| self.chronicle.lane(name))
            .collect();
        let mut causes = Vec::new();
        let lanes: Vec<LaneId> = if who.is_empty() {
            (0..self.world()).collect()
        } else {
            who.clone()
        };
        for lane in lanes {
            causes.extend(self.leans_on(lane, &broken.zxids));
        }
        causes.sort_unstable();
        causes.dedup();
        let lane = who.first().copied().unwrap_or_else(|| self.actor());
        let words = format!("{}: {}", broken.rule, broken.seen);
        let id = self.push(lane, Kind::Broken, words);
        let event = self.event(id);
        event.causes = causes;
        let zxids = (broken.zxids.iter().min(), broken.zxids.iter().max());
        if let (Some(first), Some(last)) = zxids {
            event.zxids = Some((*first, *last));
        }
        self.chronicle.broken = Some(id);
    }

    /// Who acted last in this step.
    fn actor(&self) -> LaneId {
        let here = self.touched();
        let last = self.chronicle.events.last().map(|event| event.lane);
        last.filter(|lane| here.contains(lane))
            .unwrap_or(self.world())
    }

    /// What a lane did last in this step, and last about these transactions.
    fn leans_on(&self, lane: LaneId, zxids: &[u64]) -> Vec<EventId> {
        let concerns = |event: &Happening| zxids.iter().any(|zxid| event.concerns(*zxid));
        let now = self.chronicle.events.last().map(|event| event.step);
        let of_lane = |(_, event): &(EventId, &Happening)| {
            event.lane == lane && !event.is_heartbeat() && event.kind != Kind::Dropped
        };
        let here: Vec<(EventId, &Happening)> = self.chronicle.numbered().filter(of_lane).collect();
        let mut found: Vec<EventId> = here
            .iter()
            .rev()
            .filter(|(_, event)| Some(event.step) == now || concerns(event))
            .take(LEANS_MAX)
            .map(|(id, _)| *id)
            .collect();
        if found.is_empty() {
            found.extend(here.last().map(|(id, _)| *id));
        }
        found
    }
}

/// Events that concern one transaction take its session and node.
fn name_subjects(events: &mut [Happening], ledger: &Ledger) {
    let subjects: BTreeMap<u64, (i64, Option<String>)> = ledger
        .entries()
        .iter()
        .filter_map(|entry| match &entry.record.body {
            RecordBody::Txn(payload) => txn::read(payload).ok(),
            RecordBody::Marker | RecordBody::Config(_) => None,
        })
        .map(|entry| (entry.zxid, (entry.session, path_of(&entry.change))))
        .collect();
    for event in events {
        let Some((first, last)) = event.zxids.filter(|_| event.kind != Kind::Settled) else {
            continue;
        };
        let Some((session, path)) = subjects.get(&last).filter(|_| first == last) else {
            continue;
        };
        event.session = event
            .session
            .or(Some(*session).filter(|session| *session != 0));
        if event.path.is_none() {
            event.path.clone_from(path);
        }
    }
}

fn path_of(change: &Change) -> Option<String> {
    match change {
        Change::Create(created) => Some(created.path.to_string()),
        Change::Delete { path }
        | Change::Reap { path, .. }
        | Change::SetData { path, .. }
        | Change::SetAcl { path, .. } => Some(path.to_string()),
        Change::Multi(parts) => parts.iter().find_map(path_of),
        Change::CloseSession { paths } => paths.first().map(ToString::to_string),
        Change::CreateSession { .. } | Change::Check | Change::Error(_) => None,
    }
}

/// When servers were down, stood still, or were cut off.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "most kinds neither begin nor end a stretch of time"
)]
fn bands(chronicle: &Chronicle) -> Vec<Band> {
    let mut bands: Vec<Band> = Vec::new();
    let mut open: BTreeMap<(LaneId, Kind), usize> = BTreeMap::new();
    for (id, event) in chronicle.numbered() {
        let (ends, begins): (&[Kind], Option<Kind>) = match event.kind {
            Kind::Crash => (&[Kind::Pause, Kind::Crash], Some(Kind::Crash)),
            Kind::Start => (&[Kind::Crash], None),
            Kind::Pause => (&[], Some(Kind::Pause)),
            Kind::Resume => (&[Kind::Pause], None),
            Kind::Cut => (&[Kind::Cut], Some(Kind::Cut)),
            Kind::Mended => (&[Kind::Cut], None),
            _ => continue,
        };
        for kind in ends {
            if let Some(at) = open.remove(&(event.lane, *kind)) {
                bands[at].to = Some(id);
            }
        }
        if let Some(kind) = begins {
            open.insert((event.lane, kind), bands.len());
            bands.push(Band {
                lane: event.lane,
                from: id,
                to: None,
                kind,
            });
        }
    }
    bands
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crash_ends_a_pause_and_lasts_until_the_start() {
        let mut recorder = Recorder::new(1, 0);
        for kind in [Kind::Pause, Kind::Crash, Kind::Start] {
            recorder.tell(kind, "s1", "");
        }
        let told: Vec<_> = bands(&recorder.chronicle)
            .into_iter()
            .map(|band| (band.kind, band.from, band.to))
            .collect();
        assert_eq!(told, [(Kind::Pause, 0, Some(1)), (Kind::Crash, 1, Some(2))]);
    }

    #[test]
    fn a_broken_rule_leans_on_what_was_done_about_its_transactions() {
        let mut recorder = Recorder::new(2, 0);
        for (step, (server, zxid)) in [(0, 7), (0, 8), (1, 7), (0, 9)].into_iter().enumerate() {
            recorder.step(u64::try_from(step).expect("few"));
            recorder.applied(server, zxid);
        }
        recorder.step(9);
        recorder.broken(&Broken::safety("rule", "seen".to_owned()).server(0).at(7));
        let event = recorder.chronicle.events.last().expect("it is there");
        assert_eq!((event.kind, event.lane), (Kind::Broken, 0));
        assert_eq!(event.causes, [0, 3]);
    }
}
