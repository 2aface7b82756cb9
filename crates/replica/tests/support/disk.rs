//! A disk in memory.

use std::collections::BTreeMap;
use std::convert::Infallible;
use wal::{Disk, DiskOp, File};

/// Files that keep whatever is written to them.
#[derive(Default)]
pub(crate) struct MemoryDisk {
    files: BTreeMap<File, Vec<u8>>,
}

impl MemoryDisk {
    /// Inverts one byte of the first log segment.
    pub(crate) fn rot_the_log(&mut self, offset: usize) {
        let (_, content) = self
            .files
            .iter_mut()
            .find(|(file, _)| file.name.starts_with("log."))
            .expect("there is a log");
        content[offset] = !content[offset];
    }
}

impl Disk for MemoryDisk {
    type Error = Infallible;

    fn list(&mut self) -> Result<Vec<(File, u64)>, Infallible> {
        Ok(self
            .files
            .iter()
            .map(|(file, bytes)| (file.clone(), bytes.len() as u64))
            .collect())
    }

    fn run(&mut self, op: &DiskOp) -> Result<Vec<u8>, Infallible> {
        match op {
            DiskOp::Allocate { file, bytes } => {
                self.files.insert(
                    file.clone(),
                    vec![0; usize::try_from(*bytes).expect("it fits")],
                );
            }
            DiskOp::Write {
                file,
                offset,
                bytes,
            } => {
                let offset = usize::try_from(*offset).expect("it fits");
                let content = self.files.entry(file.clone()).or_default();
                content.resize(content.len().max(offset + bytes.len()), 0);
                content[offset..offset + bytes.len()].copy_from_slice(bytes);
            }
            DiskOp::Sync { .. } | DiskOp::SyncDirectory { .. } => {}
            DiskOp::Truncate { file, bytes } => {
                let length = usize::try_from(*bytes).expect("it fits");
                let content = self.files.get_mut(file).expect("what ends is there");
                content.truncate(length);
            }
            DiskOp::Rename { from, to } | DiskOp::Recycle { from, to } => {
                if let Some(content) = self.files.remove(from) {
                    self.files.insert(to.clone(), content);
                }
            }
            DiskOp::Remove { file } => {
                self.files.remove(file);
            }
            DiskOp::Read {
                file,
                offset,
                bytes_max,
            } => {
                let content = self.files.get(file).cloned().unwrap_or_default();
                let start = usize::try_from(*offset)
                    .expect("it fits")
                    .min(content.len());
                let end =
                    (start + usize::try_from(*bytes_max).expect("it fits")).min(content.len());
                return Ok(content[start..end].to_vec());
            }
        }
        Ok(Vec::new())
    }
}
