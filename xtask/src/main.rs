//! Chores of this repository, behind one door: `cargo xtask <command>`.
#![expect(clippy::print_stdout, reason = "a chore's output is its product")]
#![allow(
    clippy::disallowed_methods,
    reason = "chores drive real processes: they read the clock and wait for it"
)]

mod apache;
mod bench;
mod chaos;
mod coverage;
mod differential;
mod ensemble;
mod hostile;
mod interop;
mod measure;
mod memory;
mod mutants;
mod mutation;
mod process;
mod real;
mod score_rows;
mod simulate;
mod test;
mod tidy;
mod view_check;
mod watches;
mod wires;
mod zk;

use anyhow::Result;
use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Chores of the Vivarium repository.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Check the rules of the house: dependencies, layers, no_std, formatting, lints, documentation.
    Tidy(tidy::Options),
    /// Run every test, then two hundred simulated worlds; ends with the counts.
    Test(test::Options),
    /// What continuous integration runs: tidy, test, and the quick mutants.
    Ci,
    /// Run simulated ensembles from seeds.
    Simulate(Box<simulate::Options>),
    /// Let an outside tool mutate sources; do the tests of the crate or a simulated world notice?
    Mutation(mutation::Options),
    /// Look at the page of a failing run in a real browser.
    ViewCheck(view_check::Options),
    /// Let clients of other makers, and their own tests, use real servers.
    Interop(interop::Options),
    /// Kill, stop and restart real servers under load, then look for every acknowledged write.
    Chaos(chaos::Options),
    /// Measure resident bytes per znode and the time a restart takes.
    Memory(memory::Options),
    /// Load real servers beside their peers, and compare.
    Bench(bench::Options),
    /// Send a real server nonsense while a normal client measures its latency.
    Hostile(hostile::Options),
    /// Measure what watches cost: the table alone, and a real server with a million of them.
    Watches(watches::Options),
    /// What the tests of others find in the place of `java` and `zkServer.sh`.
    #[command(hide = true)]
    StandIn(interop::stand_in::Options),
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(code) => code,
        Err(error) => {
            println!("failed: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<ExitCode> {
    match command {
        Command::Tidy(options) => tidy::run(&options),
        Command::Test(options) => test::run(&options),
        Command::Ci => {
            let tidied = tidy::run(&tidy::Options::default())?;
            let tested = test::run(&test::Options::default())?;
            let hunted = mutants::run(&mutants::Options::quick())?;
            let all = [tidied, tested, hunted];
            let failed = all.into_iter().find(|code| *code != ExitCode::SUCCESS);
            Ok(failed.unwrap_or(ExitCode::SUCCESS))
        }
        Command::Simulate(options) => simulate::run(&options),
        Command::Mutation(options) => mutation::run(&options),
        Command::ViewCheck(options) => view_check::run(&options),
        Command::Interop(options) => interop::run(&options),
        Command::Chaos(options) => chaos::run(&options),
        Command::Memory(options) => memory::run(&options),
        Command::Bench(options) => bench::run(&options),
        Command::Hostile(options) => hostile::run(&options),
        Command::Watches(options) => watches::run(&options),
        Command::StandIn(options) => interop::stand_in::run(&options),
    }
}
