//! Writes a chronicle while a world runs. It looks and never steers: a world that is recorded is
//! the same world.

use super::state::{ServerState, State};
use super::wires::Wires;
use super::{Chronicle, EventId, Happening, Header, Kind, Lane, LaneId, LaneKind};
use crate::disk::SimDisk;
use crate::net::{ConnNumber, Node, Port, Side};
use crate::oracle::broken::{client_name, server_name, zxid_name};
use crate::oracle::image::Image;
use crate::queue::Micros;
use std::collections::{BTreeMap, VecDeque};
use wal::TaskId;

/// Causes that an event names; of more the latest.
const CAUSES_MAX: usize = 24;

/// Writes a chronicle.
#[derive(Clone, Debug)]
pub(crate) struct Recorder {
    pub(super) chronicle: Chronicle,
    servers: usize,
    now: Micros,
    step: u64,
    /// The number of the first event of this step.
    step_began: usize,
    wires: Wires,
    /// The events of the input that is being handled, and of all that this step handled.
    current: Vec<EventId>,
    batch: Vec<EventId>,
    /// What each lane was last.
    states: Vec<Option<State>>,
    images: Vec<Image>,
    /// By server and lane of its disk: what led to the operations that wait or are under way.
    disk_asked: BTreeMap<(usize, usize), VecDeque<Vec<EventId>>>,
    disk_done: BTreeMap<(usize, TaskId), EventId>,
    /// By leader and learner: the last acknowledgement that the leader read.
    acks: BTreeMap<(LaneId, LaneId), EventId>,
    /// By lane and kind: the last event.
    latest: BTreeMap<(LaneId, Kind), EventId>,
    /// By client and ticket.
    asked: BTreeMap<(LaneId, u64), EventId>,
    /// By server: whom it cannot hear or reach, in words.
    cuts: Vec<String>,
}

impl Recorder {
    pub(crate) fn new(servers: usize, clients: usize) -> Self {
        let lane = |name, kind| Lane { name, kind };
        let lanes: Vec<Lane> = (0..servers)
            .map(|index| lane(server_name(index), LaneKind::Server))
            .chain((0..clients).map(|index| lane(client_name(index), LaneKind::Client)))
            .chain([lane("world".to_owned(), LaneKind::World)])
            .collect();
        Recorder {
            states: vec![None; lanes.len()],
            chronicle: Chronicle {
                header: Header::default(),
                lanes,
                ..Chronicle::default()
            },
            servers,
            now: 0,
            step: 0,
            step_began: 0,
            wires: Wires::default(),
            current: Vec::new(),
            batch: Vec::new(),
            images: vec![Image::default(); servers],
            disk_asked: BTreeMap::new(),
            disk_done: BTreeMap::new(),
            acks: BTreeMap::new(),
            latest: BTreeMap::new(),
            asked: BTreeMap::new(),
            cuts: vec![String::new(); servers],
        }
    }

    /// What was recorded so far.
    #[cfg(test)]
    pub(crate) fn chronicle(&self) -> &Chronicle {
        &self.chronicle
    }

    /// The next step of the world begins.
    pub(crate) fn step(&mut self, now: Micros) {
        self.now = now;
        self.step += 1;
        self.step_began = self.chronicle.events.len();
        self.current.clear();
        self.batch.clear();
    }

    /// Something happened that has a name only.
    pub(crate) fn tell(&mut self, kind: Kind, who: &str, words: &str) {
        let lane = self.chronicle.lane(who).unwrap_or(self.world());
        let id = self.push(lane, kind, words.to_owned());
        if kind == Kind::Crash {
            let server = usize::from(lane);
            self.disk_asked.retain(|(of, _), _| *of != server);
            self.disk_done.retain(|(of, _), _| *of != server);
            self.add_cause(id, self.latest_of(self.world(), Kind::Fault));
        } else if kind == Kind::Start {
            self.add_cause(id, self.latest_of(lane, Kind::Crash));
        }
        self.latest.insert((lane, kind), id);
    }

    // Messages.

    /// A server or client sends bytes.
    pub(crate) fn sent(
        &mut self,
        from: Node,
        (conn, side): (ConnNumber, Side),
        ends: Option<(Node, Node, Port)>,
        bytes: &[u8],
    ) {
        let Some((dialler, accepter, port)) = ends else {
            return;
        };
        let to = match side {
            Side::Dialler => accepter,
            Side::Accepter => dialler,
        };
        if dialler.max(accepter) >= usize::from(self.world()) {
            return;
        }
        self.wires.connected(conn, (dialler, accepter));
        for (end, saying) in self.wires.sent(conn, side, port, bytes) {
            let is_ack = saying.words.starts_with("ack ");
            let lane = self.lane_of(from);
            let id = self.push(lane, Kind::Sent, saying.words);
            let durable = self.latest_of(lane, Kind::Durable).filter(|_| is_ack);
            self.add_cause(id, durable);
            let peer = self.lane_of(to);
            let event = self.event(id);
            event.peer = Some(peer);
            event.zxids = saying.zxids;
            event.session = saying.session;
            event.path = saying.path;
            self.wires.under_way(conn, side, end, id);
        }
    }

    /// Bytes that `side` sent came to the other end's socket.
    pub(crate) fn arrived(&mut self, conn: ConnNumber, side: Side, bytes: usize) {
        self.wires.arrived(conn, side, bytes);
    }

    /// A server or client reads bytes that `side` sent, and is about to act on them.
    pub(crate) fn received(&mut self, at: Node, conn: ConnNumber, side: Side, bytes: usize) {
        let lane = self.lane_of(at);
        let sendings = self.wires.read(conn, side, bytes);
        let mut read = Vec::new();
        for sending in sendings {
            let sent = self.event(sending).clone();
            let id = self.push(lane, Kind::Received, sent.words);
            let event = self.event(id);
            event.causes = vec![sending];
            event.peer = Some(sent.lane);
            event.zxids = sent.zxids;
            event.session = sent.session;
            event.path = sent.path;
            if event.words.starts_with("ack ") {
                self.acks.insert((lane, sent.lane), id);
            }
            read.push(id);
        }
        self.handles(read);
    }

    /// A server or client learns that a connection is gone.
    pub(crate) fn lost(&mut self, at: Node, conn: ConnNumber) {
        let lane = self.lane_of(at);
        let Some((dialler, accepter)) = self.wires.ends(conn) else {
            return self.handles(Vec::new());
        };
        let peer = self.lane_of(if dialler == at { accepter } else { dialler });
        let name = self.chronicle.lanes[usize::from(peer)].name.clone();
        let id = self.push(lane, Kind::Lost, format!("connection with {name} is gone"));
        self.event(id).causes.clear();
        self.event(id).peer = Some(peer);
        let crash = self.latest_of(peer, Kind::Crash);
        self.add_cause(
            id,
            crash.or_else(|| self.latest_of(self.world(), Kind::Fault)),
        );
        self.handles(vec![id]);
    }

    /// Looks which connections are gone, and what will never be read.
    pub(crate) fn sweep(&mut self, is_gone: impl Fn(ConnNumber) -> bool) {
        for sending in self.wires.sweep(is_gone) {
            let sent = self.event(sending).clone();
            let lane = sent.peer.unwrap_or(sent.lane);
            let id = self.push(lane, Kind::Dropped, sent.words);
            let event = self.event(id);
            event.causes = vec![sending];
            event.peer = Some(sent.lane);
            event.zxids = sent.zxids;
            event.session = sent.session;
            event.path = sent.path;
        }
    }

    // Disks.

    /// A server gives its disk something to do.
    pub(crate) fn disk_asked(&mut self, server: usize, lane: usize) {
        let causes = self.current.clone();
        let asked = self.disk_asked.entry((server, lane)).or_default();
        asked.push_back(causes);
    }

    /// A disk has done something.
    pub(crate) fn disk_done(
        &mut self,
        server: usize,
        lane: usize,
        words: String,
        id: Option<TaskId>,
    ) {
        let asked = self.disk_asked.get_mut(&(server, lane));
        let causes = asked.and_then(VecDeque::pop_front).unwrap_or_default();
        self.handles(causes);
        let event = self.push(self.lane_of(server), Kind::Disk, words);
        if let Some(id) = id {
            self.disk_done.insert((server, id), event);
        }
        self.handles(vec![event]);
    }

    /// A server hears from its disk.
    pub(crate) fn disk_heard(&mut self, server: usize, id: TaskId) {
        let event = self.disk_done.remove(&(server, id));
        self.handles(event.into_iter().collect());
    }

    /// A server's disk may hold more for certain than before.
    pub(crate) fn disk_seen(&mut self, server: usize, disk: &SimDisk) {
        let before = (self.images[server].last(), self.images[server].promise);
        if self.images[server].refresh(disk).is_none() {
            return;
        }
        let image = &self.images[server];
        let (last, promise) = (image.last(), image.promise);
        let lane = self.lane_of(server);
        if last != before.0 {
            let words = grown("on disk for certain", before.0, last);
            let id = self.push(lane, Kind::Durable, words);
            self.event(id).zxids = Some(between(before.0, last));
            self.latest.insert((lane, Kind::Durable), id);
        }
        if promise != before.1 {
            let words = match promise {
                Some(promise) => format!(
                    "promise of epoch {} on disk for certain, {:?}",
                    promise.accepted, promise.standing
                ),
                None => "no promise on disk".to_owned(),
            };
            self.push(lane, Kind::Durable, words);
        }
    }

    /// The last record that a server's disk holds for certain.
    pub(super) fn on_disk(&self, server: usize) -> u64 {
        self.images[server].last()
    }

    // Servers.

    /// What follows came of nothing that was recorded.
    pub(crate) fn handles_nothing(&mut self) {
        self.current.clear();
    }

    /// What follows is of all that this step handled.
    pub(crate) fn handles_all(&mut self) {
        self.current.clone_from(&self.batch);
    }

    /// A server applied a record.
    pub(crate) fn applied(&mut self, server: usize, zxid: u64) {
        let lane = self.lane_of(server);
        let id = self.push(lane, Kind::Applied, format!("applies {}", zxid_name(zxid)));
        self.event(id).zxids = Some((zxid, zxid));
    }

    /// A lane may be something else now.
    pub(crate) fn state(&mut self, lane: LaneId, state: State) {
        let before = self.states[usize::from(lane)].clone();
        if before.as_ref() == Some(&state) {
            return;
        }
        if let State::Server(now) = &state {
            let before = match &before {
                Some(State::Server(before)) => (**before).clone(),
                Some(State::Client(_)) | None => ServerState::default(),
            };
            self.transitions(lane, &before, now);
        }
        let here = &mut self.chronicle.events[self.step_began..];
        match here.iter_mut().rev().find(|event| event.lane == lane) {
            Some(event) => event.state = Some(state.clone()),
            None if is_idle_change(before.as_ref(), &state) => return,
            None => {
                let differences = state.differences(before.as_ref());
                let words: Vec<String> = differences
                    .iter()
                    .map(|(name, _, now)| format!("{name} {now}"))
                    .collect();
                let id = self.push(lane, Kind::Note, words.join(", "));
                self.event(id).state = Some(state.clone());
            }
        }
        self.states[usize::from(lane)] = Some(state);
    }

    fn transitions(&mut self, lane: LaneId, before: &ServerState, now: &ServerState) {
        let was_paused = before.is_up && before.is_paused;
        match (was_paused, now.is_paused) {
            (false, true) => drop(self.push(lane, Kind::Pause, "stands still".to_owned())),
            (true, false) if now.is_up => drop(self.push(lane, Kind::Resume, "goes on".to_owned())),
            _ => {}
        }
        if !now.is_up {
            return;
        }
        if before.logged != now.logged {
            let words = grown("logged", before.logged, now.logged);
            let id = self.push(lane, Kind::Logged, words);
            self.event(id).zxids = Some(between(before.logged, now.logged));
        }
        if before.committed != now.committed {
            let words = grown("committed", before.committed, now.committed);
            let id = self.push(lane, Kind::Committed, words);
            self.event(id).zxids = Some(between(before.committed, now.committed));
            self.counted_acks(lane, before.committed, id);
        }
    }

    /// A leader commits because of all the acknowledgements that it has.
    fn counted_acks(&mut self, lane: LaneId, from: u64, id: EventId) {
        let acks: Vec<EventId> = self
            .acks
            .range((lane, 0)..=(lane, LaneId::MAX))
            .map(|(_, ack)| *ack)
            .collect();
        for ack in acks {
            let is_of_these = self.event(ack).zxids.is_some_and(|(_, last)| last > from);
            self.add_cause(id, Some(ack).filter(|_| is_of_these));
        }
        self.add_cause(id, self.latest_of(lane, Kind::Durable));
    }

    /// Whom each server cannot hear or reach may have changed.
    pub(crate) fn cuts(&mut self, is_blocked: impl Fn(Node, Node, Port) -> bool) {
        for server in 0..self.servers {
            let words = self.cut_words(server, &is_blocked);
            if words == self.cuts[server] {
                continue;
            }
            let lane = self.lane_of(server);
            let (kind, told) = if words.is_empty() {
                (Kind::Mended, "hears and reaches everybody".to_owned())
            } else {
                (Kind::Cut, words.clone())
            };
            let id = self.push(lane, kind, told);
            self.add_cause(id, self.latest_of(self.world(), Kind::Fault));
            self.cuts[server] = words;
        }
    }

    fn cut_words(&self, server: usize, is_blocked: &impl Fn(Node, Node, Port) -> bool) -> String {
        let nodes = usize::from(self.world());
        let others = |from_here: bool| {
            let mut names: BTreeMap<Vec<&str>, Vec<&str>> = BTreeMap::new();
            for other in (0..nodes).filter(|other| *other != server) {
                let (from, to) = if from_here {
                    (server, other)
                } else {
                    (other, server)
                };
                let ports: Vec<&str> = Port::ALL
                    .into_iter()
                    .filter(|port| is_blocked(from, to, *port))
                    .map(port_name)
                    .collect();
                let name = self.chronicle.lanes[other].name.as_str();
                names.entry(ports).or_default().push(name);
            }
            names.remove(&Vec::new());
            names
        };
        let words = |names: &BTreeMap<Vec<&str>, Vec<&str>>| {
            let each = names.iter().map(|(ports, names)| {
                let all = ports.len() == Port::ALL.len();
                let ports = ports.join("+");
                let on = if all {
                    String::new()
                } else {
                    format!(" ({ports})")
                };
                format!("{}{on}", names.join(" "))
            });
            each.collect::<Vec<_>>().join(", ")
        };
        let (to, from) = (others(true), others(false));
        match (to.is_empty(), from.is_empty()) {
            (true, true) => String::new(),
            _ if to == from => format!("is cut off from {}", words(&to)),
            (false, true) => format!("cannot reach {}", words(&to)),
            (true, false) => format!("cannot hear {}", words(&from)),
            (false, false) => format!("cannot reach {}; cannot hear {}", words(&to), words(&from)),
        }
    }

    // Clients.

    /// A client asks for something.
    pub(crate) fn invoked(&mut self, client: Node, ticket: u64, request: &str) {
        let (words, path) = request_words(request);
        let lane = self.lane_of(client);
        let id = self.push(lane, Kind::Invoked, words);
        self.event(id).path = path;
        self.asked.insert((lane, ticket), id);
        self.handles(vec![id]);
    }

    /// A client is told what came of a request.
    pub(crate) fn settled(&mut self, client: Node, ticket: u64, zxid: Option<u64>, outcome: &str) {
        let lane = self.lane_of(client);
        let asked = self.asked.remove(&(lane, ticket));
        let (words, path) = match asked {
            Some(id) => (self.event(id).words.clone(), self.event(id).path.clone()),
            None => ("something".to_owned(), None),
        };
        let id = self.push(lane, Kind::Settled, format!("{words}: {outcome}"));
        self.add_cause(id, asked);
        self.event(id).path = path;
        self.event(id).zxids = zxid.filter(|zxid| *zxid != 0).map(|zxid| (zxid, zxid));
    }

    /// A client is told that a watch fired.
    pub(crate) fn fired(&mut self, client: Node, path: &str, zxid: Option<u64>, kind: &str) {
        let id = self.push(self.lane_of(client), Kind::Watch, format!("{kind} {path}"));
        self.event(id).path = Some(path.to_owned());
        self.event(id).zxids = zxid.map(|zxid| (zxid, zxid));
    }

    // Helpers.

    /// Lanes that something happened to in this step.
    pub(super) fn touched(&self) -> Vec<LaneId> {
        let here = &self.chronicle.events[self.step_began..];
        let mut lanes: Vec<LaneId> = here.iter().map(|event| event.lane).collect();
        lanes.sort_unstable();
        lanes.dedup();
        lanes
    }

    /// The number of the lane that is nobody's.
    pub(super) fn world(&self) -> LaneId {
        LaneId::try_from(self.chronicle.lanes.len() - 1).expect("few lanes")
    }

    fn lane_of(&self, node: Node) -> LaneId {
        LaneId::try_from(node).map_or(self.world(), |lane| lane.min(self.world()))
    }

    fn handles(&mut self, events: Vec<EventId>) {
        self.batch.extend(&events);
        self.current = events;
    }

    fn latest_of(&self, lane: LaneId, kind: Kind) -> Option<EventId> {
        self.latest.get(&(lane, kind)).copied()
    }

    fn add_cause(&mut self, id: EventId, cause: Option<EventId>) {
        let causes = &mut self.event(id).causes;
        if let Some(cause) = cause.filter(|cause| *cause != id && !causes.contains(cause)) {
            causes.push(cause);
        }
    }

    pub(super) fn event(&mut self, id: EventId) -> &mut Happening {
        let index = usize::try_from(id).expect("an index");
        &mut self.chronicle.events[index]
    }

    pub(super) fn push(&mut self, lane: LaneId, kind: Kind, words: String) -> EventId {
        let from = self.current.len().saturating_sub(CAUSES_MAX);
        let id = EventId::try_from(self.chronicle.events.len()).expect("fewer than 2^32 events");
        self.chronicle.events.push(Happening {
            time: self.now,
            step: self.step,
            lane,
            kind,
            words,
            peer: None,
            zxids: None,
            session: None,
            path: None,
            state: None,
            causes: self.current[from..].to_vec(),
        });
        id
    }
}

/// Whether only queues have become longer or shorter.
fn is_idle_change(before: Option<&State>, now: &State) -> bool {
    let (Some(State::Server(before)), State::Server(now)) = (before, now) else {
        return false;
    };
    let quiet = ServerState {
        inputs: before.inputs,
        disk_operations: before.disk_operations,
        learners: before.learners.clone(),
        sessions: before.sessions,
        durable: before.durable,
        window_start: before.window_start,
        ..(**now).clone()
    };
    quiet == **before
}

fn port_name(port: Port) -> &'static str {
    match port {
        Port::Election => "election",
        Port::Quorum => "quorum",
        Port::Client => "clients",
    }
}

/// The transactions that were added or taken away between two ends of a log.
fn between(before: u64, now: u64) -> (u64, u64) {
    let (low, high) = (before.min(now), before.max(now));
    (low + 1, high)
}

fn grown(what: &str, before: u64, now: u64) -> String {
    if now > before {
        format!("{what} up to {}", zxid_name(now))
    } else {
        format!(
            "{what} back to {}, from {}",
            zxid_name(now),
            zxid_name(before)
        )
    }
}

/// The name of a request and its path, from how it debugs.
fn request_words(request: &str) -> (String, Option<String>) {
    let name: String = request
        .chars()
        .take_while(|letter| letter.is_alphanumeric())
        .collect();
    let path = request
        .split_once("path: \"")
        .and_then(|(_, rest)| rest.split_once('"'))
        .map(|(path, _)| path.to_owned());
    let mut letters = name.chars();
    let name = match letters.next() {
        Some(first) => format!("{}{}", first.to_lowercase(), letters.as_str()),
        None => request.to_owned(),
    };
    match &path {
        Some(path) => (format!("{name} {path}"), Some(path.clone())),
        None => (name, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_caused_by_what_its_sender_handled() {
        let mut recorder = Recorder::new(2, 0);
        let commit = [
            0, 0, 0, 7, 2, 0x0b, 0x82, 0x80, 0x80, 0x80, 0x10, 1, 2, 3, 4,
        ];
        let ends = Some((0, 1, Port::Quorum));
        recorder.step(5);
        recorder.sent(0, (3, Side::Dialler), ends, &commit);
        recorder.step(9);
        recorder.received(1, 3, Side::Dialler, commit.len());
        recorder.sent(1, (3, Side::Accepter), ends, &commit);
        let events = &recorder.chronicle.events;
        let causes: Vec<&[EventId]> = events.iter().map(|event| &*event.causes).collect();
        assert_eq!(causes, [&[][..], &[0], &[1]]);
        assert_eq!(events[1].peer, Some(0));
        assert!(events[2].concerns(0x1_0000_0002));
    }

    #[test]
    fn a_request_is_named_with_its_path() {
        let request = "SetData { path: \"/a\", data: Some([1]) }";
        let words = ("setData /a".to_owned(), Some("/a".to_owned()));
        assert_eq!(request_words(request), words);
        assert_eq!(request_words("Sync"), ("sync".to_owned(), None));
    }
}
