//! What a client is told before it starts.

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;
use zk_types::{SessionId, ZnodePath};

/// What a client is told before it starts.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// How many servers there are to choose from; at least 1.
    pub servers: usize,
    /// Session timeout to ask for; the server has the last word. At most 2³¹−1 ms.
    pub session_timeout: Duration,
    /// What every path is below; `None` for the root.
    pub chroot: Option<ZnodePath>,
    /// Whether a read-only server will do.
    pub read_only_servers: ReadOnlyServers,
    /// What to do when no server is found for long.
    pub unreachable: Unreachable,
    /// Identities to prove on every connection.
    pub auths: Vec<Auth>,
    /// A session to take up instead of beginning one.
    pub session: Option<SavedSession>,
    /// Requests that may be waiting or in flight at once; one more is refused.
    pub requests_max: usize,
    /// Longest frame that is taken from a server or sent to one, in bytes (`jute.maxbuffer`).
    pub frame_bytes_max: usize,
    /// Pause before the first attempt after a loss is drawn between zero and this.
    pub backoff_min: Duration,
    /// The pause doubles with each fruitless round over all servers, up to this.
    pub backoff_max: Duration,
}

impl ClientConfig {
    /// The defaults for an ensemble of so many servers: ten seconds of session timeout, no chroot,
    /// read-write servers only.
    pub fn new(servers: usize) -> Self {
        ClientConfig {
            servers,
            session_timeout: Duration::from_secs(10),
            chroot: None,
            read_only_servers: ReadOnlyServers::Refused,
            unreachable: Unreachable::GiveUp,
            auths: Vec::new(),
            session: None,
            requests_max: 10_000,
            frame_bytes_max: zk_proto::FRAME_BYTES_MAX_DEFAULT,
            backoff_min: Duration::from_millis(100),
            backoff_max: Duration::from_secs(2),
        }
    }
}

/// Whether a read-only server will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadOnlyServers {
    /// No.
    Refused,
    /// Yes, for reads.
    Accepted,
}

/// What to do when no server is found for long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreachable {
    /// Take the session for expired after four thirds of its timeout, as recent Java clients do.
    GiveUp,
    /// Look for a server for ever, as older Java clients do: an ensemble that was down as a whole
    /// may still know the session.
    KeepTrying,
}

/// The proof of an identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Auth {
    /// Scheme, such as `digest`.
    pub scheme: String,
    /// What the scheme takes for a proof, such as `user:password`.
    pub auth: Vec<u8>,
}

/// What it takes to take up a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedSession {
    /// The session.
    pub id: SessionId,
    /// Its password.
    pub password: Vec<u8>,
}
