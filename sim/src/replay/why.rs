//! Why something came to be: the way of a transaction, and what led to an event.

use super::{Answer, Confusion, Replay, answer, at_clock};
use crate::oracle::broken::zxid_name;
use crate::trace::{EventId, Happening, Kind, LaneKind};
use serde_json::json;

/// Events of a chain of causes that are told.
const CHAIN_MAX: usize = 40;

impl Replay {
    /// The way of a transaction.
    pub(super) fn why_zxid(&self, zxid: u64) -> Result<Answer, Confusion> {
        let way = self.chronicle.way_of(zxid);
        if way.is_empty() {
            return Err(Confusion::new(format!("{} is nowhere", zxid_name(zxid))));
        }
        let mut lines = vec![format!("the way of {}", zxid_name(zxid))];
        lines.extend(way.iter().map(|id| self.stage_line(*id)));
        lines.push(self.holders(zxid));
        let value = json!({"zxid": zxid_name(zxid), "way": self.list(&way).value});
        Ok(answer(lines.join("\n"), value))
    }

    fn stage_line(&self, id: EventId) -> String {
        let event = self.chronicle.event(id).expect("it is on the way");
        let name = self.chronicle.name(event.lane);
        let peer = event.peer.map(|peer| self.chronicle.name(peer));
        let stage = match (event.kind, peer) {
            (Kind::Invoked, _) => format!("{name} asks: {}", event.words),
            (Kind::Sent, Some(peer)) if event.words.starts_with("proposal") => {
                format!("{name} proposes it, first to {peer}")
            }
            (Kind::Sent, Some(peer)) => format!("{name} acknowledges it to {peer}"),
            (Kind::Received, Some(peer)) => format!("{name} hears the acknowledgement of {peer}"),
            (Kind::Logged, _) => format!("{name} has it in memory: {}", event.words),
            (Kind::Durable, _) => format!("{name} has it on disk for certain: {}", event.words),
            (Kind::Committed, _) => format!("{name} knows that it is committed"),
            (Kind::Applied, _) => format!("{name} applies it"),
            (Kind::Settled, _) => format!("{name} is told: {}", event.words),
            _ => format!("{name} {}: {}", event.kind.name(), event.words),
        };
        format!("  #{id:<6} {:>12}  {stage}", at_clock(event.time))
    }

    /// On whose disks a transaction is, where the walk stands.
    fn holders(&self, zxid: u64) -> String {
        let is_about = |event: &Happening| event.kind == Kind::Durable && event.concerns(zxid);
        let mut holders = Vec::new();
        for (number, lane) in (0u16..).zip(&self.chronicle.lanes) {
            let mut has = false;
            for (_, event) in self
                .chronicle
                .numbered()
                .take_while(|(id, _)| *id <= self.at)
            {
                if event.lane == number && is_about(event) {
                    has = !event.words.contains(" back to ");
                }
            }
            if has && lane.kind == LaneKind::Server {
                holders.push(lane.name.as_str());
            }
        }
        let whose = if holders.is_empty() {
            "no disk".to_owned()
        } else {
            format!("the disks of {}", holders.join(" "))
        };
        format!("  at #{} it is on {whose}", self.at)
    }

    /// What led to an event, oldest first.
    pub(super) fn why(&self, id: EventId) -> Result<Answer, Confusion> {
        let known = self.chronicle.event(id);
        known.ok_or_else(|| Confusion::new(format!("there is no event #{id}")))?;
        let matters = |id: &EventId| {
            let event = self.chronicle.event(*id).expect("a cone holds events");
            !event.is_heartbeat() && event.kind != Kind::Disk
        };
        let cone: Vec<EventId> = self
            .chronicle
            .cone(id)
            .into_iter()
            .filter(matters)
            .collect();
        let left_out = cone.len().saturating_sub(CHAIN_MAX);
        let mut told = self.list(&cone[left_out..]);
        if left_out > 0 {
            told.text = format!("{left_out} earlier ones are left out\n{}", told.text);
        }
        Ok(told)
    }
}
