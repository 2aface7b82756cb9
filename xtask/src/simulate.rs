//! The door to the simulator. It is built in release and run as a program of its own, so that this
//! one stays quick to compile.

use crate::process::{build, cargo, output, program, root, run as run_program, target};
use anyhow::{Context, Result, bail, ensure};
use clap::{Args, Subcommand};
use std::collections::{BTreeSet, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// Exit codes: 0 pass, 10 safety, 11 history, 12 liveness, 13 resources, 14 nondeterminism,
/// 15 harness.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Options {
    #[command(subcommand)]
    mode: Option<Mode>,
    #[command(flatten)]
    swarm: Swarm,
}

/// Independent worlds, each decided by its seed.
#[derive(Args)]
struct Swarm {
    /// One world.
    #[arg(long, conflicts_with = "seeds")]
    seed: Option<u64>,
    /// A range of worlds, as `A..B`, B left out.
    #[arg(long)]
    seeds: Option<String>,
    /// Which faults and how many.
    #[arg(long)]
    profile: Option<String>,
    /// Print one JSON object per world instead of text.
    #[arg(long)]
    json: bool,
    /// Write every event of the world to this file; for one seed.
    #[arg(long, value_name = "FILE", requires = "seed")]
    trace: Option<PathBuf>,
    /// Worlds to run side by side; as many as the machine has cores unless told otherwise.
    #[arg(long)]
    jobs: Option<usize>,
}

#[derive(Subcommand)]
enum Mode {
    /// Run each world twice and compare the chains of their events.
    Twice {
        #[command(flatten)]
        swarm: Swarm,
    },
    /// Run again, bit by bit, what `vivarium serve --record` recorded.
    ReplayRecording {
        /// The directory given to `--record`, or one run in it.
        directory: PathBuf,
    },
    /// Switch wrong variants of the code on, one at a time, and hunt for a world that notices.
    Mutants {
        /// How many worlds each of them may survive.
        #[arg(long, default_value_t = 200)]
        seeds: u64,
        /// Only these.
        #[arg(long, value_delimiter = ',')]
        only: Vec<String>,
        /// Mutants to hunt side by side.
        #[arg(long)]
        jobs: Option<usize>,
    },
}

/// Runs the simulator; its exit code is this one's.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    match &options.mode {
        None => start(&[], &options.swarm),
        Some(Mode::Twice { swarm }) => start(&["twice"], swarm),
        Some(Mode::ReplayRecording { directory }) => replay(directory),
        Some(Mode::Mutants { seeds, only, jobs }) => hunt(*seeds, only, *jobs),
    }
}

/// Runs a range of worlds; whether all of them passed.
pub(crate) fn seeds(range: &str) -> Result<bool> {
    let simulator = build("sim", "simulate")?;
    Ok(program(simulator)
        .args(["--seeds", range])
        .status()?
        .success())
}

fn replay(directory: &Path) -> Result<ExitCode> {
    let mut command = program(build("sim", "simulate")?);
    command.arg("replay-recording");
    command.arg(std::path::absolute(directory)?);
    code_of(&mut command)
}

fn start(mode: &[&str], swarm: &Swarm) -> Result<ExitCode> {
    let simulator = build("sim", "simulate")?;
    let mut command = program(simulator);
    command.args(mode);
    match (&swarm.seed, &swarm.seeds) {
        (Some(seed), _) => command.arg("--seed").arg(seed.to_string()),
        (None, Some(range)) => command.arg("--seeds").arg(range),
        (None, None) => command.args(["--seed", "0"]),
    };
    if let Some(profile) = &swarm.profile {
        command.arg("--profile").arg(profile);
    }
    if swarm.json {
        command.arg("--json");
    }
    if let Some(file) = &swarm.trace {
        command.arg("--trace").arg(std::path::absolute(file)?);
    }
    if let Some(jobs) = swarm.jobs {
        command.arg("--jobs").arg(jobs.to_string());
    }
    code_of(&mut command)
}

fn code_of(simulator: &mut Command) -> Result<ExitCode> {
    let status = simulator.status().context("cannot start the simulator")?;
    let code = status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .unwrap_or(15);
    Ok(ExitCode::from(code))
}

/// What became of one mutant.
struct Hunt {
    name: String,
    /// The seed that noticed and the rule it broke, or none.
    killed: Option<(String, String)>,
}

fn hunt(seeds: u64, only: &[String], jobs: Option<usize>) -> Result<ExitCode> {
    let simulator = build_with_mutants()?;
    let mut names = mutants()?;
    for name in only {
        ensure!(names.contains(name), "there is no mutant called {name}");
    }
    if !only.is_empty() {
        names.retain(|name| only.contains(name));
    }
    ensure!(!names.is_empty(), "no source names a mutant");
    let except = failing_without(&simulator, seeds)?;
    let jobs = jobs.unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from));
    let waiting = Mutex::new(names.into_iter().collect::<VecDeque<_>>());
    let done = Mutex::new(Vec::new());
    println!("{:<44} {:>8}  rule", "mutant", "seed");
    thread::scope(|scope| -> Result<()> {
        let hunters: Vec<_> = (0..jobs.max(1))
            .map(|_| {
                scope.spawn(|| -> Result<()> {
                    while let Some(name) = lock(&waiting).pop_front() {
                        let hunt = hunt_one(&simulator, &name, seeds, &except)?;
                        print_hunt(&hunt);
                        lock(&done).push(hunt);
                    }
                    Ok(())
                })
            })
            .collect();
        hunters
            .into_iter()
            .try_for_each(|hunter| hunter.join().expect("a hunter returns"))
    })?;
    let done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    let killed = done.iter().filter(|hunt| hunt.killed.is_some()).count();
    println!(
        "{killed} of {} mutants killed within {seeds} seeds each",
        done.len()
    );
    Ok(if killed == done.len() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn print_hunt(hunt: &Hunt) {
    match &hunt.killed {
        Some((seed, rule)) => println!("{:<44} {seed:>8}  {rule}", hunt.name),
        None => println!("{:<44} {:>8}  survived", hunt.name, "-"),
    }
}

fn build_with_mutants() -> Result<PathBuf> {
    println!("building simulate with mutants");
    let folder = target().join("mutants");
    let mut command = cargo();
    command.args([
        "build",
        "--quiet",
        "--release",
        "--package",
        "sim",
        "--bin",
        "simulate",
    ]);
    command.arg("--target-dir").arg(&folder);
    // The warnings of a build that nobody ships are those of the ordinary one.
    run_program(command.env(
        "CARGO_ENCODED_RUSTFLAGS",
        "--cfg\u{1f}mutants\u{1f}-Awarnings",
    ))?;
    Ok(folder.join("release").join("simulate"))
}

/// The worlds that fail with no mutant switched on, joined by commas. What kills without a mutant
/// proves nothing about one.
fn failing_without(simulator: &Path, seeds: u64) -> Result<String> {
    let mut command = program(simulator);
    command.args(["--json", "--seeds", &format!("0..{seeds}")]);
    let output = command.output().context("cannot start the simulator")?;
    let printed = String::from_utf8_lossy(&output.stdout);
    let failing: Vec<&str> = printed
        .lines()
        .filter(|line| !line.contains("\"verdict\":\"pass\""))
        .filter_map(|line| line.strip_prefix("{\"seed\":")?.split(',').next())
        .collect();
    if !failing.is_empty() {
        println!(
            "without a mutant these worlds fail already: {}",
            failing.join(" ")
        );
    }
    Ok(failing.join(","))
}

/// Runs worlds with one mutant switched on until one of them fails. The simulator's last line of
/// a failure is `killed <seed> <rule>` in this mode.
fn hunt_one(simulator: &Path, name: &str, seeds: u64, except: &str) -> Result<Hunt> {
    let mut command = program(simulator);
    let range = format!("0..{seeds}");
    command.args(["--mutant", name, "--seeds", &range, "--jobs", "1"]);
    if !except.is_empty() {
        command.args(["--except", except]);
    }
    let output = command.output().context("cannot start the simulator")?;
    let printed = String::from_utf8_lossy(&output.stdout);
    let last = printed.lines().last().unwrap_or_default();
    let killed = match last
        .strip_prefix("killed ")
        .and_then(|rest| rest.split_once(' '))
    {
        Some((seed, rule)) => Some((seed.to_owned(), rule.to_owned())),
        None if output.status.success() => None,
        // A panic on the way is a kill, too, if an unhelpful one.
        None if output.status.code() != Some(15) => {
            Some(("?".to_owned(), format!("ended with {}", output.status)))
        }
        None => bail!("the simulator failed on {name}: {last}"),
    };
    Ok(Hunt {
        name: name.to_owned(),
        killed,
    })
}

/// The names that stand in the sources of the pure crates.
fn mutants() -> Result<BTreeSet<String>> {
    let listed = output(program("git").args(["ls-files", "--", "crates/*.rs"]))?;
    let mut names = BTreeSet::new();
    for file in listed.lines() {
        let text = fs::read_to_string(root().join(file)).with_context(|| file.to_owned())?;
        names.extend(mutants_in(&text));
    }
    Ok(names)
}

fn mutants_in(text: &str) -> impl Iterator<Item = String> {
    text.split("mutant!(").skip(1).filter_map(|rest| {
        let name = rest.trim_start().strip_prefix('"')?.split('"').next()?;
        Some(name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mutants_are_found_by_their_names_also_across_lines() {
        let text = "let a = mutant!(\"ack-early\", 1, 2);\nzk_types::mutant!(\n    \"late\", 1, 2)\n\
                    macro_rules! mutant { () => {} }";
        assert_eq!(mutants_in(text).collect::<Vec<_>>(), ["ack-early", "late"]);
    }
}
