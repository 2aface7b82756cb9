//! Switches a mutant on and looks for worlds that notice.

use crate::run::Options;
use crate::worlds::world;
use crate::{exit, pictures};
use sim::Verdict;
use std::io;
use std::process::ExitCode;

/// Looks for a seed that notices, or for all of them. Prints `killed <seed> <rule>` for each.
pub(crate) fn run(options: &Options) -> ExitCode {
    let (known, mutant) = (options.first, options.mutant.as_deref().unwrap_or_default());
    let others = options.worlds.seeds().filter(|seed| Some(*seed) != known);
    let seeds = known.into_iter().chain(others);
    let mut last = Verdict::Pass;
    for kill in sim::hunt(mutant, options.worlds.profile, seeds) {
        println!("killed {} {}", kill.seed, kill.rule.replace('\n', " "));
        last = kill.verdict;
        if let Err(error) = show(&kill, options) {
            println!("{error}");
        }
        if !options.count {
            break;
        }
    }
    exit(last)
}

/// Shows what is wanted of a run in which a mutant died.
fn show(kill: &sim::Kill, options: &Options) -> io::Result<()> {
    if options.wanted.is_nothing() {
        return Ok(());
    }
    let chronicle = pictures::record(&world(kill.seed, kill.profile), &kill.mutant);
    let chronicle = chronicle.ok_or_else(|| io::Error::other("the run cannot be recorded"))?;
    pictures::show(&chronicle, &options.wanted)
}
