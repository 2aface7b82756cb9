//! Runs simulated worlds from the command line, side by side across seeds. `cargo xtask simulate`
//! is the door to it.
#![expect(clippy::print_stdout, reason = "the output of a program")]

#[path = "simulate/bench.rs"]
mod bench;
#[path = "simulate/explore.rs"]
mod explore;
#[path = "simulate/faults.rs"]
mod faults;
#[path = "simulate/fleet.rs"]
mod fleet;
#[path = "simulate/golden.rs"]
mod golden;
#[cfg(mutants)]
#[path = "simulate/hunt.rs"]
mod hunt;
#[path = "simulate/longer.rs"]
mod longer;
#[path = "simulate/measured.rs"]
mod measured;
#[path = "simulate/pictures.rs"]
mod pictures;
#[path = "simulate/reports.rs"]
mod reports;
#[path = "simulate/run.rs"]
mod run;
#[path = "simulate/scenarios.rs"]
mod scenarios;
#[path = "simulate/score.rs"]
mod score;
#[path = "simulate/totals.rs"]
mod totals;
#[path = "simulate/walk.rs"]
mod walk;
#[path = "simulate/worlds.rs"]
mod worlds;

use self::worlds::{now, range};
use clap::{Parser, Subcommand};
use sim::Verdict;
use std::path::PathBuf;
use std::process::ExitCode;

/// Runs whole ensembles from seeds: servers, clients, networks, disks and clocks in one thread, the
/// same run in any build. Without a command, runs one world or a range of them.
#[derive(Parser)]
#[command(
    name = "cargo xtask simulate",
    bin_name = "cargo xtask simulate",
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = TEACHING
)]
struct Words {
    #[command(subcommand)]
    task: Option<Task>,
    #[command(flatten)]
    run: run::Options,
}

const TEACHING: &str = "\
A first look:
  cargo xtask simulate --seed 7                 one world, its faults and its verdict
  cargo xtask simulate --seeds 0..200           two hundred of them
  cargo xtask simulate --seed 9 --mutant quorum-off-by-one --ladder
                                                a bug of ours, caught and drawn
  cargo xtask simulate shrink --seed 9 --mutant quorum-off-by-one
                                                the same, cut down to a few lines
  cargo xtask simulate mutants --quick          which of our bugs the worlds notice
  cargo xtask simulate fleet --minutes 10       all cores, and a page at the end

A failure ends with the command that repeats it. docs/simulation.md says how to read one.

Exit codes: 0 pass, 10 safety, 11 history, 12 liveness, 13 resources, 14 nondeterminism, 15 harness.";

#[derive(Subcommand)]
enum Task {
    /// Run each world twice and compare the chains of their events.
    Twice(run::Options),
    /// Count how often each kind of fault of docs/faults.md happens in 2000 worlds of a profile.
    Faults(faults::Options),
    #[command(flatten)]
    Explore(explore::Way),
    /// Run worlds on all cores for a while, and write a page that says what came of it.
    Fleet(fleet::Options),
    /// Cut a failing world down to what makes it fail, and say it as a scenario.
    Shrink(scenarios::Shrinking),
    /// Walk through a run: forwards, back, to an anchor, and asking why.
    Replay(walk::Options),
    /// Run again, bit by bit, what `vivarium serve --record` recorded.
    ReplayRecording {
        /// The directory given to `--record`, or one run in it.
        directory: PathBuf,
    },
    /// Run the seeds whose chains are written down, and compare.
    Golden(golden::Options),
    /// Measure what the simulator is held to, and print it beside the goals.
    Score(score::Options),
    /// Check a made-up history, and print how fast that was.
    BenchHistory(bench::Options),
}

fn main() -> ExitCode {
    let words = match Words::try_parse() {
        Ok(words) => words,
        Err(error) => {
            println!("{error}");
            let verdict = if error.use_stderr() {
                Verdict::Harness
            } else {
                Verdict::Pass
            };
            return exit(verdict);
        }
    };
    match words.task {
        None => run::run(&words.run, run::Mode::Once),
        Some(Task::Twice(options)) => run::run(&options, run::Mode::Twice),
        Some(Task::Faults(options)) => faults::run(&options),
        Some(Task::Explore(way)) => explore::run(&way),
        Some(Task::Fleet(options)) => fleet::run(&options),
        Some(Task::Shrink(shrinking)) => scenarios::shrink(&shrinking),
        Some(Task::Replay(options)) => walk::run(&options),
        Some(Task::ReplayRecording { directory }) => {
            let (verdict, text) = sim::replay_recording(&directory);
            println!("{text}");
            exit(verdict)
        }
        Some(Task::Golden(options)) => golden::run(&options),
        Some(Task::Score(options)) => score::run(&options),
        Some(Task::BenchHistory(options)) => bench::run(&options),
    }
}

/// The exit code that says a verdict.
fn exit(verdict: Verdict) -> ExitCode {
    ExitCode::from(code(verdict))
}

fn code(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Pass => 0,
        Verdict::Safety => 10,
        Verdict::History => 11,
        Verdict::Liveness => 12,
        Verdict::Resource => 13,
        Verdict::Nondeterminism => 14,
        Verdict::Harness => 15,
    }
}

/// Says what is in the way of the simulator itself.
fn hindered(what: impl core::fmt::Display) -> ExitCode {
    println!("{what}");
    exit(Verdict::Harness)
}
