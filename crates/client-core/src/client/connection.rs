//! The life of a connection: handshake, what is sent first, loss, and the end of it all.

use super::{Client, Closing};
use crate::ClientError;
use crate::api::{ConnectionState, End, Loss, Output};
use crate::config::ReadOnlyServers;
use crate::flight::{Portion, Purpose, Queued};
use crate::link::{Origin, Phase};
use crate::outgoing::encode;
use alloc::vec::Vec;
use core::time::Duration;
use zk_proto::{ConnectRequest, ConnectResponse, FrameDecoder, Request};
use zk_types::{Instant, SessionId};

impl Client {
    pub(super) fn on_connected(&mut self, now: Instant) {
        let Phase::Connecting { server, since: _ } = self.phase else {
            panic!(
                "a connection came up that was not asked for: {:?}",
                self.phase
            );
        };
        self.phase = Phase::Handshaking { server, since: now };
        self.decoder = FrameDecoder::for_replies(self.config.frame_bytes_max);
        let mut frame = Vec::new();
        ConnectRequest {
            last_zxid_seen: self.session.last_zxid_seen,
            timeout_ms: self.timeout_ms(),
            session: self.session.to_resume(),
            password: Some(&self.session.password),
            read_only: Some(self.config.read_only_servers == ReadOnlyServers::Accepted),
        }
        .encode(&mut frame);
        self.outputs.push_back(Output::Send(frame));
    }

    pub(super) fn on_handshake(
        &mut self,
        now: Instant,
        server: usize,
        frame: &[u8],
    ) -> Result<(), Loss> {
        let response = ConnectResponse::decode(frame).map_err(|_| Loss::Protocol)?;
        let asked = self.session.to_resume();
        let refused =
            response.is_refusal() || (asked != SessionId::NONE && response.session != asked);
        if refused {
            self.finish(End::Expired);
            return Ok(());
        }
        let state = match (response.read_only, self.config.read_only_servers) {
            (Some(true), ReadOnlyServers::Refused) => return Err(Loss::Protocol),
            (Some(true), ReadOnlyServers::Accepted) => ConnectionState::ConnectedReadOnly,
            (Some(false) | None, _) => ConnectionState::Connected,
        };
        let timeout_ms = u64::try_from(response.timeout_ms).expect("a refusal was ruled out");
        self.session.timeout = Duration::from_millis(timeout_ms);
        self.session.id = response.session;
        self.session.password = response.password.to_vec();
        if state == ConnectionState::Connected {
            self.session.origin = Origin::Quorum;
        }
        self.phase = Phase::Up {
            server,
            last_heard: now,
            last_sent: now,
        };
        self.servers.on_success();
        self.set_state(state);
        self.prime(now);
        Ok(())
    }

    /// Sends what precedes the caller's requests on a new connection, and then these.
    pub(super) fn prime(&mut self, now: Instant) {
        for auth in self.config.auths.clone() {
            self.send_auth(now, &auth);
        }
        if zk_types::mutant!("lost-setwatches", true, false) {
            self.rearm(now);
        }
        while let Some(queued) = self.flight.next_waiting() {
            self.transmit(now, queued);
        }
    }

    /// Until the last portion is answered, the next attempt starts from the same zxid: a reply to
    /// the first says nothing of what the others would tell.
    pub(super) fn rearm(&mut self, now: Instant) {
        let from = self
            .session
            .rearm_from
            .unwrap_or(self.session.last_zxid_seen);
        let portions = self.watches.portions(from.0.cast_signed());
        let last = portions.len();
        let requests: Vec<Queued> = portions
            .into_iter()
            .enumerate()
            .map(|(at, portion)| {
                let portion_kind = if at + 1 == last {
                    Portion::Last
                } else {
                    Portion::More
                };
                encode(&Request::SetWatches(portion), Purpose::Rearm(portion_kind))
            })
            .collect();
        self.session.rearm_from = if requests.is_empty() {
            None
        } else {
            Some(from)
        };
        for request in requests {
            self.transmit(now, request);
        }
    }

    /// Ends a connection from this side.
    pub(super) fn drop_connection(&mut self, now: Instant, loss: Loss) {
        self.outputs.push_back(Output::Disconnect);
        self.lose(now, loss);
    }

    /// What follows when a connection, or the attempt at one, is gone.
    pub(super) fn lose(&mut self, now: Instant, loss: Loss) {
        let server = self.server().expect("only what was asked for can be lost");
        if let Phase::Up { last_heard, .. } = self.phase {
            self.session.last_heard = Some(last_heard);
        }
        self.servers.on_failure();
        let due = now + self.servers.pause(&mut self.rng);
        self.phase = Phase::Waiting { due };
        self.outputs
            .push_back(Output::ConnectionLost { server, loss });
        self.fail_in_flight();
        if self.closing == Closing::Sent {
            return self.finish(End::Closed);
        }
        self.set_state(ConnectionState::Connecting);
    }

    /// Settles what was sent and will not be answered.
    fn fail_in_flight(&mut self) {
        while let Some(request) = self.flight.next_in_flight() {
            if let Purpose::User { ticket, effect: _ } = request.purpose {
                let result = Err(ClientError::ConnectionLoss);
                self.outputs.push_back(Output::Reply {
                    ticket,
                    zxid: None,
                    result,
                });
            }
        }
    }

    pub(super) fn finish(&mut self, end: End) {
        if self.server().is_some() {
            self.outputs.push_back(Output::Disconnect);
        }
        self.fail_in_flight();
        while let Some(queued) = self.flight.next_waiting() {
            if let Purpose::User { ticket, effect: _ } = queued.purpose {
                let result = Err(error_of(end));
                self.outputs.push_back(Output::Reply {
                    ticket,
                    zxid: None,
                    result,
                });
            }
        }
        self.phase = Phase::Over(end);
        self.set_state(ConnectionState::Over(end));
        for ticket in self.watches.clear() {
            self.outputs.push_back(Output::WatchEnded { ticket });
        }
    }
}

/// What a request that was never sent is told.
pub(super) fn error_of(end: End) -> ClientError {
    match end {
        End::Expired => ClientError::SessionExpired,
        End::AuthFailed => ClientError::AuthFailed,
        End::Closed => ClientError::Closed,
    }
}
