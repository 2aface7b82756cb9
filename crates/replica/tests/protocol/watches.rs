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

#[test]
fn set_watches_arms_those_on_announcements() {
    let mut server = Standalone::start();
    let mut client = server.connect();
    let watches = Request::SetWatches(SetWatches {
        relative_zxid: 1,
        data: vec!["/keeper/api_version".into(), "/keeper".into()],
        exist: vec![],
        child: vec!["/vivarium".into()],
        persistent: vec![],
        persistent_recursive: vec![],
    });
    let heard = server.ask(&mut client, &watches);
    assert_eq!(heard.len(), 1, "they still answer: {heard:?}");
    let heard = server.ask(&mut client, &create("/keeper", b"", 0));
    assert_eq!(event_of(&heard[0]), "NodeCreated /keeper");
}

/// The events among what was sent, as kind and path.
fn events(sent: &[u8]) -> Vec<(i32, String)> {
    let mut events = Vec::new();
    for reply in replies(sent).iter().filter(|reply| reply.xid == -1) {
        assert_eq!(int_at(&reply.body, 4), 3, "the state is always connected");
        let path = String::from_utf8(reply.body[12..].to_vec()).expect("a path");
        events.push((int_at(&reply.body, 0), path));
    }
    events
}

/// What a watcher has heard since it was last asked.
fn heard(server: &mut Standalone, watcher: replica::ConnId) -> Vec<(i32, String)> {
    events(&server.sent.remove(&watcher).unwrap_or_default())
}

fn event(kind: i32, path: &str) -> (i32, String) {
    (kind, path.into())
}

const CREATED: i32 = 1;
const DELETED: i32 = 2;
const DATA: i32 = 3;
const CHILDREN: i32 = 4;

/// A writer and a watcher, with `/p` and `/p/a`.
fn pair() -> (Standalone, replica::ConnId, replica::ConnId) {
    let mut server = Standalone::start();
    let (writer, watcher) = (server.connect().conn, server.connect().conn);
    server.make(writer, "/p");
    server.make(writer, "/p/a");
    (server, writer, watcher)
}

#[test]
fn a_failed_read_leaves_no_watch_but_exists_on_a_missing_node_does() {
    let (mut server, writer, watcher) = pair();
    for opcode in [4, 8, 12] {
        assert_eq!(server.code(watcher, opcode, &[text("/x"), vec![1]]), -101);
    }
    server.make(writer, "/x");
    assert_eq!(heard(&mut server, watcher), []);
    assert_eq!(server.code(watcher, 3, &[text("/y"), vec![1]]), -101);
    server.make(writer, "/y");
    assert_eq!(heard(&mut server, watcher), [event(CREATED, "/y")]);
}

#[test]
fn a_child_watch_fires_for_children_and_for_the_end_of_the_node_and_not_for_data() {
    let (mut server, writer, watcher) = pair();
    assert_eq!(server.code(watcher, 8, &[text("/p"), vec![1]]), 0);
    server.put(writer, "/p", "x");
    assert_eq!(heard(&mut server, watcher), []);
    server.make(writer, "/p/b");
    assert_eq!(heard(&mut server, watcher), [event(CHILDREN, "/p")]);
    assert_eq!(server.code(watcher, 12, &[text("/p/b"), vec![1]]), 0);
    assert_eq!(server.code(writer, 2, &[text("/p/b"), int(-1)]), 0);
    assert_eq!(heard(&mut server, watcher), [event(DELETED, "/p/b")]);
}

#[test]
fn a_deletion_is_told_once_to_who_watched_data_and_children() {
    let (mut server, writer, watcher) = pair();
    assert_eq!(server.code(watcher, 4, &[text("/p/a"), vec![1]]), 0);
    assert_eq!(server.code(watcher, 8, &[text("/p/a"), vec![1]]), 0);
    assert_eq!(server.code(watcher, 8, &[text("/p"), vec![1]]), 0);
    assert_eq!(server.code(writer, 2, &[text("/p/a"), int(-1)]), 0);
    assert_eq!(
        heard(&mut server, watcher),
        [event(DELETED, "/p/a"), event(CHILDREN, "/p")]
    );
    server.make(writer, "/p/a");
    server.make(writer, "/p/a/b");
    assert_eq!(heard(&mut server, watcher), [], "both watches are used up");
}

#[test]
fn a_new_acl_a_new_session_and_a_failed_write_tell_nobody() {
    let (mut server, writer, watcher) = pair();
    assert_eq!(server.code(watcher, 106, &[text("/"), int(1)]), 0);
    assert_eq!(server.code(watcher, 106, &[text("/p"), int(0)]), 0);
    assert_eq!(server.code(writer, 7, &[text("/p"), open(), int(-1)]), 0);
    assert_eq!(
        server.code(writer, 5, &[text("/p"), text(""), int(9)]),
        -103
    );
    assert_eq!(server.code(writer, 2, &[text("/p"), int(-1)]), -111);
    server.connect();
    assert_eq!(heard(&mut server, watcher), []);
}

#[test]
fn add_watch_answers_four_zero_bytes_and_refuses_other_modes_and_paths() {
    let (mut server, _, watcher) = pair();
    for mode in [0, 1] {
        let reply = server.call(watcher, 106, &[text("/p"), int(mode)]);
        assert_eq!((reply.err, reply.body), (0, int(0)));
    }
    for mode in [-1, 2, 3] {
        assert_eq!(server.code(watcher, 106, &[text("/p"), int(mode)]), -5);
    }
    for path in ["", "p", "/p/", "//"] {
        assert_eq!(
            server.code(watcher, 106, &[text(path), int(0)]),
            -8,
            "{path}"
        );
    }
    assert_eq!(server.code(watcher, 106, &[text("/not/there"), int(1)]), 0);
}

#[test]
fn persistent_watches_stay_and_recursive_ones_hear_no_children() {
    let (mut server, writer, watcher) = pair();
    assert_eq!(server.code(watcher, 106, &[text("/p"), int(0)]), 0);
    for _ in 0..2 {
        server.put(writer, "/p", "x");
        assert_eq!(heard(&mut server, watcher), [event(DATA, "/p")]);
    }
    server.make(writer, "/p/b");
    assert_eq!(heard(&mut server, watcher), [event(CHILDREN, "/p")]);
    assert_eq!(server.code(watcher, 106, &[text("/p"), int(1)]), 0);
    server.make(writer, "/p/c");
    assert_eq!(
        heard(&mut server, watcher),
        [event(CREATED, "/p/c"), event(CHILDREN, "/p")],
        "one frame for each trigger, however many watches match"
    );
}

#[test]
fn a_multi_tells_in_order_before_its_answer() {
    let (mut server, writer, _) = pair();
    for path in ["/p", "/q"] {
        assert_eq!(server.code(writer, 106, &[text(path), int(1)]), 0);
    }
    let head = |opcode: i32| [int(opcode), vec![0], int(-1)].concat();
    let parts = [
        [head(1), text("/q"), text(""), open(), int(0)].concat(),
        [head(2), text("/p/a"), int(-1)].concat(),
        [head(2), text("/q"), int(-1)].concat(),
        [int(-1), vec![1], int(-1)].concat(),
    ];
    let sent = server.send(writer, &frame(5, 14, &parts));
    assert_eq!(
        events(&sent),
        [
            event(CREATED, "/q"),
            event(DELETED, "/p/a"),
            event(DELETED, "/q")
        ]
    );
    let all = replies(&sent);
    assert_eq!(all[3].xid, 5, "the answer comes last");
    assert!(all.iter().all(|reply| reply.zxid == all[3].zxid));
}

#[test]
fn removal_takes_exactly_its_kind_and_says_when_there_is_none() {
    let (mut server, writer, watcher) = pair();
    for kind in 1..=5 {
        for opcode in [17, 18] {
            assert_eq!(server.code(watcher, opcode, &[text("/p"), int(kind)]), -121);
        }
    }
    for kind in [-1, 0, 6] {
        for opcode in [17, 18] {
            assert_eq!(server.code(watcher, opcode, &[text("/p"), int(kind)]), -5);
        }
    }
    assert_eq!(server.code(watcher, 4, &[text("/p"), vec![1]]), 0);
    assert_eq!(server.code(watcher, 8, &[text("/p"), vec![1]]), 0);
    assert_eq!(server.code(watcher, 17, &[text("/p"), int(1)]), 0);
    assert_eq!(server.code(watcher, 18, &[text("/p"), int(1)]), 0);
    assert_eq!(server.code(watcher, 17, &[text("/p"), int(1)]), -121);
    server.make(writer, "/p/b");
    assert_eq!(heard(&mut server, watcher), []);
    assert_eq!(server.code(watcher, 18, &[text("/p"), int(3)]), 0);
    server.put(writer, "/p", "x");
    assert_eq!(heard(&mut server, watcher), []);
    assert_eq!(server.code(watcher, 106, &[text("/p"), int(1)]), 0);
    assert_eq!(server.code(watcher, 18, &[text("/p/a"), int(5)]), -121);
    assert_eq!(server.code(watcher, 18, &[text("/p"), int(4)]), -121);
    assert_eq!(server.code(watcher, 18, &[text("/p"), int(5)]), 0);
}

/// A request to set watches anew; lists beyond the third make it opcode 105.
fn set_watches(since: i64, lists: &[&[&str]]) -> (i32, Vec<Vec<u8>>) {
    let mut record = vec![long(since)];
    for list in lists {
        record.push(int(i32::try_from(list.len()).expect("a short list")));
        record.extend(list.iter().map(text));
    }
    (if lists.len() > 3 { 105 } else { 101 }, record)
}

#[test]
fn set_watches_follows_the_table_for_every_list_and_state() {
    let (mut server, writer, watcher) = pair();
    server.make(writer, "/old");
    let since = i64::try_from(server.replica.applied().0).expect("a small zxid");
    server.put(writer, "/p", "x");
    server.make(writer, "/old/child");
    let (opcode, record) = set_watches(
        since,
        &[
            &["/p", "/old", "/gone"],
            &["/p/a", "/gone"],
            &["/old", "/p", "/gone"],
        ],
    );
    let sent = server.send(watcher, &frame(-8, opcode, &record));
    assert_eq!(
        events(&sent),
        [
            event(DATA, "/p"),
            event(DELETED, "/gone"),
            event(CREATED, "/p/a"),
            event(CHILDREN, "/old"),
            event(DELETED, "/gone"),
        ]
    );
    let all = replies(&sent);
    assert_eq!(
        all.last().map(|reply| (reply.xid, reply.err)),
        Some((-8, 0))
    );
    assert!(all[..5].iter().all(|reply| reply.zxid == -1));
    server.put(writer, "/p", "fired, so not armed");
    assert_eq!(heard(&mut server, watcher), []);
    server.put(writer, "/old", "armed");
    server.make(writer, "/gone");
    server.make(writer, "/p/b");
    assert_eq!(
        heard(&mut server, watcher),
        [
            event(DATA, "/old"),
            event(CREATED, "/gone"),
            event(CHILDREN, "/p")
        ]
    );
}

#[test]
fn set_watches_arms_persistent_watches_without_catching_up() {
    let (mut server, writer, watcher) = pair();
    let (opcode, record) = set_watches(0, &[&[], &[], &[], &["/p"], &["/q"]]);
    let sent = server.send(watcher, &frame(1, opcode, &record));
    assert_eq!(events(&sent), [], "though both changed since");
    server.put(writer, "/p", "x");
    server.make(writer, "/q");
    server.make(writer, "/q/deep");
    assert_eq!(
        heard(&mut server, watcher),
        [
            event(DATA, "/p"),
            event(CREATED, "/q"),
            event(CREATED, "/q/deep")
        ]
    );
}

#[test]
fn an_event_is_for_those_who_may_read_the_node_and_uses_the_watch_up_even_so() {
    let mut server = Standalone::start();
    let (owner, stranger) = (server.connect().conn, server.connect().conn);
    let proof = [int(0), text("digest"), text("u:p")];
    assert_eq!(server.code(owner, 100, &proof), 0);
    let secret = acl(&[(31, "auth", "")]);
    for path in ["/secret", "/caught"] {
        assert_eq!(server.code(stranger, 3, &[text(path), vec![1]]), -101);
        let record = [text(path), text(""), secret.clone(), int(0)];
        assert_eq!(server.code(owner, 1, &record), 0);
    }
    assert_eq!(heard(&mut server, stranger), [], "it may not know");
    assert_eq!(
        server.code(owner, 7, &[text("/secret"), open(), int(-1)]),
        0
    );
    server.put(owner, "/secret", "x");
    assert_eq!(heard(&mut server, stranger), [], "the watch was used up");
    let (opcode, record) = set_watches(0, &[&["/caught"], &["/caught"], &["/caught"]]);
    let sent = server.send(stranger, &frame(1, opcode, &record));
    assert_eq!(events(&sent), [], "nor by setting watches anew");
}

#[test]
fn reads_of_a_multi_read_set_no_watches() {
    let (mut server, writer, watcher) = pair();
    let parts = [
        int(4),
        vec![0],
        int(-1),
        text("/p"),
        vec![1],
        int(8),
        vec![0],
        int(-1),
        text("/p"),
        vec![1],
        int(-1),
        vec![1],
        int(-1),
    ];
    assert_eq!(server.code(watcher, 22, &parts), 0);
    server.put(writer, "/p", "x");
    server.make(writer, "/p/b");
    assert_eq!(heard(&mut server, watcher), []);
}

#[test]
fn a_read_that_is_not_permitted_leaves_no_watch() {
    let mut server = Standalone::start();
    let conn = server.connect().conn;
    let unreadable = [
        text("/s"),
        text(""),
        acl(&[(30, "world", "anyone")]),
        int(0),
    ];
    assert_eq!(server.code(conn, 1, &unreadable), 0);
    for opcode in [3, 4, 8, 12] {
        assert_eq!(server.code(conn, opcode, &[text("/s"), vec![1]]), -102);
    }
    assert_eq!(server.code(conn, 17, &[text("/s"), int(3)]), -121);
}

#[test]
fn a_null_list_of_watches_is_a_marshalling_error_and_arms_nothing() {
    let (mut server, _, watcher) = pair();
    let lists = [long(0), int(1), text("/p"), null(), int(0)];
    assert_eq!(server.code(watcher, 101, &lists), -5);
    assert_eq!(server.code(watcher, 17, &[text("/p"), int(3)]), -121);
}

#[test]
fn a_watch_is_found_by_exactly_its_kind() {
    let (mut server, _, watcher) = pair();
    let set = [
        (3, vec![text("/p"), vec![1]], 2),
        (8, vec![text("/p"), vec![1]], 1),
        (106, vec![text("/p"), int(0)], 4),
        (106, vec![text("/p"), int(1)], 5),
    ];
    let kinds = |server: &mut Standalone| {
        let mut found = |kind: &i32| server.code(watcher, 17, &[text("/p"), int(*kind)]) == 0;
        let mut kinds = vec![2, 1, 4, 5];
        kinds.retain(|kind| found(kind));
        kinds
    };
    for (opcode, record, kind) in set {
        assert_eq!(kinds(&mut server), []);
        assert_eq!(server.code(watcher, opcode, &record), 0);
        assert_eq!(kinds(&mut server), [kind]);
        assert_eq!(server.code(watcher, 18, &[text("/p"), int(kind)]), 0);
    }
}
