//! The smallest client that works: one socket, one request at a time, no thread.

use client_core::{
    Client, ClientConfig, ClientError, ClientRequest, ConnectionState, Input, Output, Response,
    Ticket,
};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use shell_std::Clock;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

/// A client whose calls block.
pub(crate) struct BlockingClient {
    core: Client,
    clock: Clock,
    servers: Vec<SocketAddr>,
    socket: Option<TcpStream>,
    requests: u64,
    reply: Option<(Ticket, Result<Response, ClientError>)>,
}

impl BlockingClient {
    /// Connects to one of the servers and begins a session.
    pub(crate) fn connect(servers: Vec<SocketAddr>, seed: u8) -> BlockingClient {
        let core = Client::new(
            ClientConfig::new(servers.len()),
            ChaCha8Rng::from_seed([seed; 32]),
        );
        let clock = Clock::start();
        let mut client = BlockingClient {
            core,
            clock,
            servers,
            socket: None,
            requests: 0,
            reply: None,
        };
        while client.core.state() != ConnectionState::Connected {
            client.step();
        }
        client
    }

    /// Asks, and waits for the answer.
    pub(crate) fn ask(&mut self, request: ClientRequest) -> Result<Response, ClientError> {
        self.requests += 1;
        let ticket = Ticket(self.requests);
        self.tell(Input::Request { ticket, request });
        loop {
            match self.reply.take() {
                Some((of, result)) if of == ticket => return result,
                Some(_) | None => self.step(),
            }
        }
    }

    /// The server of the connection.
    pub(crate) fn server(&self) -> Option<SocketAddr> {
        self.core.server().map(|index| self.servers[index])
    }

    /// Ends the session.
    pub(crate) fn close(mut self) {
        self.tell(Input::Close);
        while !matches!(self.core.state(), ConnectionState::Over(_)) {
            self.step();
        }
    }

    /// Waits for bytes or the next deadline, and tells the core.
    fn step(&mut self) {
        let deadline = self
            .core
            .next_deadline()
            .expect("a client that is not over has plans");
        let patience = self.clock.until(deadline);
        let Some(socket) = &mut self.socket else {
            thread::park_timeout(patience);
            return self.tell(Input::Timeout);
        };
        if patience.is_zero() {
            return self.tell(Input::Timeout);
        }
        let mut buffer = [0; 4096];
        let read = socket
            .set_read_timeout(Some(patience))
            .and_then(|()| socket.read(&mut buffer));
        match read {
            Ok(0) => self.lost(),
            Ok(length) => self.tell(Input::Bytes(&buffer[..length])),
            Err(error) if is_timeout(&error) => self.tell(Input::Timeout),
            Err(_) => self.lost(),
        }
    }

    fn lost(&mut self) {
        self.socket = None;
        self.tell(Input::Closed);
    }

    fn tell(&mut self, input: Input<'_>) {
        self.core.handle(self.clock.now(), input);
        let mut dial = None;
        while let Some(output) = self.core.poll_output() {
            match output {
                Output::Connect { server } => dial = Some(self.servers[server]),
                Output::Send(bytes) => {
                    if let Some(socket) = &mut self.socket {
                        // A broken connection shows when it is read.
                        let _ = socket.write_all(&bytes);
                    }
                }
                Output::Disconnect => self.socket = None,
                Output::Reply { ticket, result, .. } => self.reply = Some((ticket, result)),
                Output::Event { .. }
                | Output::WatchEnded { .. }
                | Output::State(_)
                | Output::ConnectionLost { .. } => {}
            }
        }
        if let Some(server) = dial {
            self.dial(server);
        }
    }

    fn dial(&mut self, server: SocketAddr) {
        self.socket = TcpStream::connect_timeout(&server, Duration::from_secs(1)).ok();
        let connected = self.socket.is_some();
        self.tell(if connected {
            Input::Connected
        } else {
            Input::ConnectFailed
        });
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted
    )
}
