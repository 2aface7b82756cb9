//! Clients of other makers against real servers of ours: kazoo, Apache's Java shell, and the
//! C library's shell.

mod conversation;
mod install;
mod shells;

use crate::ensemble::{Ensemble, free_run_of_ports};
use crate::process::{program, root, target};
use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use std::fmt;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

/// Lines that every server gets: what some checks need, and quick expiry.
const EXTRA: &str = "tickTime=500\nmaxClientCnxns=0\nextendedTypesEnabled=true\n\
                     znode.container.checkIntervalMs=500\n";

const DEV_SERVERS: u16 = 3;
/// How long `vivarium dev` may take to serve.
const DEV_PATIENCE: Duration = Duration::from_secs(30);

/// Which clients.
#[derive(Args)]
pub(crate) struct Options {
    /// Only this one.
    #[arg(long)]
    only: Option<Client>,
}

/// A client of another maker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Client {
    Kazoo,
    Java,
    C,
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Client::Kazoo => "kazoo",
            Client::Java => "java",
            Client::C => "c",
        })
    }
}

/// What came of all checks.
#[derive(Default)]
struct Counts {
    passed: u64,
    failed: u64,
    /// With the reason of each.
    skipped: Vec<String>,
}

impl Counts {
    fn ok(&mut self, what: &str) {
        self.passed += 1;
        println!("ok      {what}");
    }

    fn failed(&mut self, what: &str) {
        self.failed += 1;
        println!("FAILED  {what}");
    }

    fn skipped(&mut self, what: &str) {
        println!("skipped {what}");
        self.skipped.push(what.to_owned());
    }
}

type Checks = fn(&mut Counts) -> Result<()>;

/// Installs the clients, starts servers, runs every check and prints the counts.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let mut counts = Counts::default();
    let runs: [(Client, Checks); 3] =
        [(Client::Kazoo, kazoo), (Client::Java, java), (Client::C, c)];
    for (client, run) in runs {
        if options.only.is_none_or(|only| only == client)
            && let Err(error) = run(&mut counts)
        {
            counts.failed(&format!("{client}: {error:#}"));
        }
    }
    for reason in &counts.skipped {
        println!("not checked: {reason}");
    }
    println!(
        "{} passed, {} failed, {} skipped",
        counts.passed,
        counts.failed,
        counts.skipped.len()
    );
    let good = counts.failed == 0 && counts.passed > 0;
    Ok(if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn kazoo(counts: &mut Counts) -> Result<()> {
    let python = match install::kazoo() {
        Ok(python) => python,
        Err(error) => {
            counts.skipped(&format!("kazoo: it cannot be installed: {error:#}"));
            return Ok(());
        }
    };
    let ensemble = Ensemble::start("kazoo", 3, EXTRA)?;
    let servers: Vec<String> = (0..ensemble.size())
        .filter_map(|index| {
            Some(format!(
                "{}={}",
                ensemble.client(index),
                ensemble.pid(index)?
            ))
        })
        .collect();
    let before = counts.failed;
    kazoo_checks(&python, &servers.join(","), counts)?;
    println!("kazoo: the same against vivarium dev");
    let dev = Dev::start()?;
    kazoo_checks(&python, &dev.connect_string, counts)?;
    if counts.failed == before {
        ensemble.discard();
    } else {
        println!(
            "kazoo: the servers' folders are kept beside {}",
            ensemble.home(0).display()
        );
    }
    Ok(())
}

fn kazoo_checks(python: &std::path::Path, servers: &str, counts: &mut Counts) -> Result<()> {
    let mut child = program(python)
        .arg(root().join("xtask/interop/kazoo_checks.py"))
        .arg(servers)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .context("cannot start python")?;
    let stdout = child.stdout.take().expect("the output is piped");
    for line in BufReader::new(stdout).lines() {
        let line = line?;
        match line
            .split_once(' ')
            .map(|(word, rest)| (word, rest.trim_start()))
        {
            Some(("ok", what)) => counts.ok(what),
            Some(("FAILED", what)) => counts.failed(what),
            Some(("skipped", what)) => counts.skipped(what),
            _ => println!("        {line}"),
        }
    }
    if !child.wait()?.success() {
        counts.failed("kazoo: the program of checks itself failed");
    }
    Ok(())
}

fn java(counts: &mut Counts) -> Result<()> {
    match crate::apache::jars() {
        Ok(jars) => {
            let ensemble = Ensemble::start("java", 3, EXTRA)?;
            let mut command = program("java");
            command.args(["-Xmx128m", "-cp"]).arg(jars.join("*"));
            command
                .arg("org.apache.zookeeper.ZooKeeperMain")
                .arg("-waitforconnection");
            command.arg("-server").arg(ensemble.connect_string());
            talk("java", &mut command, shells::JAVA, ensemble, counts)
        }
        Err(error) => {
            counts.skipped(&format!(
                "java: Apache's shell cannot be installed: {error:#}"
            ));
            Ok(())
        }
    }
}

fn c(counts: &mut Counts) -> Result<()> {
    match install::c() {
        Ok(shell) => {
            let ensemble = Ensemble::start("c", 3, EXTRA)?;
            let mut command = program(shell);
            command.arg(ensemble.connect_string());
            talk("c", &mut command, shells::C, ensemble, counts)
        }
        Err(error) => {
            counts.skipped(&format!("c: the C shell cannot be installed: {error:#}"));
            Ok(())
        }
    }
}

/// Types commands into a shell and looks for what each must print.
fn talk(
    name: &str,
    command: &mut Command,
    script: &[shells::Exchange],
    ensemble: Ensemble,
    counts: &mut Counts,
) -> Result<()> {
    let before = counts.failed;
    let mut shell = conversation::Conversation::start(command)?;
    for exchange in script {
        let what = format!("{name}: {}", exchange.typed);
        match shell.exchange(exchange) {
            Ok(()) => counts.ok(&what),
            Err(error) => counts.failed(&format!("{what}: {error:#}")),
        }
    }
    shell.end()?;
    if counts.failed == before {
        ensemble.discard();
    }
    Ok(())
}

/// A running `vivarium dev`, ended when dropped.
struct Dev {
    process: std::process::Child,
    folder: PathBuf,
    connect_string: String,
}

impl Dev {
    /// Starts it on free ports and waits until one of its servers leads.
    fn start() -> Result<Dev> {
        let binary = crate::ensemble::binary()?;
        let folder = target()
            .join("ensembles")
            .join(format!("dev-{}", std::process::id()));
        let first = free_run_of_ports(DEV_SERVERS)?;
        let mut process = program(binary)
            .args(["dev", "--client-port", &first.to_string(), "--data-dir"])
            .arg(&folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start vivarium dev")?;
        let stdout = process.stdout.take().expect("the output is piped");
        let mut dev = Dev {
            process,
            folder,
            connect_string: String::new(),
        };
        let mut lines = BufReader::new(stdout).lines();
        for line in lines.by_ref() {
            if let Some(found) = connect_string(&line?) {
                dev.connect_string = found;
                break;
            }
        }
        // What it prints later must go somewhere, or it would end with a broken pipe.
        std::thread::spawn(move || lines.for_each(drop));
        anyhow::ensure!(
            !dev.connect_string.is_empty(),
            "vivarium dev prints no connect string"
        );
        dev.wait()?;
        Ok(dev)
    }

    fn wait(&self) -> Result<()> {
        let deadline = std::time::Instant::now() + DEV_PATIENCE;
        let serves = || {
            self.connect_string.split(',').all(|address| {
                address.parse().is_ok_and(|address| {
                    crate::zk::four_letters(address, "srvr", Duration::from_millis(500))
                        .is_ok_and(|answer| answer.contains("Mode:"))
                })
            })
        };
        while !serves() {
            anyhow::ensure!(
                std::time::Instant::now() < deadline,
                "vivarium dev does not serve after {DEV_PATIENCE:?}"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// The first word of a line that is a list of three addresses.
fn connect_string(line: &str) -> Option<String> {
    let is_address = |part: &str| part.parse::<std::net::SocketAddr>().is_ok();
    line.split_whitespace()
        .find(|word| word.split(',').count() == 3 && word.split(',').all(is_address))
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connect_string_is_found_in_what_is_printed_around_it() {
        let line = "connect with 127.0.0.1:2181,127.0.0.1:2182,127.0.0.1:2183 now";
        let found = connect_string(line).expect("three addresses");
        assert!(found.starts_with("127.0.0.1:2181,") && found.ends_with(":2183"));
        assert_eq!(connect_string("127.0.0.1:2181"), None);
    }
}
