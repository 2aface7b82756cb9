//! How a server ends, for the operator and for the exit code.

use crate::config::{ConfigError, PropertiesError};
use shell_std::{BindError, DirectoryError, ServerFailure, SpawnError};
use std::io;
use std::path::PathBuf;

/// Why a server cannot run, or ran no longer.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The configuration file cannot be read.
    #[error("cannot read the configuration file {path}: {source}", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The configuration file is no properties file.
    #[error("{path}: {source}", path = path.display())]
    Properties {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: PropertiesError,
    },
    /// The configuration breaks a rule.
    #[error("{path}: {source}")]
    Config {
        /// The file, or the arguments in its place.
        path: String,
        /// What is wrong.
        source: ConfigError,
    },
    /// Arguments that make no sense, as a sentence.
    #[error("{0}")]
    Arguments(String),
    /// The directories are not to be had.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// The server did not start.
    #[error(transparent)]
    Spawn(#[from] SpawnError),
    /// The server stopped by itself.
    #[error(transparent)]
    Failure(#[from] ServerFailure),
    /// The system refuses something else.
    #[error(transparent)]
    System(#[from] io::Error),
}

impl ServeError {
    /// The exit code that Apache has for it.
    pub fn exit_code(&self) -> u8 {
        match self {
            ServeError::Unreadable { .. }
            | ServeError::Properties { .. }
            | ServeError::Config { .. }
            | ServeError::Arguments(_) => 2,
            ServeError::Directory(_) => 3,
            ServeError::Spawn(SpawnError::Recovery(_) | SpawnError::Damaged { .. })
            | ServeError::Failure(ServerFailure::Disk(_)) => 10,
            ServeError::Spawn(SpawnError::Bind(BindError { purpose, .. }))
                if purpose.contains("election") =>
            {
                14
            }
            ServeError::Spawn(SpawnError::Bind(_) | SpawnError::System(_))
            | ServeError::Failure(ServerFailure::Panicked)
            | ServeError::System(_) => 1,
        }
    }
}
