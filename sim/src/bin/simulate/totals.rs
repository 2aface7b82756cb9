//! Sums over many worlds, in words.

use sim::{Recoveries, Report};
use std::fmt::Write as _;

/// Sums over all worlds.
#[derive(Default)]
pub(crate) struct Totals {
    worlds: u64,
    passed: u64,
    events: u64,
    sim_ms: u64,
    client_ops: u64,
    txns: u64,
    faults: u64,
    /// Of the chains, in the order of the seeds.
    chain: u128,
    pub(crate) recoveries: Recoveries,
}

impl Totals {
    pub(crate) fn add(&mut self, report: &Report) {
        self.worlds += 1;
        self.passed += u64::from(report.passed());
        self.events += report.events;
        self.sim_ms += report.sim_ms;
        self.client_ops += report.client_ops;
        self.txns += report.txns;
        self.faults += report.faults.values().sum::<u64>();
        self.chain = self.chain.rotate_left(1) ^ report.chain;
        self.recoveries.add(&report.recovery);
    }

    /// How soon service came back, in ticks after the last fault: one line for each stage.
    pub(crate) fn recovery(&self) -> String {
        let mut lines = String::new();
        for (stage, found) in self.recoveries.percentiles() {
            write!(
                lines,
                "\nrecovery in ticks, {stage}: p50 {}, p90 {}, p99 {}, max {}",
                ticks(found.p50),
                ticks(found.p90),
                ticks(found.p99),
                ticks(found.max)
            )
            .expect("a string takes all");
        }
        lines
    }

    pub(crate) fn sentence(&self, how: &str, seconds: f64) -> String {
        format!(
            "{} of {} worlds passed ({how}): {} events, {} s simulated in {seconds:.1} s, \
             {} operations, {} transactions, {} faults, chain {:032x}",
            self.passed,
            self.worlds,
            self.events,
            self.sim_ms / 1000,
            self.client_ops,
            self.txns,
            self.faults,
            self.chain,
        )
    }
}

/// Thousandths of a tick as ticks.
pub(crate) fn ticks(thousandths: u64) -> String {
    format!("{}.{}", thousandths / 1_000, thousandths % 1_000 / 100)
}
