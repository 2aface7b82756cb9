//! ZooKeeper's tree as a plain map, written from the documentation and with no eye to speed.

use crate::Told;
use std::collections::{BTreeMap, BTreeSet};
use zk_types::{
    Acl, CreateCall, CreateOp, ErrorCode, Identity, KeeperOp, NodeKind, Op, Perms, RawAcl,
    SessionId, Stat, WallTime, ZnodePath, Zxid,
};
use znode_tree::Refusal;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelNode {
    pub data: Option<Vec<u8>>,
    pub acl: Vec<Acl>,
    pub kind: NodeKind,
    pub creations: i32,
    pub version: i32,
    pub aversion: i32,
    pub czxid: Zxid,
    pub mzxid: Zxid,
    pub pzxid: Zxid,
    pub ctime: WallTime,
    pub mtime: WallTime,
}

#[derive(Clone, Debug)]
pub struct Model {
    pub nodes: BTreeMap<String, ModelNode>,
    pub closed: BTreeSet<SessionId>,
}

/// One request of one session.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    pub session: SessionId,
    pub identities: &'a [Identity],
    pub zxid: Zxid,
    pub time: WallTime,
    pub in_multi: bool,
}

const BUILT_IN: [&str; 4] = ["/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config"];

impl Model {
    pub fn new() -> Self {
        let node = |perms, aversion| ModelNode {
            data: Some(Vec::new()),
            acl: vec![Acl::world(perms)],
            kind: NodeKind::Persistent,
            creations: 0,
            version: 0,
            aversion,
            czxid: Zxid::ZERO,
            mzxid: Zxid::ZERO,
            pzxid: Zxid::ZERO,
            ctime: WallTime(0),
            mtime: WallTime(0),
        };
        let nodes = BUILT_IN.map(|path| match path {
            "/zookeeper/config" => (path.to_string(), node(Perms::READ, -1)),
            _ => (path.to_string(), node(Perms::ALL, 0)),
        });
        Model {
            nodes: nodes.into(),
            closed: BTreeSet::new(),
        }
    }

    pub fn request(&mut self, asked: Asked<'_>, op: &Op<'_>) -> Result<Told, Refusal> {
        let Op::Multi(ops) = op else {
            return self.one(asked, op).map_err(Refusal::Error);
        };
        let is_undecodable = |op: &Op<'_>| match op {
            Op::Create(op) => op.call != CreateCall::Ttl && !(0..=4).contains(&op.flags),
            _ => false,
        };
        if ops.iter().any(is_undecodable) {
            return Err(Refusal::Error(ErrorCode::MarshallingError));
        }
        if ops.is_empty() {
            self.alive(asked).map_err(Refusal::Error)?;
        }
        let before = self.clone();
        let asked = Asked {
            in_multi: true,
            ..asked
        };
        let mut told = Vec::new();
        for op in ops {
            match self.one(asked, op) {
                Ok(one) => told.push(one),
                Err(code) => {
                    *self = before;
                    let mut codes = vec![None; told.len()];
                    codes.push(Some(code));
                    codes.resize(ops.len(), Some(ErrorCode::RuntimeInconsistency));
                    return Err(Refusal::Multi(codes));
                }
            }
        }
        Ok(Told::Multi(told))
    }

    fn one(&mut self, asked: Asked<'_>, op: &Op<'_>) -> Result<Told, ErrorCode> {
        match op {
            Op::Create(op) => self.create(asked, op),
            Op::Delete { path, version } => {
                let path = path.as_deref().unwrap();
                self.alive(asked)?;
                if !path.contains('/') || BUILT_IN.contains(&path) {
                    return Err(ErrorCode::BadArguments);
                }
                let parent = self.node(parent(path))?;
                may(&parent.acl, Perms::DELETE, asked)?;
                same(*version, self.node(path)?.version)?;
                self.remove_childless(asked, path)
            }
            Op::DeleteContainer { path } => {
                let path = path.as_deref().unwrap();
                let node = self.node(path)?;
                let (kind, mtime) = (node.kind, node.mtime);
                if !self.children(path).is_empty() {
                    return Err(ErrorCode::NotEmpty);
                }
                match kind {
                    NodeKind::Container => {}
                    NodeKind::Ttl(ttl) if asked.time.0 - mtime.0 > ttl => {}
                    _ => return Err(ErrorCode::BadVersion),
                }
                self.remove_childless(asked, path)
            }
            Op::SetData {
                path,
                data,
                version,
            } => {
                self.alive(asked)?;
                let path = full(path.as_deref().unwrap())?;
                may(&self.node(path)?.acl, Perms::WRITE, asked)?;
                same(*version, self.node(path)?.version)?;
                let node = self.nodes.get_mut(path).unwrap();
                node.data = data.as_ref().map(|data| data.to_vec());
                node.version += 1;
                node.mzxid = asked.zxid;
                node.mtime = asked.time;
                Ok(Told::Data(self.stat(path)))
            }
            Op::SetAcl { path, acl, version } => {
                self.alive(asked)?;
                let path = full(path.as_deref().unwrap())?;
                let acl = fix_up(acl.as_deref().unwrap(), asked)?;
                may(&self.node(path)?.acl, Perms::ADMIN, asked)?;
                same(*version, self.node(path)?.aversion)?;
                let node = self.nodes.get_mut(path).unwrap();
                node.acl = acl;
                node.aversion += 1;
                Ok(Told::Acl(self.stat(path)))
            }
            Op::Check { path, version } => {
                self.alive(asked)?;
                let path = full(path.as_deref().unwrap())?;
                may(&self.node(path)?.acl, Perms::READ, asked)?;
                same(*version, self.node(path)?.version)?;
                Ok(Told::Done)
            }
            Op::CloseSession => {
                let owned = |node: &ModelNode| node.kind == NodeKind::Ephemeral(asked.session);
                let paths: Vec<String> = self
                    .nodes
                    .iter()
                    .filter(|(_, node)| owned(node))
                    .map(|(path, _)| path.clone())
                    .collect();
                for path in paths {
                    self.remove_childless(asked, &path).unwrap();
                }
                self.closed.insert(asked.session);
                Ok(Told::Done)
            }
            Op::CreateSession { .. } => Ok(Told::Done),
            Op::Keeper(op) => self.keeper(asked, op),
            Op::Multi(_) => unreachable!(),
        }
    }

    fn keeper(&mut self, asked: Asked<'_>, op: &KeeperOp<'_>) -> Result<Told, ErrorCode> {
        match op {
            KeeperOp::CheckNotExists { path, version } => {
                self.alive(asked)?;
                if let Ok(node) = self.node(full(path.as_deref().unwrap())?) {
                    may(&node.acl, Perms::READ, asked)?;
                    if [-1, node.version].contains(version) {
                        return Err(ErrorCode::NodeExists);
                    }
                }
            }
            KeeperOp::CheckStat {
                path,
                version,
                stat,
            } => {
                self.alive(asked)?;
                let path = full(path.as_deref().unwrap())?;
                may(&self.node(path)?.acl, Perms::READ, asked)?;
                same(*version, self.node(path)?.version)?;
                let own = self.stat(path);
                same(stat.cversion, own.cversion)?;
                same(stat.num_children, own.num_children)?;
            }
            KeeperOp::TryDelete { path, version } => {
                let delete = Op::Delete {
                    path: path.clone(),
                    version: *version,
                };
                match self.one(asked, &delete) {
                    Ok(_) | Err(ErrorCode::NoNode | ErrorCode::BadVersion) => {}
                    Err(ErrorCode::NotEmpty) => {}
                    Err(code) => return Err(code),
                }
            }
            KeeperOp::DeleteRecursive { path, nodes_max } => {
                self.delete_recursive(asked, path.as_deref().unwrap(), *nodes_max)?;
            }
        }
        Ok(Told::Done)
    }

    fn delete_recursive(
        &mut self,
        asked: Asked<'_>,
        path: &str,
        nodes_max: u32,
    ) -> Result<(), ErrorCode> {
        self.alive(asked)?;
        if !path.contains('/') || BUILT_IN.contains(&path) {
            return Err(ErrorCode::BadArguments);
        }
        let Ok(parent) = self.node(parent(path)) else {
            return Ok(());
        };
        may(&parent.acl, Perms::DELETE, asked)?;
        if self.node(path).is_err() {
            return Ok(());
        }
        let below = format!("{path}/");
        let mut paths: Vec<String> = self
            .nodes
            .keys()
            .filter(|other| *other == path || other.starts_with(&below))
            .cloned()
            .collect();
        if paths.len() > usize::try_from(nodes_max).unwrap().max(1) {
            return Err(ErrorCode::NotEmpty);
        }
        for path in &paths {
            if !self.children(path).is_empty() {
                may(&self.nodes[path].acl, Perms::DELETE, asked)?;
            }
        }
        paths.sort_by_key(|path| std::cmp::Reverse(path.len()));
        for path in paths {
            self.remove_childless(asked, &path).unwrap();
        }
        Ok(())
    }

    fn create(&mut self, asked: Asked<'_>, op: &CreateOp<'_>) -> Result<Told, ErrorCode> {
        let path = op.path.as_deref().unwrap();
        let is_ttl = matches!(op.flags, 5 | 6);
        if !(0..=6).contains(&op.flags) {
            return Err(ErrorCode::BadArguments);
        }
        if is_ttl && !(op.call == CreateCall::Ttl && (1..1 << 40).contains(&op.ttl_ms)) {
            return Err(ErrorCode::BadArguments);
        }
        if op.call == CreateCall::Ttl && !is_ttl && !asked.in_multi {
            return Err(ErrorCode::BadArguments);
        }
        self.alive(asked)?;
        if !path.contains('/') {
            return Err(ErrorCode::BadArguments);
        }
        let acl = fix_up(op.acl.as_deref().unwrap(), asked)?;
        let parent_node = self.node(parent(path))?;
        may(&parent_node.acl, Perms::CREATE, asked)?;
        let mut path = path.to_string();
        if op.call == CreateCall::IfNotExists && matches!(op.flags, 2 | 3) {
            return Err(ErrorCode::BadArguments);
        }
        if matches!(op.flags, 2 | 3 | 6) {
            path += &format!("{:010}", parent_node.creations);
        }
        full(&path)?;
        if self.nodes.contains_key(&path) && op.call == CreateCall::IfNotExists {
            return Ok(Told::Done);
        }
        if self.nodes.contains_key(&path) {
            return Err(ErrorCode::NodeExists);
        }
        if matches!(parent_node.kind, NodeKind::Ephemeral(_)) {
            return Err(ErrorCode::NoChildrenForEphemerals);
        }
        let kind = match (op.call, op.flags) {
            (CreateCall::Container, _) | (_, 4) => NodeKind::Container,
            (_, 1 | 3) => NodeKind::Ephemeral(asked.session),
            (_, 5 | 6) => NodeKind::Ttl(op.ttl_ms),
            _ => NodeKind::Persistent,
        };
        let parent_node = self.nodes.get_mut(parent(&path)).unwrap();
        parent_node.creations += 1;
        parent_node.pzxid = asked.zxid;
        self.nodes.insert(
            path.clone(),
            ModelNode {
                data: op.data.as_ref().map(|data| data.to_vec()),
                acl,
                kind,
                creations: 0,
                version: 0,
                aversion: 0,
                czxid: asked.zxid,
                mzxid: asked.zxid,
                pzxid: asked.zxid,
                ctime: asked.time,
                mtime: asked.time,
            },
        );
        let with_stat = match op.call {
            CreateCall::Create => asked.in_multi && op.flags == 4,
            CreateCall::Create2 | CreateCall::Container => true,
            CreateCall::Ttl => op.flags >= 4,
            CreateCall::IfNotExists => false,
        };
        Ok(Told::Created {
            stat: self.stat(&path),
            path,
            with_stat,
        })
    }

    fn remove_childless(&mut self, asked: Asked<'_>, path: &str) -> Result<Told, ErrorCode> {
        if !self.children(path).is_empty() {
            return Err(ErrorCode::NotEmpty);
        }
        self.nodes.remove(path);
        self.nodes.get_mut(parent(path)).unwrap().pzxid = asked.zxid;
        Ok(Told::Done)
    }

    fn alive(&self, asked: Asked<'_>) -> Result<(), ErrorCode> {
        if self.closed.contains(&asked.session) {
            Err(ErrorCode::SessionExpired)
        } else {
            Ok(())
        }
    }

    fn node(&self, path: &str) -> Result<&ModelNode, ErrorCode> {
        self.nodes.get(path).ok_or(ErrorCode::NoNode)
    }

    pub fn children(&self, path: &str) -> Vec<&str> {
        let mine = |other: &&String| *other != "/" && parent(other) == path;
        self.nodes
            .keys()
            .filter(mine)
            .map(|other| other.rsplit_once('/').unwrap().1)
            .collect()
    }

    pub fn stat(&self, path: &str) -> Stat {
        let node = &self.nodes[path];
        let num_children = i32::try_from(self.children(path).len()).unwrap();
        Stat {
            czxid: node.czxid,
            mzxid: node.mzxid,
            ctime: node.ctime,
            mtime: node.mtime,
            version: node.version,
            cversion: 2 * node.creations - num_children,
            aversion: node.aversion,
            ephemeral_owner: match node.kind {
                NodeKind::Ephemeral(session) => session,
                _ => SessionId::NONE,
            },
            data_length: node
                .data
                .as_ref()
                .map_or(0, |data| i32::try_from(data.len()).unwrap()),
            num_children,
            pzxid: node.pzxid,
        }
    }

    /// `operations.md` §5.4, over everything.
    pub fn digest(&self) -> u64 {
        let mut digest = 0_u64;
        for (path, node) in &self.nodes {
            if path.starts_with("/zookeeper/") {
                continue;
            }
            let owner: i64 = match node.kind {
                NodeKind::Persistent => 0,
                NodeKind::Ephemeral(session) => session.0,
                NodeKind::Container => i64::MIN,
                NodeKind::Ttl(ttl) => (0xff << 56) | ttl,
            };
            let mut bytes = Vec::new();
            bytes.extend(if path == "/" { "" } else { path }.bytes());
            bytes.extend(node.data.iter().flatten());
            for zxid in [node.czxid, node.mzxid, node.pzxid] {
                bytes.extend(zxid.0.to_be_bytes());
            }
            for time in [node.ctime, node.mtime] {
                bytes.extend(time.0.to_be_bytes());
            }
            for version in [node.version, node.creations, node.aversion] {
                bytes.extend(version.to_be_bytes());
            }
            bytes.extend(owner.to_be_bytes());
            digest = digest.wrapping_add(u64::from(crc32fast::hash(&bytes)));
        }
        digest
    }

    /// Containers and TTL nodes that are due.
    pub fn due(&self, now: i64, never_used_ms: i64) -> Vec<String> {
        let is_due = |path: &str, node: &ModelNode| {
            let age = now - node.mtime.0;
            self.children(path).is_empty()
                && match node.kind {
                    NodeKind::Container => node.creations > 0 || age > never_used_ms,
                    NodeKind::Ttl(ttl) => age > ttl,
                    _ => false,
                }
        };
        let due = self.nodes.iter().filter(|(path, node)| is_due(path, node));
        due.map(|(path, _)| path.clone()).collect()
    }
}

fn parent(path: &str) -> &str {
    match path.rsplit_once('/').unwrap().0 {
        "" => "/",
        parent => parent,
    }
}

fn full(path: &str) -> Result<&str, ErrorCode> {
    ZnodePath::validate(path)
        .map(|()| path)
        .map_err(|_| ErrorCode::BadArguments)
}

fn same(expected: i32, actual: i32) -> Result<(), ErrorCode> {
    if expected == -1 || expected == actual {
        Ok(())
    } else {
        Err(ErrorCode::BadVersion)
    }
}

pub fn may(acl: &[Acl], needed: Perms, asked: Asked<'_>) -> Result<(), ErrorCode> {
    let holds = |entry: &Acl| {
        entry.scheme == "world"
            || asked
                .identities
                .iter()
                .any(|id| id.scheme == entry.scheme && id.id == entry.id)
    };
    let granted = acl
        .iter()
        .any(|entry| entry.perms.0 & needed.0 != 0 && holds(entry));
    let is_super = asked.identities.iter().any(|id| id.scheme == "super");
    if granted || is_super {
        Ok(())
    } else {
        Err(ErrorCode::NoAuth)
    }
}

fn fix_up(raw: &[RawAcl<'_>], asked: Asked<'_>) -> Result<Vec<Acl>, ErrorCode> {
    let mut acl: Vec<Acl> = Vec::new();
    for entry in raw {
        let scheme = entry.scheme.as_deref().unwrap();
        if scheme == "auth" {
            let proven = asked.identities.iter().filter(|id| id.scheme == "digest");
            let before = acl.len();
            acl.extend(proven.map(|id| Acl {
                perms: entry.perms,
                scheme: id.scheme.clone(),
                id: id.id.clone(),
            }));
            if acl.len() == before {
                return Err(ErrorCode::InvalidAcl);
            }
            continue;
        }
        let id = entry.id.as_deref().unwrap();
        acl.push(Acl {
            perms: entry.perms,
            scheme: scheme.into(),
            id: id.into(),
        });
    }
    if acl.is_empty() {
        Err(ErrorCode::InvalidAcl)
    } else {
        Ok(acl)
    }
}
