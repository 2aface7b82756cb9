//! Hunting our own mutants: wrong variants of the code that `mutant!` names, each switched on by
//! itself until a world notices. `docs/mutants.md` says what each of them breaks.

mod shrunk;

use self::shrunk::Shrunk;
use crate::process::{cargo, output, program, root, run as run_program, target};
use crate::score_rows;
use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Mutex, mpsc};
use std::thread;
use std::time::Instant;

/// Where it is told what each of them breaks.
const TABLE: &str = "docs/mutants.md";

/// Twenty that die soon, from every crate that has one and by many rules.
const QUICK: [&str; 20] = [
    "ack-before-durable",
    "change-keeps-the-mzxid",
    "child-watch-not-triggered-on-delete",
    "client-forgets-what-it-saw",
    "commit-earlier-epoch-by-count",
    "commit-point-guessed",
    "copies-torn-together",
    "directory-not-synced",
    "durable-overclaimed",
    "event-per-mode",
    "forgetful-disks-counted",
    "leads-without-a-quorum",
    "lost-setwatches",
    "newer-pending-change-settled",
    "promise-from-log",
    "promise-not-durable",
    "read-overtakes-writes",
    "snapshot-forgets-a-session",
    "stale-follower-elected",
    "touch-ignored",
];

/// What to hunt.
#[derive(Args)]
pub(crate) struct Options {
    /// How many worlds each of them may survive.
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
    /// Which kind of world.
    #[arg(long, default_value = "swarm")]
    profile: String,
    /// Only these.
    #[arg(long, value_delimiter = ',', conflicts_with = "quick")]
    only: Vec<String>,
    /// Only twenty that die soon.
    #[arg(long)]
    quick: bool,
    /// Go on after the first world that notices, and count the worlds and the rules.
    #[arg(long)]
    count: bool,
    /// Cut each run that notices down, for at most so many seconds; the scenarios are left in
    /// target/mutants/shrunk.
    #[arg(long, value_name = "SECONDS", conflicts_with = "count")]
    shrink: Option<u64>,
    /// Mutants to hunt side by side.
    #[arg(long)]
    jobs: Option<usize>,
    /// Print one JSON object per mutant instead of text.
    #[arg(long)]
    json: bool,
}

impl Options {
    /// The hunt that is part of continuous integration.
    pub(crate) fn quick() -> Self {
        Self {
            seeds: 200,
            profile: "swarm".to_owned(),
            only: Vec::new(),
            quick: true,
            count: false,
            shrink: None,
            jobs: None,
            json: false,
        }
    }
}

/// What became of one mutant.
struct Hunted {
    name: String,
    /// The crate whose code it is.
    package: String,
    /// The seeds that noticed, in the order in which they were asked, and the rules they broke.
    kills: Vec<(u64, String)>,
    shrunk: Option<Shrunk>,
    seconds: f64,
}

/// Hunts; fails when a mutant survives.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let mut mutants = mutants()?;
    let quick: Vec<String> = QUICK.iter().map(|&name| name.to_owned()).collect();
    let only = if options.quick { &quick } else { &options.only };
    for name in only {
        ensure!(
            mutants.contains_key(name),
            "there is no mutant called {name}"
        );
    }
    mutants.retain(|name, _| only.is_empty() || only.contains(name));
    let simulator = build(options)?;
    let started = Instant::now();
    let mut known = Known::load();
    if !options.json {
        println!("{:<44} {:<12} {:>6}  rule", "mutant", "crate", "seed");
    }
    let mut survivors = Vec::new();
    let mut shrunk = Vec::new();
    let names: Vec<String> = mutants.keys().cloned().collect();
    let count = names.len();
    side_by_side(options, &simulator, mutants, &mut known, |hunted| {
        print(options, &hunted);
        shrunk.extend(hunted.shrunk);
        if hunted.kills.is_empty() {
            survivors.push(hunted.name);
        }
    })?;
    known.save()?;
    if only.is_empty() && options.profile == "swarm" {
        leave_for_score(options, (count - survivors.len(), count), &shrunk)?;
    }
    if !options.json {
        println!(
            "{} of {count} mutants killed within {} worlds of {} each, in {} s",
            count - survivors.len(),
            options.seeds,
            options.profile,
            started.elapsed().as_secs(),
        );
        if let Some(line) = shrunk::summary(&shrunk) {
            println!("{line}");
        }
        for name in &survivors {
            println!("{name} survived");
        }
        let told = fs::read_to_string(root().join(TABLE))?;
        for name in names
            .iter()
            .filter(|name| !told.contains(&format!("| `{name}` |")))
        {
            println!("{TABLE} does not tell of {name}");
        }
    }
    Ok(if survivors.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Leaves what a hunt for all mutants came to.
fn leave_for_score(
    options: &Options,
    (killed, count): (usize, usize),
    shrunk: &[Shrunk],
) -> Result<()> {
    let words = format!("{killed} of {count} within {} seeds", options.seeds);
    let is_met = count >= 60 && killed * 100 >= count * 95 && options.seeds <= 1_000;
    score_rows::leave("mutants", &words, is_met)?;
    match shrunk::summary(shrunk) {
        Some(words) => score_rows::leave("shrunk", &words, shrunk::is_small(shrunk)),
        None => Ok(()),
    }
}

fn print(options: &Options, hunted: &Hunted) {
    let rules: BTreeSet<&str> = hunted.kills.iter().map(|(_, rule)| &**rule).collect();
    let first = hunted.kills.first();
    if options.json {
        let object = json!({
            "mutant": hunted.name,
            "crate": hunted.package,
            "profile": options.profile,
            "killed": first.is_some(),
            "seed": first.map(|(seed, _)| seed),
            "rule": first.map(|(_, rule)| rule),
            "rules": rules,
            "seeds_that_notice": options.count.then_some(hunted.kills.len()),
            "seeds_at_most": options.seeds,
            "shrunk": hunted.shrunk.map(|shrunk| json!({
                "ops": shrunk.ops, "deviations": shrunk.deviations, "seconds": shrunk.seconds,
            })),
            "seconds": hunted.seconds,
        });
        println!("{object}");
        return;
    }
    let (name, package) = (&hunted.name, &hunted.package);
    match first {
        None => println!("{name:<44} {package:<12} {:>6}  survived", "-"),
        Some((seed, _)) if options.count => {
            let kills = hunted.kills.len();
            let rules: Vec<&str> = rules.into_iter().collect();
            let rules = rules.join(" / ");
            println!("{name:<44} {package:<12} {seed:>6}  {kills} seeds: {rules}");
        }
        Some((seed, rule)) => println!("{name:<44} {package:<12} {seed:>6}  {rule}"),
    }
    if let Some(Shrunk {
        ops,
        deviations,
        seconds,
    }) = hunted.shrunk
    {
        println!("    shrunk to {ops} operations and {deviations} deviations in {seconds:.1} s");
    }
}

fn side_by_side(
    options: &Options,
    simulator: &Path,
    mutants: BTreeMap<String, String>,
    known: &mut Known,
    mut tell: impl FnMut(Hunted),
) -> Result<()> {
    let jobs = options
        .jobs
        .unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from));
    let waiting: Mutex<VecDeque<(String, String)>> = Mutex::new(mutants.into_iter().collect());
    let before = known.seeds.clone();
    thread::scope(|scope| {
        let (sender, receiver) = mpsc::channel();
        for _ in 0..jobs.max(1) {
            let (sender, waiting, before) = (sender.clone(), &waiting, &before);
            scope.spawn(move || {
                loop {
                    let next = waiting.lock().expect("nobody panics").pop_front();
                    let Some((name, package)) = next else {
                        return;
                    };
                    let first = before.get(&(options.profile.clone(), name.clone()));
                    let hunted = hunt(options, simulator, name, package, first.copied());
                    if sender.send(hunted).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        for hunted in receiver {
            let hunted = hunted?;
            if let Some((seed, _)) = hunted.kills.first() {
                let key = (options.profile.clone(), hunted.name.clone());
                known.seeds.insert(key, *seed);
            }
            tell(hunted);
        }
        Ok(())
    })
}

/// Runs worlds with one mutant switched on; in this mode the simulator prints
/// `killed <seed> <rule>` for every one that fails and passes without the mutant.
fn hunt(
    options: &Options,
    simulator: &Path,
    name: String,
    package: String,
    first: Option<u64>,
) -> Result<Hunted> {
    let started = Instant::now();
    let mut command = program(simulator);
    command.args(["--mutant", &name, "--profile", &options.profile]);
    command.args(["--seeds", &format!("0..{}", options.seeds)]);
    if let Some(seed) = first.filter(|seed| *seed < options.seeds && !options.count) {
        command.args(["--first", &seed.to_string()]);
    }
    if options.count {
        command.arg("--count");
    }
    let output = command.output().context("cannot start the simulator")?;
    let printed = String::from_utf8_lossy(&output.stdout);
    let mut kills = Vec::new();
    for line in printed.lines() {
        let kill = line.strip_prefix("killed ").and_then(|rest| {
            let (seed, rule) = rest.split_once(' ')?;
            Some((seed.parse().ok()?, rule.to_owned()))
        });
        match kill {
            Some(kill) => kills.push(kill),
            None => bail!("the simulator failed on {name}: {line}"),
        }
    }
    ensure!(
        !kills.is_empty() || output.status.success(),
        "the simulator ended with {} on {name}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    let shrunk = match (options.shrink, kills.first()) {
        (Some(seconds), Some((seed, _))) => {
            let shrunk = folder().join("shrunk");
            fs::create_dir_all(&shrunk)?;
            let subject = (&*name, &*options.profile, *seed);
            let file = shrunk.join(format!("{name}.zks"));
            Some(Shrunk::of(simulator, subject, seconds, &file)?)
        }
        _ => None,
    };
    Ok(Hunted {
        name,
        package,
        kills,
        shrunk,
        seconds: started.elapsed().as_secs_f64(),
    })
}

fn build(options: &Options) -> Result<PathBuf> {
    if !options.json {
        println!("building simulate with mutants");
    }
    build_simulator()
}

/// Builds the simulator with mutants in it and says where it is.
pub(crate) fn build_simulator() -> Result<PathBuf> {
    let folder = folder();
    let mut command = cargo();
    command.args(["build", "--quiet", "--release", "--package", "sim"]);
    command
        .args(["--bin", "simulate", "--target-dir"])
        .arg(&folder);
    // The warnings of a build that nobody ships are those of the ordinary one.
    run_program(command.env(
        "CARGO_ENCODED_RUSTFLAGS",
        "--cfg\u{1f}mutants\u{1f}-Awarnings",
    ))?;
    Ok(folder.join("release").join("simulate"))
}

fn folder() -> PathBuf {
    target().join("mutants")
}

/// The seeds that noticed mutants the last time: they are asked first.
struct Known {
    /// By profile and mutant.
    seeds: BTreeMap<(String, String), u64>,
}

impl Known {
    fn load() -> Self {
        let text = fs::read_to_string(Self::file()).unwrap_or_default();
        let seeds = text.lines().filter_map(|line| {
            let (profile, rest) = line.split_once('\t')?;
            let (name, seed) = rest.split_once('\t')?;
            Some(((profile.to_owned(), name.to_owned()), seed.parse().ok()?))
        });
        Self {
            seeds: seeds.collect(),
        }
    }

    fn save(&self) -> Result<()> {
        let lines = self.seeds.iter();
        let lines = lines.map(|((profile, name), seed)| format!("{profile}\t{name}\t{seed}\n"));
        let file = Self::file();
        fs::write(&file, lines.collect::<String>())
            .with_context(|| format!("cannot write {}", file.display()))
    }

    fn file() -> PathBuf {
        folder().join("killed.tsv")
    }
}

/// The names that stand in the sources of the crates, each with its crate.
fn mutants() -> Result<BTreeMap<String, String>> {
    let listed = output(program("git").args(["ls-files", "--", "crates/*.rs"]))?;
    let mut names = BTreeMap::new();
    for file in listed.lines() {
        let text = fs::read_to_string(root().join(file)).with_context(|| file.to_owned())?;
        let package = file.split('/').nth(1).unwrap_or_default();
        names.extend(mutants_in(&text).map(|name| (name, package.to_owned())));
    }
    ensure!(!names.is_empty(), "no source names a mutant");
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

    #[test]
    fn every_quick_mutant_and_every_one_that_is_told_of_is_in_the_sources() {
        let there = mutants().unwrap();
        for name in QUICK {
            assert!(there.contains_key(name), "{name}");
        }
        let told = fs::read_to_string(root().join(TABLE)).unwrap();
        let rows = told.lines().filter_map(|line| line.strip_prefix("| `"));
        for name in rows.filter_map(|row| row.split('`').next()) {
            assert!(there.contains_key(name), "docs/mutants.md tells of {name}");
        }
    }
}
