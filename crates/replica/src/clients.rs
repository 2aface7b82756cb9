//! Client connections as they come, speak, pause and go.

use crate::api::{ConnId, Output, Reading};
use crate::connection::{Connection, ConnectionFacts, Greeted, Phase, Then};
use crate::server::Replica;
use crate::statistics::Statistics;
use alloc::vec::Vec;
use core::mem;
use core::net::IpAddr;
use zk_proto::{FrameDecoder, Incoming};

impl Replica {
    /// Takes a new connection, or refuses one too many.
    pub(crate) fn on_client_connected(&mut self, conn: ConnId, ip: IpAddr, port: u16) {
        self.statistics.connection_count += 1;
        if self.is_one_too_many(ip) {
            self.statistics.connections_rejected += 1;
            self.outputs.push_back(Output::ClientClose { conn });
            return;
        }
        let until = self.now + self.config.limits.greeting;
        let frame_bytes_max = self.config.frame_bytes_max;
        let connection = Connection::new(conn, (ip, port), self.wall, frame_bytes_max, until);
        self.connections.insert(connection);
    }

    /// Takes bytes of a client; requests that may not be taken yet are kept.
    pub(crate) fn on_client_bytes(&mut self, conn: ConnId, bytes: &[u8]) {
        self.statistics.bytes_received += u64::try_from(bytes.len()).expect("a length fits");
        let Some(connection) = self.connections.get_mut(conn) else {
            return;
        };
        if !connection.held.is_empty() {
            connection.held.extend_from_slice(bytes);
            return;
        }
        if self.state.tree.node_count() >= self.config.fetch_nodes_min {
            let frames = connection.decoder.look_ahead(bytes);
            self.state.tree.fetch(frames.filter_map(path_in));
        }
        self.take_frames(conn, bytes);
    }

    /// The client's socket took bytes: there may be room for more requests.
    pub(crate) fn on_client_sent(&mut self, conn: ConnId, bytes: usize) {
        if let Some(connection) = self.connections.get_mut(conn) {
            connection.unsent = connection.unsent.saturating_sub(bytes);
            // A client whose words are not read cannot be heard; that it takes some of what kept it
            // waiting shows that it is alive.
            if let Some(session) = connection.session()
                && connection.reading == Reading::Paused
            {
                self.touch(session);
            }
            self.answer_in_turn(conn);
        }
    }

    /// A client's connection ended from its side.
    pub(crate) fn on_client_closed(&mut self, conn: ConnId) {
        self.statistics.connections_dropped += 1;
        self.forget_connection(conn);
    }

    /// Drops everything known of a connection; its session goes on.
    pub(crate) fn forget_connection(&mut self, conn: ConnId) {
        if let Some(connection) = self.connections.remove(conn) {
            self.outcomes.forget(&connection);
            if connection.throttled.0 > 0 {
                self.throttled.forget(conn);
            }
            if zk_types::mutant!("watches-outlive-their-connection", true, false) {
                self.watches.drop_watcher(conn);
            }
        }
    }

    /// Sends what is owed and closes.
    pub(crate) fn close(&mut self, conn: ConnId) {
        if let Some(connection) = self.connections.get_mut(conn) {
            let bytes = mem::take(&mut connection.out);
            if !bytes.is_empty() {
                count_frames(&bytes, &mut connection.facts, &mut self.statistics);
                self.outputs.push_back(Output::ClientSend { conn, bytes });
            }
            self.outputs.push_back(Output::ClientClose { conn });
            self.forget_connection(conn);
        }
    }

    /// Closes at once: the client does not read what it is owed.
    pub(crate) fn cut(&mut self, conn: ConnId) {
        if let Some(connection) = self.connections.get_mut(conn) {
            connection.out = Vec::new();
            self.close(conn);
        }
    }

    /// Closes every connection: this server may not serve any more.
    pub(crate) fn drop_all_connections(&mut self) {
        for conn in self.connections.ids() {
            self.close(conn);
        }
    }

    /// Closes connections that never said anything.
    pub(crate) fn close_silent_connections(&mut self) {
        while let Some(conn) = self.connections.pop_silent(self.now) {
            self.statistics.silent_connections_closed += 1;
            self.close(conn);
        }
    }

    /// Goes on with connections that had to wait for others.
    pub(crate) fn resume_paused(&mut self) {
        for conn in self.connections.paused() {
            self.resume(conn);
        }
    }

    /// Hands everything gathered for clients to their sockets.
    pub(crate) fn flush_connections(&mut self) {
        for conn in self.connections.take_unflushed() {
            let Some(connection) = self.connections.get_mut(conn) else {
                continue;
            };
            let bytes = connection.take_out();
            connection.unsent += bytes.len();
            count_frames(&bytes, &mut connection.facts, &mut self.statistics);
            self.outputs.push_back(Output::ClientSend { conn, bytes });
        }
    }

    /// Goes on with requests that were kept, as far as there is room.
    pub(crate) fn resume(&mut self, conn: ConnId) {
        let overloaded = self.is_overloaded();
        let Some(connection) = self.connections.get_mut(conn) else {
            return;
        };
        if !connection.may_take_more(overloaded) {
            return;
        }
        let held = mem::take(&mut connection.held);
        if !held.is_empty() {
            self.take_frames(conn, &held);
        }
        let Some(connection) = self.connections.get_mut(conn) else {
            return;
        };
        if connection.held.is_empty() && connection.reading == Reading::Paused {
            connection.reading = Reading::Resumed;
            self.connections.set_resumed(conn);
            self.outputs.push_back(Output::ClientReading {
                conn,
                reading: Reading::Resumed,
            });
        }
    }

    /// What follows an answer that has its place in the stream.
    pub(crate) fn after_answer(&mut self, conn: ConnId, then: Then) {
        match then {
            Then::GoOn => self.connections.mark_unflushed(conn),
            Then::Close => self.close(conn),
        }
    }

    fn take_frames(&mut self, conn: ConnId, mut bytes: &[u8]) {
        let Some(connection) = self.connections.get_mut(conn) else {
            return;
        };
        connection.make_room();
        let mut decoder = mem::replace(&mut connection.decoder, FrameDecoder::for_requests(0));
        while !bytes.is_empty() {
            let overloaded = self.is_overloaded();
            let Some(connection) = self.connections.get_mut(conn) else {
                return;
            };
            if !connection.may_take_more(overloaded) {
                connection.held.extend_from_slice(bytes);
                connection.decoder = decoder;
                self.pause(conn);
                return;
            }
            match decoder.next(&mut bytes) {
                Ok(Some(Incoming::Frame(frame))) => self.on_frame(conn, frame),
                Ok(Some(Incoming::Word(word))) => return self.on_word(conn, word),
                Ok(None) => break,
                Err(_) => return self.close(conn),
            }
        }
        if let Some(connection) = self.connections.get_mut(conn) {
            connection.decoder = decoder;
        }
    }

    fn on_frame(&mut self, conn: ConnId, frame: &[u8]) {
        self.statistics.received += 1;
        let connection = self
            .connections
            .get_mut(conn)
            .expect("it just sent a frame");
        connection.facts.received += 1;
        match connection.phase {
            Phase::Greeting { .. } => self.on_connect_request(conn, frame),
            Phase::Open { session } => self.throttle(conn, session, frame),
            Phase::Opening { .. } => unreachable!("nothing is taken while a session opens"),
        }
    }

    fn pause(&mut self, conn: ConnId) {
        let connection = self
            .connections
            .get_mut(conn)
            .expect("the one that is paused exists");
        if connection.reading == Reading::Resumed {
            connection.reading = Reading::Paused;
            self.connections.set_paused(conn);
            self.outputs.push_back(Output::ClientReading {
                conn,
                reading: Reading::Paused,
            });
        }
    }

    fn is_one_too_many(&self, ip: IpAddr) -> bool {
        let limits = (
            self.config.connections_per_ip_max,
            self.config.connections_max,
        );
        let in_all = u32::try_from(self.connections.len()).unwrap_or(u32::MAX);
        (limits.0 > 0 && self.connections.count_from(ip) >= limits.0)
            || (limits.1 > 0 && in_all >= limits.1)
    }
}

/// What is where most requests have their path.
fn path_in(frame: &[u8]) -> Option<&[u8]> {
    let (length, rest) = frame.get(8..)?.split_first_chunk()?;
    rest.get(..usize::try_from(u32::from_be_bytes(*length)).ok()?)
}

/// Counts the frames that leave to a client: replies and events alike, and their lengths without
/// the four bytes that say it. The first one of a connection grants its session, and its length
/// is no response's.
fn count_frames(mut bytes: &[u8], facts: &mut ConnectionFacts, statistics: &mut Statistics) {
    while let Some((length, rest)) = bytes.split_first_chunk::<4>() {
        let length = usize::try_from(u32::from_be_bytes(*length)).expect("a u32 fits");
        bytes = rest.get(length..).expect("whole frames are sent");
        if facts.greeted == Greeted::Yes {
            statistics.responses.record(length);
            statistics.response_bytes += u64::try_from(length).expect("a length fits");
        }
        facts.greeted = Greeted::Yes;
        facts.sent += 1;
        statistics.sent += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::path_in;

    #[test]
    fn a_path_is_found_where_requests_have_it() {
        let request = |rest: &[u8]| [b"\0\0\0\x09\0\0\0\x04", rest].concat();
        let paths: [(&[u8], Option<&[u8]>); 6] = [
            (b"\0\0\0\x02/a\x01", Some(b"/a")),
            (b"\0\0\0\0", Some(b"")),
            (b"\0\0\0\x03/a", None),
            (b"\xff\xff\xff\xff/a", None),
            (b"\0\0\0", None),
            (b"", None),
        ];
        for (rest, path) in paths {
            assert_eq!(path_in(&request(rest)), path);
        }
        assert_eq!(path_in(b"\0\0\0"), None);
    }
}
