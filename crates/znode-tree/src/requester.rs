//! Who asks for a write, and how it is refused.

use alloc::vec::Vec;
use zk_types::{ErrorCode, Identity, SessionId};

/// Whether a session may own ephemeral nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EphemeralRight {
    /// A global session may.
    Granted,
    /// A local session that cannot be upgraded may not.
    Denied,
}

/// Who asks for a write.
#[derive(Clone, Copy, Debug)]
pub struct Requester<'a> {
    /// The session; the owner of ephemeral nodes it creates.
    pub session: SessionId,
    /// What the connection had proven when the request was decoded.
    pub identities: &'a [Identity],
    /// What the session table says of the session. An error is reported at the place in the order
    /// of checks where ZooKeeper looks at the session, so that earlier checks win.
    pub session_check: Result<(), ErrorCode>,
    /// Whether the session may own ephemeral nodes.
    pub ephemerals: EphemeralRight,
}

impl<'a> Requester<'a> {
    /// A live global session with the given identities.
    pub fn new(session: SessionId, identities: &'a [Identity]) -> Self {
        Requester {
            session,
            identities,
            session_check: Ok(()),
            ephemerals: EphemeralRight::Granted,
        }
    }
}

/// Why a request became no transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The reply's header carries this code and there is no body.
    Error(ErrorCode),
    /// A multi failed: one entry per operation, `None` (code 0) before the failing one,
    /// [`ErrorCode::RuntimeInconsistency`] after it; the reply's header carries no error.
    Multi(Vec<Option<ErrorCode>>),
}
