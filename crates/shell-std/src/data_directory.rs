//! The directories of one server: made when missing, and locked against a second process.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where a server keeps its files, and the locks that keep others out of there.
///
/// The files are in the directory [`DataDirectories::SUBDIRECTORY`] of each configured one, so
/// that they never mix with those that Apache keeps in `version-2`.
#[derive(Clone, Debug)]
pub struct DataDirectories {
    log: PathBuf,
    data: PathBuf,
    _locks: Arc<Vec<File>>,
}

/// Why the directories of a server cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// It does not exist and may not be made.
    #[error(
        "the directory {0} does not exist and datadir.autocreate is false: create it, or check \
         that its disk is mounted"
    )]
    Missing(PathBuf),
    /// It cannot be made, or its lock cannot be opened.
    #[error(
        "the directory {path} cannot be used ({source}): check that it exists and that this \
             user may write to it"
    )]
    Unusable {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process runs on it.
    #[error(
        "the data directory {0} is in use by another server: stop that one first, or give this \
         server its own dataDir"
    )]
    InUse(PathBuf),
    /// It holds data of Apache ZooKeeper and nothing of ours.
    #[error(
        "{0} holds data of Apache ZooKeeper, which this server would ignore and start empty: give \
         it another dataDir, or move that directory away"
    )]
    HoldsApacheData(PathBuf),
}

/// Whether missing directories are made (`datadir.autocreate`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenMissing {
    /// Make them.
    Create,
    /// Refuse to start.
    Refuse,
}

impl DataDirectories {
    /// The name of our directory in each of the configured ones.
    pub const SUBDIRECTORY: &'static str = "vivarium-1";

    /// Makes and locks the directories for logs (`dataLogDir`) and snapshots (`dataDir`), which
    /// may be the same.
    ///
    /// # Errors
    /// When one of them cannot be used, or somebody else uses it.
    pub fn open(
        data_dir: &Path,
        data_log_dir: &Path,
        when_missing: WhenMissing,
    ) -> Result<DataDirectories, DirectoryError> {
        let data = prepare(data_dir, when_missing)?;
        let log = prepare(data_log_dir, when_missing)?;
        let mut locks = vec![lock(&data)?];
        if log != data {
            locks.push(lock(&log)?);
        }
        Ok(DataDirectories {
            log,
            data,
            _locks: Arc::new(locks),
        })
    }

    /// Where logs and the promise are.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Where snapshots are.
    pub fn data(&self) -> &Path {
        &self.data
    }
}

/// The directory inside `configured`, in canonical form so that two names of one are seen as one.
fn prepare(configured: &Path, when_missing: WhenMissing) -> Result<PathBuf, DirectoryError> {
    let ours = configured.join(DataDirectories::SUBDIRECTORY);
    let unusable = |source| DirectoryError::Unusable {
        path: configured.to_path_buf(),
        source,
    };
    if when_missing == WhenMissing::Refuse && !configured.is_dir() {
        return Err(DirectoryError::Missing(configured.to_path_buf()));
    }
    if !ours.exists() {
        refuse_apache_data(&configured.join("version-2"))?;
        fs::create_dir_all(&ours).map_err(unusable)?;
        let parent = File::open(configured).map_err(unusable)?;
        parent.sync_all().map_err(unusable)?;
    }
    ours.canonicalize().map_err(unusable)
}

fn refuse_apache_data(version_2: &Path) -> Result<(), DirectoryError> {
    let Ok(entries) = fs::read_dir(version_2) else {
        return Ok(());
    };
    let holds_data = entries.filter_map(Result::ok).any(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        name.starts_with("log.") || name.starts_with("snapshot.")
    });
    if holds_data {
        return Err(DirectoryError::HoldsApacheData(version_2.to_path_buf()));
    }
    Ok(())
}

fn lock(directory: &Path) -> Result<File, DirectoryError> {
    let unusable = |source| DirectoryError::Unusable {
        path: directory.to_path_buf(),
        source,
    };
    let path = directory.join("lock");
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .map_err(unusable)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(DirectoryError::InUse(directory.to_path_buf())),
        Err(TryLockError::Error(source)) => Err(unusable(source)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_server_on_the_same_directory_is_refused_until_the_first_is_gone() {
        let root = tempfile::tempdir().unwrap();
        let open = || DataDirectories::open(root.path(), root.path(), WhenMissing::Create);
        let first = open().unwrap();
        let refused = open().unwrap_err();
        assert!(matches!(refused, DirectoryError::InUse(_)), "{refused}");
        drop(first);
        open().unwrap();
    }

    #[test]
    fn a_directory_with_apache_data_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let version_2 = root.path().join("version-2");
        fs::create_dir(&version_2).unwrap();
        fs::write(version_2.join("snapshot.0"), b"ZKSN").unwrap();
        let refused = DataDirectories::open(root.path(), root.path(), WhenMissing::Create);
        assert!(matches!(refused, Err(DirectoryError::HoldsApacheData(_))));
    }

    #[test]
    fn a_missing_directory_is_not_made_when_that_is_forbidden() {
        let root = tempfile::tempdir().unwrap();
        let missing = root.path().join("not-mounted");
        let refused = DataDirectories::open(&missing, &missing, WhenMissing::Refuse);
        assert!(matches!(refused, Err(DirectoryError::Missing(_))));
        assert!(!missing.exists());
    }
}
