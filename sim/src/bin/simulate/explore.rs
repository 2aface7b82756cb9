//! Ways to look for failures other than seed after seed, at the command line.

mod branch;
mod cores;
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
    /// Where pictures are kept.
    #[arg(long, global = true, hide = true, default_value = "target/simulate")]
    pictures: std::path::PathBuf,
}

#[derive(Subcommand)]
enum Way {
    /// Crash every server at every step of a fixed run.
    Sweep(sweep::Options),
    /// See every state of a tiny ensemble.
    Exhaust(cores::Exhaust),
    /// Order what happens in a tiny ensemble by random priorities.
    Pct(cores::Pct),
    /// Go on from states that no world had before, with other chances.
    Branch(branch::Options),
}

/// Does what the words ask for, if it is one of these ways.
pub(crate) fn run(words: &[String]) -> Option<ExitCode> {
    let ways = ["sweep", "exhaust", "pct", "branch"];
    if !ways.contains(&words.first()?.as_str()) {
        return None;
    }
    let name = "simulate".to_owned();
    let verdict = match Words::try_parse_from([&name].into_iter().chain(words)) {
        Ok(Words { way, pictures }) => match way {
            Way::Sweep(options) => sweep::run(&options, &pictures),
            Way::Exhaust(options) => cores::exhaust(&options),
            Way::Pct(options) => cores::pct(&options),
            Way::Branch(options) => branch::run(&options, &pictures),
        },
        Err(error) => {
            println!("{error}");
            if error.use_stderr() {
                Verdict::Harness
            } else {
                Verdict::Pass
            }
        }
    };
    Some(ExitCode::from(crate::code(verdict)))
}
