//! Why a command failed, in zkCli's words where it has some.

use crate::shell::acl::AclError;
use crate::shell::commands::CallError;
use serde_json::{Value, json};
use vivarium_client::{ConnectError, Error, ErrorCode, MultiError};

/// Why a command failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Failure {
    /// It was not entered as it must be.
    #[error(transparent)]
    Call(#[from] CallError),
    /// An access list that is none.
    #[error(transparent)]
    Acl(#[from] AclError),
    /// A request failed.
    #[error("{}", sentence(.0))]
    Request(Error),
    /// A part of a multi failed.
    #[error("{}", code_sentence(*code, path))]
    Part {
        /// Of which node.
        path: String,
        /// Why.
        code: ErrorCode,
    },
    /// No session.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// Something of the command itself, as a sentence.
    #[error("{0}")]
    Sentence(String),
}

impl Failure {
    /// The same for programs.
    pub fn json(&self) -> Value {
        let code = self.code().map(ErrorCode::code);
        json!({ "error": self.to_string(), "code": code })
    }

    /// The server's code, if it was the server that refused.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Failure::Request(error) => error.code(),
            Failure::Part { code, .. } => Some(*code),
            Failure::Call(_) | Failure::Acl(_) | Failure::Connect(_) | Failure::Sentence(_) => None,
        }
    }

    /// What a single command exits with.
    pub fn exit_code(&self) -> u8 {
        if matches!(self, Failure::Call(CallError::Unknown { .. })) {
            127
        } else {
            1
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Request(error)
    }
}

impl From<MultiError> for Failure {
    fn from(error: MultiError) -> Failure {
        match error {
            MultiError::Whole(error) => Failure::Request(error),
            MultiError::Part { path, code, .. } => Failure::Part { path, code },
        }
    }
}

fn sentence(error: &Error) -> String {
    match error.code() {
        Some(code) => code_sentence(code, &error.path),
        None if error.path.is_empty() => format!("{}: {}", error.operation, error.cause),
        None => format!("{} {}: {}", error.operation, error.path, error.cause),
    }
}

fn code_sentence(code: ErrorCode, path: &str) -> String {
    match code {
        ErrorCode::NoNode => format!("Node does not exist: {path}"),
        ErrorCode::NodeExists => format!("Node already exists: {path}"),
        ErrorCode::NotEmpty => format!("Node not empty: {path}"),
        ErrorCode::NoChildrenForEphemerals => format!("Ephemerals cannot have children: {path}"),
        ErrorCode::NotReadOnly => format!("Not a read-only call: {path}"),
        ErrorCode::InvalidAcl => format!("Acl is not valid : {path}"),
        ErrorCode::NoAuth => format!("Insufficient permission : {path}"),
        ErrorCode::BadArguments => format!("Arguments are not valid : {path}"),
        ErrorCode::BadVersion => format!("version No is not valid : {path}"),
        ErrorCode::QuotaExceeded => format!("Quota has exceeded : {path}"),
        ErrorCode::ReconfigInProgress => {
            "Another reconfiguration is in progress -- concurrent reconfigs not supported (yet)"
                .to_owned()
        }
        ErrorCode::NewConfigNoQuorum => {
            "No quorum of new config is connected and up-to-date with the leader of last \
             committed config - try invoking reconfiguration after new servers are connected and \
             synced"
                .to_owned()
        }
        ErrorCode::RuntimeInconsistency
        | ErrorCode::MarshallingError
        | ErrorCode::Unimplemented
        | ErrorCode::UnknownSession
        | ErrorCode::SessionExpired
        | ErrorCode::AuthFailed
        | ErrorCode::SessionMoved
        | ErrorCode::EphemeralOnLocalSession
        | ErrorCode::NoWatcher
        | ErrorCode::ReconfigDisabled
        | ErrorCode::SessionClosedRequireSaslAuth
        | ErrorCode::ThrottledOp => {
            if path.is_empty() {
                code.to_string()
            } else {
                format!("{code}: {path}")
            }
        }
    }
}
