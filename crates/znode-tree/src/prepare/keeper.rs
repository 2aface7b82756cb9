//! What ClickHouse Keeper adds. Source: `docs/keeper-extensions.md`.

use super::{Preparation, check_version, is_built_in, parent_of, valid};
use crate::node::NO_NODE;
use crate::pending::NodeState;
use crate::tree::split;
use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use zk_types::{CreateOp, ErrorCode, KeeperOp, KeeperTxn, Perms, Stat, Txn};

/// Bytes of all paths that one transaction may delete unnamed: more than a multi has room to name.
const DELETED_BYTES_MAX: usize = 1 << 20;

/// Bytes of all paths that one request may walk through in search of them, each with so many bytes
/// more for its own sake: enough to find twice what may be deleted, however short the paths.
const VISITED_BYTES_MAX: usize = 16 << 20;
const VISIT_BYTES: usize = 32;

impl Preparation<'_> {
    pub(super) fn keeper(&mut self, op: &KeeperOp<'_>) -> Result<Txn, ErrorCode> {
        let txn = match op {
            KeeperOp::CheckNotExists { path, version } => {
                self.check_not_exists(path.as_deref(), *version)
            }
            KeeperOp::CheckStat {
                path,
                version,
                stat,
            } => self.check_stat(path.as_deref(), *version, stat),
            KeeperOp::TryDelete { path, version } => self.try_delete(path.as_deref(), *version),
            KeeperOp::DeleteRecursive { path, nodes_max } => {
                self.delete_recursive(path.as_deref(), *nodes_max)
            }
        };
        txn.map(Txn::Keeper)
    }

    /// As a creation, but for a node that exists.
    pub(super) fn create_if_not_exists(&mut self, op: &CreateOp<'_>) -> Result<Txn, ErrorCode> {
        let txn = match self.create_txn(op) {
            Ok(txn) => KeeperTxn::Create(txn),
            Err(ErrorCode::NodeExists) => {
                let path = op.path.as_deref().expect("a null path has another error");
                KeeperTxn::Exists {
                    path: Box::from(path),
                }
            }
            Err(code) => return Err(code),
        };
        Ok(Txn::Keeper(txn))
    }

    fn check_not_exists(&self, path: Option<&str>, version: i32) -> Result<KeeperTxn, ErrorCode> {
        self.check_session()?;
        let path = valid(path)?;
        if let Some(node) = self.look(path) {
            self.check_permission(&node.acl, Perms::READ)?;
            if version == -1 || version == node.version {
                return Err(ErrorCode::NodeExists);
            }
        }
        Ok(KeeperTxn::CheckNotExists {
            path: Box::from(path),
            version,
        })
    }

    fn check_stat(
        &self,
        path: Option<&str>,
        version: i32,
        expected: &Stat,
    ) -> Result<KeeperTxn, ErrorCode> {
        self.check_session()?;
        let path = valid(path)?;
        let node = self.look(path).ok_or(ErrorCode::NoNode)?;
        self.check_permission(&node.acl, Perms::READ)?;
        check_version(version, node.version)?;
        if !node.stat().is(expected) {
            return Err(ErrorCode::BadVersion);
        }
        Ok(KeeperTxn::CheckStat {
            path: Box::from(path),
            version,
        })
    }

    fn try_delete(&mut self, path: Option<&str>, version: i32) -> Result<KeeperTxn, ErrorCode> {
        let path = path.ok_or(ErrorCode::MarshallingError)?;
        let deletes = match self.delete(Some(path), version) {
            Ok(_) => true,
            Err(ErrorCode::NoNode | ErrorCode::BadVersion | ErrorCode::NotEmpty) => false,
            Err(code) => return Err(code),
        };
        Ok(KeeperTxn::TryDelete {
            path: Box::from(path),
            deletes,
        })
    }

    /// Each node is deleted as if alone: by whoever may delete it from its parent.
    fn delete_recursive(
        &mut self,
        path: Option<&str>,
        nodes_max: u32,
    ) -> Result<KeeperTxn, ErrorCode> {
        let path = path.ok_or(ErrorCode::MarshallingError)?;
        self.check_session()?;
        let parent_path = parent_of(path)?;
        if is_built_in(path) {
            return Err(ErrorCode::BadArguments);
        }
        let mut paths = Vec::new();
        if let Some(parent) = self.look(parent_path) {
            self.check_permission(&parent.acl, Perms::DELETE)?;
            if self.look(path).is_some() {
                paths = self.subtree(path, nodes_max)?;
            }
        }
        for path in &paths {
            let node = self.look(path).expect("it was just found");
            if node.children > 0 {
                self.check_permission(&node.acl, Perms::DELETE)?;
            }
        }
        for path in &paths {
            let (parent_path, parent, node) = self.with_parent(path);
            self.note_deletion(parent_path, parent, path, &node);
        }
        Ok(KeeperTxn::DeleteRecursive { paths })
    }

    fn with_parent<'s>(&self, path: &'s str) -> (&'s str, NodeState, NodeState) {
        let parent_path = split(path).expect("the root is never deleted").0;
        let parent = self.look(parent_path).expect("a node has a parent");
        let node = self.look(path).expect("a node is deleted once");
        (parent_path, parent, node)
    }

    /// The paths that the transaction will meet at and below a node, children before parents.
    /// Takes time in proportion to what is charged for.
    fn subtree(&mut self, top: &str, nodes_max: u32) -> Result<Vec<Box<str>>, ErrorCode> {
        let nodes_max = usize::try_from(nodes_max).unwrap_or(usize::MAX).max(1);
        let mut found: BTreeSet<String> = BTreeSet::new();
        let mut bytes = self.deleted_bytes;
        let mut add = |path: String| {
            bytes += path.len();
            found.insert(path);
            if found.len() > nodes_max || bytes > DELETED_BYTES_MAX {
                Err(ErrorCode::NotEmpty)
            } else {
                Ok(bytes)
            }
        };
        let mut total = add(String::from(top))?;
        let below = format!("{top}/");
        let mut changed: Vec<Arc<str>> = Vec::new();
        for path in self.pending.changed_below(&below) {
            charge(&mut self.visited_bytes, path)?;
            changed.push(Arc::clone(path));
        }
        for path in changed {
            if self.look(&path).is_some() && self.tree.find(&path).is_none() {
                total = add(String::from(&*path))?;
            }
        }
        if let Some(index) = self.tree.find(top) {
            let mut at = self.tree.nodes[index].first_child;
            while at != NO_NODE {
                let path = self.tree.path_of(at);
                charge(&mut self.visited_bytes, &path)?;
                if self.look(&path).is_some() {
                    total = add(path)?;
                }
                at = self.tree.next_in_preorder(at, index);
            }
        }
        self.deleted_bytes = total;
        Ok(found
            .into_iter()
            .rev()
            .map(String::into_boxed_str)
            .collect())
    }
}

/// Dead or alive: a multi may delete and create the top of a wide subtree often.
fn charge(visited_bytes: &mut usize, path: &str) -> Result<(), ErrorCode> {
    *visited_bytes += path.len() + VISIT_BYTES;
    if *visited_bytes > VISITED_BYTES_MAX {
        return Err(ErrorCode::NotEmpty);
    }
    Ok(())
}
