//! A server in miniature, and short ways to write requests down.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "each test file uses its part"
)]

#[path = "../model/told.rs"]
mod told;

use std::collections::BTreeMap;
pub use told::Told;
use zk_types::{
    Acl, CreateCall, CreateOp, ErrorCode, Identity, Op, Perms, RawAcl, SessionId, Stat, Txn,
    TxnHeader, WallTime, Zxid,
};

use znode_tree::{
    Applied, Change, ChangeKind, Loader, Pending, Refusal, Requester, Tree, TreeConfig,
};

pub const ME: SessionId = SessionId(0x0100_0000_0000_0001);
pub const OTHER: SessionId = SessionId(0x0200_0000_0000_0002);

/// A leader that applies what it prepares, at once or later.
pub struct Server {
    pub tree: Tree,
    pub pending: Pending,
    pub queue: Vec<(TxnHeader, Txn)>,
    pub next: u64,
    pub now: i64,
    pub changes: Vec<(ChangeKind, String)>,
}

pub fn told(applied: &Applied<'_>) -> Told {
    match applied {
        Applied::Done => Told::Done,
        Applied::Created {
            path,
            stat,
            with_stat,
        } => Told::Created {
            path: (*path).into(),
            stat: *stat,
            with_stat: *with_stat,
        },
        Applied::DataSet(stat) => Told::Data(*stat),
        Applied::AclSet(stat) => Told::Acl(*stat),
        Applied::Multi(parts) => Told::Multi(parts.iter().map(told).collect()),
        Applied::Error(code) => panic!("{code:?} was never prepared"),
    }
}

impl Server {
    pub fn new() -> Self {
        Server::with(TreeConfig::new([3, 4]))
    }

    pub fn with(config: TreeConfig) -> Self {
        Server {
            tree: Tree::new(config),
            pending: Pending::new(),
            queue: Vec::new(),
            next: 1,
            now: 1_000,
            changes: Vec::new(),
        }
    }

    pub fn prepare(&mut self, requester: &Requester<'_>, op: &Op<'_>) -> Result<(), Refusal> {
        let (zxid, time) = (Zxid(self.next), WallTime(self.now));
        let before = tokens(&self.pending);
        match self
            .tree
            .prepare(&mut self.pending, requester, zxid, time, op)
        {
            Ok(txn) => {
                self.next += 1;
                let session = requester.session;
                self.queue.push((
                    TxnHeader {
                        session,
                        cxid: 0,
                        zxid,
                        time,
                    },
                    txn,
                ));
                Ok(())
            }
            Err(refusal) => {
                assert_eq!(tokens(&self.pending), before, "a refusal leaves no trace");
                Err(refusal)
            }
        }
    }

    /// Applies the oldest prepared transaction.
    pub fn apply(&mut self) -> Told {
        let (header, txn) = self.queue.remove(0);
        let changes = &mut self.changes;
        let applied = self.tree.apply(&header, &txn, &mut |change: Change<'_>| {
            changes.push((change.kind, change.path.into()));
        });
        let told = told(&applied);
        self.pending.settle(header.zxid);
        if self.queue.is_empty() {
            assert!(self.pending.is_empty());
        }
        told
    }

    pub fn ask(&mut self, requester: &Requester<'_>, op: &Op<'_>) -> Result<Told, Refusal> {
        self.prepare(requester, op)?;
        while self.queue.len() > 1 {
            self.apply();
        }
        Ok(self.apply())
    }

    /// As a session without identities.
    pub fn write(&mut self, op: &Op<'_>) -> Result<Told, Refusal> {
        self.ask(&Requester::new(ME, &[]), op)
    }

    pub fn code(&mut self, op: &Op<'_>) -> ErrorCode {
        match self.write(op) {
            Err(Refusal::Error(code)) => code,
            other => panic!("{op:?} gave {other:?}"),
        }
    }

    pub fn make(&mut self, path: &str) -> Told {
        self.write(&create(path, 0)).unwrap()
    }

    pub fn stat(&self, path: &str) -> Stat {
        self.tree
            .stat(path)
            .unwrap_or_else(|| panic!("{path} exists"))
    }

    pub fn names(&self, path: &str) -> Vec<String> {
        let (children, stat) = self.tree.children(path, &superuser()).unwrap();
        assert_eq!(children.len(), usize::try_from(stat.num_children).unwrap());
        let mut names: Vec<String> = children.map(String::from).collect();
        names.sort();
        names
    }

    pub fn snapshot(&mut self) -> Vec<u8> {
        self.tree.begin_snapshot();
        let mut bytes = Vec::new();
        while let Some(chunk) = self.tree.snapshot_chunk(100) {
            bytes.extend(chunk);
        }
        bytes
    }
}

/// What is pending, whatever the order in which a hash table shows it.
fn tokens(pending: &Pending) -> Vec<String> {
    let text = format!("{pending:?}");
    let mut tokens: Vec<String> = text.split(['{', '}', ',']).map(String::from).collect();
    tokens.sort();
    tokens
}

pub fn superuser() -> [Identity; 1] {
    [identity("super", "")]
}

pub fn identity(scheme: &str, id: &str) -> Identity {
    Identity {
        scheme: scheme.into(),
        id: id.into(),
    }
}

pub fn acl(perms: i32, scheme: &str, id: &str) -> Acl {
    Acl {
        perms: Perms(perms),
        scheme: scheme.into(),
        id: id.into(),
    }
}

pub fn raw(list: &[Acl]) -> Option<Vec<RawAcl<'static>>> {
    let entry = |acl: &Acl| RawAcl {
        perms: acl.perms,
        scheme: Some(acl.scheme.clone().into()),
        id: Some(acl.id.clone().into()),
    };
    Some(list.iter().map(entry).collect())
}

pub fn open() -> Option<Vec<RawAcl<'static>>> {
    raw(&[Acl::world(Perms::ALL)])
}

pub fn create_op(path: &str, flags: i32) -> CreateOp<'static> {
    CreateOp {
        call: CreateCall::Create,
        path: Some(path.to_string().into()),
        data: Some(Vec::new().into()),
        acl: open(),
        flags,
        ttl_ms: -1,
    }
}

pub fn create(path: &str, flags: i32) -> Op<'static> {
    Op::Create(create_op(path, flags))
}

pub fn create_with(path: &str, data: &str) -> Op<'static> {
    let data = Some(data.as_bytes().to_vec().into());
    Op::Create(CreateOp {
        data,
        ..create_op(path, 0)
    })
}

pub fn create_ttl(path: &str, flags: i32, ttl_ms: i64) -> Op<'static> {
    Op::Create(CreateOp {
        call: CreateCall::Ttl,
        ttl_ms,
        ..create_op(path, flags)
    })
}

pub fn create_acl(path: &str, list: &[Acl]) -> Op<'static> {
    Op::Create(CreateOp {
        acl: raw(list),
        ..create_op(path, 0)
    })
}

pub fn delete(path: &str, version: i32) -> Op<'static> {
    Op::Delete {
        path: Some(path.to_string().into()),
        version,
    }
}

pub fn delete_container(path: &str) -> Op<'static> {
    Op::DeleteContainer {
        path: Some(path.to_string().into()),
    }
}

pub fn set(path: &str, data: &str, version: i32) -> Op<'static> {
    let data = Some(data.as_bytes().to_vec().into());
    Op::SetData {
        path: Some(path.to_string().into()),
        data,
        version,
    }
}

pub fn set_acl(path: &str, list: &[Acl], version: i32) -> Op<'static> {
    Op::SetAcl {
        path: Some(path.to_string().into()),
        acl: raw(list),
        version,
    }
}

pub fn check(path: &str, version: i32) -> Op<'static> {
    Op::Check {
        path: Some(path.to_string().into()),
        version,
    }
}

pub fn load(bytes: &[u8]) -> Tree {
    let mut loader = Loader::new(TreeConfig::new([9, 9]));
    loader.push(bytes).unwrap();
    loader.finish().unwrap()
}

/// Data, access list and metadata.
type DumpedNode = (Option<Vec<u8>>, Vec<Acl>, Stat);

/// Everything a client could find out about a tree.
#[derive(Debug, PartialEq, Eq)]
pub struct Dump {
    pub nodes: BTreeMap<String, DumpedNode>,
    pub ephemerals: BTreeMap<SessionId, Vec<String>>,
    pub counts: (usize, usize, usize, u64, u64, Zxid),
}

pub fn dump(tree: &Tree) -> Dump {
    let mut nodes = BTreeMap::new();
    let mut open = vec![String::from("/")];
    while let Some(path) = open.pop() {
        let (data, stat) = tree.get_data(&path, &superuser()).unwrap();
        let acl = tree.acl_of(&path).unwrap().to_vec();
        for name in tree.children(&path, &superuser()).unwrap().0 {
            open.push(if path == "/" {
                format!("/{name}")
            } else {
                format!("{path}/{name}")
            });
        }
        nodes.insert(path, (data.map(|data| data.to_vec()), acl, stat));
    }
    let mut ephemerals = BTreeMap::new();
    for session in tree.sessions_with_ephemerals() {
        let mut paths = Vec::new();
        tree.ephemerals_of(session, "", &mut |path| paths.push(path.to_string()));
        paths.sort();
        ephemerals.insert(session, paths);
    }
    let counts = (
        tree.node_count(),
        tree.ephemeral_count(),
        tree.acl_count(),
        tree.approximate_data_size(),
        tree.digest(),
        tree.last_zxid(),
    );
    assert_eq!(nodes.len(), tree.node_count());
    Dump {
        nodes,
        ephemerals,
        counts,
    }
}
