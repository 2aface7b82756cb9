//! A ladder for terminals: one column per server, one line per transition.

use crate::notes::clock;
use crate::trace::{Chronicle, EventId, Happening, Kind, LaneId, LaneKind, ServerState, State};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Whether colours are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// Escape codes of terminals.
    Colours,
    /// Text alone.
    Plain,
}

/// What of a run a ladder shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ladder {
    /// Columns of the terminal.
    pub width: usize,
    /// Lines at most; of more the last.
    pub lines: usize,
    /// Whether only what the broken rule came from is shown, messages too.
    pub only_causes: bool,
    /// Colours or none.
    pub paint: Paint,
}

/// Width of number, time and mark before the columns.
const GUTTER: usize = 22;
const CELL_MIN: usize = 4;
const CELL_MAX: usize = 8;

/// Draws a ladder.
pub fn ladder(chronicle: &Chronicle, wish: &Ladder) -> String {
    let cone = chronicle.violation_cone();
    let rungs = rungs(chronicle, &cone, wish);
    let servers: Vec<LaneId> = (0u16..)
        .zip(&chronicle.lanes)
        .filter(|(_, lane)| lane.kind == LaneKind::Server)
        .map(|(number, _)| number)
        .collect();
    let cell = cell_width(wish.width, servers.len());
    let mut text = String::new();
    write_head(&mut text, chronicle, &servers, cell, wish);
    let mut glyphs = vec![Glyph::Down; servers.len()];
    let mut from = chronicle.first;
    for id in rungs {
        follow(chronicle, &servers, from..id + 1, &mut glyphs);
        from = id + 1;
        let is_cause = cone.contains(&id);
        let event = chronicle.event(id).expect("rungs are events");
        let mut line = format!("{} #{id:<6} ", clock(event.time));
        line.push(if is_cause { '*' } else { ' ' });
        for (column, server) in servers.iter().enumerate() {
            let mark = if *server == event.lane {
                mark_of(event)
            } else {
                glyphs[column].text()
            };
            write!(line, " {}", fitted(mark, cell)).expect("a string takes all");
        }
        let told = told(chronicle, id, event);
        let room = wish.width.saturating_sub(line.chars().count() + 2);
        write!(line, "  {}", shortened(&told, room.max(24))).expect("a string takes all");
        text.push_str(&painted(line.trim_end(), event, is_cause, wish.paint));
        text.push('\n');
    }
    text
}

fn rungs(chronicle: &Chronicle, cone: &BTreeSet<EventId>, wish: &Ladder) -> Vec<EventId> {
    let is_rung = |(id, event): &(EventId, &Happening)| {
        let is_cause = cone.contains(id);
        if wish.only_causes {
            return is_cause && !event.is_heartbeat() && event.kind != Kind::Disk;
        }
        let of_server = chronicle.lanes[usize::from(event.lane)].kind != LaneKind::Client;
        (event.kind.is_transition() && of_server && event.kind != Kind::Dropped)
            || (is_cause && event.kind != Kind::Disk)
    };
    let mut rungs: Vec<EventId> = chronicle
        .numbered()
        .rev()
        .filter(is_rung)
        .take(wish.lines)
        .map(|(id, _)| id)
        .collect();
    rungs.reverse();
    rungs
}

fn cell_width(width: usize, servers: usize) -> usize {
    let half = width.saturating_sub(GUTTER) / 2;
    (half / servers.max(1))
        .saturating_sub(1)
        .clamp(CELL_MIN, CELL_MAX)
}

fn write_head(
    text: &mut String,
    chronicle: &Chronicle,
    servers: &[LaneId],
    cell: usize,
    wish: &Ladder,
) {
    let mut head = " ".repeat(GUTTER - 1);
    for server in servers {
        write!(head, " {}", fitted(chronicle.name(*server), cell)).expect("a string takes all");
    }
    head.push_str("  what, and what the server is then");
    text.push_str(&shortened(&head, wish.width));
    text.push('\n');
}

/// What a server is, in the columns of others' lines.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Glyph {
    Down,
    Paused,
    Looking,
    Joining,
    Leading,
    Following,
}

impl Glyph {
    fn of(state: &ServerState) -> Self {
        match (state.is_up, state.is_paused, state.role.as_str()) {
            (false, _, _) => Glyph::Down,
            (true, true, _) => Glyph::Paused,
            (true, false, "leading") => Glyph::Leading,
            (true, false, "following") => Glyph::Following,
            (true, false, "looking") => Glyph::Looking,
            (true, false, _) => Glyph::Joining,
        }
    }

    fn text(self) -> &'static str {
        match self {
            Glyph::Down => "·",
            Glyph::Paused => "‖",
            Glyph::Looking => "?",
            Glyph::Joining => "┆",
            Glyph::Leading => "║",
            Glyph::Following => "│",
        }
    }
}

fn follow(
    chronicle: &Chronicle,
    servers: &[LaneId],
    ids: std::ops::Range<EventId>,
    glyphs: &mut [Glyph],
) {
    for event in ids.filter_map(|id| chronicle.event(id)) {
        let column = servers.iter().position(|server| *server == event.lane);
        if let (Some(column), Some(State::Server(state))) = (column, &event.state) {
            glyphs[column] = Glyph::of(state);
        }
    }
}

fn mark_of(event: &Happening) -> &'static str {
    match event.kind {
        Kind::Sent => "send",
        Kind::Received => "read",
        Kind::Dropped => "drop",
        Kind::Lost => "lost",
        Kind::Disk => "disk",
        Kind::Durable => "durable",
        Kind::Logged => "log",
        Kind::Committed => "commit",
        Kind::Applied => "apply",
        Kind::Became => "role",
        Kind::Crash => "DIES",
        Kind::Start => "START",
        Kind::Pause => "PAUSE",
        Kind::Resume => "RESUME",
        Kind::Cut => "CUT",
        Kind::Mended => "HEALED",
        Kind::Broken => "BROKEN",
        Kind::Fault | Kind::Invoked | Kind::Settled | Kind::Watch | Kind::Session | Kind::Note => {
            "note"
        }
    }
}

fn told(chronicle: &Chronicle, id: EventId, event: &Happening) -> String {
    let name = chronicle.name(event.lane);
    let peer = event.peer.map_or_else(String::new, |peer| {
        let way = if event.kind == Kind::Sent {
            "to"
        } else {
            "from"
        };
        format!(" {way} {}", chronicle.name(peer))
    });
    let what = format!("{name} {}{peer}", event.words);
    let state = match chronicle.state_at(event.lane, id) {
        Some((at, state @ State::Server(_))) if at == id => format!(" [{}]", state.line()),
        _ => String::new(),
    };
    what + &state
}

fn fitted(text: &str, width: usize) -> String {
    format!("{:<width$}", shortened(text, width))
}

fn shortened(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept: String = text.chars().take(width.saturating_sub(1)).collect();
    kept + "…"
}

fn painted(line: &str, event: &Happening, is_cause: bool, paint: Paint) -> String {
    let code = match (paint, event.kind) {
        (Paint::Plain, _) => return line.to_owned(),
        (Paint::Colours, Kind::Broken) => "1;31",
        (Paint::Colours, Kind::Crash | Kind::Fault | Kind::Cut | Kind::Pause) => "31",
        (Paint::Colours, Kind::Start | Kind::Mended | Kind::Resume) => "32",
        (Paint::Colours, Kind::Became) => "35",
        (Paint::Colours, _) if is_cause => "33",
        (Paint::Colours, _) => return line.to_owned(),
    };
    format!("\u{1b}[{code}m{line}\u{1b}[0m")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Options, Profile, Trace};

    fn chronicle() -> Box<Chronicle> {
        let options = Options {
            seed: 1,
            profile: Profile::Lite,
            trace: Trace::Full,
        };
        crate::run(&options).chronicle.expect("it was asked for")
    }

    #[test]
    fn a_ladder_has_a_column_for_each_server_and_keeps_to_its_width_without_colours() {
        let wish = Ladder {
            width: 100,
            lines: 50,
            only_causes: false,
            paint: Paint::Plain,
        };
        let chronicle = chronicle();
        let ladder = ladder(&chronicle, &wish);
        let head = ladder.lines().next().expect("it has a head");
        for lane in chronicle
            .lanes
            .iter()
            .filter(|lane| lane.kind == LaneKind::Server)
        {
            assert!(head.contains(&lane.name), "{head}");
        }
        assert_eq!(ladder.lines().count(), 51);
        assert!(ladder.lines().all(|line| line.chars().count() <= 100));
        assert!(!ladder.contains('\u{1b}'));
    }
}
