//! Somebody who dials every port and sends what no program of ours would.

mod pretender;

use crate::decide::{Dice, Stream};
use crate::net::{ConnNumber, Net, Node, Port, Side, Told, What};
use std::collections::BTreeMap;

/// Somebody who sends nonsense.
#[derive(Clone, Debug)]
pub(crate) struct Hostile {
    node: Node,
    servers: usize,
    plans: BTreeMap<ConnNumber, Plan>,
}

#[derive(Clone, Debug)]
struct Plan {
    bytes: Vec<u8>,
    hangs_up: bool,
}

impl Hostile {
    pub(crate) fn new(node: Node, servers: usize) -> Self {
        Hostile {
            node,
            servers,
            plans: BTreeMap::new(),
        }
    }

    /// Dials somebody, to send nonsense once the connection is up. `is_founded` says whether any
    /// server is a member yet.
    pub(crate) fn strike(&mut self, key: u64, is_founded: bool, net: &mut Net) {
        let mut draw = Draw {
            dice: Dice::new(key, Stream::Action, 0),
        };
        let to = draw.dice.index(self.servers);
        let port = draw.dice.pick(&Port::ALL);
        let plan = Plan {
            bytes: draw.nonsense(port, (to, self.servers), is_founded),
            hangs_up: draw.dice.percent(50),
        };
        let conn = net.dial(self.node, to, port);
        self.plans.insert(conn, plan);
    }

    /// Hangs up everywhere.
    pub(crate) fn stop(&mut self, net: &mut Net) {
        for conn in std::mem::take(&mut self.plans).into_keys() {
            net.close(conn, Side::Dialler);
        }
    }

    /// Something came from the network.
    pub(crate) fn told(&mut self, told: &Told, net: &mut Net) {
        match told.what {
            What::Connected => {
                let Some(plan) = self.plans.get(&told.conn) else {
                    return;
                };
                net.send(told.conn, Side::Dialler, plan.bytes.clone());
                if plan.hangs_up {
                    net.close(told.conn, Side::Dialler);
                    self.plans.remove(&told.conn);
                }
            }
            What::Closed => {
                self.plans.remove(&told.conn);
            }
            What::Bytes(_) | What::Sent(_) | What::Accepted(_) => {}
        }
    }
}

/// What operators ask, and a word that is none.
const WORDS: [&[u8]; 19] = [
    b"conf", b"cons", b"crst", b"dirs", b"dump", b"envi", b"gtmk", b"hash", b"isro", b"mntr",
    b"ruok", b"srst", b"srvr", b"stat", b"stmk", b"wchc", b"wchp", b"wchs", b"zzzz",
];

struct Draw {
    dice: Dice,
}

impl Draw {
    fn nonsense(&mut self, port: Port, who: (usize, usize), is_founded: bool) -> Vec<u8> {
        let mut bytes = Vec::new();
        match self.dice.below(12) {
            // Nothing at all: a connection that says nothing.
            0 => {}
            1 => {
                bytes.resize(self.dice.index(400) + 1, 0);
                self.dice.fill(&mut bytes);
            }
            // A length that nobody should believe.
            2 => {
                let length = self
                    .dice
                    .pick(&[0x7fff_ffff_u32, 0xffff_ffff, 0x0010_0000, 0]);
                bytes.extend_from_slice(&length.to_be_bytes());
                bytes.extend_from_slice(&[1; 40]);
            }
            // Half of a frame that might have been right.
            3 => {
                bytes.extend_from_slice(&60_u32.to_be_bytes());
                bytes.resize(4 + self.dice.index(50), 0);
            }
            4 => bytes.extend_from_slice(b"GET / HTTP/1.1\r\nHost: example\r\n\r\n"),
            common => match port {
                Port::Client if common < 10 => bytes.extend_from_slice(self.dice.pick(&WORDS)),
                Port::Client => self.odd_client(&mut bytes),
                Port::Election | Port::Quorum if common < 10 => {
                    bytes = pretender::speech(&mut self.dice, port, who, is_founded);
                }
                Port::Election | Port::Quorum => {
                    for _ in 0..self.dice.range(1, 5) {
                        let length = u32::try_from(self.dice.below(64)).expect("small");
                        bytes.extend_from_slice(&length.to_be_bytes());
                        let from = bytes.len();
                        bytes.resize(from + usize::try_from(length).expect("small"), 0);
                        self.dice.fill(&mut bytes[from..]);
                    }
                }
            },
        }
        bytes
    }

    /// A session that begins as it should and goes on as it should not.
    fn odd_client(&mut self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&44_u32.to_be_bytes());
        bytes.extend_from_slice(&[0; 12]);
        bytes.extend_from_slice(&4_000_u32.to_be_bytes());
        bytes.extend_from_slice(&[0; 8]);
        bytes.extend_from_slice(&16_u32.to_be_bytes());
        bytes.extend_from_slice(&[0; 16]);
        for xid in 1..=self.dice.range(1, 6) {
            let xid = u32::try_from(xid).expect("small");
            // An opcode that is none, or a read whose path runs off the end of its frame.
            let (code, claimed) = self
                .dice
                .pick(&[(77_u32, 4_u32), (3, 0x7fff_fff0), (4, 900)]);
            bytes.extend_from_slice(&16_u32.to_be_bytes());
            bytes.extend_from_slice(&xid.to_be_bytes());
            bytes.extend_from_slice(&code.to_be_bytes());
            bytes.extend_from_slice(&claimed.to_be_bytes());
            bytes.extend_from_slice(b"/abc");
        }
    }
}
