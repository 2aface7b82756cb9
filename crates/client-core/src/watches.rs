//! Which watches are set, by path as the server has it, and which of them an event fires.
//!
//! Source: `client-protocol.md` §7; Apache `ZKWatchManager.java`.

use crate::{Ticket, Watcher};
use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use zk_proto::{AddWatchMode, EventKind, SetWatches, WatcherType};

/// One of the five kinds of watches that a client keeps apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Table {
    /// One-shot, on a node that existed.
    Data,
    /// One-shot, on a node that did not exist.
    Exist,
    /// One-shot, on a list of children.
    Child,
    Persistent,
    Recursive,
}

/// A watch that a request asks for, and that is set if its reply says so.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    pub(crate) table: Table,
    pub(crate) path: Box<str>,
    pub(crate) listener: Listener,
}

/// Who listens to a watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listener {
    /// The session's events only.
    Session,
    /// A request's own listener.
    Own(Ticket),
    /// A request's own listener, which went away before the reply came.
    Gone,
}

impl Listener {
    pub(crate) fn new(watcher: Watcher, ticket: Ticket) -> Self {
        match watcher {
            Watcher::Session => Listener::Session,
            Watcher::Own => Listener::Own(ticket),
        }
    }
}

/// Every watch that is set.
#[derive(Clone, Debug, Default)]
pub(crate) struct Watches {
    tables: [BTreeMap<Box<str>, Listeners>; 5],
    /// Where each own listener is.
    own: BTreeMap<Ticket, (Table, Box<str>)>,
}

/// Who listens to the watches of one kind on one path.
#[derive(Clone, Debug, Default)]
struct Listeners {
    session: bool,
    own: Vec<Ticket>,
}

/// What an event or a removal did.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Fired {
    /// Own listeners to tell, each once.
    pub(crate) listeners: Vec<Ticket>,
    /// Those among them that will hear no more.
    pub(crate) ended: Vec<Ticket>,
}

impl Watches {
    /// Sets a watch. A listener that is gone sets nothing.
    pub(crate) fn add(&mut self, wish: Wish) {
        let Wish {
            table,
            path,
            listener,
        } = wish;
        if listener == Listener::Gone {
            return;
        }
        let listeners = self.tables[table.index()].entry(path.clone()).or_default();
        match listener {
            Listener::Session => listeners.session = true,
            Listener::Own(ticket) => {
                listeners.own.push(ticket);
                self.own.insert(ticket, (table, path));
            }
            Listener::Gone => unreachable!("returned above"),
        }
    }

    pub(crate) fn contains(&self, table: Table, path: &str) -> bool {
        self.tables[table.index()].contains_key(path)
    }

    /// Fires what an event fires; one-shot watches are gone after it.
    pub(crate) fn fire(&mut self, kind: EventKind, path: &str) -> Fired {
        let mut fired = Fired::default();
        match kind {
            EventKind::NodeCreated | EventKind::NodeDataChanged => {
                self.consume(&[Table::Data, Table::Exist], path, &mut fired);
                self.tell(Table::Persistent, path, &mut fired);
                self.tell_ancestors(path, &mut fired);
            }
            EventKind::NodeDeleted => {
                self.consume(&[Table::Data, Table::Exist, Table::Child], path, &mut fired);
                self.tell(Table::Persistent, path, &mut fired);
                self.tell_ancestors(path, &mut fired);
            }
            EventKind::NodeChildrenChanged => {
                self.consume(&[Table::Child], path, &mut fired);
                self.tell(Table::Persistent, path, &mut fired);
            }
            EventKind::None
            | EventKind::DataWatchRemoved
            | EventKind::ChildWatchRemoved
            | EventKind::PersistentWatchRemoved => {}
        }
        fired
    }

    /// Removes the watches of one kind on a path; says of each table that held any which event
    /// tells its listeners.
    pub(crate) fn remove(&mut self, kind: WatcherType, path: &str) -> Vec<(EventKind, Fired)> {
        let mut removed = Vec::new();
        for (event, tables) in removals(kind) {
            let held = tables.iter().any(|table| self.contains(*table, path));
            let mut fired = Fired::default();
            self.consume(tables, path, &mut fired);
            if held {
                removed.push((*event, fired));
            }
        }
        removed
    }

    /// Forgets an own listener. Returns its watch when nobody is left to listen to it.
    pub(crate) fn forget(&mut self, ticket: Ticket) -> Option<(Table, Box<str>)> {
        let (table, path) = self.own.remove(&ticket)?;
        let listeners = self.tables[table.index()]
            .get_mut(&path)
            .expect("an own listener stands where it says it stands");
        listeners.own.retain(|own| *own != ticket);
        if listeners.session || !listeners.own.is_empty() {
            return None;
        }
        self.tables[table.index()].remove(&path);
        Some((table, path))
    }

    /// Forgets everything; returns every own listener.
    pub(crate) fn clear(&mut self) -> Vec<Ticket> {
        self.tables = Default::default();
        core::mem::take(&mut self.own).into_keys().collect()
    }

    /// Every watch, in portions of about [`PORTION_BYTES_MAX`].
    pub(crate) fn portions(&self, relative_zxid: i64) -> Vec<SetWatches<'_>> {
        let mut portions = Vec::new();
        let mut portion = empty(relative_zxid);
        let mut bytes = 0;
        for table in Table::ALL {
            for path in self.tables[table.index()].keys() {
                table.list_of(&mut portion).push(Cow::Borrowed(path));
                bytes += path.len();
                if bytes > PORTION_BYTES_MAX {
                    portions.push(core::mem::replace(&mut portion, empty(relative_zxid)));
                    bytes = 0;
                }
            }
        }
        if portion != empty(relative_zxid) {
            portions.push(portion);
        }
        portions
    }

    fn consume(&mut self, tables: &[Table], path: &str, fired: &mut Fired) {
        for table in tables {
            let Some(listeners) = self.tables[table.index()].remove(path) else {
                continue;
            };
            for ticket in listeners.own {
                self.own.remove(&ticket);
                fired.listeners.push(ticket);
                fired.ended.push(ticket);
            }
        }
    }

    fn tell(&self, table: Table, path: &str, fired: &mut Fired) {
        if let Some(listeners) = self.tables[table.index()].get(path) {
            fired.listeners.extend_from_slice(&listeners.own);
        }
    }

    fn tell_ancestors(&self, path: &str, fired: &mut Fired) {
        if self.tables[Table::Recursive.index()].is_empty() {
            return;
        }
        let mut at = path;
        loop {
            self.tell(Table::Recursive, at, fired);
            match at.rfind('/') {
                Some(0) if at.len() > 1 => at = "/",
                Some(cut) if cut > 0 => at = &at[..cut],
                Some(_) | None => return,
            }
        }
    }
}

impl Table {
    const ALL: [Table; 5] = [
        Table::Data,
        Table::Exist,
        Table::Child,
        Table::Persistent,
        Table::Recursive,
    ];

    pub(crate) fn of_mode(mode: AddWatchMode) -> Table {
        match mode {
            AddWatchMode::Persistent => Table::Persistent,
            AddWatchMode::PersistentRecursive => Table::Recursive,
        }
    }

    /// What removes a watch that stays; `None` for one that goes by itself.
    pub(crate) fn removal(self) -> Option<WatcherType> {
        match self {
            Table::Data | Table::Exist | Table::Child => None,
            Table::Persistent => Some(WatcherType::Persistent),
            Table::Recursive => Some(WatcherType::PersistentRecursive),
        }
    }

    fn index(self) -> usize {
        match self {
            Table::Data => 0,
            Table::Exist => 1,
            Table::Child => 2,
            Table::Persistent => 3,
            Table::Recursive => 4,
        }
    }

    fn list_of<'s, 'p>(self, watches: &'s mut SetWatches<'p>) -> &'s mut Vec<Cow<'p, str>> {
        match self {
            Table::Data => &mut watches.data,
            Table::Exist => &mut watches.exist,
            Table::Child => &mut watches.child,
            Table::Persistent => &mut watches.persistent,
            Table::Recursive => &mut watches.persistent_recursive,
        }
    }
}

/// What a removal covers, and the event that tells of it.
fn removals(kind: WatcherType) -> &'static [(EventKind, &'static [Table])] {
    const DATA: (EventKind, &[Table]) = (EventKind::DataWatchRemoved, &[Table::Data, Table::Exist]);
    const CHILD: (EventKind, &[Table]) = (EventKind::ChildWatchRemoved, &[Table::Child]);
    const PERSISTENT: (EventKind, &[Table]) =
        (EventKind::PersistentWatchRemoved, &[Table::Persistent]);
    const RECURSIVE: (EventKind, &[Table]) =
        (EventKind::PersistentWatchRemoved, &[Table::Recursive]);
    const STAYING: (EventKind, &[Table]) = (
        EventKind::PersistentWatchRemoved,
        &[Table::Persistent, Table::Recursive],
    );
    match kind {
        WatcherType::Children => &[CHILD],
        WatcherType::Data => &[DATA],
        WatcherType::Any => &[CHILD, DATA, STAYING],
        WatcherType::Persistent => &[PERSISTENT],
        WatcherType::PersistentRecursive => &[RECURSIVE],
    }
}

fn empty(relative_zxid: i64) -> SetWatches<'static> {
    SetWatches {
        relative_zxid,
        data: Vec::new(),
        exist: Vec::new(),
        child: Vec::new(),
        persistent: Vec::new(),
        persistent_recursive: Vec::new(),
    }
}

/// Paths in one request that re-arms watches, in bytes. Source: `client-protocol.md` §7.4.
const PORTION_BYTES_MAX: usize = 128 * 1024;
