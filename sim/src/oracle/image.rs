//! What a disk holds for certain, read by the oracles' own reader: the durable bytes, as if the
//! power went now and nothing unsynced survived.
//!
//! It follows the formats that `wal` documents, and trusts nothing but the chain of hashes.

use crate::decide::Dice;
use crate::disk::SimDisk;
use crate::oracle::bytes::{Bytes, Malformed};
use crate::oracle::chains::chain_after;
use wal::{Directory, File};

const SLOT_BYTES: usize = 4096;
const SLOT_HEAD_BYTES: usize = 24;
/// Smallest unit that reaches the platter whole.
const SECTOR_BYTES: usize = 512;
const SEGMENT_HEADER_BYTES: usize = 64;
const FRAME_HEADER_BYTES: usize = 48;

/// A server's standing, as its promise has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DurableStanding {
    Fresh,
    Member,
    Damaged,
    Amnesiac,
}

/// A promise that is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DurablePromise {
    pub(crate) accepted: u32,
    pub(crate) standing: DurableStanding,
}

/// A zxid and the hash of everything up to it.
pub(crate) type Mark = (u64, u64);

/// How an image differs from what it was when it was last read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Change {
    /// Records that are neither there any more nor below the base.
    pub(crate) removed: Vec<Mark>,
    /// Records that were not there.
    pub(crate) added: Vec<Mark>,
    /// Whether the base is another one.
    pub(crate) is_rebased: bool,
}

/// What one disk holds for certain.
#[derive(Clone, Debug, Default)]
pub(crate) struct Image {
    version: Option<u64>,
    /// How often the disk had been harmed when it was read.
    upheavals: u64,
    pub(crate) storage_id: Option<u64>,
    pub(crate) promise: Option<DurablePromise>,
    manifest_bytes: Vec<u8>,
    manifest: Option<Manifest>,
    /// The newest snapshot, or the beginning.
    pub(crate) base: Mark,
    /// Every record after the base.
    pub(crate) records: Vec<Mark>,
    /// Where records stand in the segments.
    places: Vec<Place>,
    /// The last record that a later one says is durable.
    proven: u64,
    overclaims: Option<u64>,
    /// A record that was cut, and stands behind the end of a segment that the log has left.
    undead: Option<u64>,
    /// Whether both copies of the promise say the same.
    pub(crate) promise_is_whole: bool,
    tail: Option<Tail>,
}

/// Where a record stands.
#[derive(Clone, Copy, Debug)]
struct Place {
    zxid: u64,
    generation: u64,
    offset: usize,
    length: usize,
}

#[derive(Clone, Debug)]
struct Manifest {
    floor_generation: u64,
    incarnation: u32,
    cut: Mark,
    /// Zxid, length and checksum; oldest first.
    snapshots: Vec<(u64, u64, u64)>,
}

/// Where the log ends.
#[derive(Clone, Copy, Debug)]
struct Tail {
    generation: u64,
    offset: usize,
    last: Mark,
}

#[derive(Clone, Copy, Debug)]
struct SegmentHeader {
    incarnation: u32,
    previous: Mark,
}

impl Image {
    /// Reads what has changed on the disk since the last time; `None` when nothing may have.
    pub(crate) fn refresh(&mut self, disk: &SimDisk) -> Option<Change> {
        if self.version == Some(disk.durable_version()) {
            return None;
        }
        let (base, known) = (self.base, self.records.len());
        let before = self.read(disk);
        let is_rebased = base != self.base;
        let Some(before) = before else {
            return Some(Change {
                added: self.records[known..].to_vec(),
                is_rebased,
                ..Change::default()
            });
        };
        let missing_in = |there: &[Mark], base: Mark, mark: &&Mark| {
            mark.0 > base.0 && there.binary_search(mark).is_err()
        };
        let removed = before.iter();
        let added = self.records.iter();
        Some(Change {
            removed: removed
                .filter(|mark| missing_in(&self.records, self.base, mark))
                .copied()
                .collect(),
            added: added
                .filter(|mark| missing_in(&before, base, mark))
                .copied()
                .collect(),
            is_rebased,
        })
    }

    /// Reads the disk; gives the records that were known if it had to begin anew.
    fn read(&mut self, disk: &SimDisk) -> Option<Vec<Mark>> {
        let mut before = None;
        if self.is_of_another_past(disk) {
            before = Some(std::mem::take(&mut self.records));
            *self = Image::default();
        }
        self.version = Some(disk.durable_version());
        self.upheavals = disk.upheavals();
        let slots = |name, kind, storage_id| {
            let bytes = disk.durable_file(&log_file(name))?;
            newest_slot(bytes, kind, storage_id).ok()
        };
        let identity = slots("identity", b"VIVIDENT", 0);
        self.storage_id = identity.as_deref().and_then(|payload| {
            let mut bytes = Bytes(payload);
            bytes.long().ok()?;
            bytes.long().ok().map(i64::cast_unsigned)
        });
        let Some(storage_id) = self.storage_id else {
            let records = before.unwrap_or_else(|| std::mem::take(&mut self.records));
            *self = Image {
                version: self.version,
                upheavals: self.upheavals,
                ..Image::default()
            };
            return Some(records);
        };
        let promise = slots("promise", b"VIVPROMI", storage_id);
        self.promise = promise
            .as_deref()
            .and_then(|payload| promise_of(payload).ok());
        let copies = disk.durable_file(&log_file("promise")).unwrap_or_default();
        self.promise_is_whole = copies.get(..SLOT_BYTES) == copies.get(SLOT_BYTES..2 * SLOT_BYTES);
        let manifest = slots("manifest", b"VIVMANIF", storage_id).unwrap_or_default();
        if self.manifest_bytes != manifest || self.tail.is_none() {
            self.manifest = manifest_of(&manifest).ok();
            self.manifest_bytes = manifest;
            let records = std::mem::take(&mut self.records);
            before.get_or_insert(records);
            self.find_base(disk);
        }
        self.follow(disk);
        before
    }

    /// Whether this is what the disk holds now.
    pub(crate) fn is_of(&self, disk: &SimDisk) -> bool {
        self.version == Some(disk.durable_version())
    }

    /// Whether files of this disk were exchanged as no server does it.
    pub(crate) fn is_of_another_past(&self, disk: &SimDisk) -> bool {
        self.upheavals != disk.upheavals()
    }

    /// The last record.
    pub(crate) fn last(&self) -> u64 {
        self.records.last().map_or(self.base.0, |(zxid, _)| *zxid)
    }

    /// The last record with the hash of everything up to it.
    pub(crate) fn last_mark(&self) -> Mark {
        self.records.last().copied().unwrap_or(self.base)
    }

    /// Whether a record is in the log, or in the snapshot before it.
    pub(crate) fn has(&self, zxid: u64) -> bool {
        zxid <= self.base.0
            || self
                .records
                .binary_search_by_key(&zxid, |(at, _)| *at)
                .is_ok()
    }

    /// The record before this one of the log, or the base.
    pub(crate) fn before(&self, zxid: u64) -> u64 {
        let index = self.records.partition_point(|(at, _)| *at < zxid);
        if index == 0 {
            self.base.0
        } else {
            self.records[index - 1].0
        }
    }

    /// The last record of each epoch after the base.
    pub(crate) fn outline(&self) -> Vec<u64> {
        let mut outline: Vec<u64> = Vec::new();
        for (zxid, _) in &self.records {
            match outline.last_mut() {
                Some(last) if *last >> 32 == zxid >> 32 => *last = *zxid,
                Some(_) | None => outline.push(*zxid),
            }
        }
        outline
    }

    /// The last record that a later one says is durable.
    pub(crate) fn proven(&self) -> u64 {
        self.proven
    }

    /// The first record that says of itself that it is durable, or of one after it.
    pub(crate) fn overclaims(&self) -> Option<u64> {
        self.overclaims
    }

    /// A record that was cut and that nothing but its age keeps from coming back.
    pub(crate) fn undead(&self) -> Option<u64> {
        self.undead
    }

    /// A record behind the end of the log that looks as if it were of its present life.
    pub(crate) fn remains(&self, disk: &SimDisk) -> Option<u64> {
        let (tail, manifest) = (self.tail?, self.manifest.as_ref()?);
        let bytes = disk.durable_file(&segment(tail.generation))?;
        let seed = (self.storage_id?, tail.generation);
        let places = (tail.offset..bytes.len()).step_by(8);
        places
            .filter_map(|offset| sealed(&bytes[offset..], seed).ok())
            .find(|(_, incarnation, _)| *incarnation == manifest.incarnation)
            .map(|(zxid, ..)| zxid)
    }

    /// The last record of a segment that is of the log, and in no snapshot.
    pub(crate) fn needs(&self, file: &File) -> Option<u64> {
        let mut last = self.places.iter().rev();
        let last = last.find(|place| segment(place.generation) == *file)?.zxid;
        (last > self.base.0).then_some(last)
    }

    /// A place in a record whose loss would be noticed: a later one says that it is durable.
    pub(crate) fn place_of_proven_record(&self, dice: &mut Dice) -> Option<(File, usize)> {
        let count = self.proven_places();
        if count == 0 {
            return None;
        }
        let place = self.places[dice.index(count)];
        Some((
            segment(place.generation),
            place.offset + dice.index(place.length),
        ))
    }

    /// Whether a place is in a record whose loss would be noticed.
    pub(crate) fn is_in_proven_record(&self, file: &File, offset: usize) -> bool {
        let proven = self
            .places
            .iter()
            .take_while(|place| place.zxid <= self.proven);
        let mut here = proven.filter(|place| segment(place.generation) == *file);
        here.any(|place| (place.offset..place.offset + place.length).contains(&offset))
    }

    /// Places in sectors with records whose loss would be noticed, and with nothing of the record
    /// that notices.
    pub(crate) fn proven_sectors(&self) -> Vec<(File, usize)> {
        let count = self.proven_places();
        let Some(witness) = self.places.get(count) else {
            return Vec::new();
        };
        let first = witness.offset / SECTOR_BYTES;
        let is_safe = |place: &&Place| {
            let last = (place.offset + place.length - 1) / SECTOR_BYTES;
            place.generation != witness.generation || last < first
        };
        let places = self.places[..count].iter().filter(is_safe);
        places
            .map(|place| (segment(place.generation), place.offset))
            .collect()
    }

    /// The last segment before that of the record that would notice its loss.
    pub(crate) fn proven_segment(&self) -> Option<File> {
        let count = self.proven_places();
        let witness = self.places.get(count)?;
        let place = self.places[..count]
            .iter()
            .rfind(|place| place.generation != witness.generation)?;
        (place.zxid > self.base.0).then(|| segment(place.generation))
    }

    fn proven_places(&self) -> usize {
        self.places
            .partition_point(|place| place.zxid <= self.proven)
    }

    /// Whether the disk holds the history up to `mark`; `chain_at` is the true history.
    pub(crate) fn holds(&self, mark: Mark, chain_at: impl Fn(u64) -> Option<u64>) -> bool {
        if mark.0 <= self.base.0 {
            return chain_at(self.base.0) == Some(self.base.1);
        }
        self.records.binary_search(&mark).is_ok()
    }

    fn find_base(&mut self, disk: &SimDisk) {
        self.base = (0, 0);
        self.records.clear();
        self.places.clear();
        self.proven = 0;
        self.overclaims = None;
        self.undead = None;
        self.tail = None;
        let Some(manifest) = &self.manifest else {
            return;
        };
        for (zxid, length, checksum) in manifest.snapshots.iter().rev() {
            let name = format!("snapshot.{zxid:016x}-{checksum:016x}");
            let file = File {
                directory: Directory::Data,
                name,
            };
            let Some(bytes) = disk.durable_file(&file) else {
                continue;
            };
            let whole = u64::try_from(bytes.len()) == Ok(*length);
            if let (true, Ok(mark)) = (whole, snapshot_mark(bytes))
                && mark.0 == *zxid
            {
                self.base = mark;
                break;
            }
        }
        let mut start = None;
        for (generation, header) in self.segments(disk) {
            if header.previous.0 <= self.base.0 {
                start = Some(Tail {
                    generation,
                    offset: SEGMENT_HEADER_BYTES,
                    last: header.previous,
                });
            }
        }
        self.tail = start;
    }

    /// Follows the records from where the log ended before.
    fn follow(&mut self, disk: &SimDisk) {
        let (Some(mut tail), Some(manifest)) = (self.tail, self.manifest.clone()) else {
            return;
        };
        let mut bytes = disk
            .durable_file(&segment(tail.generation))
            .unwrap_or_default();
        loop {
            let rest = bytes.get(tail.offset..).unwrap_or_default();
            let seed = (self.storage_id.unwrap_or_default(), tail.generation);
            if let Ok((mark, durable_upto, length)) = frame(rest, tail.last, seed, &manifest) {
                let Tail {
                    generation, offset, ..
                } = tail;
                self.places.push(Place {
                    zxid: mark.0,
                    generation,
                    offset,
                    length,
                });
                self.proven = self.proven.max(durable_upto);
                if durable_upto >= mark.0 {
                    self.overclaims = self.overclaims.or(Some(mark.0));
                }
                tail.offset += length;
                tail.last = mark;
                if mark.0 > self.base.0 {
                    self.records.push(mark);
                } else if mark.0 == self.base.0 && mark.1 != self.base.1 {
                    // What leads to the base is not its history, so nothing follows it.
                    break;
                }
                continue;
            }
            let next = self
                .segments(disk)
                .into_iter()
                .find(|(number, header)| *number > tail.generation && header.previous == tail.last);
            let Some((generation, _)) = next else { break };
            let mut left = (0..rest.len()).step_by(8).map(|at| &rest[at..]);
            let undead = left.find_map(|left| sealed(left, seed).ok());
            self.undead = undead.map(|(zxid, ..)| zxid).or(self.undead);
            tail = Tail {
                generation,
                offset: SEGMENT_HEADER_BYTES,
                last: tail.last,
            };
            bytes = disk.durable_file(&segment(generation)).unwrap_or_default();
        }
        self.tail = Some(tail);
    }

    /// The segments that count, oldest first.
    fn segments(&self, disk: &SimDisk) -> Vec<(u64, SegmentHeader)> {
        let (Some(manifest), Some(storage_id)) = (&self.manifest, self.storage_id) else {
            return Vec::new();
        };
        let mut found = Vec::new();
        for (file, bytes) in disk.durable_files() {
            let number = file.name.strip_prefix("log.");
            let number = number.and_then(|hex| u64::from_str_radix(hex, 16).ok());
            let (Some(generation), Directory::Log) = (number, file.directory) else {
                continue;
            };
            let Ok(header) = segment_header(bytes, generation, storage_id) else {
                continue;
            };
            let dead = generation < manifest.floor_generation
                || (header.incarnation < manifest.incarnation
                    && header.previous.0 >= manifest.cut.0);
            if !dead {
                found.push((generation, header));
            }
        }
        found.sort_unstable_by_key(|(generation, _)| *generation);
        found
    }
}

fn log_file(name: &str) -> File {
    File {
        directory: Directory::Log,
        name: name.to_owned(),
    }
}

fn segment(generation: u64) -> File {
    log_file(&format!("log.{generation:016x}"))
}

pub(crate) fn newest_slot(
    bytes: &[u8],
    magic: &[u8; 8],
    storage_id: u64,
) -> Result<Vec<u8>, Malformed> {
    let copy = |block: Option<&[u8]>| -> Result<(u64, Vec<u8>), Malformed> {
        let block = block.ok_or(Malformed)?;
        let mut bytes = Bytes(block);
        if bytes.take(8)? != magic {
            return Err(Malformed);
        }
        bytes.int()?;
        let length = usize::try_from(bytes.int()?).map_err(|_| Malformed)?;
        let sequence = bytes.long()?.cast_unsigned();
        let payload = bytes.take(length)?.to_vec();
        let stated = bytes.int()?.cast_unsigned();
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&storage_id.to_be_bytes());
        hasher.update(&block[..SLOT_HEAD_BYTES + length]);
        if hasher.finalize() == stated {
            Ok((sequence, payload))
        } else {
            Err(Malformed)
        }
    };
    let first = copy(bytes.get(..SLOT_BYTES));
    let second = copy(bytes.get(SLOT_BYTES..2 * SLOT_BYTES));
    match (first, second) {
        (Ok(first), Ok(second)) if second.0 > first.0 => Ok(second.1),
        (Ok((_, payload)), _) | (Err(_), Ok((_, payload))) => Ok(payload),
        (Err(_), Err(_)) => Err(Malformed),
    }
}

fn promise_of(payload: &[u8]) -> Result<DurablePromise, Malformed> {
    let mut bytes = Bytes(payload);
    let accepted = bytes.int()?.cast_unsigned();
    let standing = match bytes.byte()? {
        1 => DurableStanding::Fresh,
        2 => DurableStanding::Member,
        3 => DurableStanding::Damaged,
        4 => DurableStanding::Amnesiac,
        _ => return Err(Malformed),
    };
    Ok(DurablePromise { accepted, standing })
}

fn manifest_of(payload: &[u8]) -> Result<Manifest, Malformed> {
    let mut bytes = Bytes(payload);
    let long = |bytes: &mut Bytes<'_>| bytes.long().map(i64::cast_unsigned);
    let floor_generation = long(&mut bytes)?;
    long(&mut bytes)?;
    let incarnation = bytes.int()?.cast_unsigned();
    let cut = (long(&mut bytes)?, long(&mut bytes)?);
    for _ in 0..5 {
        long(&mut bytes)?;
    }
    let snapshots = bytes.list(|bytes| Ok((long(bytes)?, long(bytes)?, long(bytes)?)))?;
    Ok(Manifest {
        floor_generation,
        incarnation,
        cut,
        snapshots,
    })
}

fn segment_header(
    bytes: &[u8],
    generation: u64,
    storage_id: u64,
) -> Result<SegmentHeader, Malformed> {
    let block = bytes.get(..SEGMENT_HEADER_BYTES).ok_or(Malformed)?;
    let (head, stated) = block.split_at(SEGMENT_HEADER_BYTES - 4);
    if crc32fast::hash(head).to_be_bytes() != *stated {
        return Err(Malformed);
    }
    let mut bytes = Bytes(block);
    bytes.take(12)?;
    let incarnation = bytes.int()?.cast_unsigned();
    let own = bytes.long()?.cast_unsigned() == generation;
    let previous = (bytes.long()?.cast_unsigned(), bytes.long()?.cast_unsigned());
    bytes.long()?;
    if own && bytes.long()?.cast_unsigned() == storage_id {
        Ok(SegmentHeader {
            incarnation,
            previous,
        })
    } else {
        Err(Malformed)
    }
}

/// The record that `bytes` start with, if it continues `last`; what it says is durable, and its
/// length.
fn frame(
    bytes: &[u8],
    last: Mark,
    seed: (u64, u64),
    manifest: &Manifest,
) -> Result<(Mark, u64, usize), Malformed> {
    let (_, incarnation, padded) = sealed(bytes, seed)?;
    let mut rest = Bytes(bytes);
    rest.int()?;
    let length = usize::try_from(rest.int()?).map_err(|_| Malformed)?;
    rest.int()?;
    let kind = u64::from(rest.byte()?);
    rest.take(3)?;
    let zxid = rest.long()?.cast_unsigned();
    let committed = rest.long()?.cast_unsigned();
    let durable_upto = rest.long()?.cast_unsigned();
    let chain = rest.long()?.cast_unsigned();
    let body = rest.take(length)?;
    let belongs = if last.0 < manifest.cut.0 {
        incarnation <= manifest.incarnation
    } else {
        incarnation == manifest.incarnation
    };
    if !belongs {
        return Err(Malformed);
    }
    if chain_after(last.1, (zxid, committed), kind - 1, body) != chain {
        return Err(Malformed);
    }
    Ok(((zxid, chain), durable_upto, padded))
}

/// A record whose checksum is right, whatever it continues: its zxid, its incarnation, and its
/// length.
pub(crate) fn sealed(
    bytes: &[u8],
    (storage_id, generation): (u64, u64),
) -> Result<(u64, u32, usize), Malformed> {
    let mut rest = Bytes(bytes);
    let checksum = rest.int()?.cast_unsigned();
    let length = usize::try_from(rest.int()?).map_err(|_| Malformed)?;
    let incarnation = rest.int()?.cast_unsigned();
    if !(1..=3).contains(&rest.byte()?) || rest.take(3)? != [0; 3] {
        return Err(Malformed);
    }
    let zxid = rest.long()?.cast_unsigned();
    let padded = (FRAME_HEADER_BYTES + length).next_multiple_of(8);
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&storage_id.to_be_bytes());
    hasher.update(&generation.to_be_bytes());
    hasher.update(bytes.get(4..padded).ok_or(Malformed)?);
    if hasher.finalize() == checksum {
        Ok((zxid, incarnation, padded))
    } else {
        Err(Malformed)
    }
}

fn snapshot_mark(bytes: &[u8]) -> Result<Mark, Malformed> {
    let mut rest = Bytes(bytes);
    rest.take(12)?;
    let length = usize::try_from(rest.int()?).map_err(|_| Malformed)?;
    let mark = (rest.long()?.cast_unsigned(), rest.long()?.cast_unsigned());
    let head = bytes.get(..16 + length).ok_or(Malformed)?;
    let stated = bytes.get(16 + length..20 + length).ok_or(Malformed)?;
    if crc32fast::hash(head).to_be_bytes() == *stated {
        Ok(mark)
    } else {
        Err(Malformed)
    }
}
