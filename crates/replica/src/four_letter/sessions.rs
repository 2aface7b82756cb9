//! `dump`, `wchs`, `wchc`, `wchp` and `hash`.

use super::text::java_date;
use crate::read_only::ReadOnly;
use crate::rules::LocalSessions;
use crate::server::Replica;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;
use session::Bucket;
use watch::DataWatches;
use zk_types::{Instant, WallTime};

/// Sessions, their ephemeral nodes and their connections.
pub(super) fn dump(replica: &Replica) -> String {
    let mut text = String::from("SessionTracker dump:\n");
    if let ReadOnly::Serving(visitors) = &replica.read_only {
        text.push_str("Local ");
        session_sets(replica, visitors.buckets(), &mut text);
    }
    let has_locals = replica.serves() && replica.local_sessions() != LocalSessions::Never;
    if has_locals {
        text.push_str("Local ");
        session_sets(replica, replica.locals.buckets(), &mut text);
    }
    match &replica.leader {
        Some(leader) => {
            if has_locals {
                text.push_str("Global ");
            }
            session_sets(replica, leader.expiry().buckets(), &mut text);
        }
        None => {
            let sessions = &replica.state.sessions;
            let _ = writeln!(text, "Global Sessions({}):", sessions.len());
            for (session, timeout_ms) in sessions.iter() {
                let _ = writeln!(text, "{session}\t{timeout_ms}ms");
            }
        }
    }
    ephemerals(replica, &mut text);
    connections(replica, &mut text);
    text
}

fn session_sets(replica: &Replica, buckets: impl Iterator<Item = Bucket>, text: &mut String) {
    let buckets: Vec<_> = buckets.collect();
    let sessions: usize = buckets.iter().map(|bucket| bucket.sessions.len()).sum();
    let _ = writeln!(text, "Session Sets ({})/({sessions}):", buckets.len());
    for bucket in buckets {
        let at = java_date(wall_of(replica, bucket.at));
        let _ = writeln!(text, "{} expire at {at}:", bucket.sessions.len());
        for session in bucket.sessions {
            let _ = writeln!(text, "\t{session}");
        }
    }
}

/// Watches in brief: those on data alone, as everywhere in these words.
pub(super) fn watches_in_brief(replica: &Replica) -> String {
    let DataWatches {
        watchers: connections,
        paths,
        pairs: all,
    } = replica.watches.data_watches();
    let mut text = String::new();
    let _ = write!(
        text,
        "{connections} connections watching {paths} paths\nTotal watches:{all}\n"
    );
    text
}

/// The paths that each session watches.
pub(super) fn watches_by_session(replica: &Replica) -> String {
    let mut text = String::new();
    for (conn, paths) in replica.watches.by_watcher() {
        if let Some(session) = session_of(replica, conn) {
            let _ = writeln!(text, "{session}");
            for path in paths {
                let _ = writeln!(text, "\t{path}");
            }
        }
    }
    text.push('\n');
    text
}

/// The sessions that watch each path.
pub(super) fn watches_by_path(replica: &Replica) -> String {
    let mut text = String::new();
    for (path, conns) in replica.watches.by_path() {
        let _ = writeln!(text, "{path}");
        for conn in conns {
            if let Some(session) = session_of(replica, conn) {
                let _ = writeln!(text, "\t{session}");
            }
        }
    }
    text.push('\n');
    text
}

/// Digests of the tree, one for every so many transactions.
pub(super) fn digests(replica: &Replica) -> String {
    let mut text = String::new();
    for (zxid, digest) in &replica.digests {
        let _ = writeln!(text, "{:x}: {digest}", zxid.0);
    }
    text
}

fn ephemerals(replica: &Replica, text: &mut String) {
    let tree = &replica.state.tree;
    text.push_str("ephemeral nodes dump:\n");
    let sessions = tree.sessions_with_ephemerals();
    let _ = writeln!(text, "Sessions with Ephemerals ({}):", sessions.len());
    for session in sessions {
        let _ = writeln!(text, "{session}:");
        tree.ephemerals_of(session, "", &mut |path| {
            let _ = writeln!(text, "\t{path}");
        });
    }
}

fn connections(replica: &Replica, text: &mut String) {
    text.push_str("Connections dump:\n");
    let count = replica.connections.len();
    let _ = writeln!(
        text,
        "Connections Sets ({})/({count}):",
        usize::from(count > 0)
    );
    if count == 0 {
        return;
    }
    let _ = writeln!(text, "{count} expire at {}:", java_date(replica.wall));
    for connection in replica.connections.iter() {
        let session = connection.session().map_or(0, |session| session.0);
        let _ = writeln!(
            text,
            "\tip: /{}:{} sessionId: {session:#x}",
            connection.ip, connection.port
        );
    }
}

fn session_of(replica: &Replica, conn: crate::api::ConnId) -> Option<zk_types::SessionId> {
    replica.connections.get(conn)?.session()
}

/// The wall-clock stamp of a monotonic instant, as of now.
fn wall_of(replica: &Replica, at: Instant) -> WallTime {
    let ahead = i64::try_from(at.since(replica.now).as_millis()).unwrap_or(i64::MAX);
    WallTime(replica.wall.0.saturating_add(ahead))
}
