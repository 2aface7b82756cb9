//! One page that holds a run and everything it takes to look at it: no network, no other file.

use crate::trace::{Chronicle, Header, LaneKind, State};
use serde::Serialize;
use std::collections::BTreeMap;

const PAGE: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/page.css");
const SCRIPT: [&str; 4] = [
    include_str!("page/model.js"),
    include_str!("page/draw.js"),
    include_str!("page/panel.js"),
    include_str!("page/main.js"),
];

/// A page for browsers.
pub fn page(chronicle: &Chronicle) -> String {
    let header = &chronicle.header;
    let title = match &header.rule {
        Some(rule) => format!("seed {}: {rule}", header.seed),
        None => format!("seed {}", header.seed),
    };
    let data = serde_json::to_string(&Data::of(chronicle)).expect("memory takes all");
    // Within the page's element no `<` may stand, or `</script>` would end it.
    let data = data.replace('<', "\\u003c");
    let parts = [
        ("{{title}}", escaped(&title)),
        ("{{style}}", STYLE.to_owned()),
        ("{{data}}", data),
        ("{{script}}", SCRIPT.join("\n")),
    ];
    let mut page = String::new();
    let mut rest = PAGE;
    for (mark, part) in &parts {
        let (before, after) = rest.split_once(mark).expect("the page has every mark");
        page.push_str(before);
        page.push_str(part);
        rest = after;
    }
    page + rest
}

/// Text as it may stand in HTML and SVG.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// What the page's script reads: columns, numbers as differences from the row above, strings in
/// one table (-1 for none).
#[derive(Serialize)]
struct Data<'c> {
    header: &'c Header,
    lanes: Vec<LaneData<'c>>,
    first: u32,
    broken: Option<u32>,
    kinds: Vec<&'static str>,
    rows: Vec<&'static str>,
    strings: Vec<String>,
    time: Vec<u64>,
    step: Vec<u64>,
    lane: Vec<u16>,
    kind: Vec<usize>,
    words: Vec<i64>,
    peer: Vec<i32>,
    zxids: Vec<i64>,
    session: Vec<i64>,
    path: Vec<i64>,
    /// How far back each cause is.
    causes: Vec<Vec<u32>>,
    /// Event, and the rows of its lane's state that differ from before with their values.
    states: Vec<(u32, Vec<(usize, i64)>)>,
    bands: Vec<(u16, u32, Option<u32>, usize)>,
}

#[derive(Serialize)]
struct LaneData<'c> {
    name: &'c str,
    kind: &'static str,
}

/// Every string once.
#[derive(Default)]
struct Strings {
    known: BTreeMap<String, i64>,
    all: Vec<String>,
}

impl Strings {
    fn index(&mut self, text: &str) -> i64 {
        if let Some(index) = self.known.get(text) {
            return *index;
        }
        let index = i64::try_from(self.all.len()).expect("few strings");
        self.all.push(text.to_owned());
        self.known.insert(text.to_owned(), index);
        index
    }

    fn maybe(&mut self, text: Option<&str>) -> i64 {
        text.map_or(-1, |text| self.index(text))
    }
}

impl<'c> Data<'c> {
    fn of(chronicle: &'c Chronicle) -> Self {
        let mut strings = Strings::default();
        let events = &chronicle.events;
        let mut rows = Vec::new();
        let states = states(chronicle, &mut rows, &mut strings);
        Data {
            header: &chronicle.header,
            lanes: chronicle.lanes.iter().map(lane_data).collect(),
            first: chronicle.first,
            broken: chronicle.broken,
            kinds: crate::trace::Kind::ALL.map(|kind| kind.name()).to_vec(),
            rows,
            time: differences(events.iter().map(|event| event.time)),
            step: differences(events.iter().map(|event| event.step)),
            lane: events.iter().map(|event| event.lane).collect(),
            kind: events.iter().map(|event| kind_index(event.kind)).collect(),
            words: events
                .iter()
                .map(|event| strings.index(&event.words))
                .collect(),
            peer: events
                .iter()
                .map(|event| event.peer.map_or(-1, i32::from))
                .collect(),
            zxids: events
                .iter()
                .map(|event| strings.maybe(event.zxid_words().as_deref()))
                .collect(),
            session: events
                .iter()
                .map(|event| {
                    let session = event.session.map(|session| format!("{session:#x}"));
                    strings.maybe(session.as_deref())
                })
                .collect(),
            path: events
                .iter()
                .map(|event| strings.maybe(event.path.as_deref()))
                .collect(),
            causes: chronicle
                .numbered()
                .map(|(id, event)| event.causes.iter().map(|cause| id - cause).collect())
                .collect(),
            states,
            bands: chronicle
                .bands
                .iter()
                .map(|band| (band.lane, band.from, band.to, kind_index(band.kind)))
                .collect(),
            strings: strings.all,
        }
    }
}

fn lane_data(lane: &crate::trace::Lane) -> LaneData<'_> {
    LaneData {
        name: &lane.name,
        kind: match lane.kind {
            LaneKind::Server => "server",
            LaneKind::Client => "client",
            LaneKind::World => "world",
        },
    }
}

fn kind_index(kind: crate::trace::Kind) -> usize {
    let found = crate::trace::Kind::ALL
        .iter()
        .position(|known| *known == kind);
    found.expect("every kind is listed")
}

fn differences(numbers: impl Iterator<Item = u64>) -> Vec<u64> {
    let mut before = 0;
    numbers
        .map(|number| {
            let step = number - before;
            before = number;
            step
        })
        .collect()
}

fn states(
    chronicle: &Chronicle,
    rows: &mut Vec<&'static str>,
    strings: &mut Strings,
) -> Vec<(u32, Vec<(usize, i64)>)> {
    let mut last: Vec<Option<&State>> = vec![None; chronicle.lanes.len()];
    let mut states = Vec::new();
    for (at, event) in (0u32..).zip(&chronicle.events) {
        let Some(state) = &event.state else { continue };
        let before = last[usize::from(event.lane)].replace(state);
        let changed = match before {
            Some(before) => state.differences(Some(before)),
            None => {
                let all = state.rows().into_iter();
                all.map(|(name, now)| (name, String::new(), now)).collect()
            }
        };
        let changed = changed.iter().map(|(name, _, now)| {
            let row = rows.iter().position(|row| row == name).unwrap_or_else(|| {
                rows.push(name);
                rows.len() - 1
            });
            (row, strings.index(now))
        });
        states.push((at, changed.collect()));
    }
    states
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Options, Profile, Trace};

    #[test]
    fn a_page_needs_nothing_else_and_nothing_of_a_run_ends_its_script() {
        let options = Options {
            seed: 1,
            profile: Profile::Lite,
            trace: Trace::Full,
        };
        let mut chronicle = crate::run(&options).chronicle.expect("it was asked for");
        chronicle.events[0].words = "</script><b>".to_owned();
        let page = page(&chronicle);
        assert_eq!(page.matches("</script>").count(), 2);
        assert!(!page.contains("src=") && !page.contains("http"));
        assert!(!page.contains("{{"));
    }
}
