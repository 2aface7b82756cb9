//! When sessions expire, and whose requests are taken.

#[path = "support/model.rs"]
mod model;
#[path = "support/steps.rs"]
mod steps;

use core::time::Duration;
use proptest::prelude::*;
use session::{Expiry, Liveness, Owners, Refusal, Sessions};
use zk_types::{ErrorCode, Instant, ServerId, SessionId};

const SECOND: Duration = Duration::from_secs(1);

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn deadlines_and_owners_agree_with_a_plain_map(steps in steps::steps()) {
        prop_assert_eq!(model::run(&steps), Ok(()));
    }
}

#[test]
fn a_session_expires_after_its_timeout_and_within_a_tick_of_it() {
    let mut expiry = Expiry::new(2 * SECOND, Instant::ZERO);
    expiry.track(SessionId(1), 4_000, Instant::from_millis(730));
    assert_eq!(expiry.next_deadline(), Some(Instant::from_millis(6_000)));
    expiry.track(SessionId(2), 4_000, Instant::from_millis(2_000));
    assert!(expiry.expire(Instant::from_millis(5_999)).is_empty());
    assert_eq!(expiry.expire(Instant::from_millis(6_000)), [SessionId(1)]);
    assert_eq!(expiry.next_deadline(), Some(Instant::from_millis(8_000)));
}

#[test]
fn sessions_that_are_due_together_come_by_deadline_and_then_by_id() {
    let mut expiry = Expiry::new(SECOND, Instant::ZERO);
    for (id, timeout_ms) in [(3, 1_000), (9, 0), (1, 1_000), (2, 5_000), (-4, 1_000)] {
        expiry.track(SessionId(id), timeout_ms, Instant::ZERO);
    }
    let due: Vec<i64> = expiry
        .expire(Instant::from_millis(2_000))
        .into_iter()
        .map(|id| id.0)
        .collect();
    assert_eq!(due, [9, -4, 1, 3]);
}

#[test]
fn a_session_that_is_due_is_closing_and_cannot_be_touched_back() {
    let mut expiry = Expiry::new(SECOND, Instant::ZERO);
    expiry.track(SessionId(1), 1_000, Instant::ZERO);
    assert_eq!(expiry.liveness(SessionId(1)), Liveness::Live);
    assert_eq!(expiry.expire(Instant::from_millis(60_000)), [SessionId(1)]);
    assert_eq!(expiry.liveness(SessionId(1)), Liveness::Closing);
    assert!(!expiry.touch(SessionId(1), Instant::from_millis(60_000)));
    expiry.track(SessionId(1), 1_000, Instant::from_millis(60_000));
    assert_eq!(expiry.liveness(SessionId(1)), Liveness::Closing);
    assert_eq!(expiry.next_deadline(), None);
    expiry.forget(SessionId(1));
    assert_eq!(expiry.liveness(SessionId(1)), Liveness::Unknown);
}

#[test]
fn a_new_leader_gives_every_session_its_full_timeout_even_a_closing_one() {
    let sessions = Sessions::from_entries([(SessionId(1), 1_000), (SessionId(2), 9_000)]);
    let mut expiry = Expiry::new(SECOND, Instant::ZERO);
    expiry.restart_all(&sessions, Instant::ZERO);
    assert_eq!(expiry.expire(Instant::from_millis(2_000)), [SessionId(1)]);
    expiry.restart_all(&sessions, Instant::from_millis(50_000));
    assert!(expiry.expire(Instant::from_millis(51_000)).is_empty());
    assert_eq!(expiry.expire(Instant::from_millis(52_000)), [SessionId(1)]);
    assert_eq!(expiry.liveness(SessionId(1)), Liveness::Closing);
    assert_eq!(expiry.liveness(SessionId(2)), Liveness::Live);
}

#[test]
fn a_hundred_thousand_sessions_that_stay_in_touch_leave_few_buckets_and_never_expire() {
    let mut expiry = Expiry::new(SECOND, Instant::ZERO);
    for id in 0..100_000 {
        expiry.track(SessionId(id), 10_000, Instant::ZERO);
    }
    for second in 1..30 {
        let now = Instant::from_millis(second * 1_000);
        for id in (0..100_000).filter(|id| id % 3 == i64::try_from(second).unwrap() % 3) {
            assert!(expiry.touch(SessionId(id), now));
        }
        assert!(expiry.expire(now).is_empty());
        assert!(expiry.buckets().count() <= 4);
    }
    assert_eq!(expiry.expire(Instant::from_millis(60_000)).len(), 100_000);
}

#[test]
fn after_a_move_the_old_server_is_refused() {
    let (id, old, new) = (SessionId(1), ServerId(1), ServerId(2));
    let mut expiry = Expiry::new(SECOND, Instant::ZERO);
    let mut owners = Owners::new();
    assert_eq!(owners.check(&expiry, id, old), Err(Refusal::Expired));
    expiry.track(id, 4_000, Instant::ZERO);
    assert_eq!(
        owners.check(&expiry, id, old),
        Ok(()),
        "the first that asks becomes the owner"
    );
    owners.set(id, new);
    let refusal = owners.check(&expiry, id, old).unwrap_err();
    assert_eq!(refusal, Refusal::Moved { owner: new });
    assert_eq!(refusal.code(), ErrorCode::SessionMoved);
    assert_eq!(owners.check(&expiry, id, new), Ok(()));
    assert!(expiry.mark_closing(id));
    let refusal = owners.check(&expiry, id, new).unwrap_err();
    assert_eq!(refusal.code(), ErrorCode::SessionExpired);
}
