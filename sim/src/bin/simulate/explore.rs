//! Ways to look for failures other than seed after seed, at the command line.

mod branch;
mod cores;
mod sweep;

use crate::exit;
use crate::worlds::kept;
use clap::Subcommand;
use std::process::ExitCode;

/// Other ways to look for failures than seed after seed.
#[derive(Subcommand)]
pub(crate) enum Way {
    /// Crash every server at every step of a fixed run, with each outcome for unsynced writes.
    Sweep(sweep::Options),
    /// See every state of a tiny ensemble of bare protocol machines.
    Exhaust(cores::Exhaust),
    /// Order what happens in a tiny ensemble by random priorities.
    Pct(cores::Pct),
    /// Go on from states that no world had before, with other chances.
    Branch(branch::Options),
}

/// Looks for failures in one of these ways.
pub(crate) fn run(way: &Way) -> ExitCode {
    exit(match way {
        Way::Sweep(options) => sweep::run(options, &kept()),
        Way::Exhaust(options) => cores::exhaust(options),
        Way::Pct(options) => cores::pct(options),
        Way::Branch(options) => branch::run(options, &kept()),
    })
}
