//! The only place that reads the clocks of the machine.

use std::time::{Duration, SystemTime, UNIX_EPOCH};
use zk_types::{Instant, WallTime};

/// The monotonic clock of one server, counted from its start, and the wall clock.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: std::time::Instant,
}

impl Clock {
    /// A clock that starts now.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock module of the shells"
    )]
    pub fn start() -> Clock {
        Clock {
            origin: std::time::Instant::now(),
        }
    }

    /// The moment it is.
    pub fn now(&self) -> Instant {
        let micros = self.origin.elapsed().as_micros();
        Instant::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
    }

    /// The wall-clock time it is.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock module of the shells"
    )]
    pub fn wall(&self) -> WallTime {
        let since_1970 = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or(Duration::ZERO);
        WallTime(i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX))
    }

    /// The same moment for the timers of the standard library, `None` when it is too far away to
    /// be one.
    pub fn to_std(&self, instant: Instant) -> Option<std::time::Instant> {
        self.origin
            .checked_add(Duration::from_micros(instant.as_micros()))
    }

    /// How long it is until `instant`; nothing when it has passed.
    pub fn until(&self, instant: Instant) -> Duration {
        instant.since(self.now())
    }
}
