//! Checks written with node-zookeeper-client, for Node. Its own tests need no server.

use super::super::report::Report;
use super::super::{EXTRA, checks, install};
use crate::ensemble::Ensemble;
use crate::process::{program, root};
use anyhow::Result;

pub(in super::super) fn run(report: &mut Report) -> Result<()> {
    let modules = match install::node() {
        Ok(modules) => modules,
        Err(error) => {
            report.skipped(&format!("node: {error:#}"));
            return Ok(());
        }
    };
    let mut ensemble = Ensemble::start("node", 3, EXTRA)?;
    let mut command = program("node");
    command.arg(root().join("xtask/interop/node_checks.js"));
    command.arg(ensemble.connect_string()).arg(modules);
    checks::run(&mut command, Some(&mut ensemble), report)?;
    if report.good() {
        ensemble.discard();
    }
    Ok(())
}
