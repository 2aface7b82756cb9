#![no_std]
#![forbid(unsafe_code)]
#![doc = include_str!("../README.md")]

extern crate alloc;

mod api;

pub use api::{
    ConnId, Config, Event, Facts, FourLetterWords, Input, Output, PeerPort, Reading, accepted_link,
};
