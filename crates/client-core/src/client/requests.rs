//! What the caller asks for, on its way to the server.

use super::connection::error_of;
use super::{Client, Closing};
use crate::ClientError;
use crate::api::{End, Output, Ticket};
use crate::config::Auth;
use crate::flight::{Purpose, Queued};
use crate::link::Phase;
use crate::outgoing::{encode, prepare};
use crate::request::ClientRequest;
use crate::watches::Table;
use alloc::borrow::Cow;
use alloc::vec::Vec;
use zk_proto::{AuthPacket, Request, Xid};
use zk_types::{Instant, Op};

impl Client {
    pub(super) fn on_request(&mut self, now: Instant, ticket: Ticket, request: &ClientRequest) {
        let limit = self.config.requests_max;
        let prepared = if let Phase::Over(end) = self.phase {
            Err(error_of(end))
        } else if self.closing != Closing::No {
            Err(ClientError::Closed)
        } else if self.flight.len() >= limit {
            Err(ClientError::TooManyRequests { limit })
        } else {
            prepare(&self.chroot, self.config.frame_bytes_max, ticket, request)
        };
        match prepared {
            Err(error) => {
                self.outputs.push_back(Output::Reply {
                    ticket,
                    zxid: None,
                    result: Err(error),
                });
            }
            Ok(queued) => self.submit(now, queued),
        }
    }

    /// Sends a request, or lets it wait for the next connection.
    pub(super) fn submit(&mut self, now: Instant, queued: Queued) {
        match self.phase {
            Phase::Up { .. } => self.transmit(now, queued),
            Phase::Waiting { .. } | Phase::Connecting { .. } | Phase::Handshaking { .. } => {
                self.flight.wait(queued);
            }
            Phase::Over(_) => unreachable!("nothing is asked for after the end"),
        }
    }

    pub(super) fn on_auth(&mut self, now: Instant, auth: Auth) {
        if self.config.auths.contains(&auth) {
            return;
        }
        if let Phase::Up { .. } = self.phase {
            self.send_auth(now, &auth);
        }
        self.config.auths.push(auth);
    }

    pub(super) fn send_auth(&mut self, now: Instant, auth: &Auth) {
        let mut frame = Vec::new();
        Request::Auth(AuthPacket {
            scheme: Some(Cow::Borrowed(&auth.scheme)),
            auth: Some(Cow::Borrowed(&auth.auth)),
        })
        .encode(Xid::AUTH, &mut frame);
        self.send(now, frame);
    }

    pub(super) fn on_unwatch(&mut self, now: Instant, ticket: Ticket) {
        match self.watches.forget(ticket) {
            Some((table, path)) => self.unwatch_if_idle(now, table, &path),
            None => self.flight.forget(ticket),
        }
    }

    /// Takes a watch that stays off the server when nobody here listens to it, nor is about to.
    pub(super) fn unwatch_if_idle(&mut self, now: Instant, table: Table, path: &str) {
        let Some(kind) = table.removal() else {
            return;
        };
        let wanted = self.watches.contains(table, path) || self.flight.will_watch(table, path);
        if let (Phase::Up { .. }, Closing::No, false) = (self.phase, self.closing, wanted) {
            let request = Request::RemoveWatches {
                path: Some(Cow::Borrowed(path)),
                kind,
            };
            let queued = encode(&request, Purpose::Unwatch);
            self.transmit(now, queued);
        }
    }

    pub(super) fn on_close(&mut self, now: Instant) {
        match self.phase {
            Phase::Up { .. } if self.closing == Closing::No => {
                self.closing = Closing::Sent;
                let queued = encode(&Request::Write(Op::CloseSession), Purpose::Close);
                self.transmit(now, queued);
            }
            Phase::Waiting { .. } | Phase::Connecting { .. } | Phase::Handshaking { .. } => {
                self.finish(End::Closed);
            }
            Phase::Up { .. } | Phase::Over(_) => {}
        }
    }

    pub(super) fn transmit(&mut self, now: Instant, queued: Queued) {
        let frame = self.flight.send(queued);
        self.send(now, frame);
    }

    pub(super) fn send(&mut self, now: Instant, frame: Vec<u8>) {
        let Phase::Up { last_sent, .. } = &mut self.phase else {
            unreachable!("frames are sent while a server serves");
        };
        *last_sent = now;
        self.outputs.push_back(Output::Send(frame));
    }
}
