//! The loop that owns a replica: takes what happened, does what it says.

use crate::Clock;
use crate::connection::{Connection, Cut, Told};
use crate::inbox::{self, Event, Listener};
use crate::lanes::{LaneReport, Lanes};
use crate::options::{Notice, NoticeSink, PeerAddress, ServerOptions};
use crate::server::{RoleWatch, ServerFailure};
use recording::Recorded;
use replica::{ConnId, Input, Output, PeerPort, accepted_link};
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::thread;
use std::time::Duration;
use zab_core::LinkId;
use zk_types::{Instant, ServerId};

pub(crate) struct ServerLoop {
    replica: Recorded,
    clock: Clock,
    lanes: Lanes,
    inbox: SyncSender<Event>,
    notices: NoticeSink,
    role: Arc<RoleWatch>,
    peers: BTreeMap<ServerId, PeerAddress>,
    clients: BTreeMap<ConnId, Connection>,
    links: BTreeMap<LinkId, Link>,
    /// What this batch sends, so that each socket is written to once.
    to_clients: BTreeMap<ConnId, Vec<u8>>,
    to_peers: BTreeMap<LinkId, Vec<u8>>,
    /// Clients whose end came in this batch: they are told of once its answers are on their way.
    gone: Vec<ConnId>,
    /// Links that were lost while the replica was being obeyed; it is told at the next end.
    gone_links: Vec<LinkId>,
    closing: VecDeque<(Instant, Cut)>,
    clients_accepted: u64,
    peers_accepted: u64,
}

/// A link to or from a peer.
enum Link {
    Dialling { to: ServerId, port: PeerPort },
    Up(Connection),
}

impl ServerLoop {
    pub(crate) fn new(
        replica: Recorded,
        clock: Clock,
        lanes: Lanes,
        options: ServerOptions,
        inbox: SyncSender<Event>,
        role: Arc<RoleWatch>,
    ) -> ServerLoop {
        ServerLoop {
            replica,
            clock,
            lanes,
            inbox,
            notices: options.notices,
            role,
            peers: options.peers,
            clients: BTreeMap::new(),
            links: BTreeMap::new(),
            to_clients: BTreeMap::new(),
            to_peers: BTreeMap::new(),
            gone: Vec::new(),
            gone_links: Vec::new(),
            closing: VecDeque::new(),
            clients_accepted: 0,
            peers_accepted: 0,
        }
    }

    /// Runs until it is told to stop.
    pub(crate) fn run(&mut self, events: &Receiver<Event>) -> Result<(), ServerFailure> {
        self.obey();
        loop {
            let mut next = match events.recv_timeout(self.patience()) {
                Ok(event) => Some(event),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => unreachable!("this loop holds a sender"),
            };
            while let Some(event) = next {
                if let ControlFlow::Break(end) = self.take(event) {
                    return end;
                }
                next = events.try_recv().ok();
            }
            if self
                .replica
                .next_deadline()
                .is_some_and(|deadline| deadline <= self.clock.now())
            {
                self.tell(Input::Timeout);
            }
            self.end_batch();
            if !self.gone.is_empty() || !self.gone_links.is_empty() {
                self.tell_the_ends();
                self.end_batch();
            }
            if let Some(why) = self.replica.take_reason() {
                (self.notices)(Notice::NotRecorded(why));
            }
            let now = self.clock.now();
            while self
                .closing
                .front()
                .is_some_and(|(deadline, _)| *deadline <= now)
            {
                self.closing.pop_front();
            }
        }
    }

    /// Lets the disk finish.
    pub(crate) fn finish(self) {
        self.lanes.finish();
    }

    fn patience(&self) -> Duration {
        let deadlines = [
            self.replica.next_deadline(),
            self.closing.front().map(|(at, _)| *at),
        ];
        if !self.gone_links.is_empty() {
            return Duration::ZERO;
        }
        let next = deadlines.into_iter().flatten().min();
        next.map_or(Duration::from_secs(3600), |deadline| {
            self.clock.until(deadline)
        })
    }

    fn take(&mut self, event: Event) -> ControlFlow<Result<(), ServerFailure>> {
        match event {
            Event::Accepted(Listener::Client, stream, from) => self.accept_client(stream, from),
            Event::Accepted(Listener::Peer(port), stream, _) => self.accept_peer(port, stream),
            Event::AcceptFailed(error) => (self.notices)(Notice::AcceptFailed(error)),
            Event::Dialled(link, outcome) => self.dialled(link, outcome),
            Event::Client(conn, told) => self.client_told(conn, told),
            Event::Peer(link, told) => self.peer_told(link, told),
            Event::Lane(LaneReport::Done { id, bytes }) => {
                self.tell(Input::DiskDone { id, bytes });
            }
            Event::Lane(LaneReport::Full(error)) => {
                if self.replica.replica().is_stuck_without_space() {
                    return ControlFlow::Break(Err(error.into()));
                }
                (self.notices)(Notice::DiskFull(error));
            }
            Event::Lane(LaneReport::Failed(error)) => return ControlFlow::Break(Err(error.into())),
            Event::Stop => return ControlFlow::Break(Ok(())),
        }
        ControlFlow::Continue(())
    }

    fn accept_client(&mut self, stream: TcpStream, from: SocketAddr) {
        self.clients_accepted += 1;
        let conn = ConnId(self.clients_accepted);
        let inbox = self.inbox.clone();
        match Connection::start(stream, move |told| {
            inbox.send(Event::Client(conn, told)).is_ok()
        }) {
            Ok(connection) => {
                self.clients.insert(conn, connection);
                let (ip, port) = (from.ip().to_canonical(), from.port());
                self.tell(Input::ClientConnected { conn, ip, port });
            }
            Err(error) => (self.notices)(Notice::AcceptFailed(error)),
        }
    }

    fn accept_peer(&mut self, port: PeerPort, stream: TcpStream) {
        let link = accepted_link(self.peers_accepted);
        self.peers_accepted += 1;
        match self.connect_link(link, stream) {
            Ok(()) => self.tell(Input::PeerAccepted { link, port }),
            Err(error) => (self.notices)(Notice::AcceptFailed(error)),
        }
    }

    fn dialled(&mut self, link: LinkId, outcome: io::Result<TcpStream>) {
        let Some(&Link::Dialling { to, port }) = self.links.get(&link) else {
            return;
        };
        match outcome.and_then(|stream| self.connect_link(link, stream)) {
            Ok(()) => self.tell(Input::PeerConnected { link }),
            Err(error) => {
                self.links.remove(&link);
                (self.notices)(Notice::DialFailed {
                    peer: to,
                    port,
                    error,
                });
                self.tell(Input::PeerClosed { link });
            }
        }
    }

    fn connect_link(&mut self, link: LinkId, stream: TcpStream) -> io::Result<()> {
        let inbox = self.inbox.clone();
        let connection = Connection::start(stream, move |told| {
            inbox.send(Event::Peer(link, told)).is_ok()
        })?;
        self.links.insert(link, Link::Up(connection));
        Ok(())
    }

    fn client_told(&mut self, conn: ConnId, told: Told) {
        if !self.clients.contains_key(&conn) {
            return;
        }
        match told {
            Told::Bytes(bytes) => self.tell(Input::ClientBytes {
                conn,
                bytes: &bytes,
            }),
            Told::Sent(bytes) => self.tell(Input::ClientSent { conn, bytes }),
            Told::Gone => self.gone.push(conn),
        }
    }

    fn peer_told(&mut self, link: LinkId, told: Told) {
        if !self.links.contains_key(&link) {
            return;
        }
        match told {
            Told::Bytes(bytes) => self.tell(Input::PeerBytes {
                link,
                bytes: &bytes,
            }),
            Told::Sent(_) => {}
            Told::Gone => {
                self.links.remove(&link);
                self.tell(Input::PeerClosed { link });
            }
        }
    }

    fn tell_the_ends(&mut self) {
        for conn in std::mem::take(&mut self.gone) {
            if self.clients.remove(&conn).is_some() {
                self.tell(Input::ClientClosed { conn });
            }
        }
        for link in std::mem::take(&mut self.gone_links) {
            self.tell(Input::PeerClosed { link });
        }
    }

    fn tell(&mut self, input: Input<'_>) {
        self.replica
            .handle(self.clock.now(), self.clock.wall(), input);
        self.obey();
    }

    fn end_batch(&mut self) {
        self.tell(Input::BatchEnd);
        for (conn, bytes) in std::mem::take(&mut self.to_clients) {
            if let Some(connection) = self.clients.get(&conn) {
                connection.send(bytes);
            }
        }
        for (link, bytes) in std::mem::take(&mut self.to_peers) {
            self.send_to_peer(link, bytes);
        }
    }

    fn send_to_peer(&mut self, link: LinkId, bytes: Vec<u8>) {
        let Some(Link::Up(connection)) = self.links.get(&link) else {
            return;
        };
        if connection.send(bytes) > PEER_BACKLOG_BYTES_MAX {
            (self.notices)(Notice::PeerTooSlow(link));
            self.links.remove(&link);
            self.gone_links.push(link);
        }
    }

    fn obey(&mut self) {
        while let Some(output) = self.replica.poll_output() {
            self.execute(output);
        }
    }

    fn execute(&mut self, output: Output) {
        match output {
            Output::ClientSend { conn, bytes } => append(&mut self.to_clients, conn, bytes),
            Output::ClientClose { conn } => self.close_client(conn),
            Output::ClientReading { conn, reading } => {
                if let Some(connection) = self.clients.get(&conn) {
                    connection.set_reading(reading);
                }
            }
            Output::PeerDial { link, to, port } => self.dial(link, to, port),
            Output::PeerSend { link, bytes } => append(&mut self.to_peers, link, bytes),
            Output::PeerClose { link } => {
                self.to_peers.remove(&link);
                self.links.remove(&link);
            }
            Output::Disk(task) => self.lanes.push(task),
            Output::Event(event) => {
                if let replica::Event::Role(role) = event {
                    self.role.set(role);
                }
                (self.notices)(Notice::Event(event));
            }
        }
    }

    fn close_client(&mut self, conn: ConnId) {
        let Some(connection) = self.clients.remove(&conn) else {
            return;
        };
        if let Some(bytes) = self.to_clients.remove(&conn) {
            connection.send(bytes);
        }
        let deadline = self.clock.now() + CLOSE_WAIT;
        self.closing
            .push_back((deadline, connection.close_after_sending()));
    }

    fn dial(&mut self, link: LinkId, to: ServerId, port: PeerPort) {
        let address = self
            .peers
            .get(&to)
            .expect("only servers of the ensemble are dialled");
        let (host, number) = (address.host.clone(), address.port(port));
        let inbox = self.inbox.clone();
        self.links.insert(link, Link::Dialling { to, port });
        let dialler = thread::Builder::new()
            .name("dial".to_owned())
            .spawn(move || {
                // A loop that is gone wants no link.
                let _ = inbox.send(Event::Dialled(link, inbox::dial(&host, number)));
            });
        if let Err(error) = dialler {
            self.links.remove(&link);
            (self.notices)(Notice::DialFailed {
                peer: to,
                port,
                error,
            });
            self.gone_links.push(link);
        }
    }
}

fn append<K: Ord>(batch: &mut BTreeMap<K, Vec<u8>>, key: K, mut bytes: Vec<u8>) {
    let waiting = batch.entry(key).or_default();
    if waiting.is_empty() {
        *waiting = bytes;
    } else {
        waiting.append(&mut bytes);
    }
}

/// How long a client may take to read the rest of what it was sent.
const CLOSE_WAIT: Duration = Duration::from_secs(5);
/// Bytes that a peer may be owed; the replica drops a learner that lags long before.
const PEER_BACKLOG_BYTES_MAX: usize = 256 << 20;
