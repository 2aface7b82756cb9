//! Fetching the clients, each by the ordinary way of its own language.

use crate::process::{exists, output, program, target};
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::PathBuf;

/// Where Debian puts the C library's tools.
const C_TOOLS: &str = "/usr/lib/zookeeper/bin";
const C_PACKAGE: &str = "zookeeper-bin";

const CURATOR_POM: &str = r#"<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>interop</groupId>
  <artifactId>curator</artifactId>
  <version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.curator</groupId>
      <artifactId>curator-recipes</artifactId>
      <version>5.7.1</version>
    </dependency>
    <dependency>
      <groupId>org.apache.zookeeper</groupId>
      <artifactId>zookeeper</artifactId>
      <version>3.9.5</version>
    </dependency>
    <dependency>
      <groupId>org.slf4j</groupId>
      <artifactId>slf4j-nop</artifactId>
      <version>2.0.13</version>
    </dependency>
  </dependencies>
</project>
"#;

const KAZOO: &str = "kazoo==2.11.0";

/// A Python that has kazoo; its interpreter.
pub(super) fn kazoo() -> Result<PathBuf> {
    python("python", &[KAZOO])
}

/// A Python that has kazoo and what it needs for SASL.
pub(super) fn sasl() -> Result<PathBuf> {
    python("sasl-python", &[KAZOO, "pure-sasl"])
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
    ensure!(
        exists("python3"),
        "there is no python3: install Python 3.9 or newer"
    );
    let folder = folder()?.join(name);
    let python = folder.join("bin/python");
    let complete = folder.join("complete");
    if !complete.is_file() {
        println!("installing {}", packages.join(", "));
        output(program("python3").args(["-m", "venv"]).arg(&folder))?;
        output(
            program(&python)
                .args(["-m", "pip", "install", "--quiet"])
                .args(packages),
        )
        .context("pip does not install it")?;
        fs::write(complete, "")?;
    }
    Ok(python)
}

/// The folder of the C library's tools, by Debian's package when it is not there yet.
pub(super) fn c() -> Result<PathBuf> {
    let tools = PathBuf::from(C_TOOLS);
    if !tools.join("cli_mt").is_file() {
        ensure!(
            exists("apt-get"),
            "there is no {C_TOOLS} and no apt-get: install {C_PACKAGE}"
        );
        println!("installing {C_PACKAGE}");
        // A list of packages may be old and still good.
        let _ = output(program("apt-get").args(["update", "-qq"]));
        let arguments = ["install", "-y", "-qq", "--no-install-recommends", C_PACKAGE];
        output(program("apt-get").args(arguments)).context("apt-get does not install it")?;
    }
    ensure!(
        tools.join("cli_mt").is_file(),
        "{C_PACKAGE} holds no {C_TOOLS}/cli_mt"
    );
    Ok(tools)
}

/// The folder of Curator's jars and of all that they need.
pub(super) fn curator() -> Result<PathBuf> {
    ensure!(
        exists("java"),
        "there is no java: install a JDK 11 or newer"
    );
    let folder = folder()?.join("curator");
    let complete = folder.join("complete");
    if !complete.is_file() {
        ensure!(
            exists("mvn"),
            "there is no mvn: install Maven, which fetches Curator"
        );
        println!("fetching Curator");
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("pom.xml"), CURATOR_POM)?;
        output(
            program("mvn")
                .current_dir(&folder)
                .args(["--quiet", "--batch-mode", "dependency:copy-dependencies"])
                .arg("-DoutputDirectory=jars"),
        )
        .context("Maven does not fetch Curator")?;
        fs::write(complete, "")?;
    }
    Ok(folder.join("jars"))
}

fn folder() -> Result<PathBuf> {
    let folder = target().join("interop");
    fs::create_dir_all(&folder)?;
    Ok(folder)
}
