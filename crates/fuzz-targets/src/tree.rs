//! The tree: snapshots of it as bytes, and requests to it as a script.

use crate::bytes::{Script, pieces};
use std::borrow::Cow;
use zk_proto::{decode_txn, encode_txn};
use zk_types::{
    CreateCall, CreateOp, ErrorCode, Identity, KeeperOp, Op, Perms, RawAcl, RawPath, SessionId,
    Stat, Txn, TxnHeader, WallTime, Zxid,
};
use znode_tree::{LoadError, Loader, Pending, Requester, Tree, TreeConfig};

/// The first byte decides where the snapshot is cut. Pieces load as the whole does, and what was
/// loaded is snapshotted and loaded again the same.
pub fn tree_loader(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let seed = script.byte().unwrap_or(0);
    let whole = load([script.rest()]);
    let pieced = load(pieces(script.rest(), seed));
    match (whole, pieced) {
        (Ok(mut whole), Ok(pieced)) => {
            assert_eq!(
                whole.digest(),
                pieced.digest(),
                "it does not matter where it is cut"
            );
            check_snapshot(&mut whole);
        }
        (Err(whole), Err(pieced)) => {
            assert_eq!(whole, pieced, "it does not matter where it is cut");
        }
        (Ok(_), Err(error)) | (Err(error), Ok(_)) => panic!("only one way to cut says: {error}"),
    }
}

fn load<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<Tree, LoadError> {
    let mut loader = Loader::new(TreeConfig::new([8, 9]));
    for piece in pieces {
        loader.push(piece)?;
    }
    loader.finish()
}

/// Each five bytes are one command to a server's tree: a request, a commit of some of what is
/// prepared, a part of a snapshot, or a change of leader. A second tree follows the first.
pub fn tree_commands(bytes: &[u8]) {
    World::new().run(bytes);
}

/// Snapshots of an empty tree and of a few that scripts made.
pub(crate) fn samples() -> Vec<Vec<u8>> {
    let scripts: [&[u8]; 2] = [&[], SAMPLE_SCRIPT.as_flattened()];
    let snapshot = |script| {
        let mut world = World::new();
        world.run(script);
        snapshot(&mut world.leader)
    };
    scripts.map(snapshot).to_vec()
}

/// Something of everything: kinds of nodes, lists, a quota.
pub(crate) const SAMPLE_SCRIPT: [[u8; 5]; 11] = [
    [0, 0, 0, 0, 1],
    [1, 1, 1, 0, 1],
    [0, 3, 150, 1, 1],
    [2, 5, 4, 0, 0],
    [3, 6, 5, 0, 100],
    [0, 7, 0, 0, 0],
    [0, 8, 0, 0, 2],
    [0, 9, 0, 0, 1],
    [0, 10, 2, 0, 1],
    [9, 0, 0, 0, 31],
    [4, 0, 0, 0, 5],
];

struct World {
    leader: Tree,
    follower: Tree,
    pending: Pending,
    prepared: Vec<(TxnHeader, Txn)>,
    closed: Vec<SessionId>,
    /// Digest and zxid of the moment the snapshot under way began, and its bytes so far.
    snapshot: Option<(u64, Zxid, Vec<u8>)>,
}

impl World {
    fn new() -> Self {
        let config = |key| TreeConfig {
            extended_types: true,
            enforce_quota: true,
            ..TreeConfig::new([key, 1])
        };
        World {
            leader: Tree::new(config(1)),
            follower: Tree::new(config(2)),
            pending: Pending::new(),
            prepared: Vec::new(),
            closed: Vec::new(),
            snapshot: None,
        }
    }

    fn run(&mut self, bytes: &[u8]) {
        let mut script = Script::new(bytes);
        while let Some(command) = script.byte() {
            let path = script.below(PATHS.len());
            let detail = script.byte().unwrap_or(0);
            let [session, argument] = [script.below(3), script.below(256)];
            match command % 16 {
                0..=8 => {
                    let kind = match command / 16 {
                        14 => 9,
                        15 => 10,
                        _ => command % 16,
                    };
                    let op = op(kind, PATHS[path], detail, argument);
                    self.request(session, detail, &op);
                }
                9 | 10 => self.commit(argument % 32 + 1),
                11 => self.change_leader(),
                12 | 13 => self.go_on_with_snapshot(argument * 4 + 1),
                14 => self.multi(path, detail, session, argument),
                _ => self.request(session, detail, &Op::CloseSession),
            }
        }
        self.commit(self.prepared.len());
        while self.snapshot.is_some() {
            self.go_on_with_snapshot(1 << 16);
        }
        check_snapshot(&mut self.leader);
    }

    fn multi(&mut self, path: usize, detail: u8, session: usize, argument: usize) {
        let part = |at: usize| {
            let kind = u8::try_from((argument >> at) % 8).expect("below eight");
            let path = PATHS[(path + at * usize::from(detail)) % PATHS.len()];
            let kind = match kind {
                5 => 8,
                6 => 9 + detail % 2,
                kind => kind,
            };
            op(kind, path, detail.wrapping_add(kind), argument + at)
        };
        self.request(
            session,
            detail,
            &Op::Multi((0..argument % 5).map(part).collect()),
        );
    }

    fn request(&mut self, session: usize, detail: u8, op: &Op<'_>) {
        let session = SessionId((1 << 56) + i64::try_from(session).expect("few sessions"));
        let identities = match detail % 4 {
            0 => vec![Identity {
                scheme: "super".into(),
                id: "super".into(),
            }],
            1 => vec![Identity {
                scheme: "digest".into(),
                id: DIGEST_ID.into(),
            }],
            _ => vec![Identity {
                scheme: "ip".into(),
                id: "10.0.0.1".into(),
            }],
        };
        let mut requester = Requester::new(session, &identities);
        if self.closed.contains(&session) {
            requester.session_check = Err(ErrorCode::SessionExpired);
        }
        let last = self
            .prepared
            .last()
            .map_or(self.leader.last_zxid(), |(header, _)| header.zxid);
        let zxid = last.successor().expect("few transactions");
        let time = WallTime(1_700_000_000_000 + i64::from(detail));
        let prepared = self
            .leader
            .prepare(&mut self.pending, &requester, zxid, time, op);
        if let Ok(txn) = prepared {
            let header = TxnHeader {
                session,
                cxid: 1,
                zxid,
                time,
            };
            let mut bytes = Vec::new();
            encode_txn(&header, &txn, &mut bytes);
            let read = decode_txn(&bytes).expect("what a leader logs is read by all");
            self.prepared.push(read);
        }
    }

    fn commit(&mut self, count: usize) {
        for (header, txn) in self.prepared.drain(..count.min(self.prepared.len())) {
            self.leader.apply(&header, &txn, &mut |_| {});
            self.follower.apply(&header, &txn, &mut |_| {});
            self.pending.settle(header.zxid);
            if matches!(txn, Txn::CloseSession { .. }) {
                self.closed.push(header.session);
            }
            assert_eq!(
                self.leader.digest(),
                self.follower.digest(),
                "the same on every server"
            );
        }
    }

    fn change_leader(&mut self) {
        self.pending = Pending::new();
        self.prepared.clear();
    }

    fn go_on_with_snapshot(&mut self, bytes_max: usize) {
        let Some((digest, zxid, bytes)) = &mut self.snapshot else {
            self.leader.begin_snapshot();
            self.snapshot = Some((self.leader.digest(), self.leader.last_zxid(), Vec::new()));
            return;
        };
        match self.leader.snapshot_chunk(bytes_max) {
            Some(chunk) => bytes.extend(chunk),
            None => {
                let loaded = load([&bytes[..]]).expect("an own snapshot is whole");
                assert_eq!(
                    (loaded.digest(), loaded.last_zxid()),
                    (*digest, *zxid),
                    "it is exact"
                );
                self.snapshot = None;
            }
        }
    }
}

fn check_snapshot(tree: &mut Tree) {
    let loaded = load([&snapshot(tree)[..]]).expect("an own snapshot is whole");
    assert_eq!(
        loaded.digest(),
        tree.digest(),
        "what is loaded is what was there"
    );
    assert_eq!(loaded.last_zxid(), tree.last_zxid());
    assert_eq!(loaded.node_count(), tree.node_count());
    assert_eq!(loaded.ephemeral_count(), tree.ephemeral_count());
    assert_eq!(loaded.acl_count(), tree.acl_count());
    assert_eq!(loaded.approximate_data_size(), tree.approximate_data_size());
}

fn snapshot(tree: &mut Tree) -> Vec<u8> {
    let mut bytes = Vec::new();
    tree.begin_snapshot();
    while let Some(chunk) = tree.snapshot_chunk(1 << 12) {
        bytes.extend(chunk);
    }
    bytes
}

const PATHS: [&str; 16] = [
    "/a",
    "/a/b",
    "/a/b/c",
    "/e",
    "/e/x",
    "/q",
    "/q/n",
    "/zookeeper/quota/q",
    "/zookeeper/quota/q/zookeeper_limits",
    "/zookeeper/quota/q/zookeeper_stats",
    "/a/seq-",
    "/",
    "",
    "/zookeeper",
    "/é",
    "//bad/",
];

const DIGEST_ID: &str = "u:Jq7wMyA/w2Vd5WIDAkdu4OIIFEQ=";

const DATA: [&[u8]; 7] = [
    b"",
    b"data",
    b"count=2,bytes=20",
    b"count=1,bytes=-1=;byteHardLimit=9;countHardLimit=3",
    b"count=99999999999999999999",
    b"=;,count=,,=1",
    &[0xff; 40],
];

fn op(kind: u8, path: &'static str, detail: u8, argument: usize) -> Op<'static> {
    let number = i32::try_from(argument).expect("a byte and a little");
    let raw = Some(Cow::Borrowed(path));
    let data = Some(Cow::Borrowed(DATA[argument % DATA.len()])).filter(|_| detail % 8 != 7);
    match kind {
        0..=3 => Op::Create(CreateOp {
            call: match kind {
                0 => CreateCall::Create,
                1 => CreateCall::Create2,
                2 => CreateCall::Container,
                _ => CreateCall::Ttl,
            },
            path: raw,
            data,
            acl: acl(detail),
            flags: i32::from(detail % 10),
            ttl_ms: if kind == 3 { i64::from(number) - 2 } else { -1 },
        }),
        4 => Op::SetData {
            path: raw,
            data,
            version: number % 5 - 1,
        },
        5 => Op::SetAcl {
            path: raw,
            acl: acl(detail),
            version: number % 5 - 1,
        },
        6 => Op::DeleteContainer { path: raw },
        7 => Op::Delete {
            path: raw,
            version: number % 5 - 1,
        },
        8 => Op::Check {
            path: raw,
            version: number % 5 - 1,
        },
        9 => Op::Create(CreateOp {
            call: CreateCall::IfNotExists,
            path: raw,
            data,
            acl: acl(detail),
            flags: i32::from(detail % 10),
            ttl_ms: -1,
        }),
        _ => Op::Keeper(keeper_op(raw, detail, argument)),
    }
}

fn keeper_op(path: RawPath<'static>, detail: u8, argument: usize) -> KeeperOp<'static> {
    let number = i32::try_from(argument).expect("a byte and a little");
    let version = number % 5 - 1;
    match detail % 4 {
        0 => KeeperOp::CheckNotExists { path, version },
        1 => KeeperOp::CheckStat {
            path,
            version,
            stat: Stat {
                czxid: Zxid(u64::MAX),
                mzxid: Zxid(u64::MAX),
                ctime: WallTime(-1),
                mtime: WallTime(-1),
                version,
                cversion: version,
                aversion: -1,
                ephemeral_owner: SessionId(-1),
                data_length: -1,
                num_children: version,
                pzxid: Zxid(u64::MAX),
            },
        },
        2 => KeeperOp::TryDelete { path, version },
        _ => KeeperOp::DeleteRecursive {
            path,
            nodes_max: number.unsigned_abs() % 8,
        },
    }
}

fn acl(detail: u8) -> Option<Vec<RawAcl<'static>>> {
    let entry = |perms, scheme, id| RawAcl {
        perms: Perms(perms),
        scheme: Some(Cow::Borrowed(scheme)),
        id: Some(Cow::Borrowed(id)),
    };
    let open = entry(31, "world", "anyone");
    match detail / 16 {
        0..=8 => Some(vec![open]),
        9 => Some(vec![
            entry(1, "world", "anyone"),
            entry(31, "digest", DIGEST_ID),
        ]),
        10 => Some(vec![entry(31, "auth", "")]),
        11 => Some(vec![entry(31, "ip", "10.0.0.0/8")]),
        12 => Some(vec![entry(-1, "nonsense", "")]),
        13 => Some(Vec::new()),
        14 => Some(vec![RawAcl {
            scheme: None,
            id: None,
            ..open
        }]),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_has_something_of_everything() {
        let mut world = World::new();
        world.run(SAMPLE_SCRIPT.as_flattened());
        assert_eq!(world.leader.ephemeral_count(), 1);
        assert_eq!(
            world.leader.node_count(),
            Tree::new(TreeConfig::new([0, 0])).node_count() + 9
        );
        assert!(world.leader.acl_count() > 1);
    }
}
