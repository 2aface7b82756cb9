//! A server that knows frames and handshakes, and leaves the rest to the test.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use zk_proto::{
    ConnectResponse, FrameDecoder, Incoming, OpCode, Request, RequestHeader, Xid, reply,
};
use zk_types::{SessionId, Stat, WallTime, Zxid};

pub(super) const STAT: Stat = Stat {
    czxid: Zxid(1),
    mzxid: Zxid(1),
    ctime: WallTime(1),
    mtime: WallTime(1),
    version: 0,
    cversion: 0,
    aversion: 0,
    ephemeral_owner: SessionId::NONE,
    data_length: 1,
    num_children: 0,
    pzxid: Zxid(1),
};

/// One request as it reached the server.
pub(super) struct Seen<'a> {
    pub(super) xid: Xid,
    opcode: i32,
    body: &'a [u8],
}

impl Seen<'_> {
    pub(super) fn request(&self) -> Request<'_> {
        Request::decode(self.opcode, self.body, usize::MAX).unwrap()
    }
}

/// What the server does after a request.
pub(super) enum Reaction {
    Go,
    HangUp,
}

type Handler = fn(&Seen<'_>, &mut Vec<u8>) -> Reaction;

pub(super) struct FakeServer {
    port: u16,
    seen: mpsc::UnboundedReceiver<OpCode>,
}

impl FakeServer {
    /// A server that grants every session and has its requests answered by `handler`.
    pub(super) async fn start(handler: Handler) -> Self {
        FakeServer::serve(Some(handler)).await
    }

    /// A server that knows no session.
    pub(super) async fn refusing() -> Self {
        FakeServer::serve(None).await
    }

    /// The address of no server.
    pub(super) async fn absent() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().to_string()
    }

    pub(super) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The next request that reached the server, pings aside.
    pub(super) async fn seen(&mut self) -> OpCode {
        self.seen.recv().await.unwrap()
    }

    async fn serve(handler: Option<Handler>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, seen) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(connection(stream, handler, sender.clone()));
            }
        });
        FakeServer { port, seen }
    }
}

async fn connection(
    mut stream: TcpStream,
    handler: Option<Handler>,
    seen: mpsc::UnboundedSender<OpCode>,
) {
    let mut decoder = FrameDecoder::for_requests(0xfffff);
    let mut read = vec![0; 4096];
    let mut greeted = false;
    while let Ok(count @ 1..) = stream.read(&mut read).await {
        let mut bytes = &read[..count];
        let mut out = Vec::new();
        let mut reaction = Reaction::Go;
        while let Some(Incoming::Frame(frame)) = decoder.next(&mut bytes).unwrap() {
            match handler {
                Some(handler) if greeted => reaction = answer(frame, handler, &seen, &mut out),
                Some(_) => grant(&mut out),
                None => ConnectResponse::refusal(Some(false)).encode(&mut out),
            }
            greeted = true;
        }
        match reaction {
            Reaction::Go => stream.write_all(&out).await.unwrap(),
            Reaction::HangUp => return,
        }
    }
}

fn grant(out: &mut Vec<u8>) {
    ConnectResponse {
        timeout_ms: 10_000,
        session: SessionId(7),
        password: &[7; 16],
        read_only: Some(false),
    }
    .encode(out);
}

fn answer(
    frame: &[u8],
    handler: Handler,
    seen: &mpsc::UnboundedSender<OpCode>,
    out: &mut Vec<u8>,
) -> Reaction {
    let (header, body) = RequestHeader::decode(frame).unwrap();
    if header.xid == Xid::PING {
        reply::void(out, Xid::PING, Zxid(1));
        return Reaction::Go;
    }
    // The test may have stopped looking.
    let _ = seen.send(OpCode::from_code(header.opcode).unwrap());
    handler(
        &Seen {
            xid: header.xid,
            opcode: header.opcode,
            body,
        },
        out,
    )
}
