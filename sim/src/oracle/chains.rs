//! What every zxid stands for, wherever it was seen: proposed on a wire, on a disk, or applied.

use crate::oracle::broken::{Broken, server_name, zxid_name};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use xxhash_rust::xxh3::Xxh3Default;

/// By zxid, the hash of the history up to it, and who had it first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Chains {
    known: BTreeMap<u64, (u64, usize)>,
}

impl Chains {
    /// A zxid stands for one record behind one history: wherever two servers have it, everything
    /// before it is equal too.
    pub(crate) fn histories_match(
        &mut self,
        server: usize,
        zxid: u64,
        chain: u64,
    ) -> Result<(), Broken> {
        match self.known.entry(zxid) {
            Entry::Vacant(free) => {
                free.insert((chain, server));
                Ok(())
            }
            Entry::Occupied(known) if known.get().0 == chain => Ok(()),
            Entry::Occupied(known) => {
                let other = known.get().1;
                let seen = format!(
                    "{} of {} has another history than {0} of {}",
                    zxid_name(zxid),
                    server_name(server),
                    server_name(other)
                );
                let rule = "S11 log matching: a zxid stands for one record behind one history";
                Err(Broken::safety(rule, seen)
                    .server(server)
                    .server(other)
                    .at(zxid))
            }
        }
    }

    /// The hash of the history up to a zxid that was seen somewhere.
    pub(crate) fn get(&self, zxid: u64) -> Option<u64> {
        if zxid == 0 {
            return Some(0);
        }
        self.known.get(&zxid).map(|(chain, _)| *chain)
    }
}

/// The hash of a history that ends with a record: `kind` is 0 for a marker, 1 for a transaction, 2
/// for a configuration.
pub(crate) fn chain_after(
    previous: u64,
    (zxid, committed): (u64, u64),
    kind: u64,
    body: &[u8],
) -> u64 {
    let mut hasher = Xxh3Default::new();
    for word in [previous, zxid, committed, kind] {
        hasher.update(&word.to_be_bytes());
    }
    hasher.update(body);
    hasher.digest()
}

/// Whether a record may follow another one: the next of its epoch, or the first of a later one.
pub(crate) fn follows(last: u64, next: u64) -> bool {
    let is_same_epoch = last >> 32 == next >> 32;
    (is_same_epoch && next == last + 1) || (next >> 32 > last >> 32 && is_marker(next))
}

/// Whether a zxid is the first of its epoch.
pub(crate) fn is_marker(zxid: u64) -> bool {
    zxid & 0xffff_ffff == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_history_of_a_zxid_is_noticed() {
        let mut chains = Chains::default();
        assert!(chains.histories_match(0, 5, 1).is_ok());
        assert!(chains.histories_match(1, 5, 1).is_ok());
        let broken = chains.histories_match(2, 5, 2).unwrap_err();
        assert_eq!(broken.short(), "S11 log matching");
    }

    #[test]
    fn a_counter_goes_up_by_one_and_an_epoch_begins_at_zero() {
        assert!(follows(0x1_0000_0004, 0x1_0000_0005));
        assert!(follows(0x1_0000_0004, 0x3_0000_0000));
        assert!(follows(0x1_ffff_ffff, 0x2_0000_0000));
        assert!(!follows(0x1_0000_0004, 0x1_0000_0006));
        assert!(!follows(0x1_0000_0004, 0x2_0000_0001));
        assert!(!follows(0x2_0000_0004, 0x1_0000_0005));
    }
}
