//! Every server's half: a committed transaction becomes part of the tree.

use crate::name::Name;
use crate::node::{NO_NODE, Node, NodeIndex, owner_of_kind};
use crate::quota::Usage;
use crate::tree::{shown, split};
use crate::{Applied, Change, ChangeKind, Tree};
use alloc::boxed::Box;
use zk_types::{Acl, Bytes, CreateTxn, KeeperTxn, Stat, Txn, TxnHeader};

/// Why a lookup succeeds that a transaction of this history asks for.
const PREPARED: &str = "a transaction was prepared against the tree it is applied to";

/// What logs older than the field say of the parent's creation counter.
const UNSTATED: i32 = -1;

impl Tree {
    /// Applies a committed transaction, the next in the order, and tells `changed` what watches
    /// may wait for, in the order in which they are owed it.
    ///
    /// # Panics
    /// When the zxid is not above [`Tree::last_zxid`], or the transaction does not fit the tree:
    /// it was prepared against another history.
    pub fn apply<'t>(
        &mut self,
        header: &TxnHeader,
        txn: &'t Txn,
        changed: &mut dyn FnMut(Change<'_>),
    ) -> Applied<'t> {
        self.advance(header.zxid);
        self.apply_part(header, txn, changed)
    }

    fn apply_part<'t>(
        &mut self,
        header: &TxnHeader,
        txn: &'t Txn,
        changed: &mut dyn FnMut(Change<'_>),
    ) -> Applied<'t> {
        match txn {
            Txn::Create(txn) => self.create(header, txn, changed),
            Txn::Delete { path } | Txn::DeleteContainer { path } => {
                self.delete(header, path, changed);
                Applied::Done
            }
            Txn::SetData {
                path,
                data,
                version,
            } => Applied::DataSet(self.set_data(header, path, data.as_ref(), *version, changed)),
            Txn::SetAcl { path, acl, version } => {
                Applied::AclSet(self.set_acl(path, acl, *version))
            }
            Txn::CloseSession { paths } => {
                self.delete_ephemerals(header, paths, changed);
                Applied::Done
            }
            Txn::Check { .. } | Txn::CreateSession { .. } => Applied::Done,
            Txn::Multi(parts) => {
                let apply = |part| self.apply_part(header, part, changed);
                Applied::Multi(parts.iter().map(apply).collect())
            }
            Txn::Error(code) => Applied::Error(*code),
            Txn::Keeper(txn) => self.keeper(header, txn, changed),
        }
    }

    fn create<'t>(
        &mut self,
        header: &TxnHeader,
        txn: &'t CreateTxn,
        changed: &mut dyn FnMut(Change<'_>),
    ) -> Applied<'t> {
        let (parent_path, name) = split(&txn.path).expect("the root is never created");
        let parent_path = shown(parent_path);
        let parent = self.find(parent_path).expect(PREPARED);
        let path_hash = self.hash(&txn.path);
        assert!(
            self.find_hashed(&txn.path, path_hash).is_none(),
            "{PREPARED}"
        );
        let acl = self.acls.intern(&txn.acl);
        let index = self.attach(
            &txn.path,
            Node {
                name: Name::new(name),
                data: txn.data.clone(),
                czxid: header.zxid,
                mzxid: header.zxid,
                pzxid: header.zxid,
                ctime: header.time,
                mtime: header.time,
                owner: owner_of_kind(txn.kind),
                version: 0,
                cversion: 0,
                aversion: 0,
                parent,
                first_child: NO_NODE,
                next_sibling: NO_NODE,
                previous_sibling: NO_NODE,
                children: 0,
                acl,
                path_hash,
            },
        );
        self.alter(parent_path, parent, |node| {
            node.cversion = match txn.parent_cversion {
                UNSTATED => node.cversion.saturating_add(1),
                stated => node.cversion.max(stated),
            };
            node.pzxid = header.zxid;
        });
        // What the client wrote, even where the count of a quota takes its place at once.
        let stat = self.nodes[index].stat();
        self.count_created(&txn.path, txn.data.as_ref().map_or(0, |data| data.len()));
        self.tell(changed, ChangeKind::Created, &txn.path, index);
        self.tell(changed, ChangeKind::ChildrenChanged, parent_path, parent);
        Applied::Created {
            path: &txn.path,
            stat,
            with_stat: txn.with_stat,
        }
    }

    fn delete(&mut self, header: &TxnHeader, path: &str, changed: &mut dyn FnMut(Change<'_>)) {
        let index = self.find(path).expect(PREPARED);
        let parent_path = shown(split(path).expect("the root is never deleted").0);
        let parent = self.nodes[index].parent;
        let data_length = self.nodes[index].data_length();
        self.tell(changed, ChangeKind::Deleted, path, index);
        self.detach(path, index);
        self.alter(parent_path, parent, |node| {
            node.pzxid = zk_types::mutant!("deletion-keeps-the-pzxid", header.zxid, node.pzxid);
        });
        self.count_deleted(path, data_length);
        self.tell(changed, ChangeKind::ChildrenChanged, parent_path, parent);
    }

    fn set_data(
        &mut self,
        header: &TxnHeader,
        path: &str,
        data: Option<&Bytes>,
        version: i32,
        changed: &mut dyn FnMut(Change<'_>),
    ) -> Stat {
        let index = self.find(path).expect(PREPARED);
        let before = self.nodes[index].data_length();
        self.alter(path, index, |node| {
            node.data = data.cloned();
            node.version = version;
            node.mzxid = zk_types::mutant!("change-keeps-the-mzxid", header.zxid, node.mzxid);
            node.mtime = header.time;
        });
        let stat = self.nodes[index].stat();
        let after = self.nodes[index].data_length();
        self.resize_data(before, after);
        self.count_change(path, Usage::of_change(before, after));
        self.tell(changed, ChangeKind::DataChanged, path, index);
        stat
    }

    fn set_acl(&mut self, path: &str, acl: &[Acl], version: i32) -> Stat {
        let index = self.find(path).expect(PREPARED);
        let after = self.acls.intern(acl);
        let mut before = after;
        self.alter(path, index, |node| {
            before = core::mem::replace(&mut node.acl, after);
            node.aversion = version;
        });
        self.acls.release(before);
        self.nodes[index].stat()
    }

    fn keeper<'t>(
        &mut self,
        header: &TxnHeader,
        txn: &'t KeeperTxn,
        changed: &mut dyn FnMut(Change<'_>),
    ) -> Applied<'t> {
        match txn {
            KeeperTxn::Create(txn) => return self.create(header, txn, changed),
            KeeperTxn::TryDelete {
                path,
                deletes: true,
            } => self.delete(header, path, changed),
            KeeperTxn::DeleteRecursive { paths } => {
                for path in paths {
                    self.delete(header, path, changed);
                }
            }
            KeeperTxn::CheckNotExists { .. }
            | KeeperTxn::CheckStat { .. }
            | KeeperTxn::Exists { .. }
            | KeeperTxn::TryDelete { deletes: false, .. } => {}
        }
        Applied::Done
    }

    fn delete_ephemerals(
        &mut self,
        header: &TxnHeader,
        paths: &[Box<str>],
        changed: &mut dyn FnMut(Change<'_>),
    ) {
        let paths = zk_types::mutant!("ephemeral-kept-after-expiry", paths, {
            &paths[..paths.len().saturating_sub(1)]
        });
        for path in paths {
            self.delete(header, path, changed);
        }
    }

    fn tell(
        &self,
        changed: &mut dyn FnMut(Change<'_>),
        kind: ChangeKind,
        path: &str,
        index: NodeIndex,
    ) {
        changed(Change {
            kind,
            path,
            acl: self.acls.get(self.nodes[index].acl),
        });
    }
}
