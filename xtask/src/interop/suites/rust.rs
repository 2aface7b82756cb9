//! Checks written with two crates of other makers, `zookeeper-client` and `zookeeper-async`, and
//! the latter's own tests. Those start servers by a jar, and a stand-in makes them ours. The tests
//! of the former need containers.

use super::super::Against;
use super::super::report::{Known, Report};
use super::super::{EXTRA, checks, install, stand_in};
use crate::ensemble::Ensemble;
use crate::process::{cargo, program, run as run_to_end, target};
use anyhow::Result;
use std::path::PathBuf;

/// The crates that checks are written with; a program of each name is built.
#[derive(Clone, Copy)]
pub(in super::super) enum Crate {
    Client,
    Async,
}

impl Crate {
    fn name(self) -> &'static str {
        match self {
            Crate::Client => "zookeeper-client",
            Crate::Async => "zookeeper-async",
        }
    }
}

const KNOWN: &[Known] = &[];

pub(in super::super) fn run(one: Crate, report: &mut Report) -> Result<()> {
    let name = one.name();
    let project = install::rust()?;
    let mut command = cargo();
    command.args(["build", "--quiet", "--bin", name, "--manifest-path"]);
    command.arg(project.join("Cargo.toml"));
    if let Err(error) = run_to_end(command.arg("--target-dir").arg(built())) {
        report.skipped(&format!(
            "{name}: cargo does not fetch and build it: {error:#}"
        ));
        return Ok(());
    }
    let mut ensemble = Ensemble::start(name, 3, EXTRA)?;
    let mut command = program(built().join("debug").join(name));
    command.arg(ensemble.connect_string());
    checks::run(&mut command, Some(&mut ensemble), report)?;
    if report.good() {
        ensemble.discard();
    }
    Ok(())
}

pub(in super::super) fn run_tests(report: &mut Report) -> Result<()> {
    let sources = match install::rust_sources(Crate::Async.name()) {
        Ok(sources) => sources,
        Err(error) => {
            report.skipped(&format!("zookeeper-async-tests: {error:#}"));
            return Ok(());
        }
    };
    report.expect(KNOWN);
    let mut command = cargo();
    stand_in::put_first(&mut command)?;
    stand_in::prepare(&mut command, Against::Ours)?;
    command
        .current_dir(sources)
        .args(["test", "--no-fail-fast", "--target-dir"])
        .arg(built())
        .args(["--lib", "--tests", "--", "--test-threads=2"]);
    checks::run_translated(&mut command, None, report, translate)?;
    report.finish_list();
    Ok(())
}

fn built() -> PathBuf {
    target().join("interop").join("rust-target")
}

/// A line of `cargo test` that tells how a test ended.
fn translate(line: &str) -> Option<String> {
    let (name, verdict) = line.strip_prefix("test ")?.split_once(" ... ")?;
    let verdict = match verdict {
        "ok" => "ok",
        "FAILED" => "FAILED",
        _ if verdict.starts_with("ignored") => "skipped",
        _ => return None,
    };
    Some(format!("{verdict} {name}"))
}

#[cfg(test)]
mod tests {
    use super::translate;

    #[test]
    fn verdicts_are_read_from_what_cargo_prints() {
        assert_eq!(translate("test a::b ... ok").as_deref(), Some("ok a::b"));
        assert_eq!(translate("test c ... FAILED").as_deref(), Some("FAILED c"));
        assert!(translate("test result: ok. 1 passed").is_none());
    }
}
