//! Where every record since the newest snapshot is.

use alloc::collections::VecDeque;
use zk_types::{Chain, Zxid};

/// One record: its zxid, the chain up to it, and where it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) zxid: Zxid,
    pub(crate) chain: Chain,
    /// Bytes of frames up to and with this one, counted from a point that stays the same while the
    /// log is open.
    pub(crate) end: u64,
}

/// The records that are in the segments, after the newest snapshot.
#[derive(Clone, Debug)]
pub(crate) struct History {
    floor: Place,
    places: VecDeque<Place>,
}

impl History {
    /// A history that starts after `floor`: the newest snapshot, or nothing.
    pub(crate) fn starting_at(floor: Place) -> Self {
        History {
            floor,
            places: VecDeque::new(),
        }
    }

    /// The last record, or the floor.
    pub(crate) fn tail(&self) -> Place {
        self.places.back().copied().unwrap_or(self.floor)
    }

    /// The newest snapshot's place.
    pub(crate) fn floor(&self) -> Place {
        self.floor
    }

    pub(crate) fn find(&self, zxid: Zxid) -> Option<Place> {
        if zxid == self.floor.zxid {
            return Some(self.floor);
        }
        let at = self
            .places
            .binary_search_by_key(&zxid, |place| place.zxid)
            .ok()?;
        self.places.get(at).copied()
    }

    /// Where the frames up to the last record at or before `zxid` end.
    pub(crate) fn end_of(&self, zxid: Zxid) -> u64 {
        let covered = self.places.partition_point(|place| place.zxid <= zxid);
        let last = covered.checked_sub(1).and_then(|at| self.places.get(at));
        last.map_or(self.floor.end, |place| place.end)
    }

    pub(crate) fn push(&mut self, place: Place) {
        assert!(
            self.tail().zxid.is_followed_by(place.zxid),
            "a log has no holes"
        );
        self.places.push_back(place);
    }

    /// Forgets everything after `to`.
    pub(crate) fn truncate(&mut self, to: Place) {
        let kept = self.places.partition_point(|place| place.zxid <= to.zxid);
        self.places.truncate(kept);
        assert_eq!(self.tail(), to, "a log is cut at one of its records");
    }

    /// Forgets the places before a newer snapshot.
    pub(crate) fn advance_floor(&mut self, zxid: Zxid) {
        self.floor = self.find(zxid).expect("a snapshot states durable history");
        let covered = self.places.partition_point(|place| place.zxid <= zxid);
        self.places.drain(..covered);
    }
}
