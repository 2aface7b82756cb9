//! What a log must hold after a crash: something between all that was settled and all that was
//! asked for.

use wal::{Finding, Recovered, Refused, SnapshotSink};
use zk_types::{
    Bytes, Chain, Epoch, EpochSegments, Promise, Record, RecordBody, SnapshotMeta, Standing, Zxid,
};

/// A history, and the snapshot it was installed from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct State {
    pub(crate) base: SnapshotMeta,
    pub(crate) records: Vec<Record>,
}

impl State {
    pub(crate) fn empty() -> Self {
        let base = SnapshotMeta {
            zxid: Zxid::ZERO,
            chain: Chain::default(),
            segments: EpochSegments::new(),
        };
        State {
            base,
            records: Vec::new(),
        }
    }

    pub(crate) fn tail(&self) -> (Zxid, Chain) {
        let last = self
            .records
            .last()
            .map(|record| (record.zxid, record.chain));
        last.unwrap_or((self.base.zxid, self.base.chain))
    }

    /// What a snapshot at `zxid` states, if the history holds it.
    pub(crate) fn meta_at(&self, zxid: Zxid) -> Option<SnapshotMeta> {
        let mut meta = self.base.clone();
        for record in &self.records {
            if meta.zxid < zxid {
                meta.segments.push(record.zxid);
                (meta.zxid, meta.chain) = (record.zxid, record.chain);
            }
        }
        (meta.zxid == zxid).then_some(meta)
    }

    pub(crate) fn next(&self, epoch: Epoch, body: RecordBody) -> Record {
        let (zxid, chain) = self.tail();
        let next = if epoch > zxid.epoch() {
            Zxid::marker(epoch)
        } else {
            zxid.successor().unwrap()
        };
        Record::new(chain, next, zxid, body)
    }

    pub(crate) fn truncate(&mut self, to: Zxid) {
        self.records.retain(|record| record.zxid <= to);
        assert_eq!(self.tail().0, to);
    }

    /// Whether recovery found exactly this.
    pub(crate) fn is(&self, recovered: &Recovered) -> bool {
        let base = recovered.base.as_ref().map(|(_, meta)| meta.clone());
        let base = base.unwrap_or_else(|| State::empty().base);
        let after: Vec<&Record> = self
            .records
            .iter()
            .filter(|record| record.zxid > base.zxid)
            .collect();
        self.meta_at(base.zxid) == Some(base)
            && after == recovered.records.iter().collect::<Vec<_>>()
    }
}

/// What was asked of a log and what was settled.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    /// The state after each operation, in order.
    pub(crate) states: Vec<State>,
    /// The last of them that was settled.
    pub(crate) settled: usize,
    pub(crate) promises: Vec<Promise>,
    pub(crate) promise_settled: usize,
    /// The newest snapshot that was settled.
    pub(crate) snapshot: Option<Zxid>,
}

impl Model {
    pub(crate) fn new(state: State, promise: Promise, snapshot: Option<Zxid>) -> Self {
        Model {
            states: vec![state],
            settled: 0,
            promises: vec![promise],
            promise_settled: 0,
            snapshot,
        }
    }

    pub(crate) fn last(&self) -> &State {
        self.states.last().unwrap()
    }

    /// What recovery found, as one of the states that are possible.
    pub(crate) fn accepts(&self, recovered: &Recovered, sink: &Sink) -> Result<State, String> {
        let possible = &self.states[self.settled..];
        let Some(state) = possible.iter().find(|state| state.is(recovered)) else {
            let tails: Vec<_> = possible.iter().map(State::tail).collect();
            let found = super::world::outline(recovered);
            let findings = &recovered.findings;
            return Err(format!(
                "found {found} {findings:?}, but possible are {tails:?}"
            ));
        };
        if !self.promises[self.promise_settled..].contains(&recovered.promise) {
            return Err(format!("{:?}, but {:?}", recovered.promise, self.promises));
        }
        let base = recovered.base.as_ref().map(|(_, meta)| meta);
        if base.map(|meta| meta.zxid) < self.snapshot {
            return Err(format!(
                "the base is {base:?}, but {:?} was taken",
                self.snapshot
            ));
        }
        if sink.contents() != base.map(body_of) {
            return Err("the contents of the snapshot are wrong".into());
        }
        for finding in &recovered.findings {
            match finding {
                Finding::TornTail { .. }
                | Finding::CopyRepaired { .. }
                | Finding::StrayRemoved { .. } => {}
                Finding::Damage { .. }
                | Finding::DamageBelowBase { .. }
                | Finding::Missing { .. }
                | Finding::SnapshotInvalid { .. }
                | Finding::PromiseLost
                | Finding::ManifestLost => return Err(format!("unfounded: {finding}")),
            }
        }
        Ok(state.clone())
    }
}

/// The body that the tests give to a snapshot.
pub(crate) fn body_of(meta: &SnapshotMeta) -> Vec<u8> {
    let length = 40 + usize::try_from(meta.zxid.counter() % 7).unwrap() * 90;
    (0..length)
        .map(|at| (meta.chain.0 >> (at % 8 * 8)) as u8 ^ at as u8)
        .collect()
}

#[derive(Debug, Default)]
pub(crate) struct Sink {
    meta: Option<SnapshotMeta>,
    body: Vec<u8>,
    ended: bool,
}

impl Sink {
    pub(crate) fn contents(&self) -> Option<Vec<u8>> {
        self.ended.then(|| self.body.clone())
    }
}

impl SnapshotSink for Sink {
    fn begin(&mut self, meta: &SnapshotMeta) {
        *self = Sink {
            meta: Some(meta.clone()),
            ..Sink::default()
        };
    }

    fn body(&mut self, bytes: &[u8]) -> Result<(), Refused> {
        self.body.extend_from_slice(bytes);
        Ok(())
    }

    fn end(&mut self) -> Result<(), Refused> {
        self.ended = true;
        Ok(())
    }

    fn discard(&mut self) {
        *self = Sink::default();
    }
}

pub(crate) fn member(epoch: u32) -> Promise {
    Promise {
        accepted: Epoch(epoch),
        standing: Standing::Member,
    }
}

pub(crate) fn txn(length: usize, fill: u8) -> RecordBody {
    RecordBody::Txn(Bytes::from(vec![fill; length]))
}
