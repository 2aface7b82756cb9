//! A disk in memory that loses what a real one may lose.

use super::rng::Rng;
use std::collections::BTreeMap;
use wal::{Directory, Disk, DiskOp, File};

/// What a crash leaves of what was not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Crash {
    /// Nothing.
    PowerLost,
    /// Everything; it is still not durable.
    ProcessKilled,
    /// Everything stays visible and counts as written, but it is not on the disk: syncs failed, and
    /// the process stopped.
    SyncsFailed,
    /// Any sectors, torn ones too, and any names.
    Torn,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct MemDisk {
    inodes: BTreeMap<u64, Inode>,
    names: BTreeMap<File, u64>,
    durable_names: BTreeMap<File, u64>,
    name_ops: Vec<NameOp>,
    inodes_made: u64,
    /// How many operations still succeed; `None` for all.
    pub(crate) ops_left: Option<u64>,
}

#[derive(Clone, Debug, Default)]
struct Inode {
    durable: Vec<u8>,
    seen: Vec<u8>,
    pending: Vec<(usize, Vec<u8>)>,
}

#[derive(Clone, Debug)]
enum NameOp {
    Link(File, u64),
    Rename(File, File, u64),
    Unlink(File),
}

/// The disk was told to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stopped;

const SECTOR: usize = 512;

impl Disk for MemDisk {
    type Error = Stopped;

    fn list(&mut self) -> Result<Vec<(File, u64)>, Stopped> {
        Ok(self
            .names
            .iter()
            .map(|(file, inode)| (file.clone(), self.inodes[inode].seen.len() as u64))
            .collect())
    }

    fn run(&mut self, op: &DiskOp) -> Result<Vec<u8>, Stopped> {
        match &mut self.ops_left {
            Some(0) => return Err(Stopped),
            Some(_) if matches!(op, DiskOp::Read { .. }) => {}
            Some(left) => *left -= 1,
            None => {}
        }
        match op {
            DiskOp::Allocate { file, bytes } => {
                let zeros = vec![0; usize::try_from(*bytes).unwrap()];
                let inode = self.new_inode(Inode {
                    durable: zeros.clone(),
                    seen: zeros,
                    pending: Vec::new(),
                });
                self.apply(NameOp::Link(file.clone(), inode));
                self.sync_directory(file.directory);
            }
            DiskOp::Write {
                file,
                offset,
                bytes,
            } => {
                let inode = match self.names.get(file) {
                    Some(inode) => *inode,
                    None => {
                        let inode = self.new_inode(Inode::default());
                        self.apply(NameOp::Link(file.clone(), inode));
                        inode
                    }
                };
                let inode = self.inodes.get_mut(&inode).unwrap();
                let offset = usize::try_from(*offset).unwrap();
                overwrite(&mut inode.seen, offset, bytes);
                inode.pending.push((offset, bytes.clone()));
            }
            DiskOp::Sync { file } => {
                let inode = self.names[file];
                let inode = self.inodes.get_mut(&inode).unwrap();
                inode.sync();
            }
            DiskOp::Truncate { file, bytes } => {
                let inode = self.names[file];
                let inode = self.inodes.get_mut(&inode).unwrap();
                inode.sync();
                let bytes = usize::try_from(*bytes).unwrap();
                inode.durable.truncate(bytes);
                inode.seen.truncate(bytes);
            }
            DiskOp::Recycle { from, .. } if !self.names.contains_key(from) => {}
            DiskOp::Rename { from, to } | DiskOp::Recycle { from, to } => {
                let inode = self.names[from];
                self.apply(NameOp::Rename(from.clone(), to.clone(), inode));
            }
            DiskOp::Remove { file } => {
                if self.names.contains_key(file) {
                    self.apply(NameOp::Unlink(file.clone()));
                }
            }
            DiskOp::SyncDirectory { directory } => self.sync_directory(*directory),
            DiskOp::Read {
                file,
                offset,
                bytes_max,
            } => {
                let Some(inode) = self.names.get(file) else {
                    return Ok(Vec::new());
                };
                let seen = &self.inodes[inode].seen;
                let from = usize::try_from(*offset).unwrap().min(seen.len());
                let to = from.saturating_add(*bytes_max as usize).min(seen.len());
                return Ok(seen[from..to].to_vec());
            }
        }
        Ok(Vec::new())
    }
}

impl MemDisk {
    fn new_inode(&mut self, inode: Inode) -> u64 {
        self.inodes_made += 1;
        self.inodes.insert(self.inodes_made, inode);
        self.inodes_made
    }

    fn apply(&mut self, op: NameOp) {
        op.apply(&mut self.names);
        self.name_ops.push(op);
    }

    fn sync_directory(&mut self, directory: Directory) {
        let (now, later) = std::mem::take(&mut self.name_ops)
            .into_iter()
            .partition::<Vec<_>, _>(|op| op.directory() == directory);
        for op in now {
            op.apply(&mut self.durable_names);
        }
        self.name_ops = later;
        let (names, durable) = (&self.names, &self.durable_names);
        let pending = &self.name_ops;
        self.inodes.retain(|inode, _| {
            names.values().any(|used| used == inode)
                || durable.values().any(|used| used == inode)
                || pending.iter().any(|op| op.inode() == Some(*inode))
        });
    }

    /// The disk as it is found after a crash; `unfinished` is an operation that had just begun.
    pub(crate) fn crash(&self, how: Crash, rng: &mut Rng, unfinished: Option<&DiskOp>) -> MemDisk {
        let mut disk = self.clone();
        disk.ops_left = None;
        if how == Crash::SyncsFailed {
            for inode in disk.inodes.values_mut() {
                inode.pending.clear();
            }
        }
        if matches!(how, Crash::ProcessKilled | Crash::SyncsFailed) {
            return disk;
        }
        let mut names = self.durable_names.clone();
        let prefix = rng.chance(2).then(|| rng.below(self.name_ops.len() + 1));
        for (at, op) in self.name_ops.iter().enumerate() {
            let kept = match prefix {
                Some(prefix) => at < prefix,
                None => rng.chance(2),
            };
            if how == Crash::Torn && kept {
                op.apply(&mut names);
            }
        }
        for inode in disk.inodes.values_mut() {
            let mut found = inode.durable.clone();
            for (offset, bytes) in std::mem::take(&mut inode.pending) {
                if how == Crash::Torn {
                    keep_sectors(&mut found, offset, &bytes, rng);
                }
            }
            inode.durable = found.clone();
            inode.seen = found;
        }
        if let (Crash::Torn, Some(DiskOp::Allocate { file, bytes })) = (how, unfinished) {
            let length = rng.below(usize::try_from(*bytes).unwrap());
            let zeros = vec![0; length];
            let inode = disk.new_inode(Inode {
                durable: zeros.clone(),
                seen: zeros,
                pending: Vec::new(),
            });
            names.insert(file.clone(), inode);
        }
        disk.names = names.clone();
        disk.durable_names = names;
        disk.name_ops.clear();
        disk
    }

    /// All of a file, durable and not.
    pub(crate) fn contents(&self, file: &File) -> Option<&[u8]> {
        self.names
            .get(file)
            .map(|inode| self.inodes[inode].seen.as_slice())
    }

    /// Replaces a file, durably; for rot and hostile bytes.
    pub(crate) fn replace(&mut self, file: &File, bytes: Vec<u8>) {
        let inode = self.new_inode(Inode {
            durable: bytes.clone(),
            seen: bytes,
            pending: Vec::new(),
        });
        self.names.insert(file.clone(), inode);
        self.durable_names.insert(file.clone(), inode);
    }

    /// No sync of a directory reached the disk so far: all names are seen, and none is durable.
    pub(crate) fn forget_directory_syncs(&mut self) {
        self.durable_names.clear();
        let seen = self.names.iter();
        self.name_ops = seen
            .map(|(file, inode)| NameOp::Link(file.clone(), *inode))
            .collect();
    }

    /// Removes a file, durably.
    pub(crate) fn lose(&mut self, file: &File) {
        self.names.remove(file);
        self.durable_names.remove(file);
    }

    pub(crate) fn files(&self) -> Vec<File> {
        self.names.keys().cloned().collect()
    }
}

impl Inode {
    fn sync(&mut self) {
        for (offset, bytes) in std::mem::take(&mut self.pending) {
            overwrite(&mut self.durable, offset, &bytes);
        }
    }
}

impl NameOp {
    fn apply(&self, names: &mut BTreeMap<File, u64>) {
        match self {
            NameOp::Link(file, inode) => {
                names.insert(file.clone(), *inode);
            }
            NameOp::Rename(from, to, inode) => {
                if names.get(from) == Some(inode) {
                    names.remove(from);
                }
                names.insert(to.clone(), *inode);
            }
            NameOp::Unlink(file) => {
                names.remove(file);
            }
        }
    }

    fn directory(&self) -> Directory {
        match self {
            NameOp::Link(file, _) | NameOp::Rename(file, ..) | NameOp::Unlink(file) => {
                file.directory
            }
        }
    }

    fn inode(&self) -> Option<u64> {
        match self {
            NameOp::Link(_, inode) | NameOp::Rename(_, _, inode) => Some(*inode),
            NameOp::Unlink(_) => None,
        }
    }
}

fn overwrite(contents: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let end = offset + bytes.len();
    if contents.len() < end {
        contents.resize(end, 0);
    }
    contents[offset..end].copy_from_slice(bytes);
}

/// Keeps any of the sectors that a write touches, and of some only the first part.
fn keep_sectors(contents: &mut Vec<u8>, offset: usize, bytes: &[u8], rng: &mut Rng) {
    let mut at = 0;
    while at < bytes.len() {
        let sector_end = ((offset + at) / SECTOR + 1) * SECTOR - offset;
        let end = sector_end.min(bytes.len());
        match rng.below(8) {
            0..=3 => {}
            4 => {
                // What matters most is at the front of a small file.
                let most = if rng.chance(2) {
                    64.min(end - at)
                } else {
                    end - at
                };
                let torn = at + rng.below(most + 1);
                overwrite(contents, offset + at, &bytes[at..torn]);
            }
            _ => overwrite(contents, offset + at, &bytes[at..end]),
        }
        at = end;
    }
}
