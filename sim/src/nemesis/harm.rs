//! What is done to disks beyond crashes, single bits and wiping: as data, drawn, and done.

use super::{Action, Breakage, Fate, Nemesis};
use crate::disk::{LieKind, Trouble, small};
use crate::host::Refusal;
use crate::oracle::broken::{Broken, server_name};
use crate::queue::Micros;
use crate::swarm::{DiskFault, Swarm};
use crate::world::World;
use core::fmt;
use serde::{Deserialize, Serialize};

/// One thing that is done to a disk. Files are named without their directory, times are
/// microseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Harm {
    /// Operations fail.
    Trouble {
        /// Which, and how.
        trouble: Trouble,
        /// For how long, if not once.
        length: Micros,
    },
    /// One lane of operations answers nothing, the other one goes on.
    StallLane {
        /// Whether it is the one of snapshots.
        background: bool,
        /// How long.
        length: Micros,
    },
    /// The sector at a place went elsewhere when it was written.
    Misdirect {
        /// Of which file.
        file: String,
        /// Where it belongs.
        offset: usize,
    },
    /// The sector at a place is read from elsewhere, once.
    Misread {
        /// Of which file.
        file: String,
        /// Where it is.
        offset: usize,
        /// Decides where it is read.
        key: u64,
    },
    /// The sector at a place cannot be read.
    Unreadable {
        /// Of which file.
        file: String,
        /// Where it is.
        offset: usize,
    },
    /// The newest snapshot is cut off.
    CutSnapshot {
        /// How many of a thousand parts are left.
        permille: u32,
    },
    /// A segment of the log is gone.
    LoseSegment,
    /// A bit of one of the two copies in a small file flips.
    RotCopy {
        /// Which file.
        file: String,
        /// Which copy, 0 or 1.
        copy: usize,
    },
    /// Both copies in a small file are damaged.
    LoseCopies {
        /// Which file.
        file: String,
    },
    /// Files lie about that mean nothing.
    Litter {
        /// Decides which.
        key: u64,
    },
    /// From now on the disk says that something is durable which is not.
    Lie {
        /// How.
        kind: LieKind,
        /// Decides what of it shows in the end.
        key: u64,
    },
    /// The backup that was made is restored.
    Restore,
    /// Two servers have each other's disk.
    Swap {
        /// The other one.
        with: usize,
        /// Until somebody notices.
        length: Micros,
    },
}

impl Harm {
    /// Whether its server is down while it is done.
    pub(super) fn needs_rest(&self) -> bool {
        match self {
            Harm::LoseSegment
            | Harm::RotCopy { .. }
            | Harm::LoseCopies { .. }
            | Harm::Litter { .. }
            | Harm::Restore
            | Harm::Swap { .. } => true,
            Harm::Trouble { .. }
            | Harm::StallLane { .. }
            | Harm::Misdirect { .. }
            | Harm::Misread { .. }
            | Harm::Unreadable { .. }
            | Harm::CutSnapshot { .. }
            | Harm::Lie { .. } => false,
        }
    }
}

impl fmt::Display for Harm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Harm::Trouble { trouble, length } => {
                write!(f, "{} for {} ms", trouble.name(), length / 1_000)
            }
            Harm::StallLane { background, length } => {
                let lane = if *background { "background" } else { "log" };
                write!(f, "the {lane} lane stalls for {} ms", length / 1_000)
            }
            Harm::Misdirect { file, offset } => write!(f, "misdirected write {file} at {offset}"),
            Harm::Misread { file, offset, .. } => write!(f, "misdirected read {file} at {offset}"),
            Harm::Unreadable { file, offset } => write!(f, "unreadable {file} at {offset}"),
            Harm::CutSnapshot { permille } => {
                write!(f, "the newest snapshot keeps {permille} of 1000 parts")
            }
            Harm::LoseSegment => f.write_str("a segment is gone"),
            Harm::RotCopy { file, copy } => write!(f, "rot in copy {copy} of {file}"),
            Harm::LoseCopies { file } => write!(f, "rot in both copies of {file}"),
            Harm::Litter { key } => write!(f, "stray files ({key:x})"),
            Harm::Lie { kind, key } => write!(f, "begins: {} ({key:x})", kind.name()),
            Harm::Restore => f.write_str("the backup is restored"),
            Harm::Swap { with, length } => {
                let ms = length / 1_000;
                write!(f, "has the disk of {} for {ms} ms", server_name(*with))
            }
        }
    }
}

impl Nemesis {
    fn draw_trouble(&mut self, swarm: &Swarm) -> Harm {
        let troubles = [
            Trouble::WriteError,
            Trouble::ShortWrite,
            Trouble::SyncError,
            Trouble::SyncError,
            Trouble::NoDescriptor,
            Trouble::Full,
            Trouble::FullAtSync,
            Trouble::ReadOnly,
            Trouble::LogGone,
            Trouble::SnapshotsGone,
        ];
        Harm::Trouble {
            trouble: self.dice.pick(&troubles),
            length: self.duration(swarm),
        }
    }

    fn draw_lie(&mut self) -> Harm {
        let kinds = [
            LieKind::PhantomWrite,
            LieKind::PhantomWrite,
            LieKind::LyingSync,
            LieKind::StaleImage,
        ];
        Harm::Lie {
            kind: self.dice.pick(&kinds),
            key: self.dice.next(),
        }
    }
}

impl World {
    /// Draws what a fault of this kind does to a disk.
    pub(super) fn draw_harm(&mut self, fault: DiskFault) -> Result<Vec<Action>, Broken> {
        let server = self.nemesis.dice.index(self.hosts.len());
        let nemesis = &mut self.nemesis;
        let harm = match fault {
            DiskFault::Trouble => Some(nemesis.draw_trouble(&self.swarm)),
            DiskFault::StalledLane => Some(Harm::StallLane {
                background: nemesis.dice.percent(50),
                length: nemesis.duration(&self.swarm),
            }),
            DiskFault::BadSector => self.draw_sector(server)?,
            DiskFault::CutSnapshot => Some(Harm::CutSnapshot {
                permille: if nemesis.dice.percent(30) {
                    0
                } else {
                    u32::try_from(nemesis.dice.below(1_000)).expect("small")
                },
            }),
            DiskFault::LostSegment => Some(Harm::LoseSegment),
            DiskFault::RottenCopy => {
                let file = nemesis.dice.pick(&["promise", "manifest", "identity"]);
                let copy = nemesis.dice.index(2);
                let file = file.to_owned();
                Some(Harm::RotCopy { file, copy })
            }
            DiskFault::LostCopies => {
                let file = nemesis.dice.pick(&["manifest", "manifest", "identity"]);
                let file = file.to_owned();
                Some(Harm::LoseCopies { file })
            }
            DiskFault::StrayFiles => Some(Harm::Litter {
                key: nemesis.dice.next(),
            }),
            DiskFault::LyingDisk => Some(nemesis.draw_lie()),
            DiskFault::OldBackup => {
                let has_backup = self.hosts[server].disk.lies() == Some(LieKind::OldBackup);
                let kind = LieKind::OldBackup;
                let key = nemesis.dice.next();
                Some(if has_backup {
                    Harm::Restore
                } else {
                    Harm::Lie { kind, key }
                })
            }
            DiskFault::SwappedDisks => {
                let length = nemesis.duration(&self.swarm);
                let with = nemesis.dice.index(self.hosts.len());
                Some(Harm::Swap { with, length })
            }
        };
        let Some(harm) = harm else {
            return Ok(Vec::new());
        };
        // What is wrong with a disk is found when a server starts; what it hides is often gone
        // before that.
        let dies = self.nemesis.dice.percent(60) || harm.needs_rest();
        let is_found_by_itself = matches!(harm, Harm::Trouble { .. } | Harm::StallLane { .. });
        let fate = (dies && !is_found_by_itself).then(|| self.nemesis.power_loss(&self.swarm));
        Ok(vec![Action::Disk { server, harm, fate }])
    }

    fn draw_sector(&mut self, server: usize) -> Result<Option<Harm>, Broken> {
        let host = &self.hosts[server];
        let places = self.judges.proven_sectors(server, host)?;
        if places.is_empty() {
            return Ok(None);
        }
        let dice = &mut self.nemesis.dice;
        let (file, offset) = places[dice.index(places.len())].clone();
        let file = file.name;
        Ok(Some(match dice.index(3) {
            0 => Harm::Misdirect { file, offset },
            1 => Harm::Unreadable { file, offset },
            _ => Harm::Misread {
                file,
                offset,
                key: dice.next(),
            },
        }))
    }

    /// Whether this can be done to a disk here and now, and is allowed.
    pub(super) fn is_harm_possible(&mut self, server: usize, harm: &Harm) -> Result<bool, Broken> {
        let Some(host) = self.hosts.get(server) else {
            return Ok(false);
        };
        if host.refusal == Some(Refusal::Foreign) {
            return Ok(false);
        }
        Ok(match harm {
            Harm::Trouble { .. } => true,
            // Data that says of nobody whose it is stops a server rightly.
            Harm::Litter { .. } => host.disk.has_two_copies("identity"),
            Harm::StallLane { .. } => host.replica().is_some(),
            Harm::Misdirect { file, offset }
            | Harm::Misread { file, offset, .. }
            | Harm::Unreadable { file, offset } => {
                let places = self.judges.proven_sectors(server, host)?;
                let is_here = places
                    .iter()
                    .any(|(place, at)| place.name == *file && at == offset);
                is_here && self.may_lose(server)?
            }
            Harm::CutSnapshot { .. } => {
                host.disk.newest_snapshot().is_some() && self.may_lose(server)?
            }
            Harm::LoseSegment => {
                self.may_lose(server)? && self.judges.proven_segment(server).is_some()
            }
            Harm::RotCopy { file, copy } => {
                *copy < 2 && host.disk.has_two_copies(file) && self.judges.is_sound(server, host)?
            }
            Harm::LoseCopies { file } => host.disk.has_two_copies(file) && self.may_lose(server)?,
            Harm::Lie { .. } => host.disk.lies().is_none() && host.disk.has_promise(),
            Harm::Restore => host.disk.lies() == Some(LieKind::OldBackup),
            Harm::Swap { with, .. } => {
                let Some(other) = self.hosts.get(*with).filter(|_| *with != server) else {
                    return Ok(false);
                };
                other.refusal.is_none()
                    && host.disk.lies().is_none()
                    && other.disk.lies().is_none()
                    && self.judges.is_sound(server, host)?
                    && self.judges.is_sound(*with, other)?
            }
        })
    }

    /// Tells the judges of harm to a log, and ends the server if it is to end.
    fn prepare_harm(&mut self, server: usize, harm: &Harm, fate: Option<Fate>) {
        if let Harm::Misdirect { file, .. }
        | Harm::Misread { file, .. }
        | Harm::Unreadable { file, .. } = harm
            && let Some(file) = self.hosts[server].disk.durable_named(file)
        {
            self.judges.rotted(server, &file);
        }
        if *harm == Harm::LoseSegment {
            self.judges.harmed(server, true);
        }
        if let Some(fate) = fate {
            self.put_down(server, fate);
            if let Harm::Swap { with, .. } = harm {
                self.put_down(*with, fate);
            }
        }
    }

    /// Does it.
    pub(super) fn harm(&mut self, server: usize, harm: &Harm, fate: Option<Fate>) {
        let segment = self.judges.proven_segment(server);
        self.prepare_harm(server, harm, fate);
        let host = &mut self.hosts[server];
        let disk = &mut host.disk;
        match harm {
            Harm::Trouble { trouble, length } => {
                disk.set_trouble(Some(*trouble));
                self.relent_after(*length, Breakage::Trouble(server));
            }
            Harm::StallLane { background, length } => {
                let until = self.queue.now() + length;
                host.stall_disk(Some(usize::from(*background)), until);
            }
            Harm::Misdirect { file, offset } => {
                if let Some(file) = disk.durable_named(file) {
                    disk.misdirect(&file, *offset);
                }
            }
            Harm::Misread { file, offset, key } => {
                if let Some(file) = disk.durable_named(file) {
                    disk.misread(&file, *offset, *key);
                }
            }
            Harm::Unreadable { file, offset } => {
                if let Some(file) = disk.durable_named(file) {
                    disk.make_unreadable(&file, *offset);
                }
            }
            Harm::CutSnapshot { permille } => {
                if let Some(file) = disk.newest_snapshot() {
                    self.judges.rotted(server, &file);
                    disk.truncate(&file, *permille);
                }
            }
            Harm::LoseSegment => {
                if let Some(file) = segment {
                    disk.lose(&file);
                }
            }
            // The power may have gone between the two copies.
            Harm::RotCopy { file, copy } if disk.has_two_copies(file) => {
                disk.rot(&small(file), copy * 4096 + 20, 1);
            }
            Harm::RotCopy { .. } => {}
            Harm::LoseCopies { file } => {
                disk.lose_copies(file);
                self.judges.harmed(server, false);
                if file == "identity" {
                    host.refusal = Some(Refusal::Lost);
                }
            }
            Harm::Litter { key } => disk.litter(*key),
            Harm::Lie { kind, key } => disk.lie(*kind, *key),
            Harm::Restore => disk.restore(),
            Harm::Swap { with, length } => {
                self.swap(server, *with, Some(Refusal::Foreign));
                self.relent_after(*length, Breakage::Swap(server, *with));
            }
        }
    }

    /// Exchanges the disks of two servers that are down.
    pub(super) fn swap(&mut self, one: usize, other: usize, refusal: Option<Refusal>) {
        let (low, high) = (one.min(other), one.max(other));
        let (front, back) = self.hosts.split_at_mut(high);
        front[low].disk.exchange(&mut back[0].disk);
        front[low].refusal = refusal;
        back[0].refusal = refusal;
        self.judges.exchanged(one, other);
    }

    /// A server is about to start: what its disk hid is seen now, unless somebody relies on it.
    pub(crate) fn unveil(&mut self, server: usize) -> Result<(), Broken> {
        let Some((truth, kind)) = self.hosts[server].disk.unveil() else {
            return Ok(());
        };
        if self.judges.leans_on(server, &truth, &self.hosts)? {
            if !self.swarm.beyond {
                self.nemesis.count("spared by the budget");
                return Ok(());
            }
            self.nemesis.count("a lie that somebody relied on");
            self.nemesis.is_past_telling = true;
        }
        self.nemesis.lied = true;
        self.hosts[server].disk = truth;
        self.judges.harmed(server, false);
        if matches!(kind, LieKind::PhantomWrite | LieKind::LyingSync) {
            // Holes that a snapshot covers stay until their segment goes.
            let files = self.hosts[server].disk.durable_files();
            for (file, _) in files.filter(|(file, _)| file.name.starts_with("log.")) {
                self.judges.rotted(server, file);
            }
        }
        let words = format!("{}: {}", kind.name(), server_name(server));
        self.notes.add(self.queue.now(), "fault".to_owned(), words);
        Ok(())
    }

    /// A server refused to start: somebody gives it another disk, if that is what it takes.
    pub(crate) fn refused(&mut self, server: usize) -> Result<(), Broken> {
        self.nemesis.count("refused to start");
        let host = &self.hosts[server];
        let is_lost = match host.refusal {
            Some(Refusal::Lost) => true,
            // Its own comes back.
            Some(Refusal::Foreign) => false,
            None => host.disk.is_unreadable(),
        };
        let is_beyond_repair =
            self.swarm.beyond && host.refusal.is_none() && host.disk.failed().is_none();
        if (is_lost || is_beyond_repair) && self.is_remembered_without(server)? {
            let host = &mut self.hosts[server];
            host.refusal = None;
            host.disk.wipe();
            self.judges.lost(server);
            self.nemesis.count("disk replaced");
        }
        Ok(())
    }
}
