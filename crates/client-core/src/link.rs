//! Where the connection stands, and until when it may stay there.

use crate::End;
use alloc::vec::Vec;
use core::time::Duration;
use zk_proto::Xid;
use zk_types::{Instant, SessionId, Zxid};

/// Where the connection stands.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Phase {
    /// No connection; the next attempt is due then.
    Waiting { due: Instant },
    /// Dialling.
    Connecting { server: usize, since: Instant },
    /// The handshake was sent.
    Handshaking { server: usize, since: Instant },
    /// Served.
    Up {
        server: usize,
        last_heard: Instant,
        last_sent: Instant,
    },
    /// Done for good.
    Over(End),
}

/// The session, from one connection to the next.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) id: SessionId,
    pub(crate) password: Vec<u8>,
    /// As negotiated; as asked for until then.
    pub(crate) timeout: Duration,
    pub(crate) last_zxid_seen: Zxid,
    /// Where watches that were not armed again yet were left; they are told what came after.
    pub(crate) rearm_from: Option<Zxid>,
    pub(crate) origin: Origin,
    /// When a server was last heard of, since the session exists.
    pub(crate) last_heard: Option<Instant>,
}

/// Which kind of server knows the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// None, or a read-only one: no other server will.
    ReadOnly,
    /// The ensemble.
    Quorum,
}

impl Session {
    /// What a handshake names: a session that only a read-only server knows is not taken along.
    pub(crate) fn to_resume(&self) -> SessionId {
        match self.origin {
            Origin::ReadOnly => SessionId::NONE,
            Origin::Quorum => self.id,
        }
    }

    /// How long an attempt at a connection may take: the timeout, shared among all servers.
    pub(crate) fn connect_timeout(&self, servers: usize) -> Duration {
        let servers = u32::try_from(servers).unwrap_or(u32::MAX);
        (self.timeout / servers)
            .max(CONNECT_TIMEOUT_MIN)
            .min(self.timeout)
    }

    /// How long a server may be silent.
    pub(crate) fn read_timeout(&self) -> Duration {
        self.timeout * 2 / 3
    }

    /// How long the client may be silent.
    pub(crate) fn ping_interval(&self) -> Duration {
        let interval = (self.timeout / 3).min(PING_INTERVAL_MAX);
        zk_types::mutant!("client-pings-too-late", interval, self.timeout * 2)
    }

    /// When the session is given up, if no server is found until then.
    pub(crate) fn give_up_at(&self) -> Option<Instant> {
        self.last_heard.map(|heard| heard + self.timeout * 4 / 3)
    }

    /// Takes note of a reply. Only replies to requests count: not pings, events or auth.
    pub(crate) fn on_reply(&mut self, xid: Xid, zxid: Zxid) {
        assert!(xid.0 > 0, "{xid:?} is no request's");
        if i64::try_from(zxid.0).is_ok() {
            let seen = self.last_zxid_seen.max(zxid);
            self.last_zxid_seen =
                zk_types::mutant!("client-forgets-what-it-saw", seen, self.last_zxid_seen);
        }
    }
}

/// However many servers there are, each gets this long.
const CONNECT_TIMEOUT_MIN: Duration = Duration::from_millis(500);

/// Source: Apache `ClientCnxn.java`, `MAX_SEND_PING_INTERVAL`.
const PING_INTERVAL_MAX: Duration = Duration::from_secs(10);
