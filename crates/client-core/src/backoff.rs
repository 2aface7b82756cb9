//! Which server to try next, and when.

use alloc::vec::Vec;
use core::time::Duration;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

/// The servers in an order of this client's own, so that a herd of clients spreads over them.
#[derive(Clone, Debug)]
pub(crate) struct Servers {
    order: Vec<usize>,
    next: usize,
    /// Attempts since a session was last served.
    failures: u32,
    pause_min: Duration,
    pause_max: Duration,
}

impl Servers {
    pub(crate) fn new(
        count: usize,
        pause_min: Duration,
        pause_max: Duration,
        rng: &mut ChaCha8Rng,
    ) -> Self {
        assert!(count > 0, "a client has a server to talk to");
        let mut order: Vec<usize> = (0..count).collect();
        for last in (1..count).rev() {
            order.swap(last, below(rng, last + 1));
        }
        Servers {
            order,
            next: 0,
            failures: 0,
            pause_min,
            pause_max,
        }
    }

    pub(crate) fn count(&self) -> usize {
        self.order.len()
    }

    /// The server to try now; the one after it is next.
    pub(crate) fn take(&mut self) -> usize {
        let server = self.order[self.next];
        self.next = (self.next + 1) % self.order.len();
        server
    }

    pub(crate) fn on_success(&mut self) {
        self.failures = 0;
    }

    pub(crate) fn on_failure(&mut self) {
        self.failures = self.failures.saturating_add(1);
    }

    /// How long to wait before the next attempt: anything up to the least pause within a round,
    /// up to twice as much with each round that found no server.
    pub(crate) fn pause(&self, rng: &mut ChaCha8Rng) -> Duration {
        let count = u32::try_from(self.order.len()).unwrap_or(u32::MAX);
        let rounds = if self.failures.is_multiple_of(count) {
            self.failures / count
        } else {
            0
        };
        let factor = 1_u32.checked_shl(rounds).unwrap_or(u32::MAX);
        let longest = self.pause_min.saturating_mul(factor).min(self.pause_max);
        let micros = u64::try_from(longest.as_micros()).unwrap_or(u64::MAX - 1);
        Duration::from_micros(rng.next_u64() % (micros + 1))
    }
}

fn below(rng: &mut ChaCha8Rng, bound: usize) -> usize {
    let bound = u64::try_from(bound).expect("a number of servers");
    usize::try_from(rng.next_u64() % bound).expect("it is below a number of servers")
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::rand_core::SeedableRng;

    #[test]
    fn every_server_is_tried_once_in_each_round() {
        let mut rng = ChaCha8Rng::from_seed([1; 32]);
        let mut servers = Servers::new(5, Duration::ZERO, Duration::ZERO, &mut rng);
        let mut round: Vec<usize> = (0..5).map(|_| servers.take()).collect();
        let again: Vec<usize> = (0..5).map(|_| servers.take()).collect();
        assert_eq!(round, again);
        round.sort_unstable();
        assert_eq!(round, [0, 1, 2, 3, 4]);
    }

    #[test]
    fn a_pause_grows_by_rounds_and_never_beyond_its_bound() {
        let mut rng = ChaCha8Rng::from_seed([1; 32]);
        let (min, max) = (Duration::from_millis(10), Duration::from_millis(50));
        let mut servers = Servers::new(2, min, max, &mut rng);
        let mut longest = Duration::ZERO;
        for failure in 0..100 {
            let pause = servers.pause(&mut rng);
            assert!(pause <= if failure % 2 == 0 { max } else { min });
            longest = longest.max(pause);
            servers.on_failure();
        }
        assert!(longest > Duration::from_millis(40), "{longest:?}");
        servers.on_success();
        assert!(servers.pause(&mut rng) <= min);
    }
}
