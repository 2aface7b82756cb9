//! A disk made of files in two directories.

use crate::data_directory::DataDirectories;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use wal::{Directory, Disk, DiskOp, File};

/// Runs [`DiskOp`]s on the files of one server. Clones share the open files, so that each lane may
/// have one of its own.
#[derive(Clone, Debug)]
pub struct FileDisk {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    directories: DataDirectories,
    open: Mutex<BTreeMap<File, Arc<fs::File>>>,
    stopping: AtomicBool,
}

/// A file operation that failed: what, on which file, and why.
#[derive(Debug, thiserror::Error)]
#[error("could not {action} {}: {source}; {}", path.display(), advice(source))]
pub struct DiskError {
    /// What was tried, as the verb of a sentence.
    pub action: &'static str,
    /// The file or directory.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

impl DiskError {
    /// Whether it is over once there is space again.
    pub fn is_lack_of_space(&self) -> bool {
        matches!(
            self.source.kind(),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
        )
    }
}

impl FileDisk {
    /// The disk in these directories.
    pub fn new(directories: DataDirectories) -> FileDisk {
        let shared = Shared {
            directories,
            open: Mutex::default(),
            stopping: AtomicBool::new(false),
        };
        FileDisk {
            shared: Arc::new(shared),
        }
    }

    /// Makes long operations on any clone fail soon, because nothing waits for them any more.
    pub fn stop(&self) {
        self.shared.stopping.store(true, Ordering::Relaxed);
    }

    /// Whether [`FileDisk::stop`] was called on any clone.
    pub fn is_stopping(&self) -> bool {
        self.shared.stopping.load(Ordering::Relaxed)
    }

    /// Where a file is.
    pub fn path(&self, file: &File) -> PathBuf {
        self.directory(file.directory).join(&file.name)
    }

    fn directory(&self, directory: Directory) -> &Path {
        match directory {
            Directory::Log => self.shared.directories.log(),
            Directory::Data => self.shared.directories.data(),
        }
    }

    fn fail(&self, action: &'static str, file: &File) -> impl FnOnce(io::Error) -> DiskError {
        let path = self.path(file);
        move |source| DiskError {
            action,
            path,
            source,
        }
    }

    /// The open file; `None` when there is none and none is to be made.
    fn handle(&self, file: &File, create: Create) -> io::Result<Option<Arc<fs::File>>> {
        if let Some(handle) = self.open_files().get(file) {
            return Ok(Some(Arc::clone(handle)));
        }
        let mut options = fs::File::options();
        options.read(true).write(true).create(create == Create::Yes);
        match options.open(self.path(file)) {
            Ok(handle) => Ok(Some(self.keep(file, handle))),
            Err(error) if error.kind() == io::ErrorKind::NotFound && create == Create::No => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn keep(&self, file: &File, handle: fs::File) -> Arc<fs::File> {
        let handle = Arc::new(handle);
        let mut open = self.open_files();
        if open.len() >= OPEN_FILES_MAX {
            open.clear();
        }
        open.insert(file.clone(), Arc::clone(&handle));
        handle
    }

    fn forget(&self, file: &File) {
        self.open_files().remove(file);
    }

    fn open_files(&self) -> std::sync::MutexGuard<'_, BTreeMap<File, Arc<fs::File>>> {
        // The map is whole between any two statements that touch it.
        self.shared
            .open
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes zeros, so that later syncs find every block already in place.
    fn allocate(&self, file: &File, bytes: u64) -> io::Result<()> {
        self.forget(file);
        let mut options = fs::File::options();
        let handle = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(self.path(file))?;
        let zeros = vec![0; ZEROS_BYTES];
        let mut written = 0;
        while written < bytes {
            if self.is_stopping() {
                return Err(io::Error::new(
                    io::ErrorKind::Interrupted,
                    "the server is stopping",
                ));
            }
            let rest = usize::try_from(bytes - written).unwrap_or(ZEROS_BYTES);
            let chunk = &zeros[..rest.min(ZEROS_BYTES)];
            handle.write_all_at(chunk, written)?;
            written += chunk.len() as u64;
            // In small steps, so that a sync of the log beside this one never waits for them all.
            handle.sync_data()?;
        }
        handle.sync_all()?;
        self.keep(file, handle);
        sync_directory(self.directory(file.directory))
    }

    fn write(&self, file: &File, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let handle = self
            .handle(file, Create::Yes)?
            .expect("a file that may be made is there");
        handle.write_all_at(bytes, offset)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        let handle = self
            .handle(file, Create::No)?
            .ok_or(io::ErrorKind::NotFound)?;
        handle.sync_data()
    }

    fn truncate(&self, file: &File, bytes: u64) -> io::Result<()> {
        let handle = self
            .handle(file, Create::No)?
            .ok_or(io::ErrorKind::NotFound)?;
        let mut length = handle.metadata()?.len();
        while length > bytes {
            // In steps, because a sync of the log waits until a file system has freed what goes.
            length = length.saturating_sub(FREED_BYTES).max(bytes);
            handle.set_len(length)?;
        }
        handle.sync_data()
    }

    fn rename(&self, from: &File, to: &File) -> io::Result<()> {
        self.forget(to);
        self.forget(from);
        fs::rename(self.path(from), self.path(to))
    }

    fn recycle(&self, from: &File, to: &File) -> io::Result<()> {
        match fs::metadata(self.path(from)) {
            // Somebody's backup has another name for it.
            Ok(metadata) if metadata.nlink() > 1 => self.remove(from),
            Ok(_) => self.rename(from, to),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn remove(&self, file: &File) -> io::Result<()> {
        self.forget(file);
        match fs::remove_file(self.path(file)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }

    fn read(&self, file: &File, offset: u64, bytes_max: u32) -> io::Result<Vec<u8>> {
        let Some(handle) = self.handle(file, Create::No)? else {
            return Ok(Vec::new());
        };
        let rest = handle.metadata()?.len().saturating_sub(offset);
        let length = u64::from(bytes_max).min(rest);
        let mut bytes = vec![0; usize::try_from(length).expect("it fits as a u32 does")];
        let mut filled = 0;
        while filled < bytes.len() {
            match handle.read_at(&mut bytes[filled..], offset + filled as u64) {
                Ok(0) => break,
                Ok(more) => filled += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        bytes.truncate(filled);
        Ok(bytes)
    }

    fn list_directory(&self, directory: Directory) -> io::Result<Vec<(File, u64)>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(self.directory(directory))? {
            let entry = entry?;
            let metadata = entry.metadata()?;
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            if metadata.is_file() && name != "lock" {
                files.push((File { directory, name }, metadata.len()));
            }
        }
        Ok(files)
    }
}

impl Disk for FileDisk {
    type Error = DiskError;

    fn list(&mut self) -> Result<Vec<(File, u64)>, DiskError> {
        let mut files = Vec::new();
        for directory in [Directory::Log, Directory::Data] {
            let path = self.directory(directory).to_path_buf();
            let listed = self.list_directory(directory).map_err(|source| DiskError {
                action: "list the directory",
                path,
                source,
            })?;
            files.extend(listed);
        }
        files.sort_by(|(a, _), (b, _)| a.name.cmp(&b.name).then(a.cmp(b)));
        Ok(files)
    }

    fn run(&mut self, op: &DiskOp) -> Result<Vec<u8>, DiskError> {
        match op {
            DiskOp::Allocate { file, bytes } => {
                self.allocate(file, *bytes)
                    .map_err(self.fail("allocate", file))?;
            }
            DiskOp::Write {
                file,
                offset,
                bytes,
            } => {
                self.write(file, *offset, bytes)
                    .map_err(self.fail("write to", file))?;
            }
            DiskOp::Sync { file } => self.sync(file).map_err(self.fail("sync", file))?,
            DiskOp::Truncate { file, bytes } => {
                self.truncate(file, *bytes)
                    .map_err(self.fail("truncate", file))?;
            }
            DiskOp::Recycle { from, to } => {
                self.recycle(from, to).map_err(self.fail("rename", from))?;
            }
            DiskOp::Rename { from, to } => {
                self.rename(from, to).map_err(self.fail("rename", from))?;
            }
            DiskOp::Remove { file } => self.remove(file).map_err(self.fail("remove", file))?,
            DiskOp::SyncDirectory { directory } => {
                let path = self.directory(*directory);
                sync_directory(path).map_err(|source| {
                    let path = path.to_path_buf();
                    DiskError {
                        action: "sync the directory",
                        path,
                        source,
                    }
                })?;
            }
            DiskOp::Read {
                file,
                offset,
                bytes_max,
            } => {
                return self
                    .read(file, *offset, *bytes_max)
                    .map_err(self.fail("read", file));
            }
        }
        Ok(Vec::new())
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Create {
    Yes,
    No,
}

fn sync_directory(path: &Path) -> io::Result<()> {
    fs::File::open(path)?.sync_all()
}

/// What an operator can do about a failure.
fn advice(error: &io::Error) -> &'static str {
    let known = ADVICE.iter().find(|(kind, _)| *kind == error.kind());
    known.map_or(ADVICE_OTHERWISE, |(_, advice)| advice)
}

const ADVICE: [(io::ErrorKind, &str); 6] = [
    (
        io::ErrorKind::StorageFull,
        "the disk is full: free some space, then start the server again",
    ),
    (
        io::ErrorKind::QuotaExceeded,
        "the disk quota of this user is used up: raise it, then start the server again",
    ),
    (
        io::ErrorKind::FileTooLarge,
        "the limit on file sizes is too low: raise it, then start the server again",
    ),
    (
        io::ErrorKind::ReadOnlyFilesystem,
        "the file system is read-only: check the disk for errors and remount it",
    ),
    (
        io::ErrorKind::PermissionDenied,
        "give this user the right to read and write there, then start the server again",
    ),
    (
        io::ErrorKind::NotFound,
        "something removed it while the server used it: restore it, or rejoin the ensemble with \
         an empty data directory",
    ),
];

const ADVICE_OTHERWISE: &str =
    "check the disk and the system log, then start the server again: what it acknowledged is safe";

/// Open files that are kept; more than a server ever uses at once.
const OPEN_FILES_MAX: usize = 64;
const ZEROS_BYTES: usize = 1 << 20;
/// How much of a file is freed at once.
const FREED_BYTES: u64 = 8 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data_directory::WhenMissing;

    fn disk() -> (tempfile::TempDir, FileDisk) {
        let home = tempfile::tempdir().unwrap();
        let log = home.path().join("log");
        let directories = DataDirectories::open(home.path(), &log, WhenMissing::Create).unwrap();
        (home, FileDisk::new(directories))
    }

    fn log_file(name: &str) -> File {
        File {
            directory: Directory::Log,
            name: name.to_owned(),
        }
    }

    fn write(disk: &mut FileDisk, file: &File, offset: u64, bytes: &[u8]) {
        let op = DiskOp::Write {
            file: file.clone(),
            offset,
            bytes: bytes.to_vec(),
        };
        assert_eq!(disk.run(&op).unwrap(), b"");
    }

    fn read(disk: &mut FileDisk, file: &File, offset: u64, bytes_max: u32) -> Vec<u8> {
        disk.run(&DiskOp::Read {
            file: file.clone(),
            offset,
            bytes_max,
        })
        .unwrap()
    }

    #[test]
    fn an_allocated_file_is_all_zeros_whatever_it_held_before() {
        let (_home, mut disk) = disk();
        let file = log_file("segment");
        write(&mut disk, &file, 0, &[7; 9_000]);
        let bytes = ZEROS_BYTES as u64 + 5;
        disk.run(&DiskOp::Allocate {
            file: file.clone(),
            bytes,
        })
        .unwrap();
        assert_eq!(disk.list().unwrap(), [(file.clone(), bytes)]);
        assert_eq!(read(&mut disk, &file, 8_000, 2_000), [0; 2_000]);
        assert_eq!(read(&mut disk, &file, bytes - 3, 100), [0; 3]);
    }

    #[test]
    fn reading_stops_at_the_end_and_finds_nothing_in_a_file_that_is_not_there() {
        let (_home, mut disk) = disk();
        let file = log_file("segment");
        assert_eq!(read(&mut disk, &file, 0, 10), b"");
        write(&mut disk, &file, 2, b"abc");
        assert_eq!(read(&mut disk, &file, 0, 10), b"\0\0abc");
        assert_eq!(read(&mut disk, &file, 99, 10), b"");
        assert_eq!(read(&mut disk, &file, 0, u32::MAX), b"\0\0abc");
    }

    #[test]
    fn a_renamed_file_replaces_the_other_even_when_both_are_open_in_two_lanes() {
        let (_home, mut disk) = disk();
        let mut other_lane = disk.clone();
        let (spare, segment) = (log_file("spare"), log_file("segment"));
        write(&mut disk, &spare, 0, b"new");
        write(&mut other_lane, &segment, 0, b"old and longer");
        disk.run(&DiskOp::Rename {
            from: spare.clone(),
            to: segment.clone(),
        })
        .unwrap();
        assert_eq!(read(&mut other_lane, &segment, 0, 100), b"new");
        assert_eq!(read(&mut other_lane, &spare, 0, 100), b"");
        write(&mut other_lane, &segment, 3, b"er");
        assert_eq!(read(&mut disk, &segment, 0, 100), b"newer");
    }

    #[test]
    fn a_file_ends_where_it_is_told_to_and_never_grows_by_that() {
        let (_home, mut disk) = disk();
        let file = log_file("snapshot");
        let length = 2 * FREED_BYTES + 5;
        write(&mut disk, &file, length - 1, b"x");
        for (bytes, left) in [(length, length), (3, 3), (9, 3)] {
            let file = file.clone();
            disk.run(&DiskOp::Truncate { file, bytes }).unwrap();
            assert_eq!(disk.list().unwrap()[0].1, left);
        }
        let file = log_file("missing");
        let missing = DiskOp::Truncate { file, bytes: 0 };
        assert!(disk.run(&missing).is_err());
    }

    #[test]
    fn what_is_gone_is_not_recycled_and_what_is_there_is_written_over() {
        let (_home, mut disk) = disk();
        let recycle = DiskOp::Recycle {
            from: log_file("old"),
            to: log_file("new"),
        };
        disk.run(&recycle).unwrap();
        assert_eq!(disk.list().unwrap(), []);
        write(&mut disk, &log_file("old"), 0, b"old and longer");
        disk.run(&recycle).unwrap();
        write(&mut disk, &log_file("new"), 0, b"new");
        assert_eq!(read(&mut disk, &log_file("new"), 0, 100), b"new and longer");
        assert_eq!(disk.list().unwrap(), [(log_file("new"), 14)]);
    }

    #[test]
    fn what_has_another_name_somewhere_is_not_written_over() {
        let (home, mut disk) = disk();
        write(&mut disk, &log_file("old"), 0, b"old");
        let backup = home.path().join("backup");
        fs::hard_link(disk.path(&log_file("old")), &backup).unwrap();
        let recycle = DiskOp::Recycle {
            from: log_file("old"),
            to: log_file("new"),
        };
        disk.run(&recycle).unwrap();
        assert_eq!(disk.list().unwrap(), []);
        write(&mut disk, &log_file("new"), 0, b"new");
        assert_eq!(fs::read(backup).unwrap(), b"old");
    }

    #[test]
    fn removing_what_is_not_there_is_no_failure() {
        let (_home, mut disk) = disk();
        let file = log_file("segment");
        write(&mut disk, &file, 0, b"x");
        for _ in 0..2 {
            disk.run(&DiskOp::Remove { file: file.clone() }).unwrap();
        }
        let directory = Directory::Log;
        disk.run(&DiskOp::SyncDirectory { directory }).unwrap();
        assert_eq!(disk.list().unwrap(), []);
    }

    #[test]
    fn the_two_directories_are_apart_and_the_lock_is_no_file_of_the_log() {
        let (home, mut disk) = disk();
        let snapshot = File {
            directory: Directory::Data,
            name: "a".to_owned(),
        };
        write(&mut disk, &log_file("a"), 0, b"log");
        write(&mut disk, &snapshot, 0, b"snapshot");
        let listed = disk.list().unwrap();
        assert_eq!(listed, [(log_file("a"), 3), (snapshot, 8)]);
        assert!(home.path().join("log/vivarium-1/lock").exists());
    }

    #[test]
    fn a_failure_says_what_on_which_file_and_what_to_do() {
        let (_home, mut disk) = disk();
        let error = disk
            .run(&DiskOp::Sync {
                file: log_file("gone"),
            })
            .unwrap_err();
        let sentence = error.to_string();
        assert!(sentence.starts_with("could not sync "), "{sentence}");
        assert!(sentence.contains("log/vivarium-1/gone: "), "{sentence}");
        assert!(sentence.contains("restore it"), "{sentence}");
        let full = DiskError {
            action: "write to",
            path: PathBuf::from("/d/log"),
            source: io::ErrorKind::StorageFull.into(),
        };
        assert!(full.to_string().contains("free some space"), "{full}");
    }

    #[test]
    fn a_stopping_disk_does_not_finish_a_long_allocation() {
        let (_home, mut disk) = disk();
        disk.clone().stop();
        let bytes = 1 << 40;
        assert!(
            disk.run(&DiskOp::Allocate {
                file: log_file("segment"),
                bytes
            })
            .is_err()
        );
    }
}
