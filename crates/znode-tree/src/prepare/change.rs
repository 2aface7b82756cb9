//! Changes and deletions of a node that exists, and checks of one.

use super::{Preparation, check_version, is_built_in, next_version, parent_of, valid};
use crate::pending::NodeState;
use crate::quota::Usage;
use alloc::boxed::Box;
use alloc::sync::Arc;
use zk_types::{ErrorCode, NodeKind, Perms, RawAcl, Txn};

/// Source of all: `client-protocol.md` §4.1.
impl Preparation<'_> {
    pub(super) fn delete(&mut self, path: Option<&str>, version: i32) -> Result<Txn, ErrorCode> {
        let path = path.ok_or(ErrorCode::MarshallingError)?;
        self.check_session()?;
        let parent_path = deletable(path)?;
        let parent = self.look(parent_path).ok_or(ErrorCode::NoNode)?;
        self.check_permission(&parent.acl, Perms::DELETE)?;
        let node = self.look(path).ok_or(ErrorCode::NoNode)?;
        check_version(version, node.version)?;
        if node.children > 0 {
            return Err(ErrorCode::NotEmpty);
        }
        self.note_deletion(parent_path, parent, path, &node);
        Ok(Txn::Delete {
            path: Box::from(path),
        })
    }

    /// Asked for by the server itself when it finds the node due in what is applied: what is
    /// pending may have given it children, time, or its name to another node, so all of that is
    /// checked again.
    pub(super) fn delete_container(&mut self, path: Option<&str>) -> Result<Txn, ErrorCode> {
        let path = path.ok_or(ErrorCode::MarshallingError)?;
        let parent_path = deletable(path)?;
        let node = self.look(path).ok_or(ErrorCode::NoNode)?;
        if node.children > 0 {
            return Err(ErrorCode::NotEmpty);
        }
        let may_go = match node.kind() {
            NodeKind::Container => node.cversion > 0 || self.is_applied(path, &node),
            NodeKind::Ttl(ttl_ms) => self.time.0.saturating_sub(node.mtime.0) > ttl_ms,
            NodeKind::Persistent | NodeKind::Ephemeral(_) => false,
        };
        if !may_go {
            return Err(ErrorCode::BadVersion);
        }
        let parent = self.look(parent_path).ok_or(ErrorCode::NoNode)?;
        self.note_deletion(parent_path, parent, path, &node);
        Ok(Txn::DeleteContainer {
            path: Box::from(path),
        })
    }

    /// Whether nothing pending has made or changed the node.
    fn is_applied(&self, path: &str, node: &NodeState) -> bool {
        self.tree.find(path).is_some_and(|index| {
            let applied = &self.tree.nodes[index];
            (applied.czxid, applied.mzxid) == (node.czxid, node.mzxid)
        })
    }

    pub(super) fn note_deletion(
        &mut self,
        parent_path: &str,
        parent: NodeState,
        path: &str,
        node: &NodeState,
    ) {
        self.note(
            parent_path,
            Some(NodeState {
                children: parent.children - 1,
                pzxid: self.zxid,
                ..parent
            }),
        );
        self.note(path, None);
        self.note_usage(
            path,
            Usage::default().minus(Usage::of_node(node.data_length)),
        );
    }

    pub(super) fn set_data(
        &mut self,
        path: Option<&str>,
        data: Option<&[u8]>,
        version: i32,
    ) -> Result<Txn, ErrorCode> {
        self.check_session()?;
        let path = valid(path)?;
        let node = self.look(path).ok_or(ErrorCode::NoNode)?;
        self.check_permission(&node.acl, Perms::WRITE)?;
        let data = self.checked_data(data)?;
        let data_length = data.as_ref().map_or(0, |data| data.len());
        let usage = Usage::of_change(node.data_length, data_length);
        self.check_quota(path, usage)?;
        let current = zk_types::mutant!("version-check-ignores-pending-writes", node.version, {
            self.tree
                .stat(path)
                .map_or(node.version, |stat| stat.version)
        });
        check_version(version, current)?;
        let version = next_version(node.version);
        self.note(
            path,
            Some(NodeState {
                version,
                data_length,
                mzxid: self.zxid,
                mtime: self.time,
                ..node
            }),
        );
        self.note_usage(path, usage);
        Ok(Txn::SetData {
            path: Box::from(path),
            data,
            version,
        })
    }

    pub(super) fn set_acl(
        &mut self,
        path: Option<&str>,
        acl: Option<&[RawAcl<'_>]>,
        version: i32,
    ) -> Result<Txn, ErrorCode> {
        self.check_session()?;
        let path = valid(path)?;
        let acl = self.normalise(acl)?;
        let node = self.look(path).ok_or(ErrorCode::NoNode)?;
        self.check_permission(&node.acl, Perms::ADMIN)?;
        check_version(version, node.aversion)?;
        let aversion = next_version(node.aversion);
        self.note(
            path,
            Some(NodeState {
                aversion,
                acl: Arc::from(acl.as_slice()),
                ..node
            }),
        );
        Ok(Txn::SetAcl {
            path: Box::from(path),
            acl,
            version: aversion,
        })
    }

    pub(super) fn check(&self, path: Option<&str>, version: i32) -> Result<Txn, ErrorCode> {
        self.check_session()?;
        let path = valid(path)?;
        let node = self.look(path).ok_or(ErrorCode::NoNode)?;
        self.check_permission(&node.acl, Perms::READ)?;
        check_version(version, node.version)?;
        Ok(Txn::Check {
            path: Box::from(path),
            version,
        })
    }
}

/// The parent of a path that may be deleted.
fn deletable(path: &str) -> Result<&str, ErrorCode> {
    let parent = parent_of(path)?;
    if is_built_in(path) {
        Err(ErrorCode::BadArguments)
    } else {
        Ok(parent)
    }
}
