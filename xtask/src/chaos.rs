//! Real servers under real signals, with writers that remember every acknowledged write.

mod faults;
mod leader;
mod network;
mod verify;
mod writers;

use crate::ensemble::Ensemble;
use anyhow::{Result, ensure};
use clap::Args;
pub(crate) use leader::{Loss, lose};
use network::Network;
use std::process::ExitCode;
use std::time::Duration;

/// How long an ensemble may take to serve again once every server runs.
const RECOVERY_MAX: Duration = Duration::from_secs(40);

/// How long, and how rough.
#[derive(Args)]
pub(crate) struct Options {
    /// Seconds of faults.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Chooses the faults and their pauses; the timing of real processes it does not choose.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Threads that write.
    #[arg(long, default_value_t = 6)]
    writers: usize,
    /// How often the leader is killed to measure the gap, at tickTime 2000.
    #[arg(long, default_value_t = 7)]
    leader_kills: usize,
    /// Put wires between the servers, and between them and the writers, and trouble those too.
    #[arg(long)]
    wires: bool,
    /// Print every fault with the gap it made, and keep the servers' folders.
    #[arg(long)]
    verbose: bool,
}

/// Runs the faults, verifies, and measures what a killed leader costs.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    ensure!(options.writers > 0, "somebody must write");
    let mut failed = Vec::new();
    if options.seconds > 0 {
        failed.extend(rough(options)?);
    }
    if options.leader_kills > 0 {
        failed.extend(leader::measure(options.leader_kills, options.writers)?);
    }
    for what in &failed {
        println!("FAILED: {what}");
    }
    if failed.is_empty() {
        println!("chaos: passed");
        return Ok(ExitCode::SUCCESS);
    }
    println!(
        "cargo xtask chaos --seconds {} --seed {}{}",
        options.seconds,
        options.seed,
        if options.wires { " --wires" } else { "" }
    );
    Ok(ExitCode::FAILURE)
}

/// The rough part; what went wrong, as sentences.
fn rough(options: &Options) -> Result<Vec<String>> {
    println!(
        "chaos: {} s of faults, seed {}",
        options.seconds, options.seed
    );
    let extra = "tickTime=500\nmaxClientCnxns=0\nsnapCount=5000\n";
    let mut ensemble = Ensemble::prepare("chaos", 3, extra)?;
    let network = options
        .wires
        .then(|| Network::around(&ensemble, extra))
        .transpose()?;
    let clients = network
        .as_ref()
        .map_or_else(|| ensemble.clients(), Network::clients);
    ensemble.start_all()?;
    let crew = writers::Crew::start(&clients, options.writers)?;
    let suffered = faults::inflict(
        &mut ensemble,
        network.as_ref(),
        options.seconds,
        options.seed,
    );
    let logs = crew.finish();
    let suffered = suffered?;
    if let Some(network) = &network {
        println!("chaos: the wires: {:?}", network.counts());
    }
    if options.verbose {
        faults::print_each(&suffered, &logs);
    }
    faults::print_gaps(&suffered, &logs);
    let failed = verify::verify(&mut ensemble, &logs)?;
    if failed.is_empty() && !options.verbose {
        ensemble.discard();
    } else {
        println!(
            "chaos: the servers' folders are kept beside {}",
            ensemble.home(0).display()
        );
    }
    Ok(failed)
}
