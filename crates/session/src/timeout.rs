//! What timeout a client is granted.

use core::time::Duration;

/// The timeout granted to a client that asks for `requested_ms`, in milliseconds: the nearest value
/// between `min` and `max`. Zero and negative requests are below `min` like any other.
///
/// # Panics
/// When `min` exceeds `max`.
///
/// Source: `client-protocol.md` §2.2; Apache `ZooKeeperServer.java`, `processConnectRequest`.
pub fn negotiate(requested_ms: i32, min: Duration, max: Duration) -> i32 {
    assert!(min <= max, "the shortest timeout is not above the longest");
    requested_ms.clamp(whole_ms(min), whole_ms(max))
}

fn whole_ms(duration: Duration) -> i32 {
    i32::try_from(duration.as_millis()).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_granted_within_the_limits() {
        let granted = |request| {
            negotiate(
                request,
                Duration::from_millis(4_000),
                Duration::from_secs(40),
            )
        };
        assert_eq!(granted(10_000), 10_000);
        assert_eq!(granted(4_000), 4_000);
        assert_eq!(granted(40_001), 40_000);
        for low in [3_999, 0, -1, i32::MIN] {
            assert_eq!(granted(low), 4_000);
        }
    }

    #[test]
    fn a_limit_beyond_the_wire_is_the_largest_the_wire_holds() {
        assert_eq!(negotiate(i32::MAX, Duration::ZERO, Duration::MAX), i32::MAX);
    }
}
