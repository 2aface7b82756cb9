//! What is kept of many worlds of one profile, to say how far the goals are met.

use serde::Serialize;
use sim::{Fault, Report};
use std::collections::BTreeMap;

/// The worlds of one profile.
#[derive(Default)]
pub(crate) struct Measured {
    pub(crate) worlds: Vec<World>,
    pub(crate) counters: BTreeMap<&'static str, Counter>,
}

/// A world that was run, and its cost.
pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) passed: bool,
    pub(crate) cpu_ms: f64,
    pub(crate) sim_ms: u64,
    pub(crate) client_ops: u64,
    /// Faults that struck.
    pub(crate) struck: u64,
    /// Whether it knows any.
    pub(crate) knows_faults: bool,
}

/// How often something happened, and in how many worlds.
#[derive(Clone, Copy, Default, Serialize)]
pub(crate) struct Counter {
    pub(crate) times: u64,
    pub(crate) worlds: u64,
}

impl Measured {
    pub(crate) fn add(&mut self, report: &Report, cpu_ms: f64) {
        let kinds = Fault::names().filter_map(|name| report.faults.get(name));
        self.worlds.push(World {
            seed: report.seed,
            passed: report.passed(),
            cpu_ms,
            sim_ms: report.sim_ms,
            client_ops: report.client_ops,
            struck: kinds.sum(),
            knows_faults: !report.drawn.ends_with("no faults"),
        });
        for (name, times) in &report.faults {
            let counter = self.counters.entry(name).or_default();
            counter.times += times;
            counter.worlds += u64::from(*times > 0);
        }
    }

    /// Worlds for each second of computing.
    pub(crate) fn per_second(&self) -> f64 {
        let cpu_ms: f64 = self.worlds.iter().map(|world| world.cpu_ms).sum();
        self.worlds.len() as f64 * 1_000.0 / cpu_ms.max(0.001)
    }

    /// The value above which so many of a hundred worlds lie not.
    pub(crate) fn share<T: PartialOrd + Copy + Default>(
        &self,
        percent: usize,
        of: impl Fn(&World) -> T,
    ) -> T {
        let mut values: Vec<T> = self.worlds.iter().map(of).collect();
        values.sort_unstable_by(|one, other| one.partial_cmp(other).expect("numbers"));
        let index = (values.len() * percent / 100).min(values.len().saturating_sub(1));
        values.get(index).copied().unwrap_or_default()
    }
}
