//! What applications ask for beyond reading and writing, on an ensemble whose every answer is
//! judged.

use client_core::{
    AddWatchMode, ClientError, ClientRequest, Create, CreateMode, CreateReply, Response, Watcher,
    WatcherType,
};
use sim::{Sizes, Stage};
use zk_types::{Acl, ErrorCode, Perms};

fn create(path: &str, mode: CreateMode) -> ClientRequest {
    ClientRequest::Create(Create {
        path: path.to_owned(),
        data: None,
        acl: vec![Acl::world(Perms::ALL)],
        mode,
        reply: CreateReply::Path,
    })
}

fn delete(path: &str) -> ClientRequest {
    ClientRequest::Delete {
        path: path.to_owned(),
        version: None,
    }
}

fn exists(stage: &mut Stage, path: &str) -> bool {
    let request = ClientRequest::Exists {
        path: path.to_owned(),
        watch: None,
    };
    matches!(stage.ask(0, request), Ok(Response::Exists(Some(_))))
}

fn hear_of_pages(stage: &mut Stage) {
    let announcement = ClientRequest::GetData {
        path: "/vivarium/features".to_owned(),
        watch: None,
    };
    stage.ask(0, announcement).expect("it is announced");
}

#[test]
fn pages_are_for_those_who_were_told_of_them() {
    let mut stage = Stage::new(21, Sizes::default());
    let page = || ClientRequest::GetChildrenPage {
        path: "/".to_owned(),
        names_max: 2,
        after: None,
    };
    let refused = Err(ClientError::Server(ErrorCode::Unimplemented));
    assert_eq!(stage.ask(0, page()), refused);
    hear_of_pages(&mut stage);
    stage.ask(0, page()).expect("it is listed");
    stage.finish();
}

#[test]
fn containers_and_ttl_nodes_go_by_themselves_and_others_stay() {
    let mut stage = Stage::new(11, Sizes::default());
    for (path, mode) in [
        ("/container", CreateMode::Container),
        ("/container/child", CreateMode::Persistent),
        ("/unused", CreateMode::Container),
        ("/ttl", CreateMode::Ttl(500)),
        ("/long", CreateMode::Ttl(100_000)),
    ] {
        stage.ask(0, create(path, mode)).expect("it is created");
    }
    stage.ask(0, delete("/container/child")).expect("it goes");
    stage.pass_ms(10_000);
    let left = ["/container", "/unused", "/ttl", "/long"].map(|path| exists(&mut stage, path));
    assert_eq!(left, [false, true, false, true]);
    stage.finish();
}

#[test]
fn an_access_list_takes_effect_for_the_next_request() {
    let mut stage = Stage::new(12, Sizes::default());
    let path = "/closed".to_owned();
    let asked = create(&path, CreateMode::Persistent);
    stage.ask(0, asked).expect("it is created");
    let acl = vec![Acl::world(Perms::READ | Perms::ADMIN)];
    let close = ClientRequest::SetAcl {
        path: path.clone(),
        acl: acl.clone(),
        version: Some(0),
    };
    stage.ask(0, close.clone()).expect("the list is set");
    let refused = |error| Err(ClientError::Server(error));
    assert_eq!(stage.ask(0, close), refused(ErrorCode::BadVersion));
    let set = ClientRequest::SetData {
        path: path.clone(),
        data: None,
        version: None,
    };
    assert_eq!(stage.ask(1, set), refused(ErrorCode::NoAuth));
    let below = create("/closed/child", CreateMode::Persistent);
    assert_eq!(stage.ask(1, below), refused(ErrorCode::NoAuth));
    match stage.ask(0, ClientRequest::GetAcl { path }) {
        Ok(Response::Acl { acl: shown, .. }) => assert_eq!(shown, acl),
        other => panic!("{other:?}"),
    }
    stage.finish();
}

#[test]
fn a_watch_is_known_until_it_is_removed() {
    let mut stage = Stage::new(13, Sizes::default());
    let path = "/watched".to_owned();
    let kind = WatcherType::PersistentRecursive;
    let add = ClientRequest::AddWatch {
        path: path.clone(),
        mode: AddWatchMode::PersistentRecursive,
        watcher: Watcher::Own,
    };
    let check = ClientRequest::CheckWatches {
        path: path.clone(),
        kind,
    };
    let remove = ClientRequest::RemoveWatches { path, kind };
    stage.ask(0, add).expect("it is set");
    // Watches are set anew on another connection, on whichever server that leads to.
    stage.disconnect(0);
    stage.pass_ms(2_000);
    stage.ask(0, check.clone()).expect("it is known");
    stage.ask(0, remove).expect("it is removed");
    let unknown = Err(ClientError::Server(ErrorCode::NoWatcher));
    assert_eq!(stage.ask(0, check), unknown);
    stage.finish();
}

#[test]
fn pages_list_what_was_there_all_the_time() {
    let mut stage = Stage::new(14, Sizes::default());
    let top = create("/top", CreateMode::Persistent);
    stage.ask(0, top).expect("it is created");
    for _ in 0..7 {
        let child = create("/top/c-", CreateMode::PersistentSequential);
        stage.ask(0, child).expect("it is created");
    }
    hear_of_pages(&mut stage);
    let (mut after, mut listed) = (None, Vec::new());
    loop {
        let page = ClientRequest::GetChildrenPage {
            path: "/top".to_owned(),
            names_max: 3,
            after,
        };
        let Ok(Response::Page { names, end, .. }) = stage.ask(0, page) else {
            panic!("a page is listed");
        };
        listed.extend(names);
        let late = create("/top/late-", CreateMode::PersistentSequential);
        stage.ask(1, late).expect("it is created");
        after = end;
        if after.is_none() {
            break;
        }
    }
    let expected: Vec<String> = (0..7).rev().map(|n| format!("c-{n:010}")).collect();
    assert_eq!(listed, expected);
    stage.finish();
}
