//! The door to the simulator. It is built in release and run as a program of its own, so that this
//! one stays quick to compile.

use crate::process::{build, program, target};
use crate::{coverage, mutants, real};
use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

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
    /// What a file of the scenario language says, see `docs/scenarios.md`.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["seed", "seeds"])]
    scenario: Option<PathBuf>,
    /// A range of worlds, as `A..B`, B left out.
    #[arg(long)]
    seeds: Option<String>,
    /// Which faults and how many.
    #[arg(long)]
    profile: Option<String>,
    /// Print one JSON object per world instead of text.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    seen: Seen,
    /// Worlds to run side by side; as many as the machine has cores unless told otherwise.
    #[arg(long)]
    jobs: Option<usize>,
}

/// What to see of the first world that fails, or of the first one.
#[derive(Args)]
struct Seen {
    /// Write every event with its causes; as text when the name ends with `.txt`.
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Write a page for browsers that needs no network and no other file.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write a drawing of the events that matter.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Print the transitions, one column per server.
    #[arg(long)]
    ladder: bool,
    /// Print what everybody was at an event.
    #[arg(long, value_name = "EVENT")]
    until: Option<String>,
    /// Switch a wrong variant of the code on, to see it caught.
    #[arg(long, value_name = "NAME")]
    mutant: Option<String>,
}

impl Seen {
    fn pass_to(&self, command: &mut Command) -> Result<()> {
        let files = [
            ("--trace", &self.trace),
            ("--html", &self.html),
            ("--svg", &self.svg),
        ];
        for (option, file) in files {
            if let Some(file) = file {
                command.arg(option).arg(std::path::absolute(file)?);
            }
        }
        if self.ladder {
            command.arg("--ladder");
        }
        let words = [("--until", &self.until), ("--mutant", &self.mutant)];
        for (option, word) in words {
            if let Some(word) = word {
                command.args([option, word]);
            }
        }
        command.arg("--pictures").arg(target().join("simulate"));
        Ok(())
    }

    fn simulator(&self) -> Result<PathBuf> {
        match self.mutant {
            Some(_) => mutants::build_simulator(),
            None => build("sim", "simulate"),
        }
    }
}

#[derive(Subcommand)]
enum Mode {
    /// Run each world twice and compare the chains of their events.
    Twice {
        #[command(flatten)]
        swarm: Swarm,
    },
    /// Run the seeds whose chains are written down, each twice, and compare.
    Golden {
        /// Write down the chains as they are now.
        #[arg(long)]
        bless: bool,
    },
    /// Measure what the simulator is held to, and print it beside the goals.
    Score {
        /// Few seeds: a minute instead of several.
        #[arg(long)]
        quick: bool,
        /// Print JSON instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Run again, bit by bit, what `vivarium serve --record` recorded.
    ReplayRecording {
        /// The directory given to `--record`, or one run in it.
        directory: PathBuf,
    },
    /// Walk through a run: forwards, back, to an anchor, and asking why.
    Replay {
        #[command(flatten)]
        swarm: Swarm,
        /// Commands to follow, separated by `;`, instead of what is typed.
        #[arg(long)]
        commands: Option<String>,
    },
    /// Crash every server at every step of a fixed run, with each outcome for unsynced writes.
    Sweep(Passed),
    /// Count how often each kind of fault of docs/faults.md happens in 2000 worlds, or in `--seeds`.
    Faults(Passed),
    /// See every state of a tiny ensemble of bare protocol machines.
    Exhaust(Passed),
    /// Order what happens in a tiny ensemble by random priorities.
    Pct(Passed),
    /// Go on from states that no world had before, with other chances.
    Branch(Passed),
    /// Cut a failing world down to what makes it fail, and say it as a scenario.
    Shrink {
        /// The world.
        #[arg(long)]
        seed: u64,
        /// Which faults and how many.
        #[arg(long)]
        profile: Option<String>,
        /// How long, at most.
        #[arg(long, default_value_t = 60)]
        seconds: u64,
        /// Where to write the scenario.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        /// A wrong variant of the code to switch on.
        #[arg(long)]
        mutant: Option<String>,
    },
    /// Play a scenario against real servers, ours or Apache's, and judge it as a world is judged.
    Real(real::Options),
    /// Switch wrong variants of the code on, one at a time, and hunt for a world that notices.
    Mutants(mutants::Options),
    /// Count which lines of the pure crates worlds reach, no other test helping.
    Coverage(coverage::Options),
}

/// Words that the simulator reads itself.
#[derive(Args)]
#[command(disable_help_flag = true)]
struct Passed {
    /// Options; `--help` tells them.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<String>,
}

impl Passed {
    fn run(&self, mode: &str) -> Result<ExitCode> {
        let has_mutant = self.words.iter().any(|word| word.starts_with("--mutant"));
        let simulator = if has_mutant {
            mutants::build_simulator()?
        } else {
            build("sim", "simulate")?
        };
        let mut command = program(simulator);
        command.arg(mode).args(&self.words);
        command.arg("--pictures").arg(target().join("simulate"));
        code_of(&mut command)
    }
}

/// Runs the simulator; its exit code is this one's.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    match &options.mode {
        None if options.swarm.scenario.is_some() => play(&options.swarm),
        None => start(&[], &options.swarm),
        Some(Mode::Shrink {
            seed,
            profile,
            seconds,
            out,
            mutant,
        }) => {
            let named = [("--profile", profile), ("--mutant", mutant)];
            shrink(*seed, *seconds, &named, out.as_deref())
        }
        Some(Mode::Twice { swarm }) => start(&["twice"], swarm),
        Some(Mode::Golden { bless }) => with("golden", &[("--bless", *bless)]),
        Some(Mode::Score { quick, json }) => {
            with("score", &[("--quick", *quick), ("--json", *json)])
        }
        Some(Mode::ReplayRecording { directory }) => replay(directory),
        Some(Mode::Replay { swarm, commands }) => match commands {
            Some(commands) => start(&["replay", "--commands", commands], swarm),
            None => start(&["replay"], swarm),
        },
        Some(Mode::Sweep(passed)) => passed.run("sweep"),
        Some(Mode::Real(options)) => real::run(options),
        Some(Mode::Faults(passed)) => passed.run("faults"),
        Some(Mode::Exhaust(passed)) => passed.run("exhaust"),
        Some(Mode::Pct(passed)) => passed.run("pct"),
        Some(Mode::Branch(passed)) => passed.run("branch"),
        Some(Mode::Mutants(options)) => mutants::run(options),
        Some(Mode::Coverage(options)) => coverage::run(options),
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

fn shrink(
    seed: u64,
    seconds: u64,
    named: &[(&str, &Option<String>); 2],
    out: Option<&Path>,
) -> Result<ExitCode> {
    let has_mutant = named[1].1.is_some();
    let simulator = if has_mutant {
        mutants::build_simulator()?
    } else {
        build("sim", "simulate")?
    };
    let mut command = program(simulator);
    command.arg("shrink").args(["--seed", &seed.to_string()]);
    command.args(["--seconds", &seconds.to_string()]);
    for (name, value) in named {
        if let Some(value) = value {
            command.arg(name).arg(value);
        }
    }
    if let Some(out) = out {
        command.arg("--out").arg(std::path::absolute(out)?);
    }
    code_of(&mut command)
}

fn play(swarm: &Swarm) -> Result<ExitCode> {
    let file = swarm.scenario.as_ref().context("a scenario was given")?;
    let mut command = program(build("sim", "simulate")?);
    command.arg("--scenario").arg(std::path::absolute(file)?);
    code_of(&mut command)
}

/// Runs the simulator in another mode, with those flags that are set.
fn with(mode: &str, flags: &[(&str, bool)]) -> Result<ExitCode> {
    let mut command = program(build("sim", "simulate")?);
    command.arg(mode);
    let set = flags.iter().filter(|(_, is_set)| *is_set);
    command.args(set.map(|(flag, _)| flag));
    code_of(&mut command)
}

fn replay(directory: &Path) -> Result<ExitCode> {
    let mut command = program(build("sim", "simulate")?);
    command.arg("replay-recording");
    command.arg(std::path::absolute(directory)?);
    code_of(&mut command)
}

fn start(mode: &[&str], swarm: &Swarm) -> Result<ExitCode> {
    let mut command = program(swarm.seen.simulator()?);
    command.args(mode);
    if mode == ["replay"] {
        command.stdin(Stdio::inherit());
    }
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
    swarm.seen.pass_to(&mut command)?;
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
