//! Clients that speak the protocol and keep none of its manners: they go on after closing their
//! session, and use one session on two connections at once.

use crate::decide::{Dice, Stream};
use crate::nemesis::StormKind;
use crate::net::{ConnNumber, Net, Node, Port, Side, Told, What};
use crate::oracle::broken::Broken;
use crate::oracle::sessions::Move;
use crate::oracle::wire::Tap;
use crate::queue::Micros;
use crate::swarm::Swarm;
use std::collections::BTreeMap;

/// Request number of the write that shows a session on its new server.
const XID_MOVED: i32 = 1_000;

/// What one connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    /// Writes, closes its session, and writes again, all at once.
    Racer,
    /// Opens a session that another connection takes over.
    Left,
    /// Takes over the session of that connection.
    Taker(ConnNumber),
    /// Opens a session, and says nothing more.
    Silent,
    /// Watches what the last of its kind creates.
    Watcher { storm: u64, is_last: bool },
    /// Asks for this many things at once.
    Hasty(u32),
    /// Says nothing for about as long as its session lasts, and then writes.
    Sleeper,
}

#[derive(Clone, Debug)]
struct Call {
    manner: Manner,
    server: usize,
    /// Session and password to ask for.
    wanted: Option<(i64, Vec<u8>)>,
    tap: Option<usize>,
    greeting: Vec<u8>,
    done: bool,
    /// Decides what becomes of it.
    dice: Dice,
}

/// Clients without manners.
#[derive(Clone, Debug)]
pub(crate) struct Rude {
    node: Node,
    servers: usize,
    tick: Micros,
    /// What taps call it: a client after all others.
    client: usize,
    calls: BTreeMap<ConnNumber, Call>,
    count: u64,
    /// What happens a while after now, to be taken by the world.
    pub(crate) later: Vec<(Micros, ConnNumber)>,
    /// Sessions that moved, for the judges.
    pub(crate) moves: Vec<Move>,
}

/// When something happens: its place in the order of all events, and the time.
pub(crate) type When = (u64, Micros);

impl Rude {
    pub(crate) fn new(node: Node, swarm: &Swarm) -> Self {
        Rude {
            node,
            servers: swarm.servers,
            client: swarm.clients,
            tick: swarm.tick,
            calls: BTreeMap::new(),
            count: 0,
            later: Vec::new(),
            moves: Vec::new(),
        }
    }

    /// Dials somebody, to misbehave once the session is granted.
    pub(crate) fn strike(&mut self, key: u64, net: &mut Net) {
        let mut dice = Dice::new(key, Stream::Action, 1);
        let server = dice.index(self.servers);
        let manner = match dice.below(4) {
            0 => Manner::Racer,
            1 => Manner::Sleeper,
            _ if self.servers > 1 => Manner::Left,
            _ => Manner::Racer,
        };
        self.dial(server, manner, None, dice, net);
    }

    /// Many dial at once.
    pub(crate) fn storm(&mut self, kind: StormKind, server: usize, count: u32, net: &mut Net) {
        self.count += 1;
        let storm = self.count;
        let dials = if kind == StormKind::Pipeline {
            1
        } else {
            count
        };
        for nth in 1..=dials {
            let manner = match kind {
                StormKind::Silence => Manner::Silent,
                StormKind::Watches => Manner::Watcher {
                    storm,
                    is_last: nth == dials,
                },
                StormKind::Pipeline => Manner::Hasty(count),
            };
            let dice = Dice::new(storm, Stream::Action, 2);
            self.dial(server, manner, None, dice, net);
        }
    }

    /// Hangs up everywhere.
    pub(crate) fn stop(&mut self, net: &mut Net) {
        for conn in std::mem::take(&mut self.calls).into_keys() {
            net.close(conn, Side::Dialler);
        }
    }

    /// Something came from the network.
    pub(crate) fn told(
        &mut self,
        told: Told,
        when: When,
        taps: &mut Vec<Tap>,
        net: &mut Net,
    ) -> Result<(), Broken> {
        match told.what {
            What::Connected => self.connected(told.conn, when, taps, net),
            What::Bytes(bytes) => return self.bytes(told.conn, &bytes, when, taps, net),
            What::Closed => {
                self.calls.remove(&told.conn);
            }
            What::Sent(_) | What::Accepted(_) => {}
        }
        Ok(())
    }

    /// What was to happen later happens now.
    pub(crate) fn due(&mut self, conn: ConnNumber, when: When, taps: &mut [Tap], net: &mut Net) {
        if let Some(call) = self.calls.get(&conn) {
            let frame = if let Manner::Watcher { storm, .. } = call.manner {
                create_at(2, &watched(storm), 0)
            } else {
                self.create(1, 0)
            };
            self.send(conn, &[frame], when, taps, net);
        }
    }

    fn dial(
        &mut self,
        server: usize,
        manner: Manner,
        wanted: Option<(i64, Vec<u8>)>,
        dice: Dice,
        net: &mut Net,
    ) {
        let conn = net.dial(self.node, server, Port::Client);
        let call = Call {
            manner,
            server,
            wanted,
            tap: None,
            greeting: Vec::new(),
            done: false,
            dice,
        };
        self.calls.insert(conn, call);
    }

    fn connected(&mut self, conn: ConnNumber, when: When, taps: &mut Vec<Tap>, net: &mut Net) {
        let Some(call) = self.calls.get_mut(&conn) else {
            return;
        };
        call.tap = Some(taps.len());
        taps.push(Tap::without_manners(self.client, call.server));
        let (session, password) = call.wanted.clone().unwrap_or((0, vec![0; 16]));
        let mut frame = vec![0; 12];
        frame.extend_from_slice(&4_000_u32.to_be_bytes());
        frame.extend_from_slice(&session.to_be_bytes());
        push_buffer(&mut frame, &password);
        self.send(conn, &[frame], when, taps, net);
    }

    fn bytes(
        &mut self,
        conn: ConnNumber,
        bytes: &[u8],
        when: When,
        taps: &mut [Tap],
        net: &mut Net,
    ) -> Result<(), Broken> {
        let Some(call) = self.calls.get_mut(&conn) else {
            return Ok(());
        };
        let tap = &mut taps[call.tap.expect("bytes come over a connection that is up")];
        if tap.down(when, bytes).is_err() {
            let rule = "servers send well-formed frames";
            let seen = "somebody without manners was sent bytes that are no frame".to_owned();
            return Err(Broken::history(rule, seen).server(call.server));
        }
        if call.greeting.len() < 40 {
            call.greeting.extend_from_slice(bytes);
        }
        let Some(session) = tap.session else {
            return Ok(());
        };
        if call.done {
            return Ok(());
        }
        let (manner, server) = (call.manner, call.server);
        let mut dice = call.dice.clone();
        let password = call.greeting[24..40].to_vec();
        match manner {
            Manner::Racer => {
                let frames = [
                    self.create(1, 1),
                    request(2, -11),
                    self.create(3, 1),
                    self.create(4, 0),
                ];
                self.send(conn, &frames, when, taps, net);
                self.finish(conn);
            }
            Manner::Silent => {
                if conn.is_multiple_of(20) {
                    let frame = self.create(1, 1);
                    self.send(conn, &[frame], when, taps, net);
                }
                self.finish(conn);
            }
            Manner::Watcher { storm, is_last } => {
                self.send(conn, &[exists(1, &watched(storm), true)], when, taps, net);
                if is_last {
                    self.later.push((self.tick, conn));
                }
                self.finish(conn);
            }
            Manner::Hasty(count) => {
                let frames = (1..=i32::try_from(count).expect("small")).map(|xid| {
                    if xid % 10 == 0 {
                        self.create(xid, 1)
                    } else {
                        exists(xid, "/", false)
                    }
                });
                let frames: Vec<_> = frames.collect();
                self.send(conn, &frames, when, taps, net);
                self.finish(conn);
            }
            Manner::Sleeper => {
                let timeout = u64::from(timeout_of(&call.greeting)) * 1_000;
                let silence = timeout + dice.below(self.tick * 5 / 2);
                self.later.push((silence, conn));
                self.finish(conn);
            }
            Manner::Left => {
                let to = (server + 1 + dice.index(self.servers - 1)) % self.servers;
                self.dial(
                    to,
                    Manner::Taker(conn),
                    Some((session, password)),
                    dice,
                    net,
                );
                self.finish(conn);
            }
            Manner::Taker(left) => {
                let frame = self.create(XID_MOVED, 0);
                self.send(conn, &[frame], when, taps, net);
                self.finish(conn);
                if let Some(from) = self.calls.get(&left).map(|call| call.server) {
                    self.moves.push(Move {
                        session,
                        from,
                        to: server,
                        shown: XID_MOVED,
                    });
                    for _ in 0..4 {
                        self.later.push((dice.below(4_000), left));
                    }
                }
            }
        }
        Ok(())
    }

    fn finish(&mut self, conn: ConnNumber) {
        self.calls
            .get_mut(&conn)
            .expect("it was just looked at")
            .done = true;
    }

    fn send(
        &mut self,
        conn: ConnNumber,
        frames: &[Vec<u8>],
        when: When,
        taps: &mut [Tap],
        net: &mut Net,
    ) {
        let mut bytes = Vec::new();
        for frame in frames {
            push_buffer(&mut bytes, frame);
        }
        if let Some(tap) = self.calls.get(&conn).and_then(|call| call.tap) {
            taps[tap]
                .up(when, &bytes)
                .expect("what is sent here is well-formed");
            net.send(conn, Side::Dialler, bytes);
        }
    }

    fn create(&mut self, xid: i32, flags: u32) -> Vec<u8> {
        self.count += 1;
        create_at(xid, &format!("/rude-{}", self.count), flags)
    }
}

/// What the watchers of a storm watch.
fn watched(storm: u64) -> String {
    // Now and then a longer name than most.
    let length = if storm.is_multiple_of(2) { 300 } else { 0 };
    format!("/storm-{storm:0length$}")
}

fn create_at(xid: i32, path: &str, flags: u32) -> Vec<u8> {
    let mut frame = request(xid, 1);
    push_buffer(&mut frame, path.as_bytes());
    push_buffer(&mut frame, b"rude");
    frame.extend_from_slice(&1_u32.to_be_bytes());
    frame.extend_from_slice(&31_u32.to_be_bytes());
    push_buffer(&mut frame, b"world");
    push_buffer(&mut frame, b"anyone");
    frame.extend_from_slice(&flags.to_be_bytes());
    frame
}

fn exists(xid: i32, path: &str, watch: bool) -> Vec<u8> {
    let mut frame = request(xid, 3);
    push_buffer(&mut frame, path.as_bytes());
    frame.push(u8::from(watch));
    frame
}

fn request(xid: i32, opcode: i32) -> Vec<u8> {
    let mut frame = xid.to_be_bytes().to_vec();
    frame.extend_from_slice(&opcode.to_be_bytes());
    frame
}

fn push_buffer(bytes: &mut Vec<u8>, buffer: &[u8]) {
    let length = u32::try_from(buffer.len()).expect("small");
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(buffer);
}

/// The session timeout that a greeting grants, in milliseconds.
fn timeout_of(greeting: &[u8]) -> u32 {
    let field = greeting[8..12].first_chunk().expect("four bytes");
    u32::from_be_bytes(*field).max(1)
}
