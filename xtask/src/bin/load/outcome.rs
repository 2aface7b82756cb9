//! What came of a load, and what it took.

use super::processor;
use anyhow::{Result, ensure};
use hdrhistogram::Histogram;
use serde::Serialize;
use std::time::{Duration, Instant};

/// What came of it. Times are in microseconds.
#[derive(Serialize)]
pub(crate) struct Outcome {
    operations: u64,
    errors: u64,
    seconds: f64,
    per_second: f64,
    /// Of all servers together, for each operation.
    server_us: f64,
    /// Of the load itself.
    load_us: f64,
    p50: u64,
    p90: u64,
    p99: u64,
    p999: u64,
    max: u64,
    /// The longest time without any answer.
    gap: u64,
    /// Of each server at the end.
    resident: Vec<u64>,
}

/// Answers, and how long they took.
#[derive(Clone)]
pub(crate) struct Counted {
    latencies: Histogram<u64>,
    pub(crate) errors: u64,
    last: Instant,
    gap: u64,
}

impl Counted {
    pub(crate) fn new() -> Result<Self> {
        Ok(Counted {
            latencies: Histogram::new_with_bounds(1, 60_000_000, 3)?,
            errors: 0,
            last: Instant::now(),
            gap: 0,
        })
    }

    /// An answer that came now.
    pub(crate) fn answer(&mut self, asked: Instant, now: Instant) {
        let took = micros(now - asked);
        self.latencies.saturating_record(took.max(1));
        self.gap = self.gap.max(micros(now - self.last));
        self.last = now;
    }
}

/// The processor time of servers and load, from when it was made.
pub(crate) struct Meter<'p> {
    pids: &'p [u32],
    servers: u64,
    load: u64,
    started: Instant,
}

impl<'p> Meter<'p> {
    pub(crate) fn start(pids: &'p [u32]) -> Result<Self> {
        Ok(Meter {
            pids,
            servers: processor_times(pids)?,
            load: processor::time_us(std::process::id())?,
            started: Instant::now(),
        })
    }

    /// What it took to count this.
    pub(crate) fn stop(self, counted: &Counted) -> Result<Outcome> {
        let seconds = self.started.elapsed().as_secs_f64();
        let servers = processor_times(self.pids)? - self.servers;
        let load = processor::time_us(std::process::id())? - self.load;
        let operations = counted.latencies.len();
        ensure!(operations > 0, "no answer came");
        let at = |quantile| counted.latencies.value_at_quantile(quantile);
        Ok(Outcome {
            operations,
            errors: counted.errors,
            seconds,
            per_second: float(operations) / seconds,
            server_us: float(servers) / float(operations),
            load_us: float(load) / float(operations),
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: counted.latencies.max(),
            gap: counted.gap,
            resident: residents(self.pids)?,
        })
    }
}

fn processor_times(pids: &[u32]) -> Result<u64> {
    pids.iter().map(|pid| processor::time_us(*pid)).sum()
}

fn residents(pids: &[u32]) -> Result<Vec<u64>> {
    pids.iter().map(|pid| processor::resident(*pid)).collect()
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn float(count: u64) -> f64 {
    count as f64
}
