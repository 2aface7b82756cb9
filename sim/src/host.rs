//! One server: its process, its disk and its clocks, driven as a shell drives it.

mod clock;
mod config;
mod disk_lanes;
mod outputs;
mod plans;
mod records;
mod tuning;
mod words;

use self::clock::{Clock, SECOND};
use self::config::{address, config};
pub(crate) use self::disk_lanes::CUT;
use self::disk_lanes::LaneState;
use self::records::Records;
use self::words::words;
use crate::chain::Chain;
use crate::decide::{Dice, Stream};
use crate::disk::{Failure, SimDisk, Survival};
use crate::judges::Judges;
use crate::nemesis::Fate;
use crate::net::{ConnNumber, Net, Port, Side, Told, What};
use crate::noise::{Domain, Noise};
use crate::notes::Notes;
use crate::oracle::broken::{Broken, server_name};
use crate::panics;
use crate::queue::{Micros, Queue};
use crate::swarm::Swarm;
use crate::trace::{Kind, Recorder};
use crate::world::Event;
use replica::{Config, ConnId, Input, PeerPort, Replica, accepted_link};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use wal::{DiskOp, TaskId};
use zab_core::LinkId;
use zk_types::ServerId;

/// What a host touches of the world around it.
pub(crate) struct Around<'w> {
    pub(crate) queue: &'w mut Queue<Event>,
    pub(crate) net: &'w mut Net,
    pub(crate) chain: &'w mut Chain,
    pub(crate) notes: &'w mut Notes,
    pub(crate) judges: &'w mut Judges,
    pub(crate) swarm: &'w Swarm,
    pub(crate) noise: &'w Noise,
}

/// What a host waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HostEvent {
    /// Inputs are waiting.
    Run,
    /// The replica's deadline may have come.
    Timer,
    /// The operation under way in a lane is done.
    Disk(usize),
    /// The process starts.
    Start,
    /// The process goes on after a pause.
    Resume,
}

/// How a process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Death {
    /// The process alone: the page cache stays.
    Process,
    /// The whole machine.
    Power(Survival),
    /// An operation of its disk failed, and the process stops.
    Disk,
    /// It does not start from this disk, and says why.
    Refusal,
}

/// Why a server cannot start from its disk, and is to say so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It is another server's.
    Foreign,
    /// It does not say any more whose it is.
    Lost,
}

/// What a step of a host came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// It goes on.
    Alive,
    /// It reached the effect that it was to die before.
    Dies(Fate),
}

#[derive(Clone)]
enum Waiting {
    Told(Told),
    Disk { id: TaskId, bytes: Vec<u8> },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    Client(ConnId),
    Link(LinkId),
}

/// One server.
#[derive(Clone)]
pub(crate) struct Host {
    index: usize,
    config: Config,
    /// Ticks that its process lets a peer be silent.
    sync_limit: u32,
    replica: Option<Replica>,
    /// Counts starts.
    pub(crate) process: u64,
    pub(crate) disk: SimDisk,
    lanes: [LaneState; 2],
    inbox: VecDeque<Waiting>,
    run_due: bool,
    busy_until: Micros,
    timer_due: Option<Micros>,
    clock: Clock,
    paused: bool,
    /// How many times slower it computes than it should.
    cpu_slow: u64,
    /// When it last went on after a pause.
    pub(crate) resumed_at: Micros,
    purposes: BTreeMap<ConnNumber, Purpose>,
    conns: BTreeMap<ConnId, ConnNumber>,
    links: BTreeMap<LinkId, (ConnNumber, Side)>,
    accepted: u64,
    clients: u64,
    dies_after: Option<(u64, Fate)>,
    /// How many more operations on files whose name begins so it survives.
    dies_at_file: Option<(String, u64, Fate)>,
    /// How it dies after each of its next starts.
    dies_again: VecDeque<(u64, Fate)>,
    dies_in_recovery: Option<Fate>,
    /// How it dies when an operation of its disk fails.
    disk_fate: Option<Fate>,
    /// Whether its disk cannot be its own, or says no more whose it is.
    pub(crate) refusal: Option<Refusal>,
    disk_slow: u64,
    /// By lane.
    disk_stalled_until: [Micros; 2],
    /// How often it ran since its start.
    runs: u64,
    /// Everything that it wanted done so far, through all starts.
    pub(crate) effects: u64,
    records: Records,
}

impl Host {
    pub(crate) fn new(noise: &Noise, index: usize, swarm: &Swarm) -> Self {
        let key = (u64::try_from(index).expect("few servers"), 0);
        let drift = swarm.drift_ppm;
        let off = noise.range_or(Domain::Drift, key, 0, drift * 2, drift);
        let rate = SECOND + off - drift;
        let wall = noise.range_or(Domain::Wall, key, 0, 4_000, 2_000);
        let wall_offset_ms = i64::try_from(wall).expect("small") - 2_000;
        Host {
            index,
            config: config(index, swarm),
            sync_limit: swarm.sync_limit,
            replica: None,
            process: 0,
            disk: SimDisk::default(),
            lanes: [LaneState::default(), LaneState::default()],
            inbox: VecDeque::new(),
            run_due: false,
            busy_until: 0,
            timer_due: None,
            clock: Clock {
                boot: 0,
                rate,
                wall_offset_ms,
                frozen: None,
            },
            paused: false,
            cpu_slow: 1,
            resumed_at: 0,
            purposes: BTreeMap::new(),
            conns: BTreeMap::new(),
            links: BTreeMap::new(),
            accepted: 0,
            clients: 0,
            dies_after: None,
            dies_at_file: None,
            dies_again: VecDeque::new(),
            dies_in_recovery: None,
            disk_fate: None,
            refusal: None,
            disk_slow: 1,
            disk_stalled_until: [0; 2],
            runs: 0,
            effects: 0,
            records: Records::default(),
        }
    }

    /// Records every process of this host below `directory`.
    pub(crate) fn record(&mut self, directory: PathBuf) {
        self.records = Records::new(directory);
    }

    /// Gives its hash tables other keys from its next start on.
    pub(crate) fn salt_hashes(&mut self, salt: u64) {
        self.config.hash_salt = salt;
    }

    /// The running server.
    pub(crate) fn replica(&self) -> Option<&Replica> {
        self.replica.as_ref()
    }

    /// The running server and its disk.
    pub(crate) fn replica_and_disk(&mut self) -> (Option<&mut Replica>, &SimDisk) {
        (self.replica.as_mut(), &self.disk)
    }

    /// How many inputs wait, and how many operations its disk has to do.
    pub(crate) fn queues(&self) -> (usize, usize) {
        let operations = self
            .lanes
            .iter()
            .map(|lane| lane.waiting.len() + usize::from(lane.running.is_some()));
        (self.inbox.len(), operations.sum())
    }

    /// How many microseconds its clock shows in a second.
    pub(crate) fn clock_rate(&self) -> u64 {
        self.clock.rate
    }

    /// Whether a process runs and is not paused.
    pub(crate) fn is_active(&self) -> bool {
        self.replica.is_some() && !self.paused
    }

    // Life and death.

    /// Recovers from the disk and runs.
    pub(crate) fn start(&mut self, around: &mut Around<'_>) -> Result<Step, Broken> {
        assert!(self.replica.is_none(), "a host runs one process");
        let now = around.queue.now();
        self.process += 1;
        self.clock.boot = now;
        self.runs = 0;
        self.sync_limit = self.config.sync_limit;
        let key = (self.name(), self.process);
        let benign = self.process << 8 | self.name();
        self.config.seed = around.noise.key(Domain::Server, key, benign);
        let (local, wall) = (self.clock.local(now), self.clock.wall(now));
        let (config, disk) = (self.config.clone(), &mut self.disk);
        self.accepted = 0;
        self.clients = 0;
        let started = panics::catch(|| self.records.start(config, disk, local, wall));
        self.disk.crash_after(None);
        let name = server_name(self.index);
        let started = started.map_err(|panic| {
            let seen = format!("{name} panicked while it recovered: {panic}");
            Broken::safety("a server never panics", seen).server(self.index)
        })?;
        let mut replica = match started {
            Ok(_) if self.refusal.is_some() => {
                let seen = format!("{name} starts, and {:?}", self.refusal);
                let rule = "a server starts from no disk but its own";
                return Err(Broken::safety(rule, seen).server(self.index));
            }
            Ok(replica) => replica,
            Err(_) if self.disk.failed() == Some(Failure::Died) => {
                around
                    .notes
                    .add(now, name, "dies within its recovery".to_owned());
                let fate = self.dies_in_recovery.take().unwrap_or(Fate::lost());
                return Ok(Step::Dies(fate));
            }
            Err(error)
                if self.disk.failed().is_some()
                    || self.refusal.is_some()
                    || (around.swarm.beyond && self.disk.upheavals() > 0) =>
            {
                let words = format!("refuses to start: {error}");
                around.notes.add(now, name, words);
                let fate = self.fate_of_disk(Death::Refusal, around.swarm);
                return Ok(Step::Dies(fate));
            }
            Err(error) => {
                let seen = format!("{name} cannot start: {error}");
                let rule = "a server starts from whatever a crash leaves";
                return Err(Broken::safety(rule, seen).server(self.index));
            }
        };
        replica.record_applied();
        self.replica = Some(replica);
        around.net.up(self.index, self.process);
        around
            .chain
            .push(now, 20, self.name(), &self.process.to_be_bytes());
        around.notes.tell(
            Kind::Start,
            now,
            name,
            format!("starts, number {}", self.process),
        );
        self.busy_until = now;
        self.dies_in_recovery = None;
        if let Some(plan) = self.dies_again.pop_front() {
            self.dies_after = Some(plan);
        }
        around.notes.record(Recorder::handles_all);
        let mut step = self.effects(around)?;
        if step == Step::Alive {
            step = self.handle(Input::BatchEnd, around)?;
        }
        self.finish_step(step, around)
    }

    /// Tells a server that looks for a leader whom to follow.
    pub(crate) fn suggest(
        &mut self,
        leader: usize,
        around: &mut Around<'_>,
    ) -> Result<Step, Broken> {
        let local = self.clock.local(around.queue.now());
        let Some(replica) = self.replica.as_mut().filter(|_| !self.paused) else {
            return Ok(Step::Alive);
        };
        self.records.end();
        around.judges.suggested(self.index);
        let leader = ServerId(u64::try_from(leader + 1).expect("few servers"));
        if let Err(panic) = panics::catch(|| replica.suggest(local, leader)) {
            let seen = format!("{} panicked: {panic}", server_name(self.index));
            return Err(Broken::safety("a server never panics", seen).server(self.index));
        }
        let step = self.drain(around)?;
        self.finish_step(step, around)
    }

    /// Ends the process, and perhaps the machine.
    pub(crate) fn die(&mut self, fate: Fate, around: &mut Around<'_>) {
        let now = around.queue.now();
        self.replica = None;
        self.records.end();
        self.inbox.clear();
        self.run_due = false;
        self.timer_due = None;
        self.paused = false;
        self.purposes.clear();
        self.conns.clear();
        self.links.clear();
        self.dies_after = None;
        self.dies_at_file = None;
        let running: Vec<DiskOp> = self
            .lanes
            .iter_mut()
            .filter_map(|lane| std::mem::take(lane).running?.what_may_be_left())
            .collect();
        let dice = &mut Dice::new(fate.key, Stream::Crash, 0);
        match fate.death {
            Death::Process | Death::Disk | Death::Refusal => {
                self.disk.process_died(&running, dice);
                around.net.process_down(self.index);
            }
            Death::Power(survival) => {
                self.disk.power_lost(&running, survival, dice);
                around.net.power_off(self.index);
            }
        }
        around
            .chain
            .push(now, 21, self.name(), format!("{:?}", fate.death).as_bytes());
        around.notes.tell(
            Kind::Crash,
            now,
            server_name(self.index),
            format!("dies: {}", words(fate.death)),
        );
    }

    /// Moves the wall clock.
    pub(crate) fn jump_wall(&mut self, by_ms: i64) {
        self.clock.wall_offset_ms += by_ms;
    }

    /// Stops the process from running, without ending it.
    pub(crate) fn pause(&mut self) {
        self.paused = self.replica.is_some();
    }

    /// Lets a paused process run.
    pub(crate) fn resume(&mut self, around: &mut Around<'_>) {
        if self.paused {
            self.paused = false;
            self.resumed_at = around.queue.now();
            self.wake(around);
        }
    }

    // Inputs.

    /// Something came from the network.
    pub(crate) fn told(&mut self, told: Told, around: &mut Around<'_>) {
        if told.process == self.process && self.replica.is_some() {
            self.inbox.push_back(Waiting::Told(told));
            self.wake(around);
        }
    }

    /// The replica's deadline may have come.
    pub(crate) fn timer(&mut self, around: &mut Around<'_>) -> Result<Step, Broken> {
        self.timer_due = None;
        self.run(around)
    }

    /// Takes what is waiting, and what is due.
    pub(crate) fn run(&mut self, around: &mut Around<'_>) -> Result<Step, Broken> {
        self.run_due = false;
        if !self.is_active() {
            return Ok(Step::Alive);
        }
        let now = around.queue.now();
        let batch = around.swarm.batch_max.max(1);
        let mut taken = 0;
        while taken < batch {
            let Some(waiting) = self.inbox.pop_front() else {
                break;
            };
            taken += 1;
            if let Step::Dies(fate) = self.take(waiting, around)? {
                return Ok(Step::Dies(fate));
            }
        }
        let key = (self.start_name(), self.runs);
        self.runs += 1;
        let (low, high) = around.swarm.input_cost;
        let cost = around.noise.range(Domain::Cost, key, low, high);
        self.busy_until = now + cost * (taken + 1) * self.cpu_slow;
        let step = self.drain(around)?;
        self.finish_step(step, around)
    }

    fn take_now(&mut self, waiting: Waiting, around: &mut Around<'_>) -> Result<Step, Broken> {
        match waiting {
            Waiting::Disk { id, bytes } => {
                around
                    .notes
                    .record(|recorder| recorder.disk_heard(self.index, id));
                self.handle(Input::DiskDone { id, bytes }, around)
            }
            Waiting::Told(Told {
                conn, side, what, ..
            }) => {
                let purpose = self.purposes.get(&conn).copied();
                around.notes.record(|recorder| match &what {
                    What::Bytes(bytes) => {
                        recorder.received(self.index, conn, side.other(), bytes.len());
                    }
                    What::Closed if purpose.is_some() => recorder.lost(self.index, conn),
                    What::Closed | What::Accepted(_) | What::Connected | What::Sent(_) => {
                        recorder.handles_nothing();
                    }
                });
                match (what, purpose) {
                    (What::Accepted(port), None) => self.accept(conn, side, port, around),
                    (What::Connected, Some(Purpose::Link(link))) => {
                        self.records.connected(link);
                        self.handle(Input::PeerConnected { link }, around)
                    }
                    (What::Bytes(bytes), Some(Purpose::Link(link))) => {
                        let (wire, bytes) = ((conn, side.other()), &bytes);
                        let now = around.queue.now();
                        around.judges.heard(self.index, wire, now, bytes);
                        self.handle(Input::PeerBytes { link, bytes }, around)
                    }
                    (What::Bytes(bytes), Some(Purpose::Client(conn))) => self.handle(
                        Input::ClientBytes {
                            conn,
                            bytes: &bytes,
                        },
                        around,
                    ),
                    (What::Sent(bytes), Some(Purpose::Client(conn))) => {
                        self.handle(Input::ClientSent { conn, bytes }, around)
                    }
                    (What::Closed, Some(Purpose::Link(link))) => {
                        self.purposes.remove(&conn);
                        self.links.remove(&link);
                        self.handle(Input::PeerClosed { link }, around)
                    }
                    (What::Closed, Some(Purpose::Client(id))) => {
                        self.purposes.remove(&conn);
                        self.conns.remove(&id);
                        self.handle(Input::ClientClosed { conn: id }, around)
                    }
                    // What is left of a connection that the server closed, and what a peer's
                    // socket has taken, which nobody asks for.
                    (
                        What::Accepted(_)
                        | What::Connected
                        | What::Bytes(_)
                        | What::Sent(_)
                        | What::Closed,
                        _,
                    ) => Ok(Step::Alive),
                }
            }
        }
    }

    fn accept(
        &mut self,
        conn: ConnNumber,
        side: Side,
        port: Port,
        around: &mut Around<'_>,
    ) -> Result<Step, Broken> {
        around.net.taken(self.index, port);
        let peer_port = match port {
            Port::Election => PeerPort::Election,
            Port::Quorum => PeerPort::Quorum,
            Port::Client => {
                self.clients += 1;
                let id = ConnId(self.clients);
                self.purposes.insert(conn, Purpose::Client(id));
                self.conns.insert(id, conn);
                let from = around.net.ends(conn).map_or(0, |(from, _, _)| from);
                let ip = address(from);
                let port = 1024 + u16::try_from(conn % 60_000).expect("below 60 000");
                return self.handle(Input::ClientConnected { conn: id, ip, port }, around);
            }
        };
        let link = accepted_link(self.accepted);
        self.accepted += 1;
        self.records.connected(link);
        self.purposes.insert(conn, Purpose::Link(link));
        self.links.insert(link, (conn, side));
        self.handle(
            Input::PeerAccepted {
                link,
                port: peer_port,
            },
            around,
        )
    }

    fn drain(&mut self, around: &mut Around<'_>) -> Result<Step, Broken> {
        let now = around.queue.now();
        around.notes.record(Recorder::handles_all);
        let step = self.effects(around)?;
        if step != Step::Alive {
            return Ok(step);
        }
        let due = self.replica.as_ref().and_then(Replica::next_deadline);
        if due.is_some_and(|due| due <= self.clock.local(now)) {
            let step = self.handle(Input::Timeout, around)?;
            if step != Step::Alive {
                return Ok(step);
            }
        }
        let step = self.handle(Input::BatchEnd, around)?;
        self.after_batch(step, around)
    }

    fn finish_step(&mut self, step: Step, around: &mut Around<'_>) -> Result<Step, Broken> {
        if step == Step::Alive {
            self.set_timer(around);
            if !self.inbox.is_empty() {
                self.wake(around);
            }
        }
        Ok(step)
    }

    fn handle(&mut self, input: Input<'_>, around: &mut Around<'_>) -> Result<Step, Broken> {
        let now = around.queue.now();
        let (local, wall) = (self.clock.local(now), self.clock.wall(now));
        let Some(replica) = self.replica.as_mut() else {
            return Ok(Step::Alive);
        };
        self.records.input(local, wall, &input);
        if let Err(panic) = panics::catch(|| replica.handle(local, wall, input)) {
            let seen = format!("{} panicked: {panic}", server_name(self.index));
            return Err(Broken::safety("a server never panics", seen).server(self.index));
        }
        self.effects(around)
    }

    // Time.

    fn wake(&mut self, around: &mut Around<'_>) {
        if !self.run_due && self.is_active() {
            self.run_due = true;
            let due = self.busy_until.max(around.queue.now());
            around
                .queue
                .at(due, Event::Host(self.index, self.process, HostEvent::Run));
        }
    }

    fn set_timer(&mut self, around: &mut Around<'_>) {
        let Some(deadline) = self.replica.as_ref().and_then(Replica::next_deadline) else {
            return;
        };
        let due = self.clock.when(deadline).max(around.queue.now() + 1);
        if self.timer_due.is_none_or(|known| due < known) {
            self.timer_due = Some(due);
            around
                .queue
                .at(due, Event::Host(self.index, self.process, HostEvent::Timer));
        }
    }

    /// Whether a timer event is the one that was asked for last.
    pub(crate) fn is_timer_current(&self, now: Micros) -> bool {
        self.timer_due == Some(now)
    }

    fn name(&self) -> u64 {
        u64::try_from(self.index).expect("few servers")
    }

    /// This start of this server, where something is left to chance.
    fn start_name(&self) -> u64 {
        self.name() << 32 | self.process
    }
}
