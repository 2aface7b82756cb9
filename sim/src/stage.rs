//! A world driven by hand: what a test does to an ensemble, in the order it says.

use crate::client::Aim;
use crate::host::Death;
use crate::nemesis::{Action, Fate, Harm, Rift, Strike};
use crate::options::{Options, Profile, Trace};
use crate::oracle::broken::Broken;
use crate::queue::Micros;
use crate::report::Report;
use crate::run;
use crate::script::{Ask, Op};
use crate::story;
use crate::swarm::{Locality, Minority, Swarm};
use crate::world::World;
use client_core::{ClientError, ClientRequest, Response};

/// How long a step may wait for what it asks for, in simulated milliseconds.
const PATIENCE_MS: u64 = 120_000;

/// A world driven by hand, judged by the same judges as any other.
///
/// Servers and clients are numbered from 0. Every method panics with the story of the failure
/// when a rule is broken, or when what it waits for does not come.
pub struct Stage {
    world: World,
    options: Options,
}

/// The sizes of a [`Stage`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Servers, 1 to 5.
    pub servers: usize,
    /// Clients.
    pub clients: usize,
    /// Transactions between snapshots.
    pub snapshot_txns: u32,
    /// Bytes of a segment of the log; as drawn if `None`.
    pub segment_bytes: Option<u64>,
    /// Bytes of log that a leader keeps in memory for learners.
    pub window_bytes_max: usize,
    /// Who knows a session.
    pub locality: Locality,
    /// What servers without a quorum do.
    pub minority: Minority,
    /// Whether faults have no budget.
    pub beyond: bool,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes {
            servers: 3,
            clients: 2,
            snapshot_txns: 10_000,
            segment_bytes: None,
            window_bytes_max: 1 << 20,
            locality: Locality::Global,
            minority: Minority::Silent,
            beyond: false,
        }
    }
}

impl Stage {
    /// An ensemble that has elected a leader, with clients that are connected and ask nothing.
    ///
    /// # Panics
    /// As every method.
    pub fn new(seed: u64, sizes: Sizes) -> Self {
        let mut swarm = Swarm::draw(seed, Profile::Quiet);
        swarm.servers = sizes.servers;
        swarm.clients = sizes.clients;
        swarm.snapshot_txns = sizes.snapshot_txns;
        swarm.segment_bytes = sizes.segment_bytes.unwrap_or(swarm.segment_bytes);
        swarm.locality = sizes.locality;
        swarm.minority = sizes.minority;
        swarm.beyond = sizes.beyond;
        swarm.snapshot_log_bytes = 0;
        swarm.window_bytes_max = sizes.window_bytes_max;
        swarm.counter_max = u32::MAX - 65_536;
        swarm.outstanding_max = 1_000;
        swarm.requests_max = 0;
        swarm.connects_max = 0;
        swarm.demands_proof = false;
        swarm.tick = 200_000;
        swarm.session_timeout = (1_000_000, 4_000_000);
        swarm.net.latency_max = swarm.net.latency_max.min(4_000);
        swarm.think = 10_000;
        swarm.work.close = 0;
        swarm.safety = Micros::MAX / 4;
        swarm.by_hand = true;
        let mut world = World::with(seed, swarm, Trace::Off);
        for client in &mut world.clients {
            client.aim = Aim::Rest;
            client.keep_answers();
        }
        let options = Options::seed(seed);
        let mut stage = Stage { world, options };
        let begun = stage.world.begin();
        stage.expect(begun);
        stage.until("everybody is served", |world| {
            world.leader().is_some() && world.clients.iter().all(|c| c.open_tap().is_some())
        });
        stage
    }

    /// Lets time pass.
    ///
    /// # Panics
    /// As every method.
    pub fn pass_ms(&mut self, ms: u64) {
        let end = self.world.queue.now() + ms * 1_000;
        while self.world.queue.now() < end {
            let step = self.world.step();
            self.expect(step);
        }
    }

    /// The time, in microseconds since the world began.
    pub fn now(&self) -> u64 {
        self.world.queue.now()
    }

    /// Lets every client ask for whatever the workload draws, for a while.
    ///
    /// # Panics
    /// As every method.
    pub fn work_ms(&mut self, ms: u64) {
        self.aim(Aim::Work);
        self.pass_ms(ms);
        self.aim(Aim::Rest);
    }

    /// The server that leads.
    ///
    /// # Panics
    /// As every method, and when there is no leader for long.
    pub fn leader(&mut self) -> usize {
        self.until("somebody leads", |world| world.leader().is_some());
        self.world.leader().expect("that was waited for")
    }

    /// A server that does not lead.
    ///
    /// # Panics
    /// As [`Stage::leader`].
    pub fn follower(&mut self) -> usize {
        (self.leader() + 1) % self.world.swarm.servers
    }

    /// Asks, and waits for the answer.
    ///
    /// # Errors
    /// What the client was told instead of an answer.
    ///
    /// # Panics
    /// As every method.
    pub fn ask(&mut self, client: usize, request: ClientRequest) -> Result<Response, ClientError> {
        self.until("the client can ask", |world| {
            world.clients[client].can_ask()
        });
        let ticket = self.world.clients[client].next_ticket();
        let asked = self.world.obey(Op {
            at: self.world.queue.now(),
            client,
            ask: Ask::Request(request),
        });
        self.expect(asked);
        self.until("an answer comes", |world| {
            world.clients[client].has_answer(ticket)
        });
        self.world.clients[client]
            .take_answer(ticket)
            .expect("that was waited for")
    }

    /// Which server a client is connected to.
    pub fn server_of(&self, client: usize) -> Option<usize> {
        let tap = self.world.clients[client].open_tap()?;
        Some(self.world.taps[tap].server)
    }

    /// How many sessions every server knows, and how many one alone.
    ///
    /// # Panics
    /// When a server is down.
    pub fn sessions(&self) -> (usize, usize) {
        let replicas: Vec<_> = self.world.hosts.iter().map(|host| host.replica()).collect();
        let each = || replicas.iter().map(|replica| replica.expect("it runs"));
        let global = each().map(|replica| replica.sessions().len()).max();
        let local = each().map(replica::Replica::local_sessions_open).sum();
        (global.unwrap_or(0), local)
    }

    /// Breaks a client's connection.
    pub fn disconnect(&mut self, client: usize) {
        if let Some(conn) = self.world.clients[client].conn() {
            self.world.net.reset(conn);
        }
    }

    /// Lets a client stand still from now on, without its connection ending.
    pub fn freeze(&mut self, client: usize) {
        self.world.clients[client].pause();
    }

    /// Cuts a server off from all others, but not from clients, for two seconds.
    ///
    /// # Panics
    /// As every method.
    pub fn isolate(&mut self, server: usize) {
        self.inflict(Action::Block {
            rift: Rift::Around(server),
            length: 2_000_000,
        });
    }

    /// Ends a process; the page cache stays.
    ///
    /// # Panics
    /// As every method.
    pub fn kill(&mut self, server: usize) {
        let fate = Fate {
            death: Death::Process,
            ..Fate::lost()
        };
        self.inflict(Action::Die { server, fate });
    }

    /// Takes a machine's power; everything unsynced is gone.
    ///
    /// # Panics
    /// As every method.
    pub fn cut_power(&mut self, server: usize) {
        let fate = Fate::lost();
        self.inflict(Action::Die { server, fate });
    }

    /// Takes a machine's power before the effect that is this many after the next.
    ///
    /// # Panics
    /// As every method.
    pub fn cut_power_after(&mut self, server: usize, effects: u64) {
        let fate = Fate::lost();
        self.inflict(Action::DieAfter {
            server,
            effects,
            fate,
        });
    }

    /// Does something to the world; false when it makes no sense now, or the budget forbids it.
    ///
    /// # Panics
    /// As every method.
    pub fn inflict(&mut self, action: Action) -> bool {
        let inflicted = self.world.inflict(Strike {
            at: self.world.queue.now(),
            action,
            fault: None,
        });
        self.expect(inflicted)
    }

    /// Does something to the disk of a server, which loses its power with it if `dies`, and starts
    /// again a second later; false as [`Stage::inflict`].
    ///
    /// # Panics
    /// As every method.
    pub fn harm(&mut self, server: usize, harm: Harm, dies: bool) -> bool {
        let fate = dies.then(|| Fate {
            restart_after: Some(1_000_000),
            ..Fate::lost()
        });
        self.inflict(Action::Disk { server, harm, fate })
    }

    /// File and offset of an old record in a server's log, in a sector whose loss is noticed.
    ///
    /// # Panics
    /// As every method, and when there is none.
    pub fn old_sector(&mut self, server: usize) -> (String, usize) {
        let World { judges, hosts, .. } = &mut self.world;
        let places = judges.proven_sectors(server, &hosts[server]);
        let place = self.expect(places).into_iter().next_back();
        let (file, offset) = place.expect("the log is long enough");
        (file.name, offset)
    }

    /// Name of the newest snapshot on a server's disk.
    pub fn snapshot_of(&self, server: usize) -> Option<String> {
        let newest = self.world.hosts[server].disk.newest_snapshot();
        newest.map(|file| file.name)
    }

    /// Replaces the disk of a server that is down by an empty one.
    ///
    /// # Panics
    /// When the server runs.
    pub fn wipe(&mut self, server: usize) {
        let host = &mut self.world.hosts[server];
        assert!(host.replica().is_none(), "a running server keeps its disk");
        host.disk.wipe();
        self.world.judges.lost(server);
    }

    /// Starts a server that is down.
    pub fn start(&mut self, server: usize) {
        self.world.start_after(server, 0);
    }

    /// Waits until every server serves and has applied everything that was committed.
    ///
    /// # Panics
    /// As every method.
    pub fn settle(&mut self) {
        self.until("servers agree", |world| {
            world.hosts.iter().all(|host| host.replica().is_some())
                && world.leader().is_some()
                && world.judges.disagreement(&world.hosts).is_none()
        });
    }

    /// How many snapshots a server sent or installed were noted so far, by the word that notes of
    /// the protocol use.
    pub fn noted(&self, word: &str) -> usize {
        self.world
            .notes
            .kept()
            .iter()
            .filter(|note| note.what.contains(word))
            .count()
    }

    /// Heals everything, asks every client for proof that it is served, and judges.
    ///
    /// # Panics
    /// As every method.
    pub fn finish(mut self) -> Report {
        let ended = self.world.end();
        self.expect(ended);
        run::report(&self.options, &mut self.world, &Ok(()))
    }

    fn aim(&mut self, aim: Aim) {
        for client in &mut self.world.clients {
            client.aim = aim;
        }
    }

    fn until(&mut self, what: &str, done: impl Fn(&World) -> bool) {
        let end = self.world.queue.now() + PATIENCE_MS * 1_000;
        while !done(&self.world) {
            let step = self.world.step();
            self.expect(step);
            assert!(self.world.queue.now() < end, "waited in vain until {what}");
        }
    }

    fn expect<T>(&self, outcome: Result<T, Broken>) -> T {
        match outcome {
            Ok(value) => value,
            Err(broken) => {
                let drawn = self.world.swarm.words();
                let story = story::tell(&self.options, &drawn, &broken, &self.world.notes);
                panic!("\n{}", story.join("\n"))
            }
        }
    }
}
