//! What one client may ask for, keep waiting and leave unread.

use crate::support::*;
use replica::{Config, ConnectLimits, Input, LargeRequestLimits, Limits, WhenStale};
use std::time::Duration;
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
            watch: false,
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

fn limited(limits: Limits) -> Standalone {
    let config = Config { limits, ..config() };
    Standalone::start_on(MemoryDisk::default(), config)
}

/// Hands several requests over at once, and nothing else.
fn send(server: &mut Standalone, client: &mut Client, requests: &[Request<'_>]) {
    let encoded = requests.iter().map(|request| client.encode(request));
    let bytes: Vec<u8> = encoded.flatten().collect();
    server.input(Input::ClientBytes {
        conn: client.conn,
        bytes: &bytes,
    });
}

fn codes(server: &mut Standalone, client: &mut Client) -> Vec<i32> {
    server.hear(client).iter().map(Heard::err).collect()
}

#[test]
fn a_session_without_tokens_for_it_is_closed_without_a_word() {
    let mut server = limited(Limits {
        connects: Some(ConnectLimits {
            tokens_max: 6,
            fill_interval: Duration::from_secs(1),
            fill_tokens: 2,
            opening_takes: 3,
            opening_locally_takes: 1,
            resuming_takes: 2,
            drops: None,
        }),
        ..Limits::default()
    });
    let first = server.connect();
    server.connect();
    let (refused, sent) = server.greet(first.session, &first.password);
    assert!(sent.is_empty());
    assert_eq!(server.closed, [refused]);
    server.pass(Duration::from_millis(1_100));
    assert!(server.connect_as(first.session, &first.password).is_some());
    let metrics = server.four_letters("mntr");
    assert!(metrics.contains("zk_connection_rejected\t1\n"), "{metrics}");
}

#[test]
fn requests_above_the_limit_wait_and_are_carried_out_in_their_order() {
    let mut server = limited(Limits {
        requests_max: 1,
        ..Limits::default()
    });
    let (mut one, mut two) = (server.connect(), server.connect());
    let requests = [create("/a", b"", 0), create("/b", b"", 0), get("/b", false)];
    send(&mut server, &mut one, &requests);
    send(
        &mut server,
        &mut two,
        &[get("/a", false), create("/b/c", b"", 0)],
    );
    assert!(
        server
            .four_letters("mntr")
            .contains("zk_request_throttle_wait_count\t4\n")
    );
    server.run();
    assert_eq!(codes(&mut server, &mut one), [0, 0, 0]);
    assert_eq!(codes(&mut server, &mut two), [0, 0]);
    assert!(
        server
            .four_letters("mntr")
            .contains("zk_request_throttle_queue_size\t0\n")
    );
}

#[test]
fn what_waited_too_long_is_refused_but_for_what_keeps_or_ends_a_session() {
    let mut server = limited(Limits {
        requests_max: 1,
        throttled_wait_max: Duration::from_millis(100),
        ..Limits::default()
    });
    let mut client = server.connect();
    let close = Request::Write(zk_types::Op::CloseSession);
    let requests = [
        create("/a", b"", 0),
        get("/a", false),
        Request::Ping,
        create("/b", b"", 0),
        close,
    ];
    send(&mut server, &mut client, &requests);
    server.now += Duration::from_millis(101);
    server.run();
    assert_eq!(codes(&mut server, &mut client), [0, -127, 0, -127, 0]);
    assert_eq!(server.closed, [client.conn]);
    assert!(
        server
            .four_letters("mntr")
            .contains("zk_throttled_ops\t2\n")
    );
}

#[test]
fn what_waited_longer_than_its_session_may_be_silent_closes_its_connection() {
    let mut server = limited(Limits {
        requests_max: 1,
        when_stale: WhenStale::Close,
        ..Limits::default()
    });
    let mut client = server.connect();
    let requests = [create("/a", b"", 0), get("/a", false), get("/a", false)];
    send(&mut server, &mut client, &requests);
    server.now += Duration::from_millis(10_001);
    server.run();
    assert_eq!(codes(&mut server, &mut client), [0]);
    assert_eq!(server.closed, [client.conn]);
}

#[test]
fn a_closed_connection_takes_what_waits_of_it_along() {
    let mut server = limited(Limits {
        requests_max: 1,
        ..Limits::default()
    });
    let (mut one, mut two) = (server.connect(), server.connect());
    send(
        &mut server,
        &mut one,
        &[create("/a", b"", 0), create("/b", b"", 0)],
    );
    send(&mut server, &mut two, &[create("/c", b"", 0)]);
    server.input(Input::ClientClosed { conn: one.conn });
    server.run();
    assert_eq!(codes(&mut server, &mut two), [0]);
    assert_eq!(server.ask(&mut two, &get("/b", false))[0].err(), -101);
}

#[test]
fn who_does_not_read_keeps_nobody_else_waiting() {
    let mut server = limited(Limits {
        requests_max: 1,
        ..Limits::default()
    });
    let data = vec![7; 1 << 19];
    let (mut deaf, mut other) = (server.connect(), server.connect());
    send(&mut server, &mut deaf, &[create("/large", &data, 0)]);
    server.run();
    let reads: Vec<_> = std::iter::repeat_with(|| get("/large", false))
        .take(50)
        .collect();
    send(&mut server, &mut other, &[create("/a", b"", 0)]);
    send(&mut server, &mut deaf, &reads);
    server.run();
    assert_eq!(codes(&mut server, &mut other), [0]);
    let metrics = server.four_letters("mntr");
    assert!(metrics.contains("zk_request_throttle_queue_size\t0\n"));
    let mut answers = 0;
    while let Some(sent) = server.sent.remove(&deaf.conn) {
        answers += deaf.decode(&sent).len();
        server.input(Input::ClientSent {
            conn: deaf.conn,
            bytes: sent.len(),
        });
        server.run();
    }
    assert_eq!(answers, 51);
}

#[test]
fn one_large_request_too_many_costs_its_sender_the_connection() {
    let mut server = limited(Limits {
        large_requests: Some(LargeRequestLimits {
            above_bytes: 1_000,
            bytes_max: 2_500,
        }),
        ..Limits::default()
    });
    let data = [7; 1_500];
    let mut client = server.connect();
    send(
        &mut server,
        &mut client,
        &[create("/a", &data, 0), create("/s", b"", 0)],
    );
    server.run();
    assert_eq!(codes(&mut server, &mut client), [0, 0]);
    send(
        &mut server,
        &mut client,
        &[create("/b", &data, 0), create("/c", &data, 0)],
    );
    server.run();
    assert_eq!(codes(&mut server, &mut client), [0]);
    assert_eq!(server.closed, [client.conn]);
    assert!(
        server
            .four_letters("mntr")
            .contains("zk_large_requests_rejected\t1\n")
    );
}

#[test]
fn the_time_to_greet_is_the_configured_one() {
    let mut server = limited(Limits {
        greeting: Duration::from_millis(300),
        ..Limits::default()
    });
    let conn = server.connect_raw();
    server.pass(Duration::from_millis(299));
    assert!(server.closed.is_empty());
    server.pass(Duration::from_millis(1));
    assert_eq!(server.closed, [conn]);
}

#[test]
fn what_can_be_written_can_be_read_by_a_client_with_the_same_limit() {
    let mut server = Standalone::start();
    let mut client = server.connect();
    server.ask(&mut client, &create("/a", b"", 0));
    let bytes_max = config().frame_bytes_max;
    let data = vec![7; bytes_max - 87];
    assert_eq!(server.ask(&mut client, &set("/a", &data, -1))[0].err(), -8);
    assert_eq!(
        server.ask(&mut client, &create("/b", &data[..], 0))[0].err(),
        -8
    );
    assert_eq!(
        server.ask(&mut client, &set("/a", &data[1..], -1))[0].err(),
        0
    );
    let conn = client.conn;
    let request = client.encode(&get("/a", false));
    server.input(Input::ClientBytes {
        conn,
        bytes: &request,
    });
    server.run();
    let frame_bytes = server.sent[&conn].len() - 4;
    assert_eq!(frame_bytes, bytes_max);
}
