//! Sessions that this server alone knows: opened without a word to anybody, resumed here only,
//! and made known to all when they first want an ephemeral node.
//! Source: `client-protocol.md` §2.8.

use crate::api::ConnId;
use crate::between::{ForwardedRequest, RequestTag, Scope};
use crate::leader::NO_TAG;
use crate::rules::LocalSessions;
use crate::server::Replica;
use alloc::sync::Arc;
use zk_proto::OpCode;
use zk_types::{Bytes, CreateCall, CreateOp, Op, SessionId};

impl Replica {
    /// Whether new sessions are this server's own. One that stands alone has nobody to keep them
    /// from.
    pub(crate) fn local_sessions(&self) -> LocalSessions {
        if self.config.members.is_empty() {
            LocalSessions::Never
        } else {
            self.config.sessions.local
        }
    }

    /// Notes that a session was heard from.
    pub(crate) fn touch(&mut self, session: SessionId) {
        if !self.locals.touch(session, self.now) && !self.touch_reader(session) {
            self.touches.touch(session);
        }
    }

    /// Who knows the session that wants `op`, once it is carried out: a session is made known to
    /// all before its first ephemeral node, so that both stand in this order.
    pub(crate) fn scope_for(&mut self, conn: ConnId, session: SessionId, op: &Op<'_>) -> Scope {
        if self.scope_of(session) == Scope::Global {
            return Scope::Global;
        }
        if self.local_sessions() != LocalSessions::UntilEphemeral || !wants_ephemeral(op) {
            return Scope::Local;
        }
        let timeout_ms = self.locals.announce(session);
        self.touches.touch(session);
        self.announce(conn, NO_TAG, session, timeout_ms);
        Scope::Global
    }

    /// Who knows the session now.
    pub(crate) fn scope_of(&self, session: SessionId) -> Scope {
        if self.locals.contains(session) {
            Scope::Local
        } else {
            Scope::Global
        }
    }

    /// Asks for a session to be known to all.
    pub(crate) fn announce(
        &mut self,
        conn: ConnId,
        tag: RequestTag,
        session: SessionId,
        timeout_ms: i32,
    ) {
        let connection = self.connections.get(conn);
        let identities = Arc::clone(&connection.expect("its client asks").identities);
        self.forward(ForwardedRequest {
            tag,
            session,
            scope: Scope::Global,
            cxid: 0,
            opcode: OpCode::CreateSession.code(),
            identities,
            body: Bytes::from(timeout_ms.to_be_bytes()),
        });
    }

    /// Ends local sessions that were silent for too long.
    pub(crate) fn expire_local_sessions(&mut self) {
        for session in self.locals.expire(self.now) {
            self.statistics.expired_sessions += 1;
            if let Some(conn) = self.connections.of_session(session) {
                self.close(conn);
            }
        }
    }
}

/// Whether the session must be known to all for this. Source: Apache `QuorumZooKeeperServer.java`,
/// `checkUpgradeSession`.
fn wants_ephemeral(op: &Op<'_>) -> bool {
    match op {
        Op::Create(CreateOp {
            call: CreateCall::Create | CreateCall::Create2 | CreateCall::IfNotExists,
            flags: 1 | 3,
            ..
        }) => true,
        Op::Multi(parts) => parts.iter().any(wants_ephemeral),
        Op::Create(_)
        | Op::Delete { .. }
        | Op::DeleteContainer { .. }
        | Op::SetData { .. }
        | Op::SetAcl { .. }
        | Op::Check { .. }
        | Op::CreateSession { .. }
        | Op::CloseSession
        | Op::Keeper(_) => false,
    }
}
