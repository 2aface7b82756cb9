//! The two lanes of a disk: a thread each, running operations in order.

use crate::file_disk::{DiskError, FileDisk};
use std::io;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};
use wal::{Disk, DiskTask, Lane, TaskId};

/// What a lane has to say.
#[derive(Debug)]
pub enum LaneReport {
    /// A task that has an id is done.
    Done {
        /// The task.
        id: TaskId,
        /// What it read.
        bytes: Vec<u8>,
    },
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

fn run(mut disk: FileDisk, tasks: &Receiver<DiskTask>, report: impl Fn(LaneReport)) {
    for task in tasks {
        if task.lane == Lane::Background && disk.is_stopping() {
            return;
        }
        match disk.run(&task.op) {
            Ok(bytes) => {
                if let Some(id) = task.id {
                    report(LaneReport::Done { id, bytes });
                }
            }
            Err(error) => {
                report(LaneReport::Failed(error));
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data_directory::{DataDirectories, WhenMissing};
    use wal::{Directory, DiskOp, File};

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
}
