//! What a script brought about, and the same with names in place of zxids, times and session ids:
//! what two servers must have in common.

use super::opcodes;
use super::play::Ending;
use super::render::Renderer;
use super::script::Name;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// A request that a reply belongs to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) op: i32,
    pub(super) xid: i32,
    /// The step that asked.
    pub(super) step: usize,
}

/// Something that came from a server.
pub(super) struct Entry {
    /// Counted from 1; 0 is before the script, and those behind its last step come after it.
    pub(super) step: usize,
    pub(super) conn: Name,
    pub(super) what: What,
}

pub(super) enum What {
    Connected {
        bytes: Vec<u8>,
    },
    Event {
        bytes: Vec<u8>,
    },
    Reply {
        bytes: Vec<u8>,
        asked: Asked,
    },
    /// What a connection without a session was sent.
    Bytes(Vec<u8>),
    Closed,
    /// Neither an answer nor an end.
    Silent,
    /// A node as the warden found it: replies to getData, getACL and getChildren.
    Node {
        path: String,
        replies: Vec<Vec<u8>>,
    },
}

/// Everything that came, and what its numbers mean.
pub(super) struct Recording {
    pub(super) prefix: String,
    pub(super) entries: Vec<Entry>,
    /// Whether sessions may end without a transaction.
    pub(super) local_sessions: bool,
    /// Requests of the script that found their connection open.
    pub(super) sent: usize,
    /// Of the script's own successful writes, ascending.
    pub(super) zxids: Vec<i64>,
    pub(super) sessions: BTreeMap<i64, Name>,
    /// Of the writes that ended a session, and with it perhaps many nodes in no order.
    pub(super) endings: BTreeSet<i64>,
}

/// One line of a transcript.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) step: usize,
    pub(crate) conn: Name,
    pub(crate) text: String,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.step, self.conn, self.text)
    }
}

impl Line {
    /// Reads a line as it is displayed.
    #[cfg(test)]
    pub(super) fn parse(text: &str) -> Option<Line> {
        let mut words = text.splitn(3, ' ');
        let (step, conn) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let text = words.next()?.to_owned();
        Some(Line { step, conn, text })
    }
}

impl Recording {
    pub(super) fn new(prefix: &str, local_sessions: bool) -> Recording {
        Recording {
            prefix: prefix.to_owned(),
            entries: Vec::new(),
            local_sessions,
            sent: 0,
            zxids: Vec::new(),
            sessions: BTreeMap::new(),
            endings: BTreeSet::new(),
        }
    }

    pub(super) fn note(&mut self, entry: Entry) {
        if let What::Reply { bytes, asked } = &entry.what
            && is_success(bytes, *asked)
        {
            let zxid = zxid_of(bytes);
            let is_end = asked.op == opcodes::CLOSE_SESSION;
            // The end of a local session has the zxid of whatever was written last.
            if !(is_end && self.local_sessions) {
                if is_end {
                    self.endings.insert(zxid);
                }
                if let Err(at) = self.zxids.binary_search(&zxid) {
                    self.zxids.insert(at, zxid);
                }
            }
        }
        self.entries.push(entry);
    }

    /// The transcript: lines that are equal wherever servers behave alike. Lists without an order
    /// of their own are sorted.
    pub(super) fn lines(&self) -> Vec<Line> {
        let mut renderer = Renderer::new(self);
        let render = |entry: &Entry| Line {
            step: entry.step,
            conn: entry.conn,
            text: renderer.text(&entry.what),
        };
        let mut lines: Vec<Line> = self.entries.iter().map(render).collect();
        self.sort_endings(&mut lines);
        lines
    }

    /// Events of one session's end come in any order. Those of transactions that nobody was
    /// answered for are of a session that expired.
    fn sort_endings(&self, lines: &mut [Line]) {
        let ending = |index: usize| match &self.entries[index] {
            Entry {
                conn,
                what: What::Event { bytes },
                ..
            } => Some((*conn, zxid_of(bytes))).filter(|(_, zxid)| {
                let is_own = self.zxids.binary_search(zxid).is_ok();
                self.endings.contains(zxid) || (*zxid > 0 && !is_own)
            }),
            _ => None,
        };
        let mut start = 0;
        while start < lines.len() {
            let mut end = start + 1;
            if let Some(first) = ending(start) {
                while end < lines.len() && ending(end) == Some(first) {
                    end += 1;
                }
                lines[start..end].sort_by(|a, b| a.text.cmp(&b.text));
            }
            start = end;
        }
    }
}

pub(super) fn is_event(frame: &[u8]) -> bool {
    frame.starts_with(&(-1i32).to_be_bytes())
}

/// What comes after this reply.
pub(super) fn ends_connection(reply: &[u8], asked: Asked) -> Ending {
    match asked.op {
        opcodes::DELETE_CONTAINER | opcodes::CREATE_SESSION => Ending::Unwatched,
        opcodes::CLOSE_SESSION if code_of(reply) == 0 => Ending::Closes,
        op if !opcodes::is_known(op) => Ending::Closes,
        _ if matches!(code_of(reply), -115 | -124) => Ending::Closes,
        _ => Ending::GoesOn,
    }
}

/// The names in a reply to getChildren.
pub(super) fn names_in(reply: &[u8]) -> Vec<String> {
    let mut body = super::render::Body(reply.get(16..).unwrap_or_default());
    let count = body.int().unwrap_or(0);
    (0..count)
        .map_while(|_| body.buffer())
        .map(|name| String::from_utf8_lossy(name.unwrap_or_default()).into_owned())
        .collect()
}

/// Whether a reply says that something was written.
fn is_success(reply: &[u8], asked: Asked) -> bool {
    let is_failed_multi =
        asked.op == opcodes::MULTI && reply.get(16..21) == Some(&[0xff, 0xff, 0xff, 0xff, 0]);
    opcodes::is_write(asked.op)
        && asked.op != opcodes::CREATE_SESSION
        && reply.len() >= 16
        && code_of(reply) == 0
        && !is_failed_multi
}

pub(super) fn zxid_of(frame: &[u8]) -> i64 {
    let zxid = frame.get(4..12).and_then(|zxid| zxid.try_into().ok());
    zxid.map_or(0, i64::from_be_bytes)
}

pub(super) fn code_of(frame: &[u8]) -> i32 {
    let code = frame.get(12..16).and_then(|code| code.try_into().ok());
    code.map_or(i32::MIN, i32::from_be_bytes)
}
