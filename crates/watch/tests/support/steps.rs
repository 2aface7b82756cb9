//! Random scripts for the model.

use crate::model::{PATHS, REMOVALS, Registration, Step, WATCHERS};
use proptest::prelude::*;
use watch::{EventKind, Table};

/// Scripts of a length that reaches the odd corners and shrinks quickly.
pub(crate) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let registration = || {
        prop_oneof![
            Just(Registration::Standard(Table::Data)),
            Just(Registration::Standard(Table::Child)),
            Just(Registration::Persistent),
            Just(Registration::Recursive),
        ]
    };
    let kind = prop_oneof![
        Just(EventKind::Created),
        Just(EventKind::Deleted),
        Just(EventKind::DataChanged),
        Just(EventKind::ChildrenChanged),
    ];
    let path = 0..PATHS.len();
    let removal = prop::sample::select(&REMOVALS[..]);
    let step = prop_oneof![
        8 => (registration(), path.clone(), 0..WATCHERS).prop_map(|(r, p, w)| Step::Add(r, p, w)),
        1 => (registration(), path.clone()).prop_map(|(r, p)| Step::AddAll(r, p)),
        3 => (0..WATCHERS, path.clone(), removal).prop_map(|(w, p, k)| Step::Remove(w, p, k)),
        2 => (0..WATCHERS).prop_map(Step::Drop),
        5 => (kind, path).prop_map(|(k, p)| Step::Trigger(k, p)),
    ];
    prop::collection::vec(step, 0..150)
}
