//! What must hold of all servers together, at every moment. Source: `zab.md` §20.

use super::disk::Image;
use std::collections::BTreeMap;
use std::vec::Vec;
use zk_types::{Chain, Epoch, Record, ServerId, Standing, Zxid};

/// One life of a server's process: the server and how often it was started.
pub(super) type Life = (ServerId, u32);

#[derive(Debug, Default)]
pub(super) struct Oracle {
    /// Everything that any server applied, in order.
    pub(super) ledger: Vec<(Zxid, Chain)>,
    /// Every record that was ever made.
    chains: BTreeMap<Zxid, Chain>,
    /// Who leads which epoch.
    leaders: BTreeMap<Epoch, Life>,
    /// Whom a server promised an epoch, counted.
    promises: BTreeMap<(ServerId, Epoch), Life>,
}

impl Oracle {
    /// S8, S11: a zxid names one record of one history.
    pub(super) fn on_append(&mut self, record: &Record) {
        let known = *self.chains.entry(record.zxid).or_insert(record.chain);
        assert_eq!(known, record.chain, "{:?} names two histories", record.zxid);
    }

    pub(super) fn chain(&self, zxid: Zxid) -> Chain {
        if zxid == Zxid::ZERO {
            Chain::default()
        } else {
            self.chains[&zxid]
        }
    }

    /// S4: one incarnation leads an epoch.
    pub(super) fn on_marker(&mut self, epoch: Epoch, life: Life) {
        let known = *self.leaders.entry(epoch).or_insert(life);
        assert_eq!(known, life, "two leaders of {epoch:?}");
    }

    /// S3: one server supports one incarnation in an epoch, also when its disk was wiped meanwhile.
    pub(super) fn on_counted(&mut self, server: ServerId, epoch: Epoch, leader: Life) {
        let known = *self.promises.entry((server, epoch)).or_insert(leader);
        assert_eq!(known, leader, "{server:?} promised {epoch:?} twice");
    }

    /// S25 to S28: applied sequences are prefixes of one ledger. Returns the new length of this
    /// server's prefix.
    pub(super) fn on_deliver(&mut self, applied: usize, record: &Record) -> usize {
        match self.ledger.get(applied) {
            Some(known) => assert_eq!(*known, (record.zxid, record.chain), "ledgers differ"),
            None => {
                if let Some((last, _)) = self.ledger.last() {
                    assert!(last.is_followed_by(record.zxid), "the ledger has no gaps");
                }
                self.ledger.push((record.zxid, record.chain));
            }
        }
        applied + 1
    }

    pub(super) fn position(&self, zxid: Zxid) -> usize {
        if zxid == Zxid::ZERO {
            return 0;
        }
        let known = self.ledger.iter().position(|(known, _)| *known == zxid);
        known.expect("a snapshot holds what was applied") + 1
    }

    /// S21: what is applied anywhere is on a quorum of disks, those excused that were wiped or damaged
    /// after they acknowledged it.
    pub(super) fn check_durable(&self, images: &[(&Image, bool)]) {
        let Some((zxid, chain)) = self.ledger.last() else {
            return;
        };
        let holding = images
            .iter()
            .filter(|(image, lost)| *lost || image.holds(*zxid, *chain))
            .count();
        assert!(
            holding * 2 > images.len(),
            "{zxid:?} is applied and on {holding} disks"
        );
    }

    /// S22: from whatever quorum of disks a new leader came, the best of them hold the whole ledger.
    pub(super) fn check_survival(&self, images: &[(&Image, bool)]) {
        let Some((zxid, chain)) = self.ledger.last() else {
            return;
        };
        let counts = |image: &Image| match image.promise.standing {
            Standing::Member => true,
            Standing::Fresh => image.last() > Zxid::ZERO,
            Standing::Damaged | Standing::Amnesiac => false,
        };
        // The fresh found an ensemble all together or not at all.
        let all_fresh = images
            .iter()
            .all(|(image, _)| image.promise.standing == Standing::Fresh);
        for set in 0..1_u32 << images.len() {
            if set.count_ones() * 2 <= u32::try_from(images.len()).unwrap() {
                continue;
            }
            let quorum: Vec<&Image> = (0..images.len())
                .filter(|index| set >> index & 1 == 1)
                .map(|index| images[index].0)
                .collect();
            let is_everybody = quorum.len() == images.len();
            let may_lead = quorum.iter().all(|image| counts(image));
            if !(may_lead || all_fresh && is_everybody) {
                continue;
            }
            let best = quorum.iter().map(|image| image.last()).max().unwrap();
            for image in quorum.iter().filter(|image| image.last() == best) {
                assert!(
                    image.holds(*zxid, *chain),
                    "{zxid:?} is applied, and the quorum {set:b} would lose it at {best:?}"
                );
            }
        }
    }

    /// S1, S2: what a disk promised covers what is on it.
    pub(super) fn check_image(&self, image: &Image) {
        assert!(
            image.last().epoch() <= image.promise.accepted,
            "a record above the promise"
        );
        for record in &image.records {
            assert_eq!(self.chains.get(&record.zxid), Some(&record.chain));
        }
    }
}
