//! A world in the middle of its run, from which any number of runs go on.

use crate::options::Options;
use crate::oracle::broken::Broken;
use crate::report::Report;
use crate::run;
use crate::world::{Phase, World};

/// A world in the middle of its run. A clone costs far less than the way there; both go on to the
/// same events.
#[derive(Clone)]
pub struct Snapshot {
    options: Options,
    world: World,
    /// What was broken on the way.
    broken: Option<Broken>,
}

impl Snapshot {
    /// The world of a seed after that many events, or at its end if it comes before.
    pub fn of(options: &Options, events: u64) -> Self {
        let mut snapshot = Snapshot {
            options: options.clone(),
            world: World::new(options),
            broken: None,
        };
        let begun = snapshot.world.begin();
        snapshot.broken = begun.err();
        snapshot.go_to(events);
        snapshot
    }

    /// Goes on to that many events.
    pub fn go_to(&mut self, events: u64) {
        let is_over = |world: &World| world.phase == Phase::Over;
        while self.broken.is_none() && !is_over(&self.world) && self.world.chain.events() < events {
            self.broken = self.world.step().err();
        }
    }

    /// Runs to the verdict.
    pub fn finish(mut self) -> Report {
        let outcome = match self.broken.take() {
            Some(broken) => Err(broken),
            None => self.world.finish(),
        };
        run::report(&self.options, &mut self.world, &outcome)
    }
}
