//! Scenarios at the command line: playing one, and cutting a failing seed down to one.

use super::{code, now, number};
use sim::{Options, Profile, Scenario, Trace, Verdict};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// What of scenarios the command line asks for.
pub(crate) enum Asked {
    /// Play what a file says.
    Play(PathBuf),
    /// Cut a failing seed down.
    Shrink(Shrinking),
}

/// A seed to be cut down.
pub(crate) struct Shrinking {
    seed: u64,
    profile: Profile,
    /// How long, at most.
    seconds: u64,
    mutant: Option<String>,
    /// Where to write the scenario that is left.
    out: Option<PathBuf>,
}

/// What the words ask for, if it is something of scenarios.
pub(crate) fn parse(words: &[String]) -> Option<Result<Asked, String>> {
    match words.first()?.as_str() {
        "--scenario" => {
            let file = words
                .get(1)
                .ok_or_else(|| "--scenario wants a file".to_owned());
            Some(file.map(|file| Asked::Play(file.into())))
        }
        "shrink" => Some(parse_shrinking(&words[1..]).map(Asked::Shrink)),
        _ => None,
    }
}

fn parse_shrinking(words: &[String]) -> Result<Shrinking, String> {
    let mut shrinking = Shrinking {
        seed: 0,
        profile: Profile::Swarm,
        seconds: 60,
        mutant: None,
        out: None,
    };
    for pair in words.chunks(2) {
        let [word, value] = pair else {
            return Err(format!("{} wants a value", pair[0]));
        };
        match word.as_str() {
            "--seed" => shrinking.seed = number(value)?,
            "--profile" => {
                shrinking.profile = value.parse().map_err(|unknown| format!("{unknown}"))?;
            }
            "--seconds" => {
                shrinking.seconds = value.parse().map_err(|error| format!("{value}: {error}"))?;
            }
            "--mutant" => shrinking.mutant = Some(value.clone()),
            "--out" => shrinking.out = Some(value.into()),
            _ => return Err(format!("what is {word}?")),
        }
    }
    Ok(shrinking)
}

/// Does what was asked for.
pub(crate) fn run(asked: &Asked) -> ExitCode {
    let verdict = match asked {
        Asked::Play(file) => play(file),
        Asked::Shrink(shrinking) => shrink(shrinking),
    };
    verdict.map_or_else(
        |error| {
            println!("{error}");
            ExitCode::from(code(Verdict::Harness))
        },
        |verdict| ExitCode::from(code(verdict)),
    )
}

/// Plays a scenario, and says what happened and whether that was expected.
fn play(file: &Path) -> Result<Verdict, String> {
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
fn shrink(shrinking: &Shrinking) -> Result<Verdict, String> {
    let started = now();
    let until = started + Duration::from_secs(shrinking.seconds);
    let options = Options {
        seed: shrinking.seed,
        profile: shrinking.profile,
        trace: Trace::Off,
    };
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
