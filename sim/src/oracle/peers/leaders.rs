//! Who may lead, and from when it may propose.

use super::{Sending, broken, name};
use crate::oracle::broken::{Broken, server_name, zxid_name};
use crate::oracle::durability::Durability;
use crate::oracle::image::DurableStanding;
use std::collections::{BTreeMap, BTreeSet};

/// What leaders were given, by leader and epoch.
#[derive(Clone, Debug, Default)]
pub(super) struct Leaders {
    /// Who promised the epoch to it, so that it counts.
    supporters: BTreeMap<(usize, u32), BTreeSet<usize>>,
    /// Who acknowledged its announcement.
    followers: BTreeMap<(usize, u32), BTreeSet<usize>>,
    /// By epoch: who announced itself, and in which of its starts.
    announced: BTreeMap<u32, (usize, usize)>,
    /// The last epoch in which each leader was seen to be allowed to propose.
    proposing: BTreeMap<usize, u32>,
}

impl Leaders {
    pub(super) fn supported(&mut self, leader: usize, epoch: u32, by: usize) {
        self.supporters
            .entry((leader, epoch))
            .or_default()
            .insert(by);
    }

    pub(super) fn acknowledged(&mut self, leader: usize, epoch: Option<u32>, by: usize) {
        if let Some(epoch) = epoch {
            self.followers
                .entry((leader, epoch))
                .or_default()
                .insert(by);
        }
    }

    /// A leader announces an epoch.
    pub(super) fn announces(
        &mut self,
        epoch: u32,
        sending: &Sending<'_>,
        disks: &Durability,
    ) -> Result<(), Broken> {
        self.epochs_have_one_leader(epoch, sending)?;
        self.leaders_are_promised(epoch, sending, disks)
    }

    /// One start of one server announces an epoch, ever.
    fn epochs_have_one_leader(&mut self, epoch: u32, sending: &Sending<'_>) -> Result<(), Broken> {
        let own = (sending.from, sending.incarnation);
        let first = *self.announced.entry(epoch).or_insert(own);
        if first == own {
            return Ok(());
        }
        let seen = format!(
            "{} announces epoch {epoch} in its {}th start, which {} announced in its {}th",
            name(sending),
            own.1,
            server_name(first.0),
            first.1
        );
        let rule = "S4 one leader: an epoch is announced by one leader in one of its starts";
        Err(broken(rule, seen, sending).server(first.0))
    }

    /// A leader announces an epoch when a quorum has promised it durably, to this leader; one that
    /// founds an ensemble, when all have.
    fn leaders_are_promised(
        &self,
        epoch: u32,
        sending: &Sending<'_>,
        disks: &Durability,
    ) -> Result<(), Broken> {
        let promised = |server: usize| {
            let promise = disks.holding(server).image.promise;
            promise.is_some_and(|promise| promise.accepted >= epoch)
        };
        let none = BTreeSet::new();
        let supporters = self.supporters.get(&(sending.from, epoch)).unwrap_or(&none);
        let count = (0..disks.servers())
            .filter(|server| *server == sending.from || supporters.contains(server))
            .filter(|server| promised(*server) || disks.is_excused(*server))
            .count();
        let standing = disks.holding(sending.from).image.promise;
        let founds = standing.is_some_and(|it| it.standing == DurableStanding::Fresh);
        let (needed, rule) = if founds {
            let rule = "S5 founding: an ensemble is founded by all of its servers";
            (disks.servers(), rule)
        } else {
            let rule = "S5 promises: a leader announces an epoch that a quorum has promised to it";
            (disks.servers() / 2 + 1, rule)
        };
        if count >= needed {
            return Ok(());
        }
        let seen = format!(
            "{} announces epoch {epoch}, which {count} of {} have promised to it",
            name(sending),
            disks.servers()
        );
        Err(broken(rule, seen, sending))
    }

    /// A leader proposes a transaction of its own epoch.
    pub(super) fn proposes(
        &mut self,
        epoch: u32,
        zxid: u64,
        sending: &Sending<'_>,
        disks: &Durability,
    ) -> Result<(), Broken> {
        if self.proposing.get(&sending.from) == Some(&epoch) {
            return Ok(());
        }
        self.proposing.insert(sending.from, epoch);
        self.epochs_are_established_first(epoch, zxid, sending, disks)?;
        earlier_epochs_are_delivered_first(epoch, zxid, sending)
    }

    /// No transaction is proposed before a quorum has the epoch's marker.
    fn epochs_are_established_first(
        &self,
        epoch: u32,
        zxid: u64,
        sending: &Sending<'_>,
        disks: &Durability,
    ) -> Result<(), Broken> {
        let none = BTreeSet::new();
        let followers = self.followers.get(&(sending.from, epoch)).unwrap_or(&none);
        let marker = u64::from(epoch) << 32;
        let holding = disks.holding(sending.from);
        let own = usize::from(holding.image.has(marker) || disks.is_excused(sending.from));
        if followers.len() + own > disks.servers() / 2 {
            return Ok(());
        }
        let seen = format!(
            "{} proposes {}, and {} followers have acknowledged epoch {epoch}",
            name(sending),
            zxid_name(zxid),
            followers.len()
        );
        let rule = "S7 early proposal: nothing is proposed before its epoch is established";
        Err(broken(rule, seen, sending).at(zxid))
    }
}

/// A leader proposes only when it has applied everything up to the beginning of its epoch.
fn earlier_epochs_are_delivered_first(
    epoch: u32,
    zxid: u64,
    sending: &Sending<'_>,
) -> Result<(), Broken> {
    let applied = (sending.applied)();
    if applied >= u64::from(epoch) << 32 {
        return Ok(());
    }
    let seen = format!(
        "{} proposes {}, having applied {}",
        name(sending),
        zxid_name(zxid),
        zxid_name(applied)
    );
    let rule = "S29 primary integrity: a leader has applied all of earlier epochs when it proposes";
    Err(broken(rule, seen, sending).at(zxid).at(applied))
}
