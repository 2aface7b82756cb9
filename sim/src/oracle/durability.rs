//! Disks, held against what was committed: what a quorum does not hold may not be committed, and
//! whoever could be elected must hold everything that was.

mod leaning;

use crate::decide::Dice;
use crate::disk::{SimDisk, is_snapshot};
use crate::oracle::broken::{Broken, server_name, zxid_name};
use crate::oracle::chains::Chains;
use crate::oracle::image::{DurablePromise, DurableStanding, Image, Mark};
use crate::oracle::peers::Holding;
use std::collections::BTreeSet;
use wal::{File, Finding};
use zab_core::Summary;
use zk_types::{Standing, Zxid};

mod commits;
mod logs;

pub(crate) use self::commits::Commit;
use self::commits::Commits;
use self::logs::LogRules;

/// What every disk holds for certain, and what it promised before.
#[derive(Clone, Debug)]
pub(crate) struct Durability {
    images: Vec<Image>,
    /// By server: whose storage, and the highest epoch it promised.
    promised: Vec<(Option<u64>, u32)>,
    /// Servers whose disk was lost, until they count again: what they had acknowledged before
    /// may still be counted by a leader.
    lost: Vec<bool>,
    /// By server: a file that holds rot, as long as it is there.
    rotten: Vec<BTreeSet<File>>,
    /// By server: a record that has to be missed if it is missing, since a later one says that it
    /// was durable. `None` where nothing rotted, or too much.
    provable: Vec<Option<u64>>,
    /// By server: whether its disk was harmed or lied where no file shows it.
    harm: Vec<Harm>,
    /// Servers whose promise was lost while they were down.
    forgot: Vec<bool>,
    /// Servers that are down and have another's disk, until they get their own back.
    exchanged: Vec<bool>,
    /// By server: what its disk shows before it starts.
    shown: Vec<Option<Shown>>,
    /// By server: the version of the disk, and the last record in memory, that were compared last.
    compared: Vec<(u64, Zxid)>,
    /// By server: what its log may and may not do next.
    logs: Vec<LogRules>,
    /// What every zxid stands for.
    pub(crate) chains: Chains,
    commits: Commits,
    /// A server that counts again, and what it had promised then; until that was judged.
    readmitted: Option<(usize, u32)>,
}

/// Harm that lasts until a server was brought up again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Harm {
    None,
    /// It did not start since.
    Hidden,
    /// It started since, and has not served yet.
    Started,
}

/// What recovery has to come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shown {
    last: Mark,
    promise: DurablePromise,
}

impl Durability {
    pub(crate) fn new(servers: usize) -> Self {
        Durability {
            images: vec![Image::default(); servers],
            promised: vec![(None, 0); servers],
            lost: vec![false; servers],
            rotten: vec![BTreeSet::new(); servers],
            provable: vec![None; servers],
            harm: vec![Harm::None; servers],
            forgot: vec![false; servers],
            exchanged: vec![false; servers],
            shown: vec![None; servers],
            compared: vec![(0, Zxid::ZERO); servers],
            logs: vec![LogRules::default(); servers],
            chains: Chains::default(),
            commits: Commits::default(),
            readmitted: None,
        }
    }

    /// A server lost its disk: nothing that it promised counts.
    pub(crate) fn lost(&mut self, server: usize) {
        self.promised[server] = (None, 0);
        self.forgot[server] = false;
        self.lost[server] = true;
        self.logs[server] = LogRules::unknown();
        self.harm[server] = Harm::None;
        self.provable[server] = None;
    }

    /// A server that is down lost its promise. It promises nothing that counts until all others
    /// follow a leader; by then none of them is bound to a later epoch, so it need not be either.
    pub(crate) fn forgot(&mut self, server: usize) {
        self.promised[server].1 = 0;
        self.forgot[server] = true;
        self.lost[server] = true;
        self.logs[server] = LogRules::unknown();
    }

    /// Whether a server is down that lost its promise.
    pub(crate) fn has_forgotten(&self, server: usize) -> bool {
        self.forgot[server]
    }

    /// A bit of a file of a server flipped: what its disk holds cannot be told as long as the
    /// file is there.
    pub(crate) fn rotted(&mut self, server: usize, file: &File) {
        self.demand(server, file.name.starts_with("log."));
        self.rotten[server].insert(file.clone());
        self.logs[server] = LogRules::unknown();
    }

    /// A disk was harmed in a way that no file shows for long. What later records prove has to be
    /// missed if `is_provable`.
    pub(crate) fn harmed(&mut self, server: usize, is_provable: bool) {
        self.demand(server, is_provable);
        self.harm[server] = Harm::Hidden;
        self.logs[server] = LogRules::unknown();
    }

    /// Two servers that are down have each other's disk, and what is known of it.
    pub(crate) fn exchanged(&mut self, one: usize, other: usize) {
        for server in [one, other] {
            self.exchanged[server] = !self.exchanged[server];
        }
        self.images.swap(one, other);
        self.promised.swap(one, other);
        self.lost.swap(one, other);
        self.rotten.swap(one, other);
        self.provable.swap(one, other);
        self.harm.swap(one, other);
        self.forgot.swap(one, other);
        self.logs.swap(one, other);
        self.compared.swap(one, other);
    }

    fn demand(&mut self, server: usize, is_provable: bool) {
        let is_first = !self.is_rotten(server);
        let proven = self.images[server].proven();
        self.provable[server] = (is_first && is_provable).then_some(proven);
    }

    /// A server serves: whatever harm it started with, it was brought up again.
    pub(crate) fn serves(&mut self, server: usize) {
        if self.harm[server] == Harm::Started {
            self.harm[server] = Harm::None;
        }
    }

    /// A server is about to start from its disk.
    pub(crate) fn before_start(&mut self, server: usize, disk: &SimDisk) -> Result<(), Broken> {
        self.began(server, 0);
        self.look_at(server, disk)?;
        let mut image = Image::default();
        let _change = image.refresh(&disk.as_it_looks());
        let is_sound = !self.lost[server] && !self.is_rotten(server);
        self.shown[server] = image.promise.filter(|_| is_sound).map(|promise| Shown {
            last: image.last_mark(),
            promise,
        });
        Ok(())
    }

    /// A server has recovered. Where no disk was harmed, recovery finds no damage and exactly what
    /// the disk showed; wherever it stands now, the disk knows for certain.
    pub(crate) fn recovered(
        &mut self,
        server: usize,
        disk: &SimDisk,
        now: &Summary,
        findings: &[Finding],
    ) -> Result<(), Broken> {
        self.look_at(server, disk)?;
        self.began(server, now.delivered.0);
        let name = server_name(server);
        if std::mem::take(&mut self.forgot[server]) && now.standing != Standing::Amnesiac {
            let seen = format!("{name} lost its promise and starts as {:?}", now.standing);
            let rule = "D4 amnesia: whoever lost its promise knows that it did";
            return Err(Broken::safety(rule, seen).server(server));
        }
        if self.harm[server] == Harm::Hidden {
            self.harm[server] = Harm::Started;
        }
        if self.is_rotten(server) {
            return self.rot_was_told(server, now);
        }
        if let Some(zxid) = self.images[server].remains(disk) {
            let seen = format!(
                "{name} starts with {:?} as its last record and leaves {} behind it",
                now.last,
                zxid_name(zxid)
            );
            let rule = "D6 remains: what is behind the end of a log can never come back";
            return Err(Broken::safety(rule, seen).server(server).at(zxid));
        }
        // A server alone asks its disk for a promise in the step in which it starts.
        if now.settled {
            self.agrees(server, now)?;
        }
        let Some(shown) = self.shown[server] else {
            return Ok(());
        };
        for finding in findings {
            match finding {
                Finding::TornTail { .. }
                | Finding::CopyRepaired { .. }
                | Finding::StrayRemoved { .. } => {}
                Finding::Damage { .. }
                | Finding::DamageBelowBase { .. }
                | Finding::Missing { .. }
                | Finding::SnapshotInvalid { .. }
                | Finding::PromiseLost
                | Finding::ManifestLost => {
                    let rule = "D1 no damage: a crash is not taken for damage";
                    let seen = format!("{name} found: {finding}");
                    return Err(Broken::safety(rule, seen).server(server));
                }
            }
        }
        let promise_is_shown = shown.promise == promise_of(now) || !now.settled;
        if (now.last.0, now.last_chain.0) != shown.last || !promise_is_shown {
            let seen = format!(
                "{name} recovered {:?}, {:?} and epoch {}, and its disk showed {}, {:?}",
                now.last,
                now.standing,
                now.accepted.0,
                zxid_name(shown.last.0),
                shown.promise
            );
            let rule = "S23 recovery: recovery finds exactly what the disk shows";
            return Err(Broken::safety(rule, seen)
                .server(server)
                .at(now.last.0)
                .at(shown.last.0));
        }
        Ok(())
    }

    /// Rot in a record that a later one proves durable is no torn write.
    fn rot_was_told(&mut self, server: usize, now: &Summary) -> Result<(), Broken> {
        let Some(provable) = self.provable[server].filter(|provable| now.last.0 < *provable) else {
            return Ok(());
        };
        match now.standing {
            Standing::Damaged | Standing::Amnesiac => Ok(()),
            Standing::Fresh | Standing::Member => {
                let seen = format!(
                    "{} recovered {:?} as {:?}, and {} had been durable",
                    server_name(server),
                    now.last,
                    now.standing,
                    zxid_name(provable)
                );
                let rule = "D2 rot: rot is not taken for a torn write";
                Err(Broken::safety(rule, seen).server(server).at(provable))
            }
        }
    }

    /// A server took a step, and may have changed its disk. What it believes its disk to hold is
    /// what the disk holds.
    pub(crate) fn stepped(
        &mut self,
        server: usize,
        disk: &SimDisk,
        now: &Summary,
        applied: u64,
    ) -> Result<(), Broken> {
        if let Some(provable) = &mut self.provable[server] {
            *provable = now.last.0.min(*provable);
        }
        self.look_at(server, disk)?;
        if self.is_rotten(server) {
            return Ok(());
        }
        self.applied_is_durable(server, now, applied)?;
        let compared = (disk.durable_version(), now.last);
        if !now.settled || self.compared[server] == compared {
            return Ok(());
        }
        self.compared[server] = compared;
        self.agrees(server, now)
    }

    /// A server that waits for no disk knows what its disk holds for certain.
    fn agrees(&self, server: usize, now: &Summary) -> Result<(), Broken> {
        let image = &self.images[server];
        let last = image.last_mark();
        let agree = (now.last.0, now.last_chain.0) == last
            && image.promise == Some(promise_of(now))
            && image.promise_is_whole;
        if agree {
            return Ok(());
        }
        let seen = format!(
            "{} relies on {:?}, {:?} and epoch {}, and its disk holds {}, {:?}{}",
            server_name(server),
            now.last,
            now.standing,
            now.accepted.0,
            zxid_name(last.0),
            image.promise,
            if image.promise_is_whole {
                ""
            } else {
                " in one copy"
            }
        );
        let rule = "D3 relied on: a disk holds what its server relies on, and nothing else";
        Err(Broken::safety(rule, seen)
            .server(server)
            .at(now.last.0)
            .at(last.0))
    }

    #[cfg(test)]
    pub(crate) fn image_mut(&mut self, server: usize) -> &mut Image {
        &mut self.images[server]
    }

    /// How many servers there are.
    pub(crate) fn servers(&self) -> usize {
        self.images.len()
    }

    /// Whether a disk was lost, rots or is another's, so that it shows less than its server had
    /// acknowledged.
    pub(crate) fn is_excused(&self, server: usize) -> bool {
        self.lost[server] || self.is_rotten(server) || self.exchanged[server]
    }

    /// What a server's disk held when it was last looked at.
    pub(crate) fn holding(&self, server: usize) -> Holding<'_> {
        Holding {
            image: &self.images[server],
            is_rotten: self.is_rotten(server),
        }
    }

    /// Whether a disk held rot when it was last looked at.
    pub(crate) fn is_rotten(&self, server: usize) -> bool {
        !self.rotten[server].is_empty() || self.harm[server] != Harm::None
    }

    /// Whether the disk says that its server was part of an ensemble.
    pub(crate) fn remembers(&self, server: usize) -> bool {
        self.images[server]
            .promise
            .is_some_and(|promise| promise.standing != DurableStanding::Fresh)
    }

    /// Whether the disk says that records are gone which its server had acknowledged.
    fn is_damaged(&self, server: usize) -> bool {
        self.images[server]
            .promise
            .is_some_and(|promise| promise.standing == DurableStanding::Damaged)
    }

    /// Whether the disk says that its server remembers everything.
    pub(crate) fn is_member(&self, server: usize) -> bool {
        self.images[server]
            .promise
            .is_some_and(|promise| promise.standing == DurableStanding::Member)
    }

    /// A place on a disk where rot is told from a torn write.
    pub(crate) fn rottable(
        &mut self,
        server: usize,
        disk: &SimDisk,
        dice: &mut Dice,
    ) -> Result<Option<(File, usize)>, Broken> {
        self.look_at(server, disk)?;
        if dice.percent(60) {
            return Ok(self.images[server].place_of_proven_record(dice));
        }
        let files: Vec<(&File, &[u8])> = disk
            .durable_files()
            .filter(|(file, bytes)| is_snapshot(&file.name) && !bytes.is_empty())
            .collect();
        if files.is_empty() {
            return Ok(None);
        }
        let (file, bytes) = files[dice.index(files.len())];
        Ok(Some((file.clone(), dice.index(bytes.len()))))
    }

    /// Whether rot at a place is told from a torn write.
    pub(crate) fn is_rottable(
        &mut self,
        server: usize,
        disk: &SimDisk,
        name: &str,
        offset: usize,
    ) -> Result<bool, Broken> {
        self.look_at(server, disk)?;
        let Some(file) = disk.durable_named(name) else {
            return Ok(false);
        };
        let length = disk.durable_file(&file).map_or(0, <[u8]>::len);
        let is_in_snapshot = is_snapshot(name) && offset < length;
        Ok(is_in_snapshot || self.images[server].is_in_proven_record(&file, offset))
    }

    /// Looks at one disk. Whatever changed keeps the rules of logs and promises, and whoever could
    /// be elected now holds everything that was committed.
    pub(crate) fn look_at(&mut self, server: usize, disk: &SimDisk) -> Result<(), Broken> {
        if self.images[server].is_of(disk) {
            return Ok(());
        }
        let is_unknown = self.is_rotten(server) || self.images[server].is_of_another_past(disk);
        self.rotten[server].retain(|file| disk.durable_file(file).is_some());
        let before = self.images[server].promise;
        let Some(change) = self.images[server].refresh(disk) else {
            return Ok(());
        };
        self.records_are_honest(server)?;
        if is_unknown {
            self.logs[server] = LogRules::unknown();
        } else {
            self.log_changed(server, &change)?;
        }
        self.promise_changed(server, before)?;
        self.survives()
    }

    /// A file loses its name, now or whenever its directory is written: its log does without it.
    pub(crate) fn goes(
        &mut self,
        server: usize,
        disk: &SimDisk,
        file: &File,
    ) -> Result<(), Broken> {
        self.look_at(server, disk)?;
        let needed = self.images[server].needs(file);
        let Some(zxid) = needed.filter(|_| !self.is_excused(server)) else {
            return Ok(());
        };
        let seen = format!(
            "{} takes away {}, and its disk needs it for {}",
            server_name(server),
            file.name,
            zxid_name(zxid)
        );
        let rule = "D7 needed: a segment goes when the disk says that the log does without it";
        Err(Broken::safety(rule, seen).server(server).at(zxid))
    }

    /// Records say nothing that is not so, and none can come back.
    fn records_are_honest(&self, server: usize) -> Result<(), Broken> {
        let image = &self.images[server];
        if let Some(zxid) = image.overclaims() {
            let seen = format!(
                "{} wrote {} and said in it that it was durable",
                server_name(server),
                zxid_name(zxid)
            );
            let rule = "D5 overclaim: a record says only of earlier ones that they are durable";
            return Err(Broken::safety(rule, seen).server(server).at(zxid));
        }
        if let Some(zxid) = image.undead() {
            let seen = format!(
                "{} left a segment behind in whose rest {} still stands",
                server_name(server),
                zxid_name(zxid)
            );
            let rule = "D6 undead: a record that was cut is gone before the log goes on elsewhere";
            return Err(Broken::safety(rule, seen).server(server).at(zxid));
        }
        Ok(())
    }

    fn promise_changed(
        &mut self,
        server: usize,
        before: Option<DurablePromise>,
    ) -> Result<(), Broken> {
        let image = &self.images[server];
        let Some(promise) = image.promise else {
            return Ok(());
        };
        let was = before.map(|before| before.standing);
        if (was, promise.standing) == (Some(DurableStanding::Amnesiac), DurableStanding::Member) {
            self.readmitted = Some((server, promise.accepted));
        }
        if promise.standing == DurableStanding::Member {
            self.lost[server] = false;
        }
        self.promise_is_kept(server, promise)?;
        self.epochs_are_promised(server, promise)
    }

    /// What a storage promised it remembers, unless it knows that it forgot.
    fn promise_is_kept(&mut self, server: usize, promise: DurablePromise) -> Result<(), Broken> {
        let storage_id = self.images[server].storage_id;
        let (storage, accepted) = self.promised[server];
        let remembers = promise.standing != DurableStanding::Amnesiac;
        if storage == storage_id && promise.accepted < accepted && remembers {
            let seen = format!(
                "{} had promised epoch {accepted} and remembers {}",
                server_name(server),
                promise.accepted
            );
            let rule = "S1 promise: a promise is never forgotten";
            return Err(Broken::safety(rule, seen).server(server));
        }
        let highest = if storage == storage_id {
            accepted.max(promise.accepted)
        } else {
            promise.accepted
        };
        self.promised[server] = (storage_id, highest);
        Ok(())
    }

    /// No record is of an epoch above the promise. Epochs rise along a log, so its end tells.
    fn epochs_are_promised(&self, server: usize, promise: DurablePromise) -> Result<(), Broken> {
        let last = self.images[server].last();
        let remembers = promise.standing != DurableStanding::Amnesiac;
        if remembers && last >> 32 > u64::from(promise.accepted) && !self.is_rotten(server) {
            let seen = format!(
                "{} holds {} and promised {}",
                server_name(server),
                zxid_name(last),
                promise.accepted
            );
            let rule = "S2 epochs: nobody takes records of an epoch it has not promised";
            return Err(Broken::safety(rule, seen).server(server).at(last));
        }
        Ok(())
    }

    /// Whether these servers count as a quorum among themselves. New ones do only if all are new.
    fn may_elect(&self, set: u32) -> bool {
        let standing = |server: usize| {
            let promise = self.images[server].promise;
            promise
                .filter(|_| !self.is_rotten(server))
                .map(|promise| promise.standing)
        };
        let mut servers = 0..self.images.len();
        let mut members = servers.clone().filter(|server| set >> server & 1 == 1);
        members.all(|server| standing(server) == Some(DurableStanding::Member))
            || servers.all(|server| standing(server) == Some(DurableStanding::Fresh))
    }
}

/// What a server relies on to be promised.
fn promise_of(now: &Summary) -> DurablePromise {
    let standing = match now.standing {
        Standing::Fresh => DurableStanding::Fresh,
        Standing::Member => DurableStanding::Member,
        Standing::Damaged => DurableStanding::Damaged,
        Standing::Amnesiac => DurableStanding::Amnesiac,
    };
    DurablePromise {
        accepted: now.accepted.0,
        standing,
    }
}

#[cfg(test)]
mod tests;
