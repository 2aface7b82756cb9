//! Which server a session's client is connected to, as the leader knows it.

use crate::id_hash::IdMap;
use crate::{Expiry, Liveness};
use hashbrown::hash_map::Entry;
use zk_types::{ErrorCode, ServerId, SessionId, mutant};

/// The leader's record of which server serves each session now.
///
/// A server becomes the owner when it creates or reopens the session, or with the first checked
/// request when there is none, as after a change of leader.
///
/// Source: `client-protocol.md` §2.6.
#[derive(Clone, Debug, Default)]
pub struct Owners {
    owners: IdMap<ServerId>,
}

/// Why a request of a session is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Another server serves the session now.
    #[error("the session has moved to server {owner}")]
    Moved {
        /// That server.
        owner: ServerId,
    },
    /// The session's close is under way: nothing may be written for it any more.
    #[error("the session is closing")]
    Closing,
    /// The session is not open.
    #[error("the session is not open")]
    Expired,
}

impl Refusal {
    /// The error of a request that is refused for this reason.
    pub fn code(self) -> ErrorCode {
        match self {
            Refusal::Moved { .. } => ErrorCode::SessionMoved,
            Refusal::Closing | Refusal::Expired => ErrorCode::SessionExpired,
        }
    }
}

impl Owners {
    /// No session has an owner yet.
    pub fn new() -> Self {
        Owners::default()
    }

    /// Makes `server` the owner: it created the session or has reopened it.
    pub fn set(&mut self, id: SessionId, server: ServerId) {
        self.owners.insert(id, server);
    }

    /// Whether a request that came through `server` may go on. A session without an owner gets
    /// `server` for one.
    ///
    /// # Errors
    /// The session is not live, or another server owns it.
    pub fn check(
        &mut self,
        expiry: &Expiry,
        id: SessionId,
        server: ServerId,
    ) -> Result<(), Refusal> {
        match expiry.liveness(id) {
            Liveness::Live => {}
            Liveness::Closing => {
                mutant!("closing-session-accepted", Err(Refusal::Closing), Ok(()))?;
            }
            Liveness::Unknown => return Err(Refusal::Expired),
        }
        let owner = match self.owners.entry(id) {
            Entry::Occupied(entry) => *entry.get(),
            Entry::Vacant(entry) => *entry.insert(server),
        };
        if mutant!("moved-session-accepted", owner == server, true) {
            Ok(())
        } else {
            Err(Refusal::Moved { owner })
        }
    }

    /// The server that owns the session, if one does.
    pub fn owner(&self, id: SessionId) -> Option<ServerId> {
        self.owners.get(&id).copied()
    }

    /// Drops a session that was closed.
    pub fn forget(&mut self, id: SessionId) {
        self.owners.remove(&id);
    }
}
