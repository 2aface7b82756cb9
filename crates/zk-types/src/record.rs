//! What the replicated log is made of, and the shape of a history.

use crate::{Bytes, Epoch, Zxid};
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::{Xxh3Default, xxh3_64};

/// What one record of the log holds. Only the marker and the configuration mean something to ZAB.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RecordBody {
    /// The first record of an epoch, counter 0.
    Marker,
    /// A transaction, opaque to ZAB and to the log.
    Txn(#[serde(with = "crate::blob")] Bytes),
    /// A configuration of the ensemble.
    Config(#[serde(with = "crate::blob")] Bytes),
}

/// One record of the replicated log, the same bytes on every server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Its place.
    pub zxid: Zxid,
    /// The leader's commit point when it made the record: a lower bound for whoever reads it.
    pub committed_upto: Zxid,
    /// What it holds.
    pub body: RecordBody,
    /// Hash over this record and, through the previous chain, over everything before it.
    pub chain: Chain,
}

/// A hash over a whole history; equal chains mean equal histories.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Chain(pub u64);

impl Record {
    /// The record that follows a history with the chain `previous`.
    pub fn new(previous: Chain, zxid: Zxid, committed_upto: Zxid, body: RecordBody) -> Self {
        let chain = chain_of(previous, zxid, committed_upto, &body);
        Record {
            zxid,
            committed_upto,
            body,
            chain,
        }
    }

    /// Whether the stated chain is right for a history with the chain `previous`.
    pub fn continues(&self, previous: Chain) -> bool {
        self.chain == chain_of(previous, self.zxid, self.committed_upto, &self.body)
    }

    /// Length of the opaque part in bytes.
    pub fn body_length(&self) -> usize {
        match &self.body {
            RecordBody::Marker => 0,
            RecordBody::Txn(bytes) | RecordBody::Config(bytes) => bytes.len(),
        }
    }
}

fn chain_of(previous: Chain, zxid: Zxid, committed_upto: Zxid, body: &RecordBody) -> Chain {
    let (kind, bytes): (u64, &[u8]) = match body {
        RecordBody::Marker => (0, &[]),
        RecordBody::Txn(bytes) => (1, bytes),
        RecordBody::Config(bytes) => (2, bytes),
    };
    let mut head = [0; HEAD_BYTES];
    let words = [previous.0, zxid.0, committed_upto.0, kind];
    for (field, word) in head.chunks_exact_mut(8).zip(words) {
        field.copy_from_slice(&word.to_be_bytes());
    }
    let length = HEAD_BYTES + bytes.len();
    if length <= SHORT_BYTES {
        // Hashing a short message whole costs a quarter of hashing it in pieces.
        let mut whole = [0; SHORT_BYTES];
        whole[..HEAD_BYTES].copy_from_slice(&head);
        whole[HEAD_BYTES..length].copy_from_slice(bytes);
        return Chain(xxh3_64(&whole[..length]));
    }
    let mut hasher = Xxh3Default::new();
    hasher.update(&head);
    hasher.update(bytes);
    Chain(hasher.digest())
}

/// Length of what precedes the opaque part where a record is hashed.
const HEAD_BYTES: usize = 32;
const SHORT_BYTES: usize = 512;

/// A history in outline: the last zxid of each epoch in it, ascending.
///
/// Two histories part after the last zxid both outlines reach; comparing zxids alone would not do.
/// Source: `zab.md` §8.1.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct EpochSegments(Vec<Zxid>);

impl EpochSegments {
    /// How many epochs are remembered; older ones are forgotten, and a learner that needs them is
    /// sent a snapshot.
    pub const LENGTH_MAX: usize = 1024;

    /// The outline of an empty history.
    pub fn new() -> Self {
        EpochSegments::default()
    }

    /// The outline with the given last zxids, or `None` when their epochs do not ascend.
    pub fn from_lasts(lasts: Vec<Zxid>) -> Option<Self> {
        lasts
            .windows(2)
            .all(|pair| pair[0].epoch() < pair[1].epoch())
            .then_some(EpochSegments(lasts))
    }

    /// The last zxid of each epoch, ascending.
    pub fn lasts(&self) -> &[Zxid] {
        &self.0
    }

    /// The last zxid of the history, [`Zxid::ZERO`] when it is empty.
    pub fn last(&self) -> Zxid {
        self.0.last().copied().unwrap_or(Zxid::ZERO)
    }

    /// Extends the history by one record.
    ///
    /// # Panics
    /// When `zxid` may not follow the last one.
    pub fn push(&mut self, zxid: Zxid) {
        assert!(
            self.last().is_followed_by(zxid),
            "{zxid:?} follows {:?}",
            self.last()
        );
        match self.0.last_mut() {
            Some(last) if last.epoch() == zxid.epoch() => *last = zxid,
            Some(_) | None => self.0.push(zxid),
        }
        if self.0.len() > EpochSegments::LENGTH_MAX {
            self.0.remove(0);
        }
    }

    /// Cuts everything above `to`, which the history must hold.
    pub fn truncate(&mut self, to: Zxid) {
        self.0.retain(|last| last.epoch() <= to.epoch());
        if let Some(last) = self.0.last_mut()
            && last.epoch() == to.epoch()
        {
            *last = (*last).min(to);
        }
    }

    /// Whether the history holds `zxid`.
    pub fn contains(&self, zxid: Zxid) -> bool {
        zxid == Zxid::ZERO
            || self
                .0
                .iter()
                .any(|last| last.epoch() == zxid.epoch() && zxid <= *last)
    }

    /// The last zxid that both histories hold.
    pub fn common(&self, other: &EpochSegments) -> Zxid {
        let mut common = Zxid::ZERO;
        for mine in self.0.iter().rev() {
            if let Some(theirs) = other.0.iter().find(|last| last.epoch() == mine.epoch()) {
                common = (*mine).min(*theirs);
                break;
            }
        }
        common
    }
}

/// What a snapshot says of the history it stands for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotMeta {
    /// The last transaction in it.
    pub zxid: Zxid,
    /// The chain of the history up to it.
    pub chain: Chain,
    /// The outline of the history up to it.
    pub segments: EpochSegments,
}

/// Names one snapshot file exactly: equal ids mean equal bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SnapshotId {
    /// The last transaction in it.
    pub zxid: Zxid,
    /// Length of the whole file in bytes.
    pub bytes: u64,
    /// Hash of the whole file but its last field.
    pub checksum: u64,
}

/// Where a server's disk stands towards the ensemble.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Standing {
    /// Never part of an ensemble; votes among its like only.
    Fresh,
    /// Remembers every promise and every record it acknowledged.
    Member,
    /// The log is incomplete, the promise intact: counts again from its next acknowledged sync.
    Damaged,
    /// The promise is lost: counts again only when a leader re-admits it.
    Amnesiac,
}

/// What a server may never forget, kept apart from the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promise {
    /// Takes nothing from epochs below this one (`acceptedEpoch`).
    pub accepted: Epoch,
    /// Whether it may be counted.
    pub standing: Standing,
}
