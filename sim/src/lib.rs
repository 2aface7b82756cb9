#![forbid(unsafe_code)]
#![doc = include_str!("../README.md")]

mod chain;
mod client;
mod decide;
mod director;
mod disk;
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
mod report;
mod rude;
mod run;
mod script;
mod snapshot;
mod stage;
mod story;
mod swarm;
pub mod trace;
mod workload;
mod world;

pub use disk::{Survival, Trouble};
pub use host::Death;
pub use hunt::{Kill, hunt};
pub use incident::replay_recording;
pub use nemesis::{Action, Fate, Rift, Strike};
pub use net::{ConnName, Machine, NetKnobs, Port, Side};
pub use noise::{Domain, Key, NoiseRules, Rule, Tape};
pub use options::{Options, Profile, Trace};
pub use queue::Micros;
pub use report::{Report, Verdict};
pub use run::{drawn, record, run, run_script, run_script_with_tape, run_twice};
pub use script::{Ask, Op, Script};
pub use snapshot::Snapshot;
pub use stage::{Sizes, Stage};
pub use swarm::{DiskKnobs, Fault, Locality, Minority, Swarm, WorkWeights};
