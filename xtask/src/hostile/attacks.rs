//! What hostile programs send.

use crate::measure::Dice;
use crate::zk::{Session, Zk};
use anyhow::{Context, Result, bail};
use std::fmt;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(5);

/// Where it is sent.
pub(super) struct Target {
    pub(super) client: SocketAddr,
    pub(super) peers: [SocketAddr; 2],
}

/// One kind of nonsense.
#[derive(Clone, Copy)]
pub(super) enum Attack {
    /// None at all, to compare with.
    Nothing,
    RandomBytes,
    OversizedFrames,
    TruncatedRecords,
    UnknownOperations,
    HalfOpen,
    OneByteAtATime,
    PeerPorts,
    Silent,
}

impl Attack {
    pub(super) const ALL: [Attack; 8] = [
        Attack::RandomBytes,
        Attack::OversizedFrames,
        Attack::TruncatedRecords,
        Attack::UnknownOperations,
        Attack::HalfOpen,
        Attack::OneByteAtATime,
        Attack::PeerPorts,
        Attack::Silent,
    ];
}

impl fmt::Display for Attack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Attack::Nothing => "nothing",
            Attack::RandomBytes => "random bytes",
            Attack::OversizedFrames => "oversized frames",
            Attack::TruncatedRecords => "truncated records",
            Attack::UnknownOperations => "unknown operations",
            Attack::HalfOpen => "half-open connections",
            Attack::OneByteAtATime => "one byte at a time",
            Attack::PeerPorts => "nonsense on peer ports",
            Attack::Silent => "silent connections",
        })
    }
}

/// Attacks for some time; how many attempts there were.
pub(super) fn run(
    attack: Attack,
    target: &Target,
    time: Duration,
    seed: u64,
    silent: usize,
) -> Result<u64> {
    let mut dice = Dice::new(seed);
    let end = Instant::now() + time;
    let mut held = Vec::new();
    let mut attempts = 0;
    if matches!(attack, Attack::Silent) {
        return be_silent(target.client, silent, end);
    }
    while Instant::now() < end {
        attempts += 1;
        match attack {
            Attack::Nothing => std::thread::sleep(time),
            Attack::RandomBytes => {
                let count = 1 + dice.index(4096);
                throw(target.client, &dice.bytes(count))?;
            }
            Attack::OversizedFrames => {
                let length = 0x7fff_ffff - i32::try_from(dice.below(0x7000_0000))?;
                let mut bytes = length.to_be_bytes().to_vec();
                bytes.extend(dice.bytes(512));
                throw(target.client, &bytes)?;
            }
            Attack::TruncatedRecords => throw(target.client, &truncated(&mut dice))?,
            Attack::UnknownOperations => unknown_operation(target.client, &mut dice)?,
            Attack::HalfOpen => {
                held.push(half_open(target.client)?);
                // A bound, so that this side does not run out of descriptors first.
                if held.len() > 2000 {
                    held.clear();
                }
            }
            Attack::OneByteAtATime => dribble(target.client, &mut dice)?,
            Attack::PeerPorts => {
                let port = target.peers[dice.index(2)];
                let count = 1 + dice.index(4096);
                let bytes = peer_nonsense(&mut dice, count);
                throw(port, &bytes)?;
            }
            Attack::Silent => unreachable!("silence is another loop"),
        }
    }
    Ok(attempts)
}

fn connect(address: SocketAddr) -> Result<TcpStream> {
    let socket = TcpStream::connect_timeout(&address, Duration::from_secs(5))
        .with_context(|| format!("cannot connect to {address}"))?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.set_write_timeout(Some(PATIENCE))?;
    Ok(socket)
}

/// Sends bytes and reads until the server closes, or for a while. That it closes while we still
/// send is what it should do.
fn throw(address: SocketAddr, bytes: &[u8]) -> Result<()> {
    let mut socket = connect(address)?;
    if socket.write_all(bytes).is_ok() && socket.shutdown(Shutdown::Write).is_ok() {
        let mut answer = [0; 4096];
        loop {
            match socket.read(&mut answer) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) =>
                {
                    bail!("the connection is still open after {PATIENCE:?}");
                }
                Err(_) => break,
            }
        }
    }
    Ok(())
}

/// A true connect request, then a frame of a true operation that ends too early.
fn truncated(dice: &mut Dice) -> Vec<u8> {
    let mut bytes = connect_request();
    let operations = [
        1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 14, 15, 19, 21, 22, 100, 101, 105, 106,
    ];
    let operation: i32 = operations[dice.index(operations.len())];
    let rest = dice.index(24);
    let mut frame = vec![0, 0, 0, 1];
    frame.extend(operation.to_be_bytes());
    frame.extend(dice.bytes(rest));
    bytes.extend(
        i32::try_from(frame.len())
            .expect("a short frame")
            .to_be_bytes(),
    );
    bytes.extend(frame);
    bytes
}

fn connect_request() -> Vec<u8> {
    let mut bytes = 45i32.to_be_bytes().to_vec();
    bytes.extend([0; 12]);
    bytes.extend(30_000i32.to_be_bytes());
    bytes.extend([0; 8]);
    bytes.extend(16i32.to_be_bytes());
    bytes.extend([0; 17]);
    bytes
}

fn unknown_operation(address: SocketAddr, dice: &mut Dice) -> Result<()> {
    let mut bytes = connect_request();
    let operation = 1000 + i32::try_from(dice.below(1_000_000))?;
    bytes.extend(8i32.to_be_bytes());
    bytes.extend(1i32.to_be_bytes());
    bytes.extend(operation.to_be_bytes());
    throw(address, &bytes)
}

/// Opens a session and says nothing more, without ever closing.
fn half_open(address: SocketAddr) -> Result<TcpStream> {
    let mut socket = connect(address)?;
    socket.write_all(&connect_request()[..30])?;
    Ok(socket)
}

fn dribble(address: SocketAddr, dice: &mut Dice) -> Result<()> {
    let mut socket = connect(address)?;
    socket.set_nodelay(true)?;
    let upto = dice.index(49);
    for byte in &connect_request()[..upto] {
        if socket.write_all(&[*byte]).is_err() {
            break;
        }
    }
    Ok(())
}

/// Random bytes; half of the time behind a small length, so that a frame seems to be complete.
fn peer_nonsense(dice: &mut Dice, count: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    if dice.below(2) == 0 {
        bytes.extend(u32::try_from(count).expect("a short frame").to_be_bytes());
    }
    bytes.extend(dice.bytes(count));
    bytes
}

/// Many connections that never send a byte. While all of them are open a new client must still be
/// served.
fn be_silent(address: SocketAddr, count: usize, end: Instant) -> Result<u64> {
    let mut held = Vec::new();
    for number in 0..count {
        held.push(connect(address).with_context(|| format!("connection {}", number + 1))?);
    }
    let session = Zk::connect(address, Duration::from_secs(5), Session::default());
    let served = session.and_then(|mut zk| {
        zk.ping()?;
        zk.close()
    });
    if let Err(failure) = served {
        bail!("beside {count} silent connections a new client is not served: {failure}");
    }
    while Instant::now() < end {
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(u64::try_from(held.len())?)
}
