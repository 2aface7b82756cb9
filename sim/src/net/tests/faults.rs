use super::*;

#[test]
fn a_clog_delays_even_the_first_packet() {
    let (mut pair, conn) = Pair::connected(knobs());
    pair.net.clog(0, 1, Port::Client, 5_000_000);
    let sent_at = pair.queue.now();
    pair.net.send(conn, Side::Dialler, b"x".to_vec());
    pair.settle();
    assert_eq!(pair.bytes_at(1), b"x");
    assert!(pair.queue.now() >= sent_at + 5_000_000);
}

#[test]
fn a_cap_lets_bytes_leave_one_behind_the_other() {
    let (mut pair, conn) = Pair::connected(knobs());
    pair.net.cap(0, 1, Port::Client, 1_000);
    let sent_at = pair.queue.now();
    for _ in 0..4 {
        pair.net.send(conn, Side::Dialler, vec![1; 500]);
    }
    pair.settle();
    assert_eq!(pair.bytes_at(1).len(), 2_000);
    let took = pair.queue.now() - sent_at;
    assert!((2_000_000..2_002_000).contains(&took), "{took}");
    pair.net.cap(0, 1, Port::Client, 0);
    let sent_at = pair.queue.now();
    pair.net.send(conn, Side::Dialler, vec![1; 500]);
    pair.settle();
    assert!(pair.queue.now() <= sent_at + 1_000);
}

#[test]
fn what_comes_through_one_way_is_answered_by_nobody_after_the_cut() {
    let (mut pair, conn) = Pair::connected(knobs());
    pair.net.lose_after(conn, Side::Dialler, 3);
    pair.net.send(conn, Side::Dialler, b"abcdef".to_vec());
    pair.settle();
    pair.net.send(conn, Side::Dialler, b"ghi".to_vec());
    pair.net.send(conn, Side::Accepter, b"other way".to_vec());
    pair.settle();
    assert_eq!(pair.bytes_at(1), b"abc");
    assert_eq!(pair.bytes_at(0), b"other way");
    assert!(!pair.was_told(0, &What::Closed) && !pair.was_told(1, &What::Closed));
}

#[test]
fn a_half_open_connection_tells_nobody_until_the_network_is_calm() {
    let (mut pair, conn) = Pair::connected(knobs());
    pair.net.halve(conn);
    pair.net.send(conn, Side::Dialler, b"anybody?".to_vec());
    pair.settle();
    assert!(pair.bytes_at(1).is_empty() && !pair.was_told(0, &What::Closed));
    pair.net.calm();
    pair.settle();
    assert!(pair.was_told(0, &What::Closed) && !pair.was_told(1, &What::Closed));
    pair.net.send(conn, Side::Accepter, b"and here?".to_vec());
    pair.settle();
    assert!(pair.was_told(1, &What::Closed));
    assert!(pair.net.open().is_empty());
}

#[test]
fn both_ends_of_a_finished_connection_first_hear_what_was_sent_before() {
    let (mut pair, conn) = Pair::connected(knobs());
    pair.net
        .send(conn, Side::Dialler, b"to the accepter".to_vec());
    pair.net
        .send(conn, Side::Accepter, b"to the dialler".to_vec());
    pair.net.finish(conn);
    pair.settle();
    assert_eq!(pair.bytes_at(1), b"to the accepter");
    assert_eq!(pair.bytes_at(0), b"to the dialler");
    assert!(pair.was_told(0, &What::Closed) && pair.was_told(1, &What::Closed));
    assert!(pair.net.open().is_empty());
}

#[test]
fn a_reader_that_stands_still_holds_bytes_whatever_its_process_wants() {
    let (mut pair, conn) = Pair::connected(NetKnobs {
        socket_bytes: 10,
        ..knobs()
    });
    pair.net.stall_reader(conn, Side::Accepter, true);
    pair.net.set_reading(conn, Side::Accepter, true);
    pair.net.send(conn, Side::Dialler, vec![7; 25]);
    pair.settle();
    assert!(pair.bytes_at(1).is_empty());
    assert!(!pair.was_told(0, &What::Sent(15)));
    pair.net.stall_reader(conn, Side::Accepter, false);
    pair.settle();
    assert_eq!(pair.bytes_at(1).len(), 25);
}

#[test]
fn dials_are_refused_or_ignored_for_as_long_as_it_lasts() {
    let mut pair = Pair::new(knobs());
    pair.net.dials(0, 1, Port::Client, Dials::Refused);
    pair.net.dial(0, 1, Port::Client);
    pair.settle();
    assert!(pair.was_told(0, &What::Closed) && pair.queue.now() < SYN_RETRY);
    pair.net.dials(0, 1, Port::Client, Dials::Ignored);
    pair.net.dial(0, 1, Port::Client);
    pair.settle();
    assert!(pair.queue.now() > SYN_RETRY << (SYN_ATTEMPTS - 1));
    assert!(!pair.was_told(0, &What::Connected));
    pair.net.dials(0, 1, Port::Client, Dials::Heard);
    pair.net.dial(0, 1, Port::Client);
    pair.settle();
    assert!(pair.was_told(0, &What::Connected));
}

#[test]
fn a_full_backlog_ignores_dials_until_the_process_takes_one() {
    let mut pair = Pair::new(NetKnobs {
        backlog: 2,
        ..knobs()
    });
    for _ in 0..3 {
        pair.net.dial(0, 1, Port::Client);
    }
    pair.settle();
    let connected = |pair: &Pair| {
        let told = pair.told.iter();
        told.filter(|told| told.what == What::Connected).count()
    };
    assert_eq!(connected(&pair), 2);
    pair.net.taken(1, Port::Client);
    pair.net.dial(0, 1, Port::Client);
    pair.settle();
    assert_eq!(connected(&pair), 3);
    assert!(pair.net.counts()["accept backlog full"] > 0);
}

#[test]
fn names_lead_nowhere_or_elsewhere() {
    let machines = [0, 1, 2].map(Machine::Server).to_vec();
    let mut net = Net::new(noise(), machines, knobs());
    (0..3).for_each(|node| net.up(node, 1));
    let mut pair = Pair {
        net,
        queue: Queue::new(noise()),
        told: Vec::new(),
    };
    pair.net.lead(0, 1, Name::Unknown);
    pair.net.dial(0, 1, Port::Client);
    pair.settle();
    assert!(pair.was_told(0, &What::Closed));
    pair.net.lead(0, 1, Name::Of(2));
    let conn = pair.net.dial(0, 1, Port::Client);
    pair.settle();
    assert!(pair.was_told(2, &What::Accepted(Port::Client)));
    assert!(!pair.was_told(1, &What::Accepted(Port::Client)));
    assert_eq!(pair.net.ends(conn), Some((0, 2, Port::Client)));
}

#[test]
fn every_law_delays_and_says_so() {
    for law in Law::ALL {
        let (mut pair, conn) = Pair::connected(NetKnobs { law, ..knobs() });
        pair.net.send(conn, Side::Dialler, b"x".to_vec());
        pair.settle();
        assert_eq!(pair.net.counts(), [(law.name(), 1)].into());
    }
    let knobs = NetKnobs {
        is_mixed: true,
        ..knobs()
    };
    let laws = [(0, 1), (1, 0), (0, 2), (2, 0)].map(|(from, to)| knobs.law(from, to));
    assert!(laws.iter().any(|law| *law != laws[0]));
}

#[test]
fn bytes_of_a_connection_that_was_replaced_still_arrive() {
    let (mut pair, old) = Pair::connected(knobs());
    pair.net.clog(0, 1, Port::Client, 1_000_000);
    pair.net.send(old, Side::Dialler, b"old".to_vec());
    pair.net.close(old, Side::Dialler);
    pair.net.clog(0, 1, Port::Client, 0);
    let new = pair.net.dial(0, 1, Port::Client);
    pair.settle();
    pair.net.send(new, Side::Dialler, b"new".to_vec());
    pair.settle();
    let late = pair.net.counts()["bytes of a closed end"];
    assert_eq!(late, 1);
}
