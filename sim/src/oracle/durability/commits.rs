//! What was committed, from the first sign of it, held against every disk.

use super::Durability;
use crate::oracle::broken::{Broken, server_name, zxid_name};
use crate::oracle::image::Mark;
use std::collections::BTreeMap;

/// What was committed so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Commits {
    /// The last record that anybody committed.
    last: Mark,
    /// By epoch: the last record that its leader committed.
    by_epoch: BTreeMap<u32, Mark>,
    /// By server that leads: its epoch's marker, and what must be before it; until its disk shows.
    owed: BTreeMap<usize, (u64, Mark)>,
}

/// Where a commit was seen first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Commit {
    pub(crate) zxid: u64,
    /// The epoch whose leader committed.
    pub(crate) epoch: u32,
    /// Who shows it.
    pub(crate) server: usize,
}

impl Durability {
    /// The last record that anybody committed.
    pub(crate) fn last_committed(&self) -> u64 {
        self.commits.last.0
    }

    /// The last record that leaders of epochs before `epoch` committed.
    pub(crate) fn committed_before(&self, epoch: u32) -> u64 {
        self.before(epoch).0
    }

    fn before(&self, epoch: u32) -> Mark {
        let earlier = self.commits.by_epoch.range(..epoch);
        earlier.map(|(_, mark)| *mark).max().unwrap_or_default()
    }

    /// Everything through a record is committed, as somebody shows. At the first sign of that it
    /// is durable on a quorum, and survives.
    pub(crate) fn committed(&mut self, commit: Commit) -> Result<(), Broken> {
        let Commit {
            zxid,
            epoch,
            server,
        } = commit;
        let known = self.commits.by_epoch.get(&epoch);
        if known.is_some_and(|known| known.0 >= zxid) {
            return Ok(());
        }
        let Some(chain) = self.chains.get(zxid) else {
            let seen = format!(
                "{} shows {} committed, which nobody proposed",
                server_name(server),
                zxid_name(zxid)
            );
            let rule = "S25 integrity: only what was proposed is committed";
            return Err(Broken::safety(rule, seen).server(server).at(zxid));
        };
        let mark = (zxid, chain);
        self.commits.by_epoch.insert(epoch, mark);
        self.markers_commit_first(server, epoch, zxid)?;
        if zxid <= self.commits.last.0 {
            return Ok(());
        }
        self.commits.last = mark;
        self.commits_are_durable(mark)?;
        self.readmission()?;
        self.survives()
    }

    /// A leader commits nothing of its own accord before its epoch's marker.
    fn markers_commit_first(&self, server: usize, epoch: u32, zxid: u64) -> Result<(), Broken> {
        let marker = u64::from(epoch) << 32;
        if zxid >= marker || zxid <= self.committed_before(epoch) {
            return Ok(());
        }
        let seen = format!(
            "{} commits {} in epoch {epoch}, and its marker is not committed",
            server_name(server),
            zxid_name(zxid)
        );
        let rule = "S32 marker: records of earlier epochs commit with their successor's marker";
        Err(Broken::safety(rule, seen).server(server).at(zxid))
    }

    /// What is committed is on the disks of a quorum. A disk that was lost, that rots or that says
    /// that it is damaged counts with what it had acknowledged before.
    fn commits_are_durable(&self, mark: Mark) -> Result<(), Broken> {
        let servers = 0..self.images.len();
        let excused = |server: usize| self.is_excused(server) || self.is_damaged(server);
        let holders: Vec<usize> = servers
            .clone()
            .filter(|server| self.holds(*server, mark))
            .collect();
        let count = servers
            .filter(|server| holders.contains(server) || excused(*server))
            .count();
        if count > self.images.len() / 2 {
            return Ok(());
        }
        let names: Vec<String> = holders.into_iter().map(server_name).collect();
        let seen = format!(
            "{} was committed while only [{}] hold it durably",
            zxid_name(mark.0),
            names.join(" ")
        );
        let rule = "S21 durable quorum: what is committed is durable on a quorum";
        Err(Broken::safety(rule, seen).at(mark.0))
    }

    /// Whoever counts again after it forgot what it promised has heard of an epoch that every other
    /// voter has promised: what it forgot cannot matter any more.
    fn readmission(&mut self) -> Result<(), Broken> {
        let Some((server, epoch)) = self.readmitted.take() else {
            return Ok(());
        };
        let accepted = |server: usize| self.images[server].promise.map_or(0, |p| p.accepted);
        let others = (0..self.images.len()).filter(|other| *other != server);
        for other in others {
            if accepted(other) < epoch && !self.lost[other] && !self.is_rotten(other) {
                let seen = format!(
                    "{} counts again in epoch {epoch}, and {} promised only {}",
                    server_name(server),
                    server_name(other),
                    accepted(other)
                );
                let rule =
                    "S33 readmission: who forgot its promises counts again when all others follow";
                return Err(Broken::safety(rule, seen).server(server).server(other));
            }
        }
        Ok(())
    }

    /// Of every quorum that could elect, the servers with the best log hold everything that was
    /// committed. Asked whenever a disk or a commit changes.
    pub(super) fn survives(&self) -> Result<(), Broken> {
        let mark = self.commits.last;
        let servers = self.images.len();
        let lacking: Vec<bool> = (0..servers).map(|s| !self.holds(s, mark)).collect();
        if !lacking.contains(&true) {
            return Ok(());
        }
        let quorum = u32::try_from(servers / 2 + 1).expect("few servers");
        for set in 0..1_u32 << servers {
            if set.count_ones() != quorum || !self.may_elect(set) {
                continue;
            }
            let members = || (0..servers).filter(|server| set >> server & 1 == 1);
            let best = members().map(|server| self.images[server].last()).max();
            for server in members() {
                if lacking[server] && Some(self.images[server].last()) == best {
                    let seen = format!(
                        "{} could be elected with {} as its last record, without {}",
                        server_name(server),
                        zxid_name(self.images[server].last()),
                        zxid_name(mark.0)
                    );
                    let rule =
                        "S22 survival: whoever can be elected holds everything that was committed";
                    let broken = Broken::safety(rule, seen).server(server);
                    return Err(broken.at(mark.0).at(self.images[server].last()));
                }
            }
        }
        Ok(())
    }

    /// Whether a disk holds the committed history up to `mark`.
    pub(super) fn holds(&self, server: usize, mark: Mark) -> bool {
        let last = self.commits.last.0.max(mark.0);
        self.images[server].holds(mark, |zxid| {
            (zxid <= last).then(|| self.chains.get(zxid)).flatten()
        })
    }

    /// A server leads an epoch that a quorum has joined: its history up to the marker holds all
    /// that leaders of earlier epochs had committed by now.
    pub(crate) fn established(&mut self, server: usize, epoch: u32) -> Result<(), Broken> {
        let marker = u64::from(epoch) << 32;
        self.commits
            .owed
            .insert(server, (marker, self.before(epoch)));
        self.leaders_are_complete(server)
    }

    /// Judged as soon as the leader's own disk has the marker.
    pub(super) fn leaders_are_complete(&mut self, server: usize) -> Result<(), Broken> {
        let Some((marker, mark)) = self.commits.owed.get(&server).copied() else {
            return Ok(());
        };
        if !self.images[server].has(marker) {
            return Ok(());
        }
        self.commits.owed.remove(&server);
        if self.holds(server, mark) || self.is_rotten(server) {
            return Ok(());
        }
        let seen = format!(
            "{} leads epoch {} without {}",
            server_name(server),
            marker >> 32,
            zxid_name(mark.0)
        );
        let rule =
            "S6 complete leader: a leader has all that leaders of earlier epochs had committed";
        Err(Broken::safety(rule, seen).server(server).at(mark.0))
    }

    /// A server's process is over.
    pub(super) fn forget_owed(&mut self, server: usize) {
        self.commits.owed.remove(&server);
    }
}
