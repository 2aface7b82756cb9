//! What is planned against a server, and taken back.

use super::{Death, Host};
use crate::disk::Trouble;
use crate::nemesis::Fate;
use crate::queue::Micros;
use crate::swarm::Swarm;

impl Host {
    /// Dies before the effect that is this many after the next.
    pub(crate) fn die_after(&mut self, effects: u64, fate: Fate) {
        self.dies_after = Some((effects, fate));
    }

    /// Dies when that many operations on files whose name begins so are done.
    pub(crate) fn die_at_file(&mut self, kind: &str, times: u64, fate: Fate) {
        self.dies_at_file = Some((kind.to_owned(), times, fate));
    }

    /// Dies so many effects after its next start that has no such plan yet.
    pub(crate) fn die_again(&mut self, effects: u64, fate: Fate) {
        self.dies_again.push_back((effects, fate));
    }

    /// Dies so many operations into its next recovery.
    pub(crate) fn die_in_recovery(&mut self, operations: u32, fate: Fate) {
        self.disk.crash_after(Some(operations));
        self.dies_in_recovery = Some(fate);
    }

    /// Dies so when an operation of its disk fails.
    pub(crate) fn fail_disk(&mut self, trouble: Trouble, fate: Fate) {
        self.disk.set_trouble(Some(trouble));
        self.disk_fate = Some(fate);
    }

    /// How it dies now that an operation of its disk failed, or it cannot use it.
    pub(super) fn fate_of_disk(&mut self, death: Death, swarm: &Swarm) -> Fate {
        let planned = self.disk_fate.take().filter(|_| death == Death::Disk);
        planned.unwrap_or(Fate {
            death,
            key: 0,
            restart_after: Some(swarm.tick * 4),
        })
    }

    /// Makes the disk this many times slower.
    pub(crate) fn slow_disk(&mut self, times: u64) {
        self.disk_slow = times;
    }

    /// Lets the disk answer nothing before `until`, or one lane of it.
    pub(crate) fn stall_disk(&mut self, lane: Option<usize>, until: Micros) {
        match lane {
            Some(lane) => self.disk_stalled_until[lane] = until,
            None => self.disk_stalled_until = [until; 2],
        }
    }

    /// Takes every plan against it back.
    pub(crate) fn spare(&mut self) {
        self.dies_after = None;
        self.dies_at_file = None;
        self.dies_again.clear();
        self.dies_in_recovery = None;
        self.disk_fate = None;
        self.disk_slow = 1;
        self.disk.crash_after(None);
        self.disk.calm();
    }
}
