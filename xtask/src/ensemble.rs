//! Real servers of this repository as processes: configuration, start, signals, status.

use crate::measure::Dice;
use crate::process::{build, program, target};
use crate::zk::four_letters;
use anyhow::{Context, Result, bail, ensure};
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

const POLL: Duration = Duration::from_millis(2);
const WORD_PATIENCE: Duration = Duration::from_millis(500);

/// Servers, a folder each, that are killed when this is dropped.
pub(crate) struct Ensemble {
    /// What starts a server, all words but the last, which is its `zoo.cfg`.
    command: Vec<OsString>,
    folder: PathBuf,
    servers: Vec<Server>,
}

/// One server: where it lives, and its process while it runs.
struct Server {
    client: SocketAddr,
    quorum: u16,
    election: u16,
    folder: PathBuf,
    process: Option<Child>,
}

/// What a server says it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Leader,
    Follower,
    Standalone,
}

/// What a server answers to `srvr`.
pub(crate) struct Status {
    pub(crate) mode: Mode,
    pub(crate) zxid: u64,
    pub(crate) nodes: u64,
}

impl Ensemble {
    /// Prepares `size` servers on free ports under a fresh folder; `extra` lines go into every
    /// `zoo.cfg`. Nothing runs yet.
    pub(crate) fn prepare(name: &str, size: usize, extra: &str) -> Result<Ensemble> {
        Ensemble::prepare_in(&target().join("ensembles"), name, size, extra)
    }

    /// As [`Ensemble::prepare`], with the servers' folders in this one.
    pub(crate) fn prepare_in(
        parent: &Path,
        name: &str,
        size: usize,
        extra: &str,
    ) -> Result<Ensemble> {
        Ensemble::prepare_of(binary()?, parent, name, size, extra)
    }

    /// As [`Ensemble::prepare_in`], with servers of this program.
    pub(crate) fn prepare_of(
        binary: PathBuf,
        parent: &Path,
        name: &str,
        size: usize,
        extra: &str,
    ) -> Result<Ensemble> {
        let command = vec![binary.into(), "serve".into()];
        Ensemble::prepare_with(command, parent, name, size, extra)
    }

    /// As [`Ensemble::prepare_in`], with servers that this command starts when their `zoo.cfg` is
    /// put behind it.
    pub(crate) fn prepare_with(
        command: Vec<OsString>,
        parent: &Path,
        name: &str,
        size: usize,
        extra: &str,
    ) -> Result<Ensemble> {
        let folder = parent.join(format!("{name}-{}", std::process::id()));
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        let ports = free_ports(size * 3)?;
        let mut servers = Vec::new();
        for (index, ports) in ports.chunks(3).enumerate() {
            let home = folder.join(format!("{}", index + 1));
            fs::create_dir_all(home.join("data"))?;
            fs::write(home.join("data/myid"), format!("{}\n", index + 1))?;
            servers.push(Server {
                client: SocketAddr::from((Ipv4Addr::LOCALHOST, ports[0])),
                quorum: ports[1],
                election: ports[2],
                folder: home,
                process: None,
            });
        }
        let ensemble = Ensemble {
            command,
            folder,
            servers,
        };
        ensemble.configure(extra, |_, to| ensemble.peer_ports(to))?;
        Ok(ensemble)
    }

    /// Writes every `zoo.cfg`. `ports` says where a server is told that it finds another's quorum
    /// and election ports.
    pub(crate) fn configure(
        &self,
        extra: &str,
        ports: impl Fn(usize, usize) -> [u16; 2],
    ) -> Result<()> {
        for (index, server) in self.servers.iter().enumerate() {
            let peers: Vec<[u16; 2]> = (0..self.size())
                .map(|to| {
                    if to == index {
                        self.peer_ports(to)
                    } else {
                        ports(index, to)
                    }
                })
                .collect();
            let text = configuration(server, &peers, extra);
            fs::write(server.folder.join("zoo.cfg"), text)?;
        }
        Ok(())
    }

    /// As [`Ensemble::prepare`], then starts all of them and waits until they serve.
    pub(crate) fn start(name: &str, size: usize, extra: &str) -> Result<Ensemble> {
        let mut ensemble = Ensemble::prepare(name, size, extra)?;
        ensemble.start_all()?;
        Ok(ensemble)
    }

    /// Starts all servers and waits until they serve.
    pub(crate) fn start_all(&mut self) -> Result<()> {
        for index in 0..self.size() {
            self.spawn(index)?;
        }
        self.wait_until_all_serve(Duration::from_secs(30))
    }

    /// Starts one server. Its output goes to a file in its folder.
    pub(crate) fn spawn(&mut self, index: usize) -> Result<()> {
        let server = &mut self.servers[index];
        ensure!(
            server.process.is_none(),
            "server {} already runs",
            index + 1
        );
        let log = File::options()
            .create(true)
            .append(true)
            .open(server.folder.join("server.log"))
            .context("cannot open a server's log")?;
        let (name, words) = self.command.split_first().context("nothing starts it")?;
        let child = program(name)
            .args(words)
            .arg(server.folder.join("zoo.cfg"))
            .current_dir(&server.folder)
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("cannot start a server")?;
        server.process = Some(child);
        Ok(())
    }

    /// How many servers there are, running or not.
    pub(crate) fn size(&self) -> usize {
        self.servers.len()
    }

    /// Where clients find a server.
    pub(crate) fn client(&self, index: usize) -> SocketAddr {
        self.servers[index].client
    }

    /// Where clients find all of them.
    pub(crate) fn clients(&self) -> Vec<SocketAddr> {
        self.servers.iter().map(|server| server.client).collect()
    }

    /// The connect string of all of them.
    pub(crate) fn connect_string(&self) -> String {
        let all: Vec<String> = self.clients().iter().map(SocketAddr::to_string).collect();
        all.join(",")
    }

    /// The two ports that peers use.
    pub(crate) fn peer_ports(&self, index: usize) -> [u16; 2] {
        [self.servers[index].quorum, self.servers[index].election]
    }

    /// The process of a server, if it runs.
    pub(crate) fn pid(&self, index: usize) -> Option<u32> {
        self.servers[index].process.as_ref().map(Child::id)
    }

    /// Where a server keeps its configuration and its log.
    pub(crate) fn home(&self, index: usize) -> &Path {
        &self.servers[index].folder
    }

    /// Sends a server a signal, by name without `SIG`.
    pub(crate) fn signal(&self, index: usize, name: &str) -> Result<()> {
        let pid = self
            .pid(index)
            .context("a server that does not run takes no signal")?;
        let status = Command::new("kill")
            .arg(format!("-{name}"))
            .arg(pid.to_string())
            .status()?;
        ensure!(status.success(), "kill -{name} {pid} failed");
        Ok(())
    }

    /// Kills a server at once and takes what is left of it.
    pub(crate) fn kill(&mut self, index: usize) -> Result<()> {
        self.signal(index, "KILL")?;
        self.reap(index).map(drop)
    }

    /// Removes everything that a server that does not run has, but its id.
    pub(crate) fn wipe(&self, index: usize) -> Result<()> {
        ensure!(self.pid(index).is_none(), "server {} runs", index + 1);
        let data = self.home(index).join("data");
        for entry in fs::read_dir(&data)? {
            let path = entry?.path();
            if path.is_dir() {
                fs::remove_dir_all(path)?;
            } else if path.file_name().is_some_and(|name| name != "myid") {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    /// Asks a server to end and waits for it.
    pub(crate) fn terminate(&mut self, index: usize) -> Result<ExitStatus> {
        self.signal(index, "TERM")?;
        self.reap(index)
    }

    fn reap(&mut self, index: usize) -> Result<ExitStatus> {
        let mut process = self.servers[index]
            .process
            .take()
            .context("it does not run")?;
        Ok(process.wait()?)
    }

    /// What a server says of itself; none while it does not serve.
    pub(crate) fn status(&self, index: usize) -> Option<Status> {
        self.servers[index].process.as_ref()?;
        parse_status(&four_letters(self.client(index), "srvr", WORD_PATIENCE).ok()?)
    }

    /// The server that leads, if one does.
    pub(crate) fn leader(&self) -> Option<usize> {
        (0..self.size()).find(|index| {
            self.status(*index)
                .is_some_and(|status| status.mode == Mode::Leader)
        })
    }

    /// Waits until every running server serves.
    pub(crate) fn wait_until_all_serve(&mut self, patience: Duration) -> Result<()> {
        let deadline = Instant::now() + patience;
        loop {
            self.look_for_deaths()?;
            let waiting: Vec<usize> = (0..self.size())
                .filter(|index| self.pid(*index).is_some() && self.status(*index).is_none())
                .collect();
            if waiting.is_empty() {
                return Ok(());
            }
            if Instant::now() >= deadline {
                bail!(
                    "server {} does not serve after {patience:?}; its log is {}",
                    waiting[0] + 1,
                    self.home(waiting[0]).join("server.log").display()
                );
            }
            thread::sleep(POLL);
        }
    }

    /// An error when a server ended by itself.
    pub(crate) fn look_for_deaths(&mut self) -> Result<()> {
        for (index, server) in self.servers.iter_mut().enumerate() {
            if let Some(process) = &mut server.process
                && let Some(status) = process.try_wait()?
            {
                bail!(
                    "server {} ended by itself with {status}; its log is {}",
                    index + 1,
                    server.folder.join("server.log").display()
                );
            }
        }
        Ok(())
    }

    /// Removes the folders of all servers: nothing went wrong, so nobody will read them.
    pub(crate) fn discard(mut self) {
        self.end();
        // What cannot be removed lies in the target folder, and the next `cargo clean` takes it.
        let _ = fs::remove_dir_all(&self.folder);
    }

    fn end(&mut self) {
        for index in 0..self.size() {
            if self.pid(index).is_some() {
                let _ = self.kill(index);
            }
        }
    }
}

impl Drop for Ensemble {
    fn drop(&mut self) {
        self.end();
    }
}

fn configuration(server: &Server, peers: &[[u16; 2]], extra: &str) -> String {
    let mut text = String::new();
    for (name, value) in [("initLimit=", 10), ("syncLimit=", 5), ("tickTime=", 2000)] {
        if !extra.contains(name) {
            writeln!(text, "{name}{value}").expect("a string takes all");
        }
    }
    writeln!(text, "dataDir={}", server.folder.join("data").display()).expect("a string takes all");
    writeln!(text, "clientPort={}", server.client.port()).expect("a string takes all");
    text.push_str("admin.enableServer=false\n");
    if !extra.contains("4lw.commands.whitelist=") {
        text.push_str("4lw.commands.whitelist=*\n");
    }
    if peers.len() > 1 {
        for (index, [quorum, election]) in peers.iter().enumerate() {
            let id = index + 1;
            writeln!(text, "server.{id}=127.0.0.1:{quorum}:{election}")
                .expect("a string takes all");
        }
    }
    text.push_str(extra);
    text
}

/// The server under test: the one that `VIVARIUM` names, or else the one of this tree.
pub(crate) fn binary() -> Result<PathBuf> {
    match std::env::var_os("VIVARIUM") {
        Some(path) => Ok(std::path::absolute(path)?),
        None => build("vivarium", "vivarium"),
    }
}

fn parse_status(text: &str) -> Option<Status> {
    let field = |name: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(name))
            .map(str::trim)
    };
    let mode = match field("Mode:")? {
        "leader" => Mode::Leader,
        "follower" => Mode::Follower,
        "standalone" => Mode::Standalone,
        _ => return None,
    };
    let zxid = u64::from_str_radix(field("Zxid:")?.strip_prefix("0x")?, 16).ok()?;
    let nodes = field("Node count:")?.parse().ok()?;
    Some(Status { mode, zxid, nodes })
}

/// The first port that is used, and how many there are. All of them lie below those the system
/// gives to connections: otherwise a client that dials a stopped server could be given that
/// server's own port and meet itself.
const PORTS: (u16, u16) = (12_000, 18_000);
const ATTEMPTS: usize = 1000;

static NEXT: AtomicU64 = AtomicU64::new(0);

/// Ports nobody listens on. Each call looks elsewhere, so that ports given to servers that do not
/// listen yet are not given again.
pub(crate) fn free_ports(count: usize) -> Result<Vec<u16>> {
    let mut dice = Dice::new(u64::from(std::process::id()) << 16 | NEXT.fetch_add(1, Relaxed));
    let mut listeners = Vec::new();
    let mut ports = Vec::new();
    for _ in 0..ATTEMPTS {
        if ports.len() == count {
            return Ok(ports);
        }
        let port = any_port(&mut dice);
        if let Ok(listener) = listen(port) {
            listeners.push(listener);
            ports.push(port);
        }
    }
    bail!("no free ports")
}

/// The first of some ports in a row that nobody listens on.
pub(crate) fn free_run_of_ports(count: u16) -> Result<u16> {
    let mut dice = Dice::new(u64::from(std::process::id()) << 32);
    for _ in 0..ATTEMPTS {
        let first = any_port(&mut dice);
        if (first..first + count).all(|port| listen(port).is_ok()) {
            return Ok(first);
        }
    }
    bail!("no {count} free ports in a row")
}

fn any_port(dice: &mut Dice) -> u16 {
    let (first, span) = PORTS;
    first + u16::try_from(dice.below(u64::from(span))).expect("it is below the span")
}

fn listen(port: u16) -> std::io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_of_a_server_is_read_from_srvr() {
        let text = "Zookeeper version: 3.9.5-x, built on 01/01/2026 00:00 UTC\n\
                    Latency min/avg/max: 0/0.0/0\nZxid: 0x10000000a\nMode: leader\nNode count: 7\n";
        let status = parse_status(text).expect("a complete answer");
        assert_eq!(
            (status.mode, status.zxid, status.nodes),
            (Mode::Leader, 0x1_0000_000a, 7)
        );
        assert!(
            parse_status("This ZooKeeper instance is not currently serving requests").is_none()
        );
    }
}
