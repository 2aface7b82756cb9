//! The segments of the log, the one prepared to follow, and those out of use.

use crate::format::as_u64;
use crate::format::manifest::Named;
use crate::format::names;
use crate::format::segment::HEADER_BYTES;
use crate::{Directory, DiskOp, WalConfig};
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use zk_types::{Chain, Zxid, mutant};

/// Segments out of use that are kept to be written again.
pub(crate) const SPARES_MAX: usize = 4;

/// What part of the usual length the first segment of a log has.
const FIRST_PART: u64 = 64;

/// How many times longer than the segment before it one is, until it has the usual length: zeros
/// are written faster than records, but not by much on every disk.
const GROWTH: u64 = 4;

/// One segment that holds records, or may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) named: Named,
    /// The last record before it.
    pub(crate) previous: Zxid,
    /// Where its first frame starts, counted as in [`super::history::Place`].
    pub(crate) start: u64,
    /// What is behind its last frame.
    pub(crate) rest: Rest,
}

/// What is behind the last frame of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rest {
    /// Nothing that was ever a frame of this segment.
    Clean,
    /// Perhaps frames that a cut removed. They are told by their incarnation only until the next
    /// cut, so they have to be gone before the log goes on in another segment.
    Dead,
}

impl Segment {
    /// Where in the file the frames end that are counted up to `end`.
    pub(crate) fn offset(&self, end: u64) -> u64 {
        as_u64(HEADER_BYTES) + end - self.start
    }
}

/// The segment that will follow the current one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Nothing is under way.
    None,
    /// It is being zero-filled or renamed.
    Preparing(Named),
    /// It is on the disk, and the manifest does not name it yet.
    Naming(Named),
    /// It may be written.
    Ready(Named),
}

impl Next {
    pub(crate) fn named(self) -> Option<Named> {
        match self {
            Next::None => None,
            Next::Preparing(named) | Next::Naming(named) | Next::Ready(named) => Some(named),
        }
    }
}

/// All segments.
#[derive(Clone, Debug)]
pub(crate) struct Segments {
    /// Length of a usual segment.
    pub(crate) bytes: u64,
    /// Older generations are dead.
    pub(crate) floor_generation: u64,
    /// No segment had this generation yet.
    pub(crate) next_generation: u64,
    /// How often the log was cut.
    pub(crate) incarnation: u32,
    /// The last record when it was cut.
    pub(crate) cut: (Zxid, Chain),
    /// Those that hold the log, oldest first; the last one is appended to.
    pub(crate) live: VecDeque<Segment>,
    pub(crate) next: Next,
    /// A prepared one that was too short for what came; recycled once its successor is named.
    pub(crate) outgrown: Option<Named>,
    /// Generations of the spares, all of the usual length.
    pub(crate) spares: Vec<u64>,
}

impl Segments {
    /// Bytes that can still be appended to the current segment after `end`.
    pub(crate) fn room(&self, end: u64) -> u64 {
        self.live.back().map_or(0, |segment| {
            segment.named.bytes.saturating_sub(segment.offset(end))
        })
    }

    /// Cuts the log after `to`; the segments that are dead now come back.
    pub(crate) fn cut(&mut self, to: (Zxid, Chain)) -> Vec<Named> {
        self.incarnation = self
            .incarnation
            .checked_add(1)
            .expect("the log is cut rarely");
        self.cut = to;
        let mut dead = Vec::new();
        // One that begins exactly at the cut is dead too: its header is of the old incarnation.
        while let Some(segment) = self.live.pop_back_if(|segment| segment.previous >= to.0) {
            dead.push(segment.named);
        }
        if let Some(segment) = self.live.back_mut() {
            segment.rest = Rest::Dead;
        }
        dead
    }

    /// The operations that end the current segment, whose frames end at `end`.
    pub(crate) fn seal(&self, end: u64) -> Vec<DiskOp> {
        let Some(segment) = self.live.back() else {
            return Vec::new();
        };
        let rest = mutant!("dead-rest-survives-roll", segment.rest, Rest::Clean);
        let room = usize::try_from(self.room(end)).expect("a segment fits in memory");
        if rest == Rest::Clean || room == 0 {
            return Vec::new();
        }
        let file = names::segment(segment.named.generation);
        let (offset, bytes) = (segment.offset(end), alloc::vec![0; room]);
        let write = DiskOp::Write {
            file: file.clone(),
            offset,
            bytes,
        };
        alloc::vec![write, DiskOp::Sync { file }]
    }

    /// Ends the log: it begins anew after `base`, in a segment that has not been written yet.
    pub(crate) fn restart(&mut self, base: (Zxid, Chain)) -> Vec<Named> {
        let dead = self.live.drain(..).map(|segment| segment.named).collect();
        self.incarnation = self
            .incarnation
            .checked_add(1)
            .expect("the log is cut rarely");
        self.cut = base;
        let unwritten = self
            .next
            .named()
            .map_or(self.next_generation, |named| named.generation);
        self.floor_generation =
            mutant!("old-log-survives-install", unwritten, self.floor_generation);
        dead
    }

    /// How long the next segment should be. The first write of a log waits until its segment is
    /// filled with zeros, so the first one is short; each is longer than the one that is written
    /// meanwhile, up to the usual length.
    pub(crate) fn next_bytes(&self) -> u64 {
        let grown = match self.live.back() {
            None => (self.bytes / FIRST_PART).next_multiple_of(4096),
            Some(current) => current.named.bytes.saturating_mul(GROWTH),
        };
        grown.clamp(WalConfig::SEGMENT_BYTES_MIN.min(self.bytes), self.bytes)
    }

    /// Whether a segment of at least `needed` bytes is ready.
    pub(crate) fn can_roll(&self, needed: u64) -> bool {
        matches!(self.next, Next::Ready(named) if named.bytes >= needed)
    }

    /// Begins to write into the next segment after `previous`, if there is one.
    pub(crate) fn roll(&mut self, previous: Zxid, start: u64) -> Option<Named> {
        let Next::Ready(named) = self.next else {
            return None;
        };
        self.next = Next::None;
        self.live.push_back(Segment {
            named,
            previous,
            start,
            rest: Rest::Clean,
        });
        Some(named)
    }

    /// Gives out the generation of a new segment and the operations that put it on the disk.
    pub(crate) fn prepare(&mut self, bytes: u64) -> (Named, Vec<DiskOp>) {
        let generation = self.next_generation;
        self.next_generation += 1;
        let named = Named { generation, bytes };
        let file = names::segment(generation);
        let spare = if bytes == self.bytes {
            self.spares.pop()
        } else {
            None
        };
        let ops = match spare {
            Some(spare) => alloc::vec![
                DiskOp::Rename {
                    from: names::spare(spare),
                    to: file,
                },
                DiskOp::SyncDirectory {
                    directory: Directory::Log,
                },
            ],
            None => alloc::vec![DiskOp::Allocate { file, bytes }],
        };
        (named, ops)
    }

    /// The operations that take dead segments out of use, with the generations that are spares
    /// afterwards.
    pub(crate) fn retire(&self, dead: &[Named]) -> (Vec<DiskOp>, Vec<u64>) {
        let mut ops = Vec::new();
        let mut spared = Vec::new();
        for named in dead {
            let file = names::segment(named.generation);
            let kept = self.spares.len() + spared.len() < SPARES_MAX
                && !self.spares.contains(&named.generation);
            if kept && named.bytes == self.bytes {
                spared.push(named.generation);
                ops.push(DiskOp::Rename {
                    from: file,
                    to: names::spare(named.generation),
                });
            } else {
                ops.push(DiskOp::Remove { file });
            }
        }
        if !ops.is_empty() {
            ops.push(DiskOp::SyncDirectory {
                directory: Directory::Log,
            });
        }
        (ops, spared)
    }

    /// What is before the segment that holds `oldest` is dead once the manifest says so, whichever
    /// of it goes first. A segment that begins right after `oldest` may be cut off, and the one that
    /// holds it be written again.
    pub(crate) fn raise_floor(&mut self, oldest: Zxid) {
        let holder = self.live.iter().rfind(|segment| segment.previous < oldest);
        if let Some(holder) = holder {
            self.floor_generation = self.floor_generation.max(holder.named.generation);
        }
    }

    /// Takes out the segments that hold nothing after `oldest`.
    pub(crate) fn purge(&mut self, oldest: Zxid) -> Vec<Named> {
        let is_before = |later: &&Segment| later.previous <= oldest;
        let count = self.live.iter().skip(1).take_while(is_before).count();
        let dead = self.live.drain(..count);
        dead.map(|segment| segment.named).collect()
    }

    /// Bytes that all of them take.
    pub(crate) fn all_bytes(&self) -> u64 {
        let live: u64 = self.live.iter().map(|segment| segment.named.bytes).sum();
        let ahead: u64 = [self.next.named(), self.outgrown]
            .iter()
            .flatten()
            .map(|named| named.bytes)
            .sum();
        live + ahead + as_u64(self.spares.len()) * self.bytes
    }
}
