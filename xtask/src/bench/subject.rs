//! Whom a load is put on: processes, and where they take clients.

use super::workloads::Workload;
use crate::apache::{self, Apache};
use crate::ensemble::{Ensemble, free_ports};
use crate::process::{program, target};
use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Stdio};

/// The kinds of servers that are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    Vivarium,
    Apache,
    Floor,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Kind::Vivarium => "vivarium",
            Kind::Apache => "apache",
            Kind::Floor => "floor",
        })
    }
}

/// Running servers of one kind; they end when this is dropped.
pub(super) enum Subject {
    Vivarium(Ensemble),
    Apache(Apache),
    Floor(Floor),
}

/// The heap that Apache's guide asks for is what the data needs without paging; this is more.
const HEAP: [&str; 2] = ["-Xms1g", "-Xmx1g"];

impl Subject {
    /// Starts servers whose data lie on a real disk, each write synced.
    pub(super) fn start(kind: Kind, servers: usize, load: &Path) -> Result<Self> {
        let folder = folder()?;
        let lines = "maxClientCnxns=0\n";
        Ok(match kind {
            Kind::Vivarium => {
                let mut ensemble = Ensemble::prepare_in(&folder, "vivarium", servers, lines)?;
                ensemble.start_all()?;
                Subject::Vivarium(ensemble)
            }
            Kind::Apache => {
                Subject::Apache(Apache::start_for_real(&folder, servers, lines, &HEAP)?)
            }
            Kind::Floor => Subject::Floor(Floor::start(load, &folder)?),
        })
    }

    pub(super) fn kind(&self) -> Kind {
        match self {
            Subject::Vivarium(_) => Kind::Vivarium,
            Subject::Apache(_) => Kind::Apache,
            Subject::Floor(_) => Kind::Floor,
        }
    }

    fn clients(&self) -> Vec<SocketAddr> {
        match self {
            Subject::Vivarium(ensemble) => ensemble.clients(),
            Subject::Apache(apache) => apache.clients(),
            Subject::Floor(floor) => vec![floor.client],
        }
    }

    fn pids(&self) -> Vec<u32> {
        match self {
            Subject::Vivarium(ensemble) => {
                let servers = 0..ensemble.size();
                servers.filter_map(|index| ensemble.pid(index)).collect()
            }
            Subject::Apache(apache) => apache.pids(),
            Subject::Floor(floor) => vec![floor.process.id()],
        }
    }

    /// Puts a load on the servers.
    pub(super) fn measure(&self, load: &Path, workload: &Workload, ms: Length) -> Result<Measured> {
        let mut command = program(load);
        command.args(["drive", "--servers", &joined(&self.clients())]);
        command.args(["--pids", &joined(&self.pids())]);
        command.args(["--connections", &workload.connections.to_string()]);
        command.args(["--depth", &workload.depth.to_string()]);
        command.args(["--mix", workload.mix]);
        command.args(["--value", &workload.value.to_string()]);
        command.args(["--warm-up-ms", &ms.warm_up.to_string()]);
        command.args(["--ms", &ms.counted.to_string()]);
        let output = command.output().context("cannot start the load")?;
        ensure!(
            output.status.success(),
            "the load on {} ended with {}: {}",
            self.kind(),
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        let measured: Measured =
            serde_json::from_slice(&output.stdout).context("the load prints no JSON")?;
        ensure!(
            measured.errors == 0,
            "{} of {} requests to {} failed",
            measured.errors,
            measured.operations,
            self.kind()
        );
        Ok(measured)
    }
}

/// How long a load lasts, in milliseconds.
#[derive(Clone, Copy)]
pub(super) struct Length {
    pub(super) warm_up: u64,
    pub(super) counted: u64,
}

/// What came of a load; times are in microseconds.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Measured {
    pub(super) operations: u64,
    pub(super) errors: u64,
    pub(super) per_second: f64,
    pub(super) server_us: f64,
    pub(super) load_us: f64,
    pub(super) p50: u64,
    pub(super) p90: u64,
    pub(super) p99: u64,
    pub(super) p999: u64,
    pub(super) max: u64,
    pub(super) resident: Vec<u64>,
}

/// A server without state.
pub(super) struct Floor {
    process: Child,
    client: SocketAddr,
}

impl Floor {
    fn start(load: &Path, folder: &Path) -> Result<Self> {
        let port = free_ports(1)?[0];
        let client = SocketAddr::from(([127, 0, 0, 1], port));
        let mut process = program(load)
            .args(["floor", "--listen", &client.to_string(), "--log"])
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

/// Whether Apache's servers can be had here; why not, otherwise.
pub(super) fn apache_is_missing() -> Option<String> {
    apache::jars().err().map(|error| format!("{error:#}"))
}

fn joined<T: ToString>(items: &[T]) -> String {
    let items: Vec<String> = items.iter().map(T::to_string).collect();
    items.join(",")
}

fn folder() -> Result<std::path::PathBuf> {
    let folder = target().join("bench");
    fs::create_dir_all(&folder)?;
    Ok(folder)
}
