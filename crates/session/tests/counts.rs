//! What the tables say of themselves.

use core::time::Duration;
use session::{Expiry, LocalTable, Owners, Sessions, Touches};
use zk_types::{Instant, ServerId, SessionId};

const IDS: [SessionId; 3] = [SessionId(1), SessionId(2), SessionId(3)];

#[test]
fn the_table_counts_its_sessions() {
    let mut sessions = Sessions::new();
    assert_eq!((sessions.len(), sessions.is_empty()), (0, true));
    for id in IDS {
        sessions.open(id, 1_000);
    }
    assert_eq!((sessions.len(), sessions.is_empty()), (3, false));
}

#[test]
fn a_learner_forgets_all_at_once_whom_it_heard() {
    let mut touches = Touches::new();
    for id in IDS {
        touches.touch(id);
    }
    touches.clear();
    assert_eq!(touches.take(), []);
}

#[test]
fn a_server_counts_the_sessions_that_it_alone_knows_and_remembers_whom_it_announced() {
    let mut locals = LocalTable::new(Duration::from_secs(1), Instant::ZERO);
    assert_eq!((locals.len(), locals.is_empty()), (0, true));
    for id in IDS {
        locals.open(id, 1_000, Instant::ZERO);
    }
    assert_eq!((locals.len(), locals.is_empty()), (3, false));
    locals.announce(IDS[0]);
    assert!(locals.is_announced(IDS[0]));
    assert!(!locals.is_announced(IDS[1]));
}

#[test]
fn the_leader_knows_who_serves_a_session() {
    let mut expiry = Expiry::new(Duration::from_secs(1), Instant::ZERO);
    expiry.track(IDS[0], 1_000, Instant::ZERO);
    let mut owners = Owners::new();
    assert_eq!(owners.owner(IDS[0]), None);
    assert_eq!(owners.check(&expiry, IDS[0], ServerId(2)), Ok(()));
    assert_eq!(owners.owner(IDS[0]), Some(ServerId(2)));
}
