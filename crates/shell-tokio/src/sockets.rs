//! Tasks that accept and dial.

use crate::inbox::{Event, Listener};
use std::io;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream, lookup_host};
use tokio::sync::mpsc;
use tokio::time;
use zab_core::LinkId;

/// Accepts until nobody listens to `inbox` any more.
pub(crate) async fn accept(which: Listener, listener: TcpListener, inbox: mpsc::Sender<Event>) {
    loop {
        let event = match listener.accept().await {
            Ok((stream, from)) => Event::Accepted(which, stream, from),
            Err(error) => {
                // Most likely no descriptor is left; another try at once would burn the processor.
                time::sleep(PAUSE_AFTER_FAILURE).await;
                Event::AcceptFailed(error)
            }
        };
        if inbox.send(event).await.is_err() {
            return;
        }
    }
}

/// Looks the name up, connects, and tells the loop how that went.
pub(crate) async fn dial(link: LinkId, host: String, port: u16, inbox: mpsc::Sender<Event>) {
    let outcome = match time::timeout(DIAL_TIMEOUT, connect(&host, port)).await {
        Ok(outcome) => outcome,
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    };
    // A loop that is gone wants no link.
    let _ = inbox.send(Event::Dialled(link, outcome)).await;
}

async fn connect(host: &str, port: u16) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in lookup_host((host, port)).await? {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Counts descriptors now and then.
pub(crate) async fn report_descriptors(inbox: mpsc::Sender<Event>) {
    let mut due = time::interval(DESCRIPTORS_EVERY);
    loop {
        due.tick().await;
        let Some((open, limit)) = crate::descriptors::count().await else {
            return;
        };
        if inbox.send(Event::Descriptors(open, limit)).await.is_err() {
            return;
        }
    }
}

const DIAL_TIMEOUT: Duration = Duration::from_secs(5);
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(100);
const DESCRIPTORS_EVERY: Duration = Duration::from_secs(10);
