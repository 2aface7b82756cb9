//! What a server finds again when it starts.

use crate::support::*;
use replica::Replica;
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
