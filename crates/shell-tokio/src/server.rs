//! A server on its own thread, and the handle to it.

use crate::inbox::{Event, Listener};
use crate::server_loop::ServerLoop;
use crate::sockets;
use recording::Recorded;
use replica::PeerPort;
use shell_std::{
    BoundPort, Clock, FileDisk, Lanes, ServerFailure, ServerOptions, SpawnError, check_findings,
    recorder, serves,
};
use std::io;
use std::net::SocketAddr;
use std::panic;
use std::thread;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, oneshot, watch};
use zab_core::Role;

/// A running server. Dropping it without [`Server::stop`] leaves it running.
#[derive(Debug)]
pub struct Server {
    client_address: SocketAddr,
    inbox: mpsc::Sender<Event>,
    role: watch::Receiver<Role>,
    outcome: oneshot::Receiver<Result<(), ServerFailure>>,
}

impl Server {
    /// Takes the ports, recovers, and starts to serve on a thread of its own.
    ///
    /// # Errors
    /// When a port, a thread or the data is not to be had; nothing runs then.
    pub async fn spawn(mut options: ServerOptions) -> Result<Server, SpawnError> {
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
        let (inbox, events) = mpsc::channel(EVENTS_MAX);
        let (role, role_seen) = watch::channel(Role::Looking);
        let (started, on_started) = oneshot::channel();
        let (over, outcome) = oneshot::channel();
        let start = Start {
            options,
            ports,
            inbox: inbox.clone(),
            role,
        };
        thread::Builder::new()
            .name("server".to_owned())
            .spawn(move || {
                let ran = start.run(events, started);
                // Nobody may be left who wants to know.
                let _ = over.send(ran);
            })?;
        match on_started.await {
            Ok(result) => result?,
            Err(_) => return Err(io::Error::other("the server's thread panicked").into()),
        }
        Ok(Server {
            client_address,
            inbox,
            role: role_seen,
            outcome,
        })
    }

    /// Where clients connect, with the real port.
    pub fn client_address(&self) -> SocketAddr {
        self.client_address
    }

    /// What the server is, now and whenever that changes.
    pub fn serving(&self) -> watch::Receiver<Role> {
        self.role.clone()
    }

    /// Waits until the server serves clients.
    ///
    /// # Errors
    /// When it stops by itself before that.
    pub async fn wait_until_serving(&mut self) -> Result<(), ServerFailure> {
        let serves = self.role.wait_for(|role| serves(*role)).await.is_ok();
        if serves {
            Ok(())
        } else {
            Err(self.failure().await)
        }
    }

    /// Waits until the server stops by itself, and says why. Must not be called again after it
    /// has returned.
    pub async fn failure(&mut self) -> ServerFailure {
        match (&mut self.outcome).await {
            Ok(Err(failure)) => failure,
            Ok(Ok(())) => unreachable!("a server ends well only when it is told to"),
            Err(_) => ServerFailure::Panicked,
        }
    }

    /// Stops the server and waits until its last file operation is over.
    ///
    /// # Errors
    /// When it had stopped by itself before.
    pub async fn stop(self) -> Result<(), ServerFailure> {
        // A server that failed takes nothing any more; its outcome says why.
        let _ = self.inbox.send(Event::Stop).await;
        self.outcome.await.unwrap_or(Err(ServerFailure::Panicked))
    }
}

/// What the thread of a server needs to start it.
struct Start {
    options: ServerOptions,
    ports: Vec<(Listener, BoundPort)>,
    inbox: mpsc::Sender<Event>,
    role: watch::Sender<Role>,
}

impl Start {
    fn run(
        self,
        mut events: mpsc::Receiver<Event>,
        started: oneshot::Sender<Result<(), SpawnError>>,
    ) -> Result<(), ServerFailure> {
        let (runtime, mut server) = match self.prepare() {
            Ok(prepared) => prepared,
            Err(error) => {
                let _ = started.send(Err(error));
                return Ok(());
            }
        };
        if started.send(Ok(())).is_err() {
            return Ok(());
        }
        // As a task among those of the sockets it comes after all that are ready; as the future
        // that is blocked on, it would cost a look at the sockets each time.
        let task = runtime.spawn(async move {
            let outcome = server.run(&mut events).await;
            // A lane that has something to report must not wait for a loop that is over.
            drop(events);
            (server, outcome)
        });
        let (server, outcome) = match runtime.block_on(task) {
            Ok(ended) => ended,
            Err(error) => panic::resume_unwind(error.into_panic()),
        };
        let lanes = server.into_lanes();
        runtime.shutdown_background();
        lanes.finish();
        outcome
    }

    fn prepare(self) -> Result<(Runtime, ServerLoop), SpawnError> {
        let Start {
            mut options,
            ports,
            inbox,
            role,
        } = self;
        let clock = Clock::start();
        let mut disk = FileDisk::new(options.directories.clone());
        let config = options.config.clone();
        let recorder = recorder(&mut options);
        let replica = Recorded::start(config, &mut disk, clock.now(), clock.wall(), recorder)?;
        check_findings(replica.replica(), &mut options)?;
        let to_loop = inbox.clone();
        let lanes = Lanes::start(disk, move |report| {
            // A loop that is gone waits for no disk.
            let _ = to_loop.blocking_send(Event::Lane(report));
        })?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let entered = runtime.enter();
        for (which, port) in ports {
            let listener = port.listen(options.backlog)?;
            listener.set_nonblocking(true)?;
            let listener = TcpListener::from_std(listener)?;
            runtime.spawn(sockets::accept(which, listener, inbox.clone()));
        }
        runtime.spawn(sockets::report_descriptors(inbox.clone()));
        drop(entered);
        Ok((
            runtime,
            ServerLoop::new(replica, clock, lanes, options, inbox, role),
        ))
    }
}

/// Events that wait for the loop; a task that finds no room waits, and so does its peer.
const EVENTS_MAX: usize = 1024;
