//! A random walk over what may happen.

use super::events::Event;
use super::{Elections, World};
use crate::interface::{Input, Role, SyncTag};
use core::time::Duration;
use std::vec::Vec;
use zk_types::ServerId;

impl World {
    /// One step of the walk.
    pub(in crate::cluster) fn step(&mut self) {
        self.steps += 1;
        let micros = u64::try_from(self.chance.below(self.setup.step_micros) + 1).unwrap();
        self.now += Duration::from_micros(micros);
        // Faults come in storms, with enough calm between for something to be lost.
        let calm = if self.steps % 400 < 100 { 1 } else { 8 };
        if self.setup.fault_every > 0 && self.chance.one_in(self.setup.fault_every * calm) {
            self.fault();
        }
        self.come_back();
        match self.chance.below(20) {
            0..=2 => self.propose_somewhere(),
            3 => self.sync_somewhere(),
            4 if self.setup.elections == Elections::Adversarial => self.suggest_somewhere(),
            5 if self.chance.one_in(10) => {
                let id = self.anybody();
                self.snapshot(id);
            }
            _ => {
                let events = self.events();
                if events.is_empty() {
                    self.now += Duration::from_millis(5);
                } else {
                    let event = events[self.chance.below(events.len())];
                    if (!self.is_slow(event) || self.chance.one_in(50))
                        && (!self.is_late(event) || self.chance.one_in(300))
                    {
                        self.run(event);
                    }
                }
            }
        }
    }

    /// Whether an end would learn now that the other is gone, and is one that learns it late.
    fn is_late(&self, event: Event) -> bool {
        let Event::Receive(index, side) = event else {
            return false;
        };
        let connection = &self.connections[index];
        connection.queues[side].is_empty() && connection.late[side]
    }

    fn is_slow(&self, event: Event) -> bool {
        let way = match event {
            Event::Receive(index, side) => {
                let connection = &self.connections[index];
                (connection.ends[1 - side].0, connection.ends[side].0)
            }
            Event::Dial(index) => (self.dials[index].0, self.dials[index].2),
            Event::Hear(index) => (self.mesh[index].0, self.mesh[index].1),
            Event::LogWritten(id)
            | Event::PromiseWritten(id)
            | Event::Install(id)
            | Event::Read(id)
            | Event::Snapshot(id) => (id, id),
            Event::Timeout(_) => return false,
        };
        self.slow.contains(&way)
    }

    pub(super) fn anybody(&mut self) -> ServerId {
        ServerId(u64::try_from(self.chance.below(self.nodes.len())).unwrap() + 1)
    }

    fn come_back(&mut self) {
        let steps = self.steps;
        let due: Vec<ServerId> = self
            .nodes
            .iter()
            .filter(|(_, node)| node.down_until.is_some_and(|at| at <= steps))
            .map(|(id, _)| *id)
            .collect();
        due.into_iter().for_each(|id| self.start(id));
    }

    fn propose_somewhere(&mut self) {
        let id = self.anybody();
        let length = self.chance.below(40);
        self.propose(id, length);
    }

    pub(in crate::cluster) fn propose(&mut self, id: ServerId, length: usize) {
        let node = &self.nodes[&id];
        if node
            .zab
            .as_ref()
            .is_some_and(|zab| zab.next_zxid().is_some())
        {
            assert!(matches!(node.role, Role::Leading { .. }));
            let number = u64::try_from(self.steps).unwrap().to_be_bytes();
            let payload: Vec<u8> = number.into_iter().cycle().take(length).collect();
            self.handle(
                id,
                Input::Propose {
                    payload: payload.into(),
                },
            );
        }
    }

    fn sync_somewhere(&mut self) {
        let id = self.anybody();
        self.tags += 1;
        let tag = SyncTag(self.tags);
        let finished = self.oracle.ledger.len();
        let node = self.node(id);
        let behind = finished > node.app.applied;
        if matches!(node.role, Role::Leading { .. } | Role::Following { .. }) {
            if behind && matches!(node.role, Role::Leading { .. }) {
                *self
                    .counts
                    .entry("sync at a deposed leader".into())
                    .or_default() += 1;
            }
            let node = self.node(id);
            node.syncs.insert(tag, finished);
            self.handle(id, Input::Sync { tag });
        }
    }

    fn suggest_somewhere(&mut self) {
        let leader = self.anybody();
        let all = self.chance.one_in(3);
        for _ in 0..if all { self.nodes.len() } else { 1 } {
            let id = self.anybody();
            let now = self.now;
            if let Some(zab) = self.node(id).zab.as_mut() {
                zab.suggest(now, leader);
                self.drain(id);
            }
        }
        // Standing is learnt from notifications, so some are heard.
        if let Some((from, to, notification)) = self.mesh.pop()
            && self.chance.one_in(4)
        {
            self.handle(to, Input::Notification { from, notification });
        }
        self.mesh.truncate(50);
    }
}
