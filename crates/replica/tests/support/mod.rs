//! One standalone server on a disk in memory, spoken to in bytes.
#![allow(dead_code, reason = "each test file uses its part")]

mod requests;

pub(crate) use requests::*;

use replica::{Config, ConnId, Facts, FourLetterWords, Input, Output, Replica};
use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::net::IpAddr;
use std::time::Duration;
use wal::{Disk, DiskOp, DiskTask, File};
use zk_proto::{
    ConnectRequest, ConnectResponse, FrameDecoder, Incoming, OpCode, ReplyHeader, Request,
    Response, WatcherEvent, Xid,
};
use zk_types::{Instant, ServerId, SessionId, WallTime, Zxid};

/// Files that keep whatever is written to them.
#[derive(Default)]
pub(crate) struct MemoryDisk {
    files: BTreeMap<File, Vec<u8>>,
}

impl MemoryDisk {
    /// Inverts one byte of the first log segment.
    pub(crate) fn rot_the_log(&mut self, offset: usize) {
        let (_, content) = self
            .files
            .iter_mut()
            .find(|(file, _)| file.name.starts_with("log."))
            .expect("there is a log");
        content[offset] = !content[offset];
    }
}

impl Disk for MemoryDisk {
    type Error = Infallible;

    fn list(&mut self) -> Result<Vec<(File, u64)>, Infallible> {
        Ok(self
            .files
            .iter()
            .map(|(file, bytes)| (file.clone(), bytes.len() as u64))
            .collect())
    }

    fn run(&mut self, op: &DiskOp) -> Result<Vec<u8>, Infallible> {
        match op {
            DiskOp::Allocate { file, bytes } => {
                self.files.insert(
                    file.clone(),
                    vec![0; usize::try_from(*bytes).expect("it fits")],
                );
            }
            DiskOp::Write {
                file,
                offset,
                bytes,
            } => {
                let offset = usize::try_from(*offset).expect("it fits");
                let content = self.files.entry(file.clone()).or_default();
                content.resize(content.len().max(offset + bytes.len()), 0);
                content[offset..offset + bytes.len()].copy_from_slice(bytes);
            }
            DiskOp::Sync { .. } | DiskOp::SyncDirectory { .. } => {}
            DiskOp::Rename { from, to } => {
                if let Some(content) = self.files.remove(from) {
                    self.files.insert(to.clone(), content);
                }
            }
            DiskOp::Remove { file } => {
                self.files.remove(file);
            }
            DiskOp::Read {
                file,
                offset,
                bytes_max,
            } => {
                let content = self.files.get(file).cloned().unwrap_or_default();
                let start = usize::try_from(*offset)
                    .expect("it fits")
                    .min(content.len());
                let end =
                    (start + usize::try_from(*bytes_max).expect("it fits")).min(content.len());
                return Ok(content[start..end].to_vec());
            }
        }
        Ok(Vec::new())
    }
}

/// A server that stands alone, with its disk and what it has sent.
pub(crate) struct Standalone {
    pub(crate) replica: Replica,
    disk: MemoryDisk,
    tasks: VecDeque<DiskTask>,
    pub(crate) now: Instant,
    pub(crate) sent: BTreeMap<ConnId, Vec<u8>>,
    pub(crate) closed: Vec<ConnId>,
    next_conn: u64,
}

/// A client that speaks in bytes and remembers nothing but what it decodes.
pub(crate) struct Client {
    pub(crate) conn: ConnId,
    pub(crate) session: SessionId,
    pub(crate) password: Vec<u8>,
    decoder: FrameDecoder,
    opcodes: VecDeque<i32>,
    xid: i32,
}

/// One frame from the server, decoded as far as tests look.
#[derive(Debug)]
pub(crate) enum Heard {
    Reply {
        header: ReplyHeader,
        body: Vec<u8>,
        opcode: i32,
    },
    Event {
        event: String,
    },
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
        snapshot_log_bytes: 0,
        snapshots_kept: 3,
        segment_bytes: 1 << 20,
        window_bytes_max: 1 << 20,
        chunk_bytes: 1 << 16,
        counter_max: u32::MAX - 65_536,
        four_letter_words: FourLetterWords::All,
        extended_types: true,
        enforce_quota: false,
        skip_acl: false,
        super_digest: None,
        facts: Facts {
            version: "3.9.5-test, built on 01/01/2026 00:00 UTC".into(),
            ..Facts::default()
        },
        seed: [7; 32],
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

    /// A client with a session, or `None` when the session was refused.
    pub(crate) fn connect_as(&mut self, session: SessionId, password: &[u8]) -> Option<Client> {
        let conn = self.connect_raw();
        let mut bytes = Vec::new();
        let request = ConnectRequest {
            last_zxid_seen: Zxid::ZERO,
            timeout_ms: 10_000,
            session,
            password: Some(password),
            read_only: Some(false),
        };
        request.encode(&mut bytes);
        self.input(Input::ClientBytes {
            conn,
            bytes: &bytes,
        });
        self.run();
        let sent = self.sent.remove(&conn).expect("an answer");
        let response = ConnectResponse::decode(&sent[4..]).expect("a connect response");
        (!response.is_refusal()).then(|| Client {
            conn,
            session: response.session,
            password: response.password.to_vec(),
            decoder: FrameDecoder::for_replies(1 << 24),
            opcodes: VecDeque::new(),
            xid: 0,
        })
    }

    /// Sends a request and returns everything heard until the server is quiet.
    pub(crate) fn ask(&mut self, client: &mut Client, request: &Request<'_>) -> Vec<Heard> {
        let bytes = client.encode(request);
        self.input(Input::ClientBytes {
            conn: client.conn,
            bytes: &bytes,
        });
        self.run();
        self.hear(client)
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
                Output::ClientReading { .. } | Output::Event(_) => {}
                Output::PeerDial { .. } | Output::PeerSend { .. } | Output::PeerClose { .. } => {
                    panic!("a server that stands alone has no peers")
                }
            }
        }
    }
}

impl Client {
    pub(crate) fn encode(&mut self, request: &Request<'_>) -> Vec<u8> {
        self.xid += 1;
        self.opcodes.push_back(request.opcode().code());
        let mut bytes = Vec::new();
        request.encode(Xid(self.xid), &mut bytes);
        bytes
    }

    fn decode(&mut self, mut bytes: &[u8]) -> Vec<Heard> {
        let mut heard = Vec::new();
        while let Some(Incoming::Frame(frame)) = self.decoder.next(&mut bytes).expect("frames") {
            let (header, body) = ReplyHeader::decode(frame).expect("a reply");
            heard.push(if header.xid == Xid::NOTIFICATION {
                let event = WatcherEvent::decode(body).expect("an event");
                Heard::Event {
                    event: format!("{:?} {}", event.kind, event.path),
                }
            } else {
                let opcode = self.opcodes.pop_front().expect("an answer to a question");
                Heard::Reply {
                    header,
                    body: body.to_vec(),
                    opcode,
                }
            });
        }
        heard
    }
}

impl Heard {
    /// The error code of a reply.
    pub(crate) fn err(&self) -> i32 {
        match self {
            Heard::Reply { header, .. } => header.err,
            Heard::Event { event, .. } => panic!("an event is no reply: {event}"),
        }
    }

    /// The decoded body of a successful reply.
    pub(crate) fn response(&self) -> Response<'_> {
        match self {
            Heard::Reply { body, opcode, .. } => {
                let opcode = OpCode::from_code(*opcode).expect("a known operation");
                Response::decode(opcode, body).expect("a body of that operation")
            }
            Heard::Event { event, .. } => panic!("an event is no reply: {event}"),
        }
    }
}

fn wall(now: Instant) -> WallTime {
    WallTime(1_700_000_000_000 + i64::try_from(now.as_millis()).expect("it fits"))
}
