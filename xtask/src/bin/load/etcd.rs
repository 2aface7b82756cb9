//! The same load on etcd, in its own protocol: protobuf messages in HTTP/2 streams, which is gRPC.
//!
//! Reads are asked for as `serializable`: the server that is asked answers by itself, as a
//! `ZooKeeper` does.

use super::drive::Options;
use super::outcome::{Counted, Meter};
use super::work::{self, Kind};
use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use h2::client::SendRequest;
use http::Request;
use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::runtime;
use tokio::task::{JoinSet, LocalSet, spawn_local};

/// Bytes of answers that may be on their way, on a stream and on a connection: no load waits for
/// leave to receive.
const WINDOW: u32 = 1 << 20;
const WINDOW_OF_ALL: u32 = 1 << 24;

/// Loads the servers, and prints what came of it.
pub(crate) fn run(options: &Options) -> Result<()> {
    ensure!(options.rate.is_none(), "a load on etcd has no pace");
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    LocalSet::new().block_on(&runtime, drive(options))
}

async fn drive(options: &Options) -> Result<()> {
    let mut channels = Vec::new();
    for index in 0..options.connections.max(1) {
        channels.push(dial(options.servers[index % options.servers.len()]).await?);
    }
    let value = Bytes::from(vec![b'x'; options.value]);
    for number in 0..options.nodes {
        let put = put(&work::node(number, options.value), &value);
        call(&channels[0], PUT, put).await?;
    }
    load(options, &channels, &value, options.warm_up_ms).await?;
    let meter = Meter::start(&options.pids)?;
    let counted = load(options, &channels, &value, options.ms).await?;
    println!("{}", serde_json::to_string(&meter.stop(&counted)?)?);
    Ok(())
}

type Channel = SendRequest<Bytes>;

async fn dial(address: SocketAddr) -> Result<Channel> {
    let stream = TcpStream::connect(address)
        .await
        .with_context(|| format!("cannot connect to {address}"))?;
    stream.set_nodelay(true)?;
    let (channel, connection) = h2::client::Builder::new()
        .initial_window_size(WINDOW)
        .initial_connection_window_size(WINDOW_OF_ALL)
        .handshake(stream)
        .await?;
    spawn_local(connection);
    Ok(channel)
}

/// What all that ask have in common.
struct Shared {
    options: Options,
    value: Bytes,
    until: Instant,
    dice: Cell<u64>,
    counted: RefCell<Counted>,
}

/// Keeps every connection's requests under way for so many milliseconds.
async fn load(options: &Options, channels: &[Channel], value: &Bytes, ms: u64) -> Result<Counted> {
    let shared = Rc::new(Shared {
        options: options.clone(),
        value: value.clone(),
        until: Instant::now() + Duration::from_millis(ms),
        dice: Cell::new(work::SEED),
        counted: RefCell::new(Counted::new()?),
    });
    let mut asking = JoinSet::new();
    for channel in channels {
        for _ in 0..options.depth {
            asking.spawn_local(ask(channel.clone(), Rc::clone(&shared)));
        }
    }
    while let Some(asked) = asking.join_next().await {
        asked??;
    }
    let shared = Rc::into_inner(shared).context("everybody who asked has ended")?;
    Ok(shared.counted.into_inner())
}

/// One request after the other.
async fn ask(channel: Channel, shared: Rc<Shared>) -> Result<()> {
    let Shared { options, value, .. } = &*shared;
    loop {
        let asked = Instant::now();
        let path = work::node(work::draw(&shared.dice, options.nodes), options.value);
        match options.mix.pick(work::draw(&shared.dice, 100)) {
            Kind::Get => {
                let length = call(&channel, RANGE, range(&path)).await?;
                ensure!(length >= options.value, "{path} has no value");
            }
            Kind::Set => drop(call(&channel, PUT, put(&path, value)).await?),
            kind @ (Kind::Create | Kind::Delete | Kind::Multi | Kind::List) => {
                bail!("a load on etcd has no {kind:?}")
            }
        }
        let now = Instant::now();
        if now >= shared.until {
            return Ok(());
        }
        shared.counted.borrow_mut().answer(asked, now);
    }
}

const PUT: &str = "http://etcd/etcdserverpb.KV/Put";
const RANGE: &str = "http://etcd/etcdserverpb.KV/Range";

/// Sends a message and waits for the answer; how long that is.
async fn call(channel: &Channel, method: &str, message: Bytes) -> Result<usize> {
    let request = Request::post(method)
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(())?;
    let mut channel = channel.clone().ready().await?;
    let (answer, mut sending) = channel.send_request(request, false)?;
    sending.send_data(message, true)?;
    let mut body = answer.await?.into_body();
    let mut length = 0;
    while let Some(part) = body.data().await {
        let part = part?;
        length += part.len();
        body.flow_control().release_capacity(part.len())?;
    }
    let trailers = body.trailers().await?.context("an answer has trailers")?;
    let status = trailers.get("grpc-status").context("and a status there")?;
    ensure!(status == "0", "{method} is answered with {trailers:?}");
    Ok(length)
}

/// `PutRequest`: the key is field 1, the value field 2.
fn put(path: &str, value: &[u8]) -> Bytes {
    let mut message = Vec::new();
    field(&mut message, 1, path.as_bytes());
    field(&mut message, 2, value);
    framed(&message)
}

/// `RangeRequest`: the key is field 1, `serializable` field 7.
fn range(path: &str) -> Bytes {
    let mut message = Vec::new();
    field(&mut message, 1, path.as_bytes());
    message.extend_from_slice(&[7 << 3, 1]);
    framed(&message)
}

/// A field of bytes: its number, its length as a varint, and they.
fn field(message: &mut Vec<u8>, number: u8, bytes: &[u8]) {
    message.push(number << 3 | 2);
    let mut length = bytes.len();
    while length >= 0x80 {
        message.push(0x80 | u8::try_from(length & 0x7f).expect("seven bits"));
        length >>= 7;
    }
    message.push(u8::try_from(length).expect("seven bits"));
    message.extend_from_slice(bytes);
}

/// A message as gRPC frames it: not compressed, its length, and it.
fn framed(message: &[u8]) -> Bytes {
    let length = u32::try_from(message.len()).expect("a load sends small messages");
    let mut frame = vec![0];
    frame.extend_from_slice(&length.to_be_bytes());
    frame.extend_from_slice(message);
    frame.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_of_two_bytes_has_its_lower_half_first() {
        let mut message = Vec::new();
        field(&mut message, 2, &[7; 300]);
        assert_eq!(message[..4], [0x12, 0xac, 0x02, 7]);
        assert_eq!(message.len(), 303);
    }

    #[test]
    fn a_read_is_framed_with_its_key_and_that_anybody_may_answer() {
        assert_eq!(range("/a")[..], *b"\0\0\0\0\x06\x0a\x02/a\x38\x01");
    }
}
