//! The task of one client: a loop around `client-core` that moves bytes and wakes whoever waits.

use crate::clock::Clock;
use crate::link::{Arrival, Link};
use crate::watch::Watch;
use client_core::{
    Auth, Client, ClientError, ClientRequest, ConnectionState, Input, Output, Response, Ticket,
    WatchedEvent,
};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use zk_types::{SessionId, Zxid};

/// How a client stands right now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Connected, looking for a server, or over.
    pub state: ConnectionState,
    /// The session's id, [`SessionId::NONE`] before there is one.
    pub id: SessionId,
    /// Its password; with the id it takes the session up elsewhere.
    pub password: Vec<u8>,
    /// Its timeout, as negotiated.
    pub timeout: Duration,
    /// The last transaction that a reply told of.
    pub last_zxid_seen: Zxid,
    /// The server of the connection, as it is named in the connection string.
    pub server: Option<String>,
}

/// What a handle asks of the task.
pub(crate) enum Command {
    Request {
        request: ClientRequest,
        listen: Listen,
        answer: oneshot::Sender<Answer>,
    },
    AddAuth(Auth),
    Events(mpsc::Sender<WatchedEvent>),
    Close,
}

/// Whether a request's own listener comes back with its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listen {
    No,
    Yes,
}

/// What a request comes back with.
pub(crate) struct Answer {
    pub(crate) result: Result<Response, ClientError>,
    pub(crate) watch: Option<Watch>,
}

/// The task of one client.
pub(crate) struct Driver {
    core: Client,
    clock: Clock,
    servers: Vec<String>,
    attempts: usize,
    link: Link,
    commands: mpsc::Receiver<Command>,
    handles: Handles,
    dropped: (
        mpsc::UnboundedSender<Ticket>,
        mpsc::UnboundedReceiver<Ticket>,
    ),
    session: watch::Sender<Session>,
    next_ticket: Ticket,
    waiting: BTreeMap<
        Ticket,
        (
            oneshot::Sender<Answer>,
            Option<mpsc::Receiver<WatchedEvent>>,
        ),
    >,
    listeners: BTreeMap<Ticket, mpsc::Sender<WatchedEvent>>,
    events: Vec<mpsc::Sender<WatchedEvent>>,
}

/// Whether anybody holds a handle on the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Handles {
    Some,
    None,
}

impl Driver {
    pub(crate) fn new(
        core: Client,
        servers: Vec<String>,
        commands: mpsc::Receiver<Command>,
    ) -> (Self, watch::Receiver<Session>) {
        let (session, sessions) = watch::channel(session_of(&core, &servers));
        let driver = Driver {
            core,
            clock: Clock::start(),
            servers,
            attempts: 0,
            link: Link::Idle,
            commands,
            handles: Handles::Some,
            dropped: mpsc::unbounded_channel(),
            session,
            next_ticket: Ticket(0),
            waiting: BTreeMap::new(),
            listeners: BTreeMap::new(),
            events: Vec::new(),
        };
        (driver, sessions)
    }

    /// Runs until nobody holds a handle and the session is over.
    pub(crate) async fn run(mut self) {
        while self.handles == Handles::Some || self.core.next_deadline().is_some() {
            let deadline = self.core.next_deadline();
            tokio::select! {
                arrival = self.link.next() => self.on_arrival(&arrival),
                command = self.commands.recv(), if self.handles == Handles::Some => {
                    self.on_command(command);
                    while let Ok(command) = self.commands.try_recv() {
                        self.on_command(Some(command));
                    }
                }
                Some(ticket) = self.dropped.1.recv() => self.handle(Input::Unwatch { ticket }),
                () = self.clock.sleep_until(deadline) => self.handle(Input::Timeout),
            }
            self.publish();
        }
    }

    fn on_arrival(&mut self, arrival: &Arrival) {
        let now = self.clock.now();
        self.core.handle(
            now,
            match arrival {
                Arrival::Connected => Input::Connected,
                Arrival::Failed => Input::ConnectFailed,
                Arrival::Bytes(count) => Input::Bytes(self.link.bytes(*count)),
                Arrival::Closed => Input::Closed,
            },
        );
        self.execute();
    }

    fn on_command(&mut self, command: Option<Command>) {
        match command {
            None => {
                self.handles = Handles::None;
                self.handle(Input::Close);
            }
            Some(Command::Close) => self.handle(Input::Close),
            Some(Command::AddAuth(auth)) => self.handle(Input::AddAuth(auth)),
            Some(Command::Events(events)) => self.on_listener(events),
            Some(Command::Request {
                request,
                listen,
                answer,
            }) => {
                let ticket = self.next_ticket;
                self.next_ticket = Ticket(ticket.0 + 1);
                let listener = (listen == Listen::Yes).then(|| {
                    let (sender, receiver) = mpsc::channel(Watch::EVENTS_MAX);
                    self.listeners.insert(ticket, sender);
                    receiver
                });
                self.waiting.insert(ticket, (answer, listener));
                self.handle(Input::Request { ticket, request });
            }
        }
    }

    /// A session that is over has no events left.
    fn on_listener(&mut self, events: mpsc::Sender<WatchedEvent>) {
        if self.core.next_deadline().is_some() {
            self.events.push(events);
        }
    }

    fn handle(&mut self, input: Input<'_>) {
        self.core.handle(self.clock.now(), input);
        self.execute();
    }

    fn execute(&mut self) {
        while let Some(output) = self.core.poll_output() {
            match output {
                Output::Connect { server } => {
                    self.attempts = self.attempts.wrapping_add(1);
                    self.link = Link::dial(self.servers[server].clone(), self.attempts);
                }
                Output::Send(bytes) => self.link.send(&bytes),
                Output::Disconnect => self.link = Link::Idle,
                Output::Reply {
                    ticket,
                    zxid: _,
                    result,
                } => self.answer(ticket, result),
                Output::Event { event, watchers } => self.tell(&event, &watchers),
                Output::WatchEnded { ticket } => drop(self.listeners.remove(&ticket)),
                Output::State(_) | Output::ConnectionLost { .. } => {}
            }
        }
    }

    /// An answer that nobody waits for any more takes its watch down with it, by being dropped.
    fn answer(&mut self, ticket: Ticket, result: Result<Response, ClientError>) {
        let (answer, listener) = self
            .waiting
            .remove(&ticket)
            .expect("each request is answered once");
        if result.is_err() {
            self.listeners.remove(&ticket);
        }
        let watch = listener.map(|events| Watch::new(events, ticket, self.dropped.0.clone()));
        let _ = answer.send(Answer { result, watch });
    }

    /// Passes an event on; whoever lags too far behind, or left, is let go.
    fn tell(&mut self, event: &WatchedEvent, watchers: &[Ticket]) {
        for ticket in watchers {
            if let Some(listener) = self.listeners.get(ticket)
                && listener.try_send(event.clone()).is_err()
            {
                self.listeners.remove(ticket);
            }
        }
        self.events
            .retain(|events| events.try_send(event.clone()).is_ok());
        if let ConnectionState::Over(_) = self.core.state() {
            self.events.clear();
        }
    }

    fn publish(&mut self) {
        let (core, servers) = (&self.core, &self.servers);
        self.session.send_if_modified(|known| {
            let stale = known.state != core.state()
                || known.id != core.session_id()
                || known.last_zxid_seen != core.last_zxid_seen()
                || known.server.as_ref() != core.server().map(|server| &servers[server]);
            if stale {
                *known = session_of(core, servers);
            }
            stale
        });
    }
}

fn session_of(core: &Client, servers: &[String]) -> Session {
    Session {
        state: core.state(),
        id: core.session_id(),
        password: core.password().to_vec(),
        timeout: core.session_timeout(),
        last_zxid_seen: core.last_zxid_seen(),
        server: core.server().map(|server| servers[server].clone()),
    }
}
