//! Fetching the clients, each by the ordinary way of its own language.

use crate::process::{cargo, exists, output, program, root, target};
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};

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

const NODE: &str = "node-zookeeper-client@1.1.3";

const GO: &str = "github.com/go-zookeeper/zk";
const GO_VERSION: &str = "v1.0.4";

const RUST_MANIFEST: &str = r#"[package]
name = "checks"
version = "0.0.0"
edition = "2024"

[[bin]]
name = "zookeeper-client"
path = "SOURCES/zookeeper_client.rs"

[[bin]]
name = "zookeeper-async"
path = "SOURCES/zookeeper_async.rs"

[dependencies]
tokio = { version = "1", features = ["full"] }
zookeeper-async = "=5.0.0"
zookeeper-client = { version = "=0.11.2", features = ["tokio"] }

[workspace]
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

/// The folder of the modules of Node.
pub(super) fn node() -> Result<PathBuf> {
    for tool in ["node", "npm"] {
        ensure!(exists(tool), "there is no {tool}: install Node 18 or newer");
    }
    let folder = folder()?.join("node");
    let complete = folder.join("complete");
    if !complete.is_file() {
        println!("installing {NODE}");
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("package.json"), "{ \"private\": true }\n")?;
        let arguments = ["install", "--silent", "--no-audit", "--no-fund", NODE];
        output(program("npm").current_dir(&folder).args(arguments))
            .context("npm does not install it")?;
        fs::write(complete, "")?;
    }
    Ok(folder.join("node_modules"))
}

/// The folder of a Go module that may use the library.
pub(super) fn go() -> Result<PathBuf> {
    ensure!(exists("go"), "there is no go: install Go 1.22 or newer");
    let folder = folder()?.join("go");
    let complete = folder.join("complete");
    if !complete.is_file() {
        println!("fetching {GO} {GO_VERSION}");
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("go.mod"), "module interop\n\ngo 1.22\n")?;
        let module = format!("{GO}@{GO_VERSION}");
        output(program("go").current_dir(&folder).args(["get", &module]))
            .context("Go does not fetch it")?;
        fs::write(complete, "")?;
    }
    Ok(folder)
}

/// A folder with the library's own sources, to be tested there.
pub(super) fn go_tests() -> Result<PathBuf> {
    let module = go()?;
    let listed = ["list", "-m", "-f", "{{.Dir}}", GO];
    let sources = output(program("go").current_dir(module).args(listed))?;
    copy_sources(Path::new(sources.trim()), "go-tests")
}

/// A project of cargo that knows the crates; not part of the workspace it lies in.
pub(super) fn rust() -> Result<PathBuf> {
    let folder = folder()?.join("rust");
    fs::create_dir_all(&folder)?;
    let sources = root().join("xtask/interop/rust");
    fs::write(
        folder.join("Cargo.toml"),
        RUST_MANIFEST.replace("SOURCES", &sources.display().to_string()),
    )?;
    Ok(folder)
}

/// The sources of one of the crates, to be tested there.
pub(super) fn rust_sources(name: &str) -> Result<PathBuf> {
    let mut command = cargo();
    command.args(["metadata", "--format-version=1", "--manifest-path"]);
    let printed = output(command.arg(rust()?.join("Cargo.toml")))
        .context("cargo does not fetch the crates")?;
    let metadata: serde_json::Value = serde_json::from_str(&printed)?;
    let packages = metadata["packages"].as_array();
    let package = packages
        .and_then(|packages| packages.iter().find(|package| package["name"] == name))
        .with_context(|| format!("cargo does not know {name}"))?;
    let manifest = package["manifest_path"].as_str().context("no path")?;
    let from = Path::new(manifest).parent().context("no folder")?;
    let folder = copy_sources(from, &format!("{name}-tests"))?;
    let manifest = folder.join("Cargo.toml");
    let text = fs::read_to_string(&manifest)?;
    if !text.contains("[workspace]") {
        fs::write(manifest, text + "\n[workspace]\n")?;
    }
    Ok(folder)
}

/// Copies sources that a registry keeps read-only.
fn copy_sources(from: &Path, name: &str) -> Result<PathBuf> {
    let folder = folder()?.join(name);
    let complete = folder.join("complete");
    if !complete.is_file() {
        output(program("cp").arg("-r").arg(from).arg(&folder))?;
        output(program("chmod").args(["-R", "u+w"]).arg(&folder))?;
        fs::write(complete, "")?;
    }
    Ok(folder)
}

fn folder() -> Result<PathBuf> {
    let folder = target().join("interop");
    fs::create_dir_all(&folder)?;
    Ok(folder)
}
