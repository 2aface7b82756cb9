//! Real servers of etcd as processes.

use crate::ensemble::free_ports;
use crate::process::program;
use anyhow::{Context, Result, bail, ensure};
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

const NAME: &str = "etcd";
const POLL: Duration = Duration::from_millis(20);
const PATIENCE_OF_A_QUESTION: Duration = Duration::from_secs(2);
/// As much as its guide lets a database grow to: with less it may stop taking writes.
const QUOTA: &str = "8589934592";

/// Whether its program can be started, as Debian's package `etcd-server` brings it.
pub(super) fn is_there() -> bool {
    Command::new(NAME)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Servers that are killed, and their folder removed, when this is dropped.
pub(super) struct Etcd {
    folder: PathBuf,
    clients: Vec<SocketAddr>,
    processes: Vec<Child>,
}

impl Etcd {
    /// Starts servers on free ports, all defaults but the quota, and waits until they serve.
    pub(super) fn start(parent: &Path, size: usize, patience: Duration) -> Result<Self> {
        let ports = free_ports(size * 2)?;
        let (clients, peers) = ports.split_at(size);
        let mut etcd = Etcd {
            folder: parent.join(format!("{NAME}-{size}-{}", clients[0])),
            clients: clients
                .iter()
                .map(|port| SocketAddr::from(([127, 0, 0, 1], *port)))
                .collect(),
            processes: Vec::new(),
        };
        fs::create_dir_all(&etcd.folder)?;
        let url = |port: &u16| format!("http://127.0.0.1:{port}");
        let all: Vec<String> = peers
            .iter()
            .map(|port| format!("s{port}={}", url(port)))
            .collect();
        for (client, peer) in clients.iter().map(url).zip(peers) {
            let name = format!("s{peer}");
            let log = File::create(etcd.folder.join(format!("{name}.log")))?;
            let process = program(Path::new(NAME))
                .args(["--name", &name, "--data-dir"])
                .arg(etcd.folder.join(&name))
                .args(["--listen-client-urls", &client])
                .args(["--advertise-client-urls", &client])
                .args(["--listen-peer-urls", &url(peer)])
                .args(["--initial-advertise-peer-urls", &url(peer)])
                .args(["--initial-cluster", &all.join(",")])
                .args(["--quota-backend-bytes", QUOTA])
                .args(["--logger", "zap", "--log-level", "error"])
                .stdout(log.try_clone()?)
                .stderr(log)
                .spawn()
                .context("cannot start etcd")?;
            etcd.processes.push(process);
        }
        etcd.wait_until_all_serve(patience)?;
        Ok(etcd)
    }

    pub(super) fn clients(&self) -> Vec<SocketAddr> {
        self.clients.clone()
    }

    pub(super) fn pids(&self) -> Vec<u32> {
        self.processes.iter().map(Child::id).collect()
    }

    fn wait_until_all_serve(&mut self, patience: Duration) -> Result<()> {
        let deadline = Instant::now() + patience;
        while !self.clients.iter().all(|client| is_healthy(*client)) {
            for process in &mut self.processes {
                if let Some(status) = process.try_wait()? {
                    bail!("etcd ended by itself with {status}");
                }
            }
            ensure!(
                Instant::now() < deadline,
                "etcd does not serve after {patience:?}"
            );
            thread::sleep(POLL);
        }
        Ok(())
    }
}

impl Drop for Etcd {
    fn drop(&mut self) {
        for process in &mut self.processes {
            let _ = process.kill();
            let _ = process.wait();
        }
        // What cannot be removed lies in the target folder, and the next `cargo clean` takes it.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Whether a server says that it is well: it knows a leader and can write.
fn is_healthy(client: SocketAddr) -> bool {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect_timeout(&client, PATIENCE_OF_A_QUESTION)?;
        stream.set_read_timeout(Some(PATIENCE_OF_A_QUESTION))?;
        stream.write_all(b"GET /health HTTP/1.0\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.contains(r#"{"health":"true"}"#))
}
