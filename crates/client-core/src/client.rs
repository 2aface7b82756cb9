//! The client: inputs in, outputs out.

mod connection;
mod requests;
mod settling;

use crate::api::{ConnectionState, End, Input, Loss, Output};
use crate::backoff::Servers;
use crate::chroot::Chroot;
use crate::config::{ClientConfig, Unreachable};
use crate::flight::Flight;
use crate::link::{Origin, Phase, Session};
use crate::watches::{Fired, Watches};
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::time::Duration;
use rand_chacha::ChaCha8Rng;
use zk_proto::{EventKind, FrameDecoder, Incoming, KeeperState, PASSWORD_BYTES, Request, Xid};
use zk_types::{Instant, SessionId, Zxid};

/// One ZooKeeper client.
///
/// ```text
/// Waiting -> Connecting -> Handshaking -> Up
///    ^           |              |         |
///    +-----------+--------------+---------+      and from each of them to Over
/// ```
///
/// Source: `client-protocol.md` §2 and §13; Apache `ClientCnxn.java`.
#[derive(Clone, Debug)]
pub struct Client {
    config: ClientConfig,
    chroot: Chroot,
    rng: ChaCha8Rng,
    servers: Servers,
    phase: Phase,
    session: Session,
    flight: Flight,
    watches: Watches,
    decoder: FrameDecoder,
    state: ConnectionState,
    closing: Closing,
    outputs: VecDeque<Output>,
}

/// Whether the session was asked to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Closing {
    No,
    Sent,
}

impl Client {
    /// A client that has no connection yet: its first [`Input::Timeout`] is due at once.
    ///
    /// # Panics
    /// When there is no server, or the session timeout is no number of milliseconds that fits 31
    /// bits.
    pub fn new(config: ClientConfig, mut rng: ChaCha8Rng) -> Self {
        let servers = Servers::new(
            config.servers,
            config.backoff_min,
            config.backoff_max,
            &mut rng,
        );
        let (id, password, origin) = match &config.session {
            Some(saved) => (saved.id, saved.password.clone(), Origin::Quorum),
            None => (
                SessionId::NONE,
                alloc::vec![0; PASSWORD_BYTES],
                Origin::ReadOnly,
            ),
        };
        let session = Session {
            id,
            password,
            timeout: config.session_timeout,
            last_zxid_seen: Zxid::ZERO,
            rearm_from: None,
            origin,
            last_heard: None,
        };
        let client = Client {
            chroot: Chroot::new(config.chroot.clone()),
            decoder: FrameDecoder::for_replies(config.frame_bytes_max),
            config,
            rng,
            servers,
            phase: Phase::Waiting { due: Instant::ZERO },
            session,
            flight: Flight::new(),
            watches: Watches::default(),
            state: ConnectionState::Connecting,
            closing: Closing::No,
            outputs: VecDeque::new(),
        };
        client.timeout_ms();
        client
    }

    /// Takes one input. The caller drains [`Client::poll_output`] before the next.
    ///
    /// # Panics
    /// When outputs are left from the input before, or the input answers nothing that was asked.
    pub fn handle(&mut self, now: Instant, input: Input<'_>) {
        assert!(
            self.outputs.is_empty(),
            "outputs are drained between inputs"
        );
        match input {
            Input::Connected => self.on_connected(now),
            Input::ConnectFailed => self.lose(now, Loss::ConnectFailed),
            Input::Bytes(bytes) => self.on_bytes(now, bytes),
            Input::Closed => self.lose(now, Loss::Closed),
            Input::Request { ticket, request } => self.on_request(now, ticket, &request),
            Input::AddAuth(auth) => self.on_auth(now, auth),
            Input::Unwatch { ticket } => self.on_unwatch(now, ticket),
            Input::Close => self.on_close(now),
            Input::Timeout => self.on_timeout(now),
        }
    }

    /// The next thing to do, in order.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Input::Timeout`] is due; `None` once the client is over.
    pub fn next_deadline(&self) -> Option<Instant> {
        let attempt = self.session.connect_timeout(self.servers.count());
        let due = match self.phase {
            Phase::Waiting { due } => due,
            Phase::Connecting { since, .. } | Phase::Handshaking { since, .. } => since + attempt,
            Phase::Up {
                last_heard,
                last_sent,
                ..
            } => {
                return Some(
                    (last_heard + self.session.read_timeout())
                        .min(last_sent + self.session.ping_interval()),
                );
            }
            Phase::Over(_) => return None,
        };
        Some(self.give_up_at().map_or(due, |give_up| due.min(give_up)))
    }

    /// How the client stands.
    pub fn state(&self) -> ConnectionState {
        self.state
    }

    /// The session, [`SessionId::NONE`] before there is one.
    pub fn session_id(&self) -> SessionId {
        self.session.id
    }

    /// The session's password.
    pub fn password(&self) -> &[u8] {
        &self.session.password
    }

    /// The last transaction that a reply told of.
    pub fn last_zxid_seen(&self) -> Zxid {
        self.session.last_zxid_seen
    }

    /// The session timeout: as negotiated, or as asked for until then.
    pub fn session_timeout(&self) -> Duration {
        self.session.timeout
    }

    /// The server of the connection, or of the attempt at one.
    pub fn server(&self) -> Option<usize> {
        match self.phase {
            Phase::Connecting { server, .. }
            | Phase::Handshaking { server, .. }
            | Phase::Up { server, .. } => Some(server),
            Phase::Waiting { .. } | Phase::Over(_) => None,
        }
    }

    /// How many requests wait for a connection or for their reply, the client's own included.
    pub fn outstanding(&self) -> usize {
        self.flight.len()
    }

    fn on_timeout(&mut self, now: Instant) {
        match self.phase {
            Phase::Waiting { .. } | Phase::Connecting { .. } | Phase::Handshaking { .. }
                if self.give_up_at().is_some_and(|at| at <= now) =>
            {
                self.finish(End::Expired);
            }
            Phase::Waiting { due } if due <= now => {
                let server = self.servers.take();
                self.phase = Phase::Connecting { server, since: now };
                self.outputs.push_back(Output::Connect { server });
            }
            Phase::Connecting { since, .. } | Phase::Handshaking { since, .. }
                if since + self.session.connect_timeout(self.servers.count()) <= now =>
            {
                self.drop_connection(now, Loss::HandshakeTimeout);
            }
            Phase::Up { last_heard, .. } if last_heard + self.session.read_timeout() <= now => {
                self.drop_connection(now, Loss::ReadTimeout);
            }
            Phase::Up { last_sent, .. } if last_sent + self.session.ping_interval() <= now => {
                let mut frame = Vec::new();
                Request::Ping.encode(Xid::PING, &mut frame);
                self.send(now, frame);
            }
            Phase::Waiting { .. }
            | Phase::Connecting { .. }
            | Phase::Handshaking { .. }
            | Phase::Up { .. }
            | Phase::Over(_) => {}
        }
    }

    fn on_bytes(&mut self, now: Instant, mut bytes: &[u8]) {
        if let Phase::Up { last_heard, .. } = &mut self.phase {
            *last_heard = now;
        }
        let none = FrameDecoder::for_replies(0);
        let mut decoder = core::mem::replace(&mut self.decoder, none);
        loop {
            let taken = match decoder.next(&mut bytes) {
                Ok(Some(Incoming::Frame(frame))) => self.on_frame(now, frame),
                Ok(None) => break,
                Ok(Some(Incoming::Word(_))) | Err(_) => Err(Loss::Protocol),
            };
            match taken {
                Ok(()) if self.server().is_some() => {}
                Ok(()) => return,
                Err(loss) => return self.drop_connection(now, loss),
            }
        }
        self.decoder = decoder;
    }

    fn on_frame(&mut self, now: Instant, frame: &[u8]) -> Result<(), Loss> {
        match self.phase {
            Phase::Handshaking { server, since: _ } => self.on_handshake(now, server, frame),
            Phase::Up { .. } => self.on_reply(now, frame),
            Phase::Waiting { .. } | Phase::Connecting { .. } | Phase::Over(_) => {
                panic!("bytes came without a connection: {:?}", self.phase)
            }
        }
    }

    /// Tells of a new state, once by itself and once as an event.
    fn set_state(&mut self, state: ConnectionState) {
        if state == self.state {
            return;
        }
        self.state = state;
        self.outputs.push_back(Output::State(state));
        self.tell(EventKind::None, "", None, Fired::default());
    }

    fn keeper_state(&self) -> KeeperState {
        match self.state {
            ConnectionState::Connecting => KeeperState::Disconnected,
            ConnectionState::Connected => KeeperState::SyncConnected,
            ConnectionState::ConnectedReadOnly => KeeperState::ConnectedReadOnly,
            ConnectionState::Over(End::Expired) => KeeperState::Expired,
            ConnectionState::Over(End::AuthFailed) => KeeperState::AuthFailed,
            ConnectionState::Over(End::Closed) => KeeperState::Closed,
        }
    }

    fn give_up_at(&self) -> Option<Instant> {
        match self.config.unreachable {
            Unreachable::GiveUp => self.session.give_up_at(),
            Unreachable::KeepTrying => None,
        }
    }

    fn timeout_ms(&self) -> i32 {
        i32::try_from(self.config.session_timeout.as_millis())
            .expect("a session timeout fits 31 bits of milliseconds")
    }
}
