//! What clients of this server await of the leader.

use crate::api::ConnId;
use crate::between::RequestTag;
use crate::connection::{Connection, Phase, Waiting};
use alloc::collections::VecDeque;
use hashbrown::HashTable;
use zk_types::Zxid;
use znode_tree::Refusal;

/// Requests whose outcome is awaited, and refusals that are not yet due.
#[derive(Clone)]
pub(crate) struct Outcomes {
    next: RequestTag,
    /// Tags are counted up from a number that is drawn, so nobody chooses where they fall.
    awaited: HashTable<Awaited>,
    /// Bytes of the requests that are awaited.
    pub(crate) bytes: usize,
    /// By the record after which each is right, which the leader's order makes ascending.
    pub(crate) refusals: VecDeque<(Zxid, RequestTag, Refusal)>,
}

/// A request whose outcome is awaited.
#[derive(Clone, Copy)]
struct Awaited {
    tag: RequestTag,
    conn: ConnId,
    bytes: usize,
}

/// Spreads tags that are counted up over a table (Fibonacci hashing).
fn hash(tag: RequestTag) -> u64 {
    tag.0.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

impl Outcomes {
    /// Nothing awaited; tags start at `first`, which no earlier run of this server reached.
    pub(crate) fn new(first: RequestTag) -> Self {
        Outcomes {
            next: first,
            awaited: HashTable::new(),
            bytes: 0,
            refusals: VecDeque::new(),
        }
    }

    /// A tag for a request of a connection, of this many bytes.
    pub(crate) fn expect(&mut self, conn: ConnId, bytes: usize) -> RequestTag {
        self.next = RequestTag(self.next.0.wrapping_add(1).max(1));
        let tag = self.next;
        self.awaited
            .insert_unique(hash(tag), Awaited { tag, conn, bytes }, |awaited| {
                hash(awaited.tag)
            });
        self.bytes += bytes;
        tag
    }

    /// The connection that awaits the outcome; it is awaited no longer.
    pub(crate) fn settle(&mut self, tag: RequestTag) -> Option<ConnId> {
        let found = self
            .awaited
            .find_entry(hash(tag), |awaited| awaited.tag == tag);
        let (awaited, _) = found.ok()?.remove();
        self.bytes -= awaited.bytes;
        Some(awaited.conn)
    }

    /// The connection that awaits the outcome.
    pub(crate) fn conn_of(&self, tag: RequestTag) -> Option<ConnId> {
        let found = self.awaited.find(hash(tag), |awaited| awaited.tag == tag);
        found.map(|awaited| awaited.conn)
    }

    /// How many are awaited.
    pub(crate) fn len(&self) -> usize {
        self.awaited.len()
    }

    /// Drops what a connection awaited.
    pub(crate) fn forget(&mut self, connection: &Connection) {
        if let Phase::Opening { opening } = connection.phase {
            self.settle(opening.tag);
        }
        for entry in &connection.queue {
            match entry.waiting {
                Waiting::Write { tag } | Waiting::Sync { tag, .. } => {
                    self.settle(tag);
                }
                Waiting::Synced { .. }
                | Waiting::Turn { .. }
                | Waiting::Refused { .. }
                | Waiting::Answered { .. } => {}
            }
        }
    }

    /// Drops everything: the term that would have answered is over.
    pub(crate) fn clear(&mut self) {
        self.awaited.clear();
        self.bytes = 0;
        self.refusals.clear();
    }
}
