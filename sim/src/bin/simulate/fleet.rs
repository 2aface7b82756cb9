//! Runs worlds of all profiles on all cores for a while, merges what fails by its signature, and
//! writes a page about it. The next fleet goes on with the seeds that come after.

#[path = "fleet/found.rs"]
mod found;
#[path = "fleet/page.rs"]
mod page;

use self::found::{Failure, Found};
use crate::measured::Measured;
use crate::reports::attempt;
use crate::run::{Mode, cores};
use crate::totals::Totals;
use crate::worlds::{cpu_ms, kept, now, world};
use crate::{exit, hindered, score};
use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use sim::{Profile, Report, Verdict};
use std::collections::BTreeSet;
use std::fs;
use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// Lite worlds of a round, beside the one of swarm.
const LITE: u64 = 4;
/// Rounds after which there is one more world: without faults, with nonsense on every port, without
/// a budget of faults, and one that is run twice.
const QUIET: u64 = 32;
const HOSTILE: u64 = 16;
const BEYOND: u64 = 8;
const TWICE: u64 = 64;
/// How often what was found is written down meanwhile.
const SAVED_EVERY: Duration = Duration::from_secs(60);

/// How long the fleet is out, and where it begins.
#[derive(Args)]
pub(crate) struct Options {
    /// For how many minutes worlds are begun.
    #[arg(long, value_name = "N", default_value_t = 10)]
    minutes: u64,
    /// Begin with this round, and forget what was found before. A round is a seed of swarm and four
    /// of lite, and now and then one of another profile. Otherwise the fleet goes on where the last
    /// one ended.
    #[arg(long, value_name = "ROUND")]
    from: Option<u64>,
    /// Worlds to run side by side; as many as the machine has cores unless told otherwise.
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    /// Print an object for each failure as it comes, and one at the end.
    #[arg(long)]
    json: bool,
    /// Where the page and what was found are kept.
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

/// What came of the worlds of this fleet.
#[derive(Default)]
struct Catch {
    totals: Totals,
    swarm: Measured,
    lite: Measured,
    others: Measured,
    cpu_ms: f64,
    /// Worlds that ended in each tenth of a minute.
    pace: Vec<u64>,
}

/// Sends the fleet out; exits with the verdict of the failure with the fewest events.
pub(crate) fn run(options: &Options) -> ExitCode {
    let folder = options.out.clone().unwrap_or_else(|| kept().join("fleet"));
    let found = match options.from {
        Some(round) => Ok(Found::starting_with(round)),
        None => Found::load(&folder),
    };
    let sailed = found.and_then(|mut found| {
        let catch = sail(options, &folder, &mut found)?;
        Ok((found, catch))
    });
    match sailed {
        Ok((found, catch)) => {
            conclude(options, &folder, &found, &catch);
            let first = found.failures.first();
            exit(first.map_or(Verdict::Pass, |failure| failure.verdict))
        }
        Err(error) => hindered(error),
    }
}

/// Runs rounds until the time is over.
fn sail(options: &Options, folder: &Path, found: &mut Found) -> Result<Catch, String> {
    let started = now();
    let until = started + Duration::from_secs(options.minutes * 60);
    let jobs = options.jobs.unwrap_or_else(cores).max(1);
    let ends = rounds(found.next, jobs, until);
    let bar = progress(options);
    let mut catch = Catch::default();
    let mut ended = BTreeSet::new();
    let mut saved = started;
    loop {
        match ends.recv_timeout(Duration::from_secs(1)) {
            Ok(End::World { report, cpu_ms }) => {
                catch.add(&report, cpu_ms, started.elapsed());
                if found.add(&report) && options.json {
                    println!("{}", json(&report));
                }
            }
            Ok(End::Round(round)) => {
                ended.insert(round);
                while ended.remove(&found.next) {
                    found.next += 1;
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        tell(&bar, started, found, &catch);
        if saved.elapsed() > SAVED_EVERY {
            saved = now();
            save(folder, found, &catch, started)?;
        }
    }
    bar.finish_and_clear();
    save(folder, found, &catch, started)?;
    Ok(catch)
}

/// What a worker has done.
enum End {
    World { report: Box<Report>, cpu_ms: f64 },
    Round(u64),
}

/// Runs one round after another on so many threads, each to its end.
fn rounds(first: u64, jobs: usize, until: Instant) -> mpsc::Receiver<End> {
    let (sender, receiver) = mpsc::sync_channel(jobs * 64);
    let next = Arc::new(AtomicU64::new(first));
    for _ in 0..jobs {
        let (sender, next) = (sender.clone(), next.clone());
        thread::spawn(move || {
            while now() < until {
                let round = next.fetch_add(1, Ordering::Relaxed);
                for (seed, profile, mode) in worlds_of(round) {
                    let before = cpu_ms();
                    let report = Box::new(attempt(&world(seed, profile), mode));
                    let cpu_ms = cpu_ms() - before;
                    if sender.send(End::World { report, cpu_ms }).is_err() {
                        return;
                    }
                }
                if sender.send(End::Round(round)).is_err() {
                    return;
                }
            }
        });
    }
    receiver
}

/// The worlds of a round.
fn worlds_of(round: u64) -> Vec<(u64, Profile, Mode)> {
    let lite = (round * LITE..(round + 1) * LITE).map(|seed| (seed, Profile::Lite, Mode::Once));
    let mut worlds = vec![(round, Profile::Swarm, Mode::Once)];
    worlds.extend(lite);
    let seldom = [
        (QUIET, Profile::Quiet, Mode::Once),
        (HOSTILE, Profile::Hostile, Mode::Once),
        (BEYOND, Profile::Beyond, Mode::Once),
        (TWICE, Profile::Lite, Mode::Twice),
    ];
    for (every, profile, mode) in seldom {
        if round.is_multiple_of(every) {
            worlds.push((round / every, profile, mode));
        }
    }
    worlds
}

impl Catch {
    fn add(&mut self, report: &Report, cpu_ms: f64, passed: Duration) {
        self.totals.add(report);
        self.cpu_ms += cpu_ms;
        match report.profile {
            Profile::Swarm => self.swarm.add(report, cpu_ms),
            Profile::Lite => self.lite.add(report, cpu_ms),
            Profile::Quiet | Profile::Hostile | Profile::Beyond => self.others.add(report, cpu_ms),
        }
        let tenth = usize::try_from(passed.as_secs() / 6).expect("no fleet is out for so long");
        if self.pace.len() <= tenth {
            self.pace.resize(tenth + 1, 0);
        }
        self.pace[tenth] += 1;
    }

    fn worlds(&self) -> usize {
        self.swarm.worlds.len() + self.lite.worlds.len() + self.others.worlds.len()
    }
}

/// A bar for whoever looks at a terminal; nothing for everybody else.
fn progress(options: &Options) -> ProgressBar {
    let bar = ProgressBar::new(options.minutes * 60);
    if options.json || !io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    let style = ProgressStyle::with_template("{wide_bar} {elapsed} of {len} s  {msg}");
    bar.set_style(style.expect("the template is one"));
    bar
}

fn tell(bar: &ProgressBar, started: Instant, found: &Found, catch: &Catch) {
    let seconds = started.elapsed().as_secs();
    bar.set_position(seconds);
    bar.set_message(format!(
        "{} worlds, {:.1} a second, {} failures of {} kinds",
        catch.worlds(),
        catch.worlds() as f64 / (seconds.max(1)) as f64,
        found.times(),
        found.failures.len()
    ));
}

/// Writes the page and what the next fleet has to know.
fn save(folder: &Path, found: &Found, catch: &Catch, started: Instant) -> Result<(), String> {
    let rows = score::of_worlds(&catch.swarm, &catch.lite);
    let page = page::page(found, catch, &rows, started.elapsed());
    fs::create_dir_all(folder)
        .map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
    put(&folder.join("report.html"), &page)?;
    found.save(folder)
}

/// Writes a file whole, or leaves what was there.
fn put(file: &Path, text: &str) -> Result<(), String> {
    let fresh = file.with_extension("fresh");
    fs::write(&fresh, text)
        .and_then(|()| fs::rename(&fresh, file))
        .map_err(|error| format!("cannot write {}: {error}", file.display()))
}

fn conclude(options: &Options, folder: &Path, found: &Found, catch: &Catch) {
    let page = folder.join("report.html");
    if options.json {
        let rows = score::of_worlds(&catch.swarm, &catch.lite);
        let whole = serde_json::json!({
            "rounds": [found.first, found.next],
            "worlds": catch.worlds(),
            "cpu_ms": catch.cpu_ms,
            "score": rows,
            "failures": found.failures,
            "page": page,
        });
        println!("{whole}");
        return;
    }
    let how = format!("rounds {}..{}", found.first, found.next);
    let (totals, seconds) = (&catch.totals, catch.cpu_ms / 1_000.0);
    println!("{}{}", totals.sentence(&how, seconds), totals.recovery());
    for failure in &found.failures {
        println!();
        for line in failure.lines() {
            println!("{line}");
        }
    }
    println!("\nsee {}", page.display());
    if let Some(first) = found.failures.first() {
        println!("\n{}", first.command());
    }
}

/// A failure as a line of JSON.
fn json(report: &Report) -> String {
    #[derive(Serialize)]
    struct Line {
        seed: u64,
        profile: Profile,
        #[serde(flatten)]
        failure: Failure,
    }
    let line = Line {
        seed: report.seed,
        profile: report.profile,
        failure: Failure::of(report),
    };
    serde_json::to_string(&line).expect("words and numbers are JSON")
}
