//! Tiny ensembles of the bare protocol: `zab-core`s, links between them and disks below them, in a
//! world without time. Whatever may happen next is an [`Action`], and somebody else chooses.
//!
//! Elections are replaced by suggestions: any server that looks may be told to follow any other,
//! which is more than elections do. A clock moves only when a deadline of its server is due, and
//! how often that happens is bounded, like everything that could go on for ever. All servers begin
//! as members with an empty epoch behind them; connections are made at once; snapshots do not occur.

mod disk;
mod judge;

use self::disk::{Disk, LogWrite};
use self::judge::Judge;
use crate::panics;
use core::fmt::{self, Write as _};
use core::time::Duration;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use std::collections::VecDeque;
use std::sync::Arc;
use xxhash_rust::xxh3::Xxh3Default;
use zab_core::{Config, Input, LinkId, Message, Output, Role, Zab};
use zk_types::{Bytes, Instant, ServerId};

/// How much may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Bounds {
    /// Servers.
    pub servers: usize,
    /// How often a server is told whom to follow.
    pub elections: u32,
    /// Transactions that are proposed.
    pub proposals: u32,
    /// Crashes; a server that crashes starts again at once.
    pub crashes: u32,
    /// Connections that break.
    pub breaks: u32,
    /// Deadlines that pass.
    pub timeouts: u32,
    /// Whether a server may be told to follow one that does not lead. Otherwise the first to lead
    /// is the first server, since none differs from another before.
    pub wide: bool,
}

/// Something that may happen next. Servers count from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// A server that looks is told whom to follow.
    Suggest(usize, usize),
    /// One end of a connection takes what is next, or learns that the other is gone.
    Receive(usize, usize),
    /// One end learns that the other is gone, and loses what was on its way.
    Lose(usize, usize),
    /// The oldest write to a log becomes durable.
    LogDurable(usize),
    /// The oldest write of a promise becomes durable.
    PromiseDurable(usize),
    /// A leader proposes a transaction.
    Propose(usize),
    /// A server crashes; so many of its writes to log and promise survive.
    Crash(usize, usize, usize),
    /// A connection breaks.
    Break(usize),
    /// The next deadline of a server passes.
    Timeout(usize),
}

/// A rule that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    pub(crate) rule: &'static str,
    pub(crate) seen: String,
}

#[derive(Clone, Debug)]
struct Node {
    zab: Zab,
    disk: Disk,
    now: Instant,
    role: Role,
    /// How many records it has delivered since its start.
    delivered: usize,
    starts: u32,
    accepted: u64,
    hash: u128,
}

/// One end of a connection.
type End = (usize, LinkId);

#[derive(Clone, Debug)]
struct Link {
    ends: [End; 2],
    /// What is on its way to each end.
    queues: [VecDeque<Message>; 2],
    /// Whether each end still takes something.
    open: [bool; 2],
    /// Whether the other end of each is gone.
    gone: [bool; 2],
}

/// One state of a tiny ensemble.
#[derive(Clone, Debug)]
pub(crate) struct Cores {
    nodes: Vec<Arc<Node>>,
    links: Vec<Link>,
    /// Connections to be made before anything else happens.
    dials: VecDeque<(usize, LinkId, usize)>,
    left: Bounds,
    /// Whether anybody was ever told to lead.
    was_led: bool,
    judge: Judge,
}

impl Cores {
    /// The ensemble before anything happened.
    pub(crate) fn new(bounds: Bounds) -> Result<Self, Wrong> {
        let mut cores = Cores {
            nodes: Vec::new(),
            links: Vec::new(),
            dials: VecDeque::new(),
            was_led: false,
            left: bounds,
            judge: Judge::default(),
        };
        for server in 0..bounds.servers {
            let disk = Disk::of_member();
            cores.judge.holds(&disk);
            let node = Node {
                zab: zab(server, bounds.servers, &disk)?,
                disk,
                now: start_of_time(),
                role: Role::Looking,
                delivered: 0,
                starts: 1,
                accepted: 0,
                hash: 0,
            };
            cores.nodes.push(Arc::new(node));
        }
        for server in 0..bounds.servers {
            cores.drain(server)?;
        }
        Ok(cores)
    }

    /// Everything that may happen next.
    pub(crate) fn actions(&self) -> Vec<Action> {
        let mut actions = Vec::new();
        for (number, link) in self.links.iter().enumerate() {
            for end in 0..2 {
                if link.open[end] && (link.gone[end] || !link.queues[end].is_empty()) {
                    actions.push(Action::Receive(number, end));
                }
                if link.open[end] && link.gone[end] && !link.queues[end].is_empty() {
                    actions.push(Action::Lose(number, end));
                }
            }
            if self.left.breaks > 0 && link.open == [true, true] {
                actions.push(Action::Break(number));
            }
        }
        for (server, node) in self.nodes.iter().enumerate() {
            let (log, promise) = (node.disk.log_writes.len(), node.disk.promise_writes.len());
            if log > 0 {
                actions.push(Action::LogDurable(server));
            }
            if promise > 0 {
                actions.push(Action::PromiseDurable(server));
            }
            if self.left.proposals > 0 && node.zab.next_zxid().is_some() {
                actions.push(Action::Propose(server));
            }
            if self.left.elections > 0 && node.role == Role::Looking {
                let leaders = (0..self.nodes.len()).filter(|one| self.may_lead(server, *one));
                actions.extend(leaders.map(|leader| Action::Suggest(server, leader)));
            }
            if self.left.timeouts > 0 && node.zab.next_deadline().is_some() {
                actions.push(Action::Timeout(server));
            }
            if self.left.crashes > 0 {
                let kept = (0..=log).flat_map(|log| (0..=promise).map(move |one| (log, one)));
                actions.extend(kept.map(|(log, one)| Action::Crash(server, log, one)));
            }
        }
        actions
    }

    /// Whether a server may be told to follow another, or to lead.
    fn may_lead(&self, server: usize, leader: usize) -> bool {
        if self.left.wide {
            return true;
        }
        if server == leader {
            return leader == 0 || self.was_led;
        }
        let role = self.nodes[leader].role;
        matches!(role, Role::LeadingPrepare { .. } | Role::Leading { .. })
    }

    /// Lets something happen that may happen.
    pub(crate) fn apply(&mut self, action: Action) -> Result<(), Wrong> {
        self.happen(action)?;
        while let Some((from, link, to)) = self.dials.pop_front() {
            self.connect((from, link), to)?;
        }
        Ok(())
    }

    fn happen(&mut self, action: Action) -> Result<(), Wrong> {
        match action {
            Action::Suggest(server, leader) => {
                self.left.elections -= 1;
                self.was_led |= server == leader;
                let node = Arc::make_mut(&mut self.nodes[server]);
                let leader = ServerId(number(leader) + 1);
                caught(server, || node.zab.suggest(node.now, leader))?;
                self.drain(server)
            }
            Action::Receive(link, end) => self.receive(link, end),
            Action::Lose(link, end) => {
                self.links[link].queues[end].clear();
                self.receive(link, end)
            }
            Action::LogDurable(server) => {
                let node = Arc::make_mut(&mut self.nodes[server]);
                let ticket = node.disk.log_durable();
                self.disks()?;
                self.handle(server, Input::Persisted { ticket })
            }
            Action::PromiseDurable(server) => {
                let node = Arc::make_mut(&mut self.nodes[server]);
                let ticket = node.disk.promise_durable()?;
                self.handle(server, Input::Persisted { ticket })
            }
            Action::Propose(server) => {
                self.left.proposals -= 1;
                let payload = Bytes::from([u8::try_from(self.left.proposals).unwrap_or(255)]);
                self.handle(server, Input::Propose { payload })
            }
            Action::Crash(server, log, promise) => self.crash(server, log, promise),
            Action::Break(link) => {
                self.left.breaks -= 1;
                self.links[link].gone = [true, true];
                Ok(())
            }
            Action::Timeout(server) => {
                self.left.timeouts -= 1;
                let node = Arc::make_mut(&mut self.nodes[server]);
                node.now = node
                    .zab
                    .next_deadline()
                    .expect("it waits for something")
                    .max(node.now);
                self.handle(server, Input::Timeout)
            }
        }
    }

    /// Equal for states that have the same future.
    pub(crate) fn hash(&self) -> u128 {
        let mut words = Words::default();
        for node in &self.nodes {
            words.0.update(&node.hash.to_be_bytes());
        }
        // Ends that nobody reads any more, and links that are over, make no difference.
        for link in &self.links {
            write!(words, "{link:?}").expect("a hash takes all");
        }
        write!(words, "{:?}{:?}", self.left, self.judge).expect("as above");
        words.0.digest128()
    }

    /// A server whose state an action changes first, and what of it: whoever chooses between
    /// actions gives each of these its own priority.
    pub(crate) fn entity(&self, action: Action) -> (u8, usize, usize) {
        match action {
            Action::Receive(link, end) | Action::Lose(link, end) => {
                let ends = self.links[link].ends;
                (0, ends[1 - end].0, ends[end].0)
            }
            Action::LogDurable(server) => (1, server, 0),
            Action::PromiseDurable(server) => (1, server, 1),
            Action::Propose(server) => (2, server, 0),
            Action::Suggest(server, _) => (3, server, 0),
            Action::Timeout(server) => (4, server, 0),
            Action::Crash(server, ..) => (5, server, 0),
            Action::Break(link) => (6, self.links[link].ends[0].0, self.links[link].ends[1].0),
        }
    }

    /// What an action is, in words.
    pub(crate) fn words(&self, action: Action) -> String {
        let name = |server: usize| format!("s{}", server + 1);
        match action {
            Action::Suggest(server, leader) if server == leader => {
                format!("{} is told to lead", name(server))
            }
            Action::Suggest(server, leader) => {
                format!("{} is told to follow {}", name(server), name(leader))
            }
            Action::Receive(link, end) | Action::Lose(link, end) => {
                let link = &self.links[link];
                let (from, to) = (name(link.ends[1 - end].0), name(link.ends[end].0));
                let is_lost = matches!(action, Action::Lose(..));
                match link.queues[end].front().filter(|_| !is_lost) {
                    Some(message) => format!("{to} hears of {from}: {message:?}"),
                    None => format!("{to} loses {from}"),
                }
            }
            Action::LogDurable(server) => {
                let write = self.nodes[server].disk.log_writes.front();
                let write = write
                    .map(|(_, write)| write.to_string())
                    .unwrap_or_default();
                format!("{} has {write} on disk", name(server))
            }
            Action::PromiseDurable(server) => {
                let write = self.nodes[server].disk.promise_writes.front();
                let epoch = write.map_or(0, |(_, promise)| promise.accepted.0);
                format!("{} has its promise of epoch {epoch} on disk", name(server))
            }
            Action::Propose(server) => format!("{} proposes a transaction", name(server)),
            Action::Crash(server, log, promise) => format!(
                "{} crashes and starts; {log} writes of its log and {promise} of its promise survive",
                name(server)
            ),
            Action::Break(link) => {
                let ends = self.links[link].ends;
                format!(
                    "{} and {} are disconnected",
                    name(ends[0].0),
                    name(ends[1].0)
                )
            }
            Action::Timeout(server) => format!("a deadline of {} passes", name(server)),
        }
    }

    fn connect(&mut self, (from, link): End, to: usize) -> Result<(), Wrong> {
        let node = Arc::make_mut(&mut self.nodes[to]);
        node.accepted += 1;
        // Numbers of earlier starts do not come again.
        let accepted = LinkId(1 << 63 | u64::from(node.starts) << 32 | node.accepted);
        self.links.push(Link {
            ends: [(from, link), (to, accepted)],
            queues: [VecDeque::new(), VecDeque::new()],
            open: [true, true],
            gone: [false, false],
        });
        let peer = |server: usize| ServerId(u64::try_from(server).expect("few servers") + 1);
        let connected = Input::Connected {
            link: accepted,
            peer: peer(from),
        };
        self.handle(to, connected)?;
        self.handle(
            from,
            Input::Connected {
                link,
                peer: peer(to),
            },
        )
    }

    fn receive(&mut self, number: usize, end: usize) -> Result<(), Wrong> {
        let link = &mut self.links[number];
        let (server, id) = link.ends[end];
        match link.queues[end].pop_front() {
            Some(message) => self.handle(server, Input::Message { link: id, message }),
            None => {
                link.open[end] = false;
                self.forget_links();
                self.handle(server, Input::Disconnected { link: id })
            }
        }
    }

    fn crash(&mut self, server: usize, log: usize, promise: usize) -> Result<(), Wrong> {
        self.left.crashes -= 1;
        let servers = self.nodes.len();
        let node = Arc::make_mut(&mut self.nodes[server]);
        node.disk.crash(log, promise)?;
        node.zab = zab(server, servers, &node.disk)?;
        node.now = start_of_time();
        node.role = Role::Looking;
        node.delivered = 0;
        node.starts += 1;
        node.accepted = 0;
        for link in &mut self.links {
            for end in 0..2 {
                if link.open[end] && link.ends[end].0 == server {
                    link.close(end);
                }
            }
        }
        self.forget_links();
        self.disks()?;
        self.drain(server)
    }

    fn handle(&mut self, server: usize, input: Input) -> Result<(), Wrong> {
        let node = Arc::make_mut(&mut self.nodes[server]);
        caught(server, || node.zab.handle(node.now, input))?;
        self.drain(server)
    }

    /// Carries out what a server wants done.
    fn drain(&mut self, server: usize) -> Result<(), Wrong> {
        while let Some(output) = Arc::make_mut(&mut self.nodes[server]).zab.poll_output() {
            self.carry_out(server, output)?;
        }
        let node = Arc::make_mut(&mut self.nodes[server]);
        let mut words = Words::default();
        node.hash = 0;
        write!(words, "{node:?}").expect("a hash takes all");
        node.hash = words.0.digest128();
        Ok(())
    }

    fn carry_out(&mut self, server: usize, output: Output) -> Result<(), Wrong> {
        let node = Arc::make_mut(&mut self.nodes[server]);
        match output {
            Output::Dial { link, peer } => {
                let to = usize::try_from(peer.0 - 1).expect("few servers");
                self.dials.push_back((server, link, to));
            }
            Output::Close { link, .. } => {
                self.dials.retain(|dial| (dial.0, dial.1) != (server, link));
                if let Some((number, end)) = self.find((server, link)) {
                    self.links[number].close(end);
                    self.forget_links();
                }
            }
            Output::Send { link, message } => {
                self.judge.says(server, &node.disk, &message)?;
                if let Some((number, end)) = self.find((server, link)) {
                    let link = &mut self.links[number];
                    if link.open[1 - end] && !link.gone[1 - end] {
                        link.queues[1 - end].push_back(message);
                    }
                }
            }
            Output::WritePromise { ticket, promise } => {
                node.disk.promise_writes.push_back((ticket, promise));
            }
            Output::Append { ticket, record } => {
                self.judge.made(server, &record)?;
                let write = LogWrite::Append(record);
                node.disk.log_writes.push_back((ticket, write));
            }
            Output::Truncate { ticket, to } => {
                let write = LogWrite::Truncate(to);
                node.disk.log_writes.push_back((ticket, write));
            }
            Output::Deliver(record) => {
                node.delivered += 1;
                let place = node.delivered - 1;
                self.judge.delivered(server, place, &record)?;
                self.disks()?;
            }
            Output::Role(role) => {
                node.role = role;
                let life = (server, node.starts);
                self.judge.is(life, role)?;
            }
            // Votes may all be lost; nobody asks for a sync or a snapshot here.
            Output::Notify { .. }
            | Output::TakeSnapshot
            | Output::ReadSnapshot { .. }
            | Output::StageSnapshot { .. }
            | Output::Install { .. }
            | Output::SyncDone { .. }
            | Output::App { .. }
            | Output::Note(_) => {}
        }
        Ok(())
    }

    fn disks(&self) -> Result<(), Wrong> {
        let disks: Vec<&Disk> = self.nodes.iter().map(|node| &node.disk).collect();
        self.judge.disks(&disks)
    }

    fn find(&self, end: End) -> Option<(usize, usize)> {
        let ends = self.links.iter().enumerate();
        let mut found = ends.flat_map(|(number, link)| {
            let open = (0..2).filter(move |at| link.open[*at] && link.ends[*at] == end);
            open.map(move |at| (number, at))
        });
        found.next()
    }

    /// Links that nobody hears of any more make no difference.
    fn forget_links(&mut self) {
        self.links.retain(|link| link.open != [false, false]);
    }
}

impl Link {
    fn close(&mut self, end: usize) {
        self.open[end] = false;
        self.queues[end].clear();
        self.gone[1 - end] = true;
    }
}

/// A hash of words.
#[derive(Default)]
struct Words(Xxh3Default);

impl fmt::Write for Words {
    fn write_str(&mut self, words: &str) -> fmt::Result {
        self.0.update(words.as_bytes());
        Ok(())
    }
}

fn caught(server: usize, body: impl FnOnce()) -> Result<(), Wrong> {
    panics::catch(body).map_err(|panic| Wrong {
        rule: "a server never panics",
        seen: format!("s{}: {panic}", server + 1),
    })
}

fn start_of_time() -> Instant {
    Instant::from_millis(1)
}

fn number(server: usize) -> u64 {
    u64::try_from(server).expect("few servers")
}

fn zab(server: usize, servers: usize, disk: &Disk) -> Result<Zab, Wrong> {
    let config = Config {
        me: ServerId(number(server) + 1),
        voters: (1..=number(servers)).map(ServerId).collect(),
        tick: Duration::from_millis(100),
        init_limit: 10,
        sync_limit: 5,
        finalize_wait: Duration::from_millis(20),
        notification_interval: (Duration::from_millis(20), Duration::from_millis(200)),
        window_bytes_max: 1 << 20,
        chunk_bytes: 1 << 16,
        learner_backlog_bytes_max: 1 << 20,
        counter_max: u32::MAX - 65_536,
    };
    let rng = ChaCha8Rng::seed_from_u64(0);
    let mut made = None;
    caught(server, || {
        made = Some(Zab::new(config, disk.recovered(), rng, start_of_time()));
    })?;
    Ok(made.expect("it did not panic"))
}
