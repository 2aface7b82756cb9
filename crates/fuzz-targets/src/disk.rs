//! A disk in memory that never fails.

use std::collections::BTreeMap;
use std::convert::Infallible;
use wal::{Disk, DiskOp, File};

/// The files and what they hold.
pub(crate) type Files = BTreeMap<File, Vec<u8>>;

#[derive(Debug, Default)]
pub(crate) struct Memory {
    pub(crate) files: Files,
}

/// Damaged bytes must never make a log ask for more than this.
const FILE_BYTES_MAX: u64 = 1 << 20;

impl Disk for Memory {
    type Error = Infallible;

    fn list(&mut self) -> Result<Vec<(File, u64)>, Infallible> {
        let length = |bytes: &Vec<u8>| u64::try_from(bytes.len()).expect("it is in memory");
        Ok(self
            .files
            .iter()
            .map(|(file, bytes)| (file.clone(), length(bytes)))
            .collect())
    }

    fn run(&mut self, op: &DiskOp) -> Result<Vec<u8>, Infallible> {
        match op {
            DiskOp::Allocate { file, bytes } => {
                assert!(
                    *bytes <= FILE_BYTES_MAX,
                    "{file:?} is to have {bytes} bytes"
                );
                self.files.insert(file.clone(), vec![0; place(*bytes)]);
            }
            DiskOp::Write {
                file,
                offset,
                bytes,
            } => {
                assert!(*offset <= FILE_BYTES_MAX, "{file:?} is written at {offset}");
                let held = self.files.entry(file.clone()).or_default();
                let start = place(*offset);
                if held.len() < start + bytes.len() {
                    held.resize(start + bytes.len(), 0);
                }
                held[start..start + bytes.len()].copy_from_slice(bytes);
            }
            DiskOp::Truncate { file, bytes } => {
                let held = self.files.get_mut(file).expect("what ends is there");
                held.truncate(place(*bytes));
            }
            DiskOp::Recycle { from, .. } if !self.files.contains_key(from) => {}
            DiskOp::Rename { from, to } | DiskOp::Recycle { from, to } => {
                let bytes = self.files.remove(from).expect("what is renamed is there");
                self.files.insert(to.clone(), bytes);
            }
            DiskOp::Remove { file } => {
                self.files.remove(file);
            }
            DiskOp::Sync { .. } | DiskOp::SyncDirectory { .. } => {}
            DiskOp::Read {
                file,
                offset,
                bytes_max,
            } => {
                let Some(held) = self.files.get(file) else {
                    return Ok(Vec::new());
                };
                let start = place((*offset).min(FILE_BYTES_MAX)).min(held.len());
                let end = start
                    .saturating_add(place(u64::from(*bytes_max)))
                    .min(held.len());
                return Ok(held[start..end].to_vec());
            }
        }
        Ok(Vec::new())
    }
}

fn place(offset: u64) -> usize {
    usize::try_from(offset).expect("a bounded offset fits")
}
