#![no_std]
#![forbid(unsafe_code)]
#![doc = include_str!("../README.md")]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod api;
mod server;

pub use api::{
    Config, ConnId, Event, Facts, FourLetterWords, Input, Output, PeerPort, Reading, accepted_link,
};
pub use server::{Replica, StartError};
