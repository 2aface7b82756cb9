//! Fetching the clients, each by the ordinary way of its own language.

use crate::process::{exists, output, program, target};
use anyhow::{Context, Result, bail, ensure};
use std::fs;
use std::path::{Path, PathBuf};

/// Where Debian puts the C library's shell.
const C_SHELL: &str = "/usr/lib/zookeeper/bin/cli_mt";
const C_PACKAGE: &str = "zookeeper-bin";

/// A Python that has kazoo; its interpreter.
pub(super) fn kazoo() -> Result<PathBuf> {
    ensure!(exists("python3"), "there is no python3");
    let folder = folder()?.join("python");
    let python = folder.join("bin/python");
    if !python.is_file() {
        output(program("python3").args(["-m", "venv"]).arg(&folder))?;
    }
    let has_kazoo = |python: &Path| output(program(python).args(["-c", "import kazoo"])).is_ok();
    if !has_kazoo(&python) {
        println!("interop: installing kazoo");
        output(program(&python).args(["-m", "pip", "install", "--quiet", "kazoo==2.11.0"]))?;
    }
    Ok(python)
}

/// The C library's shell, by Debian's package when it is not there yet.
pub(super) fn c() -> Result<PathBuf> {
    let shell = PathBuf::from(C_SHELL);
    if !shell.is_file() {
        ensure!(exists("apt-get"), "there is no apt-get");
        println!("interop: installing {C_PACKAGE}");
        // A list of packages may be old and still good.
        let _ = output(program("apt-get").args(["update", "-qq"]));
        output(program("apt-get").args([
            "install",
            "-y",
            "-qq",
            "--no-install-recommends",
            C_PACKAGE,
        ]))
        .context("apt-get does not install it")?;
    }
    if !shell.is_file() {
        bail!("{C_PACKAGE} holds no {C_SHELL}");
    }
    Ok(shell)
}

fn folder() -> Result<PathBuf> {
    let folder = target().join("interop");
    fs::create_dir_all(&folder)?;
    Ok(folder)
}
