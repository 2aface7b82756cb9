//! Ours beside its peers: the same loads through the client protocol, in turns, on this machine.

mod cases;
mod etcd;
mod figures;
mod page;
mod report;
mod subject;
mod workloads;

use self::figures::Figures;
use self::report::Row;
use self::subject::{Kind, Length, Programs, Subject};
use self::workloads::{Case, Load, Measure, What};
use anyhow::{Result, ensure};
use clap::Args;
use std::collections::BTreeMap;
use std::process::ExitCode;

/// A peer counts as warm when a further load makes it faster by less than this share.
const STILL_WARMING: f64 = 0.03;
/// Loads after which it is taken for warm in any case.
const WARM_UPS_MAX: u32 = 12;

/// Compares with Apache ZooKeeper where Java and Maven are there, with Debian's package of it and
/// with etcd where they are installed, and with the floor: a server without state that moves the same bytes.
#[derive(Args)]
pub(crate) struct Options {
    /// Only rows whose name contains this.
    #[arg(long, default_value = "")]
    only: String,
    /// How often each server has its turn, at most.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How long a load is counted, in milliseconds.
    #[arg(long, default_value_t = 4_000)]
    ms: u64,
    /// Ours alone, and the floor.
    #[arg(long)]
    alone: bool,
    /// How many znodes many are: 5000000 takes a quarter of an hour with Apache's.
    #[arg(long, default_value_t = 1_000_000)]
    znodes: u64,
    /// How long the mixed load at half of what is possible lasts; nothing leaves it out.
    #[arg(long, default_value_t = 0)]
    minutes: u64,
    /// The same in hours.
    #[arg(long, default_value_t = 0)]
    hours: u64,
    /// Print the names of all rows, and measure nothing.
    #[arg(long)]
    list: bool,
    /// Print JSON instead of the table.
    #[arg(long)]
    json: bool,
}

/// What a run is made with.
struct Bench {
    programs: Programs,
    rounds: usize,
    ms: u64,
    znodes: u64,
    minutes: u64,
}

/// Measures the rows, prints the table, and leaves a page and the raw figures in `target/bench`;
/// fails when a goal is missed.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let minutes = options.minutes + 60 * options.hours;
    let chosen: Vec<&Case> = workloads::ALL
        .iter()
        .filter(|case| case.name.contains(&options.only))
        .filter(|case| minutes > 0 || case.name != cases::drift::NAME)
        .collect();
    ensure!(!chosen.is_empty(), "no row is called {:?}", options.only);
    if options.list {
        chosen.iter().for_each(|case| println!("{}", case.name));
        return Ok(ExitCode::SUCCESS);
    }
    let bench = Bench {
        programs: Programs::find(!options.alone)?,
        rounds: options.rounds.max(1),
        ms: options.ms,
        znodes: options.znodes,
        minutes,
    };
    let (rows, failed) = bench.play(&chosen);
    let files = report::write(&rows)?;
    if options.json {
        println!("{}", report::json(&rows)?);
    } else {
        report::print(&rows);
        println!("bench: {}", files.display());
    }
    let missed = rows
        .iter()
        .flat_map(Row::verdicts)
        .any(|verdict| !verdict.is_met);
    Ok(if missed || failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

impl Bench {
    /// The rows, and whether any could not be measured: the others are not lost with it.
    fn play(&self, chosen: &[&Case]) -> (Vec<Row>, bool) {
        let mut rows = Vec::new();
        let mut failed = false;
        let mut stage = None;
        for case in chosen {
            eprintln!("bench: {}", case.name);
            let measured = match &case.what {
                What::Load(servers, load) => self
                    .stage(&mut stage, *servers)
                    .and_then(|subjects| self.take_turns(subjects, load)),
                What::Measure(measure) => {
                    clear(&mut stage);
                    self.measure(measure)
                }
            };
            match measured {
                Ok(measured) => rows.push(Row {
                    name: case.name,
                    goals: case.goals,
                    measured,
                }),
                Err(error) => {
                    eprintln!("bench: {} cannot be measured: {error:#}", case.name);
                    failed = true;
                    stage = None;
                }
            }
        }
        clear(&mut stage);
        (rows, failed)
    }

    /// Servers of every kind that are loaded in turn; those that stand already, where their number
    /// is right.
    fn stage<'s>(
        &self,
        stage: &'s mut Option<(usize, Vec<Subject>)>,
        servers: usize,
    ) -> Result<&'s [Subject]> {
        if stage
            .as_ref()
            .is_none_or(|(standing, _)| *standing != servers)
        {
            clear(stage);
            let floor = (servers == 1).then_some(Kind::Floor);
            let subjects: Result<Vec<Subject>> =
                [Kind::Vivarium, Kind::Apache, Kind::Debian, Kind::Etcd]
                    .into_iter()
                    .chain(floor)
                    .filter(|kind| self.programs.has(*kind))
                    .map(|kind| Subject::start(&self.programs, kind, servers))
                    .collect();
            *stage = Some((servers, subjects?));
        }
        Ok(stage.as_ref().map_or(&[], |(_, subjects)| subjects))
    }

    fn take_turns(
        &self,
        subjects: &[Subject],
        load: &Load,
    ) -> Result<BTreeMap<Kind, Vec<Figures>>> {
        let subjects: Vec<&Subject> = subjects
            .iter()
            .filter(|subject| subject.knows(load))
            .collect();
        for subject in &subjects {
            self.warm(subject, load)?;
        }
        let mut measured: BTreeMap<Kind, Vec<Figures>> = BTreeMap::new();
        for _ in 0..self.rounds {
            for subject in &subjects {
                let outcome = subject.measure(&self.programs, load, self.length())?;
                measured
                    .entry(subject.kind())
                    .or_default()
                    .push(outcome.figures());
            }
        }
        Ok(measured)
    }

    /// Loads a server until it does not become faster.
    fn warm(&self, subject: &Subject, load: &Load) -> Result<()> {
        let length = Length {
            warm_up: 100,
            counted: self.ms.min(1_500),
        };
        let mut best = 0.0;
        for _ in 0..WARM_UPS_MAX {
            let now = subject.measure(&self.programs, load, length)?.per_second;
            if now < best * (1.0 + STILL_WARMING) {
                return Ok(());
            }
            best = now;
        }
        Ok(())
    }

    fn measure(&self, measure: &Measure) -> Result<BTreeMap<Kind, Vec<Figures>>> {
        let mut measured: BTreeMap<Kind, Vec<Figures>> = BTreeMap::new();
        for _ in 0..self.rounds.min(measure.rounds_max) {
            for kind in measure
                .kinds
                .iter()
                .filter(|kind| self.programs.has(**kind))
            {
                match (measure.turn)(self, *kind) {
                    Ok(figures) => measured.entry(*kind).or_default().push(figures),
                    Err(error) if *kind == Kind::Vivarium => return Err(error),
                    // What a peer cannot do costs nobody else a row.
                    Err(error) => eprintln!("bench: {kind} has no turn: {error:#}"),
                }
            }
        }
        Ok(measured)
    }

    /// How long a load is counted.
    fn length(&self) -> Length {
        Length {
            warm_up: 500,
            counted: self.ms,
        }
    }
}

/// Ends servers that nothing went wrong with, and removes what they leave.
fn clear(stage: &mut Option<(usize, Vec<Subject>)>) {
    for subject in stage.take().into_iter().flat_map(|(_, subjects)| subjects) {
        subject.discard();
    }
}
