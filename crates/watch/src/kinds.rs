//! The words a caller uses: tables, removals and events.

/// Which of the two tables a standard watch belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// Watches of `exists` and `getData`.
    Data,
    /// Watches of `getChildren`.
    Child,
}

/// Which watches of one watcher on one path a removal, or a check for one, means.
///
/// Source: `client-protocol.md` §7.5.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RemoveKind {
    /// The standard watch on the children.
    Children,
    /// The standard watch on the data.
    Data,
    /// All of them.
    Any,
    /// The persistent watch.
    Persistent,
    /// The persistent recursive watch.
    PersistentRecursive,
}

impl RemoveKind {
    /// The kind of a `WatcherType` on the wire, 1 to 5.
    pub fn from_code(code: i32) -> Option<RemoveKind> {
        match code {
            1 => Some(RemoveKind::Children),
            2 => Some(RemoveKind::Data),
            3 => Some(RemoveKind::Any),
            4 => Some(RemoveKind::Persistent),
            5 => Some(RemoveKind::PersistentRecursive),
            _ => None,
        }
    }
}

/// What happened to a path.
///
/// Source: `client-protocol.md` §7.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(i32)]
pub enum EventKind {
    /// The node was created.
    Created = 1,
    /// The node was deleted.
    Deleted = 2,
    /// The node's data was set.
    DataChanged = 3,
    /// A child was created or deleted.
    ChildrenChanged = 4,
}

impl EventKind {
    /// The number on the wire, 1 to 4.
    pub fn code(self) -> i32 {
        self as i32
    }
}
