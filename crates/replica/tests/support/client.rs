//! A client that speaks in bytes.

use replica::ConnId;
use std::collections::VecDeque;
use zk_proto::{
    ConnectRequest, ConnectResponse, FrameDecoder, Incoming, OpCode, ReplyHeader, Request,
    Response, WatcherEvent, Xid,
};
use zk_types::{SessionId, Zxid};

/// A client that speaks in bytes and remembers nothing but what it decodes.
pub(crate) struct Client {
    pub(crate) conn: ConnId,
    pub(crate) session: SessionId,
    pub(crate) password: Vec<u8>,
    decoder: FrameDecoder,
    opcodes: VecDeque<i32>,
    xid: i32,
}

/// One frame from the server, decoded as far as tests look.
#[derive(Clone, Debug)]
pub(crate) enum Heard {
    Reply {
        header: ReplyHeader,
        body: Vec<u8>,
        opcode: i32,
    },
    Event {
        event: String,
        zxid: Zxid,
    },
}

/// The first frame of a client that wants this session, or a new one.
pub(crate) fn greeting(session: SessionId, password: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    ConnectRequest {
        last_zxid_seen: Zxid::ZERO,
        timeout_ms: 10_000,
        session,
        password: Some(password),
        read_only: Some(false),
    }
    .encode(&mut bytes);
    bytes
}

impl Client {
    pub(crate) fn encode(&mut self, request: &Request<'_>) -> Vec<u8> {
        self.xid += 1;
        self.opcodes.push_back(request.opcode().code());
        let mut bytes = Vec::new();
        request.encode(Xid(self.xid), &mut bytes);
        bytes
    }

    /// Who the server made of the greeting, by its answer; `None` when it refused the session.
    pub(crate) fn welcomed(conn: ConnId, answer: &[u8]) -> Option<Client> {
        let response = ConnectResponse::decode(&answer[4..]).expect("a connect response");
        (!response.is_refusal()).then(|| Client {
            conn,
            session: response.session,
            password: response.password.to_vec(),
            decoder: FrameDecoder::for_replies(1 << 24),
            opcodes: VecDeque::new(),
            xid: 0,
        })
    }

    /// What the server said with these bytes.
    pub(crate) fn decode(&mut self, mut bytes: &[u8]) -> Vec<Heard> {
        let mut heard = Vec::new();
        while let Some(Incoming::Frame(frame)) = self.decoder.next(&mut bytes).expect("frames") {
            let (header, body) = ReplyHeader::decode(frame).expect("a reply");
            heard.push(if header.xid == Xid::NOTIFICATION {
                let event = WatcherEvent::decode(body).expect("an event");
                Heard::Event {
                    event: format!("{:?} {}", event.kind, event.path),
                    zxid: header.zxid,
                }
            } else {
                let opcode = self.opcodes.pop_front().expect("an answer to a question");
                Heard::Reply {
                    header,
                    body: body.to_vec(),
                    opcode,
                }
            });
        }
        heard
    }
}

impl Heard {
    /// The error code of a reply.
    pub(crate) fn err(&self) -> i32 {
        match self {
            Heard::Reply { header, .. } => header.err,
            Heard::Event { event, .. } => panic!("an event is no reply: {event}"),
        }
    }

    /// The zxid in its header.
    pub(crate) fn zxid(&self) -> Zxid {
        match self {
            Heard::Reply { header, .. } => header.zxid,
            Heard::Event { zxid, .. } => *zxid,
        }
    }

    pub(crate) fn is_event(&self) -> bool {
        matches!(self, Heard::Event { .. })
    }

    /// The decoded body of a successful reply.
    pub(crate) fn response(&self) -> Response<'_> {
        match self {
            Heard::Reply { body, opcode, .. } => {
                let opcode = OpCode::from_code(*opcode).expect("a known operation");
                Response::decode(opcode, body).expect("a body of that operation")
            }
            Heard::Event { event, .. } => panic!("an event is no reply: {event}"),
        }
    }
}
