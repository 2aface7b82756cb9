//! What watches cost: the table alone, and a real server with ten and with a million of them.

use crate::ensemble::Ensemble;
use crate::memory::{processor_time, resident};
use crate::process::{cargo, output};
use crate::zk::{Failure, Session, Zk};
use anyhow::{Context, Result, anyhow, ensure};
use clap::Args;
use std::process::ExitCode;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);
/// Connections that hold the recursive watches.
const WATCHERS: u64 = 4;
/// Requests that are under way at once: their answers and events fit the sockets' buffers.
const WINDOW: u64 = 500;
/// Nodes that are changed where the same few are not.
const SPREAD: u64 = 10_000;
/// Nodes that have their turns where memory is to be at hand.
const FEW: u64 = 10;
/// Changes that are measured when nobody says how many.
const CHANGES: u64 = 50_000;
/// Connections that are told of each change of a broadcast.
const AUDIENCE: u64 = 1_000;

/// The cases of the table alone, as `crates/watch/examples/cost.rs` names them.
const CASES: [(&str, &[u64]); 7] = [
    ("recursive", &[10, 1_000, 1_000_000]),
    ("ancestors", &[10, 1_000, 1_000_000]),
    ("standard", &[10, 1_000, 1_000_000]),
    ("drop", &[10, 1_000, 1_000_000]),
    ("memory-standard", &[10_000_000]),
    ("memory-recursive", &[10_000_000]),
    ("memory-shared", &[10_000_000]),
];

/// What to measure.
#[derive(Args)]
pub(crate) struct Options {
    /// How many recursive watches the server has.
    #[arg(long, default_value_t = 1_000_000)]
    watches: u64,
    /// How many changes are measured each time.
    #[arg(long, default_value_t = CHANGES)]
    changes: u64,
    /// Leave out the table alone.
    #[arg(long)]
    server_only: bool,
    /// Print one JSON object for each case.
    #[arg(long)]
    json: bool,
}

/// One line of figures, each with its name.
type Line = Vec<(String, String)>;

/// Measures everything and prints it.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    ensure!(options.watches >= SPREAD, "at least {SPREAD} watches");
    if !options.server_only {
        for (case, counts) in CASES {
            for count in counts {
                print(options, &table(case, *count)?);
            }
        }
    }
    for watches in [10, options.watches] {
        print(options, &server(watches, options)?);
    }
    print(options, &broadcast(options.changes / 100)?);
    Ok(ExitCode::SUCCESS)
}

fn table(case: &str, watches: u64) -> Result<Line> {
    let text = output(
        cargo()
            .args(["run", "--quiet", "--release", "--package", "watch"])
            .args(["--example", "cost", "--", case, &watches.to_string()]),
    )?;
    text.split_whitespace()
        .map(|figure| {
            let (name, value) = figure.split_once('=').context("a figure has a name")?;
            Ok((name.to_owned(), value.to_owned()))
        })
        .collect()
}

/// The server's processor time for a change below one of so many recursive watches; ten nodes have
/// their turns.
pub(crate) fn cost_of_a_change(watches: u64) -> Result<Duration> {
    let mut watched = Watched::start(watches)?;
    // The first round is for caches and buffers alone.
    watched.change(CHANGES / 5, FEW)?;
    let cost = watched.change(CHANGES, FEW)?;
    watched.ensemble.discard();
    Ok(cost)
}

/// A server with recursive watches on different paths.
struct Watched {
    ensemble: Ensemble,
    pid: u32,
    writer: Zk,
    watchers: Vec<Zk>,
    /// What they take.
    bytes: u64,
}

impl Watched {
    fn start(watches: u64) -> Result<Self> {
        let ensemble = Ensemble::start("watches", 1, "maxClientCnxns=0\nsnapCount=10000000\n")?;
        let pid = ensemble.pid(0).context("the server runs")?;
        let mut writer = Zk::connect(ensemble.client(0), PATIENCE, Session::default())?;
        for parent in ["/services", "/services/app"] {
            writer.create(parent, b"", 0)?;
        }
        pipeline(&mut writer, SPREAD, &mut |writer, at| {
            writer.send_create(&node(at), b"")
        })?;
        let mut watchers = connect(&ensemble, WATCHERS)?;
        let before = resident(pid)?;
        for (watcher, first) in watchers.iter_mut().zip(0..) {
            let own = (first..watches).step_by(usize::try_from(WATCHERS)?);
            let mut own = own.map(node);
            let count = watches.saturating_sub(first).div_ceil(WATCHERS);
            pipeline(watcher, count, &mut |watcher, _| {
                watcher.send_watch_below(&own.next().expect("as many as were counted"))
            })?;
        }
        let bytes = resident(pid)?.saturating_sub(before);
        Ok(Watched {
            ensemble,
            pid,
            writer,
            watchers,
            bytes,
        })
    }

    /// The cost of a change, `spread` nodes in turn.
    fn change(&mut self, changes: u64, spread: u64) -> Result<Duration> {
        change(
            self.pid,
            &mut self.writer,
            &mut self.watchers,
            changes,
            spread,
        )
    }
}

/// What each of many watches takes, what a change below one of them costs, and how long others
/// wait when they all go.
fn server(watches: u64, options: &Options) -> Result<Line> {
    let mut watched = Watched::start(watches)?;
    let mut line = vec![
        figure("case", "server"),
        figure("watches", &watches),
        figure("path_bytes", &node(0).len()),
    ];
    if watches >= SPREAD {
        line.push(figure("bytes_per_watch", &(watched.bytes / watches)));
    }
    // The first round is for caches and buffers alone.
    watched.change(options.changes / 5, FEW)?;
    let cost = watched.change(options.changes, FEW)?;
    line.push(figure("change_us", &microseconds(cost)));
    if watches >= SPREAD {
        let cost = watched.change(options.changes, SPREAD)?;
        line.push(figure("change_of_many_us", &microseconds(cost)));
    }
    let leaving = watched.watchers.pop().context("there are watchers")?;
    drop(leaving);
    let mut longest = Duration::ZERO;
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(3) {
        let asked = Instant::now();
        watched.writer.ping()?;
        longest = longest.max(asked.elapsed());
    }
    line.push(figure("watches_dropped", &(watches / WATCHERS)));
    line.push(figure("longest_ping_us", &longest.as_micros()));
    watched.ensemble.discard();
    Ok(line)
}

/// One change that a thousand connections are told of.
fn broadcast(changes: u64) -> Result<Line> {
    let ensemble = Ensemble::start("watches", 1, "maxClientCnxns=0\n")?;
    let pid = ensemble.pid(0).context("the server runs")?;
    let mut writer = Zk::connect(ensemble.client(0), PATIENCE, Session::default())?;
    writer.create("/all", b"", 0)?;
    let mut audience = connect(&ensemble, AUDIENCE)?;
    for watcher in &mut audience {
        watcher.send_watch_below("/all")?;
        watcher.take(watcher.last_xid())?;
    }
    let before = processor_time(pid)?;
    for _ in 0..changes {
        writer.set("/all", b"news")?;
        for watcher in &mut audience {
            watcher.take_event()?;
        }
    }
    let cost = (processor_time(pid)? - before) / u32::try_from(changes)?;
    ensemble.discard();
    Ok(vec![
        figure("case", "broadcast"),
        figure("watchers", &AUDIENCE),
        figure("change_us", &microseconds(cost)),
    ])
}

/// Sets nodes that are watched, each change told to one watcher; the server's processor time for
/// each.
fn change(
    pid: u32,
    writer: &mut Zk,
    watchers: &mut [Zk],
    changes: u64,
    spread: u64,
) -> Result<Duration> {
    let before = processor_time(pid)?;
    let mut first = 0;
    while first < changes {
        let window = first..changes.min(first + WINDOW);
        // Neighbours in this order are no neighbours in memory.
        let nodes = window.clone().map(|at| at * 7_919 % spread);
        for at in nodes.clone() {
            writer.send_set(&node(at), b"new")?;
        }
        let last = writer.last_xid();
        for xid in last - i32::try_from(nodes.clone().count())? + 1..=last {
            writer.take(xid)?;
        }
        for at in nodes {
            watchers[usize::try_from(at % WATCHERS)?].take_event()?;
        }
        first = window.end;
    }
    Ok((processor_time(pid)? - before) / u32::try_from(changes)?)
}

/// Sends `count` requests and takes their answers, a window at a time.
fn pipeline(
    zk: &mut Zk,
    count: u64,
    send: &mut dyn FnMut(&mut Zk, u64) -> Result<(), Failure>,
) -> Result<()> {
    for at in 0..count {
        send(zk, at)?;
        if at % WINDOW == WINDOW - 1 || at == count - 1 {
            let last = zk.last_xid();
            for xid in last - i32::try_from(at % WINDOW)?..=last {
                zk.take(xid)?;
            }
        }
    }
    Ok(())
}

fn connect(ensemble: &Ensemble, count: u64) -> Result<Vec<Zk>> {
    (0..count)
        .map(|_| {
            Zk::connect_with(
                ensemble.client(0),
                PATIENCE,
                Session::default(),
                Duration::from_secs(40),
            )
            .map_err(|failure| anyhow!("cannot connect: {failure}"))
        })
        .collect()
}

fn node(at: u64) -> String {
    format!("/services/app/{at:015}")
}

fn figure<T: ToString + ?Sized>(name: &str, value: &T) -> (String, String) {
    (name.to_owned(), value.to_string())
}

fn microseconds(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    format!("{}.{}", nanos / 1_000, nanos % 1_000 / 100)
}

fn print(options: &Options, line: &Line) {
    let parts: Vec<String> = line
        .iter()
        .map(|(name, value)| {
            let is_number = value.parse::<f64>().is_ok();
            match (options.json, is_number) {
                (true, true) => format!("\"{name}\":{value}"),
                (true, false) => format!("\"{name}\":\"{value}\""),
                (false, _) => format!("{name} {value}"),
            }
        })
        .collect();
    if options.json {
        println!("{{{}}}", parts.join(","));
    } else {
        println!("watches: {}", parts.join(", "));
    }
}
