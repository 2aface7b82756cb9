//! Clients of other makers, and their own tests, against real servers of ours.

mod checks;
mod conversation;
mod dev;
mod install;
mod report;
pub(crate) mod stand_in;
mod suites;
mod transcript;

use anyhow::Result;
use clap::{Args, ValueEnum};
use report::Report;
use std::fmt;
use std::process::ExitCode;
use std::time::Instant;

/// Lines that every server gets: what some checks need, and quick expiry.
const EXTRA: &str = "tickTime=500\nmaxClientCnxns=0\nextendedTypesEnabled=true\n\
                     znode.container.checkIntervalMs=500\n";

/// Which suites, and how their results are told.
#[derive(Args)]
pub(crate) struct Options {
    /// Only these; may be repeated or separated by commas.
    #[arg(long, value_delimiter = ',')]
    only: Vec<Suite>,
    /// Let Apache's servers stand in for ours, as a yardstick.
    #[arg(long, value_enum, default_value_t = Against::Ours)]
    against: Against,
    /// Print the results as one line of JSON at the end.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    differential: crate::differential::Campaigns,
}

/// Whose servers the suites run against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Against {
    Ours,
    Apache,
}

/// A client of another maker, or its tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Suite {
    /// Checks written with kazoo, for Python.
    Kazoo,
    /// kazoo's own tests.
    KazooTests,
    /// Apache's Java shell, its transcript compared with that before Apache's servers.
    JavaShell,
    /// The C library's shell, compared likewise, and its load generator.
    C,
    /// The recipes of Curator, for Java.
    Curator,
    /// Users with passwords, as kazoo and Apache's Java shell prove them.
    Sasl,
    /// Checks written with node-zookeeper-client, for Node.
    Node,
    /// Checks written with go-zookeeper/zk, for Go.
    Go,
    /// That library's own tests.
    GoTests,
    /// Checks written with the crate zookeeper-client.
    ZookeeperClient,
    /// Checks written with the crate zookeeper-async.
    ZookeeperAsync,
    /// That crate's own tests.
    ZookeeperAsyncTests,
    /// Random scripts played against Apache's servers and ours, every answer compared.
    Differential,
}

impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value().expect("no suite is hidden");
        f.write_str(value.get_name())
    }
}

impl Suite {
    fn run(self, options: &Options, report: &mut Report) -> Result<()> {
        match self {
            Suite::Kazoo => suites::kazoo::run(options.against, report),
            Suite::KazooTests => suites::kazoo_tests::run(options.against, report),
            Suite::JavaShell => suites::java_shell::run(options.against, report),
            Suite::C => suites::c::run(report),
            Suite::Curator => suites::curator::run(report),
            Suite::Sasl => suites::sasl::run(report),
            Suite::Node => suites::node::run(report),
            Suite::Go => suites::go::run(report),
            Suite::ZookeeperClient => suites::rust::run(suites::rust::Crate::Client, report),
            Suite::ZookeeperAsync => suites::rust::run(suites::rust::Crate::Async, report),
            Suite::ZookeeperAsyncTests => suites::rust::run_tests(report),
            Suite::GoTests => suites::go::run_tests(options.against, report),
            Suite::Differential => differential(options, report),
        }
    }
}

fn differential(options: &Options, report: &mut Report) -> Result<()> {
    if let Err(error) = crate::apache::jars() {
        report.skipped(&format!("Apache's servers cannot be started: {error:#}"));
        return Ok(());
    }
    if crate::differential::run(&options.differential, options.json)? {
        report.ok("nothing differs that is not declared");
    } else {
        report.failed("the servers differ");
    }
    Ok(())
}

/// Runs the suites one after another and prints the counts of each.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    if options.against == Against::Apache && !stand_in::is_apache()? {
        return stand_in::run_again_against_apache();
    }
    let mut reports = Vec::new();
    for suite in Suite::value_variants() {
        if options.only.is_empty() || options.only.contains(suite) {
            let mut report = Report::new(suite.to_string());
            let start = Instant::now();
            if let Err(error) = suite.run(options, &mut report) {
                report.failed(&format!("{suite}: {error:#}"));
            }
            report.took = start.elapsed();
            println!("{}", report.summary());
            reports.push(report);
        }
    }
    println!();
    for report in &reports {
        for failure in &report.failed {
            println!("failed: {}: {failure}", report.suite);
        }
    }
    for report in &reports {
        println!("{}", report.summary());
    }
    if options.json {
        let all: Vec<_> = reports.iter().map(Report::json).collect();
        println!("{}", serde_json::Value::from(all));
    }
    Ok(if reports.iter().all(Report::good) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
