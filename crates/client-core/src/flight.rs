//! Requests on their way: those that wait for a connection, and those that wait for their reply.

use crate::Ticket;
use crate::watches::{Listener, Table, Wish};
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use zk_proto::{OpCode, WatcherType, Xid};

/// A request as a frame that lacks its xid only.
#[derive(Clone, Debug)]
pub(crate) struct Queued {
    pub(crate) frame: Vec<u8>,
    pub(crate) opcode: OpCode,
    pub(crate) purpose: Purpose,
}

/// A request that was sent and not answered.
#[derive(Clone, Debug)]
pub(crate) struct InFlight {
    pub(crate) xid: Xid,
    pub(crate) opcode: OpCode,
    pub(crate) purpose: Purpose,
}

/// What the reply is for.
#[derive(Clone, Debug)]
pub(crate) enum Purpose {
    /// A request of the caller.
    User { ticket: Ticket, effect: Effect },
    /// A portion of the watches that are armed again.
    Rearm(Portion),
    /// A watch that nobody listens to any more.
    Unwatch,
    /// The end of the session.
    Close,
}

/// What a successful reply changes here.
#[derive(Clone, Debug)]
pub(crate) enum Effect {
    Nothing,
    Watch(Wish),
    Unwatch { kind: WatcherType, path: Box<str> },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Portion {
    More,
    Last,
}

/// Both queues, each in order. Replies come in the order of requests, so the front is next.
#[derive(Clone, Debug)]
pub(crate) struct Flight {
    waiting: VecDeque<Queued>,
    in_flight: VecDeque<InFlight>,
    next_xid: Xid,
}

impl Flight {
    pub(crate) fn new() -> Self {
        Flight {
            waiting: VecDeque::new(),
            in_flight: VecDeque::new(),
            next_xid: Xid(1),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting.len() + self.in_flight.len()
    }

    pub(crate) fn wait(&mut self, queued: Queued) {
        self.waiting.push_back(queued);
    }

    pub(crate) fn next_waiting(&mut self) -> Option<Queued> {
        self.waiting.pop_front()
    }

    /// Numbers a request and returns its frame, to be sent at once.
    pub(crate) fn send(&mut self, queued: Queued) -> Vec<u8> {
        let Queued {
            mut frame,
            opcode,
            purpose,
        } = queued;
        let xid = self.next_xid;
        self.next_xid = Xid(xid.0.checked_add(1).unwrap_or(1));
        frame[XID_AT..XID_AT + 4].copy_from_slice(&xid.0.to_be_bytes());
        self.in_flight.push_back(InFlight {
            xid,
            opcode,
            purpose,
        });
        frame
    }

    pub(crate) fn next_in_flight(&mut self) -> Option<InFlight> {
        self.in_flight.pop_front()
    }

    /// Puts back what was taken last and cannot be settled.
    pub(crate) fn put_back(&mut self, request: InFlight) {
        self.in_flight.push_front(request);
    }

    /// Whether a reply that is still to come sets this watch.
    pub(crate) fn will_watch(&self, table: Table, path: &str) -> bool {
        self.purposes().any(|purpose| match purpose {
            Purpose::User {
                effect: Effect::Watch(wish),
                ..
            } => wish.table == table && *wish.path == *path && wish.listener != Listener::Gone,
            Purpose::User { .. } | Purpose::Rearm(_) | Purpose::Unwatch | Purpose::Close => false,
        })
    }

    /// Notes that the listener of a request that is not answered yet is gone.
    pub(crate) fn forget(&mut self, listener: Ticket) {
        let in_flight = self
            .in_flight
            .iter_mut()
            .map(|request| &mut request.purpose);
        let waiting = self.waiting.iter_mut().map(|request| &mut request.purpose);
        for purpose in in_flight.chain(waiting) {
            if let Purpose::User {
                effect: Effect::Watch(wish),
                ..
            } = purpose
                && wish.listener == Listener::Own(listener)
            {
                wish.listener = Listener::Gone;
            }
        }
    }

    fn purposes(&self) -> impl Iterator<Item = &Purpose> {
        let in_flight = self.in_flight.iter().map(|request| &request.purpose);
        in_flight.chain(self.waiting.iter().map(|request| &request.purpose))
    }
}

/// Where the xid stands in a frame: after the length word.
const XID_AT: usize = 4;
