//! A simulated disk: a page cache over sectors, and names apart from contents.
//!
//! What was written is visible at once and durable only once synced; what was named is durable
//! only once its directory is synced. A process crash keeps the cache; a power loss keeps, of
//! everything not durable, whatever the seed says that a file system may keep. Times of files are
//! not modelled: no server reads them.

mod harm;
mod inode;
mod lies;
mod names;
mod tally;
mod trouble;

pub(crate) use self::harm::{is_snapshot, small};
use self::inode::Inode;
use self::lies::Lie;
pub use self::lies::LieKind;
use self::names::NameChange;
pub(crate) use self::tally::Tally;
pub(crate) use self::trouble::Failure;
pub use self::trouble::Trouble;
use crate::decide::Dice;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use wal::{Disk, DiskOp, File};

/// Smallest unit that reaches the platter whole.
const SECTOR: usize = 512;
/// Unit of tearing inside a sector, where a seed allows that.
const TEAR: usize = 64;

/// What becomes of writes that were not durable when the power went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Survival {
    /// All are gone.
    Lost,
    /// Each sector for itself, at any of its versions.
    Mixed,
    /// As `Mixed`, and a sector may hold part of a write.
    Torn,
}

/// A disk of one server.
#[derive(Clone, Debug, Default)]
pub(crate) struct SimDisk {
    inodes: BTreeMap<usize, Inode>,
    next_inode: usize,
    cached: BTreeMap<File, usize>,
    durable: BTreeMap<File, usize>,
    names_pending: Vec<NameChange>,
    next_write: u64,
    durable_version: u64,
    upheavals: u64,
    /// Operations of a recovery until the host dies within it.
    crash_after: Option<u32>,
    trouble: Option<Trouble>,
    /// What the last operation of a recovery failed with.
    failed: Option<Failure>,
    /// Sectors that cannot be read, by file.
    unreadable: BTreeSet<(usize, usize)>,
    /// A sector that is read wrong once: file, sector, and the sector that is read instead.
    misread: Option<(File, usize, usize)>,
    lie: Option<Lie>,
    tally: Tally,
}

impl SimDisk {
    /// Rises whenever what is durable changes.
    pub(crate) fn durable_version(&self) -> u64 {
        self.durable_version
    }

    /// How often what is durable changed otherwise than by operations and crashes.
    pub(crate) fn upheavals(&self) -> u64 {
        self.upheavals
    }

    /// The serial of the last write so far: a sync that begins now covers it.
    pub(crate) fn last_write(&self) -> u64 {
        self.next_write
    }

    /// Lets the host die after this many more operations of a recovery.
    pub(crate) fn crash_after(&mut self, operations: Option<u32>) {
        self.crash_after = operations;
    }

    /// What happened to data so far.
    pub(crate) fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Counts what happened around the disk.
    pub(crate) fn count_if(&mut self, happened: bool, what: &'static str) {
        self.tally.count_if(happened, what);
    }

    /// Every durable file with its durable bytes, sorted by name.
    pub(crate) fn durable_files(&self) -> impl Iterator<Item = (&File, &[u8])> {
        self.durable
            .iter()
            .map(|(file, inode)| (file, &*self.inodes[inode].durable))
    }

    /// The durable bytes of one file.
    pub(crate) fn durable_file(&self, file: &File) -> Option<&[u8]> {
        self.durable
            .get(file)
            .map(|inode| &*self.inodes[inode].durable)
    }

    /// The durable file of that name.
    pub(crate) fn durable_named(&self, name: &str) -> Option<File> {
        self.durable.keys().find(|file| file.name == name).cloned()
    }

    /// The disk as a process sees it: everything that was written and named counts as durable.
    pub(crate) fn as_it_looks(&self) -> SimDisk {
        let mut disk = self.clone();
        disk.durable.clone_from(&disk.cached);
        for inode in disk.inodes.values_mut() {
            inode.durable.clone_from(&inode.cached);
        }
        disk
    }

    /// Whether writes to both halves of a file may still be lost or torn.
    pub(crate) fn risks_both_halves(&self, file: &File, half: usize) -> bool {
        let Some(number) = self.cached.get(file) else {
            return false;
        };
        let pending = &self.inodes[number].pending;
        let first = pending.iter().any(|write| write.offset < half);
        let second = pending
            .iter()
            .any(|write| write.offset + write.bytes.len() > half);
        first && second
    }

    /// Starts an operation: what it changes is visible from now on, and durable when
    /// [`SimDisk::finish`] says so. An allocation only happens when it is finished.
    ///
    /// # Errors
    /// When it fails; what it left is left.
    pub(crate) fn begin(&mut self, op: &DiskOp) -> Result<(), Failure> {
        self.fail(op)?;
        match op {
            DiskOp::Write {
                file,
                offset,
                bytes,
            } => self.write(file, position(*offset), bytes),
            DiskOp::Rename { from, to } | DiskOp::Recycle { from, to } => {
                if let Some(inode) = self.cached.remove(from) {
                    self.cached.insert(to.clone(), inode);
                    let change = NameChange::Rename(from.clone(), to.clone(), inode);
                    self.names_pending.push(change);
                }
            }
            DiskOp::Remove { file } => {
                if self.cached.remove(file).is_some() {
                    self.names_pending.push(NameChange::Unbind(file.clone()));
                }
            }
            DiskOp::Allocate { .. }
            | DiskOp::Sync { .. }
            | DiskOp::Truncate { .. }
            | DiskOp::SyncDirectory { .. }
            | DiskOp::Read { .. } => {}
        }
        Ok(())
    }

    /// Ends an operation that began when `last_write` was the last write, with what it read.
    pub(crate) fn finish(&mut self, op: &DiskOp, last_write: u64) -> Vec<u8> {
        match op {
            DiskOp::Allocate { file, bytes } => {
                self.allocate(file, position(*bytes));
                self.sync_directory(file.directory);
            }
            DiskOp::Sync { file } => self.sync(file, last_write),
            DiskOp::Truncate { file, bytes } => self.end_at(file, position(*bytes), last_write),
            DiskOp::SyncDirectory { directory } => self.sync_directory(*directory),
            DiskOp::Read {
                file,
                offset,
                bytes_max,
            } => {
                return self.read(file, *offset, *bytes_max);
            }
            DiskOp::Write { .. }
            | DiskOp::Rename { .. }
            | DiskOp::Recycle { .. }
            | DiskOp::Remove { .. } => {}
        }
        Vec::new()
    }

    /// The process died while `running` was under way; the machine did not.
    pub(crate) fn process_died(&mut self, running: &[DiskOp], dice: &mut Dice) {
        for op in running {
            self.cut_short(op, dice);
        }
        let unsynced = self.inodes.values().any(|inode| !inode.pending.is_empty());
        self.tally
            .count_if(unsynced, "unsynced data visible after a process crash");
        if dice.percent(50) {
            for inode in self.inodes.values_mut() {
                inode.evict(dice);
            }
        }
    }

    /// The machine lost its power while `running` was under way.
    pub(crate) fn power_lost(&mut self, running: &[DiskOp], survival: Survival, dice: &mut Dice) {
        for op in running {
            self.cut_short(op, dice);
        }
        self.names_after_power_loss(survival, dice);
        self.collect();
        for inode in self.inodes.values_mut() {
            inode.power_lost(survival, dice, &mut self.tally);
        }
        if let Some(lie) = &mut self.lie {
            lie.ripen();
        }
        self.durable_version += 1;
    }

    /// Everything is gone.
    pub(crate) fn wipe(&mut self) {
        *self = SimDisk {
            durable_version: self.durable_version + 1,
            upheavals: self.upheavals + 1,
            tally: std::mem::take(&mut self.tally),
            ..SimDisk::default()
        };
    }

    fn add(&mut self, inode: Inode) -> usize {
        let number = self.next_inode;
        self.next_inode += 1;
        self.inodes.insert(number, inode);
        number
    }

    fn write(&mut self, file: &File, offset: usize, bytes: &[u8]) {
        let number = match self.cached.get(file) {
            Some(number) => *number,
            None => {
                let number = self.add(Inode::default());
                self.cached.insert(file.clone(), number);
                self.names_pending
                    .push(NameChange::Bind(file.clone(), number));
                number
            }
        };
        self.next_write += 1;
        let inode = self.inodes.get_mut(&number).expect("a name has an inode");
        if let Some(lie) = &mut self.lie {
            lie.written(file, number, offset, bytes.len(), &inode.durable);
        }
        inode.write(self.next_write, offset, bytes);
        let (first, last) = (offset / SECTOR, (offset + bytes.len()) / SECTOR);
        self.unreadable
            .retain(|(inode, sector)| *inode != number || !(first..=last).contains(sector));
    }

    fn allocate(&mut self, file: &File, length: usize) {
        let number = self.add(Inode::durable(vec![0; length]));
        self.cached.insert(file.clone(), number);
        self.names_pending
            .push(NameChange::Bind(file.clone(), number));
    }

    fn sync(&mut self, file: &File, last_write: u64) {
        let Some(number) = self.cached.get(file) else {
            return;
        };
        let inode = self.inodes.get_mut(number).expect("a name has an inode");
        inode.sync(last_write);
        self.durable_version += 1;
    }

    fn end_at(&mut self, file: &File, length: usize, last_write: u64) {
        self.sync(file, last_write);
        let inode = self.cached_inode(file).expect("what ends is there");
        inode.truncate(length);
    }

    fn read(&mut self, file: &File, offset: u64, bytes_max: u32) -> Vec<u8> {
        let Some(number) = self.cached.get(file) else {
            return Vec::new();
        };
        let bytes = &self.inodes[number].cached;
        let start = position(offset).min(bytes.len());
        let length = usize::try_from(bytes_max).expect("32 bits fit");
        let end = bytes.len().min(start + length);
        let mut read = bytes[start..end].to_vec();
        if let Some((misread, sector, from)) = &self.misread
            && misread == file
            && (start..end).contains(&(sector * SECTOR))
        {
            for at in 0..SECTOR {
                if let (Some(to), Some(other)) = (
                    read.get_mut(sector * SECTOR + at - start),
                    bytes.get(from * SECTOR + at),
                ) {
                    *to = *other;
                }
            }
            self.misread = None;
            self.tally.count("misdirected read");
        }
        read
    }

    /// Leaves of an operation what a death in its middle leaves.
    fn cut_short(&mut self, op: &DiskOp, dice: &mut Dice) {
        match op {
            DiskOp::Write { file, bytes, .. } => {
                let keep = dice.index(bytes.len() / TEAR + 2) * TEAR;
                if let Some(inode) = self.cached_inode(file) {
                    inode.shorten_last_write(keep);
                }
            }
            DiskOp::Allocate { file, bytes } if dice.percent(50) => {
                let length = position(dice.range(0, *bytes));
                self.allocate(file, length);
            }
            DiskOp::Sync { file } if dice.percent(30) => self.sync(file, self.next_write),
            DiskOp::Truncate { file, bytes } if dice.percent(30) => {
                self.end_at(file, position(*bytes), self.next_write);
            }
            DiskOp::Allocate { .. }
            | DiskOp::Sync { .. }
            | DiskOp::Truncate { .. }
            | DiskOp::SyncDirectory { .. }
            | DiskOp::Rename { .. }
            | DiskOp::Recycle { .. }
            | DiskOp::Remove { .. }
            | DiskOp::Read { .. } => {}
        }
    }

    fn cached_inode(&mut self, file: &File) -> Option<&mut Inode> {
        let number = self.cached.get(file)?;
        self.inodes.get_mut(number)
    }

    /// Forgets contents that no name leads to, now or after a crash.
    fn collect(&mut self) {
        let mut used: BTreeSet<usize> = self.cached.values().copied().collect();
        used.extend(self.durable.values());
        used.extend(self.names_pending.iter().filter_map(NameChange::inode));
        self.inodes.retain(|number, _| used.contains(number));
    }
}

fn put(contents: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    if bytes.is_empty() {
        return;
    }
    let end = offset + bytes.len();
    if contents.len() < end {
        contents.resize(end, 0);
    }
    contents[offset..end].copy_from_slice(bytes);
}

fn position(bytes: u64) -> usize {
    usize::try_from(bytes).expect("simulated files are small")
}

impl Disk for SimDisk {
    type Error = Failure;

    fn list(&mut self) -> Result<Vec<(File, u64)>, Failure> {
        self.failed = None;
        let length = |inode| u64::try_from(self.inodes[inode].cached.len()).expect("a length");
        Ok(self
            .cached
            .iter()
            .map(|(file, inode)| (file.clone(), length(inode)))
            .collect())
    }

    fn run(&mut self, op: &DiskOp) -> Result<Vec<u8>, Failure> {
        let dies = self.crash_after == Some(0);
        if let Some(left) = &mut self.crash_after {
            *left = left.saturating_sub(1);
        }
        let begun = self.begin(op);
        let outcome = if dies { Err(Failure::Died) } else { begun };
        self.failed = outcome.err();
        outcome.map(|()| self.finish(op, self.next_write))
    }
}

#[cfg(test)]
mod tests;
