//! Who is told of what.

#[path = "support/model.rs"]
mod model;
#[path = "support/steps.rs"]
mod steps;

use proptest::prelude::*;
use watch::{EventKind, RemoveKind, Table, WatchTable};

use EventKind::{ChildrenChanged, Created, DataChanged, Deleted};

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_table_agrees_with_two_plain_maps(steps in steps::steps()) {
        prop_assert_eq!(model::run(&steps), Ok(()));
    }
}

type Event = (u8, EventKind, String);

/// The effects of a creation, a change and a deletion, in the order a server triggers them.
fn create(watches: &mut WatchTable<u8>, parent: &str, path: &str) -> Vec<Event> {
    collect(|out| {
        watches.created(path, out);
        watches.children_changed(parent, out);
    })
}

fn set_data(watches: &mut WatchTable<u8>, path: &str) -> Vec<Event> {
    collect(|out| watches.data_changed(path, out))
}

fn delete(watches: &mut WatchTable<u8>, parent: &str, path: &str) -> Vec<Event> {
    collect(|out| {
        watches.deleted(path, out);
        watches.children_changed(parent, out);
    })
}

fn collect(trigger: impl FnOnce(&mut dyn FnMut(u8, EventKind, &str))) -> Vec<Event> {
    let mut events = Vec::new();
    trigger(&mut |watcher, kind, path| events.push((watcher, kind, path.to_owned())));
    events
}

fn event(watcher: u8, kind: EventKind, path: &str) -> Event {
    (watcher, kind, path.to_owned())
}

fn empty() -> WatchTable<u8> {
    WatchTable::new([0, 1])
}

#[test]
fn a_standard_watch_fires_once() {
    let mut watches = empty();
    watches.add_standard(Table::Data, "/a", 1);
    watches.add_standard(Table::Data, "/a", 1);
    assert_eq!(create(&mut watches, "/", "/a"), [event(1, Created, "/a")]);
    assert_eq!(set_data(&mut watches, "/a"), []);
    assert_eq!(
        (watches.watches(), watches.paths(), watches.watchers()),
        (0, 0, 0)
    );
}

#[test]
fn a_persistent_watch_hears_of_the_node_and_of_its_children() {
    let mut watches = empty();
    watches.add_persistent("/p", 1);
    assert_eq!(
        create(&mut watches, "/p", "/p/a"),
        [event(1, ChildrenChanged, "/p")]
    );
    assert_eq!(set_data(&mut watches, "/p"), [event(1, DataChanged, "/p")]);
    assert_eq!(set_data(&mut watches, "/p/a"), []);
    assert_eq!(delete(&mut watches, "/", "/p"), [event(1, Deleted, "/p")]);
    assert_eq!(create(&mut watches, "/", "/p"), [event(1, Created, "/p")]);
    assert_eq!(watches.watches(), 2);
}

#[test]
fn a_recursive_watch_hears_of_every_descendant_but_never_of_children() {
    let mut watches = empty();
    watches.add_recursive("/p", 1);
    assert_eq!(
        create(&mut watches, "/p", "/p/a"),
        [event(1, Created, "/p/a")]
    );
    assert_eq!(
        set_data(&mut watches, "/p/a/b/c"),
        [event(1, DataChanged, "/p/a/b/c")]
    );
    assert_eq!(
        delete(&mut watches, "/p", "/p/a"),
        [event(1, Deleted, "/p/a")]
    );
    assert_eq!(set_data(&mut watches, "/pq"), []);
    assert_eq!(set_data(&mut watches, "/"), []);
}

#[test]
fn a_recursive_watch_on_the_root_hears_of_everything() {
    let mut watches = empty();
    watches.add_recursive("/", 1);
    for path in ["/", "/a", "/a/b", "/é/ü"] {
        assert_eq!(set_data(&mut watches, path), [event(1, DataChanged, path)]);
    }
}

#[test]
fn a_watcher_with_several_matching_watches_is_told_once() {
    let mut watches = empty();
    watches.add_recursive("/", 1);
    watches.add_recursive("/p", 1);
    watches.add_recursive("/p/a", 1);
    watches.add_persistent("/p/a", 1);
    watches.add_standard(Table::Data, "/p/a", 1);
    assert_eq!(
        set_data(&mut watches, "/p/a"),
        [event(1, DataChanged, "/p/a")]
    );
}

#[test]
fn persistent_and_recursive_together_hear_of_the_child_and_then_of_the_children() {
    let mut watches = empty();
    watches.add_persistent("/p", 1);
    watches.add_recursive("/p", 1);
    assert_eq!(
        create(&mut watches, "/p", "/p/a"),
        [event(1, Created, "/p/a"), event(1, ChildrenChanged, "/p")]
    );
}

#[test]
fn a_deletion_tells_child_watchers_unless_they_were_told_and_consumes_both_tables() {
    let mut watches = empty();
    watches.add_standard(Table::Data, "/a", 1);
    watches.add_standard(Table::Child, "/a", 1);
    watches.add_standard(Table::Child, "/a", 0);
    watches.add_standard(Table::Child, "/", 1);
    assert_eq!(
        delete(&mut watches, "/", "/a"),
        [
            event(1, Deleted, "/a"),
            event(0, Deleted, "/a"),
            event(1, ChildrenChanged, "/")
        ]
    );
    assert_eq!(watches.watches(), 0);
}

#[test]
fn a_recursive_watcher_above_is_not_told_twice_of_a_deletion() {
    let mut watches = empty();
    watches.add_recursive("/", 1);
    watches.add_standard(Table::Child, "/a", 1);
    assert_eq!(delete(&mut watches, "/", "/a"), [event(1, Deleted, "/a")]);
    assert_eq!(watches.watches(), 1);
}

#[test]
fn a_removal_means_exactly_its_kind_and_path() {
    let mut watches = empty();
    watches.add_standard(Table::Data, "/a", 1);
    watches.add_recursive("/a", 1);
    assert!(!watches.remove(1, "/a", RemoveKind::Children));
    assert!(!watches.remove(1, "/a", RemoveKind::Persistent));
    assert!(!watches.remove(1, "/a/b", RemoveKind::PersistentRecursive));
    assert!(!watches.remove(2, "/a", RemoveKind::Any));
    assert!(watches.contains(1, "/a", RemoveKind::PersistentRecursive));
    assert!(watches.remove(1, "/a", RemoveKind::PersistentRecursive));
    assert!(watches.remove(1, "/a", RemoveKind::Data));
    assert!(!watches.remove(1, "/a", RemoveKind::Any));
}

#[test]
fn a_closed_connection_leaves_nothing_behind_and_others_alone() {
    let mut watches = empty();
    for path in ["/a", "/b", "/c"] {
        watches.add_standard(Table::Data, path, 1);
        watches.add_persistent(path, 2);
    }
    watches.drop_watcher(1);
    watches.drop_watcher(3);
    assert_eq!(
        (watches.watches(), watches.paths(), watches.watchers()),
        (6, 3, 1)
    );
    assert_eq!(set_data(&mut watches, "/b"), [event(2, DataChanged, "/b")]);
}

#[test]
fn a_crowd_on_one_path_is_told_in_order_and_forgotten() {
    let mut watches = WatchTable::new([0, 1]);
    for watcher in (0..10_000u32).rev() {
        watches.add_standard(Table::Child, "/group", watcher);
    }
    let mut told = Vec::new();
    watches.children_changed("/group", &mut |watcher, _, _| told.push(watcher));
    assert_eq!(told, (0..10_000).collect::<Vec<_>>());
    assert_eq!(
        (watches.watches(), watches.paths(), watches.watchers()),
        (0, 0, 0)
    );
}

#[test]
fn the_numbers_are_those_of_the_wire() {
    let kinds = [Created, Deleted, DataChanged, ChildrenChanged];
    assert_eq!(kinds.map(EventKind::code), [1, 2, 3, 4]);
    let removals: Vec<_> = (0..=6).map(RemoveKind::from_code).collect();
    assert_eq!(
        removals,
        [
            None,
            Some(RemoveKind::Children),
            Some(RemoveKind::Data),
            Some(RemoveKind::Any),
            Some(RemoveKind::Persistent),
            Some(RemoveKind::PersistentRecursive),
            None,
        ]
    );
}
