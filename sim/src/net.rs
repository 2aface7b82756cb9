//! The network: streams of bytes, first in first out inside a connection, in no order across
//! connections. It delays, re-chunks, cuts at any byte, and loses whole paths.

mod counts;
mod direction;
mod faults;
mod law;
mod names;
mod path;
mod terms;

use self::counts::Counts;
use self::direction::{Broken, Direction, Waiting};
pub(crate) use self::law::Law;
pub use self::path::Dials;
pub(crate) use self::path::Name;
use self::path::Path;
pub use self::terms::{ConnName, Machine, NetKnobs, Port, Side};
pub(crate) use self::terms::{ConnNumber, NetEvent, Node, Presence, Told, What};
use crate::noise::{Domain, Noise};
use crate::queue::Micros;
use std::collections::VecDeque;

#[derive(Clone, Debug)]
struct Conn {
    name: ConnName,
    port: Port,
    ends: [End; 2],
    directions: [Direction; 2],
}

#[derive(Clone, Debug)]
struct End {
    node: Node,
    process: u64,
    state: EndState,
    reading: bool,
    /// Does not read, whatever it wants.
    is_stalled: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum EndState {
    /// Not up yet.
    Waiting,
    Open,
    /// Closed here, or told of the other's close.
    Closed,
    /// The machine lost its power: nobody was told.
    Vanished,
}

/// The network.
#[derive(Clone, Debug)]
pub(crate) struct Net {
    knobs: NetKnobs,
    noise: Noise,
    now: Micros,
    conns: Vec<Option<Box<Conn>>>,
    /// By node.
    machines: Vec<Machine>,
    /// By port, from and to: how often it was dialled.
    dialled: Vec<u32>,
    presence: Vec<Presence>,
    /// By port, from and to: how many partitions lie on the path, and what clogs add.
    paths: Vec<Path>,
    /// By who looks it up and whom they mean.
    names: Vec<Name>,
    /// By machine and port: connections that wait for their process to take them.
    backlogs: Vec<u32>,
    /// Nothing is lost any more.
    is_calm: bool,
    counts: Counts,
    /// What is due, and whom it concerns, to be taken by the world.
    pub(crate) due: Vec<(Micros, u64, NetEvent)>,
    /// What machines are told, to be taken by the world.
    pub(crate) told: VecDeque<Told>,
    /// Bytes that arrived.
    pub(crate) bytes_delivered: u64,
}

const SYN_RETRY: Micros = 1_000_000;
const SYN_ATTEMPTS: u32 = 4;

impl Net {
    pub(crate) fn new(noise: Noise, machines: Vec<Machine>, knobs: NetKnobs) -> Self {
        let nodes = machines.len();
        Net {
            knobs,
            noise,
            now: 0,
            conns: Vec::new(),
            machines,
            dialled: vec![0; nodes * nodes * Port::ALL.len()],
            presence: vec![Presence::PowerOff; nodes],
            paths: vec![Path::default(); nodes * nodes * Port::ALL.len()],
            names: vec![Name::default(); nodes * nodes],
            backlogs: vec![0; nodes * Port::ALL.len()],
            is_calm: false,
            counts: Counts::default(),
            due: Vec::new(),
            told: VecDeque::new(),
            bytes_delivered: 0,
        }
    }

    /// Lets another seed decide from now on.
    pub(crate) fn turn(&mut self, seed: u64) {
        self.noise.turn(seed);
    }

    /// Lets time pass; to be called before anything else happens at that time.
    pub(crate) fn set_now(&mut self, now: Micros) {
        self.now = now;
    }

    /// Connections with an open end.
    pub(crate) fn open(&self) -> Vec<ConnNumber> {
        (0..self.conns.len())
            .filter(|conn| self.conns[*conn].is_some())
            .collect()
    }

    /// The machines at the two ends of a connection that is not gone, and its port.
    pub(crate) fn ends(&self, conn: ConnNumber) -> Option<(Node, Node, Port)> {
        let conn = self.conns.get(conn)?.as_ref()?;
        Some((conn.ends[0].node, conn.ends[1].node, conn.port))
    }

    // What machines do.

    /// Dials; the dialler is told `Connected` or `Closed`.
    pub(crate) fn dial(&mut self, from: Node, to: Node, port: Port) -> ConnNumber {
        let Presence::Up { process } = self.presence[from] else {
            unreachable!("only a running process dials")
        };
        let led = self.names[from * self.machines.len() + to];
        let to = if let Name::Of(other) = led { other } else { to };
        let number = self.conns.len();
        let dialled = self.path_index(from, to, port);
        let name = ConnName {
            from: self.machines[from],
            to: self.machines[to],
            port,
            nth: self.dialled[dialled],
        };
        self.dialled[dialled] += 1;
        let end = |node, process| End {
            node,
            process,
            state: EndState::Waiting,
            reading: true,
            is_stalled: false,
        };
        let direction = |side| Direction::new(name.entity(side));
        self.conns.push(Some(Box::new(Conn {
            name,
            port,
            ends: [end(from, process), end(to, 0)],
            directions: [direction(Side::Dialler), direction(Side::Accepter)],
        })));
        let delay = self.dial_delay(name, 0);
        let event = match led {
            Name::Unknown => {
                self.counts.unresolved += 1;
                NetEvent::SynAck {
                    conn: number,
                    taken: false,
                }
            }
            Name::Right | Name::Of(_) => {
                self.counts.misled += u64::from(led != Name::Right);
                NetEvent::Syn {
                    conn: number,
                    attempt: 0,
                }
            }
        };
        self.is_due(number, Side::Dialler, self.now + delay, event);
        number
    }

    /// Sends; nothing happens on a connection that is gone.
    pub(crate) fn send(&mut self, conn: ConnNumber, side: Side, bytes: Vec<u8>) {
        let now = self.now;
        let Some(open) = self.conns[conn].as_mut() else {
            return;
        };
        if open.ends[side.index()].state != EndState::Open || bytes.is_empty() {
            return;
        }
        let (from, to) = (
            open.ends[side.index()].node,
            open.ends[side.other().index()].node,
        );
        let index = (Port::ALL.len() * from + port_index(open.port)) * self.machines.len() + to;
        let path = &mut self.paths[index];
        let leaves = path.leave(now, bytes.len()) + path.clog;
        self.counts.capped += u64::from(path.rate > 0);
        let law = self.knobs.law(from, to);
        let direction = &mut open.directions[side.index()];
        let due = direction.due(leaves, law, &self.knobs, &self.noise, &mut self.counts);
        let room = self.knobs.socket_bytes.saturating_sub(direction.bytes);
        let taken = room.min(bytes.len());
        let is_heard = open.port == Port::Client;
        direction.bytes += bytes.len();
        direction.owed += bytes.len() - taken;
        direction.queue.push_back((due, bytes));
        if direction.waiting == Waiting::Nothing {
            direction.waiting = Waiting::Event;
            self.arrives(conn, side, due);
        }
        // Nobody asks what a socket between servers has taken.
        if taken > 0 && is_heard {
            self.tell(conn, side, What::Sent(taken));
        }
    }

    /// Closes one end. What it sent is still delivered, or not, as the seed says.
    pub(crate) fn close(&mut self, conn: ConnNumber, side: Side) {
        let abrupt = self.knobs.abrupt;
        let Some(open) = self.conns[conn].as_mut() else {
            return;
        };
        let was = open.ends[side.index()].state;
        open.ends[side.index()].state = EndState::Closed;
        if was == EndState::Open {
            let direction = &mut open.directions[side.index()];
            direction.close_abruptly(abrupt, &self.noise);
            self.end(conn, side);
        }
        self.forget_if_over(conn);
    }

    /// Stops or resumes reading at one end.
    pub(crate) fn set_reading(&mut self, conn: ConnNumber, side: Side, reading: bool) {
        let now = self.now;
        let Some(open) = self.conns[conn].as_mut() else {
            return;
        };
        open.ends[side.index()].reading = reading;
        let reads = reading && !open.ends[side.index()].is_stalled;
        let from = side.other();
        let direction = &mut open.directions[from.index()];
        if reads && direction.waiting == Waiting::Reader {
            direction.waiting = Waiting::Event;
            self.arrives(conn, from, now);
        }
    }

    /// A process has taken a connection that came in.
    pub(crate) fn taken(&mut self, node: Node, port: Port) {
        let backlog = self.backlog_index(node, port);
        self.backlogs[backlog] = self.backlogs[backlog].saturating_sub(1);
    }

    // What happens to machines.

    /// A process started: it listens.
    pub(crate) fn up(&mut self, node: Node, process: u64) {
        for port in Port::ALL {
            let backlog = self.backlog_index(node, port);
            self.backlogs[backlog] = 0;
        }
        self.presence[node] = Presence::Up { process };
    }

    /// The process died: its connections end, each with or without what it had sent.
    pub(crate) fn process_down(&mut self, node: Node) {
        self.presence[node] = Presence::ProcessDown;
        for conn in self.conns_of(node) {
            let open = self.conns[conn].as_mut().expect("just listed");
            let side = if open.ends[0].node == node {
                Side::Dialler
            } else {
                Side::Accepter
            };
            let direction = &mut open.directions[side.index()];
            direction.close_abruptly(500_000, &self.noise);
            let was = open.ends[side.index()].state;
            open.ends[side.index()].state = EndState::Closed;
            if was == EndState::Open {
                self.end(conn, side);
            }
            self.forget_if_over(conn);
        }
    }

    /// The machine lost its power: nobody is told.
    pub(crate) fn power_off(&mut self, node: Node) {
        self.presence[node] = Presence::PowerOff;
        for conn in self.conns_of(node) {
            let open = self.conns[conn].as_mut().expect("just listed");
            let side = if open.ends[0].node == node {
                Side::Dialler
            } else {
                Side::Accepter
            };
            let direction = &mut open.directions[side.index()];
            direction.close_abruptly(500_000, &self.noise);
            open.ends[side.index()].state = EndState::Vanished;
            self.forget_if_over(conn);
        }
    }

    /// The machine has power again, and no process yet.
    pub(crate) fn power_on(&mut self, node: Node) {
        if self.presence[node] == Presence::PowerOff {
            self.presence[node] = Presence::ProcessDown;
        }
    }

    // What comes due.

    /// Takes an event that is due.
    pub(crate) fn handle(&mut self, event: NetEvent) {
        match event {
            NetEvent::Syn { conn, attempt } => self.on_syn(conn, attempt),
            NetEvent::SynAck { conn, taken } => self.on_syn_ack(conn, taken),
            NetEvent::Arrive { conn, side } => self.on_arrive(conn, side),
        }
    }

    fn on_syn(&mut self, conn: ConnNumber, attempt: u32) {
        let Some(open) = self.conns[conn].as_ref() else {
            return;
        };
        let (from, to, port) = (open.ends[0].node, open.ends[1].node, open.port);
        let name = open.name;
        if open.ends[0].state != EndState::Waiting {
            self.conns[conn] = None;
            return;
        }
        let blocked = self.is_blocked(from, to, port) || self.is_blocked(to, from, port);
        let dials = self.paths[self.path_index(from, to, port)].dials;
        let waiting = self.backlogs[self.backlog_index(to, port)];
        let is_full = waiting >= self.knobs.backlog && !self.is_calm;
        self.counts.backlog_full += u64::from(is_full);
        self.counts.ignored += u64::from(dials == Dials::Ignored);
        let is_ignored = is_full || dials == Dials::Ignored;
        if blocked || is_ignored || self.presence[to] == Presence::PowerOff {
            if attempt < SYN_ATTEMPTS {
                let retry = NetEvent::Syn {
                    conn,
                    attempt: attempt + 1,
                };
                let due = self.now + (SYN_RETRY << attempt);
                self.is_due(conn, Side::Dialler, due, retry);
            } else {
                self.tell(conn, Side::Dialler, What::Closed);
                self.conns[conn] = None;
            }
            return;
        }
        let taken = match self.presence[to] {
            Presence::Up { .. } if dials == Dials::Refused => {
                self.counts.refused += 1;
                false
            }
            Presence::Up { process } => {
                let backlog = self.backlog_index(to, port);
                self.backlogs[backlog] += 1;
                let open = self.conns[conn].as_mut().expect("it is open");
                open.ends[1].process = process;
                open.ends[1].state = EndState::Open;
                self.tell(conn, Side::Accepter, What::Accepted(port));
                true
            }
            Presence::ProcessDown | Presence::PowerOff => false,
        };
        let delay = self.dial_delay(name, 1);
        let answer = NetEvent::SynAck { conn, taken };
        self.is_due(conn, Side::Accepter, self.now + delay, answer);
    }

    fn on_syn_ack(&mut self, conn: ConnNumber, taken: bool) {
        let Some(open) = self.conns[conn].as_mut() else {
            return;
        };
        if open.ends[0].state != EndState::Waiting {
            // The dialler gave up meanwhile; the other end learns of it.
            self.end(conn, Side::Dialler);
            self.forget_if_over(conn);
            return;
        }
        if taken {
            open.ends[0].state = EndState::Open;
            self.tell(conn, Side::Dialler, What::Connected);
            self.resume_one(conn, Side::Accepter);
        } else {
            self.tell(conn, Side::Dialler, What::Closed);
            self.conns[conn] = None;
        }
    }

    fn on_arrive(&mut self, conn: ConnNumber, side: Side) {
        let now = self.now;
        let Some(open) = self.conns[conn].as_mut() else {
            return;
        };
        let (from, to) = (
            open.ends[side.index()].node,
            open.ends[side.other().index()].node,
        );
        let index = (Port::ALL.len() * from + port_index(open.port)) * self.machines.len() + to;
        let path = self.paths[index];
        let receiver = &open.ends[side.other().index()];
        let has_left = open.ends[side.index()].state == EndState::Closed;
        let direction = &mut open.directions[side.index()];
        if direction.is_lost {
            self.swallow(conn, side);
            return;
        }
        if path.blocked > 0 || receiver.state == EndState::Waiting {
            direction.waiting = Waiting::Path;
            return;
        }
        if receiver.state != EndState::Open {
            self.on_unwanted(conn, side);
            return;
        }
        if !receiver.reading || receiver.is_stalled {
            direction.waiting = Waiting::Reader;
            self.counts.held_by_reader += 1;
            return;
        }
        let taken = direction.take(now, &self.knobs, &self.noise, &mut self.counts);
        self.counts.after_close += u64::from(has_left && !taken.is_empty());
        let broken = direction.breaks();
        let owed = direction.settle(&self.knobs);
        let is_heard = open.port == Port::Client;
        let next = direction.next_due().map(|due| due.max(now));
        direction.waiting = if next.is_some() {
            Waiting::Event
        } else {
            Waiting::Nothing
        };
        let ended = direction.queue.is_empty() && direction.ending.is_some_and(|due| due <= now);
        self.bytes_delivered += u64::try_from(taken.len()).expect("a length");
        if !taken.is_empty() {
            self.tell(conn, side.other(), What::Bytes(taken));
        }
        if owed > 0 && is_heard {
            self.tell(conn, side, What::Sent(owed));
        }
        if broken == Some(Broken::Connection) {
            self.reset(conn);
        } else if ended {
            self.lose(conn, side.other());
            self.forget_if_over(conn);
        } else if let Some(due) = next {
            self.arrives(conn, side, due);
        }
    }

    /// Bytes came for an end that is closed: the sender is told, if anybody is there to tell it.
    fn on_unwanted(&mut self, conn: ConnNumber, side: Side) {
        let open = self.conns[conn].as_mut().expect("it was just looked at");
        let receiver = &open.ends[side.other().index()];
        let silent = receiver.state == EndState::Vanished
            && self.presence[receiver.node] == Presence::PowerOff;
        let direction = &mut open.directions[side.index()];
        direction.empty();
        direction.waiting = Waiting::Nothing;
        if !silent {
            self.lose(conn, side);
            self.forget_if_over(conn);
        }
    }

    // Helpers.

    /// One end sends nothing more; the other is told when everything else has arrived.
    fn end(&mut self, conn: ConnNumber, side: Side) {
        let now = self.now;
        let open = self.conns[conn].as_mut().expect("callers hold it open");
        let law = self.knobs.law(
            open.ends[side.index()].node,
            open.ends[side.other().index()].node,
        );
        let direction = &mut open.directions[side.index()];
        let due = direction.due(now, law, &self.knobs, &self.noise, &mut self.counts);
        direction.ending = Some(due);
        if direction.waiting == Waiting::Nothing {
            direction.waiting = Waiting::Event;
            self.arrives(conn, side, due);
        }
    }

    /// One end is told that the connection is gone.
    fn lose(&mut self, conn: ConnNumber, side: Side) {
        let open = self.conns[conn].as_mut().expect("callers hold it open");
        let end = &mut open.ends[side.index()];
        if end.state == EndState::Open || end.state == EndState::Waiting {
            end.state = EndState::Closed;
            self.tell(conn, side, What::Closed);
        }
    }

    fn forget_if_over(&mut self, conn: ConnNumber) {
        let Some(open) = self.conns[conn].as_ref() else {
            return;
        };
        let over = |end: &End| matches!(end.state, EndState::Closed | EndState::Vanished);
        if open.ends.iter().all(over) {
            self.conns[conn] = None;
        }
    }

    fn tell(&mut self, conn: ConnNumber, side: Side, what: What) {
        let open = self.conns[conn].as_ref().expect("callers hold it open");
        let end = &open.ends[side.index()];
        let told = Told {
            node: end.node,
            process: end.process,
            conn,
            side,
            what,
        };
        self.told.push_back(told);
    }

    fn resume(&mut self, concerned: impl Fn(&Conn, Side) -> bool) {
        for conn in 0..self.conns.len() {
            for side in [Side::Dialler, Side::Accepter] {
                if self.conns[conn]
                    .as_ref()
                    .is_some_and(|open| concerned(open, side))
                {
                    self.resume_one(conn, side);
                }
            }
        }
    }

    fn resume_one(&mut self, conn: ConnNumber, side: Side) {
        let Some(open) = self.conns[conn].as_mut() else {
            return;
        };
        let direction = &mut open.directions[side.index()];
        if direction.waiting == Waiting::Path {
            direction.waiting = Waiting::Event;
            let due = self.now + direction.resumes_after(&self.knobs, &self.noise);
            self.arrives(conn, side, due);
        }
    }

    fn conns_of(&self, node: Node) -> Vec<ConnNumber> {
        let concerned = |conn: &usize| {
            self.conns[*conn]
                .as_ref()
                .is_some_and(|open| open.ends.iter().any(|end| end.node == node))
        };
        (0..self.conns.len()).filter(concerned).collect()
    }

    /// Whether nothing gets from one machine to another on a port.
    pub(crate) fn is_blocked(&self, from: Node, to: Node, port: Port) -> bool {
        self.paths[self.path_index(from, to, port)].blocked > 0
    }

    fn path_index(&self, from: Node, to: Node, port: Port) -> usize {
        (Port::ALL.len() * from + port_index(port)) * self.machines.len() + to
    }

    fn backlog_index(&self, node: Node, port: Port) -> usize {
        node * Port::ALL.len() + port_index(port)
    }

    fn dial_delay(&self, name: ConnName, step: u64) -> Micros {
        let key = (name.entity(Side::Dialler), step);
        let knobs = &self.knobs;
        self.noise
            .range(Domain::Dial, key, knobs.latency_min, knobs.latency_max)
    }

    fn arrives(&mut self, conn: ConnNumber, side: Side, due: Micros) {
        self.is_due(conn, side, due, NetEvent::Arrive { conn, side });
    }

    fn is_due(&mut self, conn: ConnNumber, side: Side, due: Micros, event: NetEvent) {
        let open = self.conns[conn].as_ref().expect("callers hold it open");
        self.due.push((due, open.name.entity(side), event));
    }
}

fn port_index(port: Port) -> usize {
    match port {
        Port::Election => 0,
        Port::Quorum => 1,
        Port::Client => 2,
    }
}

#[cfg(test)]
mod tests;
