//! Which harm to disks a seed knows, beyond crashes, single bits and wiping.

use super::Fault;
use super::apart::Apart;
use serde::{Deserialize, Serialize};

/// A kind of harm to a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DiskFault {
    /// Operations fail: once, or for a while.
    Trouble,
    /// One of the two lanes answers nothing, the other one goes on.
    StalledLane,
    /// A sector was written elsewhere, is read elsewhere, or cannot be read.
    BadSector,
    /// The newest snapshot is cut off, or empty.
    CutSnapshot,
    /// A segment of the log is gone.
    LostSegment,
    /// One copy of the promise, the manifest or the identity rots.
    RottenCopy,
    /// Both copies of the manifest or the identity rot.
    LostCopies,
    /// Files lie about that mean nothing.
    StrayFiles,
    /// A disk says that something is durable which is not.
    LyingDisk,
    /// A backup is restored.
    OldBackup,
    /// Two servers have each other's disk for a while.
    SwappedDisks,
}

impl DiskFault {
    /// Every kind.
    pub(crate) const ALL: [DiskFault; 11] = [
        DiskFault::Trouble,
        DiskFault::StalledLane,
        DiskFault::BadSector,
        DiskFault::CutSnapshot,
        DiskFault::LostSegment,
        DiskFault::RottenCopy,
        DiskFault::LostCopies,
        DiskFault::StrayFiles,
        DiskFault::LyingDisk,
        DiskFault::OldBackup,
        DiskFault::SwappedDisks,
    ];

    /// Its name in reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            DiskFault::Trouble => "disk trouble",
            DiskFault::StalledLane => "stalled lane",
            DiskFault::BadSector => "bad sector",
            DiskFault::CutSnapshot => "truncated snapshot",
            DiskFault::LostSegment => "missing segment",
            DiskFault::RottenCopy => "rot in one copy",
            DiskFault::LostCopies => "rot in both copies",
            DiskFault::StrayFiles => "stray files",
            DiskFault::LyingDisk => "lying disk",
            DiskFault::OldBackup => "backup",
            DiskFault::SwappedDisks => "swapped disks",
        }
    }

    fn makes_sense(self, servers: usize) -> bool {
        match self {
            DiskFault::Trouble
            | DiskFault::StalledLane
            | DiskFault::RottenCopy
            | DiskFault::StrayFiles => true,
            DiskFault::SwappedDisks => servers > 1,
            DiskFault::BadSector
            | DiskFault::CutSnapshot
            | DiskFault::LostSegment
            | DiskFault::LostCopies
            | DiskFault::LyingDisk
            | DiskFault::OldBackup => servers > 2,
        }
    }
}

/// Adds kinds to a world that knows faults.
pub(super) fn add(seed: u64, servers: usize, faults: &mut Vec<(Fault, u32)>) {
    if faults.is_empty() {
        return;
    }
    let dice = &mut Apart::DiskFaults.dice(seed);
    let share = u32::try_from(dice.range(5, 60)).expect("small");
    for fault in DiskFault::ALL {
        if dice.percent(share) && fault.makes_sense(servers) {
            faults.push((Fault::Disk(fault), 5));
        }
    }
}

/// Adds what damages disks where there is no budget: most kinds, often; lies in half of all worlds,
/// since nobody can be blamed for what they lead to.
pub(super) fn add_beyond(seed: u64, faults: &mut Vec<(Fault, u32)>) {
    let dice = &mut Apart::Beyond.dice(seed);
    let lies = dice.percent(50);
    let is_lie = |fault: &Fault| {
        matches!(
            fault,
            Fault::Disk(DiskFault::LyingDisk | DiskFault::OldBackup)
        )
    };
    let of_disks = DiskFault::ALL.into_iter().map(Fault::Disk);
    let others = [
        Fault::Wipe,
        Fault::Rot,
        Fault::PromiseLoss,
        Fault::PowerLoss,
        Fault::PowerLossOfAll,
    ];
    for fault in others.into_iter().chain(of_disks) {
        faults.retain(|(known, _)| *known != fault);
        // Drawn for every kind, so that a kind more shifts no other draw.
        let wanted = dice.percent(70);
        let weight = u32::try_from(dice.range(2, 12)).expect("small");
        if wanted && (lies || !is_lie(&fault)) {
            faults.push((fault, weight));
        }
    }
}
