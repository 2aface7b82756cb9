//! The one who breaks things: when, what, where, and for how long, all as the seed says, and
//! never more than the budget allows. What it does is drawn first, as data, and then done.

mod action;
mod apply;
mod beyond;
mod draw;
mod harm;
mod mishap;
mod parts;
mod servers;
mod suggest;
mod words;

pub use self::action::{Action, Fate, Rift, Strike};
pub use self::harm::Harm;
pub use self::mishap::{Limits, Mishap, MishapKind, StormKind};
use crate::decide::{Dice, Stream};
use crate::disk::Survival;
use crate::host::Death;
use crate::net::{ConnNumber, Node, Port, Side};
use crate::oracle::broken::Broken;
use crate::queue::Micros;
use crate::swarm::Swarm;
use crate::world::{Event, World};
use std::collections::BTreeMap;

/// The longest time that something stays broken, in microseconds.
const LONGEST: Micros = 24_000_000;

/// The one who breaks things.
#[derive(Clone, Debug)]
pub(crate) struct Nemesis {
    dice: Dice,
    suggest_dice: Dice,
    /// What is to be taken back, by number; `None` once it was.
    broken: Vec<Option<Breakage>>,
    counters: BTreeMap<&'static str, u64>,
    /// Faults that struck.
    struck: u64,
    /// Whether some disk lied, and whether something was done that no server can tell.
    pub(crate) lied: bool,
    pub(crate) is_past_telling: bool,
}

/// Something that can be taken back.
#[derive(Clone, Debug)]
enum Breakage {
    Paths(Vec<(Node, Node, Port)>),
    Clog(Node, Node, Port),
    SlowDisk(usize),
    Trouble(usize),
    /// Two servers have each other's disk.
    Swap(usize, usize),
    /// The links of a server between servers are reset when this is taken back.
    Links(usize),
    Cap(Node, Node, Port),
    Reader(ConnNumber, Side),
    Dials(usize, Port),
    Name(Node, usize),
    SlowCpu(usize),
    FrozenWall(usize),
}

impl Nemesis {
    pub(crate) fn new(seed: u64) -> Self {
        Nemesis {
            dice: Dice::new(seed, Stream::Nemesis, 0),
            suggest_dice: Dice::new(seed, Stream::Nemesis, 2),
            broken: Vec::new(),
            counters: BTreeMap::new(),
            struck: 0,
            lied: false,
            is_past_telling: false,
        }
    }

    /// When to strike first.
    pub(crate) fn first(&mut self, swarm: &Swarm) -> Micros {
        // Half of all worlds are left to form an ensemble first.
        let grace = if self.dice.percent(50) {
            swarm.tick * 10
        } else {
            0
        };
        grace + self.dice.range(0, swarm.fault_interval)
    }

    /// Lets another seed decide what strikes from now on.
    pub(crate) fn turn(&mut self, seed: u64) {
        self.dice = Dice::new(seed, Stream::Nemesis, 0);
        self.suggest_dice = Dice::new(seed, Stream::Nemesis, 2);
    }

    /// How often each kind of fault struck.
    pub(crate) fn counters(&self) -> &BTreeMap<&'static str, u64> {
        &self.counters
    }

    /// Counts something.
    pub(crate) fn count(&mut self, what: &'static str) {
        *self.counters.entry(what).or_default() += 1;
    }

    /// Counts a fault that struck.
    pub(crate) fn struck(&mut self, what: &'static str) {
        self.struck += 1;
        self.count(what);
    }

    /// Whether too few faults struck so far to let the world be.
    pub(crate) fn owes_faults(&self, swarm: &Swarm) -> bool {
        !swarm.faults.is_empty() && self.struck < swarm.faults_least
    }

    /// Whether fewer faults struck than the world is to see at least, for the time that has passed.
    fn is_late(&self, now: Micros, swarm: &Swarm) -> bool {
        self.struck * swarm.safety < swarm.faults_least * now
    }

    fn duration(&mut self, swarm: &Swarm) -> Micros {
        let longest = (swarm.tick * 24).min(swarm.safety / 8).min(LONGEST);
        let shortest = (swarm.tick / 4).clamp(1, longest);
        self.dice.octaves(shortest, longest)
    }

    fn survival(&mut self, swarm: &Swarm) -> Survival {
        let torn = if swarm.disk.torn {
            Survival::Torn
        } else {
            Survival::Mixed
        };
        self.dice
            .pick(&[Survival::Lost, Survival::Lost, Survival::Mixed, torn, torn])
    }

    fn fate(&mut self, death: Death, swarm: &Swarm) -> Fate {
        Fate {
            death,
            key: self.dice.next(),
            restart_after: Some(self.duration(swarm)),
        }
    }

    fn power_loss(&mut self, swarm: &Swarm) -> Fate {
        let survival = self.survival(swarm);
        self.fate(Death::Power(survival), swarm)
    }

    fn death_by_plan(&mut self, swarm: &Swarm) -> Fate {
        let survival = self.survival(swarm);
        let death = if self.dice.percent(30) {
            Death::Process
        } else {
            Death::Power(survival)
        };
        self.fate(death, swarm)
    }

    fn keep(&mut self, breakage: Breakage) -> usize {
        self.broken.push(Some(breakage));
        self.broken.len() - 1
    }
}

impl World {
    /// Breaks something, and decides when to come again.
    pub(crate) fn strike(&mut self) -> Result<(), Broken> {
        if self.swarm.faults.is_empty() || !self.is_breakable() {
            return Ok(());
        }
        let is_late = self.nemesis.is_late(self.queue.now(), &self.swarm);
        let dice = &mut self.nemesis.dice;
        let mean = self.swarm.fault_interval;
        let quiet = (mean * 6).min(self.swarm.safety / 8);
        let quiet = if dice.percent(10) { quiet } else { 0 };
        let again = if dice.percent(self.swarm.together) {
            dice.octaves(1_000, self.swarm.tick)
        } else {
            dice.range(mean / 4, mean * 2) + quiet
        };
        let weights = self.swarm.faults.iter();
        let total: u64 = weights.map(|(_, weight)| u64::from(*weight)).sum();
        let mut left = dice.below(total);
        let chosen = self.swarm.faults.iter().find(|(_, weight)| {
            let here = left < u64::from(*weight);
            left = left.saturating_sub(u64::from(*weight));
            here
        });
        let (fault, _) = *chosen.expect("a number below the total falls on an entry");
        let mut label = Some(fault);
        for action in self.draw(fault)? {
            let strike = Strike {
                at: self.queue.now(),
                action,
                fault: label,
            };
            if self.inflict(strike)? {
                label = None;
            }
        }
        // Where nothing could be done, or too little was, something is tried soon.
        let again = if label.is_none() && !is_late {
            again
        } else {
            again.min(mean / 4)
        };
        self.queue.after(again, Event::Strike);
        Ok(())
    }
}
