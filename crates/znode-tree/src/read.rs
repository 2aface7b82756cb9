//! Reads: what a server answers from its own tree.

use crate::Tree;
use crate::access::{permits, redacted_id};
use crate::node::{NO_NODE, Node, NodeIndex, ROOT};
use alloc::borrow::Cow;
use core::iter::FusedIterator;
use zk_types::{Acl, Bytes, ErrorCode, Identity, Perms, SessionId, Stat};

impl Tree {
    /// The node's metadata.
    ///
    /// # Errors
    /// `BadArguments` for a path with a NUL, `NoNode`, or `NoAuth` without READ on the node.
    pub fn exists(&self, path: &str, identities: &[Identity]) -> Result<Stat, ErrorCode> {
        match self.readable(path, identities) {
            Ok(index) => Ok(self.nodes[index].stat()),
            Err(ErrorCode::NoNode) if path.contains('\0') => Err(ErrorCode::BadArguments),
            Err(error) => Err(error),
        }
    }

    /// The node's data and metadata; null data is `None`.
    ///
    /// # Errors
    /// `NoNode`, or `NoAuth` without READ on the node.
    pub fn get_data(
        &self,
        path: &str,
        identities: &[Identity],
    ) -> Result<(Option<&Bytes>, Stat), ErrorCode> {
        let node = &self.nodes[self.readable(path, identities)?];
        Ok((node.data.as_ref(), node.stat()))
    }

    /// The node's access list as this caller may see it, and its metadata.
    ///
    /// # Errors
    /// `NoNode`, or `NoAuth` without READ or ADMIN on the node.
    pub fn get_acl(
        &self,
        path: &str,
        identities: &[Identity],
    ) -> Result<(AclList<'_>, Stat), ErrorCode> {
        let node = &self.nodes[self.find(path).ok_or(ErrorCode::NoNode)?];
        let acl = self.acls.get(node.acl);
        if !self.permits(acl, Perms::READ | Perms::ADMIN, identities) {
            return Err(ErrorCode::NoAuth);
        }
        let entries = acl.iter();
        let list = if self.permits(acl, Perms::ADMIN, identities) {
            AclList {
                entries,
                sight: Sight::Full,
            }
        } else {
            AclList {
                entries,
                sight: Sight::Redacted,
            }
        };
        Ok((list, node.stat()))
    }

    /// The names of the node's children, in no particular order, and its metadata.
    ///
    /// # Errors
    /// `NoNode`, or `NoAuth` without READ on the node.
    pub fn children(
        &self,
        path: &str,
        identities: &[Identity],
    ) -> Result<(Children<'_>, Stat), ErrorCode> {
        let node = &self.nodes[self.readable(path, identities)?];
        let remaining = usize::try_from(node.children).expect("addresses have 32 bits or more");
        Ok((
            Children {
                tree: self,
                next: node.first_child,
                remaining,
            },
            node.stat(),
        ))
    }

    /// How many nodes there are below the node. Takes time in proportion, but for the root.
    ///
    /// # Errors
    /// `NoNode`, or `NoAuth` without READ on the node.
    pub fn all_children_number(
        &self,
        path: &str,
        identities: &[Identity],
    ) -> Result<usize, ErrorCode> {
        let index = self.readable(path, identities)?;
        if index == ROOT {
            return Ok(self.node_count() - 1);
        }
        let mut count = 0;
        self.walk_below(index, &mut |_| count += 1);
        Ok(count)
    }

    /// The node's metadata without any permission check, for watches that are set anew.
    pub fn stat(&self, path: &str) -> Option<Stat> {
        self.find(path).map(|index| self.nodes[index].stat())
    }

    /// The node's access list, without any permission check.
    pub fn acl_of(&self, path: &str) -> Option<&[Acl]> {
        self.find(path)
            .map(|index| &**self.acls.get(self.nodes[index].acl))
    }

    /// Whether `acl` grants one of `needed` to the identities; always, under `skip_acl`.
    ///
    /// Source: `client-protocol.md` §8.2.
    pub fn permits(&self, acl: &[Acl], needed: Perms, identities: &[Identity]) -> bool {
        permits(&self.config, acl, needed, identities)
    }

    /// Calls `each` with the path of every ephemeral node of the session that starts with
    /// `prefix`, in no particular order. A blank prefix and `/` mean all.
    pub fn ephemerals_of(&self, session: SessionId, prefix: &str, each: &mut dyn FnMut(&str)) {
        let prefix = if prefix.trim().is_empty() {
            "/"
        } else {
            prefix
        };
        for &index in self.ephemerals.get(&session).into_iter().flatten() {
            let path = self.path_of(index);
            if path.starts_with(prefix) {
                each(&path);
            }
        }
    }

    /// The sessions that own ephemeral nodes, ascending.
    pub fn sessions_with_ephemerals(&self) -> impl ExactSizeIterator<Item = SessionId> {
        self.ephemerals.keys().copied()
    }

    pub(crate) fn readable(
        &self,
        path: &str,
        identities: &[Identity],
    ) -> Result<NodeIndex, ErrorCode> {
        let index = self.find(path).ok_or(ErrorCode::NoNode)?;
        if self.permits(
            self.acls.get(self.nodes[index].acl),
            Perms::READ,
            identities,
        ) {
            Ok(index)
        } else {
            Err(ErrorCode::NoAuth)
        }
    }

    /// Calls `each` with every node below `top`, parents first.
    pub(crate) fn walk_below(&self, top: NodeIndex, each: &mut dyn FnMut(&Node)) {
        let mut at = self.nodes[top].first_child;
        while at != NO_NODE {
            each(&self.nodes[at]);
            at = self.next_in_preorder(at, top);
        }
    }

    pub(crate) fn next_in_preorder(&self, mut at: NodeIndex, top: NodeIndex) -> NodeIndex {
        if self.nodes[at].first_child != NO_NODE {
            return self.nodes[at].first_child;
        }
        while at != top {
            if self.nodes[at].next_sibling != NO_NODE {
                return self.nodes[at].next_sibling;
            }
            at = self.nodes[at].parent;
        }
        NO_NODE
    }
}

/// The names of a node's children; knows their number beforehand.
#[derive(Clone, Debug)]
pub struct Children<'t> {
    tree: &'t Tree,
    next: NodeIndex,
    remaining: usize,
}

impl<'t> Iterator for Children<'t> {
    type Item = &'t str;

    fn next(&mut self) -> Option<&'t str> {
        if self.next == NO_NODE {
            return None;
        }
        let node = &self.tree.nodes[self.next];
        self.next = node.next_sibling;
        self.remaining -= 1;
        Some(node.name.as_str())
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.remaining, Some(self.remaining))
    }
}

impl ExactSizeIterator for Children<'_> {}
impl FusedIterator for Children<'_> {}

/// An entry of an access list as a caller may see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AclEntry<'t> {
    /// What the entry grants.
    pub perms: Perms,
    /// How `id` is to be read.
    pub scheme: &'t str,
    /// Whom it grants it to; the hash of a digest identity is hidden from callers without ADMIN.
    pub id: Cow<'t, str>,
}

/// An access list as a caller may see it; knows its length beforehand.
///
/// Source: `client-protocol.md` §8.6.
#[derive(Clone, Debug)]
pub struct AclList<'t> {
    entries: core::slice::Iter<'t, Acl>,
    sight: Sight,
}

#[derive(Clone, Copy, Debug)]
enum Sight {
    Full,
    Redacted,
}

impl<'t> Iterator for AclList<'t> {
    type Item = AclEntry<'t>;

    fn next(&mut self) -> Option<AclEntry<'t>> {
        self.entries.next().map(|entry| AclEntry {
            perms: entry.perms,
            scheme: &entry.scheme,
            id: match self.sight {
                Sight::Full => Cow::Borrowed(entry.id.as_str()),
                Sight::Redacted => redacted_id(entry),
            },
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.entries.size_hint()
    }
}

impl ExactSizeIterator for AclList<'_> {}
impl FusedIterator for AclList<'_> {}
