//! The one place that reads a clock.

use tokio::time;
use zk_types::Instant;

/// Turns the runtime's clock into ours, which begins with the client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    origin: time::Instant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Clock {
            origin: time::Instant::now(),
        }
    }

    pub(crate) fn now(self) -> Instant {
        Instant::ZERO + self.origin.elapsed()
    }

    /// Waits until `deadline`, for ever when there is none.
    pub(crate) async fn sleep_until(self, deadline: Option<Instant>) {
        match deadline {
            Some(deadline) => {
                time::sleep_until(self.origin + deadline.since(Instant::ZERO)).await;
            }
            None => std::future::pending().await,
        }
    }
}
