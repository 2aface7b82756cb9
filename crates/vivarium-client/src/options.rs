//! How a client is to behave.

use client_core::{Auth, ClientConfig, ReadOnlyServers, SavedSession, Unreachable};
use std::time::Duration;

/// How a client is to behave.
#[derive(Clone, Debug)]
pub struct ConnectOptions {
    /// Session timeout to ask for; the server has the last word. Default ten seconds.
    pub session_timeout: Duration,
    /// How long [`crate::Client::connect`] may look for a server. Default thirty seconds.
    pub connect_within: Duration,
    /// Whether a read-only server will do. Default no.
    pub read_only_servers: ReadOnlyServers,
    /// What to do when no server is found for long. Default to give the session up.
    pub unreachable: Unreachable,
    /// Identities to prove on every connection. Default none.
    pub auths: Vec<Auth>,
    /// A session to take up instead of beginning one. Default none.
    pub session: Option<SavedSession>,
    /// Requests that may wait for their answer at once. Default ten thousand.
    pub requests_max: usize,
    /// Longest frame in either direction, in bytes (`jute.maxbuffer`). Default 1 048 575.
    pub frame_bytes_max: usize,
}

impl Default for ConnectOptions {
    fn default() -> Self {
        let config = ClientConfig::new(1);
        ConnectOptions {
            session_timeout: config.session_timeout,
            connect_within: Duration::from_secs(30),
            read_only_servers: config.read_only_servers,
            unreachable: config.unreachable,
            auths: config.auths,
            session: config.session,
            requests_max: config.requests_max,
            frame_bytes_max: config.frame_bytes_max,
        }
    }
}

impl ConnectOptions {
    pub(crate) fn into_config(self, addresses: &crate::Addresses) -> ClientConfig {
        ClientConfig {
            session_timeout: self.session_timeout,
            chroot: addresses.chroot.clone(),
            read_only_servers: self.read_only_servers,
            unreachable: self.unreachable,
            auths: self.auths,
            session: self.session,
            requests_max: self.requests_max,
            frame_bytes_max: self.frame_bytes_max,
            ..ClientConfig::new(addresses.servers.len())
        }
    }
}
