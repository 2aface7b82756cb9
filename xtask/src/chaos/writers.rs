//! Threads that write, move to another server when theirs is gone, and remember what was answered.

use crate::zk::{Failure, Session, Zk};
use anyhow::{Context, Result, anyhow};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Where everything lies.
pub(super) const ROOT: &str = "/chaos";

const PATIENCE: Duration = Duration::from_millis(1500);
const SESSION: Duration = Duration::from_secs(10);
const BETWEEN_WRITES: Duration = Duration::from_millis(3);
const BETWEEN_CONNECTS: Duration = Duration::from_millis(5);

/// What one writer did and was told.
#[derive(Default)]
pub(super) struct Log {
    /// Creates that were acknowledged.
    pub(super) created: BTreeSet<u64>,
    /// The last value of the writer's register that was acknowledged; values only grow.
    pub(super) register: u64,
    /// The last value that was sent at all.
    pub(super) register_sent: u64,
    /// Creates that were sent and never answered.
    pub(super) unknown: BTreeSet<u64>,
    /// When each acknowledgement came.
    pub(super) acknowledged: Vec<Instant>,
    /// Times the writer had to connect.
    pub(super) connects: u64,
    /// Sessions that were over before the writer came back.
    pub(super) expired: u64,
    /// Writes that were refused, and the last code.
    pub(super) refused: Vec<i32>,
    /// Replies that were older than ones before.
    pub(super) went_back: Vec<(i64, i64)>,
}

/// All writers.
pub(super) struct Crew {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Log>>,
}

impl Crew {
    /// Makes the znodes they write below, and starts them.
    pub(super) fn start(servers: &[SocketAddr], writers: usize) -> Result<Crew> {
        let first = servers.first().context("an ensemble has servers")?;
        let mut zk = Zk::connect(*first, Duration::from_secs(10), Session::default())
            .map_err(|failure| anyhow!("cannot connect: {failure}"))?;
        let made = (|| {
            zk.create(ROOT, b"", 0)?;
            (0..writers).try_for_each(|writer| zk.create(&folder(writer), b"0", 0).map(drop))?;
            zk.close()
        })();
        made.map_err(|failure| anyhow!("cannot begin: {failure}"))?;
        let stop = Arc::new(AtomicBool::new(false));
        let threads = (0..writers)
            .map(|writer| {
                let (stop, servers) = (stop.clone(), servers.to_vec());
                thread::spawn(move || write(writer, &servers, &stop))
            })
            .collect();
        Ok(Crew { stop, threads })
    }

    /// Stops them and takes their logs.
    pub(super) fn finish(self) -> Vec<Log> {
        self.stop.store(true, Ordering::Relaxed);
        self.threads
            .into_iter()
            .map(|all| all.join().expect("a writer returns"))
            .collect()
    }
}

/// The znode of one writer: its register, and the parent of what it creates.
pub(super) fn folder(writer: usize) -> String {
    format!("{ROOT}/w{writer}")
}

/// The name of what a writer creates.
pub(super) fn name(number: u64) -> String {
    format!("{number:09}")
}

/// What lies in it.
pub(super) fn data(writer: usize, number: u64) -> Vec<u8> {
    format!("writer {writer} number {number}").into_bytes()
}

fn write(writer: usize, servers: &[SocketAddr], stop: &AtomicBool) -> Log {
    let mut log = Log::default();
    let mut session = Session::default();
    let mut server = writer;
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        let address = servers[server % servers.len()];
        server += 1;
        match Zk::connect_with(address, PATIENCE, session.clone(), SESSION) {
            Ok(mut zk) => {
                log.connects += 1;
                write_until_lost(writer, &mut zk, &mut number, stop, &mut log);
                session = zk.session.clone();
            }
            Err(Failure::Expired) => {
                log.expired += 1;
                // What it saw, it saw: the next session must not be shown anything older.
                session = session.successor();
            }
            Err(Failure::Refused(_) | Failure::Unknown(_)) => thread::sleep(BETWEEN_CONNECTS),
        }
    }
    log
}

fn write_until_lost(
    writer: usize,
    zk: &mut Zk,
    number: &mut u64,
    stop: &AtomicBool,
    log: &mut Log,
) {
    let folder = folder(writer);
    while !stop.load(Ordering::Relaxed) {
        *number += 1;
        let path = format!("{folder}/{}", name(*number));
        let outcome = zk.create(&path, &data(writer, *number), 0).map(drop);
        match &outcome {
            Ok(()) => drop(log.created.insert(*number)),
            Err(Failure::Unknown(_)) => drop(log.unknown.insert(*number)),
            Err(Failure::Refused(_) | Failure::Expired) => {}
        }
        let outcome = outcome.and_then(|()| {
            log.acknowledged.push(Instant::now());
            log.register_sent = *number;
            zk.set(&folder, number.to_string().as_bytes())?;
            log.register = *number;
            log.acknowledged.push(Instant::now());
            Ok(())
        });
        log.went_back.extend(zk.went_back.take());
        match outcome {
            Ok(()) => thread::sleep(BETWEEN_WRITES),
            Err(Failure::Refused(code)) => {
                log.refused.push(code);
                return;
            }
            Err(Failure::Unknown(_) | Failure::Expired) => return,
        }
    }
}
