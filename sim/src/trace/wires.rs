//! Which bytes of which connection are which message, and which of them were read.

use super::EventId;
use super::frames::{Saying, between_servers, with_client};
use crate::net::{ConnNumber, Node, Port, Side};
use crate::oracle::wire::Tap;
use std::collections::{BTreeMap, VecDeque};

/// Bytes of a frame's length, and of the sum behind a frame between servers.
const LENGTH_BYTES: usize = 4;
const SUM_BYTES: usize = 4;

/// All connections over which something was said.
#[derive(Clone, Debug, Default)]
pub(super) struct Wires {
    conns: BTreeMap<ConnNumber, Wire>,
    /// Who dialled whom, also of connections that are gone.
    ends: BTreeMap<ConnNumber, (Node, Node)>,
}

#[derive(Clone, Debug, Default)]
struct Wire {
    ways: [Way; 2],
    tap: Tap,
}

/// One direction.
#[derive(Clone, Debug, Default)]
struct Way {
    /// The beginning of a frame whose end was not sent yet.
    rest: Vec<u8>,
    /// Bytes of whole frames that were sent.
    sent: u64,
    /// Bytes that came to the other end's socket, and bytes that it has read.
    arrived: u64,
    read: u64,
    /// Messages that were not read yet: where each ends, and its event.
    under_way: VecDeque<(u64, EventId)>,
}

impl Wires {
    /// Somebody says something over a connection.
    pub(super) fn connected(&mut self, conn: ConnNumber, ends: (Node, Node)) {
        self.ends.insert(conn, ends);
    }

    /// Who dialled whom.
    pub(super) fn ends(&self, conn: ConnNumber) -> Option<(Node, Node)> {
        self.ends.get(&conn).copied()
    }

    /// Bytes are sent; gives what the frames say that are whole now.
    pub(super) fn sent(
        &mut self,
        conn: ConnNumber,
        side: Side,
        port: Port,
        bytes: &[u8],
    ) -> Vec<(u64, Saying)> {
        let wire = self.conns.entry(conn).or_default();
        let way = &mut wire.ways[side.index()];
        way.rest.extend_from_slice(bytes);
        let behind = if port == Port::Client { 0 } else { SUM_BYTES };
        let mut said = Vec::new();
        while let Some(length) = frame_length(&way.rest, behind) {
            let rest = way.rest.split_off(length);
            let frame = std::mem::replace(&mut way.rest, rest);
            way.sent += u64::try_from(length).expect("a length");
            let saying = match port {
                Port::Client => with_client(&mut wire.tap, &frame, side == Side::Dialler),
                Port::Election | Port::Quorum => between_servers(&frame),
            };
            said.push((way.sent, saying));
        }
        said
    }

    /// A message that was just sent has its event now.
    pub(super) fn under_way(&mut self, conn: ConnNumber, side: Side, end: u64, event: EventId) {
        let wire = self.conns.entry(conn).or_default();
        wire.ways[side.index()].under_way.push_back((end, event));
    }

    /// Bytes that `side` sent came to the other end's socket.
    pub(super) fn arrived(&mut self, conn: ConnNumber, side: Side, bytes: usize) {
        if let Some(wire) = self.conns.get_mut(&conn) {
            wire.ways[side.index()].arrived += u64::try_from(bytes).expect("a length");
        }
    }

    /// The other end read bytes that `side` sent; gives the messages that it has whole now.
    pub(super) fn read(&mut self, conn: ConnNumber, side: Side, bytes: usize) -> Vec<EventId> {
        let Some(wire) = self.conns.get_mut(&conn) else {
            return Vec::new();
        };
        let way = &mut wire.ways[side.index()];
        way.read += u64::try_from(bytes).expect("a length");
        let mut whole = Vec::new();
        while let Some((_, event)) = way.under_way.pop_front_if(|(end, _)| *end <= way.read) {
            whole.push(event);
        }
        whole
    }

    /// Looks which connections are gone; gives the messages that will never come.
    pub(super) fn sweep(&mut self, is_gone: impl Fn(ConnNumber) -> bool) -> Vec<EventId> {
        let mut lost = Vec::new();
        self.conns.retain(|conn, wire| {
            if !is_gone(*conn) {
                return true;
            }
            for way in &mut wire.ways {
                let arrived = way.arrived;
                let comes = way
                    .under_way
                    .iter()
                    .filter(|(end, _)| *end <= arrived)
                    .count();
                lost.extend(way.under_way.drain(comes..).map(|(_, event)| event));
            }
            wire.ways.iter().any(|way| !way.under_way.is_empty())
        });
        lost
    }
}

fn frame_length(bytes: &[u8], behind: usize) -> Option<usize> {
    let (length, _) = bytes.split_first_chunk::<LENGTH_BYTES>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let whole = length.checked_add(LENGTH_BYTES + behind)?;
    (whole <= bytes.len()).then_some(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMIT: [u8; 15] = [
        0, 0, 0, 7, 2, 0x0b, 0x82, 0x80, 0x80, 0x80, 0x10, 1, 2, 3, 4,
    ];

    #[test]
    fn a_message_is_read_when_its_last_byte_is() {
        let mut wires = Wires::default();
        assert!(
            wires
                .sent(7, Side::Dialler, Port::Quorum, &COMMIT[..5])
                .is_empty()
        );
        let said = wires.sent(7, Side::Dialler, Port::Quorum, &COMMIT[5..]);
        assert_eq!(said.len(), 1);
        assert_eq!(said[0].1.words, "commit 1.2");
        wires.under_way(7, Side::Dialler, said[0].0, 40);
        assert!(wires.read(7, Side::Dialler, 14).is_empty());
        assert_eq!(wires.read(7, Side::Dialler, 1), [40]);
    }

    #[test]
    fn a_message_that_did_not_come_before_its_connection_was_gone_is_lost() {
        let mut wires = Wires::default();
        for event in [1, 2] {
            let said = wires.sent(7, Side::Accepter, Port::Quorum, &COMMIT);
            wires.under_way(7, Side::Accepter, said[0].0, event);
        }
        wires.arrived(7, Side::Accepter, 20);
        assert!(wires.sweep(|_| false).is_empty());
        assert_eq!(wires.sweep(|_| true), [2]);
        assert_eq!(wires.read(7, Side::Accepter, 15), [1]);
    }
}
