//! Read-only mode: a server that finds no quorum shows what it has applied to clients that want
//! no more than that.
//!
//! Nothing is applied while a server looks for a leader, so what it shows is committed and stands
//! still. A server that forgot something shows nothing. Sessions are of this time and place only:
//! they are thrown away when the server has something better to do. Source: `client-protocol.md`
//! §10.3.

use crate::api::ConnId;
use crate::connection::Opening;
use crate::leader::NO_TAG;
use crate::requests::is_update;
use crate::rules::ReadOnlyMode;
use crate::server::Replica;
use core::time::Duration;
use session::{LocalTable, PASSWORD_BYTES, password};
use zab_core::Role;
use zk_proto::{ConnectRequest, OpCode};
use zk_types::{Instant, SessionId, Standing};

/// A server looks for a leader at least so long before it serves read-only.
const PATIENCE_MIN: Duration = Duration::from_secs(2);

/// Where a server stands that may serve read-only.
#[derive(Clone)]
pub(crate) enum ReadOnly {
    /// It does not.
    No,
    /// It finds no quorum, and serves from this time on if that lasts.
    From(Instant),
    /// It serves these sessions.
    Serving(LocalTable),
}

impl Replica {
    /// Whether clients are served that only read.
    pub(crate) fn serves_read_only(&self) -> bool {
        matches!(self.read_only, ReadOnly::Serving(_))
    }

    /// The role is another one: whoever was served read-only has to look elsewhere, or here again.
    pub(crate) fn leave_read_only(&mut self) {
        if self.serves_read_only() {
            self.drop_all_connections();
        }
        let may =
            self.config.sessions.read_only == ReadOnlyMode::On && !self.config.members.is_empty();
        self.read_only = match self.role {
            Role::Looking if may => ReadOnly::From(self.now + self.config.tick.max(PATIENCE_MIN)),
            Role::Looking
            | Role::LeadingPrepare { .. }
            | Role::Leading { .. }
            | Role::FollowingPrepare { .. }
            | Role::Following { .. } => ReadOnly::No,
        };
    }

    /// When something is due.
    pub(crate) fn read_only_deadline(&self) -> Option<Instant> {
        match &self.read_only {
            ReadOnly::No => None,
            ReadOnly::From(at) => Some(*at),
            ReadOnly::Serving(visitors) => visitors.next_deadline(),
        }
    }

    /// Begins to serve when no quorum was found for long enough, and ends sessions that were
    /// silent for too long.
    pub(crate) fn read_only_on_timeout(&mut self) {
        match &mut self.read_only {
            // Who lost its disk, or a part of it, knows that what it would show is not all there was.
            ReadOnly::From(at)
                if *at <= self.now && self.zab.summary().standing != Standing::Member =>
            {
                *at = self.now + self.config.tick.max(PATIENCE_MIN);
            }
            ReadOnly::From(at) if *at <= self.now => {
                let visitors = LocalTable::new(self.config.tick, self.now);
                self.read_only = ReadOnly::Serving(visitors);
            }
            ReadOnly::No | ReadOnly::From(_) => {}
            ReadOnly::Serving(visitors) => {
                for session in visitors.expire(self.now) {
                    self.statistics.expired_sessions += 1;
                    if let Some(conn) = self.connections.of_session(session) {
                        self.close(conn);
                    }
                }
            }
        }
    }

    /// Answers the first frame of a client that would read only; all others are closed without a
    /// word, and so is whoever brings a session that may live elsewhere.
    pub(crate) fn welcome_reader(
        &mut self,
        conn: ConnId,
        request: &ConnectRequest<'_>,
        timeout_ms: i32,
    ) {
        let ReadOnly::Serving(visitors) = &mut self.read_only else {
            return self.close(conn);
        };
        let lives_on =
            |session| self.state.sessions.contains(session) || self.locals.knows(session);
        let session = match request.session {
            SessionId::NONE => self.ids.next(&self.state.sessions),
            session if lives_on(session) => return self.close(conn),
            session => {
                let own: [u8; PASSWORD_BYTES] = password(session);
                if request.password != Some(&own[..]) || !visitors.contains(session) {
                    return self.refuse_session(conn, Some(true));
                }
                session
            }
        };
        visitors.open(session, timeout_ms, self.now);
        if let Some(before) = self.connections.of_session(session) {
            self.close(before);
        }
        let opening = Opening {
            tag: NO_TAG,
            session,
            timeout_ms,
            read_only: Some(true),
        };
        self.welcome(conn, opening);
    }

    /// Notes that a reader was heard from.
    pub(crate) fn touch_reader(&mut self, session: SessionId) -> bool {
        match &mut self.read_only {
            ReadOnly::Serving(visitors) => visitors.touch(session, self.now),
            ReadOnly::No | ReadOnly::From(_) => false,
        }
    }

    /// Ends the session of a reader.
    pub(crate) fn end_reader(&mut self, session: SessionId) {
        if let ReadOnly::Serving(visitors) = &mut self.read_only {
            visitors.remove(session);
        }
    }
}

/// Whether a read-only server refuses the operation, whatever it says: what would write, and what
/// is answered as a write is. The end of a session is for its reader to say.
pub(crate) fn needs_a_quorum(op: OpCode) -> bool {
    let is_answered_in_turn = matches!(
        op,
        OpCode::Sync | OpCode::Check | OpCode::CheckNotExists | OpCode::CheckStat
    );
    is_answered_in_turn || is_update(op) && op != OpCode::CloseSession
}
