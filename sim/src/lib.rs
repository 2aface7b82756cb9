#![forbid(unsafe_code)]
#![doc = include_str!("../README.md")]

mod adversary;
mod chain;
mod client;
mod decide;
mod disk;
mod host;
mod hostile;
mod judges;
mod nemesis;
mod net;
mod notes;
mod options;
mod oracle;
mod panics;
mod queue;
mod report;
mod rude;
mod run;
mod stage;
mod story;
mod swarm;
mod workload;
mod world;

pub use options::{Options, Profile, Trace};
pub use report::{Report, Verdict};
pub use run::{Kill, hunt, run, run_twice};
pub use stage::{Sizes, Stage};
pub use swarm::{Locality, Minority};
