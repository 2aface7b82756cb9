//! How one watcher watches one path, as a set of bits.

use crate::{RemoveKind, Table};

/// The watches of one watcher on one path; they may coexist.
///
/// A persistent watch is always in both tables, so one bit stands for both entries. A recursive one
/// is in the data table only. Source: `client-protocol.md` §7.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Modes(u8);

impl Modes {
    pub(crate) const NONE: Modes = Modes(0);
    pub(crate) const STANDARD_DATA: Modes = Modes(1);
    pub(crate) const STANDARD_CHILD: Modes = Modes(2);
    pub(crate) const PERSISTENT: Modes = Modes(4);
    pub(crate) const RECURSIVE: Modes = Modes(8);
    pub(crate) const ALL: Modes = Modes(15);
    /// Both one-shot watches.
    pub(crate) const STANDARD: Modes = Modes(3);
    /// What a change of the node itself concerns.
    pub(crate) const DATA_TABLE: Modes = Modes(1 | 4 | 8);
    /// What a change of the node's children concerns.
    pub(crate) const CHILD_TABLE: Modes = Modes(2 | 4);
    /// Each mode alone.
    pub(crate) const EACH: [Modes; 4] = [
        Modes::STANDARD_DATA,
        Modes::STANDARD_CHILD,
        Modes::PERSISTENT,
        Modes::RECURSIVE,
    ];

    pub(crate) fn standard(table: Table) -> Modes {
        match table {
            Table::Data => Modes::STANDARD_DATA,
            Table::Child => Modes::STANDARD_CHILD,
        }
    }

    pub(crate) fn meant_by(kind: RemoveKind) -> Modes {
        match kind {
            RemoveKind::Children => Modes::STANDARD_CHILD,
            RemoveKind::Data => Modes::STANDARD_DATA,
            RemoveKind::Any => Modes::ALL,
            RemoveKind::Persistent => Modes::PERSISTENT,
            RemoveKind::PersistentRecursive => Modes::RECURSIVE,
        }
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) fn intersects(self, other: Modes) -> bool {
        self.0 & other.0 != 0
    }

    pub(crate) fn union(self, other: Modes) -> Modes {
        Modes(self.0 | other.0)
    }

    pub(crate) fn intersection(self, other: Modes) -> Modes {
        Modes(self.0 & other.0)
    }

    pub(crate) fn without(self, other: Modes) -> Modes {
        Modes(self.0 & !other.0)
    }

    /// In how many of the two tables the pair of path and watcher is.
    pub(crate) fn tables(self) -> usize {
        usize::from(self.intersects(Modes::DATA_TABLE))
            + usize::from(self.intersects(Modes::CHILD_TABLE))
    }
}
