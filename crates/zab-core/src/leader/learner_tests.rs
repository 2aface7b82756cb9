use super::*;
use crate::interface::{Config, Output, Recovered};
use core::time::Duration;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use std::vec::Vec;
use zk_types::{Bytes, Promise, RecordBody};

const E: Epoch = Epoch(1);

fn z(counter: u32) -> Zxid {
    Zxid::new(E, counter)
}

/// A leader's side with records up to `last`, and a learner that has nothing and is sent them.
fn begun(last: u32, backlog: usize) -> (Context, Learner) {
    let config = Config {
        me: ServerId(1),
        voters: (1..=3).map(ServerId).collect(),
        tick: Duration::from_secs(2),
        init_limit: 10,
        sync_limit: 5,
        finalize_wait: Duration::ZERO,
        notification_interval: (Duration::from_secs(1), Duration::from_secs(1)),
        window_bytes_max: 1 << 20,
        chunk_bytes: 16,
        learner_backlog_bytes_max: backlog,
        counter_max: 1000,
    };
    let promise = Promise {
        accepted: E,
        standing: Standing::Member,
    };
    let recovered = Recovered {
        promise,
        base: None,
        records: Vec::new(),
        committed: Zxid::ZERO,
    };
    let mut cx = Context::new(config, recovered, ChaCha8Rng::seed_from_u64(1));
    for counter in 0..=last {
        write(&mut cx, counter);
    }
    let mut learner = Learner::new(ServerId(2), LinkId(7), Instant::ZERO);
    learner.begin_stream(&cx, Zxid::ZERO);
    (cx, learner)
}

fn write(cx: &mut Context, counter: u32) {
    let body = if counter == 0 {
        RecordBody::Marker
    } else {
        RecordBody::Txn(Bytes::from([0; 4]))
    };
    let record = cx.store.record(z(counter), body);
    cx.store.append(&mut cx.outbox, record);
    cx.outbox
        .retain(|output| !matches!(output, Output::Append { .. }));
}

fn sent(cx: &mut Context) -> Vec<Message> {
    cx.outbox
        .drain(..)
        .filter_map(|output| {
            if let Output::Send { message, .. } = output {
                Some(message)
            } else {
                None
            }
        })
        .collect()
}

fn proposals(messages: &[Message]) -> usize {
    messages
        .iter()
        .filter(|message| matches!(message, Message::Proposal { .. }))
        .count()
}

#[test]
fn newleader_follows_the_plan_and_live_records_follow_it() {
    let (mut cx, mut learner) = begun(2, 1 << 20);
    assert_eq!(learner.pump(&mut cx, Instant::ZERO, E), Pumped::Enough);
    let plan = sent(&mut cx);
    assert_eq!(proposals(&plan), 3);
    assert_eq!(
        plan.last(),
        Some(&Message::NewLeader {
            epoch: E,
            target: z(2)
        })
    );
    write(&mut cx, 3);
    learner.pump(&mut cx, Instant::ZERO, E);
    let live = sent(&mut cx);
    assert!(matches!(&live[..], [Message::Proposal { record }] if record.zxid == z(3)));
}

#[test]
fn the_first_acknowledgement_is_of_newleader_and_of_nothing_else() {
    let (mut cx, mut learner) = begun(2, 1 << 20);
    assert!(
        learner.on_ack(&cx, z(0)).is_err(),
        "it was told nothing yet"
    );
    learner.pump(&mut cx, Instant::ZERO, E);
    assert!(learner.on_ack(&cx, z(1)).is_err());
    assert!(!learner.is_synced());
    assert!(learner.on_ack(&cx, z(2)).is_ok());
    assert!(learner.is_synced());
    assert!(learner.on_ack(&cx, z(2)).is_err(), "acknowledgements rise");
    assert!(learner.on_ack(&cx, z(3)).is_err(), "it was not sent that");
}

#[test]
fn a_learner_that_owes_too_much_is_sent_nothing_until_it_acknowledges() {
    let (mut cx, mut learner) = begun(0, 250);
    learner.pump(&mut cx, Instant::ZERO, E);
    learner.on_ack(&cx, z(0)).unwrap();
    sent(&mut cx);
    for counter in 1..=9 {
        write(&mut cx, counter);
        learner.pump(&mut cx, Instant::from_millis(u64::from(counter)), E);
    }
    assert_eq!(proposals(&sent(&mut cx)), 3);
    assert_eq!(learner.owes_since(), Some(Instant::from_millis(1)));
    learner.on_ack(&cx, z(2)).unwrap();
    assert_eq!(learner.owes_since(), Some(Instant::from_millis(3)));
    assert_eq!(
        learner.pump(&mut cx, Instant::from_millis(20), E),
        Pumped::Enough
    );
    assert_eq!(proposals(&sent(&mut cx)), 2);
}

#[test]
fn before_newleader_an_answered_ping_makes_room_for_more() {
    let (mut cx, mut learner) = begun(9, 250);
    assert_eq!(learner.pump(&mut cx, Instant::ZERO, E), Pumped::WantsCredit);
    learner.ask_credit(&mut cx, 4);
    assert_eq!(learner.pump(&mut cx, Instant::ZERO, E), Pumped::Enough);
    let first = proposals(&sent(&mut cx));
    assert!(!learner.on_pong(Instant::ZERO, 3));
    assert!(learner.on_pong(Instant::ZERO, 4));
    learner.pump(&mut cx, Instant::ZERO, E);
    assert_eq!(proposals(&sent(&mut cx)), first);
}

#[test]
fn a_learner_hears_of_commits_it_was_sent_the_records_of() {
    let (mut cx, mut learner) = begun(0, 150);
    learner.pump(&mut cx, Instant::ZERO, E);
    learner.on_ack(&cx, z(0)).unwrap();
    cx.store.commit(z(0));
    learner.tell_uptodate(&mut cx);
    for counter in 1..=5 {
        write(&mut cx, counter);
    }
    sent(&mut cx);
    cx.store.commit(z(5));
    learner.tell_commit(&mut cx);
    assert_eq!(sent(&mut cx).len(), 0);
    learner.pump(&mut cx, Instant::ZERO, E);
    learner.tell_commit(&mut cx);
    let messages = sent(&mut cx);
    assert_eq!(proposals(&messages), 2);
    assert_eq!(messages.last(), Some(&Message::Commit { zxid: z(2) }));
}

#[test]
fn a_learner_that_fell_behind_the_window_is_told_apart() {
    let (mut cx, mut learner) = begun(5, 1 << 20);
    cx.store.log.trim(z(3), 0);
    assert_eq!(learner.pump(&mut cx, Instant::ZERO, E), Pumped::Fell);
}

#[test]
fn pings_tell_the_commit_point_to_learners_that_serve() {
    let (mut cx, mut learner) = begun(0, 1 << 20);
    learner.pump(&mut cx, Instant::ZERO, E);
    learner.on_ack(&cx, z(0)).unwrap();
    cx.store.commit(z(0));
    sent(&mut cx);
    let told = |cx: &mut Context, learner: &mut Learner| {
        learner.ping(cx, 3);
        let Some(Message::Ping { committed, .. }) = sent(cx).pop() else {
            panic!("it is pinged");
        };
        committed
    };
    assert_eq!(told(&mut cx, &mut learner), Zxid::ZERO);
    learner.tell_uptodate(&mut cx);
    assert_eq!(told(&mut cx, &mut learner), z(0));
}
