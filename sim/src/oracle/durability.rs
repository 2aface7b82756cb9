//! Disks, held against what was committed: what a quorum does not hold may not be committed, and
//! whoever could be elected must hold everything that was.

use crate::decide::Dice;
use crate::disk::SimDisk;
use crate::host::Host;
use crate::oracle::broken::{Broken, server_name, zxid_name};
use crate::oracle::image::{DurableStanding, Image, Mark};
use crate::oracle::ledger::Ledger;
use std::collections::BTreeSet;
use wal::{File, Finding};
use zk_types::Zxid;

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
}

impl Durability {
    pub(crate) fn new(servers: usize) -> Self {
        Durability {
            images: vec![Image::default(); servers],
            promised: vec![(None, 0); servers],
            lost: vec![false; servers],
            rotten: vec![BTreeSet::new(); servers],
        }
    }

    /// A server lost its disk: nothing that it promised counts.
    pub(crate) fn lost(&mut self, server: usize) {
        self.promised[server] = (None, 0);
        self.lost[server] = true;
    }

    /// A bit of a file of a server flipped: what its disk holds cannot be told as long as the
    /// file is there.
    pub(crate) fn rotted(&mut self, server: usize, file: &File) {
        self.rotten[server].insert(file.clone());
    }

    /// A server has recovered, and found `last` to be its last record. Where no disk was harmed,
    /// recovery finds no damage and everything that was durable.
    pub(crate) fn recovered(
        &self,
        server: usize,
        last: Zxid,
        findings: &[Finding],
    ) -> Result<(), Broken> {
        if self.lost[server] || self.is_rotten(server) {
            return Ok(());
        }
        let name = server_name(server);
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
                    let rule = "a crash is not taken for damage";
                    let seen = format!("{name} found: {finding}");
                    return Err(Broken::safety(rule, seen).server(server));
                }
            }
        }
        let durable = self.images[server].last();
        if last.0 < durable {
            let seen = format!(
                "{name} recovered {last:?}, and {} was durable",
                zxid_name(durable)
            );
            let rule = "recovery finds everything that was durable";
            return Err(Broken::safety(rule, seen).server(server).at(durable));
        }
        Ok(())
    }

    /// Whether a disk held rot when it was last looked at.
    pub(crate) fn is_rotten(&self, server: usize) -> bool {
        !self.rotten[server].is_empty()
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
            .filter(|(file, bytes)| file.name.starts_with("snapshot.") && !bytes.is_empty())
            .collect();
        if files.is_empty() {
            return Ok(None);
        }
        let (file, bytes) = files[dice.index(files.len())];
        Ok(Some((file.clone(), dice.index(bytes.len()))))
    }

    /// Looks at one disk.
    pub(crate) fn look_at(&mut self, server: usize, disk: &SimDisk) -> Result<(), Broken> {
        self.rotten[server].retain(|file| disk.durable_file(file).is_some());
        let image = &mut self.images[server];
        image.refresh(disk);
        let Some(promise) = image.promise else {
            return Ok(());
        };
        if promise.standing == DurableStanding::Member {
            self.lost[server] = false;
        }
        let (storage, accepted) = self.promised[server];
        if storage == image.storage_id && promise.accepted < accepted {
            let seen = format!(
                "{} had promised epoch {accepted} and remembers {}",
                server_name(server),
                promise.accepted
            );
            let rule = "a promise is never forgotten";
            return Err(Broken::safety(rule, seen).server(server));
        }
        self.promised[server] = (image.storage_id, promise.accepted);
        let epoch = Zxid(image.last()).epoch().0;
        if promise.standing == DurableStanding::Member && epoch > promise.accepted {
            let seen = format!(
                "{} holds records of epoch {epoch} and promised {}",
                server_name(server),
                promise.accepted
            );
            let rule = "nobody takes records of an epoch it has not promised";
            return Err(Broken::safety(rule, seen).server(server).at(image.last()));
        }
        Ok(())
    }

    /// Everything through `zxid` was just seen committed.
    pub(crate) fn committed(
        &mut self,
        zxid: Zxid,
        ledger: &Ledger,
        hosts: &[Host],
    ) -> Result<(), Broken> {
        for (server, host) in hosts.iter().enumerate() {
            self.look_at(server, &host.disk)?;
        }
        let index = ledger.find(zxid).expect("it was just applied");
        let mark = (zxid.0, ledger.entries()[index].record.chain.0);
        let chain_at = |zxid| {
            if zxid == 0 {
                return Some(0);
            }
            let index = ledger.find(Zxid(zxid))?;
            Some(ledger.entries()[index].record.chain.0)
        };
        let holds: Vec<bool> = self
            .images
            .iter()
            .map(|image| image.holds(mark, chain_at))
            .collect();
        let excused = |server: usize| self.lost[server] || self.is_rotten(server);
        let holds_or_held = |server: &usize| holds[*server] || excused(*server);
        let count = (0..hosts.len()).filter(holds_or_held).count();
        let quorum = hosts.len() / 2 + 1;
        if count < quorum {
            let names: Vec<String> = (0..hosts.len())
                .filter(|server| holds[*server])
                .map(server_name)
                .collect();
            let seen = format!(
                "{} was applied while only [{}] hold it durably",
                zxid_name(zxid.0),
                names.join(" ")
            );
            let rule = "what is committed is durable on a quorum";
            return Err(Broken::safety(rule, seen).at(zxid.0));
        }
        self.survives(mark, &holds)
    }

    /// Of every quorum that could elect, the one with the best log holds all of the ledger.
    fn survives(&self, mark: Mark, holds: &[bool]) -> Result<(), Broken> {
        let servers = self.images.len();
        let quorum = u32::try_from(servers / 2 + 1).expect("few servers");
        for set in 0..1_u32 << servers {
            if set.count_ones() != quorum || !self.may_elect(set) {
                continue;
            }
            let members = (0..servers).filter(|server| set >> server & 1 == 1);
            let best = members
                .clone()
                .map(|server| self.images[server].last())
                .max();
            for server in members {
                if Some(self.images[server].last()) == best && !holds[server] {
                    let seen = format!(
                        "{} could be elected with {} as its last record, without {}",
                        server_name(server),
                        zxid_name(self.images[server].last()),
                        zxid_name(mark.0)
                    );
                    let rule = "whoever can be elected holds everything that was committed";
                    return Err(Broken::safety(rule, seen).server(server).at(mark.0));
                }
            }
        }
        Ok(())
    }

    /// Whether these servers count as a quorum among themselves.
    fn may_elect(&self, set: u32) -> bool {
        let mut standings = (0..self.images.len())
            .filter(|server| set >> server & 1 == 1)
            .map(|server| (!self.is_rotten(server)).then(|| &self.images[server]))
            .map(|image| image?.promise.map(|promise| promise.standing));
        let first = standings.next().flatten();
        matches!(
            first,
            Some(DurableStanding::Member | DurableStanding::Fresh)
        ) && standings.all(|standing| standing == first)
    }
}
