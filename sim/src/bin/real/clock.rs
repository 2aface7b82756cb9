//! The one place where this program reads clocks and waits.
#![expect(
    clippy::disallowed_methods,
    reason = "real servers live in real time; nothing else here reads it"
)]

use sim::Micros;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

/// Time since the beginning.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    began: Instant,
    began_ms: i64,
}

impl Clock {
    /// It is time 0.
    pub(crate) fn start() -> Self {
        let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let wall_ms = wall.unwrap_or_default().as_millis();
        Clock {
            began: Instant::now(),
            began_ms: i64::try_from(wall_ms).unwrap_or(i64::MAX),
        }
    }

    /// What the wall clock showed at time 0, in milliseconds since 1970.
    pub(crate) fn began_ms(&self) -> i64 {
        self.began_ms
    }

    pub(crate) fn now(&self) -> Micros {
        Micros::try_from(self.began.elapsed().as_micros()).unwrap_or(Micros::MAX)
    }

    pub(crate) fn wait(&self, duration: Duration) {
        thread::sleep(duration);
    }
}
