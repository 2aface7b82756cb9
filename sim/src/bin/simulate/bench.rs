//! How fast histories are checked.

use crate::worlds::{cpu_ms, now};
use crate::{exit, hindered};
use clap::Args;
use sim::{HistoryBench, Verdict};
use std::process::ExitCode;

/// How long a history is made up.
#[derive(Args)]
pub(crate) struct Options {
    /// Operations of clients.
    #[arg(default_value_t = 1_000_000)]
    operations: u32,
}

/// Checks a made-up history on one core, and prints one line of JSON.
pub(crate) fn run(options: &Options) -> ExitCode {
    let operations = options.operations;
    match seconds(operations) {
        Ok(seconds) => {
            println!(
                "{{\"operations\":{operations},\"seconds\":{seconds:.3},\"per_second\":{:.0}}}",
                f64::from(operations) / seconds
            );
            exit(Verdict::Pass)
        }
        Err(broken) => hindered(broken),
    }
}

/// How long the check of a history of so many operations computes: other work on the machine does
/// not count, where the system tells it apart.
pub(crate) fn seconds(operations: u32) -> Result<f64, String> {
    let length = usize::try_from(operations).expect("a length");
    let bench = HistoryBench::new(1, length);
    let (started, worked) = (now(), cpu_ms());
    bench
        .check()
        .map_err(|broken| format!("a true history does not pass: {broken}"))?;
    let computed = (cpu_ms() - worked) / 1_000.0;
    Ok(if computed > 0.0 {
        computed
    } else {
        started.elapsed().as_secs_f64()
    })
}
