//! The leader's half: a request becomes a transaction that states its result.
//!
//! One file per family of requests. Each first makes every check, in the documented order, and
//! only then notes what the transaction will change; so a refused request leaves no trace, and
//! only a multi ever has something to undo.

mod change;
mod create;
mod keeper;
mod multi;
mod session;

use crate::access;
use crate::pending::NodeState;
use crate::quota::Usage;
use crate::tree::shown;
use crate::{Pending, Refusal, Requester, Tree};
use alloc::sync::Arc;
use alloc::vec::Vec;
use zk_types::{
    Acl, Bytes, ErrorCode, Identity, KeeperOp, Op, Perms, RawAcl, SessionId, Txn, WallTime,
    ZnodePath, Zxid,
};

/// Longest data of a node in bytes: what one record of a snapshot can hold with room to spare.
pub(crate) const DATA_BYTES_MAX: usize = 1 << 29;

impl Tree {
    /// Turns a request into the transaction `zxid`, checked against this tree and what is pending.
    ///
    /// The tree stays as it is; what the transaction will change is added to `pending`. A refused
    /// request leaves `pending` untouched and its zxid unused. `time` is what the caller stamps
    /// into the transaction's header.
    ///
    /// Checks stand in a multi only; alone they are refused as `Unimplemented`.
    ///
    /// # Errors
    /// The first failing check, in the order of `client-protocol.md` §4.1.
    ///
    /// # Panics
    /// When `zxid` is not above everything applied and pending.
    pub fn prepare(
        &self,
        pending: &mut Pending,
        requester: &Requester<'_>,
        zxid: Zxid,
        time: WallTime,
        op: &Op<'_>,
    ) -> Result<Txn, Refusal> {
        assert!(
            zxid > self.last_zxid && zxid > pending.last_zxid(),
            "zxids ascend"
        );
        let place = Place::Alone;
        let mut preparation = Preparation {
            tree: self,
            pending,
            requester,
            zxid,
            time,
            place,
            expansion_bytes: 0,
            deleted_bytes: 0,
            visited_bytes: 0,
        };
        match op {
            Op::Multi(ops) => preparation.multi(ops),
            Op::Check { .. }
            | Op::Keeper(KeeperOp::CheckNotExists { .. } | KeeperOp::CheckStat { .. }) => {
                Err(Refusal::Error(ErrorCode::Unimplemented))
            }
            Op::Create(_)
            | Op::Delete { .. }
            | Op::DeleteContainer { .. }
            | Op::SetData { .. }
            | Op::SetAcl { .. }
            | Op::CreateSession { .. }
            | Op::CloseSession
            | Op::Keeper(KeeperOp::TryDelete { .. } | KeeperOp::DeleteRecursive { .. }) => {
                preparation.one(op).map_err(Refusal::Error)
            }
        }
    }
}

impl Tree {
    /// Whether the identities have one of `needed` on a node, once what is pending is applied.
    ///
    /// # Errors
    /// `NoNode`, or `NoAuth` when they do not.
    pub fn check_permission(
        &self,
        pending: &Pending,
        path: &str,
        needed: Perms,
        identities: &[Identity],
    ) -> Result<(), ErrorCode> {
        let node = self.look(pending, path).ok_or(ErrorCode::NoNode)?;
        if self.permits(&node.acl, needed, identities) {
            Ok(())
        } else {
            Err(ErrorCode::NoAuth)
        }
    }

    fn look(&self, pending: &Pending, path: &str) -> Option<NodeState> {
        let path = shown(path);
        let hash = self.hash(path);
        if let Some(state) = pending.node(path, hash) {
            return state.cloned();
        }
        let node = &self.nodes[self.find_hashed(path, hash)?];
        Some(NodeState {
            czxid: node.czxid,
            mzxid: node.mzxid,
            pzxid: node.pzxid,
            ctime: node.ctime,
            owner: node.owner,
            version: node.version,
            cversion: node.cversion,
            aversion: node.aversion,
            children: node.children,
            mtime: node.mtime,
            data_length: node.data_length(),
            acl: Arc::clone(self.acls.get(node.acl)),
        })
    }
}

/// Where an operation stands; some rules differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Alone,
    InMulti,
}

/// One request being prepared.
struct Preparation<'p> {
    tree: &'p Tree,
    pending: &'p mut Pending,
    requester: &'p Requester<'p>,
    zxid: Zxid,
    time: WallTime,
    place: Place,
    /// What access lists of this request have expanded to, in bytes.
    expansion_bytes: usize,
    /// Bytes of the paths that this request deletes without naming them.
    deleted_bytes: usize,
    /// What this request has walked through to find them, those that are deleted already too.
    visited_bytes: usize,
}

impl Preparation<'_> {
    fn one(&mut self, op: &Op<'_>) -> Result<Txn, ErrorCode> {
        match op {
            Op::Create(op) => self.create(op),
            Op::Delete { path, version } => self.delete(path.as_deref(), *version),
            Op::DeleteContainer { path } => self.delete_container(path.as_deref()),
            Op::SetData {
                path,
                data,
                version,
            } => self.set_data(path.as_deref(), data.as_deref(), *version),
            Op::SetAcl { path, acl, version } => {
                self.set_acl(path.as_deref(), acl.as_deref(), *version)
            }
            Op::Check { path, version } => self.check(path.as_deref(), *version),
            Op::CreateSession { timeout_ms } => Ok(Txn::CreateSession {
                timeout_ms: *timeout_ms,
            }),
            Op::CloseSession => Ok(self.close_session()),
            Op::Keeper(op) => self.keeper(op),
            Op::Multi(_) => Err(ErrorCode::MarshallingError),
        }
    }

    /// The node as the transaction will meet it; `""` is the root.
    fn look(&self, path: &str) -> Option<NodeState> {
        self.tree.look(self.pending, path)
    }

    /// Notes what the transaction makes of the node; `""` is the root.
    fn note(&mut self, path: &str, state: Option<NodeState>) {
        let path = shown(path);
        self.pending
            .note_node(self.zxid, path, self.tree.hash(path), state);
    }

    fn check_session(&self) -> Result<(), ErrorCode> {
        self.requester.session_check?;
        let closing = self.is_closing(self.requester.session);
        if zk_types::mutant!("closing-session-accepted", closing, false) {
            return Err(ErrorCode::SessionExpired);
        }
        Ok(())
    }

    fn is_closing(&self, session: SessionId) -> bool {
        self.pending.is_closing(session)
    }

    fn check_permission(&self, acl: &[Acl], needed: Perms) -> Result<(), ErrorCode> {
        if self.tree.permits(acl, needed, self.requester.identities) {
            Ok(())
        } else {
            Err(ErrorCode::NoAuth)
        }
    }

    fn normalise(&mut self, raw: Option<&[RawAcl<'_>]>) -> Result<Vec<Acl>, ErrorCode> {
        access::normalise(
            raw,
            self.requester.identities,
            &self.tree.config,
            &mut self.expansion_bytes,
        )
    }

    fn checked_data(&self, data: Option<&[u8]>) -> Result<Option<Bytes>, ErrorCode> {
        let bytes_max = DATA_BYTES_MAX.min(self.tree.config.data_bytes_max);
        match data {
            Some(data) if data.len() > bytes_max => Err(ErrorCode::BadArguments),
            Some(data) => Ok(Some(Bytes::from(data))),
            None => Ok(None),
        }
    }

    fn check_quota(&self, path: &str, change: Usage) -> Result<(), ErrorCode> {
        match self.enforced_quota(path) {
            Some(quota) => self
                .tree
                .check_quota(quota, self.pending.usage(quota), change),
            None => Ok(()),
        }
    }

    fn note_usage(&mut self, path: &str, change: Usage) {
        if let Some(quota) = self.enforced_quota(path) {
            self.pending.note_usage(self.zxid, quota, change);
        }
    }

    fn enforced_quota<'s>(&self, path: &'s str) -> Option<&'s str> {
        if self.tree.config.enforce_quota {
            self.tree.quotas.covering(path)
        } else {
            None
        }
    }
}

/// A path by the full rules.
fn valid(path: Option<&str>) -> Result<&str, ErrorCode> {
    let path = path.ok_or(ErrorCode::BadArguments)?;
    ZnodePath::validate(path).map_err(|_| ErrorCode::BadArguments)?;
    Ok(path)
}

/// The parent by the weak rules that come before its lookup: a slash, and no NUL.
fn parent_of(path: &str) -> Result<&str, ErrorCode> {
    if path.contains('\0') {
        return Err(ErrorCode::BadArguments);
    }
    path.rsplit_once('/')
        .map(|(parent, _)| parent)
        .ok_or(ErrorCode::BadArguments)
}

/// Source: `client-protocol.md` §4.1, version rule.
fn check_version(expected: i32, actual: i32) -> Result<(), ErrorCode> {
    if expected == -1 || expected == actual {
        Ok(())
    } else {
        Err(ErrorCode::BadVersion)
    }
}

/// The version after `version`; −1 is skipped, for it means "any".
fn next_version(version: i32) -> i32 {
    match version.wrapping_add(1) {
        -1 => 0,
        next => next,
    }
}

/// Whether the path is one of the nodes that every tree has.
fn is_built_in(path: &str) -> bool {
    matches!(
        path,
        "/" | "/zookeeper" | "/zookeeper/quota" | "/zookeeper/config"
    )
}
