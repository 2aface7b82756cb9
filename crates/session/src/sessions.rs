//! The replicated table of sessions.

use alloc::collections::BTreeMap;
use zk_types::SessionId;

/// Every open session and the timeout it was granted; the same on every server at the same zxid,
/// and part of every snapshot.
///
/// Source: `zab.md` §15.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sessions {
    timeouts_ms: BTreeMap<SessionId, i32>,
}

impl Sessions {
    /// The table without a session.
    pub fn new() -> Self {
        Sessions::default()
    }

    /// The table of the given sessions with their timeouts in milliseconds, as [`Sessions::iter`]
    /// gave them. Of an id that is named twice, the later timeout holds.
    pub fn from_entries(entries: impl IntoIterator<Item = (SessionId, i32)>) -> Self {
        Sessions {
            timeouts_ms: entries.into_iter().collect(),
        }
    }

    /// Opens a session with a timeout in milliseconds and says whether it was new. Opening it again
    /// sets its timeout, so that replaying a log over a snapshot is harmless.
    pub fn open(&mut self, id: SessionId, timeout_ms: i32) -> bool {
        self.timeouts_ms.insert(id, timeout_ms).is_none()
    }

    /// Closes a session and says whether it was open.
    pub fn close(&mut self, id: SessionId) -> bool {
        self.timeouts_ms.remove(&id).is_some()
    }

    /// Whether the session is open.
    pub fn contains(&self, id: SessionId) -> bool {
        self.timeouts_ms.contains_key(&id)
    }

    /// Every session with its timeout in milliseconds, ascending by id read as a signed number.
    pub fn iter(&self) -> impl Iterator<Item = (SessionId, i32)> + '_ {
        self.timeouts_ms
            .iter()
            .map(|(&id, &timeout_ms)| (id, timeout_ms))
    }

    /// How many sessions are open.
    pub fn len(&self) -> usize {
        self.timeouts_ms.len()
    }

    /// Whether none is open.
    pub fn is_empty(&self) -> bool {
        self.timeouts_ms.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[test]
    fn a_table_rebuilt_from_its_entries_is_the_same() {
        let mut sessions = Sessions::new();
        for id in [7, -3, i64::MIN, i64::MAX, 0x0100_0000_0000_0000] {
            assert!(sessions.open(SessionId(id), 4_000));
        }
        assert!(sessions.close(SessionId(7)));
        let entries: Vec<_> = sessions.iter().collect();
        assert!(entries.is_sorted());
        assert_eq!(Sessions::from_entries(entries), sessions);
    }

    #[test]
    fn replaying_the_same_transactions_changes_nothing() {
        let mut sessions = Sessions::new();
        assert!(sessions.open(SessionId(1), 4_000));
        assert!(!sessions.open(SessionId(1), 4_000));
        assert!(sessions.iter().eq([(SessionId(1), 4_000)]));
        assert!(sessions.close(SessionId(1)));
        assert!(!sessions.close(SessionId(1)));
        assert!(!sessions.contains(SessionId(1)));
        assert!(sessions.is_empty());
    }
}
