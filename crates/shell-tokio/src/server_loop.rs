//! The loop that owns a replica: takes what happened, does what it says.

use crate::around::{self, Clock, Connection, Lanes, Stream};
use crate::inbox::{Event, Listener, SocketId, Told};
use recording::Recorded;
use replica::{ConnId, Input, Output, PeerPort, accepted_link};
use shell_std::{LaneReport, Notice, NoticeSink, PeerAddress, ServerFailure, ServerOptions};
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time;
use zab_core::{LinkId, Role};
use zk_types::{Instant, ServerId, WallTime};

pub(crate) struct ServerLoop {
    replica: Recorded,
    clock: Clock,
    /// The time of this batch.
    now: (Instant, WallTime),
    lanes: Lanes,
    inbox: mpsc::Sender<Event>,
    notices: NoticeSink,
    role: watch::Sender<Role>,
    peers: BTreeMap<ServerId, PeerAddress>,
    sockets: BTreeMap<SocketId, Connection>,
    dialling: BTreeMap<LinkId, (ServerId, PeerPort)>,
    /// Sockets with bytes that were not tried yet, so that each is written to once in a batch.
    unflushed: Vec<SocketId>,
    /// Sockets that ended in this batch: the replica is told once its answers are on their way.
    gone: Vec<SocketId>,
    clients_accepted: u64,
    peers_accepted: u64,
}

impl ServerLoop {
    pub(crate) fn new(
        replica: Recorded,
        clock: Clock,
        lanes: Lanes,
        options: ServerOptions,
        inbox: mpsc::Sender<Event>,
        role: watch::Sender<Role>,
    ) -> ServerLoop {
        ServerLoop {
            replica,
            clock,
            now: (clock.now(), clock.wall()),
            lanes,
            inbox,
            notices: options.notices,
            role,
            peers: options.peers,
            sockets: BTreeMap::new(),
            dialling: BTreeMap::new(),
            unflushed: Vec::new(),
            gone: Vec::new(),
            clients_accepted: 0,
            peers_accepted: 0,
        }
    }

    /// Runs until it is told to stop.
    pub(crate) async fn run(
        &mut self,
        events: &mut mpsc::Receiver<Event>,
    ) -> Result<(), ServerFailure> {
        let alarm = time::sleep(Duration::ZERO);
        tokio::pin!(alarm);
        let mut alarm_at = None;
        let mut batch = Vec::with_capacity(BATCH_EVENTS_MAX);
        self.obey();
        self.end_batch();
        loop {
            let deadline = self.replica.next_deadline();
            if deadline != alarm_at {
                alarm_at = deadline;
                alarm.as_mut().reset(self.timer(deadline));
            }
            tokio::select! {
                biased;
                _ = events.recv_many(&mut batch, BATCH_EVENTS_MAX) => {}
                () = &mut alarm, if alarm_at.is_some() => {}
            }
            self.now = (self.clock.now(), self.clock.wall());
            for event in batch.drain(..) {
                if let ControlFlow::Break(end) = self.take(event) {
                    return end;
                }
            }
            if self
                .replica
                .next_deadline()
                .is_some_and(|deadline| deadline <= self.now.0)
            {
                // The same alarm, once it has rung, must be set again.
                alarm_at = None;
                self.tell(Input::Timeout);
            }
            self.end_batch();
            if let Some(why) = self.replica.take_reason() {
                (self.notices)(Notice::NotRecorded(why));
            }
        }
    }

    /// What must outlive the sockets.
    #[cfg(not(test))]
    pub(crate) fn into_lanes(self) -> Lanes {
        self.lanes
    }

    fn timer(&self, deadline: Option<Instant>) -> time::Instant {
        let at = deadline.and_then(|deadline| self.clock.to_std(deadline));
        // No deadline, or none within the reach of a timer: the select ignores it, or it is late.
        at.map_or_else(
            || time::Instant::now() + Duration::from_secs(3600),
            time::Instant::from_std,
        )
    }

    fn take(&mut self, event: Event) -> ControlFlow<Result<(), ServerFailure>> {
        match event {
            Event::Accepted(Listener::Client, stream, from) => self.accept_client(stream, from),
            Event::Accepted(Listener::Peer(port), stream, _) => self.accept_peer(port, stream),
            Event::AcceptFailed(error) => (self.notices)(Notice::AcceptFailed(error)),
            Event::Dialled(link, outcome) => self.dialled(link, outcome),
            Event::Socket(id, told) => self.socket_told(id, told),
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
            Event::Descriptors(open, limit) => {
                self.tell(Input::Gauges {
                    descriptors: (open, limit),
                });
            }
            Event::Stop => return ControlFlow::Break(Ok(())),
        }
        ControlFlow::Continue(())
    }

    fn accept_client(&mut self, stream: Stream, from: SocketAddr) {
        self.clients_accepted += 1;
        let conn = ConnId(self.clients_accepted);
        match self.connect(SocketId::Client(conn), stream) {
            Ok(()) => {
                let (ip, port) = (from.ip().to_canonical(), from.port());
                self.tell(Input::ClientConnected { conn, ip, port });
            }
            Err(error) => (self.notices)(Notice::AcceptFailed(error)),
        }
    }

    fn accept_peer(&mut self, port: PeerPort, stream: Stream) {
        let link = accepted_link(self.peers_accepted);
        self.peers_accepted += 1;
        match self.connect(SocketId::Peer(link), stream) {
            Ok(()) => self.tell(Input::PeerAccepted { link, port }),
            Err(error) => (self.notices)(Notice::AcceptFailed(error)),
        }
    }

    fn dialled(&mut self, link: LinkId, outcome: io::Result<Stream>) {
        // The replica may have closed it in the meantime.
        let Some((peer, port)) = self.dialling.remove(&link) else {
            return;
        };
        match outcome.and_then(|stream| self.connect(SocketId::Peer(link), stream)) {
            Ok(()) => self.tell(Input::PeerConnected { link }),
            Err(error) => {
                (self.notices)(Notice::DialFailed { peer, port, error });
                self.tell(Input::PeerClosed { link });
            }
        }
    }

    fn connect(&mut self, id: SocketId, stream: Stream) -> io::Result<()> {
        let connection = Connection::start(stream, id, self.inbox.clone())?;
        self.sockets.insert(id, connection);
        Ok(())
    }

    fn socket_told(&mut self, id: SocketId, told: Told) {
        let Some(connection) = self.sockets.get_mut(&id) else {
            return;
        };
        match (told, id) {
            (Told::Bytes(bytes), SocketId::Client(conn)) => {
                self.tell(Input::ClientBytes {
                    conn,
                    bytes: &bytes,
                });
            }
            (Told::Bytes(bytes), SocketId::Peer(link)) => {
                self.tell(Input::PeerBytes {
                    link,
                    bytes: &bytes,
                });
            }
            (Told::Writable, _) => {
                connection.writable();
                self.unflushed.push(id);
            }
            (Told::Gone, _) => self.gone.push(id),
        }
    }

    fn tell(&mut self, input: Input<'_>) {
        self.replica.handle(self.now.0, self.now.1, input);
        self.obey();
    }

    /// Says that nothing else waits, and writes, until neither gives the other something to do.
    fn end_batch(&mut self) {
        loop {
            self.now = (self.clock.now(), self.clock.wall());
            self.tell(Input::BatchEnd);
            let mut told = false;
            for id in std::mem::take(&mut self.unflushed) {
                told |= self.flush(id);
            }
            for id in std::mem::take(&mut self.gone) {
                told |= self.tell_end(id);
            }
            if !told {
                return;
            }
        }
    }

    /// Returns whether the replica was told something.
    fn flush(&mut self, id: SocketId) -> bool {
        let Some(connection) = self.sockets.get_mut(&id) else {
            return false;
        };
        match (connection.flush(), id) {
            (Ok(0), _) | (Ok(_), SocketId::Peer(_)) => false,
            (Ok(bytes), SocketId::Client(conn)) => {
                self.tell(Input::ClientSent { conn, bytes });
                true
            }
            (Err(_), _) => {
                self.gone.push(id);
                false
            }
        }
    }

    fn tell_end(&mut self, id: SocketId) -> bool {
        if self.sockets.remove(&id).is_none() {
            return false;
        }
        match id {
            SocketId::Client(conn) => self.tell(Input::ClientClosed { conn }),
            SocketId::Peer(link) => self.tell(Input::PeerClosed { link }),
        }
        true
    }

    fn obey(&mut self) {
        while let Some(output) = self.replica.poll_output() {
            self.execute(output);
        }
    }

    fn execute(&mut self, output: Output) {
        match output {
            Output::ClientSend { conn, bytes } => {
                self.send(SocketId::Client(conn), bytes);
            }
            Output::ClientClose { conn } => {
                if let Some(connection) = self.sockets.remove(&SocketId::Client(conn)) {
                    connection.close_after_sending();
                }
            }
            Output::ClientReading { conn, reading } => {
                if let Some(connection) = self.sockets.get(&SocketId::Client(conn)) {
                    connection.set_reading(reading);
                }
            }
            Output::PeerDial { link, to, port } => {
                let peer = self
                    .peers
                    .get(&to)
                    .expect("only servers of the ensemble are dialled");
                let (host, number) = (peer.host.clone(), peer.port(port));
                self.dialling.insert(link, (to, port));
                tokio::spawn(around::dial(link, host, number, self.inbox.clone()));
            }
            Output::PeerSend { link, bytes } => {
                if self.send(SocketId::Peer(link), bytes) > PEER_BACKLOG_BYTES_MAX {
                    (self.notices)(Notice::PeerTooSlow(link));
                    self.gone.push(SocketId::Peer(link));
                }
            }
            Output::PeerClose { link } => {
                self.dialling.remove(&link);
                self.sockets.remove(&SocketId::Peer(link));
            }
            Output::Disk(task) => self.lanes.push(task),
            Output::Event(event) => {
                if let replica::Event::Role(role) = event {
                    // It is kept even while nobody watches.
                    self.role.send_replace(role);
                }
                (self.notices)(Notice::Event(event));
            }
        }
    }

    /// Returns how many bytes wait for the socket now.
    fn send(&mut self, id: SocketId, bytes: Vec<u8>) -> usize {
        let Some(connection) = self.sockets.get_mut(&id) else {
            return 0;
        };
        let waiting = connection.push(bytes);
        self.unflushed.push(id);
        waiting
    }
}

const BATCH_EVENTS_MAX: usize = 256;
/// Bytes that a peer may be owed; the replica drops a learner that lags long before.
const PEER_BACKLOG_BYTES_MAX: usize = 256 << 20;
