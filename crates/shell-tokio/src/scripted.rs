//! The loop of this shell over a made-up network, disk and clock: what it tells its replica is what
//! the simulator's own host told it, and so is what the replica says.

use crate::inbox::{Event, Listener, SocketId, Told};
use crate::server_loop::ServerLoop;
use recording::{Lent, RecordTo, beginning_of, lend, record, restart, runs};
use replica::{Input, Reading};
use shell_std::{DataDirectories, LaneReport, PeerAddress, ServerOptions, WhenMissing};
use sim::{Options, Profile, Trace};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::pin::pin;
use std::task::{Context, Waker};
use tokio::sync::{mpsc, watch};
use wal::DiskTask;
use zab_core::{LinkId, Role};
use zk_types::{Instant, ServerId, WallTime};

/// What the world says next.
#[derive(Default)]
struct Script {
    now: (Instant, WallTime),
    /// What each socket will take, one batch after the other.
    takes: BTreeMap<SocketId, VecDeque<usize>>,
    /// Tasks that the loop gave to the disk.
    tasks: u64,
}

thread_local! {
    static SCRIPT: RefCell<Script> = RefCell::default();
}

#[derive(Debug)]
pub(crate) struct Stream;

#[derive(Clone, Copy)]
pub(crate) struct Clock;

impl Clock {
    pub(crate) fn now(&self) -> Instant {
        SCRIPT.with_borrow(|script| script.now.0)
    }

    pub(crate) fn wall(&self) -> WallTime {
        SCRIPT.with_borrow(|script| script.now.1)
    }

    /// The script wakes the loop; no timer does.
    #[expect(
        clippy::wrong_self_convention,
        reason = "named as that of a real clock"
    )]
    pub(crate) fn to_std(&self, _: Instant) -> Option<std::time::Instant> {
        None
    }
}

pub(crate) struct Lanes;

impl Lanes {
    pub(crate) fn push(&self, _: DiskTask) {
        SCRIPT.with_borrow_mut(|script| script.tasks += 1);
    }
}

pub(crate) struct Connection {
    id: SocketId,
}

impl Connection {
    pub(crate) fn start(_: Stream, id: SocketId, _: mpsc::Sender<Event>) -> io::Result<Self> {
        Ok(Connection { id })
    }

    pub(crate) fn push(&mut self, _: Vec<u8>) -> usize {
        0
    }

    pub(crate) fn flush(&mut self) -> io::Result<usize> {
        let taken = SCRIPT.with_borrow_mut(|script| {
            let queue = script.takes.get_mut(&self.id);
            queue.and_then(VecDeque::pop_front)
        });
        Ok(taken.unwrap_or(0))
    }

    pub(crate) fn writable(&mut self) {}

    pub(crate) fn set_reading(&self, _: Reading) {}

    pub(crate) fn close_after_sending(self) {}
}

pub(crate) async fn dial(_: LinkId, _: String, _: u16, _: mpsc::Sender<Event>) {}

#[test]
fn for_the_same_seed_the_loop_of_this_shell_has_the_chain_of_the_simulators_host() {
    let home = tempfile::tempdir().unwrap();
    let mut processes = 0;
    let mut outputs = 0;
    let lite = (0..4).map(|seed| (seed, Profile::Lite));
    let swarm = (0..2).map(|seed| (seed, Profile::Swarm));
    for (seed, profile) in lite.chain(swarm) {
        let options = Options {
            seed,
            profile,
            trace: Trace::Off,
        };
        let simulated = home.path().join(format!("{profile}-{seed}"));
        let report = sim::record_servers(&options, &simulated);
        assert!(report.passed(), "{:?}", report.rule);
        for server in std::fs::read_dir(&simulated).unwrap() {
            for run in runs(&server.unwrap().path()).unwrap() {
                let again = home.path().join(format!("again-{processes}"));
                let tasks = drive(&run, &again, home.path());
                let [again] = runs(&again).unwrap().try_into().unwrap();
                outputs += compare(&run, &again, tasks);
                processes += 1;
            }
        }
    }
    assert!(processes > 10 && outputs > 1_000, "{processes} {outputs}");
}

/// Drives the loop by what one process was told, and records it in `again`. Returns how many tasks
/// its disk had.
fn drive(run: &Path, again: &Path, home: &Path) -> u64 {
    let to = RecordTo {
        directory: again.to_path_buf(),
        bytes_max: u64::MAX,
    };
    let (config, now, wall) = beginning_of(run).unwrap();
    let Some(replica) = restart(run, Some(record(&to).unwrap())).unwrap() else {
        return 0;
    };
    SCRIPT.set(Script {
        now: (now, wall),
        ..Script::default()
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let _entered = runtime.enter();
    let (inbox, mut events) = mpsc::channel(100_000);
    let (role, _) = watch::channel(Role::Looking);
    let options = options(config, home);
    let mut server = ServerLoop::new(replica, Clock, Lanes, options, inbox.clone(), role);
    let mut running = pin!(server.run(&mut events));
    let mut context = Context::from_waker(Waker::noop());
    assert!(running.as_mut().poll(&mut context).is_pending());
    for batch in batches(run) {
        SCRIPT.with_borrow_mut(|script| {
            script.now = batch.now;
            script.takes.clear();
            for (id, bytes) in batch.takes {
                script.takes.entry(id).or_default().push_back(bytes);
            }
        });
        for event in batch.events {
            inbox.try_send(event).unwrap();
        }
        assert!(running.as_mut().poll(&mut context).is_pending());
    }
    SCRIPT.with_borrow(|script| script.tasks)
}

/// What the loop finds when it wakes up.
struct Batch {
    now: (Instant, WallTime),
    events: Vec<Event>,
    takes: Vec<(SocketId, usize)>,
}

/// Reads, out of what a replica was told, what happened around its shell. What sockets took, and
/// that they ended, belongs to the batch before.
fn batches(run: &Path) -> Vec<Batch> {
    let mut batches: Vec<Batch> = Vec::new();
    let mut up = BTreeSet::new();
    let mut ended = true;
    // The loop ends its first batch by itself.
    let mut first = true;
    lend(run, |lent| {
        let Lent::Input(now, wall, input) = lent else {
            return;
        };
        if first {
            assert!(matches!(input, Input::BatchEnd), "{input:?}");
            first = false;
            return;
        }
        let late = match &input {
            Input::ClientSent { .. } | Input::ClientClosed { .. } => true,
            Input::PeerClosed { link } => up.contains(link),
            Input::ClientConnected { .. }
            | Input::ClientBytes { .. }
            | Input::PeerAccepted { .. }
            | Input::PeerConnected { .. }
            | Input::PeerBytes { .. }
            | Input::DiskDone { .. }
            | Input::BatchEnd
            | Input::Timeout
            | Input::Gauges { .. } => false,
        };
        let begins = ended && !late;
        ended = matches!(input, Input::BatchEnd);
        if begins {
            // A loop may be woken by nothing but its deadline.
            let nobody = SocketId::Peer(LinkId(u64::MAX));
            batches.push(Batch {
                now: (now, wall),
                events: vec![Event::Socket(nobody, Told::Writable)],
                takes: Vec::new(),
            });
        }
        if let Input::PeerAccepted { link, .. } | Input::PeerConnected { link } = input {
            up.insert(link);
        }
        let batch = batches
            .last_mut()
            .expect("something came before what is late");
        if let Input::ClientSent { conn, bytes } = input {
            batch.takes.push((SocketId::Client(conn), bytes));
        }
        batch.events.extend(event(&input, &up));
    })
    .unwrap();
    batches
}

/// What a shell sees, of which this input is made.
fn event(input: &Input<'_>, up: &BTreeSet<LinkId>) -> Option<Event> {
    Some(match input {
        Input::ClientConnected { ip, port, .. } => {
            Event::Accepted(Listener::Client, Stream, SocketAddr::new(*ip, *port))
        }
        Input::ClientBytes { conn, bytes } => {
            Event::Socket(SocketId::Client(*conn), Told::Bytes(bytes.to_vec()))
        }
        Input::ClientSent { conn, .. } => Event::Socket(SocketId::Client(*conn), Told::Writable),
        Input::ClientClosed { conn } => Event::Socket(SocketId::Client(*conn), Told::Gone),
        Input::PeerAccepted { port, .. } => {
            let from = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
            Event::Accepted(Listener::Peer(*port), Stream, from)
        }
        Input::PeerConnected { link } => Event::Dialled(*link, Ok(Stream)),
        Input::PeerBytes { link, bytes } => {
            Event::Socket(SocketId::Peer(*link), Told::Bytes(bytes.to_vec()))
        }
        Input::PeerClosed { link } if up.contains(link) => {
            Event::Socket(SocketId::Peer(*link), Told::Gone)
        }
        Input::PeerClosed { link } => {
            Event::Dialled(*link, Err(io::ErrorKind::ConnectionRefused.into()))
        }
        Input::DiskDone { id, bytes } => Event::Lane(LaneReport::Done {
            id: *id,
            bytes: bytes.clone(),
        }),
        Input::Gauges {
            descriptors: (open, limit),
        } => Event::Descriptors(*open, *limit),
        Input::BatchEnd | Input::Timeout => return None,
    })
}

/// Compares two runs up to the end of the first, and returns how many outputs they share. The loop
/// gave the disk as many `tasks` as its replica asked for.
fn compare(run: &Path, again: &Path, tasks: u64) -> usize {
    let [one, other] = [run, again].map(|run| {
        let mut lines = Vec::new();
        lend(run, |lent| lines.push(format!("{lent:?}"))).unwrap();
        lines
    });
    for (number, line) in one.iter().enumerate() {
        let now = other.get(number).map_or("nothing", String::as_str);
        assert_eq!(line, now, "entry {number} of {}", run.display());
    }
    let asked = other.iter().filter(|line| line.contains("kind: Disk"));
    assert_eq!(asked.count() as u64, tasks, "{}", again.display());
    one.iter().filter(|line| line.starts_with("Output")).count()
}

fn options(config: replica::Config, home: &Path) -> ServerOptions {
    let peers = config.members.iter().map(|(id, _)| {
        let address = PeerAddress {
            host: String::new(),
            quorum_port: 1,
            election_port: 2,
        };
        (*id, address)
    });
    let peers: BTreeMap<ServerId, PeerAddress> = peers.collect();
    ServerOptions {
        config,
        client_address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        peer_listen: None,
        peers,
        directories: DataDirectories::open(home, home, WhenMissing::Create).unwrap(),
        backlog: 1,
        record: None,
        notices: Box::new(|_| {}),
    }
}
