//! Children a page at a time. Source: `docs/children-pages.md`.

use crate::support::*;
use zk_proto::{PageRequest, ReplyHeader, Request, Response};

#[test]
fn a_directory_is_listed_in_pages_with_a_watch() {
    let mut server = Standalone::start();
    let mut client = server.connect();
    let features = server.ask(&mut client, &get("/vivarium/features", false));
    let Response::Data { data, .. } = features[0].response() else {
        panic!("data")
    };
    assert_eq!(data.as_deref(), Some(&b"children-pages\n"[..]));
    server.ask(&mut client, &create("/d", b"", 0));
    for at in 0..10 {
        server.ask(&mut client, &create(&format!("/d/{at}"), b"", 0));
    }
    let mut listed = Vec::new();
    let mut end = (0, None);
    loop {
        let request = Request::GetChildrenPage(PageRequest {
            path: Some("/d".into()),
            watch: end.0 == 0,
            names_max: 4,
            before: end.0,
            after: end.1.map(|name: String| name.into()),
        });
        let heard = server.ask(&mut client, &request);
        let Response::Page(page) = heard[0].response() else {
            panic!("a page")
        };
        assert_eq!(page.stat.num_children, 10);
        listed.extend(page.names.iter().map(ToString::to_string));
        if page.next == 0 {
            break;
        }
        end = (page.next, listed.last().cloned());
    }
    let latest_first: Vec<String> = (0..10).rev().map(|at| at.to_string()).collect();
    assert_eq!(listed, latest_first);
    let heard = server.ask(&mut client, &create("/d/new", b"", 0));
    assert_eq!(event_of(&heard[0]), "NodeChildrenChanged /d");
}

#[test]
fn pages_are_unknown_to_who_has_not_asked() {
    let mut server = Standalone::start();
    let mut client = server.connect();
    server.ask(&mut client, &get("/keeper/feature_flags", false));
    let request = Request::GetChildrenPage(PageRequest {
        path: Some("/".into()),
        watch: false,
        names_max: 4,
        before: 0,
        after: None,
    });
    let heard = server.ask(&mut client, &request);
    assert_eq!(heard[0].err(), -6);
    assert_eq!(heard[0].zxid(), ReplyHeader::NO_ZXID);
    assert!(server.closed.contains(&client.conn));
}
