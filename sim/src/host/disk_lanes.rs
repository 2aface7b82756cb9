//! The disk at work: two lanes, one operation of each at a time.

use super::words::{op_name, op_words};
use super::{Around, Death, Host, HostEvent, Step, Waiting};
use crate::oracle::broken::{Broken, server_name};
use crate::world::Event;
use std::collections::VecDeque;
use wal::{DiskOp, DiskTask};

/// Length of one copy in a file that keeps its value twice.
const COPY_BYTES: usize = 4096;

#[derive(Default)]
pub(super) struct LaneState {
    pub(super) waiting: VecDeque<DiskTask>,
    /// What is under way, and the last write it may cover.
    pub(super) running: Option<(DiskTask, u64)>,
}

impl Host {
    /// The operation under way in a lane is done.
    pub(crate) fn disk_done(
        &mut self,
        lane: usize,
        around: &mut Around<'_>,
    ) -> Result<Step, Broken> {
        let (task, last_write) = self.lanes[lane]
            .running
            .take()
            .expect("an operation is done once");
        let fails = match task.op {
            DiskOp::Write { .. } | DiskOp::Sync { .. } | DiskOp::Allocate { .. } => {
                self.disk_error_due
            }
            DiskOp::Rename { .. }
            | DiskOp::Remove { .. }
            | DiskOp::SyncDirectory { .. }
            | DiskOp::Read { .. } => false,
        };
        if fails {
            self.lanes[lane].running = Some((task, last_write));
            return Ok(Step::Dies(Death::Disk));
        }
        let bytes = self.disk.finish(&task.op, last_write);
        if let Some(death) = self.dies_with(&task.op) {
            return Ok(Step::Dies(death));
        }
        around.chain.push(
            around.queue.now(),
            22,
            self.name(),
            op_name(&task.op).as_bytes(),
        );
        around.notes.trace(around.queue.now(), || {
            format!("{} disk {}", server_name(self.index), op_words(&task.op))
        });
        if let Some(id) = task.id {
            self.inbox.push_back(Waiting::Disk { id, bytes });
            self.wake(around);
        }
        self.start_op(lane, around)?;
        Ok(Step::Alive)
    }

    pub(super) fn start_op(&mut self, lane: usize, around: &mut Around<'_>) -> Result<(), Broken> {
        let Some(task) = self.lanes[lane].waiting.pop_front() else {
            return Ok(());
        };
        let now = around.queue.now();
        self.disk.begin(&task.op);
        self.copies_are_safe(&task.op)?;
        let knobs = &around.swarm.disk;
        let (low, high) = match task.op {
            DiskOp::Sync { .. } | DiskOp::SyncDirectory { .. } | DiskOp::Allocate { .. } => {
                knobs.sync
            }
            DiskOp::Write { .. }
            | DiskOp::Rename { .. }
            | DiskOp::Remove { .. }
            | DiskOp::Read { .. } => knobs.other,
        };
        let takes = self.disk_dice.range(low, high) * self.disk_slow;
        let done = (now + takes).max(self.disk_stalled_until);
        self.lanes[lane].running = Some((task, self.disk.last_write()));
        let event = Event::Host(self.index, self.process, HostEvent::Disk(lane));
        around.queue.at(done, event);
        Ok(())
    }

    /// Whether it is to die now that this is done.
    fn dies_with(&mut self, op: &DiskOp) -> Option<Death> {
        let (DiskOp::Write { file, .. }
        | DiskOp::Sync { file }
        | DiskOp::Allocate { file, .. }
        | DiskOp::Rename { to: file, .. }
        | DiskOp::Remove { file }) = op
        else {
            return None;
        };
        let (kind, left, death) = self.dies_at_file.as_mut()?;
        if !file.name.starts_with(*kind) {
            return None;
        }
        *left -= 1;
        (*left == 0).then_some(*death)
    }

    /// Of a value that is kept in two copies, one is whole at any time.
    fn copies_are_safe(&self, op: &DiskOp) -> Result<(), Broken> {
        let DiskOp::Write { file, .. } = op else {
            return Ok(());
        };
        let has_copies = ["promise", "manifest"].contains(&file.name.as_str());
        if !has_copies || !self.disk.risks_both_halves(file, COPY_BYTES) {
            return Ok(());
        }
        let name = server_name(self.index);
        let seen = format!("{name} writes both copies of {file:?} at once");
        let rule = "of two copies one is whole at any time";
        Err(Broken::safety(rule, seen).server(self.index))
    }
}
