#![forbid(unsafe_code)]
#![doc = include_str!("../README.md")]

mod chain;
mod decide;
mod disk;
mod net;
mod options;
mod queue;
mod report;
mod run;

pub use options::{Options, Profile, Trace};
pub use report::{Report, Verdict};
pub use run::{Kill, hunt, run, run_twice};
