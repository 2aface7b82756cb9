//! Fetching the clients, each by the ordinary way of its own language.

use crate::process::{exists, output, program, target};
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::PathBuf;

/// Where Debian puts the C library's tools.
const C_TOOLS: &str = "/usr/lib/zookeeper/bin";
const C_PACKAGE: &str = "zookeeper-bin";

const KAZOO: &str = "kazoo==2.11.0";

/// A Python that has kazoo; its interpreter.
pub(super) fn kazoo() -> Result<PathBuf> {
    python("python", &[KAZOO])
}

/// A Python that has kazoo and all that its own tests need, so that none of them is skipped for
/// want of a library.
pub(super) fn kazoo_tests() -> Result<PathBuf> {
    let packages = [
        KAZOO,
        "pytest",
        "pytest-timeout",
        "pyjks",
        // Certificates are made by functions that later versions have dropped.
        "pyopenssl==23.2.0",
        "cryptography<42",
        "pure-sasl",
        "gevent",
        "eventlet",
        "objgraph",
        // A library below needs a module of it that Python no longer has.
        "setuptools<80",
    ];
    python("kazoo-tests", &packages)
}

/// An environment of Python with some packages.
fn python(name: &str, packages: &[&str]) -> Result<PathBuf> {
    ensure!(exists("python3"), "there is no python3: install Python 3.9 or newer");
    let folder = folder()?.join(name);
    let python = folder.join("bin/python");
    let complete = folder.join("complete");
    if !complete.is_file() {
        println!("installing {}", packages.join(", "));
        output(program("python3").args(["-m", "venv"]).arg(&folder))?;
        output(program(&python).args(["-m", "pip", "install", "--quiet"]).args(packages))
            .context("pip does not install it")?;
        fs::write(complete, "")?;
    }
    Ok(python)
}

/// The folder of the C library's tools, by Debian's package when it is not there yet.
pub(super) fn c() -> Result<PathBuf> {
    let tools = PathBuf::from(C_TOOLS);
    if !tools.join("cli_mt").is_file() {
        ensure!(exists("apt-get"), "there is no {C_TOOLS} and no apt-get: install {C_PACKAGE}");
        println!("installing {C_PACKAGE}");
        // A list of packages may be old and still good.
        let _ = output(program("apt-get").args(["update", "-qq"]));
        let arguments = ["install", "-y", "-qq", "--no-install-recommends", C_PACKAGE];
        output(program("apt-get").args(arguments)).context("apt-get does not install it")?;
    }
    ensure!(tools.join("cli_mt").is_file(), "{C_PACKAGE} holds no {C_TOOLS}/cli_mt");
    Ok(tools)
}

fn folder() -> Result<PathBuf> {
    let folder = target().join("interop");
    fs::create_dir_all(&folder)?;
    Ok(folder)
}
