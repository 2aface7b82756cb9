//! The world around the machines: links, mesh, disks, clock and faults.

mod events;
mod faults;
mod script;
mod walk;

use super::chance::Chance;
use super::disk::{Disk, Image, LogOp};
use super::oracle::{Life, Oracle};
use crate::interface::{Config, Input, LinkId, Note, Output, Role, SyncTag};
use crate::message::{Message, Notification};
use crate::zab::Zab;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::vec::Vec;
use std::{eprintln, format};
use zk_types::{Chain, EpochSegments, Instant, ServerId, Zxid};

/// How a run is set up; each seed draws one.
#[derive(Clone, Debug)]
pub(in crate::cluster) struct Setup {
    pub(in crate::cluster) size: u64,
    pub(in crate::cluster) counter_max: u32,
    pub(in crate::cluster) window_bytes_max: usize,
    pub(in crate::cluster) backlog_bytes_max: usize,
    pub(in crate::cluster) snapshot_bytes: usize,
    /// Whether leaders come from votes or from nowhere.
    pub(in crate::cluster) elections: Elections,
    /// One step in so many is a fault; 0 for none.
    pub(in crate::cluster) fault_every: usize,
    /// One fault in so many wipes or damages a disk; 0 for none.
    pub(in crate::cluster) loss_every: usize,
    pub(in crate::cluster) step_micros: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cluster) enum Elections {
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
pub(in crate::cluster) struct World {
    pub(in crate::cluster) setup: Setup,
    pub(in crate::cluster) chance: Chance,
    pub(in crate::cluster) now: Instant,
    nodes: BTreeMap<ServerId, Node>,
    connections: Vec<Connection>,
    dials: Vec<(ServerId, LinkId, ServerId)>,
    mesh: Vec<(ServerId, ServerId, Notification)>,
    blocked: BTreeSet<(ServerId, ServerId)>,
    /// Ways and, from a server to itself, disks that are slow.
    slow: BTreeSet<(ServerId, ServerId)>,
    pub(in crate::cluster) oracle: Oracle,
    accepted: u64,
    tags: u64,
    pub(in crate::cluster) steps: usize,
    /// Lives by the link a learner dialled, to know whom it promised.
    dialled: BTreeMap<End, Life>,
    trace: bool,
    /// Whether faults may still happen.
    healed: bool,
    /// Disks that do nothing for now.
    held: BTreeSet<ServerId>,
    /// What the layers above said to each other: from whom, and to whom.
    pub(in crate::cluster) heard: Vec<(ServerId, ServerId)>,
    /// How often what happened.
    pub(in crate::cluster) counts: BTreeMap<std::string::String, usize>,
}

impl World {
    pub(in crate::cluster) fn new(setup: Setup, seed: u64) -> Self {
        let images: Vec<Image> = (0..setup.size).map(|_| Image::empty()).collect();
        World::of_images(setup, seed, &images)
    }

    pub(in crate::cluster) fn of_images(setup: Setup, seed: u64, images: &[Image]) -> Self {
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
            heard: Vec::new(),
            counts: BTreeMap::new(),
            setup,
        };
        for (id, image) in (1..).map(ServerId).zip(images) {
            for record in &image.records {
                world.oracle.on_append(record);
            }
            let node = Node {
                zab: None,
                disk: Disk::new(image.clone()),
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

    pub(in crate::cluster) fn start(&mut self, id: ServerId) {
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
    pub(in crate::cluster) fn crash(&mut self, id: ServerId) {
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

    pub(in crate::cluster) fn handle(&mut self, id: ServerId, input: Input) {
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
            Output::Close { link, why } => {
                *self.counts.entry(format!("Close {why:?}")).or_default() += 1;
                if let Some((index, side)) = self.find((id, link)) {
                    let connection = &mut self.connections[index];
                    connection.open[side] = false;
                    connection.queues[side].clear();
                    connection.gone[1 - side] = true;
                }
                self.dials.retain(|dial| (dial.0, dial.1) != (id, link));
            }
            Output::Send { link, message } => {
                *self.counts.entry(message.name().into()).or_default() += 1;
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
                assert!(
                    record.zxid.counter() <= self.setup.counter_max,
                    "an epoch ends"
                );
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
            Output::App { from, .. } => self.heard.push((from, id)),
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

    pub(in crate::cluster) fn check_disks(&self) {
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
