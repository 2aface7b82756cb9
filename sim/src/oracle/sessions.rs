//! Sessions: none ends before its time, and one that moved is not heard at its old server.

use crate::oracle::broken::{Broken, server_name, zxid_name};
use crate::oracle::history::Writes;
use crate::oracle::timeline::Timeline;
use crate::oracle::txn::Change;
use crate::oracle::wire::{FrameKind, Request, Tap};
use crate::queue::Micros;
use std::collections::{BTreeMap, VecDeque};

/// The answer to whoever speaks when the end of the session is under way already.
const SESSION_EXPIRED: i32 = -112;

/// A session that one server handed over to another, for good.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Move {
    pub(crate) session: i64,
    pub(crate) from: usize,
    pub(crate) to: usize,
    /// Request number of a write on the new server that was answered.
    pub(crate) shown: i32,
}

/// Who led an epoch, since when, and how many microseconds its clock shows in a second.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reign {
    pub(crate) server: usize,
    pub(crate) since: Micros,
    pub(crate) clock_rate: u64,
}

/// A session that moved writes nothing through its old server.
pub(crate) fn judge_moves(timeline: &Timeline, moves: &[Move]) -> Result<(), Broken> {
    for moved in moves {
        let id = |server: usize| u64::try_from(server + 1).expect("few servers");
        let mut arrived = false;
        for entry in timeline
            .moments
            .iter()
            .filter_map(|moment| moment.entry.as_ref())
        {
            if entry.session != moved.session || matches!(entry.change, Change::CloseSession { .. })
            {
                continue;
            }
            arrived |= entry.origin == id(moved.to) && entry.cxid == moved.shown;
            if arrived && entry.origin == id(moved.from) {
                let seen = format!(
                    "session {:#x} moved from {} to {}, and {} came through {}",
                    moved.session,
                    server_name(moved.from),
                    server_name(moved.to),
                    zxid_name(entry.zxid),
                    server_name(moved.from)
                );
                let rule = "E6 moved: a session that moved is not heard at its old server";
                return Err(Broken::history(rule, seen)
                    .server(moved.from)
                    .at(entry.zxid));
            }
        }
    }
    Ok(())
}

/// No session ends by itself before its timeout has passed since its client was last answered by
/// the leader that ended it. The leader decides on an end when it proposes it, and may answer
/// pings until it is applied.
pub(crate) fn judge_expiry(
    timeline: &Timeline,
    taps: &[Tap],
    writes: &Writes<'_>,
    reigns: &BTreeMap<u32, Reign>,
    proposed_at: impl Fn(u64) -> Option<Micros>,
) -> Result<(), Broken> {
    let mut over = BTreeMap::new();
    for entry in timeline
        .moments
        .iter()
        .filter_map(|moment| moment.entry.as_ref())
    {
        let ends = matches!(entry.change, Change::CloseSession { .. });
        if !ends || over.insert(entry.session, ()).is_some() {
            continue;
        }
        if !writes.of(entry.session, entry.cxid).is_empty() {
            continue;
        }
        let epoch = u32::try_from(entry.zxid >> 32).expect("an epoch has 32 bits");
        let (Some(reign), Some(ended)) = (reigns.get(&epoch), proposed_at(entry.zxid)) else {
            continue;
        };
        for tap in taps.iter().filter(|tap| tap.session == Some(entry.session)) {
            let Some((heard, timeout_ms)) = last_heard(tap, reign, ended) else {
                continue;
            };
            let passed = ended.saturating_sub(heard) * reign.clock_rate / 1_000_000;
            let timeout = u64::try_from(timeout_ms).unwrap_or(0) * 1_000;
            if passed < timeout {
                let seen = format!(
                    "{} ended session {:#x} of {timeout_ms} ms at {}, {} ms after it was heard",
                    server_name(reign.server),
                    entry.session,
                    zxid_name(entry.zxid),
                    passed / 1_000
                );
                let rule = "E3 not early: no session ends before its time";
                return Err(Broken::history(rule, seen)
                    .client(tap.client)
                    .server(reign.server)
                    .at(entry.zxid));
            }
        }
    }
    Ok(())
}

/// Where sessions live that only one server knows.
pub(crate) struct Homes<'h> {
    /// When each server started, and started again: what it alone knew is gone then.
    pub(crate) starts: &'h [Vec<Micros>],
    /// How many microseconds the clock of each server shows in a second.
    pub(crate) clock_rates: Vec<u64>,
}

/// A session that never became known to all is resumed at its own server only; and there it is,
/// unless its client ended it, its time has passed, or the server started anew.
pub(crate) fn judge_homes(
    timeline: &Timeline,
    taps: &[Tap],
    homes: &Homes<'_>,
) -> Result<(), Broken> {
    let is_global = |session: i64| {
        let moments = timeline.moments.iter();
        moments
            .filter_map(|moment| moment.entry.as_ref())
            .any(|entry| entry.session == session && known_to_all(&entry.change))
    };
    for tap in taps {
        let mut frames = tap.frames.iter();
        let (Some(asked), Some(answered)) = (frames.next(), frames.next()) else {
            continue;
        };
        let (
            FrameKind::Connect { session, .. },
            FrameKind::Connected {
                session: granted, ..
            },
        ) = (&asked.what, &answered.what)
        else {
            continue;
        };
        let was_thrown_away = taps
            .iter()
            .any(|tap| tap.read_only && tap.session == Some(*session));
        if *session == 0 || is_global(*session) || was_thrown_away {
            continue;
        }
        let name = server_name(tap.server);
        let broken = |rule, seen| {
            let broken = Broken::history(rule, seen);
            Err(broken.client(tap.client).server(tap.server))
        };
        let is_at_home =
            session.cast_unsigned() >> 56 == u64::try_from(tap.server + 1).unwrap_or(0);
        if *granted != 0 && !is_at_home && !may_be_announced(*session, asked.order, taps) {
            let seen = format!("{name} resumed session {session:#x}, which it cannot know");
            return broken("E5 home: a local session lives on its own server", seen);
        }
        if *granted == 0
            && is_at_home
            && let Some(left_ms) = left_of(*session, answered.time, taps, homes)
        {
            let seen = format!("{name} refused session {session:#x} {left_ms} ms too early");
            return broken(
                "E3 not early at home: no local session ends before its time",
                seen,
            );
        }
    }
    Ok(())
}

/// Whether a session had asked for an ephemeral node. It is then made known to all, and a leader
/// resumes it from there on, be it before that is committed.
fn may_be_announced(session: i64, before: u64, taps: &[Tap]) -> bool {
    let own = taps.iter().filter(|tap| tap.session == Some(session));
    let mut asked = own
        .flat_map(|tap| &tap.frames)
        .filter(|frame| frame.order < before);
    asked.any(|frame| match &frame.what {
        FrameKind::Request { request, .. } => wants_ephemeral(request),
        FrameKind::Connect { .. }
        | FrameKind::Connected { .. }
        | FrameKind::Reply { .. }
        | FrameKind::Event { .. } => false,
    })
}

fn wants_ephemeral(request: &Request) -> bool {
    match request {
        Request::Create { flags, .. } => matches!(flags, 1 | 3),
        Request::Multi(parts) => parts.iter().any(wants_ephemeral),
        Request::Delete { .. }
        | Request::SetData { .. }
        | Request::Check { .. }
        | Request::SetAcl { .. }
        | Request::Exists { .. }
        | Request::GetData { .. }
        | Request::GetChildren { .. }
        | Request::Sync
        | Request::Ping
        | Request::SetWatches(_)
        | Request::AddWatch { .. }
        | Request::CloseSession
        | Request::Asked(_)
        | Request::Other(_) => false,
    }
}

fn known_to_all(change: &Change) -> bool {
    matches!(
        change,
        Change::CreateSession { .. } | Change::CloseSession { .. }
    )
}

/// How many milliseconds of its timeout a session has left at `now`, if it should still be there.
fn left_of(session: i64, now: Micros, taps: &[Tap], homes: &Homes<'_>) -> Option<u64> {
    let own: Vec<&Tap> = taps
        .iter()
        .filter(|tap| tap.session == Some(session))
        .collect();
    let closes = |tap: &&Tap| {
        tap.frames.iter().any(|frame| {
            let FrameKind::Request { request, .. } = &frame.what else {
                return false;
            };
            matches!(request, Request::CloseSession)
        })
    };
    if own.iter().any(closes) {
        return None;
    }
    let last = own.iter().rev().find_map(|tap| {
        let always = Reign {
            server: tap.server,
            since: 0,
            clock_rate: homes.clock_rates[tap.server],
        };
        last_heard(tap, &always, now).map(|heard| (always, heard))
    });
    let (home, (heard, timeout_ms)) = last?;
    let opened = own.first()?.frames.first()?.time;
    let is_new = |start: &Micros| (opened..=now).contains(start);
    if homes.starts[home.server].iter().any(is_new) {
        return None;
    }
    let passed = now.saturating_sub(heard) * home.clock_rate / 1_000_000;
    let timeout = u64::try_from(timeout_ms).unwrap_or(0) * 1_000;
    (passed < timeout).then(|| (timeout - passed) / 1_000)
}

/// A session whose client has said nothing for long is over, if one leader has led all the while.
/// `now` is the end of the world; `tick` is that of its servers. `resumed` has when
/// each of them last went on after standing still.
pub(crate) fn judge_silence(
    timeline: &Timeline,
    taps: &[Tap],
    (reigns, resumed): (&BTreeMap<u32, Reign>, &[Micros]),
    (now, tick): (Micros, Micros),
) -> Result<(), Broken> {
    let Some((_, reign)) = reigns.last_key_value() else {
        return Ok(());
    };
    for session in timeline.last.sessions.keys() {
        let own = taps.iter().filter(|tap| tap.session == Some(*session));
        // A leader that stood still gives everybody new time.
        let mut last = reign.since.max(resumed[reign.server]);
        let mut timeout_ms = None;
        for frame in own.flat_map(|tap| &tap.frames) {
            last = last.max(frame.time);
            if let FrameKind::Connected { timeout_ms: ms, .. } = &frame.what {
                timeout_ms = Some(*ms);
            }
        }
        let Some(timeout) = timeout_ms.and_then(|ms| Micros::try_from(ms).ok()) else {
            continue;
        };
        let patience = timeout * 2_000 + tick * 6 + 2_000_000;
        if now.saturating_sub(last) > patience {
            let seen = format!(
                "session {session:#x} of {timeout} ms is open {} ms after it was heard last",
                (now - last) / 1_000
            );
            let rule = "E4 silence: a silent session ends";
            return Err(Broken::history(rule, seen).server(reign.server));
        }
    }
    Ok(())
}

/// When the last request was sent that the leader itself answered during its reign.
fn last_heard(tap: &Tap, reign: &Reign, end: Micros) -> Option<(Micros, i32)> {
    if tap.server != reign.server {
        return None;
    }
    let mut timeout = None;
    let mut waiting = VecDeque::new();
    let mut heard = None;
    for frame in &tap.frames {
        match &frame.what {
            FrameKind::Connected { timeout_ms, .. } => timeout = Some(*timeout_ms),
            FrameKind::Request { .. } => waiting.push_back(frame.time),
            FrameKind::Reply { error, .. } => {
                let sent = waiting.pop_front();
                let counts = *error != SESSION_EXPIRED && frame.time <= end;
                heard = sent.filter(|sent| counts && *sent >= reign.since).or(heard);
            }
            FrameKind::Connect { .. } | FrameKind::Event { .. } => {}
        }
    }
    Some((heard?, timeout?))
}
