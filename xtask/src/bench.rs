//! Ours beside its peers: the same loads through the client protocol, in turns, on this machine.

mod report;
mod subject;
mod workloads;

use self::report::Row;
use self::subject::{Kind, Length, Measured, Subject};
use self::workloads::Workload;
use crate::process::build;
use anyhow::{Result, ensure};
use clap::Args;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// A peer counts as warm when a further load makes it faster by less than this share.
const STILL_WARMING: f64 = 0.03;
/// Loads after which it is taken for warm in any case.
const WARM_UPS_MAX: u32 = 12;

/// Compares with Apache ZooKeeper where Java and Maven are there, and with the floor: a server
/// without state that moves the same bytes.
#[derive(Args)]
pub(crate) struct Options {
    /// Only loads whose name contains this.
    #[arg(long, default_value = "")]
    only: String,
    /// How often each server has its turn.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How long a turn is counted, in milliseconds.
    #[arg(long, default_value_t = 4_000)]
    ms: u64,
    /// Ours alone, and the floor.
    #[arg(long)]
    alone: bool,
    /// Print JSON instead of the table.
    #[arg(long)]
    json: bool,
}

/// Runs the loads, prints the table, and leaves a page and the raw figures in `target/bench`;
/// fails when a goal is missed.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let chosen: Vec<&Workload> = workloads::ALL
        .iter()
        .filter(|workload| workload.name.contains(&options.only))
        .collect();
    ensure!(!chosen.is_empty(), "no load is called {:?}", options.only);
    let load = build("xtask", "load")?;
    let has_apache = !options.alone && {
        let missing = subject::apache_is_missing();
        if let Some(why) = &missing {
            println!("bench: without Apache ZooKeeper: {why}");
        }
        missing.is_none()
    };
    let mut rows = Vec::new();
    for group in chosen.chunk_by(|one, other| one.servers == other.servers) {
        rows.extend(Stage::set(group[0].servers, has_apache, &load, options)?.play(group)?);
    }
    let files = report::write(&rows)?;
    if options.json {
        println!("{}", report::json(&rows)?);
    } else {
        report::print(&rows);
        println!("bench: {}", files.display());
    }
    let missed = rows
        .iter()
        .any(|row| row.goals().any(|goal| !goal.is_met()));
    Ok(if missed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// Servers of every kind that are loaded in turn.
struct Stage<'o> {
    subjects: Vec<Subject>,
    load: PathBuf,
    options: &'o Options,
}

impl<'o> Stage<'o> {
    fn set(servers: usize, has_apache: bool, load: &Path, options: &'o Options) -> Result<Self> {
        let mut kinds = vec![Kind::Vivarium];
        kinds.extend(has_apache.then_some(Kind::Apache));
        kinds.extend((servers == 1).then_some(Kind::Floor));
        let subjects: Result<Vec<Subject>> = kinds
            .into_iter()
            .map(|kind| Subject::start(kind, servers, load))
            .collect();
        Ok(Stage {
            subjects: subjects?,
            load: load.to_owned(),
            options,
        })
    }

    fn play(&self, group: &[&Workload]) -> Result<Vec<Row>> {
        let mut rows = Vec::new();
        for workload in group {
            for subject in &self.subjects {
                self.warm(subject, workload)?;
            }
            let mut measured: BTreeMap<Kind, Vec<Measured>> = BTreeMap::new();
            for round in 0..self.options.rounds {
                eprintln!("bench: {}, round {}", workload.name, round + 1);
                for subject in &self.subjects {
                    let length = Length {
                        warm_up: 500,
                        counted: self.options.ms,
                    };
                    let outcome = subject.measure(&self.load, workload, length)?;
                    measured.entry(subject.kind()).or_default().push(outcome);
                }
            }
            rows.push(Row::new(workload, measured));
        }
        Ok(rows)
    }

    /// Loads a server until it does not become faster.
    fn warm(&self, subject: &Subject, workload: &Workload) -> Result<()> {
        let length = Length {
            warm_up: 100,
            counted: 1_500,
        };
        let mut best = 0.0;
        for _ in 0..WARM_UPS_MAX {
            let now = subject.measure(&self.load, workload, length)?.per_second;
            if now < best * (1.0 + STILL_WARMING) {
                return Ok(());
            }
            best = now;
        }
        Ok(())
    }
}
