use super::*;
use crate::oracle::image::Change;

const E1: u64 = 1 << 32;
const E2: u64 = 2 << 32;

/// Three members with empty disks.
fn three() -> Durability {
    let mut disks = Durability::new(3);
    for image in &mut disks.images {
        image.promise = Some(DurablePromise {
            accepted: 9,
            standing: DurableStanding::Member,
        });
    }
    disks
}

/// A record becomes durable on a server; its hash is that of no other history.
fn hold(disks: &mut Durability, server: usize, zxid: u64) -> Result<(), Broken> {
    let mark = (zxid, zxid * 7);
    disks.images[server].records.push(mark);
    let change = Change {
        added: vec![mark],
        ..Change::default()
    };
    disks.log_changed(server, &change)?;
    disks.survives()
}

/// A server's log loses everything after `last`.
fn cut(disks: &mut Durability, server: usize, last: u64) -> Result<(), Broken> {
    let records = &mut disks.images[server].records;
    let kept = records.partition_point(|mark| mark.0 <= last);
    let removed = records.split_off(kept);
    let change = Change {
        removed,
        ..Change::default()
    };
    disks.log_changed(server, &change)?;
    disks.survives()
}

fn commit(disks: &mut Durability, epoch: u32, zxid: u64) -> Result<(), Broken> {
    disks.committed(Commit {
        zxid,
        epoch,
        server: 0,
    })
}

fn short(outcome: Result<(), Broken>) -> &'static str {
    outcome.unwrap_err().short()
}

/// Epoch 1 with one transaction, on the first two of three servers, committed.
fn two_of_three_hold_a_commit() -> Durability {
    let mut disks = three();
    for server in 0..2 {
        hold(&mut disks, server, E1).unwrap();
        hold(&mut disks, server, E1 + 1).unwrap();
    }
    commit(&mut disks, 1, E1 + 1).unwrap();
    disks
}

#[test]
fn a_commit_on_too_few_disks_is_noticed() {
    let mut disks = three();
    hold(&mut disks, 0, E1).unwrap();
    assert_eq!(short(commit(&mut disks, 1, E1)), "S21 durable quorum");
}

#[test]
fn a_commit_of_what_nobody_proposed_is_noticed() {
    assert_eq!(short(commit(&mut three(), 1, E1)), "S25 integrity");
}

#[test]
fn a_better_log_without_what_was_committed_is_noticed_when_it_becomes_durable() {
    let mut disks = two_of_three_hold_a_commit();
    assert_eq!(short(hold(&mut disks, 2, E2)), "S22 survival");
}

#[test]
fn losing_a_committed_record_is_noticed_at_once_also_where_it_was_ordered() {
    let mut disks = two_of_three_hold_a_commit();
    disks.ordered_to_keep(1, E1);
    assert_eq!(short(cut(&mut disks, 1, E1)), "S22 survival");
    // Whoever is known to have forgotten elects nobody.
    let mut disks = two_of_three_hold_a_commit();
    disks.ordered_to_keep(1, E1);
    disks.images[1].promise = Some(DurablePromise {
        accepted: 9,
        standing: DurableStanding::Damaged,
    });
    cut(&mut disks, 1, E1).unwrap();
}

#[test]
fn a_leader_without_what_earlier_epochs_committed_is_noticed() {
    let mut disks = two_of_three_hold_a_commit();
    disks.images[2].records.push((E2, 5));
    assert_eq!(short(disks.established(2, 2)), "S6 complete leader");
    // What a later epoch committed is nothing to a leader that comes late.
    let mut disks = two_of_three_hold_a_commit();
    disks.images[2].records.push((0, 5));
    disks.established(2, 0).unwrap();
}

#[test]
fn a_record_of_an_earlier_epoch_that_commits_before_the_marker_is_noticed() {
    let mut disks = two_of_three_hold_a_commit();
    hold(&mut disks, 0, E1 + 2).unwrap();
    hold(&mut disks, 1, E1 + 2).unwrap();
    assert_eq!(short(commit(&mut disks, 2, E1 + 2)), "S32 marker");
}

#[test]
fn holes_and_other_histories_are_noticed() {
    let mut disks = three();
    hold(&mut disks, 0, E1).unwrap();
    assert_eq!(short(hold(&mut disks, 0, E1 + 2)), "S12 continuity");
    let other = Change {
        added: vec![(E1, 8)],
        ..Change::default()
    };
    disks.images[1].records.push((E1, 8));
    assert_eq!(short(disks.log_changed(1, &other)), "S11 log matching");
}

#[test]
fn what_vanishes_without_an_order_is_noticed_and_what_is_ordered_is_not() {
    let mut disks = three();
    hold(&mut disks, 0, E1).unwrap();
    hold(&mut disks, 0, E1 + 1).unwrap();
    assert_eq!(short(cut(&mut disks, 0, E1)), "S23 nothing vanishes");
    let mut disks = three();
    hold(&mut disks, 0, E1).unwrap();
    hold(&mut disks, 0, E1 + 1).unwrap();
    disks.ordered_to_keep(0, E1);
    cut(&mut disks, 0, E1).unwrap();
    assert_eq!(short(hold(&mut disks, 0, E1 + 1)), "S17 resurrection");
}

#[test]
fn what_was_cut_may_come_back_when_it_is_sent_again() {
    let mut disks = three();
    hold(&mut disks, 0, E1).unwrap();
    hold(&mut disks, 0, E1 + 1).unwrap();
    disks.ordered_to_keep(0, E1);
    cut(&mut disks, 0, E1).unwrap();
    disks.sent_to(0, E1 + 1);
    hold(&mut disks, 0, E1 + 1).unwrap();
}

#[test]
fn an_order_is_over_when_the_plan_was_acknowledged() {
    let mut disks = three();
    hold(&mut disks, 0, E1).unwrap();
    disks.ordered_to_keep(0, 0);
    disks.synchronised(0);
    assert_eq!(short(cut(&mut disks, 0, 0)), "S23 nothing vanishes");
}

#[test]
fn a_leader_that_cuts_its_log_is_noticed() {
    let mut disks = three();
    hold(&mut disks, 0, E1).unwrap();
    disks.ordered_to_keep(0, 0);
    disks.leads(0, true);
    assert_eq!(short(cut(&mut disks, 0, 0)), "S13 initial history");
}

#[test]
fn a_snapshot_of_what_is_not_committed_is_noticed() {
    let mut disks = two_of_three_hold_a_commit();
    disks.images[2].base = (E1 + 2, 9);
    let change = Change {
        is_rebased: true,
        ..Change::default()
    };
    assert_eq!(
        short(disks.log_changed(2, &change)),
        "S24 committed snapshot"
    );
}

#[test]
fn a_promise_that_falls_and_an_epoch_above_it_are_noticed() {
    let mut disks = three();
    let promise = |accepted| DurablePromise {
        accepted,
        standing: DurableStanding::Member,
    };
    disks.promise_is_kept(0, promise(5)).unwrap();
    assert_eq!(short(disks.promise_is_kept(0, promise(4))), "S1 promise");
    hold(&mut disks, 0, E2).unwrap();
    disks.epochs_are_promised(0, promise(2)).unwrap();
    assert_eq!(short(disks.epochs_are_promised(0, promise(1))), "S2 epochs");
}
