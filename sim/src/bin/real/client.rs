//! A client: the real machine on a real socket, with everything that travels written down.

use client_core::{Client, ClientConfig, ClientRequest, ConnectionState, Input, Output, Ticket};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use sim::elsewhere::{Blob, Conversation, Piece, Speaker};
use sim::{Ask, Micros};
use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;
use zk_types::Instant;

/// How long a client whose session is over waits before it opens another.
const ANEW_AFTER: Micros = 100_000;
const BUFFER_BYTES: usize = 64 * 1024;

/// Everything that travelled, in one order.
#[derive(Default)]
pub(crate) struct Tape {
    order: u64,
    pub(crate) conversations: Vec<Conversation>,
}

impl Tape {
    fn write(&mut self, conversation: usize, time: Micros, from: Speaker, bytes: &[u8]) {
        self.order += 1;
        self.conversations[conversation].pieces.push(Piece {
            order: self.order,
            time,
            from,
            bytes: Blob(bytes.to_vec()),
        });
    }
}

/// What a client did that is worth telling.
pub(crate) enum Told {
    State(ConnectionState),
    Lost { server: usize, why: String },
}

/// One client.
pub(crate) struct Player {
    index: usize,
    /// Which servers it may use, and the wires to them.
    servers: Vec<(usize, SocketAddr)>,
    machine: Client,
    timeout: Micros,
    socket: Option<TcpStream>,
    conversation: Option<usize>,
    unsent: VecDeque<u8>,
    next_ticket: u64,
    under_way: usize,
    /// Requests that a server answered.
    pub(crate) answered: u64,
    /// Until when it stands still.
    paused_until: Micros,
    anew_at: Option<Micros>,
    generation: u8,
    is_lost: bool,
    pub(crate) told: Vec<Told>,
}

impl Player {
    pub(crate) fn new(index: usize, servers: Vec<(usize, SocketAddr)>, timeout: Micros) -> Self {
        Player {
            machine: machine(index, 0, servers.len(), timeout),
            index,
            servers,
            timeout,
            socket: None,
            conversation: None,
            unsent: VecDeque::new(),
            next_ticket: 0,
            under_way: 0,
            answered: 0,
            paused_until: 0,
            anew_at: None,
            generation: 0,
            is_lost: false,
            told: Vec::new(),
        }
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.machine.state() == ConnectionState::Connected
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.under_way == 0
    }

    pub(crate) fn pause_until(&mut self, until: Micros) {
        self.paused_until = until;
    }

    /// Says that the conversation it has now was served to the end.
    pub(crate) fn close_of_play(&self, tape: &mut Tape) {
        if let (true, Some(conversation)) = (self.is_connected(), self.conversation) {
            tape.conversations[conversation].is_open = true;
        }
    }

    pub(crate) fn obey(&mut self, ask: &Ask, now: Micros, tape: &mut Tape) {
        if self.anew_at.is_some() || self.paused_until > now {
            return;
        }
        match ask {
            Ask::Request(request) => self.ask(request.clone(), now, tape),
            Ask::Close => self.handle(Input::Close, now, tape),
        }
    }

    pub(crate) fn ask(&mut self, request: ClientRequest, now: Micros, tape: &mut Tape) {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        self.under_way += 1;
        self.handle(Input::Request { ticket, request }, now, tape);
    }

    /// Takes what came, sends what waits, and does what is due.
    pub(crate) fn turn(&mut self, now: Micros, tape: &mut Tape) {
        if self.paused_until > now {
            return;
        }
        if self.anew_at.is_some_and(|at| at <= now) {
            self.begin_anew(now, tape);
        }
        self.receive(now, tape);
        self.flush();
        let deadline = self.machine.next_deadline();
        if self.anew_at.is_none() && deadline.is_some_and(|at| at.as_micros() <= now) {
            self.handle(Input::Timeout, now, tape);
        }
    }

    pub(crate) fn start(&mut self, now: Micros, tape: &mut Tape) {
        self.handle(Input::Timeout, now, tape);
    }

    fn begin_anew(&mut self, now: Micros, tape: &mut Tape) {
        self.disconnect();
        self.anew_at = None;
        self.generation = self.generation.wrapping_add(1);
        self.under_way = 0;
        let servers = self.servers.len();
        self.machine = machine(self.index, self.generation, servers, self.timeout);
        self.handle(Input::Timeout, now, tape);
    }

    fn receive(&mut self, now: Micros, tape: &mut Tape) {
        let mut buffer = [0; BUFFER_BYTES];
        while let (Some(socket), Some(conversation)) = (&mut self.socket, self.conversation) {
            match socket.read(&mut buffer) {
                Ok(length) if length > 0 => {
                    let bytes = &buffer[..length];
                    tape.write(conversation, now, Speaker::Server, bytes);
                    self.handle(Input::Bytes(bytes), now, tape);
                }
                Err(error) if is_pause(&error) => return,
                Ok(_) | Err(_) => {
                    self.disconnect();
                    self.handle(Input::Closed, now, tape);
                }
            }
        }
    }

    fn flush(&mut self) {
        let Some(socket) = &mut self.socket else {
            return;
        };
        while !self.unsent.is_empty() {
            match socket.write(self.unsent.make_contiguous()) {
                Ok(length) => drop(self.unsent.drain(..length)),
                // A connection that is gone is seen by whoever reads.
                Err(_) => return,
            }
        }
    }

    fn handle(&mut self, input: Input<'_>, now: Micros, tape: &mut Tape) {
        self.machine.handle(Instant::from_micros(now), input);
        while let Some(output) = self.machine.poll_output() {
            match output {
                Output::Connect { server } => {
                    let up = self.dial(server, tape);
                    let input = if up {
                        Input::Connected
                    } else {
                        Input::ConnectFailed
                    };
                    self.machine.handle(Instant::from_micros(now), input);
                }
                Output::Send(bytes) => {
                    if let Some(conversation) = self.conversation {
                        tape.write(conversation, now, Speaker::Client, &bytes);
                        self.unsent.extend(bytes);
                        self.flush();
                    }
                }
                Output::Disconnect => self.disconnect(),
                Output::Reply { zxid, .. } => {
                    self.answered += u64::from(zxid.is_some());
                    self.under_way = self.under_way.saturating_sub(1);
                }
                Output::State(state) => {
                    self.is_lost &= state != ConnectionState::Connected;
                    if matches!(state, ConnectionState::Over(_)) {
                        self.anew_at = Some(now + ANEW_AFTER);
                    }
                    self.told.push(Told::State(state));
                }
                Output::ConnectionLost { server, loss } => {
                    let (server, _) = self.servers[server];
                    // Of all attempts to connect again only the first is told of.
                    if !std::mem::replace(&mut self.is_lost, true) {
                        let why = format!("{loss:?}");
                        self.told.push(Told::Lost { server, why });
                    }
                }
                Output::Event { .. } | Output::WatchEnded { .. } => {}
            }
        }
    }

    fn dial(&mut self, server: usize, tape: &mut Tape) -> bool {
        // A wire takes every connection at once, and ends it when its server takes none.
        let (server, wire) = self.servers[server];
        let socket = TcpStream::connect(wire).and_then(|socket| {
            socket.set_nonblocking(true)?;
            socket.set_nodelay(true)?;
            Ok(socket)
        });
        let Ok(socket) = socket else { return false };
        self.socket = Some(socket);
        self.conversation = Some(tape.conversations.len());
        tape.conversations.push(Conversation {
            client: self.index,
            server,
            is_open: false,
            pieces: Vec::new(),
        });
        true
    }

    fn disconnect(&mut self) {
        self.socket = None;
        self.conversation = None;
        self.unsent.clear();
    }
}

fn machine(index: usize, generation: u8, servers: usize, timeout: Micros) -> Client {
    let config = ClientConfig {
        session_timeout: Duration::from_micros(timeout),
        backoff_min: Duration::from_millis(20),
        backoff_max: Duration::from_millis(400),
        ..ClientConfig::new(servers)
    };
    let mut seed = [generation; 32];
    seed[0] = u8::try_from(index).unwrap_or(u8::MAX);
    Client::new(config, ChaCha8Rng::from_seed(seed))
}

fn is_pause(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
