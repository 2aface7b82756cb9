//! Whole servers against a plain model: whatever clients ask, wherever they are connected, whoever
//! stops and starts, every answer is one that the model gives, and all trees are the model's.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod answers;
mod asks;
mod happened;
#[path = "../../../znode-tree/tests/model/reference.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    clippy::wildcard_enum_match_arm,
    reason = "a module of a test is reached from that test, and is plain rather than strict"
)]
mod reference;
#[path = "../../../znode-tree/tests/model/requests.rs"]
#[allow(
    unreachable_pub,
    reason = "a module of a test is reached from that test"
)]
mod requests;
#[path = "../support/mod.rs"]
mod support;
#[path = "../../../znode-tree/tests/model/told.rs"]
#[allow(dead_code, unreachable_pub, reason = "each test uses its part")]
mod told;
mod world;

use asks::Ask;
use proptest::collection::vec;
use proptest::prelude::*;
use requests::{op, path};
use support::Storage;
use told::Told;
use world::{CLIENTS, CONFIG, Step, World};

fn ask(servers: usize) -> BoxedStrategy<Ask> {
    prop_oneof![
        6 => op().prop_map(Ask::Write),
        1 => path().prop_map(Ask::Exists),
        2 => path().prop_map(Ask::GetData),
        1 => path().prop_map(Ask::GetChildren2),
        1 => Just(Ask::Sync),
    ]
    .prop_filter(
        "the model knows neither members nor local sessions",
        move |ask| {
            servers == 1 || !(format!("{ask:?}").contains(CONFIG) || ask.is_only_for_global())
        },
    )
    .boxed()
}

fn burst(servers: usize) -> impl Strategy<Value = Step> {
    let one = vec((0..CLIENTS, vec(ask(servers), 1..8)), 1..=1);
    let several = vec((0..CLIENTS, vec(ask(servers), 1..5)), 2..5);
    prop_oneof![one, several].prop_map(Step::Burst)
}

fn step(servers: usize) -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => burst(servers),
        2 => (1..400_u64).prop_map(Step::Wait),
        1 => (0..CLIENTS).prop_map(Step::Expire),
        2 => (0..CLIENTS, any::<usize>()).prop_map(|(who, to)| Step::Move(who, to)),
        1 => any::<usize>().prop_map(Step::Restart),
        1 => any::<usize>().prop_map(Step::StopOrStart),
    ]
}

fn storage() -> impl Strategy<Value = Storage> {
    let snapshot_txns = prop_oneof![Just(3), Just(17), Just(100_000)];
    let window_bytes_max = prop_oneof![Just(600), Just(1 << 20)];
    (snapshot_txns, window_bytes_max).prop_map(|(snapshot_txns, window_bytes_max)| Storage {
        snapshot_txns,
        window_bytes_max,
    })
}

fn run(servers: usize, cases: u32, steps_max: usize, local: bool) {
    let config = ProptestConfig {
        cases,
        failure_persistence: None,
        max_shrink_iters: 500,
        ..ProptestConfig::default()
    };
    proptest!(config, |(
        storage in storage(),
        turns in any::<u64>(),
        steps in vec(step(servers), 1..steps_max),
    )| {
        World::new(servers, storage, turns, local).run(steps);
    });
}

#[test]
fn a_lone_server_does_what_the_model_does_and_finds_it_again_when_it_starts() {
    run(1, 64, 40, false);
}

#[test]
fn three_servers_are_one_to_their_clients_and_equal_to_each_other() {
    run(3, 40, 30, false);
}

#[test]
fn sessions_that_stay_with_their_server_until_they_want_an_ephemeral_node_change_nothing_else() {
    run(3, 30, 30, true);
}
