//! One socket, client's or peer's. The loop writes to it without waiting; a task waits until it
//! can be read, or written again, and reads.

use crate::inbox::{Event, SocketId, Told};
use replica::Reading;
use socket2::SockRef;
use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::net::Shutdown;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{Notify, mpsc, oneshot};

/// The loop's end of a connection. Dropping it cuts the connection.
#[derive(Debug)]
pub(crate) struct Connection {
    socket: Arc<OwnedWriteHalf>,
    wishes: Arc<Wishes>,
    unsent: Vec<u8>,
    /// How much of `unsent` the socket has taken.
    taken: usize,
    /// Whether the socket was full at the last try.
    full: bool,
    closing: oneshot::Sender<Vec<u8>>,
}

/// What the loop wants of a task.
#[derive(Debug, Default)]
struct Wishes {
    pause: AtomicBool,
    tell_when_writable: AtomicBool,
    changed: Notify,
}

impl Connection {
    /// Starts the task of a socket.
    pub(crate) fn start(
        stream: TcpStream,
        id: SocketId,
        inbox: mpsc::Sender<Event>,
    ) -> io::Result<Connection> {
        stream.set_nodelay(true)?;
        let (reader, writer) = stream.into_split();
        let socket = Arc::new(writer);
        let wishes = Arc::new(Wishes::default());
        let (closing, on_closing) = oneshot::channel();
        let task = Task {
            id,
            reader,
            socket: Arc::clone(&socket),
            wishes: Arc::clone(&wishes),
            inbox,
        };
        tokio::spawn(task.run(on_closing));
        Ok(Connection {
            socket,
            wishes,
            unsent: Vec::new(),
            taken: 0,
            full: false,
            closing,
        })
    }

    /// Keeps bytes for the next [`Connection::flush`]; returns how many are kept now.
    pub(crate) fn push(&mut self, mut bytes: Vec<u8>) -> usize {
        if self.unsent.is_empty() {
            self.unsent = bytes;
        } else {
            self.unsent.append(&mut bytes);
        }
        self.unsent.len() - self.taken
    }

    /// Writes what the socket takes now, and returns how much that was. When it does not take
    /// all, [`Told::Writable`] will come.
    ///
    /// # Errors
    /// When the connection is broken.
    pub(crate) fn flush(&mut self) -> io::Result<usize> {
        let before = self.taken;
        while !self.full && self.taken < self.unsent.len() {
            match self.socket.try_write(&self.unsent[self.taken..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(bytes) => self.taken += bytes,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.full = true;
                    self.wishes
                        .tell_when_writable
                        .store(true, Ordering::Relaxed);
                    self.wishes.changed.notify_one();
                }
                Err(error) => return Err(error),
            }
        }
        let sent = self.taken - before;
        if self.taken == self.unsent.len() {
            self.unsent = Vec::new();
            self.taken = 0;
        } else if self.taken > COMPACT_BYTES.max(self.unsent.len() / 2) {
            self.unsent.drain(..self.taken);
            self.taken = 0;
        }
        Ok(sent)
    }

    /// The socket takes bytes again.
    pub(crate) fn writable(&mut self) {
        self.full = false;
    }

    /// Stops reading, or goes on.
    pub(crate) fn set_reading(&self, reading: Reading) {
        self.wishes
            .pause
            .store(reading == Reading::Paused, Ordering::Relaxed);
        self.wishes.changed.notify_one();
    }

    /// Lets the task send what is kept, and end the connection.
    pub(crate) fn close_after_sending(mut self) {
        self.unsent.drain(..self.taken);
        // A task that is gone has nobody left to send to.
        let _ = self.closing.send(self.unsent);
    }
}

struct Task {
    id: SocketId,
    reader: OwnedReadHalf,
    socket: Arc<OwnedWriteHalf>,
    wishes: Arc<Wishes>,
    inbox: mpsc::Sender<Event>,
}

impl Task {
    async fn run(mut self, mut closing: oneshot::Receiver<Vec<u8>>) {
        let mut ended = false;
        loop {
            let read = !ended && !self.wishes.pause.load(Ordering::Relaxed);
            let write = self.wishes.tell_when_writable.load(Ordering::Relaxed);
            let told = tokio::select! {
                rest = &mut closing => {
                    if let Ok(rest) = rest {
                        self.close(&rest).await;
                    }
                    return;
                }
                told = read_some(&mut self.reader), if read => Some(told),
                _ = self.socket.writable(), if write => {
                    self.wishes.tell_when_writable.store(false, Ordering::Relaxed);
                    Some(Told::Writable)
                }
                () = self.wishes.changed.notified() => None,
            };
            let Some(told) = told else { continue };
            match &told {
                Told::Gone => ended = true,
                Told::Bytes(_) | Told::Writable => {}
            }
            if self.inbox.send(Event::Socket(self.id, told)).await.is_err() {
                return;
            }
        }
    }

    async fn close(mut self, rest: &[u8]) {
        // Whoever is owed nothing is not waited for: refused connections must not pile up.
        if rest.is_empty() {
            return;
        }
        let orderly = async {
            self.write_all(rest).await?;
            SockRef::from(self.socket.as_ref().as_ref()).shutdown(Shutdown::Write)?;
            // Bytes that arrive at a closed socket would reset the connection and could take the
            // last answer with them.
            while let Told::Bytes(_) = read_some(&mut self.reader).await {}
            io::Result::Ok(())
        };
        // However it ends, it ends.
        let _ = tokio::time::timeout(CLOSE_WAIT, orderly).await;
    }

    async fn write_all(&self, mut rest: &[u8]) -> io::Result<()> {
        while !rest.is_empty() {
            self.socket.writable().await?;
            match self.socket.try_write(rest) {
                Ok(bytes) => rest = &rest[bytes..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Reads what there is. The sockets of a server share the memory into which they are read, so a
/// silent connection holds none, and what is passed on is exactly as long as what came.
async fn read_some(reader: &mut OwnedReadHalf) -> Told {
    poll_fn(|context| {
        SCRATCH.with_borrow_mut(|scratch| {
            scratch.resize(READ_BYTES, 0);
            let mut buffer = ReadBuf::new(scratch);
            match ready!(Pin::new(&mut *reader).poll_read(context, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => {
                    Poll::Ready(Told::Bytes(buffer.filled().to_vec()))
                }
                Ok(()) | Err(_) => Poll::Ready(Told::Gone),
            }
        })
    })
    .await
}

thread_local! {
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// How long a client may take to read the rest of what it was sent.
const CLOSE_WAIT: Duration = Duration::from_secs(5);
const COMPACT_BYTES: usize = 64 * 1024;
const READ_BYTES: usize = 64 * 1024;
