//! The two lanes of a disk: a thread each, running operations in order.

use crate::file_disk::{DiskError, FileDisk};
use std::collections::VecDeque;
use std::io;
use std::mem;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use wal::{Disk, DiskOp, DiskTask, Lane, TaskId};

/// What a lane has to say.
#[derive(Debug)]
pub enum LaneReport {
    /// A task that has an id is done.
    Done {
        /// The task.
        id: TaskId,
        /// What it read; empty but with the room of what was written last, to be used again.
        bytes: Vec<u8>,
    },
    /// There is no space for a task of the background lane; it is tried again, and this is told
    /// each time. The server may go on as long as its log does not wait for it.
    Full(DiskError),
    /// A task failed; the lane has stopped, and so must the server.
    Failed(DiskError),
}

/// The threads of both lanes. Queues are unbounded because a replica bounds what it asks for.
#[derive(Debug)]
pub struct Lanes {
    disk: FileDisk,
    log: Sender<DiskTask>,
    background: Sender<DiskTask>,
    threads: Vec<JoinHandle<()>>,
}

impl Lanes {
    /// Starts both threads. `report` is called on them, and may block for as long as the server
    /// does not wait for a lane.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub fn start<R>(disk: FileDisk, report: R) -> io::Result<Lanes>
    where
        R: Fn(LaneReport) + Clone + Send + 'static,
    {
        let (log, log_tasks) = mpsc::channel();
        let (background, background_tasks) = mpsc::channel();
        let threads = vec![
            spawn("disk-log", disk.clone(), log_tasks, report.clone())?,
            spawn("disk-background", disk.clone(), background_tasks, report)?,
        ];
        Ok(Lanes {
            disk,
            log,
            background,
            threads,
        })
    }

    /// Queues a task behind those of its lane. Dropped when the lane has failed: it reported that.
    pub fn push(&self, task: DiskTask) {
        let lane = match task.lane {
            Lane::Log => &self.log,
            Lane::Background => &self.background,
        };
        let _ = lane.send(task);
    }

    /// Runs out what the lanes still hold, except for long work, and waits for their threads.
    pub fn finish(self) {
        let Lanes {
            disk,
            log,
            background,
            threads,
        } = self;
        disk.stop();
        drop((log, background));
        for thread in threads {
            // A lane that panicked has nothing more to finish.
            let _ = thread.join();
        }
    }
}

fn spawn<R>(
    name: &str,
    disk: FileDisk,
    tasks: Receiver<DiskTask>,
    report: R,
) -> io::Result<JoinHandle<()>>
where
    R: Fn(LaneReport) + Send + 'static,
{
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || run(disk, &tasks, report))
}

fn run(disk: FileDisk, tasks: &Receiver<DiskTask>, report: impl Fn(LaneReport)) {
    let mut lane = LaneThread {
        disk,
        tasks,
        queue: VecDeque::new(),
        report,
    };
    let mut room = Vec::new();
    while let Some(task) = lane.next() {
        if task.lane == Lane::Background && lane.disk.is_stopping() {
            return;
        }
        match lane.run_when_there_is_space(&task) {
            Ok(read) => {
                if let DiskOp::Write { bytes, .. } = task.op {
                    room = bytes;
                    room.clear();
                }
                if let Some(id) = task.id {
                    let bytes = if read.is_empty() {
                        mem::take(&mut room)
                    } else {
                        read
                    };
                    (lane.report)(LaneReport::Done { id, bytes });
                }
            }
            Err(error) => {
                (lane.report)(LaneReport::Failed(error));
                return;
            }
        }
    }
}

struct LaneThread<'a, R> {
    disk: FileDisk,
    tasks: &'a Receiver<DiskTask>,
    /// What came in while a task waited for space.
    queue: VecDeque<DiskTask>,
    report: R,
}

impl<R: Fn(LaneReport)> LaneThread<'_, R> {
    fn next(&mut self) -> Option<DiskTask> {
        self.queue.pop_front().or_else(|| self.tasks.recv().ok())
    }

    /// Runs a task; one of the background lane that only lacks space waits for it.
    fn run_when_there_is_space(&mut self, task: &DiskTask) -> Result<Vec<u8>, DiskError> {
        // What a sync could not place is lost to it: only what writes again may be tried again.
        let may_wait = task.lane == Lane::Background
            && matches!(task.op, DiskOp::Write { .. } | DiskOp::Allocate { .. });
        loop {
            match self.disk.run(&task.op) {
                Err(error) if may_wait && error.is_lack_of_space() && !self.disk.is_stopping() => {
                    (self.report)(LaneReport::Full(error));
                    // Whoever hangs up stops the disk first, so this ends.
                    if let Ok(task) = self.tasks.recv_timeout(SPACE_AGAIN) {
                        self.queue.push_back(task);
                    }
                }
                outcome => return outcome,
            }
        }
    }
}

/// How often it is tried whether there is space.
const SPACE_AGAIN: Duration = Duration::from_millis(250);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data_directory::{DataDirectories, WhenMissing};
    use wal::{Directory, File};

    #[test]
    fn a_lane_keeps_its_order_and_stops_at_the_first_failure() {
        let home = tempfile::tempdir().unwrap();
        let directories =
            DataDirectories::open(home.path(), home.path(), WhenMissing::Create).unwrap();
        let (reports, reported) = mpsc::channel();
        let report = move |report| reports.send(report).unwrap();
        let lanes = Lanes::start(FileDisk::new(directories), report).unwrap();
        let file = File {
            directory: Directory::Log,
            name: "segment".to_owned(),
        };
        let missing = File {
            directory: Directory::Log,
            name: "missing".to_owned(),
        };
        let bytes = b"abc".to_vec();
        let push = |id, op| {
            let lane = Lane::Log;
            lanes.push(DiskTask { lane, op, id });
        };
        push(
            None,
            DiskOp::Write {
                file: file.clone(),
                offset: 0,
                bytes,
            },
        );
        push(
            Some(TaskId(1)),
            DiskOp::Read {
                file: file.clone(),
                offset: 1,
                bytes_max: 9,
            },
        );
        push(Some(TaskId(2)), DiskOp::Sync { file: file.clone() });
        push(Some(TaskId(3)), DiskOp::Sync { file: missing });
        push(Some(TaskId(4)), DiskOp::Sync { file });
        lanes.finish();
        let reports: Vec<LaneReport> = reported.iter().collect();
        match reports.as_slice() {
            [
                LaneReport::Done {
                    id: TaskId(1),
                    bytes,
                },
                LaneReport::Done { id: TaskId(2), .. },
                LaneReport::Failed(error),
            ] => {
                assert_eq!(bytes, b"bc");
                assert!(error.path.ends_with("missing"));
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_background_lane_waits_for_space_and_the_log_lane_does_not() {
        let home = tempfile::tempdir().unwrap();
        let directories =
            DataDirectories::open(home.path(), home.path(), WhenMissing::Create).unwrap();
        let segment = directories.log().join("segment");
        std::os::unix::fs::symlink("/dev/full", &segment).unwrap();
        let (reports, reported) = mpsc::channel();
        let report = move |report| drop(reports.send(report));
        let lanes = Lanes::start(FileDisk::new(directories), report).unwrap();
        let file = |name: &str| File {
            directory: Directory::Log,
            name: name.to_owned(),
        };
        lanes.push(DiskTask {
            lane: Lane::Background,
            op: DiskOp::Allocate {
                file: file("segment"),
                bytes: 10,
            },
            id: Some(TaskId(1)),
        });
        for _ in 0..2 {
            let full = reported.recv().unwrap();
            assert!(matches!(&full, LaneReport::Full(error) if error.is_lack_of_space()));
        }
        std::fs::remove_file(&segment).unwrap();
        let done = reported
            .iter()
            .find(|report| !matches!(report, LaneReport::Full(_)));
        assert!(matches!(done, Some(LaneReport::Done { id: TaskId(1), .. })));
        assert_eq!(std::fs::metadata(&segment).unwrap().len(), 10);

        let other = segment.with_file_name("other");
        std::os::unix::fs::symlink("/dev/full", other).unwrap();
        lanes.push(DiskTask {
            lane: Lane::Log,
            op: DiskOp::Allocate {
                file: file("other"),
                bytes: 10,
            },
            id: None,
        });
        let failed = reported.recv().unwrap();
        assert!(matches!(failed, LaneReport::Failed(_)), "{failed:?}");
        lanes.finish();
    }
}
