//! What scripts do to a world, and what they see of it.

use super::super::disk::{Disk, Image};
use super::{Connection, Node, World};
use crate::interface::{Input, Role, SyncTag};
use crate::zab::Zab;
use core::time::Duration;
use std::collections::VecDeque;
use std::format;
use std::vec::Vec;
use zk_types::{Epoch, ServerId, SnapshotId, Standing, Zxid};

impl World {
    /// Ends all faults and lets everything come to rest.
    pub(in crate::cluster) fn heal(&mut self) {
        self.say(|| "heal".into());
        self.healed = true;
        self.blocked.clear();
        self.mesh.clear();
        for id in self.nodes_all() {
            if self.nodes[&id].zab.is_none() {
                self.start(id);
            }
        }
    }

    /// Runs without faults until `done` or for `limit` of simulated time; says whether it was done.
    pub(in crate::cluster) fn settle(
        &mut self,
        limit: Duration,
        done: impl Fn(&World) -> bool,
    ) -> bool {
        let end = self.now + limit;
        while self.now < end {
            self.steps += 1;
            if done(self) {
                return true;
            }
            let events = self.events();
            match events.first() {
                Some(_) => {
                    let event = events[self.chance.below(events.len())];
                    self.now += Duration::from_micros(20);
                    self.run(event);
                }
                None => {
                    let zabs = self.nodes.values().filter_map(|node| node.zab.as_ref());
                    let next = zabs.filter_map(Zab::next_deadline).min();
                    self.now = next.unwrap_or(end).max(self.now);
                }
            }
        }
        done(self)
    }

    /// Whether enough disks remember enough to make a quorum. With some wiped, and others that crashed
    /// while the ensemble was founded, it may be that they do not.
    pub(in crate::cluster) fn can_come_to_rest(&self) -> bool {
        let fresh = |node: &Node| node.disk.image.promise.standing == Standing::Fresh;
        let entitled = |node: &Node| {
            node.disk.image.promise.standing == Standing::Member
                || fresh(node) && node.disk.image.last() > Zxid::ZERO
        };
        let count = self.nodes.values().filter(|node| entitled(node)).count();
        self.nodes.values().all(fresh) || count * 2 > self.nodes.len()
    }

    /// Whether one server leads, all others follow it, all are members and have applied the same.
    pub(in crate::cluster) fn is_at_rest(&self) -> bool {
        let leads = |role: Role| match role {
            Role::Leading { epoch } => Some(epoch),
            Role::Looking
            | Role::LeadingPrepare { .. }
            | Role::FollowingPrepare { .. }
            | Role::Following { .. } => None,
        };
        let leaders: Vec<(ServerId, Epoch)> = self
            .nodes
            .iter()
            .filter_map(|(id, node)| Some((*id, leads(node.role)?)))
            .collect();
        let [(leader, epoch)] = leaders[..] else {
            return false;
        };
        self.nodes.iter().all(|(id, node)| {
            (*id == leader || node.role == Role::Following { leader, epoch })
                && node.app.applied == self.oracle.ledger.len()
                && node.disk.image.last() == node.app.zxid
                && node
                    .zab
                    .as_ref()
                    .is_some_and(|zab| zab.summary().last == node.app.zxid)
                && node.disk.image.promise.standing == Standing::Member
                && node.syncs.is_empty()
                && (*id != leader || node.zab.as_ref().is_some_and(|z| z.next_zxid().is_some()))
        })
    }

    /// Connections whose ends both take something.
    pub(in crate::cluster) fn links(&self) -> usize {
        let is_whole = |connection: &&Connection| {
            connection.open == [true, true] && connection.gone == [false, false]
        };
        self.connections.iter().filter(is_whole).count()
    }

    pub(in crate::cluster) fn leader(&self) -> Option<ServerId> {
        let leads = |node: &Node| matches!(node.role, Role::Leading { .. });
        self.nodes
            .iter()
            .find(|(_, node)| leads(node))
            .map(|(id, _)| *id)
    }

    pub(in crate::cluster) fn crash_and_stay_down(&mut self, id: ServerId) {
        self.crash(id);
        let node = self.node(id);
        node.role = Role::Looking;
        node.down_until = None;
    }

    pub(in crate::cluster) fn wipe(&mut self, id: ServerId) {
        let node = self.node(id);
        assert!(node.zab.is_none());
        node.wipes += 1;
        node.lost = true;
        node.disk = Disk::new(Image::empty());
    }

    pub(in crate::cluster) fn role(&self, id: ServerId) -> Role {
        self.nodes[&id].role
    }

    pub(in crate::cluster) fn standing(&self, id: ServerId) -> Standing {
        self.nodes[&id].disk.image.promise.standing
    }

    pub(in crate::cluster) fn block(&mut self, a: ServerId, b: ServerId) {
        self.blocked.insert((a, b));
        self.blocked.insert((b, a));
    }

    pub(in crate::cluster) fn picture(&self) -> std::string::String {
        let mut picture = std::string::String::new();
        for (id, node) in &self.nodes {
            let summary = node.zab.as_ref().map(Zab::summary);
            picture += &format!("{id:?}: {summary:?}\n");
        }
        picture
    }

    /// All links between two servers are gone, and `unaware` does not learn it.
    pub(in crate::cluster) fn cut_unaware(&mut self, unaware: ServerId, other: ServerId) {
        let mut aware = Vec::new();
        for connection in &mut self.connections {
            let ends = connection.ends.map(|(id, _)| id);
            if let Some(side) = ends.iter().position(|id| *id == unaware)
                && ends[1 - side] == other
                && connection.open[1 - side]
            {
                connection.queues = [VecDeque::new(), VecDeque::new()];
                connection.open[1 - side] = false;
                aware.push(connection.ends[1 - side]);
            }
        }
        for (id, link) in aware {
            self.handle(id, Input::Disconnected { link });
        }
    }

    pub(in crate::cluster) fn hold_disk(&mut self, id: ServerId) {
        self.held.insert(id);
    }

    pub(in crate::cluster) fn free_disk(&mut self, id: ServerId) {
        self.held.remove(&id);
    }

    pub(in crate::cluster) fn unblock_all(&mut self) {
        self.blocked.clear();
    }

    /// Asks for a sync; it must see everything that is applied anywhere now.
    pub(in crate::cluster) fn sync(&mut self, id: ServerId) {
        self.tags += 1;
        let tag = SyncTag(self.tags);
        let finished = self.oracle.ledger.len();
        self.node(id).syncs.insert(tag, finished);
        self.handle(id, Input::Sync { tag });
    }

    pub(in crate::cluster) fn suggest(&mut self, id: ServerId, leader: ServerId) {
        let now = self.now;
        self.node(id)
            .zab
            .as_mut()
            .expect("it runs")
            .suggest(now, leader);
        self.drain(id);
    }

    pub(in crate::cluster) fn summary(&self, id: ServerId) -> Option<crate::summary::Summary> {
        self.nodes[&id].zab.as_ref().map(Zab::summary)
    }

    pub(in crate::cluster) fn snapshots_of(&self, id: ServerId) -> Vec<SnapshotId> {
        self.nodes[&id]
            .disk
            .image
            .snapshots
            .keys()
            .copied()
            .collect()
    }
}
