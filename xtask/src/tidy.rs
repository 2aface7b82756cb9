//! The rules of the house that a program can check.

mod claims;
mod dependencies;
mod files;
mod no_std;
mod sources;
mod tools;

use anyhow::Result;
use clap::Args;
use std::process::ExitCode;

/// Crates that know no clock, no socket, no file and no thread.
const PURE: [&str; 12] = [
    "zk-types",
    "auth",
    "jute",
    "zk-proto",
    "znode-tree",
    "watch",
    "session",
    "zab-core",
    "wal",
    "quorum-proto",
    "replica",
    "client-core",
];

/// Which rules to check; all of them unless told otherwise.
#[derive(Args, Default)]
pub(crate) struct Options {
    /// Only what needs no compiler: dependencies, layers and the texts of files.
    #[arg(long)]
    quick: bool,
}

/// What the checks found.
#[derive(Default)]
struct Findings {
    errors: u32,
    warnings: u32,
}

impl Findings {
    fn error(&mut self, what: impl AsRef<str>) {
        self.errors += 1;
        println!("error: {}", what.as_ref());
    }

    fn warning(&mut self, what: impl AsRef<str>) {
        self.warnings += 1;
        println!("warning: {}", what.as_ref());
    }
}

type Check = fn(&mut Findings) -> Result<()>;

/// Runs the checks; all of them, also after one has found something.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let quick: [(&str, Check); 5] = [
        ("dependencies and layers", dependencies::check),
        ("files", files::check),
        ("sources", sources::check),
        ("tests that the documentation names", claims::check),
        ("rules that the simulator knows", claims::check_rules),
    ];
    let slow: [(&str, Check); 4] = [
        ("formatting", tools::check_formatting),
        ("pure crates build without std", no_std::check),
        ("clippy", tools::check_clippy),
        ("documentation", tools::check_documentation),
    ];
    let mut findings = Findings::default();
    for (name, check) in quick {
        println!("tidy: {name}");
        check(&mut findings)?;
    }
    if !options.quick {
        for (name, check) in slow {
            println!("tidy: {name}");
            check(&mut findings)?;
        }
    }
    println!(
        "tidy: {} errors, {} warnings",
        findings.errors, findings.warnings
    );
    Ok(if findings.errors == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
