//! Clients of an ensemble, and a judge who knows the model.
//!
//! Everything between two moments of rest is judged at the second: the zxids of answers put the
//! writes in order, the model carries them out, and each read and each refusal must fit a state of
//! the model that its client may have met.

use crate::answers::{refused_part, response_of};
use crate::asks::Ask;
use crate::happened::{Happened, note};
use crate::reference::{Asked, Model, may};
use crate::requests::USER;
use crate::support::{Client, Ensemble, Heard, Storage, TICK, wall};
use replica::LocalSessions;
use std::collections::BTreeMap;
use std::time::Duration;
use zk_proto::{AddWatchMode, AuthPacket, OpResult, Request, Response};
use zk_types::{ErrorCode, Identity, Instant, NodeKind, Op, Perms, SessionId, Zxid};
use znode_tree::{Refusal, Tree};

/// How many clients there are: one with a digest, one with nothing, one who may do everything.
pub(crate) const CLIENTS: usize = 3;

/// What happens, from one moment of rest to the next.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Clients send so many requests each, one after the other, and nobody waits for an answer.
    Burst(Vec<(usize, Vec<Ask>)>),
    /// Milliseconds pass.
    Wait(u64),
    /// A client is silent until its session is over.
    Expire(usize),
    /// A client goes to another server with its session.
    Move(usize, usize),
    /// A server ends without a word and starts again.
    Restart(usize),
    /// The server that is down starts again; when none is and a quorum remains, one ends.
    StopOrStart(usize),
}

pub(crate) struct World {
    ensemble: Ensemble,
    clients: Vec<Attached>,
    model: Model,
    /// Sessions that are open, and what they were granted.
    sessions: BTreeMap<SessionId, i32>,
    stopped: Option<usize>,
    /// Whether new sessions are known to their server alone.
    local: bool,
}

/// A client, the server it is connected to, and who it is.
struct Attached {
    client: Client,
    at: usize,
    identities: Vec<Identity>,
    /// The highest zxid it was told of.
    seen: Zxid,
    /// Whether it watches the whole tree.
    watches: bool,
    /// Whether all servers know its session.
    is_global: bool,
}

/// One answered request.
struct Answered<'a> {
    who: usize,
    ask: &'a Ask,
    heard: Heard,
    /// The end of a session that only its server knew.
    is_local: bool,
}

/// The node that each server of an ensemble keeps for itself.
pub(crate) const CONFIG: &str = "/zookeeper/config";

const GRANTED_MS: i32 = 4_000;

/// No time passes on purpose after this: containers are reaped once a minute.
const CLOCK_MS_MAX: u64 = 40_000;

impl World {
    pub(crate) fn new(servers: usize, storage: Storage, turns: u64, local: bool) -> Self {
        let mut ensemble = Ensemble::start_with(servers, storage, turns, |config| {
            if local {
                config.sessions.local = LocalSessions::UntilEphemeral;
            }
        });
        let mut sessions = BTreeMap::new();
        let mut clients = Vec::new();
        for who in 0..CLIENTS {
            let at = who % servers;
            let client = opened(&mut ensemble, at, SessionId::NONE, &[0; 16]);
            if !local {
                sessions.insert(client.session, GRANTED_MS);
            }
            let mut attached = Attached {
                client,
                at,
                identities: identities(who),
                seen: Zxid::ZERO,
                watches: who < 2,
                is_global: !local,
            };
            attached.settle(who, &mut ensemble);
            clients.push(attached);
        }
        World {
            ensemble,
            clients,
            model: Model::new(),
            sessions,
            stopped: None,
            local,
        }
    }

    pub(crate) fn run(&mut self, steps: Vec<Step>) {
        for step in steps {
            let passes_time = !matches!(step, Step::Burst(_) | Step::Move(_, _));
            if passes_time && self.ensemble.now.as_millis() > CLOCK_MS_MAX {
                continue;
            }
            self.step(step);
            self.compare();
        }
        if let Some(index) = self.stopped.take() {
            self.ensemble.start_server(index);
            self.reunite();
        }
        for index in 0..self.ensemble.len() {
            self.ensemble.stop_server(index);
        }
        for index in 0..self.ensemble.len() {
            self.ensemble.start_server(index);
        }
        self.reunite();
        self.compare();
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Burst(parts) => self.burst(&parts),
            Step::Wait(ms) => {
                self.ensemble.pass(Duration::from_millis(ms));
                self.ping(None);
            }
            Step::Expire(who) => self.expire(who),
            Step::Move(who, to) => {
                let running = self.running();
                self.attach(who, running[to % running.len()]);
            }
            Step::Restart(index) => {
                let running = self.running();
                let index = running[index % running.len()];
                self.ensemble.stop_server(index);
                self.ensemble.start_server(index);
                self.reunite();
            }
            Step::StopOrStart(index) => {
                if let Some(stopped) = self.stopped.take() {
                    self.ensemble.start_server(stopped);
                } else if self.ensemble.len() > 1 {
                    let index = index % self.ensemble.len();
                    self.ensemble.stop_server(index);
                    self.stopped = Some(index);
                }
                self.reunite();
            }
        }
    }

    fn running(&self) -> Vec<usize> {
        (0..self.ensemble.len())
            .filter(|&index| self.ensemble.is_running(index))
            .collect()
    }

    /// A quorum is found again, and every client that lost its server finds another.
    fn reunite(&mut self) {
        self.ensemble.wait_until_all_serve();
        let running = self.running();
        for who in 0..CLIENTS {
            let Attached { client, at, .. } = &self.clients[who];
            if !self.ensemble.is_open(*at, client.conn) {
                self.attach(who, running[who % running.len()]);
            }
        }
        self.ping(None);
    }

    /// Connects a client anew, with the session it has.
    fn attach(&mut self, who: usize, at: usize) {
        let attached = &mut self.clients[who];
        self.ensemble.disconnect(attached.at, attached.client.conn);
        if !attached.is_global {
            attached.at = at;
            return self.reopen(who);
        }
        let Client {
            session, password, ..
        } = &attached.client;
        attached.client = opened(&mut self.ensemble, at, *session, password);
        attached.at = at;
        attached.settle(who, &mut self.ensemble);
    }

    /// Opens a new session for a client.
    fn reopen(&mut self, who: usize) {
        let applied = self.ensemble.applied();
        let attached = &mut self.clients[who];
        attached.client = opened(&mut self.ensemble, attached.at, SessionId::NONE, &[0; 16]);
        attached.is_global = !self.local;
        let session = attached.client.session;
        assert!(!self.model.closed.contains(&session), "a session is new");
        let expected = if self.local {
            applied
        } else {
            assert!(self.sessions.insert(session, GRANTED_MS).is_none());
            applied.successor().unwrap()
        };
        attached.settle(who, &mut self.ensemble);
        assert_eq!(self.ensemble.applied(), expected);
    }

    fn ping(&mut self, but_for: Option<usize>) {
        for who in (0..CLIENTS).filter(|who| Some(*who) != but_for) {
            let Attached { client, at, .. } = &mut self.clients[who];
            let bytes = client.encode(&Request::Ping);
            self.ensemble.send(*at, client.conn, &bytes);
            self.ensemble.run();
            let heard = self.ensemble.hear(*at, client);
            let replies = heard.iter().filter(|one| !one.is_event());
            assert_eq!(replies.count(), 1, "a ping is answered");
        }
    }

    fn expire(&mut self, who: usize) {
        if !self.clients[who].is_global {
            return;
        }
        let before = self.ensemble.applied();
        let session = self.clients[who].client.session;
        let granted = Duration::from_millis(4_000);
        let mut passed = Duration::ZERO;
        while self.ensemble.applied() == before {
            assert!(passed < granted + TICK * 4, "a silent session ends");
            self.ensemble.pass(TICK);
            passed += TICK;
            self.ping(Some(who));
        }
        assert!(passed > granted - TICK, "no session ends before its time");
        let time = self.ensemble.now;
        let asked = Asked {
            session,
            identities: &[],
            zxid: before.successor().unwrap(),
            time: wall(time),
            in_multi: false,
        };
        self.model.request(asked, &Op::CloseSession).unwrap();
        self.sessions.remove(&session);
        assert_eq!(self.ensemble.applied(), asked.zxid);
        let Attached { client, at, .. } = &self.clients[who];
        assert!(!self.ensemble.is_open(*at, client.conn));
        self.reopen(who);
    }

    fn burst(&mut self, parts: &[(usize, Vec<Ask>)]) {
        let before = self.ensemble.applied();
        let mut asked: Vec<Vec<&Ask>> = vec![Vec::new(); CLIENTS];
        for (who, asks) in parts {
            let Attached { client, at, .. } = &mut self.clients[*who];
            let mut bytes = Vec::new();
            for ask in asks {
                bytes.extend(client.encode(&ask.request()));
                asked[*who].push(ask);
            }
            self.ensemble.send(*at, client.conn, &bytes);
        }
        let mut upgrades = 0;
        for (who, asks) in asked.iter().enumerate() {
            let attached = &mut self.clients[who];
            let mut open = asks.iter().take_while(|ask| !ask.ends_the_session());
            if !attached.is_global && open.any(|ask| ask.wants_ephemeral()) {
                attached.is_global = true;
                upgrades += 1;
                self.sessions.insert(attached.client.session, GRANTED_MS);
            }
        }
        self.ensemble.run();
        let mut answered = Vec::new();
        let mut streams = Vec::new();
        let mut closed = Vec::new();
        for (who, asks) in asked.iter().enumerate() {
            let end = asks.iter().position(|ask| ask.ends_the_session());
            let answers = end.map_or(asks.len(), |end| end + 1);
            let is_global = self.clients[who].is_global;
            let Attached { client, at, .. } = &mut self.clients[who];
            let stream = self.ensemble.hear(*at, client);
            let replies = stream.iter().filter(|one| !one.is_event()).cloned();
            let before = answered.len();
            for (ask, heard) in asks.iter().zip(replies) {
                let is_local = ask.ends_the_session() && !is_global;
                answered.push(Answered {
                    who,
                    ask,
                    heard,
                    is_local,
                });
            }
            let missing = answers - (answered.len() - before);
            assert_eq!(missing, 0, "every request is answered: {asks:?}");
            if end.is_some() {
                closed.push(who);
                assert!(!self.ensemble.is_open(*at, client.conn));
            }
            streams.push(stream);
        }
        let happened = self.judge(before, upgrades, &answered);
        for (who, stream) in streams.iter().enumerate() {
            self.judge_events(who, stream, closed.contains(&who), &happened);
        }
        for who in closed {
            self.sessions.remove(&self.clients[who].client.session);
            self.reopen(who);
        }
    }

    /// Whoever watches hears of everything it may read, once, in order, and of each change before
    /// anything that shows it. A session that ends may miss what its own end did, and what came
    /// after it.
    fn judge_events(&self, who: usize, stream: &[Heard], has_ended: bool, happened: &[Happened]) {
        assert!(
            stream.is_sorted_by_key(|one| (one.zxid(), !one.is_event())),
            "{stream:?}"
        );
        let attached = &self.clients[who];
        let asked = attached.asks(Zxid::ZERO, self.ensemble.now);
        let expected = happened
            .iter()
            .filter(|one| attached.watches && may(&one.acl, Perms::READ, asked).is_ok());
        let mut heard = stream.iter().filter(|one| one.is_event());
        let last = stream.last().map(Heard::zxid);
        for one in expected {
            match heard.next() {
                Some(Heard::Event { event, zxid }) => {
                    assert_eq!((event, *zxid), (&one.event, one.zxid));
                }
                _ => assert!(has_ended && Some(one.zxid) >= last, "{one:?} was missed"),
            }
        }
        assert!(heard.next().is_none(), "nothing else happened");
    }

    fn judge(&mut self, before: Zxid, upgrades: usize, answered: &[Answered<'_>]) -> Vec<Happened> {
        let (states, happened) = self.replay(before, answered);
        assert_eq!(
            states.len() - 1,
            answered.iter().filter(|one| one.took_a_zxid()).count() + upgrades,
            "nothing but what succeeded, and a session that becomes global, takes a zxid"
        );
        let position = |zxid: Zxid| usize::try_from(zxid.0 - before.0).unwrap();
        for who in 0..CLIENTS {
            let mine: Vec<_> = answered.iter().filter(|one| one.who == who).collect();
            let mut seen = self.clients[who].seen;
            for (index, one) in mine.iter().enumerate() {
                let zxid = one.heard.zxid();
                assert!(zxid >= seen, "the zxid that a client sees never decreases");
                seen = zxid;
                if one.is_refusal() {
                    let succeeded = |one: &&Answered<'_>| one.took_a_zxid();
                    let earlier = mine[..index].iter().rfind(|one| succeeded(one));
                    let later = mine[index..].iter().find(|one| succeeded(one));
                    let from = earlier.map_or(0, |one| position(one.heard.zxid()));
                    let to = later.map_or(states.len(), |one| position(one.heard.zxid()));
                    let met = &states[from..to];
                    assert!(
                        met.iter().any(|state| self.refuses(state, one)),
                        "{:?} was refused with {:?}",
                        one.ask,
                        one.heard
                    );
                } else if one.is_local {
                    assert_eq!(one.heard.err(), 0, "a local session ends");
                } else if !one.took_a_zxid() {
                    self.judge_read(&states[position(zxid)], one);
                }
            }
            self.clients[who].seen = seen;
        }
        happened
    }

    /// Carries out everything that succeeded, in its order; the states before and after each, and
    /// what there was to hear of.
    fn replay(&mut self, before: Zxid, answered: &[Answered<'_>]) -> (Vec<Model>, Vec<Happened>) {
        let mut written: Vec<_> = answered.iter().filter(|one| one.took_a_zxid()).collect();
        written.sort_by_key(|one| one.heard.zxid());
        let mut states = vec![self.model.clone()];
        let mut happened = Vec::new();
        let position = |zxid: Zxid| usize::try_from(zxid.0 - before.0).unwrap();
        for one in written {
            let Ask::Write(op) = one.ask else {
                unreachable!("only writes take a zxid")
            };
            let zxid = one.heard.zxid();
            assert!(
                position(zxid) >= states.len(),
                "each takes a zxid of its own"
            );
            states.resize(position(zxid), self.model.clone());
            let attached = &self.clients[one.who];
            let asked = attached.asks(zxid, self.ensemble.now);
            let told = self.model.request(asked, op);
            let told = told.unwrap_or_else(|refusal| panic!("{op:?} should be {refusal:?}"));
            assert_eq!(one.heard.response(), response_of(op, &told), "{op:?}");
            note(&mut happened, states.last().unwrap().clone(), asked, op);
            states.push(self.model.clone());
        }
        states.resize(position(self.ensemble.applied()) + 1, self.model.clone());
        (states, happened)
    }

    fn refuses(&self, state: &Model, one: &Answered<'_>) -> bool {
        let Ask::Write(op) = one.ask else {
            unreachable!("only writes are refused")
        };
        let attached = &self.clients[one.who];
        let mut state = state.clone();
        let asked = attached.asks(Zxid(u64::MAX >> 1), self.ensemble.now);
        match state.request(asked, op) {
            Err(Refusal::Error(code)) => one.heard.err() == code.code(),
            Err(Refusal::Multi(codes)) => {
                one.heard.err() == 0
                    && one.heard.response()
                        == Response::Multi(codes.iter().map(refused_part).collect())
            }
            Ok(_) => false,
        }
    }

    fn judge_read(&self, state: &Model, one: &Answered<'_>) {
        let attached = &self.clients[one.who];
        let asked = attached.asks(Zxid::ZERO, self.ensemble.now);
        let readable = |path: &str| match state.nodes.get(path) {
            None => Err(ErrorCode::NoNode),
            Some(node) => may(&node.acl, Perms::READ, asked).map(|()| node),
        };
        let expected = match one.ask {
            Ask::Exists(path) => readable(path).map(|_| Response::Stat(state.stat(path))),
            Ask::GetData(path) => readable(path).map(|node| Response::Data {
                data: node.data.as_deref().map(Into::into),
                stat: state.stat(path),
            }),
            Ask::GetChildren2(path) => readable(path).map(|_| Response::NamesStat {
                names: state.children(path).into_iter().map(Into::into).collect(),
                stat: state.stat(path),
            }),
            Ask::Sync => Ok(Response::Path(Some("/".into()))),
            Ask::Write(_) => unreachable!("a write is no read"),
        };
        match expected {
            Err(code) => assert_eq!(one.heard.err(), code.code(), "{:?}", one.ask),
            Ok(expected) => {
                assert_eq!(one.heard.err(), 0, "{:?}", one.ask);
                let mut seen = one.heard.response();
                if let Response::NamesStat { names, .. } = &mut seen {
                    names.sort();
                }
                assert_eq!(seen, expected, "{:?}", one.ask);
            }
        }
    }

    /// Every running server has the model's tree and sessions.
    fn compare(&self) {
        let applied = self.ensemble.applied();
        for replica in self.ensemble.replicas() {
            assert_eq!(replica.tree().digest(), self.model.digest(), "{applied:?}");
            let sessions: BTreeMap<_, _> = replica.sessions().iter().collect();
            assert_eq!(sessions, self.sessions);
            self.compare_tree(replica.tree());
        }
    }
}

impl World {
    fn compare_tree(&self, tree: &Tree) {
        let model = &self.model;
        let everything = [Identity {
            scheme: "super".into(),
            id: String::new(),
        }];
        for (path, node) in &model.nodes {
            let (data, stat) = tree.get_data(path, &everything).expect(path);
            if path == CONFIG && self.ensemble.len() > 1 {
                continue;
            }
            assert_eq!(data.map(|data| &**data), node.data.as_deref(), "{path}");
            assert_eq!(stat, model.stat(path), "{path}");
            assert_eq!(tree.acl_of(path), Some(&node.acl[..]), "{path}");
        }
        assert_eq!(tree.node_count(), model.nodes.len());
        let mut ephemerals = 0;
        for node in model.nodes.values() {
            ephemerals += usize::from(matches!(node.kind, NodeKind::Ephemeral(_)));
        }
        assert_eq!(tree.ephemeral_count(), ephemerals);
    }
}

impl Attached {
    /// Shows who it is and watches; a connection knows nothing of the one before it.
    fn settle(&mut self, who: usize, ensemble: &mut Ensemble) {
        let proof: Option<&[u8]> = match who {
            0 => Some(b"u:p"),
            1 => None,
            _ => Some(b"super:secret"),
        };
        let auth = proof.map(|proof| {
            Request::Auth(AuthPacket {
                scheme: Some("digest".into()),
                auth: Some(proof.into()),
            })
        });
        let watch = self.watches.then_some(Request::AddWatch {
            path: Some("/".into()),
            mode: AddWatchMode::PersistentRecursive,
        });
        let flags = Some(Request::GetData {
            path: Some("/keeper/feature_flags".into()),
            watch: false,
        });
        for request in auth.iter().chain(&watch).chain(&flags) {
            let heard = ensemble.ask(self.at, &mut self.client, request);
            assert_eq!(heard[0].err(), 0);
        }
    }

    fn asks(&self, zxid: Zxid, now: Instant) -> Asked<'_> {
        Asked {
            session: self.client.session,
            identities: &self.identities,
            zxid,
            time: wall(now),
            in_multi: false,
        }
    }
}

impl Answered<'_> {
    /// A write that failed, as a whole or in one of its parts.
    fn is_refusal(&self) -> bool {
        matches!(self.ask, Ask::Write(_)) && !self.is_local && !self.took_a_zxid()
    }

    fn took_a_zxid(&self) -> bool {
        let Ask::Write(op) = self.ask else {
            return false;
        };
        if self.is_local || self.heard.err() != 0 {
            return false;
        }
        let failed =
            |result: &OpResult<'_>| matches!(result, OpResult::Failed(_) | OpResult::RolledBack);
        let response = self.heard.response();
        let is_multi = matches!(op, Op::Multi(_));
        !matches!(response, Response::Multi(results) if is_multi && results.iter().any(failed))
    }
}

fn opened(ensemble: &mut Ensemble, at: usize, session: SessionId, password: &[u8]) -> Client {
    let client = ensemble.connect(at, session, password);
    client.expect("a session that is open, or new, is granted")
}

fn identities(who: usize) -> Vec<Identity> {
    let identity = |scheme: &str, id: &str| Identity {
        scheme: scheme.into(),
        id: id.into(),
    };
    let address = identity("ip", "127.0.0.1");
    match who {
        0 => vec![identity("digest", USER), address],
        1 => vec![address],
        _ => vec![
            identity("super", ""),
            identity("digest", "super:lK75jTNcA+U9vtVEw5vB51mj/w4="),
            address,
        ],
    }
}
