//! Recordings as files: one directory per run of a server, in it parts of some size, in them
//! frames with checksums.

use crate::entry::{Ending, Entry};
use crate::recorder::{Pending, Recorder};
use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

/// Where to record, and how much.
#[derive(Clone, Debug)]
pub struct RecordTo {
    /// The directory for the runs; made when there is none.
    pub directory: PathBuf,
    /// Bytes of one run after which it is recorded no further.
    pub bytes_max: u64,
}

/// Starts a thread that writes, and returns the recorder whose entries it writes.
///
/// # Errors
/// When the directory cannot be used.
pub fn record(to: &RecordTo) -> io::Result<Recorder> {
    let mut make = DirBuilder::new();
    make.recursive(true).mode(0o700).create(&to.directory)?;
    let run = to.directory.join(next_name(&to.directory)?);
    DirBuilder::new().mode(0o700).create(&run)?;
    let mut writer = Writer {
        part: open_part(&run, 1)?,
        run,
        parts: 1,
        part_bytes: 0,
        bytes: 0,
        bytes_max: to.bytes_max,
        frames: 0,
    };
    let (recorder, pending) = Recorder::new();
    thread::Builder::new()
        .name("recorder".to_owned())
        .spawn(move || {
            let why = writer.write(&pending);
            pending.close(why);
        })?;
    Ok(recorder)
}

/// The directories of all runs below `directory`, or `directory` itself if it is one; in order.
///
/// # Errors
/// When it cannot be read.
pub fn runs(directory: &Path) -> io::Result<Vec<PathBuf>> {
    if directory.join(part_name(1)).exists() {
        return Ok(vec![directory.to_path_buf()]);
    }
    let mut runs = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.join(part_name(1)).exists() {
            runs.push(path);
        }
    }
    runs.sort();
    Ok(runs)
}

pub(crate) fn part_name(number: u32) -> String {
    format!("part-{number:06}")
}

fn next_name(directory: &Path) -> io::Result<String> {
    let mut last = 0;
    for entry in fs::read_dir(directory)? {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix("run-"));
        last = last.max(number.and_then(|text| text.parse().ok()).unwrap_or(0));
    }
    Ok(format!("run-{:06}", last + 1))
}

fn open_part(run: &Path, number: u32) -> io::Result<File> {
    let mut options = File::options();
    options.write(true).create_new(true).mode(0o600);
    options.open(run.join(part_name(number)))
}

struct Writer {
    run: PathBuf,
    part: File,
    parts: u32,
    part_bytes: u64,
    bytes: u64,
    bytes_max: u64,
    frames: u64,
}

impl Writer {
    /// Writes until there is nothing more to write; why that was too early, if it was.
    fn write(&mut self, pending: &Arc<Pending>) -> Option<String> {
        loop {
            let (bytes, goes_on) = pending.take();
            if !bytes.is_empty() {
                if self.bytes + bytes.len() as u64 > self.bytes_max {
                    let end = postcard::to_allocvec(&Entry::End(Ending::Full))
                        .expect("a vector takes every entry");
                    let full = format!(
                        "{} bytes are recorded, and more than {} are not allowed",
                        self.bytes, self.bytes_max
                    );
                    return Some(
                        self.frame(&end)
                            .map_or_else(|error| self.sentence(&error), |()| full),
                    );
                }
                if let Err(error) = self.frame(&bytes) {
                    return Some(self.sentence(&error));
                }
            }
            if !goes_on {
                return None;
            }
        }
    }

    fn sentence(&self, error: &io::Error) -> String {
        format!("{} cannot be written ({error})", self.run.display())
    }

    fn frame(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.part_bytes >= PART_BYTES {
            self.part = open_part(&self.run, self.parts + 1)?;
            self.parts += 1;
            self.part_bytes = 0;
        }
        let head = Head {
            number: self.frames,
            bytes: bytes.len() as u64,
            checksum: crc32fast::hash(bytes),
        };
        self.part.write_all(&head.encode())?;
        self.part.write_all(bytes)?;
        self.frames += 1;
        let written = (HEAD_BYTES + bytes.len()) as u64;
        self.part_bytes += written;
        self.bytes += written;
        Ok(())
    }
}

/// What stands before the bytes of a frame, in big-endian numbers: a mark, the number of the frame
/// in its run, its length, the checksum of its bytes, and the checksum of this.
pub(crate) struct Head {
    pub(crate) number: u64,
    pub(crate) bytes: u64,
    pub(crate) checksum: u32,
}

impl Head {
    pub(crate) fn encode(&self) -> [u8; HEAD_BYTES] {
        let mut head = [0; HEAD_BYTES];
        head[..4].copy_from_slice(&MARK);
        head[4..12].copy_from_slice(&self.number.to_be_bytes());
        head[12..20].copy_from_slice(&self.bytes.to_be_bytes());
        head[20..24].copy_from_slice(&self.checksum.to_be_bytes());
        let own = crc32fast::hash(&head[..24]);
        head[24..].copy_from_slice(&own.to_be_bytes());
        head
    }

    /// `None` when it is damaged.
    pub(crate) fn decode(head: &[u8; HEAD_BYTES]) -> Option<Head> {
        let (rest, own) = head.split_last_chunk::<4>()?;
        let (mark, rest) = rest.split_first_chunk::<4>()?;
        let (number, rest) = rest.split_first_chunk::<8>()?;
        let (bytes, checksum) = rest.split_first_chunk::<8>()?;
        let whole = *mark == MARK && crc32fast::hash(&head[..24]) == u32::from_be_bytes(*own);
        whole.then_some(Head {
            number: u64::from_be_bytes(*number),
            bytes: u64::from_be_bytes(*bytes),
            checksum: u32::from_be_bytes(*checksum.first_chunk::<4>()?),
        })
    }
}

pub(crate) const HEAD_BYTES: usize = 28;
const MARK: [u8; 4] = *b"VREC";
/// Length after which a part is followed by the next.
const PART_BYTES: u64 = 64 << 20;
