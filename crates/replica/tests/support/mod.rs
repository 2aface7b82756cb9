//! One standalone server on a disk in memory, spoken to in bytes.
#![allow(dead_code, unused_imports, reason = "each test file uses its part")]

mod client;
mod disk;
mod ensemble;
mod raw;
mod requests;

pub(crate) use client::*;
pub(crate) use disk::*;
pub(crate) use ensemble::*;
pub(crate) use raw::*;
pub(crate) use requests::*;

use replica::{
    Config, ConnId, Event, Facts, FourLetterWords, Input, Output, ReaperRules, ReconfigRules,
    Replica, SessionRules,
};
use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;
use wal::{Disk, DiskTask};
use zk_proto::Request;
use zk_types::{Instant, ServerId, SessionId, WallTime};

/// A server that stands alone, with its disk and what it has sent.
pub(crate) struct Standalone {
    pub(crate) replica: Replica,
    disk: MemoryDisk,
    tasks: VecDeque<DiskTask>,
    pub(crate) now: Instant,
    pub(crate) sent: BTreeMap<ConnId, Vec<u8>>,
    pub(crate) closed: Vec<ConnId>,
    pub(crate) events: Vec<Event>,
    next_conn: u64,
}

pub(crate) fn config() -> Config {
    Config {
        me: ServerId(1),
        members: Vec::new(),
        tick: Duration::from_millis(2_000),
        init_limit: 10,
        sync_limit: 5,
        session_timeout_min: Duration::from_millis(4_000),
        session_timeout_max: Duration::from_millis(40_000),
        connections_per_ip_max: 60,
        connections_max: 0,
        outstanding_max: 1_000,
        frame_bytes_max: 0xfffff,
        snapshot_txns: 100_000,
        snapshot_nodes_per_txn: 0,
        fetch_nodes_min: 0,
        snapshot_log_bytes: 0,
        snapshots_kept: 3,
        segment_bytes: 1 << 20,
        window_bytes_max: 1 << 20,
        backlog_bytes_max: 16 << 20,
        chunk_bytes: 1 << 16,
        counter_max: u32::MAX - 65_536,
        four_letter_words: FourLetterWords::All,
        extended_types: true,
        enforce_quota: false,
        skip_acl: false,
        sessions: SessionRules::default(),
        reaper: ReaperRules::default(),
        reconfig: ReconfigRules::default(),
        auth: Default::default(),
        limits: Default::default(),
        facts: Facts {
            version: "3.9.5-test, built on 01/01/2026 00:00 UTC".into(),
            ..Facts::default()
        },
        seed: [7; 32],
        hash_salt: 0,
    }
}

impl Standalone {
    pub(crate) fn start() -> Self {
        Standalone::start_on(MemoryDisk::default(), config())
    }

    pub(crate) fn start_on(mut disk: MemoryDisk, config: Config) -> Self {
        let now = Instant::from_millis(1_000);
        let replica = Replica::start(config, &mut disk, now, wall(now)).expect("it starts");
        let mut server = Standalone {
            replica,
            disk,
            tasks: VecDeque::new(),
            now,
            sent: BTreeMap::new(),
            closed: Vec::new(),
            events: Vec::new(),
            next_conn: 0,
        };
        server.drain();
        server.run();
        server
    }

    /// What is on the disk once the server has stopped without a word.
    pub(crate) fn into_disk(self) -> MemoryDisk {
        self.disk
    }

    /// Stops without a word and starts again from the disk.
    pub(crate) fn restart(self, config: Config) -> Self {
        Standalone::start_on(self.disk, config)
    }

    pub(crate) fn input(&mut self, input: Input<'_>) {
        self.replica.handle(self.now, wall(self.now), input);
        self.drain();
    }

    /// Ends the batch and runs the disk until nothing is left to do.
    pub(crate) fn run(&mut self) {
        loop {
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

    /// Lets time pass, with every deadline kept.
    pub(crate) fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(at) = self.replica.next_deadline().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            self.input(Input::Timeout);
            self.run();
        }
        self.now = until;
    }

    pub(crate) fn connect_raw(&mut self) -> ConnId {
        self.next_conn += 1;
        let conn = ConnId(self.next_conn);
        self.input(Input::ClientConnected {
            conn,
            ip: IpAddr::from([127, 0, 0, 1]),
            port: 4711,
        });
        conn
    }

    pub(crate) fn connect(&mut self) -> Client {
        self.connect_as(SessionId::NONE, &[0; 16])
            .expect("a new session is granted")
    }

    /// Greets for a session, and says what the server sends, which is nothing when it closes.
    pub(crate) fn greet(&mut self, session: SessionId, password: &[u8]) -> (ConnId, Vec<u8>) {
        let conn = self.connect_raw();
        let bytes = greeting(session, password);
        (conn, self.send(conn, &bytes))
    }

    /// A client with a session, or `None` when the session was refused.
    pub(crate) fn connect_as(&mut self, session: SessionId, password: &[u8]) -> Option<Client> {
        let (conn, sent) = self.greet(session, password);
        Client::welcomed(conn, &sent)
    }

    /// Hands bytes to the server as one batch, and returns what it sent until it was quiet.
    pub(crate) fn send(&mut self, conn: ConnId, bytes: &[u8]) -> Vec<u8> {
        self.input(Input::ClientBytes { conn, bytes });
        self.run();
        self.sent.remove(&conn).unwrap_or_default()
    }

    /// Sends a request and returns everything heard until the server is quiet.
    pub(crate) fn ask(&mut self, client: &mut Client, request: &Request<'_>) -> Vec<Heard> {
        let bytes = client.encode(request);
        let sent = self.send(client.conn, &bytes);
        client.decode(&sent)
    }

    /// What the server says to a four-letter word.
    pub(crate) fn four_letters(&mut self, word: &str) -> String {
        let conn = self.connect_raw();
        String::from_utf8(self.send(conn, word.as_bytes())).expect("text")
    }

    /// Everything sent to the client since it last listened.
    pub(crate) fn hear(&mut self, client: &mut Client) -> Vec<Heard> {
        let sent = self.sent.remove(&client.conn).unwrap_or_default();
        client.decode(&sent)
    }

    fn drain(&mut self) {
        while let Some(output) = self.replica.poll_output() {
            match output {
                Output::ClientSend { conn, bytes } => {
                    self.sent.entry(conn).or_default().extend_from_slice(&bytes);
                }
                Output::ClientClose { conn } => self.closed.push(conn),
                Output::Disk(task) => self.tasks.push_back(task),
                Output::Event(event) => self.events.push(event),
                Output::ClientReading { .. } => {}
                // Whoever it would speak to does not exist.
                Output::PeerDial { .. } | Output::PeerSend { .. } | Output::PeerClose { .. } => {}
            }
        }
    }
}

pub(crate) fn wall(now: Instant) -> WallTime {
    WallTime(1_700_000_000_000 + i64::try_from(now.as_millis()).expect("it fits"))
}
