//! Checks written with kazoo, the Python client, against an ensemble and against `vivarium dev`.

use super::super::dev::Dev;
use super::super::report::Report;
use super::super::{Against, EXTRA, checks, install};
use crate::ensemble::Ensemble;
use crate::process::{program, root};
use anyhow::Result;
use std::path::Path;

pub(in super::super) fn run(against: Against, report: &mut Report) -> Result<()> {
    let python = match install::kazoo() {
        Ok(python) => python,
        Err(error) => {
            report.skipped(&format!("kazoo: {error:#}"));
            return Ok(());
        }
    };
    let ensemble = Ensemble::start("kazoo", 3, EXTRA)?;
    let servers: Vec<String> = (0..ensemble.size())
        .filter_map(|index| {
            let pid = ensemble.pid(index)?;
            Some(format!("{}={pid}", ensemble.client(index)))
        })
        .collect();
    check(&python, &servers.join(","), report)?;
    if against == Against::Ours {
        println!("kazoo: the same against vivarium dev");
        let dev = Dev::start()?;
        check(&python, &dev.connect_string, report)?;
    }
    if report.good() {
        ensemble.discard();
    }
    Ok(())
}

fn check(python: &Path, servers: &str, report: &mut Report) -> Result<()> {
    let script = root().join("xtask/interop/kazoo_checks.py");
    checks::run(program(python).arg(script).arg(servers), None, report)
}
