//! Worlds without a budget of faults. Service may end in them, for a reason; whoever is answered is
//! answered rightly, unless something was done that no server can tell.

use super::{Action, Harm};
use crate::host::Host;
use crate::oracle::broken::Broken;
use crate::report::Verdict;
use crate::world::World;
use replica::Replica;
use zab_core::Role;
use zk_types::Standing;

impl Action {
    /// Whose disk loses something by it, where that can be told.
    fn harmed(&self) -> Option<usize> {
        let (Action::Wipe { server, .. }
        | Action::Rot { server, .. }
        | Action::PromiseLoss { server, .. }
        | Action::Disk {
            server,
            harm:
                Harm::Misdirect { .. }
                | Harm::Misread { .. }
                | Harm::Unreadable { .. }
                | Harm::CutSnapshot { .. }
                | Harm::LoseSegment
                | Harm::LoseCopies { .. },
            ..
        }) = self
        else {
            return None;
        };
        Some(*server)
    }
}

impl World {
    /// Notes what goes beyond the budget. Where a disk has lied before, what it lost may have been
    /// left on no disk but those that are harmed now.
    pub(super) fn exceed(&mut self, action: &Action) -> Result<(), Broken> {
        let Some(server) = action.harmed().filter(|_| self.swarm.beyond) else {
            return Ok(());
        };
        if !self.judges.may_lose(server, &self.hosts)? {
            self.nemesis.count("beyond the budget");
            self.nemesis.is_past_telling |= self.nemesis.lied;
        }
        Ok(())
    }

    /// Whether a disk may become a new one: where none remembers, another ensemble is founded, and
    /// no server can tell. The budget sees to that where there is one.
    pub(super) fn is_remembered_without(&mut self, server: usize) -> Result<bool, Broken> {
        Ok(!self.swarm.beyond || self.judges.is_remembered_without(server, &self.hosts)?)
    }

    /// No service is right where too many have forgotten too much. Where enough remember, they
    /// find a leader.
    pub(crate) fn stop_has_a_reason(&mut self) -> Result<(), Broken> {
        let replicas = || self.hosts.iter().filter_map(Host::replica);
        let remembers = |replica: &&Replica| replica.observe().zab.standing == Standing::Member;
        let leads = |replica: &Replica| matches!(replica.role(), Role::Leading { .. });
        let members = replicas().filter(remembers).count();
        if members > self.hosts.len() / 2 && !replicas().any(leads) {
            let seen = format!("{members} servers remember everything, and nobody leads");
            let rule = "B1 reason: service ends only where too many disks forgot something";
            return Err(Broken::liveness(rule, seen));
        }
        self.nemesis.count("a stop with a reason");
        Ok(())
    }

    /// What came of a world, where something may have been done that no server can tell: then
    /// nothing but the servers' own conduct is judged.
    pub(crate) fn excused(&mut self, outcome: Result<(), Broken>) -> Result<(), Broken> {
        let Err(broken) = outcome else {
            return Ok(());
        };
        let is_conduct = broken.rule.ends_with("never panics");
        let is_told = matches!(
            broken.verdict,
            Verdict::Safety | Verdict::History | Verdict::Liveness
        );
        if !self.nemesis.is_past_telling || is_conduct || !is_told {
            return Err(broken);
        }
        let words = format!("ends here, since no server can tell: {}", broken.rule);
        let now = self.queue.now();
        self.notes.add(now, "all".to_owned(), words);
        self.nemesis.count("ended by what no server can tell");
        Ok(())
    }
}
