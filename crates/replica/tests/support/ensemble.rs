//! Whole servers in memory: connected by wires that lose nothing, on disks that keep everything,
//! taking turns as a number decides.

use super::{Client, Heard, MemoryDisk, config, greeting, wall};
use replica::auth::AuthRules;
use replica::{Config, ConnId, Input, Output, PeerPort, Replica, accepted_link};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::time::Duration;
use wal::{Disk, DiskTask};
use zab_core::{LinkId, Role};
use zk_proto::Request;
use zk_types::{Instant, ServerId, SessionId, Zxid};

/// The tick of every server.
pub(crate) const TICK: Duration = Duration::from_millis(500);

/// How servers keep their logs and snapshots.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Storage {
    pub(crate) snapshot_txns: u32,
    pub(crate) window_bytes_max: usize,
}

/// Servers, the wires between them, and one clock.
pub(crate) struct Ensemble {
    servers: Vec<Server>,
    /// The two ends of each wire, by either.
    wires: BTreeMap<(usize, LinkId), (usize, LinkId)>,
    pub(crate) now: Instant,
    next_conn: u64,
    turns: u64,
}

struct Server {
    config: Config,
    replica: Option<Replica>,
    disk: MemoryDisk,
    tasks: VecDeque<DiskTask>,
    inbox: VecDeque<Arrival>,
    accepted: u64,
    starts: u8,
    sent: BTreeMap<ConnId, Vec<u8>>,
    open: BTreeSet<ConnId>,
}

enum Arrival {
    Accepted(LinkId, PeerPort),
    Connected(LinkId),
    Bytes(LinkId, Vec<u8>),
    Closed(LinkId),
}

impl Ensemble {
    /// As many servers as asked for, started on empty disks; one alone is a standalone server.
    pub(crate) fn start(count: usize, storage: Storage, turns: u64) -> Self {
        Ensemble::start_with(count, storage, turns, |_| ())
    }

    /// As [`Ensemble::start`], with other settings.
    pub(crate) fn start_with(
        count: usize,
        storage: Storage,
        turns: u64,
        configure: impl Fn(&mut Config),
    ) -> Self {
        let id = |index: usize| ServerId(u64::try_from(index).expect("few servers") + 1);
        let members: Vec<_> = (0..count)
            .map(|index| (id(index), format!("host{index}:2888:3888:participant")))
            .collect();
        let servers = (0..count).map(|index| Server {
            config: Config {
                me: id(index),
                members: if count == 1 {
                    Vec::new()
                } else {
                    members.clone()
                },
                tick: TICK,
                session_timeout_max: Duration::from_millis(4_000),
                snapshot_txns: storage.snapshot_txns,
                window_bytes_max: storage.window_bytes_max,
                segment_bytes: 8_192,
                chunk_bytes: 512,
                auth: AuthRules {
                    super_digest: Some("super:lK75jTNcA+U9vtVEw5vB51mj/w4=".into()),
                    ..AuthRules::default()
                },
                ..config()
            },
            replica: None,
            disk: MemoryDisk::default(),
            tasks: VecDeque::new(),
            inbox: VecDeque::new(),
            accepted: 0,
            starts: 0,
            sent: BTreeMap::new(),
            open: BTreeSet::new(),
        });
        let mut servers: Vec<Server> = servers.collect();
        for server in &mut servers {
            configure(&mut server.config);
        }
        let mut ensemble = Ensemble {
            servers,
            wires: BTreeMap::new(),
            now: Instant::from_millis(1_000),
            next_conn: 0,
            turns,
        };
        for index in 0..count {
            ensemble.start_server(index);
        }
        ensemble.wait_until_all_serve();
        ensemble
    }

    /// How many servers there are, running or not.
    pub(crate) fn len(&self) -> usize {
        self.servers.len()
    }

    /// The server that leads.
    pub(crate) fn leader(&self) -> usize {
        let leads = |index: &usize| self.servers[*index].replica.as_ref().is_some_and(leads);
        (0..self.len()).find(leads).expect("one of them leads")
    }

    pub(crate) fn is_running(&self, index: usize) -> bool {
        self.servers[index].replica.is_some()
    }

    /// The servers that run.
    pub(crate) fn replicas(&self) -> impl Iterator<Item = &Replica> {
        self.servers
            .iter()
            .filter_map(|server| server.replica.as_ref())
    }

    /// The last transaction that every running server has applied, which is one.
    pub(crate) fn applied(&self) -> Zxid {
        let all: BTreeSet<Zxid> = self.replicas().map(Replica::applied).collect();
        assert_eq!(all.len(), 1, "at rest all servers are equal: {all:?}");
        *all.first().expect("one was counted")
    }

    pub(crate) fn start_server(&mut self, index: usize) {
        let now = self.now;
        let server = &mut self.servers[index];
        assert!(server.replica.is_none(), "a server runs once");
        server.starts += 1;
        server.accepted = 0;
        let me = u8::try_from(index).expect("few servers");
        server.config.seed = [server.starts * 16 + me; 32];
        let started = Replica::start(server.config.clone(), &mut server.disk, now, wall(now));
        server.replica = Some(started.expect("it starts from what it wrote"));
        self.drain(index);
        self.run();
    }

    /// Ends a server without a word: its wires and connections break, its disk stays.
    pub(crate) fn stop_server(&mut self, index: usize) {
        let server = &mut self.servers[index];
        server.replica = None;
        server.tasks.clear();
        server.inbox.clear();
        server.sent.clear();
        server.open.clear();
        let ends: Vec<LinkId> = self
            .wires
            .range((index, LinkId(0))..=(index, LinkId(u64::MAX)))
            .map(|((_, link), _)| *link)
            .collect();
        for link in ends {
            self.cut((index, link));
        }
        self.run();
    }

    /// Gives a server that does not run an empty disk.
    pub(crate) fn replace_disk(&mut self, index: usize) {
        let server = &mut self.servers[index];
        assert!(server.replica.is_none(), "a running server keeps its disk");
        server.disk = MemoryDisk::default();
    }

    /// Lets time pass until every running server takes clients.
    pub(crate) fn wait_until_all_serve(&mut self) {
        for _ in 0..600 {
            self.run();
            let leaders = self.replicas().filter(|replica| leads(replica)).count();
            if leaders == 1 && self.replicas().all(serves) {
                return;
            }
            self.pass(Duration::from_millis(50));
        }
        let roles: Vec<Role> = self.replicas().map(Replica::role).collect();
        panic!("no quorum within 30 seconds: {roles:?}");
    }

    /// Lets time pass, with every deadline kept.
    pub(crate) fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        loop {
            let due = self.replicas().filter_map(Replica::next_deadline).min();
            let Some(at) = due.filter(|at| *at <= until) else {
                break;
            };
            self.now = self.now.max(at);
            for index in 0..self.len() {
                let deadline = self.servers[index].replica.as_ref();
                let deadline = deadline.and_then(Replica::next_deadline);
                if deadline.is_some_and(|at| at <= self.now) {
                    self.input(index, Input::Timeout);
                }
            }
            self.run();
        }
        self.now = until;
    }

    /// Runs everything until nothing is left to do, the servers in changing turns.
    pub(crate) fn run(&mut self) {
        for index in 0..self.len() {
            self.input(index, Input::BatchEnd);
        }
        loop {
            let busy: Vec<usize> = (0..self.len())
                .filter(|&index| {
                    let server = &self.servers[index];
                    !server.inbox.is_empty() || !server.tasks.is_empty()
                })
                .collect();
            if busy.is_empty() {
                return;
            }
            let index = busy[self.turn(busy.len())];
            let (arrivals, tasks) = (self.turn(4), self.turn(3) + 1);
            for _ in 0..arrivals {
                self.arrive(index);
            }
            self.input(index, Input::BatchEnd);
            for _ in 0..tasks {
                self.run_disk(index);
            }
            self.input(index, Input::BatchEnd);
        }
    }

    /// A client with a session at a server, or `None` when the session was refused.
    pub(crate) fn connect(
        &mut self,
        index: usize,
        session: SessionId,
        password: &[u8],
    ) -> Option<Client> {
        let (conn, answer) = self.greet(index, &greeting(session, password));
        Client::welcomed(conn, &answer)
    }

    /// A connection with these first bytes, and the answer to them; empty for none.
    pub(crate) fn greet(&mut self, index: usize, bytes: &[u8]) -> (ConnId, Vec<u8>) {
        self.next_conn += 1;
        let conn = ConnId(self.next_conn);
        self.servers[index].open.insert(conn);
        let ip = IpAddr::from([127, 0, 0, 1]);
        self.input(index, Input::ClientConnected { conn, ip, port: 9 });
        self.send(index, conn, bytes);
        self.run();
        let answer = self.servers[index].sent.remove(&conn);
        (conn, answer.unwrap_or_default())
    }

    /// Hands bytes of a client to its server, cut somewhere, and ends the batch there.
    pub(crate) fn send(&mut self, index: usize, conn: ConnId, bytes: &[u8]) {
        let (head, tail) = bytes.split_at(self.turn(bytes.len() + 1));
        for bytes in [head, tail] {
            self.input(index, Input::ClientBytes { conn, bytes });
            if self.turn(2) == 0 {
                self.input(index, Input::BatchEnd);
            }
        }
        self.input(index, Input::BatchEnd);
    }

    pub(crate) fn is_open(&self, index: usize, conn: ConnId) -> bool {
        self.servers[index].open.contains(&conn)
    }

    /// The client goes away without a word.
    pub(crate) fn disconnect(&mut self, index: usize, conn: ConnId) {
        if self.servers[index].open.remove(&conn) {
            self.input(index, Input::ClientClosed { conn });
        }
    }

    /// Sends one request, and returns everything heard until all servers are at rest.
    pub(crate) fn ask(
        &mut self,
        index: usize,
        client: &mut Client,
        request: &Request<'_>,
    ) -> Vec<Heard> {
        let bytes = client.encode(request);
        self.send(index, client.conn, &bytes);
        self.run();
        self.hear(index, client)
    }

    /// The first bytes of a connection that is no client's, and the answer to them.
    pub(crate) fn word(&mut self, index: usize, bytes: &[u8]) -> String {
        self.next_conn += 1;
        let conn = ConnId(self.next_conn);
        self.servers[index].open.insert(conn);
        let ip = IpAddr::from([127, 0, 0, 1]);
        self.input(index, Input::ClientConnected { conn, ip, port: 9 });
        self.send(index, conn, bytes);
        let sent = self.servers[index].sent.remove(&conn).unwrap_or_default();
        String::from_utf8(sent).expect("text")
    }

    /// Everything sent to the client since it last listened.
    pub(crate) fn hear(&mut self, index: usize, client: &mut Client) -> Vec<Heard> {
        let sent = self.servers[index].sent.remove(&client.conn);
        let sent = sent.unwrap_or_default();
        self.input(
            index,
            Input::ClientSent {
                conn: client.conn,
                bytes: sent.len(),
            },
        );
        client.decode(&sent)
    }

    fn arrive(&mut self, index: usize) {
        let Some(arrival) = self.servers[index].inbox.pop_front() else {
            return;
        };
        match arrival {
            Arrival::Accepted(link, port) => self.input(index, Input::PeerAccepted { link, port }),
            Arrival::Connected(link) => self.input(index, Input::PeerConnected { link }),
            Arrival::Bytes(link, bytes) => {
                let bytes = &bytes;
                self.input(index, Input::PeerBytes { link, bytes });
            }
            Arrival::Closed(link) => self.input(index, Input::PeerClosed { link }),
        }
    }

    fn run_disk(&mut self, index: usize) {
        let server = &mut self.servers[index];
        let Some(task) = server.tasks.pop_front() else {
            return;
        };
        let Ok(bytes) = server.disk.run(&task.op);
        if let Some(id) = task.id {
            self.input(index, Input::DiskDone { id, bytes });
        }
    }

    fn input(&mut self, index: usize, input: Input<'_>) {
        let now = self.now;
        if let Some(replica) = &mut self.servers[index].replica {
            replica.handle(now, wall(now), input);
            self.drain(index);
        }
    }

    fn drain(&mut self, index: usize) {
        loop {
            let server = &mut self.servers[index];
            let replica = server.replica.as_mut().expect("it just ran");
            let Some(output) = replica.poll_output() else {
                return;
            };
            match output {
                Output::ClientSend { conn, bytes } => {
                    server.sent.entry(conn).or_default().extend(bytes);
                }
                Output::ClientClose { conn } => {
                    server.open.remove(&conn);
                }
                Output::Disk(task) => server.tasks.push_back(task),
                Output::PeerDial { link, to, port } => self.dial((index, link), to, port),
                Output::PeerSend { link, bytes } => {
                    if let Some(&(other, theirs)) = self.wires.get(&(index, link)) {
                        let inbox = &mut self.servers[other].inbox;
                        inbox.push_back(Arrival::Bytes(theirs, bytes));
                    }
                }
                Output::PeerClose { link } => self.cut((index, link)),
                Output::ClientReading { .. } | Output::Event(_) => {}
            }
        }
    }

    fn dial(&mut self, from: (usize, LinkId), to: ServerId, port: PeerPort) {
        let target = usize::try_from(to.0 - 1).expect("few servers");
        if !self.is_running(target) {
            self.servers[from.0]
                .inbox
                .push_back(Arrival::Closed(from.1));
            return;
        }
        let server = &mut self.servers[target];
        server.accepted += 1;
        let link = accepted_link(server.accepted);
        server.inbox.push_back(Arrival::Accepted(link, port));
        self.servers[from.0]
            .inbox
            .push_back(Arrival::Connected(from.1));
        self.wires.insert(from, (target, link));
        self.wires.insert((target, link), from);
    }

    fn cut(&mut self, end: (usize, LinkId)) {
        if let Some(other) = self.wires.remove(&end) {
            self.wires.remove(&other);
            self.servers[other.0]
                .inbox
                .push_back(Arrival::Closed(other.1));
        }
    }

    /// A number below `bound`, another each time.
    fn turn(&mut self, bound: usize) -> usize {
        self.turns = self
            .turns
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.turns >> 33).expect("31 bits") % bound
    }
}

fn leads(replica: &Replica) -> bool {
    matches!(replica.role(), Role::Leading { .. })
}

fn serves(replica: &Replica) -> bool {
    matches!(
        replica.role(),
        Role::Leading { .. } | Role::Following { .. }
    )
}
