//! Limits below a path: `client-protocol.md` §6.9.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use support::*;
use zk_types::{ErrorCode, Op};
use znode_tree::{Refusal, Requester, TreeConfig};

const LIMITS: &str = "/zookeeper/quota/q/zookeeper_limits";
const STATS: &str = "/zookeeper/quota/q/zookeeper_stats";

fn enforcing() -> Server {
    Server::with(TreeConfig {
        enforce_quota: true,
        ..TreeConfig::new([1, 1])
    })
}

fn activate(server: &mut Server, limits: &str) {
    server.make("/zookeeper/quota/q");
    server.write(&create_with(LIMITS, limits)).unwrap();
    server
        .write(&create_with(STATS, "count=0,bytes=0"))
        .unwrap();
}

fn stats(server: &Server) -> String {
    let data = server.tree.get_data(STATS, &[]).unwrap().0.unwrap();
    String::from_utf8(data.to_vec()).unwrap()
}

#[test]
fn usage_is_counted_when_the_quota_appears_and_kept_from_then_on() {
    let mut server = Server::new();
    server.write(&create_with("/q", "12345")).unwrap();
    server.write(&create_with("/q/a", "123")).unwrap();
    server.write(&create_with("/qq", "not counted")).unwrap();
    activate(&mut server, "count=10,bytes=100");
    assert_eq!(stats(&server), "count=2,bytes=8");
    let before = server.stat(STATS);
    server.write(&create_with("/q/b", "1")).unwrap();
    assert_eq!(stats(&server), "count=3,bytes=9");
    server.write(&set("/q/a", "1", 0)).unwrap();
    assert_eq!(stats(&server), "count=3,bytes=7");
    server.write(&delete("/q/a", -1)).unwrap();
    assert_eq!(stats(&server), "count=2,bytes=6");
    let after = server.stat(STATS);
    assert_eq!((after.version, after.mzxid), (before.version, before.mzxid));
    server.write(&delete(LIMITS, -1)).unwrap();
    server.write(&create_with("/q/c", "1")).unwrap();
    assert_eq!(stats(&server), "count=2,bytes=6");
    assert_eq!(server.tree.digest(), load(&server.snapshot()).digest());
}

#[test]
fn what_a_client_writes_over_the_usage_does_no_harm() {
    let mut server = Server::new();
    server.make("/q");
    activate(&mut server, "garbage");
    server.write(&set(STATS, "\u{7f}garbage=,;=", -1)).unwrap();
    server.write(&create_with("/q/a", "123")).unwrap();
    assert_eq!(stats(&server), "count=2,bytes=3");
}

#[test]
fn a_hard_limit_refuses_only_where_quotas_are_enforced() {
    for enforced in [false, true] {
        let mut server = if enforced { enforcing() } else { Server::new() };
        server.make("/q");
        activate(
            &mut server,
            "count=-1,bytes=-1=;byteHardLimit=5;countHardLimit=2",
        );
        server.write(&create_with("/q/a", "12345")).unwrap();
        let more = [create_with("/q/b", ""), set("/q/a", "123456", 9)];
        let codes = [ErrorCode::QuotaExceeded, ErrorCode::QuotaExceeded];
        for (op, code) in more.iter().zip(codes) {
            if enforced {
                assert_eq!(server.code(op), code, "before the version is looked at");
            } else {
                assert_ne!(server.write(op), Err(Refusal::Error(code)));
            }
        }
        server.write(&set("/q/a", "1", 0)).unwrap();
        server.write(&delete("/q/a", -1)).unwrap();
        server
            .write(&create_with("/q/z", "12345"))
            .unwrap_or_else(|refusal| {
                panic!("{refusal:?} although there is room again");
            });
    }
}

#[test]
fn a_soft_limit_refuses_nothing() {
    let mut server = enforcing();
    server.make("/q");
    activate(&mut server, "count=1,bytes=1");
    server.write(&create_with("/q/a", "12345")).unwrap();
}

#[test]
fn pending_writes_count_against_a_hard_limit() {
    let mut server = enforcing();
    let me = Requester::new(ME, &[]);
    server.make("/q");
    activate(
        &mut server,
        "count=-1,bytes=-1=;byteHardLimit=10;countHardLimit=3",
    );
    server.prepare(&me, &create_with("/q/a", "123456")).unwrap();
    let exceeded = Err(Refusal::Error(ErrorCode::QuotaExceeded));
    assert_eq!(
        server.prepare(&me, &create_with("/q/b", "123456")),
        exceeded
    );
    let multi = Op::Multi(vec![create_with("/q/b", ""), create_with("/q/c", "")]);
    let codes = vec![None, Some(ErrorCode::QuotaExceeded)];
    assert_eq!(server.prepare(&me, &multi), Err(Refusal::Multi(codes)));
    server.prepare(&me, &create_with("/q/b", "1234")).unwrap();
    assert_eq!(server.prepare(&me, &create_with("/q/c", "")), exceeded);
    server.prepare(&me, &delete("/q/b", -1)).unwrap();
    server.prepare(&me, &create_with("/q/c", "")).unwrap();
    while !server.queue.is_empty() {
        server.apply();
    }
    assert_eq!(stats(&server), "count=3,bytes=6");
}

#[test]
fn pending_changes_of_usage_may_add_up_to_nothing_while_some_of_them_are_settled() {
    let mut server = enforcing();
    let me = Requester::new(ME, &[]);
    server.make("/q");
    activate(&mut server, "count=-1,bytes=-1=;countHardLimit=9");
    server.prepare(&me, &create_with("/q/a", "")).unwrap();
    server.prepare(&me, &create_with("/q/b", "")).unwrap();
    server.prepare(&me, &delete("/q/b", -1)).unwrap();
    while !server.queue.is_empty() {
        server.apply();
    }
    assert_eq!(stats(&server), "count=2,bytes=0");
}

#[test]
fn the_deepest_quota_counts_and_the_root_has_none() {
    let mut server = Server::new();
    server
        .write(&create_with("/zookeeper/quota/zookeeper_limits", "count=1"))
        .unwrap();
    server
        .write(&create_with("/zookeeper/quota/zookeeper_stats", "mine"))
        .unwrap();
    server.make("/q");
    server.make("/q/deep");
    activate(&mut server, "count=5,bytes=5");
    server.make("/zookeeper/quota/q/deep");
    server
        .write(&create_with(
            "/zookeeper/quota/q/deep/zookeeper_limits",
            "count=5",
        ))
        .unwrap();
    server.make("/q/deep/x");
    assert_eq!(stats(&server), "count=2,bytes=0");
    let root = server
        .tree
        .get_data("/zookeeper/quota/zookeeper_stats", &[])
        .unwrap()
        .0
        .unwrap();
    assert_eq!(root.as_ref(), b"mine");
}

#[test]
fn usage_survives_a_snapshot() {
    let mut server = Server::new();
    server.make("/q");
    activate(&mut server, "count=5,bytes=5");
    server.write(&set(STATS, "overwritten", -1)).unwrap();
    let bytes = server.snapshot();
    server.tree = load(&bytes);
    server.write(&create_with("/q/a", "12")).unwrap();
    assert_eq!(stats(&server), "count=2,bytes=2");
}

#[test]
fn usage_that_changes_during_a_snapshot_is_not_in_it() {
    let mut server = Server::new();
    server.make("/q");
    activate(&mut server, "count=5,bytes=5");
    server.tree.begin_snapshot();
    server.write(&create_with("/q/a", "12")).unwrap();
    let mut bytes = Vec::new();
    while let Some(chunk) = server.tree.snapshot_chunk(50) {
        bytes.extend(chunk);
    }
    server.tree = load(&bytes);
    assert_eq!(stats(&server), "count=1,bytes=0");
    server.next = server.tree.last_zxid().0 + 1;
    server.write(&create_with("/q/b", "1")).unwrap();
    assert_eq!(stats(&server), "count=2,bytes=1");
}

#[test]
fn without_a_node_of_usage_nothing_is_refused() {
    let mut server = enforcing();
    server.make("/q");
    server.make("/zookeeper/quota/q");
    let limits = "count=-1,bytes=-1=;byteHardLimit=-1;countHardLimit=1";
    server.write(&create_with(LIMITS, limits)).unwrap();
    server.write(&create_with("/q/a", "")).unwrap();
    server.write(&create_with(STATS, "")).unwrap();
    assert_eq!(
        server.code(&create_with("/q/b", "")),
        ErrorCode::QuotaExceeded
    );
}

#[test]
fn the_answer_to_a_node_of_usage_tells_what_was_written_and_not_what_is_counted() {
    let mut server = Server::new();
    server.write(&create_with("/q", "12345")).unwrap();
    server.make("/zookeeper/quota/q");
    server.write(&create_with(LIMITS, "count=10")).unwrap();
    let told = server.write(&create_with(STATS, "")).unwrap();
    assert_eq!(told.stat().data_length, 0);
    assert_eq!(stats(&server), "count=1,bytes=5");
}
