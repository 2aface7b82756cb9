//! The disk at work: two lanes, one operation of each at a time.

use super::words::{op_name, op_words};
use super::{Around, Death, Host, HostEvent, Step, Waiting};
use crate::disk::Failure;
use crate::nemesis::Fate;
use crate::noise::Domain;
use crate::oracle::broken::{Broken, server_name};
use crate::queue::Micros;
use crate::world::Event;
use replica::Replica;
use std::collections::VecDeque;
use std::mem;
use wal::{DiskOp, DiskTask};

/// How often the background lane tries whether there is space.
const SPACE_AGAIN: Micros = 250_000;

/// Stands for the files that go when a log is cut, whatever their names.
pub(crate) const CUT: &str = "cut";

/// Length of one copy in a file that keeps its value twice.
const COPY_BYTES: usize = 4096;

#[derive(Clone, Default)]
pub(super) struct LaneState {
    pub(super) waiting: VecDeque<DiskTask>,
    pub(super) running: Option<Running>,
    /// Operations that began since the server started.
    begun: u64,
    /// The room of what was written last, which is handed back as the shells do.
    room: Vec<u8>,
}

/// An operation under way.
#[derive(Clone, Debug)]
pub(super) struct Running {
    task: DiskTask,
    /// The last write it may cover.
    last_write: u64,
    since: Micros,
    failure: Option<Failure>,
}

impl Running {
    /// The operation, if a death in its middle may leave a part of it.
    pub(super) fn what_may_be_left(self) -> Option<DiskOp> {
        let is_allocation = matches!(self.task.op, DiskOp::Allocate { .. });
        (self.failure.is_none() || is_allocation).then_some(self.task.op)
    }
}

impl Host {
    /// The operation under way in a lane is done.
    pub(crate) fn disk_done(
        &mut self,
        lane: usize,
        around: &mut Around<'_>,
    ) -> Result<Step, Broken> {
        let running = self.lanes[lane]
            .running
            .take()
            .expect("an operation is done once");
        if let Some(failure) = running.failure {
            if self.waits_for_space(lane, failure, &running.task.op) {
                self.try_again(lane, running, around);
                return Ok(Step::Alive);
            }
            let words = format!("cannot {}: {failure}", op_words(&running.task.op));
            around
                .notes
                .add(around.queue.now(), server_name(self.index), words);
            self.lanes[lane].running = Some(running);
            let fate = self.fate_of_disk(Death::Disk, around.swarm);
            return Ok(Step::Dies(fate));
        }
        self.count_inversion(lane, &running);
        let Running {
            task, last_write, ..
        } = running;
        let bytes = self.disk.finish(&task.op, last_write);
        if let Some(fate) = self.dies_with(lane, &task.op) {
            return Ok(Step::Dies(fate));
        }
        around.chain.push(
            around.queue.now(),
            22,
            self.name(),
            op_name(&task.op).as_bytes(),
        );
        around.notes.record(|recorder| {
            recorder.disk_done(self.index, lane, op_words(&task.op), task.id);
        });
        let room = &mut self.lanes[lane].room;
        if let DiskOp::Write { bytes, .. } = task.op {
            *room = bytes;
            room.clear();
        }
        if let Some(id) = task.id {
            let bytes = if bytes.is_empty() {
                mem::take(room)
            } else {
                bytes
            };
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
        if let DiskOp::Rename { from: file, .. }
        | DiskOp::Recycle { from: file, .. }
        | DiskOp::Remove { file } = &task.op
        {
            around.judges.goes(self.index, &self.disk, file)?;
        }
        let failure = self.disk.begin(&task.op).err();
        self.copies_are_safe(&task.op)?;
        let knobs = &around.swarm.disk;
        let (low, high) = match task.op {
            DiskOp::Sync { .. }
            | DiskOp::Truncate { .. }
            | DiskOp::SyncDirectory { .. }
            | DiskOp::Allocate { .. } => knobs.sync,
            DiskOp::Write { .. }
            | DiskOp::Rename { .. }
            | DiskOp::Recycle { .. }
            | DiskOp::Remove { .. }
            | DiskOp::Read { .. } => knobs.other,
        };
        let lane_name = u64::try_from(lane).expect("two lanes");
        let key = (self.start_name() << 1 | lane_name, self.lanes[lane].begun);
        self.lanes[lane].begun += 1;
        let takes = around.noise.range(Domain::Disk, key, low, high) * self.disk_slow;
        let done = (now + takes).max(self.disk_stalled_until[lane]);
        self.lanes[lane].running = Some(Running {
            task,
            last_write: self.disk.last_write(),
            since: now,
            failure,
        });
        let event = Event::Host(self.index, self.process, HostEvent::Disk(lane));
        around.queue.at(done, event);
        Ok(())
    }

    /// As the shells have it: the background lane waits for space, unless its server is stuck.
    fn waits_for_space(&self, lane: usize, failure: Failure, op: &DiskOp) -> bool {
        let writes = matches!(op, DiskOp::Write { .. } | DiskOp::Allocate { .. });
        let is_stuck = |replica: &Replica| replica.is_stuck_without_space();
        lane == 1
            && failure == Failure::Full
            && writes
            && !self.replica.as_ref().is_some_and(is_stuck)
    }

    fn try_again(&mut self, lane: usize, mut running: Running, around: &mut Around<'_>) {
        self.disk.count_if(true, "waited for space");
        running.failure = self.disk.begin(&running.task.op).err();
        running.last_write = self.disk.last_write();
        self.lanes[lane].running = Some(running);
        let event = Event::Host(self.index, self.process, HostEvent::Disk(lane));
        around.queue.after(SPACE_AGAIN, event);
    }

    /// A sync that is done before one of the other lane that began earlier.
    fn count_inversion(&mut self, lane: usize, done: &Running) {
        let other = self.lanes[1 - lane].running.as_ref();
        let syncs = |running: &Running| {
            matches!(
                running.task.op,
                DiskOp::Sync { .. } | DiskOp::Truncate { .. }
            )
        };
        let is_late = other.is_some_and(|other| syncs(other) && other.since < done.since);
        let is_inverted = syncs(done) && is_late;
        self.disk.count_if(is_inverted, "sync order inverted");
    }

    /// Whether it is to die now that this is done.
    fn dies_with(&mut self, lane: usize, op: &DiskOp) -> Option<Fate> {
        let cuts = match op {
            DiskOp::Rename { from: file, .. }
            | DiskOp::Recycle { from: file, .. }
            | DiskOp::Remove { file } => lane == 0 && file.name.starts_with("log."),
            DiskOp::Write { .. }
            | DiskOp::Sync { .. }
            | DiskOp::Truncate { .. }
            | DiskOp::Allocate { .. }
            | DiskOp::SyncDirectory { .. }
            | DiskOp::Read { .. } => false,
        };
        let name = match op {
            DiskOp::Write { file, .. }
            | DiskOp::Sync { file }
            | DiskOp::Truncate { file, .. }
            | DiskOp::Allocate { file, .. }
            | DiskOp::Rename { to: file, .. }
            | DiskOp::Recycle { to: file, .. }
            | DiskOp::Remove { file } => file.name.as_str(),
            // Every operation is meant where no kind of file is.
            DiskOp::SyncDirectory { .. } | DiskOp::Read { .. } => "",
        };
        let (kind, left, fate) = self.dies_at_file.as_mut()?;
        let is_meant = if kind == CUT {
            cuts
        } else {
            name.starts_with(kind.as_str())
        };
        if !is_meant {
            return None;
        }
        *left -= 1;
        (*left == 0).then_some(*fate)
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
