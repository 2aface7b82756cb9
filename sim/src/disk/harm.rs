//! Damage to what a disk holds.

use super::{SECTOR, SimDisk};
use crate::decide::{Dice, Stream};
use std::cmp::Reverse;
use wal::{Directory, File};

impl SimDisk {
    /// Flips one bit of one durable byte.
    pub(crate) fn rot(&mut self, file: &File, offset: usize, bit: u8) {
        self.change(file, |bytes| {
            if let Some(byte) = bytes.get_mut(offset) {
                *byte ^= 1 << bit;
            }
        });
    }

    /// Whether a promise was ever made durable that counts: the identity comes last, and nothing
    /// that is there before it has been relied on.
    pub(crate) fn has_promise(&self) -> bool {
        let is_there = |name| self.durable.contains_key(&small(name));
        is_there("promise") && is_there("identity")
    }

    /// Flips a bit in both copies of a small file. A start that failed may have left a repaired copy
    /// in the cache, which is gone with the power.
    pub(crate) fn lose_copies(&mut self, name: &str) {
        let file = small(name);
        if let Some(number) = self.durable.get(&file) {
            let inode = self.inodes.get_mut(number).expect("a name has an inode");
            inode.pending.clear();
        }
        for offset in [8, 4096 + 8] {
            self.rot(&file, offset, 0);
        }
    }

    /// Whether a small file holds the same value twice, durably.
    pub(crate) fn has_two_copies(&self, name: &str) -> bool {
        let bytes = self.durable_file(&small(name)).unwrap_or_default();
        let (first, second) = bytes.split_at(bytes.len() / 2);
        first.len() == 4096 && first == second
    }

    /// Leaves so many of a thousand parts of a durable file.
    pub(crate) fn truncate(&mut self, file: &File, permille: u32) {
        let kept = usize::try_from(permille).expect("small");
        self.change(file, |bytes| bytes.truncate(bytes.len() * kept / 1_000));
    }

    /// Removes a file without any trace.
    pub(crate) fn lose(&mut self, file: &File) {
        self.cached.remove(file);
        self.durable.remove(file);
        self.upheaval();
    }

    /// A write went astray: the sector at `offset` holds what was there before anything was written
    /// to it, and the last sector of the file holds what belongs there.
    pub(crate) fn misdirect(&mut self, file: &File, offset: usize) {
        let sector = offset / SECTOR;
        self.change(file, |bytes| {
            let last = bytes.len() / SECTOR;
            let (from, to) = (sector * SECTOR, ((sector + 1) * SECTOR).min(bytes.len()));
            let astray = bytes[from..to].to_vec();
            bytes[from..to].fill(0);
            let there = last.saturating_sub(1) * SECTOR;
            let is_free = bytes[there..].iter().all(|byte| *byte == 0);
            if is_free && there > from && bytes.len() >= there + astray.len() {
                bytes[there..there + astray.len()].copy_from_slice(&astray);
            }
        });
        self.tally.count("misdirected write");
    }

    /// The sector at `offset` is read wrong once.
    pub(crate) fn misread(&mut self, file: &File, offset: usize, key: u64) {
        if let Some(number) = self.cached.get(file) {
            let count = self.inodes[number].cached.len().div_ceil(SECTOR);
            let sector = offset / SECTOR;
            let dice = &mut Dice::new(key, Stream::Action, 2);
            let other = (sector + 1 + dice.index(count.max(2) - 1)) % count.max(1);
            self.misread = Some((file.clone(), sector, other));
        }
    }

    /// The sector at `offset` cannot be read until it is written again.
    pub(crate) fn make_unreadable(&mut self, file: &File, offset: usize) {
        if let Some(number) = self.durable.get(file) {
            self.unreadable.insert((*number, offset / SECTOR));
        }
    }

    /// Whether some sector cannot be read.
    pub(crate) fn is_unreadable(&self) -> bool {
        let used = |inode: &usize| self.cached.values().any(|other| other == inode);
        self.unreadable.iter().any(|(inode, _)| used(inode))
    }

    /// No sector that could be read is read wrong any more.
    pub(crate) fn calm(&mut self) {
        self.misread = None;
        self.trouble = None;
        self.lie = None;
    }

    /// The newest durable snapshot that has its name.
    pub(crate) fn newest_snapshot(&self) -> Option<File> {
        let files = self.durable.keys().filter(|file| is_snapshot(&file.name));
        files.min_by_key(|file| Reverse(file.name.clone())).cloned()
    }

    /// Puts files there that mean nothing.
    pub(crate) fn litter(&mut self, key: u64) {
        let dice = &mut Dice::new(key, Stream::Action, 3);
        let names = [
            (Directory::Data, "snapshot.tmp"),
            (Directory::Data, "staged.tmp"),
            (Directory::Log, "identity.tmp"),
            (Directory::Log, "lost+found"),
            (Directory::Data, "core.1234"),
            (Directory::Log, "log.old"),
            (
                Directory::Data,
                "snapshot.0000000100000001-000000000000000f",
            ),
        ];
        for (directory, name) in names {
            let file = File {
                directory,
                name: name.to_owned(),
            };
            if !self.cached.contains_key(&file) && dice.percent(60) {
                let mut bytes = vec![0; dice.index(2_000)];
                dice.fill(&mut bytes);
                let number = self.add(super::Inode::durable(bytes));
                self.cached.insert(file.clone(), number);
                self.durable.insert(file, number);
            }
        }
        self.durable_version += 1;
    }

    /// What is durable changed, and nobody was asked.
    pub(super) fn upheaval(&mut self) {
        self.durable_version += 1;
        self.upheavals += 1;
    }

    /// Puts two disks into each other's machines. What troubles a machine stays there.
    pub(crate) fn exchange(&mut self, other: &mut SimDisk) {
        std::mem::swap(self, other);
        std::mem::swap(&mut self.trouble, &mut other.trouble);
    }

    fn change(&mut self, file: &File, mut how: impl FnMut(&mut Vec<u8>)) {
        if let Some(number) = self.durable.get(file) {
            let inode = self.inodes.get_mut(number).expect("a name has an inode");
            how(&mut inode.durable);
            // What waits to be written is written over the damage.
            inode.cached = inode.durable.clone();
            for write in &inode.pending {
                super::put(&mut inode.cached, write.offset, &write.bytes);
            }
            inode.given_up.clear();
            self.upheaval();
        }
    }
}

/// One of the files that keep their value twice.
pub(crate) fn small(name: &str) -> File {
    File {
        directory: Directory::Log,
        name: name.to_owned(),
    }
}

/// Whether a file is a snapshot that has its name, not one that is written, or written over.
pub(crate) fn is_snapshot(name: &str) -> bool {
    name.starts_with("snapshot.") && !name.ends_with("tmp")
}
