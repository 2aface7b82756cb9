//! Errors, with what was asked of which node.

use crate::AddressError;
use client_core::{ClientError, End, PartError, PartResponse};
use zk_types::ErrorCode;

/// Why a request failed, with what was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{operation}{}{path}: {cause}", gap(path))]
pub struct Error {
    /// What was asked, as its method is called.
    pub operation: &'static str,
    /// Of which node; empty where there is none.
    pub path: String,
    /// Why it failed.
    #[source]
    pub cause: ClientError,
}

impl Error {
    /// The server's code, if it was the server that refused.
    pub fn code(&self) -> Option<ErrorCode> {
        match self.cause {
            ClientError::Server(code) => Some(code),
            ClientError::UnknownCode(_)
            | ClientError::ConnectionLoss
            | ClientError::SessionExpired
            | ClientError::AuthFailed
            | ClientError::Closed
            | ClientError::TooManyRequests { .. }
            | ClientError::TooLong { .. }
            | ClientError::Path(_) => None,
        }
    }
}

/// Why a multi failed; nothing of it was done, unless the outcome of the whole is unknown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MultiError {
    /// As a whole.
    #[error(transparent)]
    Whole(#[from] Error),
    /// For one of its parts.
    #[error("part {index} of the multi, on {path}: {code}")]
    Part {
        /// Which, counted from zero.
        index: usize,
        /// Its node.
        path: String,
        /// Why.
        code: ErrorCode,
    },
}

/// Why a client could not be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// The connection string is none.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The options are out of range.
    #[error("the session timeout must be from 1 ms to 2³¹−1 ms")]
    SessionTimeout,
    /// No server was found in time.
    #[error("no server was found in time")]
    NoServer,
    /// A server refused the session, for good.
    #[error("the session was refused: {0:?}")]
    Refused(End),
}

/// What stands before a path, if there is one.
fn gap(path: &str) -> &'static str {
    if path.is_empty() { "" } else { " " }
}

/// All parts, or the first that failed for itself.
pub(crate) fn whole(
    parts: Vec<Result<PartResponse, PartError>>,
    path_of: impl FnOnce(usize) -> String,
) -> Result<Vec<PartResponse>, MultiError> {
    let culprit = parts
        .iter()
        .enumerate()
        .find_map(|(index, part)| match part {
            Err(PartError::Failed(code)) => Some((index, *code)),
            Ok(_) | Err(PartError::RolledBack) => None,
        });
    match culprit {
        Some((index, code)) => Err(MultiError::Part {
            index,
            path: path_of(index),
            code,
        }),
        None => Ok(parts.into_iter().flatten().collect()),
    }
}
