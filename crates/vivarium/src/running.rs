//! A configured server as something a shell can run, and the signals that end it.

use crate::config::{PeerListenOn, ServerConfig};
use crate::facts;
use crate::log::Log;
use crate::notices;
use crate::outcome::ServeError;
use crate::version;
use replica::Facts;
use shell_std::{BoundPort, DataDirectories, PeerAddress, PeerListen, ServerOptions};
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// What a shell needs to run a server; takes its directories.
///
/// # Errors
/// When a name is not known, or the directories are not to be had.
pub fn options(config: ServerConfig, log: Log) -> Result<ServerOptions, ServeError> {
    let directories =
        DataDirectories::open(&config.data_dir, &config.data_log_dir, config.when_missing)?;
    let client_address = match &config.client_host {
        None => BoundPort::wildcard(config.client_port),
        Some(host) if host == "0.0.0.0" => BoundPort::wildcard(config.client_port),
        Some(host) => resolve(host, config.client_port)?,
    };
    let own = config.own_line().cloned();
    let peer_listen = own.as_ref().map(|line| {
        let wanted = match config.peer_listen {
            PeerListenOn::AllAddresses => None,
            PeerListenOn::OwnAddress => resolve(&line.host, 0).map_or_else(
                |error| {
                    log.warn(format_args!(
                        "{error}; listening for peers on all addresses"
                    ));
                    None
                },
                Some,
            ),
        };
        let at = |port| {
            wanted.map_or_else(
                || BoundPort::wildcard(port),
                |address| SocketAddr::new(address.ip(), port),
            )
        };
        PeerListen {
            quorum: at(line.quorum_port),
            election: at(line.election_port),
        }
    });
    let others = config
        .servers
        .iter()
        .filter(|line| line.id != config.replica.me);
    let peers = others.map(|line| {
        let (host, quorum_port, election_port) =
            (line.host.clone(), line.quorum_port, line.election_port);
        (
            line.id,
            PeerAddress {
                host,
                quorum_port,
                election_port,
            },
        )
    });
    let name = format!("server {}", config.replica.me);
    Ok(ServerOptions {
        client_address,
        peer_listen,
        peers: peers.collect(),
        directories,
        backlog: config.backlog,
        record: None,
        notices: notices::to_log(log, name),
        config: replica::Config {
            facts: facts_of(&config),
            seed: rand::random(),
            ..config.replica
        },
    })
}

/// The signals that ask a process to stop, heard from the moment this is made.
pub struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    /// Hears them from now on. A server listens before it says that it takes clients, so that
    /// whoever reads that line may ask it to stop at once.
    ///
    /// # Errors
    /// When the system refuses to tell.
    pub fn listen() -> io::Result<Self> {
        Ok(StopSignals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Comes back when the process was asked to stop.
    pub async fn asked(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Lets the process have as many descriptors as it may.
pub fn raise_limits(log: Log) {
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(limit) if limit < DESCRIPTORS_WANTED => log.warn(format_args!(
            "this process may open only {limit} files and sockets: raise the limit (ulimit -Hn) \
             for more clients"
        )),
        Ok(_) => {}
        Err(error) => log.warn(format_args!(
            "the limit on open files stays as it is: {error}"
        )),
    }
}

fn facts_of(config: &ServerConfig) -> Facts {
    let own = config.own_line();
    let version = version::apache_form();
    Facts {
        environment: facts::environment(&version),
        version,
        client_port: i32::from(config.client_port),
        data_dir: config.data_dir.display().to_string(),
        data_log_dir: config.data_log_dir.display().to_string(),
        election_port: own.map_or(0, |line| line.election_port),
        quorum_port: own.map_or(0, |line| line.quorum_port),
    }
}

fn resolve(host: &str, port: u16) -> Result<SocketAddr, ServeError> {
    let found = (host, port)
        .to_socket_addrs()
        .map(|mut addresses| addresses.next());
    match found {
        Ok(Some(address)) => Ok(address),
        Ok(None) => Err(ServeError::Arguments(format!(
            "the name {host} has no address"
        ))),
        Err(error) => Err(ServeError::Arguments(format!(
            "the name {host} is not known: {error}"
        ))),
    }
}

/// How long a server may take to stop; what it acknowledged is on disk before that.
pub const STOP_WITHIN: Duration = Duration::from_millis(900);
const DESCRIPTORS_WANTED: u64 = 4_096;
