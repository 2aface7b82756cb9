//! One mutant after the other against tests and simulated worlds.

use anyhow::{Context, Result, bail};
use std::collections::VecDeque;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, mpsc};
use std::thread;

/// Seconds of computing that a program of tests is given first; it is given more until it passes
/// without a mutant.
const TESTS_SECONDS: u32 = 1;
/// Longer than any program of tests needs.
const TESTS_SECONDS_MAX: u32 = 320;
/// Seconds of computing that the worlds of one profile may need.
const WORLDS_SECONDS: u32 = 120;
/// Kibibytes of address space of a trial, so that a mutant that never stops asking for memory
/// ends.
const MEMORY: &str = "4000000";

/// A program of tests.
pub(crate) struct Tests {
    program: PathBuf,
    /// The folder of its package.
    folder: PathBuf,
    /// Seconds of computing after which it will not come to an end.
    seconds: u32,
}

impl Tests {
    /// Finds out how long a program of tests takes without a mutant.
    pub(crate) fn measured(program: PathBuf, folder: PathBuf) -> Result<Self> {
        let mut tests = Self {
            program,
            folder,
            seconds: TESTS_SECONDS,
        };
        let mut last = tests.attempt(0)?;
        while matches!(last, End::Late) && tests.seconds < TESTS_SECONDS_MAX {
            tests.seconds *= 2;
            last = tests.attempt(0)?;
        }
        let name = tests.program.display();
        match last {
            End::Well => {}
            End::Late => bail!("{name} does not end without a mutant"),
            End::Badly(line) => bail!("{name} fails without a mutant: {line}"),
        }
        tests.seconds *= 2;
        Ok(tests)
    }

    pub(crate) fn seconds(&self) -> u32 {
        self.seconds
    }

    fn attempt(&self, number: u32) -> Result<End> {
        let mut command = limited(&self.program, self.seconds);
        // A failure is enough; what is smallest about it does not matter here.
        command
            .env("PROPTEST_MAX_SHRINK_ITERS", "0")
            .env("PROPTEST_FAILURE_PERSISTENCE", "off")
            .current_dir(&self.folder);
        attempt(&mut command, number)
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
    /// One that was caught, from [`Self::word`] and [`Self::by`].
    pub(crate) fn read(word: &str, by: &str) -> Option<Self> {
        match (word, by) {
            ("caught by tests", by) => Some(Outcome::Tests(by.to_owned())),
            ("caught by the simulator", by) => Some(Outcome::Simulator(by.to_owned())),
            ("timed out", "tests") => Some(Outcome::Timeout("tests")),
            ("timed out", "simulator") => Some(Outcome::Timeout("simulator")),
            _ => None,
        }
    }

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

/// Tries mutants side by side, and tells of each as soon as it is done.
pub(crate) fn all(
    numbers: &[u32],
    jobs: usize,
    one: impl Fn(u32) -> Result<Outcome> + Sync,
    mut tell: impl FnMut(u32, Outcome) -> Result<()>,
) -> Result<()> {
    let waiting = Mutex::new(numbers.iter().copied().collect::<VecDeque<u32>>());
    thread::scope(|scope| -> Result<()> {
        let (sender, receiver) = mpsc::channel();
        for _ in 0..jobs.max(1) {
            let (sender, waiting, one) = (sender.clone(), &waiting, &one);
            scope.spawn(move || {
                loop {
                    let next = waiting.lock().expect("nobody panics").pop_front();
                    let Some(number) = next else {
                        return;
                    };
                    if sender.send((number, one(number))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        for (number, outcome) in receiver {
            tell(number, outcome?)?;
        }
        Ok(())
    })
}

/// Tries a mutant against the programs of tests of its package.
pub(crate) fn by_tests(programs: &[Tests], number: u32) -> Result<Outcome> {
    for tests in programs {
        match tests.attempt(number)? {
            End::Well => {}
            End::Late => return Ok(Outcome::Timeout("tests")),
            End::Badly(line) if is_failure(&line) => return Ok(Outcome::Tests(first_test(&line))),
            End::Badly(_) => return Ok(Outcome::Tests("a test that ended otherwise".to_owned())),
        }
    }
    Ok(Outcome::Survived)
}

/// Tries a mutant against simulated worlds.
pub(crate) fn by_worlds(simulator: &Path, number: u32, seeds: u64) -> Result<Outcome> {
    let range = format!("0..{seeds}");
    for profile in ["lite", "swarm"] {
        let mut command = limited(simulator, WORLDS_SECONDS);
        command.args(["--mutant", "woven", "--profile", profile]);
        command.args(["--seeds", &range, "--jobs", "1"]);
        match attempt(&mut command, number)? {
            End::Well => {}
            End::Late => return Ok(Outcome::Timeout("simulator")),
            End::Badly(line) => {
                let by = line.strip_prefix("killed ").unwrap_or("a crash");
                return Ok(Outcome::Simulator(format!("{profile} {by}")));
            }
        }
    }
    Ok(Outcome::Survived)
}

fn is_failure(line: &str) -> bool {
    line.ends_with("... FAILED")
}

fn first_test(line: &str) -> String {
    let name = line.strip_prefix("test ").unwrap_or(line);
    name.trim_end_matches(" ... FAILED").to_owned()
}

enum End {
    Well,
    /// What it said last.
    Badly(String),
    Late,
}

/// A program that gets no more than these seconds of computing.
fn limited(program: &Path, seconds: u32) -> Command {
    let mut command = Command::new("sh");
    let words = "ulimit -v \"$1\" && ulimit -t \"$2\" && shift 2 && exec \"$0\" \"$@\"";
    command.args(["-c", words]).arg(program);
    command.args([MEMORY, &seconds.to_string()]);
    command
}

/// Runs a program with a mutant on, until its first test fails.
fn attempt(command: &mut Command, number: u32) -> Result<End> {
    let mut child = command
        .env("WOVEN", number.to_string())
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .context("cannot start a trial")?;
    let printed = child.stdout.take().context("what it prints is piped")?;
    let mut last = String::new();
    for line in BufReader::new(printed).split(b'\n') {
        last = String::from_utf8_lossy(&line?).into_owned();
        if is_failure(&last) {
            child.kill()?;
            child.wait()?;
            return Ok(End::Badly(last));
        }
    }
    let status = child.wait()?;
    Ok(match status.signal() {
        Some(SIGXCPU | SIGKILL) => End::Late,
        _ if status.success() => End::Well,
        _ => End::Badly(last),
    })
}

/// How a program ends that needs more computing than it may.
const SIGXCPU: i32 = 24;
const SIGKILL: i32 = 9;
