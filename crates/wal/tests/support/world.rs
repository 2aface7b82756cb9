//! A log on a disk in memory, driven at random, with a crash tried after every operation.

use super::disk::{Crash, MemDisk};
use super::model::{Model, Sink, State, body_of, member, txn};
use super::rng::Rng;
use std::collections::{BTreeMap, VecDeque};
use wal::{Directory, DiskOp, DiskTask, Lane, Recovered, Repair, Settled, Ticket, Wal, WalConfig};
use zk_types::{Epoch, Promise, RecordBody, ServerId, SnapshotId, SnapshotMeta, Zxid};

pub(crate) const ME: ServerId = ServerId(3);

pub(crate) struct World {
    pub(crate) config: WalConfig,
    pub(crate) disk: MemDisk,
    pub(crate) wal: Wal,
    pub(crate) model: Model,
    pub(crate) rng: Rng,
    lanes: BTreeMap<Lane, VecDeque<DiskTask>>,
    tickets: u64,
    log_tickets: BTreeMap<Ticket, usize>,
    promise_tickets: BTreeMap<Ticket, usize>,
    reads: BTreeMap<Ticket, Vec<u8>>,
    /// Own snapshots that were begun, and installs that are under way: nothing below is cut.
    floor: Zxid,
    /// Snapshots must wait while the base is changing.
    installing: u32,
    open: Option<(SnapshotMeta, usize)>,
    /// How often crashes are tried: after one operation in so many.
    pub(crate) crash_every: usize,
    pub(crate) crashes: u64,
    /// How many segments were zero-filled.
    pub(crate) allocations: usize,
}

pub(crate) fn config() -> WalConfig {
    WalConfig {
        me: ME,
        segment_bytes: 4096,
        snapshots_kept: 2,
        batch_bytes_max: 1500,
        read_bytes: 512,
        repair: Repair::Peers,
    }
}

pub(crate) fn recover(config: &WalConfig, disk: &mut MemDisk) -> (Wal, Recovered, Sink) {
    let mut sink = Sink::default();
    let (wal, recovered) =
        Wal::recover(config.clone(), disk, 0x5eed, &mut sink).expect("the disk is readable");
    (wal, recovered, sink)
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let mut disk = MemDisk::default();
        let config = config();
        let (wal, recovered, _) = recover(&config, &mut disk);
        assert!(recovered.fresh);
        World {
            config,
            disk,
            wal,
            model: Model::new(State::empty(), recovered.promise, None),
            rng: Rng::new(seed),
            lanes: BTreeMap::new(),
            tickets: 0,
            log_tickets: BTreeMap::new(),
            promise_tickets: BTreeMap::new(),
            reads: BTreeMap::new(),
            floor: Zxid::ZERO,
            installing: 0,
            open: None,
            crash_every: 1,
            crashes: 0,
            allocations: 0,
        }
    }

    pub(crate) fn ticket(&mut self) -> Ticket {
        self.tickets += 1;
        Ticket(self.tickets)
    }

    pub(crate) fn epoch(&self) -> Epoch {
        self.model.last().tail().0.epoch()
    }

    /// Writes a promise that covers `epoch`, as ZAB does before it starts one.
    pub(crate) fn promise(&mut self, epoch: u32) {
        let accepted = self.model.promises.last().unwrap().accepted.0.max(epoch);
        let ticket = self.ticket();
        self.model.promises.push(member(accepted));
        self.promise_tickets
            .insert(ticket, self.model.promises.len() - 1);
        self.wal.write_promise(ticket, member(accepted));
    }

    pub(crate) fn append(&mut self, epoch: Epoch, body: RecordBody) {
        let mut state = self.model.last().clone();
        let record = state.next(epoch, body);
        let ticket = self.log_ticket();
        self.wal.append(ticket, &record);
        state.records.push(record);
        self.model.states.push(state);
    }

    pub(crate) fn truncate(&mut self, to: Zxid) {
        let mut state = self.model.last().clone();
        let ticket = self.log_ticket();
        self.wal.truncate(ticket, to);
        state.truncate(to);
        self.model.states.push(state);
    }

    fn log_ticket(&mut self) -> Ticket {
        let ticket = self.ticket();
        self.log_tickets.insert(ticket, self.model.states.len());
        ticket
    }

    pub(crate) fn begin_snapshot(&mut self, meta: SnapshotMeta) {
        self.floor = self.floor.max(meta.zxid);
        self.wal.begin_snapshot(meta.clone());
        self.open = Some((meta, 0));
    }

    /// Adds a piece to the open snapshot, or finishes it.
    pub(crate) fn go_on_with_snapshot(&mut self) {
        let Some((meta, done)) = self.open.take() else {
            return;
        };
        let body = body_of(&meta);
        if done < body.len() {
            let end = (done + 1 + self.rng.below(200)).min(body.len());
            self.wal.snapshot_chunk(&body[done..end]);
            self.open = Some((meta, end));
        } else {
            self.wal.finish_snapshot();
        }
    }

    pub(crate) fn take_snapshot(&mut self, zxid: Zxid) {
        let meta = self.model.states[self.model.settled].meta_at(zxid).unwrap();
        self.begin_snapshot(meta);
        while self.open.is_some() {
            self.go_on_with_snapshot();
        }
    }

    /// Stages and installs a snapshot of a leader with the given history.
    pub(crate) fn install(&mut self, leader: &State) {
        let (id, meta, bytes) = snapshot_file(leader);
        let mut offset = 0;
        while offset < bytes.len() {
            let end = (offset + 1 + self.rng.below(700)).min(bytes.len());
            self.wal.stage(id, offset as u64, &bytes[offset..end]);
            offset = end;
        }
        let ticket = self.log_ticket();
        self.wal.install(ticket, id, &meta);
        self.open = None;
        self.floor = meta.zxid;
        self.installing += 1;
        self.model.states.push(State {
            base: meta,
            records: Vec::new(),
        });
    }

    /// Takes over what the log asks and says.
    pub(crate) fn drain(&mut self) {
        while let Some(task) = self.wal.poll_task() {
            self.lanes.entry(task.lane).or_default().push_back(task);
        }
        while let Some(settled) = self.wal.poll_settled() {
            self.on_settled(settled);
        }
    }

    fn on_settled(&mut self, settled: Settled) {
        match settled {
            Settled::Written(ticket) | Settled::Installed(ticket) => {
                if let Some(at) = self.log_tickets.remove(&ticket) {
                    assert!(at > self.model.settled, "settled in order");
                    self.log_tickets.retain(|asked, _| *asked > ticket);
                    self.model.settled = at;
                    if matches!(settled, Settled::Installed(_)) {
                        self.installing -= 1;
                        self.model.snapshot = Some(self.model.states[at].base.zxid);
                    }
                } else {
                    let at = self
                        .promise_tickets
                        .remove(&ticket)
                        .expect("a known ticket");
                    self.model.promise_settled = at;
                }
            }
            Settled::SnapshotTaken { meta, id } => {
                let (newest, _) = self.wal.newest_snapshot().expect("there is this one");
                assert!(newest == id || newest.zxid >= meta.zxid);
                self.model.snapshot = Some(meta.zxid);
            }
            Settled::Read { ticket, bytes } => {
                let expected = self.reads.remove(&ticket).expect("a known ticket");
                assert!(bytes.is_empty() || bytes == expected);
            }
            Settled::InstallFailed(_) => panic!("the snapshot was right"),
        }
    }

    /// Runs one operation of one lane; false when there is none.
    pub(crate) fn run_one(&mut self) -> bool {
        self.drain();
        let ready: Vec<Lane> = self
            .lanes
            .iter()
            .filter(|(_, tasks)| !tasks.is_empty())
            .map(|(lane, _)| *lane)
            .collect();
        if ready.is_empty() {
            return false;
        }
        let lane = ready[self.rng.below(ready.len())];
        let task = self.lanes.get_mut(&lane).unwrap().pop_front().unwrap();
        if self.rng.below(4 * self.crash_every) == 0 {
            self.try_crash(Crash::Torn, Some(&task));
        }
        self.check_op(&task.op);
        let bytes = wal::Disk::run(&mut self.disk, &task.op).expect("this disk works");
        if let Some(id) = task.id {
            self.wal.on_done(id, bytes);
            self.drain();
        }
        if self.rng.below(self.crash_every) == 0 {
            for how in [Crash::PowerLost, Crash::ProcessKilled, Crash::Torn] {
                self.try_crash(how, None);
            }
        }
        true
    }

    /// No segment ever grows, and none is written before it is there.
    fn check_op(&mut self, op: &DiskOp) {
        match op {
            DiskOp::Write {
                file,
                offset,
                bytes,
            } if file.name.starts_with("log.") => {
                let length = self.disk.contents(file).expect("allocated").len() as u64;
                assert!(offset + bytes.len() as u64 <= length, "{file:?} would grow");
            }
            DiskOp::Allocate { .. } => self.allocations += 1,
            DiskOp::Write { .. }
            | DiskOp::Sync { .. }
            | DiskOp::Truncate { .. }
            | DiskOp::Rename { .. }
            | DiskOp::Recycle { .. }
            | DiskOp::Remove { .. }
            | DiskOp::SyncDirectory { .. }
            | DiskOp::Read { .. } => {}
        }
    }

    pub(crate) fn run_all(&mut self) {
        self.wal.flush();
        while self.run_one() {}
    }

    /// What a crash here leaves is recovered, recovered again, and recovered after a crash within
    /// recovery, always with the same result.
    fn try_crash(&mut self, how: Crash, unfinished: Option<&DiskTask>) {
        self.crashes += 1;
        let image = self
            .disk
            .crash(how, &mut self.rng, unfinished.map(|task| &task.op));
        let mut disk = image.clone();
        let (_, first, sink) = recover(&self.config, &mut disk);
        if let Err(why) = self.model.accepts(&first, &sink) {
            panic!("after {how:?}: {why}");
        }
        match self.rng.below(12) {
            0 => self.crash_within_recovery(&image, &first),
            1..=3 => self.expect_again(&disk, &first, "run twice"),
            4 => self.goes_on(disk, &first),
            _ => {}
        }
    }

    /// What is appended to what a crash left, in segments old and new, is found after the next one.
    fn goes_on(&mut self, mut disk: MemDisk, first: &Recovered) {
        let (wal, again, sink) = recover(&self.config, &mut disk);
        let state = self.model.accepts(&again, &sink).expect("as before");
        assert_same(first, &again, "before going on");
        let mut world = World::new(self.rng.next());
        world.config = self.config.clone();
        world.disk = disk;
        world.crash_every = usize::MAX / 8;
        world.reopen(wal, state, again.promise);
        for length in [0, 700, 3000, 3000, 60] {
            match length {
                0 => world.begin_epoch(),
                length => world.append(world.epoch(), txn(length, 7)),
            }
            world.run_all();
            world.takes_what_it_says();
        }
        world.restart(Crash::PowerLost);
        world.run_all();
        world.takes_what_it_says();
    }

    /// When nothing is under way the directories hold what the log says that it takes, and nothing
    /// else.
    pub(crate) fn takes_what_it_says(&self) {
        let (mut log, mut data) = (0, 0);
        for file in self.disk.files() {
            let bytes = self.disk.contents(&file).unwrap().len() as u64;
            match file.directory {
                Directory::Log => log += bytes,
                Directory::Data => data += bytes,
            }
        }
        let files = self.disk.files();
        assert_eq!((log, data), self.wal.directory_bytes(), "{files:?}");
    }

    fn crash_within_recovery(&mut self, image: &MemDisk, first: &Recovered) {
        for ops in 0.. {
            let mut disk = image.clone();
            disk.ops_left = Some(ops);
            let mut sink = Sink::default();
            let done = Wal::recover(self.config.clone(), &mut disk, 0x5eed, &mut sink).is_ok();
            for how in [Crash::PowerLost, Crash::Torn] {
                // What was not durable before recovery began may still be lost.
                let twice = disk.crash(how, &mut self.rng, None);
                let (_, second, sink) = recover(&self.config, &mut twice.clone());
                if let Err(why) = self.model.accepts(&second, &sink) {
                    panic!("{how:?} after {ops} operations of recovery: {why}");
                }
                if done {
                    assert_same(first, &second, "crashed after recovery");
                }
            }
            if done {
                return;
            }
        }
    }

    fn expect_again(&mut self, disk: &MemDisk, first: &Recovered, when: &str) {
        let mut disk = disk.crash(Crash::PowerLost, &mut self.rng, None);
        let (_, second, _) = recover(&self.config, &mut disk);
        assert_same(first, &second, when);
    }

    /// Crashes for good and goes on with what is left.
    pub(crate) fn restart(&mut self, how: Crash) -> Recovered {
        self.disk = self.disk.crash(how, &mut self.rng, None);
        let (wal, recovered, sink) = recover(&self.config, &mut self.disk);
        let state = match self.model.accepts(&recovered, &sink) {
            Ok(state) => state,
            Err(why) => panic!("restarted after {how:?}: {why}"),
        };
        let base = recovered.base.as_ref().map(|(_, meta)| meta.zxid);
        self.reopen(wal, state, recovered.promise);
        self.floor = base.unwrap_or(Zxid::ZERO);
        self.model.snapshot = base;
        recovered
    }

    /// Crashes; what is found is for the caller to judge.
    pub(crate) fn restart_damaged(&mut self, how: Crash) -> Recovered {
        self.disk = self.disk.crash(how, &mut self.rng, None);
        recover(&self.config, &mut self.disk).1
    }

    /// Goes on with a log that was recovered to `state`.
    pub(crate) fn reopen(&mut self, wal: Wal, state: State, promise: Promise) {
        self.floor = state.base.zxid;
        self.model = Model::new(state, promise, None);
        self.wal = wal;
        self.lanes.clear();
        self.log_tickets.clear();
        self.promise_tickets.clear();
        self.reads.clear();
        self.installing = 0;
        self.open = None;
    }

    /// One thing that a server may do to its log.
    pub(crate) fn act(&mut self) {
        match self.rng.below(20) {
            0..=8 => {
                for _ in 0..1 + self.rng.below(6) {
                    let length = if self.rng.chance(60) {
                        5000
                    } else {
                        self.rng.below(400)
                    };
                    let fill = self.rng.next() as u8;
                    let epoch = self.epoch().0.max(1);
                    if self.model.last().tail().0 == Zxid::ZERO {
                        self.begin_epoch();
                    } else {
                        self.append(Epoch(epoch), txn(length, fill));
                    }
                }
            }
            9 => self.begin_epoch(),
            10..=12 => self.truncate_somewhere(),
            13 => self.promise(self.epoch().0),
            14..=15 => self.snapshot_somewhere(),
            16..=17 => self.go_on_with_snapshot(),
            18 => self.install_something(),
            _ => self.read_something(),
        }
        if !self.rng.chance(4) {
            self.wal.flush();
        }
        self.drain();
    }

    pub(crate) fn begin_epoch(&mut self) {
        let epoch = self.epoch().0 + 1;
        self.promise(epoch);
        self.append(Epoch(epoch), RecordBody::Marker);
    }

    fn truncate_somewhere(&mut self) {
        let state = self.model.last();
        let floor = self.floor;
        let mut places: Vec<Zxid> = state
            .records
            .iter()
            .map(|record| record.zxid)
            .filter(|zxid| *zxid >= floor)
            .collect();
        places.extend((state.base.zxid >= floor).then_some(state.base.zxid));
        let near = places.len() - 1 - self.rng.below(places.len().min(8));
        let to = if self.rng.chance(4) {
            places[self.rng.below(places.len())]
        } else {
            places[near]
        };
        let again = self.model.last().clone();
        self.truncate(to);
        // A leader may send the very records again that were cut.
        if self.rng.chance(2) {
            let cut: Vec<_> = again
                .records
                .into_iter()
                .filter(|record| record.zxid > to)
                .collect();
            let some = self.rng.below(cut.len() + 1);
            for record in cut.into_iter().take(some) {
                self.append(record.zxid.epoch(), record.body);
            }
        }
    }

    fn snapshot_somewhere(&mut self) {
        if self.open.is_some() || self.installing > 0 {
            return;
        }
        let last = self.model.last();
        let durable = &self.model.states[self.model.settled];
        let floor = self.floor;
        let mut places = vec![durable.base.zxid];
        places.extend(durable.records.iter().map(|record| record.zxid));
        // Only what no truncation on its way removes.
        let unsettled = &self.model.states[self.model.settled..];
        places.retain(|zxid| {
            *zxid >= floor
                && unsettled
                    .iter()
                    .all(|state| state.meta_at(*zxid) == last.meta_at(*zxid))
        });
        if !places.is_empty() {
            let near = places.len() - 1 - self.rng.below(places.len().min(3));
            let far = self.rng.below(places.len());
            let zxid = places[if self.rng.chance(3) { far } else { near }];
            let meta = self.model.last().meta_at(zxid).unwrap();
            self.begin_snapshot(meta);
        }
    }

    fn install_something(&mut self) {
        let mut leader = self.model.last().clone();
        let floor = self.floor;
        let places: Vec<Zxid> = leader
            .records
            .iter()
            .map(|record| record.zxid)
            .filter(|zxid| *zxid >= floor)
            .collect();
        if !places.is_empty() {
            leader.truncate(places[self.rng.below(places.len())]);
        }
        let mut epoch = leader.tail().0.epoch().0;
        for _ in 0..self.rng.below(4) {
            epoch += u32::from(self.rng.chance(3));
            let body = if leader.tail().0.epoch().0 < epoch {
                RecordBody::Marker
            } else {
                txn(9, 1)
            };
            if leader.tail().0 == Zxid::ZERO && epoch == 0 {
                continue;
            }
            let record = leader.next(Epoch(epoch), body);
            leader.records.push(record);
        }
        self.promise(epoch);
        self.install(&leader);
    }

    fn read_something(&mut self) {
        if let Some((id, meta)) = self.wal.newest_snapshot() {
            let expected = self
                .disk
                .contents(&snapshot_name(id))
                .expect("it is there")
                .to_vec();
            assert_eq!(expected.len() as u64, id.bytes, "{meta:?}");
            let ticket = self.ticket();
            let offset = self.rng.below(expected.len());
            let end = (offset + 50).min(expected.len());
            self.reads.insert(ticket, expected[offset..end].to_vec());
            self.wal.read_snapshot(ticket, id, offset as u64, 50);
        }
    }
}

fn assert_same(first: &Recovered, second: &Recovered, when: &str) {
    assert_eq!(outline(first), outline(second), "{when}");
    assert!(first.records == second.records, "{when}");
    assert_eq!(first.identity, second.identity, "{when}");
}

/// What was recovered, without the bodies.
pub(crate) fn outline(recovered: &Recovered) -> String {
    let records: Vec<_> = recovered
        .records
        .iter()
        .map(|record| (record.zxid, record.chain.0 % 1000))
        .collect();
    let base = recovered.base.as_ref().map(|(id, _)| id);
    let Recovered {
        promise, committed, ..
    } = recovered;
    format!("{base:?} {records:?} {promise:?} {committed:?}")
}

pub(crate) fn snapshot_name(id: SnapshotId) -> wal::File {
    let name = format!("snapshot.{:016x}-{:016x}", id.zxid.0, id.checksum);
    wal::File {
        directory: wal::Directory::Data,
        name,
    }
}

/// What the next snapshot is written over.
pub(crate) fn snapshot_written_over() -> wal::File {
    wal::File {
        directory: wal::Directory::Data,
        name: "snapshot.tmp".to_owned(),
    }
}

/// The file that a server with the given history would send.
pub(crate) fn snapshot_file(state: &State) -> (SnapshotId, SnapshotMeta, Vec<u8>) {
    let meta = state.meta_at(state.tail().0).unwrap();
    let bytes = file_bytes(&meta, &body_of(&meta));
    let mut reader = wal::SnapshotReader::new();
    reader
        .push(&bytes, &mut Sink::default())
        .expect("the format is as documented");
    (reader.finished().expect("it is whole"), meta, bytes)
}

/// A snapshot file written from its description alone.
fn file_bytes(meta: &SnapshotMeta, body: &[u8]) -> Vec<u8> {
    let mut bytes = b"VIVSNAP\0".to_vec();
    let lasts = meta.segments.lasts();
    bytes.extend(1u32.to_be_bytes());
    bytes.extend((20 + 8 * lasts.len() as u32).to_be_bytes());
    bytes.extend(meta.zxid.0.to_be_bytes());
    bytes.extend(meta.chain.0.to_be_bytes());
    bytes.extend((lasts.len() as u32).to_be_bytes());
    for last in lasts {
        bytes.extend(last.0.to_be_bytes());
    }
    bytes.extend(crc32fast::hash(&bytes).to_be_bytes());
    for part in body.chunks(100) {
        let length = (part.len() as u32).to_be_bytes();
        bytes.extend(length);
        bytes.extend(crc32fast::hash(&[&length, part].concat()).to_be_bytes());
        bytes.extend(part);
    }
    bytes.extend([0; 8]);
    bytes.extend((bytes.len() as u64 + 16).to_be_bytes());
    bytes.extend(xxhash_rust::xxh3::xxh3_64(&bytes).to_be_bytes());
    bytes
}
