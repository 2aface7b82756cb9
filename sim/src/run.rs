//! The doors of the crate.

use crate::chain::Link;
use crate::nemesis::Nemesis;
use crate::noise::{Noise, Tape};
use crate::options::{Options, Trace};
use crate::oracle::broken::Broken;
use crate::panics;
use crate::report::{Report, Verdict};
use crate::script::Script;
use crate::story;
use crate::swarm::Swarm;
use crate::trace::Header;
use crate::world::{Phase, World};
use core::ops::Range;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// Runs one seed to its verdict.
pub fn run(options: &Options) -> Report {
    record(options).0
}

/// Runs one seed to its verdict, and says what happened in it.
pub fn record(options: &Options) -> (Report, Script) {
    let mut world = World::new(options);
    let report = finish(options, &mut world);
    (report, world.script())
}

/// Runs one seed with other keys in the hash tables of its servers. It is the same run.
pub fn run_with_hash_salt(options: &Options, salt: u64) -> Report {
    let mut world = World::new(options);
    for host in &mut world.hosts {
        host.salt_hashes(salt);
    }
    finish(options, &mut world)
}

/// Runs a script to its verdict. One that was recorded comes to the same events as the run that
/// recorded it.
pub fn run_script(script: &Script, trace: Trace) -> Report {
    let options = Options {
        seed: script.seed,
        profile: script.profile,
        trace,
    };
    let noise = Noise::new(script.seed, &script.noise);
    let mut world = World::play(Arc::new(script.clone()), noise, trace);
    finish(&options, &mut world)
}

/// As [`run_script`], with every chance that did not have its benign outcome, and what of the
/// script was done.
pub fn run_script_with_tape(script: &Script) -> (Report, Tape, Script) {
    let options = Options {
        seed: script.seed,
        profile: script.profile,
        trace: Trace::Off,
    };
    let noise = Noise::new(script.seed, &script.noise).taped();
    let mut world = World::play(Arc::new(script.clone()), noise, Trace::Off);
    let report = finish(&options, &mut world);
    (report, world.noise.tape(), world.script())
}

fn finish(options: &Options, world: &mut World) -> Report {
    finish_with(options, world, World::run)
}

/// Lets a world run as `go` says, and tells what came of it.
pub(crate) fn finish_with(
    options: &Options,
    world: &mut World,
    go: impl FnOnce(&mut World) -> Result<(), Broken>,
) -> Report {
    let finished = panics::catch(|| {
        let outcome = go(world);
        let outcome = world.excused(outcome);
        report(options, world, &outcome)
    });
    match finished {
        Ok(report) => report,
        Err(panic) => Report::of_harness(options, &panic),
    }
}

/// Runs one seed twice; the verdict is [`Verdict::Nondeterminism`] when the chains differ.
pub fn run_twice(options: &Options) -> Report {
    let [mut one, mut other] = [World::new(options), World::new(options)];
    let first = finish(options, &mut one);
    let mut second = finish(options, &mut other);
    if first.chain != second.chain {
        second.verdict = Verdict::Nondeterminism;
        second.rule = Some("a seed is one run".to_owned());
        second.story = vec![
            format!("chains {:032x} and {:032x}", first.chain, second.chain),
            format!("{} and {} events", first.events, second.events),
        ];
        let window = one.chain.differs_within(&other.chain);
        second.story.extend(difference(options, window));
        let command = format!("cargo xtask simulate twice --seed {}", options.seed);
        second.story.push(command);
    }
    second
}

/// Runs twice again, up to the end of a window of events, and names the first that differs.
fn difference(options: &Options, window: Range<u64>) -> Vec<String> {
    let [one, other] = [(); 2].map(|()| {
        let mut world = World::new(options);
        world.chain.keep(window.clone());
        // Whatever is broken on the way was told by the run that led here.
        let mut step = world.begin();
        while step.is_ok() && world.phase != Phase::Over && world.chain.events() < window.end {
            step = world.step();
        }
        world
    });
    let Some((number, first, second)) = one.chain.first_difference(&other.chain) else {
        return vec![format!(
            "the events from {} to {} do not differ when they are run again",
            window.start, window.end
        )];
    };
    let words = |link: Option<&Link>| link.map_or("nothing".to_owned(), Link::to_string);
    vec![
        format!("event {number} differs first"),
        format!("one:   {}", words(first)),
        format!("other: {}", words(second)),
    ]
}

/// What a seed draws before its world begins, in one line.
pub fn drawn(options: &Options) -> String {
    Swarm::draw(options.seed, options.profile).words()
}

/// Runs one seed, with every process of a server recorded in a directory below this one.
pub fn record_servers(options: &Options, directory: &Path) -> Report {
    let mut world = World::new(options);
    for (index, host) in world.hosts.iter_mut().enumerate() {
        host.record(directory.join(format!("server-{}", index + 1)));
    }
    let outcome = world.run();
    report(options, &mut world, &outcome)
}

fn counters(world: &World) -> BTreeMap<&'static str, u64> {
    let mut counters = Nemesis::counters(&world.nemesis).clone();
    counters.extend(world.net.counts());
    for host in &world.hosts {
        host.disk.tally().add_to(&mut counters);
    }
    let clocks = u64::try_from(world.hosts.len()).expect("few servers");
    if world.swarm.drift_ppm > 0 {
        counters.insert("clocks that drift", clocks);
    }
    counters
}

pub(crate) fn report(options: &Options, world: &mut World, outcome: &Result<(), Broken>) -> Report {
    let drawn = world.swarm.words();
    let broken = outcome.as_ref().err();
    let signature = outcome.as_ref().err().map(Broken::signature);
    let (verdict, rule, story) = match outcome {
        Ok(()) => (Verdict::Pass, None, Vec::new()),
        Err(broken) => {
            let story = story::tell(options, &drawn, broken, &world.notes);
            (broken.verdict, Some(broken.rule.to_owned()), story)
        }
    };
    let chronicle = world.take_chronicle(broken).map(|mut chronicle| {
        chronicle.header = Header {
            seed: options.seed,
            profile: options.profile.name().to_owned(),
            drawn: drawn.clone(),
            verdict: format!("{verdict:?}").to_lowercase(),
            rule: rule.clone(),
            seen: broken.map(|broken| broken.seen.clone()).unwrap_or_default(),
            commit: String::new(),
            command: story::command(options),
            story: story.clone(),
        };
        chronicle
    });
    Report {
        seed: options.seed,
        profile: options.profile,
        verdict,
        rule,
        signature,
        chain: world.chain.value(),
        events: world.chain.events(),
        sim_ms: world.queue.now() / 1_000,
        client_ops: world.clients.iter().map(|client| client.answered).sum(),
        txns: u64::try_from(world.judges.ledger.entries().len()).expect("a length"),
        recovery_ms: world.recovery.map(|time| time / 1_000),
        recovery: world.stages,
        faults: counters(world),
        drawn,
        story,
        chronicle,
    }
}
