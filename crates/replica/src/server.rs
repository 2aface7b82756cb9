//! The façade.

use crate::api::{Config, Input, Output};
use wal::Disk;
use zk_types::{Instant, WallTime};

/// Why a server cannot start from what its disk holds.
#[derive(Debug, thiserror::Error)]
pub enum StartError<E> {
    /// The disk failed.
    #[error("{0}")]
    Disk(E),
}

/// One whole server.
pub struct Replica;

impl Replica {
    /// Recovers from `disk` and starts. Outputs may be waiting.
    ///
    /// # Errors
    /// When the disk fails, or holds what this server must not start from.
    pub fn start<D: Disk>(
        config: Config,
        disk: &mut D,
        now: Instant,
        wall: WallTime,
    ) -> Result<Replica, StartError<D::Error>> {
        let _ = (config, disk, now, wall);
        Ok(Replica)
    }

    /// Takes one input. The caller drains [`Replica::poll_output`] before the next.
    pub fn handle(&mut self, now: Instant, wall: WallTime, input: Input<'_>) {
        let _ = (now, wall, input);
    }

    /// The next thing to do, until there is none.
    pub fn poll_output(&mut self) -> Option<Output> {
        None
    }

    /// When [`Input::Timeout`] is due.
    pub fn next_deadline(&self) -> Option<Instant> {
        None
    }
}
