//! The tools of the C library: its shell prints before our servers what it prints before Apache's,
//! and its load generator finds nothing wrong.

use super::super::install;
use super::super::report::Report;
use super::super::transcript::{Dialect, Difference, Line, compare, parse, record};
use crate::apache::{self, Apache, Settings};
use crate::ensemble::Ensemble;
use crate::process::program;
use anyhow::{Context, Result};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

const SCRIPT: &str = include_str!("../../../interop/c_shell.txt");
const LINES: &str = "tickTime=2000\n";

const DIFFERENCES: &[Difference] = &[];

const DIALECT: Dialect = Dialect {
    name: "c",
    // Answers and events are printed by one thread in the order in which they come, and so is the
    // answer to this.
    end_marker: |number| format!("sync /{number}"),
    is_whole,
    plain,
};

/// How many znodes the load generator creates, writes, reads and deletes in a round.
const LOAD_NODES: &str = "500";
const LOAD_ROUNDS: usize = 3;
const LOAD_PATIENCE: Duration = Duration::from_secs(60);

pub(in super::super) fn run(report: &mut Report) -> Result<()> {
    let tools = match install::c() {
        Ok(tools) => tools,
        Err(error) => {
            report.skipped(&format!("c: {error:#}"));
            return Ok(());
        }
    };
    let lines = format!("{LINES}extendedTypesEnabled=true\n");
    let mut ensemble = Ensemble::start("c", 3, &lines)?;
    match apache::jars() {
        Ok(_) => transcripts(&tools, &ensemble, report)?,
        Err(error) => report.skipped(&format!("c: the transcript is not compared: {error:#}")),
    }
    match load(&tools, &ensemble) {
        Ok(()) => report.ok("c: load_gen"),
        Err(error) => report.failed(&format!("c: load_gen: {error:#}")),
    }
    ensemble.look_for_deaths()?;
    if report.good() {
        ensemble.discard();
    }
    Ok(())
}

fn transcripts(tools: &Path, ensemble: &Ensemble, report: &mut Report) -> Result<()> {
    let shell = |server: &str| -> Command {
        let mut command = program(tools.join("cli_mt"));
        command.env("TZ", "UTC").arg(server);
        command
    };
    let script = parse(SCRIPT);
    let settings = Settings {
        lines: LINES,
        properties: &[("zookeeper.extendedTypesEnabled", "true")],
    };
    let apache = Apache::start("c", 3, settings)?;
    let address = apache.clients()[0].to_string();
    let theirs = record(&DIALECT, "apache", &mut shell(&address), &script, &address)?;
    drop(apache);
    let address = ensemble.client(0).to_string();
    let ours = record(&DIALECT, "ours", &mut shell(&address), &script, &address)?;
    compare(&DIALECT, &theirs, &ours, DIFFERENCES, report);
    Ok(())
}

fn is_whole(text: &str, line: &Line, number: usize) -> bool {
    // `od` sends hundreds of requests once its first one is answered.
    let all = line.typed != "od" || text.contains("Recvd 200 responses for 200 requests sent");
    all && text.contains(&format!("\tname = /{number}\n"))
}

/// Times, durations and the library's own log have something else in each run, and the children of
/// a znode come in any order.
fn plain(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        let line = line.trim_end();
        let log = line.find(":ZOO_").filter(|_| line.starts_with("20"));
        if line.starts_with("time = ") || line.contains("Exceeded deadline by") {
            continue;
        }
        if let Some(time) = ["\tctime = ", "\tmtime="]
            .iter()
            .find(|time| line.starts_with(**time))
        {
            lines.push(format!("{time}<time>"));
        } else if let Some(at) = log {
            lines.push(line[at..].to_owned());
        } else {
            lines.push(with_prefixes(line));
        }
    }
    let is_child = |line: &String| line.starts_with('\t') && !line.contains('=');
    for children in lines.chunk_by_mut(|first, second| is_child(first) && is_child(second)) {
        children.sort_unstable();
    }
    lines
}

/// Marks the numbers that this shell prints in hexadecimal without saying so.
fn with_prefixes(line: &str) -> String {
    for name in [
        "\tczxid=",
        "\tmzxid=",
        "\tephemeralOwner = ",
        "session Id = ",
    ] {
        if let Some(number) = line.strip_prefix(name) {
            return format!("{name}0x{number}");
        }
    }
    line.to_owned()
}

/// The load generator writes, reads and deletes for ever, and says what fails.
fn load(tools: &Path, ensemble: &Ensemble) -> Result<()> {
    let mut child = program(tools.join("load_gen"))
        .arg(ensemble.connect_string())
        .args(["/load", LOAD_NODES])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot start it")?;
    let stderr = child.stderr.take().expect("the error stream is piped");
    let (sender, lines) = channel();
    thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    let mut rounds = 0;
    let outcome = loop {
        match lines.recv_timeout(LOAD_PATIENCE) {
            Ok(line) if line.contains("ZOO_ERROR") => break Err(anyhow::anyhow!(line)),
            Ok(line) if line.contains("Starting the delete cycle") => rounds += 1,
            Ok(_) => {}
            Err(error) => break Err(error.into()),
        }
        if rounds > LOAD_ROUNDS {
            break Ok(());
        }
    };
    child.kill()?;
    child.wait()?;
    outcome
}
