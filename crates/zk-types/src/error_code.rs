//! The error codes a client may be sent.

/// An error code of the client protocol.
///
/// Source: Apache `KeeperException.java`; `client-protocol.md` §11. No code outside this list is
/// ever sent: some clients stop at one they do not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
#[repr(i32)]
pub enum ErrorCode {
    /// A later operation of a failed multi.
    #[error("an earlier operation of the multi failed")]
    RuntimeInconsistency = -2,
    /// A request that cannot be decoded.
    #[error("the request could not be decoded")]
    MarshallingError = -5,
    /// An operation this server does not offer.
    #[error("the operation is not implemented")]
    Unimplemented = -6,
    /// Arguments that can never be right.
    #[error("the arguments are not valid")]
    BadArguments = -8,
    /// A session the server does not know.
    #[error("the session is unknown")]
    UnknownSession = -12,
    /// No quorum of the new configuration is in sync.
    #[error("no quorum of the new configuration is connected and in sync")]
    NewConfigNoQuorum = -13,
    /// Another reconfiguration is under way.
    #[error("another reconfiguration is in progress")]
    ReconfigInProgress = -14,
    /// The node does not exist.
    #[error("the node does not exist")]
    NoNode = -101,
    /// Permission denied.
    #[error("not authorised")]
    NoAuth = -102,
    /// The expected version is not the node's.
    #[error("the version does not match")]
    BadVersion = -103,
    /// An ephemeral node cannot have children.
    #[error("an ephemeral node may not have children")]
    NoChildrenForEphemerals = -108,
    /// The node exists already.
    #[error("the node exists already")]
    NodeExists = -110,
    /// The node has children.
    #[error("the node has children")]
    NotEmpty = -111,
    /// The session is closed or closing.
    #[error("the session has expired")]
    SessionExpired = -112,
    /// An access list that is empty or malformed.
    #[error("the access list is not valid")]
    InvalidAcl = -114,
    /// Authentication failed.
    #[error("authentication failed")]
    AuthFailed = -115,
    /// The session is served by another server now.
    #[error("the session has moved to another server")]
    SessionMoved = -118,
    /// A write on a read-only server.
    #[error("the server is read-only")]
    NotReadOnly = -119,
    /// A local session cannot own ephemeral nodes.
    #[error("a local session may not own an ephemeral node")]
    EphemeralOnLocalSession = -120,
    /// No such watch.
    #[error("there is no such watch")]
    NoWatcher = -121,
    /// Reconfiguration is switched off.
    #[error("reconfiguration is disabled")]
    ReconfigDisabled = -123,
    /// Authentication is enforced and missing.
    #[error("the session must authenticate")]
    SessionClosedRequireSaslAuth = -124,
    /// A hard quota would be exceeded.
    #[error("a quota would be exceeded")]
    QuotaExceeded = -125,
    /// The request waited too long and was not executed.
    #[error("the request was throttled")]
    ThrottledOp = -127,
}

impl ErrorCode {
    /// Every code, in the order of its number, highest first.
    pub const ALL: [ErrorCode; 24] = [
        ErrorCode::RuntimeInconsistency,
        ErrorCode::MarshallingError,
        ErrorCode::Unimplemented,
        ErrorCode::BadArguments,
        ErrorCode::UnknownSession,
        ErrorCode::NewConfigNoQuorum,
        ErrorCode::ReconfigInProgress,
        ErrorCode::NoNode,
        ErrorCode::NoAuth,
        ErrorCode::BadVersion,
        ErrorCode::NoChildrenForEphemerals,
        ErrorCode::NodeExists,
        ErrorCode::NotEmpty,
        ErrorCode::SessionExpired,
        ErrorCode::InvalidAcl,
        ErrorCode::AuthFailed,
        ErrorCode::SessionMoved,
        ErrorCode::NotReadOnly,
        ErrorCode::EphemeralOnLocalSession,
        ErrorCode::NoWatcher,
        ErrorCode::ReconfigDisabled,
        ErrorCode::SessionClosedRequireSaslAuth,
        ErrorCode::QuotaExceeded,
        ErrorCode::ThrottledOp,
    ];

    /// The number on the wire.
    pub fn code(self) -> i32 {
        self as i32
    }

    /// The code of a number, if it has one.
    pub fn from_code(code: i32) -> Option<ErrorCode> {
        ErrorCode::ALL
            .into_iter()
            .find(|known| known.code() == code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Source: `client-protocol.md` §11, the codes that a server sends.
    #[test]
    fn the_codes_that_servers_send_are_those_of_the_table() {
        let sent = [
            -2, -5, -6, -8, -12, -13, -14, -101, -102, -103, -108, -110, -111, -112, -114, -115,
            -118, -119, -120, -121, -123, -124, -125, -127,
        ];
        for code in sent {
            let known = ErrorCode::from_code(code);
            assert_eq!(known.map(ErrorCode::code), Some(code));
        }
        for code in (-300..=300).filter(|code| !sent.contains(code)) {
            assert_eq!(
                ErrorCode::from_code(code),
                None,
                "{code} is unknown to clients"
            );
        }
    }
}
