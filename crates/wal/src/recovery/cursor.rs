//! A place in a segment, of which no more is in memory than the frame there and some that follow.

use super::RecoveryError;
use super::access::Access;
use crate::format::as_u64;
use crate::format::frame::{FRAME_ALIGNMENT, FRAME_HEADER_BYTES, Frame, Seed};
use crate::{Disk, File};
use alloc::vec::Vec;

pub(super) struct Cursor {
    /// Which of the segments.
    pub(super) at: usize,
    file: File,
    seed: Seed,
    /// What was read of the file, from `start` on.
    bytes: Vec<u8>,
    start: u64,
    /// Where the file ends.
    end: u64,
    /// The place, counted from `start`.
    place: usize,
}

impl Cursor {
    /// A place in a file that has `end` bytes. Nothing is read yet.
    pub(super) fn new(at: usize, file: File, seed: Seed, (offset, end): (u64, u64)) -> Self {
        Cursor {
            at,
            file,
            seed,
            bytes: Vec::new(),
            start: offset,
            end,
            place: 0,
        }
    }

    /// The place in the file.
    pub(super) fn offset(&self) -> u64 {
        self.start + as_u64(self.place)
    }

    /// The bytes at the place that are in memory.
    pub(super) fn ahead(&self) -> &[u8] {
        self.bytes.get(self.place..).unwrap_or(&[])
    }

    /// Reads on until the frame that the place may have is in memory, or at least its header, as
    /// far as the file has them.
    pub(super) fn look<D: Disk>(
        &mut self,
        access: &mut Access<'_, D>,
    ) -> Result<(), RecoveryError<D::Error>> {
        loop {
            let there = self.end.saturating_sub(self.offset());
            let header = as_u64(FRAME_HEADER_BYTES).min(there);
            let stated = Frame::stated_bytes(self.ahead()).filter(|stated| *stated <= there);
            if as_u64(self.ahead().len()) >= stated.unwrap_or(0).max(header) {
                return Ok(());
            }
            let behind = self.place.min(self.bytes.len());
            self.bytes.drain(..behind);
            self.place -= behind;
            self.start += as_u64(behind);
            let more_at = self.start + as_u64(self.bytes.len());
            let more = access.read_piece(&self.file, (more_at, self.end))?;
            if more.is_empty() {
                self.end = more_at;
            }
            self.bytes.extend_from_slice(&more);
        }
    }

    /// The frame at the place, where one is.
    pub(super) fn frame(&self) -> Option<Frame<'_>> {
        Frame::read(self.ahead(), &self.seed)
    }

    /// The same, where `effort` is how many bytes may still be summed.
    pub(super) fn frame_within(&self, effort: &mut u64) -> Option<Frame<'_>> {
        Frame::read_within(self.ahead(), &self.seed, effort)
    }

    /// Goes behind a frame.
    pub(super) fn advance(&mut self, bytes: u64) {
        self.place += usize::try_from(bytes).expect("a frame is in memory");
    }

    /// Goes on to the next place where a frame may start; false at the end.
    pub(super) fn skip(&mut self) -> bool {
        let next = (self.offset() + 1).next_multiple_of(as_u64(FRAME_ALIGNMENT));
        self.advance(next - self.offset());
        // Most of what is searched was never written to: where a frame has its kind, zeros are.
        let kinds = self.ahead().get(8..).unwrap_or(&[]);
        let places = kinds.chunks_exact(FRAME_ALIGNMENT);
        let empty = places.take_while(|kind| **kind == [0; 8]).count();
        self.place += empty * FRAME_ALIGNMENT;
        self.offset() < self.end
    }
}
