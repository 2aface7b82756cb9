//! One client: the real machine, the workload that drives it, and what it was told.

mod proof;

use self::proof::{PROOF_ROUNDS, Proof};
use crate::decide::{Dice, Stream};
use crate::host::Around;
use crate::net::{ConnNumber, Port, Side, Told, What};
use crate::noise::{Domain, Key, Noise};
use crate::oracle::broken::{Broken, client_name};
use crate::oracle::clients::{Record, Watched, Watches};
use crate::oracle::wire::Tap;
use crate::panics;
use crate::queue::Micros;
use crate::script::Ask;
use crate::swarm::{Minority, Swarm};
use crate::trace::{ClientState, Kind};
use crate::workload::{self, Known};
use crate::world::Event;
use client_core::{
    Auth, Client, ClientConfig, ClientError, ClientRequest, ConnectionState, End, Input, Output,
    ReadOnlyServers, Response, Ticket,
};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use std::collections::BTreeMap;
use std::time::Duration;
use zk_types::{ErrorCode, Instant, Zxid};

/// How many times faster a client thinks when it is late.
const HURRY: u64 = 6;
/// How many times more requests it then has under way at most.
const HURRY_DEPTH: usize = 4;

/// What a client waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClientEvent {
    /// Its deadline may have come.
    Timer,
    /// It goes on proving that it is served.
    Prove,
    /// It opens a session, since the last one is over.
    Anew,
    /// It goes on after a pause.
    Resume,
}

/// What clients are after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Aim {
    /// Whatever the workload draws.
    Work,
    /// To show that they are served: writes, reads and a watched change.
    Proof,
    /// Nothing more.
    Rest,
}

/// One client.
#[derive(Clone, Debug)]
pub(crate) struct SimClient {
    pub(crate) index: usize,
    node: usize,
    machine: Client,
    /// Counts machines: a session that is over is followed by another.
    generation: u64,
    conn: Option<ConnNumber>,
    is_up: bool,
    is_over: bool,
    timer_due: Option<Micros>,
    paused: bool,
    held: Vec<Told>,
    next_ticket: u64,
    asked: BTreeMap<Ticket, ClientRequest>,
    known: Known,
    count: u64,
    pub(crate) aim: Aim,
    proof: Proof,
    pub(crate) proofs: u32,
    /// The wire of the current connection, as an index of the world's taps.
    tap: Option<usize>,
    pub(crate) watches: Watches,
    /// What requests were settled with, where a test wants to know.
    answers: Option<BTreeMap<Ticket, Result<Response, ClientError>>>,
    /// Requests that were answered by a server.
    pub(crate) answered: u64,
    steps_of_proof: u64,
    /// Draws what it asks for, where no script says it.
    dice: Dice,
}

impl SimClient {
    pub(crate) fn new(seed: u64, noise: &Noise, index: usize, swarm: &Swarm) -> Self {
        let entity = u64::try_from(index).expect("few clients");
        let machine = machine(noise, index, 0, swarm);
        SimClient {
            index,
            node: swarm.servers + index,
            machine,
            generation: 0,
            conn: None,
            is_up: false,
            is_over: false,
            timer_due: None,
            paused: false,
            held: Vec::new(),
            next_ticket: 0,
            asked: BTreeMap::new(),
            known: Known::default(),
            count: 0,
            aim: Aim::Work,
            proof: Proof::Ask,
            proofs: 0,
            tap: None,
            watches: Watches::new(index),
            answers: None,
            answered: 0,
            steps_of_proof: 0,
            dice: Dice::new(seed, Stream::Workload, entity),
        }
    }

    /// Lets another seed decide what it asks for.
    pub(crate) fn turn(&mut self, seed: u64) {
        let entity = u64::try_from(self.index).expect("few clients");
        self.dice = Dice::new(seed, Stream::Workload, entity);
    }

    /// Its connection, while it has one.
    pub(crate) fn conn(&self) -> Option<ConnNumber> {
        self.conn
    }

    /// From now on a test wants to know what requests are settled with.
    pub(crate) fn keep_answers(&mut self) {
        self.answers = Some(BTreeMap::new());
    }

    /// Whether a request of a test was settled.
    pub(crate) fn has_answer(&self, ticket: Ticket) -> bool {
        self.answers
            .as_ref()
            .is_some_and(|answers| answers.contains_key(&ticket))
    }

    /// What a request of a test was settled with.
    pub(crate) fn take_answer(&mut self, ticket: Ticket) -> Option<Result<Response, ClientError>> {
        self.answers
            .as_mut()
            .and_then(|answers| answers.remove(&ticket))
    }

    /// The ticket of what it asks for next.
    pub(crate) fn next_ticket(&self) -> Ticket {
        Ticket(self.next_ticket)
    }

    /// Whether it has a session, or will have one, and does not stand still.
    pub(crate) fn can_ask(&self) -> bool {
        !self.paused && !self.is_over
    }

    /// When it thinks of something to ask for, drawn. One that was not served for a while hurries
    /// afterwards.
    pub(crate) fn draw_pause(&mut self, now: Micros, think: Micros) -> Micros {
        let pause = 1 + self.dice.below(think * 2);
        let is_late = self.is_late(now, think);
        if is_late { pause / HURRY + 1 } else { pause }
    }

    /// Whether it was answered less often than it wanted to ask.
    fn is_late(&self, now: Micros, think: Micros) -> bool {
        self.answered < now / think
    }

    /// Draws what it asks for now.
    pub(crate) fn draw(&mut self, now: Micros, swarm: &Swarm) -> Vec<Ask> {
        let hurry = self.is_late(now, swarm.think) && self.is_up;
        let depth = if hurry {
            swarm.depth * HURRY_DEPTH
        } else {
            swarm.depth
        };
        let is_busy = self.asked.len() >= depth;
        if !self.can_ask() || self.aim != Aim::Work || is_busy {
            return Vec::new();
        }
        self.count += 1;
        let (dice, known) = (&mut self.dice, &self.known);
        workload::next(dice, &swarm.work, known, self.index, self.count)
    }

    /// Does what was drawn or written down.
    pub(crate) fn obey(
        &mut self,
        ask: &Ask,
        taps: &mut [Tap],
        around: &mut Around<'_>,
    ) -> Result<(), Broken> {
        match ask {
            Ask::Request(request) => self.ask(request.clone(), taps, around).map(|_| ()),
            Ask::Close => self.handle(Input::Close, taps, around),
        }
    }

    /// The tap of its connection, if it is served over it.
    pub(crate) fn open_tap(&self) -> Option<usize> {
        self.tap.filter(|_| self.is_up && !self.is_over)
    }

    /// Whether everything it asked for is settled.
    pub(crate) fn is_idle(&self) -> bool {
        self.asked.is_empty()
    }

    /// Whether it has shown that it is served.
    pub(crate) fn is_satisfied(&self) -> bool {
        self.proofs >= PROOF_ROUNDS
    }

    /// It stands still until it is resumed.
    pub(crate) fn pause(&mut self) {
        self.paused = true;
    }

    /// Begins.
    pub(crate) fn start(
        &mut self,
        taps: &mut [Tap],
        around: &mut Around<'_>,
    ) -> Result<(), Broken> {
        self.handle(Input::Timeout, taps, around)
    }

    /// Goes on proving that it is served, after a while.
    pub(crate) fn prove_soon(&mut self, around: &mut Around<'_>) {
        let key = (self.entity(), self.steps_of_proof);
        self.steps_of_proof += 1;
        self.think(Domain::Prove, key, ClientEvent::Prove, around);
    }

    fn think(&self, domain: Domain, key: Key, event: ClientEvent, around: &mut Around<'_>) {
        let think = around.swarm.think;
        let pause = around.noise.range_or(domain, key, 1, think * 2, think);
        around.queue.after(pause, Event::Client(self.index, event));
    }

    /// Something is due.
    pub(crate) fn event(
        &mut self,
        event: ClientEvent,
        taps: &mut Vec<Tap>,
        around: &mut Around<'_>,
    ) -> Result<(), Broken> {
        match event {
            ClientEvent::Timer => {
                let now = around.queue.now();
                if self.timer_due == Some(now) {
                    self.timer_due = None;
                    if !self.paused {
                        self.handle(Input::Timeout, taps, around)?;
                    }
                }
                Ok(())
            }
            ClientEvent::Prove => {
                if self.aim == Aim::Proof {
                    self.prove_soon(around);
                    if self.can_ask() {
                        return self.act_for_proof(taps, around);
                    }
                }
                Ok(())
            }
            ClientEvent::Anew if self.paused => {
                let event = Event::Client(self.index, ClientEvent::Anew);
                around.queue.after(around.swarm.think, event);
                Ok(())
            }
            ClientEvent::Anew => self.begin_anew(taps, around),
            ClientEvent::Resume => {
                self.paused = false;
                for told in std::mem::take(&mut self.held) {
                    self.told(told, taps, around)?;
                }
                self.handle(Input::Timeout, taps, around)
            }
        }
    }

    /// Something came from the network.
    pub(crate) fn told(
        &mut self,
        told: Told,
        taps: &mut Vec<Tap>,
        around: &mut Around<'_>,
    ) -> Result<(), Broken> {
        if self.paused {
            self.held.push(told);
            return Ok(());
        }
        if self.conn != Some(told.conn) {
            return Ok(());
        }
        match told.what {
            What::Connected => {
                self.is_up = true;
                let server = around.net.ends(told.conn).map_or(0, |(_, to, _)| to);
                self.tap = Some(taps.len());
                let mut tap = Tap::new(self.index, server);
                tap.conn = Some(told.conn);
                taps.push(tap);
                self.handle(Input::Connected, taps, around)
            }
            What::Bytes(bytes) => {
                let when = (around.chain.events(), around.queue.now());
                let tap = &mut taps[self.tap.expect("bytes come over a tapped connection")];
                if tap.down(when, &bytes).is_err() {
                    let seen = format!("{} was sent bytes that are no frame", self.name());
                    let rule = "servers send well-formed frames";
                    return Err(Broken::history(rule, seen)
                        .client(self.index)
                        .server(tap.server));
                }
                let tap = self.tap;
                around.notes.record(|recorder| {
                    recorder.received(self.node, told.conn, Side::Accepter, bytes.len());
                });
                self.handle(Input::Bytes(&bytes), taps, around)?;
                self.nothing_is_withheld(tap.map(|tap| &taps[tap]))
            }
            What::Closed => {
                let was_up = self.is_up;
                around.notes.record(|r| r.lost(self.node, told.conn));
                self.disconnected();
                let input = if was_up {
                    Input::Closed
                } else {
                    Input::ConnectFailed
                };
                self.handle(input, taps, around)
            }
            What::Sent(_) | What::Accepted(_) => Ok(()),
        }
    }

    fn handle(
        &mut self,
        input: Input<'_>,
        taps: &mut [Tap],
        around: &mut Around<'_>,
    ) -> Result<(), Broken> {
        let now = Instant::from_micros(around.queue.now());
        let machine = &mut self.machine;
        panics::catch(|| machine.handle(now, input)).map_err(|panic| {
            let seen = format!("{} panicked: {panic}", client_name(self.index));
            Broken::safety("a client never panics", seen).client(self.index)
        })?;
        self.outputs(taps, around)
    }

    fn outputs(&mut self, taps: &mut [Tap], around: &mut Around<'_>) -> Result<(), Broken> {
        let now = around.queue.now();
        while let Some(output) = self.machine.poll_output() {
            match output {
                Output::Connect { server } => {
                    around.chain.push(
                        now,
                        40,
                        self.entity(),
                        &u64::try_from(server).expect("few servers").to_be_bytes(),
                    );
                    self.conn = Some(around.net.dial(self.node, server, Port::Client));
                    self.is_up = false;
                }
                Output::Send(bytes) => {
                    around.chain.push(now, 41, self.entity(), &bytes);
                    let when = (around.chain.events(), now);
                    let tap = self.tap.expect("clients send over a connection that is up");
                    if taps[tap].up(when, &bytes).is_err() {
                        let seen = format!("{} sends bytes that are no frame", self.name());
                        let rule = "clients send well-formed frames";
                        return Err(Broken::history(rule, seen).client(self.index));
                    }
                    let conn = self
                        .conn
                        .expect("clients send over a connection that is up");
                    around.notes.record(|recorder| {
                        let ends = around.net.ends(conn);
                        recorder.sent(self.node, (conn, Side::Dialler), ends, &bytes);
                    });
                    around.net.send(conn, Side::Dialler, bytes);
                }
                Output::Disconnect => {
                    if let Some(conn) = self.conn {
                        around.net.close(conn, Side::Dialler);
                    }
                    self.disconnected();
                }
                Output::Reply {
                    ticket,
                    zxid,
                    result,
                } => {
                    // What was answered came as bytes, which were hashed.
                    let settled = settlement(ticket, zxid, &result);
                    around.chain.push(now, 42, self.entity(), &settled);
                    let order = around.chain.events();
                    around.notes.record(|recorder| {
                        let zxid = zxid.map(|zxid| zxid.0);
                        recorder.settled(self.node, ticket.0, zxid, &outcome(&result));
                    });
                    let request = self.asked.remove(&ticket).ok_or_else(|| {
                        let seen = format!("{} settles {ticket:?} again", self.name());
                        Broken::history("a request is settled once", seen).client(self.index)
                    })?;
                    self.answered += u64::from(zxid.is_some());
                    if let Some(zxid) = zxid {
                        self.claim(zxid.0, &request, taps)?;
                    }
                    let record = Record {
                        order,
                        ticket,
                        request: &request,
                        zxid,
                        result: &result,
                    };
                    self.watches.reply(&record)?;
                    if let Some(answers) = &mut self.answers {
                        answers.insert(ticket, result.clone());
                    }
                    self.learn(&request, &result);
                    let refusal = ClientError::Server(ErrorCode::NotReadOnly);
                    let is_served = zxid.is_some() && result.as_ref().err() != Some(&refusal);
                    self.prove(ticket, is_served, &request);
                }
                Output::Event { event, watchers } => {
                    around
                        .chain
                        .push(now, 43, self.entity(), event.path.as_bytes());
                    let order = around.chain.events();
                    around.notes.record(|recorder| {
                        let zxid = event.zxid.map(|zxid| zxid.0);
                        recorder.fired(self.node, &event.path, zxid, &format!("{:?}", event.kind));
                    });
                    for ticket in watchers {
                        self.watches.fired(&Watched {
                            order,
                            ticket,
                            event: &event,
                        })?;
                        self.watched(ticket);
                    }
                }
                Output::WatchEnded { ticket } => self.watches.ended(ticket),
                Output::State(state) => self.state(state, around)?,
                Output::ConnectionLost { server, loss } => {
                    let words = format!("lost s{}: {loss:?}", server + 1);
                    around.notes.tell(Kind::Session, now, self.name(), words);
                }
            }
        }
        self.set_timer(around);
        Ok(())
    }

    /// An answer that a user is told is the next one that came over the wire.
    fn claim(&self, zxid: u64, request: &ClientRequest, taps: &mut [Tap]) -> Result<(), Broken> {
        let came = self.tap.and_then(|tap| taps[tap].unclaimed.pop_front());
        if came.map(i64::cast_unsigned) == Some(zxid) {
            return Ok(());
        }
        let seen = format!(
            "{} told of {request:?} at {zxid:#x}, {came:x?} came",
            self.name()
        );
        let rule = "a user is told what the server answered";
        Err(Broken::history(rule, seen).client(self.index))
    }

    fn nothing_is_withheld(&self, tap: Option<&Tap>) -> Result<(), Broken> {
        match tap {
            Some(tap) if !tap.unclaimed.is_empty() => {
                let seen = format!("{} told nobody of {:x?}", self.name(), tap.unclaimed);
                let rule = "a user is told what the server answered";
                Err(Broken::history(rule, seen).client(self.index))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn state(&mut self, state: ConnectionState, around: &mut Around<'_>) -> Result<(), Broken> {
        let now = around.queue.now();
        around
            .chain
            .push(now, 44, self.entity(), format!("{state:?}").as_bytes());
        let words = format!("is {state:?}");
        around.notes.tell(Kind::Session, now, self.name(), words);
        match state {
            ConnectionState::Connected => self.watches.connected(),
            ConnectionState::Connecting | ConnectionState::ConnectedReadOnly => {}
            ConnectionState::Over(end) => {
                self.is_over = true;
                let key = (self.entity(), self.generation);
                self.think(Domain::Anew, key, ClientEvent::Anew, around);
                if end == End::Expired && around.swarm.is_calm() {
                    let seen = format!("the session of {} expired", self.name());
                    let rule = "G13 calm: without faults no session expires that its client keeps";
                    return Err(Broken::history(rule, seen).client(self.index));
                }
            }
        }
        Ok(())
    }

    fn disconnected(&mut self) {
        self.conn = None;
        self.is_up = false;
        self.tap = None;
        self.known.disconnected();
    }

    // Work.

    fn ask(
        &mut self,
        request: ClientRequest,
        taps: &mut [Tap],
        around: &mut Around<'_>,
    ) -> Result<Ticket, Broken> {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        self.asked.insert(ticket, request.clone());
        // What it asks for is hashed when it is sent.
        let name = ticket.0.to_be_bytes();
        around
            .chain
            .push(around.queue.now(), 45, self.entity(), &name);
        around.notes.record(|recorder| {
            let words = format!("{request:?}");
            recorder.invoked(self.node, ticket.0, &words);
        });
        self.handle(Input::Request { ticket, request }, taps, around)?;
        Ok(ticket)
    }

    /// The session is over: a new one begins.
    fn begin_anew(&mut self, taps: &mut [Tap], around: &mut Around<'_>) -> Result<(), Broken> {
        if let Some(conn) = self.conn {
            around.net.close(conn, Side::Dialler);
        }
        self.disconnected();
        self.generation += 1;
        self.machine = machine(around.noise, self.index, self.generation, around.swarm);
        self.is_over = false;
        self.timer_due = None;
        self.asked.clear();
        self.watches.session_over();
        self.proof = Proof::Ask;
        self.handle(Input::Timeout, taps, around)
    }

    fn learn(&mut self, request: &ClientRequest, result: &Result<Response, ClientError>) {
        if let Ok(response) = result {
            self.known.learn(request, response);
        }
    }

    // Helpers.

    fn set_timer(&mut self, around: &mut Around<'_>) {
        let Some(deadline) = self.machine.next_deadline() else {
            return;
        };
        let due = deadline.as_micros().max(around.queue.now() + 1);
        if self.timer_due.is_none_or(|known| due < known) {
            self.timer_due = Some(due);
            around
                .queue
                .at(due, Event::Client(self.index, ClientEvent::Timer));
        }
    }

    /// What it is at this moment.
    pub(crate) fn glance(&self) -> ClientState {
        ClientState {
            connection: format!("{:?}", self.machine.state()).to_lowercase(),
            server: self.machine.server(),
            session: self.machine.session_id().0,
            pending: self.asked.len(),
            is_paused: self.paused,
        }
    }

    fn name(&self) -> String {
        client_name(self.index)
    }

    fn entity(&self) -> u64 {
        u64::try_from(self.index).expect("few clients")
    }
}

/// A request that was settled, in the bytes that are hashed: which, at what state, and whether.
fn settlement(
    ticket: Ticket,
    zxid: Option<Zxid>,
    result: &Result<Response, ClientError>,
) -> [u8; 17] {
    let mut bytes = [0; 17];
    bytes[..8].copy_from_slice(&ticket.0.to_be_bytes());
    bytes[8..16].copy_from_slice(&zxid.map_or(u64::MAX, |zxid| zxid.0).to_be_bytes());
    bytes[16] = u8::from(result.is_ok());
    bytes
}

fn machine(noise: &Noise, index: usize, generation: u64, swarm: &Swarm) -> Client {
    let entity = u64::try_from(index).expect("few clients");
    let key = (entity, generation);
    let (low, high) = swarm.session_timeout;
    let timeout = noise.range_or(Domain::Timeout, key, low, high, high);
    let config = ClientConfig {
        session_timeout: Duration::from_micros(timeout),
        backoff_min: Duration::from_micros(swarm.tick / 10),
        backoff_max: Duration::from_micros(swarm.tick * 2),
        auths: proofs(swarm),
        read_only_servers: match swarm.minority {
            Minority::Silent => ReadOnlyServers::Refused,
            Minority::Readable => ReadOnlyServers::Accepted,
        },
        ..ClientConfig::new(swarm.servers)
    };
    let benign = generation << 8 | entity;
    let rng = ChaCha8Rng::from_seed(noise.key(Domain::Client, key, benign));
    Client::new(config, rng)
}

/// What came of a request, in a few words.
fn outcome(result: &Result<Response, ClientError>) -> String {
    match result {
        Ok(_) => "ok".to_owned(),
        Err(error) => error.to_string(),
    }
}

fn proofs(swarm: &Swarm) -> Vec<Auth> {
    let proof = swarm.demands_proof.then(|| Auth {
        scheme: "digest".to_owned(),
        auth: b"client:password".to_vec(),
    });
    proof.into_iter().collect()
}
