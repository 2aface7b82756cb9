//! One client's connection: what it is called, what it waits for, and what waits to leave.

use crate::api::{ConnId, Reading};
use crate::between::RequestTag;
use crate::identities::sort_as_apache;
use crate::keeper::Asked;
use crate::statistics::Latency;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use auth::{Authenticator, Conversation};
use core::net::IpAddr;
use zk_proto::{FrameDecoder, OpCode, RequestHeader, Xid};
use zk_types::{ErrorCode, Identity, Instant, SessionId, WallTime, Zxid};

/// Bytes a client may leave unread before its requests wait.
pub(crate) const UNSENT_BYTES_MAX: usize = 4 << 20;

/// Bytes a client may leave unread before its connection is closed: events go on while requests
/// wait.
pub(crate) const UNREAD_BYTES_MAX: usize = 64 << 20;

/// What a client may prove on one connection: each request carries all of it.
pub(crate) const IDENTITIES_MAX: usize = 64;

/// Bytes of everything a client may prove on one connection.
pub(crate) const IDENTITY_BYTES_MAX: usize = 64 << 10;

/// Requests of one connection that may wait for their turn.
pub(crate) const QUEUE_MAX: usize = 1_000;

/// Bytes of requests of one connection that may wait for their turn; one request more may start.
pub(crate) const QUEUE_BYTES_MAX: usize = 8 << 20;

/// Room that is made for answers before there are any.
const OUT_BYTES_AHEAD_MAX: usize = 16 << 10;

/// A client's connection.
#[derive(Clone)]
pub(crate) struct Connection {
    pub(crate) id: ConnId,
    pub(crate) ip: IpAddr,
    pub(crate) port: u16,
    pub(crate) accepted: WallTime,
    pub(crate) decoder: FrameDecoder,
    /// Bytes that arrived while requests had to wait.
    pub(crate) held: Vec<u8>,
    pub(crate) phase: Phase,
    /// What the client has proven so far; a request keeps the list of its own moment.
    pub(crate) identities: Arc<[Identity]>,
    /// How far a SASL exchange is.
    pub(crate) sasl: Conversation,
    pub(crate) queue: VecDeque<Entry>,
    /// Bytes of requests in the queue.
    pub(crate) queued_bytes: usize,
    /// Requests that wait before the queue, and their bytes.
    pub(crate) throttled: (usize, usize),
    pub(crate) out: Vec<u8>,
    pub(crate) flushed: Flushed,
    /// How much was handed over last: about as much comes next.
    pub(crate) out_bytes_before: usize,
    /// Bytes given to the socket that it has not taken.
    pub(crate) unsent: usize,
    pub(crate) reading: Reading,
    pub(crate) facts: ConnectionFacts,
    pub(crate) asked: Asked,
}

/// Where a connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Nothing was said; closed when that lasts.
    Greeting { until: Instant },
    /// The client wants a session, and the answer is under way.
    Opening { opening: Opening },
    /// The client has its session.
    Open { session: SessionId },
}

/// A session that a connection is about to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Opening {
    pub(crate) tag: RequestTag,
    pub(crate) session: SessionId,
    pub(crate) timeout_ms: i32,
    /// Whether the answer carries the read-only byte.
    pub(crate) read_only: Option<bool>,
}

/// One request that has its place in the order of answers.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) xid: Xid,
    pub(crate) op: OpCode,
    pub(crate) received: Instant,
    pub(crate) bytes: usize,
    pub(crate) waiting: Waiting,
}

/// What a request waits for.
#[derive(Clone)]
pub(crate) enum Waiting {
    /// Its transaction, or its refusal by the leader.
    Write { tag: RequestTag },
    /// The leader's word that everything before it is here; then its path is echoed.
    Sync { tag: RequestTag, body: Vec<u8> },
    /// Those before it; everything that the sync was to see is here.
    Synced { body: Vec<u8> },
    /// Those before it.
    Turn {
        identities: Arc<[Identity]>,
        body: Vec<u8>,
    },
    /// Those before it; it is not carried out.
    Refused { code: ErrorCode },
    /// Those before it; its whole answer is known.
    Answered {
        reply: Vec<u8>,
        zxid: Zxid,
        then: Then,
    },
}

/// Whether all that is owed was handed to the socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flushed {
    Yes,
    /// The connection stands in the list of those that are flushed next.
    No,
}

/// What happens once an answer has its place in the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// The connection goes on.
    GoOn,
    /// It is closed.
    Close,
}

/// What `cons` and `stat` print of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConnectionFacts {
    pub(crate) received: u64,
    pub(crate) sent: u64,
    pub(crate) last_op: &'static str,
    pub(crate) last_cxid: i32,
    pub(crate) last_zxid: i64,
    pub(crate) last_response: Instant,
    pub(crate) latency: Latency,
    pub(crate) timeout_ms: i32,
    pub(crate) greeted: Greeted,
}

/// Whether the answer to a client's first frame has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Greeted {
    No,
    Yes,
}

impl ConnectionFacts {
    /// What they are before anything was said, and after `crst`.
    pub(crate) fn new(timeout_ms: i32) -> Self {
        ConnectionFacts {
            received: 0,
            sent: 0,
            last_op: "NA",
            last_cxid: -1,
            last_zxid: -1,
            last_response: Instant::ZERO,
            latency: Latency::default(),
            timeout_ms,
            greeted: Greeted::No,
        }
    }
}

impl Connection {
    /// A connection that has said nothing yet.
    pub(crate) fn new(
        id: ConnId,
        (ip, port): (IpAddr, u16),
        accepted: WallTime,
        frame_bytes_max: usize,
        until: Instant,
    ) -> Self {
        Connection {
            id,
            ip,
            port,
            accepted,
            decoder: FrameDecoder::for_requests(frame_bytes_max),
            held: Vec::new(),
            phase: Phase::Greeting { until },
            identities: Arc::from([Authenticator::of_address(ip)]),
            sasl: Conversation::default(),
            queue: VecDeque::new(),
            queued_bytes: 0,
            throttled: (0, 0),
            out: Vec::new(),
            flushed: Flushed::Yes,
            out_bytes_before: 0,
            unsent: 0,
            reading: Reading::Resumed,
            facts: ConnectionFacts::new(0),
            asked: Asked::default(),
        }
    }

    /// The session, once the client has it.
    pub(crate) fn session(&self) -> Option<SessionId> {
        match self.phase {
            Phase::Open { session } => Some(session),
            Phase::Greeting { .. } | Phase::Opening { .. } => None,
        }
    }

    /// Whether another request may be taken now; an overloaded server takes none of a connection
    /// that has one waiting.
    pub(crate) fn may_take_more(&self, overloaded: bool) -> bool {
        let open = match self.phase {
            Phase::Greeting { .. } | Phase::Open { .. } => true,
            Phase::Opening { .. } => false,
        };
        let queue_max = if overloaded { 1 } else { QUEUE_MAX };
        open && !self.is_syncing()
            && !self.is_ending()
            && self.queue.len() + self.throttled.0 < queue_max
            && self.queued_bytes + self.throttled.1 < QUEUE_BYTES_MAX
            && self.unread_bytes() < UNSENT_BYTES_MAX
    }

    /// Whether a request that waited for others may be taken now.
    pub(crate) fn has_room(&self) -> bool {
        !self.is_syncing() && !self.is_ending() && self.queue.len() < QUEUE_MAX
    }

    /// Bytes that the client has not taken yet.
    pub(crate) fn unread_bytes(&self) -> usize {
        self.unsent + self.out.len()
    }

    /// Whether the read at the front should wait until the client has taken more. It may not when
    /// a write stands behind it, whose change it must not see.
    pub(crate) fn should_hold_back(&self) -> bool {
        self.unread_bytes() >= UNSENT_BYTES_MAX
            && !self
                .queue
                .iter()
                .any(|entry| matches!(entry.waiting, Waiting::Write { .. } | Waiting::Sync { .. }))
    }

    /// Whether the last answer closes the connection: nothing behind it is carried out.
    fn is_ending(&self) -> bool {
        self.queue.back().is_some_and(|entry| {
            entry.op == OpCode::CloseSession
                || matches!(
                    entry.waiting,
                    Waiting::Answered {
                        then: Then::Close,
                        ..
                    }
                )
        })
    }

    /// Whether a sync is under way. Nothing is taken behind it: a write there could be applied
    /// before the sync is answered, and what stands between them would see it.
    fn is_syncing(&self) -> bool {
        let last = self.queue.back().map(|entry| &entry.waiting);
        matches!(last, Some(Waiting::Sync { .. }))
    }

    /// Takes what is to be handed over.
    pub(crate) fn take_out(&mut self) -> Vec<u8> {
        self.flushed = Flushed::Yes;
        self.out_bytes_before = self.out.len().min(OUT_BYTES_AHEAD_MAX);
        core::mem::take(&mut self.out)
    }

    /// Makes room for the answers to what came, so that they need not be moved while they grow.
    pub(crate) fn make_room(&mut self) {
        if self.out.capacity() == 0 {
            self.out.reserve(self.out_bytes_before);
        }
    }

    /// Puts a request at the end of the order.
    pub(crate) fn enqueue(
        &mut self,
        header: RequestHeader,
        op: OpCode,
        received: Instant,
        bytes: usize,
        waiting: Waiting,
    ) {
        self.queued_bytes += bytes;
        self.queue.push_back(Entry {
            xid: header.xid,
            op,
            received,
            bytes,
            waiting,
        });
    }

    /// Takes the write with this tag off the queue if its answer is the next to be sent, and the
    /// client takes answers.
    pub(crate) fn take_next_write(&mut self, wanted: RequestTag) -> Option<Entry> {
        let is_next = self.unread_bytes() <= UNREAD_BYTES_MAX
            && self.queue.front().is_some_and(
                |entry| matches!(entry.waiting, Waiting::Write { tag } if tag == wanted),
            );
        let entry = if is_next {
            self.queue.pop_front()
        } else {
            None
        }?;
        self.queued_bytes -= entry.bytes;
        Some(entry)
    }

    /// The waiting request with this tag, if it is one of this connection's.
    pub(crate) fn waiting_for(&mut self, wanted: RequestTag) -> Option<&mut Entry> {
        self.queue.iter_mut().find(|entry| match entry.waiting {
            Waiting::Write { tag } | Waiting::Sync { tag, .. } => tag == wanted,
            Waiting::Synced { .. }
            | Waiting::Turn { .. }
            | Waiting::Refused { .. }
            | Waiting::Answered { .. } => false,
        })
    }

    /// Adds what the client has proven to what later requests carry, and says whether there was
    /// room for it.
    pub(crate) fn learn(&mut self, proven: Vec<Identity>) -> bool {
        let mut identities = self.identities.to_vec();
        for identity in proven {
            if !identities.contains(&identity) {
                identities.push(identity);
            }
        }
        sort_as_apache(&mut identities);
        let bytes: usize = identities
            .iter()
            .map(|identity| identity.scheme.len() + identity.id.len())
            .sum();
        let fits = identities.len() <= IDENTITIES_MAX && bytes <= IDENTITY_BYTES_MAX;
        if fits {
            self.identities = identities.into();
        }
        fits
    }
}
