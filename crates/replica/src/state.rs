//! The replicated state of one server, and how it travels in a snapshot.
//!
//! A snapshot's body is the length of the session table (four bytes, big-endian), the table, and
//! then the tree as the tree itself writes it.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};
use session::Sessions;
use wal::{Refused, SnapshotSink};
use zk_types::{Chain, EpochSegments, Record, SessionId, SnapshotMeta, Zxid};
use znode_tree::{Loader, Tree, TreeConfig};

/// Bytes of the session table that a snapshot may hold; a server with more sessions than fit
/// (some ten million) could not have served them.
const TABLE_BYTES_MAX: usize = 256 << 20;

/// What every server agrees on after the same transactions.
#[derive(Clone)]
pub(crate) struct State {
    pub(crate) tree: Tree,
    pub(crate) sessions: Sessions,
    /// The last record that was applied, a marker included.
    pub(crate) applied: Zxid,
    chain: Chain,
    segments: EpochSegments,
}

impl State {
    /// The state before the first record.
    pub(crate) fn new(config: TreeConfig) -> Self {
        State {
            tree: Tree::new(config),
            sessions: Sessions::new(),
            applied: Zxid::ZERO,
            chain: Chain::default(),
            segments: EpochSegments::new(),
        }
    }

    /// Notes that a record is about to be applied.
    ///
    /// # Panics
    /// When it does not follow the last one: records are applied in order, each once.
    pub(crate) fn advance(&mut self, record: &Record) {
        assert!(
            record.continues(self.chain),
            "an applied record continues the history"
        );
        self.segments.push(record.zxid);
        self.chain = record.chain;
        self.applied = record.zxid;
    }

    /// What a snapshot of the state as it is now stands for.
    pub(crate) fn meta(&self) -> SnapshotMeta {
        SnapshotMeta {
            zxid: self.applied,
            chain: self.chain,
            segments: self.segments.clone(),
        }
    }

    /// The part of a snapshot's body that precedes the tree.
    pub(crate) fn table_bytes(&self) -> Vec<u8> {
        let table = Table {
            sessions: self
                .sessions
                .iter()
                .skip(zk_types::mutant!("snapshot-forgets-a-session", 0, 1))
                .collect(),
        };
        let table = postcard::to_allocvec(&table).expect("a session table is always encodable");
        let length = u32::try_from(table.len()).expect("a session table fits its bound");
        let mut bytes = Vec::with_capacity(4 + table.len());
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(&table);
        bytes
    }
}

#[derive(Clone, Serialize, Deserialize)]
struct Table {
    sessions: Vec<(SessionId, i32)>,
}

/// Rebuilds a state from the body of a snapshot, fed in any pieces.
#[derive(Clone)]
pub(crate) struct StateLoader {
    config: TreeConfig,
    loading: Option<Loading>,
    state: Option<State>,
}

#[derive(Clone)]
struct Loading {
    meta: SnapshotMeta,
    /// Bytes of the session table, until it is whole.
    head: Vec<u8>,
    sessions: Option<Sessions>,
    tree: Loader,
}

impl StateLoader {
    /// Nothing fed yet.
    pub(crate) fn new(config: TreeConfig) -> Self {
        StateLoader {
            config,
            loading: None,
            state: None,
        }
    }

    /// The state of the last snapshot that was whole and right.
    pub(crate) fn into_state(self) -> Option<State> {
        self.state
    }
}

impl SnapshotSink for StateLoader {
    fn begin(&mut self, meta: &SnapshotMeta) {
        self.state = None;
        self.loading = Some(Loading {
            meta: meta.clone(),
            head: Vec::new(),
            sessions: None,
            tree: Loader::new(self.config.clone()),
        });
    }

    fn body(&mut self, bytes: &[u8]) -> Result<(), Refused> {
        self.loading
            .as_mut()
            .expect("a body follows its beginning")
            .take(bytes)
    }

    fn end(&mut self) -> Result<(), Refused> {
        let loading = self.loading.take().expect("an end follows its beginning");
        let sessions = loading
            .sessions
            .ok_or_else(|| refused("the session table is cut short"))?;
        self.state = Some(State {
            tree: loading
                .tree
                .finish()
                .map_err(|error| refused(&error.to_string()))?,
            sessions,
            applied: loading.meta.zxid,
            chain: loading.meta.chain,
            segments: loading.meta.segments,
        });
        Ok(())
    }

    fn discard(&mut self) {
        self.loading = None;
        self.state = None;
    }
}

impl Loading {
    fn take(&mut self, bytes: &[u8]) -> Result<(), Refused> {
        if self.sessions.is_some() {
            return self
                .tree
                .push(bytes)
                .map_err(|error| refused(&error.to_string()));
        }
        self.head.extend_from_slice(bytes);
        let Some((length, rest)) = self.head.split_first_chunk::<4>() else {
            return Ok(());
        };
        let length = usize::try_from(u32::from_be_bytes(*length))
            .ok()
            .filter(|&length| length <= TABLE_BYTES_MAX)
            .ok_or_else(|| refused("the session table is too long"))?;
        let Some((table, rest)) = rest.split_at_checked(length) else {
            return Ok(());
        };
        let table: Table =
            postcard::from_bytes(table).map_err(|_| refused("the session table is damaged"))?;
        self.sessions = Some(Sessions::from_entries(table.sessions));
        self.tree
            .push(rest)
            .map_err(|error| refused(&error.to_string()))?;
        self.head = Vec::new();
        Ok(())
    }
}

fn refused(reason: &str) -> Refused {
    Refused {
        reason: String::from(reason),
    }
}
