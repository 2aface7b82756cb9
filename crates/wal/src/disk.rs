//! What is asked of a disk, as data. A shell or the simulator runs it; this crate only says it.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// Which of the two directories a file lives in (`dataLogDir`, `dataDir`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Directory {
    /// Log segments and the promise.
    Log,
    /// Snapshots.
    Data,
}

/// A file of this server, by directory and plain name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct File {
    /// Where it lives.
    pub directory: Directory,
    /// Its name, without any separator.
    pub name: String,
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}/{}", self.directory, self.name)
    }
}

/// One operation on a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DiskOp {
    /// Create the file or replace it, write `bytes` zeros, sync it and its directory.
    Allocate {
        /// The file.
        file: File,
        /// Its length.
        bytes: u64,
    },
    /// Write at an offset; creates the file when there is none. Not durable yet.
    Write {
        /// The file.
        file: File,
        /// Where the bytes go.
        offset: u64,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// Make everything written to the file, and its length, durable.
    Sync {
        /// The file.
        file: File,
    },
    /// End the file at `bytes`, if it is longer, and make everything written to it, and its length,
    /// durable.
    Truncate {
        /// The file.
        file: File,
        /// Its length.
        bytes: u64,
    },
    /// Give the file another name in the same directory, replacing what has it.
    Rename {
        /// The file.
        from: File,
        /// Its new name.
        to: File,
    },
    /// Give a file that nobody needs another name in the same directory, to be written again over
    /// the blocks that it has, or remove it; nothing happens when there is none.
    Recycle {
        /// The file.
        from: File,
        /// Its new name.
        to: File,
    },
    /// Remove the file; nothing happens when there is none.
    Remove {
        /// The file.
        file: File,
    },
    /// Make creations, renames and removals in the directory durable.
    SyncDirectory {
        /// The directory.
        directory: Directory,
    },
    /// Read up to `bytes_max` bytes; the completion carries them, empty when the file is gone.
    Read {
        /// The file.
        file: File,
        /// Where to start.
        offset: u64,
        /// How much at most.
        bytes_max: u32,
    },
}

/// Operations of one lane run one after the other, in order; lanes run beside each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// What an acknowledgement waits for: the log and the promise.
    Log,
    /// Everything large: snapshots, segments ahead of need, removals, reads.
    Background,
}

/// Names a task whose completion is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId(pub u64);

/// One operation for a lane. A failed one is never reported back: the server stops, and recovery
/// decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskTask {
    /// The lane.
    pub lane: Lane,
    /// What to do.
    pub op: DiskOp,
    /// Whether, and as what, completion is reported.
    pub id: Option<TaskId>,
}

/// A disk that runs operations at once: recovery uses it, and so do the lanes of a shell.
pub trait Disk {
    /// Why an operation failed.
    type Error;

    /// All files of both directories, with their lengths, sorted by name.
    ///
    /// # Errors
    /// When a directory cannot be read.
    fn list(&mut self) -> Result<Vec<(File, u64)>, Self::Error>;

    /// Runs one operation; the bytes are those of a [`DiskOp::Read`], empty otherwise.
    ///
    /// # Errors
    /// When the operation fails; what it changed by then is unknown.
    fn run(&mut self, op: &DiskOp) -> Result<Vec<u8>, Self::Error>;
}
