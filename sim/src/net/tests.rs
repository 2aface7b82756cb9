mod faults;

use super::*;
use crate::noise::NoiseRules;
use crate::queue::{Named, Queue};

impl Named for NetEvent {
    fn name(&self) -> u64 {
        16
    }
}

fn knobs() -> NetKnobs {
    NetKnobs {
        latency_min: 100,
        latency_max: 1_000,
        rechunk: 0,
        late: 0,
        late_max: 0,
        socket_bytes: 1 << 16,
        abrupt: 0,
        law: Law::Uniform,
        is_mixed: false,
        backlog: 128,
    }
}

fn noise() -> Noise {
    Noise::new(1, &NoiseRules::default())
}

/// Two machines, both up, and what each was told.
struct Pair {
    net: Net,
    queue: Queue<NetEvent>,
    told: Vec<Told>,
}

impl Pair {
    fn new(knobs: NetKnobs) -> Self {
        let mut net = Net::new(noise(), vec![Machine::Client(0), Machine::Server(0)], knobs);
        net.up(0, 1);
        net.up(1, 1);
        Pair {
            net,
            queue: Queue::new(noise()),
            told: Vec::new(),
        }
    }

    fn connected(knobs: NetKnobs) -> (Self, ConnNumber) {
        let mut pair = Pair::new(knobs);
        let conn = pair.net.dial(0, 1, Port::Client);
        pair.settle();
        (pair, conn)
    }

    fn settle(&mut self) {
        for _ in 0..100_000 {
            for (time, _, event) in self.net.due.drain(..) {
                self.queue.at(time, event);
            }
            self.told.extend(self.net.told.drain(..));
            let Some(event) = self.queue.pop() else {
                return;
            };
            self.net.set_now(self.queue.now());
            self.net.handle(event);
        }
    }

    fn bytes_at(&self, node: Node) -> Vec<u8> {
        let bytes = |told: &Told| match &told.what {
            What::Bytes(bytes) if told.node == node => bytes.clone(),
            What::Accepted(_) | What::Connected | What::Bytes(_) | What::Sent(_) | What::Closed => {
                Vec::new()
            }
        };
        self.told.iter().flat_map(bytes).collect()
    }

    fn was_told(&self, node: Node, what: &What) -> bool {
        self.told
            .iter()
            .any(|told| told.node == node && told.what == *what)
    }
}

#[test]
fn bytes_arrive_once_and_in_order_however_they_are_chunked() {
    let (mut pair, conn) = Pair::connected(NetKnobs {
        rechunk: 700_000,
        ..knobs()
    });
    let sent: Vec<u8> = (0..=255).cycle().take(3_000).collect();
    for piece in sent.chunks(170) {
        pair.net.send(conn, Side::Dialler, piece.to_vec());
    }
    pair.settle();
    assert_eq!(pair.bytes_at(1), sent);
}

#[test]
fn a_close_comes_after_everything_sent_before_it() {
    let (mut pair, conn) = Pair::connected(knobs());
    pair.net.send(conn, Side::Dialler, b"last words".to_vec());
    pair.net.close(conn, Side::Dialler);
    pair.settle();
    assert_eq!(pair.bytes_at(1), b"last words");
    assert_eq!(pair.told.last().map(|told| &told.what), Some(&What::Closed));
    assert!(pair.net.open().is_empty());
}

#[test]
fn a_blocked_path_holds_bytes_until_it_is_free() {
    let (mut pair, conn) = Pair::connected(knobs());
    pair.net.block(0, 1, Port::Client);
    pair.net.send(conn, Side::Dialler, b"x".to_vec());
    pair.net.send(conn, Side::Accepter, b"y".to_vec());
    pair.settle();
    assert_eq!(
        (pair.bytes_at(1), pair.bytes_at(0)),
        (Vec::new(), b"y".to_vec())
    );
    pair.net.unblock(0, 1, Port::Client);
    pair.settle();
    assert_eq!(pair.bytes_at(1), b"x");
}

#[test]
fn a_cut_lets_so_many_bytes_through_and_no_more() {
    let (mut pair, conn) = Pair::connected(knobs());
    pair.net.cut_after(conn, Side::Dialler, 3);
    pair.net.send(conn, Side::Dialler, b"abcdef".to_vec());
    pair.settle();
    assert_eq!(pair.bytes_at(1), b"abc");
    assert!(pair.was_told(0, &What::Closed) && pair.was_told(1, &What::Closed));
}

#[test]
fn a_machine_without_power_is_missed_only_by_those_who_speak_to_it_later() {
    let (mut pair, conn) = Pair::connected(knobs());
    pair.net.power_off(1);
    pair.net.send(conn, Side::Dialler, b"hello?".to_vec());
    pair.settle();
    assert!(!pair.was_told(0, &What::Closed));
    pair.net.power_on(1);
    pair.net.up(1, 2);
    pair.net.send(conn, Side::Dialler, b"hello?".to_vec());
    pair.settle();
    assert!(pair.was_told(0, &What::Closed));
    assert!(pair.bytes_at(1).is_empty());
}

#[test]
fn a_dial_to_a_dead_process_is_refused_and_one_to_a_dead_machine_hangs() {
    let mut pair = Pair::new(knobs());
    pair.net.process_down(1);
    pair.net.dial(0, 1, Port::Client);
    pair.settle();
    assert!(pair.was_told(0, &What::Closed));
    let refused_at = pair.queue.now();
    pair.net.power_off(1);
    pair.net.dial(0, 1, Port::Client);
    pair.settle();
    assert!(pair.queue.now() > refused_at + SYN_RETRY);
}

#[test]
fn a_socket_takes_no_more_than_it_holds() {
    let (mut pair, conn) = Pair::connected(NetKnobs {
        socket_bytes: 10,
        ..knobs()
    });
    pair.net.set_reading(conn, Side::Accepter, false);
    pair.net.send(conn, Side::Dialler, vec![7; 25]);
    pair.settle();
    assert!(pair.was_told(0, &What::Sent(10)));
    pair.net.set_reading(conn, Side::Accepter, true);
    pair.settle();
    assert!(pair.was_told(0, &What::Sent(15)));
    assert_eq!(pair.bytes_at(1).len(), 25);
}
