//! Many connections that do little: they open sessions, hold them, and wait for one node.

use super::connection::Connection;
use super::drive::{PATIENCE, SESSION_MS};
use super::processor;
use super::wire::{self, Frame, opcode};
use anyhow::{Context, Result, ensure};
use clap::Args;
use mio::{Events, Poll, Token};
use serde::Serialize;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

/// Connections to be opened that are under way at each server: fewer than wait for any server to
/// accept them, because whoever comes to a full queue tries again a second later.
const OPENING_AT_ONCE: usize = 32;
/// Room for a small answer: fresh memory for more would cost as much as the session.
const ROOM: usize = 256;
const WATCHED: &str = "/watched";
const PAUSE: Duration = Duration::from_millis(100);

/// Whom to crowd, and how.
#[derive(Args)]
pub(crate) struct Options {
    /// Where servers take clients, with commas; connections go round.
    #[arg(long, value_delimiter = ',', required = true)]
    servers: Vec<SocketAddr>,
    /// The servers' processes, to be asked for their processor time.
    #[arg(long, value_delimiter = ',', required = true)]
    pids: Vec<u32>,
    #[arg(long, default_value_t = 1_000)]
    connections: usize,
    /// How long to hold the sessions once all are open, in milliseconds.
    #[arg(long, default_value_t = 0)]
    hold_ms: u64,
    /// Changes of the node that all watch.
    #[arg(long, default_value_t = 30)]
    changes: usize,
}

/// What came of it.
#[derive(Default, Serialize)]
struct Outcome {
    /// Sessions opened.
    per_second: f64,
    /// Of all servers together, for each session.
    server_us: f64,
    /// From a change until the last one was told of it, in microseconds.
    middle_us: u64,
    most_us: u64,
    /// Resident bytes of the first server for each connection.
    bytes_each: u64,
    /// Of the first server while the sessions are held.
    processor_percent: f64,
}

/// Opens sessions, and holds them.
pub(crate) fn sessions(options: &Options) -> Result<()> {
    let pid = *options.pids.first().context("a server has a process")?;
    let spent = || -> Result<u64> {
        options
            .pids
            .iter()
            .map(|pid| processor::time_us(*pid))
            .sum()
    };
    let (memory, before) = (processor::resident(pid)?, spent()?);
    let started = Instant::now();
    let crowd = Crowd::open(options)?;
    let took = started.elapsed();
    let count = u64::try_from(options.connections)?;
    let mut outcome = Outcome {
        per_second: per(count, took.as_secs_f64()),
        server_us: 1.0 / per(count, float(spent()? - before)),
        ..Outcome::default()
    };
    if options.hold_ms > 0 {
        let hold = Duration::from_millis(options.hold_ms);
        // What opening left behind is done first.
        thread::sleep(hold / 4);
        let before = processor::time_us(pid)?;
        thread::sleep(hold);
        let busy = float(processor::time_us(pid)? - before) / 1e6;
        outcome.processor_percent = busy / hold.as_secs_f64() * 100.0;
        outcome.bytes_each = processor::resident(pid)?.saturating_sub(memory) / count;
    }
    drop(crowd);
    println!("{}", serde_json::to_string(&outcome)?);
    Ok(())
}

/// Has all connections watch a node, and changes it.
pub(crate) fn watch(options: &Options) -> Result<()> {
    let mut crowd = Crowd::open(options)?;
    // One more than watch is who changes the node.
    let writer = crowd.members.len();
    crowd.dial(options.servers[0])?;
    crowd.turn_until(|crowd| crowd.open == crowd.members.len())?;
    crowd.ask(writer, |buffer| {
        let frame = Frame::request(buffer, 1, opcode::CREATE).bytes(WATCHED.as_bytes());
        frame.bytes(b"").open_acl().int(0).end();
    })?;
    let mut times = Vec::new();
    for change in 0..options.changes {
        // All of them at once, as watchers do: one after the other, load and server would take turns
        // on one processor, and stay there when the change comes.
        for watcher in 0..writer {
            crowd.send(watcher, |buffer| {
                let frame = Frame::request(buffer, 1, opcode::GET_DATA);
                frame.bytes(WATCHED.as_bytes()).bool(true).end();
            })?;
        }
        crowd.turn_until(|crowd| crowd.unanswered == 0)?;
        let told = crowd.told;
        let news = change.to_string();
        let changed = Instant::now();
        crowd.send(writer, |buffer| {
            let frame = Frame::request(buffer, 1, opcode::SET_DATA).bytes(WATCHED.as_bytes());
            frame.bytes(news.as_bytes()).int(-1).end();
        })?;
        crowd.turn_until(|crowd| crowd.told == told + writer)?;
        times.push(u64::try_from(changed.elapsed().as_micros())?);
        crowd.turn_until(|crowd| crowd.unanswered == 0)?;
    }
    times.sort_unstable();
    let outcome = Outcome {
        middle_us: times[times.len() / 2],
        most_us: *times.last().context("there were changes")?,
        ..Outcome::default()
    };
    println!("{}", serde_json::to_string(&outcome)?);
    Ok(())
}

fn per(count: u64, whole: f64) -> f64 {
    float(count) / whole.max(f64::MIN_POSITIVE)
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn float(count: u64) -> f64 {
    count as f64
}

/// All connections, and what they heard together.
struct Crowd {
    poll: Poll,
    events: Events,
    members: Vec<(Connection, IsOpen)>,
    open: usize,
    unanswered: usize,
    told: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum IsOpen {
    No,
    Yes,
}

impl Crowd {
    fn open(options: &Options) -> Result<Self> {
        let mut crowd = Crowd {
            poll: Poll::new()?,
            events: Events::with_capacity(1_024),
            members: Vec::new(),
            open: 0,
            unanswered: 0,
            told: 0,
        };
        let at_once = OPENING_AT_ONCE * options.servers.len();
        for index in 0..options.connections {
            crowd.dial(options.servers[index % options.servers.len()])?;
            crowd.turn_until(|crowd| crowd.members.len() - crowd.open < at_once)?;
        }
        crowd.turn_until(|crowd| crowd.open == crowd.members.len())?;
        Ok(crowd)
    }

    fn dial(&mut self, address: SocketAddr) -> Result<()> {
        let token = Token(self.members.len());
        let mut connection = Connection::dial(address, ROOM, self.poll.registry(), token)?;
        wire::hello(&mut connection.to_send, SESSION_MS);
        connection.flush()?;
        self.members.push((connection, IsOpen::No));
        Ok(())
    }

    /// Sends a request and waits for its answer.
    fn ask(&mut self, index: usize, write: impl FnOnce(&mut Vec<u8>)) -> Result<()> {
        self.send(index, write)?;
        self.turn_until(|crowd| crowd.unanswered == 0)
    }

    fn send(&mut self, index: usize, write: impl FnOnce(&mut Vec<u8>)) -> Result<()> {
        let (connection, _) = &mut self.members[index];
        write(&mut connection.to_send);
        self.unanswered += 1;
        connection.flush()
    }

    fn turn_until(&mut self, is_done: impl Fn(&Crowd) -> bool) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while !is_done(self) {
            ensure!(Instant::now() < deadline, "a server does not answer");
            self.turn()?;
        }
        Ok(())
    }

    fn turn(&mut self) -> Result<()> {
        match self.poll.poll(&mut self.events, Some(PAUSE)) {
            Err(error) if error.kind() != std::io::ErrorKind::Interrupted => {
                return Err(error.into());
            }
            Ok(()) | Err(_) => {}
        }
        for event in &self.events {
            let Some((connection, is_open)) = self.members.get_mut(event.token().0) else {
                continue;
            };
            connection.flush()?;
            loop {
                let more = connection.fill()?;
                while let Some(body) = connection.next_frame() {
                    if *is_open == IsOpen::No {
                        let granted = wire::int(body, 4).context("a short first answer")?;
                        ensure!(granted > 0, "the server opens no session");
                        *is_open = IsOpen::Yes;
                        self.open += 1;
                    } else if wire::int(body, 0) == Some(EVENT) {
                        self.told += 1;
                    } else {
                        self.unanswered -= 1;
                    }
                }
                if !more {
                    break;
                }
            }
        }
        Ok(())
    }
}

/// What stands in place of a request's number where an event is told.
const EVENT: i32 = -1;
