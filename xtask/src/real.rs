//! A scenario against real servers. Here are the processes and the wires between them; a program of
//! `sim` has the scenario, the clients and the judges, and says over a socket what is to be done.

mod orders;
mod wiring;

use crate::apache;
use crate::ensemble::{self, Ensemble};
use crate::process::{build, target};
use anyhow::{Context, Result, ensure};
use clap::Args;
use orders::Order;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread;
use std::time::Duration;
use wiring::Wiring;

/// What to play, and against whom.
#[derive(Args)]
pub(crate) struct Options {
    /// Scenarios, see `docs/scenarios.md`; or evidence that was kept, to be judged again.
    #[arg(required_unless_present = "seeds")]
    files: Vec<PathBuf>,
    /// What the clients of lite seeds ask for, and what of their faults processes can suffer, as
    /// `A..B`, B left out.
    #[arg(long, value_parser = range)]
    seeds: Option<Range<u64>>,
    /// Play against Apache's servers, to judge the judges.
    #[arg(long)]
    apache: bool,
    /// How many times slower everything is, ticks included: for a machine that is busy.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=100))]
    slower: u64,
    /// How often to play each.
    #[arg(long, default_value_t = 1)]
    rounds: usize,
    /// Print one JSON object per run instead of text.
    #[arg(long)]
    json: bool,
    /// Keep what was seen of the last run.
    #[arg(long, value_name = "FILE")]
    evidence: Option<PathBuf>,
}

/// The exit code of the judges' own failure.
const HARNESS: u8 = 15;
/// How long servers may take to serve, Java's on a busy machine too.
const START_PATIENCE: Duration = Duration::from_secs(90);
const POLL: Duration = Duration::from_millis(10);

/// Plays all; the exit code is that of the first run that did not end as expected.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let player = build("sim", "real")?;
    let command = if options.apache {
        apache::command()?
    } else {
        vec![ensemble::binary()?.into(), "serve".into()]
    };
    let files = options.files.iter().map(|file| Played::File(file.clone()));
    let seeds = options.seeds.clone().unwrap_or_default().map(Played::Seed);
    let mut failed = None;
    for played in files.chain(seeds) {
        for _ in 0..options.rounds {
            let code = play(options, &player, &command, &played)?;
            if code != 0 {
                failed.get_or_insert((again(options, &played), code));
            }
        }
    }
    let Some((command, code)) = failed else {
        return Ok(ExitCode::SUCCESS);
    };
    println!("{command}");
    Ok(ExitCode::from(code))
}

/// What is played.
enum Played {
    File(PathBuf),
    Seed(u64),
}

fn range(text: &str) -> Result<Range<u64>> {
    let (from, to) = text.split_once("..").context("seeds are A..B")?;
    Ok(from.parse()?..to.parse()?)
}

/// The command that plays it again.
fn again(options: &Options, played: &Played) -> String {
    let mut words = match played {
        Played::File(file) => format!("cargo xtask simulate real {}", file.display()),
        Played::Seed(seed) => format!("cargo xtask simulate real --seeds {seed}..{}", seed + 1),
    };
    if options.apache {
        words.push_str(" --apache");
    }
    if options.slower != 1 {
        words.push_str(&format!(" --slower {}", options.slower));
    }
    words
}

fn play(
    options: &Options,
    player: &Path,
    command: &[std::ffi::OsString],
    played: &Played,
) -> Result<u8> {
    let mut words = Command::new(player);
    words.stdin(Stdio::null());
    match played {
        Played::File(file) => words.arg(file),
        Played::Seed(seed) => words.args(["--seed", &seed.to_string()]),
    };
    if !options.json {
        println!("== {}", again(options, played));
    }
    if options.apache {
        words.arg("--apache");
    }
    if options.json {
        words.arg("--json");
    }
    words.args(["--slower", &options.slower.to_string()]);
    if let Some(evidence) = &options.evidence {
        words.arg("--evidence").arg(evidence);
    }
    let is_kept =
        matches!(played, Played::File(file) if file.extension().is_some_and(|is| is == "json"));
    if is_kept {
        return code_of(words.spawn().context("cannot start the player")?);
    }
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    words.arg("--stage").arg(listener.local_addr()?.to_string());
    let mut child = words.spawn().context("cannot start the player")?;
    let Some(socket) = accept(&listener, &mut child)? else {
        return code_of(child);
    };
    let mut stage = Stage {
        command: command.to_vec(),
        is_apache: options.apache,
        servers: None,
    };
    let served = stage.serve(&socket);
    drop(socket);
    let code = code_of(child)?;
    stage.end(code == 0);
    served.map(|()| code)
}

/// Waits for the player; none when it ended before it had anything to play.
fn accept(listener: &TcpListener, child: &mut Child) -> Result<Option<TcpStream>> {
    listener.set_nonblocking(true)?;
    loop {
        match listener.accept() {
            Ok((socket, _)) => {
                socket.set_nonblocking(false)?;
                return Ok(Some(socket));
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
        if child.try_wait()?.is_some() {
            return Ok(None);
        }
        thread::sleep(POLL);
    }
}

fn code_of(mut child: Child) -> Result<u8> {
    let code = child
        .wait()?
        .code()
        .and_then(|code| u8::try_from(code).ok());
    Ok(code.unwrap_or(HARNESS))
}

/// Servers and wires, once they are wanted.
struct Stage {
    command: Vec<std::ffi::OsString>,
    is_apache: bool,
    servers: Option<(Ensemble, Wiring)>,
}

impl Stage {
    /// Does what the player says until it has nothing more to say.
    fn serve(&mut self, socket: &TcpStream) -> Result<()> {
        let mut answers = socket;
        for line in BufReader::new(socket).lines() {
            let Ok(line) = line else { break };
            let answer = match Order::read(&line).and_then(|order| self.obey(order)) {
                Ok(answer) => json!({ "ok": answer }),
                Err(error) => json!({ "failed": format!("{error:#}") }),
            };
            if answers.write_all(format!("{answer}\n").as_bytes()).is_err() {
                break;
            }
        }
        Ok(())
    }

    fn obey(&mut self, order: Order) -> Result<Value> {
        if let Order::Prepare {
            servers,
            clients,
            lines,
        } = order
        {
            return self.prepare(servers, clients, &lines);
        }
        let (ensemble, wiring) = self.servers.as_mut().context("nothing is prepared")?;
        match order {
            Order::Kill(server) => ensemble.kill(server)?,
            Order::Start(server) => ensemble.spawn(server)?,
            Order::Wipe(server) => ensemble.wipe(server)?,
            Order::Stop(server) => ensemble.signal(server, "STOP")?,
            Order::Continue(server) => ensemble.signal(server, "CONT")?,
            Order::Block(ways) => wiring.block(&ways),
            Order::Look => {
                let died = ensemble.look_for_deaths().err();
                return Ok(died.map_or(Value::Null, |error| json!(format!("{error:#}"))));
            }
            Order::Prepare { .. } => unreachable!("it was obeyed above"),
        }
        Ok(Value::Null)
    }

    fn prepare(&mut self, servers: usize, clients: usize, lines: &str) -> Result<Value> {
        ensure!(self.servers.is_none(), "servers are prepared once");
        let extra = if self.is_apache {
            format!("{lines}clientPortAddress=127.0.0.1\n")
        } else {
            lines.to_owned()
        };
        let parent = target().join("ensembles");
        let command = self.command.clone();
        let ensemble = Ensemble::prepare_with(command, &parent, "real", servers, &extra)?;
        let wiring = Wiring::around(&ensemble, clients, &extra)?;
        if self.is_apache {
            wiring.hide_addresses(&ensemble);
        }
        let (ensemble, wiring) = self.servers.insert((ensemble, wiring));
        start(ensemble, self.is_apache)?;
        let addresses = |all: Vec<SocketAddr>| -> Vec<String> {
            all.iter().map(SocketAddr::to_string).collect()
        };
        let homes = (0..servers).map(|server| ensemble.home(server).join("data"));
        Ok(json!({
            "servers": addresses(ensemble.clients()),
            "clients": (0..clients).map(|client| addresses(wiring.client(client))).collect::<Vec<_>>(),
            "homes": homes.collect::<Vec<_>>(),
        }))
    }

    /// Ends all servers, and removes their folders where nobody will want to read them.
    fn end(self, is_well: bool) {
        let Some((ensemble, wiring)) = self.servers else {
            return;
        };
        drop(wiring);
        if is_well {
            ensemble.discard();
        }
    }
}

/// Starts all servers, and the last one leads, as in a calm world. Ours found an ensemble when all
/// of them are there. Of Apache's, a quorum elects a leader without waiting for the others, so the
/// last one is in the first quorum.
fn start(ensemble: &mut Ensemble, is_apache: bool) -> Result<()> {
    let last = ensemble.size() - 1;
    let first = if is_apache { last.div_ceil(2) } else { last };
    for server in (0..first).chain([last]) {
        ensemble.spawn(server)?;
    }
    ensemble.wait_until_all_serve(START_PATIENCE)?;
    for server in first..last {
        ensemble.spawn(server)?;
    }
    ensemble.wait_until_all_serve(START_PATIENCE)
}
