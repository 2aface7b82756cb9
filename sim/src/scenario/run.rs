//! Playing scenarios in the simulated world.

use super::{Anchored, Expect, Scenario, What};
use crate::nemesis::Strike;
use crate::noise::Noise;
use crate::options::{Options, Trace};
use crate::oracle::broken::Broken;
use crate::report::{Report, Verdict};
use crate::run;
use crate::script::Op;
use crate::world::{Phase, World};
use std::sync::Arc;

/// What came of a scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What the judges say.
    pub report: Report,
    /// What happened, a line each, to be reviewed and kept.
    pub transcript: Vec<String>,
    /// Why it is not what was expected; `None` when it is.
    pub surprise: Option<String>,
}

/// Plays a scenario to its end.
pub fn run_scenario(scenario: &Scenario) -> Outcome {
    let script = &scenario.script;
    let options = Options {
        seed: script.seed,
        profile: script.profile,
        trace: Trace::Off,
    };
    let noise = Noise::new(script.seed, &script.noise);
    let mut world = World::play(Arc::new(script.clone()), noise, Trace::Off);
    let mut waiting = scenario.anchored.iter();
    let report = run::finish_with(&options, &mut world, |world| play(world, &mut waiting));
    let transcript = world.notes.lines();
    let left = waiting.as_slice().first();
    let surprise = surprise(&scenario.expect, &report).or_else(|| {
        let left = left.filter(|_| report.passed())?;
        Some(format!("nothing came of `when {}`", left.fact))
    });
    Outcome {
        report,
        transcript,
        surprise,
    }
}

fn play(world: &mut World, waiting: &mut std::slice::Iter<'_, Anchored>) -> Result<(), Broken> {
    world.begin()?;
    while world.phase != Phase::Over {
        world.step()?;
        while let Some(next) = waiting.as_slice().first()
            && world.phase == Phase::Faults
            && next.fact.is_true(world)?
        {
            waiting.next();
            happen(world, &next.what)?;
        }
    }
    world.verdict()
}

fn happen(world: &mut World, what: &What) -> Result<(), Broken> {
    let at = world.queue.now();
    match what {
        What::Ask { client, ask } => world.obey(Op {
            at,
            client: *client,
            ask: ask.clone(),
        }),
        What::Do(action) => world
            .inflict(Strike {
                at,
                action: action.clone(),
                fault: None,
            })
            .map(drop),
    }
}

fn surprise(expect: &Expect, report: &Report) -> Option<String> {
    let seen = match &report.rule {
        None => "no rule was broken".to_owned(),
        Some(rule) => format!("{:?}: {rule}", report.verdict),
    };
    match expect {
        Expect::Pass if report.verdict == Verdict::Pass => None,
        Expect::Pass => Some(seen),
        Expect::Broken { verdict, rule } => {
            let is_it = report.verdict == *verdict && report.rule.as_ref() == Some(rule);
            (!is_it).then_some(seen)
        }
    }
}
