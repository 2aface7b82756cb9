//! Ways to look for failures other than seed after seed, at the command line.

mod sweep;

use clap::{Parser, Subcommand};
use sim::Verdict;
use std::process::ExitCode;

/// Other ways to look for failures than seed after seed.
#[derive(Parser)]
#[command(name = "cargo xtask simulate")]
struct Words {
    #[command(subcommand)]
    way: Way,
}

#[derive(Subcommand)]
enum Way {
    /// Crash every server at every step of a fixed run.
    Sweep(sweep::Options),
}

/// Does what the words ask for, if it is one of these ways.
pub(crate) fn run(words: &[String]) -> Option<ExitCode> {
    if !["sweep"].contains(&words.first()?.as_str()) {
        return None;
    }
    let name = "simulate".to_owned();
    Some(
        match Words::try_parse_from([&name].into_iter().chain(words)) {
            Ok(Words { way }) => match way {
                Way::Sweep(options) => sweep::run(&options),
            },
            Err(error) => {
                println!("{error}");
                let wants_help = !error.use_stderr();
                let verdict = if wants_help {
                    Verdict::Pass
                } else {
                    Verdict::Harness
                };
                ExitCode::from(super::code(verdict))
            }
        },
    )
}
