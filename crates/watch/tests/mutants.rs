//! Every mutant of this crate is told from the original by the model. Needs `--cfg mutants`.
#![cfg(mutants)]

#[path = "support/model.rs"]
mod model;
#[path = "support/steps.rs"]
mod steps;

use proptest::test_runner::{Config, TestCaseError, TestRunner};

#[test]
fn the_model_kills_every_mutant() {
    for name in [
        "watch-left-armed",
        "child-watch-not-triggered-on-delete",
        "child-watch-left-on-delete",
        "recursive-misses-root",
        "event-per-mode",
    ] {
        assert!(survives(""), "without a mutant the model agrees");
        assert!(!survives(name), "{name} survives");
    }
}

fn survives(mutant: &str) -> bool {
    zk_types::activate_mutant(mutant);
    let config = Config {
        failure_persistence: None,
        ..Config::default()
    };
    TestRunner::new(config)
        .run(&steps::steps(), |steps| {
            model::run(&steps).map_err(TestCaseError::fail)
        })
        .is_ok()
}
