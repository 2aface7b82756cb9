//! The first frame of a connection: a session is opened, resumed or refused.
//! Source: `client-protocol.md` §2.

use crate::api::ConnId;
use crate::between::{ToLeader, Verdict};
use crate::connection::{Opening, Phase};
use crate::leader::NO_TAG;
use crate::rules::LocalSessions;
use crate::server::Replica;
use rand_chacha::rand_core::Rng;
use session::{negotiate, password};
use zk_proto::{ConnectRequest, ConnectResponse};
use zk_types::SessionId;

impl Replica {
    /// Answers the first frame of a client, or begins to.
    pub(crate) fn on_connect_request(&mut self, conn: ConnId, frame: &[u8]) {
        let Ok(request) = ConnectRequest::decode(frame) else {
            return self.close(conn);
        };
        let reads_only = self.serves_read_only() && request.read_only == Some(true);
        if !self.serves() && !reads_only {
            self.statistics.closed_unserved += 1;
            return self.close(conn);
        }
        if !self.grants_tokens(request.session) {
            self.statistics.connections_rejected += 1;
            return self.close(conn);
        }
        let is_ahead = request.last_zxid_seen > self.state.applied;
        if zk_types::mutant!("client-ahead-served", is_ahead, false) {
            return self.close(conn);
        }
        let timeout_ms = negotiate(
            request.timeout_ms,
            self.config.session_timeout_min,
            self.config.session_timeout_max,
        );
        if reads_only {
            self.welcome_reader(conn, &request, timeout_ms);
        } else if request.session == SessionId::NONE {
            self.open_session(conn, timeout_ms, request.read_only);
        } else {
            self.resume_session(conn, &request, timeout_ms);
        }
    }

    /// The answer to a session that was brought here.
    pub(crate) fn on_verdict(&mut self, conn: ConnId, verdict: Verdict) {
        let Some(opening) = self.opening_of(conn) else {
            return;
        };
        match verdict {
            Verdict::Valid => {
                if let Some(before) = self.connections.of_session(opening.session) {
                    self.close(before);
                }
                self.welcome(conn, opening);
            }
            // The leader of this time did not hear of it; the next one may.
            Verdict::Expired if self.locals.is_announced(opening.session) => self.close(conn),
            Verdict::Expired => self.refuse_session(conn, opening.read_only),
        }
    }

    /// Tells the client that it has its session.
    pub(crate) fn welcome(&mut self, conn: ConnId, opening: Opening) {
        self.connections.set_phase(
            conn,
            Phase::Open {
                session: opening.session,
            },
        );
        let connection = self
            .connections
            .get_mut(conn)
            .expect("its phase was just set");
        connection.facts.timeout_ms = opening.timeout_ms;
        connection.facts.last_op = "SESS";
        let response = ConnectResponse {
            timeout_ms: opening.timeout_ms,
            session: opening.session,
            password: &password(opening.session),
            read_only: opening.read_only,
        };
        response.encode(&mut connection.out);
        self.touch(opening.session);
        self.connections.mark_unflushed(conn);
        self.resume(conn);
    }

    /// The session a connection is about to have.
    pub(crate) fn opening_of(&self, conn: ConnId) -> Option<Opening> {
        match self.connections.get(conn)?.phase {
            Phase::Opening { opening } => Some(opening),
            Phase::Greeting { .. } | Phase::Open { .. } => None,
        }
    }

    /// Whether the tokens for this session are there, and takes them.
    fn grants_tokens(&mut self, session: SessionId) -> bool {
        let local = self.local_sessions();
        let (Some(bucket), Some(limits)) = (&mut self.connect_tokens, &self.config.limits.connects)
        else {
            return true;
        };
        let tokens = match (session, local) {
            (SessionId::NONE, LocalSessions::Never) => limits.opening_takes,
            (SessionId::NONE, LocalSessions::Always | LocalSessions::UntilEphemeral) => {
                limits.opening_locally_takes
            }
            _ => limits.resuming_takes,
        };
        bucket.take(self.now, tokens, self.nonces.next_u32())
    }

    fn open_session(&mut self, conn: ConnId, timeout_ms: i32, read_only: Option<bool>) {
        let session = self.ids.next(&self.state.sessions);
        if self.local_sessions() != LocalSessions::Never {
            self.locals.open(session, timeout_ms, self.now);
            let opening = Opening {
                tag: NO_TAG,
                session,
                timeout_ms,
                read_only: read_only.map(|_| false),
            };
            return self.welcome(conn, opening);
        }
        let tag = self.outcomes.expect(conn, 0);
        let opening = Opening {
            tag,
            session,
            timeout_ms,
            read_only: read_only.map(|_| false),
        };
        self.connections.set_phase(conn, Phase::Opening { opening });
        self.announce(conn, tag, session, timeout_ms);
    }

    fn resume_session(&mut self, conn: ConnId, request: &ConnectRequest<'_>, timeout_ms: i32) {
        let read_only = request.read_only.map(|_| false);
        if request.password != Some(&password(request.session)[..]) {
            return self.refuse_session(conn, read_only);
        }
        self.statistics.revalidate_count += 1;
        let tag = self.outcomes.expect(conn, 0);
        let opening = Opening {
            tag,
            session: request.session,
            timeout_ms,
            read_only,
        };
        self.connections.set_phase(conn, Phase::Opening { opening });
        if self.locals.contains(request.session) {
            self.locals.open(request.session, timeout_ms, self.now);
            self.outcomes.settle(tag);
            return self.on_verdict(conn, Verdict::Valid);
        }
        self.ask_leader(ToLeader::Revalidate {
            tag,
            session: request.session,
            timeout_ms,
        });
    }

    pub(crate) fn refuse_session(&mut self, conn: ConnId, read_only: Option<bool>) {
        let connection = self
            .connections
            .get_mut(conn)
            .expect("the one that is refused exists");
        ConnectResponse::refusal(read_only).encode(&mut connection.out);
        self.close(conn);
    }
}
