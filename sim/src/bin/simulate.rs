//! Runs simulated worlds from the command line, side by side across seeds. `cargo xtask simulate`
//! is the door to it.
#![expect(clippy::print_stdout, reason = "the output of a program")]

#[path = "simulate/explore.rs"]
mod explore;
#[path = "simulate/faults.rs"]
mod faults;
#[path = "simulate/golden.rs"]
mod golden;
#[path = "simulate/pictures.rs"]
mod pictures;
#[path = "simulate/scenarios.rs"]
mod scenarios;
#[path = "simulate/score.rs"]
mod score;
#[path = "simulate/walk.rs"]
mod walk;

use self::pictures::Wanted;
use self::score::Sample;
use self::walk::Walk;
use serde::Serialize;
use sim::trace::Chronicle;
use sim::{Options, Profile, Recoveries, Recovery, Report, Trace, Verdict};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use std::{env, fs, io, thread};

/// Stories that are told in full before failures are only counted.
const STORIES_MAX: usize = 3;

/// What the command line asks for.
struct Arguments {
    mode: Mode,
    seeds: Range<u64>,
    profile: Profile,
    form: Form,
    wanted: Wanted,
    /// Where pictures of failures are kept.
    pictures: PathBuf,
    jobs: usize,
    /// A seed that noticed a mutant before, and is asked first.
    first: Option<u64>,
    /// Whether the hunt for a mutant goes on after the first seed that notices.
    counts: bool,
}

/// How each seed is run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Once,
    Twice,
}

/// How a report is printed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Text,
    Json,
}

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    if words.first().is_some_and(|word| word == "bench-history") {
        return bench_history(words.get(1).map(String::as_str));
    }
    if let Some(code) = explore::run(&words) {
        return code;
    }
    match scenarios::parse(&words) {
        Some(Ok(asked)) => return scenarios::run(&asked),
        Some(Err(what)) => {
            println!("{what}");
            return ExitCode::from(code(Verdict::Harness));
        }
        None => {}
    }
    let of_faults = words.first().is_some_and(|word| word == "faults");
    match parse(words.into_iter().skip(usize::from(of_faults))) {
        Ok(Task::Run(arguments)) if of_faults => faults::run(arguments),
        Ok(Task::Run(arguments)) => run(&arguments),
        Ok(Task::Replay(directory)) => {
            let (verdict, text) = sim::replay_recording(&directory);
            println!("{text}");
            ExitCode::from(code(verdict))
        }
        Ok(Task::Walk { of, mutant, walk }) => replay(&of, &mutant, &walk),
        Ok(Task::Golden { bless }) => golden(bless),
        Ok(Task::Score { sample, form }) => score(&sample, form),
        #[cfg(mutants)]
        Ok(Task::Hunt { mutant, arguments }) => hunt(&mutant, &arguments),
        Err(what) => {
            println!("{what}");
            ExitCode::from(code(Verdict::Harness))
        }
    }
}

/// What to do.
enum Task {
    Run(Arguments),
    /// Run again what a server recorded.
    Replay(PathBuf),
    /// Walk through a run.
    Walk {
        of: Arguments,
        mutant: String,
        walk: Walk,
    },
    /// Run the seeds whose chains are written down, or write them down.
    Golden {
        bless: bool,
    },
    /// Measure what the simulator is held to.
    Score {
        sample: Sample,
        form: Form,
    },
    /// Find a seed that notices a mutant.
    #[cfg(mutants)]
    Hunt {
        mutant: String,
        arguments: Arguments,
    },
}

fn parse(mut words: impl Iterator<Item = String>) -> Result<Task, String> {
    let mut arguments = Arguments {
        mode: Mode::Once,
        seeds: 0..1,
        profile: Profile::Swarm,
        form: Form::Text,
        wanted: Wanted::default(),
        pictures: PathBuf::from("target/simulate"),
        jobs: thread::available_parallelism().map_or(1, usize::from),
        first: None,
        counts: false,
    };
    let mut other = None;
    let (mut bless, mut quick) = (false, false);
    let mut mutant = None;
    let mut replays = false;
    let mut commands = None;
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} wants a value"));
        match word.as_str() {
            "twice" => arguments.mode = Mode::Twice,
            "replay-recording" => return Ok(Task::Replay(value()?.into())),
            "golden" | "score" => other = Some(word),
            "--bless" => bless = true,
            "--quick" => quick = true,
            "--json" => arguments.form = Form::Json,
            "--seed" => {
                let seed = number(&value()?)?;
                arguments.seeds = seed..seed.saturating_add(1);
            }
            "--seeds" => arguments.seeds = range(&value()?)?,
            "--profile" => {
                arguments.profile = value()?.parse().map_err(|unknown| format!("{unknown}"))?;
            }
            "replay" => replays = true,
            "--commands" => commands = Some(value()?),
            "--trace" => arguments.wanted.trace = Some(value()?.into()),
            "--html" => arguments.wanted.html = Some(value()?.into()),
            "--svg" => arguments.wanted.svg = Some(value()?.into()),
            "--ladder" => arguments.wanted.ladder = true,
            "--until" => {
                let event = value()?;
                let number = event.trim_start_matches('#').parse();
                arguments.wanted.until = Some(number.map_err(|error| format!("{event}: {error}"))?);
            }
            "--pictures" => arguments.pictures = value()?.into(),
            "--jobs" => arguments.jobs = value()?.parse().map_err(|error| format!("{error}"))?,
            "--mutant" => mutant = Some(value()?),
            "--first" => arguments.first = Some(number(&value()?)?),
            "--count" => arguments.counts = true,
            _ => return Err(format!("what is {word}?")),
        }
    }
    if replays {
        let is_json = arguments.form == Form::Json;
        return Ok(Task::Walk {
            of: arguments,
            mutant: mutant.unwrap_or_default(),
            walk: Walk { commands, is_json },
        });
    }
    match other.as_deref() {
        Some("golden") => return Ok(Task::Golden { bless }),
        Some(_) => {
            let sample = if quick { Sample::QUICK } else { Sample::WHOLE };
            let form = arguments.form;
            return Ok(Task::Score { sample, form });
        }
        None => {}
    }
    match mutant {
        None => Ok(Task::Run(arguments)),
        #[cfg(mutants)]
        Some(mutant) => Ok(Task::Hunt { mutant, arguments }),
        #[cfg(not(mutants))]
        Some(_) => Err("this build has no mutants; use cargo xtask simulate mutants".to_owned()),
    }
}

/// Checks or writes down the chains of golden seeds.
fn golden(bless: bool) -> ExitCode {
    let outcome = if bless {
        golden::bless().map(|()| Vec::new())
    } else {
        golden::check()
    };
    match outcome {
        Ok(shifted) if shifted.is_empty() => {
            println!(
                "golden seeds are {}",
                if bless { "kept" } else { "the same" }
            );
            ExitCode::SUCCESS
        }
        Ok(shifted) => {
            for words in shifted {
                println!("{words}");
            }
            println!("cargo xtask simulate golden --bless keeps the new ones");
            ExitCode::from(code(Verdict::Nondeterminism))
        }
        Err(error) => {
            println!("{error}");
            ExitCode::from(code(Verdict::Harness))
        }
    }
}

/// Prints how far each goal is met.
fn score(sample: &Sample, form: Form) -> ExitCode {
    match score::rows(sample) {
        Ok(rows) if form == Form::Json => {
            println!(
                "{}",
                serde_json::to_string_pretty(&rows).expect("words are JSON")
            );
        }
        Ok(rows) => print!("{}", score::table(&rows)),
        Err(error) => {
            println!("{error}");
            return ExitCode::from(code(Verdict::Harness));
        }
    }
    ExitCode::SUCCESS
}

fn range(text: &str) -> Result<Range<u64>, String> {
    let (from, to) = text
        .split_once("..")
        .ok_or_else(|| format!("{text} is not A..B"))?;
    Ok(number(from)?..number(to)?)
}

/// A seed: a decimal number, or the name of a commit, of which 16 digits count.
fn number(text: &str) -> Result<u64, String> {
    let head = text.get(..text.len().min(16)).unwrap_or_default();
    text.parse()
        .or_else(|_| u64::from_str_radix(head, 16))
        .map_err(|_| format!("{text} is no seed: neither a decimal number nor a commit"))
}

/// Runs all seeds; exits with the verdict of the lowest one that failed.
fn run(arguments: &Arguments) -> ExitCode {
    let started = now();
    if arguments.form == Form::Text && arguments.seeds.end - arguments.seeds.start == 1 {
        let options = Options {
            seed: arguments.seeds.start,
            profile: arguments.profile,
            trace: Trace::Off,
        };
        let (seed, profile) = (options.seed, options.profile);
        println!("seed {seed}, profile {profile}: {}", sim::drawn(&options));
    }
    let mut totals = Totals::default();
    let mut failures: Vec<Report> = Vec::new();
    for (report, cpu_ms) in reports(arguments) {
        totals.add(&report);
        if arguments.form == Form::Json {
            println!("{}", json(&report, cpu_ms));
        } else if arguments.seeds.end - arguments.seeds.start == 1 {
            print_one(&report);
        }
        if !report.passed() {
            failures.push(report);
        }
    }
    if arguments.form == Form::Text {
        println!(
            "{}{}",
            totals.sentence(arguments, started.elapsed().as_secs_f64()),
            totals.recovery()
        );
        print_failures(&failures, arguments);
    }
    if !arguments.wanted.is_nothing()
        && let Err(error) = show_first(&failures, arguments)
    {
        println!("{error}");
        return ExitCode::from(code(Verdict::Harness));
    }
    if arguments.form == Form::Text {
        print_command(&failures);
    }
    ExitCode::from(failures.first().map_or(0, |report| code(report.verdict)))
}

/// Runs all seeds, and gives their reports in the order of the seeds, each as soon as it and all
/// before it are there.
fn reports(arguments: &Arguments) -> impl Iterator<Item = (Report, f64)> {
    let seeds = arguments.seeds.clone();
    let jobs = arguments.jobs.max(1);
    let (mode, profile) = (arguments.mode, arguments.profile);
    let (sender, receiver) = std::sync::mpsc::sync_channel::<(Report, f64)>(jobs * 64);
    let next = std::sync::Arc::new(AtomicU64::new(seeds.start));
    for _ in 0..jobs {
        let (sender, next) = (sender.clone(), next.clone());
        thread::spawn(move || {
            loop {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= seeds.end {
                    return;
                }
                let options = Options {
                    seed,
                    profile,
                    trace: Trace::Off,
                };
                let before = cpu_ms();
                let report = attempt(&options, mode);
                let cpu_ms = cpu_ms() - before;
                if sender.send((report, cpu_ms)).is_err() {
                    return;
                }
            }
        });
    }
    drop(sender);
    let mut expected = arguments.seeds.start;
    let mut early = std::collections::BTreeMap::new();
    std::iter::from_fn(move || {
        loop {
            if let Some(report) = early.remove(&expected) {
                expected += 1;
                return Some(report);
            }
            let report = receiver.recv().ok()?;
            early.insert(report.0.seed, report);
        }
    })
}

/// Runs one seed. A panic that the simulator let through is its own fault, not a server's.
fn attempt(options: &Options, mode: Mode) -> Report {
    let run = || match mode {
        Mode::Once => sim::run(options),
        Mode::Twice => sim::run_twice(options),
    };
    std::panic::catch_unwind(run).unwrap_or_else(|panic| {
        let what = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("a panic without words");
        Report {
            seed: options.seed,
            profile: options.profile,
            verdict: Verdict::Harness,
            rule: Some(format!("the simulator does not panic: {what}")),
            signature: None,
            chain: 0,
            events: 0,
            sim_ms: 0,
            client_ops: 0,
            txns: 0,
            recovery_ms: None,
            recovery: Recovery::default(),
            faults: std::collections::BTreeMap::new(),
            drawn: String::new(),
            story: Vec::new(),
            chronicle: None,
        }
    })
}

/// Sums over all worlds.
#[derive(Default)]
struct Totals {
    worlds: u64,
    passed: u64,
    events: u64,
    sim_ms: u64,
    client_ops: u64,
    txns: u64,
    faults: u64,
    /// Of the chains, in the order of the seeds.
    chain: u128,
    recoveries: Recoveries,
}

impl Totals {
    fn add(&mut self, report: &Report) {
        self.worlds += 1;
        self.passed += u64::from(report.passed());
        self.events += report.events;
        self.sim_ms += report.sim_ms;
        self.client_ops += report.client_ops;
        self.txns += report.txns;
        self.faults += report.faults.values().sum::<u64>();
        self.chain = self.chain.rotate_left(1) ^ report.chain;
        self.recoveries.add(&report.recovery);
    }

    /// How soon service came back, in ticks after the last fault: one line for each stage.
    fn recovery(&self) -> String {
        let mut lines = String::new();
        for (stage, found) in self.recoveries.percentiles() {
            write!(
                lines,
                "\nrecovery in ticks, {stage}: p50 {}, p90 {}, p99 {}, max {}",
                ticks(found.p50),
                ticks(found.p90),
                ticks(found.p99),
                ticks(found.max)
            )
            .expect("a string takes all");
        }
        lines
    }

    fn sentence(&self, arguments: &Arguments, seconds: f64) -> String {
        format!(
            "{} of {} worlds passed ({}, profile {}): {} events, {} s simulated in {seconds:.1} s, \
             {} operations, {} transactions, {} faults, chain {:032x}",
            self.passed,
            self.worlds,
            match arguments.mode {
                Mode::Once => "each once",
                Mode::Twice => "each twice",
            },
            arguments.profile,
            self.events,
            self.sim_ms / 1000,
            self.client_ops,
            self.txns,
            self.faults,
            self.chain,
        )
    }
}

/// Thousandths of a tick as ticks.
fn ticks(thousandths: u64) -> String {
    format!("{}.{}", thousandths / 1_000, thousandths % 1_000 / 100)
}

fn print_one(report: &Report) {
    for (fault, times) in &report.faults {
        println!("  {times:>6} × {fault}");
    }
    println!(
        "{:?}: {} events, {} ms simulated, {} operations, {} transactions, chain {:032x}",
        report.verdict, report.events, report.sim_ms, report.client_ops, report.txns, report.chain
    );
}

/// Tells the first stories, and keeps pictures of them.
fn print_failures(failures: &[Report], arguments: &Arguments) {
    for report in failures.iter().take(STORIES_MAX) {
        println!();
        println!(
            "seed {} failed ({:?}): {}",
            report.seed,
            report.verdict,
            report.rule.as_deref().unwrap_or("no rule is named")
        );
        for line in &report.story {
            println!("  {line}");
        }
        match keep_pictures(report, arguments) {
            Ok(files) => {
                for file in files {
                    println!("  see {}", file.display());
                }
            }
            Err(error) => println!("  no pictures: {error}"),
        }
    }
    if failures.len() > STORIES_MAX {
        let more: Vec<String> = failures
            .iter()
            .skip(STORIES_MAX)
            .map(|report| report.seed.to_string())
            .collect();
        println!("\nalso failed: {}", more.join(" "));
    }
}

/// The last line of a failure is the command that repeats the first one.
fn print_command(failures: &[Report]) {
    if let Some(first) = failures.first() {
        println!(
            "\ncargo xtask simulate --seed {} --profile {}",
            first.seed, first.profile
        );
    }
}

fn keep_pictures(report: &Report, arguments: &Arguments) -> io::Result<Vec<PathBuf>> {
    let options = Options {
        profile: report.profile,
        ..Options::seed(report.seed)
    };
    match pictures::record(&options, "") {
        Some(chronicle) => pictures::keep(&chronicle, &arguments.pictures),
        None => Ok(Vec::new()),
    }
}

/// Shows what is wanted of the first failure, or of the first seed.
fn show_first(failures: &[Report], arguments: &Arguments) -> io::Result<()> {
    let seed = failures
        .first()
        .map_or(arguments.seeds.start, |first| first.seed);
    let options = Options {
        profile: arguments.profile,
        ..Options::seed(seed)
    };
    let chronicle = pictures::record(&options, "");
    let chronicle = chronicle.ok_or_else(|| io::Error::other("the run cannot be recorded"))?;
    pictures::show(&chronicle, &arguments.wanted)
}

/// Walks through the first seed, or through a trace that was kept.
fn replay(of: &Arguments, mutant: &str, walk: &Walk) -> ExitCode {
    let options = Options {
        profile: of.profile,
        ..Options::seed(of.seeds.start)
    };
    let chronicle = match &of.wanted.trace {
        Some(file) => fs::read(file)
            .map_err(|error| format!("cannot read {}: {error}", file.display()))
            .and_then(|bytes| Chronicle::from_bytes(&bytes).map_err(|error| error.to_string())),
        None => pictures::record(&options, mutant)
            .map(|chronicle| *chronicle)
            .ok_or_else(|| "the run cannot be recorded".to_owned()),
    };
    match chronicle.and_then(|chronicle| walk::walk(chronicle, walk)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            println!("{error}");
            ExitCode::from(code(Verdict::Harness))
        }
    }
}

/// Checks a made-up history of so many operations, a million if it is not said, on one core, and
/// prints one line of JSON.
fn bench_history(operations: Option<&str>) -> ExitCode {
    let operations = operations.map_or(Ok(1_000_000), number);
    let Some(operations) = operations
        .ok()
        .and_then(|count| usize::try_from(count).ok())
    else {
        println!("bench-history wants a number of operations");
        return ExitCode::from(code(Verdict::Harness));
    };
    let bench = sim::HistoryBench::new(1, operations);
    let (started, worked) = (now(), computed_ns());
    let outcome = bench.check();
    let passed = started.elapsed().as_secs_f64();
    let seconds = computed_ns().zip(worked).map_or(passed, |(after, before)| {
        Duration::from_nanos(after - before).as_secs_f64()
    });
    if let Err(broken) = outcome {
        println!("a true history does not pass: {broken}");
        return ExitCode::from(code(Verdict::Harness));
    }
    let counted = u32::try_from(operations).unwrap_or(u32::MAX);
    println!(
        "{{\"operations\":{operations},\"seconds\":{seconds:.3},\"per_second\":{:.0}}}",
        f64::from(counted) / seconds
    );
    ExitCode::SUCCESS
}

/// How long this thread has computed, where the system says so: other work on the machine does not
/// count.
fn computed_ns() -> Option<u64> {
    let text = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split(' ').next()?.parse().ok()
}

/// Switches a mutant on and looks for a seed that notices, or for all of them. Prints
/// `killed <seed> <rule>` for each.
#[cfg(mutants)]
fn hunt(mutant: &str, arguments: &Arguments) -> ExitCode {
    let known = arguments.first;
    let others = arguments.seeds.clone().filter(|seed| Some(*seed) != known);
    let seeds = known.into_iter().chain(others);
    let mut last = ExitCode::SUCCESS;
    for kill in sim::hunt(mutant, arguments.profile, seeds) {
        println!("killed {} {}", kill.seed, kill.rule.replace('\n', " "));
        last = ExitCode::from(code(kill.verdict));
        if let Err(error) = show_kill(&kill, &arguments.wanted) {
            println!("{error}");
        }
        if !arguments.counts {
            break;
        }
    }
    last
}

/// Shows what is wanted of a run in which a mutant died.
#[cfg(mutants)]
fn show_kill(kill: &sim::Kill, wanted: &Wanted) -> io::Result<()> {
    if wanted.is_nothing() {
        return Ok(());
    }
    let options = Options {
        profile: kill.profile,
        ..Options::seed(kill.seed)
    };
    let chronicle = pictures::record(&options, &kill.mutant);
    let chronicle = chronicle.ok_or_else(|| io::Error::other("the run cannot be recorded"))?;
    pictures::show(&chronicle, wanted)
}

fn code(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Pass => 0,
        Verdict::Safety => 10,
        Verdict::History => 11,
        Verdict::Liveness => 12,
        Verdict::Resource => 13,
        Verdict::Nondeterminism => 14,
        Verdict::Harness => 15,
    }
}

/// A report as one line of JSON.
#[derive(Serialize)]
struct Line<'r> {
    seed: u64,
    profile: Profile,
    verdict: Verdict,
    rule: Option<&'r str>,
    signature: Option<&'r str>,
    chain: String,
    events: u64,
    sim_ms: u64,
    cpu_ms: f64,
    /// The most memory that the whole process has had so far.
    peak_kib: u64,
    client_ops: u64,
    txns: u64,
    recovery_ms: Option<u64>,
    recovery: Recovery,
    faults: &'r BTreeMap<&'static str, u64>,
    drawn: &'r str,
    story: &'r [String],
}

fn json(report: &Report, cpu_ms: f64) -> String {
    let line = Line {
        seed: report.seed,
        profile: report.profile,
        verdict: report.verdict,
        rule: report.rule.as_deref(),
        signature: report.signature.as_deref(),
        chain: format!("{:032x}", report.chain),
        events: report.events,
        sim_ms: report.sim_ms,
        cpu_ms,
        peak_kib: score::peak_kib(),
        client_ops: report.client_ops,
        txns: report.txns,
        recovery_ms: report.recovery_ms,
        recovery: report.recovery,
        faults: &report.faults,
        drawn: &report.drawn,
        story: &report.story,
    };
    serde_json::to_string(&line).expect("words and numbers are JSON")
}

/// Milliseconds of computing that this thread has had; 0 where the system does not say.
fn cpu_ms() -> f64 {
    let told = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = told.split_whitespace().next();
    let micros = nanos
        .and_then(|nanos| nanos.parse::<u64>().ok())
        .unwrap_or(0)
        / 1_000;
    micros as f64 / 1_000.0
}

#[expect(
    clippy::disallowed_methods,
    reason = "says how long the worlds took; steers nothing"
)]
fn now() -> std::time::Instant {
    std::time::Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_a_number_or_a_commit() {
        assert_eq!(number("42"), Ok(42));
        let commit = "0502987a1b2c3d4e5f60718293a4b5c6d7e8f901";
        assert_eq!(number(commit), Ok(0x0502_987a_1b2c_3d4e));
        assert_eq!(number("ed6b583"), Ok(0xed6_b583));
        assert!(number("seven").is_err() && number("").is_err());
    }

    #[test]
    fn a_range_of_seeds_leaves_its_end_out() {
        assert_eq!(range("3..7"), Ok(3..7));
        assert!(range("3-7").is_err());
    }
}
