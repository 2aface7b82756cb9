//! Plays a scenario against real servers and judges what came of it. `cargo xtask simulate real`
//! starts the servers and this program, and does to them what this one asks for.
#![expect(clippy::print_stdout, reason = "the output of a program")]

#[path = "real/client.rs"]
mod client;
#[path = "real/clock.rs"]
mod clock;
#[path = "real/ending.rs"]
mod ending;
#[path = "real/observer.rs"]
mod observer;
#[path = "real/player.rs"]
mod player;
#[path = "real/stage.rs"]
mod stage;

use self::player::Player;
use self::stage::Stage;
use serde_json::json;
use sim::elsewhere::{Evidence, Finding, Plan, Target, judge};
use sim::{Options, Profile, Scenario, Trace, Verdict};
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

/// What the command line asks for.
struct Arguments {
    /// A scenario, or evidence that was kept.
    file: PathBuf,
    /// In place of a scenario, what this seed's clients ask for.
    seed: Option<u64>,
    target: Target,
    /// Where the one listens who has the servers; none to judge evidence again.
    stage: Option<String>,
    slower: u64,
    is_json: bool,
    /// Where to keep the evidence.
    evidence: Option<PathBuf>,
}

fn main() -> ExitCode {
    let outcome = parse(std::env::args().skip(1)).and_then(|arguments| run(&arguments));
    match outcome {
        Ok(verdict) => exit(verdict),
        Err(what) => {
            println!("{what}");
            exit(Verdict::Harness)
        }
    }
}

fn parse(mut words: impl Iterator<Item = String>) -> Result<Arguments, String> {
    let mut arguments = Arguments {
        file: PathBuf::new(),
        seed: None,
        target: Target::Vivarium,
        stage: None,
        slower: 1,
        is_json: false,
        evidence: None,
    };
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} wants a value"));
        match word.as_str() {
            "--apache" => arguments.target = Target::Apache,
            "--json" => arguments.is_json = true,
            "--stage" => arguments.stage = Some(value()?),
            "--slower" => {
                let times = value()?;
                let slower = times.parse().map_err(|error| format!("{times}: {error}"));
                arguments.slower = slower?;
            }
            "--seed" => {
                let seed = value()?;
                let number = seed.parse().map_err(|error| format!("{seed}: {error}"));
                arguments.seed = Some(number?);
            }
            "--evidence" => arguments.evidence = Some(value()?.into()),
            _ => arguments.file = word.into(),
        }
    }
    Ok(arguments)
}

fn run(arguments: &Arguments) -> Result<Verdict, String> {
    let Some(stage) = &arguments.stage else {
        let name = arguments.file.display();
        let evidence: Evidence =
            serde_json::from_str(&text(arguments)?).map_err(|error| format!("{name}: {error}"))?;
        return Ok(tell(arguments, &judge(&evidence), &[]));
    };
    let plan = plan(arguments)?;
    let milder = plan.milder.clone();
    let speaks = !arguments.is_json;
    let player = Player::new(plan, arguments.target, Stage::connect(stage)?, speaks)?;
    let played = player.play()?;
    if let Some(file) = &arguments.evidence {
        let json = serde_json::to_string(&played.evidence).map_err(|error| error.to_string())?;
        fs::write(file, json).map_err(|error| format!("{}: {error}", file.display()))?;
    }
    let mut finding = judge(&played.evidence);
    if let (Verdict::Pass, Some(missing)) = (finding.verdict, played.missing) {
        finding.verdict = missing.verdict;
        finding.broken = Some((missing.rule.to_owned(), missing.seen));
    }
    Ok(tell(arguments, &finding, &milder))
}

fn text(arguments: &Arguments) -> Result<String, String> {
    let name = arguments.file.display();
    fs::read_to_string(&arguments.file).map_err(|error| format!("{name}: {error}"))
}

/// What is played.
fn plan(arguments: &Arguments) -> Result<Plan, String> {
    if let Some(seed) = arguments.seed {
        let options = Options {
            seed,
            profile: Profile::Lite,
            trace: Trace::Off,
        };
        let (_, script) = sim::record(&options);
        return Ok(Plan::of_run(&script, arguments.slower));
    }
    let name = arguments.file.display();
    let scenario = Scenario::read(&text(arguments)?).map_err(|error| format!("{name}: {error}"))?;
    Plan::of(&scenario, arguments.slower).map_err(|refused| {
        let lines = refused.iter().map(|line| format!("\n  {line}"));
        let lines = lines.collect::<String>();
        format!("{name} cannot be played on real servers:{lines}")
    })
}

/// Says what the judges say.
fn tell(arguments: &Arguments, finding: &Finding, milder: &[String]) -> Verdict {
    let (rule, seen) = finding.broken.clone().unzip();
    if arguments.is_json {
        let object = json!({
            "scenario": arguments.file,
            "seed": arguments.seed,
            "target": arguments.target,
            "verdict": finding.verdict,
            "rule": rule,
            "seen": seen,
            "answers": finding.answers,
            "events": finding.events,
            "txns": finding.txns,
            "milder": milder,
        });
        println!("{object}");
        return finding.verdict;
    }
    for line in milder {
        println!("milder than in a simulated world: {line}");
    }
    println!(
        "{}: {} answers, {} watch events, {} transactions",
        arguments.target, finding.answers, finding.events, finding.txns
    );
    if let (Some(rule), Some(seen)) = (rule, seen) {
        println!("rule: {rule}\nseen: {seen}");
    } else {
        println!("as expected");
    }
    finding.verdict
}

/// The exit code that says a verdict.
fn exit(verdict: Verdict) -> ExitCode {
    ExitCode::from(match verdict {
        Verdict::Pass => 0,
        Verdict::Safety => 10,
        Verdict::History => 11,
        Verdict::Liveness => 12,
        Verdict::Resource => 13,
        Verdict::Nondeterminism => 14,
        Verdict::Harness => 15,
    })
}
