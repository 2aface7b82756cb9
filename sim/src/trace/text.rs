//! A chronicle as text: one line per event.

use super::{Chronicle, EventId};
use crate::notes::clock;
use std::fmt::Write as _;

impl Chronicle {
    /// One line per event: number, time, where, what, and what caused it.
    pub fn text(&self) -> String {
        let cone = self.violation_cone();
        let mut text = String::new();
        for (id, _) in self.numbered() {
            let mark = if cone.contains(&id) { '*' } else { ' ' };
            writeln!(text, "{mark}{}", self.line(id)).expect("a string takes all");
        }
        text
    }

    /// One event in one line.
    pub fn line(&self, id: EventId) -> String {
        let Some(event) = self.event(id) else {
            return format!("#{id} is not here");
        };
        let mut line = format!(
            "#{id:<6} {}  {:<5} {:<9} {}",
            clock(event.time),
            self.name(event.lane),
            event.kind.name(),
            event.words
        );
        if let Some(peer) = event.peer {
            let towards = if event.kind == super::Kind::Sent {
                "to"
            } else {
                "from"
            };
            write!(line, " {towards} {}", self.name(peer)).expect("a string takes all");
        }
        if !event.causes.is_empty() {
            let causes: Vec<String> = event.causes.iter().map(|id| format!("#{id}")).collect();
            write!(line, "  <- {}", causes.join(" ")).expect("a string takes all");
        }
        line
    }

    /// The name of a lane.
    pub fn name(&self, lane: super::LaneId) -> &str {
        self.lanes
            .get(usize::from(lane))
            .map_or("?", |lane| &lane.name)
    }
}
