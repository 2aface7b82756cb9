//! Small worlds driven by hand, one fault each.

use client_core::{ClientError, ClientRequest, Create, CreateMode, CreateReply, Response};
use sim::{Locality, Minority, Sizes, Stage};
use zk_types::{Acl, ErrorCode, Perms};

fn create(path: &str, mode: CreateMode) -> ClientRequest {
    ClientRequest::Create(Create {
        path: path.to_owned(),
        data: Some(path.as_bytes().to_vec()),
        acl: vec![Acl::world(Perms::ALL)],
        mode,
        reply: CreateReply::Path,
    })
}

fn exists(path: &str) -> ClientRequest {
    ClientRequest::Exists {
        path: path.to_owned(),
        watch: None,
    }
}

fn sync() -> ClientRequest {
    ClientRequest::Sync {
        path: "/".to_owned(),
    }
}

fn is_there(stage: &mut Stage, client: usize, path: &str) -> bool {
    insist(stage, client, &sync());
    let response = insist(stage, client, &exists(path));
    let Response::Exists(found) = response else {
        panic!("{response:?} answers an exists");
    };
    found.is_some()
}

/// Asks until the answer is not lost with a connection.
fn insist(stage: &mut Stage, client: usize, request: &ClientRequest) -> Response {
    for _ in 0..20 {
        if let Ok(response) = stage.ask(client, request.clone()) {
            return response;
        }
    }
    panic!("{request:?} was never answered");
}

#[test]
fn an_isolated_leader_is_replaced_and_nothing_acknowledged_is_lost() {
    let mut stage = Stage::new(1, Sizes::default());
    stage
        .ask(0, create("/before", CreateMode::Persistent))
        .unwrap();
    let old = stage.leader();
    stage.isolate(old);
    stage.work_ms(8_000);
    stage.settle();
    assert!(is_there(&mut stage, 1, "/before"));
    stage.finish();
}

#[test]
fn an_ensemble_that_loses_all_power_at_once_remembers_what_it_acknowledged() {
    let mut stage = Stage::new(2, Sizes::default());
    stage.work_ms(2_000);
    stage
        .ask(0, create("/before", CreateMode::Persistent))
        .unwrap();
    for server in 0..3 {
        stage.cut_power(server);
    }
    stage.pass_ms(1_000);
    for server in 0..3 {
        stage.start(server);
    }
    stage.settle();
    insist(&mut stage, 1, &sync());
    assert!(is_there(&mut stage, 1, "/before"));
    stage.finish();
}

#[test]
fn a_follower_that_dies_while_it_catches_up_catches_up_later() {
    for effects in [5, 20, 60, 150] {
        let mut stage = Stage::new(3, Sizes::default());
        let follower = stage.follower();
        stage.cut_power(follower);
        stage.work_ms(3_000);
        stage.start(follower);
        stage.cut_power_after(follower, effects);
        stage.work_ms(3_000);
        stage.start(follower);
        stage.settle();
        stage.finish();
    }
}

#[test]
fn a_wiped_server_of_a_minority_joins_again() {
    let mut stage = Stage::new(4, Sizes::default());
    stage.work_ms(2_000);
    let follower = stage.follower();
    stage.cut_power(follower);
    stage.wipe(follower);
    stage.work_ms(1_000);
    stage.start(follower);
    stage.settle();
    // Now that it counts again, another one may go.
    stage.pass_ms(2_000);
    let other = (0..3).find(|server| *server != follower).unwrap();
    stage.kill(other);
    insist(
        &mut stage,
        0,
        &create("/after", CreateMode::PersistentSequential),
    );
    stage.start(other);
    stage.settle();
    stage.finish();
}

#[test]
fn a_server_far_behind_is_brought_up_by_a_snapshot() {
    let sizes = Sizes {
        snapshot_txns: 20,
        window_bytes_max: 512,
        ..Sizes::default()
    };
    let mut stage = Stage::new(5, sizes);
    let follower = stage.follower();
    stage.kill(follower);
    stage.work_ms(6_000);
    stage.start(follower);
    stage.settle();
    assert!(stage.noted("SNAP") > 0, "a snapshot was sent");
    stage.finish();
}

#[test]
fn the_ephemerals_of_a_silent_client_go_with_its_session() {
    let mut stage = Stage::new(6, Sizes::default());
    stage
        .ask(0, create("/mine", CreateMode::Ephemeral))
        .unwrap();
    assert!(is_there(&mut stage, 1, "/mine"));
    stage.freeze(0);
    stage.pass_ms(8_000);
    assert!(!is_there(&mut stage, 1, "/mine"));
    stage.finish();
}

#[test]
fn a_session_moves_to_another_server_with_its_ephemerals() {
    let mut stage = Stage::new(7, Sizes::default());
    stage
        .ask(0, create("/mine", CreateMode::Ephemeral))
        .unwrap();
    let first = stage.server_of(0);
    for _ in 0..10 {
        stage.disconnect(0);
        insist(&mut stage, 0, &exists("/mine"));
        if stage.server_of(0) != first {
            break;
        }
    }
    assert_ne!(stage.server_of(0), first);
    insist(&mut stage, 0, &create("/also-mine", CreateMode::Ephemeral));
    assert!(is_there(&mut stage, 1, "/mine"));
    stage.finish();
}

#[test]
fn a_read_after_a_sync_sees_what_another_client_wrote_before() {
    let mut stage = Stage::new(
        8,
        Sizes {
            clients: 3,
            ..Sizes::default()
        },
    );
    for round in 0..20 {
        let path = format!("/round-{round}");
        stage
            .ask(round % 3, create(&path, CreateMode::Persistent))
            .unwrap();
        assert!(is_there(&mut stage, (round + 1) % 3, &path));
    }
    stage.finish();
}

#[test]
fn a_server_that_stands_alone_remembers_across_a_power_loss() {
    let mut stage = Stage::new(
        9,
        Sizes {
            servers: 1,
            ..Sizes::default()
        },
    );
    stage
        .ask(0, create("/before", CreateMode::Persistent))
        .unwrap();
    stage.cut_power(0);
    stage.start(0);
    stage.settle();
    insist(&mut stage, 1, &sync());
    assert!(is_there(&mut stage, 1, "/before"));
    stage.finish();
}

fn local(locality: Locality) -> Sizes {
    Sizes {
        locality,
        ..Sizes::default()
    }
}

/// Breaks a client's connection until it is served by a server other than `home`.
fn move_away(stage: &mut Stage, client: usize, home: Option<usize>) {
    for _ in 0..20 {
        stage.disconnect(client);
        insist(stage, client, &exists("/"));
        if stage.server_of(client) != home {
            return;
        }
    }
    panic!("the client was served elsewhere");
}

#[test]
fn a_local_session_writes_and_is_known_to_nobody_else() {
    let mut stage = Stage::new(10, local(Locality::Local));
    insist(&mut stage, 0, &create("/a", CreateMode::Persistent));
    assert!(is_there(&mut stage, 1, "/a"));
    assert_eq!(stage.sessions(), (0, 2));
    let refused = stage.ask(0, create("/mine", CreateMode::Ephemeral));
    let code = ErrorCode::EphemeralOnLocalSession;
    assert_eq!(refused.unwrap_err(), ClientError::Server(code));
    stage.finish();
}

#[test]
fn a_session_that_wants_an_ephemeral_node_becomes_known_to_all_and_may_move() {
    let mut stage = Stage::new(11, local(Locality::UntilEphemeral));
    for client in [0, 1] {
        insist(&mut stage, client, &exists("/"));
    }
    assert_eq!(stage.sessions(), (0, 2));
    insist(&mut stage, 0, &create("/mine", CreateMode::Ephemeral));
    assert_eq!(stage.sessions(), (1, 1));
    let home = stage.server_of(0);
    move_away(&mut stage, 0, home);
    assert!(is_there(&mut stage, 1, "/mine"));
    stage.freeze(0);
    stage.pass_ms(8_000);
    assert!(!is_there(&mut stage, 1, "/mine"));
    stage.finish();
}

#[test]
fn a_local_session_ends_with_the_silence_of_its_client() {
    let mut stage = Stage::new(12, local(Locality::UntilEphemeral));
    for client in [0, 1] {
        insist(&mut stage, client, &exists("/"));
    }
    stage.freeze(0);
    stage.pass_ms(8_000);
    assert_eq!(stage.sessions(), (0, 1));
    stage.finish();
}

#[test]
fn what_is_left_of_an_ensemble_is_read_and_written_again_once_it_is_whole() {
    let sizes = Sizes {
        minority: Minority::Readable,
        ..Sizes::default()
    };
    let mut stage = Stage::new(13, sizes);
    insist(&mut stage, 0, &create("/a", CreateMode::Persistent));
    let survivor = stage.leader();
    for server in (0..3).filter(|server| *server != survivor) {
        stage.kill(server);
    }
    stage.pass_ms(8_000);
    let response = insist(&mut stage, 0, &exists("/a"));
    assert!(matches!(response, Response::Exists(Some(_))));
    let refused = stage.ask(0, create("/b", CreateMode::Persistent));
    let code = ErrorCode::NotReadOnly;
    assert_eq!(refused.unwrap_err(), ClientError::Server(code));
    for server in (0..3).filter(|server| *server != survivor) {
        stage.start(server);
    }
    stage.settle();
    stage.pass_ms(2_000);
    insist(&mut stage, 0, &create("/c", CreateMode::Persistent));
    stage.finish();
}
