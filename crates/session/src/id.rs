//! New session ids.

use crate::Sessions;
use crate::id_hash::mix;
use zk_types::{ServerId, SessionId, WallTime};

/// Mints session ids of the shape `[8 bits server][40 bits clock][16 bits counter]`.
///
/// The low 56 bits start at the wall clock in milliseconds, shifted left by 16, **plus** a hash of a
/// value that no other start of this server had, and then count up by one. Either input alone keeps
/// the runs of a server apart: when the clock moves, ranges that start within one millisecond of
/// each other have 65 536 ids of room; when it stands still or steps back, two runs of n ids each
/// overlap with a chance of n in 2^55. The counter wraps within its 56 bits, so that it never
/// carries into the server's byte.
///
/// Source: `client-protocol.md` §2.3 and §14; `zab.md` §15.
#[derive(Clone, Debug)]
pub struct IdGenerator {
    server: u64,
    next: u64,
}

const COUNTER_MASK: u64 = (1 << 56) - 1;

impl IdGenerator {
    /// A generator for this run of `server`. `wall` is the time of its start; `restart` is a value
    /// that no other start of the server had, such as a draw from a seed that is new at each start.
    ///
    /// # Panics
    /// When `server` is not 1 to 255.
    pub fn new(server: ServerId, wall: WallTime, restart: u64) -> Self {
        IdGenerator::starting_at(server, wall.0.cast_unsigned(), mix(restart))
    }

    /// The next id. It is not in `sessions`, nor 0, nor `0x8000000000000000`, which mean "no
    /// session" and "container" elsewhere.
    pub fn next(&mut self, sessions: &Sessions) -> SessionId {
        loop {
            let id = SessionId((self.server << 56 | self.next).cast_signed());
            self.next = (self.next + 1) & COUNTER_MASK;
            if id != SessionId::NONE && id.0 != i64::MIN && !sessions.contains(id) {
                return id;
            }
        }
    }

    fn starting_at(server: ServerId, clock_ms: u64, offset: u64) -> Self {
        assert!(
            (1..=255).contains(&server.0),
            "a server's number fits a byte and is not zero"
        );
        let next = (clock_ms << 16).wrapping_add(offset) & COUNTER_MASK;
        IdGenerator {
            server: server.0,
            next,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn first(server: u64, clock_ms: u64, offset: u64) -> SessionId {
        IdGenerator::starting_at(ServerId(server), clock_ms, offset).next(&Sessions::new())
    }

    #[test]
    fn the_shape_is_that_of_apache() {
        assert_eq!(first(5, 0x13_7042, 0), SessionId(0x0500_0013_7042_0000));
        assert_eq!(
            first(128, 0x13_7042, 0).0.cast_unsigned(),
            0x8000_0013_7042_0000
        );
        assert_eq!(
            first(5, 0xfff0_0000_0013_7042, 0),
            SessionId(0x0500_0013_7042_0000)
        );
    }

    #[test]
    fn the_mark_of_a_container_is_never_given_out() {
        assert_eq!(first(128, 0, 0).0.cast_unsigned(), 0x8000_0000_0000_0001);
    }

    #[test]
    fn a_full_counter_leaves_the_byte_of_the_server_alone() {
        let mut ids = IdGenerator::starting_at(ServerId(7), 0, COUNTER_MASK);
        assert_eq!(ids.next(&Sessions::new()), SessionId(0x07ff_ffff_ffff_ffff));
        assert_eq!(ids.next(&Sessions::new()), SessionId(0x0700_0000_0000_0000));
    }

    #[test]
    fn an_open_session_is_never_given_out_again() {
        let open = Sessions::from_entries((0..3).map(|id| (SessionId(1 << 56 | id), 4_000)));
        let mut ids = IdGenerator::starting_at(ServerId(1), 0, 0);
        assert_eq!(ids.next(&open), SessionId(1 << 56 | 3));
    }

    #[test]
    fn ids_do_not_repeat_across_restarts_while_the_clock_stands_still() {
        let mut seen = BTreeSet::new();
        for restart in 0..100 {
            let mut ids = IdGenerator::new(ServerId(1), WallTime(1_700_000_000_000), restart);
            for _ in 0..100 {
                assert!(seen.insert(ids.next(&Sessions::new())));
            }
        }
    }

    #[test]
    fn ids_do_not_repeat_across_restarts_with_the_same_seed_while_the_clock_moves() {
        let mut seen = BTreeSet::new();
        for restart in 0..100 {
            let mut ids = IdGenerator::new(ServerId(1), WallTime(1_700_000_000_000 + restart), 42);
            for _ in 0..100 {
                assert!(seen.insert(ids.next(&Sessions::new())));
            }
        }
    }
}
