//! A server on its own thread, and the handle to it.

use crate::Clock;
use crate::file_disk::{DiskError, FileDisk};
use crate::inbox::{self, Event, Listener};
use crate::lanes::Lanes;
use crate::listening::{BindError, BoundPort};
use crate::options::{Notice, ServerOptions};
use crate::server_loop::ServerLoop;
use recording::{Recorded, Recorder};
use replica::{PeerPort, Replica};
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{self, SyncSender};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use zab_core::Role;
use zk_types::Standing;

/// A running server. Dropping it without [`Server::stop`] leaves it running.
#[derive(Debug)]
pub struct Server {
    client_address: SocketAddr,
    inbox: SyncSender<Event>,
    listening: Vec<SocketAddr>,
    role: Arc<RoleWatch>,
    thread: JoinHandle<Result<(), ServerFailure>>,
}

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum SpawnError {
    /// A port is not to be had.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// A thread or a socket is not to be had.
    #[error("the system refuses a thread or a socket ({0}): raise its limits for this user")]
    System(#[from] io::Error),
    /// What the disk holds cannot be started from.
    #[error(transparent)]
    Recovery(#[from] replica::StartError<DiskError>),
    /// Acknowledged data is damaged, and there is no other server to have it from.
    #[error(
        "acknowledged data in {directory} is damaged{what}, and a server that stands alone has no \
         other copy: restore that directory from a backup, or move it away to start empty"
    )]
    Damaged {
        /// The directory of the log.
        directory: String,
        /// What was found, in brackets; empty when it was found at an earlier start.
        what: String,
    },
}

/// Why a running server stopped by itself.
#[derive(Debug, thiserror::Error)]
pub enum ServerFailure {
    /// A file operation failed; what is on the disk decides at the next start.
    #[error("{0}")]
    Disk(#[from] DiskError),
    /// A bug: the message of the panic was printed when it happened.
    #[error(
        "the server stopped because of a bug, to keep its data safe: start it again, and report \
         the message above"
    )]
    Panicked,
}

impl Server {
    /// Takes the ports, recovers, and starts to serve on a thread of its own.
    ///
    /// # Errors
    /// When a port, a thread or the data is not to be had; nothing runs then.
    pub fn spawn(mut options: ServerOptions) -> Result<Server, SpawnError> {
        let clients = BoundPort::bind("the client port", options.client_address)?;
        let client_address = clients.address();
        let mut ports = vec![(Listener::Client, clients)];
        if let Some(listen) = options.peer_listen {
            let quorum = BoundPort::bind("the quorum port", listen.quorum)?;
            let election = BoundPort::bind("the election port", listen.election)?;
            ports.push((Listener::Peer(PeerPort::Quorum), quorum));
            ports.push((Listener::Peer(PeerPort::Election), election));
        }
        if options.config.facts.client_port == 0 {
            options.config.facts.client_port = i32::from(client_address.port());
        }
        let clock = Clock::start();
        let mut disk = FileDisk::new(options.directories.clone());
        let config = options.config.clone();
        let recorder = recorder(&mut options);
        let replica = Recorded::start(config, &mut disk, clock.now(), clock.wall(), recorder)?;
        check_findings(replica.replica(), &mut options)?;

        let (inbox, events) = mpsc::sync_channel(EVENTS_MAX);
        let to_loop = inbox.clone();
        let report = move |report| {
            // A loop that is gone waits for no disk.
            let _ = to_loop.send(Event::Lane(report));
        };
        let lanes = Lanes::start(disk, report)?;
        let mut listening = Vec::new();
        for (which, port) in ports {
            listening.push(port.address());
            start_accepting(which, port.listen(options.backlog)?, inbox.clone())?;
        }
        let role = Arc::new(RoleWatch::default());
        let mut server = ServerLoop::new(
            replica,
            clock,
            lanes,
            options,
            inbox.clone(),
            Arc::clone(&role),
        );
        let thread = thread::Builder::new()
            .name("server".to_owned())
            .spawn(move || {
                let outcome = server.run(&events);
                // A lane that has something to report must not wait for a loop that is over.
                drop(events);
                server.finish();
                outcome
            })?;
        Ok(Server {
            client_address,
            inbox,
            listening,
            role,
            thread,
        })
    }

    /// Where clients connect, with the real port.
    pub fn client_address(&self) -> SocketAddr {
        self.client_address
    }

    /// What the server is now.
    pub fn role(&self) -> Role {
        *self.role.lock()
    }

    /// Waits until the server serves clients, for at most `patience`; returns whether it does.
    pub fn wait_until_serving(&self, patience: Duration) -> bool {
        let looking = |role: &mut Role| !serves(*role);
        let waited = self
            .role
            .changed
            .wait_timeout_while(self.role.lock(), patience, looking);
        let (role, _) = waited.unwrap_or_else(PoisonError::into_inner);
        serves(*role)
    }

    /// Stops the server and waits until its last file operation is over.
    ///
    /// # Errors
    /// When it had stopped by itself before.
    pub fn stop(self) -> Result<(), ServerFailure> {
        // A server that failed takes nothing any more; its thread says why.
        let _ = self.inbox.send(Event::Stop);
        let outcome = self.thread.join().unwrap_or(Err(ServerFailure::Panicked));
        drop(self.inbox);
        for address in self.listening {
            wake_acceptor(address);
        }
        outcome
    }
}

/// The recorder that the options ask for. A server runs without one rather than not at all.
pub fn recorder(options: &mut ServerOptions) -> Option<Recorder> {
    let to = options.record.as_ref()?;
    match recording::record(to) {
        Ok(recorder) => Some(recorder),
        Err(error) => {
            let why = format!("{} cannot be used ({error})", to.directory.display());
            (options.notices)(Notice::NotRecorded(why));
            None
        }
    }
}

/// Passes on what recovery found, and refuses to run a lone server whose data is damaged: it
/// would wait for ever for somebody to repair it.
///
/// # Errors
/// [`SpawnError::Damaged`].
pub fn check_findings(replica: &Replica, options: &mut ServerOptions) -> Result<(), SpawnError> {
    for finding in replica.findings() {
        (options.notices)(Notice::Finding(finding.clone()));
    }
    let whole = match replica.summary().standing {
        Standing::Fresh | Standing::Member => true,
        Standing::Damaged | Standing::Amnesiac => false,
    };
    if whole || !options.config.members.is_empty() {
        return Ok(());
    }
    let found: Vec<String> = replica.findings().iter().map(ToString::to_string).collect();
    let what = match found.as_slice() {
        [] => String::new(),
        found => format!(" ({})", found.join("; ")),
    };
    let directory = options.directories.log().display().to_string();
    Err(SpawnError::Damaged { directory, what })
}

/// Whether a server in this role serves clients.
pub fn serves(role: Role) -> bool {
    match role {
        Role::Leading { .. } | Role::Following { .. } => true,
        Role::Looking | Role::LeadingPrepare { .. } | Role::FollowingPrepare { .. } => false,
    }
}

/// The role of a server, for those who wait for it.
#[derive(Debug)]
pub(crate) struct RoleWatch {
    role: Mutex<Role>,
    changed: Condvar,
}

impl RoleWatch {
    pub(crate) fn set(&self, role: Role) {
        *self.lock() = role;
        self.changed.notify_all();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Role> {
        self.role.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for RoleWatch {
    fn default() -> Self {
        RoleWatch {
            role: Mutex::new(Role::Looking),
            changed: Condvar::new(),
        }
    }
}

fn start_accepting(
    which: Listener,
    listener: TcpListener,
    inbox: SyncSender<Event>,
) -> io::Result<()> {
    thread::Builder::new()
        .name("accept".to_owned())
        .spawn(move || inbox::accept(which, &listener, &inbox))?;
    Ok(())
}

/// An acceptor notices that nobody listens to it when it has something to say.
fn wake_acceptor(mut address: SocketAddr) {
    if address.ip().is_unspecified() {
        address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
    }
    drop(TcpStream::connect_timeout(
        &address,
        Duration::from_millis(100),
    ));
}

/// Events that wait for the loop; a reader that finds no room waits, and so does its peer.
const EVENTS_MAX: usize = 1024;
