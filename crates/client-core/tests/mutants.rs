//! The wrong variants of this crate are wrong. Runs with `--cfg mutants` only, in a process of its
//! own, because a mutant is switched on for the whole process.
#![cfg(mutants)]

use client_core::{
    AddWatchMode, Client, ClientConfig, ClientRequest, Input, Output, Ticket, Watcher,
};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use zk_proto::{ConnectResponse, OpCode, RequestHeader, reply};
use zk_types::{Instant, SessionId, Zxid};

fn step(client: &mut Client, input: Input<'_>) -> Vec<Output> {
    client.handle(Instant::from_millis(1_000), input);
    std::iter::from_fn(|| client.poll_output()).collect()
}

fn connect(client: &mut Client) -> Vec<Output> {
    step(client, Input::Timeout);
    step(client, Input::Connected);
    let mut wire = Vec::new();
    ConnectResponse {
        timeout_ms: 9_000,
        session: SessionId(7),
        password: &[7; 16],
        read_only: Some(false),
    }
    .encode(&mut wire);
    step(client, Input::Bytes(&wire))
}

/// Whether a watch is armed again on a second connection.
fn watches_are_armed_again() -> bool {
    let config = ClientConfig {
        backoff_min: std::time::Duration::ZERO,
        ..ClientConfig::new(1)
    };
    let mut client = Client::new(config, ChaCha8Rng::from_seed([0; 32]));
    connect(&mut client);
    let request = ClientRequest::AddWatch {
        path: "/a".into(),
        mode: AddWatchMode::Persistent,
        watcher: Watcher::Session,
    };
    let outputs = step(
        &mut client,
        Input::Request {
            ticket: Ticket(0),
            request,
        },
    );
    let [Output::Send(frame)] = &outputs[..] else {
        panic!("{outputs:?}")
    };
    let (header, _) = RequestHeader::decode(&frame[4..]).expect("a whole frame");
    let mut wire = Vec::new();
    reply::add_watch(&mut wire, header.xid, Zxid(1));
    step(&mut client, Input::Bytes(&wire));
    step(&mut client, Input::Closed);
    connect(&mut client).iter().any(|output| {
        if let Output::Send(frame) = output {
            let (header, _) = RequestHeader::decode(&frame[4..]).expect("a whole frame");
            return header.opcode == OpCode::SetWatches2.code();
        }
        false
    })
}

#[test]
fn lost_setwatches_arms_nothing_again() {
    assert!(watches_are_armed_again());
    zk_types::activate_mutant("lost-setwatches");
    assert!(!watches_are_armed_again());
    zk_types::activate_mutant("");
}
