//! What may happen next, and how it happens.

use super::super::disk::InstallEnd;
use super::super::{snapshot_bytes, snapshot_id};
use super::Elections;
use super::{App, Connection, World};
use crate::interface::{Input, LinkId, Ticket};
use std::collections::VecDeque;
use std::vec::Vec;
use zk_types::{Bytes, ServerId, SnapshotMeta, Standing, Zxid};

#[derive(Clone, Copy, Debug)]
pub(super) enum Event {
    Receive(usize, usize),
    Dial(usize),
    Hear(usize),
    LogWritten(ServerId),
    PromiseWritten(ServerId),
    Install(ServerId),
    Read(ServerId),
    Snapshot(ServerId),
    Timeout(ServerId),
}

impl World {
    /// Everything that could happen next, each worth one ticket in the draw.
    pub(super) fn events(&self) -> Vec<Event> {
        let mut events = Vec::new();
        for (index, connection) in self.connections.iter().enumerate() {
            for side in 0..2 {
                let (from, to) = (connection.ends[1 - side].0, connection.ends[side].0);
                let waits = !connection.queues[side].is_empty() || connection.gone[side];
                if connection.open[side] && waits && !self.is_blocked(from, to) {
                    events.push(Event::Receive(index, side));
                }
            }
        }
        events.extend((0..self.dials.len()).map(Event::Dial));
        let heard = self.setup.elections == Elections::Honest || self.healed;
        for (index, (from, to, _)) in self.mesh.iter().enumerate() {
            if heard && !self.is_blocked(*from, *to) {
                events.push(Event::Hear(index));
            }
        }
        for (id, node) in &self.nodes {
            let Some(zab) = &node.zab else {
                continue;
            };
            if !node.disk.log_queue.is_empty() && !self.held.contains(id) {
                events.push(Event::LogWritten(*id));
            }
            if !node.disk.promise_queue.is_empty() {
                events.push(Event::PromiseWritten(*id));
            }
            if node.disk.install.is_some() {
                events.push(Event::Install(*id));
            }
            if !node.disk.reads.is_empty() {
                events.push(Event::Read(*id));
            }
            if node.snapshot_wanted {
                events.push(Event::Snapshot(*id));
            }
            if zab.next_deadline().is_some_and(|at| at <= self.now) {
                events.push(Event::Timeout(*id));
            }
        }
        events
    }

    pub(super) fn run(&mut self, event: Event) {
        match event {
            Event::Receive(index, side) => self.receive(index, side),
            Event::Dial(index) => self.dial(index),
            Event::Hear(index) => {
                let (from, to, notification) = self.mesh.swap_remove(index);
                self.handle(to, Input::Notification { from, notification });
            }
            Event::LogWritten(id) => {
                let waiting = self.node(id).disk.log_queue.len();
                let count = if self.healed {
                    waiting
                } else {
                    1 + self.chance.below(waiting)
                };
                let tickets = self.node(id).disk.complete_log(count);
                self.check_disks();
                self.persisted(id, &tickets);
            }
            Event::PromiseWritten(id) => {
                let waiting = self.node(id).disk.promise_queue.len();
                let count = 1 + self.chance.below(waiting);
                let tickets = self.node(id).disk.complete_promise(count);
                let node = self.node(id);
                if node.disk.image.promise.standing == Standing::Member {
                    node.lost = false;
                }
                self.check_disks();
                self.persisted(id, &tickets);
            }
            Event::Install(id) => self.install(id),
            Event::Read(id) => self.read(id),
            Event::Snapshot(id) => self.snapshot(id),
            Event::Timeout(id) => self.handle(id, Input::Timeout),
        }
    }

    /// A shell may report each write, or the newest of a batch only.
    fn persisted(&mut self, id: ServerId, tickets: &[Ticket]) {
        let first = if self.chance.one_in(2) {
            tickets.len() - 1
        } else {
            0
        };
        for ticket in &tickets[first..] {
            self.handle(id, Input::Persisted { ticket: *ticket });
        }
    }

    fn receive(&mut self, index: usize, side: usize) {
        let connection = &mut self.connections[index];
        let (id, link) = connection.ends[side];
        match connection.queues[side].pop_front() {
            Some(message) => self.handle(id, Input::Message { link, message }),
            None => {
                connection.open[side] = false;
                self.handle(id, Input::Disconnected { link });
            }
        }
    }

    fn dial(&mut self, index: usize) {
        let (from, link, to) = self.dials.swap_remove(index);
        let is_up = self.nodes[&to].zab.is_some();
        if !is_up || self.is_blocked(from, to) || self.is_blocked(to, from) {
            self.handle(from, Input::Disconnected { link });
            return;
        }
        self.accepted += 1;
        let accepted = LinkId(1 << 63 | self.accepted);
        self.dialled.insert((from, link), self.life(to));
        self.connections
            .retain(|connection| connection.open != [false, false]);
        self.connections.push(Connection {
            ends: [(from, link), (to, accepted)],
            queues: [VecDeque::new(), VecDeque::new()],
            open: [true, true],
            gone: [false, false],
            late: [self.chance.one_in(2), self.chance.one_in(2)],
        });
        self.handle(
            to,
            Input::Connected {
                link: accepted,
                peer: from,
            },
        );
        self.handle(from, Input::Connected { link, peer: to });
    }

    fn install(&mut self, id: ServerId) {
        let ended = self.node(id).disk.complete_install();
        let (ticket, end, meta) = ended.expect("an install is under way");
        match end {
            InstallEnd::Done => {
                let applied = self.oracle.position(meta.zxid);
                let node = self.node(id);
                assert!(applied >= node.app.applied, "{id:?} goes back");
                node.app = App {
                    applied,
                    zxid: meta.zxid,
                    chain: meta.chain,
                    segments: meta.segments.clone(),
                };
                assert_eq!(node.disk.image.segments(), meta.segments);
                self.handle(id, Input::Installed { ticket });
            }
            InstallEnd::Failed => self.handle(id, Input::InstallFailed { ticket }),
        }
    }

    fn read(&mut self, id: ServerId) {
        let gone = !self.healed && self.chance.one_in(60);
        let rots = !self.healed && self.chance.one_in(60);
        let short = self.chance.one_in(20);
        let disk = &mut self.node(id).disk;
        let (ticket, file, offset, bytes_max) = disk.reads.pop_front().unwrap();
        if gone {
            disk.image.snapshots.remove(&file);
        }
        if rots && let Some(bytes) = disk.image.snapshots.get_mut(&file) {
            bytes[0] ^= 1;
        }
        let bytes = disk
            .image
            .snapshots
            .get(&file)
            .map_or(Bytes::from([]), |bytes| {
                let from = usize::try_from(offset).unwrap();
                let length = usize::try_from(bytes_max).unwrap();
                let length = if short { 1.max(length / 2) } else { length };
                Bytes::from(&bytes[from..bytes.len().min(from + length)])
            });
        self.handle(id, Input::SnapshotRead { ticket, bytes });
    }

    pub(in crate::cluster) fn snapshot(&mut self, id: ServerId) {
        let length = self.setup.snapshot_bytes;
        let node = self.node(id);
        node.snapshot_wanted = false;
        if node.zab.is_none() || node.app.zxid == Zxid::ZERO || node.disk.install.is_some() {
            return;
        }
        let meta = SnapshotMeta {
            zxid: node.app.zxid,
            chain: node.app.chain,
            segments: node.app.segments.clone(),
        };
        let bytes = snapshot_bytes(meta.chain, length);
        let file = snapshot_id(meta.zxid, &bytes);
        let image = &mut node.disk.image;
        image.snapshots.insert(file, bytes);
        image.base = Some((file, meta.clone()));
        image.records.retain(|record| record.zxid > meta.zxid);
        self.handle(id, Input::SnapshotTaken { id: file, meta });
    }
}
