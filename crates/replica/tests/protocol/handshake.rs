//! The first frame of a connection. Source: `client-protocol.md` §2.1 to §2.5.

use crate::support::*;
use replica::Input;
use zk_proto::ConnectRequest;
use zk_types::{SessionId, Zxid};

#[test]
fn a_session_is_resumed_with_its_password_only() {
    let mut server = Standalone::start();
    let first = server.connect();
    assert!(server.connect_as(first.session, &[1; 16]).is_none());
    assert!(
        !server.closed.contains(&first.conn),
        "a wrong password displaces nobody"
    );
    let second = server
        .connect_as(first.session, &first.password)
        .expect("it is resumed");
    assert_eq!(second.session, first.session);
    assert!(
        server.closed.contains(&first.conn),
        "the old connection is displaced"
    );
}

#[test]
fn a_client_that_is_ahead_of_the_server_is_turned_away_without_a_word() {
    let mut server = Standalone::start();
    let conn = server.connect_raw();
    let mut bytes = Vec::new();
    ConnectRequest {
        last_zxid_seen: Zxid(1 << 60),
        timeout_ms: 10_000,
        session: SessionId::NONE,
        password: None,
        read_only: None,
    }
    .encode(&mut bytes);
    server.input(Input::ClientBytes {
        conn,
        bytes: &bytes,
    });
    server.run();
    assert!(server.closed.contains(&conn));
    assert!(!server.sent.contains_key(&conn));
}
