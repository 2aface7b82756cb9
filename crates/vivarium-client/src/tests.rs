//! The client against a small server on a real socket.

mod server;

use crate::*;
use futures::StreamExt;
use server::{FakeServer, Reaction};
use std::time::Duration;
use zk_proto::{ChildrenPage, OpCode, Request, WatcherEvent, reply};

async fn connect(server: &FakeServer) -> Client {
    Client::connect(&server.address(), ConnectOptions::default())
        .await
        .unwrap()
}

/// Answers reads of `/a`, refuses those of anything else, and agrees to all the rest.
fn obliging(seen: &server::Seen<'_>, out: &mut Vec<u8>) -> Reaction {
    if let Request::GetData { path, .. } = seen.request() {
        if path.as_deref() == Some("/a") {
            reply::data(out, seen.xid, Zxid(1), Some(b"x"), &server::STAT);
        } else {
            reply::error(out, seen.xid, Zxid(1), ErrorCode::NoNode);
        }
    } else {
        reply::void(out, seen.xid, Zxid(1));
    }
    Reaction::Go
}

#[tokio::test]
async fn a_response_is_typed_and_an_error_names_its_path() {
    let server = FakeServer::start(obliging).await;
    let client = connect(&server).await;
    let node = client.get_data("/a").await.unwrap();
    assert_eq!((node.data, node.stat), (b"x".to_vec(), server::STAT));
    let error = client.get_data("/b").await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::NoNode));
    assert_eq!(error.to_string(), "get_data /b: the node does not exist");
    let error = Error {
        path: String::new(),
        ..error
    };
    assert_eq!(error.to_string(), "get_data: the node does not exist");
    assert_eq!(client.session().state, ConnectionState::Connected);
    assert_eq!(client.session().server, Some(server.address()));
}

#[tokio::test]
async fn many_requests_of_many_handles_are_in_flight_at_once() {
    let server = FakeServer::start(obliging).await;
    let client = connect(&server).await;
    let reads = (0..500).map(|_| {
        let client = client.clone();
        async move { client.get_data("/a").await }
    });
    let results = futures::future::join_all(reads).await;
    assert!(results.iter().all(Result::is_ok));
}

/// Sends an event right after whatever sets a watch.
fn eventful(seen: &server::Seen<'_>, out: &mut Vec<u8>) -> Reaction {
    obliging(seen, out);
    let watches = matches!(
        seen.request(),
        Request::GetData { watch: true, .. } | Request::AddWatch { .. } | Request::SetWatches(_)
    );
    if watches {
        let (kind, state) = (EventKind::NodeDataChanged, KeeperState::SyncConnected);
        WatcherEvent {
            kind,
            state,
            path: "/a".into(),
        }
        .encode(Zxid(2), out);
    }
    Reaction::Go
}

#[tokio::test]
async fn a_one_shot_watch_yields_one_event_and_ends() {
    let server = FakeServer::start(eventful).await;
    let client = connect(&server).await;
    let mut events = client.events().await;
    let (_, watch) = client.get_data_and_watch("/a").await.unwrap();
    let seen: Vec<WatchedEvent> = watch.collect().await;
    assert_eq!(seen.len(), 1);
    assert_eq!(
        (seen[0].kind, seen[0].path.as_str()),
        (EventKind::NodeDataChanged, "/a")
    );
    assert_eq!(events.next().await, Some(seen[0].clone()));
}

#[tokio::test]
async fn a_watch_that_stays_outlives_its_connection() {
    let server = FakeServer::start(|seen, out| {
        eventful(seen, out);
        if matches!(seen.request(), Request::Sync { .. }) {
            return Reaction::HangUp;
        }
        Reaction::Go
    })
    .await;
    let client = connect(&server).await;
    let mut watch = client
        .add_watch("/a", AddWatchMode::Persistent)
        .await
        .unwrap();
    assert!(watch.next().await.is_some());
    let lost = client.sync("/").await.unwrap_err();
    assert_eq!(lost.cause, ClientError::ConnectionLoss);
    assert!(
        watch.next().await.is_some(),
        "armed again, it sees the next event"
    );
    assert!(client.get_data("/a").await.is_ok());
}

#[tokio::test]
async fn a_watch_that_stays_is_removed_when_its_stream_is_dropped() {
    let mut server = FakeServer::start(obliging).await;
    let client = connect(&server).await;
    let watch = client
        .add_watch("/a", AddWatchMode::Persistent)
        .await
        .unwrap();
    assert_eq!(server.seen().await, OpCode::AddWatch);
    drop(watch);
    assert_eq!(server.seen().await, OpCode::RemoveWatches);
}

#[tokio::test]
async fn a_watch_nobody_waits_for_any_more_is_removed_when_its_answer_comes() {
    let mut server = FakeServer::start(obliging).await;
    let client = connect(&server).await;
    let adding = client.add_watch("/a", AddWatchMode::Persistent);
    assert!(futures::poll!(std::pin::pin!(adding)).is_pending());
    assert_eq!(server.seen().await, OpCode::AddWatch);
    assert_eq!(server.seen().await, OpCode::RemoveWatches);
}

#[tokio::test]
async fn closing_tells_the_server_and_ends_every_stream() {
    let mut server = FakeServer::start(obliging).await;
    let client = connect(&server).await;
    let mut events = client.events().await;
    let mut watch = client
        .add_watch("/a", AddWatchMode::Persistent)
        .await
        .unwrap();
    assert_eq!(server.seen().await, OpCode::AddWatch);
    client.close().await;
    assert_eq!(server.seen().await, OpCode::CloseSession);
    assert_eq!(watch.next().await, None);
    assert_eq!(events.next().await.unwrap().state, KeeperState::Closed);
    assert_eq!(events.next().await, None);
    assert_eq!(client.events().await.next().await, None);
    let late = client.get_data("/a").await.unwrap_err();
    assert_eq!(late.cause, ClientError::Closed);
}

#[tokio::test]
async fn the_session_ends_with_its_last_handle() {
    let mut server = FakeServer::start(obliging).await;
    let client = connect(&server).await;
    let other = client.clone();
    drop(client);
    assert!(other.get_data("/a").await.is_ok());
    assert_eq!(server.seen().await, OpCode::GetData);
    drop(other);
    assert_eq!(server.seen().await, OpCode::CloseSession);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_passed_over() {
    let server = FakeServer::start(obliging).await;
    let absent = FakeServer::absent().await;
    let addresses = format!("{absent},{}", server.address());
    for _ in 0..4 {
        let client = Client::connect(&addresses, ConnectOptions::default())
            .await
            .unwrap();
        assert!(client.get_data("/a").await.is_ok());
    }
}

#[tokio::test]
async fn no_server_at_all_is_an_error_in_time() {
    let absent = FakeServer::absent().await;
    let connect_within = Duration::from_millis(50);
    let options = ConnectOptions {
        connect_within,
        ..ConnectOptions::default()
    };
    let error = Client::connect(&absent, options).await.unwrap_err();
    assert_eq!(error, ConnectError::NoServer);
    let error = Client::connect("", ConnectOptions::default())
        .await
        .unwrap_err();
    assert_eq!(error, ConnectError::Address(AddressError::Empty));
}

#[tokio::test]
async fn a_refused_session_is_an_error() {
    let server = FakeServer::refusing().await;
    let saved = SavedSession {
        id: SessionId(9),
        password: vec![0; 16],
    };
    let options = ConnectOptions {
        session: Some(saved),
        ..ConnectOptions::default()
    };
    let error = Client::connect(&server.address(), options)
        .await
        .unwrap_err();
    assert_eq!(error, ConnectError::Refused(End::Expired));
}

#[tokio::test]
async fn the_part_that_spoiled_a_multi_is_named() {
    let server = FakeServer::start(|seen, out| {
        let results = [
            zk_proto::OpResult::RolledBack,
            zk_proto::OpResult::Failed(ErrorCode::BadVersion),
        ];
        reply::multi(out, seen.xid, Zxid(1), &results);
        Reaction::Go
    })
    .await;
    let client = connect(&server).await;
    let ops = vec![
        MultiOp::Delete {
            path: "/a".into(),
            version: None,
        },
        MultiOp::Check {
            path: "/b".into(),
            version: Some(3),
        },
    ];
    let error = client.multi(ops).await.unwrap_err();
    let (path, code) = ("/b".to_owned(), ErrorCode::BadVersion);
    assert_eq!(
        error,
        MultiError::Part {
            index: 1,
            path,
            code
        }
    );
}

/// A directory of many children, of which it shows two, a page each.
fn paging(seen: &server::Seen<'_>, out: &mut Vec<u8>) -> Reaction {
    let stat = Stat {
        num_children: 257,
        ..server::STAT
    };
    let page = |name: &'static str, next| ChildrenPage {
        names: vec![name.into()],
        stat,
        next,
    };
    let request = seen.request();
    if let Request::Exists { .. } = request {
        reply::stat(out, seen.xid, Zxid(1), &stat);
    } else if let Request::GetData { path, .. } = request {
        assert_eq!(path.as_deref(), Some("/vivarium/features"), "no chroot");
        let features = Some(&b"children-pages\n"[..]);
        reply::data(out, seen.xid, Zxid(1), features, &server::STAT);
    } else if let Request::GetChildrenPage(asked) = request {
        if asked.before == 0 {
            assert_eq!(asked.after, None);
            reply::page(out, seen.xid, Zxid(1), &page("b", 7));
        } else {
            assert_eq!((asked.before, asked.after.as_deref()), (7, Some("b")));
            reply::page(out, seen.xid, Zxid(1), &page("a", 0));
        }
    } else {
        reply::void(out, seen.xid, Zxid(1));
    }
    Reaction::Go
}

#[tokio::test]
async fn many_children_are_listed_in_pages_by_a_server_that_knows_them() {
    let server = FakeServer::start(paging).await;
    let address = format!("{}/app", server.address());
    let client = Client::connect(&address, ConnectOptions::default())
        .await
        .unwrap();
    let children = client.get_many_children("/d").await.unwrap();
    assert_eq!(children.names, ["b", "a"]);
}

/// A server that lists at once, and refuses to tell what it knows.
fn unpaged(seen: &server::Seen<'_>, out: &mut Vec<u8>, refusal: ErrorCode) -> Reaction {
    if let Request::GetChildren2 { .. } = seen.request() {
        reply::names_stat(out, seen.xid, Zxid(1), ["a", "b"], &server::STAT);
    } else if let Request::GetData { .. } = seen.request() {
        reply::error(out, seen.xid, Zxid(1), refusal);
    } else {
        return paging(seen, out);
    }
    Reaction::Go
}

#[tokio::test]
async fn many_children_are_listed_at_once_by_any_other_server() {
    for server in [
        FakeServer::start(|seen, out| unpaged(seen, out, ErrorCode::NoNode)).await,
        FakeServer::start(|seen, out| unpaged(seen, out, ErrorCode::NoAuth)).await,
    ] {
        let client = connect(&server).await;
        let children = client.get_many_children("/d").await.unwrap();
        assert_eq!(children.names, ["a", "b"]);
    }
}
