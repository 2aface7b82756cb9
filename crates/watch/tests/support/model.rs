//! The table against two plain maps, written from §7 of the protocol reference alone.

use std::collections::{BTreeMap, BTreeSet};
use watch::{DataWatches, EventKind, RemoveKind, Table, WatchTable};

pub(crate) const PATHS: [&str; 9] = [
    "/",
    "/a",
    "/a/b",
    "/a/b/c",
    "/a/bc",
    "/ab",
    "/é",
    "/a/b/c/d/e/f",
    "/zookeeper",
];
pub(crate) const WATCHERS: u32 = 14;
pub(crate) const REMOVALS: [RemoveKind; 5] = [
    RemoveKind::Children,
    RemoveKind::Data,
    RemoveKind::Any,
    RemoveKind::Persistent,
    RemoveKind::PersistentRecursive,
];

/// How a watch is registered.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Registration {
    Standard(Table),
    Persistent,
    Recursive,
}

/// What is done next.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Add(Registration, usize, u32),
    /// Every watcher registers.
    AddAll(Registration, usize),
    Remove(u32, usize, RemoveKind),
    Drop(u32),
    Trigger(EventKind, usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Mode {
    Standard,
    Persistent,
    Recursive,
}

type Entries = BTreeMap<&'static str, BTreeMap<u32, BTreeSet<Mode>>>;
type Event = (u32, EventKind, String);

#[derive(Default)]
struct Model {
    data: Entries,
    child: Entries,
}

/// Runs the steps and names the first difference.
pub(crate) fn run(steps: &[Step]) -> Result<(), String> {
    let mut table = WatchTable::new([3, 5]);
    let mut model = Model::default();
    for (at, step) in steps.iter().enumerate() {
        take(&mut table, &mut model, step).map_err(|what| format!("{step:?}: {what}"))?;
        if at % 16 == 15 || at + 1 == steps.len() {
            check(&table, &model).map_err(|what| format!("after {step:?}: {what}"))?;
        }
    }
    for watcher in 0..WATCHERS {
        table.drop_watcher(watcher);
    }
    same("watches left", &table.watches(), &0)?;
    same("paths left", &table.paths(), &0)
}

fn take(table: &mut WatchTable<u32>, model: &mut Model, step: &Step) -> Result<(), String> {
    match *step {
        Step::Add(registration, path, watcher) => {
            add(table, model, registration, PATHS[path], watcher);
            Ok(())
        }
        Step::AddAll(registration, path) => {
            for watcher in 0..WATCHERS {
                add(table, model, registration, PATHS[path], watcher);
            }
            Ok(())
        }
        Step::Remove(watcher, path, kind) => {
            let path = PATHS[path];
            same(
                "removed",
                &table.remove(watcher, path, kind),
                &model.remove(watcher, path, kind),
            )
        }
        Step::Drop(watcher) => {
            table.drop_watcher(watcher);
            for path in PATHS {
                model.remove(watcher, path, RemoveKind::Any);
            }
            Ok(())
        }
        Step::Trigger(kind, path) => {
            let path = PATHS[path];
            let mut events: Vec<Event> = Vec::new();
            let mut out =
                |watcher, kind, path: &str| events.push((watcher, kind, String::from(path)));
            match kind {
                EventKind::Created => table.created(path, &mut out),
                EventKind::Deleted => table.deleted(path, &mut out),
                EventKind::DataChanged => table.data_changed(path, &mut out),
                EventKind::ChildrenChanged => table.children_changed(path, &mut out),
            }
            same("events", &events, &model.trigger(path, kind))
        }
    }
}

fn add(
    table: &mut WatchTable<u32>,
    model: &mut Model,
    registration: Registration,
    path: &'static str,
    watcher: u32,
) {
    match registration {
        Registration::Standard(which) => {
            table.add_standard(which, path, watcher);
            let entries = match which {
                Table::Data => &mut model.data,
                Table::Child => &mut model.child,
            };
            modes(entries, path, watcher).insert(Mode::Standard);
        }
        Registration::Persistent => {
            table.add_persistent(path, watcher);
            modes(&mut model.data, path, watcher).insert(Mode::Persistent);
            modes(&mut model.child, path, watcher).insert(Mode::Persistent);
        }
        Registration::Recursive => {
            table.add_recursive(path, watcher);
            modes(&mut model.data, path, watcher).insert(Mode::Recursive);
        }
    }
}

fn modes<'a>(entries: &'a mut Entries, path: &'static str, watcher: u32) -> &'a mut BTreeSet<Mode> {
    entries.entry(path).or_default().entry(watcher).or_default()
}

impl Model {
    fn has(&self, watcher: u32, path: &str, kind: RemoveKind) -> bool {
        let has = |entries: &Entries, mode| {
            entries
                .get(path)
                .and_then(|watchers| watchers.get(&watcher))
                .is_some_and(|modes| modes.contains(&mode))
        };
        match kind {
            RemoveKind::Children => has(&self.child, Mode::Standard),
            RemoveKind::Data => has(&self.data, Mode::Standard),
            RemoveKind::Persistent => has(&self.data, Mode::Persistent),
            RemoveKind::PersistentRecursive => has(&self.data, Mode::Recursive),
            RemoveKind::Any => REMOVALS
                .into_iter()
                .any(|kind| kind != RemoveKind::Any && self.has(watcher, path, kind)),
        }
    }

    fn remove(&mut self, watcher: u32, path: &'static str, kind: RemoveKind) -> bool {
        let had = self.has(watcher, path, kind);
        let Model { data, child } = self;
        match kind {
            RemoveKind::Children => _ = modes(child, path, watcher).remove(&Mode::Standard),
            RemoveKind::Data => _ = modes(data, path, watcher).remove(&Mode::Standard),
            RemoveKind::Any => {
                modes(data, path, watcher).clear();
                modes(child, path, watcher).clear();
            }
            RemoveKind::Persistent => {
                modes(data, path, watcher).remove(&Mode::Persistent);
                modes(child, path, watcher).remove(&Mode::Persistent);
            }
            RemoveKind::PersistentRecursive => {
                modes(data, path, watcher).remove(&Mode::Recursive);
            }
        }
        self.tidy();
        had
    }

    fn trigger(&mut self, path: &str, kind: EventKind) -> Vec<Event> {
        let nobody = BTreeSet::new();
        let (data, child) = match kind {
            EventKind::Created | EventKind::DataChanged => (self.data_table(path), nobody),
            EventKind::Deleted => {
                let data = self.data_table(path);
                let child = self.child_table(path).difference(&data).copied().collect();
                (data, child)
            }
            EventKind::ChildrenChanged => (nobody, self.child_table(path)),
        };
        self.tidy();
        data.into_iter()
            .chain(child)
            .map(|watcher| (watcher, kind, path.to_owned()))
            .collect()
    }

    fn data_table(&mut self, path: &str) -> BTreeSet<u32> {
        let mut told = BTreeSet::new();
        for (&watched, watchers) in &mut self.data {
            let is_ancestor =
                path != watched && (watched == "/" || path.starts_with(&format!("{watched}/")));
            for (&watcher, modes) in watchers {
                if watched == path || (is_ancestor && modes.contains(&Mode::Recursive)) {
                    told.insert(watcher);
                }
                if watched == path {
                    modes.remove(&Mode::Standard);
                }
            }
        }
        told
    }

    fn child_table(&mut self, path: &str) -> BTreeSet<u32> {
        let Some(watchers) = self.child.get_mut(path) else {
            return BTreeSet::new();
        };
        let told = watchers.keys().copied().collect();
        for modes in watchers.values_mut() {
            modes.remove(&Mode::Standard);
        }
        told
    }

    fn tidy(&mut self) {
        for entries in [&mut self.data, &mut self.child] {
            for watchers in entries.values_mut() {
                watchers.retain(|_, modes| !modes.is_empty());
            }
            entries.retain(|_, watchers| !watchers.is_empty());
        }
    }
}

fn check(table: &WatchTable<u32>, model: &Model) -> Result<(), String> {
    let mut paths: BTreeSet<&str> = BTreeSet::new();
    let mut every_watcher: BTreeSet<u32> = BTreeSet::new();
    let mut watches = 0;
    for (&path, watchers) in model.data.iter().chain(&model.child) {
        for &watcher in watchers.keys() {
            paths.insert(path);
            every_watcher.insert(watcher);
            watches += 1;
        }
    }
    same("watches", &table.watches(), &watches)?;
    same("paths", &table.paths(), &paths.len())?;
    same("watchers", &table.watchers(), &every_watcher.len())?;
    let mut by_path: BTreeMap<&str, BTreeSet<u32>> = BTreeMap::new();
    let mut by_watcher: BTreeMap<u32, BTreeSet<&str>> = BTreeMap::new();
    for (&path, watchers) in &model.data {
        for &watcher in watchers.keys() {
            by_path.entry(path).or_default().insert(watcher);
            by_watcher.entry(watcher).or_default().insert(path);
        }
    }
    let data_watches = DataWatches {
        watchers: by_watcher.len(),
        paths: by_path.len(),
        pairs: by_path.values().map(BTreeSet::len).sum(),
    };
    same("data_watches", &table.data_watches(), &data_watches)?;
    let listed = |set: BTreeSet<u32>| set.into_iter().collect::<Vec<_>>();
    let by_path: Vec<_> = by_path
        .into_iter()
        .map(|(path, set)| (path, listed(set)))
        .collect();
    same("by_path", &table.by_path().collect(), &by_path)?;
    let listed = |set: BTreeSet<&'static str>| set.into_iter().collect::<Vec<_>>();
    let by_watcher: Vec<_> = by_watcher
        .into_iter()
        .map(|(w, set)| (w, listed(set)))
        .collect();
    same("by_watcher", &table.by_watcher().collect(), &by_watcher)?;
    for path in PATHS {
        for (watcher, kind) in (0..WATCHERS).flat_map(|w| REMOVALS.map(|kind| (w, kind))) {
            let found = table.contains(watcher, path, kind);
            same("contains", &found, &model.has(watcher, path, kind))?;
        }
    }
    Ok(())
}

fn same<T: PartialEq + core::fmt::Debug>(
    what: &str,
    found: &T,
    expected: &T,
) -> Result<(), String> {
    if found == expected {
        Ok(())
    } else {
        Err(format!("{what}: {found:?}, not {expected:?}"))
    }
}
