#![no_std]
#![forbid(unsafe_code)]
#![doc = include_str!("../README.md")]

extern crate alloc;
#[cfg(test)]
extern crate std;

#[cfg(test)]
mod cluster;
mod context;
mod election;
mod follower;
mod interface;
mod invariants;
mod leader;
mod log;
mod looking;
mod message;
mod plan;
mod quorum;
#[cfg(test)]
mod scripted;
mod server_set;
mod standing;
mod store;
mod summary;
mod timers;
mod zab;

pub use interface::*;
pub use message::*;
pub use quorum::{Majority, Quorum};
pub use server_set::ServerSet;
pub use summary::*;
pub use zab::Zab;
