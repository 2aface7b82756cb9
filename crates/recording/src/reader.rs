//! Reads a recording from its files.

use crate::entry::Entry;
use crate::files::{HEAD_BYTES, Head, part_name};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Why a recording cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A file of it cannot be read.
    #[error("{path} cannot be read ({source}): check the path, and who may read it", path = .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Its bytes are not those that were written.
    #[error("{path} is damaged at byte {offset}: {what}; take another copy of it", path = .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where the frame begins.
        offset: u64,
        /// What is wrong.
        what: Damage,
    },
}

/// What is wrong with a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// Its head.
    #[error("what says how long a frame is has a wrong checksum")]
    Head,
    /// It is not the one that should be here.
    #[error("a frame is missing or stands in a wrong place")]
    Order,
    /// It ends too early, and yet a file follows.
    #[error("a frame is cut off")]
    Cut,
    /// Its bytes.
    #[error("a frame has a wrong checksum")]
    Checksum,
    /// Its entries, which another version may have written.
    #[error("an entry means nothing to this version")]
    Entry,
}

/// The entries of a run, one after the other.
pub(crate) struct Entries {
    run: PathBuf,
    part: u32,
    file: Option<File>,
    length: u64,
    offset: u64,
    frame_offset: u64,
    frames: u64,
    bytes: Vec<u8>,
    at: usize,
}

impl Entries {
    pub(crate) fn open(run: &Path) -> Result<Entries, ReadError> {
        let mut entries = Entries {
            run: run.to_path_buf(),
            part: 0,
            file: None,
            length: 0,
            offset: 0,
            frame_offset: 0,
            frames: 0,
            bytes: Vec::new(),
            at: 0,
        };
        entries
            .open_part(1)
            .map_err(|error| entries.unreadable(error))?;
        Ok(entries)
    }

    /// The next entry; `None` when nothing follows.
    pub(crate) fn next(&mut self) -> Result<Option<Entry<'_>>, ReadError> {
        if self.at == self.bytes.len() && !self.read_frame()? {
            return Ok(None);
        }
        let damaged = ReadError::Damaged {
            path: self.path(),
            offset: self.frame_offset,
            what: Damage::Entry,
        };
        let rest = &self.bytes[self.at..];
        let (entry, after) = postcard::take_from_bytes(rest).map_err(|_| damaged)?;
        self.at = self.bytes.len() - after.len();
        Ok(Some(entry))
    }

    /// Reads the next frame; false when there is none, or the last of all is not whole.
    fn read_frame(&mut self) -> Result<bool, ReadError> {
        while self.offset == self.length {
            let next = self.part + 1;
            match self.open_part(next) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
                Err(error) => return Err(self.unreadable(error)),
            }
        }
        self.frame_offset = self.offset;
        let Some(head) = self.take::<HEAD_BYTES>()? else {
            return self.ends_torn();
        };
        let head = Head::decode(&head).ok_or_else(|| self.damaged(Damage::Head))?;
        if head.number != self.frames {
            return Err(self.damaged(Damage::Order));
        }
        if head.bytes > self.length - self.offset {
            return self.ends_torn();
        }
        let length = usize::try_from(head.bytes).map_err(|_| self.damaged(Damage::Head))?;
        self.bytes.clear();
        self.bytes.resize(length, 0);
        self.at = 0;
        let Some(file) = &mut self.file else {
            return Ok(false);
        };
        let read = file.read_exact(&mut self.bytes);
        read.map_err(|error| self.unreadable(error))?;
        self.offset += head.bytes;
        if crc32fast::hash(&self.bytes) != head.checksum {
            return Err(self.damaged(Damage::Checksum));
        }
        self.frames += 1;
        Ok(true)
    }

    /// A frame that is not whole was being written when the process was killed, or else it is
    /// damage.
    fn ends_torn(&mut self) -> Result<bool, ReadError> {
        if self.run.join(part_name(self.part + 1)).exists() {
            return Err(self.damaged(Damage::Cut));
        }
        self.offset = self.length;
        self.at = self.bytes.len();
        Ok(false)
    }

    fn take<const N: usize>(&mut self) -> Result<Option<[u8; N]>, ReadError> {
        let mut bytes = [0; N];
        if self.length - self.offset < N as u64 {
            return Ok(None);
        }
        let Some(file) = &mut self.file else {
            return Ok(None);
        };
        let read = file.read_exact(&mut bytes);
        read.map_err(|error| self.unreadable(error))?;
        self.offset += N as u64;
        Ok(Some(bytes))
    }

    fn open_part(&mut self, number: u32) -> io::Result<()> {
        let path = self.run.join(part_name(number));
        let file = File::open(path)?;
        self.length = file.metadata()?.len();
        self.offset = 0;
        self.file = Some(file);
        self.part = number;
        Ok(())
    }

    fn path(&self) -> PathBuf {
        self.run.join(part_name(self.part.max(1)))
    }

    fn unreadable(&self, source: io::Error) -> ReadError {
        let path = self.path();
        ReadError::Unreadable { path, source }
    }

    fn damaged(&self, what: Damage) -> ReadError {
        ReadError::Damaged {
            path: self.path(),
            offset: self.frame_offset,
            what,
        }
    }
}
