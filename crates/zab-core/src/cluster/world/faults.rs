//! What goes wrong.

use super::super::disk::{Disk, Image};
use super::{Node, World};
use crate::interface::Role;
use core::time::Duration;
use std::format;
use std::vec::Vec;
use zk_types::{ServerId, Standing};

impl World {
    pub(super) fn fault(&mut self) {
        let id = self.anybody();
        let other = self.anybody();
        match self.chance.below(20) {
            0..=2 => {
                if self.nodes[&id].zab.is_some() {
                    self.crash(id);
                    if self.setup.loss_every > 0 && self.chance.one_in(self.setup.loss_every) {
                        self.lose(id);
                    }
                    let pause = self.chance.pick(&[0, 20, 200, 1000]);
                    self.node(id).down_until = Some(self.steps + pause);
                }
            }
            3 => {
                self.say(|| "all crash".into());
                for id in self.nodes_all() {
                    if self.nodes[&id].zab.is_some() {
                        self.crash(id);
                    }
                    self.node(id).down_until = Some(self.steps);
                }
            }
            4..=6 => {
                if !self.connections.is_empty() {
                    let index = self.chance.below(self.connections.len());
                    self.reset(index);
                }
            }
            7 => {
                self.blocked.insert((id, other));
                if self.chance.one_in(2) {
                    self.blocked.insert((other, id));
                }
            }
            8 | 9 => self.blocked.clear(),
            11 | 12 => {
                self.slow.insert((id, other));
            }
            13 => self.slow.clear(),
            14 => {
                self.slow.clear();
                for other in self.nodes_all() {
                    self.slow.insert((id, other));
                    if self.chance.one_in(2) {
                        self.slow.insert((other, id));
                    }
                }
            }
            15..=18 => self.usurp(),
            10 => {
                let jump = self.chance.pick(&[30, 100, 600, 1500]);
                self.now += Duration::from_millis(jump);
            }
            _ => {
                if !self.mesh.is_empty() {
                    let index = self.chance.below(self.mesh.len());
                    self.mesh.swap_remove(index);
                }
            }
        }
    }

    /// A leader loses its links and learns it late, or not at all for a while.
    pub(super) fn usurp(&mut self) {
        let leads = |node: &Node| {
            matches!(
                node.role,
                Role::Leading { .. } | Role::LeadingPrepare { .. }
            )
        };
        let leaders: Vec<ServerId> = self
            .nodes
            .iter()
            .filter(|(_, node)| leads(node))
            .map(|(id, _)| *id)
            .collect();
        if leaders.is_empty() {
            return;
        }
        let leader = self.chance.pick(&leaders);
        self.say(|| format!("usurp {leader:?}"));
        for index in 0..self.connections.len() {
            let ends = self.connections[index].ends;
            if let Some(side) = ends.iter().position(|(id, _)| *id == leader) {
                if self.chance.one_in(4) {
                    continue;
                }
                self.reset(index);
                self.connections[index].late[side] = true;
                self.connections[index].late[1 - side] = false;
            }
        }
        if self.chance.one_in(2) {
            for id in self.nodes_all().filter(|id| *id != leader) {
                self.slow.insert((id, leader));
                self.slow.insert((leader, id));
            }
        }
        for length in 0..self.chance.below(4) {
            self.propose(leader, length);
        }
    }

    pub(super) fn reset(&mut self, index: usize) {
        let connection = &mut self.connections[index];
        for side in 0..2 {
            connection.gone[side] = true;
            let kept = self.chance.below(connection.queues[side].len() + 1);
            connection.queues[side].truncate(kept);
        }
    }

    /// A disk is wiped, or loses the end of its log, when the ensemble can bear it.
    pub(super) fn lose(&mut self, id: ServerId) {
        let bearable = (self.nodes.len() - 1) / 2;
        let lost = self
            .nodes
            .iter()
            .filter(|(other, node)| **other != id && node.lost)
            .count();
        let node = self.nodes.get_mut(&id).unwrap();
        if lost + 1 > bearable || node.disk.image.promise.standing == Standing::Fresh {
            return;
        }
        node.lost = true;
        if self.chance.one_in(2) {
            node.wipes += 1;
            node.disk = Disk::new(Image::empty());
        } else {
            let kept = self.chance.below(node.disk.image.records.len() + 1);
            node.disk.image.records.truncate(kept);
            if node.disk.image.promise.standing == Standing::Member {
                node.disk.image.promise.standing = Standing::Damaged;
            }
        }
        let wipes = node.wipes;
        self.check_disks();
        self.say(|| format!("{id:?} lost data, wipes {wipes}"));
    }
}
