//! What is worth telling of a run: the few events from which a story is made, and every event
//! when a trace was asked for.

use crate::options::Trace;
use crate::queue::Micros;

/// Notes kept for a story; older ones are forgotten.
const NOTES_MAX: usize = 20_000;

/// One line of what happened.
#[derive(Clone, Debug)]
pub(crate) struct Note {
    pub(crate) time: Micros,
    /// Whom it concerns first, as stories name it.
    pub(crate) who: String,
    pub(crate) what: String,
}

/// Everything worth telling so far.
#[derive(Clone, Debug)]
pub(crate) struct Notes {
    kept: Vec<Note>,
    tracing: Trace,
    pub(crate) trace: Vec<String>,
}

impl Notes {
    pub(crate) fn new(tracing: Trace) -> Self {
        Notes {
            kept: Vec::new(),
            tracing,
            trace: Vec::new(),
        }
    }

    /// Keeps something for the story.
    pub(crate) fn add(&mut self, time: Micros, who: String, what: String) {
        self.trace(time, || format!("{who} {what}"));
        if self.kept.len() == NOTES_MAX {
            self.kept.drain(..NOTES_MAX / 2);
        }
        self.kept.push(Note { time, who, what });
    }

    /// Writes a line, if a trace was asked for.
    pub(crate) fn trace(&mut self, time: Micros, line: impl FnOnce() -> String) {
        match self.tracing {
            Trace::Off => {}
            Trace::Full => self.trace.push(format!("{} {}", clock(time), line())),
        }
    }

    /// What was kept, oldest first.
    pub(crate) fn kept(&self) -> &[Note] {
        &self.kept
    }
}

/// A time as stories tell it: seconds with six digits.
pub(crate) fn clock(time: Micros) -> String {
    format!("{:>4}.{:06}", time / 1_000_000, time % 1_000_000)
}
