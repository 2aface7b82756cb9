//! Wires between real processes: each takes connections on a port of its own and carries their
//! bytes to another, slower, in one direction only, up to some byte, or not at all.

use anyhow::{Context, Result};
use socket2::SockRef;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// From whoever dialled.
    There,
    /// To whoever dialled.
    Back,
}

pub(crate) const BOTH: [Way; 2] = [Way::There, Way::Back];

/// What becomes of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flow {
    /// They arrive.
    Open,
    /// They wait, and their sender with them.
    Held,
    /// They vanish, and so does the end of a connection: each end believes in it.
    Lost,
}

/// What a wire has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) connections: u64,
    pub(crate) bytes: u64,
    pub(crate) bytes_lost: u64,
    pub(crate) delays: u64,
    pub(crate) torn: u64,
    pub(crate) reset: u64,
}

/// One wire. It carries until it is dropped.
pub(crate) struct Wire {
    port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    to: SocketAddr,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    flow: [Flow; 2],
    /// How long each piece that was read waits.
    delay: [Duration; 2],
    /// Bytes after which the next connection that has carried them is cut.
    tear_after: [Option<u64>; 2],
    /// Connections of an earlier generation are reset.
    generation: u64,
    /// What whoever dialled says, and what is said instead, as long.
    instead: Option<(Vec<u8>, Vec<u8>)>,
    over: bool,
    counts: Counts,
}

impl Wire {
    /// Takes `port`, or any free one for 0, and carries to `to`.
    pub(crate) fn start(port: u16, to: SocketAddr) -> Result<Wire> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .with_context(|| format!("cannot take port {port} for a wire"))?;
        let port = listener.local_addr()?.port();
        let shared = Arc::new(Shared {
            to,
            state: Mutex::new(State {
                flow: [Flow::Open; 2],
                delay: [Duration::ZERO; 2],
                tear_after: [None; 2],
                generation: 0,
                instead: None,
                over: false,
                counts: Counts::default(),
            }),
            changed: Condvar::new(),
        });
        let carrier = Arc::clone(&shared);
        thread::spawn(move || carrier.accept(&listener));
        Ok(Wire { port, shared })
    }

    /// Where it takes connections.
    pub(crate) fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))
    }

    /// Decides what becomes of bytes that go one way.
    pub(crate) fn set_flow(&self, way: Way, flow: Flow) {
        self.change(|state| state.flow[way as usize] = flow);
    }

    /// Lets every piece that goes one way wait.
    pub(crate) fn set_delay(&self, way: Way, delay: Duration) {
        self.change(|state| state.delay[way as usize] = delay);
    }

    /// Cuts a connection once so many more bytes went one way, in the middle of whatever they are.
    pub(crate) fn tear_after(&self, way: Way, bytes: u64) {
        self.change(|state| state.tear_after[way as usize] = Some(bytes));
    }

    /// Replaces some bytes of whoever dials, where one piece has all of them.
    pub(crate) fn replace(&self, said: &[u8], instead: &[u8]) {
        assert_eq!(said.len(), instead.len(), "no length may change");
        self.change(|state| state.instead = Some((said.to_vec(), instead.to_vec())));
    }

    /// Resets every connection.
    pub(crate) fn reset(&self) {
        self.change(|state| state.generation += 1);
    }

    /// Takes all of that back. A connection that may have lost bytes is reset: none goes on with a
    /// gap in it.
    pub(crate) fn heal(&self) {
        self.change(|state| {
            if state.flow.contains(&Flow::Lost) {
                state.generation += 1;
            }
            state.flow = [Flow::Open; 2];
            state.delay = [Duration::ZERO; 2];
            state.tear_after = [None; 2];
        });
    }

    /// What it has done.
    pub(crate) fn counts(&self) -> Counts {
        self.shared.lock().counts
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.shared.lock());
        self.shared.changed.notify_all();
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.change(|state| {
            state.over = true;
            state.generation += 1;
        });
        // The acceptor looks up when it has something to accept.
        drop(TcpStream::connect(self.address()));
    }
}

struct Connection {
    /// Of whoever dialled, and of whoever listens.
    ends: [TcpStream; 2],
    generation: u64,
    over: AtomicBool,
}

impl Connection {
    fn ends(&self, way: Way) -> [&TcpStream; 2] {
        let [dialler, listener] = &self.ends;
        match way {
            Way::There => [dialler, listener],
            Way::Back => [listener, dialler],
        }
    }
}

/// What a carrier is to do with the bytes it read.
enum Next {
    Carry { upto: usize, then_tear: bool },
    Nothing,
    Reset,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn accept(self: &Arc<Self>, listener: &TcpListener) {
        loop {
            let accepted = listener.accept();
            if self.lock().over {
                return;
            }
            let Ok((dialler, _)) = accepted else {
                thread::sleep(LOOK_UP);
                continue;
            };
            let shared = Arc::clone(self);
            // Whom nobody takes is closed again, as the system would do where nobody listens.
            thread::spawn(move || shared.connect(dialler));
        }
    }

    fn connect(self: &Arc<Self>, dialler: TcpStream) {
        let generation = {
            let mut state = self.lock();
            state.counts.connections += 1;
            state.generation
        };
        let Ok(listener) = TcpStream::connect_timeout(&self.to, DIAL_PATIENCE) else {
            return;
        };
        for socket in [&dialler, &listener] {
            let ready = socket
                .set_nodelay(true)
                .and_then(|()| socket.set_read_timeout(Some(LOOK_UP)))
                .and_then(|()| socket.set_write_timeout(Some(LOOK_UP)));
            if ready.is_err() {
                return;
            }
        }
        let connection = Arc::new(Connection {
            ends: [dialler, listener],
            generation,
            over: AtomicBool::new(false),
        });
        let (shared, back) = (Arc::clone(self), Arc::clone(&connection));
        thread::spawn(move || shared.carry(Way::Back, &back));
        self.carry(Way::There, &connection);
    }

    /// Carries until the sender ends, or the connection is reset.
    fn carry(&self, way: Way, connection: &Connection) {
        let [mut from, to] = connection.ends(way);
        let mut buffer = vec![0; PIECE_BYTES];
        loop {
            let length = match from.read(&mut buffer) {
                Ok(length) => length,
                Err(error) if is_pause(&error) => {
                    if self.is_over(connection) {
                        return self.reset(connection);
                    }
                    continue;
                }
                Err(_) => return self.reset(connection),
            };
            if way == Way::There {
                self.put_instead(&mut buffer[..length]);
            }
            match self.next(way, connection, length) {
                Next::Carry { .. } if length == 0 => {
                    // It fails where the other end is gone already.
                    let _ = to.shutdown(Shutdown::Write);
                    return;
                }
                Next::Carry { upto, then_tear } => {
                    if !self.write_all(connection, to, &buffer[..upto]) || then_tear {
                        return self.reset(connection);
                    }
                }
                Next::Nothing if length == 0 => {
                    // An end that was lost is never seen again.
                    let same = |state: &mut State| state.generation == connection.generation;
                    drop(self.changed.wait_while(self.lock(), same));
                    return self.reset(connection);
                }
                Next::Nothing => {}
                Next::Reset => return self.reset(connection),
            }
        }
    }

    fn put_instead(&self, piece: &mut [u8]) {
        let state = self.lock();
        let Some((said, instead)) = &state.instead else {
            return;
        };
        for at in 0..piece.len().saturating_sub(said.len() - 1) {
            let end = at + said.len();
            if piece[at..end] == **said {
                piece[at..end].copy_from_slice(instead);
            }
        }
    }

    fn is_over(&self, connection: &Connection) -> bool {
        connection.over.load(Ordering::Relaxed) || self.lock().generation != connection.generation
    }

    /// Lets both carriers go, and the system reset both ends once they have.
    fn reset(&self, connection: &Connection) {
        for end in &connection.ends {
            // An end that is gone is reset already.
            let _ = SockRef::from(end).set_linger(Some(Duration::ZERO));
        }
        if !connection.over.swap(true, Ordering::Relaxed) {
            self.lock().counts.reset += 1;
        }
    }

    fn next(&self, way: Way, connection: &Connection, length: usize) -> Next {
        let way = way as usize;
        let generation = connection.generation;
        let held =
            |state: &mut State| state.flow[way] == Flow::Held && state.generation == generation;
        let waited = self.changed.wait_while(self.lock(), held);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner);
        let delay = state.delay[way];
        if !delay.is_zero() && state.generation == generation {
            state.counts.delays += 1;
            drop(state);
            thread::sleep(delay);
            state = self.lock();
        }
        if state.generation != generation {
            return Next::Reset;
        }
        if state.flow[way] == Flow::Lost {
            state.counts.bytes_lost += length as u64;
            return Next::Nothing;
        }
        let left = state.tear_after[way];
        let tear = left.filter(|left| *left <= length as u64 && length > 0);
        state.tear_after[way] = match (left, tear) {
            (_, Some(_)) | (None, None) => None,
            (Some(left), None) => Some(left - length as u64),
        };
        state.counts.torn += u64::from(tear.is_some());
        let upto = tear.map_or(length, |left| usize::try_from(left).unwrap_or(length));
        state.counts.bytes += upto as u64;
        Next::Carry {
            upto,
            then_tear: tear.is_some(),
        }
    }

    fn write_all(&self, connection: &Connection, mut to: &TcpStream, mut bytes: &[u8]) -> bool {
        while !bytes.is_empty() {
            match to.write(bytes) {
                Ok(0) => return false,
                Ok(taken) => bytes = &bytes[taken..],
                Err(error) if is_pause(&error) => {
                    if self.is_over(connection) {
                        return false;
                    }
                }
                Err(_) => return false,
            }
        }
        true
    }
}

fn is_pause(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
    )
}

/// How often a carrier looks whether its connection is to be reset.
const LOOK_UP: Duration = Duration::from_millis(20);
const DIAL_PATIENCE: Duration = Duration::from_secs(2);
const PIECE_BYTES: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    /// Two ends, and the wire between them.
    fn connected() -> (Wire, TcpStream, TcpStream) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let wire = Wire::start(0, listener.local_addr().expect("bound")).expect("a wire");
        let dialler = TcpStream::connect(wire.address()).expect("it takes connections");
        let (accepted, _) = listener.accept().expect("it carries");
        (wire, dialler, accepted)
    }

    #[test]
    fn bytes_go_both_ways_and_an_end_is_passed_on() {
        let (wire, mut dialler, mut accepted) = connected();
        dialler.write_all(b"there").expect("open");
        dialler.shutdown(Shutdown::Write).expect("open");
        let mut text = String::new();
        accepted.read_to_string(&mut text).expect("until the end");
        assert_eq!(text, "there");
        accepted.write_all(b"back").expect("open");
        drop(accepted);
        text.clear();
        dialler.read_to_string(&mut text).expect("until the end");
        assert_eq!(text, "back");
        assert_eq!(wire.counts().bytes, 9);
    }

    #[test]
    fn what_the_dialler_says_is_replaced_and_what_it_is_answered_is_not() {
        let (wire, mut dialler, mut accepted) = connected();
        wire.replace(b"12345", b"54321");
        dialler.write_all(b"at 12345, not 1234").expect("open");
        dialler.shutdown(Shutdown::Write).expect("open");
        let mut text = String::new();
        accepted.read_to_string(&mut text).expect("until the end");
        assert_eq!(text, "at 54321, not 1234");
        accepted.write_all(b"12345").expect("open");
        drop(accepted);
        text.clear();
        dialler.read_to_string(&mut text).expect("until the end");
        assert_eq!(text, "12345");
    }

    #[test]
    fn a_torn_connection_carries_so_many_bytes_and_is_reset() {
        let (wire, mut dialler, mut accepted) = connected();
        wire.tear_after(Way::There, 3);
        dialler.write_all(b"there").expect("open");
        let mut bytes = Vec::new();
        let end = accepted.read_to_end(&mut bytes).expect_err("a reset");
        assert_eq!(end.kind(), ErrorKind::ConnectionReset);
        assert_eq!(bytes, b"the");
        assert_eq!(wire.counts().torn, 1);
    }

    #[test]
    fn what_is_held_arrives_later_and_what_is_lost_never() {
        let (wire, mut dialler, mut accepted) = connected();
        wire.set_flow(Way::There, Flow::Held);
        dialler.write_all(b"held").expect("the wire takes it");
        accepted.write_all(b"back").expect("the other way is open");
        let mut four = [0; 4];
        dialler
            .read_exact(&mut four)
            .expect("the other way is open");
        wire.heal();
        accepted.read_exact(&mut four).expect("it is open again");
        assert_eq!(&four, b"held");
        wire.set_flow(Way::There, Flow::Lost);
        dialler.write_all(b"lost").expect("it believes in the wire");
        while wire.counts().bytes_lost < 4 {
            thread::yield_now();
        }
        wire.heal();
        let end = accepted.read(&mut four).expect_err("never with a gap");
        assert_eq!(end.kind(), ErrorKind::ConnectionReset);
    }
}
