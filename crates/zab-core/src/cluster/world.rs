//! The world around the machines: links, mesh, disks, clock and faults.

use super::chance::Chance;
use super::disk::{Disk, Image, InstallEnd, LogOp};
use super::oracle::{Life, Oracle};
use super::{snapshot_bytes, snapshot_id};
use crate::interface::{Config, Input, LinkId, Note, Output, Role, SyncTag, Ticket};
use crate::message::{Message, Notification};
use crate::zab::Zab;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::vec::Vec;
use std::{eprintln, format};
use zk_types::{
    Bytes, Chain, Epoch, EpochSegments, Instant, ServerId, SnapshotId, SnapshotMeta, Standing, Zxid,
};

/// How a run is set up; each seed draws one.
#[derive(Clone, Debug)]
pub(super) struct Setup {
    pub(super) size: u64,
    pub(super) counter_max: u32,
    pub(super) window_bytes_max: usize,
    pub(super) backlog_bytes_max: usize,
    pub(super) snapshot_bytes: usize,
    /// Whether leaders come from votes or from nowhere.
    pub(super) elections: Elections,
    /// One step in so many is a fault; 0 for none.
    pub(super) fault_every: usize,
    /// One fault in so many wipes or damages a disk; 0 for none.
    pub(super) loss_every: usize,
    pub(super) step_micros: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Elections {
    Honest,
    Adversarial,
}

#[derive(Debug)]
struct App {
    /// How much of the ledger is applied.
    applied: usize,
    zxid: Zxid,
    chain: Chain,
    segments: EpochSegments,
}

#[derive(Debug)]
struct Node {
    zab: Option<Zab>,
    disk: Disk,
    app: App,
    starts: u32,
    wipes: u32,
    /// Its disk lost something and is not a member's yet.
    lost: bool,
    role: Role,
    snapshot_wanted: bool,
    syncs: BTreeMap<SyncTag, usize>,
    down_until: Option<usize>,
}

/// One end of a connection.
type End = (ServerId, LinkId);

#[derive(Debug)]
struct Connection {
    ends: [End; 2],
    /// What is on its way to each end.
    queues: [VecDeque<Message>; 2],
    /// Whether each end still takes something.
    open: [bool; 2],
    /// Whether the other end has gone, which an end learns when its queue is empty.
    gone: [bool; 2],
    /// Whether an end learns it late.
    late: [bool; 2],
}

#[derive(Debug)]
pub(super) struct World {
    pub(super) setup: Setup,
    pub(super) chance: Chance,
    pub(super) now: Instant,
    nodes: BTreeMap<ServerId, Node>,
    connections: Vec<Connection>,
    dials: Vec<(ServerId, LinkId, ServerId)>,
    mesh: Vec<(ServerId, ServerId, Notification)>,
    blocked: BTreeSet<(ServerId, ServerId)>,
    /// Ways and, from a server to itself, disks that are slow.
    slow: BTreeSet<(ServerId, ServerId)>,
    pub(super) oracle: Oracle,
    accepted: u64,
    tags: u64,
    pub(super) steps: usize,
    /// Lives by the link a learner dialled, to know whom it promised.
    dialled: BTreeMap<End, Life>,
    trace: bool,
    /// Whether faults may still happen.
    healed: bool,
    /// Disks that do nothing for now.
    held: BTreeSet<ServerId>,
    /// How often what happened.
    pub(super) counts: BTreeMap<std::string::String, usize>,
}

impl World {
    pub(super) fn new(setup: Setup, seed: u64) -> Self {
        let mut world = World {
            chance: Chance::new(seed),
            now: Instant::from_millis(1),
            nodes: BTreeMap::new(),
            connections: Vec::new(),
            dials: Vec::new(),
            mesh: Vec::new(),
            blocked: BTreeSet::new(),
            slow: BTreeSet::new(),
            oracle: Oracle::default(),
            accepted: 0,
            tags: 0,
            steps: 0,
            dialled: BTreeMap::new(),
            trace: std::env::var("ZAB_TRACE").is_ok(),
            healed: false,
            held: BTreeSet::new(),
            counts: BTreeMap::new(),
            setup,
        };
        for id in (1..=world.setup.size).map(ServerId) {
            let node = Node {
                zab: None,
                disk: Disk::new(Image::empty()),
                app: App::new(),
                starts: 0,
                wipes: 0,
                lost: false,
                role: Role::Looking,
                snapshot_wanted: false,
                syncs: BTreeMap::new(),
                down_until: None,
            };
            world.nodes.insert(id, node);
            world.start(id);
        }
        world
    }

    fn config(&self, me: ServerId) -> Config {
        Config {
            me,
            voters: self.nodes_all().collect(),
            tick: Duration::from_millis(100),
            init_limit: 10,
            sync_limit: 5,
            finalize_wait: Duration::from_millis(20),
            notification_interval: (Duration::from_millis(20), Duration::from_millis(200)),
            window_bytes_max: self.setup.window_bytes_max,
            chunk_bytes: 16,
            learner_backlog_bytes_max: self.setup.backlog_bytes_max,
            counter_max: self.setup.counter_max,
        }
    }

    fn nodes_all(&self) -> impl Iterator<Item = ServerId> + use<> {
        (1..=self.setup.size).map(ServerId)
    }

    pub(super) fn start(&mut self, id: ServerId) {
        let config = self.config(id);
        let rng = self.chance.fork();
        let now = self.now;
        let node = self.nodes.get_mut(&id).unwrap();
        assert!(node.zab.is_none());
        self.oracle.check_image(&node.disk.image);
        node.starts += 1;
        node.role = Role::Looking;
        node.snapshot_wanted = false;
        node.syncs.clear();
        node.down_until = None;
        node.app = match &node.disk.image.base {
            Some((_, meta)) => App {
                applied: self.oracle.position(meta.zxid),
                zxid: meta.zxid,
                chain: meta.chain,
                segments: meta.segments.clone(),
            },
            None => App::new(),
        };
        node.zab = Some(Zab::new(config, node.disk.image.recovered(), rng, now));
        self.drain(id);
    }

    /// Ends a process; the disk keeps what is durable and some of the rest.
    pub(super) fn crash(&mut self, id: ServerId) {
        self.say(|| format!("crash {id:?}"));
        let node = self.nodes.get_mut(&id).unwrap();
        node.zab = None;
        let disk = core::mem::replace(&mut node.disk, Disk::new(Image::empty()));
        node.disk = Disk::new(disk.crash(&mut self.chance));
        self.check_disks();
        self.dials.retain(|(from, _, _)| *from != id);
        self.mesh.retain(|(_, to, _)| *to != id);
        for index in 0..self.connections.len() {
            for side in 0..2 {
                if self.connections[index].ends[side].0 == id {
                    self.cut(index, side);
                }
            }
        }
    }

    /// One end is gone: what is on its way to it is lost, what it sent may arrive in part.
    fn cut(&mut self, index: usize, side: usize) {
        let connection = &mut self.connections[index];
        connection.open[side] = false;
        connection.queues[side].clear();
        connection.gone[1 - side] = true;
        let left = &mut connection.queues[1 - side];
        let kept = self.chance.below(left.len() + 1);
        left.truncate(kept);
    }

    pub(super) fn handle(&mut self, id: ServerId, input: Input) {
        let now = self.now;
        if self.trace {
            eprintln!("{} {now:?} {id:?} <- {input:?}", self.steps);
        }
        let Some(zab) = self.nodes.get_mut(&id).unwrap().zab.as_mut() else {
            return;
        };
        zab.handle(now, input);
        self.drain(id);
    }

    fn say(&self, what: impl FnOnce() -> std::string::String) {
        if self.trace {
            eprintln!("{} {:?} {}", self.steps, self.now, what());
        }
    }

    fn drain(&mut self, id: ServerId) {
        while let Some(output) = self.node(id).zab.as_mut().and_then(Zab::poll_output) {
            self.say(|| format!("{id:?} -> {output:?}"));
            self.execute(id, output);
        }
    }

    fn node(&mut self, id: ServerId) -> &mut Node {
        self.nodes.get_mut(&id).unwrap()
    }

    fn life(&self, id: ServerId) -> Life {
        (id, self.nodes[&id].starts)
    }

    fn execute(&mut self, id: ServerId, output: Output) {
        let kind = format!("{output:?}");
        let kind: std::string::String = kind.chars().take_while(|c| c.is_alphanumeric()).collect();
        *self.counts.entry(kind).or_default() += 1;
        match output {
            Output::Notify { to, notification } => {
                assert_ne!(to, id);
                self.hush(id, to);
                self.mesh.push((id, to, notification));
            }
            Output::Dial { link, peer } => self.dials.push((id, link, peer)),
            Output::Close { link, .. } => {
                if let Some((index, side)) = self.find((id, link)) {
                    let connection = &mut self.connections[index];
                    connection.open[side] = false;
                    connection.queues[side].clear();
                    connection.gone[1 - side] = true;
                }
                self.dials.retain(|dial| (dial.0, dial.1) != (id, link));
            }
            Output::Send { link, message } => {
                self.check_send(id, link, &message);
                if let Some((index, side)) = self.find((id, link)) {
                    let connection = &mut self.connections[index];
                    if connection.open[1 - side] && !connection.gone[1 - side] {
                        connection.queues[1 - side].push_back(message);
                    }
                }
            }
            Output::WritePromise { ticket, promise } => {
                self.node(id)
                    .disk
                    .promise_queue
                    .push_back((ticket, promise));
            }
            Output::Append { ticket, record } => {
                self.oracle.on_append(&record);
                let leads = matches!(self.nodes[&id].role, Role::LeadingPrepare { .. });
                if leads && record.zxid.is_marker() {
                    self.oracle.on_marker(record.zxid.epoch(), self.life(id));
                }
                self.node(id)
                    .disk
                    .log_queue
                    .push_back((ticket, LogOp::Append(record)));
            }
            Output::Truncate { ticket, to } => {
                self.node(id)
                    .disk
                    .log_queue
                    .push_back((ticket, LogOp::Truncate(to)));
            }
            Output::TakeSnapshot => self.node(id).snapshot_wanted = true,
            Output::ReadSnapshot {
                ticket,
                id: file,
                offset,
                bytes_max,
            } => {
                assert!(bytes_max > 0);
                self.node(id)
                    .disk
                    .reads
                    .push_back((ticket, file, offset, bytes_max));
            }
            Output::StageSnapshot {
                id: file,
                offset,
                bytes,
            } => {
                self.node(id).disk.stage(file, offset, &bytes);
            }
            Output::Install {
                ticket,
                id: file,
                meta,
            } => {
                self.node(id).disk.install = Some((ticket, file, meta));
            }
            Output::Deliver(record) => self.deliver(id, &record),
            Output::Role(role) => {
                let node = self.node(id);
                node.role = role;
                if !matches!(role, Role::Leading { .. } | Role::Following { .. }) {
                    node.syncs.clear();
                }
            }
            Output::SyncDone { tag } => {
                let node = self.node(id);
                let seen = node.syncs.remove(&tag).expect("a sync is answered once");
                assert!(
                    node.app.applied >= seen,
                    "a sync missed what was finished before it"
                );
            }
            Output::App { .. } => {}
            Output::Note(note) => {
                let name = match &note {
                    Note::Synchronising { plan, .. } => format!("Synchronising {plan}"),
                    Note::Standing(standing) => format!("Standing {standing:?}"),
                    Note::Elected { .. }
                    | Note::QuorumLost
                    | Note::LockedOut { .. }
                    | Note::CounterExhausted
                    | Note::DiskStalled
                    | Note::IllegalMessage { .. }
                    | Note::Contradiction { .. } => {
                        format!("{note:?}").split(' ').next().unwrap().into()
                    }
                };
                *self.counts.entry(name).or_default() += 1;
                self.check_note(id, &note);
            }
        }
    }

    /// Only the newest notifications between two servers are kept: one without faults, a few with.
    fn hush(&mut self, from: ServerId, to: ServerId) {
        let kept = if self.healed { 0 } else { self.chance.below(3) };
        let mut same = self
            .mesh
            .iter()
            .filter(|(f, t, _)| (*f, *t) == (from, to))
            .count();
        self.mesh.retain(|(f, t, _)| {
            let drop = (*f, *t) == (from, to) && same > kept;
            same -= usize::from(drop);
            !drop
        });
    }

    fn check_note(&self, id: ServerId, note: &Note) {
        match note {
            Note::IllegalMessage { .. } | Note::Contradiction { .. } => {
                panic!("{id:?} notes {note:?}")
            }
            Note::Elected { .. }
            | Note::Synchronising { .. }
            | Note::QuorumLost
            | Note::Standing(_)
            | Note::LockedOut { .. }
            | Note::CounterExhausted
            | Note::DiskStalled => {}
        }
    }

    /// S18 to S20: what a server says of its disk is true.
    fn check_send(&mut self, id: ServerId, link: LinkId, message: &Message) {
        let image = &self.nodes[&id].disk.image;
        match message {
            Message::Ack { zxid } => {
                assert!(
                    image.holds(*zxid, self.oracle.chain(*zxid)),
                    "{id:?} acks {zxid:?}"
                );
            }
            Message::LeaderInfo { epoch } => assert!(image.promise.accepted >= *epoch),
            Message::AckEpoch { counted, .. } => {
                let accepted = image.promise.accepted;
                let zab = self.nodes[&id].zab.as_ref().unwrap().summary();
                assert!(accepted >= zab.accepted, "{id:?} says what is not durable");
                if *counted {
                    let leader = self.dialled[&(id, link)];
                    self.oracle.on_counted(id, accepted, leader);
                }
            }
            Message::FollowerInfo { accepted, standing } => {
                assert_eq!(image.promise.accepted, *accepted);
                assert_eq!(image.promise.standing, *standing);
            }
            Message::Diff
            | Message::Trunc { .. }
            | Message::Snap { .. }
            | Message::SnapWant { .. }
            | Message::SnapChunk { .. }
            | Message::SnapDone { .. }
            | Message::Proposal { .. }
            | Message::Commit { .. }
            | Message::NewLeader { .. }
            | Message::UpToDate { .. }
            | Message::Readmitted
            | Message::Ping { .. }
            | Message::Pong { .. }
            | Message::Sync { .. }
            | Message::SyncDone { .. }
            | Message::App { .. } => {}
        }
    }

    fn deliver(&mut self, id: ServerId, record: &zk_types::Record) {
        let node = self.nodes.get_mut(&id).unwrap();
        assert!(
            node.disk.image.holds(record.zxid, record.chain),
            "applied before durable"
        );
        assert!(
            node.app.zxid.is_followed_by(record.zxid),
            "{id:?} applies in order"
        );
        let known = self.oracle.ledger.len();
        node.app.applied = self.oracle.on_deliver(node.app.applied, record);
        node.app.zxid = record.zxid;
        node.app.chain = record.chain;
        node.app.segments.push(record.zxid);
        if self.oracle.ledger.len() > known {
            self.check_disks();
        }
    }

    fn images(&self) -> Vec<(&Image, bool)> {
        self.nodes
            .values()
            .map(|node| (&node.disk.image, node.lost))
            .collect()
    }

    pub(super) fn check_disks(&self) {
        let images = self.images();
        self.oracle.check_durable(&images);
        self.oracle.check_survival(&images);
    }

    fn find(&self, end: End) -> Option<(usize, usize)> {
        self.connections
            .iter()
            .enumerate()
            .find_map(|(index, connection)| {
                connection
                    .ends
                    .iter()
                    .position(|other| *other == end)
                    .map(|side| (index, side))
            })
    }

    fn is_blocked(&self, a: ServerId, b: ServerId) -> bool {
        self.blocked.contains(&(a, b))
    }

    /// Everything that could happen next, each worth one ticket in the draw.
    fn events(&self) -> Vec<Event> {
        let mut events = Vec::new();
        for (index, connection) in self.connections.iter().enumerate() {
            for side in 0..2 {
                let (from, to) = (connection.ends[1 - side].0, connection.ends[side].0);
                let waits = !connection.queues[side].is_empty() || connection.gone[side];
                if connection.open[side] && waits && !self.is_blocked(from, to) {
                    events.push(Event::Receive(index, side));
                }
            }
        }
        events.extend((0..self.dials.len()).map(Event::Dial));
        let heard = self.setup.elections == Elections::Honest || self.healed;
        for (index, (from, to, _)) in self.mesh.iter().enumerate() {
            if heard && !self.is_blocked(*from, *to) {
                events.push(Event::Hear(index));
            }
        }
        for (id, node) in &self.nodes {
            let Some(zab) = &node.zab else {
                continue;
            };
            if !node.disk.log_queue.is_empty() && !self.held.contains(id) {
                events.push(Event::LogWritten(*id));
            }
            if !node.disk.promise_queue.is_empty() {
                events.push(Event::PromiseWritten(*id));
            }
            if node.disk.install.is_some() {
                events.push(Event::Install(*id));
            }
            if !node.disk.reads.is_empty() {
                events.push(Event::Read(*id));
            }
            if node.snapshot_wanted {
                events.push(Event::Snapshot(*id));
            }
            if zab.next_deadline().is_some_and(|at| at <= self.now) {
                events.push(Event::Timeout(*id));
            }
        }
        events
    }

    fn run(&mut self, event: Event) {
        match event {
            Event::Receive(index, side) => self.receive(index, side),
            Event::Dial(index) => self.dial(index),
            Event::Hear(index) => {
                let (from, to, notification) = self.mesh.swap_remove(index);
                self.handle(to, Input::Notification { from, notification });
            }
            Event::LogWritten(id) => {
                let waiting = self.node(id).disk.log_queue.len();
                let count = if self.healed {
                    waiting
                } else {
                    1 + self.chance.below(waiting)
                };
                let tickets = self.node(id).disk.complete_log(count);
                self.check_disks();
                self.persisted(id, &tickets);
            }
            Event::PromiseWritten(id) => {
                let waiting = self.node(id).disk.promise_queue.len();
                let count = 1 + self.chance.below(waiting);
                let tickets = self.node(id).disk.complete_promise(count);
                let node = self.node(id);
                if node.disk.image.promise.standing == Standing::Member {
                    node.lost = false;
                }
                self.check_disks();
                self.persisted(id, &tickets);
            }
            Event::Install(id) => self.install(id),
            Event::Read(id) => self.read(id),
            Event::Snapshot(id) => self.snapshot(id),
            Event::Timeout(id) => self.handle(id, Input::Timeout),
        }
    }

    /// A shell may report each write, or the newest of a batch only.
    fn persisted(&mut self, id: ServerId, tickets: &[Ticket]) {
        let first = if self.chance.one_in(2) {
            tickets.len() - 1
        } else {
            0
        };
        for ticket in &tickets[first..] {
            self.handle(id, Input::Persisted { ticket: *ticket });
        }
    }

    fn receive(&mut self, index: usize, side: usize) {
        let connection = &mut self.connections[index];
        let (id, link) = connection.ends[side];
        match connection.queues[side].pop_front() {
            Some(message) => self.handle(id, Input::Message { link, message }),
            None => {
                connection.open[side] = false;
                self.handle(id, Input::Disconnected { link });
            }
        }
    }

    fn dial(&mut self, index: usize) {
        let (from, link, to) = self.dials.swap_remove(index);
        let is_up = self.nodes[&to].zab.is_some();
        if !is_up || self.is_blocked(from, to) || self.is_blocked(to, from) {
            self.handle(from, Input::Disconnected { link });
            return;
        }
        self.accepted += 1;
        let accepted = LinkId(1 << 63 | self.accepted);
        self.dialled.insert((from, link), self.life(to));
        self.connections
            .retain(|connection| connection.open != [false, false]);
        self.connections.push(Connection {
            ends: [(from, link), (to, accepted)],
            queues: [VecDeque::new(), VecDeque::new()],
            open: [true, true],
            gone: [false, false],
            late: [self.chance.one_in(2), self.chance.one_in(2)],
        });
        self.handle(
            to,
            Input::Connected {
                link: accepted,
                peer: from,
            },
        );
        self.handle(from, Input::Connected { link, peer: to });
    }

    fn install(&mut self, id: ServerId) {
        let ended = self.node(id).disk.complete_install();
        let (ticket, end, meta) = ended.expect("an install is under way");
        match end {
            InstallEnd::Done => {
                let applied = self.oracle.position(meta.zxid);
                let node = self.node(id);
                assert!(applied >= node.app.applied, "{id:?} goes back");
                node.app = App {
                    applied,
                    zxid: meta.zxid,
                    chain: meta.chain,
                    segments: meta.segments.clone(),
                };
                assert_eq!(node.disk.image.segments(), meta.segments);
                self.handle(id, Input::Installed { ticket });
            }
            InstallEnd::Failed => self.handle(id, Input::InstallFailed { ticket }),
        }
    }

    fn read(&mut self, id: ServerId) {
        let gone = !self.healed && self.chance.one_in(60);
        let rots = !self.healed && self.chance.one_in(60);
        let short = self.chance.one_in(20);
        let disk = &mut self.node(id).disk;
        let (ticket, file, offset, bytes_max) = disk.reads.pop_front().unwrap();
        if gone {
            disk.image.snapshots.remove(&file);
        }
        if rots && let Some(bytes) = disk.image.snapshots.get_mut(&file) {
            bytes[0] ^= 1;
        }
        let bytes = disk
            .image
            .snapshots
            .get(&file)
            .map_or(Bytes::from([]), |bytes| {
                let from = usize::try_from(offset).unwrap();
                let length = usize::try_from(bytes_max).unwrap();
                let length = if short { 1.max(length / 2) } else { length };
                Bytes::from(&bytes[from..bytes.len().min(from + length)])
            });
        self.handle(id, Input::SnapshotRead { ticket, bytes });
    }

    pub(super) fn snapshot(&mut self, id: ServerId) {
        let length = self.setup.snapshot_bytes;
        let node = self.node(id);
        node.snapshot_wanted = false;
        if node.zab.is_none() || node.app.zxid == Zxid::ZERO || node.disk.install.is_some() {
            return;
        }
        let meta = SnapshotMeta {
            zxid: node.app.zxid,
            chain: node.app.chain,
            segments: node.app.segments.clone(),
        };
        let bytes = snapshot_bytes(meta.chain, length);
        let file = snapshot_id(meta.zxid, &bytes);
        let image = &mut node.disk.image;
        image.snapshots.insert(file, bytes);
        image.base = Some((file, meta.clone()));
        image.records.retain(|record| record.zxid > meta.zxid);
        self.handle(id, Input::SnapshotTaken { id: file, meta });
    }

    /// One step of the walk.
    pub(super) fn step(&mut self) {
        self.steps += 1;
        let micros = u64::try_from(self.chance.below(self.setup.step_micros) + 1).unwrap();
        self.now += Duration::from_micros(micros);
        // Faults come in storms, with enough calm between for something to be lost.
        let calm = if self.steps % 400 < 100 { 1 } else { 8 };
        if self.setup.fault_every > 0 && self.chance.one_in(self.setup.fault_every * calm) {
            self.fault();
        }
        self.come_back();
        match self.chance.below(20) {
            0..=2 => self.propose_somewhere(),
            3 => self.sync_somewhere(),
            4 if self.setup.elections == Elections::Adversarial => self.suggest_somewhere(),
            5 if self.chance.one_in(10) => {
                let id = self.anybody();
                self.snapshot(id);
            }
            _ => {
                let events = self.events();
                if events.is_empty() {
                    self.now += Duration::from_millis(5);
                } else {
                    let event = events[self.chance.below(events.len())];
                    if (!self.is_slow(event) || self.chance.one_in(50))
                        && (!self.is_late(event) || self.chance.one_in(300))
                    {
                        self.run(event);
                    }
                }
            }
        }
    }

    /// Whether an end would learn now that the other is gone, and is one that learns it late.
    fn is_late(&self, event: Event) -> bool {
        let Event::Receive(index, side) = event else {
            return false;
        };
        let connection = &self.connections[index];
        connection.queues[side].is_empty() && connection.late[side]
    }

    fn is_slow(&self, event: Event) -> bool {
        let way = match event {
            Event::Receive(index, side) => {
                let connection = &self.connections[index];
                (connection.ends[1 - side].0, connection.ends[side].0)
            }
            Event::Dial(index) => (self.dials[index].0, self.dials[index].2),
            Event::Hear(index) => (self.mesh[index].0, self.mesh[index].1),
            Event::LogWritten(id)
            | Event::PromiseWritten(id)
            | Event::Install(id)
            | Event::Read(id)
            | Event::Snapshot(id) => (id, id),
            Event::Timeout(_) => return false,
        };
        self.slow.contains(&way)
    }

    fn anybody(&mut self) -> ServerId {
        ServerId(u64::try_from(self.chance.below(self.nodes.len())).unwrap() + 1)
    }

    fn come_back(&mut self) {
        let steps = self.steps;
        let due: Vec<ServerId> = self
            .nodes
            .iter()
            .filter(|(_, node)| node.down_until.is_some_and(|at| at <= steps))
            .map(|(id, _)| *id)
            .collect();
        due.into_iter().for_each(|id| self.start(id));
    }

    fn propose_somewhere(&mut self) {
        let id = self.anybody();
        let length = self.chance.below(40);
        self.propose(id, length);
    }

    pub(super) fn propose(&mut self, id: ServerId, length: usize) {
        let node = &self.nodes[&id];
        if node
            .zab
            .as_ref()
            .is_some_and(|zab| zab.next_zxid().is_some())
        {
            assert!(matches!(node.role, Role::Leading { .. }));
            let number = u64::try_from(self.steps).unwrap().to_be_bytes();
            let payload: Vec<u8> = number.into_iter().cycle().take(length).collect();
            self.handle(
                id,
                Input::Propose {
                    payload: payload.into(),
                },
            );
        }
    }

    fn sync_somewhere(&mut self) {
        let id = self.anybody();
        self.tags += 1;
        let tag = SyncTag(self.tags);
        let finished = self.oracle.ledger.len();
        let node = self.node(id);
        let behind = finished > node.app.applied;
        if matches!(node.role, Role::Leading { .. } | Role::Following { .. }) {
            if behind && matches!(node.role, Role::Leading { .. }) {
                *self
                    .counts
                    .entry("sync at a deposed leader".into())
                    .or_default() += 1;
            }
            let node = self.node(id);
            node.syncs.insert(tag, finished);
            self.handle(id, Input::Sync { tag });
        }
    }

    fn suggest_somewhere(&mut self) {
        let leader = self.anybody();
        let all = self.chance.one_in(3);
        for _ in 0..if all { self.nodes.len() } else { 1 } {
            let id = self.anybody();
            let now = self.now;
            if let Some(zab) = self.node(id).zab.as_mut() {
                zab.suggest(now, leader);
                self.drain(id);
            }
        }
        // Standing is learnt from notifications, so some are heard.
        if let Some((from, to, notification)) = self.mesh.pop()
            && self.chance.one_in(4)
        {
            self.handle(to, Input::Notification { from, notification });
        }
        self.mesh.truncate(50);
    }

    fn fault(&mut self) {
        let id = self.anybody();
        let other = self.anybody();
        match self.chance.below(20) {
            0..=2 => {
                if self.nodes[&id].zab.is_some() {
                    self.crash(id);
                    if self.setup.loss_every > 0 && self.chance.one_in(self.setup.loss_every) {
                        self.lose(id);
                    }
                    let pause = self.chance.pick(&[0, 20, 200, 1000]);
                    self.node(id).down_until = Some(self.steps + pause);
                }
            }
            3 => {
                self.say(|| "all crash".into());
                for id in self.nodes_all() {
                    if self.nodes[&id].zab.is_some() {
                        self.crash(id);
                    }
                    self.node(id).down_until = Some(self.steps);
                }
            }
            4..=6 => {
                if !self.connections.is_empty() {
                    let index = self.chance.below(self.connections.len());
                    self.reset(index);
                }
            }
            7 => {
                self.blocked.insert((id, other));
                if self.chance.one_in(2) {
                    self.blocked.insert((other, id));
                }
            }
            8 | 9 => self.blocked.clear(),
            11 | 12 => {
                self.slow.insert((id, other));
            }
            13 => self.slow.clear(),
            14 => {
                self.slow.clear();
                for other in self.nodes_all() {
                    self.slow.insert((id, other));
                    if self.chance.one_in(2) {
                        self.slow.insert((other, id));
                    }
                }
            }
            15..=18 => self.usurp(),
            10 => {
                let jump = self.chance.pick(&[30, 100, 600, 1500]);
                self.now += Duration::from_millis(jump);
            }
            _ => {
                if !self.mesh.is_empty() {
                    let index = self.chance.below(self.mesh.len());
                    self.mesh.swap_remove(index);
                }
            }
        }
    }

    /// A leader loses its links and learns it late, or not at all for a while.
    fn usurp(&mut self) {
        let leads = |node: &Node| {
            matches!(
                node.role,
                Role::Leading { .. } | Role::LeadingPrepare { .. }
            )
        };
        let leaders: Vec<ServerId> = self
            .nodes
            .iter()
            .filter(|(_, node)| leads(node))
            .map(|(id, _)| *id)
            .collect();
        if leaders.is_empty() {
            return;
        }
        let leader = self.chance.pick(&leaders);
        self.say(|| format!("usurp {leader:?}"));
        for index in 0..self.connections.len() {
            let ends = self.connections[index].ends;
            if let Some(side) = ends.iter().position(|(id, _)| *id == leader) {
                if self.chance.one_in(4) {
                    continue;
                }
                self.reset(index);
                self.connections[index].late[side] = true;
                self.connections[index].late[1 - side] = false;
            }
        }
        if self.chance.one_in(2) {
            for id in self.nodes_all().filter(|id| *id != leader) {
                self.slow.insert((id, leader));
                self.slow.insert((leader, id));
            }
        }
        for length in 0..self.chance.below(4) {
            self.propose(leader, length);
        }
    }

    fn reset(&mut self, index: usize) {
        let connection = &mut self.connections[index];
        for side in 0..2 {
            connection.gone[side] = true;
            let kept = self.chance.below(connection.queues[side].len() + 1);
            connection.queues[side].truncate(kept);
        }
    }

    /// A disk is wiped, or loses the end of its log, when the ensemble can bear it.
    fn lose(&mut self, id: ServerId) {
        let bearable = (self.nodes.len() - 1) / 2;
        let incomplete = self
            .nodes
            .iter()
            .filter(|(other, node)| {
                **other != id && node.disk.image.promise.standing != Standing::Member
            })
            .count();
        let node = self.nodes.get_mut(&id).unwrap();
        if incomplete + 1 > bearable || node.disk.image.promise.standing == Standing::Fresh {
            return;
        }
        node.lost = true;
        if self.chance.one_in(2) {
            node.wipes += 1;
            node.disk = Disk::new(Image::empty());
        } else {
            let kept = self.chance.below(node.disk.image.records.len() + 1);
            node.disk.image.records.truncate(kept);
            if node.disk.image.promise.standing == Standing::Member {
                node.disk.image.promise.standing = Standing::Damaged;
            }
        }
        let wipes = node.wipes;
        self.check_disks();
        self.say(|| format!("{id:?} lost data, wipes {wipes}"));
    }

    /// Ends all faults and lets everything come to rest.
    pub(super) fn heal(&mut self) {
        self.say(|| "heal".into());
        self.healed = true;
        self.blocked.clear();
        self.mesh.clear();
        for id in self.nodes_all() {
            if self.nodes[&id].zab.is_none() {
                self.start(id);
            }
        }
    }

    /// Runs without faults until `done` or for `limit` of simulated time; says whether it was done.
    pub(super) fn settle(&mut self, limit: Duration, done: impl Fn(&World) -> bool) -> bool {
        let end = self.now + limit;
        while self.now < end {
            self.steps += 1;
            if done(self) {
                return true;
            }
            let events = self.events();
            match events.first() {
                Some(_) => {
                    let event = events[self.chance.below(events.len())];
                    self.now += Duration::from_micros(20);
                    self.run(event);
                }
                None => {
                    let zabs = self.nodes.values().filter_map(|node| node.zab.as_ref());
                    let next = zabs.filter_map(Zab::next_deadline).min();
                    self.now = next.unwrap_or(end).max(self.now);
                }
            }
        }
        done(self)
    }

    /// Whether one server leads, all others follow it, all are members and have applied the same.
    pub(super) fn is_at_rest(&self) -> bool {
        let leads = |role: Role| match role {
            Role::Leading { epoch } => Some(epoch),
            Role::Looking
            | Role::LeadingPrepare { .. }
            | Role::FollowingPrepare { .. }
            | Role::Following { .. } => None,
        };
        let leaders: Vec<(ServerId, Epoch)> = self
            .nodes
            .iter()
            .filter_map(|(id, node)| Some((*id, leads(node.role)?)))
            .collect();
        let [(leader, epoch)] = leaders[..] else {
            return false;
        };
        self.nodes.iter().all(|(id, node)| {
            (*id == leader || node.role == Role::Following { leader, epoch })
                && node.app.applied == self.oracle.ledger.len()
                && node.disk.image.last() == node.app.zxid
                && node.disk.image.promise.standing == Standing::Member
                && node.syncs.is_empty()
        })
    }

    pub(super) fn leader(&self) -> Option<ServerId> {
        let leads = |node: &Node| matches!(node.role, Role::Leading { .. });
        self.nodes
            .iter()
            .find(|(_, node)| leads(node))
            .map(|(id, _)| *id)
    }

    pub(super) fn crash_and_stay_down(&mut self, id: ServerId) {
        self.crash(id);
        let node = self.node(id);
        node.role = Role::Looking;
        node.down_until = None;
    }

    pub(super) fn wipe(&mut self, id: ServerId) {
        let node = self.node(id);
        assert!(node.zab.is_none());
        node.wipes += 1;
        node.lost = true;
        node.disk = Disk::new(Image::empty());
    }

    pub(super) fn role(&self, id: ServerId) -> Role {
        self.nodes[&id].role
    }

    pub(super) fn standing(&self, id: ServerId) -> Standing {
        self.nodes[&id].disk.image.promise.standing
    }

    pub(super) fn block(&mut self, a: ServerId, b: ServerId) {
        self.blocked.insert((a, b));
        self.blocked.insert((b, a));
    }

    pub(super) fn picture(&self) -> std::string::String {
        let mut picture = std::string::String::new();
        for (id, node) in &self.nodes {
            let summary = node.zab.as_ref().map(Zab::summary);
            picture += &format!("{id:?}: {summary:?}\n");
        }
        picture
    }

    /// All links between two servers are gone, and `unaware` does not learn it.
    pub(super) fn cut_unaware(&mut self, unaware: ServerId, other: ServerId) {
        let mut aware = Vec::new();
        for connection in &mut self.connections {
            let ends = connection.ends.map(|(id, _)| id);
            if let Some(side) = ends.iter().position(|id| *id == unaware)
                && ends[1 - side] == other
                && connection.open[1 - side]
            {
                connection.queues = [VecDeque::new(), VecDeque::new()];
                connection.open[1 - side] = false;
                aware.push(connection.ends[1 - side]);
            }
        }
        for (id, link) in aware {
            self.handle(id, Input::Disconnected { link });
        }
    }

    pub(super) fn hold_disk(&mut self, id: ServerId) {
        self.held.insert(id);
    }

    pub(super) fn free_disk(&mut self, id: ServerId) {
        self.held.remove(&id);
    }

    pub(super) fn unblock_all(&mut self) {
        self.blocked.clear();
    }

    /// Asks for a sync; it must see everything that is applied anywhere now.
    pub(super) fn sync(&mut self, id: ServerId) {
        self.tags += 1;
        let tag = SyncTag(self.tags);
        let finished = self.oracle.ledger.len();
        self.node(id).syncs.insert(tag, finished);
        self.handle(id, Input::Sync { tag });
    }

    pub(super) fn suggest(&mut self, id: ServerId, leader: ServerId) {
        let now = self.now;
        self.node(id)
            .zab
            .as_mut()
            .expect("it runs")
            .suggest(now, leader);
        self.drain(id);
    }

    pub(super) fn summary(&self, id: ServerId) -> Option<crate::summary::Summary> {
        self.nodes[&id].zab.as_ref().map(Zab::summary)
    }

    pub(super) fn snapshots_of(&self, id: ServerId) -> Vec<SnapshotId> {
        self.nodes[&id]
            .disk
            .image
            .snapshots
            .keys()
            .copied()
            .collect()
    }
}

impl App {
    fn new() -> Self {
        App {
            applied: 0,
            zxid: Zxid::ZERO,
            chain: Chain::default(),
            segments: EpochSegments::new(),
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Event {
    Receive(usize, usize),
    Dial(usize),
    Hear(usize),
    LogWritten(ServerId),
    PromiseWritten(ServerId),
    Install(ServerId),
    Read(ServerId),
    Snapshot(ServerId),
    Timeout(ServerId),
}
