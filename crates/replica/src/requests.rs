//! Requests of clients, each in its place: writes go to the leader at once, everything else waits
//! for the writes before it, and answers leave in the order of the requests.

use crate::api::ConnId;
use crate::between::{ForwardedRequest, RequestTag, Scope, ToLeader, encode};
use crate::connection::{Then, UNREAD_BYTES_MAX, Waiting};
use crate::leader::Submission;
use crate::read_only::needs_a_quorum;
use crate::reads::{Reads, operation_name};
use crate::server::{Replica, Work};
use crate::statistics::whole_ms;
use alloc::vec::Vec;
use zab_core::{Input as ZabInput, Role, SyncTag};
use zk_proto::{OpCode, ReplyHeader, Request, RequestError, RequestHeader, Xid, reply};
use zk_types::{Bytes, ErrorCode, Op, SessionId, Zxid};
use znode_tree::Refusal;

/// Bytes of requests that may be awaited before connections with one waiting are not read.
const OUTSTANDING_BYTES_MAX: usize = 64 << 20;

impl Replica {
    /// Takes one request of a client that has its session.
    pub(crate) fn on_request(&mut self, conn: ConnId, session: SessionId, frame: &[u8]) {
        let Ok((header, body)) = RequestHeader::decode(frame) else {
            return self.take_silence(conn);
        };
        let proves = [OpCode::Auth.code(), OpCode::Sasl.code()];
        if !proves.contains(&header.opcode) {
            self.touch(session);
            if !self.admits(conn) {
                return self.take_unadmitted(conn, header);
            }
            if self.is_one_large_too_many(body.len()) {
                self.statistics.large_requests_rejected += 1;
                return self.take_silence(conn);
            }
        }
        let op = OpCode::from_code(header.opcode);
        let asked = self
            .connections
            .get_mut(conn)
            .expect("it just sent this")
            .asked;
        if op.is_some_and(|op| !asked.knows(op)) {
            return self.take_unknown(conn, header);
        }
        if self.serves_read_only() && op.is_some_and(needs_a_quorum) {
            let code = ErrorCode::NotReadOnly;
            return self.take_refused(conn, header, body.len(), code);
        }
        let ends_here = self.serves_read_only() || self.locals.contains(session);
        match Request::decode(header.opcode, body, self.config.frame_bytes_max) {
            Ok(request @ Request::Write(Op::CloseSession)) if ends_here => {
                self.take_turn(conn, header, body, Ok(request));
            }
            Ok(Request::Write(op)) if !asked.knows_parts(&op) => {
                self.take_refused(conn, header, body.len(), ErrorCode::MarshallingError);
            }
            Ok(Request::Write(op)) => {
                let scope = self.scope_for(conn, session, &op);
                self.take_write(conn, (session, scope), header, body);
            }
            Ok(Request::Reconfig(_)) => {
                let scope = self.scope_of(session);
                self.take_write(conn, (session, scope), header, body);
            }
            Ok(Request::Sync { .. }) => self.take_sync(conn, header, body),
            Ok(Request::Auth(packet)) => self.take_auth(conn, header, &packet, body.len()),
            Ok(Request::Sasl { token }) => self.take_sasl(conn, header, token.as_deref()),
            request @ (Ok(_) | Err(RequestError::Marshalling(_))) => {
                self.take_turn(conn, header, body, request);
            }
            Err(RequestError::UnknownOpcode { .. }) => self.take_unknown(conn, header),
            Err(RequestError::Auth(_)) => self.take_silence(conn),
        }
    }

    /// A request that no server knows ends the connection, in its turn.
    fn take_unknown(&mut self, conn: ConnId, header: RequestHeader) {
        let mut answer = Vec::new();
        let code = ErrorCode::Unimplemented;
        reply::error(&mut answer, header.xid, ReplyHeader::NO_ZXID, code);
        self.take_answered(conn, header, OpCode::Error, 0, answer, Then::Close);
    }

    /// Sends a request to the leader, which may be this server.
    pub(crate) fn forward(&mut self, request: ForwardedRequest) {
        match self.role {
            Role::Leading { .. } => {
                let submission = Submission::Request {
                    from: self.config.me,
                    request,
                };
                self.work.push_back(Work::Submit(submission));
            }
            Role::Following { .. } => self.ask_leader(ToLeader::Request(request)),
            Role::Looking | Role::LeadingPrepare { .. } | Role::FollowingPrepare { .. } => {}
        }
    }

    /// Sends a question to the leader, which may be this server.
    pub(crate) fn ask_leader(&mut self, question: ToLeader) {
        if self.leader.is_some() {
            self.on_question(self.config.me, question);
        } else {
            let bytes = encode(&question);
            self.work.push_back(Work::Zab(ZabInput::ToLeader { bytes }));
        }
    }

    /// Whether so much is awaited that no connection with a request waiting is read.
    pub(crate) fn is_overloaded(&self) -> bool {
        u32::try_from(self.outcomes.len() + self.throttled.len()).unwrap_or(u32::MAX)
            > self.config.outstanding_max
            || self.outcomes.bytes + self.throttled.bytes() > OUTSTANDING_BYTES_MAX
    }

    /// Whether a request of this many bytes is more than large requests may take.
    fn is_one_large_too_many(&self, bytes: usize) -> bool {
        let Some(limits) = self.config.limits.large_requests else {
            return false;
        };
        let is_large = |bytes: &usize| *bytes > limits.above_bytes;
        if !is_large(&bytes) {
            return false;
        }
        let queued = self
            .connections
            .iter()
            .flat_map(|connection| &connection.queue);
        let under_way = queued
            .map(|entry| entry.bytes)
            .chain(self.throttled.lengths());
        bytes + under_way.filter(is_large).sum::<usize>() > limits.bytes_max
    }

    /// Keeps a refusal until everything it takes for granted is applied here.
    pub(crate) fn on_refused(&mut self, tag: RequestTag, refusal: Refusal, after: Zxid) {
        self.outcomes.refusals.push_back((after, tag, refusal));
        self.answer_due_refusals();
    }

    /// Answers the refusals that are right by now.
    pub(crate) fn answer_due_refusals(&mut self) {
        while let Some((after, _, _)) = self.outcomes.refusals.front() {
            let is_early = *after > self.state.applied;
            if zk_types::mutant!("refusal-before-its-state", is_early, false) {
                return;
            }
            let (_, tag, refusal) = self.outcomes.refusals.pop_front().expect("it is the front");
            self.answer_refused(tag, &refusal);
        }
    }

    /// Everything proposed before a sync has been applied here. It is answered in its turn: a
    /// write before it may still be on its way.
    pub(crate) fn on_sync_done(&mut self, tag: RequestTag) {
        let Some(conn) = self.outcomes.settle(tag) else {
            return;
        };
        let connection = self
            .connections
            .get_mut(conn)
            .expect("what it awaits goes with it");
        let Some(entry) = connection.waiting_for(tag) else {
            return;
        };
        if let Waiting::Sync { body, .. } = &mut entry.waiting {
            let body = core::mem::take(body);
            entry.waiting = Waiting::Synced { body };
        }
        self.answer_in_turn(conn);
    }

    /// Puts the answer of an awaited request in its place and lets those behind it follow.
    pub(crate) fn answer_write(
        &mut self,
        tag: RequestTag,
        encode_answer: impl FnOnce(Xid, OpCode, &mut Vec<u8>),
    ) {
        let Some(conn) = self.outcomes.settle(tag) else {
            return;
        };
        let applied = self.state.applied;
        let connection = self
            .connections
            .get_mut(conn)
            .expect("what it awaits goes with it");
        if let Some(entry) = connection.take_next_write(tag) {
            connection.make_room();
            encode_answer(entry.xid, entry.op, &mut connection.out);
            self.note_answer(conn, entry.xid, entry.op, entry.received, applied);
            self.after_answer(conn, after_write(entry.op));
            return self.answer_in_turn(conn);
        }
        let Some(entry) = connection.waiting_for(tag) else {
            return;
        };
        let mut answer = Vec::new();
        encode_answer(entry.xid, entry.op, &mut answer);
        entry.waiting = Waiting::Answered {
            reply: answer,
            zxid: applied,
            then: after_write(entry.op),
        };
        self.answer_in_turn(conn);
    }

    fn take_write(
        &mut self,
        conn: ConnId,
        (session, scope): (SessionId, Scope),
        header: RequestHeader,
        body: &[u8],
    ) {
        let op = OpCode::from_code(header.opcode).expect("it was decoded");
        let tag = self.outcomes.expect(conn, body.len());
        let now = self.now;
        let connection = self.connections.get_mut(conn).expect("it just sent this");
        connection.enqueue(header, op, now, body.len(), Waiting::Write { tag });
        let identities = connection.identities.clone();
        self.forward(ForwardedRequest {
            tag,
            session,
            scope,
            cxid: header.xid.0,
            opcode: header.opcode,
            identities,
            body: Bytes::from(body),
        });
    }

    fn take_sync(&mut self, conn: ConnId, header: RequestHeader, body: &[u8]) {
        let tag = self.outcomes.expect(conn, body.len());
        let now = self.now;
        let connection = self.connections.get_mut(conn).expect("it just sent this");
        let waiting = Waiting::Sync {
            tag,
            body: body.to_vec(),
        };
        connection.enqueue(header, OpCode::Sync, now, body.len(), waiting);
        self.work.push_back(Work::Zab(ZabInput::Sync {
            tag: SyncTag(tag.0),
        }));
    }

    fn take_turn(
        &mut self,
        conn: ConnId,
        header: RequestHeader,
        body: &[u8],
        request: Result<Request<'_>, RequestError>,
    ) {
        let now = self.now;
        let op = OpCode::from_code(header.opcode).expect("it was decoded");
        let connection = self.connections.get_mut(conn).expect("it just sent this");
        let is_next = connection.queue.is_empty() && !connection.should_hold_back();
        if zk_types::mutant!("read-overtakes-writes", is_next, true) {
            let identities = connection.identities.clone();
            let then = self.read(conn, header, &identities, request);
            self.note_answer(conn, header.xid, op, now, self.state.applied);
            return self.after_answer(conn, then);
        }
        let identities = connection.identities.clone();
        let waiting = Waiting::Turn {
            identities,
            body: body.to_vec(),
        };
        connection.enqueue(header, op, now, body.len(), waiting);
    }

    /// A request that is refused in its turn, as of what is applied then.
    fn take_refused(&mut self, conn: ConnId, header: RequestHeader, bytes: usize, code: ErrorCode) {
        let now = self.now;
        let op = OpCode::from_code(header.opcode).expect("known operations are refused");
        let connection = self.connections.get_mut(conn).expect("it just sent this");
        connection.enqueue(header, op, now, bytes, Waiting::Refused { code });
        self.answer_in_turn(conn);
    }

    pub(crate) fn take_answered(
        &mut self,
        conn: ConnId,
        header: RequestHeader,
        op: OpCode,
        bytes: usize,
        answer: Vec<u8>,
        then: Then,
    ) {
        let now = self.now;
        let connection = self.connections.get_mut(conn).expect("it just sent this");
        let waiting = Waiting::Answered {
            reply: answer,
            zxid: Zxid::ZERO,
            then,
        };
        connection.enqueue(header, op, now, bytes, waiting);
        self.answer_in_turn(conn);
    }

    /// What cannot be answered closes the connection, once everything before it is answered.
    pub(crate) fn take_silence(&mut self, conn: ConnId) {
        let header = RequestHeader {
            xid: Xid(0),
            opcode: OpCode::Error.code(),
        };
        self.take_answered(conn, header, OpCode::Error, 0, Vec::new(), Then::Close);
    }

    fn answer_refused(&mut self, tag: RequestTag, refusal: &Refusal) {
        let Some(conn) = self.outcomes.conn_of(tag) else {
            return;
        };
        let moved = *refusal == Refusal::Error(ErrorCode::SessionMoved);
        if moved || self.opening_of(conn).is_some() {
            return self.close(conn);
        }
        let applied = self.state.applied;
        self.answer_write(tag, |xid, _, out| match refusal {
            Refusal::Error(code) => reply::error(out, xid, applied, *code),
            Refusal::Multi(codes) => {
                let results: Vec<_> = codes.iter().map(crate::apply::refused_part).collect();
                reply::multi(out, xid, applied, &results);
            }
        });
    }

    /// Sends every answer whose turn has come, as far as the client takes them.
    pub(crate) fn answer_in_turn(&mut self, conn: ConnId) {
        loop {
            let Some(connection) = self.connections.get_mut(conn) else {
                return;
            };
            if connection.unread_bytes() > UNREAD_BYTES_MAX {
                return self.cut(conn);
            }
            let is_due = connection
                .queue
                .front()
                .is_some_and(|entry| match entry.waiting {
                    Waiting::Turn { .. } => !connection.should_hold_back(),
                    Waiting::Synced { .. } | Waiting::Refused { .. } | Waiting::Answered { .. } => {
                        true
                    }
                    Waiting::Write { .. } | Waiting::Sync { .. } => false,
                });
            if !is_due {
                break;
            }
            let entry = connection.queue.pop_front().expect("the front is due");
            connection.queued_bytes -= entry.bytes;
            let (then, zxid) = match entry.waiting {
                Waiting::Answered { reply, zxid, then } => {
                    connection.out.extend_from_slice(&reply);
                    (then, zxid)
                }
                Waiting::Refused { code } => {
                    let applied = self.state.applied;
                    reply::error(&mut connection.out, entry.xid, applied, code);
                    (Then::GoOn, applied)
                }
                Waiting::Synced { body } => {
                    let applied = self.state.applied;
                    let path = match Request::decode(OpCode::Sync.code(), &body, usize::MAX) {
                        Ok(Request::Sync { path }) => path,
                        Ok(_) | Err(_) => None,
                    };
                    reply::raw_path(&mut connection.out, entry.xid, applied, &path);
                    (Then::GoOn, applied)
                }
                Waiting::Turn { identities, body } => {
                    let header = RequestHeader {
                        xid: entry.xid,
                        opcode: entry.op.code(),
                    };
                    let bytes_max = self.config.frame_bytes_max;
                    let request = Request::decode(header.opcode, &body, bytes_max);
                    (
                        self.read(conn, header, &identities, request),
                        self.state.applied,
                    )
                }
                Waiting::Write { .. } | Waiting::Sync { .. } => unreachable!("neither is due"),
            };
            self.note_answer(conn, entry.xid, entry.op, entry.received, zxid);
            self.after_answer(conn, then);
        }
        self.resume(conn);
    }

    fn read(
        &mut self,
        conn: ConnId,
        header: RequestHeader,
        identities: &[zk_types::Identity],
        request: Result<Request<'_>, RequestError>,
    ) -> Then {
        let connection = self
            .connections
            .get_mut(conn)
            .expect("its turn came while it exists");
        let session = connection
            .session()
            .expect("requests are taken of open sessions");
        if header.opcode == OpCode::CloseSession.code() {
            self.locals.remove(session);
            self.end_reader(session);
            let connection = self.connections.get_mut(conn).expect("it just asked");
            reply::void(&mut connection.out, header.xid, self.state.applied);
            return Then::Close;
        }
        let mut reads = Reads {
            tree: &self.state.tree,
            watches: &mut self.watches,
            applied: self.state.applied,
            conn,
            session,
            identities,
            asked: &mut connection.asked,
        };
        reads.answer(header.xid, request, &mut connection.out)
    }

    fn note_answer(
        &mut self,
        conn: ConnId,
        xid: Xid,
        op: OpCode,
        received: zk_types::Instant,
        zxid: Zxid,
    ) {
        let took = self.now.since(received);
        self.statistics.latency.record(took);
        let times = &mut self.statistics.times;
        if is_update(op) {
            times.updates.record(whole_ms(took));
        } else {
            times.reads.record(whole_ms(took));
        }
        if let Some(connection) = self.connections.get_mut(conn) {
            let facts = &mut connection.facts;
            facts.last_op = operation_name(op);
            facts.last_cxid = xid.0;
            facts.last_zxid = zxid.0.cast_signed();
            facts.last_response = self.now;
            facts.latency.record(took);
        }
    }
}

fn after_write(op: OpCode) -> Then {
    if op == OpCode::CloseSession {
        Then::Close
    } else {
        Then::GoOn
    }
}

/// Whether the operation is a write, as `mntr` counts them.
pub(crate) fn is_update(op: OpCode) -> bool {
    match op {
        OpCode::Create
        | OpCode::Create2
        | OpCode::CreateContainer
        | OpCode::CreateTtl
        | OpCode::Delete
        | OpCode::DeleteContainer
        | OpCode::SetData
        | OpCode::SetAcl
        | OpCode::Multi
        | OpCode::Reconfig
        | OpCode::CreateIfNotExists
        | OpCode::DeleteRecursive
        | OpCode::TryDelete
        | OpCode::CreateSession
        | OpCode::CloseSession => true,
        OpCode::Exists
        | OpCode::GetData
        | OpCode::GetAcl
        | OpCode::GetChildren
        | OpCode::GetChildren2
        | OpCode::GetAllChildrenNumber
        | OpCode::GetEphemerals
        | OpCode::Sync
        | OpCode::Ping
        | OpCode::Check
        | OpCode::MultiRead
        | OpCode::CheckWatches
        | OpCode::RemoveWatches
        | OpCode::AddWatch
        | OpCode::SetWatches
        | OpCode::SetWatches2
        | OpCode::WhoAmI
        | OpCode::FilteredList
        | OpCode::ListWithStatsAndData
        | OpCode::ListRecursive
        | OpCode::GetChildrenPage
        | OpCode::CheckNotExists
        | OpCode::CheckStat
        | OpCode::Auth
        | OpCode::Sasl
        | OpCode::Error
        | OpCode::Notification => false,
    }
}
