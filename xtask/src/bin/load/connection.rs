//! A connection that never blocks: bytes to send, bytes that came.

use anyhow::{Context, Result, ensure};
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;

/// How much of what comes fits at first, where much may come.
pub(crate) const ROOM: usize = 64 * 1024;

/// A connection, either side of it.
pub(crate) struct Connection {
    stream: TcpStream,
    pub(crate) to_send: Vec<u8>,
    sent: usize,
    received: Vec<u8>,
    taken: usize,
    filled: usize,
}

impl Connection {
    pub(crate) fn dial(
        address: SocketAddr,
        room: usize,
        registry: &Registry,
        token: Token,
    ) -> Result<Self> {
        // A blocking dial: a server that is there answers at once.
        let stream = std::net::TcpStream::connect(address)
            .with_context(|| format!("cannot connect to {address}"))?;
        stream.set_nonblocking(true)?;
        Connection::over(TcpStream::from_std(stream), room, registry, token)
    }

    pub(crate) fn over(
        mut stream: TcpStream,
        room: usize,
        registry: &Registry,
        token: Token,
    ) -> Result<Self> {
        stream.set_nodelay(true)?;
        registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        Ok(Connection {
            stream,
            to_send: Vec::new(),
            sent: 0,
            received: vec![0; room],
            taken: 0,
            filled: 0,
        })
    }

    /// Sends as much as the socket takes.
    pub(crate) fn flush(&mut self) -> Result<()> {
        while self.sent < self.to_send.len() {
            match self.stream.write(&self.to_send[self.sent..]) {
                Ok(count) => self.sent += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.to_send.clear();
        self.sent = 0;
        Ok(())
    }

    /// Reads what is there, once; whether there may be more.
    pub(crate) fn fill(&mut self) -> Result<bool> {
        if self.taken == self.filled {
            (self.taken, self.filled) = (0, 0);
        } else if self.received.len() - self.filled < self.received.len() / 4 {
            self.received.copy_within(self.taken..self.filled, 0);
            self.filled -= self.taken;
            self.taken = 0;
            if self.received.len() - self.filled < self.received.len() / 2 {
                self.received.resize(self.received.len() * 2, 0);
            }
        }
        loop {
            let room = &mut self.received[self.filled..];
            let length = room.len();
            match self.stream.read(room) {
                Ok(0) => {
                    ensure!(length == 0, "the other side closed the connection");
                    return Ok(true);
                }
                Ok(count) => {
                    self.filled += count;
                    return Ok(count == length);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The body of the next whole frame.
    pub(crate) fn next_frame(&mut self) -> Option<&[u8]> {
        let body = super::wire::frame(&self.received[self.taken..self.filled])?;
        let start = self.taken + 4;
        let end = start + body.len();
        self.taken = end;
        Some(&self.received[start..end])
    }
}
