//! What reaches the loop of a server, from all its threads.

use crate::connection::Told;
use crate::lanes::LaneReport;
use replica::{ConnId, PeerPort};
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::sync::mpsc::SyncSender;
use std::thread;
use std::time::Duration;
use zab_core::LinkId;

/// One thing that happened.
#[derive(Debug)]
pub(crate) enum Event {
    Accepted(Listener, TcpStream, SocketAddr),
    AcceptFailed(io::Error),
    Dialled(LinkId, io::Result<TcpStream>),
    Client(ConnId, Told),
    Peer(LinkId, Told),
    Lane(LaneReport),
    Stop,
}

/// Which port a connection came to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Listener {
    Client,
    Peer(PeerPort),
}

/// Accepts on `listener` until nobody listens to `inbox` any more.
pub(crate) fn accept(which: Listener, listener: &TcpListener, inbox: &SyncSender<Event>) {
    loop {
        let event = match listener.accept() {
            Ok((stream, from)) => Event::Accepted(which, stream, from),
            Err(error) => Event::AcceptFailed(error),
        };
        let failed = matches!(event, Event::AcceptFailed(_));
        if inbox.send(event).is_err() {
            return;
        }
        if failed {
            // Most likely no descriptor is left; another try at once would only burn the processor.
            thread::park_timeout(PAUSE_AFTER_FAILURE);
        }
    }
}

/// Looks the name up and connects, trying its addresses in turn.
pub(crate) fn dial(host: &str, port: u16) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, DIAL_TIMEOUT) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(100);
const DIAL_TIMEOUT: Duration = Duration::from_secs(5);
