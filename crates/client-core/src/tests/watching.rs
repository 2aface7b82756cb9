//! Watches: which event fires which, and what a new connection arms again. §7.

use super::bench::{self, *};
use crate::*;
use std::string::String;
use std::vec;
use std::vec::Vec;
use zk_proto::{Request, SetWatches, Xid, reply};
use zk_types::{ErrorCode, ZnodePath, Zxid};

fn get_own(path: &str) -> ClientRequest {
    ClientRequest::GetData {
        path: path.into(),
        watch: Some(Watcher::Own),
    }
}

fn add(path: &str, mode: AddWatchMode) -> ClientRequest {
    ClientRequest::AddWatch {
        path: path.into(),
        mode,
        watcher: Watcher::Own,
    }
}

fn children(path: &str) -> ClientRequest {
    ClientRequest::GetChildren {
        path: path.into(),
        watch: Some(Watcher::Own),
    }
}

fn reply_children(out: &mut Vec<u8>, xid: Xid) {
    reply::names_stat(out, xid, Zxid(40), ["c"], &STAT);
}

/// Watches a node that exists, a missing one, children, and both that stay.
fn watch_everything(bench: &mut Bench) -> [Ticket; 5] {
    let (data, _) = bench.exchange(get_own("/a"), reply_data("x"));
    let exists = ClientRequest::Exists {
        path: "/none".into(),
        watch: Some(Watcher::Own),
    };
    let (exist, sent) = bench.ask(exists);
    bench.refuse(sent.xid(), ErrorCode::NoNode);
    let (child, _) = bench.exchange(children("/a"), reply_children);
    let (stays, _) = bench.exchange(add("/a", AddWatchMode::Persistent), void_at(40));
    let recursive = add("/", AddWatchMode::PersistentRecursive);
    let (below, _) = bench.exchange(recursive, void_at(40));
    [data, exist, child, stays, below]
}

fn set_watches(sent: &[bench::Sent]) -> Vec<SetWatches<'_>> {
    let mut all = Vec::new();
    for sent in sent {
        if let Request::SetWatches(watches) = sent.request() {
            all.push(watches);
        }
    }
    all
}

fn ended(outputs: &[Output]) -> Vec<Ticket> {
    let mut ended = Vec::new();
    for output in outputs {
        if let Output::WatchEnded { ticket } = output {
            ended.push(*ticket);
        }
    }
    ended
}

#[test]
fn an_event_fires_the_watches_it_is_for_and_ends_those_that_do_not_stay() {
    let mut bench = Bench::served(config());
    let [data, exist, child, stays, below] = watch_everything(&mut bench);

    let outputs = bench.event(EventKind::NodeDataChanged, "/a");
    let (told, watchers) = event(&outputs);
    let expected = WatchedEvent {
        kind: EventKind::NodeDataChanged,
        state: KeeperState::SyncConnected,
        path: String::from("/a"),
        zxid: Some(Zxid(50)),
    };
    assert_eq!(told, expected);
    assert_eq!(
        (watchers, ended(&outputs)),
        (vec![data, stays, below], vec![data])
    );

    let outputs = bench.event(EventKind::NodeDataChanged, "/a");
    assert_eq!(
        (event(&outputs).1, ended(&outputs)),
        (vec![stays, below], vec![])
    );

    let outputs = bench.event(EventKind::NodeCreated, "/none");
    assert_eq!(
        (event(&outputs).1, ended(&outputs)),
        (vec![exist, below], vec![exist])
    );

    let outputs = bench.event(EventKind::NodeChildrenChanged, "/a");
    assert_eq!(
        (event(&outputs).1, ended(&outputs)),
        (vec![child, stays], vec![child])
    );

    let outputs = bench.event(EventKind::NodeCreated, "/a/b/c");
    assert_eq!((event(&outputs).1, ended(&outputs)), (vec![below], vec![]));
}

#[test]
fn a_deletion_ends_data_and_child_watches_alike() {
    let mut bench = Bench::served(config());
    let [data, _, child, stays, below] = watch_everything(&mut bench);
    let outputs = bench.event(EventKind::NodeDeleted, "/a");
    assert_eq!(event(&outputs).1, [data, child, stays, below]);
    assert_eq!(ended(&outputs), [data, child]);
}

#[test]
fn a_new_connection_arms_each_kind_of_watch_again() {
    let mut bench = Bench::served(config());
    watch_everything(&mut bench);
    let sent = bench.reconnect();
    let expected = SetWatches {
        relative_zxid: 40,
        data: vec!["/a".into()],
        exist: vec!["/none".into()],
        child: vec!["/a".into()],
        persistent: vec!["/a".into()],
        persistent_recursive: vec!["/".into()],
    };
    assert_eq!(set_watches(&sent), [expected]);
    assert!(sent[0].xid().0 > 0, "an ordinary xid");
    assert!(bench.void(sent[0].xid()).is_empty());
}

#[test]
fn a_watch_that_fired_is_not_armed_again() {
    let mut bench = Bench::served(config());
    bench.exchange(get_own("/a"), reply_data("x"));
    bench.event(EventKind::NodeDataChanged, "/a");
    assert!(bench.reconnect().is_empty());
}

#[test]
fn a_watch_whose_read_failed_is_not_set() {
    let mut bench = Bench::served(config());
    let (_, sent) = bench.ask(get_own("/a"));
    bench.refuse(sent.xid(), ErrorCode::NoNode);
    bench.ask(get_own("/b"));
    assert!(
        bench.reconnect().is_empty(),
        "neither refused nor lost requests watch"
    );
}

#[test]
fn many_watches_are_armed_in_portions_that_all_start_from_the_same_zxid() {
    let mut bench = Bench::served(config());
    let long = "x".repeat(50_000);
    for at in 0..4 {
        bench.exchange(get_own(&std::format!("/{at}{long}")), reply_data("x"));
    }
    let sent = bench.reconnect();
    let portions = set_watches(&sent);
    assert_eq!(
        portions
            .iter()
            .map(|portion| portion.data.len())
            .collect::<Vec<_>>(),
        [3, 1]
    );
    assert!(portions.iter().all(|portion| portion.relative_zxid == 40));

    // A loss between the two answers: the second portion must still hear what it missed.
    let mut wire = Vec::new();
    reply::void(&mut wire, sent[0].xid(), Zxid(60));
    bench.bytes(&wire);
    assert_eq!(bench.client.last_zxid_seen(), Zxid(60));
    let sent = bench.reconnect();
    assert!(
        set_watches(&sent)
            .iter()
            .all(|portion| portion.relative_zxid == 40)
    );
    for sent in &sent {
        bench.void(sent.xid());
    }
    let sent = bench.reconnect();
    assert!(
        set_watches(&sent)
            .iter()
            .all(|portion| portion.relative_zxid == 60)
    );
}

#[test]
fn watches_that_a_server_will_not_arm_end_the_connection() {
    let mut bench = Bench::served(config());
    bench.exchange(get_own("/a"), reply_data("x"));
    let sent = bench.reconnect();
    let outputs = bench.refuse(sent[0].xid(), ErrorCode::ThrottledOp);
    assert!(outputs.contains(&Output::Disconnect));
}

#[test]
fn removed_watches_are_told_of_and_end() {
    let mut bench = Bench::served(config());
    let [data, _, child, stays, _] = watch_everything(&mut bench);
    let remove = |kind| ClientRequest::RemoveWatches {
        path: "/a".into(),
        kind,
    };
    let (_, outputs) = bench.exchange(remove(WatcherType::Data), void_at(40));
    assert_eq!(event(&outputs).0.kind, EventKind::DataWatchRemoved);
    assert_eq!(ended(&outputs), [data]);
    let (_, outputs) = bench.exchange(remove(WatcherType::Any), void_at(40));
    assert_eq!(ended(&outputs), [child, stays]);
    let sent = bench.reconnect();
    assert_eq!(set_watches(&sent)[0].data, Vec::<&str>::new());
}

#[test]
fn watches_that_the_server_would_not_remove_stay() {
    let mut bench = Bench::served(config());
    bench.exchange(get_own("/a"), reply_data("x"));
    let remove = ClientRequest::RemoveWatches {
        path: "/a".into(),
        kind: WatcherType::Data,
    };
    let (_, sent) = bench.ask(remove);
    bench.refuse(sent.xid(), ErrorCode::NoWatcher);
    assert_eq!(set_watches(&bench.reconnect())[0].data, ["/a"]);
}

#[test]
fn a_watch_that_stays_is_taken_off_the_server_when_its_last_listener_leaves() {
    let mut bench = Bench::served(config());
    let (one, _) = bench.exchange(add("/a", AddWatchMode::Persistent), void_at(40));
    let (two, _) = bench.exchange(add("/a", AddWatchMode::Persistent), void_at(40));
    assert!(bench.step(Input::Unwatch { ticket: one }).is_empty());
    let outputs = bench.step(Input::Unwatch { ticket: two });
    let sent = sent(&outputs);
    let kind = WatcherType::Persistent;
    assert_eq!(
        sent[0].request(),
        Request::RemoveWatches {
            path: Some("/a".into()),
            kind
        }
    );
    assert!(bench.refuse(sent[0].xid(), ErrorCode::NoWatcher).is_empty());
    assert!(bench.step(Input::Unwatch { ticket: two }).is_empty());
}

#[test]
fn a_listener_that_leaves_does_not_take_the_watch_of_one_that_is_coming() {
    let mut bench = Bench::served(config());
    let (one, _) = bench.exchange(add("/a", AddWatchMode::Persistent), void_at(40));
    let (_, coming) = bench.ask(add("/a", AddWatchMode::Persistent));
    assert!(bench.step(Input::Unwatch { ticket: one }).is_empty());
    bench.void(coming.xid());
    assert_eq!(set_watches(&bench.reconnect())[0].persistent, ["/a"]);
}

#[test]
fn a_listener_that_left_before_its_answer_sets_nothing() {
    let mut bench = Bench::served(config());
    let (ticket, sent_add) = bench.ask(add("/a", AddWatchMode::PersistentRecursive));
    bench.step(Input::Unwatch { ticket });
    let outputs = bench.void(sent_add.xid());
    let kind = WatcherType::PersistentRecursive;
    assert_eq!(
        sent(&outputs)[0].request(),
        Request::RemoveWatches {
            path: Some("/a".into()),
            kind
        }
    );
    assert!(bench.reconnect().is_empty());
}

#[test]
fn a_watch_of_the_session_has_no_listener_of_its_own() {
    let mut bench = Bench::served(config());
    let watch = Some(Watcher::Session);
    bench.exchange(
        ClientRequest::GetData {
            path: "/a".into(),
            watch,
        },
        reply_data("x"),
    );
    let outputs = bench.event(EventKind::NodeDataChanged, "/a");
    assert_eq!((event(&outputs).1, outputs.len()), (no_tickets(), 1));
}

#[test]
fn every_watch_ends_with_the_session() {
    let mut bench = Bench::served(config());
    let tickets = watch_everything(&mut bench);
    let outputs = bench.step(Input::Close);
    let outputs = bench.void(sent(&outputs)[0].xid());
    assert_eq!(ended(&outputs), tickets);
}

#[test]
fn a_chroot_is_stripped_from_events_and_kept_in_what_is_armed_again() {
    let chroot = Some(ZnodePath::parse("/app").unwrap());
    let mut bench = Bench::served(ClientConfig { chroot, ..config() });
    let (ticket, _) = bench.exchange(get_own("/a"), reply_data("x"));
    let (root, _) = bench.exchange(add("/", AddWatchMode::PersistentRecursive), void_at(40));
    let sent = bench.reconnect();
    assert_eq!(set_watches(&sent)[0].data, ["/app/a"]);
    assert_eq!(set_watches(&sent)[0].persistent_recursive, ["/app"]);
    bench.void(sent[0].xid());
    let outputs = bench.event(EventKind::NodeDeleted, "/app/a");
    let (told, watchers) = event(&outputs);
    assert_eq!((told.path.as_str(), watchers), ("/a", vec![ticket, root]));
    assert_eq!(
        event(&bench.event(EventKind::NodeDeleted, "/app")).0.path,
        "/"
    );
}

#[test]
fn an_event_that_is_none_ends_the_connection() {
    let mut bench = Bench::served(config());
    let mut wire = Vec::new();
    reply::void(&mut wire, Xid::NOTIFICATION, Zxid(1));
    assert_eq!(bench.bytes(&wire)[0], Output::Disconnect);
}
