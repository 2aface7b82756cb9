//! Where every record since the newest snapshot is.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
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
    /// In chunks that never move, so that growth copies nothing; none of them is empty.
    chunks: VecDeque<Vec<Place>>,
}

/// Places per chunk.
const CHUNK: usize = 1024;

impl History {
    /// A history that starts after `floor`: the newest snapshot, or nothing.
    pub(crate) fn starting_at(floor: Place) -> Self {
        History {
            floor,
            chunks: VecDeque::new(),
        }
    }

    /// The last record, or the floor.
    pub(crate) fn tail(&self) -> Place {
        let last = self.chunks.back().and_then(|chunk| chunk.last());
        last.copied().unwrap_or(self.floor)
    }

    /// The newest snapshot's place.
    pub(crate) fn floor(&self) -> Place {
        self.floor
    }

    pub(crate) fn find(&self, zxid: Zxid) -> Option<Place> {
        let place = self.last_upto(zxid);
        (place.zxid == zxid).then_some(place)
    }

    /// Where the frames up to the last record at or before `zxid` end.
    pub(crate) fn end_of(&self, zxid: Zxid) -> u64 {
        self.last_upto(zxid).end
    }

    pub(crate) fn push(&mut self, place: Place) {
        assert!(
            self.tail().zxid.is_followed_by(place.zxid),
            "a log has no holes"
        );
        match self.chunks.back_mut() {
            Some(chunk) if chunk.len() < CHUNK => chunk.push(place),
            Some(_) | None => {
                let mut chunk = Vec::with_capacity(CHUNK);
                chunk.push(place);
                self.chunks.push_back(chunk);
            }
        }
    }

    /// Forgets everything after `to`.
    pub(crate) fn truncate(&mut self, to: Place) {
        self.chunks.truncate(self.chunks_that_begin_upto(to.zxid));
        if let Some(chunk) = self.chunks.back_mut() {
            chunk.truncate(count_upto(chunk, to.zxid));
        }
        assert_eq!(self.tail(), to, "a log is cut at one of its records");
    }

    /// Forgets the places before a newer snapshot.
    pub(crate) fn advance_floor(&mut self, zxid: Zxid) {
        self.floor = self.find(zxid).expect("a snapshot states durable history");
        let begun = self.chunks_that_begin_upto(zxid);
        self.chunks.drain(..begun.saturating_sub(1));
        if begun > 0 {
            let chunk = &mut self.chunks[0];
            chunk.drain(..count_upto(chunk, zxid));
            if chunk.is_empty() {
                self.chunks.pop_front();
            }
        }
    }

    /// The last place at or before `zxid`, or the floor.
    fn last_upto(&self, zxid: Zxid) -> Place {
        let begun = self.chunks_that_begin_upto(zxid);
        let chunk = begun.checked_sub(1).map(|at| &self.chunks[at]);
        let last = chunk.map(|chunk| chunk[count_upto(chunk, zxid) - 1]);
        last.unwrap_or(self.floor)
    }

    fn chunks_that_begin_upto(&self, zxid: Zxid) -> usize {
        self.chunks.partition_point(|chunk| chunk[0].zxid <= zxid)
    }
}

fn count_upto(chunk: &[Place], zxid: Zxid) -> usize {
    chunk.partition_point(|place| place.zxid <= zxid)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(at: u64) -> Place {
        Place {
            zxid: Zxid(at),
            chain: Chain(at),
            end: at * 10,
        }
    }

    fn upto(last: u64) -> History {
        let mut history = History::starting_at(place(0));
        (1..=last).for_each(|at| history.push(place(at)));
        history
    }

    const EDGES: [u64; 8] = [1, 2, 1023, 1024, 1025, 2047, 2048, 2049];

    #[test]
    fn every_record_after_the_floor_is_found_and_none_before_it() {
        for floor in EDGES {
            for tail in EDGES.into_iter().filter(|tail| *tail >= floor) {
                let mut history = upto(tail);
                history.advance_floor(Zxid(floor));
                assert_eq!(
                    (history.floor(), history.tail()),
                    (place(floor), place(tail))
                );
                for at in 0..=tail {
                    let found = history.find(Zxid(at));
                    assert_eq!(found, (at >= floor).then(|| place(at)), "{at}");
                    assert_eq!(history.end_of(Zxid(at)), at.max(floor) * 10);
                }
                assert_eq!(history.find(Zxid(tail + 1)), None);
                assert_eq!(history.end_of(Zxid(tail + 1)), tail * 10);
                history.push(place(tail + 1));
                assert_eq!(history.tail(), place(tail + 1));
            }
        }
    }

    #[test]
    fn a_cut_forgets_what_is_behind_it_and_goes_on_there() {
        for tail in EDGES {
            for to in EDGES.into_iter().filter(|to| *to <= tail) {
                let mut history = upto(tail);
                history.truncate(place(to));
                assert_eq!(history.tail(), place(to));
                assert_eq!(history.find(Zxid(to + 1)), None);
                history.push(place(to + 1));
                assert_eq!(history.find(Zxid(to + 1)), Some(place(to + 1)));
                history.advance_floor(Zxid(to));
                history.truncate(place(to));
                assert_eq!((history.floor(), history.tail()), (place(to), place(to)));
            }
        }
    }

    #[test]
    fn what_is_forgotten_takes_no_memory() {
        let mut history = upto(10 * 1024);
        history.advance_floor(Zxid(9 * 1024 + 1));
        assert_eq!(history.chunks.len(), 1);
        history.advance_floor(Zxid(10 * 1024));
        assert_eq!(history.chunks.len(), 0);
    }
}
