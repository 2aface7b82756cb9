//! What `cargo xtask bench` starts in release: a load on servers, and the floor below them.
#![expect(clippy::print_stdout, reason = "its output is its product")]
#![allow(
    clippy::disallowed_methods,
    reason = "a load drives real servers: it reads the clock and waits for it"
)]

mod connection;
mod crowd;
mod drive;
mod etcd;
mod floor;
mod outcome;
mod processor;
mod wire;
mod work;

use anyhow::Result;
use clap::{Parser, Subcommand};
use rustix::process;

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Load servers, and print one JSON object.
    Drive(drive::Options),
    /// Load servers of etcd in its own protocol, and print one JSON object.
    Etcd(drive::Options),
    /// Open many sessions, hold them, and print one JSON object.
    Sessions(crowd::Options),
    /// Have many connections watch a node, change it, and print one JSON object.
    Watch(crowd::Options),
    /// Be a server without state: it moves the bytes of requests and answers, and logs writes.
    Floor(floor::Options),
}

fn main() -> Result<()> {
    let command = Arguments::parse().command;
    if !matches!(command, Command::Floor(_)) {
        stand_apart()?;
    }
    match command {
        Command::Drive(options) => drive::run(&options),
        Command::Etcd(options) => etcd::run(&options),
        Command::Sessions(options) => crowd::sessions(&options),
        Command::Watch(options) => crowd::watch(&options),
        Command::Floor(options) => floor::run(&options),
    }
}

/// Has the system treat the load as a stranger to the servers, as clients are. In one session it
/// schedules both as parts of one thing, and wakes idle processors for them: one write at a time
/// then takes half as long again. The load still ends with who started it.
fn stand_apart() -> Result<()> {
    #[cfg(target_os = "linux")]
    process::set_parent_process_death_signal(Some(process::Signal::TERM))?;
    // Whoever leads a group of processes, as what a shell starts does, cannot leave its session.
    if process::getpgrp() != process::getpid() {
        process::setsid()?;
    }
    Ok(())
}
