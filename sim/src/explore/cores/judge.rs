//! What must hold of all servers together, in every state.

use super::Wrong;
use super::disk::Disk;
use std::collections::BTreeMap;
use zab_core::{Message, Role};
use zk_types::{Chain, Epoch, Record, Zxid};

/// A start of a server.
type Life = (usize, u32);

/// What is known so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Judge {
    /// Everything that any server delivered, in order.
    ledger: Vec<(Zxid, Chain)>,
    /// Every record that was ever made.
    made: BTreeMap<Zxid, Chain>,
    /// Who led which epoch.
    leaders: BTreeMap<Epoch, Life>,
}

fn wrong<T>(rule: &'static str, seen: String) -> Result<T, Wrong> {
    Err(Wrong { rule, seen })
}

impl Judge {
    /// A disk that was there from the start.
    pub(super) fn holds(&mut self, disk: &Disk) {
        for record in &disk.records {
            self.made.insert(record.zxid, record.chain);
        }
    }

    /// A server logs a record, its own or one that it was sent.
    pub(super) fn made(&mut self, server: usize, record: &Record) -> Result<(), Wrong> {
        let known = *self.made.entry(record.zxid).or_insert(record.chain);
        if known == record.chain {
            return Ok(());
        }
        let seen = format!("s{} logs another {:?}", server + 1, record.zxid);
        wrong("a zxid names one record of one history", seen)
    }

    /// A server says something.
    pub(super) fn says(&self, server: usize, disk: &Disk, message: &Message) -> Result<(), Wrong> {
        if let Message::Ack { zxid } = message
            && *zxid != Zxid::ZERO
            && !disk.holds(*zxid, self.made.get(zxid).copied().unwrap_or_default())
        {
            let seen = format!("s{} acknowledges {zxid:?}", server + 1);
            return wrong("what is acknowledged is durable", seen);
        }
        if let Message::LeaderInfo { epoch } = message
            && disk.promise.accepted < *epoch
        {
            let seen = format!("s{} speaks for {epoch:?}", server + 1);
            let rule = "an epoch is spoken for only when its promise is durable";
            return wrong(rule, seen);
        }
        Ok(())
    }

    /// A server delivers its record of that place.
    pub(super) fn delivered(
        &mut self,
        server: usize,
        place: usize,
        record: &Record,
    ) -> Result<(), Wrong> {
        let this = (record.zxid, record.chain);
        match self.ledger.get(place) {
            Some(known) if *known == this => Ok(()),
            Some((known, _)) => {
                let seen = format!("s{} delivers {:?} for {known:?}", server + 1, record.zxid);
                wrong("servers deliver the same records in the same order", seen)
            }
            None => {
                self.ledger.push(this);
                Ok(())
            }
        }
    }

    /// A server is something else.
    pub(super) fn is(&mut self, life: Life, role: Role) -> Result<(), Wrong> {
        let Role::Leading { epoch } = role else {
            return Ok(());
        };
        let known = *self.leaders.entry(epoch).or_insert(life);
        if known == life {
            return Ok(());
        }
        let seen = format!("s{} and s{} led {epoch:?}", known.0 + 1, life.0 + 1);
        wrong("an epoch has one leader, once", seen)
    }

    /// What was delivered is on the disks of a quorum, and the best of any quorum hold all of it.
    pub(super) fn disks(&self, disks: &[&Disk]) -> Result<(), Wrong> {
        let Some((zxid, chain)) = self.ledger.last() else {
            return Ok(());
        };
        let holding = disks
            .iter()
            .filter(|disk| disk.holds(*zxid, *chain))
            .count();
        if holding * 2 <= disks.len() {
            let seen = format!("{zxid:?} is on {holding} of {} disks", disks.len());
            return wrong("what is committed is durable on a quorum", seen);
        }
        let better = |disk: &&&Disk| {
            let others = disks.iter().filter(|other| other.last() <= disk.last());
            others.count() * 2 > disks.len()
        };
        let lacks = |disk: &&&Disk| !disk.holds(*zxid, *chain);
        match disks.iter().filter(better).find(lacks) {
            None => Ok(()),
            Some(disk) => {
                let seen = format!(
                    "{zxid:?} is committed; one that ends at {:?} lacks it",
                    disk.last()
                );
                wrong(
                    "whoever can be elected holds everything that was committed",
                    seen,
                )
            }
        }
    }
}
