//! Disks that say that something is durable which is not. What they hide is seen only after the
//! power went, or when somebody restored the disk.

use super::inode::Inode;
use super::{SECTOR, SimDisk, put};
use crate::decide::{Dice, Stream};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use wal::File;

/// How a disk lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LieKind {
    /// One write never reaches the platter.
    PhantomWrite,
    /// Syncs do nothing for a while: any sectors of what they covered may be old.
    LyingSync,
    /// After a reset the controller shows the disk as it was a while ago.
    StaleImage,
    /// Somebody restores a backup.
    OldBackup,
}

impl LieKind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            LieKind::PhantomWrite => "phantom write",
            LieKind::LyingSync => "lying sync",
            LieKind::StaleImage => "stale image",
            LieKind::OldBackup => "old backup",
        }
    }
}

/// What a disk holds in truth.
#[derive(Clone, Debug)]
pub(crate) struct Lie {
    pub(super) kind: LieKind,
    names: BTreeMap<File, usize>,
    contents: BTreeMap<usize, Vec<u8>>,
    /// The write that never came: file, offset and what is there instead.
    phantom: Option<(usize, usize, Vec<u8>)>,
    /// Whether its time has come.
    is_ripe: bool,
    /// Decides what of it shows.
    pub(super) key: u64,
}

impl Lie {
    /// The power went. A backup waits for somebody to restore it.
    pub(super) fn ripen(&mut self) {
        self.is_ripe |= self.kind != LieKind::OldBackup;
    }

    /// A write is about to happen.
    pub(super) fn written(
        &mut self,
        file: &File,
        inode: usize,
        offset: usize,
        length: usize,
        durable: &[u8],
    ) {
        if self.kind != LieKind::PhantomWrite || self.is_ripe {
            return;
        }
        match &self.phantom {
            None if file.name.starts_with("log.") => {
                let mut before = vec![0; length];
                let end = durable.len().min(offset + length);
                if let Some(there) = durable.get(offset..end) {
                    before[..there.len()].copy_from_slice(there);
                }
                self.phantom = Some((inode, offset, before));
            }
            // Whatever is written there again is there.
            Some((phantom, at, before))
                if *phantom == inode && offset < at + before.len() && *at < offset + length =>
            {
                self.phantom = None;
            }
            None | Some(_) => {}
        }
    }
}

impl SimDisk {
    /// From now on the disk lies.
    pub(crate) fn lie(&mut self, kind: LieKind, key: u64) {
        let contents = self
            .durable
            .values()
            .map(|inode| (*inode, self.inodes[inode].durable.clone()))
            .collect();
        self.lie = Some(Lie {
            kind,
            names: self.durable.clone(),
            contents,
            phantom: None,
            is_ripe: false,
            key,
        });
    }

    /// How the disk lies, if it does.
    pub(crate) fn lies(&self) -> Option<LieKind> {
        self.lie.as_ref().map(|lie| lie.kind)
    }

    /// The machine is off, and somebody restores what was there when the lie began.
    pub(crate) fn restore(&mut self) {
        if let Some(lie) = &mut self.lie {
            lie.is_ripe = true;
        }
    }

    /// The disk as it is in truth, and how it lied, once the time has come; the lie is over.
    pub(crate) fn unveil(&mut self) -> Option<(SimDisk, LieKind)> {
        if !self.lie.as_ref()?.is_ripe {
            return None;
        }
        let lie = self.lie.take()?;
        let dice = &mut Dice::new(lie.key, Stream::Action, 1);
        let mut truth = self.clone();
        match (lie.kind, lie.phantom) {
            (LieKind::PhantomWrite, None) => return None,
            (LieKind::PhantomWrite, Some((number, offset, before))) => {
                let inode = truth.inodes.get_mut(&number)?;
                put(&mut inode.durable, offset, &before);
            }
            (LieKind::LyingSync, _) => truth.mix_with(&lie.names, lie.contents, dice),
            (LieKind::StaleImage | LieKind::OldBackup, _) => {
                let inodes = lie.contents.into_iter();
                truth.inodes = inodes
                    .map(|(number, bytes)| (number, Inode::durable(bytes)))
                    .collect();
                truth.durable = lie.names;
            }
        }
        for inode in truth.inodes.values_mut() {
            *inode = Inode::durable(std::mem::take(&mut inode.durable));
        }
        truth.cached = truth.durable.clone();
        truth.collect();
        truth.upheaval();
        truth.tally.count(lie.kind.name());
        Some((truth, lie.kind))
    }

    /// Every name and every sector that changed since is old or new.
    fn mix_with(
        &mut self,
        names: &BTreeMap<File, usize>,
        contents: BTreeMap<usize, Vec<u8>>,
        dice: &mut Dice,
    ) {
        let in_part = dice.percent(50);
        for (number, old) in contents {
            let inode = self
                .inodes
                .entry(number)
                .or_insert_with(|| Inode::durable(old.clone()));
            let sectors = inode.durable.len().div_ceil(SECTOR);
            for sector in 0..sectors {
                let (from, to) = (sector * SECTOR, ((sector + 1) * SECTOR).min(old.len()));
                if from < to && !(in_part && dice.percent(50)) {
                    put(&mut inode.durable, from, &old[from..to]);
                }
            }
        }
        if !in_part {
            self.durable.clone_from(names);
        }
    }
}
