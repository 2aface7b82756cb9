//! One mutant after the other against tests and simulated worlds.

use super::weave::Mutant;
use anyhow::{Context, Result, bail};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, mpsc};
use std::thread;

/// Seconds of computing that a program of tests is given first; it is given more until it passes
/// without a mutant.
const TESTS_SECONDS: u32 = 5;
/// Longer than any program of tests needs.
const TESTS_SECONDS_MAX: u32 = 320;
/// Tests that switch mutants of their own on, which others would notice.
const NO_TESTS_OF_TESTS: [&str; 2] = ["--skip", "every_mutant_is_noticed"];
/// Seconds of computing that the worlds of one profile may need.
const WORLDS_SECONDS: u32 = 120;
/// Kibibytes of address space of a trial, so that a mutant that never stops asking for memory
/// ends.
const MEMORY: &str = "4000000";

/// What was built.
pub(crate) struct Programs {
    /// The tests of each package.
    pub(crate) tests: BTreeMap<String, Vec<Tests>>,
    pub(crate) simulator: PathBuf,
    /// The woven workspace.
    pub(crate) root: PathBuf,
}

/// A program of tests.
pub(crate) struct Tests {
    program: PathBuf,
    /// Seconds of computing after which it will not come to an end.
    seconds: u32,
}

impl Tests {
    /// Finds out how long a program of tests, run in this folder, takes without a mutant.
    pub(crate) fn measured(program: PathBuf, folder: &Path) -> Result<Self> {
        let mut seconds = TESTS_SECONDS;
        loop {
            match attempt(&program, &NO_TESTS_OF_TESTS, folder, 0, seconds)? {
                End::Well => {
                    let seconds = seconds * 2;
                    return Ok(Self { program, seconds });
                }
                End::Late if seconds < TESTS_SECONDS_MAX => seconds *= 2,
                End::Late => bail!("{} does not end without a mutant", program.display()),
                End::Badly(printed) => {
                    bail!("{} fails without a mutant: {printed}", program.display())
                }
            }
        }
    }
}

/// What became of a mutant.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    /// A test failed, or the program of tests ended otherwise.
    Tests(String),
    /// A world failed; its seed, profile and rule.
    Simulator(String),
    /// It never came to an end.
    Timeout(&'static str),
    Survived,
}

impl Outcome {
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Outcome::Tests(_) => "caught by tests",
            Outcome::Simulator(_) => "caught by the simulator",
            Outcome::Timeout(_) => "timed out",
            Outcome::Survived => "survived",
        }
    }

    pub(crate) fn by(&self) -> String {
        match self {
            Outcome::Tests(by) | Outcome::Simulator(by) => by.clone(),
            Outcome::Timeout(by) => (*by).to_owned(),
            Outcome::Survived => String::new(),
        }
    }
}

/// A mutant that was tried.
pub(crate) struct Done {
    pub(crate) number: u32,
    pub(crate) outcome: Outcome,
}

/// Tries mutants side by side, and tells of each as soon as it is done.
pub(crate) fn all(
    programs: &Programs,
    mutants: &BTreeMap<u32, Mutant>,
    woven: &BTreeSet<u32>,
    jobs: usize,
    seeds: u64,
    mut tell: impl FnMut(&Done),
) -> Result<BTreeMap<u32, Outcome>> {
    let waiting = Mutex::new(woven.iter().copied().collect::<VecDeque<u32>>());
    let mut outcomes = BTreeMap::new();
    thread::scope(|scope| -> Result<()> {
        let (sender, receiver) = mpsc::channel();
        for _ in 0..jobs.max(1) {
            let (sender, waiting) = (sender.clone(), &waiting);
            scope.spawn(move || {
                loop {
                    let next = waiting.lock().expect("nobody panics").pop_front();
                    let Some(number) = next else {
                        return;
                    };
                    let outcome = one(programs, &mutants[&number], number, seeds);
                    let done = outcome.map(|outcome| Done { number, outcome });
                    if sender.send(done).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        for done in receiver {
            let done = done?;
            tell(&done);
            outcomes.insert(done.number, done.outcome);
        }
        Ok(())
    })?;
    Ok(outcomes)
}

fn one(programs: &Programs, mutant: &Mutant, number: u32, seeds: u64) -> Result<Outcome> {
    let folder = programs.root.join("crates").join(&mutant.package);
    for test in &programs.tests[&mutant.package] {
        match attempt(
            &test.program,
            &NO_TESTS_OF_TESTS,
            &folder,
            number,
            test.seconds,
        )? {
            End::Well => {}
            End::Late => return Ok(Outcome::Timeout("tests")),
            End::Badly(printed) => {
                let failed = printed.lines().find(|line| line.ends_with("... FAILED"));
                let by = failed.map_or_else(|| "a test that ended otherwise".into(), first_test);
                return Ok(Outcome::Tests(by));
            }
        }
    }
    let range = format!("0..{seeds}");
    for profile in ["lite", "swarm"] {
        let words = [
            "--mutant",
            "woven",
            "--profile",
            profile,
            "--seeds",
            &range,
            "--jobs",
            "1",
        ];
        match attempt(&programs.simulator, &words, &folder, number, WORLDS_SECONDS)? {
            End::Well => {}
            End::Late => return Ok(Outcome::Timeout("simulator")),
            End::Badly(printed) => {
                let last = printed.lines().last().unwrap_or_default();
                let by = last.strip_prefix("killed ").unwrap_or("a crash");
                return Ok(Outcome::Simulator(format!("{profile} {by}")));
            }
        }
    }
    Ok(Outcome::Survived)
}

fn first_test(line: &str) -> String {
    let name = line.strip_prefix("test ").unwrap_or(line);
    name.trim_end_matches(" ... FAILED").to_owned()
}

enum End {
    Well,
    Badly(String),
    Late,
}

fn attempt(
    program: &Path,
    words: &[&str],
    folder: &Path,
    number: u32,
    seconds: u32,
) -> Result<End> {
    let mut command = Command::new("sh");
    if words.contains(&"--mutant") {
        command.env("WOVEN_BY_NAME", "1");
    }
    let child = command
        .args([
            "-c",
            "ulimit -v \"$1\" && ulimit -t \"$2\" && shift 2 && exec \"$0\" \"$@\"",
        ])
        .arg(program)
        .args([MEMORY, &seconds.to_string()])
        .args(words)
        .current_dir(folder)
        .env("WOVEN", number.to_string())
        // A failure is enough; what is smallest about it does not matter here.
        .env("PROPTEST_MAX_SHRINK_ITERS", "0")
        .env("PROPTEST_FAILURE_PERSISTENCE", "off")
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start {}", program.display()))?;
    let is_late = child.status.signal() == Some(SIGXCPU) || child.status.signal() == Some(SIGKILL);
    Ok(if child.status.success() {
        End::Well
    } else if is_late {
        End::Late
    } else {
        End::Badly(String::from_utf8_lossy(&child.stdout).into_owned())
    })
}

/// How a program ends that needs more computing than it may.
const SIGXCPU: i32 = 24;
const SIGKILL: i32 = 9;
