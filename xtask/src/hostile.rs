//! Nonsense on every port of a real ensemble, while a normal client goes on working.

mod attacks;

use crate::ensemble::Ensemble;
use crate::measure::{Durations, milliseconds};
use crate::process::program;
use crate::zk::{Failure, Session, Zk};
use anyhow::{Context, Result, anyhow};
use attacks::{Attack, Target};
use clap::Args;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(5);
const BETWEEN: Duration = Duration::from_millis(2);
/// The longest that the normal client may wait for one answer.
const LATENCY_MAX: Duration = Duration::from_secs(1);
/// More descriptors than the silent connections need, on both sides.
const DESCRIPTORS: &str = "16384";
const RAISED: &str = "XTASK_DESCRIPTORS_RAISED";

/// How much nonsense.
#[derive(Args)]
pub(crate) struct Options {
    /// Seconds of each attack.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Chooses the bytes.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Connections that never speak.
    #[arg(long, default_value_t = 10_000)]
    silent: usize,
}

/// Attacks one after another, each with the latency that the normal client saw meanwhile.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    if std::env::var_os(RAISED).is_none() {
        return again_with_more_descriptors();
    }
    let mut ensemble = Ensemble::start("hostile", 3, "maxClientCnxns=0\n")?;
    let target = Target {
        client: ensemble.client(0),
        peers: ensemble
            .peer_ports(0)
            .map(|port| SocketAddr::new(ensemble.client(0).ip(), port)),
    };
    let mut failed = 0;
    println!(
        "{:<28}{:>9}   latency of the normal client",
        "attack", "attempts"
    );
    for attack in [Attack::Nothing].into_iter().chain(Attack::ALL) {
        let normal = Normal::start(target.client);
        let attempts = attacks::run(
            attack,
            &target,
            Duration::from_secs(options.seconds),
            options.seed,
            options.silent,
        );
        let seen = normal.finish();
        let attempts = attempts.with_context(|| format!("{attack}"))?;
        let seen = seen.map_err(|failure| anyhow!("{attack}: the normal client: {failure}"));
        match seen {
            Ok(seen) => {
                println!("{attack:<28}{attempts:>9}   {seen}");
                if seen.max().is_none_or(|max| max > LATENCY_MAX) {
                    println!(
                        "FAILED: an answer took longer than {}",
                        milliseconds(LATENCY_MAX)
                    );
                    failed += 1;
                }
            }
            Err(error) => {
                println!("FAILED: {error:#}");
                failed += 1;
            }
        }
        ensemble.look_for_deaths()?;
    }
    ensemble.wait_until_all_serve(PATIENCE)?;
    println!("hostile: {}", if failed == 0 { "passed" } else { "FAILED" });
    if failed == 0 {
        ensemble.discard();
        return Ok(ExitCode::SUCCESS);
    }
    println!(
        "hostile: the servers' folders are kept beside {}",
        ensemble.home(0).display()
    );
    Ok(ExitCode::FAILURE)
}

/// Starts this command again where more files may be open; as many as allowed if that is fewer.
fn again_with_more_descriptors() -> Result<ExitCode> {
    let script =
        format!("ulimit -n {DESCRIPTORS} || ulimit -n \"$(ulimit -Hn)\"; exec \"$0\" \"$@\"");
    let status = program("sh")
        .args(["-c", &script])
        .arg(std::env::current_exe()?)
        .args(std::env::args_os().skip(1))
        .env(RAISED, "yes")
        .status()?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// A client that writes and reads, one operation after another, and times each.
struct Normal {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<Durations, Failure>>,
}

impl Normal {
    fn start(server: SocketAddr) -> Normal {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        Normal {
            stop,
            thread: thread::spawn(move || work(server, &stopped)),
        }
    }

    fn finish(self) -> Result<Durations, Failure> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("the normal client returns")
    }
}

fn work(server: SocketAddr, stop: &AtomicBool) -> Result<Durations, Failure> {
    let mut zk = Zk::connect(server, PATIENCE, Session::default())?;
    let path = zk.create("/normal-", b"0", 2)?;
    let mut seen = Durations::default();
    let mut number = 0u64;
    while !stop.load(Ordering::Relaxed) {
        number += 1;
        let data = number.to_string().into_bytes();
        let started = Instant::now();
        zk.set(&path, &data)?;
        seen.push(started.elapsed());
        let started = Instant::now();
        let (found, _) = zk.get(&path)?;
        seen.push(started.elapsed());
        assert_eq!(found, data, "a session sees its own writes");
        thread::sleep(BETWEEN);
    }
    zk.delete(&path)?;
    zk.close()?;
    Ok(seen)
}
