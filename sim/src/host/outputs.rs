//! What a server wants done, carried out in its order.

use super::words::role_words;
use super::{Around, Host, Purpose, Step};
use crate::net::{ConnNumber, Port, Side};
use crate::oracle::broken::{Broken, server_name};
use crate::oracle::peers::Sending;
use crate::panics;
use crate::trace::Kind;
use replica::{Event as ServerEvent, Output, PeerPort, Reading};
use wal::Lane;

impl Host {
    pub(super) fn effects(&mut self, around: &mut Around<'_>) -> Result<Step, Broken> {
        loop {
            let Some(replica) = self.replica.as_mut() else {
                return Ok(Step::Alive);
            };
            let output = match panics::catch(|| replica.poll_output()) {
                Ok(Some(output)) => output,
                Ok(None) => return Ok(Step::Alive),
                Err(panic) => {
                    let seen = format!("{} panicked: {panic}", server_name(self.index));
                    return Err(Broken::safety("a server never panics", seen).server(self.index));
                }
            };
            self.records.output(&output);
            match &mut self.dies_after {
                Some((0, fate)) => return Ok(Step::Dies(*fate)),
                Some((left, _)) => *left -= 1,
                None => {}
            }
            self.effects += 1;
            self.effect(output, around)?;
        }
    }

    fn effect(&mut self, output: Output, around: &mut Around<'_>) -> Result<(), Broken> {
        let now = around.queue.now();
        let name = self.name();
        match output {
            Output::ClientSend { conn, bytes } => {
                around.chain.push(now, 30, name, &bytes);
                if let Some(conn) = self.conns.get(&conn) {
                    self.record_sending(*conn, Side::Accepter, &bytes, around);
                    around.net.send(*conn, Side::Accepter, bytes);
                }
            }
            Output::ClientClose { conn } => {
                around.chain.push(now, 31, name, &conn.0.to_be_bytes());
                if let Some(number) = self.conns.remove(&conn) {
                    self.purposes.remove(&number);
                    around.judges.closed(number);
                    around.net.close(number, Side::Accepter);
                }
            }
            Output::ClientReading { conn, reading } => {
                if let Some(number) = self.conns.get(&conn) {
                    let reading = reading == Reading::Resumed;
                    around.net.set_reading(*number, Side::Accepter, reading);
                }
            }
            Output::PeerDial { link, to, port } => {
                around.chain.push(now, 32, name, &to.0.to_be_bytes());
                let port = match port {
                    PeerPort::Election => Port::Election,
                    PeerPort::Quorum => Port::Quorum,
                };
                let to = usize::try_from(to.0 - 1).expect("a server's number");
                let conn = around.net.dial(self.index, to, port);
                self.purposes.insert(conn, Purpose::Link(link));
                self.links.insert(link, (conn, Side::Dialler));
            }
            Output::PeerSend { link, bytes } => {
                around.chain.push(now, 33, name, &bytes);
                let Some((conn, side)) = self.links.get(&link).copied() else {
                    let seen = format!("{} sends on {link:?}", server_name(self.index));
                    let rule = "S9 dead link: nothing is said on a link that is over";
                    return Err(Broken::safety(rule, seen).server(self.index));
                };
                self.record_sending(conn, side, &bytes, around);
                self.judge_sending(conn, side, &bytes, around)?;
                around.net.send(conn, side, bytes);
            }
            Output::PeerClose { link } => {
                around.chain.push(now, 34, name, &link.0.to_be_bytes());
                if let Some((conn, side)) = self.links.remove(&link) {
                    self.purposes.remove(&conn);
                    around.net.close(conn, side);
                }
            }
            Output::Disk(task) => {
                let lane = match task.lane {
                    Lane::Log => 0,
                    Lane::Background => 1,
                };
                around
                    .notes
                    .record(|recorder| recorder.disk_asked(self.index, lane));
                self.lanes[lane].waiting.push_back(task);
                if self.lanes[lane].running.is_none() {
                    self.start_op(lane, around)?;
                }
            }
            Output::Event(event) => {
                if let ServerEvent::Note(note) = &event {
                    let known = (now, around.swarm);
                    around.judges.noted(self.index, note, known)?;
                }
                self.event(&event, around);
            }
        }
        Ok(())
    }

    fn record_sending(&self, conn: ConnNumber, side: Side, bytes: &[u8], around: &mut Around<'_>) {
        around.notes.record(|recorder| {
            recorder.sent(self.index, (conn, side), around.net.ends(conn), bytes);
        });
    }

    fn judge_sending(
        &self,
        conn: ConnNumber,
        side: Side,
        bytes: &[u8],
        around: &mut Around<'_>,
    ) -> Result<(), Broken> {
        let Some((dialler, accepter, port)) = around.net.ends(conn) else {
            return Ok(());
        };
        let to = match side {
            Side::Dialler => accepter,
            Side::Accepter => dialler,
        };
        // Whoever sends nonsense on a port for servers is told nothing that matters.
        if to >= around.swarm.servers {
            return Ok(());
        }
        let applied = || {
            let replica = self.replica.as_ref().expect("it sends");
            replica.observe().applied.0
        };
        let sending = Sending {
            applied: &applied,
            incarnation: around.judges.incarnation(self.index),
            patience: self.patience(around.swarm.tick),
            order: around.chain.events(),
            time: around.queue.now(),
            conn,
            port,
            side,
            from: self.index,
            to,
            bytes,
        };
        around.judges.sent(&sending, &self.disk)
    }

    fn event(&mut self, event: &ServerEvent, around: &mut Around<'_>) {
        let now = around.queue.now();
        let words = match event {
            ServerEvent::Role(role) => format!("is {}", role_words(*role)),
            ServerEvent::Note(note) => format!("notes {note:?}"),
            ServerEvent::SnapshotTaken { zxid } => format!("took a snapshot at {zxid:?}"),
            ServerEvent::QuotaPassed(passed) => format!("sees a quota passed: {passed:?}"),
            ServerEvent::ClientUnproven { ip, what } => format!("{ip} did not prove: {what:?}"),
            ServerEvent::PeerSentNonsense { what, .. } => format!("heard nonsense: {what}"),
        };
        around.chain.push(now, 35, self.name(), words.as_bytes());
        let kind = if matches!(event, ServerEvent::Role(_)) {
            Kind::Became
        } else {
            Kind::Note
        };
        around.notes.tell(kind, now, server_name(self.index), words);
    }
}
