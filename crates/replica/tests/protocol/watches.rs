//! Watches of a connection. Source: `client-protocol.md` §7.

use crate::support::*;
use zk_proto::{AddWatchMode, Request, SetWatches};

#[test]
fn exists_on_a_missing_node_leaves_a_watch() {
    let mut server = Standalone::start();
    let mut client = server.connect();
    let heard = server.ask(
        &mut client,
        &Request::Exists {
            path: Some("/a".into()),
            watch: true,
        },
    );
    assert_eq!(heard[0].err(), -101);
    let heard = server.ask(&mut client, &create("/a", b"", 0));
    assert_eq!(event_of(&heard[0]), "NodeCreated /a");
}

#[test]
fn a_recursive_watch_hears_of_descendants_until_it_is_dropped() {
    let mut server = Standalone::start();
    let mut client = server.connect();
    let watch = Request::AddWatch {
        path: Some("/".into()),
        mode: AddWatchMode::PersistentRecursive,
    };
    assert_eq!(server.ask(&mut client, &watch)[0].err(), 0);
    let heard = server.ask(&mut client, &create("/a", b"", 0));
    assert_eq!(event_of(&heard[0]), "NodeCreated /a");
    let heard = server.ask(&mut client, &create("/a/b", b"", 0));
    assert_eq!(event_of(&heard[0]), "NodeCreated /a/b");
}

#[test]
fn set_watches_tells_what_changed_and_arms_the_rest() {
    let mut server = Standalone::start();
    let mut client = server.connect();
    server.ask(&mut client, &create("/a", b"", 0));
    server.ask(&mut client, &create("/b", b"", 0));
    let seen = i64::try_from(server.replica.applied().0).unwrap();
    server.ask(&mut client, &set("/a", b"x", -1));
    let watches = Request::SetWatches(SetWatches {
        relative_zxid: seen,
        data: vec!["/a".into(), "/b".into(), "/gone".into()],
        exist: vec![],
        child: vec!["/".into()],
        persistent: vec![],
        persistent_recursive: vec![],
    });
    let heard = server.ask(&mut client, &watches);
    assert_eq!(event_of(&heard[0]), "NodeDataChanged /a");
    assert_eq!(event_of(&heard[1]), "NodeDeleted /gone");
    assert_eq!(heard[2].err(), 0);
    let heard = server.ask(&mut client, &set("/b", b"y", -1));
    assert_eq!(event_of(&heard[0]), "NodeDataChanged /b");
    let heard = server.ask(&mut client, &create("/c", b"", 0));
    assert_eq!(event_of(&heard[0]), "NodeChildrenChanged /");
}
