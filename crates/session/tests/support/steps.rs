//! Random scripts for the model.

use crate::model::Step;
use proptest::prelude::*;

/// Scripts of a length that reaches the odd corners and shrinks quickly.
pub(crate) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let id = 1..7i64;
    let server = 1..4u64;
    let step = prop_oneof![
        4 => (0..900u64).prop_map(Step::Advance),
        4 => (id.clone(), prop_oneof![Just(0), Just(-5), 1..3_000i32])
            .prop_map(|(id, timeout)| Step::Track(id, timeout)),
        6 => id.clone().prop_map(Step::Touch),
        1 => id.clone().prop_map(Step::Close),
        2 => id.clone().prop_map(Step::Forget),
        4 => Just(Step::Expire),
        4 => (id.clone(), server.clone()).prop_map(|(id, server)| Step::Check(id, server)),
        2 => (id, server).prop_map(|(id, server)| Step::Reopen(id, server)),
        1 => Just(Step::NewLeader),
    ];
    prop::collection::vec(step, 0..120)
}
