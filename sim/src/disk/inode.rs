//! The contents of one file: what the page cache shows, what is durable, and what lies between.

use super::tally::Tally;
use super::{SECTOR, Survival, TEAR, put};
use crate::decide::Dice;
use std::collections::{BTreeMap, BTreeSet};

/// The contents of one file.
#[derive(Clone, Debug, Default)]
pub(super) struct Inode {
    pub(super) cached: Vec<u8>,
    pub(super) durable: Vec<u8>,
    pub(super) pending: Vec<PendingWrite>,
    /// Sectors that a failed sync gave up: the cache shows them, and no sync writes them any more
    /// unless somebody writes to them again.
    pub(super) given_up: BTreeSet<usize>,
}

#[derive(Clone, Debug)]
pub(super) struct PendingWrite {
    pub(super) serial: u64,
    pub(super) offset: usize,
    pub(super) bytes: Vec<u8>,
    /// What the cache showed there before, as far as the file went.
    under: Vec<u8>,
    length_before: usize,
}

impl Inode {
    pub(super) fn durable(bytes: Vec<u8>) -> Self {
        Inode {
            cached: bytes.clone(),
            durable: bytes,
            ..Inode::default()
        }
    }

    pub(super) fn write(&mut self, serial: u64, offset: usize, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let length_before = self.cached.len();
        let end = offset + bytes.len();
        // A sector is written whole, with what the cache shows of the rest of it.
        let again: Vec<usize> = sectors(offset, bytes.len())
            .filter(|sector| self.given_up.contains(sector))
            .collect();
        let from = again
            .first()
            .map_or(offset, |first| offset.min(first * SECTOR));
        let to = again.last().map_or(end, |last| {
            end.max(((last + 1) * SECTOR).min(length_before))
        });
        let under = self.cached[from.min(length_before)..to.min(length_before)].to_vec();
        put(&mut self.cached, offset, bytes);
        for sector in again {
            self.given_up.remove(&sector);
        }
        self.pending.push(PendingWrite {
            serial,
            offset: from,
            bytes: self.cached[from..to].to_vec(),
            under,
            length_before,
        });
    }

    /// Takes back what of the last write is behind its first `keep` bytes.
    pub(super) fn shorten_last_write(&mut self, keep: usize) {
        let Some(last) = self.pending.last_mut() else {
            return;
        };
        if keep >= last.bytes.len() {
            return;
        }
        last.bytes.truncate(keep);
        let from = last.offset + keep;
        self.cached.truncate(last.length_before.max(from));
        if let Some(under) = last.under.get(keep..) {
            put(&mut self.cached, from, under);
        }
    }

    /// Makes every write up to `last_write` durable.
    pub(super) fn sync(&mut self, last_write: u64) {
        let Inode {
            durable, pending, ..
        } = self;
        pending.retain(|write| {
            if write.serial <= last_write {
                put(durable, write.offset, &write.bytes);
            }
            write.serial > last_write
        });
    }

    /// Ends a file whose every write is durable at `length`.
    pub(super) fn truncate(&mut self, length: usize) {
        self.cached.truncate(length);
        self.durable.truncate(length);
        self.given_up
            .retain(|sector| *sector < length.div_ceil(SECTOR));
    }

    /// A sync failed: what it should have written counts as written, and is not.
    pub(super) fn give_up(&mut self, last_write: u64) {
        let given_up = &mut self.given_up;
        self.pending.retain(|write| {
            if write.serial <= last_write {
                given_up.extend(sectors(write.offset, write.bytes.len()));
            }
            write.serial > last_write
        });
    }

    /// The system needs memory: any of the sectors that were given up are read again.
    pub(super) fn evict(&mut self, dice: &mut Dice) {
        let Inode {
            cached,
            durable,
            given_up,
            ..
        } = self;
        given_up.retain(|sector| {
            if dice.percent(50) {
                return true;
            }
            let (from, to) = (sector * SECTOR, ((sector + 1) * SECTOR).min(cached.len()));
            let old = (from..to).map(|at| durable.get(at).copied().unwrap_or_default());
            cached.splice(from..to, old.collect::<Vec<u8>>());
            false
        });
    }

    /// The power went: what was not durable survives as `survival` says.
    pub(super) fn power_lost(&mut self, survival: Survival, dice: &mut Dice, tally: &mut Tally) {
        let longest = self.cached.len();
        let pending = std::mem::take(&mut self.pending);
        if !pending.is_empty() {
            match survival {
                Survival::Lost => tally.count("unsynced data lost"),
                Survival::Mixed => self.mix(&pending, SECTOR, dice, tally),
                Survival::Torn => self.mix(&pending, TEAR, dice, tally),
            }
        }
        let grows = longest > self.durable.len() && survival != Survival::Lost;
        if grows && !pending.is_empty() && dice.percent(30) {
            let length = dice.range(as_u64(self.durable.len()) + 1, as_u64(longest));
            self.durable
                .resize(usize::try_from(length).expect("a length"), 0);
            tally.count("length durable before data");
        }
        self.given_up.clear();
        self.cached = self.durable.clone();
    }

    /// Each unit ends at one of the versions that it went through.
    fn mix(&mut self, pending: &[PendingWrite], unit: usize, dice: &mut Dice, tally: &mut Tally) {
        let mut versions: BTreeMap<usize, usize> = BTreeMap::new();
        for write in pending {
            for block in write.blocks(unit) {
                *versions.entry(block).or_default() += 1;
            }
        }
        for kept in versions.values_mut() {
            *kept = dice.index(*kept + 1);
        }
        let mut torn = false;
        let (mut kept, mut lost) = (BTreeSet::new(), BTreeSet::new());
        for write in pending {
            let (mut some, mut all) = (false, true);
            for block in write.blocks(unit) {
                let left = versions.get_mut(&block).expect("every block was counted");
                let survives = *left > 0;
                some |= survives;
                all &= survives;
                let sector = block * unit / SECTOR;
                if !survives {
                    lost.insert(sector);
                    continue;
                }
                kept.insert(sector);
                *left -= 1;
                let from = write.offset.max(block * unit);
                let to = (write.offset + write.bytes.len()).min((block + 1) * unit);
                let bytes = &write.bytes[from - write.offset..to - write.offset];
                put(&mut self.durable, from, bytes);
            }
            torn |= some && !all && write.blocks(SECTOR).len() > 1;
        }
        tally.count_if(!lost.is_empty(), "unsynced data lost");
        tally.count_if(
            !kept.is_empty() && !lost.is_empty(),
            "part of the sectors survived",
        );
        tally.count_if(torn, "torn record");
        let is_split = unit < SECTOR && kept.intersection(&lost).next().is_some();
        tally.count_if(is_split, "torn sector");
    }
}

impl PendingWrite {
    fn blocks(&self, unit: usize) -> std::ops::Range<usize> {
        if self.bytes.is_empty() {
            return 0..0;
        }
        self.offset / unit..(self.offset + self.bytes.len() - 1) / unit + 1
    }
}

fn sectors(offset: usize, length: usize) -> std::ops::Range<usize> {
    offset / SECTOR..(offset + length).div_ceil(SECTOR)
}

fn as_u64(length: usize) -> u64 {
    u64::try_from(length).expect("a length fits 64 bits")
}
