//! The door to the simulator. It is built in release and run as a program of its own, so that this
//! one stays quick to compile; what it can do, it knows by itself.

use crate::process::{build, program};
use crate::{coverage, mutants, real};
use anyhow::{Context, Result};
use clap::{ArgAction, Args, Subcommand};
use std::process::{Command, ExitCode};

/// Exit codes: 0 pass, 10 safety, 11 history, 12 liveness, 13 resources, 14 nondeterminism,
/// 15 harness.
#[derive(Args)]
#[command(
    args_conflicts_with_subcommands = true,
    disable_help_flag = true,
    disable_help_subcommand = true
)]
pub(crate) struct Options {
    #[command(subcommand)]
    mode: Option<Mode>,
    /// What the simulator is told; `--help` says what that may be.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<String>,
}

#[derive(Subcommand)]
enum Mode {
    /// Switch wrong variants of the code on, one at a time, and hunt for a world that notices.
    Mutants(Outside<mutants::Options>),
    /// Count which lines of the pure crates worlds reach, no other test helping.
    Coverage(Outside<coverage::Options>),
    /// Play a scenario against real servers, ours or Apache's, and judge it as a world is judged.
    Real(Outside<real::Options>),
}

/// What is done from outside of the simulator. Help has to be asked for anew: the simulator gives
/// its own.
#[derive(Args)]
struct Outside<T: Args> {
    #[command(flatten)]
    options: T,
    /// Print help.
    #[arg(long, short, action = ArgAction::Help)]
    help: Option<bool>,
}

/// Runs the simulator; its exit code is this one's.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    match &options.mode {
        Some(Mode::Mutants(told)) => return mutants::run(&told.options),
        Some(Mode::Coverage(told)) => return coverage::run(&told.options),
        Some(Mode::Real(told)) => return real::run(&told.options),
        None => {}
    }
    let has_mutant = options
        .words
        .iter()
        .any(|word| word == "--mutant" || word.starts_with("--mutant="));
    let simulator = if has_mutant {
        mutants::build_simulator()?
    } else {
        build("sim", "simulate")?
    };
    // Where the caller is, so that the files it names are its own.
    let status = Command::new(simulator).args(&options.words).status();
    let status = status.context("cannot start the simulator")?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(ExitCode::from(code.unwrap_or(15)))
}

/// Runs a range of worlds; whether all of them passed.
pub(crate) fn seeds(range: &str) -> Result<bool> {
    let simulator = build("sim", "simulate")?;
    Ok(program(simulator)
        .args(["--seeds", range])
        .status()?
        .success())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Words {
        #[command(flatten)]
        options: Options,
    }

    fn read(words: &[&str]) -> Options {
        let words = ["simulate"].iter().chain(words);
        Words::try_parse_from(words).expect("words").options
    }

    #[test]
    fn the_simulator_is_told_every_word() {
        for words in [
            &["--seed", "3", "--json"][..],
            &["shrink", "--seed=3"],
            &["fleet", "--help"],
            &["--help"],
        ] {
            let options = read(words);
            assert!(options.mode.is_none());
            assert_eq!(options.words, words);
        }
    }

    #[test]
    fn mutants_are_hunted_from_outside() {
        assert!(read(&["mutants", "--quick"]).mode.is_some());
    }
}
