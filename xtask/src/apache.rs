//! Apache's own servers and shell, to compare with: fetched through Maven, run on loopback.

use crate::ensemble::free_ports;
use crate::process::{exists, output, program, target};
use crate::zk::four_letters;
use anyhow::{Context, Result, bail, ensure};
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

/// What is compared with. 3.9.6 names a parent that registries do not hold, so it cannot be
/// resolved.
pub(crate) const VERSION: &str = "3.9.5";

const POM: &str = r#"<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>interop</groupId>
  <artifactId>interop</artifactId>
  <version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.zookeeper</groupId>
      <artifactId>zookeeper</artifactId>
      <version>VERSION</version>
    </dependency>
    <dependency>
      <groupId>commons-cli</groupId>
      <artifactId>commons-cli</artifactId>
      <version>1.5.0</version>
    </dependency>
    <dependency>
      <groupId>io.dropwizard.metrics</groupId>
      <artifactId>metrics-core</artifactId>
      <version>4.1.12.1</version>
    </dependency>
    <dependency>
      <groupId>org.xerial.snappy</groupId>
      <artifactId>snappy-java</artifactId>
      <version>1.1.10.5</version>
    </dependency>
    <dependency>
      <groupId>org.slf4j</groupId>
      <artifactId>slf4j-simple</artifactId>
      <version>2.0.13</version>
    </dependency>
  </dependencies>
</project>
"#;

const MAIN: &str = "org.apache.zookeeper.server.quorum.QuorumPeerMain";
/// How its servers are run. Nothing is forced to the disk: no test of theirs takes the power away.
const LOGGING: [&str; 2] = [
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
];
/// What is good enough where nothing is measured.
const FRUGAL: [&str; 3] = ["-Xmx512m", "-XX:+UseSerialGC", "-Dzookeeper.forceSync=no"];
/// A heap that holds millions of znodes.
const ROOMY: [&str; 2] = ["-Xms1g", "-Xmx8g"];
const POLL: Duration = Duration::from_millis(20);
const WORD_PATIENCE: Duration = Duration::from_millis(500);
/// Lines of a log that are worth telling.
const LOG_LINES: usize = 12;
/// How long a Java server may take to serve on a busy machine.
const START_PATIENCE: Duration = Duration::from_secs(60);

/// The folder of Apache's jars, server and shell alike; fetched the first time.
pub(crate) fn jars() -> Result<PathBuf> {
    ensure!(
        exists("java"),
        "there is no java: install a Java 11 or newer"
    );
    let folder = target().join("interop").join(format!("apache-{VERSION}"));
    let complete = folder.join("complete");
    if !complete.is_file() {
        ensure!(
            exists("mvn"),
            "there is no mvn: install Maven, which fetches Apache ZooKeeper {VERSION}"
        );
        println!("fetching Apache ZooKeeper {VERSION}");
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("pom.xml"), POM.replace("VERSION", VERSION))?;
        output(
            program("mvn")
                .current_dir(&folder)
                .args(["--quiet", "--batch-mode", "dependency:copy-dependencies"])
                .arg("-DoutputDirectory=jars"),
        )
        .context("Maven does not fetch Apache ZooKeeper")?;
        fs::write(complete, "")?;
    }
    Ok(folder.join("jars"))
}

/// The words that start one of Apache's servers when its `zoo.cfg` is put behind them.
pub(crate) fn command() -> Result<Vec<OsString>> {
    let mut words = vec![OsString::from("java")];
    words.extend(FRUGAL.iter().chain(&LOGGING).map(OsString::from));
    words.extend(["-cp".into(), jars()?.join("*").into(), MAIN.into()]);
    Ok(words)
}

/// As [`command`] for servers that are measured: every write is forced, Java chooses its collector
/// itself, and the heap is as large as Apache's guide asks, so that nothing is ever paged.
pub(crate) fn command_for_real(class_path: &Path) -> Vec<OsString> {
    let mut words = vec![OsString::from("java")];
    words.extend(ROOMY.iter().chain(&LOGGING).map(OsString::from));
    words.extend(["-cp".into(), class_path.into(), MAIN.into()]);
    words
}

/// How Apache's servers are started.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Settings<'a> {
    /// Lines for every `zoo.cfg`. One that names a key also written here by itself wins.
    pub(crate) lines: &'a str,
    /// System properties, name and value, `zookeeper.` included.
    pub(crate) properties: &'a [(&'a str, &'a str)],
}

/// Servers of Apache's, alone or an ensemble; killed, and their folders removed, when dropped.
pub(crate) struct Apache {
    folder: PathBuf,
    servers: Vec<Server>,
}

struct Server {
    client: SocketAddr,
    quorum: u16,
    election: u16,
    folder: PathBuf,
    process: Option<Child>,
}

impl Apache {
    /// Starts `size` servers on free loopback ports, one for a standalone server, and waits until
    /// all serve. Their data lies in memory where the system offers that, and is never forced.
    pub(crate) fn start(name: &str, size: usize, settings: Settings<'_>) -> Result<Apache> {
        let jars = jars()?;
        let folder = scratch().join(format!("apache-{name}-{}", std::process::id()));
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        let mut servers = Vec::new();
        for (index, ports) in free_ports(size * 3)?.chunks(3).enumerate() {
            servers.push(Server {
                client: SocketAddr::from((Ipv4Addr::LOCALHOST, ports[0])),
                quorum: ports[1],
                election: ports[2],
                folder: folder.join(format!("{}", index + 1)),
                process: None,
            });
        }
        let mut apache = Apache { folder, servers };
        for index in 0..size {
            apache.spawn(index, &jars, settings)?;
        }
        apache.wait_until_all_serve()?;
        Ok(apache)
    }

    fn spawn(&mut self, index: usize, jars: &Path, settings: Settings<'_>) -> Result<()> {
        let home = self.servers[index].folder.clone();
        fs::create_dir_all(home.join("data"))?;
        fs::write(home.join("data/myid"), format!("{}\n", index + 1))?;
        fs::write(
            home.join("zoo.cfg"),
            self.configuration(index, settings.lines),
        )?;
        let log = File::create(home.join("server.log"))?;
        let mut command = program("java");
        command.args(LOGGING).args(FRUGAL);
        for (name, value) in settings.properties {
            command.arg(format!("-D{name}={value}"));
        }
        command.arg("-cp").arg(jars.join("*")).arg(MAIN);
        let child = command
            .arg(home.join("zoo.cfg"))
            .current_dir(&home)
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("cannot start java")?;
        self.servers[index].process = Some(child);
        Ok(())
    }

    fn configuration(&self, index: usize, lines: &str) -> String {
        let server = &self.servers[index];
        let mut text = format!(
            "tickTime=2000\ninitLimit=10\nsyncLimit=5\ndataDir={}\nclientPortAddress=127.0.0.1\n\
             clientPort={}\nadmin.enableServer=false\n4lw.commands.whitelist=*\n",
            server.folder.join("data").display(),
            server.client.port()
        );
        if self.servers.len() > 1 {
            for (index, peer) in self.servers.iter().enumerate() {
                let (id, quorum, election) = (index + 1, peer.quorum, peer.election);
                writeln!(text, "server.{id}=127.0.0.1:{quorum}:{election}")
                    .expect("a string takes all");
            }
        }
        // Java's properties keep the last value of a key.
        text.push_str(lines);
        text
    }

    fn wait_until_all_serve(&mut self) -> Result<()> {
        let deadline = Instant::now() + START_PATIENCE;
        for server in &mut self.servers {
            let log = server.folder.join("server.log");
            let process = server.process.as_mut().expect("it was started");
            while !serves(server.client) {
                if let Some(status) = process.try_wait()? {
                    bail!("Apache's server ended with {status}: {}", tail(&log));
                }
                ensure!(
                    Instant::now() < deadline,
                    "Apache's server does not serve after {START_PATIENCE:?}: {}",
                    tail(&log)
                );
                thread::sleep(POLL);
            }
        }
        Ok(())
    }

    /// Where clients find each server.
    pub(crate) fn clients(&self) -> Vec<SocketAddr> {
        self.servers.iter().map(|server| server.client).collect()
    }

    /// Copies the servers' logs to where they outlive the servers; the folder.
    pub(crate) fn keep_logs(&self) -> Result<PathBuf> {
        let name = self.folder.file_name().context("the folder has no name")?;
        let kept = target().join("interop/logs").join(name);
        fs::create_dir_all(&kept)?;
        for (index, server) in self.servers.iter().enumerate() {
            let log = kept.join(format!("{}.log", index + 1));
            fs::copy(server.folder.join("server.log"), log)?;
        }
        Ok(kept)
    }

    /// An error, with what the server said last, when one ended by itself.
    pub(crate) fn look_for_deaths(&mut self) -> Result<()> {
        for server in &mut self.servers {
            if let Some(process) = &mut server.process
                && let Some(status) = process.try_wait()?
            {
                let log = server.folder.join("server.log");
                bail!("Apache's server ended with {status}: {}", tail(&log));
            }
        }
        Ok(())
    }
}

impl Drop for Apache {
    fn drop(&mut self) {
        for server in &mut self.servers {
            if let Some(process) = &mut server.process {
                let _ = process.kill();
                let _ = process.wait();
            }
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A folder for data nobody will miss: in memory where the system offers that.
pub(crate) fn scratch() -> PathBuf {
    let memory = PathBuf::from("/dev/shm");
    if memory.is_dir() {
        memory
    } else {
        std::env::temp_dir()
    }
}

fn serves(address: SocketAddr) -> bool {
    four_letters(address, "srvr", WORD_PATIENCE).is_ok_and(|answer| answer.contains("Mode:"))
}

/// The last lines of a log, on one line.
fn tail(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LOG_LINES)..].join(" | ")
}
