//! Which lines of the pure crates simulated worlds reach, no other test helping.

use crate::process::{cargo, output, program, root, run as run_program, target};
use crate::score_rows;
use anyhow::{Context, Result, ensure};
use clap::Args;
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};

/// The crates that worlds are meant to reach whole.
const CRATES: [&str; 4] = ["zab-core", "wal", "session", "watch"];
const PROFILES: [&str; 5] = ["swarm", "lite", "quiet", "hostile", "beyond"];
/// What else is simulation.
const ELSE: [&str; 3] = [
    "sweep --every 20",
    "exhaust --elections 2 --crashes 1",
    "pct --seeds 0..2000",
];
/// Percent of each of them.
const GOAL: f64 = 95.0;

/// Needs the LLVM tools of the toolchain: `rustup component add llvm-tools`.
#[derive(Args)]
pub(crate) struct Options {
    /// Worlds of each profile to run, as `A..B`; all kept scenarios, a part of the crash sweep and
    /// the search of a tiny ensemble follow.
    #[arg(long, default_value = "0..300")]
    seeds: String,
    /// Crates to tell of.
    #[arg(long, value_delimiter = ',', default_values_t = CRATES.map(str::to_owned))]
    crates: Vec<String>,
    /// Print each line that no world reached.
    #[arg(long)]
    lines: bool,
    /// Print one JSON object per crate instead of text.
    #[arg(long)]
    json: bool,
}

/// How often each line that is code was reached, by file.
type Reached = BTreeMap<PathBuf, BTreeMap<u64, u64>>;

/// Runs worlds in a build that counts; fails when a crate stays below the goal.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let simulator = build()?;
    let counts = folder().join("counts");
    if counts.exists() {
        fs::remove_dir_all(&counts)?;
    }
    fs::create_dir_all(&counts)?;
    for play in plays(&options.seeds)? {
        let mut command = program(&simulator);
        command.args(&play);
        command.env("LLVM_PROFILE_FILE", counts.join("%p-%m.profraw"));
        let status = command.stdout(Stdio::null()).status()?;
        let words = play.join(" ");
        ensure!(status.success(), "this fails: cargo xtask simulate {words}");
    }
    let reached = reached(&report(&simulator, &counts)?);
    let mut is_enough = true;
    let mut words = Vec::new();
    for name in &options.crates {
        let percent = tell(options, name, &reached)?;
        is_enough &= percent >= GOAL;
        words.push(format!("{name} {percent:.1} %"));
    }
    if options.crates == CRATES {
        score_rows::leave("coverage", &words.join(", "), is_enough)?;
    }
    Ok(if is_enough {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// What the simulator is told, run by run.
fn plays(seeds: &str) -> Result<Vec<Vec<String>>> {
    let words = |words: &str| words.split(' ').map(str::to_owned).collect();
    let mut plays: Vec<Vec<String>> = PROFILES
        .iter()
        .map(|profile| words(&format!("--profile {profile} --seeds {seeds}")))
        .collect();
    plays.extend(ELSE.iter().map(|play| words(play)));
    let scenarios = root().join("sim").join("scenarios");
    for folder in fs::read_dir(&scenarios)? {
        for file in fs::read_dir(folder?.path())? {
            let path = file?.path();
            if path.extension().is_some_and(|ending| ending == "zks") {
                plays.push(vec!["--scenario".to_owned(), path.display().to_string()]);
            }
        }
    }
    Ok(plays)
}

/// Says how much of a crate was reached, and gives it in percent.
fn tell(options: &Options, name: &str, reached: &Reached) -> Result<f64> {
    let sources = root().join("crates").join(name).join("src");
    let of_crate: Vec<_> = reached
        .iter()
        .filter(|(file, _)| file.starts_with(&sources))
        .collect();
    let all: usize = of_crate.iter().map(|(_, lines)| lines.len()).sum();
    ensure!(all > 0, "there is no code in {}", sources.display());
    let missed: Vec<(&PathBuf, u64)> = of_crate
        .iter()
        .flat_map(|(file, lines)| {
            let missed = lines.iter().filter(|(_, count)| **count == 0);
            missed.map(|(line, _)| (*file, *line))
        })
        .collect();
    let percent = percent(all - missed.len(), all);
    if options.json {
        let object = json!({
            "crate": name, "lines": all, "reached": all - missed.len(), "percent": percent,
            "goal": GOAL, "seeds": options.seeds,
        });
        println!("{object}");
    } else {
        println!(
            "{name:<12} {:>6} of {all:>6} lines  {percent:.1} %",
            all - missed.len()
        );
    }
    if options.lines {
        for (file, line) in missed {
            let text = fs::read_to_string(file)?;
            let at = usize::try_from(line)?.saturating_sub(1);
            let text = text.lines().nth(at).unwrap_or_default().trim();
            let file = file.strip_prefix(root()).unwrap_or(file);
            println!("    {}:{line}: {text}", file.display());
        }
    }
    Ok(percent)
}

#[expect(clippy::cast_precision_loss, reason = "lines are few")]
fn percent(part: usize, all: usize) -> f64 {
    part as f64 / all as f64 * 100.0
}

/// Builds the simulator so that it counts, and says where it is.
fn build() -> Result<PathBuf> {
    let mut command = cargo();
    command.args(["build", "--quiet", "--release", "--package", "sim"]);
    command
        .args(["--bin", "simulate", "--target-dir"])
        .arg(folder());
    run_program(command.env("CARGO_ENCODED_RUSTFLAGS", "-Cinstrument-coverage"))?;
    Ok(folder().join("release").join("simulate"))
}

/// What was counted, in the format of `lcov`.
fn report(simulator: &Path, counts: &Path) -> Result<String> {
    let merged = folder().join("merged.profdata");
    let mut merge = program(tool("llvm-profdata")?);
    merge.args(["merge", "--sparse"]).arg(counts).arg("-o");
    run_program(merge.arg(&merged))?;
    let mut export = program(tool("llvm-cov")?);
    export.args(["export", "--format=lcov", "--instr-profile"]);
    output(export.arg(&merged).arg(simulator))
}

/// A program of LLVM that belongs to the compiler.
fn tool(name: &str) -> Result<PathBuf> {
    let sysroot = output(program("rustc").args(["--print", "target-libdir"]))?;
    let tool = Path::new(sysroot.trim())
        .parent()
        .context("the compiler has no folder")?
        .join("bin")
        .join(name);
    ensure!(
        tool.exists(),
        "there is no {name}: rustup component add llvm-tools"
    );
    Ok(tool)
}

fn folder() -> PathBuf {
    target().join("coverage")
}

/// Reads `lcov`: `SF:` names a file, `DA:` a line of it and how often it was reached.
fn reached(report: &str) -> Reached {
    let mut all = Reached::new();
    let mut file = PathBuf::new();
    for line in report.lines() {
        if let Some(name) = line.strip_prefix("SF:") {
            file = PathBuf::from(name);
        } else if let Some((line, count)) = line
            .strip_prefix("DA:")
            .and_then(|data| data.split_once(','))
            && let (Ok(line), Ok(count)) = (line.parse::<u64>(), count.parse::<u64>())
        {
            *all.entry(file.clone())
                .or_default()
                .entry(line)
                .or_default() += count;
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_by_file() {
        let report = "SF:/a.rs\nDA:1,0\nDA:2,7\nend_of_record\nSF:/b.rs\nDA:1,3\nDA:1,0\n";
        let reached = reached(report);
        assert_eq!(
            reached[Path::new("/a.rs")],
            BTreeMap::from([(1, 0), (2, 7)])
        );
        assert_eq!(reached[Path::new("/b.rs")], BTreeMap::from([(1, 3)]));
    }
}
