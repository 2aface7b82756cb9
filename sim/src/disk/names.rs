//! Names of files, and what becomes of their changes when the power goes.

use super::tally::Tally;
use super::{SimDisk, Survival};
use crate::decide::Dice;
use std::collections::BTreeMap;
use wal::{Directory, File};

/// A change of names that is not durable before its directory is synced.
#[derive(Clone, Debug)]
pub(super) enum NameChange {
    Bind(File, usize),
    Rename(File, File, usize),
    Unbind(File),
}

impl NameChange {
    pub(super) fn inode(&self) -> Option<usize> {
        match self {
            NameChange::Bind(_, inode) | NameChange::Rename(_, _, inode) => Some(*inode),
            NameChange::Unbind(_) => None,
        }
    }

    fn is_in(&self, directory: Directory) -> bool {
        match self {
            NameChange::Bind(file, _) | NameChange::Rename(file, ..) | NameChange::Unbind(file) => {
                file.directory == directory
            }
        }
    }

    /// A rename is one change: a file never loses its old name without the new one.
    fn apply(&self, names: &mut BTreeMap<File, usize>) {
        match self {
            NameChange::Bind(file, inode) => {
                names.insert(file.clone(), *inode);
            }
            NameChange::Rename(from, to, inode) => {
                if names.get(from) == Some(inode) {
                    names.remove(from);
                }
                names.insert(to.clone(), *inode);
            }
            NameChange::Unbind(file) => {
                names.remove(file);
            }
        }
    }
}

impl SimDisk {
    pub(super) fn sync_directory(&mut self, directory: Directory) {
        let durable = &mut self.durable;
        self.names_pending.retain(|change| {
            let settles = change.is_in(directory);
            if settles {
                change.apply(durable);
            }
            !settles
        });
        self.collect();
        self.durable_version += 1;
    }

    /// Of the changes of names that were not synced, none survive, the first few of a directory,
    /// or any of them.
    pub(super) fn names_after_power_loss(&mut self, survival: Survival, dice: &mut Dice) {
        let changes = std::mem::take(&mut self.names_pending);
        for directory in [Directory::Log, Directory::Data] {
            let here: Vec<&NameChange> = changes
                .iter()
                .filter(|change| change.is_in(directory))
                .collect();
            let in_order = dice.percent(50).then(|| dice.index(here.len() + 1));
            for (at, change) in here.into_iter().enumerate() {
                let survives = in_order.map_or_else(|| dice.percent(50), |count| at < count);
                if survives && survival != Survival::Lost {
                    change.apply(&mut self.durable);
                    count_kept(change, &mut self.tally);
                } else {
                    count_lost(change, &mut self.tally);
                }
            }
        }
        self.cached = self.durable.clone();
    }
}

fn count_kept(change: &NameChange, tally: &mut Tally) {
    if let NameChange::Rename(..) = change {
        tally.count("rename durable before its sync");
    }
}

fn count_lost(change: &NameChange, tally: &mut Tally) {
    match change {
        NameChange::Bind(..) | NameChange::Rename(..) => tally.count("name lost without a sync"),
        NameChange::Unbind(_) => tally.count("old file reappeared"),
    }
}
