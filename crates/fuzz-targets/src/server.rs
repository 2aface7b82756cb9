//! A whole server, spoken to on its ports by whoever likes to.

use crate::bytes::Script;
use crate::disk::Memory;
use crate::{peer_wire, seeds};
use replica::auth::{AfterFailure, AuthRules, EnsembleNames, Password, SaslRules};
use replica::{
    Config, ConnId, Facts, FourLetterWords, Input, LargeRequestLimits, Limits, Output, PeerPort,
    ReaperRules, ReconfigRules, Replica, SessionRules, WhenStale, accepted_link,
};
use std::collections::{BTreeSet, VecDeque};
use std::net::IpAddr;
use std::time::Duration;
use wal::{Disk, DiskTask};
use zab_core::LinkId;
use zk_types::{Instant, ServerId, WallTime};

/// A server that stands alone, and its clients. Each three bytes are one command: whose, and what,
/// with so many of the bytes that follow as a payload where it takes one.
pub fn client_port(bytes: &[u8]) {
    clients(Server::start(config(Vec::new())), bytes);
}

/// As [`client_port`], of a server that knows users of SASL and lets requests wait for others.
pub fn guarded_client_port(bytes: &[u8]) {
    let users = [("bob".to_owned(), Password("bobpw".to_owned()))];
    let sasl = SaslRules {
        users: users.into(),
        after_failure: AfterFailure::GoOn,
        ..SaslRules::default()
    };
    let config = Config {
        auth: AuthRules {
            sasl: Some(sasl),
            ensemble: EnsembleNames::Any,
            ..AuthRules::default()
        },
        limits: Limits {
            requests_max: 2,
            throttled_wait_max: Duration::from_secs(1),
            when_stale: WhenStale::Close,
            large_requests: Some(LargeRequestLimits {
                above_bytes: 40,
                bytes_max: 200,
            }),
            ..Limits::default()
        },
        ..config(Vec::new())
    };
    clients(Server::start(config), bytes);
}

fn clients(mut server: Server, bytes: &[u8]) {
    let mut script = Script::new(bytes);
    while let Some(command) = script.byte() {
        let conn = ConnId(u64::from(command / 16) % 4);
        let argument = script.byte().unwrap_or(0);
        match command % 16 {
            0..=3 => {
                server.connect(conn);
                let payload = script.take(usize::from(argument)).to_vec();
                server.client_bytes(conn, &payload);
            }
            4..=9 => {
                server.connect(conn);
                let requests = seeds::client_stream();
                let request = &requests[usize::from(argument) % requests.len()];
                server.client_bytes(conn, request);
            }
            10 => server.close(conn),
            11 => server.pass(Duration::from_millis(u64::from(argument) * 40)),
            12 => server.input(Input::ClientSent {
                conn,
                bytes: usize::from(argument),
            }),
            _ => server.run_disk(usize::from(argument)),
        }
    }
    server.run_disk(usize::MAX);
    server.pass(Duration::from_secs(60));
    server.still_serves();
}

/// A server that is one of three, and what others send to its peer ports. As [`client_port`].
pub fn peer_ports(bytes: &[u8]) {
    let member = |id| (ServerId(id), format!("host{id}:2888:3888:participant"));
    let mut server = Server::start(config(vec![member(1), member(2), member(3)]));
    let mut script = Script::new(bytes);
    while let Some(command) = script.byte() {
        let argument = script.byte().unwrap_or(0);
        let choice = usize::from(command / 16);
        match command % 16 {
            0 => server.accept(if choice % 2 == 0 {
                PeerPort::Quorum
            } else {
                PeerPort::Election
            }),
            1 => server.connect_dialled(choice),
            2 => server.close_link(choice),
            3 | 4 => {
                let payload = script.take(usize::from(argument)).to_vec();
                server.peer_bytes(choice, &payload);
            }
            5..=7 => {
                let payload = peer_wire::frame(script.take(usize::from(argument)));
                server.peer_bytes(choice, &payload);
            }
            8..=12 => {
                let frames = seeds::peer_stream();
                server.peer_bytes(choice, &frames[usize::from(argument) % frames.len()]);
            }
            13 => server.pass(Duration::from_millis(u64::from(argument) * 4)),
            _ => server.run_disk(usize::from(argument)),
        }
    }
    server.run_disk(usize::MAX);
    server.pass(Duration::from_secs(5));
}

struct Server {
    replica: Replica,
    disk: Memory,
    tasks: VecDeque<DiskTask>,
    now: Instant,
    open: BTreeSet<ConnId>,
    /// Counts connections, so that none is used twice.
    generation: u64,
    links: Vec<LinkId>,
    dialled: Vec<LinkId>,
    accepted: u64,
    sent: usize,
}

/// Connections are numbered by generation, in steps of this.
const PLACES: u64 = 4;

impl Server {
    fn start(config: Config) -> Self {
        let mut disk = Memory::default();
        let now = Instant::from_millis(1_000);
        let replica = Replica::start(config, &mut disk, now, wall(now));
        let Ok(replica) = replica else {
            panic!("an empty disk is a good one")
        };
        let mut server = Server {
            replica,
            disk,
            tasks: VecDeque::new(),
            now,
            open: BTreeSet::new(),
            generation: 0,
            links: Vec::new(),
            dialled: Vec::new(),
            accepted: 0,
            sent: 0,
        };
        server.drain();
        server.run_disk(usize::MAX);
        server
    }

    fn input(&mut self, input: Input<'_>) {
        self.replica.handle(self.now, wall(self.now), input);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.replica.poll_output() {
            match output {
                Output::ClientSend { conn, bytes } => {
                    assert!(self.open.contains(&conn), "{conn:?} is not open");
                    self.sent += bytes.len();
                }
                Output::ClientClose { conn } => {
                    assert!(self.open.remove(&conn), "{conn:?} is not open");
                }
                Output::PeerDial { link, .. } => self.dialled.push(link),
                Output::PeerClose { link } => {
                    self.links.retain(|other| *other != link);
                    self.dialled.retain(|other| *other != link);
                }
                Output::Disk(task) => self.tasks.push_back(task),
                Output::PeerSend { .. } | Output::ClientReading { .. } | Output::Event(_) => {}
            }
        }
    }

    fn run_disk(&mut self, tasks_max: usize) {
        for _ in 0..tasks_max {
            self.input(Input::BatchEnd);
            let Some(task) = self.tasks.pop_front() else {
                return;
            };
            let Ok(bytes) = self.disk.run(&task.op);
            if let Some(id) = task.id {
                self.input(Input::DiskDone { id, bytes });
            }
        }
    }

    fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(at) = self.replica.next_deadline().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            self.input(Input::Timeout);
            self.run_disk(usize::MAX);
            let next = self.replica.next_deadline();
            assert!(
                next.is_none_or(|next| next > self.now),
                "a deadline that is met moves on"
            );
        }
        self.now = until;
    }

    /// Opens the connection of a place, if none is open there.
    fn connect(&mut self, place: ConnId) {
        if self.at(place).is_none() {
            self.generation += 1;
            let conn = ConnId(self.generation * PLACES + place.0);
            self.open.insert(conn);
            self.input(Input::ClientConnected {
                conn,
                ip: IpAddr::from([10, 0, 0, 1]),
                port: 9,
            });
        }
    }

    fn at(&self, place: ConnId) -> Option<ConnId> {
        self.open
            .iter()
            .copied()
            .find(|conn| conn.0 % PLACES == place.0)
    }

    fn client_bytes(&mut self, place: ConnId, bytes: &[u8]) {
        if let Some(conn) = self.at(place) {
            self.input(Input::ClientBytes { conn, bytes });
        }
    }

    fn close(&mut self, place: ConnId) {
        if let Some(conn) = self.at(place) {
            self.open.remove(&conn);
            self.input(Input::ClientClosed { conn });
        }
    }

    /// A newcomer gets a session, whatever the others did.
    fn still_serves(&mut self) {
        for conn in self.open.clone() {
            self.open.remove(&conn);
            self.input(Input::ClientClosed { conn });
        }
        let place = ConnId(0);
        self.connect(place);
        self.sent = 0;
        self.client_bytes(place, &seeds::client_stream()[0]);
        self.run_disk(usize::MAX);
        assert!(
            self.at(place).is_some() && self.sent > 0,
            "a newcomer is served"
        );
    }

    fn accept(&mut self, port: PeerPort) {
        self.accepted += 1;
        let link = accepted_link(self.accepted);
        self.links.push(link);
        self.input(Input::PeerAccepted { link, port });
    }

    fn connect_dialled(&mut self, choice: usize) {
        if !self.dialled.is_empty() {
            let link = self.dialled.remove(choice % self.dialled.len());
            self.links.push(link);
            self.input(Input::PeerConnected { link });
        }
    }

    fn close_link(&mut self, choice: usize) {
        if !self.links.is_empty() {
            let link = self.links.remove(choice % self.links.len());
            self.input(Input::PeerClosed { link });
        }
    }

    fn peer_bytes(&mut self, choice: usize, bytes: &[u8]) {
        if !self.links.is_empty() {
            let link = self.links[choice % self.links.len()];
            self.input(Input::PeerBytes { link, bytes });
        }
    }
}

fn wall(now: Instant) -> WallTime {
    WallTime(1_700_000_000_000 + i64::try_from(now.as_millis()).expect("a short run"))
}

fn config(members: Vec<(ServerId, String)>) -> Config {
    Config {
        me: ServerId(1),
        members,
        tick: Duration::from_millis(500),
        init_limit: 10,
        sync_limit: 5,
        session_timeout_min: Duration::from_secs(1),
        session_timeout_max: Duration::from_secs(10),
        connections_per_ip_max: 60,
        connections_max: 0,
        outstanding_max: 100,
        frame_bytes_max: 4_096,
        snapshot_txns: 8,
        snapshot_nodes_per_txn: 0,
        fetch_nodes_min: 0,
        snapshot_log_bytes: 0,
        snapshots_kept: 2,
        segment_bytes: 4_096,
        window_bytes_max: 4_096,
        backlog_bytes_max: 16 << 20,
        chunk_bytes: 512,
        counter_max: u32::MAX - 65_536,
        four_letter_words: FourLetterWords::All,
        extended_types: true,
        enforce_quota: true,
        skip_acl: false,
        auth: Default::default(),
        limits: Default::default(),
        facts: Facts::default(),
        seed: [7; 32],
        hash_salt: 0,
        sessions: SessionRules::default(),
        reaper: ReaperRules::default(),
        reconfig: ReconfigRules::default(),
    }
}
