//! Searches among tiny ensembles at the command line.

use crate::now;
use clap::Args;
use sim::{Bounds, Failure, Priorities, Verdict};
use std::time::Duration;

/// How much may happen.
#[derive(Args)]
struct Sizes {
    /// Servers.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=7))]
    servers: u8,
    /// How often a server is told whom to follow.
    #[arg(long, default_value_t = 5)]
    elections: u32,
    /// Transactions.
    #[arg(long, default_value_t = 1)]
    proposals: u32,
    /// Crashes.
    #[arg(long, default_value_t = 1)]
    crashes: u32,
    /// Connections that break.
    #[arg(long, default_value_t = 0)]
    breaks: u32,
    /// Deadlines that pass.
    #[arg(long, default_value_t = 0)]
    timeouts: u32,
    /// Switch a wrong variant of the code on, to see it caught.
    #[arg(long, value_name = "NAME", default_value = "")]
    mutant: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Sizes {
    fn bounds(&self, wide: bool) -> Bounds {
        Bounds {
            servers: usize::from(self.servers),
            elections: self.elections,
            proposals: self.proposals,
            crashes: self.crashes,
            breaks: self.breaks,
            timeouts: self.timeouts,
            wide,
        }
    }

    fn words(&self) -> String {
        let mut words = format!(
            "--servers {} --elections {} --proposals {} --crashes {} --breaks {} --timeouts {}",
            self.servers, self.elections, self.proposals, self.crashes, self.breaks, self.timeouts
        );
        if !self.mutant.is_empty() {
            words.push_str(" --mutant ");
            words.push_str(&self.mutant);
        }
        words
    }
}

/// See every state of a tiny ensemble.
#[derive(Args)]
pub(crate) struct Exhaust {
    #[command(flatten)]
    sizes: Sizes,
    /// How long, at most.
    #[arg(long, default_value_t = 10)]
    minutes: u64,
    /// How many states, at most; each takes about 20 bytes.
    #[arg(long, default_value_t = 50_000_000)]
    states: u64,
    /// Let servers also be told to follow one that does not lead.
    #[arg(long)]
    wide: bool,
}

/// Order what happens by random priorities.
#[derive(Args)]
pub(crate) struct Pct {
    #[command(flatten)]
    sizes: Sizes,
    /// Schedules, as A..B, B left out.
    #[arg(long, default_value = "0..10000")]
    seeds: String,
    /// Steps whose order matters in what is looked for.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=16))]
    depth: u32,
    /// Steps among which priorities change.
    #[arg(long, default_value_t = 100)]
    steps: u64,
    /// Go on after the first failure, and count.
    #[arg(long)]
    count: bool,
}

/// Searches, and says what was seen.
pub(crate) fn exhaust(wish: &Exhaust) -> Verdict {
    let started = now();
    let until = started + Duration::from_secs(wish.minutes * 60);
    sim::activate(&wish.sizes.mutant);
    let found = sim::exhaust(wish.sizes.bounds(wish.wide), &mut |states| {
        states < wish.states && now() < until
    });
    if wish.sizes.json {
        let words = serde_json::to_string(&found).expect("words and numbers are JSON");
        println!("{words}");
        return verdict(found.failure.as_ref());
    }
    if let Some(failure) = &found.failure {
        tell(failure);
    }
    println!(
        "{}{}: {} states, {} steps, depth {}, {} ends, {} in {:.1} s",
        wish.sizes.words(),
        if wish.wide { " --wide" } else { "" },
        found.states,
        found.steps,
        found.depth,
        found.ends,
        match (&found.failure, found.complete) {
            (Some(_), _) => "a rule is broken",
            (None, true) => "complete, no rule is broken",
            (None, false) => "not complete, no rule is broken",
        },
        started.elapsed().as_secs_f64()
    );
    if found.failure.is_some() {
        let wide = if wish.wide { " --wide" } else { "" };
        println!("cargo xtask simulate exhaust {}{wide}", wish.sizes.words());
    }
    verdict(found.failure.as_ref())
}

/// Runs schedules, and says what came of them.
pub(crate) fn pct(wish: &Pct) -> Verdict {
    let started = now();
    let seeds = match crate::range(&wish.seeds) {
        Ok(seeds) => seeds,
        Err(what) => {
            println!("{what}");
            return Verdict::Harness;
        }
    };
    sim::activate(&wish.sizes.mutant);
    let priorities = Priorities {
        bounds: wish.sizes.bounds(true),
        depth: wish.depth,
        steps: wish.steps,
    };
    let (mut runs, mut failures, mut entities, mut longest) = (0_u64, 0_u64, 0, 0);
    let mut first = None;
    for seed in seeds {
        let run = priorities.run(seed);
        runs += 1;
        entities = entities.max(run.entities);
        longest = longest.max(run.steps);
        if run.failure.is_some() {
            failures += 1;
            first = first.or(Some(run));
            if !wish.count {
                break;
            }
        }
    }
    let failure = first.as_ref().and_then(|run| run.failure.as_ref());
    let bound = priorities.bound(entities);
    if wish.sizes.json {
        let words = serde_json::json!({
            "priorities": priorities, "runs": runs, "failures": failures, "entities": entities,
            "longest": longest, "bound": bound, "first": first,
        });
        println!("{words}");
        return verdict(failure);
    }
    if let Some(failure) = failure {
        tell(failure);
    }
    println!(
        "{} --depth {} --steps {}: {runs} schedules of at most {longest} steps and {entities} \
         entities, {failures} break a rule; each meets a failure of this depth with a probability \
         of at least 1 in {:.0}; {:.1} s",
        wish.sizes.words(),
        wish.depth,
        wish.steps,
        1.0 / bound,
        started.elapsed().as_secs_f64()
    );
    if let Some(run) = &first {
        println!(
            "cargo xtask simulate pct --seeds {}..{} --depth {} --steps {} {}",
            run.seed,
            run.seed + 1,
            wish.depth,
            wish.steps,
            wish.sizes.words()
        );
    }
    verdict(failure)
}

fn tell(failure: &Failure) {
    println!("rule: {}", failure.rule);
    println!("seen: {}", failure.seen);
    println!("what it takes:");
    for (number, step) in failure.way.iter().enumerate() {
        println!("{:>4}. {step}", number + 1);
    }
}

fn verdict(failure: Option<&Failure>) -> Verdict {
    failure.map_or(Verdict::Pass, |_| Verdict::Safety)
}
