//! Apache's own Java shell: what it prints before our servers, it prints before Apache's.

use super::super::Against;
use super::super::report::Report;
use super::super::transcript::{Dialect, Difference, Line, compare, parse, record};
use crate::apache::{self, Apache, Settings};
use crate::ensemble::Ensemble;
use crate::process::program;
use anyhow::Result;
use std::process::Command;

const SCRIPT: &str = include_str!("../../../interop/java_shell.txt");

/// What both sides are configured with.
const LINES: &str = "tickTime=2000\nenforceQuota=true\n";

const DIFFERENCES: &[Difference] = &[Difference {
    typed: "deleteall /",
    rule: "order-of-children",
    // It ends at the first child that may not be deleted.
    normal: |line| match line.strip_prefix("Insufficient permission : /") {
        Some(_) => "Insufficient permission : a child".to_owned(),
        None => line.to_owned(),
    },
}];

const AUTH_FAILED: &str = "WatchedEvent state:AuthFailed";

const DIALECT: Dialect = Dialect {
    name: "java-shell",
    // The answer to a sync comes behind all events, and the last line is printed by the shell
    // itself, connected or not.
    end_marker: |_| "sync /\nprintwatches".to_owned(),
    is_whole,
    plain,
};

pub(in super::super) fn run(against: Against, report: &mut Report) -> Result<()> {
    let jars = match apache::jars() {
        Ok(jars) => jars,
        Err(error) => {
            report.skipped(&format!("java-shell: {error:#}"));
            return Ok(());
        }
    };
    let shell = |server: &str| -> Command {
        let mut command = program("java");
        command.args(["-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]);
        command.arg("-Dorg.slf4j.simpleLogger.defaultLogLevel=off");
        command.arg("-cp").arg(jars.join("*"));
        command.arg("org.apache.zookeeper.ZooKeeperMain");
        command.args(["-waitforconnection", "-server", server]);
        command
    };
    let script = parse(SCRIPT);
    let settings = Settings {
        lines: LINES,
        properties: &[("zookeeper.extendedTypesEnabled", "true")],
    };
    let apache = Apache::start("java-shell", 3, settings)?;
    let address = apache.clients()[0].to_string();
    let theirs = record(&DIALECT, "apache", &mut shell(&address), &script, &address)?;
    drop(apache);
    let lines = format!("{LINES}extendedTypesEnabled=true\n");
    let ensemble = Ensemble::start("java-shell", 3, &lines)?;
    let address = ensemble.client(0).to_string();
    let ours = record(&DIALECT, "ours", &mut shell(&address), &script, &address)?;
    let differences = match against {
        Against::Ours => DIFFERENCES,
        Against::Apache => &[],
    };
    compare(&DIALECT, &theirs, &ours, differences, report);
    if report.good() {
        ensemble.discard();
    }
    Ok(())
}

fn is_whole(text: &str, line: &Line, _: usize) -> bool {
    let (answer, events) = parts(text);
    let count = |what: &str| answer.iter().filter(|line| line.starts_with(what)).count();
    let mut markers = 1 + usize::from(line.typed == "printwatches");
    // Without a connection each line that is typed is answered with that, behind what it prints.
    if text.contains(AUTH_FAILED) || text.contains("Not connected\nprintwatches is ") {
        markers = usize::from(answer.last() == Some(&"Not connected"));
    }
    text.ends_with('\n')
        && markers > 0
        && count("printwatches is ") >= markers
        && events.len() >= line.events
}

/// Times are another in each run. Events are printed by a thread of their own, so they are put
/// behind the rest, in their order; those of removed watches come in none.
fn plain(text: &str) -> Vec<String> {
    let (answer, mut events) = parts(text);
    if events.iter().all(|event| event.contains("Removed")) {
        events.sort_unstable();
    }
    let timeless = |line: &str| {
        let time = ["ctime = ", "mtime = "]
            .into_iter()
            .find(|time| line.starts_with(time));
        time.map_or_else(|| line.to_owned(), |time| format!("{time}<time>"))
    };
    // Whether the sync behind it still finds a connection is a matter of chance.
    let answer = if text.contains(AUTH_FAILED) {
        Vec::new()
    } else {
        answer
    };
    answer.into_iter().chain(events).map(timeless).collect()
}

/// What the shell itself prints, and the watch events.
fn parts(text: &str) -> (Vec<&str>, Vec<&str>) {
    let lines = text.lines().map(str::trim_end);
    lines
        .filter(|line| !line.is_empty() && *line != "WATCHER::")
        .partition(|line| !line.starts_with("WatchedEvent "))
}
