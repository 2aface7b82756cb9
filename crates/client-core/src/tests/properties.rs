//! Whatever a server and the network do: each request is answered once, and the same seed does the
//! same.

use super::bench::{STAT, TIMEOUT, get};
use crate::*;
use core::time::Duration;
use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use std::collections::BTreeMap;
use std::format;
use std::string::String;
use std::vec;
use std::vec::Vec;
use zk_proto::{ConnectResponse, RequestHeader, Xid, reply};
use zk_types::{ErrorCode, Instant, SessionId, Zxid};

/// What happens next, as far as it can.
#[derive(Clone, Debug)]
enum Happening {
    Pass(u64),
    Connect,
    Fail,
    Close,
    Accept,
    Refuse,
    AnswerOne,
    AnswerAll,
    Event,
    Garbage(Vec<u8>),
    Read,
    Watch,
    AddWatch,
    Unwatch(u64),
    Auth,
    End,
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        6 => (0_u64..3_000).prop_map(Happening::Pass),
        8 => Just(Happening::Connect),
        1 => Just(Happening::Fail),
        2 => Just(Happening::Close),
        8 => Just(Happening::Accept),
        1 => Just(Happening::Refuse),
        4 => Just(Happening::AnswerOne),
        4 => Just(Happening::AnswerAll),
        2 => Just(Happening::Event),
        1 => prop::collection::vec(any::<u8>(), 0..40).prop_map(Happening::Garbage),
        4 => Just(Happening::Read),
        4 => Just(Happening::Watch),
        2 => Just(Happening::AddWatch),
        2 => (0_u64..20).prop_map(Happening::Unwatch),
        1 => Just(Happening::Auth),
        1 => Just(Happening::End),
    ]
}

#[derive(Clone, Copy, PartialEq)]
enum Wire {
    None,
    Dialling,
    Open,
}

/// A network and a server that do as they are told.
struct World {
    client: Client,
    now: Instant,
    wire: Wire,
    /// What the server was asked on this connection and has not answered.
    asked: Vec<Xid>,
    tickets: u64,
    answers: BTreeMap<Ticket, Result<Response, ClientError>>,
    log: String,
}

impl World {
    fn new(seed: u8) -> Self {
        let config = ClientConfig {
            session_timeout: TIMEOUT,
            requests_max: 8,
            ..ClientConfig::new(2)
        };
        World {
            client: Client::new(config, ChaCha8Rng::from_seed([seed; 32])),
            now: Instant::ZERO,
            wire: Wire::None,
            asked: Vec::new(),
            tickets: 0,
            answers: BTreeMap::new(),
            log: String::new(),
        }
    }

    fn input(&mut self, input: Input<'_>) {
        self.log += &format!("{:?} {input:?}\n", self.now);
        self.client.handle(self.now, input);
        while let Some(output) = self.client.poll_output() {
            self.log += &format!("  {output:?}\n");
            match output {
                Output::Connect { .. } => {
                    assert!(self.wire == Wire::None, "one connection at a time");
                    self.wire = Wire::Dialling;
                }
                Output::Disconnect => {
                    assert!(self.wire != Wire::None, "there is something to end");
                    self.wire = Wire::None;
                    self.asked.clear();
                }
                Output::Send(frame) => {
                    assert!(self.wire == Wire::Open, "somebody takes what is sent");
                    let is_handshake = frame.len() == 49 && frame[4..8] == [0; 4];
                    if !is_handshake {
                        self.asked
                            .push(RequestHeader::decode(&frame[4..]).unwrap().0.xid);
                    }
                }
                Output::Reply {
                    ticket,
                    zxid: _,
                    result,
                } => {
                    let before = self.answers.insert(ticket, result);
                    assert!(before.is_none(), "each request is answered once");
                }
                Output::Event { .. }
                | Output::WatchEnded { .. }
                | Output::State(_)
                | Output::ConnectionLost { .. } => {}
            }
        }
    }

    fn lose(&mut self, input: Input<'_>) {
        self.wire = Wire::None;
        self.asked.clear();
        self.input(input);
    }

    fn bytes(&mut self, encode: impl FnOnce(&mut Vec<u8>)) {
        let mut wire = Vec::new();
        encode(&mut wire);
        self.input(Input::Bytes(&wire));
    }

    fn request(&mut self, request: ClientRequest) {
        let ticket = Ticket(self.tickets);
        self.tickets += 1;
        self.input(Input::Request { ticket, request });
    }

    fn answer(&mut self, count: usize) {
        let count = count.min(self.asked.len());
        let asked: Vec<Xid> = self.asked.drain(..count).collect();
        self.bytes(|out| {
            for xid in asked {
                match xid.0 % 3 {
                    0 => reply::error(out, xid, Zxid(5), ErrorCode::NoNode),
                    1 => reply::data(out, xid, Zxid(6), Some(b"x"), &STAT),
                    _ => reply::void(out, xid, Zxid(7)),
                }
            }
        });
    }

    fn happen(&mut self, happening: &Happening) {
        let path = || String::from("/a");
        match (happening, self.wire) {
            (Happening::Pass(millis), _) => {
                self.now += Duration::from_millis(*millis);
                self.input(Input::Timeout);
            }
            (Happening::Connect, Wire::None) => {
                if let Some(deadline) = self.client.next_deadline() {
                    self.now = self.now.max(deadline);
                    self.input(Input::Timeout);
                }
            }
            (Happening::Connect, Wire::Dialling) => {
                self.wire = Wire::Open;
                self.input(Input::Connected);
            }
            (Happening::Fail, Wire::Dialling) => self.lose(Input::ConnectFailed),
            (Happening::Close, Wire::Open) => self.lose(Input::Closed),
            (Happening::Accept, Wire::Open)
                if self.client.state() == ConnectionState::Connecting =>
            {
                self.bytes(|out| {
                    let session = SessionId(7);
                    ConnectResponse {
                        timeout_ms: 9_000,
                        session,
                        password: &[7; 16],
                        read_only: None,
                    }
                    .encode(out);
                });
            }
            (Happening::Refuse, Wire::Open)
                if self.client.state() == ConnectionState::Connecting =>
            {
                self.bytes(|out| ConnectResponse::refusal(None).encode(out));
            }
            (Happening::AnswerOne, Wire::Open) => self.answer(1),
            (Happening::AnswerAll, Wire::Open) => self.answer(usize::MAX),
            (Happening::Event, Wire::Open) => self.bytes(|out| {
                let (kind, state) = (EventKind::NodeDeleted, KeeperState::SyncConnected);
                zk_proto::WatcherEvent {
                    kind,
                    state,
                    path: "/a".into(),
                }
                .encode(Zxid(9), out);
            }),
            (Happening::Garbage(bytes), Wire::Open) => self.input(Input::Bytes(bytes)),
            (Happening::Read, _) => self.request(get("/a")),
            (Happening::Watch, _) => {
                let watch = Some(Watcher::Own);
                self.request(ClientRequest::GetData {
                    path: path(),
                    watch,
                });
            }
            (Happening::AddWatch, _) => {
                let (mode, watcher) = (AddWatchMode::Persistent, Watcher::Own);
                self.request(ClientRequest::AddWatch {
                    path: path(),
                    mode,
                    watcher,
                });
            }
            (Happening::Unwatch(ticket), _) => {
                self.input(Input::Unwatch {
                    ticket: Ticket(*ticket),
                });
            }
            (Happening::Auth, _) => {
                let auth = Auth {
                    scheme: path(),
                    auth: Vec::new(),
                };
                self.input(Input::AddAuth(auth));
            }
            (Happening::End, _) => self.input(Input::Close),
            _ => {}
        }
    }
}

proptest! {
    #[test]
    fn each_request_is_answered_once_whatever_happens(
        happenings in prop::collection::vec(happening(), 0..80)
    ) {
        let mut world = World::new(1);
        for happening in &happenings {
            world.happen(happening);
        }
        let open = world.client.outstanding();
        let unanswered = usize::try_from(world.tickets).unwrap() - world.answers.len();
        prop_assert!(unanswered <= open, "{unanswered} unanswered, {open} outstanding\n{}", world.log);
        if world.wire == Wire::Open {
            world.lose(Input::Closed);
        }
        world.happen(&Happening::End);
        prop_assert_eq!(world.answers.len(), usize::try_from(world.tickets).unwrap());
        prop_assert_eq!(world.client.next_deadline(), None);
    }

    #[test]
    fn the_same_seed_does_the_same(
        seed: u8, happenings in prop::collection::vec(happening(), 0..60)
    ) {
        let mut logs = Vec::new();
        for _ in 0..2 {
            let mut world = World::new(seed);
            for happening in &happenings {
                world.happen(happening);
            }
            logs.push(world.log);
        }
        prop_assert_eq!(&logs[0], &logs[1]);
    }
}
