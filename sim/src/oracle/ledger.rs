//! What was committed, in order: every record any server ever applied. The first to apply one
//! says what it is; all others must agree.

use crate::oracle::broken::{Broken, server_name, zxid_name};
use crate::oracle::chains::{chain_after, follows};
use crate::queue::Micros;
use zk_types::{Record, RecordBody, Zxid};

/// A record that was committed.
#[derive(Clone, Debug)]
pub(crate) struct Committed {
    pub(crate) record: Record,
    /// The server that applied it first.
    pub(crate) first: usize,
    /// When that was.
    pub(crate) time: Micros,
    /// What the state was after it, and who said so first.
    state: Option<(State, usize)>,
}

/// What every server agrees on after the same transactions, as far as it is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct State {
    /// Digest of the tree.
    pub(crate) tree: u64,
    /// Hash of the sessions and their timeouts.
    pub(crate) sessions: u64,
}

/// Everything that was committed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    entries: Vec<Committed>,
    /// How many entries stand behind each server's state.
    positions: Vec<usize>,
}

impl Ledger {
    pub(crate) fn new(servers: usize) -> Self {
        Ledger {
            entries: Vec::new(),
            positions: vec![0; servers],
        }
    }

    /// The ledger of records that are known to be right.
    pub(crate) fn of(records: Vec<Record>) -> Self {
        let committed = |record| Committed {
            record,
            first: 0,
            time: 0,
            state: None,
        };
        Ledger {
            entries: records.into_iter().map(committed).collect(),
            positions: Vec::new(),
        }
    }

    pub(crate) fn entries(&self) -> &[Committed] {
        &self.entries
    }

    /// Whether every server's state has so many entries behind it.
    pub(crate) fn all_reached(&self, count: usize) -> bool {
        self.positions.iter().all(|position| *position >= count)
    }

    /// The last committed zxid.
    pub(crate) fn last(&self) -> Zxid {
        self.entries
            .last()
            .map_or(Zxid::ZERO, |entry| entry.record.zxid)
    }

    /// Where `zxid` stands, if it was committed.
    pub(crate) fn find(&self, zxid: Zxid) -> Option<usize> {
        self.entries
            .binary_search_by_key(&zxid, |entry| entry.record.zxid)
            .ok()
    }

    /// A server's state is now that of `zxid`, not by applying: it started or took a snapshot.
    pub(crate) fn jumped(&mut self, server: usize, zxid: Zxid) -> Result<(), Broken> {
        let position = match self.find(zxid) {
            Some(index) => index + 1,
            None if zxid == Zxid::ZERO => 0,
            None => {
                return Err(Broken::safety(
                    "S24 restored: only committed state is ever restored",
                    format!(
                        "{} restored {zxid:?}, which is not committed",
                        server_name(server)
                    ),
                )
                .server(server)
                .at(zxid.0));
            }
        };
        self.positions[server] = position;
        Ok(())
    }

    /// A server applied a record. Says whether it was the first to.
    pub(crate) fn applied(
        &mut self,
        server: usize,
        time: Micros,
        record: &Record,
    ) -> Result<bool, Broken> {
        // A snapshot from the leader takes a server forward without applying what is in it; the
        // digests tell whether it was the right one.
        let position = match self.find(record.zxid) {
            Some(index) if index > self.positions[server] => index,
            None if follows(self.last().0, record.zxid.0) => self.entries.len(),
            Some(_) | None => self.positions[server],
        };
        let broken = |rule, seen| Err(Broken::safety(rule, seen).server(server).at(record.zxid.0));
        let first = match self.entries.get(position) {
            Some(entry) if entry.record == *record => false,
            Some(entry) if entry.record.zxid == record.zxid => {
                return broken(
                    "S26 agreement: a zxid stands for one transaction",
                    format!(
                        "{} applied another {:?} than {} did",
                        server_name(server),
                        record.zxid,
                        server_name(entry.first)
                    ),
                );
            }
            Some(entry) => {
                return broken(
                    "S26 order: all servers apply the same transactions in the same order, without holes",
                    format!(
                        "{} applied {:?} where {:?} is next",
                        server_name(server),
                        record.zxid,
                        entry.record.zxid
                    ),
                );
            }
            None => {
                let chain = self.entries.last().map_or(0, |e| e.record.chain.0);
                let continues = chain_of(chain, record) == record.chain.0;
                if !follows(self.last().0, record.zxid.0) || !continues {
                    return broken(
                        "S26 prefix: committed transactions form one history without gaps",
                        format!(
                            "{} applied {:?} after {}",
                            server_name(server),
                            record.zxid,
                            zxid_name(self.last().0)
                        ),
                    );
                }
                self.entries.push(Committed {
                    record: record.clone(),
                    first: server,
                    time,
                    state: None,
                });
                true
            }
        };
        self.positions[server] = position + 1;
        Ok(first)
    }

    /// A server's state is this after `zxid`.
    pub(crate) fn states_are_equal(
        &mut self,
        server: usize,
        zxid: Zxid,
        state: State,
    ) -> Result<(), Broken> {
        let Some(index) = self.find(zxid) else {
            return Ok(());
        };
        let (known, other) = *self.entries[index].state.get_or_insert((state, server));
        if known == state {
            return Ok(());
        }
        let what = if known.tree == state.tree {
            "sessions"
        } else {
            "trees"
        };
        let seen = format!(
            "after {} the {what} of {} and {} differ",
            zxid_name(zxid.0),
            server_name(server),
            server_name(other)
        );
        let rule = "S31 determinism: equal transactions make equal states";
        Err(Broken::safety(rule, seen)
            .server(server)
            .server(other)
            .at(zxid.0))
    }
}

fn chain_of(previous: u64, record: &Record) -> u64 {
    let (kind, body): (u64, &[u8]) = match &record.body {
        RecordBody::Marker => (0, &[]),
        RecordBody::Txn(bytes) => (1, bytes),
        RecordBody::Config(bytes) => (2, bytes),
    };
    let at = (record.zxid.0, record.committed_upto.0);
    chain_after(previous, at, kind, body)
}
