//! Curator's recipes, each in peace and with a server killed in its middle.

use super::super::report::Report;
use super::super::{EXTRA, checks, install};
use crate::ensemble::Ensemble;
use crate::process::{exists, output, program, root, target};
use anyhow::Result;
use std::fs;
use std::path::{Path, PathBuf};

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
    let mut ensemble = Ensemble::start("curator", 3, EXTRA)?;
    let mut command = program("java");
    command.args([
        "-Xmx256m",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-cp",
    ]);
    command.arg(format!("{}:{}/*", classes.display(), jars.display()));
    command.arg("Main").arg(ensemble.connect_string());
    checks::run(&mut command, Some(&mut ensemble), report)?;
    if report.good() {
        ensemble.discard();
    }
    Ok(())
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
