//! What clients show of themselves, and what is demanded of them. Source: `client-protocol.md`
//! §8.5, §8.7 and §8.8.

use crate::api::{ConnId, Event, Output, Unproven};
use crate::connection::Then;
use crate::server::Replica;
use alloc::vec::Vec;
use auth::{EnsembleVerdict, NONCE_BYTES, Proof, SaslAnswer};
use rand_chacha::rand_core::Rng;
use zk_proto::{AuthPacket, OpCode, RequestHeader, reply};
use zk_types::{ErrorCode, Zxid};

impl Replica {
    /// What is proven holds for every later request at once; the answer waits for its turn.
    pub(crate) fn take_auth(
        &mut self,
        conn: ConnId,
        header: RequestHeader,
        packet: &AuthPacket<'_>,
        bytes: usize,
    ) {
        let connection = self.connections.get_mut(conn).expect("it just sent this");
        let (scheme, proof) = (packet.scheme.as_deref(), packet.auth.as_deref());
        let is_proven = match self.authenticator.of_packet(scheme, proof, connection.ip) {
            Proof::Proven(identities) => connection.learn(identities),
            Proof::Nothing => false,
            Proof::Ensemble(verdict) => {
                self.statistics.ensemble.count(verdict);
                if verdict == EnsembleVerdict::Wrong {
                    self.note_unproven(conn, Unproven::Ensemble);
                    return self.take_silence(conn);
                }
                true
            }
        };
        let mut answer = Vec::new();
        let then = if is_proven {
            reply::void(&mut answer, header.xid, Zxid::ZERO);
            Then::GoOn
        } else {
            self.statistics.auth_failed += 1;
            self.note_unproven(conn, Unproven::Packet);
            reply::error(&mut answer, header.xid, Zxid::ZERO, ErrorCode::AuthFailed);
            Then::Close
        };
        self.take_answered(conn, header, OpCode::Auth, bytes, answer, then);
    }

    /// One step of a SASL exchange. A null token is no step: its sender is closed on.
    pub(crate) fn take_sasl(&mut self, conn: ConnId, header: RequestHeader, token: Option<&[u8]>) {
        let Some(token) = token else {
            return self.take_silence(conn);
        };
        let mut nonce = [0; NONCE_BYTES];
        self.nonces.fill_bytes(&mut nonce);
        let connection = self.connections.get_mut(conn).expect("it just sent this");
        let mut answer = Vec::new();
        let xid = header.xid;
        let refuse = |answer: &mut Vec<u8>, code| {
            reply::sasl_refused(answer, xid, code);
            Then::Close
        };
        let then = match self.authenticator.step(&mut connection.sasl, nonce, token) {
            SaslAnswer::Token(token) => {
                reply::sasl(&mut answer, xid, Zxid::ZERO, Some(&token));
                Then::GoOn
            }
            SaslAnswer::Proven { token, identities } => {
                if connection.learn(identities) {
                    reply::sasl(&mut answer, xid, Zxid::ZERO, Some(&token));
                    Then::GoOn
                } else {
                    refuse(&mut answer, ErrorCode::AuthFailed)
                }
            }
            SaslAnswer::NoToken => {
                reply::sasl(&mut answer, xid, Zxid::ZERO, None);
                Then::GoOn
            }
            SaslAnswer::Refused(code) => refuse(&mut answer, code),
        };
        if then == Then::Close {
            self.statistics.auth_failed += 1;
            self.note_unproven(conn, Unproven::Sasl);
        }
        self.take_answered(conn, header, OpCode::Sasl, token.len(), answer, then);
    }

    /// Whether the connection has proven what is demanded.
    pub(crate) fn admits(&self, conn: ConnId) -> bool {
        let connection = self.connections.get(conn).expect("it just sent this");
        self.authenticator.admits(&connection.identities)
    }

    /// Answers any request of a connection that must prove something first, and closes it.
    pub(crate) fn take_unadmitted(&mut self, conn: ConnId, header: RequestHeader) {
        self.note_unproven(conn, Unproven::Demanded);
        let op = OpCode::from_code(header.opcode).unwrap_or(OpCode::Error);
        let mut answer = Vec::new();
        let code = ErrorCode::SessionClosedRequireSaslAuth;
        reply::error(&mut answer, header.xid, Zxid::ZERO, code);
        self.take_answered(conn, header, op, 0, answer, Then::Close);
    }

    fn note_unproven(&mut self, conn: ConnId, what: Unproven) {
        let connection = self.connections.get(conn).expect("it just sent this");
        let ip = connection.ip;
        let event = Event::ClientUnproven { ip, what };
        self.outputs.push_back(Output::Event(event));
    }
}
