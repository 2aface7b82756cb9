//! Watches and session events as streams.

use client_core::{Ticket, WatchedEvent};
use futures::Stream;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::mpsc;

/// The events of one watch.
///
/// A one-shot watch yields one event and ends; a persistent one goes on until it is removed or the
/// session is over. A stream that lags more than [`Watch::EVENTS_MAX`] events behind ends too:
/// read the node again and set a new watch. Dropping the stream gives the watch up.
#[derive(Debug)]
pub struct Watch {
    events: mpsc::Receiver<WatchedEvent>,
    ticket: Ticket,
    dropped: mpsc::UnboundedSender<Ticket>,
}

impl Watch {
    /// How many events may wait to be taken.
    pub const EVENTS_MAX: usize = 1024;

    pub(crate) fn new(
        events: mpsc::Receiver<WatchedEvent>,
        ticket: Ticket,
        dropped: mpsc::UnboundedSender<Ticket>,
    ) -> Self {
        Watch {
            events,
            ticket,
            dropped,
        }
    }
}

impl Stream for Watch {
    type Item = WatchedEvent;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<WatchedEvent>> {
        self.events.poll_recv(cx)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // A driver that is gone has no watches left.
        let _ = self.dropped.send(self.ticket);
    }
}

/// Every event of a session: changes of its state, and whatever its watches see.
///
/// It ends with the session, or when it lags more than [`Watch::EVENTS_MAX`] events behind.
#[derive(Debug)]
pub struct Events {
    events: mpsc::Receiver<WatchedEvent>,
}

impl Events {
    pub(crate) fn new(events: mpsc::Receiver<WatchedEvent>) -> Self {
        Events { events }
    }
}

impl Stream for Events {
    type Item = WatchedEvent;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<WatchedEvent>> {
        self.events.poll_recv(cx)
    }
}
