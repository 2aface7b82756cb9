//! Proof that our servers answer what Apache's answer: scripts from seeds, played against both,
//! and compared byte for byte once zxids, times and session ids have names.

mod compare;
mod generate;
mod link;
mod opcodes;
mod pair;
mod play;
mod profiles;
mod render;
mod rules;
mod script;
mod shrink;
mod tally;
mod transcript;
mod warden;
mod wire;

use crate::process::root;
use anyhow::{Context, Result, bail};
use clap::Args;
use pair::{Comparer, Pair};
use profiles::{PROFILES, Profile};
use script::Script;
use std::fmt::Write as _;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::Instant;
use tally::{Found, Tally};

/// Scripts that are played at once, and where they mostly wait.
const WORKERS: usize = 32;
const WORKERS_WAITING: usize = 128;
/// Differences after which a campaign ends: they have few causes.
const DIFFERENCES_MAX: usize = 8;
/// Requests that a script has to send to be counted. Now and then a server closes a connection so
/// early that fewer are sent.
const REQUESTS_MIN: usize = 30;

/// What to play.
#[derive(Args, Clone)]
pub(crate) struct Campaigns {
    /// Scripts to play, over all profiles and kinds of ensembles.
    #[arg(long, default_value_t = 2000)]
    scripts: u64,
    /// The seed of the first script; the others follow.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only servers that are set up like this.
    #[arg(long)]
    profile: Option<String>,
    /// Only standalone servers (1) or ensembles of three (3).
    #[arg(long)]
    servers: Option<usize>,
    /// Play this script and print what both sides told.
    #[arg(long)]
    script: Option<PathBuf>,
    /// Write what Apache's side told beside the script, for tests that have no Java.
    #[arg(long, requires = "script")]
    record: bool,
}

/// Plays this many scripts against single servers, the same ones each time; whether nothing
/// undeclared differed.
pub(crate) fn quick(scripts: u64) -> Result<bool> {
    let options = Campaigns {
        scripts,
        seed: 1,
        profile: None,
        servers: Some(1),
        script: None,
        record: false,
    };
    run(&options, false)
}

/// Plays scripts against both; whether nothing undeclared differed.
pub(crate) fn run(options: &Campaigns, json: bool) -> Result<bool> {
    if let Some(path) = &options.script {
        return play_one(path, options.record);
    }
    let profiles: Vec<Profile> = match &options.profile {
        Some(name) => vec![Profile::named(name).context("there is no such profile")?],
        None => PROFILES.to_vec(),
    };
    let sizes: Vec<usize> = match options.servers {
        Some(size) => vec![size],
        None => vec![1, 3],
    };
    let campaigns: Vec<(usize, Profile)> = sizes
        .iter()
        .flat_map(|size| profiles.iter().map(|profile| (*size, *profile)))
        .filter(|(size, profile)| profile.is_for(*size))
        .collect();
    let each = options.scripts.div_ceil(campaigns.len().max(1) as u64);
    let started = Instant::now();
    let mut total = Tally::of(options.seed..options.seed);
    for (size, profile) in &campaigns {
        let seed = total.seeds.end;
        total.add(campaign(profile, *size, seed, each)?);
    }
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "differential: seeds {} in {seconds:.1} s: {total}",
        total.seeds
    );
    for (rule, count) in &total.declared {
        println!("differential: {count} times {rule}, which is declared");
    }
    if json {
        println!("{}", total.to_json(seconds));
    }
    Ok(total.found.is_empty())
}

fn campaign(profile: &Profile, servers: usize, seed: u64, scripts: u64) -> Result<Tally> {
    let mut pair = Pair::start(profile, servers)?;
    let started = Instant::now();
    let tally = play_all(&pair, profile, servers, (seed, scripts));
    let died = pair.look_for_deaths();
    if let Ok(tally) = &tally {
        let seconds = started.elapsed().as_secs_f64();
        println!(
            "differential: {} on {servers}: seeds {} in {seconds:.1} s: {tally}",
            profile.name, tally.seeds
        );
        for found in &tally.found {
            println!("--- {found}");
        }
    }
    if tally.is_err() || died.is_err() {
        println!(
            "differential: the logs of Apache's side are in {}",
            pair.keep_logs()?.display()
        );
    }
    died?;
    let tally = tally?;
    pair.end();
    Ok(tally)
}

/// Plays the kept scripts, and so many seeds that this many scripts count.
fn play_all(
    pair: &Pair,
    profile: &Profile,
    servers: usize,
    (seed, scripts): (u64, u64),
) -> Result<Tally> {
    let tally = Mutex::new(Tally::of(seed..seed));
    let mut comparer = pair.comparer();
    for script in kept_for(profile, servers)? {
        examine(&mut comparer, None, &script, &tally)?;
    }
    loop {
        let seeds = {
            let mut tally = tally.lock().expect("no worker panics");
            let missing = scripts.saturating_sub(tally.scripts);
            if missing == 0 || !tally.found.is_empty() {
                break;
            }
            let played = tally.seeds.end;
            tally.seeds.end += missing;
            played..played + missing
        };
        play_many(pair, profile, servers, seeds, &tally)?;
    }
    Ok(tally.into_inner().expect("no worker panics"))
}

/// Plays the scripts of some seeds, many at once, and then those that must be alone.
fn play_many(
    pair: &Pair,
    profile: &Profile,
    servers: usize,
    seeds: Range<u64>,
    tally: &Mutex<Tally>,
) -> Result<()> {
    let failure = Mutex::new(None);
    let next = AtomicU64::new(seeds.start);
    let lonely = Mutex::new(Vec::new());
    let workers = if profile.expires {
        WORKERS_WAITING
    } else {
        WORKERS
    };
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                let mut comparer = pair.comparer();
                loop {
                    let seed = next.fetch_add(1, Relaxed);
                    let enough = tally.lock().expect("no worker panics").found.len();
                    if seed >= seeds.end || enough >= DIFFERENCES_MAX {
                        return;
                    }
                    let script = generate::script(seed, profile, servers);
                    if script.alone {
                        lonely
                            .lock()
                            .expect("no worker panics")
                            .push((seed, script));
                    } else if let Err(error) = examine(&mut comparer, Some(seed), &script, tally) {
                        *failure.lock().expect("no worker panics") =
                            Some(error.context(format!("seed {seed}")));
                        return;
                    }
                }
            });
        }
    });
    if let Some(error) = failure.into_inner().expect("no worker panics") {
        return Err(error);
    }
    let mut comparer = pair.comparer();
    let mut lonely = lonely.into_inner().expect("no worker panics");
    lonely.sort_by_key(|(seed, _)| *seed);
    for (seed, script) in lonely {
        examine(&mut comparer, Some(seed), &script, tally)
            .with_context(|| format!("seed {seed}"))?;
        if !tally.lock().expect("no worker panics").found.is_empty() {
            break;
        }
    }
    Ok(())
}

/// Plays one script, of a seed or kept; one that shows a difference of a new kind is made short.
fn examine(
    comparer: &mut Comparer<'_>,
    seed: Option<u64>,
    script: &Script,
    tally: &Mutex<Tally>,
) -> Result<()> {
    let name = format!("t{}", seed.unwrap_or(0));
    let outcome = comparer.run(script, &name)?;
    {
        let mut tally = tally.lock().expect("no worker panics");
        if seed.is_some() && outcome.sent >= REQUESTS_MIN {
            tally.scripts += 1;
            tally.requests += outcome.sent as u64;
            let least = tally.requests_min.unwrap_or(usize::MAX);
            tally.requests_min = Some(least.min(outcome.sent));
        } else {
            tally.others += 1;
        }
        for (rule, count) in outcome.verdict.declared {
            *tally.declared.entry(rule).or_default() += count;
        }
    }
    let Some(difference) = outcome.verdict.difference else {
        return Ok(());
    };
    let signature = difference.signature();
    let is_known = |tally: &Tally| {
        let mut known = tally.found.iter().map(|found| found.difference.signature());
        known.any(|known| known == signature)
    };
    if is_known(&tally.lock().expect("no worker panics")) {
        return Ok(());
    }
    let mut latest = difference;
    let mut shrunk = script.clone();
    // What servers share does not go back to what it was, so the script stays as it is.
    if !script.alone {
        shrunk = shrink::shrink(script, |candidate| {
            let Ok(outcome) = comparer.run(candidate, &name) else {
                return false;
            };
            match outcome.verdict.difference {
                Some(difference) if difference.signature() == signature => {
                    latest = difference;
                    true
                }
                _ => false,
            }
        });
    }
    let mut tally = tally.lock().expect("no worker panics");
    if !is_known(&tally) {
        tally.found.push(Found {
            seed,
            script: shrunk,
            difference: latest,
        });
    }
    Ok(())
}

/// The scripts that are kept, and where: differences that were found.
fn kept() -> Result<Vec<(PathBuf, Script)>> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(root().join("xtask/differential"))? {
        paths.push(entry?.path());
    }
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "txt"));
    paths.sort();
    let read = |path: PathBuf| {
        let script = Script::parse(&std::fs::read_to_string(&path)?)
            .with_context(|| path.display().to_string())?;
        Ok((path, script))
    };
    paths.into_iter().map(read).collect()
}

/// Those for servers that are set up like this.
fn kept_for(profile: &Profile, servers: usize) -> Result<Vec<Script>> {
    let all = kept()?.into_iter().map(|(_, script)| script);
    Ok(all
        .filter(|script| script.profile == profile.name && script.servers == servers)
        .collect())
}

/// Where the answers of Apache's side to a kept script are recorded.
fn recorded(script: &Path) -> PathBuf {
    script.with_extension("apache")
}

fn play_one(path: &Path, record: bool) -> Result<bool> {
    let script = Script::parse(&std::fs::read_to_string(path)?)?;
    let profile = Profile::named(&script.profile).context("there is no such profile")?;
    let mut pair = Pair::start(&profile, script.servers)?;
    let outcome = pair.comparer().run(&script, "one");
    pair.look_for_deaths()?;
    let outcome = outcome?;
    pair.end();
    let mut text = String::new();
    for line in &outcome.apache {
        writeln!(text, "{line}").expect("a string takes all");
    }
    print!("{text}");
    if record {
        std::fs::write(recorded(path), text)?;
    }
    match outcome.verdict.difference {
        None => Ok(true),
        Some(difference) => bail!("they differ\n{difference}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::{cargo, run, target};
    use compare::compare;
    use transcript::Line;

    #[test]
    fn kept_scripts_are_answered_as_apache_answered_them() {
        let mut build = cargo();
        build.args(["build", "--quiet", "--workspace", "--bin", "vivarium"]);
        run(&mut build).expect("the server is built");
        let binary = target().join("debug/vivarium");
        for (path, script) in kept().expect("the scripts can be read") {
            let apache = std::fs::read_to_string(recorded(&path)).expect("it was recorded");
            let apache: Vec<Line> = apache.lines().filter_map(Line::parse).collect();
            let ours = pair::play_on_ours(binary.clone(), &script).expect("it can be played");
            assert!(apache.len() > script.steps.len(), "{}", path.display());
            let verdict = compare(&script, &ours, &apache);
            if let Some(difference) = verdict.difference {
                panic!("{}: {difference}", path.display());
            }
        }
    }
}
