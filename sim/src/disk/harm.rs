//! Damage to what a disk holds.

use super::{SECTOR, SimDisk};
use crate::decide::Dice;
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

    /// Whether a promise was ever made durable.
    pub(crate) fn has_promise(&self) -> bool {
        self.durable.contains_key(&small("promise"))
    }

    /// Flips a bit in both copies of a small file.
    pub(crate) fn lose_copies(&mut self, name: &str) {
        for offset in [8, 4096 + 8] {
            self.rot(&small(name), offset, 0);
        }
    }

    /// Cuts a durable file off.
    pub(crate) fn truncate(&mut self, file: &File, length: usize) {
        self.change(file, |bytes| bytes.truncate(length));
    }

    /// Removes a file without any trace.
    pub(crate) fn lose(&mut self, file: &File) {
        self.cached.remove(file);
        self.durable.remove(file);
        self.durable_version += 1;
    }

    /// A write went astray: the sector at `offset` holds what it held before anything was written
    /// to it, and another one of the same file holds what belongs there.
    pub(crate) fn misdirect(&mut self, file: &File, offset: usize, dice: &mut Dice) {
        let sector = offset / SECTOR;
        self.change(file, |bytes| {
            let count = bytes.len().div_ceil(SECTOR);
            let other = if dice.percent(50) {
                sector + 1
            } else {
                sector + count / 2
            };
            let (from, to) = (sector * SECTOR, ((sector + 1) * SECTOR).min(bytes.len()));
            let astray = bytes[from..to].to_vec();
            bytes[from..to].fill(0);
            let other = other % count;
            let there = other * SECTOR;
            let length = astray.len().min(bytes.len() - there);
            if other != sector {
                bytes[there..there + length].copy_from_slice(&astray[..length]);
            }
        });
        self.tally.count("misdirected write");
    }

    /// The sector at `offset` is read wrong once.
    pub(crate) fn misread(&mut self, file: &File, offset: usize, dice: &mut Dice) {
        if let Some(number) = self.cached.get(file) {
            let count = self.inodes[number].cached.len().div_ceil(SECTOR);
            let sector = offset / SECTOR;
            let other = (sector + 1 + dice.index(count.max(2) - 1)) % count.max(1);
            self.misread = Some((*number, sector, other));
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
        let named =
            |file: &&File| file.name.starts_with("snapshot.") && !file.name.ends_with("tmp");
        let files = self.durable.keys().filter(named);
        files.min_by_key(|file| Reverse(file.name.clone())).cloned()
    }

    /// Puts files there that mean nothing.
    pub(crate) fn litter(&mut self, dice: &mut Dice) {
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
            self.durable_version += 1;
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
