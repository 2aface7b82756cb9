//! Connections that servers close: one whose session is open, and was not taken elsewhere, stays as
//! long as its server and its leader are what they were when it began.

use crate::net::ConnNumber;
use crate::oracle::broken::{Broken, server_name};
use crate::oracle::timeline::Timeline;
use crate::oracle::txn::Change;
use crate::oracle::wire::{FrameKind, Request, Tap};
use crate::queue::Micros;

/// The answer to a request of an unknown kind, after which the connection is closed.
const UNIMPLEMENTED: i32 = -6;

/// A connection that a server closed while it served.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Close {
    pub(crate) conn: ConnNumber,
    pub(crate) time: Micros,
    /// Since when the server, and the leader of its epoch, have been what they are.
    pub(crate) since: Micros,
}

/// Judges every connection that was closed.
pub(crate) fn judge_closes(
    timeline: &Timeline,
    taps: &[Tap],
    closes: &[Close],
    proposed_at: impl Fn(u64) -> Option<Micros>,
) -> Result<(), Broken> {
    for close in closes {
        let Some(number) = taps.iter().position(|tap| tap.conn == Some(close.conn)) else {
            continue;
        };
        let tap = &taps[number];
        let Some(session) = tap.session else {
            continue;
        };
        let is_excused = began(tap) < close.since
            || asks_to_end(tap)
            || went_elsewhere(taps, number, session, close.time)
            || is_over(timeline, session, close.time, &proposed_at);
        if !is_excused {
            let server = server_name(tap.server);
            let seen = format!(
                "{server} closed the connection of session {session:#x} at {} ms, which is open and \
                 was brought to it at {} ms",
                close.time / 1_000,
                began(tap) / 1_000
            );
            let rule = "E6 served: a server keeps the connection of a session that is nowhere else";
            return Err(Broken::history(rule, seen)
                .client(tap.client)
                .server(tap.server));
        }
    }
    Ok(())
}

/// When its client asked to be served.
fn began(tap: &Tap) -> Micros {
    tap.frames.first().map_or(0, |frame| frame.time)
}

/// Whether its client closed the session, or asked for what no server understands.
fn asks_to_end(tap: &Tap) -> bool {
    tap.frames.iter().any(|frame| match &frame.what {
        FrameKind::Request { request, .. } => *request == Request::CloseSession,
        FrameKind::Reply { error, .. } => *error == UNIMPLEMENTED,
        FrameKind::Connect { .. } | FrameKind::Connected { .. } | FrameKind::Event { .. } => false,
    })
}

/// Whether its client asked others to serve its session: they were asked before, and nobody knows
/// whether they still will, or they were asked since.
fn went_elsewhere(taps: &[Tap], number: usize, session: i64, by: Micros) -> bool {
    let client = taps[number].client;
    let mut others = taps.iter().enumerate().filter(|(other, tap)| {
        let first = tap.frames.first().map(|frame| &frame.what);
        let wanted =
            matches!(first, Some(FrameKind::Connect { session: it, .. }) if *it == session);
        *other != number && tap.client == client && wanted
    });
    others.any(|(other, tap)| {
        if other < number {
            tap.session.is_none()
        } else {
            began(tap) <= by
        }
    })
}

fn is_over(
    timeline: &Timeline,
    session: i64,
    by: Micros,
    proposed_at: &impl Fn(u64) -> Option<Micros>,
) -> bool {
    let mut entries = timeline.moments.iter().filter_map(|at| at.entry.as_ref());
    entries.any(|entry| {
        entry.session == session
            && matches!(entry.change, Change::CloseSession { .. })
            && proposed_at(entry.zxid).is_some_and(|time| time <= by)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::history::Writes;
    use crate::oracle::ledger::Ledger;
    use crate::oracle::timeline::Telling;
    use crate::oracle::wire::Frame;
    use crate::swarm::Locality;

    /// A connection over which a session was brought to a server, or was meant to be.
    fn tap(conn: ConnNumber, time: Micros, granted: bool) -> Tap {
        let mut tap = Tap::new(0, 1);
        tap.conn = Some(conn);
        tap.session = granted.then_some(9);
        tap.frames.push(Frame {
            order: time,
            time,
            what: FrameKind::Connect {
                last_seen: 0,
                session: 9,
            },
        });
        tap
    }

    fn verdict(taps: &[Tap], close: Close) -> Result<(), Broken> {
        let writes = Writes::collect(taps);
        let ledger = Ledger::new(3);
        let timeline = Telling::new(&ledger, &writes, Locality::Global).end()?;
        judge_closes(&timeline, taps, &[close], |_| None)
    }

    #[test]
    fn a_server_that_closes_what_it_served_is_noticed() {
        let close = Close {
            conn: 5,
            time: 90,
            since: 20,
        };
        let broken = verdict(&[tap(4, 10, true), tap(5, 30, true)], close).unwrap_err();
        assert_eq!(broken.short(), "E6 served");
        assert!(verdict(&[tap(4, 10, false), tap(5, 30, true)], close).is_ok());
        assert!(verdict(&[tap(5, 30, true), tap(6, 80, false)], close).is_ok());
        let close = Close { since: 31, ..close };
        assert!(verdict(&[tap(5, 30, true)], close).is_ok());
    }
}
