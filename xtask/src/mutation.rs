//! Mutants of an outside tool, `cargo mutants`, against the tests of their crates and then against
//! the simulator.
//!
//! The tool proposes, and builds the few that cannot be woven. All others are woven into one copy
//! of the workspace (see `weave`), built once, and switched on one at a time.

mod results;
mod trial;
mod weave;

use crate::process::{cargo, exists, output, program, root, run as run_program, target};
use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use results::Results;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use trial::{Outcome, Tests};
use weave::{Mutant, SWITCH, Woven, weave};

/// Where it is said of every survivor why.
const EXPLAINED: &str = "docs/mutation-survivors.md";

/// What to mutate.
#[derive(Args)]
pub(crate) struct Options {
    /// Packages whose sources are mutated.
    #[arg(long, value_delimiter = ',', default_value = "zab-core,wal,session")]
    packages: Vec<String>,
    /// Only mutants whose name contains this.
    #[arg(long, default_value = "")]
    only: String,
    /// How many simulated worlds of each profile a mutant may survive.
    #[arg(long, default_value_t = 200)]
    seeds: u64,
    /// Mutants to try side by side.
    #[arg(long)]
    jobs: Option<usize>,
    /// Leave out what an earlier run, of the same sources, found to be caught.
    #[arg(long)]
    resume: bool,
    /// Print one JSON object per mutant instead of text.
    #[arg(long)]
    json: bool,
}

/// Tries every mutant; fails when one survives that nobody has explained.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    ensure!(
        exists("cargo-mutants"),
        "cargo-mutants is missing; install it with: cargo install cargo-mutants --locked"
    );
    let mutants = listed(options)?;
    println!("{} mutants are proposed", mutants.len());
    let explained = fs::read_to_string(root().join(EXPLAINED)).unwrap_or_default();
    let mut results = Results::open(&mutants, explained, options)?;
    let tree = Tree::copy()?;
    let woven = tree.weave(&mutants)?;
    println!("{} of them build when woven together", woven.len());
    let untried: Vec<u32> = woven.difference(&results.caught()).copied().collect();
    let programs = tree.tests(&options.packages)?;
    let jobs = options
        .jobs
        .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let by_tests = |number| trial::by_tests(&programs[&mutants[&number].package], number);
    let mut survivors = Vec::new();
    trial::all(&untried, jobs, by_tests, |number, outcome| {
        if matches!(outcome, Outcome::Survived) && !results.is_explained(number) {
            survivors.push(number);
            results.tell_survivor(number);
            return Ok(());
        }
        results.add(number, outcome)
    })?;
    if !survivors.is_empty() {
        let simulator = tree.simulator()?;
        let by_worlds = |number| trial::by_worlds(&simulator, number, options.seeds);
        trial::all(&survivors, jobs, by_worlds, |number, outcome| {
            results.add(number, outcome)
        })?;
    }
    println!("{}", results.summary());
    Ok(if results.unexplained() == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn folder() -> PathBuf {
    target().join("mutation")
}

/// The proposals of the tool, numbered from 1.
fn listed(options: &Options) -> Result<BTreeMap<u32, Mutant>> {
    let mut command = cargo();
    command.args(["mutants", "--list", "--json"]);
    for package in &options.packages {
        command.args(["--package", package]);
    }
    let list: Value = serde_json::from_str(&output(&mut command)?)?;
    let list = list.as_array().context("cargo mutants lists no array")?;
    let mut mutants: Vec<Mutant> = list.iter().filter_map(Mutant::read).collect();
    ensure!(
        mutants.len() == list.len(),
        "cargo mutants lists unknown things"
    );
    mutants.retain(|mutant| mutant.name.contains(&options.only));
    for mutant in &mut mutants {
        let text = fs::read_to_string(root().join(&mutant.file))?;
        let line = text.lines().nth(mutant.line_number() - 1);
        mutant.line = line.unwrap_or_default().trim().to_owned();
    }
    Ok((1..).zip(mutants).collect())
}

/// A copy of the workspace.
struct Tree {
    root: PathBuf,
    build: PathBuf,
}

impl Tree {
    fn copy() -> Result<Self> {
        let tree = Self {
            root: folder().join("tree"),
            build: folder().join("build"),
        };
        fs::create_dir_all(&tree.root)?;
        let files = output(program("git").args(["ls-files"]))?;
        for file in files.lines() {
            let (from, to) = (root().join(file), tree.root.join(file));
            let mut bytes = fs::read(&from).with_context(|| format!("cannot read {file}"))?;
            if file == "crates/zk-types/src/lib.rs" {
                bytes.extend_from_slice(SWITCH.as_bytes());
            }
            // A file that is the same keeps its time, and what was built from it stays good.
            write_if_new(&to, &bytes)?;
        }
        Ok(tree)
    }

    /// Weaves all mutants that build into the copy, and says which they are.
    fn weave(&self, mutants: &BTreeMap<u32, Mutant>) -> Result<BTreeSet<u32>> {
        let mut left: BTreeSet<u32> = mutants.keys().copied().collect();
        for _ in 0..ROUNDS {
            let files = self.write(mutants, &left)?;
            let placed: BTreeSet<u32> = files.values().flat_map(Woven::numbers).collect();
            left.retain(|number| placed.contains(number));
            let packages: BTreeSet<&str> = left
                .iter()
                .map(|number| mutants[number].package.as_str())
                .collect();
            let errors = self.errors(&packages)?;
            if errors.is_empty() {
                return Ok(left);
            }
            let blamed: BTreeSet<u32> = errors
                .iter()
                .filter_map(|(file, range)| Some(files.get(file)?.blamed(range)))
                .flatten()
                .collect();
            ensure!(!blamed.is_empty(), "no mutant is to blame for {errors:?}");
            left.retain(|number| !blamed.contains(number));
        }
        bail!("the woven sources do not build after {ROUNDS} rounds")
    }

    fn write(
        &self,
        mutants: &BTreeMap<u32, Mutant>,
        left: &BTreeSet<u32>,
    ) -> Result<BTreeMap<String, Woven>> {
        let mut by_file: BTreeMap<&str, Vec<(u32, Mutant)>> = BTreeMap::new();
        for (number, mutant) in mutants {
            let of_file = by_file.entry(&mutant.file).or_default();
            if left.contains(number) {
                of_file.push((*number, mutant.clone()));
            }
        }
        let mut files = BTreeMap::new();
        for (file, mutants) in by_file {
            let source = fs::read_to_string(root().join(file))?;
            let woven = weave(&source, &mutants).with_context(|| file.to_owned())?;
            write_if_new(&self.root.join(file), woven.text.as_bytes())?;
            files.insert(file.to_owned(), woven);
        }
        Ok(files)
    }

    fn cargo(&self, words: &[&str], flags: &str) -> Command {
        let mut command = cargo();
        command
            .args(words)
            .arg("--target-dir")
            .arg(&self.build)
            .current_dir(&self.root)
            .env("CARGO_ENCODED_RUSTFLAGS", flags);
        command
    }

    /// The files and bytes that the compiler complains of.
    fn errors(&self, packages: &BTreeSet<&str>) -> Result<Vec<(String, Range<usize>)>> {
        let mut command = self.cargo(&["check", "--quiet", "--keep-going"], WORLDS_FLAGS);
        command.arg("--message-format=json");
        for package in packages {
            command.args(["--package", package]);
        }
        let ended = command.output().context("cannot start cargo")?;
        let mut errors = Vec::new();
        for line in String::from_utf8_lossy(&ended.stdout).lines() {
            let message: Value = serde_json::from_str(line)?;
            let message = &message["message"];
            if message["level"] != "error" {
                continue;
            }
            for span in message["spans"].as_array().into_iter().flatten() {
                let byte = |key: &str| span[key].as_u64().and_then(|n| usize::try_from(n).ok());
                let file = span["file_name"].as_str();
                if let (Some(file), Some(from), Some(to), Some(true)) = (
                    file,
                    byte("byte_start"),
                    byte("byte_end"),
                    span["is_primary"].as_bool(),
                ) {
                    errors.push((file.to_owned(), from..to));
                }
            }
        }
        ensure!(
            ended.status.success() || !errors.is_empty(),
            "cargo check failed: {}",
            String::from_utf8_lossy(&ended.stderr)
        );
        Ok(errors)
    }

    /// Builds the tests of the packages, with assertions on; the quickest come first.
    fn tests(&self, packages: &[String]) -> Result<BTreeMap<String, Vec<Tests>>> {
        println!("building the woven tests");
        let mut tests = BTreeMap::new();
        for package in packages {
            let mut command =
                self.cargo(&["test", "--quiet", "--release", "--no-run"], TESTS_FLAGS);
            command.args(["--config", "profile.release.debug-assertions=true"]);
            command.args(["--message-format=json", "--package", package]);
            let printed = output(&mut command)?;
            let built: Vec<PathBuf> = printed
                .lines()
                .filter_map(|line| serde_json::from_str::<Value>(line).ok())
                .filter(|message| message["profile"]["test"] == true)
                .filter_map(|message| message["executable"].as_str().map(PathBuf::from))
                .collect();
            ensure!(!built.is_empty(), "{package} has no tests");
            let folder = self.root.join("crates").join(package);
            let measured = built
                .into_iter()
                .map(|program| Tests::measured(program, folder.clone()));
            let mut measured: Vec<Tests> = measured.collect::<Result<_>>()?;
            measured.sort_by_key(Tests::seconds);
            tests.insert(package.clone(), measured);
        }
        Ok(tests)
    }

    fn simulator(&self) -> Result<PathBuf> {
        println!("building the woven simulator");
        let mut command = self.cargo(
            &["build", "--quiet", "--release", "--package", "sim"],
            WORLDS_FLAGS,
        );
        run_program(command.args(["--bin", "simulate"]))?;
        Ok(self.build.join("release").join("simulate"))
    }
}

/// Crates have all of their tests only when they have no mutants of their own.
const TESTS_FLAGS: &str = "--cap-lints\u{1f}allow";
const WORLDS_FLAGS: &str = "--cfg\u{1f}mutants\u{1f}--cap-lints\u{1f}allow";
/// Rounds of building and leaving out what does not build.
const ROUNDS: usize = 40;

fn write_if_new(file: &Path, bytes: &[u8]) -> Result<()> {
    if fs::read(file).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(file, bytes).with_context(|| format!("cannot write {}", file.display()))
}
