//! Sessions that one server keeps for itself. Source: `client-protocol.md` §2.8.

use crate::support::*;
use replica::LocalSessions;
use zk_proto::Request;
use zk_types::{Op, SessionId};

fn three(local: LocalSessions) -> Ensemble {
    let storage = Storage {
        snapshot_txns: 100_000,
        window_bytes_max: 1 << 20,
    };
    let mut ensemble = Ensemble::start_with(3, storage, 1, |config| config.sessions.local = local);
    ensemble.pass(TICK);
    ensemble
}

fn connect(ensemble: &mut Ensemble, index: usize) -> Client {
    ensemble
        .connect(index, SessionId::NONE, &[0; 16])
        .expect("a new session is granted")
}

#[test]
fn a_local_session_takes_no_zxid_to_begin_and_none_to_end_and_may_write() {
    let mut ensemble = three(LocalSessions::Always);
    for index in 0..3 {
        let before = ensemble.applied();
        let mut client = connect(&mut ensemble, index);
        assert_eq!(ensemble.applied(), before);
        let heard = ensemble.ask(index, &mut client, &create(&format!("/{index}"), b"", 0));
        assert_eq!(heard[0].err(), 0);
        let after = before.successor().expect("a zxid");
        let end = ensemble.ask(index, &mut client, &Request::Write(Op::CloseSession));
        assert_eq!((end[0].err(), end[0].zxid()), (0, after));
        assert!(!ensemble.is_open(index, client.conn));
        assert_eq!(ensemble.applied(), after);
    }
}

#[test]
fn a_local_session_is_unknown_elsewhere_and_resumed_at_home() {
    let mut ensemble = three(LocalSessions::Always);
    let client = connect(&mut ensemble, 0);
    let elsewhere = ensemble.connect(1, client.session, &client.password);
    assert!(elsewhere.is_none());
    let home = ensemble.connect(0, client.session, &client.password);
    assert!(home.is_some());
}

#[test]
fn a_session_that_stays_local_owns_no_ephemeral_node() {
    let mut ensemble = three(LocalSessions::Always);
    for index in 0..3 {
        let mut client = connect(&mut ensemble, index);
        for flags in [1, 3] {
            let heard = ensemble.ask(index, &mut client, &create("/e", b"", flags));
            assert_eq!(heard[0].err(), -120);
        }
        assert!(ensemble.is_open(index, client.conn));
    }
}

#[test]
fn a_session_becomes_global_with_its_first_ephemeral_node_and_moves_from_then_on() {
    let mut ensemble = three(LocalSessions::UntilEphemeral);
    for index in 0..3 {
        let mut client = connect(&mut ensemble, index);
        let before = ensemble.applied();
        let path = format!("/e{index}");
        let heard = ensemble.ask(index, &mut client, &create(&path, b"", 1));
        assert_eq!(heard[0].err(), 0);
        assert_eq!(
            ensemble.applied().0,
            before.0 + 2,
            "the session, then the node"
        );
        let replicas: Vec<_> = ensemble.replicas().collect();
        assert!(
            replicas
                .iter()
                .all(|replica| replica.sessions().contains(client.session))
        );
        let to = (index + 1) % 3;
        let mut moved = ensemble
            .connect(to, client.session, &client.password)
            .expect("it is known there now");
        let heard = ensemble.ask(to, &mut moved, &get(&path, false));
        assert_eq!(heard[0].err(), 0);
    }
}

#[test]
fn what_a_session_asked_before_it_became_global_is_carried_out_in_its_order() {
    let mut ensemble = three(LocalSessions::UntilEphemeral);
    for index in 0..3 {
        let mut client = connect(&mut ensemble, index);
        let (first, second) = (format!("/p{index}"), format!("/e{index}"));
        let mut bytes = client.encode(&create(&first, b"", 0));
        bytes.extend(client.encode(&create(&second, b"", 1)));
        ensemble.send(index, client.conn, &bytes);
        ensemble.run();
        let heard = ensemble.hear(index, &mut client);
        let codes: Vec<_> = heard.iter().map(Heard::err).collect();
        assert_eq!(codes, [0, 0]);
    }
}
