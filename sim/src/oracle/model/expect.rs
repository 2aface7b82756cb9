//! What a write must become and answer in a state.

use super::{Answer, FIRST, Node, code, fresh, perms, split};
use crate::oracle::txn::{Change, Created, Mortality};
use crate::oracle::wire::Request;
use smol_str::{SmolStr, format_smolstr};

/// Whether a session may own ephemeral nodes; one that only its server knows may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ephemerals {
    Granted,
    Denied,
}

/// What a write, other than the end of a session, must become and answer where `nodes` are.
pub(crate) fn expect<'n>(
    nodes: &dyn Fn(&str) -> Option<&'n Node>,
    (session, ephemerals): (i64, Ephemerals),
    zxid: u64,
    time: i64,
    request: &Request,
) -> (Change, Answer) {
    let mut scratch = Scratch {
        nodes,
        ephemerals,
        changed: Vec::new(),
        keeps: matches!(request, Request::Multi(_)),
    };
    match scratch.one(session, zxid, time, request) {
        Ok((change, answer)) => (change, answer),
        Err(code) => (Change::Error(code), Answer::Error(code)),
    }
}

/// A state with changes on top that may be thrown away.
struct Scratch<'f, 'n> {
    nodes: &'f dyn Fn(&str) -> Option<&'n Node>,
    ephemerals: Ephemerals,
    changed: Vec<(SmolStr, Option<Node>)>,
    /// Whether anything comes after that has to see the changes.
    keeps: bool,
}

impl Scratch<'_, '_> {
    fn get(&self, path: &str) -> Option<&Node> {
        let changed = self.changed.iter().rev();
        match changed.into_iter().find(|(at, _)| at == path) {
            Some((_, node)) => node.as_ref(),
            None => (self.nodes)(path),
        }
    }

    fn put(&mut self, path: &str, node: Option<Node>) {
        if self.keeps {
            self.changed.push((path.into(), node));
        }
    }

    /// Another node is there now, made of the one that was.
    fn renew(&mut self, path: &str, renew: impl FnOnce(&Node) -> Node) {
        if self.keeps {
            let node = self.get(path).map(renew);
            self.put(path, node);
        }
    }

    fn one(
        &mut self,
        session: i64,
        zxid: u64,
        time: i64,
        request: &Request,
    ) -> Result<(Change, Answer), i32> {
        match request {
            Request::Create { .. } => self.create(session, (zxid, time), request),
            Request::SetAcl {
                path,
                perms,
                version,
            } => self.set_acl(path, *perms, *version),
            Request::Delete { path, version } => self.delete(zxid, path, *version),
            Request::SetData {
                path,
                data,
                version,
            } => {
                let node = self.get(path).ok_or(code::NO_NODE)?;
                node.allows(perms::WRITE)?;
                check_version(*version, node.version)?;
                let node = node.written(data.clone(), zxid, time);
                let answer = Answer::Stat(node.stat());
                let version = node.version;
                self.put(path, Some(node));
                let change = Change::SetData {
                    path: path.clone(),
                    data: data.clone(),
                    version,
                };
                Ok((change, answer))
            }
            Request::Check { path, version } => {
                let node = self.get(path).ok_or(code::NO_NODE)?;
                check_version(*version, node.version)?;
                Ok((Change::Check, Answer::Void))
            }
            Request::Multi(parts) => Ok(self.multi(session, zxid, time, parts)),
            Request::CloseSession
            | Request::Exists { .. }
            | Request::GetData { .. }
            | Request::GetChildren { .. }
            | Request::Sync
            | Request::Ping
            | Request::SetWatches(_)
            | Request::AddWatch { .. }
            | Request::Asked(_)
            | Request::Other(_) => unreachable!("only writes are expected to change anything"),
        }
    }

    fn create(
        &mut self,
        session: i64,
        (zxid, time): (u64, i64),
        request: &Request,
    ) -> Result<(Change, Answer), i32> {
        let Request::Create {
            path,
            data,
            flags,
            with_stat,
            ttl_ms,
        } = request
        else {
            unreachable!("callers create")
        };
        let data = data.as_ref();
        let is_ephemeral = matches!(flags, 1 | 3);
        let mortality = match flags {
            4 => Mortality::Emptied,
            5 | 6 => Mortality::After(*ttl_ms),
            _ => Mortality::Never,
        };
        if self.ephemerals == Ephemerals::Denied && is_ephemeral {
            return Err(code::EPHEMERAL_ON_LOCAL_SESSION);
        }
        let (parent, _) = split(path).ok_or(code::NODE_EXISTS)?;
        let above = self.get(parent).ok_or(code::NO_NODE)?;
        above.allows(perms::CREATE)?;
        let sequential = matches!(flags, 2 | 3 | 6);
        let owner = if is_ephemeral { session } else { 0 };
        let path = if sequential {
            format_smolstr!("{path}{:010}", above.creations)
        } else {
            path.clone()
        };
        if self.get(&path).is_some() {
            return Err(code::NODE_EXISTS);
        }
        if above.owner != 0 {
            return Err(code::NO_CHILDREN_FOR_EPHEMERALS);
        }
        let parent_cversion = above.creations + 1;
        self.renew(parent, |above| above.with_another(zxid));
        let node = Node {
            mortality,
            ..fresh(zxid, time, owner, data.cloned())
        };
        let stat = with_stat.then(|| node.stat());
        self.put(&path, Some(node));
        let change = Change::Create(Created {
            path: path.clone(),
            data: data.cloned(),
            owner,
            parent_cversion,
            mortality,
        });
        Ok((change, Answer::Created { path, stat }))
    }

    fn delete(&mut self, zxid: u64, path: &str, version: i32) -> Result<(Change, Answer), i32> {
        if FIRST.contains(&path) {
            return Err(code::BAD_ARGUMENTS);
        }
        let (parent, _) = split(path).ok_or(code::BAD_ARGUMENTS)?;
        let above = self.get(parent).ok_or(code::NO_NODE)?;
        above.allows(perms::DELETE)?;
        let node = self.get(path).ok_or(code::NO_NODE)?;
        check_version(version, node.version)?;
        if node.children != 0 {
            return Err(code::NOT_EMPTY);
        }
        self.renew(parent, |above| above.with_one_less(zxid));
        self.put(path, None);
        Ok((Change::Delete { path: path.into() }, Answer::Void))
    }

    fn set_acl(&mut self, path: &str, perms: i32, version: i32) -> Result<(Change, Answer), i32> {
        let node = self.get(path).ok_or(code::NO_NODE)?;
        node.allows(perms::ADMIN)?;
        check_version(version, node.aversion)?;
        let version = node.aversion + 1;
        let node = node.allowing(perms, version);
        let answer = Answer::Stat(node.stat());
        self.put(path, Some(node));
        let path = path.into();
        let change = Change::SetAcl {
            path,
            perms,
            version,
        };
        Ok((change, answer))
    }

    fn multi(&mut self, session: i64, zxid: u64, time: i64, parts: &[Request]) -> (Change, Answer) {
        let mut changes = Vec::new();
        let mut answers = Vec::new();
        for (index, part) in parts.iter().enumerate() {
            match self.one(session, zxid, time, part) {
                Ok((change, answer)) => {
                    changes.push(change);
                    answers.push(Ok(answer));
                }
                Err(code) => {
                    let mut results = vec![Err(0); index];
                    results.push(Err(code));
                    results.resize(parts.len(), Err(code::LATER_OPERATION));
                    return (Change::Error(code), Answer::Multi(results));
                }
            }
        }
        (Change::Multi(changes), Answer::Multi(answers))
    }
}

fn check_version(expected: i32, version: i32) -> Result<(), i32> {
    if expected == -1 || expected == version {
        Ok(())
    } else {
        Err(code::BAD_VERSION)
    }
}
