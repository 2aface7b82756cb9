//! Sessions: none ends before its time, and one that moved is not heard at its old server.

use crate::oracle::broken::{Broken, server_name, zxid_name};
use crate::oracle::history::Writes;
use crate::oracle::timeline::Timeline;
use crate::oracle::txn::Change;
use crate::oracle::wire::{FrameKind, Tap};
use crate::queue::Micros;
use std::collections::{BTreeMap, VecDeque};

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
                let rule = "a session that moved is not heard at its old server";
                return Err(Broken::history(rule, seen)
                    .server(moved.from)
                    .at(entry.zxid));
            }
        }
    }
    Ok(())
}

/// No session ends by itself before its timeout has passed since its client was last answered by
/// the leader that ended it.
pub(crate) fn judge_expiry(
    timeline: &Timeline,
    taps: &[Tap],
    writes: &Writes<'_>,
    reigns: &BTreeMap<u32, Reign>,
    applied_at: impl Fn(u64) -> Option<Micros>,
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
        let (Some(reign), Some(ended)) = (reigns.get(&epoch), applied_at(entry.zxid)) else {
            continue;
        };
        for tap in taps.iter().filter(|tap| tap.session == Some(entry.session)) {
            let Some((heard, timeout_ms)) = last_heard(tap, reign) else {
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
                let rule = "no session ends before its time";
                return Err(Broken::history(rule, seen)
                    .client(tap.client)
                    .server(reign.server)
                    .at(entry.zxid));
            }
        }
    }
    Ok(())
}

/// When the last request was sent that the leader itself answered during its reign.
fn last_heard(tap: &Tap, reign: &Reign) -> Option<(Micros, i32)> {
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
            FrameKind::Reply { .. } => {
                let sent = waiting.pop_front();
                heard = sent.filter(|sent| *sent >= reign.since).or(heard);
            }
            FrameKind::Connect { .. } | FrameKind::Event { .. } => {}
        }
    }
    Some((heard?, timeout?))
}
