//! What one client may ask for, keep waiting and leave unread.

use crate::support::*;
use replica::Input;
use zk_proto::{AuthPacket, ReadOp, Request};

#[test]
fn a_small_request_for_gigabytes_is_refused() {
    let mut server = Standalone::start();
    let mut client = server.connect();
    let data = vec![7; 1_000_000];
    server.ask(&mut client, &create("/big", &data, 0));
    let parts = (0..3_000)
        .map(|_| ReadOp::GetData {
            path: Some("/big".into()),
        })
        .collect();
    assert_eq!(
        server.ask(&mut client, &Request::MultiRead(parts))[0].err(),
        -5
    );
}

#[test]
fn replies_behind_a_write_wait_for_a_client_that_reads_slowly() {
    let mut server = Standalone::start();
    let mut client = server.connect();
    let data = vec![7; 1_000_000];
    server.ask(&mut client, &create("/big", &data, 0));
    server.input(Input::ClientSent {
        conn: client.conn,
        bytes: usize::MAX,
    });
    let mut bytes = client.encode(&create("/small", b"", 0));
    for _ in 0..200 {
        bytes.extend(client.encode(&get("/big", false)));
    }
    server.input(Input::ClientBytes {
        conn: client.conn,
        bytes: &bytes,
    });
    server.run();
    let mut heard = 0;
    for _ in 0..200 {
        let batch = server.hear(&mut client);
        assert!(batch.len() < 10, "{} replies at once", batch.len());
        heard += batch.len();
        server.input(Input::ClientSent {
            conn: client.conn,
            bytes: 8_000_000,
        });
        server.run();
    }
    assert_eq!(heard, 201);
}

#[test]
fn more_identities_than_a_request_may_carry_are_refused() {
    let mut server = Standalone::start();
    let mut client = server.connect();
    let proof = vec![b'u'; 70_000];
    let heard = server.ask(
        &mut client,
        &Request::Auth(AuthPacket {
            scheme: Some("digest".into()),
            auth: Some(proof.into()),
        }),
    );
    assert_eq!(heard[0].err(), -115);
}
