//! The end of a session.

use super::Preparation;
use crate::tree::split;
use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;
use zk_types::{NodeKind, SessionId, Txn};

impl Preparation<'_> {
    /// The session's ephemeral nodes are those it will own when the transaction is applied:
    /// applied ones and pending ones, without those whose deletion is pending.
    ///
    /// Source: `zab.md` §15.
    pub(super) fn close_session(&mut self) -> Txn {
        let session = self.requester.session;
        let paths: Vec<Box<str>> = self
            .ephemerals_of(session)
            .into_iter()
            .map(String::into_boxed_str)
            .collect();
        for path in &paths {
            let parent_path = split(path).expect("the root is not ephemeral").0;
            let parent = self.look(parent_path).expect("a node has a parent");
            let node = self.look(path).expect("it was just found");
            self.note_deletion(parent_path, parent, path, &node);
        }
        self.pending.note_closing(self.zxid, session);
        Txn::CloseSession { paths }
    }

    /// Sorted, so that the transaction depends on what the tree says and not on how it lies.
    fn ephemerals_of(&self, session: SessionId) -> BTreeSet<String> {
        let mut paths = BTreeSet::new();
        self.tree.ephemerals_of(session, "/", &mut |path| {
            paths.insert(String::from(path));
        });
        let pending = zk_types::mutant!("pending-ephemerals-survive-their-session", true, false);
        if pending {
            paths.extend(self.pending.created_by(session).map(String::from));
        }
        paths.retain(|path| {
            self.look(path)
                .is_some_and(|node| node.kind() == NodeKind::Ephemeral(session))
        });
        paths
    }
}
