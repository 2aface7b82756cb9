//! What a learner has heard from its clients since it last told the leader.

use crate::id_hash::IdSet;
use alloc::vec::Vec;
use zk_types::SessionId;

/// The sessions that a learner's clients have touched since the last hand-over.
///
/// A touch may be lost with the link it was handed to, but is never invented. Whoever takes the
/// touches and cannot hand them to the link calls [`Touches::touch`] for each again.
///
/// Source: `zab.md` §15.
#[derive(Clone, Debug, Default)]
pub struct Touches {
    touched: IdSet,
}

impl Touches {
    /// Nothing touched yet.
    pub fn new() -> Self {
        Touches::default()
    }

    /// Notes that a session was heard from. Takes constant time.
    pub fn touch(&mut self, id: SessionId) {
        self.touched.insert(id);
    }

    /// Everything touched since the last call, ascending by id; each session once.
    pub fn take(&mut self) -> Vec<SessionId> {
        let mut taken: Vec<SessionId> = self.touched.drain().collect();
        taken.sort_unstable();
        taken
    }

    /// Drops a session that was closed.
    pub fn forget(&mut self, id: SessionId) {
        self.touched.remove(&id);
    }

    /// Drops everything, for a learner that follows anew.
    pub fn clear(&mut self) {
        self.touched.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_handed_over_once_and_in_the_order_of_ids() {
        let mut touches = Touches::new();
        for id in [5, -1, 9, 5, 2] {
            touches.touch(SessionId(id));
        }
        touches.forget(SessionId(9));
        assert_eq!(touches.take(), [SessionId(-1), SessionId(2), SessionId(5)]);
        assert!(touches.take().is_empty());
    }
}
