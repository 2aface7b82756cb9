#![forbid(unsafe_code)]
#![doc = include_str!("../README.md")]

pub mod calendar;
pub mod cli;
pub mod config;
pub mod dev;
pub mod facts;
pub mod four_letter;
pub mod log;
pub mod notices;
pub mod outcome;
pub mod running;
pub mod serve;
pub mod shell;
pub mod status;
pub mod version;
