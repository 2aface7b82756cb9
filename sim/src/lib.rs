#![forbid(unsafe_code)]
#![doc = include_str!("../README.md")]

mod chain;
mod client;
mod decide;
mod director;
mod disk;
pub mod elsewhere;
mod explore;
mod faults;
mod host;
mod hostile;
mod hunt;
mod incident;
mod judges;
mod log;
mod nemesis;
mod net;
mod noise;
mod notes;
mod options;
mod oracle;
mod panics;
mod queue;
pub mod replay;
mod report;
mod rude;
mod run;
mod scenario;
mod script;
mod shrink;
mod snapshot;
mod stage;
mod story;
mod swarm;
pub mod trace;
pub mod view;
mod workload;
mod world;

pub use disk::{LieKind, Survival, Trouble};
pub use explore::{
    Boundary, Bounds, Branched, Branching, Crash, Exhausted, Failure, Lineage, Place, Priorities,
    Scheduled, Sweep, SweepCounts, Unsynced, exhaust, run_lineage,
};
pub use faults::{FaultKind, catalogue};
pub use host::Death;
pub use hunt::{Kill, activate, hunt, shrink_hunt};
pub use incident::replay_recording;
pub use nemesis::{Action, Fate, Harm, Limits, Mishap, MishapKind, Rift, StormKind, Strike};
pub use net::{ConnName, Dials, Machine, NetKnobs, Port, Side};
pub use noise::{Domain, Key, NoiseRules, Rule, Tape};
pub use options::{Options, Profile, Trace};
pub use oracle::liveness::{Percentiles, Recoveries, Recovery};
pub use oracle::made_up::HistoryBench;
pub use queue::Micros;
pub use report::{Report, Verdict};
pub use run::{
    drawn, record, record_servers, run, run_script, run_script_with_tape, run_twice,
    run_with_hash_salt,
};
pub use scenario::{Anchored, Expect, Fact, Outcome, ReadError, Scenario, What, run_scenario};
pub use script::{Ask, Op, Script};
pub use shrink::{Shrunk, Size, shrink};
pub use snapshot::Snapshot;
pub use stage::{Sizes, Stage};
pub use swarm::{DiskFault, DiskKnobs, Fault, Locality, Minority, Swarm, WorkWeights};
