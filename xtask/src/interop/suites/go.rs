//! Checks written with go-zookeeper/zk, for Go, and that library's own tests. They start servers
//! by `zkServer.sh`, and a stand-in makes those ours.

use super::super::report::{Known, Report};
use super::super::{Against, EXTRA, checks, install, stand_in};
use crate::apache;
use crate::ensemble::Ensemble;
use crate::process::{output, program, root};
use anyhow::Result;
use std::fs;

const KNOWN: &[Known] = &[
    (
        "TestIntegration_IncrementalReconfig",
        "members cannot be changed",
    ),
    ("TestIntegration_Reconfig", "members cannot be changed"),
];

pub(in super::super) fn run(report: &mut Report) -> Result<()> {
    let folder = match install::go() {
        Ok(folder) => folder,
        Err(error) => {
            report.skipped(&format!("go: {error:#}"));
            return Ok(());
        }
    };
    fs::copy(
        root().join("xtask/interop/go/main.go"),
        folder.join("main.go"),
    )?;
    output(
        program("go")
            .current_dir(&folder)
            .args(["build", "-o", "checks", "."]),
    )?;
    let mut ensemble = Ensemble::start("go", 3, EXTRA)?;
    let mut command = program(folder.join("checks"));
    command.arg(ensemble.connect_string());
    checks::run(&mut command, Some(&mut ensemble), report)?;
    if report.good() {
        ensemble.discard();
    }
    Ok(())
}

pub(in super::super) fn run_tests(against: Against, report: &mut Report) -> Result<()> {
    let folder = match install::go_tests() {
        Ok(folder) => folder,
        Err(error) => {
            report.skipped(&format!("go-tests: {error:#}"));
            return Ok(());
        }
    };
    if against == Against::Ours {
        report.expect(KNOWN);
    }
    let mut command = program("go");
    stand_in::prepare(&mut command, against)?;
    command
        .current_dir(folder)
        .env("ZOOKEEPER_BIN_PATH", stand_in::folder()?)
        // Otherwise the tests of reconfiguration are skipped.
        .env("ZK_VERSION", apache::VERSION)
        .args(["test", "-count=1", "-v", "-timeout=900s", "."]);
    checks::run_translated(&mut command, None, report, translate)?;
    report.finish_list();
    Ok(())
}

/// A line of `go test -v` that tells how a test ended; what went wrong was printed before.
fn translate(line: &str) -> Option<String> {
    let line = line.trim_start().strip_prefix("--- ")?;
    let (word, rest) = line.split_once(": ")?;
    let name = rest.split(' ').next()?;
    let verdict = match word {
        "PASS" => "ok",
        "FAIL" => "FAILED",
        "SKIP" => "skipped",
        _ => return None,
    };
    Some(format!("{verdict} {name}"))
}

#[cfg(test)]
mod tests {
    use super::translate;

    #[test]
    fn verdicts_are_read_from_what_go_prints() {
        let said = |line| translate(line).expect("a verdict");
        assert_eq!(said("--- PASS: TestLock (3.11s)"), "ok TestLock");
        assert_eq!(said("    --- FAIL: TestA/b (0.00s)"), "FAILED TestA/b");
        assert!(translate("=== RUN   TestLock").is_none());
    }
}
