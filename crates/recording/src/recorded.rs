//! A replica that may be listened to.

use crate::recorder::Recorder;
use replica::{Config, Input, Output, Replica, StartError};
use wal::Disk;
use zk_types::{Instant, WallTime};

/// A replica as a shell drives it. Whatever goes in or comes out passes here, and is recorded when
/// there is a recorder.
pub struct Recorded {
    replica: Replica,
    recorder: Option<Recorder>,
    batch_ended: bool,
}

impl Recorded {
    /// Recovers and starts; see [`Replica::start`].
    ///
    /// # Errors
    /// Those of [`Replica::start`].
    pub fn start<D: Disk>(
        config: Config,
        disk: &mut D,
        now: Instant,
        wall: WallTime,
        recorder: Option<Recorder>,
    ) -> Result<Recorded, StartError<D::Error>>
    where
        D::Error: core::fmt::Debug + core::fmt::Display,
    {
        let (replica, recorder) = match recorder {
            None => (Replica::start(config, disk, now, wall)?, None),
            Some(mut recorder) => {
                let replica = recorder.start(config, disk, now, wall)?;
                (replica, Some(recorder))
            }
        };
        Ok(Recorded {
            replica,
            recorder,
            batch_ended: true,
        })
    }

    /// See [`Replica::handle`].
    pub fn handle(&mut self, now: Instant, wall: WallTime, input: Input<'_>) {
        if let Some(recorder) = &mut self.recorder {
            recorder.input(now, wall, &input);
            self.batch_ended = matches!(input, Input::BatchEnd);
        }
        self.replica.handle(now, wall, input);
    }

    /// See [`Replica::poll_output`].
    pub fn poll_output(&mut self) -> Option<Output> {
        let output = self.replica.poll_output();
        if let Some(recorder) = &mut self.recorder {
            match &output {
                Some(output) => recorder.output(output),
                None if self.batch_ended => recorder.hand_over(),
                None => {}
            }
        }
        output
    }

    /// See [`Replica::next_deadline`].
    pub fn next_deadline(&self) -> Option<Instant> {
        self.replica.next_deadline()
    }

    /// The replica itself, to look at.
    pub fn replica(&self) -> &Replica {
        &self.replica
    }

    /// Why it is recorded no more, said once.
    pub fn take_reason(&mut self) -> Option<String> {
        self.recorder.as_mut().and_then(Recorder::take_reason)
    }
}
