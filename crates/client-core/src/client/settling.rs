//! What comes from the server: replies, which settle requests in order, and events.

use super::Client;
use crate::api::{End, Loss, Output, Ticket, WatchedEvent};
use crate::flight::{Effect, InFlight, Portion, Purpose};
use crate::watches::{Fired, Table, Wish};
use crate::{ClientError, Response, replies};
use alloc::string::String;
use alloc::vec::Vec;
use zk_proto::{EventKind, OpCode, ReplyHeader, WatcherEvent, Xid};
use zk_types::{ErrorCode, Instant, Zxid};

impl Client {
    pub(super) fn on_reply(&mut self, now: Instant, frame: &[u8]) -> Result<(), Loss> {
        let (header, body) = ReplyHeader::decode(frame).map_err(|_| Loss::Protocol)?;
        match header.xid {
            Xid::NOTIFICATION => self.on_event(header.zxid, body),
            Xid::PING => Ok(()),
            Xid::AUTH => {
                if header.err == ErrorCode::AuthFailed.code() {
                    self.finish(End::AuthFailed);
                }
                Ok(())
            }
            xid => {
                let request = self.flight.next_in_flight().ok_or(Loss::Protocol)?;
                let settled = if request.xid == xid {
                    self.session.on_reply(xid, header.zxid);
                    self.settle(now, header, body, &request)
                } else {
                    Err(Loss::Protocol)
                };
                if settled.is_err() {
                    self.flight.put_back(request);
                }
                settled
            }
        }
    }

    pub(super) fn settle(
        &mut self,
        now: Instant,
        header: ReplyHeader,
        body: &[u8],
        request: &InFlight,
    ) -> Result<(), Loss> {
        match &request.purpose {
            Purpose::User { ticket, effect } => {
                self.settle_user(now, header, body, (request.opcode, *ticket, effect))
            }
            Purpose::Rearm(Portion::More) if header.err == 0 => Ok(()),
            Purpose::Rearm(Portion::Last) if header.err == 0 => {
                self.session.rearm_from = None;
                Ok(())
            }
            // Watches that were not armed would be silent for ever.
            Purpose::Rearm(_) => Err(Loss::Protocol),
            Purpose::Unwatch => Ok(()),
            Purpose::Close => {
                self.finish(End::Closed);
                Ok(())
            }
        }
    }

    pub(super) fn settle_user(
        &mut self,
        now: Instant,
        header: ReplyHeader,
        body: &[u8],
        (opcode, ticket, effect): (OpCode, Ticket, &Effect),
    ) -> Result<(), Loss> {
        let missing = opcode == OpCode::Exists && header.err == ErrorCode::NoNode.code();
        let result = match header.err {
            0 => Ok(replies::response(&self.chroot, opcode, body)?),
            _ if missing => Ok(Response::Exists(None)),
            err => Err(ErrorCode::from_code(err)
                .map_or(ClientError::UnknownCode(err), ClientError::Server)),
        };
        let removed = match effect {
            Effect::Watch(wish) if result.is_ok() => {
                let mut wish = wish.clone();
                if missing {
                    wish.table = Table::Exist;
                }
                self.set_watch(now, wish);
                Vec::new()
            }
            Effect::Unwatch { kind, path } if result.is_ok() => self.watches.remove(*kind, path),
            Effect::Nothing | Effect::Watch(_) | Effect::Unwatch { .. } => Vec::new(),
        };
        self.outputs.push_back(Output::Reply {
            ticket,
            zxid: Some(header.zxid),
            result,
        });
        if let Effect::Unwatch { kind: _, path } = effect {
            for (kind, fired) in removed {
                self.tell(kind, path, None, fired);
            }
        }
        Ok(())
    }

    /// Sets a watch whose request was answered, unless its listener went away in the meantime.
    pub(super) fn set_watch(&mut self, now: Instant, wish: Wish) {
        let (table, path) = (wish.table, wish.path.clone());
        self.watches.add(wish);
        self.unwatch_if_idle(now, table, &path);
    }

    pub(super) fn on_event(&mut self, zxid: Zxid, body: &[u8]) -> Result<(), Loss> {
        let event = WatcherEvent::decode(body).map_err(|_| Loss::Protocol)?;
        let fired = self.watches.fire(event.kind, &event.path);
        let zxid = (zxid != ReplyHeader::NO_ZXID).then_some(zxid);
        self.tell(event.kind, &event.path, zxid, fired);
        Ok(())
    }

    pub(super) fn tell(&mut self, kind: EventKind, path: &str, zxid: Option<Zxid>, fired: Fired) {
        let path = String::from(self.chroot.strip(path));
        let event = WatchedEvent {
            kind,
            state: self.keeper_state(),
            path,
            zxid,
        };
        self.outputs.push_back(Output::Event {
            event,
            watchers: fired.listeners,
        });
        for ticket in fired.ended {
            self.outputs.push_back(Output::WatchEnded { ticket });
        }
    }
}
