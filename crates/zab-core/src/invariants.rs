//! What holds of a machine between any two inputs. Each is a sentence, and all of them are checked
//! after every input, also in release: going on would mean to lose data quietly.

use crate::leader::{Leader, Stage};
use crate::summary::Phase;
use crate::zab::{RoleState, Zab};
use zk_types::{Standing, Zxid};

pub(crate) fn check(zab: &Zab) {
    assert!(what_is_delivered_is_committed_and_durable(zab));
    assert!(what_is_committed_is_in_the_log(zab));
    assert!(memory_holds_everything_that_is_not_delivered(zab));
    assert!(no_record_is_of_an_epoch_above_the_promise(zab));
    assert!(the_disk_never_promised_more_than_memory_knows(zab));
    if let RoleState::Leading(leader) = &zab.role {
        assert!(only_the_entitled_lead(zab));
        assert!(a_leader_serves_only_with_its_marker_committed(zab, leader));
        assert!(learners_are_told_only_what_they_were_sent(zab, leader));
        assert!(one_server_has_one_link(leader));
    }
}

pub(crate) fn what_is_delivered_is_committed_and_durable(zab: &Zab) -> bool {
    let store = &zab.cx.store;
    let durable = zk_types::mutant!("deliver-before-durable", store.durable(), store.log.last());
    store.delivered() <= store.committed() && store.delivered() <= durable
}

pub(crate) fn what_is_committed_is_in_the_log(zab: &Zab) -> bool {
    let store = &zab.cx.store;
    store.committed() <= store.log.last()
}

pub(crate) fn memory_holds_everything_that_is_not_delivered(zab: &Zab) -> bool {
    zab.cx.store.log.start() <= zab.cx.store.delivered()
}

pub(crate) fn no_record_is_of_an_epoch_above_the_promise(zab: &Zab) -> bool {
    zab.cx.store.current_epoch() <= zab.cx.store.promise().accepted
}

pub(crate) fn the_disk_never_promised_more_than_memory_knows(zab: &Zab) -> bool {
    zab.cx.store.promise_durable().accepted <= zab.cx.store.promise().accepted
}

pub(crate) fn only_the_entitled_lead(zab: &Zab) -> bool {
    let entitled = match zab.cx.standing() {
        Standing::Fresh | Standing::Member => true,
        Standing::Damaged | Standing::Amnesiac => false,
    };
    zk_types::mutant!("forgetful-disks-counted", entitled, true)
}

pub(crate) fn a_leader_serves_only_with_its_marker_committed(zab: &Zab, leader: &Leader) -> bool {
    match leader.stage() {
        Stage::Broadcasting(epoch) => {
            leader.phase() == Phase::Broadcast
                && zab.cx.store.committed() >= Zxid::marker(epoch)
                && zab.cx.store.current_epoch() == epoch
        }
        Stage::Synchronising(epoch) => zab.cx.store.log.last() == Zxid::marker(epoch),
        Stage::Choosing | Stage::Promising(_) | Stage::Collecting(_) => true,
    }
}

pub(crate) fn learners_are_told_only_what_they_were_sent(zab: &Zab, leader: &Leader) -> bool {
    leader
        .learners
        .values()
        .filter_map(|learner| learner.stream())
        .all(|stream| {
            stream.sent <= zab.cx.store.log.last()
                && stream.matched <= stream.sent
                && stream.told <= stream.sent
                && stream.told <= zab.cx.store.committed()
        })
}

pub(crate) fn one_server_has_one_link(leader: &Leader) -> bool {
    let servers = leader.learners.values().map(|learner| learner.server);
    servers.collect::<crate::ServerSet>().len() as usize == leader.learners.len()
}
