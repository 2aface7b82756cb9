//! Programs of checks, in whatever language: they print one line per check and may ask for a
//! server to be killed or started.
//!
//! A line `ask kill ADDRESS`, `ask start ADDRESS`, `ask leader` or `ask all` is answered with one
//! line on the program's standard input: `done`, an address, or `cannot` and why.

use super::report::Report;
use crate::ensemble::Ensemble;
use crate::process::{output, shown};
use anyhow::{Context, Result, bail};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// How long a program may print nothing.
const SILENCE_MAX: Duration = Duration::from_secs(400);
/// How long it may take to end once it has closed its output.
const END_PATIENCE: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(10);
const START_PATIENCE: Duration = Duration::from_secs(60);
/// How many lines of what a program said beside its checks are shown when it fails.
const LINES_SHOWN: usize = 30;

/// Runs a program of checks against servers that it may have killed.
pub(super) fn run(
    command: &mut Command,
    servers: Option<&mut Ensemble>,
    report: &mut Report,
) -> Result<()> {
    run_translated(command, servers, report, |line| Some(line.to_owned()))
}

/// As [`run`], for a program that tells its results in another form.
pub(super) fn run_translated(
    command: &mut Command,
    servers: Option<&mut Ensemble>,
    report: &mut Report,
    translate: fn(&str) -> Option<String>,
) -> Result<()> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .with_context(|| format!("cannot start {}", shown(command)))?;
    let outcome = converse(&mut child, servers, report, translate);
    let deadline = Instant::now() + END_PATIENCE;
    while outcome.is_ok() && child.try_wait()?.is_none() && Instant::now() < deadline {
        thread::sleep(POLL);
    }
    // It has ended, or must, and with it all that it started.
    let group = format!("-{}", child.id());
    let _ = output(Command::new("kill").args(["-KILL", "--", &group]));
    let status = child.wait()?;
    outcome.with_context(|| shown(command))?;
    if !status.success() && report.failed.is_empty() && report.known.is_empty() {
        bail!("{} ended with {status}", shown(command));
    }
    Ok(())
}

fn converse(
    child: &mut Child,
    mut servers: Option<&mut Ensemble>,
    report: &mut Report,
    translate: fn(&str) -> Option<String>,
) -> Result<()> {
    let mut stdin = child.stdin.take().expect("the input is piped");
    let lines = listen(child);
    let mut noise = Vec::new();
    let mut checks = 0;
    loop {
        match lines.recv_timeout(SILENCE_MAX) {
            Ok(line) => {
                if let Some(wish) = line.strip_prefix("ask ") {
                    let answer = match &mut servers {
                        Some(servers) => grant(wish, servers),
                        None => bail!("nobody here kills servers"),
                    };
                    let answer = answer.unwrap_or_else(|error| format!("cannot: {error:#}"));
                    writeln!(stdin, "{answer}")?;
                    stdin.flush()?;
                } else if translate(&line).is_some_and(|line| report.take(&line)) {
                    checks += 1;
                    noise.clear();
                } else {
                    noise.push(line);
                }
            }
            Err(RecvTimeoutError::Disconnected) if checks > 0 => break,
            Err(RecvTimeoutError::Disconnected) => {
                bail!("it checked nothing and said: {}", tail(&noise))
            }
            Err(RecvTimeoutError::Timeout) => {
                bail!(
                    "it said nothing for {SILENCE_MAX:?}, and before: {}",
                    tail(&noise)
                )
            }
        }
    }
    Ok(())
}

/// Both of its streams, line by line, until both end.
fn listen(child: &mut Child) -> Receiver<String> {
    let (sender, lines) = channel();
    let stdout = child.stdout.take().expect("the output is piped");
    let stderr = child.stderr.take().expect("the error stream is piped");
    let streams: [Box<dyn std::io::Read + Send>; 2] = [Box::new(stdout), Box::new(stderr)];
    for stream in streams {
        let sender = sender.clone();
        thread::spawn(move || {
            let mut stream = BufReader::new(stream);
            let mut line = Vec::new();
            while stream
                .read_until(b'\n', &mut line)
                .is_ok_and(|count| count > 0)
            {
                let text = String::from_utf8_lossy(&line).trim_end().to_owned();
                if sender.send(text).is_err() {
                    return;
                }
                line.clear();
            }
        });
    }
    lines
}

fn grant(wish: &str, servers: &mut Ensemble) -> Result<String> {
    let (verb, address) = wish.split_once(' ').unwrap_or((wish, ""));
    let find = |servers: &Ensemble| {
        let all = servers.clients();
        let found = all.iter().position(|client| client.to_string() == address);
        found.with_context(|| format!("no server is at {address}"))
    };
    match verb {
        "kill" => {
            let index = find(servers)?;
            servers.kill(index)?;
        }
        "start" => {
            let index = find(servers)?;
            servers.spawn(index)?;
            servers.wait_until_all_serve(START_PATIENCE)?;
        }
        "all" => servers.wait_until_all_serve(START_PATIENCE)?,
        "leader" => {
            let leader = servers.leader().context("nobody leads")?;
            return Ok(servers.client(leader).to_string());
        }
        _ => bail!("nobody can {verb}"),
    }
    Ok("done".to_owned())
}

fn tail(lines: &[String]) -> String {
    lines[lines.len().saturating_sub(LINES_SHOWN)..].join("\n        ")
}
