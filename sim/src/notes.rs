//! What is worth telling of a run: the few events from which a story is made, and every event
//! when it is recorded.

use crate::options::Trace;
use crate::queue::Micros;
use crate::trace::{Kind, Recorder};

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
    /// Writes everything down, if that was asked for.
    pub(crate) recorder: Option<Box<Recorder>>,
}

impl Notes {
    pub(crate) fn new(trace: Trace, servers: usize, clients: usize) -> Self {
        Notes {
            kept: Vec::new(),
            recorder: match trace {
                Trace::Off => None,
                Trace::Full => Some(Box::new(Recorder::new(servers, clients))),
            },
        }
    }

    /// Keeps something for the story.
    pub(crate) fn add(&mut self, time: Micros, who: String, what: String) {
        let kind = if who == "fault" {
            Kind::Fault
        } else {
            Kind::Note
        };
        self.tell(kind, time, who, what);
    }

    /// Keeps something of a kind for the story.
    pub(crate) fn tell(&mut self, kind: Kind, time: Micros, who: String, what: String) {
        self.record(|recorder| recorder.tell(kind, &who, &what));
        if self.kept.len() == NOTES_MAX {
            self.kept.drain(..NOTES_MAX / 2);
        }
        self.kept.push(Note { time, who, what });
    }

    /// Shows the recorder something, if there is one.
    pub(crate) fn record(&mut self, show: impl FnOnce(&mut Recorder)) {
        if let Some(recorder) = &mut self.recorder {
            show(recorder);
        }
    }

    /// What was kept, a line each.
    pub(crate) fn lines(&self) -> Vec<String> {
        let line = |note: &Note| format!("{} {} {}", clock(note.time), note.who, note.what);
        self.kept.iter().map(line).collect()
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
