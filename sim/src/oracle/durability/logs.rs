//! How the log on a disk may change: it grows without holes, is cut only on a leader's order, and
//! what was cut comes back only when a leader sends it again.

use super::Durability;
use crate::oracle::broken::{Broken, server_name, zxid_name};
use crate::oracle::chains::follows;
use crate::oracle::image::{Change, Mark};
use std::collections::BTreeSet;
use zab_core::Summary;

/// What the log of one server may and may not do next.
#[derive(Clone, Debug, Default)]
pub(super) struct LogRules {
    /// Records that were cut and not sent again.
    removed: BTreeSet<u64>,
    /// The lowest record that some leader ordered it to keep as its last, since it last
    /// acknowledged a whole plan; `None` where there was no such order.
    keeps: Option<u64>,
    /// The last record that its process applied.
    applied: u64,
    /// The highest commit point that its process knew.
    committed: u64,
    /// Whether it leads an epoch that is announced.
    leads: bool,
}

impl LogRules {
    /// Of a log that was harmed from outside: nothing is known until it is whole again.
    pub(super) fn unknown() -> Self {
        LogRules {
            keeps: Some(0),
            ..LogRules::default()
        }
    }
}

impl Durability {
    /// The log on a disk has changed.
    pub(super) fn log_changed(&mut self, server: usize, change: &Change) -> Result<(), Broken> {
        if self.is_excused(server) {
            return Ok(());
        }
        self.logs_have_no_holes(server, &change.added)?;
        for (zxid, chain) in &change.added {
            self.chains.histories_match(server, *zxid, *chain)?;
        }
        if change.is_rebased {
            self.bases_are_committed(server)?;
        }
        self.leaders_cut_nothing(server, &change.removed)?;
        self.nothing_vanishes_unordered(server, &change.removed)?;
        self.nothing_rises_again(server, &change.added)?;
        let rules = &mut self.logs[server];
        let removed = change.removed.iter().map(|(zxid, _)| *zxid);
        rules.removed.extend(removed);
        self.leaders_are_complete(server)
    }

    /// Each record follows the one before it, and the first one follows the base.
    fn logs_have_no_holes(&self, server: usize, added: &[Mark]) -> Result<(), Broken> {
        let image = &self.images[server];
        for (zxid, _) in added {
            let before = image.before(*zxid);
            if !follows(before, *zxid) {
                let seen = format!(
                    "{} holds {} right behind {}",
                    server_name(server),
                    zxid_name(*zxid),
                    zxid_name(before)
                );
                let rule = "S12 continuity: a log has no holes";
                let broken = Broken::safety(rule, seen).server(server);
                return Err(broken.at(*zxid).at(before));
            }
        }
        Ok(())
    }

    /// A snapshot that a log begins with is of committed state, and of the right history.
    fn bases_are_committed(&self, server: usize) -> Result<(), Broken> {
        let (zxid, chain) = self.images[server].base;
        let is_committed = zxid <= self.last_committed();
        if is_committed && self.chains.get(zxid).is_none_or(|known| known == chain) {
            return Ok(());
        }
        let seen = format!(
            "{} has a snapshot of {}, and {} is committed",
            server_name(server),
            zxid_name(zxid),
            zxid_name(self.last_committed())
        );
        let rule = "S24 committed snapshot: only committed state is written to a snapshot";
        Err(Broken::safety(rule, seen).server(server).at(zxid))
    }

    /// From its announcement to the end of its reign a leader's history only grows.
    fn leaders_cut_nothing(&self, server: usize, removed: &[Mark]) -> Result<(), Broken> {
        let Some((zxid, _)) = removed.first().filter(|_| self.logs[server].leads) else {
            return Ok(());
        };
        let seen = format!("{} leads and cut {}", server_name(server), zxid_name(*zxid));
        let rule = "S13 initial history: a leader cuts nothing from its log";
        Err(Broken::safety(rule, seen).server(server).at(*zxid))
    }

    /// What was durable stays, unless a leader ordered it to be cut.
    fn nothing_vanishes_unordered(&self, server: usize, removed: &[Mark]) -> Result<(), Broken> {
        let keeps = self.logs[server].keeps;
        let unordered = removed
            .iter()
            .find(|(zxid, _)| keeps.is_none_or(|keeps| *zxid <= keeps));
        let Some((zxid, _)) = unordered else {
            return Ok(());
        };
        let seen = format!(
            "{} held {} durably, and no leader ordered it to be cut",
            server_name(server),
            zxid_name(*zxid)
        );
        let rule = "S23 nothing vanishes: what was durable stays unless a leader has it cut";
        Err(Broken::safety(rule, seen).server(server).at(*zxid))
    }

    /// What was cut comes back only if a leader sends it again.
    fn nothing_rises_again(&self, server: usize, added: &[Mark]) -> Result<(), Broken> {
        let removed = &self.logs[server].removed;
        let Some((zxid, _)) = added.iter().find(|(zxid, _)| removed.contains(zxid)) else {
            return Ok(());
        };
        let seen = format!(
            "{} holds {} again, which was cut and not sent again",
            server_name(server),
            zxid_name(*zxid)
        );
        let rule = "S17 resurrection: what was cut stays gone until a leader sends it again";
        Err(Broken::safety(rule, seen).server(server).at(*zxid))
    }

    /// A leader sends a server a record.
    pub(crate) fn sent_to(&mut self, server: usize, zxid: u64) {
        self.logs[server].removed.remove(&zxid);
    }

    /// A leader orders a server to keep `last` as its last record at most; 0 for a snapshot, which
    /// replaces the log.
    pub(crate) fn ordered_to_keep(&mut self, server: usize, last: u64) {
        let keeps = &mut self.logs[server].keeps;
        *keeps = Some(keeps.map_or(last, |keeps| keeps.min(last)));
    }

    /// A server acknowledged the whole plan of a leader.
    pub(crate) fn synchronised(&mut self, server: usize) {
        self.logs[server].keeps = None;
    }

    /// A server announces itself as the leader, or leads no more.
    pub(crate) fn leads(&mut self, server: usize, leads: bool) {
        self.logs[server].leads = leads;
    }

    /// A server's process begins with its state at `applied`.
    pub(crate) fn began(&mut self, server: usize, applied: u64) {
        self.forget_owed(server);
        let rules = &mut self.logs[server];
        rules.applied = applied;
        rules.committed = 0;
        rules.leads = false;
    }

    /// What a server applied is committed and on its own disk, and so is what it believes to be
    /// durable; its commit point never falls.
    pub(super) fn applied_is_durable(
        &mut self,
        server: usize,
        now: &Summary,
        applied: u64,
    ) -> Result<(), Broken> {
        let rules = &mut self.logs[server];
        let (was_applied, was_committed) = (rules.applied, rules.committed);
        (rules.applied, rules.committed) = (applied, now.committed.0);
        let broken = |rule, seen: String, zxid| {
            let seen = format!("{} {seen}", server_name(server));
            Err(Broken::safety(rule, seen).server(server).at(zxid))
        };
        if applied < was_applied || now.committed.0 < was_committed {
            let (applied, committed) = (zxid_name(applied), zxid_name(now.committed.0));
            let seen = format!("went back to {applied} applied and {committed} committed");
            let rule = "S30 monotone: applied and committed points never fall";
            return broken(rule, seen, was_committed);
        }
        if applied > now.committed.0 {
            let committed = zxid_name(now.committed.0);
            let seen = format!("applied {} and committed {committed}", zxid_name(applied));
            let rule = "S30 applied: only what is committed is applied";
            return broken(rule, seen, applied);
        }
        let image = &self.images[server];
        // A leader's snapshot has taken the place of a longer log, and its server is about to hear
        // of it.
        let is_replaced = !now.settled && image.base.0 > 0 && image.last() == image.base.0;
        let durable = (!is_replaced).then_some(now.durable.0);
        for zxid in [Some(applied), durable].into_iter().flatten() {
            if !image.has(zxid) && !self.lost[server] {
                let last = zxid_name(image.last());
                let seen = format!("relies on {}, and its disk ends at {last}", zxid_name(zxid));
                let rule = "S30 durable: what is applied, or said to be durable, is on the disk";
                return broken(rule, seen, zxid);
            }
        }
        Ok(())
    }
}
