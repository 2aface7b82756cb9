//! What became of data on a disk, counted: that a fault fired is seen by what it did.

use std::collections::BTreeMap;

/// How often each thing happened.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally(BTreeMap<&'static str, u64>);

impl Tally {
    pub(crate) fn count(&mut self, what: &'static str) {
        *self.0.entry(what).or_default() += 1;
    }

    pub(crate) fn count_if(&mut self, happened: bool, what: &'static str) {
        if happened {
            self.count(what);
        }
    }

    /// Adds all counts to others.
    pub(crate) fn add_to(&self, counters: &mut BTreeMap<&'static str, u64>) {
        for (what, count) in &self.0 {
            *counters.entry(what).or_default() += count;
        }
    }

    #[cfg(test)]
    pub(crate) fn of(&self, what: &str) -> u64 {
        self.0.get(what).copied().unwrap_or_default()
    }
}
