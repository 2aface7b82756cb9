//! Scenarios at the command line: playing one, and cutting a failing seed down to one.

use crate::worlds::{now, profile, seed, world};
use crate::{exit, hindered};
use clap::Args;
use sim::{Profile, Scenario, Verdict};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// A seed to be cut down.
#[derive(Args)]
pub(crate) struct Shrinking {
    /// The world.
    #[arg(long, value_name = "N", value_parser = seed, default_value = "0")]
    seed: u64,
    /// Which faults and how many.
    #[arg(long, default_value = "swarm", value_parser = profile())]
    profile: Profile,
    /// How long, at most.
    #[arg(long, value_name = "N", default_value_t = 60)]
    seconds: u64,
    /// A wrong variant of the code to switch on.
    #[arg(long, value_name = "NAME")]
    mutant: Option<String>,
    /// Where to write the scenario that is left.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Plays what a file says.
pub(crate) fn play(file: &Path) -> ExitCode {
    played(file).map_or_else(hindered, exit)
}

/// Cuts a failing seed down.
pub(crate) fn shrink(shrinking: &Shrinking) -> ExitCode {
    shrunk(shrinking).map_or_else(hindered, exit)
}

/// Plays a scenario, and says what happened and whether that was expected.
fn played(file: &Path) -> Result<Verdict, String> {
    let name = file.display();
    let text = fs::read_to_string(file).map_err(|error| format!("{name}: {error}"))?;
    let scenario = Scenario::read(&text).map_err(|error| format!("{name}: {error}"))?;
    let outcome = sim::run_scenario(&scenario);
    for line in &outcome.transcript {
        println!("{line}");
    }
    let Some(surprise) = outcome.surprise else {
        println!("as expected");
        return Ok(Verdict::Pass);
    };
    for line in &outcome.report.story {
        println!("{line}");
    }
    println!("not as expected: {surprise}");
    let verdict = outcome.report.verdict;
    let is_other = verdict == Verdict::Pass;
    Ok(if is_other { Verdict::Harness } else { verdict })
}

/// Cuts a failing seed down, and says what is left of it.
fn shrunk(shrinking: &Shrinking) -> Result<Verdict, String> {
    let started = now();
    let until = started + Duration::from_secs(shrinking.seconds);
    let options = world(shrinking.seed, shrinking.profile);
    let may_go_on = &mut || now() < until;
    let shrunk = match &shrinking.mutant {
        Some(mutant) => sim::shrink_hunt(mutant, &options, may_go_on),
        None => sim::shrink(sim::record(&options).1, may_go_on, &mut |_| true),
    };
    let shrunk = shrunk.ok_or_else(|| format!("seed {} breaks no rule", options.seed))?;
    for line in &shrunk.report.story {
        println!("{line}");
    }
    let text = shrunk.scenario(options.seed).print()?;
    println!("{text}");
    if let Some(file) = &shrinking.out {
        fs::write(file, &text).map_err(|error| format!("{}: {error}", file.display()))?;
    }
    let (before, after) = (shrunk.before, shrunk.after);
    println!(
        "shrunk: {} operations of {}, {} deviations of {}, {} events of {}; {} runs in {} ms",
        after.ops,
        before.ops,
        after.deviations,
        before.deviations,
        after.events,
        before.events,
        shrunk.tries,
        started.elapsed().as_millis()
    );
    Ok(shrunk.report.verdict)
}
