//! `mntr`: one line for each number.

use super::mode;
use super::text::decimal;
use crate::read_only::ReadOnly;
use crate::server::Replica;
use crate::summary::{Percentiles, Summary};
use crate::throttle::Bucket;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use core::fmt::{Display, Write};
use zab_core::{LearnerState, Role};
use znode_tree::Limit;

/// Every metric of this server.
pub(super) fn all(replica: &Replica) -> String {
    let mut lines = Lines(String::new());
    lines.put("version", &replica.config.facts.version);
    lines.put("server_state", mode(replica));
    if !replica.config.members.is_empty() {
        lines.put("peer_state", peer_state(replica.role()));
    }
    traffic(replica, &mut lines);
    contents(replica, &mut lines);
    quotas(replica, &mut lines);
    counters(replica, &mut lines);
    summaries(replica, &mut lines);
    if !replica.config.members.is_empty() {
        ensemble(replica, &mut lines);
    }
    lines.0
}

struct Lines(String);

impl Lines {
    fn put(&mut self, name: &str, value: impl Display) {
        let _ = writeln!(self.0, "zk_{name}\t{value}");
    }

    fn summary(&mut self, name: &str, of: &Summary) {
        self.put(&format!("avg_{name}"), decimal(of.mean_tenthousandths()));
        let numbers = [
            ("min", of.min()),
            ("max", of.max()),
            ("cnt", of.count()),
            ("sum", of.sum()),
        ];
        for (what, number) in numbers {
            self.put(&format!("{what}_{name}"), number);
        }
    }

    fn percentiles(&mut self, name: &str, of: &Percentiles) {
        self.summary(name, of.summary());
        for (what, share) in [("p50", 500), ("p95", 950), ("p99", 990), ("p999", 999)] {
            self.put(&format!("{what}_{name}"), of.permille(share));
        }
    }
}

fn traffic(replica: &Replica, lines: &mut Lines) {
    let statistics = &replica.statistics;
    let latency = &statistics.latency;
    lines.put("avg_latency", decimal(latency.mean_tenthousandths_ms()));
    lines.put("min_latency", latency.min_ms());
    lines.put("max_latency", latency.max_ms());
    lines.put("packets_received", statistics.received);
    lines.put("packets_sent", statistics.sent);
    lines.put("num_alive_connections", replica.connections.len());
    lines.put("outstanding_requests", replica.outcomes.len());
    lines.put("uptime", replica.now.since(statistics.started).as_millis());
    let (open, max) = statistics.descriptors;
    lines.put("open_file_descriptor_count", open);
    lines.put("max_file_descriptor_count", max);
    let bucket = replica.connect_tokens.as_ref();
    let dropped = bucket.map_or(0, Bucket::dropped_ppm);
    lines.put("connection_drop_probability", share(dropped));
    let [last, min, max] = statistics.responses.last_min_max();
    lines.put("last_client_response_size", last);
    lines.put("min_client_response_size", min);
    lines.put("max_client_response_size", max);
    lines.put("outstanding_tls_handshake", 0);
    lines.put("auth_failed_count", statistics.auth_failed);
    lines.put("non_mtls_remote_conn_count", 0);
    lines.put("non_mtls_local_conn_count", 0);
}

/// A share in millionths as a decimal fraction, with one digit at least.
fn share(ppm: u32) -> String {
    let digits = format!("{}.{:06}", ppm / 1_000_000, ppm % 1_000_000);
    let short = digits.trim_end_matches('0');
    format!("{short}{}", if short.ends_with('.') { "0" } else { "" })
}

fn contents(replica: &Replica, lines: &mut Lines) {
    let tree = &replica.state.tree;
    lines.put("znode_count", tree.node_count());
    lines.put("watch_count", replica.watches.watches());
    lines.put("ephemerals_count", tree.ephemeral_count());
    lines.put("approximate_data_size", tree.approximate_data_size());
    lines.put("global_sessions", replica.state.sessions.len());
    let visitors = match &replica.read_only {
        ReadOnly::Serving(visitors) => visitors.len(),
        ReadOnly::No | ReadOnly::From(_) => 0,
    };
    lines.put("local_sessions", replica.locals.len() + visitors);
    lines.put("tree_digest", tree.digest());
    lines.put("last_processed_zxid", replica.state.applied.0);
}

/// Limits and usage of all quotas below one top-level node, summed; −1 stands for no limit, and is
/// summed too.
fn quotas(replica: &Replica, lines: &mut Lines) {
    let mut namespaces: BTreeMap<&str, [i64; 4]> = BTreeMap::new();
    for quota in replica.state.tree.quotas() {
        let mut names = quota.path.split('/');
        let name = names.nth(1).expect("a quota is not of the root");
        let sums = namespaces.entry(name).or_default();
        let limit = |limit: Option<Limit>| limit.map_or(-1, Limit::value);
        let numbers = [
            limit(quota.limits.count),
            limit(quota.limits.bytes),
            quota.count,
            quota.bytes,
        ];
        for (sum, number) in sums.iter_mut().zip(numbers) {
            *sum = sum.saturating_add(number);
        }
    }
    for (name, sums) in namespaces {
        for (what, sum) in ["count_limit", "bytes_limit", "count_usage", "bytes_usage"]
            .iter()
            .zip(sums)
        {
            lines.put(&format!("{name}_quota_{what}_per_namespace"), sum);
        }
    }
    for (name, count) in &replica.statistics.quota_refusals {
        let key = format!("{name}_quota_exceeded_error_per_namespace");
        lines.put(&key, count);
    }
}

fn summaries(replica: &Replica, lines: &mut Lines) {
    let statistics = &replica.statistics;
    let (times, fired) = (&statistics.times, &statistics.fired);
    lines.summary("fsynctime", &times.syncs);
    lines.summary("snapshottime", &times.snapshots);
    lines.summary("election_time", &times.elections);
    lines.summary("unavailable_time", &times.unavailable);
    lines.summary("leader_unavailable_time", &times.leader_unavailable);
    lines.summary("node_created_watch_count", &fired.created);
    lines.summary("node_deleted_watch_count", &fired.deleted);
    lines.summary("node_changed_watch_count", &fired.changed);
    lines.summary("node_children_watch_count", &fired.children);
    lines.percentiles("readlatency", &times.reads);
    lines.percentiles("updatelatency", &times.updates);
    lines.percentiles("proposal_latency", &times.proposals);
}

fn counters(replica: &Replica, lines: &mut Lines) {
    let statistics = &replica.statistics;
    lines.put("commit_count", statistics.commit_count);
    lines.put("proposal_count", statistics.proposal_count);
    lines.put("diff_count", statistics.diff_count);
    lines.put("snap_count", statistics.snap_count);
    let proposals = statistics.proposals_received;
    lines.put("learner_proposal_received_count", proposals);
    let commits = statistics.commits_received;
    lines.put("learner_commit_received_count", commits);
    lines.put("revalidate_count", statistics.sessions_judged);
    lines.put("response_bytes", statistics.response_bytes);
    lines.put("connection_drop_count", statistics.connections_dropped);
    let unserved = statistics.closed_unserved;
    lines.put("cnxn_closed_without_zk_server_running", unserved);
    lines.put("looking_count", statistics.looking_count);
    lines.put("connection_request_count", statistics.connection_count);
    lines.put("connection_rejected", statistics.connections_rejected);
    lines.put("connection_revalidate_count", statistics.revalidate_count);
    lines.put("bytes_received_count", statistics.bytes_received);
    lines.put("stale_sessions_expired", statistics.expired_sessions);
    let silent = statistics.silent_connections_closed;
    lines.put("sessionless_connections_expired", silent);
    lines.put("throttled_ops", statistics.throttled_ops);
    lines.put("request_throttle_wait_count", statistics.throttle_waits);
    lines.put("request_throttle_queue_size", replica.throttled.len());
    let stale = statistics.stale_requests_dropped;
    lines.put("stale_requests_dropped", stale);
    let large = statistics.large_requests_rejected;
    lines.put("large_requests_rejected", large);
    lines.put("ensemble_auth_success", statistics.ensemble.right);
    lines.put("ensemble_auth_fail", statistics.ensemble.wrong);
    lines.put("ensemble_auth_skip", statistics.ensemble.unchecked);
}

fn ensemble(replica: &Replica, lines: &mut Lines) {
    lines.put("quorum_size", replica.config.members.len());
    let Role::Leading { .. } = replica.role() else {
        return;
    };
    let summary = replica.zab.summary();
    let synced = summary
        .learners
        .iter()
        .filter(|learner| learner.state == LearnerState::Synced)
        .count();
    lines.put("learners", summary.learners.len());
    lines.put("followers", summary.learners.len());
    lines.put("synced_followers", synced);
    lines.put("synced_non_voting_followers", 0);
    lines.put("synced_observers", 0);
    lines.put("pending_syncs", summary.learners.len() - synced);
    let since = replica.statistics.leader_since.unwrap_or(replica.now);
    lines.put("leader_uptime", replica.now.since(since).as_millis());
    let [last, min, max] = replica.statistics.proposals.last_min_max();
    lines.put("last_proposal_size", last);
    lines.put("min_proposal_size", min);
    lines.put("max_proposal_size", max);
}

fn peer_state(role: Role) -> &'static str {
    match role {
        Role::Looking => "looking",
        Role::LeadingPrepare { epoch: None } => "leading - discovery",
        Role::LeadingPrepare { epoch: Some(_) } => "leading - synchronization",
        Role::Leading { .. } => "leading - broadcast",
        Role::FollowingPrepare { .. } => "following - synchronization",
        Role::Following { .. } => "following - broadcast",
    }
}
