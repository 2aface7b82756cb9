//! What a leader has prepared and not yet applied.

use zk_types::Zxid;

/// The changes of transactions that were prepared but not applied, so that the next request is
/// checked against the state it will meet.
///
/// A leader owns one, starts with an empty one when it takes office, settles it after each
/// applied transaction, and drops it when it resigns.
#[derive(Debug, Default)]
pub struct Pending {
    count: usize,
}

impl Pending {
    /// Nothing pending.
    pub fn new() -> Self {
        Pending::default()
    }

    /// Forgets the changes of all transactions up to `upto`, which the tree now holds.
    pub fn settle(&mut self, upto: Zxid) {
        let _ = upto;
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Pending::default();
    }

    /// Whether nothing is pending.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// How many nodes, sessions and usages are remembered.
    pub fn len(&self) -> usize {
        self.count
    }
}
