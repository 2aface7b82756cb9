//! One socket, client's or peer's: a thread that reads and a thread that writes. They only move
//! bytes.

use replica::Reading;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// What the threads of a connection say.
#[derive(Debug)]
pub(crate) enum Told {
    /// Bytes came.
    Bytes(Vec<u8>),
    /// The socket took this many.
    Sent(usize),
    /// The connection is gone.
    Gone,
}

/// The loop's end of a connection. Dropping it cuts the connection at once.
#[derive(Debug)]
pub(crate) struct Connection {
    cut: Cut,
    writer: Sender<Vec<u8>>,
}

/// Cuts a connection when dropped.
#[derive(Debug)]
pub(crate) struct Cut(Arc<Shared>);

#[derive(Debug)]
pub(crate) struct Shared {
    stream: TcpStream,
    reading: Mutex<Reading>,
    resumed: Condvar,
    cut: AtomicBool,
    unsent: AtomicUsize,
}

impl Connection {
    /// Starts both threads. `tell` returns false when nobody listens any more.
    pub(crate) fn start<T>(stream: TcpStream, tell: T) -> io::Result<Connection>
    where
        T: Fn(Told) -> bool + Clone + Send + 'static,
    {
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(LOOK_UP_FROM_WRITING))?;
        let shared = Arc::new(Shared {
            stream,
            reading: Mutex::new(Reading::Resumed),
            resumed: Condvar::new(),
            cut: AtomicBool::new(false),
            unsent: AtomicUsize::new(0),
        });
        let (writer, queue) = mpsc::channel();
        let threads = || thread::Builder::new().stack_size(STACK_BYTES);
        let (for_reader, tell_read) = (Arc::clone(&shared), tell.clone());
        threads()
            .name("reader".to_owned())
            .spawn(move || for_reader.read(tell_read))?;
        let for_writer = Arc::clone(&shared);
        threads()
            .name("writer".to_owned())
            .spawn(move || for_writer.write(&queue, tell))?;
        Ok(Connection {
            cut: Cut(shared),
            writer,
        })
    }

    /// Queues bytes; returns how many are queued now.
    pub(crate) fn send(&self, bytes: Vec<u8>) -> usize {
        let unsent = self.cut.0.unsent.fetch_add(bytes.len(), Ordering::Relaxed) + bytes.len();
        // A writer that is gone has told so.
        let _ = self.writer.send(bytes);
        unsent
    }

    /// Stops reading, or goes on.
    pub(crate) fn set_reading(&self, reading: Reading) {
        self.cut.0.set_reading(reading);
    }

    /// Lets what is queued leave, then ends the stream. What still comes is read and told, so that
    /// the end does not overtake the bytes, until the returned rest is dropped.
    pub(crate) fn close_after_sending(self) -> Cut {
        self.set_reading(Reading::Resumed);
        self.cut
    }
}

impl Drop for Cut {
    fn drop(&mut self) {
        self.0.cut.store(true, Ordering::Relaxed);
        // It fails when the other end was faster.
        let _ = self.0.stream.shutdown(Shutdown::Both);
        self.0.set_reading(Reading::Resumed);
    }
}

impl Shared {
    fn set_reading(&self, reading: Reading) {
        *self.reading.lock().unwrap_or_else(PoisonError::into_inner) = reading;
        self.resumed.notify_all();
    }

    fn read(&self, tell: impl Fn(Told) -> bool) {
        let mut buffer = vec![0; READ_BYTES];
        loop {
            self.wait_until_reading();
            match (&self.stream).read(&mut buffer) {
                Ok(0) => break,
                Ok(length) => {
                    if !tell(Told::Bytes(buffer[..length].to_vec())) {
                        return;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        tell(Told::Gone);
    }

    fn wait_until_reading(&self) {
        let reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        let paused = |reading: &mut Reading| *reading == Reading::Paused;
        drop(
            self.resumed
                .wait_while(reading, paused)
                .unwrap_or_else(PoisonError::into_inner),
        );
    }

    fn write(&self, queue: &Receiver<Vec<u8>>, tell: impl Fn(Told) -> bool) {
        for bytes in queue {
            if self.write_all(&bytes).is_err() {
                tell(Told::Gone);
                return;
            }
            self.unsent.fetch_sub(bytes.len(), Ordering::Relaxed);
            if !tell(Told::Sent(bytes.len())) {
                return;
            }
        }
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match (&self.stream).write(bytes) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(taken) => bytes = &bytes[taken..],
                Err(error) if is_timeout(&error) && !self.cut.load(Ordering::Relaxed) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted
    )
}

/// How often a writer that is stuck looks whether its connection was cut.
const LOOK_UP_FROM_WRITING: Duration = Duration::from_millis(500);
const READ_BYTES: usize = 16 * 1024;
const STACK_BYTES: usize = 128 * 1024;
