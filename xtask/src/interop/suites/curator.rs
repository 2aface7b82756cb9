//! Curator's recipes, each in peace and with a server killed in its middle.

use super::super::report::Report;
use super::super::{EXTRA, checks, install};
use crate::ensemble::Ensemble;
use crate::process::{exists, output, program, root, target};
use anyhow::Result;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(30);

pub(in super::super) fn run(report: &mut Report) -> Result<()> {
    let jars = match install::curator() {
        Ok(jars) if exists("javac") => jars,
        Ok(_) => {
            report.skipped("curator: there is no javac: install a JDK 11 or newer");
            return Ok(());
        }
        Err(error) => {
            report.skipped(&format!("curator: {error:#}"));
            return Ok(());
        }
    };
    let classes = compile(&jars)?;
    let java = || {
        let mut command = program("java");
        command.args(["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]);
        command.arg("-cp");
        command.arg(format!("{}:{}/*", classes.display(), jars.display()));
        command.arg("Main");
        command
    };
    let mut ensemble = Ensemble::start("curator", 3, EXTRA)?;
    let everywhere = ensemble.connect_string();
    checks::run(java().arg(everywhere), Some(&mut ensemble), report)?;
    let mut announced = with_client_addresses()?;
    let (one, all) = (announced.client(0).to_string(), announced.connect_string());
    checks::run(java().arg(one).arg(all), Some(&mut announced), report)?;
    if report.good() {
        ensemble.discard();
        announced.discard();
    }
    Ok(())
}

/// Servers whose lines `server.N=` say where clients find them.
fn with_client_addresses() -> Result<Ensemble> {
    let mut ensemble = Ensemble::prepare("curator-tracked", 3, EXTRA)?;
    for home in 0..ensemble.size() {
        let file = ensemble.home(home).join("zoo.cfg");
        let mut text = fs::read_to_string(&file)?;
        for (index, client) in ensemble.clients().iter().enumerate() {
            let [quorum, election] = ensemble.peer_ports(index);
            let line = format!("127.0.0.1:{quorum}:{election}");
            text = text.replace(&line, &format!("{line};{client}"));
        }
        fs::write(file, text)?;
    }
    for index in 0..ensemble.size() {
        ensemble.spawn(index)?;
    }
    ensemble.wait_until_all_serve(PATIENCE)?;
    Ok(ensemble)
}

fn compile(jars: &Path) -> Result<PathBuf> {
    let classes = target().join("interop").join("curator").join("classes");
    fs::create_dir_all(&classes)?;
    let mut command = program("javac");
    command
        .arg("-d")
        .arg(&classes)
        .arg("-cp")
        .arg(jars.join("*"));
    for file in fs::read_dir(root().join("xtask/interop/curator"))? {
        command.arg(file?.path());
    }
    output(&mut command)?;
    Ok(classes)
}
