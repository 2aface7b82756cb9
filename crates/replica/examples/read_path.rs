//! The read path alone, on threads: `cargo run --release -p replica --example read_path -- 1 2`
//! prints reads per second on one thread, and on two. Each thread cuts frames, decodes requests,
//! reads the one tree they share, and encodes answers. Nothing is written to what they share, so
//! processors are all that more threads need.
#![expect(clippy::print_stdout, reason = "an example reports to whoever runs it")]
#![allow(
    clippy::disallowed_methods,
    reason = "an example that measures reads the clock"
)]

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};
use zk_proto::{FrameDecoder, Incoming, OpCode, Request, RequestHeader, reply};
use zk_types::{Acl, Bytes, CreateTxn, NodeKind, Perms, SessionId, Txn, TxnHeader, WallTime, Zxid};
use znode_tree::{Tree, TreeConfig};

const NODES: u32 = 10_000;
const VALUE: [u8; 100] = [b'x'; 100];
/// Requests that come with one read of a socket.
const REQUESTS: u32 = 16;
const TURNS: u32 = 5;
const TURN: Duration = Duration::from_millis(400);

fn main() {
    let tree = Arc::new(tree());
    let counts: Vec<usize> = std::env::args()
        .skip(1)
        .map(|count| count.parse().expect("counts of threads are numbers"))
        .collect();
    // In turns, and the best of each: what else the machine does only takes away.
    let mut best = vec![0.0_f64; counts.len()];
    for _ in 0..TURNS {
        for (best, count) in best.iter_mut().zip(&counts) {
            *best = best.max(rate(&tree, *count));
        }
    }
    for rate in best {
        println!("{rate:.0}");
    }
}

/// Reads per second of all threads together.
fn rate(tree: &Arc<Tree>, threads: usize) -> f64 {
    let started = Instant::now();
    let running: Vec<_> = (0..threads)
        .map(|seed| {
            let tree = Arc::clone(tree);
            thread::spawn(move || serve(&tree, seed, started + TURN))
        })
        .collect();
    let reads: u64 = running
        .into_iter()
        .map(|thread| thread.join().expect("it only reads"))
        .sum();
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let reads = reads as f64;
    reads / started.elapsed().as_secs_f64()
}

/// Answers requests until it is time; how many.
fn serve(tree: &Tree, seed: usize, until: Instant) -> u64 {
    let mut decoder = FrameDecoder::for_requests(1 << 20);
    let asked: Vec<Vec<u8>> = (0..64).map(|turn| requests(seed * 64 + turn)).collect();
    let mut answers = Vec::new();
    let mut reads = 0;
    while Instant::now() < until {
        for bytes in &asked {
            answers.clear();
            let mut bytes: &[u8] = bytes;
            while let Ok(Some(Incoming::Frame(frame))) = decoder.next(&mut bytes) {
                answer(tree, frame, &mut answers);
                reads += 1;
            }
        }
    }
    reads
}

fn answer(tree: &Tree, frame: &[u8], answers: &mut Vec<u8>) {
    let (header, body) = RequestHeader::decode(frame).expect("a whole request");
    let request = Request::decode(header.opcode, body, 1 << 20).expect("one that is understood");
    let Request::GetData { path, .. } = request else {
        panic!("only data is asked for");
    };
    let path = path.as_deref().expect("a path is there");
    let (data, stat) = tree.get_data(path, &[]).expect("the node is there");
    let data = data.map(AsRef::as_ref);
    reply::data(answers, header.xid, tree.last_zxid(), data, &stat);
}

/// What a socket has at once.
fn requests(seed: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    for at in 0..REQUESTS {
        let drawn = u32::try_from(seed).expect("few threads") * REQUESTS + at;
        let path = path(drawn.wrapping_mul(7_919) % NODES);
        let length = u32::try_from(path.len()).expect("a short path");
        bytes.extend_from_slice(&(8 + 4 + length + 1).to_be_bytes());
        bytes.extend_from_slice(&at.to_be_bytes());
        bytes.extend_from_slice(&OpCode::GetData.code().to_be_bytes());
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(path.as_bytes());
        bytes.push(0);
    }
    bytes
}

fn path(number: u32) -> String {
    format!("/n{number:09}")
}

fn tree() -> Tree {
    let mut tree = Tree::new(TreeConfig::new([1, 2]));
    for number in 0..NODES {
        let header = TxnHeader {
            session: SessionId(1),
            cxid: 1,
            zxid: Zxid(u64::from(number) + 1),
            time: WallTime(0),
        };
        let txn = Txn::Create(CreateTxn {
            path: path(number).into_boxed_str(),
            data: Some(Bytes::from(VALUE)),
            acl: vec![Acl {
                perms: Perms::ALL,
                scheme: "world".into(),
                id: "anyone".into(),
            }],
            kind: NodeKind::Persistent,
            parent_cversion: -1,
            with_stat: false,
        });
        tree.apply(&header, &txn, &mut |_| {});
    }
    tree
}
