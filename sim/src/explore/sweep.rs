//! The crash sweep: one fixed run, and at every step of it every server crashes, with each outcome
//! for what was not synced, and is back soon or late. Every crash is a run of its own, branched off
//! the base and judged to its end.

use crate::disk::Survival;
use crate::host::{Death, Host, HostEvent};
use crate::nemesis::{Action, Fate, Strike};
use crate::noise::Noise;
use crate::options::{Options, Trace};
use crate::oracle::broken::{Broken, server_name};
use crate::queue::Micros;
use crate::report::Report;
use crate::run;
use crate::scenario::Scenario;
use crate::script::Script;
use crate::world::{Event, Phase, World};
use core::fmt;
use core::str::FromStr;
use serde::Serialize;
use std::sync::Arc;

/// The base run.
const BASE: &str = include_str!("../../scenarios/recovery/all-that-a-crash-may-meet.zks");

/// When what begins in the base run, in milliseconds.
const SECTIONS: [(u64, &str); 6] = [
    (0, "election and discovery"),
    (100, "broadcast, log roll, snapshot"),
    (700, "another leader, DIFF"),
    (1_900, "TRUNC"),
    (2_000, "SNAP"),
    (3_300, "restart"),
];

/// How long a crashed server stays down: it is back before others notice, or when they have gone on.
const DOWN: [Micros; 2] = [5_000, 400_000];

/// What becomes of writes that were not durable when a server crashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Unsynced {
    /// The power went, and all of them with it.
    Lost,
    /// The power went, and each sector is at any of its versions, perhaps in part.
    Torn,
    /// The process died; the page cache shows them all, and none is durable yet.
    Kept,
}

impl Unsynced {
    /// Every outcome.
    pub const ALL: [Unsynced; 3] = [Unsynced::Lost, Unsynced::Torn, Unsynced::Kept];

    fn death(self) -> Death {
        match self {
            Unsynced::Lost => Death::Power(Survival::Lost),
            Unsynced::Torn => Death::Power(Survival::Torn),
            Unsynced::Kept => Death::Process,
        }
    }
}

impl fmt::Display for Unsynced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Unsynced::Lost => "lost",
            Unsynced::Torn => "torn",
            Unsynced::Kept => "kept",
        })
    }
}

impl FromStr for Unsynced {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let named = Unsynced::ALL
            .into_iter()
            .find(|one| one.to_string() == name);
        named.ok_or_else(|| format!("{name:?} is no outcome; there are lost, torn and kept"))
    }
}

/// Where in a step of a server it crashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// Before this effect of the step, counted from 0.
    Effect(u64),
    /// While an operation of its disk is under way.
    DiskBusy,
    /// When an operation of its disk is done, and nobody knows it.
    DiskDone,
    /// Before this disk operation of its recovery, counted from 0.
    Recovery(u32),
}

/// One place to crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Boundary {
    /// Counts all of them, from 0.
    pub number: u64,
    /// When in the base run, in microseconds.
    pub at: Micros,
    /// Who crashes, from 0.
    pub server: usize,
    /// Where in its step.
    pub place: Place,
    /// Counts steps of the base run.
    #[serde(skip)]
    step: u64,
}

impl fmt::Display for Boundary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = server_name(self.server);
        let at = self.at;
        write!(
            f,
            "boundary {} ({}), {at} us, ",
            self.number,
            self.section()
        )?;
        match self.place {
            Place::Effect(0) => write!(f, "{name} before the first effect of a step"),
            Place::Effect(effects) => write!(f, "{name} after {effects} effects of a step"),
            Place::DiskBusy => write!(f, "{name} while its disk works"),
            Place::DiskDone => write!(f, "{name} when its disk is done"),
            Place::Recovery(operations) => {
                write!(f, "{name} {operations} disk operations into its recovery")
            }
        }
    }
}

/// One crash, and what came of it.
#[derive(Clone, Debug)]
pub struct Crash {
    /// Where.
    pub boundary: Boundary,
    /// What survived.
    pub unsynced: Unsynced,
    /// How long the server stayed down, in microseconds.
    pub down: Micros,
    /// What the judges say.
    pub report: Report,
}

impl Crash {
    /// What repeats it.
    pub fn command(&self) -> String {
        let number = self.boundary.number;
        format!(
            "cargo xtask simulate sweep --at {number} --outcome {}",
            self.unsynced
        )
    }
}

/// What a sweep went through.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SweepCounts {
    /// Boundaries of the base run.
    pub boundaries: u64,
    /// By part of the base run.
    pub sections: Vec<(&'static str, u64)>,
    /// Before an effect.
    pub effects: u64,
    /// At an operation of a disk, those of recoveries included.
    pub disk: u64,
    /// Crashes that were run to their end.
    pub runs: u64,
}

/// The crash sweep.
#[derive(Clone, Debug)]
pub struct Sweep {
    script: Arc<Script>,
    /// Whether everything is recorded.
    pub trace: Trace,
    /// Which outcomes are run.
    pub outcomes: Vec<Unsynced>,
}

impl Default for Sweep {
    fn default() -> Self {
        Sweep {
            script: Arc::new(base().script),
            trace: Trace::Off,
            outcomes: Unsynced::ALL.into(),
        }
    }
}

fn base() -> Scenario {
    Scenario::read(BASE).expect("the base is a scenario")
}

impl Sweep {
    /// Every place to crash in the base run.
    ///
    /// # Errors
    /// When the base run itself breaks a rule, or lacks what it is there for.
    pub fn boundaries(&self) -> Result<Vec<Boundary>, String> {
        let mut found = Vec::new();
        let mut rolls = false;
        let end = self.along_base(&mut |world, step| {
            rolls |= world.hosts.iter().any(has_rolled);
            let Some((server, event)) = next_step(world) else {
                return true;
            };
            let at = world.queue.now();
            for place in places(world, server, event) {
                let number = u64::try_from(found.len()).expect("a length");
                found.push(Boundary {
                    number,
                    at,
                    server,
                    place,
                    step,
                });
            }
            true
        })?;
        match missing(&end, rolls) {
            None => Ok(found),
            Some(what) => Err(format!("the base run has no {what}")),
        }
    }

    /// Crashes at every boundary that `chosen` names, each outcome for itself, the server back soon
    /// and late. `each` is shown every crash, and says whether to go on.
    ///
    /// # Errors
    /// As [`Sweep::boundaries`].
    pub fn run(
        &self,
        chosen: &dyn Fn(u64) -> bool,
        each: &mut dyn FnMut(Crash) -> bool,
    ) -> Result<SweepCounts, String> {
        let boundaries = self.boundaries()?;
        let mut counts = SweepCounts::of(&boundaries);
        let mut left = boundaries
            .into_iter()
            .filter(|one| chosen(one.number))
            .peekable();
        self.along_base(&mut |world, step| {
            while let Some(boundary) = left.next_if(|one| one.step == step) {
                for (unsynced, down) in pairs(&self.outcomes, &DOWN) {
                    let report = self.crash(world, &boundary, boundary.fate(unsynced, down));
                    counts.runs += 1;
                    if !each(Crash {
                        boundary,
                        unsynced,
                        down,
                        report,
                    }) {
                        return false;
                    }
                }
            }
            true
        })?;
        Ok(counts)
    }

    /// Goes through the base run up to the end of its faults, or until `before` says so, which is
    /// shown the world before each step, and the step's number.
    fn along_base(&self, before: &mut dyn FnMut(&World, u64) -> bool) -> Result<World, String> {
        let fails =
            |broken: Broken| format!("the base run fails: {}: {}", broken.rule, broken.seen);
        let noise = Noise::new(self.script.seed, &self.script.noise);
        let mut world = World::play(self.script.clone(), noise, self.trace);
        world.begin().map_err(fails)?;
        for step in 0.. {
            if world.phase != Phase::Faults || !before(&world, step) {
                break;
            }
            world.step().map_err(fails)?;
        }
        Ok(world)
    }

    /// Crashes a server in the next step, and lets the world run to its end.
    fn crash(&self, before: &World, boundary: &Boundary, fate: Fate) -> Report {
        let options = Options {
            seed: self.script.seed,
            profile: self.script.profile,
            trace: self.trace,
        };
        let mut world = before.clone();
        let mut report = run::finish_with(&options, &mut world, |world| {
            plan(world, boundary.server, boundary.place, fate)?;
            world.step()?;
            let is_down = world.hosts[boundary.server].replica().is_none();
            assert!(is_down, "the server crashes: {boundary}");
            world.finish()
        });
        report.story.pop();
        report
    }
}

impl Boundary {
    /// In which part of the base run it is.
    pub fn section(&self) -> &'static str {
        SECTIONS[self.section_number()].1
    }

    fn section_number(&self) -> usize {
        let section = SECTIONS.iter().rposition(|(ms, _)| ms * 1_000 <= self.at);
        section.expect("the first begins at 0")
    }

    fn fate(&self, unsynced: Unsynced, down: Micros) -> Fate {
        Fate {
            death: unsynced.death(),
            // Another part of a torn write is left each time.
            key: self.number << 1 | u64::from(down == DOWN[0]),
            restart_after: Some(down),
        }
    }
}

impl SweepCounts {
    fn of(boundaries: &[Boundary]) -> Self {
        let mut counts = SweepCounts {
            sections: SECTIONS.map(|(_, name)| (name, 0)).into(),
            ..SweepCounts::default()
        };
        for boundary in boundaries {
            counts.boundaries += 1;
            counts.sections[boundary.section_number()].1 += 1;
            match boundary.place {
                Place::Effect(_) => counts.effects += 1,
                Place::DiskBusy | Place::DiskDone | Place::Recovery(_) => counts.disk += 1,
            }
        }
        counts
    }
}

fn pairs<A: Copy, B: Copy>(some: &[A], others: &[B]) -> impl Iterator<Item = (A, B)> {
    let with = |one: A| others.iter().map(move |other| (one, *other));
    some.iter().copied().flat_map(with)
}

/// Lets a server crash at a place of its next step.
fn plan(world: &mut World, server: usize, place: Place, fate: Fate) -> Result<(), Broken> {
    let runs = world.hosts[server].replica().is_some();
    let action = match place {
        Place::Effect(effects) if runs => Action::DieAfter {
            server,
            effects,
            fate,
        },
        Place::Effect(effects) => Action::DieAgain {
            server,
            effects,
            fate,
        },
        Place::DiskBusy => Action::Die { server, fate },
        Place::DiskDone => Action::DieAtFile {
            server,
            prefix: String::new(),
            times: 1,
            fate,
        },
        Place::Recovery(operations) => Action::DieInRecovery {
            server,
            operations,
            fate,
        },
    };
    let at = world.queue.now();
    let possible = world.inflict(Strike {
        at,
        action,
        fault: None,
    })?;
    assert!(possible, "a server is crashed where it is");
    Ok(())
}

/// The server that takes the next step, and why.
fn next_step(world: &World) -> Option<(usize, HostEvent)> {
    let Event::Host(server, process, event) = world.queue.peek()? else {
        return None;
    };
    let host = &world.hosts[*server];
    let happens = if *event == HostEvent::Start {
        host.replica().is_none()
    } else {
        host.process == *process && host.replica().is_some()
    };
    happens.then_some((*server, *event))
}

/// Every place to crash in the next step, which is this server's.
fn places(world: &World, server: usize, event: HostEvent) -> Vec<Place> {
    let mut after = world.clone();
    let effects = |world: &World| world.hosts[server].effects;
    let mut found = match event {
        HostEvent::Disk(_) => vec![Place::DiskBusy, Place::DiskDone],
        HostEvent::Start => (0..).map_while(|at| recovery(world, server, at)).collect(),
        HostEvent::Run | HostEvent::Timer | HostEvent::Resume => Vec::new(),
    };
    // A base run that breaks a rule here is told of when it gets here.
    drop(after.step());
    found.extend((0..effects(&after) - effects(world)).map(Place::Effect));
    found
}

/// A place in a recovery, if it has so many operations.
fn recovery(world: &World, server: usize, operations: u32) -> Option<Place> {
    let mut trial = world.clone();
    let place = Place::Recovery(operations);
    plan(&mut trial, server, place, Fate::lost()).ok()?;
    trial.step().ok()?;
    trial.hosts[server].replica().is_none().then_some(place)
}

fn has_rolled(host: &Host) -> bool {
    let files = host.disk.durable_files();
    files
        .filter(|(file, _)| file.name.starts_with("log."))
        .count()
        > 1
}

/// What the base run is there for, and did not have.
fn missing(world: &World, rolls: bool) -> Option<&'static str> {
    let notes = world.notes.kept();
    let has = |words: &str| notes.iter().any(|note| note.what.contains(words));
    if !rolls {
        return Some("log roll");
    }
    let wanted = [
        "\"DIFF\"",
        "\"TRUNC\"",
        "\"SNAP\"",
        "took a snapshot",
        "Elected",
    ];
    wanted.into_iter().find(|words| !has(words))
}
