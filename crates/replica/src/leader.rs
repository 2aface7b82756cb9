//! What only the leader does: requests become transactions, sessions expire, containers are
//! reaped.

use crate::api::Config;
use crate::apply::NOBODY;
use crate::between::{
    ForwardedRequest, FromLeader, RequestTag, Scope, ToLeader, Verdict, WireRefusal, decode, encode,
};
use crate::envelope::{self, Origin};
use crate::reaper::Reaper;
use crate::reconfig;
use crate::rules::LocalSessions;
use crate::server::{Replica, Work};
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::format;
use alloc::vec::Vec;
use session::{Expiry, Liveness, Owners, Sessions};
use zab_core::{Input as ZabInput, Role};
use zk_proto::{OpCode, Request, decode_op};
use zk_types::{
    CreateOp, ErrorCode, Instant, Op, ServerId, SessionId, Txn, TxnHeader, WallTime, Zxid,
};
use znode_tree::{EphemeralRight, Pending, Refusal, Requester};

/// The tag of transactions that nobody awaits.
pub(crate) const NO_TAG: RequestTag = RequestTag(0);

/// Top-level nodes whose refusals by quotas are counted before those that are gone are forgotten.
const QUOTA_REFUSALS_KEPT: usize = 1_000;

/// State that exists while this server leads, and is forgotten with its term.
#[derive(Clone)]
pub(crate) struct Leader {
    pending: Pending,
    /// What was proposed and not applied.
    proposed: VecDeque<Proposed>,
    expiry: Expiry,
    owners: Owners,
    reaper: Reaper,
    /// Nothing expires before: what clients said while this server was not running must be read
    /// first.
    expire_from: Instant,
    /// Where payloads are written before they are shared.
    scratch: Vec<u8>,
}

/// A transaction that this leader made: what its record holds, so that it is not read again.
#[derive(Clone)]
pub(crate) struct Proposed {
    pub(crate) origin: Origin,
    pub(crate) header: TxnHeader,
    pub(crate) txn: Txn,
    pub(crate) at: Instant,
}

/// Something the leader is to make a transaction of.
#[derive(Clone)]
pub(crate) enum Submission {
    /// A client's request, through the server it is connected to.
    Request {
        from: ServerId,
        request: ForwardedRequest,
    },
    /// A session that was silent for too long.
    Expire { session: SessionId },
    /// A container or TTL node whose time has come.
    Reap { path: Box<str> },
}

impl Leader {
    /// A new term: every session has its full timeout, and no owner yet.
    pub(crate) fn new(sessions: &Sessions, config: &Config, now: Instant) -> Self {
        let mut expiry = Expiry::new(config.tick, now);
        expiry.restart_all(sessions, now);
        Leader {
            pending: Pending::new(),
            proposed: VecDeque::new(),
            expiry,
            owners: Owners::new(),
            reaper: Reaper::new(config.reaper, now),
            expire_from: now,
            scratch: Vec::new(),
        }
    }

    /// When something is due.
    pub(crate) fn next_deadline(&self) -> Instant {
        let expiry = self
            .expiry
            .next_deadline()
            .map(|at| at.max(self.expire_from));
        let reap = self.reaper.next_deadline();
        expiry.map_or(reap, |at| at.min(reap))
    }

    /// This server was not running for a while; it hears first and judges later.
    pub(crate) fn postpone_expiry(&mut self, until: Instant) {
        self.expire_from = self.expire_from.max(until);
    }

    /// Takes back what was proposed at a place, if this leader did.
    pub(crate) fn take_proposed(&mut self, zxid: Zxid) -> Option<Proposed> {
        let is_first = self.proposed.front()?.header.zxid == zxid;
        if is_first {
            self.proposed.pop_front()
        } else {
            None
        }
    }

    /// Prepared changes up to an applied transaction are the state's own now.
    pub(crate) fn on_applied(&mut self, header: &TxnHeader, txn: &Txn) {
        self.pending.settle(header.zxid);
        if let Txn::CloseSession { .. } = txn {
            self.expiry.forget(header.session);
            self.owners.forget(header.session);
        }
    }

    /// The deadlines of sessions, for `dump`.
    pub(crate) fn expiry(&self) -> &Expiry {
        &self.expiry
    }
}

impl Replica {
    /// Lets sessions expire and containers go that are due.
    pub(crate) fn lead_on_timeout(&mut self) {
        if self.leader.is_none() {
            return;
        }
        self.hand_over_touches();
        let leader = self.leader.as_mut().expect("it leads");
        if leader.expire_from <= self.now {
            for session in leader.expiry.expire(self.now) {
                self.statistics.expired_sessions += 1;
                self.work
                    .push_back(Work::Submit(Submission::Expire { session }));
            }
        }
        if leader.reaper.next_deadline() <= self.now {
            let limits = leader.reaper.limits();
            let due = self.state.tree.expired_containers(self.wall, limits);
            leader.reaper.looked(self.now, due.len());
            for path in due {
                self.work.push_back(Work::Submit(Submission::Reap { path }));
            }
        }
    }

    /// Hands the sessions that were heard of to whoever keeps their deadlines.
    pub(crate) fn hand_over_touches(&mut self) {
        self.touch_at = self.now + self.config.tick / 2;
        let sessions = self.touches.take();
        let handed = zk_types::mutant!("touches-kept-back", true, self.leader.is_some());
        if handed && !sessions.is_empty() {
            self.ask_leader(ToLeader::Touched { sessions });
        }
    }

    /// Makes a transaction of a request, or refuses it. The protocol has nothing left to say when
    /// this is called, so the next zxid is known.
    pub(crate) fn submit(&mut self, submission: Submission) {
        if self.leader.is_none() {
            return;
        }
        let Some(zxid) = self.zab.next_zxid() else {
            return;
        };
        match submission {
            Submission::Request { from, request } => self.submit_request(zxid, from, &request),
            Submission::Expire { session } => {
                self.propose_own(zxid, session, &Op::CloseSession);
            }
            Submission::Reap { path } => {
                let path = Some((&*path).into());
                self.propose_own(zxid, NOBODY, &Op::DeleteContainer { path });
            }
        }
    }

    /// A message of another replica.
    pub(crate) fn on_app(&mut self, from: ServerId, bytes: &[u8]) {
        match self.role {
            Role::Leading { .. } => {
                if let Ok(question) = decode::<ToLeader>(bytes) {
                    self.on_question(from, question);
                }
            }
            Role::Following { leader, .. } if leader == from => {
                if let Ok(answer) = decode::<FromLeader>(bytes) {
                    self.on_answer(answer);
                }
            }
            Role::Following { .. }
            | Role::Looking
            | Role::LeadingPrepare { .. }
            | Role::FollowingPrepare { .. } => {}
        }
    }

    /// Something a server wants of the leader that this server is.
    pub(crate) fn on_question(&mut self, from: ServerId, question: ToLeader) {
        match question {
            ToLeader::Request(request) => {
                self.work
                    .push_back(Work::Submit(Submission::Request { from, request }));
            }
            ToLeader::Revalidate {
                tag,
                session,
                timeout_ms,
            } => {
                let verdict = self.revalidate(from, session, timeout_ms);
                self.tell(from, FromLeader::Revalidated { tag, verdict });
            }
            ToLeader::Touched { sessions } => {
                let leader = self.leader.as_mut().expect("only a leader is asked");
                for session in sessions {
                    leader.expiry.touch(session, self.now);
                }
            }
        }
    }

    fn on_answer(&mut self, answer: FromLeader) {
        match answer {
            FromLeader::Refused {
                tag,
                refusal,
                after,
            } => {
                let refusal = Refusal::try_from(refusal)
                    .unwrap_or(Refusal::Error(ErrorCode::MarshallingError));
                self.on_refused(tag, refusal, after);
            }
            FromLeader::Revalidated { tag, verdict } => {
                if let Some(conn) = self.outcomes.settle(tag) {
                    self.on_verdict(conn, verdict);
                }
            }
            FromLeader::Moved { session } => {
                if let Some(conn) = self.connections.of_session(session) {
                    self.close(conn);
                }
            }
        }
    }

    /// Tells another server something, or this one.
    fn tell(&mut self, to: ServerId, answer: FromLeader) {
        if to == self.config.me {
            return self.on_answer(answer);
        }
        let bytes = encode(&answer);
        self.work
            .push_back(Work::Zab(ZabInput::ToLearner { to, bytes }));
    }

    fn revalidate(&mut self, from: ServerId, session: SessionId, timeout_ms: i32) -> Verdict {
        self.statistics.sessions_judged += 1;
        let leader = self.leader.as_mut().expect("only a leader is asked");
        if leader.expiry.liveness(session) != Liveness::Live {
            return Verdict::Expired;
        }
        leader.expiry.track(session, timeout_ms, self.now);
        let before = leader.owners.owner(session);
        zk_types::mutant!(
            "move-does-not-change-the-owner",
            leader.owners.set(session, from),
            ()
        );
        if let Some(before) = before.filter(|&before| before != from) {
            self.tell(before, FromLeader::Moved { session });
        }
        Verdict::Valid
    }

    fn submit_request(&mut self, zxid: Zxid, from: ServerId, request: &ForwardedRequest) {
        let origin = Origin {
            server: from,
            tag: request.tag,
        };
        if request.opcode == OpCode::Reconfig.code() {
            return self.refuse_reconfig(zxid, origin, request);
        }
        let bytes_max = self.config.frame_bytes_max;
        let op = OpCode::from_code(request.opcode)
            .ok_or(ErrorCode::Unimplemented)
            .and_then(|opcode| {
                decode_op(opcode, &request.body, bytes_max).map_err(|_| ErrorCode::MarshallingError)
            });
        let op = match op {
            Ok(op) => op,
            Err(code) => return self.refuse(origin, zxid, &Refusal::Error(code)),
        };
        let session_check = match op {
            Op::CreateSession { timeout_ms } => {
                let leader = self.leader.as_mut().expect("only a leader submits");
                if leader.expiry.liveness(request.session) != Liveness::Unknown {
                    // It was announced before a link broke, and again after.
                    return;
                }
                leader.expiry.track(request.session, timeout_ms, self.now);
                leader.owners.set(request.session, from);
                Ok(())
            }
            Op::Create(_)
            | Op::Delete { .. }
            | Op::DeleteContainer { .. }
            | Op::SetData { .. }
            | Op::SetAcl { .. }
            | Op::Check { .. }
            | Op::Multi(_)
            | Op::Keeper(_)
            | Op::CloseSession => self.check_session(from, request),
        };
        if session_check == Err(ErrorCode::SessionMoved) {
            return self.refuse(origin, zxid, &Refusal::Error(ErrorCode::SessionMoved));
        }
        if let Op::CloseSession = op {
            let leader = self.leader.as_mut().expect("only a leader submits");
            leader.expiry.mark_closing(request.session);
        }
        let header = TxnHeader {
            session: request.session,
            cxid: request.cxid,
            zxid,
            time: self.wall,
        };
        let requester = Requester {
            session: request.session,
            identities: &request.identities,
            session_check,
            ephemerals: match request.scope {
                Scope::Global => EphemeralRight::Granted,
                Scope::Local => EphemeralRight::Denied,
            },
        };
        self.prepare_and_propose(origin, header, &requester, &op);
    }

    /// Whether the session of a request may act. One that only the server knows whose client it
    /// serves is that server's business, and its id says whose that is.
    fn check_session(
        &mut self,
        from: ServerId,
        request: &ForwardedRequest,
    ) -> Result<(), ErrorCode> {
        let session = request.session;
        let leader = self.leader.as_mut().expect("only a leader submits");
        let is_global = leader.expiry.liveness(session) != Liveness::Unknown;
        if request.scope == Scope::Global || is_global {
            return leader
                .owners
                .check(&leader.expiry, session, from)
                .map_err(session::Refusal::code);
        }
        let is_known = if from == self.config.me {
            self.locals.knows(session)
        } else {
            session.server() != self.config.me
        };
        if is_known && self.local_sessions() != LocalSessions::Never {
            Ok(())
        } else {
            Err(ErrorCode::SessionExpired)
        }
    }

    fn refuse_reconfig(&mut self, zxid: Zxid, origin: Origin, request: &ForwardedRequest) {
        let session_check = self.check_session(origin.server, request);
        let leader = self.leader.as_ref().expect("only a leader submits");
        let learners = self.zab.summary().learners;
        let ensemble = reconfig::Ensemble {
            members: &self.config.members,
            me: self.config.me,
            learners: &learners,
        };
        let asker = reconfig::Asker {
            tree: &self.state.tree,
            pending: &leader.pending,
            identities: &request.identities,
            session_check,
        };
        let bytes_max = self.config.frame_bytes_max;
        let code = match Request::decode(request.opcode, &request.body, bytes_max) {
            Ok(Request::Reconfig(request)) => {
                reconfig::refusal(self.config.reconfig, &ensemble, &asker, &request)
            }
            Ok(_) | Err(_) => ErrorCode::MarshallingError,
        };
        self.refuse(origin, zxid, &Refusal::Error(code));
    }

    fn propose_own(&mut self, zxid: Zxid, session: SessionId, op: &Op<'_>) {
        let origin = Origin {
            server: self.config.me,
            tag: NO_TAG,
        };
        let header = TxnHeader {
            session,
            cxid: 0,
            zxid,
            time: self.wall,
        };
        let requester = Requester::new(session, &[]);
        self.prepare_and_propose(origin, header, &requester, op);
    }

    fn prepare_and_propose(
        &mut self,
        origin: Origin,
        header: TxnHeader,
        requester: &Requester<'_>,
        op: &Op<'_>,
    ) {
        let leader = self.leader.as_mut().expect("only a leader proposes");
        let time: WallTime = header.time;
        let prepared =
            self.state
                .tree
                .prepare(&mut leader.pending, requester, header.zxid, time, op);
        match prepared {
            Ok(txn) => {
                let payload = envelope::seal(origin, &header, &txn, &mut leader.scratch);
                self.statistics.proposals.record(payload.len());
                self.statistics.proposal_count += 1;
                leader.proposed.push_back(Proposed {
                    origin,
                    header,
                    txn,
                    at: self.now,
                });
                self.zab.handle(self.now, ZabInput::Propose { payload });
            }
            Err(refusal) => {
                self.count_quota_refusal(op, &refusal);
                self.refuse(origin, header.zxid, &refusal);
            }
        }
    }

    /// Counts a write that a quota refused under the top-level node it was below. Counts of nodes
    /// that are gone are forgotten when there are many.
    fn count_quota_refusal(&mut self, op: &Op<'_>, refusal: &Refusal) {
        let refused = match (op, refusal) {
            (op, Refusal::Error(ErrorCode::QuotaExceeded)) => Some(op),
            (Op::Multi(parts), Refusal::Multi(codes)) => parts
                .iter()
                .zip(codes)
                .find(|(_, code)| **code == Some(ErrorCode::QuotaExceeded))
                .map(|(part, _)| part),
            (_, Refusal::Error(_) | Refusal::Multi(_)) => None,
        };
        let path = match refused {
            Some(Op::Create(CreateOp { path, .. }) | Op::SetData { path, .. }) => path.as_deref(),
            Some(_) | None => None,
        };
        if let Some(name) = path.and_then(|path| path.split('/').nth(1)) {
            let counts = &mut self.statistics.quota_refusals;
            if counts.len() >= QUOTA_REFUSALS_KEPT && !counts.contains_key(name) {
                let tree = &self.state.tree;
                counts.retain(|name, _| tree.stat(&format!("/{name}")).is_some());
            }
            *counts.entry(Box::from(name)).or_default() += 1;
        }
    }

    /// Refuses a request: it takes no zxid, and is answered after everything before it.
    fn refuse(&mut self, origin: Origin, unused: Zxid, refusal: &Refusal) {
        if origin.tag == NO_TAG {
            return;
        }
        let after = Zxid(unused.0 - 1);
        let refusal = WireRefusal::from(refusal);
        self.tell(
            origin.server,
            FromLeader::Refused {
                tag: origin.tag,
                refusal,
                after,
            },
        );
    }
}
