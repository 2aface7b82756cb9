//! One connection of bytes and frames.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long a server may take to answer, or to close what it must close.
const PATIENCE: Duration = Duration::from_secs(20);
const CHUNK_BYTES: usize = 64 << 10;
/// Nothing a script asks for is answered with more.
const FRAME_BYTES_MAX: usize = 64 << 20;

pub(super) struct Link {
    stream: TcpStream,
    /// What was read and is not taken yet.
    bytes: Vec<u8>,
    taken: usize,
}

/// What comes from a server.
pub(super) enum Read {
    Frame(Vec<u8>),
    Closed,
    /// Nothing came for as long as anybody would wait.
    Silent,
}

impl Link {
    pub(super) fn connect(address: SocketAddr) -> io::Result<Link> {
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Link {
            stream,
            bytes: Vec::new(),
            taken: 0,
        })
    }

    /// Sends bytes. That the server has closed is learned by reading.
    pub(super) fn send(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    pub(super) fn read(&mut self) -> Read {
        loop {
            if let Some(frame) = self.take_frame() {
                return Read::Frame(frame);
            }
            if let Err(end) = self.fill() {
                return end;
            }
        }
    }

    /// Everything up to the end, and whether there was one.
    pub(super) fn read_to_end(&mut self) -> (Vec<u8>, bool) {
        let closed = loop {
            match self.fill() {
                Ok(()) => {}
                Err(Read::Silent) => break false,
                Err(Read::Closed | Read::Frame(_)) => break true,
            }
        };
        (self.bytes.split_off(self.taken), closed)
    }

    fn take_frame(&mut self) -> Option<Vec<u8>> {
        let rest = &self.bytes[self.taken..];
        let length = rest.first_chunk::<4>()?;
        let length = usize::try_from(i32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        assert!(
            length <= FRAME_BYTES_MAX,
            "a server announced a frame of {length} bytes"
        );
        let frame = rest.get(4..4 + length)?.to_vec();
        self.taken += 4 + length;
        if self.taken == self.bytes.len() {
            self.bytes.clear();
            self.taken = 0;
        }
        Some(frame)
    }

    fn fill(&mut self) -> Result<(), Read> {
        let mut chunk = [0; CHUNK_BYTES];
        match self.stream.read(&mut chunk) {
            Ok(0) => Err(Read::Closed),
            Ok(count) => {
                self.bytes.extend_from_slice(&chunk[..count]);
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(()),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                Err(Read::Silent)
            }
            Err(_) => Err(Read::Closed),
        }
    }
}
