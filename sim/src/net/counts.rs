//! What the network did to streams, to prove that it did.

use super::Law;
use std::collections::BTreeMap;

#[derive(Clone, Debug, Default)]
pub(super) struct Counts {
    pub(super) by_law: [u64; Law::ALL.len()],
    pub(super) late: u64,
    pub(super) rechunked: u64,
    pub(super) single_bytes: u64,
    pub(super) coalesced: u64,
    pub(super) after_close: u64,
    pub(super) held_by_reader: u64,
    pub(super) capped: u64,
    pub(super) backlog_full: u64,
    pub(super) swallowed: u64,
    pub(super) refused: u64,
    pub(super) ignored: u64,
    pub(super) unresolved: u64,
    pub(super) misled: u64,
}

impl Counts {
    /// Those that happened, by name; a law that delayed anything counts once.
    pub(super) fn named(&self) -> BTreeMap<&'static str, u64> {
        let laws = Law::ALL.iter().zip(self.by_law);
        let others = [
            ("late bytes", self.late),
            ("re-chunked", self.rechunked),
            ("single bytes", self.single_bytes),
            ("coalesced", self.coalesced),
            ("bytes of a closed end", self.after_close),
            ("bytes held by their reader", self.held_by_reader),
            ("bytes behind a bandwidth cap", self.capped),
            ("accept backlog full", self.backlog_full),
            ("bytes swallowed", self.swallowed),
            ("dials refused", self.refused),
            ("dials ignored", self.ignored),
            ("names not resolved", self.unresolved),
            ("names that led elsewhere", self.misled),
        ];
        laws.map(|(law, count)| (law.name(), count.min(1)))
            .chain(others)
            .filter(|(_, count)| *count > 0)
            .collect()
    }
}
