//! Resident bytes per znode, and how long a server with all of them takes to restart.

use crate::ensemble::Ensemble;
use crate::measure::milliseconds;
use crate::zk::{Failure, Session, Zk};
use anyhow::{Context, Result, anyhow, ensure};
use clap::Args;
use std::fs;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

/// The most that one znode of a hundred bytes may take.
const BYTES_PER_ZNODE_MAX: u64 = 450;
const RESTART_MAX: Duration = Duration::from_secs(2);
const PATIENCE: Duration = Duration::from_secs(60);
/// How long one attempt may wait for a server that has just started.
const ATTEMPT: Duration = Duration::from_millis(500);
const CHILDREN: u64 = 1000;
/// Creates that are under way at once.
const WINDOW: u64 = 1000;
/// How long the server may go on with snapshots and clearing up before it is measured.
const SETTLING: Duration = Duration::from_secs(3);

/// How much to fill in.
#[derive(Args)]
pub(crate) struct Options {
    /// How many znodes.
    #[arg(long, default_value_t = 1_000_000)]
    znodes: u64,
    /// Bytes of data in each.
    #[arg(long, default_value_t = 100)]
    bytes: usize,
}

/// Fills a server, measures it, kills it, starts it again and waits for its first answer.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    ensure!(options.znodes >= CHILDREN, "at least {CHILDREN} znodes");
    let mut ensemble = Ensemble::start("memory", 1, "maxClientCnxns=0\n")?;
    let pid = ensemble.pid(0).context("the server runs")?;
    let empty = resident(pid)?;
    let started = Instant::now();
    let last =
        fill(&ensemble, options).map_err(|failure| anyhow!("cannot fill the server: {failure}"))?;
    let filled = started.elapsed();
    thread::sleep(SETTLING);
    let full = resident(pid)?;
    let per_znode = full.saturating_sub(empty) / options.znodes;
    println!(
        "memory: {} znodes of {} bytes in {} s; resident {} MiB empty, {} MiB full: {per_znode} \
         bytes each (at most {BYTES_PER_ZNODE_MAX})",
        options.znodes,
        options.bytes,
        filled.as_secs(),
        empty >> 20,
        full >> 20
    );
    ensemble.kill(0)?;
    let restart = restart(&mut ensemble, &last, options.bytes)?;
    let pid = ensemble.pid(0).context("the server runs again")?;
    println!(
        "memory: killed and started again: first read answered after {} (at most {}), {} on \
         processors so far; resident {} MiB",
        milliseconds(restart),
        milliseconds(RESTART_MAX),
        milliseconds(processor_time(pid)?),
        resident(pid)? >> 20
    );
    ensemble.discard();
    let good = per_znode <= BYTES_PER_ZNODE_MAX && restart <= RESTART_MAX;
    println!("memory: {}", if good { "passed" } else { "FAILED" });
    Ok(if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Creates all znodes, many under way at once; the path of the last one.
fn fill(ensemble: &Ensemble, options: &Options) -> Result<String, Failure> {
    let mut zk = Zk::connect(ensemble.client(0), PATIENCE, Session::default())?;
    zk.create("/memory", b"", 0)?;
    let parents = options.znodes.div_ceil(CHILDREN);
    let data = vec![b'x'; options.bytes];
    let mut path = String::new();
    let mut unanswered = std::collections::VecDeque::new();
    for parent in 0..parents {
        let folder = format!("/memory/{parent:06}");
        zk.send_create(&folder, b"")?;
        unanswered.push_back(zk.last_xid());
        for child in 0..CHILDREN.min(options.znodes - parent * CHILDREN) {
            path = format!("{folder}/{child:06}");
            zk.send_create(&path, &data)?;
            unanswered.push_back(zk.last_xid());
        }
        // A batch of creates is smaller than the sockets' buffers, so sending never waits for
        // answers that nobody takes.
        while unanswered.len() > usize::try_from(WINDOW).unwrap_or(usize::MAX) {
            if let Some(xid) = unanswered.pop_front() {
                zk.take(xid)?;
            }
        }
    }
    for xid in unanswered {
        zk.take(xid)?;
    }
    zk.close()?;
    Ok(path)
}

/// Starts the only server, and says how long it takes to open a session and answer a read.
pub(crate) fn restart(ensemble: &mut Ensemble, path: &str, bytes: usize) -> Result<Duration> {
    let started = Instant::now();
    ensemble.spawn(0)?;
    while started.elapsed() < PATIENCE {
        let data = Zk::connect(ensemble.client(0), ATTEMPT, Session::default())
            .and_then(|mut zk| zk.get(path));
        match data {
            Ok((data, _)) => {
                ensure!(data.len() == bytes, "{path} holds {} bytes", data.len());
                return Ok(started.elapsed());
            }
            Err(Failure::Refused(code)) => return Err(anyhow!("{path} is refused with {code}")),
            Err(Failure::Unknown(_) | Failure::Expired) => {
                ensemble.look_for_deaths()?;
                thread::sleep(Duration::from_millis(2));
            }
        }
    }
    Err(anyhow!("no answer after {PATIENCE:?}"))
}

/// What a process has spent on processors. Linux counts in hundredths of a second.
pub(crate) fn processor_time(pid: u32) -> Result<Duration> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, fields) = text
        .rsplit_once(") ")
        .context("the system states no times")?;
    let ticks = fields.split(' ').skip(11).take(2).map(str::parse::<u64>);
    let ticks = ticks.sum::<Result<u64, _>>()?;
    Ok(Duration::from_millis(ticks * 10))
}

/// Resident bytes of a process.
pub(crate) fn resident(pid: u32) -> Result<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .context("the system does not state resident bytes")?;
    let kib: u64 = line.trim().trim_end_matches(" kB").trim().parse()?;
    Ok(kib << 10)
}
