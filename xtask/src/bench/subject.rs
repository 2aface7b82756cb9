//! Whom a load is put on: processes, and where they take clients.

use super::etcd::{self, Etcd};
use super::figures::{Figure, Figures};
use super::workloads::Load;
use crate::apache;
use crate::ensemble::{Ensemble, free_ports};
use crate::process::{build_fastest, program, target};
use anyhow::{Context, Result, ensure};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The kinds of servers that are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    Vivarium,
    Apache,
    /// Apache ZooKeeper as Debian packages it.
    Debian,
    /// Asked in its own protocol.
    Etcd,
    Floor,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Kind::Vivarium => "vivarium",
            Kind::Apache => "apache",
            Kind::Debian => "debian",
            Kind::Etcd => "etcd",
            Kind::Floor => "floor",
        })
    }
}

/// What servers of every kind are started from, and what loads them.
pub(super) struct Programs {
    vivarium: PathBuf,
    load: PathBuf,
    apache: Option<PathBuf>,
    debian: Option<PathBuf>,
    has_etcd: bool,
}

/// Where Debian's package puts its library.
const DEBIAN: &str = "/usr/share/java/zookeeper.jar";

impl Programs {
    /// Builds and fetches what is needed; peers that are not to be had are told of and left out.
    pub(super) fn find(with_peers: bool) -> Result<Self> {
        let mut programs = Programs {
            vivarium: match std::env::var_os("VIVARIUM") {
                Some(path) => std::path::absolute(path)?,
                None => build_fastest("vivarium", "vivarium")?,
            },
            load: build_fastest("xtask", "load")?,
            apache: None,
            debian: None,
            has_etcd: with_peers && etcd::is_there(),
        };
        if with_peers {
            match apache::jars() {
                Ok(jars) => programs.apache = Some(jars.join("*")),
                Err(why) => eprintln!("bench: without Apache ZooKeeper: {why:#}"),
            }
            let debian = PathBuf::from(DEBIAN);
            programs.debian = debian.is_file().then_some(debian);
        }
        Ok(programs)
    }

    /// Whether servers of a kind can be started.
    pub(super) fn has(&self, kind: Kind) -> bool {
        match kind {
            Kind::Vivarium | Kind::Floor => true,
            Kind::Apache => self.apache.is_some(),
            Kind::Debian => self.debian.is_some(),
            Kind::Etcd => self.has_etcd,
        }
    }

    /// The load, and what it is to do.
    pub(super) fn load(&self, task: &str) -> Command {
        let mut command = program(&self.load);
        command.arg(task);
        command
    }

    fn words(&self, kind: Kind) -> Option<Vec<OsString>> {
        match kind {
            Kind::Vivarium => Some(vec![self.vivarium.clone().into(), "serve".into()]),
            Kind::Apache => self.apache.as_deref().map(apache::command_for_real),
            Kind::Debian => self.debian.as_deref().map(apache::command_for_real),
            Kind::Etcd | Kind::Floor => None,
        }
    }
}

/// Servers of one kind; they end when this is dropped.
pub(super) struct Subject {
    kind: Kind,
    servers: Servers,
}

enum Servers {
    Ensemble(Ensemble),
    Etcd(Etcd),
    Floor(Floor),
}

/// How long servers may take to serve: Java's, on a machine that has other things to do.
const PATIENCE: Duration = Duration::from_secs(90);
/// Lines of every `zoo.cfg`.
const LINES: &str = "maxClientCnxns=0\n";

impl Subject {
    /// Starts servers whose data lie on a real disk, each write synced.
    pub(super) fn start(programs: &Programs, kind: Kind, servers: usize) -> Result<Self> {
        let mut subject = Subject::prepare(programs, kind, servers, "")?;
        subject.run()?;
        Ok(subject)
    }

    /// Starts all servers and waits until they serve.
    pub(super) fn run(&mut self) -> Result<()> {
        let Servers::Ensemble(ensemble) = &mut self.servers else {
            return Ok(());
        };
        for index in 0..ensemble.size() {
            ensemble.spawn(index)?;
        }
        ensemble.wait_until_all_serve(PATIENCE)
    }

    /// Servers that do not run yet, with further lines for every `zoo.cfg`.
    pub(super) fn prepare(
        programs: &Programs,
        kind: Kind,
        servers: usize,
        lines: &str,
    ) -> Result<Self> {
        let folder = target().join("bench");
        fs::create_dir_all(&folder)?;
        let servers = match programs.words(kind) {
            Some(words) => {
                // Several ensembles of a kind may run beside each other.
                let name = format!("{kind}-{servers}-{}", free_ports(1)?[0]);
                let lines = format!("{LINES}{lines}");
                let ensemble = Ensemble::prepare_with(words, &folder, &name, servers, &lines)?;
                Servers::Ensemble(ensemble)
            }
            None if kind == Kind::Etcd => Servers::Etcd(Etcd::start(&folder, servers, PATIENCE)?),
            None => Servers::Floor(Floor::start(programs, &folder)?),
        };
        Ok(Subject { kind, servers })
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether these servers know what a load asks for: etcd has reads and writes in common with
    /// the others.
    pub(super) fn knows(&self, load: &Load) -> bool {
        self.kind != Kind::Etcd || load.only_reads_and_writes()
    }

    /// The servers, to stop and start them.
    pub(super) fn ensemble(&mut self) -> Result<&mut Ensemble> {
        match &mut self.servers {
            Servers::Ensemble(ensemble) => Ok(ensemble),
            Servers::Etcd(_) | Servers::Floor(_) => {
                anyhow::bail!("{} is no ensemble of ZooKeepers", self.kind)
            }
        }
    }

    /// Writes every `zoo.cfg` anew, with further lines.
    pub(super) fn configure(&mut self, lines: &str) -> Result<()> {
        let ensemble = self.ensemble()?;
        let lines = format!("{LINES}{lines}");
        ensemble.configure(&lines, |_, to| ensemble.peer_ports(to))
    }

    pub(super) fn clients(&self) -> Vec<SocketAddr> {
        match &self.servers {
            Servers::Ensemble(ensemble) => ensemble.clients(),
            Servers::Etcd(etcd) => etcd.clients(),
            Servers::Floor(floor) => vec![floor.client],
        }
    }

    pub(super) fn pids(&self) -> Vec<u32> {
        match &self.servers {
            Servers::Ensemble(ensemble) => {
                let servers = 0..ensemble.size();
                servers.filter_map(|index| ensemble.pid(index)).collect()
            }
            Servers::Etcd(etcd) => etcd.pids(),
            Servers::Floor(floor) => vec![floor.process.id()],
        }
    }

    /// Gives a task of the load these servers, runs it, and reads what it prints.
    pub(super) fn under<T: DeserializeOwned>(&self, mut command: Command) -> Result<T> {
        command.args(["--servers", &joined(&self.clients())]);
        command.args(["--pids", &joined(&self.pids())]);
        let output = command.output().context("cannot start the load")?;
        ensure!(
            output.status.success(),
            "the load on {} ended with {}: {}",
            self.kind,
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        serde_json::from_slice(&output.stdout).context("the load prints no JSON")
    }

    /// Puts a load on the servers.
    pub(super) fn measure(
        &self,
        programs: &Programs,
        load: &Load,
        length: Length,
    ) -> Result<Measured> {
        let mut command = programs.load(match self.servers {
            Servers::Etcd(_) => "etcd",
            Servers::Ensemble(_) | Servers::Floor(_) => "drive",
        });
        command.args(["--connections", &load.connections.to_string()]);
        command.args(["--depth", &load.depth.to_string()]);
        command.args(["--mix", load.mix]);
        command.args(["--value", &load.value.to_string()]);
        command.args(["--nodes", &load.nodes.to_string()]);
        if let Some(rate) = load.rate {
            command.args(["--rate", &rate.to_string()]);
        }
        command.args(["--warm-up-ms", &length.warm_up.to_string()]);
        command.args(["--ms", &length.counted.to_string()]);
        let measured: Measured = self.under(command)?;
        ensure!(
            measured.errors == 0,
            "{} of {} requests to {} failed",
            measured.errors,
            measured.operations,
            self.kind
        );
        Ok(measured)
    }

    /// Removes what the servers leave: nothing went wrong, so nobody will read it.
    pub(super) fn discard(self) {
        if let Servers::Ensemble(ensemble) = self.servers {
            ensemble.discard();
        }
    }
}

/// How long a load lasts, in milliseconds.
#[derive(Clone, Copy)]
pub(super) struct Length {
    pub(super) warm_up: u64,
    pub(super) counted: u64,
}

/// What came of a load; times are in microseconds.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Measured {
    pub(super) operations: u64,
    pub(super) errors: u64,
    pub(super) per_second: f64,
    pub(super) server_us: f64,
    pub(super) p50: u64,
    pub(super) p99: u64,
    pub(super) p999: u64,
    pub(super) max: u64,
    pub(super) resident: Vec<u64>,
}

impl Measured {
    /// As figures of a row.
    pub(super) fn figures(&self) -> Figures {
        let most = self.resident.iter().max().copied().unwrap_or(0);
        Figures::from([
            (Figure::Throughput, self.per_second),
            (Figure::ServerTime, self.server_us),
            (Figure::P50, as_float(self.p50)),
            (Figure::P99, as_float(self.p99)),
            (Figure::P999, as_float(self.p999)),
            (Figure::Max, as_float(self.max)),
            (Figure::Resident, mebibytes(most)),
        ])
    }
}

/// A count as a figure.
#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
pub(super) fn as_float(count: u64) -> f64 {
    count as f64
}

/// Bytes as a figure.
pub(super) fn mebibytes(bytes: u64) -> f64 {
    as_float(bytes) / f64::from(1 << 20)
}

/// A server without state.
struct Floor {
    process: Child,
    client: SocketAddr,
}

impl Floor {
    fn start(programs: &Programs, folder: &Path) -> Result<Self> {
        let port = free_ports(1)?[0];
        let client = SocketAddr::from(([127, 0, 0, 1], port));
        let mut process = programs
            .load("floor")
            .args(["--listen", &client.to_string(), "--log"])
            .arg(folder.join("floor.log"))
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the floor")?;
        let said = process.stdout.take().context("its output is piped")?;
        let mut line = String::new();
        BufReader::new(said).read_line(&mut line)?;
        let floor = Floor { process, client };
        ensure!(line.trim() == "serves", "the floor does not serve");
        Ok(floor)
    }
}

impl Drop for Floor {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn joined<T: ToString>(items: &[T]) -> String {
    let items: Vec<String> = items.iter().map(T::to_string).collect();
    items.join(",")
}
