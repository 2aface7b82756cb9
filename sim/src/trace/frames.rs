//! Frames in words, read by the oracles' own readers.

use crate::oracle::broken::zxid_name;
use crate::oracle::peer_frames::{PeerState, Reader, Said};
use crate::oracle::wire::{FrameKind, Request, Tap};

/// What a frame says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Saying {
    pub(super) words: String,
    pub(super) zxids: Option<(u64, u64)>,
    pub(super) session: Option<i64>,
    pub(super) path: Option<String>,
}

impl Saying {
    fn of(words: String) -> Self {
        Saying {
            words,
            ..Saying::default()
        }
    }

    fn at(mut self, zxid: u64) -> Self {
        self.zxids = (zxid != 0).then_some((zxid, zxid));
        self
    }
}

/// What one whole frame between servers says.
pub(super) fn between_servers(frame: &[u8]) -> Saying {
    match Reader::default().push(frame).as_deref() {
        Ok([Said::Other]) => Saying::of(unjudged_words(frame)),
        Ok([said]) => said_words(said),
        Ok(_) | Err(_) => Saying::of(format!("{} bytes that are no frame", frame.len())),
    }
}

/// The name of a frame that no judge looks into.
fn unjudged_words(frame: &[u8]) -> String {
    let message = match frame.get(4..6) {
        Some([2, message]) => *message,
        Some(_) | None => return "hello".to_owned(),
    };
    let name = match message {
        0 => "followerinfo",
        3 => "diff",
        6 => "snapwant",
        7 => "snapchunk",
        14 => "readmitted",
        17 => "sync",
        18 => "syncdone",
        19 => "request or answer",
        _ => "another message",
    };
    name.to_owned()
}

fn said_words(said: &Said) -> Saying {
    let with = |word: &str, zxid: u64| Saying::of(format!("{word} {}", zxid_name(zxid))).at(zxid);
    match *said {
        Said::LeaderInfo { epoch } => Saying::of(format!("leaderinfo epoch {epoch}")),
        Said::AckEpoch {
            ref segments,
            counted,
        } => {
            let last = segments.last().copied().unwrap_or_default();
            let mut saying = with("ackepoch with", last);
            if !counted {
                saying.words.push_str(", not to be counted");
            }
            saying
        }
        Said::Trunc { to } => with("trunc to", to),
        Said::Snap { zxid } => with("snap", zxid),
        Said::SnapDone { last } => with("snapdone", last),
        Said::Proposal { zxid, .. } => with("proposal", zxid),
        Said::Ack { zxid } => with("ack", zxid),
        Said::Commit { zxid } => with("commit", zxid),
        Said::NewLeader { epoch, target } => {
            let words = format!("newleader epoch {epoch} at {}", zxid_name(target));
            Saying::of(words).at(target)
        }
        Said::UpToDate { committed } => with("uptodate", committed),
        Said::Ping { round, committed } => {
            Saying::of(format!("ping {round}, committed {}", zxid_name(committed)))
        }
        Said::Pong { round } => Saying::of(format!("pong {round}")),
        Said::Notification(notification) => {
            let looking = if notification.state == PeerState::Looking {
                "looking"
            } else {
                "settled"
            };
            Saying::of(match notification.vote {
                None => format!("no vote, {looking}"),
                Some((epoch, zxid, server)) => {
                    let zxid = zxid_name(zxid);
                    format!("vote s{server} at {zxid} (epoch {epoch}), {looking}")
                }
            })
        }
        Said::Other => Saying::of("another message".to_owned()),
    }
}

/// What one whole frame from or to a client says.
pub(super) fn with_client(tap: &mut Tap, frame: &[u8], is_up: bool) -> Saying {
    let read = if is_up {
        tap.up((0, 0), frame)
    } else {
        tap.down((0, 0), frame)
    };
    let saying = match (read, tap.frames.pop()) {
        (Ok(()), Some(frame)) => client_words(&frame.what),
        (Ok(()), None) | (Err(_), _) => {
            Saying::of(format!("{} bytes that are no frame", frame.len()))
        }
    };
    Saying {
        session: saying.session.or(tap.session),
        ..saying
    }
}

fn client_words(what: &FrameKind) -> Saying {
    match what {
        FrameKind::Connect { last_seen, session } => Saying {
            session: (*session != 0).then_some(*session),
            ..Saying::of(format!(
                "connect session {session:#x}, has seen {}",
                zxid_name(*last_seen)
            ))
        },
        FrameKind::Connected { session: 0, .. } => {
            Saying::of("refused: session is over".to_owned())
        }
        FrameKind::Connected {
            session,
            timeout_ms,
            read_only,
        } => Saying {
            session: Some(*session),
            ..Saying::of(format!(
                "connected session {session:#x} for {timeout_ms} ms{}",
                if *read_only { ", read only" } else { "" }
            ))
        },
        FrameKind::Request { xid, request } => Saying {
            path: path_of(request),
            ..Saying::of(if *request == Request::Ping {
                "ping".to_owned()
            } else {
                format!("{} #{xid}", request.words())
            })
        },
        FrameKind::Reply { xid: -2, .. } => Saying::of("pong".to_owned()),
        FrameKind::Reply {
            xid, zxid, error, ..
        } => {
            let zxid = zxid.cast_unsigned();
            let outcome = match error {
                0 => "ok".to_owned(),
                code => format!("error {code}"),
            };
            Saying::of(format!("reply #{xid} {outcome} at {}", zxid_name(zxid))).at(zxid)
        }
        FrameKind::Event { kind, path, zxid } => {
            let zxid = zxid.cast_unsigned();
            let zxid = if zxid == u64::MAX { 0 } else { zxid };
            Saying {
                path: Some(path.to_string()),
                ..Saying::of(format!("watch: {} {path}", event_name(*kind))).at(zxid)
            }
        }
    }
}

fn event_name(kind: i32) -> String {
    match kind {
        1 => "created".to_owned(),
        2 => "deleted".to_owned(),
        3 => "data changed".to_owned(),
        4 => "children changed".to_owned(),
        other => format!("event {other}"),
    }
}

fn path_of(request: &Request) -> Option<String> {
    match request {
        Request::Create { path, .. }
        | Request::Delete { path, .. }
        | Request::SetData { path, .. }
        | Request::Check { path, .. }
        | Request::Exists { path, .. }
        | Request::GetData { path, .. }
        | Request::GetChildren { path, .. }
        | Request::SetAcl { path, .. }
        | Request::AddWatch { path, .. } => Some(path.to_string()),
        Request::Multi(parts) => parts.iter().find_map(path_of),
        Request::Sync
        | Request::Ping
        | Request::SetWatches(_)
        | Request::CloseSession
        | Request::Asked(_)
        | Request::Other(_) => None,
    }
}
