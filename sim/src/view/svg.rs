//! A drawing of a short stretch of a run: a lane per server and client from top to bottom, one
//! row per event, arrows for messages, bands for crashes, pauses and partitions.

use super::html::escaped;
use crate::notes::clock;
use crate::trace::{Band, Chronicle, EventId, Happening, Kind, LaneId, LaneKind};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

const ROW: usize = 19;
const TOP: usize = 58;
const LEFT: usize = 92;
const LANE: usize = 112;
const WORDS_MAX: usize = 52;

/// Draws the last `rows` events that matter: those that the broken rule came from, and what the
/// servers were meanwhile.
pub fn drawing(chronicle: &Chronicle, rows: usize) -> String {
    let rows = chosen(chronicle, rows);
    let lanes = lanes(chronicle, &rows);
    let sheet = Sheet {
        chronicle,
        cone: chronicle.violation_cone(),
        rows,
        lanes,
    };
    sheet.draw()
}

struct Sheet<'c> {
    chronicle: &'c Chronicle,
    cone: BTreeSet<EventId>,
    /// By event, its row.
    rows: BTreeMap<EventId, usize>,
    /// By lane, its column.
    lanes: BTreeMap<LaneId, usize>,
}

fn chosen(chronicle: &Chronicle, limit: usize) -> BTreeMap<EventId, usize> {
    let cone = chronicle.violation_cone();
    let matters = |(id, event): &(EventId, &Happening)| {
        let is_loud = matches!(
            event.kind,
            Kind::Became | Kind::Crash | Kind::Start | Kind::Pause | Kind::Cut | Kind::Broken
        );
        let is_cause = cone.contains(id) && event.kind != Kind::Disk;
        !event.is_heartbeat() && (is_loud || is_cause || (cone.is_empty() && is_told(event)))
    };
    let mut found: Vec<EventId> = chronicle
        .numbered()
        .rev()
        .filter(matters)
        .take(limit)
        .map(|(id, _)| id)
        .collect();
    found.reverse();
    found.into_iter().zip(0..).collect()
}

fn is_told(event: &Happening) -> bool {
    !matches!(event.kind, Kind::Disk | Kind::Note | Kind::Dropped)
}

fn lanes(chronicle: &Chronicle, rows: &BTreeMap<EventId, usize>) -> BTreeMap<LaneId, usize> {
    let used: BTreeSet<LaneId> = rows
        .keys()
        .filter_map(|id| chronicle.event(*id))
        .flat_map(|event| [Some(event.lane), event.peer])
        .flatten()
        .collect();
    let shown = (0u16..).zip(&chronicle.lanes).filter(|(number, lane)| {
        lane.kind == LaneKind::Server || (lane.kind == LaneKind::Client && used.contains(number))
    });
    shown.map(|(number, _)| number).zip(0..).collect()
}

impl Sheet<'_> {
    fn width(&self) -> usize {
        LEFT + LANE * self.lanes.len() + 320
    }

    fn height(&self) -> usize {
        TOP + ROW * self.rows.len() + 24
    }

    fn x(&self, lane: LaneId) -> Option<usize> {
        self.lanes
            .get(&lane)
            .map(|column| LEFT + LANE * column + LANE / 2)
    }

    fn y(&self, id: EventId) -> Option<usize> {
        self.rows.get(&id).map(|row| TOP + ROW * row + ROW / 2)
    }

    fn draw(&self) -> String {
        let (width, height) = (self.width(), self.height());
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
             width=\"{width}\" height=\"{height}\" font-family=\"system-ui, 'DejaVu Sans', \
             sans-serif\" font-size=\"11\">\n{}\n<rect width=\"{width}\" height=\"{height}\" \
             class=\"bg\"/>\n",
            style()
        );
        let title = match &self.chronicle.header.rule {
            Some(rule) => format!("seed {}: {rule}", self.chronicle.header.seed),
            None => format!("seed {}", self.chronicle.header.seed),
        };
        add(
            &mut svg,
            format_args!(
                "<text x=\"16\" y=\"22\" class=\"title\">{}</text>\n",
                escaped(&title)
            ),
        );
        self.draw_lanes(&mut svg);
        for band in &self.chronicle.bands {
            self.draw_band(&mut svg, band);
        }
        for id in self.rows.keys() {
            self.draw_arrow(&mut svg, *id);
        }
        let mut last = 0;
        for id in self.rows.keys() {
            self.draw_event(&mut svg, *id, &mut last);
        }
        svg + "</svg>\n"
    }

    fn draw_lanes(&self, svg: &mut String) {
        let bottom = self.height() - 12;
        for lane in self.lanes.keys() {
            let x = self.x(*lane).expect("it is shown");
            let name = self.chronicle.name(*lane);
            add(
                svg,
                format_args!("<text x=\"{x}\" y=\"46\" class=\"name\">{name}</text>\n"),
            );
            add(
                svg,
                format_args!(
                    "<line x1=\"{x}\" y1=\"{TOP}\" x2=\"{x}\" y2=\"{bottom}\" class=\"lane\"/>\n"
                ),
            );
        }
    }

    fn draw_band(&self, svg: &mut String, band: &Band) {
        let (Some(x), Some((first, _)), Some((last, _))) = (
            self.x(band.lane),
            self.rows.first_key_value(),
            self.rows.last_key_value(),
        ) else {
            return;
        };
        if band.from > *last || band.to.is_some_and(|to| to < *first) {
            return;
        }
        let row_at = |id: EventId| self.rows.range(id..).next().map(|(_, row)| *row);
        let from = TOP + ROW * row_at(band.from).unwrap_or(0);
        let to = band.to.and_then(row_at).unwrap_or(self.rows.len());
        let tall = (TOP + ROW * to).saturating_sub(from).max(4);
        let (class, word) = if band.kind == Kind::Crash {
            ("down", "down")
        } else if band.kind == Kind::Pause {
            ("pause", "paused")
        } else {
            ("cut", "cut off")
        };
        let left = x - if class == "cut" { 16 } else { 11 };
        let wide = if class == "cut" { 32 } else { 22 };
        add(
            svg,
            format_args!(
                "<rect x=\"{left}\" y=\"{from}\" width=\"{wide}\" height=\"{tall}\" rx=\"3\" class=\"{class}\"/>\n"
            ),
        );
        if tall > 40 {
            let (tx, ty) = (left - 4, from + tall / 2);
            add(
                svg,
                format_args!(
                    "<text x=\"{tx}\" y=\"{ty}\" class=\"band\" transform=\"rotate(-90 {tx} {ty})\">{word}</text>\n"
                ),
            );
        }
    }

    fn draw_arrow(&self, svg: &mut String, id: EventId) {
        let event = self.chronicle.event(id).expect("rows are events");
        if !matches!(event.kind, Kind::Received | Kind::Dropped) {
            return;
        }
        let Some(sending) = event.causes.first().copied() else {
            return;
        };
        let from = self
            .chronicle
            .event(sending)
            .and_then(|sent| self.x(sent.lane));
        let (Some(x1), Some(y1), Some(x2), Some(y2)) =
            (from, self.y(sending), self.x(event.lane), self.y(id))
        else {
            return;
        };
        let class = if self.cone.contains(&id) {
            "hot"
        } else {
            "arrow"
        };
        let x2 = if x2 > x1 { x2 - 6 } else { x2 + 6 };
        add(
            svg,
            format_args!(
                "<line x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\" class=\"{class}\" marker-end=\"url(#{class})\"/>\n"
            ),
        );
    }

    fn draw_event(&self, svg: &mut String, id: EventId, last: &mut u64) {
        let event = self.chronicle.event(id).expect("rows are events");
        let y = self.y(id).expect("rows have places");
        let text_y = y + 4;
        if event.time / 1_000 != *last / 1_000 || *last == 0 {
            let time = clock(event.time);
            add(
                svg,
                format_args!(
                    "<text x=\"16\" y=\"{text_y}\" class=\"time\">{}</text>\n",
                    time.trim()
                ),
            );
            *last = event.time;
        }
        let class = if self.cone.contains(&id) || self.cone.is_empty() {
            "hot"
        } else {
            "cool"
        };
        let right = LEFT + LANE * self.lanes.len() + 8;
        let name = self.chronicle.name(event.lane);
        let words = match (event.kind, event.peer) {
            (Kind::Sent, Some(peer)) => {
                format!(
                    "{name} sends {} to {}",
                    event.words,
                    self.chronicle.name(peer)
                )
            }
            (Kind::Received, _) => format!("{name} reads {}", event.words),
            (Kind::Dropped, _) => format!("{} never comes to {name}", event.words),
            (Kind::Broken, _) => "the rule is broken".to_owned(),
            (Kind::Invoked, _) => format!("{name} asks: {}", event.words),
            _ => format!("{name} {}", event.words),
        };
        let words: String = words.chars().take(WORDS_MAX).collect();
        let x = self.x(event.lane).unwrap_or(LEFT);
        let sign = sign(event.kind, x, y);
        add(
            svg,
            format_args!("<g class=\"{class} {}\">{sign}</g>\n", event.kind.name()),
        );
        add(
            svg,
            format_args!(
                "<text x=\"{right}\" y=\"{text_y}\" class=\"words {class}\">{}</text>\n",
                escaped(&words)
            ),
        );
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "most kinds are dots")]
fn sign(kind: Kind, x: usize, y: usize) -> String {
    match kind {
        Kind::Broken => format!("<circle cx=\"{x}\" cy=\"{y}\" r=\"8\" class=\"ring\"/>"),
        Kind::Crash => format!(
            "<path d=\"M{} {}l10 10m0 -10l-10 10\" class=\"cross\"/>",
            x - 5,
            y - 5
        ),
        Kind::Start => format!("<path d=\"M{} {}l9 5l-9 5z\"/>", x - 4, y - 5),
        Kind::Durable => format!(
            "<rect x=\"{}\" y=\"{}\" width=\"8\" height=\"8\"/>",
            x - 4,
            y - 4
        ),
        Kind::Committed => format!("<path d=\"M{x} {}l5 5l-5 5l-5 -5z\"/>", y - 5),
        Kind::Became => format!(
            "<rect x=\"{}\" y=\"{}\" width=\"12\" height=\"8\" rx=\"4\"/>",
            x - 6,
            y - 4
        ),
        _ => format!("<circle cx=\"{x}\" cy=\"{y}\" r=\"3\"/>"),
    }
}

fn add(svg: &mut String, arguments: std::fmt::Arguments<'_>) {
    svg.write_fmt(arguments).expect("a string takes all");
}

fn style() -> &'static str {
    "<style>\
     .bg{fill:#fff}.title{font-size:14px;font-weight:600;fill:#1d2126}\
     .name{text-anchor:middle;font-size:12px;font-weight:600;fill:#1d2126}\
     .lane{stroke:#b9c0c7;stroke-width:1.5}.time{fill:#98a1ab;font-size:10px;font-family:ui-monospace,monospace}\
     .words{fill:#5c6570}.words.hot{fill:#1d2126}.words.cool{fill:#98a1ab}\
     .arrow{stroke:#98a1ab;stroke-width:1}line.hot{stroke:#2457c5;stroke-width:1.6}\
     g.hot{fill:#2457c5}g.cool{fill:#98a1ab}g.crashed,g.broken{fill:#c62839}g.started,g.committed{fill:#1d7f4e}\
     g.durable{fill:#0f8a8a}g.became{fill:#8445b5}\
     .ring{fill:none;stroke:#c62839;stroke-width:3}.cross{fill:none;stroke:#c62839;stroke-width:2.5}\
     .down{fill:#c62839;fill-opacity:.16}.pause{fill:#b86a00;fill-opacity:.18}.cut{fill:#8445b5;fill-opacity:.13}\
     .band{text-anchor:middle;font-size:10px;fill:#5c6570}\
     </style><defs>\
     <marker id=\"hot\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" \
     orient=\"auto\"><path d=\"M0 1l8 3l-8 3z\" fill=\"#2457c5\"/></marker>\
     <marker id=\"arrow\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" \
     orient=\"auto\"><path d=\"M0 1l8 3l-8 3z\" fill=\"#98a1ab\"/></marker></defs>"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Options, Profile, Trace};

    #[test]
    fn a_drawing_has_a_row_for_each_event_and_a_lane_for_each_server() {
        let options = Options {
            seed: 1,
            profile: Profile::Lite,
            trace: Trace::Full,
        };
        let chronicle = crate::run(&options).chronicle.expect("it was asked for");
        let svg = drawing(&chronicle, 40);
        assert_eq!(svg.matches("class=\"words").count(), 40);
        assert!(svg.contains(">s1</text>") && svg.ends_with("</svg>\n"));
    }
}
