//! One machine, and peers that the test speaks for: what may be said when, and for how long silence
//! is borne.

mod at_follower;
mod at_leader;
mod patience;
mod roles;
mod standings;
mod starts;

use crate::interface::{CloseReason, Config, Input, LinkId, Output, Recovered, Ticket};
use crate::message::Message;
use crate::zab::Zab;
use core::time::Duration;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use std::vec::Vec;
use zk_types::{
    Bytes, Chain, Epoch, EpochSegments, Instant, Promise, Record, RecordBody, ServerId, Standing,
    Zxid,
};

const TICK: Duration = Duration::from_millis(100);

fn z(epoch: u32, counter: u32) -> Zxid {
    Zxid::new(Epoch(epoch), counter)
}

fn config(me: u64, voters: u64) -> Config {
    Config {
        me: ServerId(me),
        voters: (1..=voters).map(ServerId).collect(),
        tick: TICK,
        init_limit: 10,
        sync_limit: 5,
        finalize_wait: Duration::from_millis(20),
        notification_interval: (Duration::from_millis(20), Duration::from_millis(200)),
        window_bytes_max: 1 << 20,
        chunk_bytes: 16,
        learner_backlog_bytes_max: 1 << 20,
        counter_max: 1000,
    }
}

/// A log of these records, and the chain at its end.
fn records(zxids: &[Zxid]) -> (Vec<Record>, Chain) {
    let mut chain = Chain::default();
    let mut records = Vec::new();
    for zxid in zxids {
        let record = record(chain, *zxid);
        chain = record.chain;
        records.push(record);
    }
    (records, chain)
}

fn record(chain: Chain, zxid: Zxid) -> Record {
    let body = if zxid.is_marker() {
        RecordBody::Marker
    } else {
        RecordBody::Txn(Bytes::from([1; 8]))
    };
    Record::new(chain, zxid, Zxid::ZERO, body)
}

fn outline(zxids: &[Zxid]) -> EpochSegments {
    let mut segments = EpochSegments::new();
    zxids.iter().for_each(|zxid| segments.push(*zxid));
    segments
}

fn promise(epoch: u32, standing: Standing) -> Promise {
    Promise {
        accepted: Epoch(epoch),
        standing,
    }
}

fn recovered(zxids: &[Zxid], promise: Promise) -> Recovered {
    Recovered {
        promise,
        base: None,
        records: records(zxids).0,
        committed: Zxid::ZERO,
    }
}

/// What the disk does with writes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Disk {
    Works,
    Hangs,
}

#[derive(Clone)]
struct Machine {
    zab: Zab,
    now: Instant,
    disk: Disk,
    /// Writes that were asked for.
    writes: usize,
    /// All that was put out since it was last taken.
    said: Vec<Output>,
}

impl Machine {
    fn new(config: Config, recovered: Recovered) -> Self {
        let now = Instant::from_millis(1000);
        let rng = ChaCha8Rng::seed_from_u64(1);
        let mut machine = Machine {
            zab: Zab::new(config, recovered, rng, now),
            now,
            disk: Disk::Works,
            writes: 0,
            said: Vec::new(),
        };
        machine.drain();
        machine
    }

    fn give(&mut self, input: Input) {
        self.zab.handle(self.now, input);
        self.drain();
    }

    fn say(&mut self, link: LinkId, message: Message) {
        self.give(Input::Message { link, message });
    }

    fn suggest(&mut self, leader: u64) {
        self.zab.suggest(self.now, ServerId(leader));
        self.drain();
    }

    fn wait(&mut self, time: Duration) {
        self.now += time;
    }

    fn drain(&mut self) {
        while let Some(output) = self.zab.poll_output() {
            self.said.push(output);
        }
        if self.disk == Disk::Works
            && let Some(ticket) = self.last_write()
        {
            self.zab.handle(self.now, Input::Persisted { ticket });
            self.drain();
        }
    }

    /// A write that nobody was told of yet; it is forgotten here.
    fn last_write(&mut self) -> Option<Ticket> {
        let write = |output: &Output| {
            if let Output::WritePromise { ticket, .. }
            | Output::Append { ticket, .. }
            | Output::Truncate { ticket, .. } = output
            {
                Some(*ticket)
            } else {
                None
            }
        };
        let at = self
            .said
            .iter()
            .position(|output| write(output).is_some())?;
        self.writes += 1;
        write(&self.said.remove(at))
    }

    fn take(&mut self) -> Vec<Output> {
        core::mem::take(&mut self.said)
    }

    /// The messages of what was said, without the rest.
    fn messages(&mut self) -> Vec<Message> {
        let sent = self.take().into_iter().filter_map(|output| {
            if let Output::Send { message, .. } = output {
                Some(message)
            } else {
                None
            }
        });
        sent.collect()
    }

    fn closed(&mut self) -> Vec<(LinkId, CloseReason)> {
        let closed = self.take().into_iter().filter_map(|output| {
            if let Output::Close { link, why } = output {
                Some((link, why))
            } else {
                None
            }
        });
        closed.collect()
    }

    /// What closes the link when this is said, if something does; the machine stays as it is.
    fn refusal(&self, link: LinkId, message: Message) -> Option<CloseReason> {
        let mut copy = self.clone();
        copy.take();
        copy.say(link, message);
        let closed = copy.closed();
        closed.iter().find(|(l, _)| *l == link).map(|(_, why)| *why)
    }
}
