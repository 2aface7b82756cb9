//! Follows the chain of records from the base to its end, and says what kind of end it is.

use super::access::Access;
use super::base::Base;
use super::cursor::Cursor;
use super::segments::{Life, SegmentFile};
use super::{Finding, RecoveryError};
use crate::Disk;
use crate::format::as_u64;
use crate::format::frame::{Frame, Seed};
use crate::format::manifest::Manifest;
use crate::format::names;
use crate::format::segment::HEADER_BYTES;
use crate::wal::history::{History, Place};
use crate::wal::segments::{Rest, Segment};
use alloc::vec::Vec;
use zk_types::{Chain, Record, Zxid, mutant};

/// The log as far as it can be followed.
pub(super) struct Walked {
    pub(super) records: Vec<Record>,
    pub(super) history: History,
    /// The segments that hold it and what is before it, oldest first.
    pub(super) live: Vec<Segment>,
    /// The last record that something else says was durable.
    pub(super) proven: Zxid,
    /// Whether something that was durable is missing.
    pub(super) damaged: bool,
}

pub(super) struct Walk<'w, 'a, D: Disk> {
    access: &'w mut Access<'a, D>,
    storage_id: u64,
    manifest: &'w Manifest,
    files: &'w [SegmentFile],
    /// The file and the offset of damage before the base.
    damage: Option<(usize, u64)>,
}

type End = (Zxid, Chain);

/// A record that continues the log.
struct Continuation {
    record: Record,
    /// Length of its frame.
    bytes: u64,
    /// What it says was durable before it.
    durable_upto: Zxid,
}

impl<'w, 'a, D: Disk> Walk<'w, 'a, D> {
    pub(super) fn new(
        access: &'w mut Access<'a, D>,
        storage_id: u64,
        manifest: &'w Manifest,
        files: &'w [SegmentFile],
    ) -> Self {
        Walk {
            access,
            storage_id,
            manifest,
            files,
            damage: None,
        }
    }

    pub(super) fn run(mut self, base: &Base) -> Result<Walked, RecoveryError<D::Error>> {
        let end = (base.zxid(), base.chain());
        let Some((mut cursor, oldest)) = self.find_base(end)? else {
            let floor = Place {
                zxid: end.0,
                chain: end.1,
                end: 0,
            };
            let damaged = self.classify(None, end)?;
            let history = History::starting_at(floor);
            return Ok(Walked {
                records: Vec::new(),
                history,
                live: Vec::new(),
                proven: end.0,
                damaged,
            });
        };
        let mut position = cursor.offset() - as_u64(HEADER_BYTES);
        let floor = Place {
            zxid: end.0,
            chain: end.1,
            end: position,
        };
        let mut walked = Walked {
            records: Vec::new(),
            history: History::starting_at(floor),
            live: self.segments_between(oldest, cursor.at, end.0),
            proven: end
                .0
                .max(self.manifest.durable_upto)
                .max(self.manifest.cut.0),
            damaged: false,
        };
        let mut last = end;
        loop {
            cursor.look(self.access)?;
            if let Some(next) = self.next_record(&cursor, last) {
                let record = next.record;
                cursor.advance(next.bytes);
                position += next.bytes;
                last = (record.zxid, record.chain);
                walked.proven = walked.proven.max(next.durable_upto);
                walked.history.push(Place {
                    zxid: last.0,
                    chain: last.1,
                    end: position,
                });
                walked.records.push(record);
            } else if let Some(at) = self.following(cursor.at, last) {
                cursor = self.begin(at);
                let named = self.files[at].named;
                walked.live.push(Segment {
                    named,
                    previous: last.0,
                    start: position,
                    rest: Rest::Clean,
                });
            } else {
                break;
            }
        }
        walked.damaged = self.classify(Some(&mut cursor), last)?;
        if mutant!("snapshot-without-log-suffix", false, base.newest.is_some()) {
            (walked.records, walked.damaged) = (Vec::new(), false);
            walked.history = History::starting_at(floor);
        }
        Ok(walked)
    }

    /// Where the records after the base start, and the oldest segment that leads there.
    fn find_base(&mut self, base: End) -> Result<Option<(Cursor, usize)>, RecoveryError<D::Error>> {
        let previous = |file: &SegmentFile| match file.life(self.manifest) {
            Life::Alive(header) => Some(header.previous),
            Life::Dead | Life::Unwritten => None,
        };
        let newest = |starts: &dyn Fn(Zxid) -> bool| {
            let mut files = self.files.iter().enumerate().rev();
            files.find_map(|(at, file)| {
                let previous = previous(file).filter(|previous| starts(previous.0))?;
                Some((at, previous))
            })
        };
        // A segment that begins right after the base may be empty, and an empty one is dropped.
        // The log then ends in the one before, whose end is known only by reading it.
        let before = newest(&|previous| previous < base.0);
        let start = before.or_else(|| newest(&|previous| previous == base.0));
        let Some((at, mut last)) = start else {
            return self.search_lost_headers(base);
        };
        let mut cursor = self.begin(at);
        while last.0 < base.0 {
            cursor.look(self.access)?;
            let Some(next) = self.next_record(&cursor, last) else {
                break;
            };
            cursor.advance(next.bytes);
            last = (next.record.zxid, next.record.chain);
        }
        if last == base {
            return Ok(Some((cursor, 0)));
        }
        let (file, offset) = (
            names::segment(self.files[at].named.generation),
            cursor.offset(),
        );
        self.access
            .findings
            .push(Finding::DamageBelowBase { file, offset });
        self.damage = Some((at, cursor.offset()));
        // What is before the damage leads nowhere any more.
        let found = self.search_base(cursor, base)?;
        Ok(found.map(|cursor| {
            let at = cursor.at;
            (cursor, at)
        }))
    }

    /// No header leads to the base. The base was durable, and so was the header of the segment that
    /// holds it: if one without a header does, the header rotted. So it did where what follows
    /// the base is not the first of its segment.
    fn search_lost_headers(
        &mut self,
        base: End,
    ) -> Result<Option<(Cursor, usize)>, RecoveryError<D::Error>> {
        let mut effort = SEARCH_BYTES_MAX;
        for at in 0..self.files.len() {
            if self.files[at].life(self.manifest) != Life::Unwritten {
                continue;
            }
            let mut cursor = self.begin(at);
            loop {
                cursor.look(self.access)?;
                let found = cursor.frame_within(&mut effort);
                match found.map(|frame| ((frame.zxid, frame.chain), frame.bytes())) {
                    Some((found, bytes)) => {
                        let follows = cursor.offset() > as_u64(HEADER_BYTES)
                            && self.next_record(&cursor, base).is_some();
                        if !follows {
                            cursor.advance(bytes);
                        }
                        if follows || found == base {
                            let file = names::segment(self.files[at].named.generation);
                            self.access
                                .findings
                                .push(Finding::DamageBelowBase { file, offset: 0 });
                            self.damage = Some((at, as_u64(HEADER_BYTES)));
                            return Ok(Some((cursor, at)));
                        }
                    }
                    None => {
                        if !cursor.skip() {
                            break;
                        }
                    }
                }
            }
        }
        Ok(None)
    }

    /// The way to the base is damaged; the base itself, or what follows it, may not be.
    fn search_base(
        &mut self,
        mut cursor: Cursor,
        base: End,
    ) -> Result<Option<Cursor>, RecoveryError<D::Error>> {
        let mut effort = SEARCH_BYTES_MAX;
        loop {
            while cursor.skip() {
                cursor.look(self.access)?;
                let Some(frame) = cursor.frame_within(&mut effort) else {
                    continue;
                };
                let bytes = frame.bytes();
                if (frame.zxid, frame.chain) == base {
                    cursor.advance(bytes);
                    return Ok(Some(cursor));
                }
                if self.next_record(&cursor, base).is_some() {
                    return Ok(Some(cursor));
                }
            }
            let next = cursor.at + 1;
            if next == self.files.len() {
                return Ok(None);
            }
            cursor = self.begin(next);
            cursor.look(self.access)?;
            if self.next_record(&cursor, base).is_some() {
                return Ok(Some(cursor));
            }
        }
    }

    /// The record at the cursor, if it continues the log.
    fn next_record(&self, cursor: &Cursor, last: End) -> Option<Continuation> {
        let frame = cursor.frame()?;
        let current = self.manifest.incarnation;
        let belongs = if last.0 < self.manifest.cut.0 {
            frame.incarnation <= current
        } else {
            mutant!(
                "stale-incarnation-accepted",
                frame.incarnation == current,
                true
            )
        };
        if !belongs || !last.0.is_followed_by(frame.zxid) {
            return None;
        }
        let record = frame.record();
        let chained = mutant!("torn-record-accepted", record.continues(last.1), true);
        chained.then(|| Continuation {
            record,
            bytes: frame.bytes(),
            durable_upto: frame.durable_upto,
        })
    }

    /// The segment that was begun after `last`.
    fn following(&self, at: usize, last: End) -> Option<usize> {
        let begins = |file: &SegmentFile| match file.life(self.manifest) {
            Life::Alive(header) => header.previous == last,
            Life::Dead | Life::Unwritten => false,
        };
        (at + 1..self.files.len()).find(|at| begins(&self.files[*at]))
    }

    /// The segments between two, both included, as far as they continue each other.
    fn segments_between(&self, oldest: usize, at: usize, base: Zxid) -> Vec<Segment> {
        let mut live = Vec::new();
        let mut before = None;
        for file in self.files[oldest..=at].iter().rev() {
            let previous = match file.life(self.manifest) {
                Life::Alive(header) => header.previous.0,
                // Only the one that the base was searched in.
                Life::Dead | Life::Unwritten if before.is_none() => base,
                Life::Dead | Life::Unwritten => continue,
            };
            if before.is_none_or(|later| previous < later) {
                live.push(Segment {
                    named: file.named,
                    previous,
                    start: 0,
                    rest: Rest::Clean,
                });
                before = Some(previous);
            }
        }
        live.reverse();
        live
    }

    /// Whether the end at the cursor is damage; reports it, or a torn tail.
    fn classify(
        &mut self,
        cursor: Option<&mut Cursor>,
        last: End,
    ) -> Result<bool, RecoveryError<D::Error>> {
        let place = cursor.as_ref().map(|cursor| {
            let file = names::segment(self.files[cursor.at].named.generation);
            (file, cursor.offset())
        });
        let known = last.0 < self.manifest.durable_upto.max(self.manifest.cut.0);
        let missing = self.report_missing(cursor.as_deref());
        let mut rubble = self.rubble(cursor, last)?;
        // A base that was searched for may be a copy that a write left in the wrong place: what
        // followed it stands behind the damage.
        if let Some((at, offset)) = self.damage {
            let mut cursor = self.cursor(at, offset);
            rubble = rubble.max(self.rubble(Some(&mut cursor), last)?);
        }
        let claimed = mutant!("claims-ignored", rubble == Rubble::ClaimedDurable, false);
        let (file, offset) = place.unwrap_or((names::manifest(), 0));
        if known || missing || claimed {
            self.access.findings.push(Finding::Damage { file, offset });
            return Ok(true);
        }
        if rubble == Rubble::Torn {
            self.access
                .findings
                .push(Finding::TornTail { file, offset });
        }
        Ok(false)
    }

    /// Whether a segment that the manifest names is gone or short, or the last one that was
    /// written to is shorter than its header says.
    fn report_missing(&mut self, cursor: Option<&Cursor>) -> bool {
        let mut missing = Vec::new();
        for named in [self.manifest.current, self.manifest.next]
            .into_iter()
            .flatten()
        {
            let there = self.files.iter().any(|file| {
                file.named.generation == named.generation && file.named.bytes >= named.bytes
            });
            if !there {
                missing.push(named.generation);
            }
        }
        if let Some(file) = cursor.map(|cursor| self.files[cursor.at]) {
            let short = file
                .header
                .is_some_and(|header| file.named.bytes < header.bytes);
            if short && !missing.contains(&file.named.generation) {
                missing.push(file.named.generation);
            }
        }
        let findings = missing.iter().map(|generation| names::segment(*generation));
        self.access
            .findings
            .extend(findings.map(|file| Finding::Missing { file }));
        !missing.is_empty()
    }

    /// What is behind the end, in its segment and in later ones.
    fn rubble(
        &mut self,
        cursor: Option<&mut Cursor>,
        last: End,
    ) -> Result<Rubble, RecoveryError<D::Error>> {
        let mut worst = Rubble::None;
        let later = cursor.as_ref().map_or(0, |cursor| cursor.at + 1);
        if let Some(cursor) = cursor {
            worst = self.rubble_from(cursor, last)?;
        }
        for at in later..self.files.len() {
            match self.files[at].life(self.manifest) {
                Life::Dead => continue,
                Life::Alive(header) if header.previous.0 > last.0 => {
                    worst = Rubble::ClaimedDurable;
                }
                Life::Alive(_) | Life::Unwritten => {}
            }
            if worst != Rubble::ClaimedDurable {
                worst = worst.max(self.rubble_from(&mut self.begin(at), last)?);
            }
        }
        Ok(worst)
    }

    fn rubble_from(
        &mut self,
        cursor: &mut Cursor,
        last: End,
    ) -> Result<Rubble, RecoveryError<D::Error>> {
        let current = self.manifest.incarnation;
        cursor.look(self.access)?;
        let begun = Frame::was_begun(cursor.ahead(), current, last.0);
        let mut worst = if begun { Rubble::Torn } else { Rubble::None };
        let mut effort = SEARCH_BYTES_MAX;
        loop {
            cursor.look(self.access)?;
            let found = cursor.frame_within(&mut effort).map(|frame| {
                let counts = frame.incarnation >= current && frame.zxid > last.0;
                (frame.bytes(), counts, frame.durable_upto > last.0)
            });
            match found {
                Some((_, true, true)) => return Ok(Rubble::ClaimedDurable),
                Some((bytes, counts, _)) => {
                    worst = if counts { Rubble::Torn } else { worst };
                    cursor.advance(bytes);
                }
                None => {
                    if !cursor.skip() {
                        return Ok(worst);
                    }
                }
            }
        }
    }

    /// The first place of a segment where a frame may start.
    fn begin(&self, at: usize) -> Cursor {
        self.cursor(at, as_u64(HEADER_BYTES))
    }

    fn cursor(&self, at: usize, offset: u64) -> Cursor {
        let named = self.files[at].named;
        let file = names::segment(named.generation);
        let end = self.access.length(&file).unwrap_or(0).min(named.bytes);
        let seed = Seed::new(self.storage_id, named.generation);
        Cursor::new(at, file, seed, (offset, end))
    }
}

/// Bytes that are summed at most while frames are looked for among other bytes: some seconds.
const SEARCH_BYTES_MAX: u64 = 2 << 30;

/// What is found behind the end of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rubble {
    /// Nothing of this incarnation.
    None,
    /// Parts of writes that were never acknowledged.
    Torn,
    /// Something that was written when more than the end had been durable.
    ClaimedDurable,
}
