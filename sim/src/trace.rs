//! What happened in a run, event by event, each with what caused it. Kept only when asked for:
//! a seed that failed is run again and recorded.

mod cone;
mod finish;
mod frames;
mod recorder;
mod sampling;
mod state;
mod text;
mod wires;

pub use self::state::{ClientState, ServerState, State};

pub(crate) use self::recorder::Recorder;

use crate::oracle::broken::zxid_name;
use serde::{Deserialize, Serialize};

/// Number of an event of a [`Chronicle`]: its place in it.
pub type EventId = u32;

/// A column of a picture: a server, a client, or the world around them.
pub type LaneId = u16;

/// Everything that happened in a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chronicle {
    /// What run it was and what came of it.
    pub header: Header,
    /// Servers first, then clients, then the world.
    pub lanes: Vec<Lane>,
    /// In the order in which they happened.
    pub events: Vec<Happening>,
    /// Stretches of time in which a server was not itself.
    pub bands: Vec<Band>,
    /// The event in which the rule was broken.
    pub broken: Option<EventId>,
    /// Number of the first event in `events`; above 0 in an excerpt.
    pub first: EventId,
}

/// What run it was and what came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The seed.
    pub seed: u64,
    /// The profile's name.
    pub profile: String,
    /// What the seed drew, in one line.
    pub drawn: String,
    /// The outcome, in one word.
    pub verdict: String,
    /// The rule that was broken.
    pub rule: Option<String>,
    /// What was seen instead.
    pub seen: String,
    /// The revision of the sources, if known.
    pub commit: String,
    /// What repeats the run.
    pub command: String,
    /// Everything that the story tells.
    pub story: Vec<String>,
}

/// Who happens to be there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lane {
    /// `s1`, `c1` or `world`.
    pub name: String,
    /// What it is.
    pub kind: LaneKind,
}

/// What a lane is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LaneKind {
    /// A server.
    Server,
    /// A client.
    Client,
    /// Everything else.
    World,
}

/// One event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Happening {
    /// True time, in microseconds since the world began.
    pub time: u64,
    /// The step of the world in which it happened.
    pub step: u64,
    /// Where.
    pub lane: LaneId,
    /// What, in a word.
    pub kind: Kind,
    /// What, in words.
    pub words: String,
    /// The other end of a message.
    pub peer: Option<LaneId>,
    /// The first and the last transaction that it concerns.
    pub zxids: Option<(u64, u64)>,
    /// The session that it concerns.
    pub session: Option<i64>,
    /// The node that it concerns.
    pub path: Option<String>,
    /// The state of its lane afterwards, where that differs from before.
    pub state: Option<State>,
    /// Earlier events without which it would not have happened so.
    pub causes: Vec<EventId>,
}

/// What an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// A message leaves.
    Sent,
    /// A message is read.
    Received,
    /// A message that was sent will not be read.
    Dropped,
    /// A connection is gone.
    Lost,
    /// A disk has done something.
    Disk,
    /// Records or a promise are on the disk for certain.
    Durable,
    /// The log in memory has grown or was cut.
    Logged,
    /// A server knows that more is committed.
    Committed,
    /// A server has applied a transaction.
    Applied,
    /// A server is something else now.
    Became,
    /// A server or its machine dies.
    Crash,
    /// A server starts.
    Start,
    /// A process stands still.
    Pause,
    /// It goes on.
    Resume,
    /// A machine is cut off from others.
    Cut,
    /// It is not any more.
    Mended,
    /// Something was broken on purpose, or taken back.
    Fault,
    /// A client asks for something.
    Invoked,
    /// A client is told what came of it.
    Settled,
    /// A client is told that a watch fired.
    Watch,
    /// A client's session or connection is something else now.
    Session,
    /// Something else worth telling.
    Note,
    /// A rule was broken.
    Broken,
}

impl Kind {
    /// Every kind, in the order of their numbers.
    pub const ALL: [Kind; 23] = [
        Kind::Sent,
        Kind::Received,
        Kind::Dropped,
        Kind::Lost,
        Kind::Disk,
        Kind::Durable,
        Kind::Logged,
        Kind::Committed,
        Kind::Applied,
        Kind::Became,
        Kind::Crash,
        Kind::Start,
        Kind::Pause,
        Kind::Resume,
        Kind::Cut,
        Kind::Mended,
        Kind::Fault,
        Kind::Invoked,
        Kind::Settled,
        Kind::Watch,
        Kind::Session,
        Kind::Note,
        Kind::Broken,
    ];

    /// Its name in a text.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Sent => "sent",
            Kind::Received => "received",
            Kind::Dropped => "dropped",
            Kind::Lost => "lost",
            Kind::Disk => "disk",
            Kind::Durable => "durable",
            Kind::Logged => "logged",
            Kind::Committed => "committed",
            Kind::Applied => "applied",
            Kind::Became => "became",
            Kind::Crash => "crashed",
            Kind::Start => "started",
            Kind::Pause => "paused",
            Kind::Resume => "resumed",
            Kind::Cut => "cut",
            Kind::Mended => "mended",
            Kind::Fault => "fault",
            Kind::Invoked => "invoked",
            Kind::Settled => "settled",
            Kind::Watch => "watch",
            Kind::Session => "session",
            Kind::Note => "note",
            Kind::Broken => "broken",
        }
    }

    /// Whether it changes what its lane is, and is not traffic.
    pub fn is_transition(self) -> bool {
        match self {
            Kind::Sent | Kind::Received | Kind::Disk => false,
            Kind::Dropped
            | Kind::Lost
            | Kind::Durable
            | Kind::Logged
            | Kind::Committed
            | Kind::Applied
            | Kind::Became
            | Kind::Crash
            | Kind::Start
            | Kind::Pause
            | Kind::Resume
            | Kind::Cut
            | Kind::Mended
            | Kind::Fault
            | Kind::Invoked
            | Kind::Settled
            | Kind::Watch
            | Kind::Session
            | Kind::Note
            | Kind::Broken => true,
        }
    }
}

impl Happening {
    /// Whether it concerns a transaction.
    pub fn concerns(&self, zxid: u64) -> bool {
        self.zxids
            .is_some_and(|(first, last)| first <= zxid && zxid <= last)
    }

    /// Whether it is the beating of a heart: a ping, its answer, or their way.
    pub fn is_heartbeat(&self) -> bool {
        let is_traffic = matches!(self.kind, Kind::Sent | Kind::Received | Kind::Dropped);
        is_traffic && (self.words.starts_with("ping") || self.words.starts_with("pong"))
    }

    /// The transactions that it concerns, as texts name them.
    pub fn zxid_words(&self) -> Option<String> {
        let (first, last) = self.zxids?;
        Some(if first == last {
            zxid_name(last)
        } else {
            format!("{}..{}", zxid_name(first), zxid_name(last))
        })
    }
}

/// A stretch of time in which a server was not itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Band {
    /// Whose.
    pub lane: LaneId,
    /// The event with which it began.
    pub from: EventId,
    /// The event with which it ended, if it did.
    pub to: Option<EventId>,
    /// [`Kind::Crash`], [`Kind::Pause`] or [`Kind::Cut`].
    pub kind: Kind,
}

impl Chronicle {
    /// The event of a number.
    pub fn event(&self, id: EventId) -> Option<&Happening> {
        let index = id.checked_sub(self.first)?;
        self.events.get(usize::try_from(index).ok()?)
    }

    /// Every event with its number.
    pub fn numbered(&self) -> impl DoubleEndedIterator<Item = (EventId, &Happening)> {
        let first = self.first;
        (0u32..)
            .map(move |at| at + first)
            .zip(&self.events)
            .collect::<Vec<_>>()
            .into_iter()
    }

    /// The number after that of the last event.
    pub fn end(&self) -> EventId {
        self.first + u32::try_from(self.events.len()).expect("fewer than 2^32 events")
    }

    /// The lane of a name.
    pub fn lane(&self, name: &str) -> Option<LaneId> {
        let index = self.lanes.iter().position(|lane| lane.name == name)?;
        LaneId::try_from(index).ok()
    }

    /// The state of a lane after an event, and the event since which it is so.
    pub fn state_at(&self, lane: LaneId, id: EventId) -> Option<(EventId, &State)> {
        let end = usize::try_from((id + 1).saturating_sub(self.first)).ok()?;
        let known = &self.events[..end.min(self.events.len())];
        let found = known
            .iter()
            .rposition(|event| event.lane == lane && event.state.is_some())?;
        let id = self.first + u32::try_from(found).expect("fewer than 2^32 events");
        Some((id, known[found].state.as_ref().expect("it was just seen")))
    }

    /// The state of a lane before an event.
    pub fn state_before(&self, lane: LaneId, id: EventId) -> Option<(EventId, &State)> {
        self.state_at(lane, id.checked_sub(1)?)
    }

    /// Its bytes in a file.
    pub fn to_bytes(&self) -> Vec<u8> {
        postcard::to_allocvec(self).expect("memory takes all")
    }

    /// Reads what [`Chronicle::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`NoChronicle`] when the bytes are something else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Chronicle, NoChronicle> {
        postcard::from_bytes(bytes).map_err(|_| NoChronicle)
    }
}

/// Bytes that are no [`Chronicle`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this file is no trace, or one of another version")]
pub struct NoChronicle;
