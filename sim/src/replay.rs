//! Walking through a run that was recorded: forwards, backwards, to an anchor, and asking why.

mod anchor;
mod why;

use self::anchor::Anchor;
use crate::notes::clock;
use crate::trace::{Chronicle, EventId, LaneId};
use crate::view::{Ladder, Paint, ladder};
use serde_json::{Value, json};

/// Lines of a ladder between two commands.
const LADDER_LINES: usize = 30;

/// What can be asked.
pub const HELP: &str = "\
goto EVENT | goto 12.5s     go to an event, or to a time
step [N], back [N]          go on, or back
break on ANCHOR, clear      where run stops: durable s2 1.2 · sent s1 proposal 1.3 · became s3 leading
run                         go on to the next anchor, the broken rule, or the end
show [s2]                   what a server or client is now; without a name, all of them
diff A B [s2]               what differs in a state between two events
why zxid 1.2                who asked for it, where it was logged, durable, committed, applied
why [EVENT]                 what led to an event
events [N], find TEXT       the next events; those that say something
ladder                      the last transitions, a column per server
help, quit";

/// A walk through a run.
#[derive(Clone, Debug)]
pub struct Replay {
    chronicle: Chronicle,
    at: EventId,
    anchors: Vec<Anchor>,
}

/// What a command came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// For people.
    pub text: String,
    /// For programs.
    pub value: Value,
    /// Whether the walk is over.
    pub is_last: bool,
}

/// A command that cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Confusion(String);

impl Confusion {
    fn new(what: impl Into<String>) -> Self {
        Confusion(what.into())
    }
}

impl Replay {
    /// Stands before the first event of a run.
    pub fn new(chronicle: Chronicle) -> Self {
        Replay {
            at: chronicle.first,
            chronicle,
            anchors: Vec::new(),
        }
    }

    /// Where it stands.
    pub fn at(&self) -> EventId {
        self.at
    }

    /// Follows one command.
    ///
    /// # Errors
    /// [`Confusion`] when it is none, or names what is not there.
    pub fn follow(&mut self, command: &str) -> Result<Answer, Confusion> {
        let words: Vec<&str> = command.split_whitespace().collect();
        match words.as_slice() {
            [] => self.here(),
            ["goto", place] => self.goto(place),
            ["step"] => self.shift(1),
            ["step", count] => self.shift(signed(count)?),
            ["back"] => self.shift(-1),
            ["back", count] => self.shift(-signed(count)?),
            ["break", "on", rest @ ..] | ["break", rest @ ..] => self.add_anchor(rest),
            ["clear"] => {
                self.anchors.clear();
                Ok(answer("no anchors".to_owned(), json!({"anchors": []})))
            }
            ["run"] => self.run(),
            ["show"] => self.show_all(),
            ["show", name] => self.show(self.lane(name)?),
            ["diff", from, to] => self.diff(event(from)?, event(to)?, None),
            ["diff", from, to, name] => {
                let lane = self.lane(name)?;
                self.diff(event(from)?, event(to)?, Some(lane))
            }
            ["why", "zxid", zxid] => self.why_zxid(anchor::zxid(zxid)?),
            ["why"] => self.why(self.at),
            ["why", id] => self.why(event(id)?),
            ["events"] => self.events(20),
            ["events", count] => self.events(signed(count)?.unsigned_abs()),
            ["find", ..] => self.find(command.trim_start().trim_start_matches("find").trim()),
            ["ladder"] => self.ladder(),
            ["help" | "?"] => Ok(answer(HELP.to_owned(), json!({"help": HELP}))),
            ["quit" | "exit" | "q"] => Ok(Answer {
                is_last: true,
                ..answer(String::new(), Value::Null)
            }),
            [word, ..] => Err(Confusion::new(format!(
                "what is {word}? help says what there is"
            ))),
        }
    }

    // Moving.

    fn here(&self) -> Result<Answer, Confusion> {
        let found = self.chronicle.event(self.at);
        let event = found.ok_or_else(|| Confusion::new("the run has no event"))?;
        let text = self.line(self.at);
        Ok(answer(text, json!({"at": self.at, "event": event})))
    }

    fn goto(&mut self, place: &str) -> Result<Answer, Confusion> {
        let last = self.chronicle.end().saturating_sub(1);
        self.at = match place.strip_suffix('s') {
            _ if place == "end" => last,
            _ if place == "broken" => self
                .chronicle
                .broken
                .ok_or_else(|| Confusion::new("nothing was broken"))?,
            Some(seconds) => self.at_time(seconds)?,
            None if place.contains('.') => self.at_time(place)?,
            None => event(place)?.clamp(self.chronicle.first, last),
        };
        self.here()
    }

    fn at_time(&self, seconds: &str) -> Result<EventId, Confusion> {
        let time = micros(seconds)?;
        let after = self
            .chronicle
            .numbered()
            .find(|(_, event)| event.time >= time);
        Ok(after.map_or(self.chronicle.end().saturating_sub(1), |(id, _)| id))
    }

    fn shift(&mut self, by: i64) -> Result<Answer, Confusion> {
        let (first, last) = (self.chronicle.first, self.chronicle.end().saturating_sub(1));
        let at = (i64::from(self.at) + by).clamp(i64::from(first), i64::from(last));
        self.at = EventId::try_from(at).expect("between two events");
        self.here()
    }

    fn add_anchor(&mut self, words: &[&str]) -> Result<Answer, Confusion> {
        let anchor = Anchor::parse(words, &self.chronicle)?;
        let text = format!("run stops where {}", words.join(" "));
        self.anchors.push(anchor);
        let count = self.anchors.len();
        Ok(answer(text, json!({"anchors": count})))
    }

    fn run(&mut self) -> Result<Answer, Confusion> {
        let stops = |id: EventId| {
            let event = self.chronicle.event(id).expect("it is between two events");
            self.chronicle.broken == Some(id) || self.anchors.iter().any(|a| a.holds(event))
        };
        let last = self.chronicle.end().saturating_sub(1);
        self.at = (self.at + 1..=last).find(|id| stops(*id)).unwrap_or(last);
        self.here()
    }

    // Looking.

    fn show(&self, lane: LaneId) -> Result<Answer, Confusion> {
        let name = self.chronicle.name(lane);
        let end = self.end_of_step();
        let Some((since, state)) = self.chronicle.state_at(lane, end) else {
            return Ok(answer(
                format!("{name} has not begun"),
                json!({"lane": name, "state": null}),
            ));
        };
        let rows = state.rows();
        let mut text = format!("{name}, as since #{since}");
        for (row, value) in &rows {
            text.push_str(&format!("\n  {row:<20} {}", value.replace('\n', "; ")));
        }
        Ok(answer(
            text,
            json!({"lane": name, "since": since, "state": state}),
        ))
    }

    fn show_all(&self) -> Result<Answer, Confusion> {
        let end = self.end_of_step();
        let mut lines = Vec::new();
        let mut values = Vec::new();
        for lane in 0..u16::try_from(self.chronicle.lanes.len()).expect("few lanes") {
            let Some((since, state)) = self.chronicle.state_at(lane, end) else {
                continue;
            };
            let name = self.chronicle.name(lane);
            lines.push(format!("{name:<4} {}", state.line()));
            values.push(json!({"lane": name, "since": since, "state": state}));
        }
        Ok(answer(lines.join("\n"), Value::Array(values)))
    }

    /// States are told once a step, with its last event.
    fn end_of_step(&self) -> EventId {
        let step = self.chronicle.event(self.at).map(|event| event.step);
        let same = |id: &EventId| self.chronicle.event(*id).map(|event| event.step) == step;
        (self.at..self.chronicle.end())
            .take_while(same)
            .last()
            .unwrap_or(self.at)
    }

    fn diff(&self, from: EventId, to: EventId, of: Option<LaneId>) -> Result<Answer, Confusion> {
        let lane = match of {
            Some(lane) => lane,
            None => self
                .chronicle
                .event(to)
                .map(|event| event.lane)
                .ok_or_else(|| Confusion::new(format!("there is no event #{to}")))?,
        };
        let name = self.chronicle.name(lane);
        let before = self.chronicle.state_at(lane, from).map(|(_, state)| state);
        let Some((_, after)) = self.chronicle.state_at(lane, to) else {
            return Err(Confusion::new(format!("{name} has not begun at #{to}")));
        };
        let differences = after.differences(before);
        let lines: Vec<String> = differences
            .iter()
            .map(|(row, was, is)| {
                let (was, is) = (was.replace('\n', "; "), is.replace('\n', "; "));
                format!("  {row:<20} {was} -> {is}")
            })
            .collect();
        let text = if lines.is_empty() {
            format!("{name} is the same at #{from} and #{to}")
        } else {
            format!("{name} from #{from} to #{to}\n{}", lines.join("\n"))
        };
        Ok(answer(
            text,
            json!({"lane": name, "differences": differences}),
        ))
    }

    fn events(&mut self, count: u64) -> Result<Answer, Confusion> {
        let count = EventId::try_from(count).unwrap_or(EventId::MAX);
        let end = self.at.saturating_add(count).min(self.chronicle.end());
        Ok(self.list(&(self.at..end).collect::<Vec<_>>()))
    }

    fn find(&self, text: &str) -> Result<Answer, Confusion> {
        let says = |(_, event): &(EventId, &crate::trace::Happening)| event.words.contains(text);
        let from = self.chronicle.numbered().filter(|(id, _)| *id > self.at);
        let found: Vec<EventId> = from.filter(says).map(|(id, _)| id).take(20).collect();
        Ok(self.list(&found))
    }

    fn ladder(&self) -> Result<Answer, Confusion> {
        let mut until_here = self.chronicle.clone();
        let end = usize::try_from(self.at + 1 - until_here.first).expect("an index");
        until_here.events.truncate(end);
        until_here.broken = until_here.broken.filter(|broken| *broken <= self.at);
        let wish = Ladder {
            width: 140,
            lines: LADDER_LINES,
            only_causes: false,
            paint: Paint::Plain,
        };
        let text = ladder(&until_here, &wish);
        let value = json!({"ladder": text.lines().collect::<Vec<_>>()});
        Ok(answer(text.trim_end().to_owned(), value))
    }

    // Helpers.

    fn list(&self, ids: &[EventId]) -> Answer {
        let lines: Vec<String> = ids.iter().map(|id| self.line(*id)).collect();
        let events: Vec<Value> = ids
            .iter()
            .map(|id| json!({"id": id, "event": self.chronicle.event(*id)}))
            .collect();
        let text = if lines.is_empty() {
            "nothing".to_owned()
        } else {
            lines.join("\n")
        };
        answer(text, Value::Array(events))
    }

    fn line(&self, id: EventId) -> String {
        let line = self.chronicle.line(id);
        match self
            .chronicle
            .event(id)
            .and_then(|event| event.state.as_ref())
        {
            Some(state) => format!("{line}\n        {}", state.line()),
            None => line,
        }
    }

    fn lane(&self, name: &str) -> Result<LaneId, Confusion> {
        let found = self.chronicle.lane(name);
        found.ok_or_else(|| Confusion::new(format!("there is no {name}")))
    }
}

fn answer(text: String, value: Value) -> Answer {
    Answer {
        text,
        value,
        is_last: false,
    }
}

fn event(text: &str) -> Result<EventId, Confusion> {
    let number = text.trim_start_matches('#').parse();
    number.map_err(|_| Confusion::new(format!("{text} is no event")))
}

fn signed(text: &str) -> Result<i64, Confusion> {
    text.parse()
        .map_err(|_| Confusion::new(format!("{text} is no number")))
}

fn micros(seconds: &str) -> Result<u64, Confusion> {
    let confusion = || Confusion::new(format!("{seconds} is no time in seconds"));
    let (whole, part) = seconds.split_once('.').unwrap_or((seconds, ""));
    let whole: u64 = whole.parse().map_err(|_| confusion())?;
    let part: u64 = format!("{part:0<6.6}").parse().map_err(|_| confusion())?;
    whole
        .checked_mul(1_000_000)
        .and_then(|micros| micros.checked_add(part))
        .ok_or_else(confusion)
}

/// A time as answers tell it.
fn at_clock(time: u64) -> String {
    clock(time).trim().to_owned()
}

#[cfg(test)]
mod tests;
