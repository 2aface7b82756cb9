//! `srvr`, `stat` and `cons`.

use super::mode;
use super::text::decimal;
use crate::connection::Connection;
use crate::server::Replica;
use alloc::format;
use alloc::string::String;
use core::fmt::Write;
use zab_core::Role;

/// Whether the connections are listed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Clients {
    Omitted,
    Listed,
}

/// The server in brief.
pub(super) fn server(replica: &Replica, clients: Clients) -> String {
    let mut text = format!("Zookeeper version: {}\n", replica.config.facts.version);
    if replica.serves_read_only() {
        text.push_str("READ-ONLY mode; serving only read-only clients\n");
    }
    if clients == Clients::Listed {
        text.push_str("Clients:\n");
        for connection in replica.connections.iter() {
            let line = head_of_line(connection);
            let _ = writeln!(text, "{line})");
        }
        text.push('\n');
    }
    let statistics = &replica.statistics;
    let latency = &statistics.latency;
    let _ = write!(
        text,
        "Latency min/avg/max: {}/{}/{}\nReceived: {}\nSent: {}\nConnections: {}\n\
         Outstanding: {}\nZxid: {}\nMode: {}\nNode count: {}\n",
        latency.min_ms(),
        decimal(latency.mean_tenthousandths_ms()),
        latency.max_ms(),
        statistics.received,
        statistics.sent,
        replica.connections.len(),
        replica.outcomes.len(),
        replica.state.applied,
        mode(replica),
        replica.state.tree.node_count(),
    );
    let leads =
        !replica.config.members.is_empty() && matches!(replica.role(), Role::Leading { .. });
    if leads {
        let [last, min, max] = statistics.proposals.last_min_max();
        let _ = writeln!(text, "Proposal sizes last/min/max: {last}/{min}/{max}");
    }
    text
}

/// Every connection in full.
pub(super) fn connections(replica: &Replica) -> String {
    let mut text = String::new();
    for connection in replica.connections.iter() {
        text.push_str(&head_of_line(connection));
        if let Some(session) = connection.session() {
            let facts = &connection.facts;
            let _ = write!(
                text,
                ",sid={session},lop={},est={},to={}",
                facts.last_op, connection.accepted.0, facts.timeout_ms
            );
            if facts.last_cxid >= 0 {
                let _ = write!(text, ",lcxid={:#x}", facts.last_cxid);
            }
            let _ = write!(
                text,
                ",lzxid={:#x},lresp={},llat={},minlat={},avglat={},maxlat={}",
                facts.last_zxid,
                facts.last_response.as_millis(),
                facts.latency.last_ms(),
                facts.latency.min_ms(),
                facts.latency.mean_ms(),
                facts.latency.max_ms(),
            );
        }
        text.push_str(")\n");
    }
    text.push('\n');
    text
}

fn head_of_line(connection: &Connection) -> String {
    let interest = match connection.reading {
        crate::api::Reading::Resumed => 1,
        crate::api::Reading::Paused => 0,
    };
    format!(
        " /{}:{}[{interest}](queued={},recved={},sent={}",
        connection.ip,
        connection.port,
        connection.queue.len(),
        connection.facts.received,
        connection.facts.sent,
    )
}
