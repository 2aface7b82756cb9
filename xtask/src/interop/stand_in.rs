//! Stand-ins for the programs with which other people's tests start Apache's servers: `java` with
//! its main class, and `zkServer.sh`. They come first on the path and become `vivarium serve`. And
//! the other way round: a `vivarium` that becomes a server of Apache's, as a yardstick.

use super::{Against, EXTRA};
use crate::apache;
use crate::ensemble::{Ensemble, binary};
use crate::process::target;
use anyhow::{Context, Result, bail};
use clap::Args;
use std::ffi::OsString;
use std::fs;
use std::io::{Read, stdin};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const SERVER: &str = "org.apache.zookeeper.server.quorum.QuorumPeerMain";
/// Set when Apache's servers are to be started after all.
const TO_APACHE: &str = "STAND_IN_FOR_APACHE";
/// The programs that are stood in for.
const PROGRAMS: [&str; 3] = ["java", "zkServer.sh", "vivarium"];

/// A program, and how it was called.
#[derive(Args)]
pub(crate) struct Options {
    program: String,
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

/// The folder of the stand-ins, written anew.
pub(super) fn folder() -> Result<PathBuf> {
    let folder = target().join("interop").join("stand-in");
    fs::create_dir_all(&folder)?;
    let xtask = std::env::current_exe()?;
    for name in PROGRAMS {
        let text = format!(
            "#!/bin/sh\nexec '{}' stand-in {name} \"$@\"\n",
            xtask.display()
        );
        // Another run may be using it: it is replaced, not written to.
        let draft = folder.join(format!(".{name}-{}", std::process::id()));
        fs::write(&draft, text)?;
        fs::set_permissions(&draft, fs::Permissions::from_mode(0o755))?;
        fs::rename(draft, folder.join(name))?;
    }
    Ok(folder)
}

/// Lets a command find the stand-ins before the real programs.
pub(super) fn put_first(command: &mut Command) -> Result<()> {
    let mut path = OsString::from(folder()?);
    if let Some(rest) = std::env::var_os("PATH") {
        path.push(":");
        path.push(rest);
    }
    command.env("PATH", path);
    Ok(())
}

/// Tells the stand-ins that a command will call what to become.
pub(super) fn prepare(command: &mut Command, against: Against) -> Result<()> {
    match against {
        Against::Ours => command.env("VIVARIUM", binary()?),
        Against::Apache => command.env(TO_APACHE, "yes"),
    };
    Ok(())
}

/// Becomes what was asked for.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let arguments: Vec<&str> = options.arguments.iter().map(String::as_str).collect();
    match options.program.as_str() {
        "java" => java(&arguments),
        "zkServer.sh" => match arguments[..] {
            ["start-foreground", file] => serve(file, &[]),
            _ => bail!("zkServer.sh is stood in for with start-foreground and a file only"),
        },
        "vivarium" => match arguments[..] {
            ["serve", file] => apache_server(Path::new(file), &[]),
            _ => bail!("Apache's servers have no {}", arguments.join(" ")),
        },
        other => bail!("there is no stand-in for {other}"),
    }
}

/// Runs this very command again with Apache's servers in the place of ours.
pub(super) fn run_again_against_apache() -> Result<ExitCode> {
    apache::jars()?;
    let status = Command::new(std::env::current_exe()?)
        .args(std::env::args_os().skip(1))
        .env("VIVARIUM", folder()?.join("vivarium"))
        .status()?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Whether this process was told to take Apache's servers for ours.
pub(super) fn is_apache() -> Result<bool> {
    let stand_in = folder()?.join("vivarium");
    Ok(std::env::var_os("VIVARIUM").is_some_and(|path| Path::new(&path) == stand_in))
}

fn java(arguments: &[&str]) -> Result<ExitCode> {
    let mut defines = Vec::new();
    let mut rest = arguments.iter().copied();
    while let Some(argument) = rest.next() {
        match argument {
            "-cp" | "-classpath" => {
                rest.next();
            }
            "-jar" => return test_cluster(&rest.collect::<Vec<_>>()),
            SERVER => {
                let file = rest
                    .next()
                    .context("there is no file behind the main class")?;
                return serve(file, &defines);
            }
            _ if argument.starts_with("-D") => defines.push(argument),
            _ if argument.starts_with('-') => {}
            other => bail!("{other} is no main class that is stood in for"),
        }
    }
    bail!("there is no main class")
}

/// Becomes a server that listens on loopback only.
fn serve(file: &str, defines: &[&str]) -> Result<ExitCode> {
    let text = fs::read_to_string(file).with_context(|| file.to_owned())?;
    let copy = PathBuf::from(format!("{file}.loopback"));
    fs::write(&copy, format!("{text}\nclientPortAddress=127.0.0.1\n"))?;
    if std::env::var_os(TO_APACHE).is_some() {
        return apache_server(&copy, defines);
    }
    let error = Command::new(binary()?)
        .args(["--quiet", "serve"])
        .arg(&copy)
        .args(defines)
        .exec();
    Err(error).context("cannot become vivarium")
}

/// Becomes a server of Apache's.
fn apache_server(file: &Path, defines: &[&str]) -> Result<ExitCode> {
    let flags = std::env::var("SERVER_JVMFLAGS").unwrap_or_default();
    let error = Command::new("java")
        .args(["-Xmx512m", "-XX:+UseSerialGC", "-Dzookeeper.forceSync=no"])
        .arg("-Dorg.slf4j.simpleLogger.defaultLogLevel=error")
        // Apache takes this one from nowhere else.
        .arg("-Dznode.container.checkIntervalMs=500")
        .args(flags.split_whitespace())
        .args(defines)
        .arg("-cp")
        .arg(apache::jars()?.join("*"))
        .arg(SERVER)
        .arg(file)
        .exec();
    Err(error).context("cannot become java")
}

/// What the jar beside the tests of rust-zookeeper and its children does: an ensemble whose
/// connect string is printed, that loses a server for each `k` and ends with `q`.
fn test_cluster(arguments: &[&str]) -> Result<ExitCode> {
    let [jar, size] = arguments else {
        bail!("a jar and the size of an ensemble are expected");
    };
    let name = Path::new(jar)
        .file_name()
        .is_some_and(|name| name == "main.jar");
    anyhow::ensure!(name, "{jar} is no jar that is stood in for");
    let mut ensemble = Ensemble::start("test-cluster", size.parse()?, EXTRA)?;
    println!("{}", ensemble.connect_string());
    let mut killed = 0;
    for byte in stdin().lock().bytes() {
        match byte? {
            b'k' => {
                ensemble.kill(killed)?;
                killed += 1;
            }
            b'q' => break,
            _ => {}
        }
    }
    ensemble.discard();
    Ok(ExitCode::SUCCESS)
}
