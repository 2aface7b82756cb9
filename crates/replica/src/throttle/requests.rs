//! The queue before requests: when too many are under way, further ones wait in the order they
//! came, and some are told that they waited for too long. Source: ZooKeeper `RequestThrottler`.

use crate::api::ConnId;
use crate::connection::Waiting;
use crate::limits::WhenStale;
use crate::server::Replica;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::time::Duration;
use zk_proto::{OpCode, RequestHeader};
use zk_types::{ErrorCode, Instant, SessionId};

/// Requests that wait for others, of all connections. What one connection may have in it is
/// counted with what it has under way.
#[derive(Clone)]
pub(crate) struct ThrottleQueue {
    waiting: VecDeque<Throttled>,
    /// Bytes of all of them.
    bytes: usize,
}

#[derive(Clone)]
struct Throttled {
    conn: ConnId,
    session: SessionId,
    since: Instant,
    frame: Vec<u8>,
}

impl ThrottleQueue {
    /// Nothing waits.
    pub(crate) fn new() -> Self {
        ThrottleQueue {
            waiting: VecDeque::new(),
            bytes: 0,
        }
    }

    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Bytes of all that wait.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The lengths of all that wait.
    pub(crate) fn lengths(&self) -> impl Iterator<Item = usize> {
        self.waiting.iter().map(|throttled| throttled.frame.len())
    }

    /// Drops what a connection has in it.
    pub(crate) fn forget(&mut self, conn: ConnId) {
        self.waiting.retain(|throttled| throttled.conn != conn);
        self.bytes = self.lengths().sum();
    }
}

impl Replica {
    /// Takes a request, or lets it wait behind others.
    pub(crate) fn throttle(&mut self, conn: ConnId, session: SessionId, frame: &[u8]) {
        let requests_max = self.config.limits.requests_max;
        let is_free = self.throttled.len() == 0 && self.outcomes.len() < requests_max;
        if requests_max == 0 || is_free {
            return self.on_request(conn, session, frame);
        }
        self.touch(session);
        self.statistics.throttle_waits += 1;
        let connection = self.connections.get_mut(conn).expect("it just sent this");
        connection.throttled.0 += 1;
        connection.throttled.1 += frame.len();
        self.throttled.bytes += frame.len();
        self.throttled.waiting.push_back(Throttled {
            conn,
            session,
            since: self.now,
            frame: frame.to_vec(),
        });
    }

    /// Takes waiting requests as far as there is room. Those of a connection that must not be
    /// gone on with are passed over; they stay so until this is called again, so that none is
    /// taken before an earlier one of its connection.
    pub(crate) fn release_throttled(&mut self) {
        let mut index = 0;
        while self.outcomes.len() < self.config.limits.requests_max {
            let Some(throttled) = self.throttled.waiting.get(index) else {
                return;
            };
            let connection = self
                .connections
                .get_mut(throttled.conn)
                .expect("what waits goes with its connection");
            if !connection.has_room() {
                index += 1;
                continue;
            }
            connection.throttled.0 -= 1;
            connection.throttled.1 -= throttled.frame.len();
            let throttled = self.throttled.waiting.remove(index);
            let throttled = throttled.expect("it was looked at");
            self.throttled.bytes -= throttled.frame.len();
            self.take_throttled(&throttled);
        }
    }

    fn take_throttled(&mut self, throttled: &Throttled) {
        let Throttled {
            conn,
            session,
            since,
            ref frame,
        } = *throttled;
        let waited = self.now.since(since);
        let Ok((header, _)) = RequestHeader::decode(frame) else {
            return self.on_request(conn, session, frame);
        };
        let connection = self.connections.get(conn).expect("it was looked at");
        let timeout_ms = u64::try_from(connection.facts.timeout_ms).unwrap_or(0);
        let is_stale = self.config.limits.when_stale == WhenStale::Close
            && waited > Duration::from_millis(timeout_ms)
            && header.opcode != OpCode::CloseSession.code();
        if is_stale {
            self.statistics.stale_requests_dropped += 1;
            return self.close(conn);
        }
        let wait_max = self.config.limits.throttled_wait_max;
        let waited_too_long = wait_max > Duration::ZERO && waited > wait_max;
        match OpCode::from_code(header.opcode) {
            Some(op) if waited_too_long && may_be_refused(op) && self.admits(conn) => {
                self.statistics.throttled_ops += 1;
                let waiting = Waiting::Refused {
                    code: ErrorCode::ThrottledOp,
                };
                let connection = self.connections.get_mut(conn).expect("it was looked at");
                connection.enqueue(header, op, since, frame.len(), waiting);
                self.answer_in_turn(conn);
            }
            Some(_) | None => self.on_request(conn, session, frame),
        }
    }
}

/// What keeps a session alive or ends it is carried out however late, and so is what proves
/// who a client is, or arms its watches again: no client looks whether that failed.
fn may_be_refused(op: OpCode) -> bool {
    !matches!(
        op,
        OpCode::Ping
            | OpCode::CloseSession
            | OpCode::CreateSession
            | OpCode::Auth
            | OpCode::Sasl
            | OpCode::SetWatches
            | OpCode::SetWatches2
    )
}
