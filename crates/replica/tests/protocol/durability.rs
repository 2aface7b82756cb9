//! What a server finds again when it starts.

use crate::support::*;
use replica::{Event, Replica};
use zk_types::{Instant, WallTime};

#[test]
fn everything_acknowledged_is_there_after_a_restart() {
    let mut config = config();
    config.snapshot_txns = 20;
    config.segment_bytes = 4_096;
    let mut server = Standalone::start_on(MemoryDisk::default(), config.clone());
    let mut client = server.connect();
    for n in 0..100 {
        let path = format!("/n{n}");
        assert_eq!(
            server.ask(&mut client, &create(&path, path.as_bytes(), 0))[0].err(),
            0
        );
    }
    let (applied, digest) = (server.replica.applied(), server.replica.tree().digest());
    let server = server.restart(config);
    assert_eq!(server.replica.tree().digest(), digest);
    assert!(
        server.replica.applied() > applied,
        "a new epoch begins with its marker"
    );
    assert!(server.replica.sessions().contains(client.session));
}

/// Every transaction creates a node, so the tree grows as the log does.
#[test]
fn a_larger_tree_is_written_less_often_where_it_may_be() {
    let mut taken = Vec::new();
    for nodes_per_txn in [0, 2] {
        let mut config = config();
        config.snapshot_txns = 20;
        config.snapshot_nodes_per_txn = nodes_per_txn;
        let mut server = Standalone::start_on(MemoryDisk::default(), config);
        let mut client = server.connect();
        for n in 0..400 {
            server.ask(&mut client, &create(&format!("/n{n}"), b"x", 0));
        }
        let is_taken = |event: &&Event| matches!(event, Event::SnapshotTaken { .. });
        taken.push(server.events.iter().filter(is_taken).count());
    }
    let [often, seldom] = taken[..] else {
        panic!("two servers took snapshots");
    };
    assert!((20..=40).contains(&often), "{often} every 10 to 20 of 400");
    assert!(
        (4..=11).contains(&seldom),
        "{seldom}: it grew by a third to twice"
    );
}

#[test]
fn a_lone_server_refuses_a_damaged_log_and_leaves_it_for_repair() {
    let mut server = Standalone::start();
    let mut client = server.connect();
    for n in 0..50 {
        server.ask(&mut client, &create(&format!("/n{n}"), b"x", 0));
    }
    let digest = server.replica.tree().digest();
    let mut disk = server.into_disk();
    disk.rot_the_log(1_000);
    let now = Instant::from_millis(1);
    for _ in 0..2 {
        let refused = Replica::start(config(), &mut disk, now, WallTime(0)).err();
        let sentence = refused.expect("it is refused").to_string();
        assert!(sentence.contains("nothing was changed"), "{sentence}");
    }
    disk.rot_the_log(1_000);
    let server = Standalone::start_on(disk, config());
    assert_eq!(server.replica.tree().digest(), digest);
}
