//! A simulated disk: a page cache over sectors, and names apart from contents.
//!
//! What was written is visible at once and durable only once synced; what was named is durable
//! only once its directory is synced. A process crash keeps the cache; a power loss keeps, of
//! everything not durable, whatever the seed says that a file system may keep.

use crate::decide::Dice;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use wal::{Directory, Disk, DiskOp, File};

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
    /// Operations of a recovery until the host dies within it.
    crash_after: Option<u32>,
}

#[derive(Clone, Debug, Default)]
struct Inode {
    cached: Vec<u8>,
    durable: Vec<u8>,
    pending: Vec<PendingWrite>,
}

#[derive(Clone, Debug)]
struct PendingWrite {
    serial: u64,
    offset: usize,
    bytes: Vec<u8>,
}

#[derive(Clone, Debug)]
enum NameChange {
    Bind(File, usize),
    Rename(File, File),
    Unbind(File),
}

/// The host died while its disk was at work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the host died")]
pub(crate) struct Died;

/// What an error says that was none of the disk's.
pub(crate) const DIED: &str = "the host died";

impl SimDisk {
    /// Rises whenever what is durable changes.
    pub(crate) fn durable_version(&self) -> u64 {
        self.durable_version
    }

    /// The serial of the last write so far: a sync that begins now covers it.
    pub(crate) fn last_write(&self) -> u64 {
        self.next_write
    }

    /// Lets the host die after this many more operations of a recovery.
    pub(crate) fn crash_after(&mut self, operations: Option<u32>) {
        self.crash_after = operations;
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
    pub(crate) fn begin(&mut self, op: &DiskOp) {
        match op {
            DiskOp::Write {
                file,
                offset,
                bytes,
            } => {
                let offset = usize::try_from(*offset).expect("simulated files are small");
                self.write(file, offset, bytes);
            }
            DiskOp::Rename { from, to } => {
                if let Some(inode) = self.cached.remove(from) {
                    self.cached.insert(to.clone(), inode);
                    self.names_pending
                        .push(NameChange::Rename(from.clone(), to.clone()));
                }
            }
            DiskOp::Remove { file } => {
                if self.cached.remove(file).is_some() {
                    self.names_pending.push(NameChange::Unbind(file.clone()));
                }
            }
            DiskOp::Allocate { .. }
            | DiskOp::Sync { .. }
            | DiskOp::SyncDirectory { .. }
            | DiskOp::Read { .. } => {}
        }
    }

    /// Ends an operation that began when `last_write` was the last write, with what it read.
    pub(crate) fn finish(&mut self, op: &DiskOp, last_write: u64) -> Vec<u8> {
        match op {
            DiskOp::Allocate { file, bytes } => {
                let length = usize::try_from(*bytes).expect("simulated files are small");
                self.allocate(file, length);
                self.sync_directory(file.directory);
            }
            DiskOp::Sync { file } => self.sync(file, last_write),
            DiskOp::SyncDirectory { directory } => self.sync_directory(*directory),
            DiskOp::Read {
                file,
                offset,
                bytes_max,
            } => {
                return self.read(file, *offset, *bytes_max);
            }
            DiskOp::Write { .. } | DiskOp::Rename { .. } | DiskOp::Remove { .. } => {}
        }
        Vec::new()
    }

    /// The process died while `running` was under way; the machine did not.
    pub(crate) fn process_died(&mut self, running: Option<&DiskOp>, dice: &mut Dice) {
        if let Some(op) = running {
            self.cut_short(op, dice);
        }
    }

    /// The machine lost its power while `running` was under way.
    pub(crate) fn power_lost(
        &mut self,
        running: Option<&DiskOp>,
        survival: Survival,
        dice: &mut Dice,
    ) {
        if let Some(op) = running {
            self.cut_short(op, dice);
        }
        for directory in [Directory::Log, Directory::Data] {
            let pending = self
                .names_pending
                .iter()
                .filter(|change| change.is_in(directory));
            let count = pending.count();
            let survivors = match survival {
                Survival::Lost => 0,
                Survival::Mixed | Survival::Torn => dice.index(count + 1),
            };
            self.settle_names(directory, survivors);
        }
        self.names_pending.clear();
        self.cached = self.durable.clone();
        self.collect();
        for inode in self.inodes.values_mut() {
            inode.power_lost(survival, dice);
        }
        self.durable_version += 1;
    }

    /// Writes not yet durable are dropped, as after a failed sync.
    pub(crate) fn sync_failed(&mut self, dice: &mut Dice) {
        self.power_lost(None, Survival::Lost, dice);
    }

    /// Everything is gone.
    pub(crate) fn wipe(&mut self) {
        *self = SimDisk {
            durable_version: self.durable_version + 1,
            ..SimDisk::default()
        };
    }

    /// Flips one bit of one durable byte.
    pub(crate) fn rot(&mut self, file: &File, offset: usize, bit: u8) {
        if let Some(inode) = self.durable.get(file) {
            let inode = self.inodes.get_mut(inode).expect("a name has an inode");
            for bytes in [&mut inode.cached, &mut inode.durable] {
                if let Some(byte) = bytes.get_mut(offset) {
                    *byte ^= 1 << bit;
                }
            }
            self.durable_version += 1;
        }
    }

    /// Whether a promise was ever made durable.
    pub(crate) fn has_promise(&self) -> bool {
        self.durable.contains_key(&promise())
    }

    /// Flips a bit in both copies of the promise.
    pub(crate) fn lose_promise(&mut self) {
        for offset in [8, 4096 + 8] {
            self.rot(&promise(), offset, 0);
        }
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
        put(&mut inode.cached, offset, bytes);
        inode.pending.push(PendingWrite {
            serial: self.next_write,
            offset,
            bytes: bytes.to_vec(),
        });
    }

    fn allocate(&mut self, file: &File, length: usize) {
        let zeros = vec![0; length];
        let number = self.add(Inode {
            cached: zeros.clone(),
            durable: zeros,
            pending: Vec::new(),
        });
        self.cached.insert(file.clone(), number);
        self.names_pending
            .push(NameChange::Bind(file.clone(), number));
    }

    fn sync(&mut self, file: &File, last_write: u64) {
        let Some(number) = self.cached.get(file) else {
            return;
        };
        let inode = self.inodes.get_mut(number).expect("a name has an inode");
        let Inode {
            durable, pending, ..
        } = inode;
        pending.retain(|write| {
            if write.serial <= last_write {
                put(durable, write.offset, &write.bytes);
            }
            write.serial > last_write
        });
        self.durable_version += 1;
    }

    fn sync_directory(&mut self, directory: Directory) {
        self.settle_names(directory, usize::MAX);
        self.collect();
        self.durable_version += 1;
    }

    /// Makes the first `count` pending changes of names in `directory` durable, in order.
    fn settle_names(&mut self, directory: Directory, count: usize) {
        let mut left = count;
        let durable = &mut self.durable;
        self.names_pending.retain(|change| {
            if !change.is_in(directory) || left == 0 {
                return true;
            }
            left -= 1;
            match change {
                NameChange::Bind(file, inode) => {
                    durable.insert(file.clone(), *inode);
                }
                NameChange::Rename(from, to) => {
                    if let Some(inode) = durable.remove(from) {
                        durable.insert(to.clone(), inode);
                    }
                }
                NameChange::Unbind(file) => {
                    durable.remove(file);
                }
            }
            false
        });
    }

    /// Forgets contents that no name leads to, now or after a crash.
    fn collect(&mut self) {
        let mut used: BTreeSet<usize> = self.cached.values().copied().collect();
        used.extend(self.durable.values());
        for change in &self.names_pending {
            if let NameChange::Bind(_, inode) = change {
                used.insert(*inode);
            }
        }
        self.inodes.retain(|number, _| used.contains(number));
    }

    fn read(&self, file: &File, offset: u64, bytes_max: u32) -> Vec<u8> {
        let Some(number) = self.cached.get(file) else {
            return Vec::new();
        };
        let bytes = &self.inodes[number].cached;
        let start = usize::try_from(offset).map_or(bytes.len(), |start| start.min(bytes.len()));
        let length = usize::try_from(bytes_max).expect("32 bits fit");
        bytes[start..bytes.len().min(start + length)].to_vec()
    }

    /// Leaves of an operation what a death in its middle leaves.
    fn cut_short(&mut self, op: &DiskOp, dice: &mut Dice) {
        match op {
            DiskOp::Write { file, bytes, .. } => {
                let keep = dice.index(bytes.len() / TEAR + 2) * TEAR;
                self.shorten_last_write(file, keep);
            }
            DiskOp::Allocate { file, bytes } if dice.percent(50) => {
                let length = usize::try_from(dice.range(0, *bytes)).expect("a length");
                self.allocate(file, length);
            }
            DiskOp::Sync { file } if dice.percent(30) => self.sync(file, self.next_write),
            DiskOp::Allocate { .. }
            | DiskOp::Sync { .. }
            | DiskOp::SyncDirectory { .. }
            | DiskOp::Rename { .. }
            | DiskOp::Remove { .. }
            | DiskOp::Read { .. } => {}
        }
    }

    fn shorten_last_write(&mut self, file: &File, keep: usize) {
        let Some(number) = self.cached.get(file) else {
            return;
        };
        let inode = self.inodes.get_mut(number).expect("a name has an inode");
        let Some(last) = inode.pending.last_mut() else {
            return;
        };
        if keep < last.bytes.len() {
            last.bytes.truncate(keep);
            let mut contents = inode.durable.clone();
            for write in &inode.pending {
                put(&mut contents, write.offset, &write.bytes);
            }
            inode.cached = contents;
        }
    }
}

impl NameChange {
    fn is_in(&self, directory: Directory) -> bool {
        match self {
            NameChange::Bind(file, _) | NameChange::Rename(file, _) | NameChange::Unbind(file) => {
                file.directory == directory
            }
        }
    }
}

impl Inode {
    fn power_lost(&mut self, survival: Survival, dice: &mut Dice) {
        match survival {
            Survival::Lost => self.pending.clear(),
            Survival::Mixed => self.mix(SECTOR, dice),
            Survival::Torn => self.mix(TEAR, dice),
        }
        self.cached = self.durable.clone();
    }

    /// Each unit ends at one of the versions that it went through.
    fn mix(&mut self, unit: usize, dice: &mut Dice) {
        let pending = std::mem::take(&mut self.pending);
        let mut versions: BTreeMap<usize, usize> = BTreeMap::new();
        for write in &pending {
            for block in write.blocks(unit) {
                *versions.entry(block).or_default() += 1;
            }
        }
        for kept in versions.values_mut() {
            *kept = dice.index(*kept + 1);
        }
        for write in &pending {
            for block in write.blocks(unit) {
                let left = versions.get_mut(&block).expect("every block was counted");
                if *left > 0 {
                    *left -= 1;
                    let from = write.offset.max(block * unit);
                    let to = (write.offset + write.bytes.len()).min((block + 1) * unit);
                    put(
                        &mut self.durable,
                        from,
                        &write.bytes[from - write.offset..to - write.offset],
                    );
                }
            }
        }
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

fn promise() -> File {
    File {
        directory: Directory::Log,
        name: "promise".to_owned(),
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

impl Disk for SimDisk {
    type Error = Died;

    fn list(&mut self) -> Result<Vec<(File, u64)>, Died> {
        let length = |inode| u64::try_from(self.inodes[inode].cached.len()).expect("a length");
        Ok(self
            .cached
            .iter()
            .map(|(file, inode)| (file.clone(), length(inode)))
            .collect())
    }

    fn run(&mut self, op: &DiskOp) -> Result<Vec<u8>, Died> {
        if let Some(left) = &mut self.crash_after {
            if *left == 0 {
                self.begin(op);
                return Err(Died);
            }
            *left -= 1;
        }
        self.begin(op);
        Ok(self.finish(op, self.next_write))
    }
}

#[cfg(test)]
mod tests;
