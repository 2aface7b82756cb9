//! Why a request has no response.

use zk_types::{ErrorCode, PathError};

/// Why a request has no response.
///
/// Only [`ClientError::ConnectionLoss`] leaves open whether the request was done; with any other
/// error it was not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// The server refused it.
    #[error("{0}")]
    Server(ErrorCode),
    /// The server refused it with a number that is unknown here.
    #[error("the server answered with the unknown error code {0}")]
    UnknownCode(i32),
    /// The connection ended before the answer came: it may have been done or not.
    #[error("the connection was lost, the outcome is unknown")]
    ConnectionLoss,
    /// The session was over before it was sent.
    #[error("the session has expired")]
    SessionExpired,
    /// An identity was refused, and with it the session, before it was sent.
    #[error("authentication failed")]
    AuthFailed,
    /// The client was closed before it was sent.
    #[error("the client is closed")]
    Closed,
    /// Too many requests are waiting already; this one was not sent.
    #[error("{limit} requests are waiting already")]
    TooManyRequests {
        /// How many may wait.
        limit: usize,
    },
    /// It is longer than a server would take; it was not sent.
    #[error("the request has {bytes} bytes, at most {limit} may be sent")]
    TooLong {
        /// How long it is.
        bytes: usize,
        /// How long it may be.
        limit: usize,
    },
    /// Its path is no path; it was not sent.
    #[error("the path is not valid: {0}")]
    Path(PathError),
}

/// Why one part of a multi has no response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PartError {
    /// It was fine, but a later part was not.
    #[error("a later part failed")]
    RolledBack,
    /// It failed; [`ErrorCode::RuntimeInconsistency`] when an earlier part did.
    #[error("{0}")]
    Failed(ErrorCode),
}
