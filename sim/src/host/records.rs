//! Records what a host is told, in the order in which the shell on tokio tells it.

use super::{Around, Host, Purpose, Step, Waiting};
use crate::net::{Told, What};
use crate::oracle::broken::Broken;
use recording::{RecordTo, Recorder, record};
use replica::{Config, Input, Output, Replica, StartError};
use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use wal::Disk;
use zab_core::LinkId;
use zk_types::{Instant, WallTime};

/// Of a host that is not recorded it does nothing.
#[derive(Default)]
pub(super) struct Records {
    directory: Option<PathBuf>,
    recorder: Option<Recorder>,
    up: BTreeSet<LinkId>,
    late: Vec<Told>,
}

impl Clone for Records {
    /// A world that branches off is not recorded.
    fn clone(&self) -> Self {
        Records::default()
    }
}

impl Records {
    pub(super) fn new(directory: PathBuf) -> Records {
        Records {
            directory: Some(directory),
            ..Records::default()
        }
    }

    pub(super) fn start<D: Disk>(
        &mut self,
        config: Config,
        disk: &mut D,
        now: Instant,
        wall: WallTime,
    ) -> Result<Replica, StartError<D::Error>>
    where
        D::Error: core::fmt::Debug + core::fmt::Display,
    {
        self.recorder = self.directory.clone().map(|directory| {
            let bytes_max = u64::MAX;
            let recorder: io::Result<Recorder> = record(&RecordTo {
                directory,
                bytes_max,
            });
            recorder.expect("a directory for recordings can be written")
        });
        match &mut self.recorder {
            None => Replica::start(config, disk, now, wall),
            Some(recorder) => recorder.start(config, disk, now, wall),
        }
    }

    pub(super) fn input(&mut self, now: Instant, wall: WallTime, input: &Input<'_>) {
        if let Some(recorder) = &mut self.recorder {
            if matches!(input, Input::BatchEnd) {
                recorder.hand_over();
            }
            recorder.input(now, wall, input);
        }
    }

    pub(super) fn output(&mut self, output: &Output) {
        if let Some(recorder) = &mut self.recorder {
            recorder.output(output);
        }
    }

    /// The process is over, or is told something that is no input.
    pub(super) fn end(&mut self) {
        self.recorder = None;
        self.up.clear();
        self.late.clear();
    }

    pub(super) fn connected(&mut self, link: LinkId) {
        self.up.insert(link);
    }

    /// Keeps what a shell says after a batch: what its sockets took, and which of them ended.
    pub(super) fn keeps(&mut self, told: &Told, purpose: Option<Purpose>) -> bool {
        let waits = match (&told.what, purpose) {
            (What::Sent(_), _) | (What::Closed, Some(Purpose::Client(_))) => true,
            (What::Closed, Some(Purpose::Link(link))) => self.up.contains(&link),
            (What::Closed, None) | (What::Accepted(_) | What::Connected | What::Bytes(_), _) => {
                false
            }
        };
        let keeps = waits && self.directory.is_some();
        if keeps {
            self.late.push(told.clone());
        }
        keeps
    }

    /// What was kept, ends last.
    pub(super) fn take_late(&mut self) -> Vec<Told> {
        let mut late = std::mem::take(&mut self.late);
        late.sort_by_key(|told| told.what == What::Closed);
        late
    }
}

impl Host {
    pub(super) fn take(
        &mut self,
        waiting: Waiting,
        around: &mut Around<'_>,
    ) -> Result<Step, Broken> {
        if let Waiting::Told(told) = &waiting {
            let purpose = self.purposes.get(&told.conn).copied();
            if self.records.keeps(told, purpose) {
                return Ok(Step::Alive);
            }
        }
        self.take_now(waiting, around)
    }

    /// Says what was kept, as a batch of its own.
    pub(super) fn after_batch(
        &mut self,
        mut step: Step,
        around: &mut Around<'_>,
    ) -> Result<Step, Broken> {
        let late = self.records.take_late();
        let any = !late.is_empty();
        for told in late {
            if step == Step::Alive {
                step = self.take_now(Waiting::Told(told), around)?;
            }
        }
        if any && step == Step::Alive {
            step = self.handle(Input::BatchEnd, around)?;
        }
        Ok(step)
    }
}
