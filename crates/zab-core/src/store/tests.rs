use super::*;
use std::vec;
use zk_types::Chain;

fn z(epoch: u32, counter: u32) -> Zxid {
    Zxid::new(Epoch(epoch), counter)
}

fn empty(window_bytes_max: usize) -> (Store, Outbox) {
    let promise = Promise {
        accepted: Epoch(9),
        standing: Standing::Member,
    };
    let recovered = Recovered {
        promise,
        base: None,
        records: Vec::new(),
        committed: Zxid::ZERO,
    };
    (Store::new(recovered, window_bytes_max), Outbox::new())
}

fn append(store: &mut Store, outbox: &mut Outbox, zxids: &[Zxid]) -> Vec<Ticket> {
    for zxid in zxids {
        let body = if zxid.is_marker() {
            RecordBody::Marker
        } else {
            RecordBody::Txn(Bytes::from([1; 20]))
        };
        let record = store.record(*zxid, body);
        store.append(outbox, record);
    }
    outbox
        .drain(..)
        .filter_map(|output| {
            if let Output::Append { ticket, .. } = output {
                Some(ticket)
            } else {
                None
            }
        })
        .collect()
}

fn delivered(outbox: &mut Outbox) -> Vec<Zxid> {
    outbox
        .drain(..)
        .filter_map(|output| {
            if let Output::Deliver(record) = output {
                Some(record.zxid)
            } else {
                None
            }
        })
        .collect()
}

fn snapshot(zxid: Zxid) -> (SnapshotId, SnapshotMeta) {
    let mut segments = zk_types::EpochSegments::new();
    segments.push(z(zxid.epoch().0, 0));
    for counter in 1..=zxid.counter() {
        segments.push(z(zxid.epoch().0, counter));
    }
    let id = SnapshotId {
        zxid,
        bytes: 10,
        checksum: zxid.0,
    };
    (
        id,
        SnapshotMeta {
            zxid,
            chain: Chain(5),
            segments,
        },
    )
}

#[test]
fn the_newest_ticket_of_a_batch_stands_for_all_of_it() {
    let (mut store, mut outbox) = empty(1 << 20);
    let tickets = append(&mut store, &mut outbox, &[z(1, 0), z(1, 1), z(1, 2)]);
    store.on_persisted(tickets[1]);
    assert_eq!(store.durable(), z(1, 1));
    store.on_persisted(tickets[0]);
    assert_eq!(store.durable(), z(1, 1));
    store.on_persisted(tickets[2]);
    assert_eq!(store.durable(), z(1, 2));
    assert!(store.log_is_settled());
}

#[test]
fn what_is_cut_while_it_was_being_written_never_counts_as_durable() {
    let (mut store, mut outbox) = empty(1 << 20);
    let first = append(&mut store, &mut outbox, &[z(1, 0), z(1, 1), z(1, 2)]);
    store.on_persisted(first[0]);
    store.truncate(&mut outbox, z(1, 1));
    let second = append(&mut store, &mut outbox, &[z(2, 0)]);
    store.on_persisted(first[2]);
    assert_eq!(store.durable(), z(1, 1));
    store.on_persisted(second[0]);
    assert_eq!(store.durable(), z(2, 0));
}

#[test]
fn a_promise_becomes_durable_apart_from_the_log() {
    let (mut store, mut outbox) = empty(1 << 20);
    store.write_promise(
        &mut outbox,
        Promise {
            accepted: Epoch(11),
            standing: Standing::Member,
        },
    );
    let Some(Output::WritePromise { ticket, .. }) = outbox.pop_front() else {
        panic!("a promise is written");
    };
    append(&mut store, &mut outbox, &[z(1, 0)]);
    assert!(!store.promise_is_settled());
    store.on_persisted(ticket);
    assert!(store.promise_is_settled());
    assert_eq!(store.promise_durable().accepted, Epoch(11));
    assert_eq!(store.durable(), Zxid::ZERO);
}

#[test]
fn only_what_is_committed_and_durable_is_delivered_once_and_in_order() {
    let (mut store, mut outbox) = empty(1 << 20);
    let tickets = append(&mut store, &mut outbox, &[z(1, 0), z(1, 1), z(1, 2)]);
    store.commit(z(1, 2));
    store.deliver(&mut outbox);
    assert_eq!(delivered(&mut outbox), vec![]);
    store.on_persisted(tickets[1]);
    store.deliver(&mut outbox);
    store.deliver(&mut outbox);
    assert_eq!(delivered(&mut outbox), vec![z(1, 0), z(1, 1)]);
    store.on_persisted(tickets[2]);
    store.deliver(&mut outbox);
    assert_eq!(delivered(&mut outbox), vec![z(1, 2)]);
}

#[test]
fn a_pin_holds_records_back_up_to_a_bound() {
    let (mut store, mut outbox) = empty(500);
    store.pin(Some(Zxid::ZERO));
    let mut write = |counter: u32| {
        let ticket = append(&mut store, &mut outbox, &[z(1, counter)])[0];
        store.on_persisted(ticket);
        store.commit(z(1, counter));
        store.deliver(&mut outbox);
        outbox.clear();
        (store.log.start(), store.log.bytes())
    };
    assert_eq!((0..10).map(&mut write).last().unwrap().0, Zxid::ZERO);
    let (start, bytes) = (10..160).map(&mut write).last().unwrap();
    assert!(start > Zxid::ZERO && bytes <= PIN_FACTOR * 500);
    store.pin(None);
    assert!(store.log.bytes() <= 500);
}

#[test]
fn a_snapshot_is_offered_only_when_memory_goes_on_from_it() {
    let (mut store, mut outbox) = empty(0);
    let tickets = append(
        &mut store,
        &mut outbox,
        &[z(1, 0), z(1, 1), z(1, 2), z(1, 3)],
    );
    store.on_persisted(tickets[3]);
    let (early, late) = (snapshot(z(1, 1)), snapshot(z(1, 3)));
    store.commit(z(1, 1));
    store.deliver(&mut outbox);
    store.on_snapshot_taken(early.0, early.1);
    assert_eq!(store.snapshot_for(Zxid::ZERO, None).unwrap().0, early.0);
    assert!(
        store.snapshot_for(z(1, 1), None).is_none(),
        "the learner has it already"
    );
    store.commit(z(1, 3));
    store.deliver(&mut outbox);
    assert!(
        store.snapshot_for(Zxid::ZERO, None).is_none(),
        "memory starts after it"
    );
    store.on_snapshot_taken(late.0, late.1);
    assert_eq!(
        store.snapshot_for(Zxid::ZERO, Some(early.0)).unwrap().0,
        late.0
    );
    store.forget_snapshot(late.0);
    assert!(store.snapshot_for(Zxid::ZERO, None).is_none());
}

#[test]
fn an_installed_snapshot_is_the_whole_history_and_can_be_offered_on() {
    let (mut store, mut outbox) = empty(1 << 20);
    let (id, meta) = snapshot(z(3, 2));
    store.stage(&mut outbox, id, 0, Bytes::from([0; 10]));
    store.install(&mut outbox, id, meta);
    let Some(Output::Install { ticket, .. }) = outbox.pop_back() else {
        panic!("it is installed");
    };
    store.on_installed(ticket);
    assert_eq!((store.log.last(), store.durable()), (z(3, 2), z(3, 2)));
    assert_eq!((store.committed(), store.delivered()), (z(3, 2), z(3, 2)));
    assert_eq!(store.staged, None);
    assert!(store.snapshot_for(z(1, 0), None).is_some());
}

#[test]
fn the_newest_snapshots_are_remembered_and_each_once() {
    let (mut store, mut outbox) = empty(1 << 20);
    let zxids: Vec<Zxid> = (0..6).map(|counter| z(1, counter)).collect();
    let tickets = append(&mut store, &mut outbox, &zxids);
    store.on_persisted(tickets[5]);
    store.commit(z(1, 5));
    store.deliver(&mut outbox);
    let offered = |store: &Store, staged: Zxid| {
        let found = store.snapshot_for(Zxid::ZERO, Some(snapshot(staged).0));
        found.map(|(id, _)| id.zxid)
    };
    for counter in 0..4 {
        let (id, meta) = snapshot(z(1, counter));
        store.on_snapshot_taken(id, meta.clone());
        store.on_snapshot_taken(id, meta);
    }
    for counter in 0..4 {
        assert_eq!(offered(&store, z(1, counter)), Some(z(1, counter)));
    }
    let (id, meta) = snapshot(z(1, 5));
    store.on_snapshot_taken(id, meta);
    assert_eq!(offered(&store, z(1, 0)), Some(z(1, 5)), "it is forgotten");
    assert_eq!(offered(&store, z(1, 1)), Some(z(1, 1)));
    store.forget_snapshot(id);
    assert_eq!(offered(&store, z(1, 0)), Some(z(1, 3)));
}

#[test]
fn an_install_that_failed_leaves_all_as_it_was_and_can_be_tried_again() {
    let (mut store, mut outbox) = empty(1 << 20);
    let (id, meta) = snapshot(z(3, 2));
    for _ in 0..2 {
        store.install(&mut outbox, id, meta.clone());
        assert!(store.is_installing());
        let Some(Output::Install { ticket, .. }) = outbox.pop_back() else {
            panic!("it is installed");
        };
        store.on_install_failed(ticket);
        assert!(!store.is_installing());
        assert_eq!(store.log.last(), Zxid::ZERO);
    }
}
