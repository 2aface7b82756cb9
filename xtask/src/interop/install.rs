//! Fetching the clients, each by the ordinary way of its own language.

use crate::process::{exists, output, program, target};
use anyhow::{Context, Result, bail, ensure};
use std::fs;
use std::path::{Path, PathBuf};

/// Where Debian puts the C library's shell.
const C_SHELL: &str = "/usr/lib/zookeeper/bin/cli_mt";
const C_PACKAGE: &str = "zookeeper-bin";

const POM: &str = r#"<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>interop</groupId>
  <artifactId>interop</artifactId>
  <version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.zookeeper</groupId>
      <artifactId>zookeeper</artifactId>
      <version>3.9.4</version>
    </dependency>
    <dependency>
      <groupId>commons-cli</groupId>
      <artifactId>commons-cli</artifactId>
      <version>1.5.0</version>
    </dependency>
    <dependency>
      <groupId>org.slf4j</groupId>
      <artifactId>slf4j-nop</artifactId>
      <version>2.0.13</version>
    </dependency>
  </dependencies>
</project>
"#;

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

/// The folder that holds Apache's client and what it needs.
pub(super) fn java() -> Result<PathBuf> {
    ensure!(exists("java"), "there is no java");
    ensure!(exists("mvn"), "there is no mvn");
    let folder = folder()?.join("java");
    let jars = folder.join("jars");
    let complete = folder.join("complete");
    if !complete.is_file() {
        println!("interop: fetching Apache's client");
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("pom.xml"), POM)?;
        output(
            program("mvn")
                .current_dir(&folder)
                .args(["--quiet", "--batch-mode", "dependency:copy-dependencies"])
                .arg("-DoutputDirectory=jars"),
        )?;
        fs::write(complete, "")?;
    }
    Ok(jars)
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
