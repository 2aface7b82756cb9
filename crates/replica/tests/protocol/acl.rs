//! Who may do what, and who one is. Source: `client-protocol.md` §8.

use crate::support::*;
use replica::Input;
use zk_proto::{AuthPacket, Request};
use zk_types::{CreateCall, CreateOp, Op, Perms, RawAcl};

#[test]
fn what_was_proven_holds_for_requests_behind_the_auth_packet_in_the_same_batch() {
    let mut server = Standalone::start();
    let mut client = server.connect();
    let acl = Some(vec![RawAcl {
        perms: Perms::ALL,
        scheme: Some("auth".into()),
        id: None,
    }]);
    let auth = Request::Auth(AuthPacket {
        scheme: Some("digest".into()),
        auth: Some((&b"user:pass"[..]).into()),
    });
    let guarded = Request::Write(Op::Create(CreateOp {
        call: CreateCall::Create,
        path: Some("/g".into()),
        data: None,
        acl,
        flags: 0,
        ttl_ms: -1,
    }));
    let mut bytes = client.encode(&auth);
    bytes.extend(client.encode(&guarded));
    server.input(Input::ClientBytes {
        conn: client.conn,
        bytes: &bytes,
    });
    server.run();
    let codes: Vec<i32> = server.hear(&mut client).iter().map(Heard::err).collect();
    assert_eq!(codes, [0, 0]);
    let mut stranger = server.connect();
    assert_eq!(server.ask(&mut stranger, &get("/g", false))[0].err(), -102);
}
