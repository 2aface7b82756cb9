//! A set of servers as bits, for quorum arithmetic without allocation.

use core::fmt;
use zk_types::ServerId;

/// A set of servers with ids up to 255.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct ServerSet([u64; 4]);

impl ServerSet {
    /// The set without members.
    pub const EMPTY: ServerSet = ServerSet([0; 4]);

    /// Adds a server.
    ///
    /// # Panics
    /// When its id is above 255.
    pub fn insert(&mut self, server: ServerId) {
        let (word, bit) = place(server).expect("ids of voters end at 255");
        self.0[word] |= bit;
    }

    /// Takes a server out, if it is in.
    pub fn remove(&mut self, server: ServerId) {
        if let Some((word, bit)) = place(server) {
            self.0[word] &= !bit;
        }
    }

    /// Whether the server is in; one with an id above 255 never is.
    pub fn contains(&self, server: ServerId) -> bool {
        place(server).is_some_and(|(word, bit)| self.0[word] & bit != 0)
    }

    /// How many are in.
    pub fn len(&self) -> u32 {
        self.0.iter().map(|word| word.count_ones()).sum()
    }

    /// Whether none is in.
    pub fn is_empty(&self) -> bool {
        *self == ServerSet::EMPTY
    }

    /// Those in both.
    #[must_use]
    pub fn intersection(mut self, other: ServerSet) -> ServerSet {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine &= theirs;
        }
        self
    }

    /// The members, ascending.
    pub fn iter(self) -> impl Iterator<Item = ServerId> {
        (0..256)
            .map(ServerId)
            .filter(move |server| self.contains(*server))
    }
}

impl FromIterator<ServerId> for ServerSet {
    fn from_iter<I: IntoIterator<Item = ServerId>>(servers: I) -> Self {
        let mut set = ServerSet::EMPTY;
        for server in servers {
            set.insert(server);
        }
        set
    }
}

impl fmt::Debug for ServerSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

fn place(server: ServerId) -> Option<(usize, u64)> {
    let word = usize::try_from(server.0 / 64)
        .ok()
        .filter(|word| *word < 4)?;
    Some((word, 1 << (server.0 % 64)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_up_to_255_have_a_place_and_others_are_in_no_set() {
        let mut set = ServerSet::EMPTY;
        assert!(set.is_empty());
        for id in [0, 63, 64, 255] {
            set.insert(ServerId(id));
            assert!(set.contains(ServerId(id)) && !set.is_empty());
        }
        for id in [1, 256, 319, u64::MAX] {
            assert!(!set.contains(ServerId(id)));
            set.remove(ServerId(id));
        }
        assert!(set.iter().eq([0, 63, 64, 255].map(ServerId)));
    }
}
