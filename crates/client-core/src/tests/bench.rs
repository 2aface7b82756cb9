//! A client, and both hands on its connection.

use crate::{
    Client, ClientConfig, ClientError, ClientRequest, ConnectionState, Input, Output, Response,
    Ticket, WatchedEvent,
};
use core::time::Duration;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use std::borrow::Cow;
use std::vec;
use std::vec::Vec;
use zk_proto::{
    ConnectResponse, EventKind, KeeperState, Request, RequestHeader, WatcherEvent, Xid, reply,
};
use zk_types::{ErrorCode, Instant, SessionId, Stat, WallTime, Zxid};

pub(super) const SESSION: SessionId = SessionId(0x0100_0000_0000_0007);
pub(super) const PASSWORD: [u8; 16] = [7; 16];
pub(super) const TIMEOUT: Duration = Duration::from_secs(9);

pub(super) const STAT: Stat = Stat {
    czxid: Zxid(1),
    mzxid: Zxid(1),
    ctime: WallTime(1),
    mtime: WallTime(1),
    version: 0,
    cversion: 0,
    aversion: 0,
    ephemeral_owner: SessionId::NONE,
    data_length: 0,
    num_children: 0,
    pzxid: Zxid(1),
};

pub(super) fn config() -> ClientConfig {
    ClientConfig {
        session_timeout: TIMEOUT,
        ..ClientConfig::new(3)
    }
}

pub(super) struct Bench {
    pub(super) client: Client,
    pub(super) now: Instant,
    next_ticket: u64,
}

/// One request as it left the client.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) header: RequestHeader,
    body: Vec<u8>,
}

impl Sent {
    pub(super) fn xid(&self) -> Xid {
        self.header.xid
    }

    pub(super) fn request(&self) -> Request<'_> {
        Request::decode(self.header.opcode, &self.body, usize::MAX).unwrap()
    }
}

impl Bench {
    /// A client that has not dialled yet.
    pub(super) fn new(config: ClientConfig) -> Self {
        let client = Client::new(config, ChaCha8Rng::from_seed([3; 32]));
        Bench {
            client,
            now: Instant::ZERO,
            next_ticket: 0,
        }
    }

    /// A client that is served.
    pub(super) fn served(config: ClientConfig) -> Self {
        let mut bench = Bench::new(config);
        bench.connect();
        let outputs = bench.accept();
        assert!(
            outputs.contains(&Output::State(ConnectionState::Connected)),
            "{outputs:?}"
        );
        bench
    }

    pub(super) fn step(&mut self, input: Input<'_>) -> Vec<Output> {
        self.client.handle(self.now, input);
        core::iter::from_fn(|| self.client.poll_output()).collect()
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) -> Vec<Output> {
        self.step(Input::Bytes(bytes))
    }

    /// Lets time pass until the next deadline, and tells the client.
    pub(super) fn wait(&mut self) -> Vec<Output> {
        self.now = self.now.max(self.client.next_deadline().unwrap());
        self.step(Input::Timeout)
    }

    pub(super) fn pass(&mut self, time: Duration) {
        self.now += time;
    }

    /// Dials and connects; returns the handshake.
    pub(super) fn connect(&mut self) -> Vec<u8> {
        let outputs = self.wait();
        assert!(
            matches!(outputs[..], [Output::Connect { .. }]),
            "{outputs:?}"
        );
        match &self.step(Input::Connected)[..] {
            [Output::Send(frame)] => frame[4..].to_vec(),
            other => panic!("{other:?}"),
        }
    }

    /// Answers the handshake with the session.
    pub(super) fn accept(&mut self) -> Vec<Output> {
        let mut wire = Vec::new();
        ConnectResponse {
            timeout_ms: i32::try_from(TIMEOUT.as_millis()).unwrap(),
            session: SESSION,
            password: &PASSWORD,
            read_only: Some(false),
        }
        .encode(&mut wire);
        self.bytes(&wire)
    }

    /// Ends the connection and makes the next; returns what was sent on it.
    pub(super) fn reconnect(&mut self) -> Vec<Sent> {
        self.step(Input::Closed);
        self.connect();
        let outputs = self.accept();
        sent(&outputs)
    }

    pub(super) fn request(&mut self, request: ClientRequest) -> (Ticket, Vec<Output>) {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        (ticket, self.step(Input::Request { ticket, request }))
    }

    /// Makes a request of a client that is served; returns what was sent.
    pub(super) fn ask(&mut self, request: ClientRequest) -> (Ticket, Sent) {
        let (ticket, outputs) = self.request(request);
        let mut sent = sent(&outputs);
        assert_eq!((sent.len(), outputs.len()), (1, 1), "{outputs:?}");
        (ticket, sent.remove(0))
    }

    /// Makes a request, and answers it with the frame that `encode` appends.
    pub(super) fn exchange(
        &mut self,
        request: ClientRequest,
        encode: impl FnOnce(&mut Vec<u8>, Xid),
    ) -> (Ticket, Vec<Output>) {
        let (ticket, sent) = self.ask(request);
        let mut wire = Vec::new();
        encode(&mut wire, sent.xid());
        (ticket, self.bytes(&wire))
    }

    pub(super) fn event(&mut self, kind: EventKind, path: &str) -> Vec<Output> {
        let state = KeeperState::SyncConnected;
        let mut wire = Vec::new();
        WatcherEvent {
            kind,
            state,
            path: Cow::Borrowed(path),
        }
        .encode(Zxid(50), &mut wire);
        self.bytes(&wire)
    }

    pub(super) fn void(&mut self, xid: Xid) -> Vec<Output> {
        let mut wire = Vec::new();
        reply::void(&mut wire, xid, Zxid(40));
        self.bytes(&wire)
    }

    pub(super) fn refuse(&mut self, xid: Xid, code: ErrorCode) -> Vec<Output> {
        let mut wire = Vec::new();
        reply::error(&mut wire, xid, Zxid(40), code);
        self.bytes(&wire)
    }
}

/// The requests among some outputs.
pub(super) fn sent(outputs: &[Output]) -> Vec<Sent> {
    let mut sent = Vec::new();
    for output in outputs {
        if let Output::Send(frame) = output {
            let (header, body) = RequestHeader::decode(&frame[4..]).unwrap();
            sent.push(Sent {
                header,
                body: body.to_vec(),
            });
        }
    }
    sent
}

/// The replies among some outputs.
pub(super) fn replies(outputs: &[Output]) -> Vec<(Ticket, Result<Response, ClientError>)> {
    let mut replies = Vec::new();
    for output in outputs {
        if let Output::Reply {
            ticket,
            zxid: _,
            result,
        } = output
        {
            replies.push((*ticket, result.clone()));
        }
    }
    replies
}

/// The only event among some outputs, and whom it is for.
pub(super) fn event(outputs: &[Output]) -> (WatchedEvent, Vec<Ticket>) {
    let mut events = Vec::new();
    for output in outputs {
        if let Output::Event { event, watchers } = output {
            events.push((event.clone(), watchers.clone()));
        }
    }
    assert_eq!(events.len(), 1, "{outputs:?}");
    events.remove(0)
}

pub(super) fn get(path: &str) -> ClientRequest {
    ClientRequest::GetData {
        path: path.into(),
        watch: None,
    }
}

pub(super) fn connection_loss(ticket: Ticket) -> (Ticket, Result<Response, ClientError>) {
    (ticket, Err(ClientError::ConnectionLoss))
}

pub(super) fn data(text: &str) -> Response {
    Response::Data {
        data: Some(text.as_bytes().to_vec()),
        stat: STAT,
    }
}

pub(super) fn reply_data(text: &'static str) -> impl FnOnce(&mut Vec<u8>, Xid) {
    move |out, xid| reply::data(out, xid, Zxid(40), Some(text.as_bytes()), &STAT)
}

pub(super) fn void_at(zxid: u64) -> impl FnOnce(&mut Vec<u8>, Xid) {
    move |out, xid| reply::void(out, xid, Zxid(zxid))
}

pub(super) fn no_tickets() -> Vec<Ticket> {
    vec![]
}
