//! What was committed, in order: every record any server ever applied. The first to apply one
//! says what it is; all others must agree.

use crate::oracle::broken::{Broken, server_name, zxid_name};
use crate::queue::Micros;
use zk_types::{Chain, Record, Zxid};

/// A record that was committed.
#[derive(Clone, Debug)]
pub(crate) struct Committed {
    pub(crate) record: Record,
    /// The server that applied it first.
    pub(crate) first: usize,
    /// When that was.
    pub(crate) time: Micros,
    /// Digest of the tree after it, and who said so first.
    digest: Option<(u64, usize)>,
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

    pub(crate) fn entries(&self) -> &[Committed] {
        &self.entries
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
                    "only committed state is ever restored",
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
            None if self.last().is_followed_by(record.zxid) => self.entries.len(),
            Some(_) | None => self.positions[server],
        };
        let broken = |rule, seen| Err(Broken::safety(rule, seen).server(server).at(record.zxid.0));
        let first = match self.entries.get(position) {
            Some(entry) if entry.record == *record => false,
            Some(entry) if entry.record.zxid == record.zxid => {
                return broken(
                    "a zxid stands for one transaction",
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
                    "all servers apply the same transactions in the same order, without holes",
                    format!(
                        "{} applied {:?} where {:?} is next",
                        server_name(server),
                        record.zxid,
                        entry.record.zxid
                    ),
                );
            }
            None => {
                let chain = self
                    .entries
                    .last()
                    .map_or(Chain::default(), |e| e.record.chain);
                if !self.last().is_followed_by(record.zxid) || !record.continues(chain) {
                    return broken(
                        "committed transactions form one history without gaps",
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
                    digest: None,
                });
                true
            }
        };
        self.positions[server] = position + 1;
        Ok(first)
    }

    /// A server's tree has this digest after `zxid`.
    pub(crate) fn digest(&mut self, server: usize, zxid: Zxid, digest: u64) -> Result<(), Broken> {
        let Some(index) = self.find(zxid) else {
            return Ok(());
        };
        match self.entries[index].digest {
            None => self.entries[index].digest = Some((digest, server)),
            Some((known, _)) if known == digest => {}
            Some((_, other)) => {
                return Err(Broken::safety(
                    "equal transactions make equal trees",
                    format!(
                        "after {zxid:?} the trees of {} and {} differ",
                        server_name(server),
                        server_name(other)
                    ),
                )
                .server(server)
                .server(other)
                .at(zxid.0));
            }
        }
        Ok(())
    }
}
