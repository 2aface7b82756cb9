//! Several operations in one request. Source: `client-protocol.md` §9.

use crate::support::*;
use zk_proto::{Request, Response};
use zk_types::Op;

#[test]
fn a_failed_multi_reports_each_part_and_changes_nothing() {
    let mut server = Standalone::start();
    let mut client = server.connect();
    server.ask(&mut client, &create("/a", b"", 0));
    let Request::Write(make_b) = create("/b", b"", 0) else {
        unreachable!()
    };
    let multi = Request::Write(Op::Multi(vec![
        make_b,
        Op::Check {
            path: Some("/a".into()),
            version: 7,
        },
        Op::Delete {
            path: Some("/a".into()),
            version: -1,
        },
    ]));
    let heard = server.ask(&mut client, &multi);
    let Response::Multi(results) = heard[0].response() else {
        panic!("results")
    };
    let text = format!("{results:?}");
    assert_eq!(
        text,
        "[RolledBack, Failed(BadVersion), Failed(RuntimeInconsistency)]"
    );
    assert_eq!(server.ask(&mut client, &get("/b", false))[0].err(), -101);
}
