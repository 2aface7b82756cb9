#![no_std]
#![forbid(unsafe_code)]
#![doc = include_str!("../README.md")]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod api;
mod apply;
mod between;
mod budget;
mod clients;
mod connection;
mod connections;
mod envelope;
mod four_letter;
mod handshake;
mod identities;
mod keeper;
mod leader;
mod limits;
mod local;
mod observe;
mod outcomes;
mod peers;
mod proofs;
mod read_only;
mod reads;
mod reaper;
mod reconfig;
mod requests;
mod rules;
mod server;
mod server_line;
mod state;
mod statistics;
mod storage;
mod summary;
mod throttle;

pub use api::{
    Config, ConnId, Event, Facts, FourLetterWords, Input, Output, PeerPort, Reading, Unproven,
    accepted_link,
};
pub use auth;
pub use limits::{ConnectLimits, LargeRequestLimits, Limits, RandomDrops, WhenStale};
pub use observe::Observation;
pub use rules::{LocalSessions, ReadOnlyMode, ReaperRules, ReconfigRules, SessionRules};
pub use server::{Replica, StartError};
pub use server_line::{ClientAddress, PeerRole, ServerLine, ServerLineError};
pub use znode_tree::{Limit, Measure, QuotaPassed};
